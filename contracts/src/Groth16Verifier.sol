// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IVerifier} from "./interfaces/IVerifier.sol";

/// @title Groth16 over BN254 for three public inputs, its verifying key fixed at deployment.
/// @notice Checks e(-A, B) · e(alpha, beta) · e(L, gamma) · e(C, delta) = 1, L = IC0 + C·IC1 + x·IC2 + y·IC3
/// (Groth, EUROCRYPT 2016, section 3.2).
contract Groth16Verifier is IVerifier {
    /// @dev Order of the base field: coordinates are below it.
    uint256 private constant Q =
        21_888_242_871_839_275_222_246_405_745_257_275_088_696_311_157_297_823_662_689_037_894_645_226_208_583;
    /// @dev Order of the scalar field: public inputs are below it.
    uint256 private constant R =
        21_888_242_871_839_275_222_246_405_745_257_275_088_548_364_400_416_034_343_698_204_186_575_808_495_617;
    /// @dev x coordinate (c1, c0) of the generator of G2, EIP-197.
    uint256 private constant G2_X1 =
        11_559_732_032_986_387_107_991_004_021_392_285_783_925_812_861_821_192_530_917_403_151_452_391_805_634;
    uint256 private constant G2_X0 =
        10_857_046_999_023_057_135_944_570_762_232_829_481_370_756_359_578_518_086_990_519_993_285_655_852_781;

    /// @dev EIP-1108's prices. A precompile that fails keeps all the gas
    /// it was given, and a hostile point makes it fail, so it gets its price and no more.
    uint256 private constant PAIRING_GAS = 45_000;
    uint256 private constant PAIR_GAS = 34_000;
    uint256 private constant ONE_PAIR_GAS = 45_000 + 34_000;
    uint256 private constant FOUR_PAIRS_GAS = 45_000 + 4 * 34_000;
    uint256 private constant MULTIPLICATION_GAS = 6000;
    uint256 private constant ADDITION_GAS = 150;
    uint256 private constant CLAIM_WORDS = 11;
    uint256 private constant CLAIM_BYTES = 11 * 32;

    uint256 private constant ALPHA = 0;
    uint256 private constant BETA = 2;
    uint256 private constant GAMMA = 6;
    uint256 private constant DELTA = 10;
    uint256 private constant IC = 14;
    uint256 private constant KEY_WORDS = 22;

    uint256 private immutable ALPHA_X;
    uint256 private immutable ALPHA_Y;
    uint256 private immutable BETA_X1;
    uint256 private immutable BETA_X0;
    uint256 private immutable BETA_Y1;
    uint256 private immutable BETA_Y0;
    uint256 private immutable GAMMA_X1;
    uint256 private immutable GAMMA_X0;
    uint256 private immutable GAMMA_Y1;
    uint256 private immutable GAMMA_Y0;
    uint256 private immutable DELTA_X1;
    uint256 private immutable DELTA_X0;
    uint256 private immutable DELTA_Y1;
    uint256 private immutable DELTA_Y0;
    uint256 private immutable IC0_X;
    uint256 private immutable IC0_Y;
    uint256 private immutable IC1_X;
    uint256 private immutable IC1_Y;
    uint256 private immutable IC2_X;
    uint256 private immutable IC2_Y;
    uint256 private immutable IC3_X;
    uint256 private immutable IC3_Y;

    constructor(uint256[KEY_WORDS] memory key) {
        _checkKey(key);
        (ALPHA_X, ALPHA_Y) = (key[0], key[1]);
        (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0) = (key[2], key[3], key[4], key[5]);
        (GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0) = (key[6], key[7], key[8], key[9]);
        (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0) = (key[10], key[11], key[12], key[13]);
        (IC0_X, IC0_Y, IC1_X, IC1_Y) = (key[14], key[15], key[16], key[17]);
        (IC2_X, IC2_Y, IC3_X, IC3_Y) = (key[18], key[19], key[20], key[21]);
    }

    /// @inheritdoc IVerifier
    function verify(uint256[8] calldata proof, uint256 commitment, uint256 x, uint256 y)
        external
        view
        returns (bool)
    {
        // The arguments lie in calldata as a claim's words do.
        uint256[CLAIM_WORDS] calldata claim;
        assembly ("memory-safe") {
            claim := proof
        }
        if (!_areReduced(claim)) return false;
        (uint256 lx, uint256 ly) = _combineInputs(commitment, x, y);
        return _pairingHolds(_pairs(proof, lx, ly));
    }

    /// @inheritdoc IVerifier
    /// @dev prod e(-rho_i·A_i, B_i) · e(S·alpha, beta) · e(sum rho_i·L_i, gamma) · e(sum rho_i·C_i, delta) = 1, S the sum of
    /// the coefficients rho: 1 for the first claim, then hashes of all claims (the small exponents test of Bellare, Garay
    /// and Rabin, EUROCRYPT 1998, with exponents that are not small: on L1 they cost the same).
    function verifyAll(uint256[] calldata claims) external view returns (bool) {
        uint256 count = claims.length / CLAIM_WORDS;
        if (count == 0 || claims.length % CLAIM_WORDS != 0) return false;
        uint256[] memory pairs = new uint256[](6 * (count + 3));
        uint256[4] memory scalars;
        uint256[5] memory sum;
        bytes32 seed = _seed(claims);
        for (uint256 i = 0; i < count; ++i) {
            uint256 rho = i == 0 ? 1 : _coefficient(seed, i);
            uint256[CLAIM_WORDS] calldata claim = _claimAt(claims, i);
            if (!_areReduced(claim)) return false;
            _addScalars(scalars, claim, rho);
            if (!_addPoints(pairs, i, sum, claim, rho)) return false;
        }
        _setKeyPairs(pairs, 6 * count, sum, scalars);
        return _manyPairingsHold(pairs);
    }

    /// @inheritdoc IVerifier
    function verifyingKey() external view returns (uint256[KEY_WORDS] memory key) {
        (key[0], key[1]) = (ALPHA_X, ALPHA_Y);
        (key[2], key[3], key[4], key[5]) = (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        (key[6], key[7], key[8], key[9]) = (GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
        (key[10], key[11], key[12], key[13]) = (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);
        (key[14], key[15], key[16], key[17]) = (IC0_X, IC0_Y, IC1_X, IC1_Y);
        (key[18], key[19], key[20], key[21]) = (IC2_X, IC2_Y, IC3_X, IC3_Y);
    }

    /// @dev L = IC0 + commitment·IC1 + x·IC2 + y·IC3.
    function _combineInputs(uint256 commitment, uint256 x, uint256 y)
        private
        view
        returns (uint256, uint256)
    {
        uint256[5] memory sum;
        (sum[0], sum[1]) = (IC0_X, IC0_Y);
        _addProduct(sum, IC1_X, IC1_Y, commitment);
        _addProduct(sum, IC2_X, IC2_Y, x);
        _addProduct(sum, IC3_X, IC3_Y, y);
        return (sum[0], sum[1]);
    }

    /// @dev Adds scalar·(px, py) to the point in sum[0..2); sum[2..5) is scratch. The points are the key's own and
    /// were checked at deployment, so these calls cannot fail, whatever the proof: they need no gas limit.
    function _addProduct(uint256[5] memory sum, uint256 px, uint256 py, uint256 scalar) private view {
        (sum[2], sum[3], sum[4]) = (px, py, scalar);
        bool ok;
        assembly ("memory-safe") {
            let product := add(sum, 0x40)
            ok := staticcall(gas(), 7, product, 0x60, product, 0x40)
            ok := and(ok, staticcall(gas(), 6, sum, 0x80, sum, 0x40))
        }
        // Only running out of gas leads here; going on would verify against a wrong L.
        if (!ok) revert OutOfGas();
    }

    /// @dev The four pairs of the product, negation done on A. No point of the curve has y = 0: a proof with A at
    /// infinity becomes the coordinate q, which the precompile refuses.
    function _pairs(uint256[8] calldata proof, uint256 lx, uint256 ly)
        private
        view
        returns (uint256[24] memory p)
    {
        (p[0], p[1]) = (proof[0], Q - proof[1]);
        (p[2], p[3], p[4], p[5]) = (proof[2], proof[3], proof[4], proof[5]);
        (p[6], p[7]) = (ALPHA_X, ALPHA_Y);
        (p[8], p[9], p[10], p[11]) = (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        (p[12], p[13]) = (lx, ly);
        (p[14], p[15], p[16], p[17]) = (GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
        (p[18], p[19]) = (proof[6], proof[7]);
        (p[20], p[21], p[22], p[23]) = (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);
    }

    /// @dev Always four whole pairs: the precompile calls an empty product true.
    function _pairingHolds(uint256[24] memory pairs) private view returns (bool holds) {
        assembly ("memory-safe") {
            let ok := staticcall(FOUR_PAIRS_GAS, 8, pairs, 0x300, 0x00, 0x20)
            holds := and(ok, eq(mload(0x00), 1))
        }
    }

    /// @dev A hash of everything the claims say.
    function _seed(uint256[] calldata claims) private pure returns (bytes32 seed) {
        assembly ("memory-safe") {
            let free := mload(0x40)
            let size := shl(5, claims.length)
            calldatacopy(free, claims.offset, size)
            seed := keccak256(free, size)
        }
    }

    /// @dev keccak(seed ‖ i) mod r.
    function _coefficient(bytes32 seed, uint256 i) private pure returns (uint256 rho) {
        assembly ("memory-safe") {
            mstore(0x00, seed)
            mstore(0x20, i)
            rho := mod(keccak256(0x00, 0x40), R)
        }
    }

    function _claimAt(uint256[] calldata claims, uint256 i)
        private
        pure
        returns (uint256[CLAIM_WORDS] calldata claim)
    {
        assembly ("memory-safe") {
            claim := add(claims.offset, mul(i, CLAIM_BYTES))
        }
    }

    /// @dev Coordinates below q, public inputs below r.
    function _areReduced(uint256[CLAIM_WORDS] calldata claim) private pure returns (bool ok) {
        assembly ("memory-safe") {
            ok := and(lt(calldataload(claim), Q), lt(calldataload(add(claim, 0x20)), Q))
            ok := and(ok, lt(calldataload(add(claim, 0x40)), Q))
            ok := and(ok, lt(calldataload(add(claim, 0x60)), Q))
            ok := and(ok, lt(calldataload(add(claim, 0x80)), Q))
            ok := and(ok, lt(calldataload(add(claim, 0xa0)), Q))
            ok := and(ok, lt(calldataload(add(claim, 0xc0)), Q))
            ok := and(ok, lt(calldataload(add(claim, 0xe0)), Q))
            ok := and(ok, lt(calldataload(add(claim, 0x100)), R))
            ok := and(ok, lt(calldataload(add(claim, 0x120)), R))
            ok := and(ok, lt(calldataload(add(claim, 0x140)), R))
        }
    }

    /// @dev Adds rho, rho·C, rho·x and rho·y to the scalars of alpha and IC0, IC1, IC2, IC3.
    function _addScalars(uint256[4] memory scalars, uint256[CLAIM_WORDS] calldata claim, uint256 rho)
        private
        pure
    {
        assembly ("memory-safe") {
            mstore(scalars, addmod(mload(scalars), rho, R))
            for { let at := 0x20 } lt(at, 0x80) { at := add(at, 0x20) } {
                let input := calldataload(add(claim, add(at, 0xe0)))
                mstore(add(scalars, at), addmod(mload(add(scalars, at)), mulmod(rho, input, R), R))
            }
        }
    }

    /// @dev Writes pair i, (-rho·A, B), and adds rho·C to the point in sum[0..2). False if A or C is no point: those are the
    /// prover's, so each call gets its price and no more. The first claim's rho is 1 and takes no multiplication.
    function _addPoints(
        uint256[] memory pairs,
        uint256 i,
        uint256[5] memory sum,
        uint256[CLAIM_WORDS] calldata claim,
        uint256 rho
    ) private view returns (bool ok) {
        assembly ("memory-safe") {
            ok := 1
            let pair := add(add(pairs, 0x20), mul(i, 0xc0))
            let term := add(sum, 0x40)
            calldatacopy(pair, claim, 0xc0)
            calldatacopy(term, add(claim, 0xc0), 0x40)
            if sub(rho, 1) {
                let word := mload(add(pair, 0x40))
                mstore(add(pair, 0x40), rho)
                ok := staticcall(MULTIPLICATION_GAS, 7, pair, 0x60, pair, 0x40)
                mstore(add(pair, 0x40), word)
                mstore(add(term, 0x40), rho)
                ok := and(staticcall(MULTIPLICATION_GAS, 7, term, 0x60, term, 0x40), ok)
            }
            mstore(add(pair, 0x20), sub(Q, mload(add(pair, 0x20))))
            ok := and(staticcall(ADDITION_GAS, 6, sum, 0x80, sum, 0x40), ok)
        }
    }

    /// @dev The pairs of the key at `at`: S·alpha and beta, sum of rho·L and gamma, sum of rho·C and delta.
    function _setKeyPairs(
        uint256[] memory pairs,
        uint256 at,
        uint256[5] memory sum,
        uint256[4] memory scalars
    ) private view {
        (pairs[at + 12], pairs[at + 13]) = (sum[0], sum[1]);
        (sum[0], sum[1]) = (0, 0);
        _addProduct(sum, ALPHA_X, ALPHA_Y, scalars[0]);
        (pairs[at], pairs[at + 1]) = (sum[0], sum[1]);
        (pairs[at + 2], pairs[at + 3], pairs[at + 4], pairs[at + 5]) = (BETA_X1, BETA_X0, BETA_Y1, BETA_Y0);
        (sum[0], sum[1]) = (0, 0);
        _addProduct(sum, IC0_X, IC0_Y, scalars[0]);
        _addProduct(sum, IC1_X, IC1_Y, scalars[1]);
        _addProduct(sum, IC2_X, IC2_Y, scalars[2]);
        _addProduct(sum, IC3_X, IC3_Y, scalars[3]);
        (pairs[at + 6], pairs[at + 7]) = (sum[0], sum[1]);
        (pairs[at + 8], pairs[at + 9], pairs[at + 10], pairs[at + 11]) =
        (GAMMA_X1, GAMMA_X0, GAMMA_Y1, GAMMA_Y0);
        (pairs[at + 14], pairs[at + 15], pairs[at + 16], pairs[at + 17]) =
        (DELTA_X1, DELTA_X0, DELTA_Y1, DELTA_Y0);
    }

    function _manyPairingsHold(uint256[] memory pairs) private view returns (bool holds) {
        uint256 price = PAIRING_GAS + pairs.length / 6 * PAIR_GAS;
        assembly ("memory-safe") {
            let ok := staticcall(price, 8, add(pairs, 0x20), shl(5, mload(pairs)), 0x00, 0x20)
            holds := and(ok, eq(mload(0x00), 1))
        }
    }

    /// @dev Refuses every key a skipped or broken setup is known to leave behind.
    function _checkKey(uint256[KEY_WORDS] memory key) private view {
        for (uint256 i = 0; i < KEY_WORDS; ++i) {
            if (key[i] >= Q) revert CoordinateNotInField(i, key[i]);
        }
        _checkG1(key, ALPHA);
        for (uint256 i = IC; i < KEY_WORDS; i += 2) {
            _checkG1(key, i);
            for (uint256 j = IC; j < i; j += 2) {
                if (key[i] == key[j] && key[i + 1] == key[j + 1]) revert InputPointsEqual(j, i);
            }
        }
        _checkG2(key, BETA);
        _checkG2(key, GAMMA);
        _checkG2(key, DELTA);
        // Equal x means delta = ±gamma: either lets anybody forge (C cancels L).
        if (key[DELTA] == key[GAMMA] && key[DELTA + 1] == key[GAMMA + 1]) revert GammaEqualsDelta();
        if (key[DELTA] == G2_X1 && key[DELTA + 1] == G2_X0) revert DeltaIsGenerator();
    }

    function _checkG1(uint256[KEY_WORDS] memory key, uint256 word) private pure {
        (uint256 x, uint256 y) = (key[word], key[word + 1]);
        if (x == 0 && y == 0) revert PointAtInfinity(word);
        if (mulmod(y, y, Q) != addmod(mulmod(mulmod(x, x, Q), x, Q), 3, Q)) revert PointNotOnCurve(word);
    }

    /// @dev On the curve and in the subgroup of order r: the precompile fails otherwise.
    function _checkG2(uint256[KEY_WORDS] memory key, uint256 word) private view {
        uint256[6] memory pair = [uint256(1), 2, key[word], key[word + 1], key[word + 2], key[word + 3]];
        if ((pair[2] | pair[3] | pair[4] | pair[5]) == 0) revert PointAtInfinity(word);
        bool ok;
        assembly ("memory-safe") {
            ok := staticcall(ONE_PAIR_GAS, 8, pair, 0xc0, 0x00, 0x20)
        }
        if (!ok) revert PointNotInGroup(word);
    }
}
