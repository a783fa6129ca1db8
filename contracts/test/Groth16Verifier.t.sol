// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Groth16Verifier} from "../src/Groth16Verifier.sol";
import {IVerifier} from "../src/interfaces/IVerifier.sol";
import {Simulator} from "./support/Simulator.sol";
import {Test} from "./support/Test.sol";

contract Groth16VerifierTest is Test {
    /// @dev More than a valid proof's cost (about 202,000) and far less than a precompile could eat.
    uint256 private constant MOST_GAS = 215_000;

    Groth16Verifier private verifier;

    function setUp() public {
        verifier = new Groth16Verifier(Simulator.verifyingKey());
    }

    function test_Verify_AcceptsAValidProof() public view {
        vm.assertTrue(verifier.verify(Simulator.prove(1, 2, 3, 4), 1, 2, 3));
    }

    function testFuzz_Verify_AcceptsEveryProofOfAnyStatement(uint256 c, uint256 x, uint256 y, uint256 salt)
        public
        view
    {
        (c, x, y) = (c % R, x % R, y % R);
        vm.assertTrue(verifier.verify(Simulator.prove(c, x, y, salt), c, x, y));
    }

    function testFuzz_Verify_RefusesAnotherStatement(uint256 c, uint256 x, uint256 y, uint8 which, uint256 by)
        public
        view
    {
        uint256[3] memory inputs = [c % R, x % R, y % R];
        uint256[8] memory proof = Simulator.prove(inputs[0], inputs[1], inputs[2], 0);
        inputs[which % 3] = addmod(inputs[which % 3], bound(by, 1, R - 1), R);
        _refuses(proof, inputs, "another statement");
    }

    function test_Verify_RefusesInputsThatAreNotReduced() public view {
        uint256[8] memory proof = Simulator.prove(1, 2, 3, 4);
        for (uint256 i = 0; i < 3; ++i) {
            uint256[3] memory inputs = [uint256(1), 2, 3];
            for (uint256 k = 1; k <= 5; ++k) {
                inputs[i] += R;
                _refuses(proof, inputs, "input + k r");
            }
        }
    }

    function test_Verify_RefusesEveryMutationOfEveryWord() public view {
        uint256[8] memory proof = Simulator.prove(1, 2, 3, 4);
        uint256[3] memory inputs = [uint256(1), 2, 3];
        for (uint256 i = 0; i < 8; ++i) {
            uint256 word = proof[i];
            uint256[6] memory mutants = [addmod(word, 1, Q), word + Q, Q - word, 0, Q, type(uint256).max];
            for (uint256 j = 0; j < mutants.length; ++j) {
                proof[i] = mutants[j];
                _refuses(proof, inputs, "mutated word");
            }
            proof[i] = proof[(i + 1) % 8];
            _refuses(proof, inputs, "neighbour's word");
            proof[i] = word;
        }
        vm.assertTrue(verifier.verify(proof, 1, 2, 3));
    }

    function testFuzz_Verify_RefusesRandomWordsWithBoundedGas(uint256[8] memory proof) public view {
        _refuses(proof, [uint256(1), 2, 3], "random words");
    }

    function test_Verify_RefusesPointsAtInfinity() public view {
        uint256[3] memory inputs = [uint256(1), 2, 3];
        uint256[8] memory nothing;
        _refuses(nothing, inputs, "all infinity");
        uint8[4] memory ends = [0, 2, 6, 8];
        for (uint256 point = 0; point < 3; ++point) {
            uint256[8] memory proof = Simulator.prove(1, 2, 3, 4);
            for (uint256 i = ends[point]; i < ends[point + 1]; ++i) {
                proof[i] = 0;
            }
            _refuses(proof, inputs, "one point at infinity");
        }
    }

    function test_Verify_RefusesSwappedLimbsAndPoints() public view {
        uint8[2][7] memory swaps = [[2, 3], [4, 5], [0, 6], [1, 7], [0, 1], [2, 4], [3, 5]];
        for (uint256 i = 0; i < swaps.length; ++i) {
            uint256[8] memory proof = Simulator.prove(1, 2, 3, 4);
            (proof[swaps[i][0]], proof[swaps[i][1]]) = (proof[swaps[i][1]], proof[swaps[i][0]]);
            _refuses(proof, [uint256(1), 2, 3], "swapped words");
        }
    }

    function test_Verify_RefusesAPointOutsideTheSubgroup() public view {
        uint256[8] memory proof = Simulator.prove(1, 2, 3, 4);
        uint256[4] memory stray = Simulator.g2OutsideSubgroup();
        (proof[2], proof[3], proof[4], proof[5]) = (stray[0], stray[1], stray[2], stray[3]);
        _refuses(proof, [uint256(1), 2, 3], "outside the subgroup");
    }

    function test_VerifyingKey_IsTheOneDeployed() public view {
        vm.assertEq(abi.encode(verifier.verifyingKey()), abi.encode(Simulator.verifyingKey()));
    }

    function test_RevertConstructor_WhenDeltaIsGammaOrItsNegation() public {
        uint256[22] memory key = Simulator.verifyingKey();
        for (uint256 i = 0; i < 4; ++i) {
            key[6 + i] = key[10 + i];
        }
        _refusesKey(key, abi.encodeWithSelector(IVerifier.GammaEqualsDelta.selector));
        (key[8], key[9]) = (Q - key[8], Q - key[9]);
        _refusesKey(key, abi.encodeWithSelector(IVerifier.GammaEqualsDelta.selector));
    }

    function test_RevertConstructor_WhenDeltaIsTheGeneratorOrItsNegation() public {
        uint256[22] memory key = Simulator.verifyingKey();
        uint256[4] memory other = Simulator.g2Times7();
        for (uint256 i = 0; i < 4; ++i) {
            (key[10 + i], key[6 + i]) = (key[6 + i], other[i]);
        }
        _refusesKey(key, abi.encodeWithSelector(IVerifier.DeltaIsGenerator.selector));
        (key[12], key[13]) = (Q - key[12], Q - key[13]);
        _refusesKey(key, abi.encodeWithSelector(IVerifier.DeltaIsGenerator.selector));
    }

    function test_RevertConstructor_WhenAPointIsAtInfinity() public {
        uint8[9] memory starts = [0, 2, 6, 10, 14, 16, 18, 20, 22];
        for (uint256 point = 0; point < 8; ++point) {
            uint256[22] memory key = Simulator.verifyingKey();
            for (uint256 i = starts[point]; i < starts[point + 1]; ++i) {
                key[i] = 0;
            }
            _refusesKey(key, abi.encodeWithSelector(IVerifier.PointAtInfinity.selector, starts[point]));
        }
    }

    function test_RevertConstructor_WhenAPointIsOffItsCurve() public {
        for (uint256 i = 0; i < 22; ++i) {
            uint256[22] memory key = Simulator.verifyingKey();
            key[i] = addmod(key[i], 1, Q);
            bool inG2 = i >= 2 && i < 14;
            bytes4 selector = inG2 ? IVerifier.PointNotInGroup.selector : IVerifier.PointNotOnCurve.selector;
            uint256 word = inG2 ? 2 + (i - 2) / 4 * 4 : i / 2 * 2;
            _refusesKey(key, abi.encodeWithSelector(selector, word));
        }
    }

    function test_RevertConstructor_WhenAPointIsOutsideTheSubgroup() public {
        uint256[22] memory key = Simulator.verifyingKey();
        uint256[4] memory stray = Simulator.g2OutsideSubgroup();
        for (uint256 i = 0; i < 4; ++i) {
            key[2 + i] = stray[i];
        }
        _refusesKey(key, abi.encodeWithSelector(IVerifier.PointNotInGroup.selector, 2));
    }

    function test_RevertConstructor_WhenACoordinateIsNotInTheField() public {
        for (uint256 i = 0; i < 22; ++i) {
            uint256[22] memory key = Simulator.verifyingKey();
            key[i] += Q;
            _refusesKey(key, abi.encodeWithSelector(IVerifier.CoordinateNotInField.selector, i, key[i]));
        }
    }

    function test_RevertConstructor_WhenTwoInputPointsAreEqual() public {
        uint256[22] memory key = Simulator.verifyingKey();
        (key[20], key[21]) = (key[16], key[17]);
        _refusesKey(key, abi.encodeWithSelector(IVerifier.InputPointsEqual.selector, 16, 20));
    }

    function _refuses(uint256[8] memory proof, uint256[3] memory inputs, string memory what) private view {
        uint256 before = gasleft();
        bool holds = verifier.verify(proof, inputs[0], inputs[1], inputs[2]);
        uint256 used = before - gasleft();
        vm.assertFalse(holds, what);
        vm.assertLt(used, MOST_GAS);
    }

    function _refusesKey(uint256[22] memory key, bytes memory reason) private {
        vm.expectRevert(reason);
        new Groth16Verifier(key);
    }
}
