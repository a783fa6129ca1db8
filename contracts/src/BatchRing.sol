// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EntryQueue} from "./EntryQueue.sol";
import {IArbiter} from "./interfaces/IArbiter.sol";

/// @title The sequenced batches, in a ring: a new one takes the storage of one that is long final.
/// @notice At most `backlogCap` batches are not final, one less than there is room for: the last final batch and all
/// after it are always there.
abstract contract BatchRing is EntryQueue {
    /// @dev The hash; who posted it, in which block, where the queue's head was after it and how many entries it
    /// drained; and, written only if it drained any, what those paid in Wei.
    struct Batch {
        bytes32 batchHash;
        address poster;
        uint40 postedAt;
        uint48 queueEnd;
        uint8 entries;
        uint96 fees;
    }

    uint64 private constant CAPACITY = 1024;

    uint64 public constant override backlogCap = CAPACITY - 1;

    Batch[CAPACITY] private _ring;

    /// @inheritdoc IArbiter
    function head() external view returns (uint64 number, bytes32 batchHash) {
        number = _headNumber;
        batchHash = _batch(number).batchHash;
    }

    /// @inheritdoc IArbiter
    function batchHashOf(uint64 number) external view returns (bytes32) {
        bool kept = number <= _headNumber && _headNumber - number < CAPACITY;
        return kept ? _batch(number).batchHash : bytes32(0);
    }

    /// @inheritdoc IArbiter
    function finalQueueEnd() public view returns (uint64) {
        return _batch(finalizedNumber).queueEnd;
    }

    /// @dev Room for batch `number`; there is none while too many are not final.
    function _checkRoom(uint64 number) internal view {
        uint64 backlog = number - 1 - finalizedNumber;
        if (backlog >= backlogCap) revert BacklogFull(backlog, backlogCap);
    }

    /// @dev Batch `number`, if it is kept; else another one.
    function _batch(uint64 number) internal view returns (Batch storage) {
        return _ring[number % CAPACITY];
    }

    /// @dev Makes batch `number` the head. Whatever `fees` its storage held before is not read for a batch without
    /// entries. A queue index takes 48 bits: each one costs a transaction.
    function _push(uint64 number, bytes32 batchHash, uint64 queueEnd, uint256 entries, uint96 fees) internal {
        Batch storage batch = _batch(number);
        batch.batchHash = batchHash;
        // forge-lint: disable-start(unsafe-typecast)
        batch.poster = msg.sender;
        batch.postedAt = uint40(block.number);
        batch.queueEnd = uint48(queueEnd);
        batch.entries = uint8(entries);
        if (entries > 0) batch.fees = fees;
        _headNumber = uint56(number);
        // forge-lint: disable-end(unsafe-typecast)
    }

    /// @dev What the entries in a kept batch paid.
    function _feesOf(Batch storage batch) internal view returns (uint96) {
        return batch.entries > 0 ? batch.fees : 0;
    }
}
