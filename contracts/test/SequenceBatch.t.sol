// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

contract SequenceBatchTest is ArbiterTest {
    function test_SequenceBatch_OrdersAndEmitsTheWholeBatch() public {
        bytes memory data = _data(1);
        bytes32 hash = _hash(0, data);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.BatchSequenced(1, hash, 0, _header(0), data, REWARD, 0);
        _sequence(0, data);
        (uint64 number, bytes32 batchHash) = arbiter.head();
        vm.assertEq(number, 1);
        vm.assertEq(batchHash, hash);
        vm.assertEq(arbiter.batchHashOf(1), hash);
        vm.assertEq(_held(), REWARD);
    }

    function test_SequenceBatch_ChainsBatchesByTheirHashes() public {
        _sequenceMany(3);
        (uint64 number, bytes32 batchHash) = arbiter.head();
        vm.assertEq(number, 3);
        vm.assertEq(batchHash, _hash(0, _data(3)));
    }

    function test_SequenceBatch_DrainsTheQueueInOrder() public {
        _deposit(5, 2000);
        _deposit(50, 3000);
        _topUp(0, 5, 4000);
        _sequence(2, _dataWith(bytes.concat(_depositSlot(0, 5, 2000), _depositSlot(1, 50, 3000))));
        vm.assertEq(arbiter.queueHead(), 2);
        _sequence(1, _dataWith(_depositSlot(0, 5, 4000)));
        vm.assertEq(arbiter.queueHead(), 3);
    }

    function test_SequenceBatch_IsNotDisturbedByYoungerDeposits() public {
        _deposit(5, 2000);
        bytes memory data = _dataWith(_depositSlot(0, 5, 2000));
        _deposit(50, 3000);
        _sequence(1, data);
        vm.assertEq(arbiter.queueHead(), 1);
    }

    function testFuzz_RevertSequenceBatch_WhenTheCallerIsNotTheSequencer(address caller) public {
        vm.assume(caller != SEQUENCER);
        vm.deal(caller, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NotInTurn.selector, caller, SEQUENCER));
        vm.prank(caller);
        arbiter.sequenceBatch{value: REWARD}(1, 0, _header(0), _data(1), 0);
    }

    function testFuzz_RevertSequenceBatch_WhenTheNumberIsNotNext(uint64 number) public {
        _sequenceMany(1);
        vm.assume(number != 2);
        bytes32 parent = arbiter.batchHashOf(1);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongNumber.selector, number, 2);
        _refuses(reason, REWARD, number, parent, _header(0), _data(2), 0);
    }

    function test_RevertSequenceBatch_WhenAPostingIsCopied() public {
        _sequenceMany(1);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongNumber.selector, 1, 2);
        _refuses(reason, REWARD, 1, 0, _header(0), _data(1), 0);
    }

    function testFuzz_RevertSequenceBatch_WhenTheParentIsAnother(bytes32 parent) public {
        _sequenceMany(1);
        bytes32 expected = arbiter.batchHashOf(1);
        vm.assume(parent != expected);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongParent.selector, parent, expected);
        _refuses(reason, REWARD, 2, parent, _header(0), _data(2), 0);
    }

    function testFuzz_RevertSequenceBatch_WhenTheRewardIsNotExact(uint256 value) public {
        value = bound(value, 0, 100 ether);
        vm.assume(value != REWARD);
        bytes memory reason =
            abi.encodeWithSelector(IArbiterTypes.WrongReward.selector, value, REWARD, REWARD);
        _refuses(reason, value, 1, 0, _header(0), _data(1), 0);
    }

    function testFuzz_RevertSequenceBatch_WhenTheDataLengthIsWrong(uint16 length) public {
        vm.assume(length != 512);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongDataLength.selector, length, 512);
        _refuses(reason, REWARD, 1, 0, _header(0), new bytes(length), 0);
    }

    function test_RevertSequenceBatch_WhenEntriesExceedTheSlots() public {
        for (uint256 i = 0; i < 5; ++i) {
            _deposit(5, 2000);
        }
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.TooManyEntries.selector, 5, 4);
        _refuses(reason, REWARD, 1, 0, _header(5), _data(1), 5);
    }

    function test_RevertSequenceBatch_WhenDepositsAreMadeUp() public {
        bytes memory data = _dataWith(_depositSlot(0, 5, 2000));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongQueueEnd.selector, 1, 0, 0);
        _refuses(reason, REWARD, 1, 0, _header(1), data, 1);
    }

    function testFuzz_RevertSequenceBatch_WhenTheQueueEndIsOutsideTheQueue(uint64 queueEnd) public {
        _deposit(5, 2000);
        _deposit(50, 2000);
        _sequence(1, _dataWith(_depositSlot(0, 5, 2000)));
        vm.assume(queueEnd < 1 || queueEnd > 2);
        bytes32 parent = arbiter.batchHashOf(1);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongQueueEnd.selector, queueEnd, 1, 2);
        _refuses(reason, REWARD, 2, parent, _header(0), _data(2), queueEnd);
    }

    /// @dev Every byte of a deposit's slot counts.
    function testFuzz_RevertSequenceBatch_WhenADepositSlotDiffers(uint8 position, uint8 flip) public {
        _deposit(5, 2000);
        bytes memory data = _dataWith(_depositSlot(0, 5, 2000));
        position %= 128;
        data[position] ^= bytes1(uint8(bound(flip, 1, 255)));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.EntryMismatch.selector, 0);
        _refuses(reason, REWARD, 1, 0, _header(1), data, 1);
    }

    function test_RevertSequenceBatch_WhenDepositsAreOutOfOrder() public {
        _deposit(5, 2000);
        _deposit(50, 3000);
        bytes memory data = _dataWith(bytes.concat(_depositSlot(1, 50, 3000), _depositSlot(0, 5, 2000)));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.EntryMismatch.selector, 0);
        _refuses(reason, REWARD, 1, 0, _header(2), data, 2);
    }

    function test_SequenceBatch_MayLeaveDepositsOfTheDeadlinesLastBlock() public {
        _deposit(5, 2000);
        vm.roll(block.number + DEADLINE);
        _sequence(0, _data(1));
        vm.assertEq(arbiter.queueHead(), 0);
    }

    function test_RevertSequenceBatch_WhenOverdueEntriesAreLeftOut() public {
        uint256 start = block.number;
        _deposit(5, 2000);
        vm.roll(start + 1);
        _deposit(50, 3000);
        vm.roll(start + 1 + DEADLINE);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 0, 1);
        _refuses(reason, REWARD, 1, 0, _header(0), _data(1), 0);
        vm.roll(start + 2 + DEADLINE);
        reason = abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 1, 2);
        _refuses(reason, REWARD, 1, 0, _header(1), _dataWith(_depositSlot(0, 5, 2000)), 1);
        _sequence(2, _dataWith(bytes.concat(_depositSlot(0, 5, 2000), _depositSlot(1, 50, 3000))));
    }

    function test_SequenceBatch_NeedsNoMoreThanHalfItsSlotsForOverdueEntries() public {
        bytes memory queued;
        for (uint48 i = 0; i < 4; ++i) {
            _deposit(5, 2000);
            if (i < 2) queued = bytes.concat(queued, _depositSlot(i, 5, 2000));
        }
        vm.roll(block.number + 10 * uint256(DEADLINE));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 0, 2);
        _refuses(reason, REWARD, 1, 0, _header(0), _data(1), 0);
        _sequence(2, _dataWith(queued));
    }

    function test_SequenceBatch_TakesABatchOfDepositsOnly() public {
        bytes memory data;
        for (uint48 i = 0; i < SLOTS; ++i) {
            _deposit(i, 2000);
            data = bytes.concat(data, _depositSlot(i, i, 2000));
        }
        _sequence(SLOTS, data);
        vm.assertEq(arbiter.queueHead(), SLOTS);
    }

    /// @dev keccak(header words ‖ data), written here from docs/protocol.md section 3.
    function _hash(uint256 deposits, bytes memory data) private pure returns (bytes32) {
        uint256 shape = 4 * 256 + 2;
        return keccak256(abi.encodePacked(shape, deposits, uint256(0), uint256(7), data));
    }

    function _refuses(
        bytes memory reason,
        uint256 value,
        uint64 number,
        bytes32 parent,
        IArbiter.Header memory header,
        bytes memory data,
        uint64 queueEnd
    ) private {
        vm.expectRevert(reason);
        vm.prank(SEQUENCER);
        arbiter.sequenceBatch{value: value}(number, parent, header, data, queueEnd);
    }
}
