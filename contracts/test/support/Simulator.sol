// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title Groth16's own simulator: with the trapdoor of a setup, a valid proof of any public inputs.
/// @notice Gives tests real pairings on any statement. The trapdoor: alpha = 5, beta = 7, gamma = 1, delta = 11,
/// IC = (2, 3, 13, 17), all times the generators. A proof is A = a·G1, B = G2, C = c·G1 with
/// a = alpha·beta + (2 + 3·C + 13·x + 17·y)·gamma + c·delta (Groth, EUROCRYPT 2016, section 3.2, Sim).
library Simulator {
    uint256 private constant R =
        21_888_242_871_839_275_222_246_405_745_257_275_088_548_364_400_416_034_343_698_204_186_575_808_495_617;

    function verifyingKey() internal view returns (uint256[22] memory key) {
        _point(key, 0, 5);
        uint256[4] memory beta = g2Times7();
        uint256[4] memory gamma = g2();
        uint256[4] memory delta = g2Times11();
        for (uint256 i = 0; i < 4; ++i) {
            (key[2 + i], key[6 + i], key[10 + i]) = (beta[i], gamma[i], delta[i]);
        }
        _point(key, 14, 2);
        _point(key, 16, 3);
        _point(key, 18, 13);
        _point(key, 20, 17);
    }

    /// @param salt Chooses one of the statement's many proofs.
    function prove(uint256 commitment, uint256 x, uint256 y, uint256 salt)
        internal
        view
        returns (uint256[8] memory proof)
    {
        uint256 c = uint256(keccak256(abi.encode(salt))) % R;
        uint256 a = addmod(35 + 2, mulmod(3, commitment, R), R);
        a = addmod(a, mulmod(13, x, R), R);
        a = addmod(a, mulmod(17, y, R), R);
        a = addmod(a, mulmod(11, c, R), R);
        uint256[4] memory b = g2();
        (proof[0], proof[1]) = timesG1(a);
        (proof[2], proof[3], proof[4], proof[5]) = (b[0], b[1], b[2], b[3]);
        (proof[6], proof[7]) = timesG1(c);
    }

    function timesG1(uint256 scalar) internal view returns (uint256 x, uint256 y) {
        (bool ok, bytes memory point) = address(7).staticcall(abi.encode(1, 2, scalar));
        require(ok, "ecMul failed");
        return abi.decode(point, (uint256, uint256));
    }

    function g2() internal pure returns (uint256[4] memory) {
        return [
            0x198e9393920d483a7260bfb731fb5d25f1aa493335a9e71297e485b7aef312c2,
            0x1800deef121f1e76426a00665e5c4479674322d4f75edadd46debd5cd992f6ed,
            0x090689d0585ff075ec9e99ad690c3395bc4b313370b38ef355acdadcd122975b,
            0x12c85ea5db8c6deb4aab71808dcb408fe3d1e7690c43d37b4ce6cc0166fa7daa
        ];
    }

    function g2Times7() internal pure returns (uint256[4] memory) {
        return [
            0x2903ba015a9abde26a5d081e84551e63be0fd4516e46ee6d593edeba46362455,
            0x224bdc5d4327fcf8ed702e01de1c2f1657a253ba75e32a89c390142aaa28b308,
            0x03c8b7cda6b2dedb7aeeaf5fda464ad17036bea1c4e6f7adbaed1ebe0335e0d8,
            0x1d92fff52a265017eeccb372e37d7a7bd431800eca28dfd82e21e8054114233f
        ];
    }

    function g2Times11() internal pure returns (uint256[4] memory) {
        return [
            0x228b515a17f28b89920873207477f8c7fc05582debaf3184febf1cfdedc5ce88,
            0x12bb1156a9f6b360fcb2614e15d8a3ff07f2c699dc69ca830b20d2df91fe9cd3,
            0x2b15dc62a5c9e36597914ddbbfde48806a8eabe45c8d3cccf9578ad08e058f92,
            0x002a4fd764f52470e2fcfff325fb9692f55d6b8b077eefeaa04e07152b4d1fa94
        ];
    }

    /// @dev A point on the twist that is not in the subgroup of order r.
    function g2OutsideSubgroup() internal pure returns (uint256[4] memory) {
        return [
            0,
            1,
            0x0d1271953ed9ea0836846e70a1934187998c7f790cb4d7511b7f8da82de048a4,
            0x2869111d5381f072f8e2728fdb825a51aadd70e52c9830e9ab4b871c0531f1bb
        ];
    }

    function _point(uint256[22] memory key, uint256 word, uint256 scalar) private view {
        (key[word], key[word + 1]) = timesG1(scalar);
    }
}
