// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {RaceFixture} from "./support/RaceFixture.sol";

/// @dev The whole path on proofs the Rust prover made: what it proves is what the arbiter checks.
contract RealProofsTest is RaceFixture {
    address private constant COPIER = address(0xC0B1E2);

    address private alice;
    address private bob;

    function setUp() public {
        _deploy();
        for (uint64 number = 1; number <= BATCHES; ++number) {
            _sequence(number);
        }
        alice = _proof("first").payee;
        bob = _proof("firstOfRival").payee;
    }

    function test_SubmitProof_TakesTheWholeChain() public {
        arbiter.submitProof(_proof("first"));
        arbiter.submitProof(_proof("second"));
        arbiter.submitProof(_proof("third"));
        vm.assertEq(arbiter.finalizedNumber(), BATCHES);
        vm.assertEq(arbiter.stateRoot(), _uint(".batches[2].newRoot"));
        vm.assertEq(arbiter.creditOf(alice), 3 * REWARD);
    }

    function test_SubmitProof_FinalizesTheChainFromProofsInReverse() public {
        arbiter.submitProof(_proof("third"));
        arbiter.submitProof(_proof("second"));
        vm.assertEq(arbiter.finalizedNumber(), 0);
        arbiter.submitProof(_proof("first"));
        vm.assertEq(arbiter.finalizedNumber(), BATCHES);
        vm.assertEq(arbiter.stateRoot(), _uint(".batches[2].newRoot"));
    }

    function test_SubmitProof_ACopiedProofPaysTheNamedPayee() public {
        vm.prank(COPIER);
        arbiter.submitProof(_proof("first"));
        vm.assertEq(arbiter.creditOf(alice), REWARD);
        vm.assertEq(arbiter.creditOf(COPIER), 0);
    }

    function test_SubmitProof_PaysTheTipToWhoLandsIt() public {
        arbiter.submitProof(_proof("first"));
        IArbiter.Submission memory submission = _proof("secondTipped");
        vm.prank(COPIER);
        arbiter.submitProof(submission);
        vm.assertEq(arbiter.creditOf(bob), REWARD - submission.tip);
        vm.assertEq(arbiter.creditOf(COPIER), submission.tip);
    }

    function test_SubmitProof_AProofOnAnotherPreStateNeitherPaysNorBlocks() public {
        IArbiter.Submission memory stray = _proof("secondStray");
        arbiter.submitProof(stray);
        arbiter.submitProof(_proof("first"));
        vm.assertEq(arbiter.finalizedNumber(), 1);
        arbiter.submitProof(_proof("second"));
        vm.assertEq(arbiter.finalizedNumber(), 2);
        vm.assertEq(arbiter.creditOf(stray.payee), 0);
        vm.assertEq(arbiter.creditOf(alice), 2 * REWARD);
        (uint256 newRoot,,) = arbiter.accepted(2, stray.oldRoot);
        vm.assertEq(newRoot, stray.newRoot);
    }

    function test_RevertSubmitProof_WhenARivalWasFirst() public {
        arbiter.submitProof(_proof("firstOfRival"));
        IArbiter.Submission memory late = _proof("first");
        vm.expectRevert(abi.encodeWithSelector(IArbiter.AlreadyAccepted.selector, 1, late.oldRoot));
        arbiter.submitProof(late);
        vm.assertEq(arbiter.creditOf(bob), REWARD);
        vm.assertEq(arbiter.creditOf(alice), 0);
    }

    function test_RevertSubmitProof_WhenAPublicValueChangesByOne() public {
        IArbiter.Submission memory submission = _proof("first");
        submission.payee = address(uint160(submission.payee) + 1);
        _assertInvalid(submission);
        submission = _proof("first");
        submission.tip += 1;
        _assertInvalid(submission);
        submission = _proof("first");
        submission.newRoot += 1;
        _assertInvalid(submission);
        submission = _proof("first");
        submission.oldRoot += 1;
        _assertInvalid(submission);
        submission = _proof("first");
        submission.commitment += 1;
        _assertInvalid(submission);
    }

    function test_RevertSubmitProof_WhenTheProofIsOfAnotherBatch() public {
        IArbiter.Submission memory submission = _proof("first");
        IArbiter.Submission memory other = _proof("second");
        (submission.number, submission.header, submission.data) = (2, other.header, other.data);
        _assertInvalid(submission);
    }

    function test_RevertSubmitProof_WhenAnyProofWordIsMutated() public {
        IArbiter.Submission memory submission = _proof("first");
        for (uint256 i = 0; i < 8; ++i) {
            uint256 word = submission.proof[i];
            uint256[5] memory mutants =
                [addmod(word, 1, Q), word + Q, Q - word, 0, submission.proof[(i + 1) % 8]];
            for (uint256 j = 0; j < mutants.length; ++j) {
                submission.proof[i] = mutants[j];
                _assertInvalid(submission);
            }
            submission.proof[i] = word;
        }
        arbiter.submitProof(submission);
    }

    function test_RevertSubmitProof_WhenTheProofIsAllInfinity() public {
        IArbiter.Submission memory submission = _proof("first");
        for (uint256 i = 0; i < 8; ++i) {
            submission.proof[i] = 0;
        }
        _assertInvalid(submission);
    }

    function test_RevertSubmitProof_WhenTheArbiterIsOnAnotherChain() public {
        IArbiter.Submission memory submission = _proof("first");
        vm.chainId(1);
        _assertInvalid(submission);
    }

    function test_PublicInputs_AreTheProversOwn() public view {
        string[6] memory names = ["first", "firstOfRival", "second", "secondTipped", "secondStray", "third"];
        for (uint256 i = 0; i < names.length; ++i) {
            IArbiter.Submission memory submission = _proof(names[i]);
            string memory path = string.concat(".proofs[", vm.toString(i), "]");
            uint256 x = _uint(string.concat(path, ".x"));
            uint256 y = _uint(string.concat(path, ".y"));
            vm.assertTrue(verifier.verify(submission.proof, submission.commitment, x, y), names[i]);
            vm.assertFalse(
                verifier.verify(submission.proof, submission.commitment, x, addmod(y, 1, R)), names[i]
            );
        }
    }

    /// @dev Refused by the verifier, with no more gas than an honest proof takes.
    function _assertInvalid(IArbiter.Submission memory submission) private {
        uint256 before = gasleft();
        vm.expectRevert(abi.encodeWithSelector(IArbiter.InvalidProof.selector));
        arbiter.submitProof(submission);
        vm.assertLt(before - gasleft(), 300_000);
        vm.assertEq(arbiter.creditOf(submission.payee), 0);
    }
}
