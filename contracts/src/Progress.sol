// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "./interfaces/IArbiter.sol";

/// @title How far batches and queue have come, and whether the rollup has ended: one storage word, read by every call.
abstract contract Progress is IArbiter {
    /// @dev Narrower than the rest, so that all five share a word.
    uint56 internal _headNumber;
    uint64 public override finalizedNumber;
    uint64 public override queueHead;
    uint64 public override queueTail;
    bool public override exitMode;

    modifier whileOpen() {
        if (exitMode) revert ExitModeActive();
        _;
    }

    modifier afterEnd() {
        if (!exitMode) revert ExitModeInactive();
        _;
    }
}
