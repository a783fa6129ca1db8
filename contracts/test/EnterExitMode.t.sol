// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {EndTest} from "./support/EndTest.sol";

/// @dev When the rollup may be ended, and that nothing moves it afterwards.
contract EnterExitModeTest is EndTest {
    /// @dev Blocks after which exit mode is due: the first age above the deadline.
    uint256 private constant FIRST_DUE = uint256(EXIT_DEADLINE) + 1;

    function test_EnterExitMode_FixesRootAndLastFinalBatch() public {
        vm.roll(postedAt + FIRST_DUE);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.ExitModeEntered(LAST_FINAL, _root(LAST_FINAL), FIRST_VOID_ENTRY);
        vm.prank(RIVAL);
        arbiter.enterExitMode();
        vm.assertTrue(arbiter.exitMode());
        vm.assertEq(arbiter.finalizedNumber(), LAST_FINAL);
        vm.assertEq(arbiter.stateRoot(), _root(LAST_FINAL));
        vm.assertEq(arbiter.finalQueueEnd(), FIRST_VOID_ENTRY);
    }

    function testFuzz_EnterExitMode_IsOpenToAllOnceABatchIsOldEnough(uint256 age, address caller) public {
        vm.roll(postedAt + bound(age, FIRST_DUE, 1e12));
        vm.prank(caller);
        arbiter.enterExitMode();
        vm.assertTrue(arbiter.exitMode());
    }

    function testFuzz_RevertEnterExitMode_WhenTheOldestBatchIsTooYoung(uint256 age) public {
        vm.roll(postedAt + bound(age, 0, FIRST_DUE - 1));
        _refuses(_notDue(postedAt + FIRST_DUE));
        vm.assertFalse(arbiter.exitMode());
    }

    /// @dev The last block in which a proof still saves the rollup; it moves the deadline to the next batch's.
    function test_RevertEnterExitMode_WhenTheOldBatchIsProvedInTheLastBlock() public {
        vm.roll(postedAt + FIRST_DUE - 1);
        bytes memory waiting = bytes.concat(_slotOf(TOP_UP_ENTRY), _slotOf(FORGED_ENTRY));
        _post(SEQUENCER, _header(1), _dataWith(waiting), 2);
        vm.roll(postedAt + FIRST_DUE);
        _submit(PAYEE, _thirdProved());
        IArbiter.Submission memory fourth = _unproved(4, PAYEE, 0);
        fourth.data = _dataAlone(_slotOf(POSTED_BY_RIVAL));
        _submit(PAYEE, _prove(fourth));
        vm.assertEq(arbiter.finalizedNumber(), HEAD);
        _refuses(_notDue(postedAt + FIRST_DUE - 1 + FIRST_DUE));
        vm.assertEq(arbiter.finalQueueEnd(), TOP_UP_ENTRY);
    }

    /// @dev No batch waits: the oldest entry's age counts, whatever was drained before it.
    function testFuzz_RevertEnterExitMode_WhenTheOldestEntryIsTooYoung(uint256 age) public {
        uint256 enteredAt = _onlyAnEntryWaits();
        vm.roll(enteredAt + bound(age, 0, FIRST_DUE - 1));
        _refuses(_notDue(enteredAt + FIRST_DUE));
    }

    function testFuzz_EnterExitMode_IsOpenOnceAnEntryIsOldEnough(uint256 age) public {
        uint256 enteredAt = _onlyAnEntryWaits();
        vm.roll(enteredAt + bound(age, FIRST_DUE, 1e12));
        arbiter.enterExitMode();
        vm.assertTrue(arbiter.exitMode());
    }

    /// @dev An entry older than every batch that waits.
    function test_EnterExitMode_IsDueByTheOlderOfBatchAndEntry() public {
        uint256 enteredAt = _onlyAnEntryWaits();
        vm.roll(enteredAt + DEADLINE);
        _sequence(0, _data(1));
        vm.roll(enteredAt + FIRST_DUE - 1);
        _refuses(_notDue(enteredAt + FIRST_DUE));
        vm.roll(enteredAt + FIRST_DUE);
        arbiter.enterExitMode();
        vm.assertTrue(arbiter.exitMode());
    }

    /// @dev Draining the entry passes the clock on to the batch that holds it.
    function test_RevertEnterExitMode_WhenTheOldEntryWasPosted() public {
        uint256 enteredAt = _onlyAnEntryWaits();
        vm.roll(enteredAt + FIRST_DUE - 1);
        _post(RIVAL, _header(0), _dataAlone(_userSlot(1)), 1);
        vm.roll(enteredAt + FIRST_DUE);
        _refuses(_notDue(enteredAt + FIRST_DUE - 1 + FIRST_DUE));
    }

    function testFuzz_RevertEnterExitMode_WhenNothingWaits(uint256 age) public {
        arbiter = _deploy(_config());
        vm.roll(block.number + bound(age, 0, 1e12));
        _refuses(_notDue(0));
    }

    function test_RevertEnterExitMode_WhenABatchIsReady() public {
        _fillTheRing(10);
        for (uint64 number = 2; number <= 10; ++number) {
            _submit(PAYEE, _proved(number, PAYEE, 0));
        }
        _submit(PAYEE, _proved(1, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 8);
        vm.roll(block.number + FIRST_DUE);
        _refuses(abi.encodeWithSelector(IArbiterTypes.ReadyToFinalize.selector, 9));
        arbiter.finalize(1);
        _refuses(abi.encodeWithSelector(IArbiterTypes.ReadyToFinalize.selector, 10));
        arbiter.finalize(1);
        _refuses(_notDue(0));
        vm.assertEq(arbiter.stateRoot(), _root(10));
    }

    /// @dev A proof on a root the chain does not have makes no batch ready.
    function test_EnterExitMode_IsNotHeldUpByAStrayProof() public {
        IArbiter.Submission memory stray = _unproved(3, PAYEE, 0);
        (stray.header, stray.data, stray.oldRoot) = (_header(1, 1), _thirdData(), 7);
        _submit(PAYEE, _prove(stray));
        _end();
        vm.assertEq(arbiter.stateRoot(), _root(LAST_FINAL));
    }

    /// @dev Batch 4 is proved on batch 3's root, batch 3 is not proved: both are void, and nobody is paid for 4.
    function test_EnterExitMode_LeavesAProofBehindTheGapVoid() public {
        IArbiter.Submission memory fourth = _unproved(4, RIVAL, 0);
        fourth.data = _dataAlone(_slotOf(POSTED_BY_RIVAL));
        fourth.exits = _one(_exit(0, USER, 9));
        _submit(RIVAL, _prove(fourth));
        _end();
        vm.assertEq(arbiter.finalizedNumber(), LAST_FINAL);
        vm.assertEq(arbiter.stateRoot(), _root(LAST_FINAL));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, 4));
        arbiter.creditExits(4, fourth.exits);
        arbiter.refundBatch(4);
        vm.assertEq(arbiter.creditOf(RIVAL), 4 * REWARD);
    }

    /// @dev What would have been taken a block earlier is not even looked at.
    function test_EnterExitMode_ClosesEverythingThatMovesTheRollup() public {
        IArbiter.Submission memory third = _thirdProved();
        (uint64 number, bytes32 parent) = arbiter.head();
        uint256 fee = arbiter.queueFee();
        _end();
        _closed(0, abi.encodeCall(IArbiter.enterExitMode, ()));
        _closed(0, abi.encodeCall(IArbiter.submitProof, (third)));
        _closed(0, abi.encodeCall(IArbiter.submitProofs, (_list(third))));
        _closed(0, abi.encodeCall(IArbiter.finalize, (8)));
        bytes memory data = _dataWith(bytes.concat(_slotOf(TOP_UP_ENTRY), _slotOf(FORGED_ENTRY)));
        _closed(
            REWARD, abi.encodeCall(IArbiter.sequenceBatch, (number + 1, parent, _header(1), data, ENTRIES))
        );
        _closed(1 ether, abi.encodeCall(IArbiter.deposit, (5, 6, EXIT, 2000)));
        _closed(1 ether, abi.encodeCall(IArbiter.topUp, (0, 5, 6, EXIT, 2000)));
        _closed(fee, abi.encodeCall(IArbiter.forceExit, (0, 300)));
        _closed(fee, abi.encodeCall(IArbiter.forceTransaction, (_words(FORGED_ENTRY))));
        vm.assertEq(arbiter.finalizedNumber(), LAST_FINAL);
        vm.assertEq(arbiter.queueTail(), ENTRIES);
    }

    /// @dev Garbage too is told that the rollup has ended, not what else is wrong with it.
    function testFuzz_EnterExitMode_IsToldBeforeAnythingElse(uint64 number, uint48 account) public {
        IArbiter.Submission memory submission;
        submission.number = number;
        bytes32[4] memory words;
        _end();
        _closed(0, abi.encodeCall(IArbiter.submitProof, (submission)));
        _closed(0, abi.encodeCall(IArbiter.sequenceBatch, (number, 0, _header(0), "", number)));
        _closed(0, abi.encodeCall(IArbiter.deposit, (R, R, address(0), 0)));
        _closed(0, abi.encodeCall(IArbiter.topUp, (account, R, R, address(0), 0)));
        _closed(0, abi.encodeCall(IArbiter.forceExit, (account, 0)));
        _closed(0, abi.encodeCall(IArbiter.forceTransaction, (words)));
    }

    function test_RevertExitModeCalls_WhileTheRollupRuns() public {
        vm.roll(postedAt + FIRST_DUE);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.ExitModeInactive.selector);
        vm.expectRevert(reason);
        arbiter.refundBatch(3);
        bytes32[4] memory words = _words(DEPOSIT_ENTRY);
        vm.expectRevert(reason);
        arbiter.refundEntry(DEPOSIT_ENTRY, words);
        uint256[8] memory proof = _membership(_root(LAST_FINAL), 0, EXIT, FIRST_BALANCE);
        vm.expectRevert(reason);
        arbiter.leave(0, EXIT, FIRST_BALANCE, proof);
    }

    /// @dev Credits and exits that were earned are not touched; the delay of exits still counts.
    function test_EnterExitMode_LeavesExitsOfFinalBatchesAndCreditsAlone() public {
        _fillTheRing(1);
        _submit(PAYEE, _provedWith(1, _one(_exit(0, EXIT, 500))));
        uint256 finalizedAt = block.number;
        _forceTransaction(_userSlot(1));
        vm.roll(finalizedAt + FIRST_DUE);
        arbiter.enterExitMode();
        arbiter.creditExits(1, _one(_exit(0, EXIT, 500)));
        vm.assertEq(arbiter.creditOf(EXIT), 500 gwei);
        vm.prank(PAYEE);
        arbiter.withdraw();
        vm.assertEq(PAYEE.balance, REWARD);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, 1));
        arbiter.creditExits(1, _one(_exit(0, EXIT, 500)));
    }

    /// @dev A new arbiter with `count` batches posted; its batch n carries _data(n).
    function _fillTheRing(uint64 count) private {
        arbiter = _deploy(_config());
        _sequenceMany(count);
    }

    function _onlyAnEntryWaits() private returns (uint256 enteredAt) {
        arbiter = _deploy(_config());
        _forceTransaction(_userSlot(1));
        return block.number;
    }

    function _notDue(uint256 dueAt) private view returns (bytes memory) {
        return abi.encodeWithSelector(IArbiterTypes.ExitModeNotDue.selector, block.number, dueAt);
    }

    function _refuses(bytes memory reason) private {
        vm.expectRevert(reason);
        arbiter.enterExitMode();
    }

    function _list(IArbiter.Submission memory submission)
        private
        pure
        returns (IArbiter.Submission[] memory all)
    {
        all = new IArbiter.Submission[](1);
        all[0] = submission;
    }

    function _closed(uint256 value, bytes memory call) private {
        vm.deal(SEQUENCER, value);
        vm.prank(SEQUENCER);
        (bool ok, bytes memory reason) = address(arbiter).call{value: value}(call);
        vm.assertFalse(ok);
        vm.assertEq(reason, abi.encodeWithSelector(IArbiterTypes.ExitModeActive.selector));
    }
}
