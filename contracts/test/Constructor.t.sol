// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

contract ConstructorTest is ArbiterTest {
    function test_Constructor_FixesTheConfiguration() public view {
        vm.assertEq(arbiter.verifier(), address(verifier));
        vm.assertEq(arbiter.policy(), address(0));
        vm.assertEq(arbiter.genesisRoot(), GENESIS_ROOT);
        vm.assertEq(arbiter.stateRoot(), GENESIS_ROOT);
        vm.assertEq(arbiter.circuitVersion(), CIRCUIT_VERSION);
        vm.assertEq(arbiter.slots(), SLOTS);
        vm.assertEq(arbiter.depth(), DEPTH);
        vm.assertEq(arbiter.reward(), REWARD);
        vm.assertEq(arbiter.rewardFloor(), REWARD);
        vm.assertEq(arbiter.currentReward(), REWARD);
        vm.assertEq(arbiter.bond(), BOND);
        vm.assertEq(arbiter.bounty(), 0);
        vm.assertEq(arbiter.targetDelay(), 4);
        vm.assertEq(arbiter.doubleAfter(), DOUBLE_AFTER);
        vm.assertEq(arbiter.quadrupleAfter(), QUADRUPLE_AFTER);
        vm.assertEq(arbiter.haltAfter(), EXIT_DEADLINE);
        vm.assertEq(arbiter.window(), 8);
        vm.assertEq(arbiter.minDeposit(), MIN_DEPOSIT);
        vm.assertEq(arbiter.queueDeadline(), DEADLINE);
        vm.assertEq(arbiter.alarmDelay(), ALARM_DELAY);
        vm.assertEq(arbiter.membershipVerifier(), address(membershipVerifier));
        vm.assertEq(arbiter.membershipVersion(), MEMBERSHIP_VERSION);
        vm.assertEq(arbiter.exitDeadline(), EXIT_DEADLINE);
        vm.assertFalse(arbiter.exitMode());
        vm.assertEq(arbiter.finalQueueEnd(), 0);
        vm.assertEq(arbiter.deployedAt(), block.number);
        (uint64 number, bytes32 batchHash) = arbiter.head();
        vm.assertEq(number, 0);
        vm.assertEq(batchHash, bytes32(0));
        vm.assertEq(arbiter.finalizedNumber(), 0);
    }

    function test_RevertConstructor_WhenTheVerifierHasNoCode() public {
        IArbiter.Config memory config = _config();
        config.verifier = USER;
        _refuses(config, "verifier");
    }

    function testFuzz_RevertConstructor_WhenAWeiAmountIsNoWholeGwei(uint96 rest) public {
        rest = uint96(bound(rest, 1, 1 gwei - 1));
        IArbiter.Config memory config = _config();
        config.reward = REWARD + rest;
        config.bond = 4 * config.reward;
        _refuses(config, "reward");
        config = _config();
        config.rewardFloor = REWARD - 1 gwei + rest;
        _refuses(config, "rewardFloor");
        config = _config();
        config.bond += rest;
        _refuses(config, "bond");
    }

    function testFuzz_RevertConstructor_WhenTheFloorIsAboveTheReward(uint32 gwei_) public {
        IArbiter.Config memory config = _config();
        config.rewardFloor = REWARD + (uint96(gwei_) + 1) * 1 gwei;
        _refuses(config, "rewardFloor");
    }

    /// @dev The least bond covers one batch's delay.
    function test_RevertConstructor_WhenTheBondCoversNoDelay() public {
        IArbiter.Config memory config = _config();
        config.bond = 3 * REWARD - 1 gwei;
        _refuses(config, "bond");
        config.bond = 3 * REWARD;
        vm.assertEq(_arbiter(config).backlogCap(), 1);
    }

    function test_RevertConstructor_WhenRewardOrBondDoNotFitTheirWords() public {
        IArbiter.Config memory config = _config();
        config.reward = 2 ** 48 * 1 gwei;
        config.bond = 3 * config.reward;
        _refuses(config, "reward");
        config.reward -= 1 gwei;
        config.bond = 2 ** 64 * 1 gwei;
        _refuses(config, "bond");
        config.bond -= 1 gwei;
        _arbiter(config);
    }

    function testFuzz_Constructor_CapsTheBacklogByWhatABondCovers(uint16 covered) public {
        covered = uint16(bound(covered, 1, 2000));
        IArbiter.Config memory config = _config();
        config.bond = 3 * REWARD * uint96(covered) + 2 * REWARD;
        uint64 cap = _arbiter(config).backlogCap();
        vm.assertEq(cap, covered < 1023 ? covered : 1023);
    }

    function test_RevertConstructor_WhenAWindowIsNoBlock() public {
        IArbiter.Config memory config = _config();
        config.window = 0;
        _refuses(config, "window");
    }

    /// @dev Twice, four times, halt, end: in this order.
    function testFuzz_RevertConstructor_WhenTheLadderIsOutOfOrder(uint32 one, uint32 other) public {
        IArbiter.Config memory config = _config();
        config.doubleAfter = one;
        config.quadrupleAfter = uint32(bound(other, 0, one));
        _refuses(config, "quadrupleAfter");
        config = _config();
        config.haltAfter = uint32(bound(other, 0, QUADRUPLE_AFTER));
        _refuses(config, "haltAfter");
        config.haltAfter = uint32(bound(other, EXIT_DEADLINE + 1, type(uint32).max));
        _refuses(config, "exitDeadline");
    }

    function testFuzz_RevertConstructor_WhenTheGenesisRootIsNotInTheField(uint256 root) public {
        IArbiter.Config memory config = _config();
        config.genesisRoot = bound(root, R, type(uint256).max);
        _refuses(config, "genesisRoot");
    }

    function testFuzz_RevertConstructor_WhenTheCircuitVersionIsNotInTheField(uint256 version) public {
        IArbiter.Config memory config = _config();
        config.circuitVersion = bound(version, R, type(uint256).max);
        _refuses(config, "circuitVersion");
    }

    function test_RevertConstructor_WhenTheShapeIsOutOfRange() public {
        IArbiter.Config memory config = _config();
        config.slots = 0;
        _refuses(config, "slots");
        config = _config();
        config.depth = 0;
        _refuses(config, "depth");
        config.depth = 25;
        _refuses(config, "depth");
    }

    function test_RevertConstructor_WhenDepositsOfNothingWouldBeAllowed() public {
        IArbiter.Config memory config = _config();
        config.minDeposit = 0;
        _refuses(config, "minDeposit");
    }

    function test_RevertConstructor_WhenTheMembershipVerifierHasNoCodeOrIsTheBatches() public {
        IArbiter.Config memory config = _config();
        config.membershipVerifier = USER;
        _refuses(config, "membershipVerifier");
        config.membershipVerifier = address(verifier);
        _refuses(config, "membershipVerifier");
    }

    function testFuzz_RevertConstructor_WhenTheMembershipVersionIsNotInTheField(uint256 version) public {
        IArbiter.Config memory config = _config();
        config.membershipVersion = bound(version, R, type(uint256).max);
        _refuses(config, "membershipVersion");
    }

    /// @dev Whoever wants to post the queue may do so for at least a block before the rollup can be ended.
    function testFuzz_RevertConstructor_WhenExitModeWouldComeBeforeTheQueueIsOpen(
        uint32 queueDeadline,
        uint32 exitDeadline
    ) public {
        IArbiter.Config memory config = _config();
        config.queueDeadline = queueDeadline;
        config.exitDeadline = uint32(bound(exitDeadline, 0, 2 * uint256(queueDeadline)));
        if (2 * uint256(queueDeadline) > type(uint32).max) config.exitDeadline = exitDeadline;
        _refuses(config, "exitDeadline");
    }

    function testFuzz_Constructor_TakesAnyLongerExitDeadline(uint32 queueDeadline, uint32 exitDeadline)
        public
    {
        IArbiter.Config memory config = _config();
        config.queueDeadline = uint32(bound(queueDeadline, 0, type(uint32).max / 2 - 1));
        uint256 least = 2 * uint256(config.queueDeadline) + 1;
        if (least < EXIT_DEADLINE) least = EXIT_DEADLINE;
        config.exitDeadline = uint32(bound(exitDeadline, least, type(uint32).max));
        vm.assertEq(_arbiter(config).exitDeadline(), config.exitDeadline);
    }

    function _refuses(IArbiter.Config memory config, string memory field) private {
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.WrongConfig.selector, field));
        _arbiter(config);
    }
}
