// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Terms} from "./Terms.sol";
import {Counters} from "./libraries/Counters.sol";

/// @title How far batches, queue and state have come, and whether the rollup has ended.
abstract contract Progress is Terms {
    Counters internal _counters;
    uint256 internal _stateRoot;

    /// @dev The counters, while the rollup goes on.
    function _whileOpen() internal view returns (Counters counters) {
        counters = _counters;
        if (counters.exitMode()) revert ExitModeActive();
    }

    /// @dev The counters, after the end.
    function _afterEnd() internal view returns (Counters counters) {
        counters = _counters;
        if (!counters.exitMode()) revert ExitModeInactive();
    }
}
