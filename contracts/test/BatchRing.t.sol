// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev Batches live in a ring of 1,024: what is not final is always there, what left is never mistaken for another.
contract BatchRingTest is ArbiterTest {
    uint64 private constant CAP = 1023;

    bytes private data;

    function setUp() public override {
        super.setUp();
        data = _data(1);
    }

    function test_SequenceBatch_TakesABacklogUpToTheCap() public {
        vm.assertEq(arbiter.backlogCap(), CAP);
        _postMany(CAP);
        _refusesPosting(SEQUENCER, _header(0), data, 0, _full());
        (uint64 number,) = arbiter.head();
        vm.assertEq(number, CAP);
    }

    /// @dev Each batch that becomes final makes room for one.
    function test_SequenceBatch_GoesOnWhenABatchIsFinal() public {
        _postMany(CAP);
        for (uint64 number = 1; number <= 3; ++number) {
            _finalize(number);
            vm.roll(block.number + ALARM_DELAY);
            _postMany(1);
            _refusesPosting(SEQUENCER, _header(0), data, 0, _full());
        }
        (uint64 head, bytes32 batchHash) = arbiter.head();
        vm.assertEq(head, CAP + 3);
        vm.assertEq(arbiter.batchHashOf(head), batchHash);
    }

    /// @dev The queue's door is no way past the cap: its batches wait for proofs like any other.
    function test_RevertSequenceBatch_WhenAnybodyPostsTheQueueOverTheCap() public {
        _postMany(CAP);
        _forceTransaction(_userSlot(1));
        vm.roll(block.number + 2 * uint256(DEADLINE) + 1);
        _refusesPosting(RIVAL, _header(0), _dataAlone(_userSlot(1)), 1, _full());
        _finalize(1);
        _post(RIVAL, _header(0), _dataAlone(_userSlot(1)), 1);
        vm.assertEq(arbiter.queueHead(), 1);
    }

    /// @dev What became final lately keeps its record, which the alarm asks for.
    function test_RevertSequenceBatch_WhenItsPlaceIsTakenByABatchFinalTooLately() public {
        _postMany(CAP);
        _finalize(1);
        _finalize(2);
        _postMany(1);
        uint256 finalizedAt = block.number;
        vm.roll(finalizedAt + ALARM_DELAY - 1);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.BacklogFull.selector, CAP - 1, CAP);
        _refusesPosting(SEQUENCER, _header(0), data, 0, reason);
        vm.roll(finalizedAt + ALARM_DELAY);
        _postMany(1);
    }

    function test_BatchHashOf_IsZeroForBatchesThatLeftTheRing() public {
        bytes32[5] memory hashes;
        for (uint64 number = 1; number <= 4; ++number) {
            _sequence(0, _data(number));
            hashes[number] = arbiter.batchHashOf(number);
            _submit(PAYEE, _proved(number, PAYEE, 0));
        }
        vm.roll(block.number + ALARM_DELAY);
        _postMany(CAP);
        for (uint64 number = 0; number <= 3; ++number) {
            vm.assertEq(arbiter.batchHashOf(number), bytes32(0));
        }
        vm.assertTrue(hashes[4] != 0 && arbiter.batchHashOf(4) == hashes[4]);
        vm.assertTrue(arbiter.batchHashOf(CAP + 4) != 0);
    }

    function testFuzz_BatchHashOf_IsZeroForBatchesNeverPosted(uint64 number) public {
        _sequenceMany(2);
        number = uint64(bound(number, 3, type(uint64).max));
        vm.assertEq(arbiter.batchHashOf(number), bytes32(0));
        vm.assertEq(arbiter.batchHashOf(0), bytes32(0));
    }

    /// @dev A batch without entries takes the place of one whose entries paid: nobody earns those fees again.
    function test_Finalize_PaysNoFeesOfABatchThatHadThePlaceBefore() public {
        uint256 fee = arbiter.queueFee();
        _forceTransaction(_userSlot(1));
        bytes memory first = _dataWith(_userSlot(1));
        _post(SEQUENCER, _header(0), first, 1);
        _accept(1, first);
        vm.assertEq(arbiter.creditOf(SEQUENCER), fee);
        for (uint64 number = 2; number <= CAP + 2; ++number) {
            _postMany(1);
            if (number <= 3) _finalize(number);
            if (number == 3) vm.roll(block.number + ALARM_DELAY);
        }
        for (uint64 number = 4; number <= CAP + 2; ++number) {
            _accept(number, data);
        }
        vm.assertEq(arbiter.finalizedNumber(), CAP + 2);
        vm.assertEq(arbiter.creditOf(SEQUENCER), fee);
    }

    /// @dev With the ring full the oldest batch and the newest are both refunded to their posters, and the queue's end is
    /// the last final batch's.
    function test_EnterExitMode_RefundsEveryBatchOfAFullRing() public {
        _forceTransaction(_userSlot(1));
        bytes memory first = _dataWith(_userSlot(1));
        _post(SEQUENCER, _header(0), first, 1);
        _accept(1, first);
        uint256 fees = arbiter.creditOf(SEQUENCER);
        _postMany(CAP);
        vm.roll(block.number + EXIT_DEADLINE + 1);
        arbiter.enterExitMode();
        vm.assertEq(arbiter.finalQueueEnd(), 1);
        for (uint64 number = 2; number <= CAP + 1; ++number) {
            arbiter.refundBatch(number);
        }
        vm.assertEq(arbiter.creditOf(SEQUENCER), fees + CAP * uint256(REWARD));
        vm.assertEq(_held(), arbiter.creditOf(SEQUENCER) + arbiter.creditOf(PAYEE));
    }

    function _postMany(uint64 count) private {
        for (uint64 i = 0; i < count; ++i) {
            _sequence(0, data);
        }
    }

    function _finalize(uint64 number) private {
        _accept(number, data);
        vm.assertEq(arbiter.finalizedNumber(), number);
    }

    function _accept(uint64 number, bytes memory data_) private {
        IArbiter.Submission memory submission = _unproved(number, PAYEE, 0);
        submission.data = data_;
        _submit(PAYEE, _prove(submission));
    }

    function _full() private pure returns (bytes memory) {
        return abi.encodeWithSelector(IArbiterTypes.BacklogFull.selector, CAP, CAP);
    }
}
