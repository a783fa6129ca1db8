// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Reward} from "./Reward.sol";
import {Counters} from "./libraries/Counters.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title The arbiter's queue: deposits, forced exits and forced transactions, first in, first out.
/// @notice docs/protocol.md sections 3 and 8. What an entry's slot must hold is fixed, as a hash, when it enters.
abstract contract EntryQueue is Reward {
    enum EntryKind {
        Deposit,
        ForcedExit,
        ForcedTransaction
    }

    /// @dev What the entry's slot must hold; and, in one word, where it goes, its L1 block and what it paid in Wei.
    struct Entry {
        bytes32 slotHash;
        EntryKind kind;
        uint64 enteredAt;
        uint88 fee;
    }

    uint256 private constant DEPOSIT_CAP_GWEI = 1 << 90;
    uint256 private constant DEPOSIT_KIND = 3;
    /// @dev Backlog at which the fee of an entry has doubled.
    uint256 private constant FEE_DOUBLING = 64;

    uint48 internal _accountCount;
    uint96 private _depositedGwei;

    mapping(uint64 queueIndex => Entry) private _queue;
    mapping(uint48 account => bytes32) internal _accountHashes;
    /// @dev Who queued a forced transaction: its words do not say.
    mapping(uint64 queueIndex => address) internal _payers;

    /// @dev Two slots' rewards at their dearest, more with every entry that waits.
    function _queueFee(Counters counters) internal view returns (uint256) {
        uint256 rewardPerSlot = (uint256(_reward) + _slots - 1) / _slots;
        return 2 * rewardPerSlot * (FEE_DOUBLING + counters.queueTail() - counters.queueHead()) / FEE_DOUBLING;
    }

    /// @dev Are the entries up to `queueEnd` those in `data`, each where it belongs, and is nothing overdue left behind?
    /// Returns how many they are, and what they paid in Wei.
    function _drain(Counters counters, Header calldata header, bytes calldata data, uint64 queueEnd)
        internal
        view
        returns (uint256 count, uint256 fees)
    {
        (uint64 first, uint64 tail) = (counters.queueHead(), counters.queueTail());
        if (queueEnd < first || queueEnd > tail) revert WrongQueueEnd(queueEnd, first, tail);
        uint256 counted;
        unchecked {
            (count, counted) = (queueEnd - first, uint256(header.deposits) + header.forced);
        }
        if (count > _slots) revert TooManyEntries(count, _slots);
        if (counted > count) revert WrongCounts(counted, count);
        if (queueEnd < tail) _checkNoneOverdue(first, tail, queueEnd);
        if (count > 0) fees = _checkSlots(header, data, first, queueEnd);
    }

    /// @dev The first slot of each kind and where its slots end are the header's claim. Every entry finds room among
    /// its own kind's slots, and there are as many entries as slots: so the claim is true.
    function _checkSlots(Header calldata header, bytes calldata data, uint64 first, uint64 queueEnd)
        private
        view
        returns (uint256 fees)
    {
        uint256 counted = uint256(header.deposits) + header.forced;
        uint256[3] memory next = [uint256(0), header.deposits, counted];
        uint256[3] memory end = [header.deposits, counted, uint256(queueEnd - first)];
        for (uint64 i = first; i < queueEnd; ++i) {
            Entry storage entry = _queue[i];
            uint256 kind = uint256(entry.kind);
            uint256 slot = next[kind]++;
            if (slot >= end[kind] || _slotHash(data, slot) != entry.slotHash) revert EntryMismatch(i);
            fees += entry.fee;
        }
    }

    function _slotHash(bytes calldata data, uint256 slot) private pure returns (bytes32) {
        uint256 start = slot * Statement.SLOT_BYTES;
        return keccak256(data[start:start + Statement.SLOT_BYTES]);
    }

    /// @dev Does no overdue entry stay behind, counting at most half the slots (one, for a single slot)? Entries enter in the
    /// order of blocks, so only those from `queueEnd` on need a look.
    function _checkNoneOverdue(uint64 first, uint64 tail, uint64 queueEnd) private view {
        uint64 most = first + (_slots > 1 ? _slots / 2 : 1);
        if (most > tail) most = tail;
        uint64 required = queueEnd;
        while (required < most && _waitsLongerThan(required, _queueDeadline)) {
            ++required;
        }
        if (queueEnd < required) revert OverdueEntries(queueEnd, required);
    }

    /// @dev Did the oldest entry wait so long that anybody may post the queue?
    function _isOpenToAll(Counters counters) internal view returns (bool) {
        uint64 first = counters.queueHead();
        return first < counters.queueTail() && _waitsLongerThan(first, 2 * uint256(_queueDeadline));
    }

    function _waitsLongerThan(uint64 queueIndex, uint256 blocks) private view returns (bool) {
        return block.number > _queue[queueIndex].enteredAt + blocks;
    }

    function _enteredAt(uint64 queueIndex) internal view returns (uint256) {
        return _queue[queueIndex].enteredAt;
    }

    /// @dev Strikes a void entry out of the queue: who gets back what. `words` are what its slot had to hold; its kind
    /// is what it entered as, whatever they look like.
    function _takeBack(uint64 queueIndex, bytes32[4] calldata words, bool feeIsPaid)
        internal
        returns (address beneficiary, uint256 amount)
    {
        Entry memory entry = _queue[queueIndex];
        if (entry.slotHash == 0) revert AlreadyRefunded(queueIndex);
        if (keccak256(abi.encode(words)) != entry.slotHash) revert WrongEntry(queueIndex);
        delete _queue[queueIndex];
        amount = feeIsPaid ? 0 : entry.fee;
        if (entry.kind == EntryKind.Deposit) {
            beneficiary = address(uint160(uint256(words[3])));
            // forge-lint: disable-next-line(unsafe-typecast) -- the field's 64 bits
            amount += uint256(uint64(uint256(words[0]) >> 64)) * 1 gwei;
        } else if (entry.kind == EntryKind.ForcedExit) {
            beneficiary = address(uint160(uint256(words[1])));
        } else {
            beneficiary = _payers[queueIndex];
        }
    }

    /// @dev Checks a deposit's amount and words, and puts it at the queue's tail.
    function _enqueueDeposit(
        Counters counters,
        uint48 account,
        uint256 publicKeyX,
        uint256 publicKeyY,
        address exitAddress,
        uint64 amount
    ) internal {
        if (amount < _minDeposit) revert AmountOutOfRange(amount, _minDeposit);
        if (publicKeyX >= Statement.R) revert NotInField(publicKeyX);
        if (publicKeyY >= Statement.R) revert NotInField(publicKeyY);
        if (exitAddress == address(0)) revert ZeroExitAddress();
        uint256 total = uint256(_depositedGwei) + amount;
        if (total >= DEPOSIT_CAP_GWEI) revert DepositCapReached(total);
        // forge-lint: disable-next-line(unsafe-typecast) -- below 2^90
        _depositedGwei = uint96(total);

        uint256 word = (DEPOSIT_KIND << 224) | (uint256(account) << 128) | (uint256(amount) << 64);
        bytes32 slotHash = keccak256(abi.encode(word, publicKeyX, publicKeyY, exitAddress));
        uint64 queueIndex = _enqueue(counters, EntryKind.Deposit, slotHash, uint256(amount) * 1 gwei);
        emit Deposited(queueIndex, account, publicKeyX, publicKeyY, exitAddress, amount);
    }

    /// @dev Puts an entry at the queue's tail; what its value holds beyond `amountWei` is its fee. The fee's upper
    /// bound lets a batch's sum fit 96 bits: an entry nobody could drain would stop the queue.
    function _enqueue(Counters counters, EntryKind kind, bytes32 slotHash, uint256 amountWei)
        internal
        returns (uint64 queueIndex)
    {
        uint256 least = amountWei + _queueFee(counters);
        if (msg.value < least) revert FeeTooLow(msg.value, least);
        uint256 fee = msg.value - amountWei;
        if (fee > type(uint88).max) revert FeeTooHigh(fee, type(uint88).max);
        queueIndex = counters.queueTail();
        _counters = counters.withEntry();
        // forge-lint: disable-next-line(unsafe-typecast) -- checked above
        _queue[queueIndex] = Entry(slotHash, kind, uint64(block.number), uint88(fee));
    }

    function _accountHash(uint256 publicKeyX, uint256 publicKeyY, address exitAddress)
        internal
        pure
        returns (bytes32)
    {
        return keccak256(abi.encode(publicKeyX, publicKeyY, exitAddress));
    }
}
