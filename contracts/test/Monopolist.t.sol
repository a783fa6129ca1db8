// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev What somebody earns who alone can prove, and so chooses every batch's delay. snapshots/monopolist.json holds what
/// a batch brings in the long run, in thousandths of the ceiling, by its delay.
contract MonopolistTest is ArbiterTest {
    uint96 private constant FLOOR = REWARD / 4;
    uint32 private constant TARGET = 4;
    uint256 private constant UNTIL_SETTLED = 60;
    uint256 private constant MEASURED = 8;

    function setUp() public override {
        super.setUp();
        arbiter = _deploy(_config());
    }

    function _config() internal view override returns (IArbiter.Config memory config) {
        config = super._config();
        (config.rewardFloor, config.targetDelay) = (FLOOR, TARGET);
    }

    function test_Monopolist_WhoProvesAsCompetitionWouldEarnsTheFloor() public {
        vm.assertEq(_measure("atOnce", 0), FLOOR);
    }

    /// @dev Being late by a block brings the whole way from floor to ceiling: what the deployment promised at most.
    function test_Monopolist_WhoIsJustLateEarnsTheCeiling() public {
        vm.assertEq(_measure("justLate", TARGET + 1), REWARD);
    }

    function test_Monopolist_WhoWaitsForTheFirstStepEarnsTwice() public {
        vm.assertEq(_measure("twice", DOUBLE_AFTER + 1), 2 * REWARD);
    }

    function test_Monopolist_WhoWaitsForTheSecondStepEarnsFourTimes() public {
        vm.assertEq(_measure("fourTimes", QUADRUPLE_AFTER + 1), 4 * REWARD);
    }

    /// @dev Whatever the delays, mixed in any way: never more than the ladder's factor over the ceiling, batch by batch.
    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_Monopolist_NeverEarnsMoreThanTheLaddersFactor(uint256 seed) public {
        for (uint256 i = 0; i < 24; ++i) {
            seed = uint256(keccak256(abi.encode(seed)));
            uint256 delay = seed % (QUADRUPLE_AFTER + 8);
            uint256 factor = delay > QUADRUPLE_AFTER ? 4 : delay > DOUBLE_AFTER ? 2 : 1;
            vm.assertGe(factor * REWARD, _earn(delay));
        }
    }

    /// @dev To raise the reward costs as many late batches as it takes steps: a saw of late and early ones earns no more
    /// than being late always.
    /// forge-config: default.fuzz.runs = 8
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_Monopolist_GainsNothingByTakingTurns(uint8 period) public {
        period = uint8(bound(period, 2, 12));
        uint256 earned;
        for (uint256 i = 0; i < 48; ++i) {
            earned += _earn(i % period == 0 ? 0 : TARGET + 1);
        }
        vm.assertGe(48 * uint256(REWARD), earned);
    }

    /// @dev What each of the last batches of a long row brings, in Wei, all being proved after `delay` blocks.
    function _measure(string memory name, uint256 delay) private returns (uint256 earned) {
        for (uint256 i = 0; i < UNTIL_SETTLED; ++i) {
            _earn(delay);
        }
        for (uint256 i = 0; i < MEASURED; ++i) {
            earned += _earn(delay);
        }
        earned /= MEASURED;
        vm.snapshotValue("monopolist", name, earned * 1000 / REWARD);
    }

    function _earn(uint256 delay) private returns (uint256) {
        (uint64 number,) = arbiter.head();
        ++number;
        uint256 before = arbiter.creditOf(PAYEE);
        _sequence(0, _data(number));
        vm.roll(block.number + delay);
        _submit(PAYEE, _proved(number, PAYEE, 0));
        return arbiter.creditOf(PAYEE) - before;
    }
}
