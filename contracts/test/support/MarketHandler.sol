// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./ArbiterTest.sol";

/// @dev Everything anybody may do to an arbiter, in random order, with books kept beside it.
contract MarketHandler is ArbiterTest {
    uint256 internal constant ACCOUNTS = 16;

    struct Queued {
        uint8 kind;
        uint256 fee;
        uint256 enteredAt;
        bytes slot;
    }

    struct Batch {
        IArbiter.Header header;
        bytes data;
        address poster;
        uint64 queueEnd;
        uint256 fees;
        uint256[] exits;
        uint256[ACCOUNTS] balances;
        uint256 postedAt;
        uint256 finalizedAt;
        bool credited;
        bool bonded;
        uint256 reward;
        uint256 provedAt;
    }

    uint96 private constant FLOOR = REWARD / 2;
    uint96 internal constant BOUNTY = 12_345 gwei + 7;
    uint32 private constant TARGET = 5;
    uint32 private constant TWICE_AFTER = 8;
    uint32 private constant FOURFOLD_AFTER = 16;
    uint256 private constant ACTORS = 4;
    uint256 internal constant HOLDERS = ACTORS + 3;

    uint256 public depositedGwei;
    uint256 public creditedGwei;
    uint256 public withdrawnWei;
    /// @dev Wei paid for proofs, delays included; what bonds paid of it; what came back to posters without one.
    uint256 public rewardsPaid;
    uint256 public charged;
    uint256 public returned;
    /// @dev The controller's, a second time.
    uint256 private multiplier = 2 ** 20;
    uint256 internal bountyPaid;
    uint64 public drained;
    uint256 public openPostings;
    Queued[] internal queued;
    Batch[] internal batches;
    uint256[] private keys;
    /// @dev Gwei of each account after the last batch posted.
    uint256[ACCOUNTS] private balances;

    constructor() {
        ArbiterTest.setUp();
    }

    /// @dev A reward that moves, and a pot that fills.
    function _config() internal view override returns (IArbiter.Config memory config) {
        config = super._config();
        (config.rewardFloor, config.bounty, config.targetDelay) = (FLOOR, BOUNTY, TARGET);
        (config.doubleAfter, config.quadrupleAfter) = (TWICE_AFTER, FOURFOLD_AFTER);
    }

    /// @dev The state root moves with a finalization and never otherwise; new final batches are dated.
    modifier watched() {
        (uint256 root, uint64 number) = (arbiter.stateRoot(), arbiter.finalizedNumber());
        _;
        bool finalized = arbiter.finalizedNumber() != number;
        vm.assertEq(arbiter.stateRoot() != root, finalized);
        while (number < arbiter.finalizedNumber()) {
            _book(batches[number++]);
        }
    }

    /// @dev After the end such a call is refused, which other tests show; here it is left out.
    modifier running() {
        if (!arbiter.exitMode()) _;
    }

    function deposit(uint256 keyX, uint64 amount, uint64 extra) external running watched {
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

    function topUp(uint48 account, uint64 amount, uint64 extra) external running watched {
        if (keys.length == 0) return;
        (account, amount) = (uint48(account % keys.length), uint64(bound(amount, MIN_DEPOSIT, 1e9)));
        (uint256 fee, uint256 key) = (_fee(extra), keys[account]);
        vm.prank(USER);
        arbiter.topUp{value: uint256(amount) * 1 gwei + fee}(account, key, key + 1, EXIT, amount);
        queued.push(Queued(0, fee, block.number, _depositSlot(account, key, amount)));
        depositedGwei += amount;
    }

    function forceExit(uint48 account, uint64 amount, uint64 extra) external running watched {
        uint256 fee = _fee(extra);
        vm.prank(USER);
        arbiter.forceExit{value: fee}(account, amount);
        queued.push(Queued(1, fee, block.number, _exitSlot(USER, account, amount)));
    }

    function forceTransaction(uint256 seed, uint64 extra) public running watched {
        uint256 fee = _fee(extra);
        bytes memory slot = seed % 2 == 0 ? _userSlot(seed) : _depositSlot(0, 5, 2000);
        vm.prank(USER);
        arbiter.forceTransaction{value: fee}(abi.decode(slot, (bytes32[4])));
        queued.push(Queued(2, fee, block.number, slot));
    }

    /// @dev At least half the slots, so that nothing is ever overdue.
    function sequence(uint256 seed) external running watched {
        if (_isHalted()) return _refusesWhileHalted(SEQUENCER, true);
        uint256 entries = bound(seed, SLOTS / 2, SLOTS);
        if (entries > queued.length - drained) entries = queued.length - drained;
        _postEntries(SEQUENCER, entries, _data(seed), seed);
    }

    /// @dev Anybody, once the oldest entry is old enough; refused before.
    function postQueue(uint256 seed) external running watched {
        uint256 waiting = queued.length - drained;
        uint256 entries = bound(seed, 1, SLOTS);
        if (entries < SLOTS / 2) entries = SLOTS / 2;
        if (entries > waiting) entries = waiting;
        bool open = _oldestWaits() > 2 * uint256(DEADLINE);
        if (open && _isHalted()) return _refusesWhileHalted(_actor(seed / 3), false);
        if (open) {
            _postEntries(_actor(seed / 3), entries, new bytes(uint256(SLOTS) * 128), seed);
            ++openPostings;
            return;
        }
        address actor = _actor(seed / 3);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.NotInTurn.selector, actor, SEQUENCER);
        _refusesPosting(actor, _header(0), new bytes(uint256(SLOTS) * 128), 0, reason);
    }

    /// @dev A true proof, for the chain's own old root or for one the chain never had. The simulator proves any
    /// exits: the chain's own are the batch's; those of strays are more than anybody has.
    function submit(uint256 seed, bool stray, uint96 tip) external running watched {
        if (batches.length == 0) return;
        uint64 number = uint64(1 + seed % batches.length);
        IArbiter.Submission memory submission =
            _unproved(number, _actor(seed / 7), uint96(tip % (batches[number - 1].reward + 1)));
        if (stray) submission.oldRoot = 1 + seed % 3;
        submission.exits = stray ? _exits(seed / 13, type(uint64).max) : batches[number - 1].exits;
        (submission.data, submission.header) = (batches[number - 1].data, batches[number - 1].header);
        submission = _prove(submission);
        (, address payee,) = arbiter.accepted(number, submission.oldRoot);
        bytes4 late = IArbiterTypes.AlreadyAccepted.selector;
        bool twice = seed % 4 == 0;
        if (twice) late = IArbiterTypes.NothingToAccept.selector;
        try this.send(submission, _actor(seed / 11), twice) {
            vm.assertTrue(payee == address(0), "accepted twice");
            if (!stray) batches[number - 1].provedAt = block.number;
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(late));
            vm.assertTrue(payee != address(0) || number <= arbiter.finalizedNumber(), "refused for nothing");
        }
    }

    /// @dev Sends a proof, or the same proof twice in one call, which must count once.
    function send(IArbiter.Submission calldata submission, address sender, bool twice) external {
        IArbiter.Submission[] memory both = new IArbiter.Submission[](2);
        (both[0], both[1]) = (submission, submission);
        vm.prank(sender);
        if (twice) vm.assertEq(arbiter.submitProofs(both), 1);
        else arbiter.submitProof(submission);
    }

    function creditExits(uint256 seed) external watched {
        if (batches.length == 0) return;
        uint64 number = uint64(1 + seed % batches.length);
        if (arbiter.finalizedNumber() > 0 && seed % 3 > 0) {
            number = 1 + uint64(seed % arbiter.finalizedNumber());
        }
        _creditExits(number);
    }

    function finalize(uint256 limit) external running watched {
        arbiter.finalize(limit % 4);
    }

    function withdraw(uint256 seed) external watched {
        _withdraw(_holder(seed));
    }

    function pass(uint8 blocks) external {
        vm.roll(block.number + blocks % (2 * DEADLINE));
    }

    function credits() external view returns (uint256 sum) {
        for (uint256 i = 0; i < HOLDERS; ++i) {
            sum += arbiter.creditOf(_holder(i));
        }
    }

    /// @dev Fees of entries whose batch is final, and of all others.
    function fees() public view returns (uint256 earned, uint256 pending) {
        for (uint256 i = 0; i < batches.length; ++i) {
            if (i < arbiter.finalizedNumber()) earned += batches[i].fees;
            else pending += batches[i].fees;
        }
        for (uint256 i = drained; i < queued.length; ++i) {
            pending += queued[i].fee;
        }
    }

    function held() external view returns (uint256) {
        return _held();
    }

    function bondLeft() external view returns (uint256) {
        return arbiter.bondOf(SEQUENCER);
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

    /// @dev What batches that are not final hold for their proofs.
    function escrows() public view returns (uint256 sum) {
        for (uint256 i = arbiter.finalizedNumber(); i < batches.length; ++i) {
            sum += escrowOf(i);
        }
    }

    function escrowOf(uint256 i) public view returns (uint256) {
        return batches[i].reward * (batches[i].bonded ? 1 : 4);
    }

    /// @dev What all postings put into the alarm's pot.
    function pot() public view returns (uint256) {
        return batches.length * BOUNTY - bountyPaid;
    }

    /// @dev The controller and the ladder as docs/protocol.md has them, written a second time.
    function expectedReward() external view returns (uint256) {
        uint256 exact = uint256(REWARD) * multiplier / 2 ** 20;
        return exact - exact % 1 gwei;
    }

    /// @dev Posts the queue's next entries, sorted by kind, over the first slots of `data`.
    function _postEntries(address poster, uint256 entries, bytes memory data, uint256 seed) private {
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
        Batch storage batch = batches.push();
        (batch.bonded, batch.reward) = (poster == SEQUENCER, arbiter.currentReward());
        batch.reward += seed % ((REWARD - batch.reward) / 1 gwei + 1) * 1 gwei;
        _postFor(BOUNTY + escrowOf(batches.length - 1), poster, header, data, uint64(entries));
        (batch.header, batch.data, batch.fees, batch.postedAt) = (header, data, paid, block.number);
        batch.poster = poster;
        batch.queueEnd = drained + uint64(entries);
        _execute(batch, drained, batch.queueEnd, seed);
        drained = batch.queueEnd;
    }

    /// @dev What becomes of a batch's money, and of the next batches' rewards, when it is final.
    function _book(Batch storage batch) private {
        batch.finalizedAt = block.number;
        uint256 delay = batch.provedAt - batch.postedAt;
        uint256 factor = delay > FOURFOLD_AFTER ? 4 : delay > TWICE_AFTER ? 2 : 1;
        rewardsPaid += factor * batch.reward;
        if (batch.bonded) charged += (factor - 1) * batch.reward;
        else returned += (4 - factor) * batch.reward;
        if (delay > TARGET) multiplier += multiplier / 32;
        if (delay < TARGET) multiplier -= multiplier / 32;
        uint256 least = (FLOOR * 2 ** 20 + REWARD - 1) / REWARD;
        if (multiplier < least) multiplier = least;
        if (multiplier > 2 ** 20) multiplier = 2 ** 20;
    }

    function _isHalted() private view returns (bool) {
        uint64 number = arbiter.finalizedNumber();
        return number < batches.length && block.number > batches[number].postedAt + EXIT_DEADLINE;
    }

    function _refusesWhileHalted(address poster, bool bonded) private {
        uint64 number = arbiter.finalizedNumber();
        uint256 postedAt = batches[number].postedAt;
        bytes memory reason =
            abi.encodeWithSelector(IArbiterTypes.PostingHalted.selector, number + 1, postedAt);
        vm.assertEq(bonded, poster == SEQUENCER);
        _refusesPosting(poster, _header(0), new bytes(uint256(SLOTS) * 128), 0, reason);
    }

    /// @dev What the batch does on L2: deposits arrive, then one account pays for all its exits.
    function _execute(Batch storage batch, uint64 first, uint64 end, uint256 seed) private {
        for (uint64 i = first; i < end; ++i) {
            if (queued[i].kind == 0) balances[_accountOf(queued[i].slot)] += _amountOf(queued[i].slot);
        }
        uint256 account = keys.length == 0 ? 0 : seed % keys.length;
        batch.exits = _exits(seed / 13, uint64(seed % (balances[account] + 1)));
        balances[account] -= _sum(batch.exits);
        batch.balances = balances;
    }

    /// @dev No exit, or one or two that share `amount`.
    function _exits(uint256 seed, uint64 amount) private pure returns (uint256[] memory exits) {
        exits = new uint256[](seed % 3);
        if (exits.length > 0) exits[0] = _exit(seed % 2, _actor(seed), amount / uint64(exits.length));
        if (exits.length > 1) exits[1] = _exit(2 + seed % 2, _actor(seed / 5), amount / 2);
    }

    function _sum(uint256[] memory exits) internal pure returns (uint256 sum) {
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

    function _creditExits(uint64 number) internal {
        Batch storage batch = batches[number - 1];
        // An alarm may have taken it back.
        bool isFinal = batch.finalizedAt > 0 && number <= arbiter.finalizedNumber();
        bool due = batch.exits.length > 0 && !batch.credited && isFinal
            && block.number >= batch.finalizedAt + ALARM_DELAY;
        try arbiter.creditExits(number, batch.exits) {
            vm.assertTrue(due, "credited twice, too early or for nothing");
            batch.credited = true;
            creditedGwei += _sum(batch.exits);
        } catch {
            vm.assertFalse(due, "due and not credited");
        }
    }

    function _withdraw(address holder) internal {
        uint256 credit = arbiter.creditOf(holder);
        if (credit == 0) return;
        vm.prank(holder);
        arbiter.withdraw();
        withdrawnWei += credit;
    }

    function _accountOf(bytes memory slot) internal pure returns (uint48) {
        return uint48(abi.decode(slot, (uint256)) >> 128);
    }

    function _amountOf(bytes memory slot) internal pure returns (uint64) {
        return uint64(abi.decode(slot, (uint256)) >> 64);
    }

    /// @dev All who can ever hold a credit.
    function _holder(uint256 seed) internal pure returns (address) {
        seed %= HOLDERS;
        if (seed < ACTORS) return _actor(seed);
        return seed == ACTORS ? SEQUENCER : seed == ACTORS + 1 ? USER : EXIT;
    }

    function _actor(uint256 seed) internal pure returns (address) {
        return address(uint160(0xAC7000 + seed % ACTORS));
    }
}
