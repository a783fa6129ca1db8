// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Extended} from "./Extended.sol";
import {Counters} from "./libraries/Counters.sol";

/// @title What can be asked: how far everything has come, and what was fixed at deployment.
abstract contract Views is Extended {
    function stateRoot() external view returns (uint256) {
        return _stateRoot;
    }

    function head() external view returns (uint64 number, bytes32 batchHash) {
        number = _counters.head();
        batchHash = _batch(number).batchHash;
    }

    function finalizedNumber() external view returns (uint64) {
        return _counters.finalized();
    }

    function queueHead() external view returns (uint64) {
        return _counters.queueHead();
    }

    function queueTail() external view returns (uint64) {
        return _counters.queueTail();
    }

    function finalQueueEnd() external view returns (uint64) {
        return _counters.finalQueueEnd();
    }

    function exitMode() external view returns (bool) {
        return _counters.exitMode();
    }

    function accountCount() external view returns (uint48) {
        return _accountCount;
    }

    function batchHashOf(uint64 number) external view returns (bytes32) {
        Counters counters = _counters;
        if (number > counters.head() || !_isKept(counters, number)) return 0;
        return _batch(number).batchHash;
    }

    function accepted(uint64 number, uint256 oldRoot)
        external
        view
        returns (uint256 newRoot, address payee, uint64 acceptedAt)
    {
        Acceptance storage acceptance = _acceptances[number][oldRoot];
        return (acceptance.newRoot, acceptance.payee, acceptance.acceptedAt);
    }

    function creditOf(address payee) external view returns (uint256) {
        return _credits[payee];
    }

    function queueFee() external view returns (uint256) {
        return _queueFee(_counters);
    }

    function currentReward() external view returns (uint96) {
        // forge-lint: disable-next-line(unsafe-typecast) -- at most the ceiling, which has 96 bits
        return uint96(_currentReward(_counters));
    }

    function domain() external view returns (uint256) {
        return _domain();
    }

    function verifier() external view returns (address) {
        return _verifier;
    }

    function membershipVerifier() external view returns (address) {
        return _membershipVerifier;
    }

    function policy() external view returns (address) {
        return _policy;
    }

    function genesisRoot() external view returns (uint256) {
        return _genesisRoot;
    }

    function circuitVersion() external view returns (uint256) {
        return _circuitVersion;
    }

    function membershipVersion() external view returns (uint256) {
        return _membershipVersion;
    }

    function slots() external view returns (uint8) {
        return _slots;
    }

    function depth() external view returns (uint8) {
        return _depth;
    }

    function reward() external view returns (uint96) {
        return _reward;
    }

    function rewardFloor() external view returns (uint96) {
        return _rewardFloor;
    }

    function bond() external view returns (uint96) {
        return _bond;
    }

    function bounty() external view returns (uint96) {
        return _bounty;
    }

    function backlogCap() external view returns (uint64) {
        return _backlogCap;
    }

    function minDeposit() external view returns (uint64) {
        return _minDeposit;
    }

    function targetDelay() external view returns (uint32) {
        return _targetDelay;
    }

    function doubleAfter() external view returns (uint32) {
        return _doubleAfter;
    }

    function quadrupleAfter() external view returns (uint32) {
        return _quadrupleAfter;
    }

    function haltAfter() external view returns (uint32) {
        return _haltAfter;
    }

    function window() external view returns (uint32) {
        return _window;
    }

    function queueDeadline() external view returns (uint32) {
        return _queueDeadline;
    }

    function alarmDelay() external view returns (uint32) {
        return _alarmDelay;
    }

    function exitDeadline() external view returns (uint32) {
        return _exitDeadline;
    }

    function deployedAt() external view returns (uint256) {
        return _deployedAt;
    }
}
