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

    /// @dev Batch `number`, if it is kept; else another one. Three words each, from the ring's first on.
    function _batch(uint64 number) internal pure returns (Batch storage batch) {
        uint256 index = number % CAPACITY;
        assembly ("memory-safe") {
            batch.slot := add(_ring.slot, mul(index, 3))
        }
    }

    /// @dev Is batch `number`, at most the head, still in the ring?
    function _isKept(Counters counters, uint64 number) internal pure returns (bool) {
        return counters.head() - number < CAPACITY;
    }

    /// @dev Room for the batch after the head, not taken from one the alarm may ask for; and somebody proves.
    function _checkRoom(Counters counters) internal view {
        unchecked {
            (uint64 head, uint64 finalized) = (counters.head(), counters.finalized());
            uint64 backlog = head - finalized;
            if (backlog >= _backlogCap) revert BacklogFull(backlog, _backlogCap);
            Posting old = _batch(head + 1).posting;
            if (old.isFinal() && block.number < old.finalizedAt() + _alarmDelay) {
                revert BacklogFull(backlog, _backlogCap);
            }
            // The oldest is not read while it cannot be too old.
            if (backlog == 0 || block.number <= counters.waitingSince() + _haltAfter) return;
            uint256 postedAt = _batch(finalized + 1).posting.postedAt();
            if (block.number > postedAt + _haltAfter) revert PostingHalted(finalized + 1, postedAt);
        }
    }

    /// @dev Makes the batch the head. What its storage held of fees before is not read for one without entries.
    /// @param reward In gwei.
    function _post(
        Counters counters,
        bytes32 batchHash,
        bool bonded,
        uint256 reward,
        uint256 entries,
        uint256 fees
    ) internal {
        Batch storage batch;
        unchecked {
            batch = _batch(counters.head() + 1);
        }
        batch.batchHash = batchHash;
        batch.posting = PostingLib.open(msg.sender, bonded, reward, entries);
        if (entries > 0) batch.fees = fees;
        _counters = counters.withPosting(entries);
    }
}
