// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Arbiter} from "../src/Arbiter.sol";
import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

contract ConstructorTest is ArbiterTest {
    function test_Constructor_FixesTheConfiguration() public view {
        vm.assertEq(arbiter.verifier(), address(verifier));
        vm.assertEq(arbiter.sequencer(), SEQUENCER);
        vm.assertEq(arbiter.genesisRoot(), GENESIS_ROOT);
        vm.assertEq(arbiter.stateRoot(), GENESIS_ROOT);
        vm.assertEq(arbiter.circuitVersion(), CIRCUIT_VERSION);
        vm.assertEq(arbiter.slots(), SLOTS);
        vm.assertEq(arbiter.depth(), DEPTH);
        vm.assertEq(arbiter.reward(), REWARD);
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

    function test_RevertConstructor_WhenTheSequencerIsZero() public {
        IArbiter.Config memory config = _config();
        config.sequencer = address(0);
        _refuses(config, "sequencer");
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
        config.exitDeadline =
            uint32(bound(exitDeadline, 2 * uint256(config.queueDeadline) + 1, type(uint32).max));
        vm.assertEq(new Arbiter(config).exitDeadline(), config.exitDeadline);
    }

    /// @dev What L1 takes for a contract's code (EIP-170).
    function test_Constructor_LeavesCodeThatL1Takes() public view {
        vm.assertGe(24_576, address(arbiter).code.length);
    }

    function _refuses(IArbiter.Config memory config, string memory field) private {
        vm.expectRevert(abi.encodeWithSelector(IArbiter.WrongConfig.selector, field));
        new Arbiter(config);
    }
}
