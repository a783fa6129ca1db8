// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Groth16Verifier} from "../src/Groth16Verifier.sol";
import {Simulator} from "./support/Simulator.sol";
import {Test} from "./support/Test.sol";

/// @dev Many claims in one pairing check: true if all hold, whatever one of them does to the others.
contract VerifyAllTest is Test {
    struct Claim {
        uint256[8] proof;
        uint256 commitment;
        uint256 x;
        uint256 y;
    }

    Groth16Verifier private verifier;

    function setUp() public {
        verifier = new Groth16Verifier(Simulator.verifyingKey());
    }

    /// forge-config: default.fuzz.runs = 16
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_VerifyAll_AcceptsTrueClaims(uint256 seed, uint8 count) public view {
        vm.assertTrue(_verifyAll(_claims(seed, bound(count, 1, 8))));
    }

    function test_VerifyAll_OfNothingIsFalse() public view {
        vm.assertFalse(verifier.verifyAll(new uint256[](0)));
    }

    /// @dev A word too few or too many is no claim.
    function test_VerifyAll_RefusesWordsThatAreNoClaims() public view {
        uint256[] memory words = _flat(_claims(1, 2));
        for (uint256 length = 1; length <= 21; ++length) {
            uint256[] memory some = new uint256[](length);
            for (uint256 i = 0; i < length; ++i) {
                some[i] = words[i];
            }
            vm.assertEq(verifier.verifyAll(some), length == 11);
        }
        vm.assertTrue(verifier.verifyAll(words));
    }

    /// @dev The same claim twice, and two proofs of one statement, are true claims.
    function test_VerifyAll_AcceptsAClaimTwice() public view {
        Claim[] memory claims = _claims(1, 3);
        claims[2] = claims[0];
        claims[1].proof = Simulator.prove(claims[0].commitment, claims[0].x, claims[0].y, 77);
        (claims[1].commitment, claims[1].x, claims[1].y) = (claims[0].commitment, claims[0].x, claims[0].y);
        vm.assertTrue(_verifyAll(claims));
    }

    function test_VerifyAll_RefusesOneFalseClaimAtEveryPlace() public view {
        for (uint256 count = 1; count <= 8; ++count) {
            for (uint256 place = 0; place < count; ++place) {
                Claim[] memory claims = _claims(count, count);
                claims[place].y = addmod(claims[place].y, 1, R);
                vm.assertFalse(_verifyAll(claims));
            }
        }
    }

    /// @dev Errors that cancel in a plain sum, or under the coefficients that the claims had before they were bent.
    function test_VerifyAll_RefusesErrorsThatCancel() public view {
        Claim[] memory claims = _claims(1, 2);
        uint256 second = uint256(keccak256(abi.encode(_seed(claims), uint256(1)))) % R;
        _moveC(claims[0], 9);
        _moveC(claims[1], R - 9);
        vm.assertFalse(_verifyAll(claims));
        claims = _claims(1, 2);
        _moveC(claims[0], mulmod(second, 9, R));
        _moveC(claims[1], R - 9);
        vm.assertFalse(_verifyAll(claims));
    }

    /// @dev What multiplies the second claim's points is the hash of every word there is.
    function test_VerifyAll_HashesEveryWordIntoItsCoefficients() public {
        for (uint256 seed = 0; seed < 3; ++seed) {
            Claim[] memory claims = _claims(seed, 2);
            uint256 rho = uint256(keccak256(abi.encode(_seed(claims), uint256(1)))) % R;
            vm.expectCall(address(7), abi.encode(claims[1].proof[0], claims[1].proof[1], rho));
            vm.expectCall(address(7), abi.encode(claims[1].proof[6], claims[1].proof[7], rho));
            vm.assertTrue(_verifyAll(claims));
        }
    }

    function test_VerifyAll_RefusesInputsOfAnotherClaim() public view {
        Claim[] memory claims = _claims(1, 2);
        (claims[0].proof, claims[1].proof) = (claims[1].proof, claims[0].proof);
        vm.assertFalse(_verifyAll(claims));
        claims = _claims(1, 2);
        (claims[0].y, claims[1].y) = (claims[1].y, claims[0].y);
        vm.assertFalse(_verifyAll(claims));
    }

    function test_VerifyAll_RefusesEveryMutationOfEveryWord() public view {
        for (uint256 place = 0; place < 2; ++place) {
            for (uint256 word = 0; word < 8; ++word) {
                uint256 good = _claims(1, 2)[place].proof[word];
                uint256[5] memory mutants = [addmod(good, 1, Q), good + Q, Q - good, 0, type(uint256).max];
                for (uint256 i = 0; i < mutants.length; ++i) {
                    Claim[] memory claims = _claims(1, 2);
                    claims[place].proof[word] = mutants[i];
                    _refuses(claims);
                }
            }
        }
    }

    function test_VerifyAll_RefusesInputsThatAreNotReduced() public view {
        for (uint256 place = 0; place < 2; ++place) {
            Claim[] memory claims = _claims(1, 2);
            claims[place].commitment += R;
            _refuses(claims);
            claims = _claims(1, 2);
            claims[place].x += R;
            _refuses(claims);
            claims = _claims(1, 2);
            claims[place].y += R;
            _refuses(claims);
        }
    }

    /// @dev As `verify` does: A at infinity, all at infinity; B outside the subgroup.
    function test_VerifyAll_RefusesPointsThatVerifyRefuses() public view {
        uint256[4] memory outside = Simulator.g2OutsideSubgroup();
        for (uint256 place = 0; place < 2; ++place) {
            Claim[] memory claims = _claims(1, 2);
            (claims[place].proof[0], claims[place].proof[1]) = (0, 0);
            _refuses(claims);
            for (uint256 word = 0; word < 8; ++word) {
                claims[place].proof[word] = 0;
            }
            _refuses(claims);
            claims = _claims(1, 2);
            for (uint256 word = 0; word < 4; ++word) {
                claims[place].proof[2 + word] = outside[word];
            }
            _refuses(claims);
        }
    }

    /// forge-config: default.fuzz.runs = 64
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_VerifyAll_OfOneClaimSaysWhatVerifySays(uint256 seed, uint8 word, uint256 by)
        public
        view
    {
        Claim[] memory claims = _claims(seed, 1);
        if (seed % 3 > 0) claims[0].proof[word % 8] = addmod(claims[0].proof[word % 8], by, Q);
        bool holds = verifier.verify(claims[0].proof, claims[0].commitment, claims[0].x, claims[0].y);
        vm.assertEq(_verifyAll(claims), holds);
    }

    /// @dev Points that are none cost no more than points that are, in the first place and in others.
    function testFuzz_VerifyAll_RefusesRandomWordsWithBoundedGas(uint256[8] memory proof, bool first)
        public
        view
    {
        Claim[] memory claims = _claims(1, 2);
        for (uint256 i = 0; i < 8; ++i) {
            claims[first ? 0 : 1].proof[i] = proof[i] % Q;
        }
        _refuses(claims);
    }

    /// @dev Refused, with about what two valid claims cost at most: 45,000 + 5 · 34,000 and small change.
    function _refuses(Claim[] memory claims) private view {
        uint256[] memory words = _flat(claims);
        uint256 before = gasleft();
        vm.assertFalse(verifier.verifyAll(words));
        vm.assertLt(before - gasleft(), 300_000);
    }

    function _claims(uint256 seed, uint256 count) private view returns (Claim[] memory claims) {
        claims = new Claim[](count);
        for (uint256 i = 0; i < count; ++i) {
            uint256 c = uint256(keccak256(abi.encode(seed, i))) % R;
            (uint256 x, uint256 y) = (addmod(c, i, R), mulmod(c, c, R));
            claims[i] = Claim(Simulator.prove(c, x, y, i), c, x, y);
        }
    }

    /// @dev Adds scalar·G1 to the claim's C.
    function _moveC(Claim memory claim, uint256 scalar) private view {
        (uint256 x, uint256 y) = Simulator.timesG1(scalar);
        (bool ok, bytes memory point) =
            address(6).staticcall(abi.encode(claim.proof[6], claim.proof[7], x, y));
        vm.assertTrue(ok);
        (claim.proof[6], claim.proof[7]) = abi.decode(point, (uint256, uint256));
    }

    function _verifyAll(Claim[] memory claims) private view returns (bool) {
        return verifier.verifyAll(_flat(claims));
    }

    function _flat(Claim[] memory claims) private pure returns (uint256[] memory words) {
        words = new uint256[](11 * claims.length);
        for (uint256 i = 0; i < words.length; ++i) {
            Claim memory claim = claims[i / 11];
            uint256[3] memory inputs = [claim.commitment, claim.x, claim.y];
            words[i] = i % 11 < 8 ? claim.proof[i % 11] : inputs[i % 11 - 8];
        }
    }

    /// @dev The verifier's seed, computed as an attacker would.
    function _seed(Claim[] memory claims) private pure returns (bytes32) {
        return keccak256(abi.encodePacked(_flat(claims)));
    }
}
