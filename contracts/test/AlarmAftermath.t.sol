// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {AlarmTest} from "./support/AlarmTest.sol";

/// @dev What an alarm leaves: earned rewards, the state before the batch, and everybody's money in it.
contract AlarmAftermathTest is AlarmTest {
    function test_RaiseAlarm_LeavesWhatWasEarned() public {
        uint256 earned = arbiter.creditOf(PAYEE);
        uint256 fees = arbiter.creditOf(SEQUENCER);
        uint256 lock = arbiter.creditOf(RIVAL);
        vm.assertEq(earned, 4 * uint256(REWARD));
        _raise(_contradiction());
        vm.assertEq(arbiter.creditOf(PAYEE), earned);
        vm.assertEq(arbiter.creditOf(SEQUENCER), fees);
        vm.assertEq(arbiter.creditOf(RIVAL), lock);
        vm.prank(PAYEE);
        arbiter.withdraw();
        vm.assertEq(PAYEE.balance, earned);
    }

    function test_CreditExits_OfBatchesBeforeTheAlarm() public {
        _raise(_contradiction());
        arbiter.creditExits(2, _one(_exit(0, EXIT, 500)));
        vm.assertEq(arbiter.creditOf(EXIT), 500 gwei);
    }

    function testFuzz_RevertCreditExits_WhenTheBatchWasCancelled(uint256 blocks) public {
        _raise(_contradiction());
        vm.roll(block.number + blocks % 2 ** 32);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, DISPUTED));
        arbiter.creditExits(DISPUTED, _exitsOfThird());
    }

    /// @dev Their provers were paid: the rewards are gone.
    function test_RevertRefundBatch_WhenItWasFinalBeforeTheAlarm() public {
        _raise(_contradiction());
        for (uint64 number = DISPUTED; number <= FORMER_FINAL; ++number) {
            vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.BatchNotVoid.selector, number, DISPUTED - 1));
            arbiter.refundBatch(number);
        }
        uint256 before = arbiter.creditOf(SEQUENCER);
        arbiter.refundBatch(POSTED);
        vm.assertEq(arbiter.creditOf(SEQUENCER), before + REWARD);
    }

    function test_RefundEntry_OfACancelledBatchGivesTheAmountBackAndNotTheFee() public {
        _raise(_contradiction());
        _refunds(DEPOSIT_ENTRY, EXIT, 4000 gwei);
        _refunds(EXIT_ENTRY, EXIT, 0);
        _refunds(TRANSACTION_ENTRY, USER, 0);
        _refunds(POSTED_BY_RIVAL, USER, 0);
    }

    function test_RefundEntry_ThatNoBatchDrainedGivesItsFeeToo() public {
        _raise(_contradiction());
        _refunds(TOP_UP_ENTRY, EXIT, 6000 gwei + fees[TOP_UP_ENTRY]);
        _refunds(FORGED_ENTRY, USER, fees[FORGED_ENTRY]);
    }

    function test_RevertRefundEntry_WhenItIsInTheRestoredState() public {
        _raise(_contradiction());
        for (uint64 entry = 0; entry < FIRST_VOID_ENTRY; ++entry) {
            vm.expectRevert(
                abi.encodeWithSelector(
                    IArbiterTypes.EntryNotVoid.selector, entry, FIRST_VOID_ENTRY, uint64(ENTRIES)
                )
            );
            arbiter.refundEntry(entry, _words(entry));
        }
    }

    function test_RevertRefundEntry_WhenItWasRefundedAfterTheAlarm() public {
        _raise(_contradiction());
        arbiter.refundEntry(DEPOSIT_ENTRY, _words(DEPOSIT_ENTRY));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadyRefunded.selector, DEPOSIT_ENTRY));
        arbiter.refundEntry(DEPOSIT_ENTRY, _words(DEPOSIT_ENTRY));
    }

    /// @dev _leave proves membership in batch 2's state.
    function test_Leave_FromTheStateBeforeTheAlarm() public {
        _raise(_contradiction());
        _leave(0, EXIT, FIRST_BALANCE);
        _leave(1, EXIT, SECOND_BALANCE);
        vm.assertEq(arbiter.creditOf(EXIT), (uint256(FIRST_BALANCE) + SECOND_BALANCE) * 1 gwei);
    }

    function test_RevertLeave_FromACancelledState() public {
        _raise(_contradiction());
        uint256[8] memory proof = _membership(_root(3), 0, EXIT, FIRST_BALANCE);
        vm.expectRevert(IArbiterTypes.InvalidProof.selector);
        arbiter.leave(0, EXIT, FIRST_BALANCE, proof);
    }

    function test_RaiseAlarm_ClosesEverythingThatMovesTheRollup() public {
        IArbiter.Submission memory next = _proved(5, PAYEE, 0);
        _raise(_contradiction());
        vm.expectRevert(IArbiterTypes.ExitModeActive.selector);
        arbiter.submitProof(next);
        vm.expectRevert(IArbiterTypes.ExitModeActive.selector);
        arbiter.finalize(1);
        vm.expectRevert(IArbiterTypes.ExitModeActive.selector);
        arbiter.enterExitMode();
        _refusesPosting(
            SEQUENCER, _header(0), _data(6), 0, abi.encodeWithSelector(IArbiterTypes.ExitModeActive.selector)
        );
    }

    /// @dev To the wei: after all have taken what is theirs the arbiter holds bonds, and of the pot what no final batch's
    /// posting had paid in.
    function test_RaiseAlarm_LeavesWhatIsOwed() public {
        _raise(_contradiction());
        arbiter.refundBatch(POSTED);
        for (uint64 entry = FIRST_VOID_ENTRY; entry < ENTRIES; ++entry) {
            arbiter.refundEntry(entry, _words(entry));
        }
        arbiter.creditExits(2, _one(_exit(0, EXIT, 500)));
        _leave(0, EXIT, FIRST_BALANCE);
        _leave(1, EXIT, SECOND_BALANCE);
        address[6] memory holders = [PAYEE, RIVAL, SEQUENCER, USER, EXIT, WATCHER];
        for (uint256 i = 0; i < holders.length; ++i) {
            if (arbiter.creditOf(holders[i]) == 0) continue;
            vm.prank(holders[i]);
            arbiter.withdraw();
        }
        vm.assertEq(_held(), uint256(BOUNTY) * (POSTED - FORMER_FINAL));
    }

    /// @dev Whoever can forge forges two batches and contradicts the second: the first must not become the end.
    function test_RaiseAlarm_AgainstAForgerThatEndedTheRollupItself() public {
        arbiter.raiseAlarm(_fourth(OTHER_ROOT, RIVAL), _root(4));
        vm.assertEq(arbiter.stateRoot(), _root(3));
        uint256 earned = arbiter.creditOf(PAYEE);
        _raise(_contradiction());
        vm.assertEq(arbiter.stateRoot(), _root(2));
        vm.assertEq(arbiter.finalizedNumber(), DISPUTED - 1);
        vm.assertEq(arbiter.finalQueueEnd(), FIRST_VOID_ENTRY);
        vm.assertEq(arbiter.creditOf(PAYEE), earned);
        vm.assertEq(arbiter.creditOf(WATCHER), 0);
    }

    /// @dev Nobody takes money out by a state that may still be undone.
    function test_RevertLeave_WhileTheLastFinalBatchCanBeContradicted() public {
        arbiter.raiseAlarm(_fourth(OTHER_ROOT, RIVAL), _root(4));
        uint256[8] memory proof = _membership(_root(3), 0, EXIT, FIRST_BALANCE);
        vm.roll(finalAt + ALARM_DELAY - 1);
        vm.expectRevert(
            abi.encodeWithSelector(
                IArbiterTypes.ExitsNotDue.selector, finalAt + ALARM_DELAY - 1, finalAt + ALARM_DELAY
            )
        );
        arbiter.leave(0, EXIT, FIRST_BALANCE, proof);
        vm.roll(finalAt + ALARM_DELAY);
        arbiter.leave(0, EXIT, FIRST_BALANCE, proof);
        vm.assertEq(arbiter.creditOf(EXIT), uint256(FIRST_BALANCE) * 1 gwei);
    }

    /// @dev What the first alarm found paid stays paid: a second one gives back no fee.
    function test_RefundEntry_AfterTwoAlarmsGivesNoPaidFeeBack() public {
        arbiter.raiseAlarm(_fourth(OTHER_ROOT, RIVAL), _root(4));
        _raise(_contradiction());
        _refunds(DEPOSIT_ENTRY, EXIT, 4000 gwei);
        _refunds(POSTED_BY_RIVAL, USER, 0);
        _refunds(TOP_UP_ENTRY, EXIT, 6000 gwei + fees[TOP_UP_ENTRY]);
    }

    function _refunds(uint64 entry, address to, uint256 amount) private {
        uint256 before = arbiter.creditOf(to);
        arbiter.refundEntry(entry, _words(entry));
        vm.assertEq(arbiter.creditOf(to), before + amount);
    }
}
