// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title How far everything has come, in one word, which every call reads once and moves by additions.
/// @notice From the low end: head 36, finalized 36, queueHead 36, queueTail 36, finalQueueEnd 36, storedAhead 10,
/// multiplier 21, exitMode 1, seats 8, waitingSince 32 bits. Each batch and each queue entry costs 60,000 gas or more: 2^36
/// of them are all that L1 has to give in a quarter of a century.
type Counters is uint256;

using CountersLib for Counters global;

// forge-lint: disable-start(unsafe-typecast, incorrect-shift) -- fields are cut out by masks and shifts
library CountersLib {
    uint256 internal constant ONE = 1 << 20;

    uint256 private constant MASK = (1 << 36) - 1;
    uint256 private constant FINALIZED = 36;
    uint256 private constant QUEUE_HEAD = 72;
    uint256 private constant QUEUE_TAIL = 108;
    uint256 private constant FINAL_QUEUE_END = 144;
    uint256 private constant STORED_AHEAD = 180;
    uint256 private constant STORED_AHEAD_MASK = (1 << 10) - 1;
    uint256 private constant MULTIPLIER = 190;
    uint256 private constant MULTIPLIER_MASK = (1 << 21) - 1;
    uint256 private constant EXIT_MODE = 211;
    uint256 private constant SEATS = 212;
    uint256 private constant WAITING_SINCE = 220;
    /// @dev What becomes new when a batch is final.
    uint256 private constant MOVED_MASK =
        (MULTIPLIER_MASK << MULTIPLIER) | (uint256(type(uint32).max) << WAITING_SINCE);

    function initial() internal pure returns (Counters) {
        return Counters.wrap(ONE << MULTIPLIER);
    }

    /// @dev Number of the last batch posted.
    function head(Counters self) internal pure returns (uint64) {
        return uint64(Counters.unwrap(self) & MASK);
    }

    /// @dev Number of the last final batch.
    function finalized(Counters self) internal pure returns (uint64) {
        return uint64((Counters.unwrap(self) >> FINALIZED) & MASK);
    }

    function queueHead(Counters self) internal pure returns (uint64) {
        return uint64((Counters.unwrap(self) >> QUEUE_HEAD) & MASK);
    }

    function queueTail(Counters self) internal pure returns (uint64) {
        return uint64((Counters.unwrap(self) >> QUEUE_TAIL) & MASK);
    }

    /// @dev First queue entry that no final batch drained.
    function finalQueueEnd(Counters self) internal pure returns (uint64) {
        return uint64((Counters.unwrap(self) >> FINAL_QUEUE_END) & MASK);
    }

    /// @dev Highest batch with a stored acceptance, counted from the last final one; zero if there is none ahead.
    function storedAhead(Counters self) internal pure returns (uint256) {
        return (Counters.unwrap(self) >> STORED_AHEAD) & STORED_AHEAD_MASK;
    }

    /// @dev What part of its ceiling the reward is now, ONE being all of it.
    function multiplier(Counters self) internal pure returns (uint256) {
        return (Counters.unwrap(self) >> MULTIPLIER) & MULTIPLIER_MASK;
    }

    function exitMode(Counters self) internal pure returns (bool) {
        return (Counters.unwrap(self) >> EXIT_MODE) & 1 != 0;
    }

    function seats(Counters self) internal pure returns (uint256) {
        return (Counters.unwrap(self) >> SEATS) & type(uint8).max;
    }

    /// @dev No batch that is not final was posted before this block.
    function waitingSince(Counters self) internal pure returns (uint256) {
        return (Counters.unwrap(self) >> WAITING_SINCE) & type(uint32).max;
    }

    function withPosting(Counters self, uint256 entries) internal pure returns (Counters) {
        unchecked {
            return Counters.wrap(Counters.unwrap(self) + 1 + (entries << QUEUE_HEAD));
        }
    }

    function withEntry(Counters self) internal pure returns (Counters) {
        unchecked {
            return Counters.wrap(Counters.unwrap(self) + (1 << QUEUE_TAIL));
        }
    }

    /// @dev One more batch final, which drained `entries` and was posted in block `postedAt`, so those after it not before; the
    /// multiplier becomes `multiplier_`.
    function withFinal(Counters self, uint256 entries, uint256 postedAt, uint256 multiplier_)
        internal
        pure
        returns (Counters)
    {
        uint256 word = Counters.unwrap(self);
        unchecked {
            word += (1 << FINALIZED) + (entries << FINAL_QUEUE_END);
            if (self.storedAhead() > 0) word -= 1 << STORED_AHEAD;
        }
        return Counters.wrap((word & ~MOVED_MASK) | (multiplier_ << MULTIPLIER) | (postedAt << WAITING_SINCE));
    }

    /// @dev Batch `number`, beyond the final ones and at most the head, has a stored acceptance.
    function withStored(Counters self, uint64 number) internal pure returns (Counters) {
        uint256 ahead = number - self.finalized();
        if (ahead <= self.storedAhead()) return self;
        uint256 cleared = Counters.unwrap(self) & ~(STORED_AHEAD_MASK << STORED_AHEAD);
        return Counters.wrap(cleared | (ahead << STORED_AHEAD));
    }

    function withExitMode(Counters self) internal pure returns (Counters) {
        return Counters.wrap(Counters.unwrap(self) | (1 << EXIT_MODE));
    }

    function withSeats(Counters self, uint256 seats_) internal pure returns (Counters) {
        uint256 cleared = Counters.unwrap(self) & ~(uint256(type(uint8).max) << SEATS);
        return Counters.wrap(cleared | (seats_ << SEATS));
    }

    /// @dev The alarm's way back: `number` is the last final batch, and `entries` are not drained any more.
    function withoutFinal(Counters self, uint64 number, uint256 entries) internal pure returns (Counters) {
        uint256 word = Counters.unwrap(self) & ~(MASK << FINALIZED);
        return Counters.wrap((word | (uint256(number) << FINALIZED)) - (entries << FINAL_QUEUE_END));
    }
}
// forge-lint: disable-end(unsafe-typecast, incorrect-shift)
