// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Progress} from "./Progress.sol";

/// @title What the arbiter owes to whom, in Wei: pulled, never pushed, and by nothing ever stopped.
abstract contract Credits is Progress {
    mapping(address payee => uint256) internal _credits;

    function _credit(address payee, uint256 amount) internal {
        unchecked {
            // No sum of Wei comes near 2^256.
            _credits[payee] += amount;
        }
    }
}
