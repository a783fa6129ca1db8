// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {MarketHandler} from "./MarketHandler.sol";
import {Simulator} from "./Simulator.sol";

/// @dev A market that may end at any time; then all take what is theirs, in random order and more often than they may.
contract EndHandler is MarketHandler {
    uint256 private constant NOTHING_WAITS = type(uint256).max;

    mapping(uint64 number => bool) private batchRefunded;
    mapping(uint64 queueIndex => bool) private entryRefunded;
    mapping(uint48 account => bool) private left;

    /// @dev Ends the rollup if something waits for too long, and never before.
    function end(uint8 blocks) public {
        if (arbiter.exitMode()) return;
        vm.roll(block.number + blocks % 64);
        bool due = _oldest() < NOTHING_WAITS && block.number > _oldest() + EXIT_DEADLINE && !_isReady();
        (uint256 root, uint64 number) = (arbiter.stateRoot(), arbiter.finalizedNumber());
        try arbiter.enterExitMode() {
            vm.assertTrue(due, "ended too early");
        } catch {
            vm.assertFalse(due, "due and not ended");
        }
        vm.assertTrue(arbiter.stateRoot() == root && arbiter.finalizedNumber() == number);
    }

    function refundBatch(uint256 seed) public {
        if (batches.length == 0) return;
        uint64 number = uint64(1 + seed % batches.length);
        bool due = arbiter.exitMode() && number > arbiter.finalizedNumber() && !batchRefunded[number];
        address poster = batches[number - 1].poster;
        uint256 before = arbiter.creditOf(poster);
        try arbiter.refundBatch(number) {
            vm.assertTrue(due, "batch refunded twice or for nothing");
            batchRefunded[number] = true;
            vm.assertEq(arbiter.creditOf(poster), before + escrowOf(number - 1));
        } catch {
            vm.assertFalse(due, "batch due and not refunded");
        }
    }

    function refundEntry(uint256 seed) public {
        if (queued.length == 0) return;
        uint64 index = uint64(seed % queued.length);
        Queued storage entry = queued[index];
        bool due = arbiter.exitMode() && index >= finalDrained() && !entryRefunded[index];
        address beneficiary = entry.kind == 0 ? EXIT : USER;
        uint256 before = arbiter.creditOf(beneficiary);
        try arbiter.refundEntry(index, abi.decode(entry.slot, (bytes32[4]))) {
            vm.assertTrue(due, "entry refunded twice or for nothing");
            entryRefunded[index] = true;
            vm.assertEq(arbiter.creditOf(beneficiary), before + _paid(entry));
        } catch {
            vm.assertFalse(due, "entry due and not refunded");
        }
    }

    function leave(uint256 seed) public {
        uint48 account = uint48(seed % ACCOUNTS);
        uint96 balance = uint96(_finalBalance(account));
        bool due = arbiter.exitMode() && !left[account];
        uint256 place = uint256(account) * 2 ** 160 + uint160(EXIT);
        uint256[8] memory proof = Simulator.prove(arbiter.stateRoot(), place, balance, seed);
        try arbiter.leave(account, EXIT, balance, proof) {
            vm.assertTrue(due, "left twice or too early");
            left[account] = true;
        } catch {
            vm.assertFalse(due, "due and not let go");
        }
    }

    /// @dev Brings the rollup to its end and lets everybody take all that is left for them.
    function settle() external {
        if (!arbiter.exitMode()) _stall();
        for (uint256 i = 0; i < batches.length; ++i) {
            refundBatch(i);
        }
        for (uint256 i = 0; i < queued.length; ++i) {
            refundEntry(i);
        }
        for (uint256 account = 0; account < ACCOUNTS; ++account) {
            leave(account);
        }
        vm.roll(block.number + ALARM_DELAY);
        for (uint64 number = 1; number <= arbiter.finalizedNumber(); ++number) {
            _creditExits(number);
        }
        for (uint256 i = 0; i < HOLDERS; ++i) {
            _withdraw(_holder(i));
        }
    }

    /// @dev What the arbiter must hold, to the wei, counted from the books of this contract.
    function owed() external view returns (uint256 sum) {
        sum = pot();
        if (!arbiter.exitMode()) return sum + _owedWhileRunning();
        for (uint48 account = 0; account < ACCOUNTS; ++account) {
            if (!left[account]) sum += _finalBalance(account) * 1 gwei;
        }
        for (uint64 i = 0; i < batches.length; ++i) {
            if (i >= arbiter.finalizedNumber()) sum += batchRefunded[i + 1] ? 0 : escrowOf(i);
            else if (!batches[i].credited) sum += _sum(batches[i].exits) * 1 gwei;
        }
        for (uint64 i = finalDrained(); i < queued.length; ++i) {
            if (!entryRefunded[i]) sum += _paid(queued[i]);
        }
    }

    /// @dev First entry that no final batch drained.
    function finalDrained() public view returns (uint64) {
        uint64 number = arbiter.finalizedNumber();
        return number == 0 ? 0 : batches[number - 1].queueEnd;
    }

    /// @dev Nobody does anything until the rollup can be ended.
    function _stall() private {
        while (arbiter.finalize(8) > 0) {}
        if (_oldest() == NOTHING_WAITS) forceTransaction(1, 0);
        vm.roll(_oldest() + EXIT_DEADLINE + 1);
        end(0);
        vm.assertTrue(arbiter.exitMode());
    }

    function _owedWhileRunning() private view returns (uint256) {
        (, uint256 pending) = fees();
        return (depositedGwei - creditedGwei) * 1 gwei + escrows() + pending;
    }

    /// @dev The block in which the oldest batch that is not final was posted or the oldest entry entered.
    function _oldest() private view returns (uint256 since) {
        uint64 number = arbiter.finalizedNumber();
        since = number < batches.length ? batches[number].postedAt : NOTHING_WAITS;
        if (drained < queued.length && queued[drained].enteredAt < since) since = queued[drained].enteredAt;
    }

    function _isReady() private view returns (bool) {
        (, address payee,) = arbiter.accepted(arbiter.finalizedNumber() + 1, arbiter.stateRoot());
        return payee != address(0);
    }

    function _finalBalance(uint48 account) private view returns (uint256) {
        uint64 number = arbiter.finalizedNumber();
        return number == 0 ? 0 : batches[number - 1].balances[account];
    }

    /// @dev What an entry's value was: its fee, and a deposit's amount.
    function _paid(Queued storage entry) private view returns (uint256) {
        return entry.fee + (entry.kind == 0 ? uint256(_amountOf(entry.slot)) * 1 gwei : 0);
    }
}
