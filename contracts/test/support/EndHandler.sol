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
    /// @dev What was final before an alarm: batches, and the queue's entries that they drained.
    uint64 private cancelled;
    uint64 private cancelledDrained;

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

    /// @dev Contradicts a final batch by a true proof of other exits, of another root or of the same; ends the rollup before it
    /// while it is young, and never later or for nothing.
    function alarm(uint256 seed) external {
        uint64 last = arbiter.finalizedNumber();
        if (last == 0 || seed % 4 > 0) return;
        uint64 number = uint64(last - (seed / 4) % (last < 4 ? last : 4));
        IArbiter.Submission memory second = _contradiction(number, seed / 16);
        bytes32 exitsHash = _hashOf(batches[number - 1].exits);
        bool differs = second.newRoot != _root(number) || _hashOf(second.exits) != exitsHash;
        bool due = differs && block.number < batches[number - 1].finalizedAt + ALARM_DELAY;
        uint64 end_ = finalDrained();
        uint256 before = arbiter.creditOf(second.payee);
        try arbiter.raiseAlarm(second, _root(number)) {
            vm.assertTrue(due, "alarm for nothing");
            uint256 bounty = cancelled == 0 ? uint256(BOUNTY) * last : 0;
            if (cancelled == 0) (cancelled, cancelledDrained) = (last, end_);
            bountyPaid += bounty;
            vm.assertEq(arbiter.creditOf(second.payee), before + bounty);
            vm.assertTrue(arbiter.exitMode() && arbiter.finalizedNumber() == number - 1);
            vm.assertEq(arbiter.stateRoot(), _root(number - 1));
        } catch {
            vm.assertFalse(due, "due and not raised");
        }
    }

    function refundBatch(uint256 seed) public {
        if (batches.length == 0) return;
        uint64 number = uint64(1 + seed % batches.length);
        bool due = arbiter.exitMode() && number > _paidNumber() && !batchRefunded[number];
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
            vm.assertEq(arbiter.creditOf(beneficiary), before + _paid(index));
        } catch {
            vm.assertFalse(due, "entry due and not refunded");
        }
    }

    function leave(uint256 seed) public {
        uint48 account = uint48(seed % ACCOUNTS);
        uint96 balance = uint96(_finalBalance(account));
        bool due = arbiter.exitMode() && !left[account] && _isRootSafe();
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
        vm.roll(block.number + ALARM_DELAY);
        for (uint256 account = 0; account < ACCOUNTS; ++account) {
            leave(account);
        }
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
            if (i >= _paidNumber()) {
                sum += batchRefunded[i + 1] ? 0 : escrowOf(i);
            } else if (i < arbiter.finalizedNumber() && !batches[i].credited) {
                sum += _sum(batches[i].exits) * 1 gwei;
            }
        }
        for (uint64 i = finalDrained(); i < queued.length; ++i) {
            if (!entryRefunded[i]) sum += _paid(i);
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

    /// @dev Too late for any alarm.
    function _isRootSafe() private view returns (bool) {
        uint64 number = arbiter.finalizedNumber();
        return number == 0 || block.number >= batches[number - 1].finalizedAt + ALARM_DELAY;
    }

    /// @dev The last batch whose prover was paid.
    function _paidNumber() private view returns (uint64) {
        return cancelled > 0 ? cancelled : arbiter.finalizedNumber();
    }

    function _contradiction(uint64 number, uint256 seed)
        private
        view
        returns (IArbiter.Submission memory second)
    {
        Batch storage batch = batches[number - 1];
        second = _unproved(number, _actor(seed), 0);
        (second.data, second.header) = (batch.data, batch.header);
        if (seed % 3 > 0) second.newRoot = seed % R;
        second.exits = seed % 2 == 0 ? batch.exits : _one(_exit(seed % SLOTS, _actor(seed), uint64(seed)));
        return _prove(second);
    }

    function _hashOf(uint256[] memory exits) private pure returns (bytes32) {
        return exits.length == 0 ? bytes32(0) : keccak256(abi.encodePacked(exits));
    }

    /// @dev What an entry's value was, its fee and a deposit's amount; without the fee if that was paid before an alarm.
    function _paid(uint64 index) private view returns (uint256) {
        Queued storage entry = queued[index];
        uint256 fee = index < cancelledDrained ? 0 : entry.fee;
        return fee + (entry.kind == 0 ? uint256(_amountOf(entry.slot)) * 1 gwei : 0);
    }
}
