// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev Queueing forced exits and forced transactions, and what a posting that drains them must look like.
contract ForcedEntriesTest is ArbiterTest {
    function testFuzz_ForceExit_QueuesTheCallersOwnWish(address caller, uint48 account, uint64 amount)
        public
    {
        vm.assume(caller != address(0) && caller != address(vm));
        uint256 fee = arbiter.queueFee();
        vm.deal(caller, fee);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.ForcedExitQueued(0, account, caller, amount);
        vm.prank(caller);
        arbiter.forceExit{value: fee}(account, amount);
        vm.assertEq(arbiter.queueTail(), 1);
        vm.assertEq(arbiter.accountCount(), 0);
        _post(SEQUENCER, _header(0, 1), _dataWith(_exitSlot(caller, account, amount)), 1);
    }

    function testFuzz_ForceTransaction_QueuesAnyWords(bytes32[4] memory words) public {
        uint256 fee = arbiter.queueFee();
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.ForcedTransactionQueued(0, words);
        vm.prank(USER);
        arbiter.forceTransaction{value: fee}(words);
        _post(SEQUENCER, _header(0), _dataWith(abi.encodePacked(words)), 1);
    }

    /// @dev Whoever asks for an exit is written into the slot: the circuit compares it with the exit address. So the
    /// wish of somebody else cannot be posted as if the exit address had asked.
    function test_RevertSequenceBatch_WhenAForcedExitIsPutIntoAnothersMouth() public {
        _deposit(5, 2000);
        _sequence(1, _dataWith(_depositSlot(0, 5, 2000)));
        _forceExit(RIVAL, 0, 2000);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.EntryMismatch.selector, 1);
        _refusesPosting(SEQUENCER, _header(0, 1), _dataWith(_exitSlot(EXIT, 0, 2000)), 1, reason);
        _post(SEQUENCER, _header(0, 1), _dataWith(_exitSlot(RIVAL, 0, 2000)), 1);
    }

    /// @dev Deposits first, then forced exits, then forced transactions; each kind in the queue's order.
    function test_SequenceBatch_SortsTheEntriesByKind() public {
        _forceTransaction(_userSlot(1));
        _forceExit(EXIT, 0, 300);
        _forceTransaction(_userSlot(2));
        _deposit(5, 2000);
        bytes memory data =
            bytes.concat(_depositSlot(0, 5, 2000), _exitSlot(EXIT, 0, 300), _userSlot(1), _userSlot(2));
        _post(SEQUENCER, _header(1, 1), data, 4);
        vm.assertEq(arbiter.queueHead(), 4);
    }

    function test_SequenceBatch_KeepsTheQueuesOrderWithinEachKind() public {
        _mixed();
        bytes memory swapped =
            bytes.concat(_exitSlot(EXIT, 0, 301), _exitSlot(EXIT, 0, 300), _userSlot(1), _userSlot(2));
        _refusesPosting(SEQUENCER, _header(0, 2), swapped, 4, _mismatch(1));
        swapped = bytes.concat(_exitSlot(EXIT, 0, 300), _exitSlot(EXIT, 0, 301), _userSlot(2), _userSlot(1));
        _refusesPosting(SEQUENCER, _header(0, 2), swapped, 4, _mismatch(0));
        _post(SEQUENCER, _header(0, 2), _mixedData(), 4);
    }

    function testFuzz_RevertSequenceBatch_WhenTheHeaderCountsWrongly(uint8 deposits, uint8 forced) public {
        _mixed();
        vm.assume(deposits != 0 || forced != 2);
        bytes memory data = _mixedData();
        if (uint256(deposits) + forced > 4) {
            bytes memory reason =
                abi.encodeWithSelector(IArbiterTypes.WrongCounts.selector, uint256(deposits) + forced, 4);
            _refusesPosting(SEQUENCER, _header(deposits, forced), data, 4, reason);
        } else {
            // The first entry, a transaction, finds an exit where the header says it belongs, unless it says two
            // slots too: then the second entry, an exit, has no room.
            _refusesPosting(
                SEQUENCER,
                _header(deposits, forced),
                data,
                4,
                _mismatch(uint256(deposits) + forced == 2 ? 1 : 0)
            );
        }
    }

    /// @dev Whatever the slots of a posting hold, whatever its header says: it drains entries only where they belong.
    function testFuzz_SequenceBatch_DrainsOnlyWhatItHolds(
        uint8 deposits,
        uint8 forced,
        uint8 entries,
        uint8[4] memory order
    ) public {
        _mixed();
        entries = uint8(bound(entries, 0, 4));
        (deposits, forced) = (uint8(bound(deposits, 0, 1)), uint8(bound(forced, 0, 2)));
        bool right = deposits == 0 && _belongs(order, forced, entries);
        bytes memory data = bytes.concat(_pick(order[0]), _pick(order[1]), _pick(order[2]), _pick(order[3]));
        (uint64 number, bytes32 parent) = arbiter.head();
        vm.prank(SEQUENCER);
        try arbiter.sequenceBatch{value: REWARD}(
            number + 1, parent, _header(deposits, forced), data, entries
        ) {
            vm.assertTrue(right, "taken");
        } catch {
            vm.assertFalse(right, "refused");
        }
    }

    function test_RevertSequenceBatch_WhenATransactionTakesAnExitsPlace() public {
        _forceTransaction(_exitSlot(EXIT, 0, 2000));
        bytes memory data = _dataWith(_exitSlot(EXIT, 0, 2000));
        _refusesPosting(SEQUENCER, _header(0, 1), data, 1, _mismatch(0));
        _refusesPosting(SEQUENCER, _header(1, 0), data, 1, _mismatch(0));
        _post(SEQUENCER, _header(0), data, 1);
    }

    function test_RevertSequenceBatch_WhenAnExitTakesADepositsPlace() public {
        _forceExit(EXIT, 0, 2000);
        bytes memory data = _dataWith(_exitSlot(EXIT, 0, 2000));
        _refusesPosting(SEQUENCER, _header(1, 0), data, 1, _mismatch(0));
        _refusesPosting(SEQUENCER, _header(0), data, 1, _mismatch(0));
    }

    /// @dev A slot that looks like a deposit in a forced transaction: only ever a user slot.
    function test_RevertSequenceBatch_WhenAForcedTransactionPosesAsADeposit() public {
        _forceTransaction(_depositSlot(0, 5, 2000));
        bytes memory data = _dataWith(_depositSlot(0, 5, 2000));
        _refusesPosting(SEQUENCER, _header(1), data, 1, _mismatch(0));
        _post(SEQUENCER, _header(0), data, 1);
        vm.assertEq(arbiter.accountCount(), 0);
    }

    /// @dev The same, hidden behind the field's order: w + r means w to the circuit, and is no deposit either.
    function test_RevertSequenceBatch_WhenAForcedTransactionHidesADepositBehindTheFieldsOrder() public {
        _forceTransaction(_hidden(_depositSlot(0, 5, 2000)));
        bytes memory hidden = _dataWith(_hidden(_depositSlot(0, 5, 2000)));
        _refusesPosting(SEQUENCER, _header(1), hidden, 1, _mismatch(0));
        bytes memory plain = _dataWith(_depositSlot(0, 5, 2000));
        _refusesPosting(SEQUENCER, _header(1), plain, 1, _mismatch(0));
        _refusesPosting(SEQUENCER, _header(0), plain, 1, _mismatch(0));
        _post(SEQUENCER, _header(0), hidden, 1);
    }

    function test_RevertSequenceBatch_WhenADepositIsPostedBehindTheFieldsOrder() public {
        _deposit(5, 2000);
        bytes memory data = _dataWith(_hidden(_depositSlot(0, 5, 2000)));
        _refusesPosting(SEQUENCER, _header(1), data, 1, _mismatch(0));
    }

    /// @dev A deposit's words in a user slot: the header counts none, and a count without an entry is refused.
    function test_RevertSequenceBatch_WhenAUserSlotIsCountedAsADeposit() public {
        bytes memory data = _dataWith(_depositSlot(0, 5, 2000));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongCounts.selector, 1, 0);
        _refusesPosting(SEQUENCER, _header(1), data, 0, reason);
        _refusesPosting(SEQUENCER, _header(0, 1), data, 0, reason);
        _sequence(0, data);
        vm.assertEq(arbiter.accountCount(), 0);
    }

    function testFuzz_RevertSequenceBatch_WhenAForcedSlotDiffers(bool exit, uint8 position, uint8 flip)
        public
    {
        if (exit) _forceExit(EXIT, 0, 300);
        else _forceTransaction(_userSlot(1));
        bytes memory data = _dataWith(exit ? _exitSlot(EXIT, 0, 300) : _userSlot(1));
        data[position % 128] ^= bytes1(uint8(bound(flip, 1, 255)));
        _refusesPosting(SEQUENCER, _header(0, exit ? 1 : 0), data, 1, _mismatch(0));
    }

    /// @dev An entry that arrives between making a posting and its landing changes nothing.
    function test_SequenceBatch_IsNotDisturbedByYoungerEntriesOfAnyKind() public {
        _mixed();
        _deposit(5, 2000);
        _forceExit(EXIT, 0, 1);
        _forceTransaction(_userSlot(3));
        _post(SEQUENCER, _header(0, 2), _mixedData(), 4);
        vm.assertEq(arbiter.queueHead(), 4);
        vm.assertEq(arbiter.queueTail(), 7);
    }

    /// @dev The slot of entry `index % 4` of _mixed.
    function _pick(uint256 index) private pure returns (bytes memory) {
        if (index % 2 == 0) return _userSlot(1 + (index % 4) / 2);
        return _exitSlot(EXIT, 0, uint64(300 + (index % 4) / 2));
    }

    /// @dev Are the first `entries` of _mixed in `order` as a header with `forced` forced exits needs them?
    function _belongs(uint8[4] memory order, uint256 forced, uint256 entries)
        private
        pure
        returns (bool right)
    {
        right = forced == entries / 2;
        uint256[2] memory next = [uint256(0), 1];
        for (uint256 i = 0; i < entries; ++i) {
            uint256 kind = i < forced ? 1 : 0;
            right = right && order[i] % 4 == next[kind];
            next[kind] += 2;
        }
    }

    /// @dev Queue: transaction, exit, transaction, exit.
    function _mixed() private {
        _forceTransaction(_userSlot(1));
        _forceExit(EXIT, 0, 300);
        _forceTransaction(_userSlot(2));
        _forceExit(EXIT, 0, 301);
    }

    function _mixedData() private pure returns (bytes memory) {
        return bytes.concat(_exitSlot(EXIT, 0, 300), _exitSlot(EXIT, 0, 301), _userSlot(1), _userSlot(2));
    }

    /// @dev The slot with the field's order added to its first word.
    function _hidden(bytes memory slot) private pure returns (bytes memory) {
        (uint256 w0, uint256 w1, uint256 w2, uint256 w3) =
            abi.decode(slot, (uint256, uint256, uint256, uint256));
        return abi.encode(w0 + R, w1, w2, w3);
    }

    function _mismatch(uint64 queueIndex) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IArbiterTypes.EntryMismatch.selector, queueIndex);
    }
}
