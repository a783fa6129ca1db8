// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EntryQueue} from "./EntryQueue.sol";
import {Counters} from "./libraries/Counters.sol";
import {Posting, PostingLib} from "./libraries/Posting.sol";

/// @title The sequenced batches, in a ring: a new one takes the storage of one that is long final.
/// @notice Fewer batches than there is room for may wait for their proofs: the last final batch and all after it are always
/// there, and so is what became final within `alarmDelay` blocks.
abstract contract BatchRing is EntryQueue {
    /// @dev The last is written only if entries were drained: what those paid in Wei.
    struct Batch {
        bytes32 batchHash;
        Posting posting;
        uint256 fees;
    }

    uint64 internal constant CAPACITY = 1024;

    Batch[CAPACITY] private _ring;

    /// @dev Batch `number`, if it is kept; else another one.
    function _batch(uint64 number) internal view returns (Batch storage) {
        return _ring[number % CAPACITY];
    }

    /// @dev Is batch `number`, at most the head, still in the ring?
    function _isKept(Counters counters, uint64 number) internal pure returns (bool) {
        return counters.head() - number < CAPACITY;
    }

    /// @dev Room for the batch after the head, not taken from one the alarm may ask for; and somebody proves.
    function _checkRoom(Counters counters) internal view {
        (uint64 head, uint64 finalized) = (counters.head(), counters.finalized());
        uint64 backlog = head - finalized;
        if (backlog >= _backlogCap) revert BacklogFull(backlog, _backlogCap);
        Posting old = _batch(head + 1).posting;
        if (old.isFinal() && block.number < old.finalizedAt() + _alarmDelay) {
            revert BacklogFull(backlog, _backlogCap);
        }
        if (backlog == 0) return;
        uint256 postedAt = _batch(finalized + 1).posting.postedAt();
        if (block.number > postedAt + _haltAfter) revert PostingHalted(finalized + 1, postedAt);
    }

    /// @dev Makes the batch the head. What its storage held of fees before is not read for one without entries.
    /// @param reward In Wei.
    function _post(Counters counters, bytes32 batchHash, bool bonded, uint256 reward, Drained memory drained)
        internal
    {
        Batch storage batch = _batch(counters.head() + 1);
        batch.batchHash = batchHash;
        batch.posting = PostingLib.open(msg.sender, bonded, reward / 1 gwei, drained.count);
        if (drained.count > 0) batch.fees = drained.fees;
        _counters = counters.withPosting(drained.count);
    }
}
