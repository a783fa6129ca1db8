// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EntryQueue} from "./EntryQueue.sol";
import {Counters} from "./libraries/Counters.sol";

/// @title The queue's doors: how deposits, forced exits and forced transactions enter.
abstract contract QueueDoors is EntryQueue {
    uint256 private constant EXIT_KIND = 2;

    function deposit(uint256 publicKeyX, uint256 publicKeyY, address exitAddress, uint64 amount)
        external
        payable
        returns (uint48 account)
    {
        Counters counters = _whileOpen();
        uint256 capacity = 4 ** uint256(_depth);
        if (_accountCount >= capacity) revert TreeFull(capacity);
        account = _accountCount++;
        _accountHashes[account] = _accountHash(publicKeyX, publicKeyY, exitAddress);
        _enqueueDeposit(counters, account, publicKeyX, publicKeyY, exitAddress, amount);
    }

    function topUp(uint48 account, uint256 publicKeyX, uint256 publicKeyY, address exitAddress, uint64 amount)
        external
        payable
    {
        Counters counters = _whileOpen();
        if (account >= _accountCount) revert AccountUnknown(account);
        bytes32 accountHash = _accountHash(publicKeyX, publicKeyY, exitAddress);
        if (_accountHashes[account] != accountHash) revert WrongKey(account);
        _enqueueDeposit(counters, account, publicKeyX, publicKeyY, exitAddress, amount);
    }

    function forceExit(uint48 account, uint64 amount) external payable {
        Counters counters = _whileOpen();
        uint256 word = (EXIT_KIND << 224) | (uint256(account) << 176) | (uint256(amount) << 64);
        bytes32 slotHash = keccak256(abi.encode(word, msg.sender, uint256(0), uint256(0)));
        uint64 queueIndex = _enqueue(counters, EntryKind.ForcedExit, slotHash, 0);
        emit ForcedExitQueued(queueIndex, account, msg.sender, amount);
    }

    function forceTransaction(bytes32[4] calldata words) external payable {
        Counters counters = _whileOpen();
        bytes32 slotHash = keccak256(abi.encode(words));
        uint64 queueIndex = _enqueue(counters, EntryKind.ForcedTransaction, slotHash, 0);
        _payers[queueIndex] = msg.sender;
        emit ForcedTransactionQueued(queueIndex, words);
    }
}
