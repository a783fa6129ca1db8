// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

/// @title What the arbiter keeps of a batch beside its hash, in one word.
/// @notice From the low end: flags 8, entries 8; while it is not final reward in gwei 48, postedAt 32, poster 160 bits; once
/// it is, finalizedAt 40 and the record, 200 bits of what it became final with.
type Posting is uint256;

using PostingLib for Posting global;

// forge-lint: disable-start(unsafe-typecast, incorrect-shift) -- fields are cut out by masks and shifts
library PostingLib {
    uint256 private constant FINAL = 1;
    uint256 private constant BONDED = 2;
    uint256 private constant ENTRIES = 8;
    uint256 private constant REWARD = 16;
    uint256 private constant POSTED_AT = 64;
    uint256 private constant POSTER = 96;
    uint256 private constant FINALIZED_AT = 16;
    uint256 private constant RECORD = 56;

    /// @param gwei_ The reward.
    function open(address poster_, bool bonded, uint256 gwei_, uint256 entries_)
        internal
        view
        returns (Posting)
    {
        uint256 word =
            (uint256(uint160(poster_)) << POSTER) | (uint256(uint32(block.number)) << POSTED_AT);
        word |= (gwei_ << REWARD) | (entries_ << ENTRIES);
        return Posting.wrap(bonded ? word | BONDED : word);
    }

    function finalWith(uint256 entries_, uint256 record_) internal view returns (Posting) {
        uint256 word = (record_ << RECORD) | (uint256(uint40(block.number)) << FINALIZED_AT);
        return Posting.wrap(word | (entries_ << ENTRIES) | FINAL);
    }

    /// @dev What the record holds of a batch's results. `exitsHash` is zero where there are no exits.
    function record(uint256 oldRoot, uint256 newRoot, bytes32 exitsHash)
        internal
        pure
        returns (uint256 record_)
    {
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, oldRoot)
            mstore(add(free, 0x20), newRoot)
            mstore(add(free, 0x40), exitsHash)
            record_ := shr(RECORD, keccak256(free, 0x60))
        }
    }

    function isFinal(Posting self) internal pure returns (bool) {
        return Posting.unwrap(self) & FINAL != 0;
    }

    /// @dev Did a sequencer post it, whose bond answers for delays?
    function isBonded(Posting self) internal pure returns (bool) {
        return Posting.unwrap(self) & BONDED != 0;
    }

    function entries(Posting self) internal pure returns (uint256) {
        return (Posting.unwrap(self) >> ENTRIES) & type(uint8).max;
    }

    /// @dev In Wei.
    function reward(Posting self) internal pure returns (uint96) {
        return uint96(((Posting.unwrap(self) >> REWARD) & type(uint48).max) * 1 gwei);
    }

    function postedAt(Posting self) internal pure returns (uint256) {
        return (Posting.unwrap(self) >> POSTED_AT) & type(uint32).max;
    }

    function poster(Posting self) internal pure returns (address) {
        return address(uint160(Posting.unwrap(self) >> POSTER));
    }

    function finalizedAt(Posting self) internal pure returns (uint256) {
        return (Posting.unwrap(self) >> FINALIZED_AT) & type(uint40).max;
    }

    function recordOf(Posting self) internal pure returns (uint256) {
        return Posting.unwrap(self) >> RECORD;
    }

    function withoutPoster(Posting self) internal pure returns (Posting) {
        return Posting.wrap(Posting.unwrap(self) & ((1 << POSTER) - 1));
    }
}
// forge-lint: disable-end(unsafe-typecast, incorrect-shift)
