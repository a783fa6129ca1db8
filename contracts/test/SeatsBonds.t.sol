// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {SeatsTest} from "./support/SeatsTest.sol";

/// @dev What bonds answer for, and when they come back.
contract SeatsBondsTest is SeatsTest {
    function setUp() public override {
        super.setUp();
        _join(a);
    }

    /// @dev Posts one batch, which is proved `delay` blocks later.
    function _prove(uint64 number, uint256 delay) private {
        vm.roll(block.number + delay);
        _proveNext(number);
    }

    function test_SubmitProof_ChargesThePostersBondForADelay() public {
        uint96[3] memory factors = [uint96(1), 2, 4];
        uint256[4] memory delays =
            [uint256(DOUBLE_AFTER), DOUBLE_AFTER + 1, QUADRUPLE_AFTER, QUADRUPLE_AFTER + 1];
        uint96[4] memory expected = [factors[0], factors[1], factors[1], factors[2]];
        for (uint64 i = 0; i < 4; ++i) {
            (uint96 bond, uint256 credit) = (arbiter.bondOf(a), arbiter.creditOf(PAYEE));
            _postAs(a);
            if (expected[i] > 1) {
                vm.expectEmit(address(arbiter));
                emit IArbiterTypes.BondChanged(a, bond - (expected[i] - 1) * REWARD, i + 1);
            }
            _prove(i + 1, delays[i]);
            vm.assertEq(arbiter.bondOf(a), bond - (expected[i] - 1) * REWARD);
            vm.assertEq(arbiter.creditOf(PAYEE), credit + expected[i] * REWARD);
            if (expected[i] > 1) _topUpBond(a, (expected[i] - 1) * REWARD);
        }
    }

    function _topUpBond(address who, uint96 amount) private {
        vm.deal(who, who.balance + amount);
        vm.prank(who);
        arbiter.topUpBond{value: amount}();
    }

    function test_RevertSequenceBatch_WhenTheBondDoesNotCoverTheBacklog() public {
        _postAs(a);
        _prove(1, QUADRUPLE_AFTER + 1);
        uint256 left = SMALL_BOND - 3 * REWARD;
        for (uint256 i = 0; i < 3; ++i) {
            _postAs(a);
        }
        _refusesPostAs(a, abi.encodeWithSelector(IArbiterTypes.BondTooSmall.selector, left, 12 * REWARD));
        _topUpBond(a, 3 * REWARD - 1 gwei);
        _refusesPostAs(
            a, abi.encodeWithSelector(IArbiterTypes.BondTooSmall.selector, 12 * REWARD - 1 gwei, 12 * REWARD)
        );
        _topUpBond(a, 1 gwei);
        _postAs(a);
        _refusesPostAs(a, abi.encodeWithSelector(IArbiterTypes.BacklogFull.selector, 4, 4));
    }

    /// @dev Others' batches count too: which of them are whose is not kept.
    function test_RevertSequenceBatch_WhenOthersBatchesFillTheBacklog() public {
        _join(b);
        vm.roll(_windowOf(0, 2));
        for (uint256 i = 0; i < 4; ++i) {
            _postAs(a);
        }
        vm.roll(block.number + WINDOW);
        _refusesPostAs(b, abi.encodeWithSelector(IArbiterTypes.BacklogFull.selector, 4, 4));
    }

    function test_SubmitProof_ChargesABondThatIsLeaving() public {
        _postAs(a);
        _leaveSeat(a);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.BondChanged(a, SMALL_BOND - 3 * REWARD, 1);
        _prove(1, QUADRUPLE_AFTER + 1);
        vm.assertEq(arbiter.bondOf(a), SMALL_BOND - 3 * REWARD);
        vm.assertEq(arbiter.creditOf(PAYEE), 4 * REWARD);
        vm.roll(block.number + ALARM_DELAY);
        arbiter.releaseBond(a);
        vm.assertEq(arbiter.creditOf(a), SMALL_BOND - 3 * REWARD);
    }

    function test_SubmitProof_ChargesWhoeverPostedIt() public {
        _join(b);
        vm.roll(_windowOf(0, 2));
        _postAs(a);
        vm.roll(_windowOf(1, 2));
        _postAs(b);
        _leaveSeat(a);
        _prove(1, DOUBLE_AFTER + 1 - WINDOW);
        _proveNext(2);
        vm.assertEq(arbiter.bondOf(a), SMALL_BOND - REWARD);
        vm.assertEq(arbiter.bondOf(b), SMALL_BOND);
    }

    function test_ReleaseBond_IsDueOnceAllUpToTheLeavingIsFinalForTheAlarmsDelay() public {
        _postAs(a);
        _join(b);
        _leaveSeat(a);
        _postAs(b);
        _refusesRelease(1);
        vm.roll(block.number + 2 * ALARM_DELAY);
        _refusesRelease(1);
        _proveNext(1);
        vm.roll(block.number + ALARM_DELAY - 1);
        _refusesRelease(1);
        vm.roll(block.number + 1);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.BondReleased(a, SMALL_BOND);
        arbiter.releaseBond(a);
        vm.assertEq(arbiter.creditOf(a), SMALL_BOND);
        vm.assertEq(arbiter.bondOf(a), 0);
        vm.prank(a);
        arbiter.withdraw();
        vm.assertEq(a.balance, SMALL_BOND);
    }

    function _refusesRelease(uint64 number) private {
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.BondNotDue.selector, a, number));
        arbiter.releaseBond(a);
    }

    function test_ReleaseBond_WaitsFromTheLeavingOnWhereAllIsFinalAlready() public {
        _leaveSeat(a);
        vm.roll(block.number + ALARM_DELAY - 1);
        _refusesRelease(0);
        vm.roll(block.number + 1);
        arbiter.releaseBond(a);

        _join(a);
        _postAs(a);
        _prove(1, 3 * ALARM_DELAY);
        vm.roll(block.number + 2 * ALARM_DELAY);
        _leaveSeat(a);
        vm.roll(block.number + ALARM_DELAY - 1);
        _refusesRelease(1);
        vm.roll(block.number + 1);
        arbiter.releaseBond(a);
    }

    function test_RevertReleaseBond_WhenThereIsNone() public {
        _refusesNone(a);
        _refusesNone(b);
        _leaveSeat(a);
        vm.roll(block.number + ALARM_DELAY);
        arbiter.releaseBond(a);
        _refusesNone(a);
    }

    function _refusesNone(address who) private {
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NoBondToRelease.selector, who));
        arbiter.releaseBond(who);
    }

    function test_JoinSequencers_AgainOnceTheBondIsReleased() public {
        _leaveSeat(a);
        vm.roll(block.number + ALARM_DELAY);
        arbiter.releaseBond(a);
        _join(a);
        _assertSeats(_list(a));
        _postAs(a);
    }

    /// @dev The batch that the last word of the ring told of is long overwritten.
    function test_ReleaseBond_OfABatchThatLeftTheRing() public {
        bond = BOND;
        super.setUp();
        _join(a);
        _postAs(a);
        _proveNext(1);
        _join(b);
        _leaveSeat(a);
        _postAs(b);
        _proveNext(2);
        vm.roll(block.number + ALARM_DELAY);
        for (uint64 number = 3; number <= 1025; ++number) {
            _postAs(b);
        }
        vm.assertEq(arbiter.batchHashOf(1), bytes32(0));
        arbiter.releaseBond(a);
        vm.assertEq(arbiter.creditOf(a), bond);
    }

    function test_ReleaseBond_InExitModeIsDueAtOnceAndTakesTheSeat() public {
        _join(b);
        _postAs(arbiter.inTurn());
        _leaveSeat(b);
        vm.roll(block.number + EXIT_DEADLINE + 1);
        arbiter.enterExitMode();
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.SequencerLeft(a);
        arbiter.releaseBond(a);
        arbiter.releaseBond(b);
        vm.assertEq(arbiter.creditOf(a), SMALL_BOND);
        vm.assertEq(arbiter.creditOf(b), SMALL_BOND);
        _assertSeats(new address[](0));
        _refusesNone(a);
        _refusesNone(b);
        vm.assertFalse(arbiter.mayPost(a));
    }

    function test_RevertReleaseBond_OfASeatWhileTheRollupGoesOn() public {
        vm.roll(block.number + 100 * ALARM_DELAY);
        _refusesNone(a);
        _assertSeats(_list(a));
    }
}
