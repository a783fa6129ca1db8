// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./ArbiterTest.sol";

/// @dev Everything anybody may do to an arbiter, in random order, with books kept beside it.
contract MarketHandler is ArbiterTest {
    uint256 private constant ACTORS = 4;

    uint256 public depositedWei;
    uint256 public withdrawnWei;
    uint64 public sequencedDeposits;
    uint256 public lateProofs;
    bytes[] private queued;
    bytes[] private batches;
    uint8[] private batchDeposits;
    uint256[] private keys;

    constructor() {
        ArbiterTest.setUp();
    }

    /// @dev The state root moves with a finalization and never otherwise.
    modifier rootMovesOnlyWithFinalization() {
        (uint256 root, uint64 number) = (arbiter.stateRoot(), arbiter.finalizedNumber());
        _;
        bool finalized = arbiter.finalizedNumber() != number;
        vm.assertEq(arbiter.stateRoot() != root, finalized);
    }

    function deposit(uint256 keyX, uint64 amount) external rootMovesOnlyWithFinalization {
        (keyX, amount) = (keyX % 5, uint64(bound(amount, MIN_DEPOSIT, 1e9)));
        uint48 account = arbiter.accountCount();
        if (account == 16) return;
        _deposit(keyX, amount);
        _book(_depositSlot(account, keyX, amount), amount);
        keys.push(keyX);
    }

    function topUp(uint48 account, uint64 amount) external rootMovesOnlyWithFinalization {
        if (keys.length == 0) return;
        (account, amount) = (uint48(account % keys.length), uint64(bound(amount, MIN_DEPOSIT, 1e9)));
        vm.prank(USER);
        arbiter.topUp{value: uint256(amount) * 1 gwei}(account, keys[account], keys[account] + 1, EXIT);
        _book(_depositSlot(account, keys[account], amount), amount);
    }

    /// @dev At least half the slots, so that nothing is ever overdue.
    function sequence(uint256 seed) external rootMovesOnlyWithFinalization {
        uint256 waiting = queued.length - sequencedDeposits;
        uint256 deposits = bound(seed, SLOTS / 2, SLOTS);
        if (deposits > waiting) deposits = waiting;
        bytes memory data = _data(seed);
        for (uint256 i = 0; i < deposits * 128; ++i) {
            data[i] = queued[sequencedDeposits + i / 128][i % 128];
        }
        _sequence(uint8(deposits), data);
        sequencedDeposits += uint64(deposits);
        batches.push(data);
        batchDeposits.push(uint8(deposits));
    }

    /// @dev A true proof, for the chain's own old root or for one the chain never had.
    function submit(uint256 seed, bool stray, uint96 tip) external rootMovesOnlyWithFinalization {
        if (batches.length == 0) return;
        uint64 number = uint64(1 + seed % batches.length);
        IArbiter.Submission memory submission =
            _unproved(number, _actor(seed / 7), uint96(tip % (REWARD + 1)));
        if (stray) submission.oldRoot = 1 + seed % 3;
        (submission.data, submission.header) = (batches[number - 1], _header(batchDeposits[number - 1]));
        submission = _prove(submission);
        (, address payee,) = arbiter.accepted(number, submission.oldRoot);
        vm.prank(_actor(seed / 11));
        try arbiter.submitProof(submission) {
            vm.assertTrue(payee == address(0), "accepted twice");
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(IArbiter.AlreadyAccepted.selector));
            vm.assertTrue(payee != address(0) || number <= arbiter.finalizedNumber(), "refused for nothing");
            ++lateProofs;
        }
    }

    function finalize(uint256 limit) external rootMovesOnlyWithFinalization {
        arbiter.finalize(limit % 4);
    }

    function withdraw(uint256 seed) external rootMovesOnlyWithFinalization {
        address actor = _actor(seed);
        uint256 credit = arbiter.creditOf(actor);
        if (credit == 0) return;
        vm.prank(actor);
        arbiter.withdraw();
        withdrawnWei += credit;
    }

    function pass(uint8 blocks) external {
        vm.roll(block.number + blocks);
    }

    function credits() external view returns (uint256 sum) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            sum += arbiter.creditOf(_actor(i));
        }
    }

    function market() external view returns (IArbiter) {
        return arbiter;
    }

    function canonicalRoot(uint64 number) external pure returns (uint256) {
        return _root(number);
    }

    function queuedDeposits() external view returns (uint256) {
        return queued.length;
    }

    function reward() external pure returns (uint256) {
        return REWARD;
    }

    function _book(bytes memory slot, uint64 amount) private {
        queued.push(slot);
        depositedWei += uint256(amount) * 1 gwei;
    }

    function _actor(uint256 seed) private pure returns (address) {
        return address(uint160(0xAC7000 + seed % ACTORS));
    }
}
