// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "./interfaces/IArbiter.sol";

/// @title How far batches, queue and state have come, and whether the rollup has ended.
abstract contract Progress is IArbiter {
    /// @dev Narrower than the rest, so that all five share a word, which every call reads.
    uint56 internal _headNumber;
    uint64 public override finalizedNumber;
    uint64 public override queueHead;
    uint64 public override queueTail;
    bool public override exitMode;

    uint256 public override stateRoot;

    modifier whileOpen() {
        if (exitMode) revert ExitModeActive();
        _;
    }

    modifier afterEnd() {
        if (!exitMode) revert ExitModeInactive();
        _;
    }
}
