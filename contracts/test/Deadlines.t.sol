// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev Both edges of both deadlines of the queue, and postings by anybody (docs/protocol.md section 8).
contract DeadlinesTest is ArbiterTest {
    /// @dev Blocks after which an entry is overdue: the first age above the deadline.
    uint256 private constant FIRST_OVERDUE = uint256(DEADLINE) + 1;
    /// @dev Blocks after which anybody may post: the first age above two deadlines.
    uint256 private constant FIRST_OPEN = 2 * uint256(DEADLINE) + 1;

    uint256 private start;

    function setUp() public override {
        super.setUp();
        start = block.number;
    }

    function testFuzz_SequenceBatch_MayLeaveAnEntryUntilItsDeadline(uint8 kind, uint256 age) public {
        _enqueue(kind);
        vm.roll(start + bound(age, 0, FIRST_OVERDUE - 1));
        _sequence(0, _data(1));
        vm.assertEq(arbiter.queueHead(), 0);
    }

    function testFuzz_RevertSequenceBatch_WhenAnOverdueEntryIsLeft(uint8 kind, uint256 age) public {
        _enqueue(kind);
        vm.roll(start + bound(age, FIRST_OVERDUE, 1e9));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 0, 1);
        _refusesPosting(SEQUENCER, _header(0), _data(1), 0, reason);
        _postEntry(SEQUENCER, kind);
    }

    function testFuzz_RevertSequenceBatch_WhenAnybodyPostsBeforeTheSecondDeadline(uint8 kind, uint256 age)
        public
    {
        _enqueue(kind);
        vm.roll(start + bound(age, 0, FIRST_OPEN - 1));
        _refusesPosting(RIVAL, _entryHeader(kind), _dataAlone(_entrySlot(kind)), 1, _notSequencer());
    }

    function testFuzz_SequenceBatch_IsOpenToAnybodyFromTheSecondDeadline(
        uint8 kind,
        uint256 age,
        address caller
    ) public {
        vm.assume(caller != address(0) && caller != address(vm) && caller.code.length == 0);
        _enqueue(kind);
        vm.roll(start + bound(age, FIRST_OPEN, 1e9));
        _postEntry(caller, kind);
        vm.assertEq(arbiter.queueHead(), 1);
        (uint64 number,) = arbiter.head();
        vm.assertEq(number, 1);
    }

    function testFuzz_RevertSequenceBatch_WhenTheQueueIsEmpty(uint256 age) public {
        vm.roll(start + bound(age, 0, 1e9));
        _refusesPosting(RIVAL, _header(0), _dataAlone(""), 0, _notSequencer());
    }

    /// @dev A drained entry's age opens nothing.
    function test_RevertSequenceBatch_WhenTheOldestWaitingEntryIsYoung() public {
        _enqueue(0);
        vm.roll(start + FIRST_OPEN);
        _enqueue(1);
        _postEntry(RIVAL, 0);
        _refusesPosting(RIVAL, _entryHeader(1), _dataAlone(_entrySlot(1)), 1, _notSequencer());
        vm.roll(start + 2 * FIRST_OPEN);
        _postEntry(RIVAL, 1);
    }

    function testFuzz_RevertSequenceBatch_WhenAnybodyAddsAUserSlot(uint8 kind, uint16 position, uint8 flip)
        public
    {
        _enqueue(kind);
        vm.roll(start + FIRST_OPEN);
        bytes memory data = _dataAlone(_entrySlot(kind));
        position = uint16(bound(position, 128, 511));
        data[position] = bytes1(uint8(bound(flip, 1, 255)));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.SlotNotEmpty.selector, position / 128);
        _refusesPosting(RIVAL, _entryHeader(kind), data, 1, reason);
    }

    function test_RevertSequenceBatch_WhenAnybodyDrainsNothing() public {
        _enqueue(2);
        vm.roll(start + FIRST_OPEN);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 0, 1);
        _refusesPosting(RIVAL, _header(0), _dataAlone(""), 0, reason);
    }

    function test_RevertSequenceBatch_WhenAnybodyMakesUpAnEntry() public {
        _enqueue(0);
        vm.roll(start + FIRST_OPEN);
        bytes memory data = _dataAlone(bytes.concat(_depositSlot(0, 5, 2000), _depositSlot(1, 5, 2000)));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongQueueEnd.selector, 2, 0, 1);
        _refusesPosting(RIVAL, _header(2), data, 2, reason);
        reason = abi.encodeWithSelector(IArbiterTypes.WrongCounts.selector, 2, 1);
        _refusesPosting(RIVAL, _header(2), data, 1, reason);
    }

    /// @dev The oldest entry opens the door; the whole batch may be the queue's, younger entries included.
    function test_SequenceBatch_AnybodyMayPostYoungerEntriesToo() public {
        _enqueue(0);
        vm.roll(start + FIRST_OPEN);
        _enqueue(1);
        _enqueue(2);
        bytes memory data = bytes.concat(_entrySlot(0), _entrySlot(1), _entrySlot(2));
        _post(RIVAL, _header(1, 1), _dataAlone(data), 3);
        vm.assertEq(arbiter.queueHead(), 3);
    }

    /// @dev The sequencer keeps its right while the door is open, user slots included.
    function test_SequenceBatch_TheSequencerMayPostWhileTheDoorIsOpen() public {
        _enqueue(2);
        vm.roll(start + FIRST_OPEN);
        _post(SEQUENCER, _header(0), _dataWith(_entrySlot(2)), 1);
        vm.assertEq(arbiter.queueHead(), 1);
    }

    function test_SequenceBatch_WhoeverPostsEscrowsTheRewardAndEarnsTheFees() public {
        uint256 fee = arbiter.queueFee();
        _enqueue(2);
        vm.roll(start + FIRST_OPEN);
        _postEntry(RIVAL, 2);
        vm.assertEq(RIVAL.balance, 0);
        IArbiter.Submission memory submission = _unproved(1, PAYEE, 0);
        submission.data = _dataAlone(_entrySlot(2));
        _submit(PAYEE, _prove(submission));
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
        vm.assertEq(arbiter.creditOf(RIVAL), fee + 3 * REWARD);
        vm.assertEq(arbiter.creditOf(SEQUENCER), 0);
    }

    /// @dev A sequencer that ignores the queue is overruled entry by entry, whatever the queue's length.
    function test_SequenceBatch_AnybodyDrainsALongQueueAgainstASilentSequencer() public {
        for (uint256 i = 0; i < 9; ++i) {
            _enqueue(2);
        }
        vm.roll(start + FIRST_OPEN);
        bytes memory slot = _entrySlot(2);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 1, 2);
        _refusesPosting(RIVAL, _header(0), _dataAlone(slot), 1, reason);
        _post(RIVAL, _header(0), _dataAlone(bytes.concat(slot, slot)), 2);
        _post(RIVAL, _header(0), bytes.concat(slot, slot, slot, slot), 4);
        _post(RIVAL, _header(0), _dataAlone(bytes.concat(slot, slot, slot)), 3);
        vm.assertEq(arbiter.queueHead(), 9);
    }

    /// @dev With one slot, half the slots round up to one: the queue moves at any shape.
    function test_SequenceBatch_AShapeOfOneSlotMustDrainToo() public {
        IArbiter.Config memory config = _config();
        config.slots = 1;
        arbiter = _deploy(config);
        _enqueue(2);
        _enqueue(2);
        vm.roll(start + FIRST_OVERDUE);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 0, 1);
        _refusesPosting(SEQUENCER, _header(0), _userSlot(9), 0, reason);
        _post(SEQUENCER, _header(0), _entrySlot(2), 1);
    }

    function test_SequenceBatch_WithoutADeadlineEntriesAreOverdueInTheNextBlock() public {
        IArbiter.Config memory config = _config();
        config.queueDeadline = 0;
        arbiter = _deploy(config);
        _enqueue(2);
        _sequence(0, _data(1));
        _refusesPosting(RIVAL, _header(0), _dataAlone(_entrySlot(2)), 1, _notSequencer());
        vm.roll(start + 1);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 0, 1);
        _refusesPosting(SEQUENCER, _header(0), _data(1), 0, reason);
        _postEntry(RIVAL, 2);
    }

    function _enqueue(uint8 kind) private {
        if (kind % 3 == 0) _deposit(5, 2000);
        if (kind % 3 == 1) _forceExit(EXIT, 0, 300);
        if (kind % 3 == 2) _forceTransaction(_userSlot(1));
    }

    function _postEntry(address poster, uint8 kind) private {
        _post(poster, _entryHeader(kind), _dataAlone(_entrySlot(kind)), 1);
    }

    function _entryHeader(uint8 kind) private pure returns (IArbiter.Header memory) {
        return _header(kind % 3 == 0 ? 1 : 0, kind % 3 == 1 ? 1 : 0);
    }

    function _entrySlot(uint8 kind) private pure returns (bytes memory) {
        if (kind % 3 == 0) return _depositSlot(0, 5, 2000);
        return kind % 3 == 1 ? _exitSlot(EXIT, 0, 300) : _userSlot(1);
    }

    function _notSequencer() private pure returns (bytes memory) {
        return abi.encodeWithSelector(IArbiterTypes.NotInTurn.selector, RIVAL, SEQUENCER);
    }
}
