// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {AlarmTest} from "./support/AlarmTest.sol";

/// @dev Who can raise the alarm: whoever holds a second valid proof of a batch's true old root that says something else, in time.
contract AlarmRaisedTest is AlarmTest {
    function test_RaiseAlarm_EndsTheRollupBeforeTheBatch() public {
        IArbiter.Submission memory second = _contradiction();
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.AlarmRaised(
            DISPUTED, WATCHER, _root(2), _root(3), OTHER_ROOT, uint256(BOUNTY) * FORMER_FINAL
        );
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.ExitModeEntered(DISPUTED - 1, _root(2), FIRST_VOID_ENTRY);
        _raise(second);
        vm.assertTrue(arbiter.exitMode());
        vm.assertEq(arbiter.stateRoot(), _root(2));
        vm.assertEq(arbiter.finalizedNumber(), DISPUTED - 1);
        vm.assertEq(arbiter.finalQueueEnd(), FIRST_VOID_ENTRY);
    }

    function test_RaiseAlarm_OnTheLastFinalBatchLeavesThoseBefore() public {
        IArbiter.Submission memory second = _fourth(OTHER_ROOT, WATCHER);
        arbiter.raiseAlarm(second, _root(4));
        vm.assertEq(arbiter.finalizedNumber(), 3);
        vm.assertEq(arbiter.stateRoot(), _root(3));
        vm.assertEq(arbiter.finalQueueEnd(), POSTED_BY_RIVAL);
    }

    /// @dev Roots that agree prove nothing if the money that leaves does not.
    function test_RaiseAlarm_OnExitsAlone() public {
        IArbiter.Submission memory second = _third(_root(3), _one(_exit(3, RIVAL, 700)), WATCHER);
        _raise(second);
        vm.assertEq(arbiter.finalizedNumber(), DISPUTED - 1);
    }

    function test_RaiseAlarm_OnExitsThatAreMissing() public {
        _raise(_third(_root(3), new uint256[](0), WATCHER));
        vm.assertTrue(arbiter.exitMode());
    }

    /// @dev The chain's own proof may be the forged one: whichever came first, both are shown to hold.
    function testFuzz_RaiseAlarm_ByAnyOtherRoot(uint256 root) public {
        root %= R;
        vm.assume(root != _root(3));
        _raise(_third(root, _exitsOfThird(), WATCHER));
        vm.assertEq(arbiter.stateRoot(), _root(2));
    }

    function test_RaiseAlarm_ACopiedAlarmPaysItsNamedPayee() public {
        IArbiter.Submission memory second = _contradiction();
        uint256 before = arbiter.creditOf(RIVAL);
        vm.prank(RIVAL);
        arbiter.raiseAlarm(second, _root(3));
        vm.assertEq(arbiter.creditOf(WATCHER), uint256(BOUNTY) * FORMER_FINAL);
        vm.assertEq(arbiter.creditOf(RIVAL), before);
    }

    function test_RevertRaiseAlarm_WhenACopierNamesItself() public {
        IArbiter.Submission memory second = _contradiction();
        second.payee = RIVAL;
        _refusesAlarm(second, IArbiterTypes.InvalidProof.selector);
    }

    /// @dev With a broken key anything can be proved, of states the chain was never in, too: it counts for nothing.
    function testFuzz_RevertRaiseAlarm_WhenTheOldRootIsNotTheBatchs(uint256 oldRoot) public {
        IArbiter.Submission memory second = _contradiction();
        second.oldRoot = oldRoot % R;
        vm.assume(second.oldRoot != _root(2));
        second = _prove(second);
        _refusesAlarm(second, IArbiterTypes.WrongRecord.selector);
        _refusesAlarm(second, second.newRoot, IArbiterTypes.WrongRecord.selector);
    }

    function testFuzz_RevertRaiseAlarm_WhenTheResultNamedIsNotTheBatchs(uint256 newRoot) public {
        IArbiter.Submission memory second = _contradiction();
        vm.assume(newRoot != _root(3));
        _refusesAlarm(second, newRoot, IArbiterTypes.WrongRecord.selector);
    }

    /// @dev Another proof of the same: a late prover's, or the first one's made anew.
    function test_RevertRaiseAlarm_WhenBothProofsSayTheSame() public {
        IArbiter.Submission memory same = _third(_root(3), _exitsOfThird(), WATCHER);
        _refusesAlarm(same, IArbiterTypes.NoContradiction.selector);
    }

    function test_RevertRaiseAlarm_WhenTheProofDoesNotHold() public {
        IArbiter.Submission memory second = _contradiction();
        second.newRoot = OTHER_ROOT + 1;
        _refusesAlarm(second, IArbiterTypes.InvalidProof.selector);
        second = _contradiction();
        second.commitment += 1;
        _refusesAlarm(second, IArbiterTypes.InvalidProof.selector);
        second = _contradiction();
        second.proof[6] = second.proof[0];
        _refusesAlarm(second, IArbiterTypes.InvalidProof.selector);
    }

    function test_RevertRaiseAlarm_WhenTheProofIsOfAnotherBatch() public {
        IArbiter.Submission memory second = _fourth(OTHER_ROOT, WATCHER);
        second.number = DISPUTED;
        second.oldRoot = _root(2);
        _refusesAlarm(second, IArbiterTypes.WrongBatch.selector);
    }

    function test_RevertRaiseAlarm_WhenAFieldElementIsAliased() public {
        IArbiter.Submission memory second = _contradiction();
        second.newRoot += R;
        _refusesAlarm(second, IArbiterTypes.NotInField.selector);
        second = _contradiction();
        second.commitment += R;
        _refusesAlarm(second, IArbiterTypes.NotInField.selector);
        second = _contradiction();
        second.payee = address(0);
        _refusesAlarm(second, IArbiterTypes.ZeroPayee.selector);
    }

    /// @dev The same root + r is the same root, not a contradiction.
    function test_RevertRaiseAlarm_WhenTheOnlyDifferenceIsAnAlias() public {
        IArbiter.Submission memory same = _third(_root(3), _exitsOfThird(), WATCHER);
        same.newRoot += R;
        _refusesAlarm(same, IArbiterTypes.NotInField.selector);
    }

    function test_RevertRaiseAlarm_WhenTheBatchIsNotFinalOrUnknown() public {
        IArbiter.Submission memory second = _prove(_unproved(POSTED, WATCHER, 0));
        _refusesAlarm(second, _root(5), IArbiterTypes.AlarmNotDue.selector);
        second.number = POSTED + 1;
        _refusesAlarm(second, _root(5), IArbiterTypes.AlarmNotDue.selector);
        second.number = 0;
        _refusesAlarm(second, _root(5), IArbiterTypes.AlarmNotDue.selector);
    }

    /// @dev In the very block in which its exits can be credited, no sooner and no later, the alarm is over.
    function test_RaiseAlarm_InTheLastBlockBeforeItsExitsAreCredited() public {
        uint256[] memory exits = _exitsOfThird();
        vm.roll(finalAt + ALARM_DELAY - 1);
        vm.expectRevert(
            abi.encodeWithSelector(IArbiterTypes.ExitsNotDue.selector, block.number, finalAt + ALARM_DELAY)
        );
        arbiter.creditExits(DISPUTED, exits);
        _raise(_contradiction());
        vm.assertTrue(arbiter.exitMode());
    }

    function test_RevertRaiseAlarm_WhenItIsTooLate() public {
        IArbiter.Submission memory second = _contradiction();
        vm.roll(finalAt + ALARM_DELAY);
        _refusesAlarm(second, IArbiterTypes.AlarmNotDue.selector);
        arbiter.creditExits(DISPUTED, _exitsOfThird());
    }

    /// @dev The younger of two final batches can still be cancelled when the elder cannot.
    function test_RaiseAlarm_LooksAtTheDisputedBatchsOwnBlock() public {
        vm.roll(finalAt + ALARM_DELAY);
        _refusesAlarm(_contradiction(), IArbiterTypes.AlarmNotDue.selector);
        arbiter.raiseAlarm(_fourth(OTHER_ROOT, WATCHER), _root(4));
        vm.assertEq(arbiter.finalizedNumber(), 3);
    }

    /// @dev No race with whoever goes on proving: one call, whatever became final behind the batch meanwhile.
    function test_RaiseAlarm_WhileBatchesKeepFinalizing() public {
        IArbiter.Submission memory second = _contradiction();
        _submit(PAYEE, _proved(5, PAYEE, 0));
        _raise(second);
        vm.assertEq(arbiter.stateRoot(), _root(2));
        vm.assertEq(arbiter.creditOf(WATCHER), uint256(BOUNTY) * 5);
    }

    /// @dev A contradiction of a batch whose first proof waits: it is made final first, by anybody.
    function test_RaiseAlarm_OnABatchThatWasFinalizedForIt() public {
        _sequence(0, _data(6));
        _submit(PAYEE, _proved(6, PAYEE, 0));
        IArbiter.Submission memory second = _unproved(6, WATCHER, 0);
        second.newRoot = OTHER_ROOT;
        second = _prove(second);
        _refusesAlarm(second, _root(6), IArbiterTypes.AlarmNotDue.selector);
        _submit(PAYEE, _proved(5, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 6);
        arbiter.raiseAlarm(second, _root(6));
        vm.assertEq(arbiter.finalizedNumber(), 5);
    }

    function test_RevertRaiseAlarm_Twice() public {
        _raise(_contradiction());
        IArbiter.Submission memory same = _contradiction();
        IArbiter.Submission memory again = _fourth(OTHER_ROOT, WATCHER);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlarmNotDue.selector, DISPUTED));
        arbiter.raiseAlarm(same, _root(3));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlarmNotDue.selector, FORMER_FINAL));
        arbiter.raiseAlarm(again, _root(4));
    }

    /// @dev Whoever can forge may be the one who ends the rollup, as soon as its deadline lets it.
    function test_RaiseAlarm_AfterADeadlineEndedTheRollup() public {
        _sequence(0, _data(6));
        vm.roll(block.number + EXIT_DEADLINE);
        _submit(PAYEE, _proved(5, PAYEE, 0));
        vm.roll(block.number + 1);
        arbiter.enterExitMode();
        IArbiter.Submission memory second = _unproved(5, WATCHER, 0);
        second.newRoot = OTHER_ROOT;
        arbiter.raiseAlarm(_prove(second), _root(5));
        vm.assertEq(arbiter.finalizedNumber(), 4);
        vm.assertEq(arbiter.stateRoot(), _root(4));
        vm.assertEq(arbiter.creditOf(WATCHER), uint256(BOUNTY) * 5);
    }

    function test_RaiseAlarm_WithoutABountyPaysNothing() public {
        IArbiter.Config memory config = _config();
        config.bounty = 0;
        arbiter = _deploy(config);
        _sequence(0, _data(1));
        _submit(PAYEE, _proved(1, PAYEE, 0));
        IArbiter.Submission memory second = _unproved(1, WATCHER, 0);
        second.newRoot = OTHER_ROOT;
        arbiter.raiseAlarm(_prove(second), _root(1));
        vm.assertTrue(arbiter.exitMode());
        vm.assertEq(arbiter.stateRoot(), GENESIS_ROOT);
        vm.assertEq(arbiter.creditOf(WATCHER), 0);
    }

    /// @dev A tip is not looked at: a final batch's word holds no reward any more.
    function test_RaiseAlarm_ByAProofWithAnyTip() public {
        IArbiter.Submission memory second = _contradiction();
        second.tip = type(uint96).max;
        _raise(_prove(second));
        vm.assertEq(arbiter.creditOf(WATCHER), uint256(BOUNTY) * FORMER_FINAL);
    }
}
