// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
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
        _submitAll();
        vm.assertEq(arbiter.finalizedNumber(), BATCHES);
        vm.assertEq(arbiter.stateRoot(), _uint(".batches[5].newRoot"));
        vm.assertEq(arbiter.creditOf(alice), BATCHES * REWARD);
    }

    function test_SubmitProof_FinalizesTheChainFromProofsInReverse() public {
        arbiter.submitProof(_proof("third"));
        arbiter.submitProof(_proof("second"));
        vm.assertEq(arbiter.finalizedNumber(), 0);
        arbiter.submitProof(_proof("first"));
        vm.assertEq(arbiter.finalizedNumber(), 3);
        vm.assertEq(arbiter.stateRoot(), _uint(".batches[2].newRoot"));
    }

    /// @dev A forced exit and a signed one, to the wei.
    function test_CreditExits_PaysWhatTheCircuitTookFromTheAccounts() public {
        _submitAll();
        uint256[] memory exits = _proof("fourthExits").exits;
        vm.roll(block.number + ALARM_DELAY);
        arbiter.creditExits(4, exits);
        address first = vm.parseJsonAddress(json, ".deposits[0].exitAddress");
        address second = vm.parseJsonAddress(json, ".deposits[1].exitAddress");
        vm.assertEq(arbiter.creditOf(second), 700 gwei);
        vm.assertEq(arbiter.creditOf(first), 12_345 gwei);
        vm.prank(first);
        arbiter.withdraw();
        vm.assertEq(first.balance, 12_345 gwei);
    }

    function test_RevertSubmitProof_WhenExitsAreNotTheProofs() public {
        IArbiter.Submission memory submission = _proof("fourthExits");
        uint256[] memory exits = submission.exits;
        vm.assertEq(exits.length, 2);
        for (uint256 i = 0; i < 2; ++i) {
            submission.exits = _changed(exits, i, exits[i] + 1);
            _assertInvalid(submission);
            submission.exits = _changed(exits, i, exits[i] + 2 ** 64);
            _assertInvalid(submission);
        }
        submission.exits = new uint256[](1);
        submission.exits[0] = exits[0];
        _assertInvalid(submission);
        submission.exits = new uint256[](0);
        _assertInvalid(submission);
    }

    /// @dev Batch 5: a forced exit whose caller is not the account's exit address, and a forced transaction that is a
    /// deposit of 2^63 gwei once reduced. Batch 6: such deposits, plain and hidden, in user slots. Neither moves a gwei.
    function test_SubmitProof_ForgedEntriesChangeNothing() public view {
        vm.assertEq(_proof("fifthForged").newRoot, _proof("fifthForged").oldRoot);
        vm.assertEq(_proof("sixthForged").newRoot, _proof("sixthForged").oldRoot);
        vm.assertEq(_proof("fifthForged").exits.length, 0);
        bytes memory batch = _proof("sixthForged").data;
        (uint256 plain,,,, uint256 hidden) = abi.decode(batch, (uint256, uint256, uint256, uint256, uint256));
        vm.assertEq(plain >> 224, 3);
        vm.assertEq(hidden, plain + R);
        (hidden) = abi.decode(vm.parseJsonBytes(json, ".forcedTransaction"), (uint256));
        vm.assertEq(hidden, plain + R);
    }

    function test_RevertSubmitProof_WhenAForgedExitIsClaimed() public {
        IArbiter.Submission memory submission = _proof("fifthForged");
        address caller = vm.parseJsonAddress(json, ".forcedExits[1].caller");
        submission.exits = new uint256[](1);
        submission.exits[0] = uint256(uint160(caller)) << 64 | 1;
        _assertInvalid(submission);
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
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadyAccepted.selector, 1, late.oldRoot));
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
        string[9] memory names = [
            "first",
            "firstOfRival",
            "second",
            "secondTipped",
            "secondStray",
            "third",
            "fourthExits",
            "fifthForged",
            "sixthForged"
        ];
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

    function _submitAll() private {
        string[6] memory names = ["first", "second", "third", "fourthExits", "fifthForged", "sixthForged"];
        for (uint256 i = 0; i < names.length; ++i) {
            arbiter.submitProof(_proof(names[i]));
        }
    }

    function _changed(uint256[] memory exits, uint256 i, uint256 exit)
        private
        pure
        returns (uint256[] memory changed)
    {
        changed = new uint256[](exits.length);
        for (uint256 j = 0; j < exits.length; ++j) {
            changed[j] = j == i ? exit : exits[j];
        }
    }

    /// @dev Refused by the verifier, with no more gas than an honest proof takes.
    function _assertInvalid(IArbiter.Submission memory submission) private {
        uint256 before = gasleft();
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.InvalidProof.selector));
        arbiter.submitProof(submission);
        vm.assertLt(before - gasleft(), 300_000);
        vm.assertEq(arbiter.creditOf(submission.payee), 0);
    }
}
