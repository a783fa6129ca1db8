// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "./interfaces/IArbiterTypes.sol";
import {CountersLib} from "./libraries/Counters.sol";

/// @title All that is fixed at deployment: immutables of both bodies, set from one Config, which the arbiter checks.
abstract contract Terms is IArbiterTypes {
    /// @dev One batch less than the ring holds.
    uint256 private constant MOST_WAITING = 1023;

    address internal immutable _verifier;
    address internal immutable _membershipVerifier;
    address internal immutable _policy;
    uint256 internal immutable _genesisRoot;
    uint256 internal immutable _circuitVersion;
    uint256 internal immutable _membershipVersion;
    uint8 internal immutable _slots;
    uint8 internal immutable _depth;
    uint96 internal immutable _reward;
    uint96 internal immutable _rewardFloor;
    uint96 internal immutable _bond;
    uint96 internal immutable _bounty;
    uint64 internal immutable _minDeposit;
    uint32 internal immutable _targetDelay;
    uint32 internal immutable _doubleAfter;
    uint32 internal immutable _quadrupleAfter;
    uint32 internal immutable _haltAfter;
    uint32 internal immutable _window;
    uint32 internal immutable _queueDeadline;
    uint32 internal immutable _alarmDelay;
    uint32 internal immutable _exitDeadline;
    uint256 internal immutable _deployedAt = block.number;
    uint64 internal immutable _backlogCap;
    /// @dev Where the reward is at its floor (`Counters.multiplier`).
    uint256 internal immutable _leastMultiplier;

    constructor(Config memory config) {
        (_verifier, _membershipVerifier, _policy) =
        (config.verifier, config.membershipVerifier, config.policy);
        (_genesisRoot, _circuitVersion) = (config.genesisRoot, config.circuitVersion);
        _membershipVersion = config.membershipVersion;
        (_slots, _depth, _minDeposit) = (config.slots, config.depth, config.minDeposit);
        (_reward, _rewardFloor, _bond, _bounty) =
        (config.reward, config.rewardFloor, config.bond, config.bounty);
        uint256 least = uint256(config.rewardFloor) * CountersLib.ONE;
        _leastMultiplier = config.reward == 0 ? CountersLib.ONE : (least + config.reward - 1) / config.reward;
        uint256 covered = config.reward == 0 ? MOST_WAITING : config.bond / (3 * uint256(config.reward));
        // forge-lint: disable-next-line(unsafe-typecast) -- at most 1,023
        _backlogCap = uint64(covered < MOST_WAITING ? covered : MOST_WAITING);
        (_targetDelay, _doubleAfter) = (config.targetDelay, config.doubleAfter);
        (_quadrupleAfter, _haltAfter) = (config.quadrupleAfter, config.haltAfter);
        (_window, _queueDeadline) = (config.window, config.queueDeadline);
        (_alarmDelay, _exitDeadline) = (config.alarmDelay, config.exitDeadline);
    }
}
