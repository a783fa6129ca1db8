// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./ArbiterTest.sol";

/// @dev Everything anybody may do to an arbiter, in random order, with books kept beside it.
contract MarketHandler is ArbiterTest {
    struct Queued {
        uint8 kind;
        uint256 fee;
        uint256 enteredAt;
        bytes slot;
    }

    struct Batch {
        IArbiter.Header header;
        bytes data;
        uint256 fees;
        uint256[] exits;
        uint256 finalizedAt;
        bool credited;
    }

    uint256 private constant ACTORS = 4;

    uint256 public depositedGwei;
    uint256 public promisedGwei;
    uint256 public creditedGwei;
    uint256 public withdrawnWei;
    uint64 public drained;
    uint256 public openPostings;
    Queued[] private queued;
    Batch[] private batches;
    uint256[] private keys;

    constructor() {
        ArbiterTest.setUp();
    }

    /// @dev The state root moves with a finalization and never otherwise; new final batches are dated.
    modifier watched() {
        (uint256 root, uint64 number) = (arbiter.stateRoot(), arbiter.finalizedNumber());
        _;
        bool finalized = arbiter.finalizedNumber() != number;
        vm.assertEq(arbiter.stateRoot() != root, finalized);
        while (number < arbiter.finalizedNumber()) {
            batches[number++].finalizedAt = block.number;
        }
    }

    function deposit(uint256 keyX, uint64 amount, uint64 extra) external watched {
        (keyX, amount) = (keyX % 5, uint64(bound(amount, MIN_DEPOSIT, 1e9)));
        uint48 account = arbiter.accountCount();
        if (account == 16) return;
        uint256 fee = _fee(extra);
        vm.prank(USER);
        arbiter.deposit{value: uint256(amount) * 1 gwei + fee}(keyX, keyX + 1, EXIT, amount);
        queued.push(Queued(0, fee, block.number, _depositSlot(account, keyX, amount)));
        depositedGwei += amount;
        keys.push(keyX);
    }

    function topUp(uint48 account, uint64 amount, uint64 extra) external watched {
        if (keys.length == 0) return;
        (account, amount) = (uint48(account % keys.length), uint64(bound(amount, MIN_DEPOSIT, 1e9)));
        (uint256 fee, uint256 key) = (_fee(extra), keys[account]);
        vm.prank(USER);
        arbiter.topUp{value: uint256(amount) * 1 gwei + fee}(account, key, key + 1, EXIT, amount);
        queued.push(Queued(0, fee, block.number, _depositSlot(account, key, amount)));
        depositedGwei += amount;
    }

    function forceExit(uint48 account, uint64 amount, uint64 extra) external watched {
        uint256 fee = _fee(extra);
        vm.prank(USER);
        arbiter.forceExit{value: fee}(account, amount);
        queued.push(Queued(1, fee, block.number, _exitSlot(USER, account, amount)));
    }

    function forceTransaction(uint256 seed, uint64 extra) external watched {
        uint256 fee = _fee(extra);
        bytes memory slot = seed % 2 == 0 ? _userSlot(seed) : _depositSlot(0, 5, 2000);
        vm.prank(USER);
        arbiter.forceTransaction{value: fee}(abi.decode(slot, (bytes32[4])));
        queued.push(Queued(2, fee, block.number, slot));
    }

    /// @dev At least half the slots, so that nothing is ever overdue.
    function sequence(uint256 seed) external watched {
        uint256 entries = bound(seed, SLOTS / 2, SLOTS);
        if (entries > queued.length - drained) entries = queued.length - drained;
        _postEntries(SEQUENCER, entries, _data(seed));
    }

    /// @dev Anybody, once the oldest entry is old enough; refused before.
    function postQueue(uint256 seed) external watched {
        uint256 waiting = queued.length - drained;
        uint256 entries = bound(seed, 1, SLOTS);
        if (entries < SLOTS / 2) entries = SLOTS / 2;
        if (entries > waiting) entries = waiting;
        if (_oldestWaits() > 2 * uint256(DEADLINE)) {
            _postEntries(_actor(seed / 3), entries, new bytes(uint256(SLOTS) * 128));
            ++openPostings;
            return;
        }
        address actor = _actor(seed / 3);
        bytes memory reason = abi.encodeWithSelector(IArbiter.NotSequencer.selector, actor, SEQUENCER);
        _refusesPosting(actor, _header(0), new bytes(uint256(SLOTS) * 128), 0, reason);
    }

    /// @dev A true proof, for the chain's own old root or for one the chain never had. The simulator proves any
    /// exits: the chain's own stay within the deposits, as the circuit sees to; those of strays do not.
    function submit(uint256 seed, bool stray, uint96 tip, uint64 amount) external watched {
        if (batches.length == 0) return;
        uint64 number = uint64(1 + seed % batches.length);
        IArbiter.Submission memory submission =
            _unproved(number, _actor(seed / 7), uint96(tip % (REWARD + 1)));
        if (stray) submission.oldRoot = 1 + seed % 3;
        else amount = uint64(amount % (depositedGwei - promisedGwei + 1));
        submission.exits = _exits(seed / 13, amount);
        (submission.data, submission.header) = (batches[number - 1].data, batches[number - 1].header);
        submission = _prove(submission);
        (, address payee,) = arbiter.accepted(number, submission.oldRoot);
        vm.prank(_actor(seed / 11));
        try arbiter.submitProof(submission) {
            vm.assertTrue(payee == address(0), "accepted twice");
            if (!stray) _promise(number, submission.exits);
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(IArbiter.AlreadyAccepted.selector));
            vm.assertTrue(payee != address(0) || number <= arbiter.finalizedNumber(), "refused for nothing");
        }
    }

    function creditExits(uint256 seed) external watched {
        if (batches.length == 0) return;
        uint64 number = uint64(1 + seed % batches.length);
        if (arbiter.finalizedNumber() > 0 && seed % 3 > 0) {
            number = 1 + uint64(seed % arbiter.finalizedNumber());
        }
        Batch storage batch = batches[number - 1];
        bool due = batch.exits.length > 0 && !batch.credited && batch.finalizedAt > 0
            && block.number >= batch.finalizedAt + ALARM_DELAY;
        try arbiter.creditExits(number, batch.exits) {
            vm.assertTrue(due, "credited twice, too early or for nothing");
            batch.credited = true;
            creditedGwei += _sum(batch.exits);
        } catch {
            vm.assertFalse(due, "due and not credited");
        }
    }

    function finalize(uint256 limit) external watched {
        arbiter.finalize(limit % 4);
    }

    function withdraw(uint256 seed) external watched {
        address actor = seed % 5 == 0 ? SEQUENCER : _actor(seed);
        uint256 credit = arbiter.creditOf(actor);
        if (credit == 0) return;
        vm.prank(actor);
        arbiter.withdraw();
        withdrawnWei += credit;
    }

    function pass(uint8 blocks) external {
        vm.roll(block.number + blocks % (2 * DEADLINE));
    }

    function credits() external view returns (uint256 sum) {
        for (uint256 i = 0; i < ACTORS; ++i) {
            sum += arbiter.creditOf(_actor(i));
        }
        sum += arbiter.creditOf(SEQUENCER);
    }

    /// @dev Fees of entries whose batch is final, and of all others.
    function fees() external view returns (uint256 earned, uint256 pending) {
        for (uint256 i = 0; i < batches.length; ++i) {
            if (i < arbiter.finalizedNumber()) earned += batches[i].fees;
            else pending += batches[i].fees;
        }
        for (uint256 i = drained; i < queued.length; ++i) {
            pending += queued[i].fee;
        }
    }

    function market() external view returns (IArbiter) {
        return arbiter;
    }

    function canonicalRoot(uint64 number) external pure returns (uint256) {
        return _root(number);
    }

    function queuedEntries() external view returns (uint256) {
        return queued.length;
    }

    function reward() external pure returns (uint256) {
        return REWARD;
    }

    /// @dev Posts the queue's next entries, sorted by kind, over the first slots of `data`.
    function _postEntries(address poster, uint256 entries, bytes memory data) private {
        uint8[3] memory counts;
        uint256 slot;
        uint256 paid;
        for (uint8 kind = 0; kind < 3; ++kind) {
            for (uint256 i = drained; i < drained + entries; ++i) {
                if (queued[i].kind != kind) continue;
                for (uint256 j = 0; j < 128; ++j) {
                    data[slot * 128 + j] = queued[i].slot[j];
                }
                (++slot, ++counts[kind]);
                paid += queued[i].fee;
            }
        }
        IArbiter.Header memory header = _header(counts[0], counts[1]);
        _post(poster, header, data, uint64(entries));
        drained += uint64(entries);
        Batch storage batch = batches.push();
        (batch.header, batch.data, batch.fees) = (header, data, paid);
    }

    function _promise(uint64 number, uint256[] memory exits) private {
        batches[number - 1].exits = exits;
        promisedGwei += _sum(exits);
    }

    /// @dev No exit, or one or two that share `amount`.
    function _exits(uint256 seed, uint64 amount) private pure returns (uint256[] memory exits) {
        exits = new uint256[](seed % 3);
        if (exits.length > 0) exits[0] = _exit(seed % 2, _actor(seed), amount / uint64(exits.length));
        if (exits.length > 1) exits[1] = _exit(2 + seed % 2, _actor(seed / 5), amount / 2);
    }

    function _sum(uint256[] memory exits) private pure returns (uint256 sum) {
        for (uint256 i = 0; i < exits.length; ++i) {
            sum += uint64(exits[i]);
        }
    }

    function _fee(uint64 extra) private view returns (uint256) {
        return arbiter.queueFee() + extra % 1 gwei;
    }

    function _oldestWaits() private view returns (uint256) {
        return drained == queued.length ? 0 : block.number - queued[drained].enteredAt;
    }

    function _actor(uint256 seed) private pure returns (address) {
        return address(uint160(0xAC7000 + seed % ACTORS));
    }
}
