// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Credits} from "./Credits.sol";
import {Counters, CountersLib} from "./libraries/Counters.sol";

/// @title What a batch's proof is worth: a controller sets where rewards start, a ladder raises those of batches that wait.
/// @notice docs/protocol.md section 10. Neither looks at a balance, and neither changes a reward that is already promised.
abstract contract Reward is Credits {
    /// @dev The most that the ladder multiplies a reward by: what a poster without a bond puts down.
    uint256 internal constant MOST_FACTOR = 4;
    /// @dev One step of the controller is this part of the multiplier.
    uint256 private constant STEP = 32;

    /// @dev The least reward of a posting now, in Wei: whole gwei, between floor and ceiling as the multiplier is.
    function _currentReward(Counters counters) internal view returns (uint256 reward) {
        unchecked {
            reward = uint256(_reward) * counters.multiplier() / CountersLib.ONE;
            return reward - reward % 1 gwei;
        }
    }

    /// @dev The multiplier after a batch that was proved `delay` blocks after its posting: up a step if that was late, down
    /// if early.
    function _stepped(uint256 multiplier, uint256 delay) internal view returns (uint256) {
        unchecked {
            uint256 step = multiplier / STEP;
            if (delay < _targetDelay) {
                multiplier -= step;
                return multiplier > _leastMultiplier ? multiplier : _leastMultiplier;
            }
            if (delay > _targetDelay) multiplier += step > 0 ? step : 1;
        }
        return multiplier < CountersLib.ONE ? multiplier : CountersLib.ONE;
    }

    /// @dev How many times its reward a batch pays whose proof was accepted `delay` blocks after its posting.
    function _factor(uint256 delay) internal view returns (uint256) {
        if (delay <= _doubleAfter) return 1;
        return delay <= _quadrupleAfter ? 2 : MOST_FACTOR;
    }
}
