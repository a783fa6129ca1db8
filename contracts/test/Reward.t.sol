// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev Where rewards start: a controller that each final batch moves a step (docs/protocol.md section 10).
contract RewardTest is ArbiterTest {
    uint96 private constant FLOOR = REWARD / 4;
    uint96 private constant BOUNTY = 3 gwei + 1;
    uint32 private constant TARGET = 4;
    /// @dev Steps down, each a 32nd, from ceiling to floor: ln 4 / -ln(31/32) is 43.7.
    uint256 private constant STEPS_TO_THE_FLOOR = 44;

    function setUp() public override {
        super.setUp();
        arbiter = _deploy(_config());
    }

    function _config() internal view override returns (IArbiter.Config memory config) {
        config = super._config();
        (config.rewardFloor, config.bounty, config.targetDelay) = (FLOOR, BOUNTY, TARGET);
    }

    function test_Reward_StartsAtTheCeiling() public view {
        vm.assertEq(arbiter.currentReward(), REWARD);
    }

    /// @dev One step is a 32nd of where the reward is, down or up, by no more than the delay's side of the target.
    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_Reward_MovesOneStepWithEveryFinalBatch(uint256 delay, uint8 stepsDown) public {
        _proveMany(bound(stepsDown, 0, 40), 0);
        delay = bound(delay, 0, DOUBLE_AFTER);
        uint256 before = arbiter.currentReward();
        _proveMany(1, delay);
        uint256 reward = arbiter.currentReward();
        if (delay == TARGET) vm.assertEq(reward, before);
        if (delay < TARGET) {
            uint256 lower = before - before / 32;
            vm.assertTrue(reward <= lower + 20 gwei && (reward + 20 gwei >= lower || reward == FLOOR));
        }
        if (delay > TARGET) {
            uint256 higher = before + before / 32;
            if (higher > REWARD) higher = REWARD;
            vm.assertTrue(reward <= higher + 20 gwei && reward + 20 gwei >= higher);
        }
    }

    function test_Reward_FallsToTheFloorAndNoFurther() public {
        uint256 last = REWARD;
        for (uint256 i = 0; i < STEPS_TO_THE_FLOOR; ++i) {
            vm.assertTrue(arbiter.currentReward() == last && last > FLOOR);
            _proveMany(1, 0);
            last = arbiter.currentReward();
        }
        vm.assertEq(last, FLOOR);
        _proveMany(3, 0);
        vm.assertEq(arbiter.currentReward(), FLOOR);
    }

    /// @dev From the floor every late batch counts at once: what would lie below the floor is not owed first.
    function test_Reward_RisesFromTheFloorAtOnceAndToTheCeilingNoFurther() public {
        _proveMany(STEPS_TO_THE_FLOOR + 20, 0);
        _proveMany(1, TARGET + 1);
        vm.assertGe(arbiter.currentReward(), FLOOR + FLOOR / 32 - 1 gwei);
        uint256 steps;
        while (arbiter.currentReward() < REWARD) {
            _proveMany(1, TARGET + 1);
            ++steps;
        }
        vm.assertGe(STEPS_TO_THE_FLOOR + 2, steps);
        _proveMany(3, TARGET + 1);
        vm.assertEq(arbiter.currentReward(), REWARD);
    }

    /// @dev Prover and posting always so many blocks apart: the reward goes to one end and stays, on target it stands.
    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_Reward_OfFixedIntervalsSettles(uint256 delay) public {
        delay = bound(delay, 0, 2 * TARGET);
        _proveMany(20, 0);
        uint256 before = arbiter.currentReward();
        _proveMany(60, delay);
        if (delay < TARGET) vm.assertEq(arbiter.currentReward(), FLOOR);
        if (delay == TARGET) vm.assertEq(arbiter.currentReward(), before);
        if (delay > TARGET) vm.assertEq(arbiter.currentReward(), REWARD);
    }

    /// @dev A burst of postings proved in one block: however they are bundled, the reward moves as often as batches become
    /// final, each judged by its own delay.
    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_Reward_OfABurstMovesAStepABatch(uint8 size, uint8 wait) public {
        size = uint8(bound(size, 1, 20));
        wait = uint8(bound(wait, 0, DOUBLE_AFTER));
        uint64 first = _next();
        _burst(size);
        vm.roll(block.number + wait);
        for (uint64 i = 0; i < size; ++i) {
            _submit(PAYEE, _proved(first + i, PAYEE, 0));
        }
        uint256 together = arbiter.currentReward();
        arbiter = _deploy(_config());
        _proveMany(size, wait);
        vm.assertEq(arbiter.currentReward(), together);
    }

    /// @dev The reward of a batch is its posting's: what happens to others before its proof changes nothing.
    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_Reward_OfABatchIsFixedWithItsPosting(uint8 before_) public {
        uint64 first = _next();
        _burst(uint8(bound(before_, 1, 20)));
        uint64 last = _next();
        _sequence(0, _data(last));
        for (uint64 number = first; number < last; ++number) {
            _submit(RIVAL, _proved(number, RIVAL, 0));
        }
        vm.assertLt(arbiter.currentReward(), REWARD);
        _submit(PAYEE, _proved(last, PAYEE, 0));
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
    }

    /// @dev ETH that is forced in changes no reward, fee or credit.
    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_Reward_DoesNotLookAtTheBalance(uint96 donation) public {
        _proveMany(10, 0);
        (uint256 reward, uint256 fee) = (arbiter.currentReward(), arbiter.queueFee());
        uint256 credit = arbiter.creditOf(PAYEE);
        vm.deal(address(arbiter), address(arbiter).balance + donation);
        vm.assertTrue(arbiter.currentReward() == reward && arbiter.queueFee() == fee);
        _proveMany(1, 0);
        vm.assertEq(arbiter.creditOf(PAYEE), credit + reward);
    }

    /// @dev A client sends a little more than the present reward, and need not fear that it moves meanwhile.
    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_SequenceBatch_TakesAnyRewardUpToTheCeiling(uint96 reward) public {
        _proveMany(20, 0);
        reward = uint96(bound(reward, arbiter.currentReward() / 1 gwei, REWARD / 1 gwei)) * 1 gwei;
        uint64 number = _next();
        uint256 credit = arbiter.creditOf(PAYEE);
        _postFor(BOUNTY + reward, SEQUENCER, _header(0), _data(number), 0);
        _submit(PAYEE, _proved(number, PAYEE, 0));
        vm.assertEq(arbiter.creditOf(PAYEE), credit + reward);
    }

    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_RevertSequenceBatch_WhenTheRewardIsTooLowOrTooHigh(uint256 value) public {
        _proveMany(20, 0);
        uint256 least = BOUNTY + uint256(arbiter.currentReward());
        value = bound(value, 0, 100 ether);
        if (value >= least && value <= BOUNTY + REWARD) value += REWARD;
        _refuses(SEQUENCER, value, least, BOUNTY + REWARD);
    }

    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_RevertSequenceBatch_WhenTheRewardIsNoWholeGwei(uint256 rest) public {
        _proveMany(20, 0);
        uint256 least = BOUNTY + uint256(arbiter.currentReward());
        _refuses(SEQUENCER, least + bound(rest, 1, 1 gwei - 1), least, BOUNTY + REWARD);
    }

    /// @dev Without a bond: four rewards, four times whole gwei.
    function test_RevertSequenceBatch_WhenAStrangerPutsDownTooLittle() public {
        _proveMany(20, 0);
        _forceTransaction(_userSlot(1));
        vm.roll(block.number + 2 * uint256(DEADLINE) + 1);
        uint256 least = BOUNTY + 4 * uint256(arbiter.currentReward());
        uint256 most = BOUNTY + 4 * uint256(REWARD);
        _refuses(RIVAL, least - 4 gwei, least, most);
        _refuses(RIVAL, least + 1 gwei, least, most);
        _refuses(RIVAL, most + 4 gwei, least, most);
        _postFor(least + 4 gwei, RIVAL, _header(0), _dataAlone(_userSlot(1)), 1);
    }

    function _refuses(address poster, uint256 value, uint256 least, uint256 most) private {
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.WrongReward.selector, value, least, most);
        (uint64 number, bytes32 parent) = arbiter.head();
        bytes memory data = poster == SEQUENCER ? _data(1) : _dataAlone(_userSlot(1));
        uint64 queueEnd = arbiter.queueTail();
        vm.deal(poster, value);
        vm.expectRevert(reason);
        vm.prank(poster);
        arbiter.sequenceBatch{value: value}(number + 1, parent, _header(0), data, queueEnd);
    }

    /// @dev Posts a batch and proves it `delay` blocks later, `count` times.
    function _proveMany(uint256 count, uint256 delay) private {
        for (uint256 i = 0; i < count; ++i) {
            uint64 number = _next();
            _sequence(0, _data(number));
            vm.roll(block.number + delay);
            _submit(PAYEE, _proved(number, PAYEE, 0));
        }
    }

    function _burst(uint64 size) private {
        for (uint64 i = 0; i < size; ++i) {
            _sequence(0, _data(_next()));
        }
    }

    function _next() private view returns (uint64 number) {
        (number,) = arbiter.head();
        ++number;
    }
}
