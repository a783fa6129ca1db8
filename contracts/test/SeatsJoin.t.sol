// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {SeatsTest} from "./support/SeatsTest.sol";

/// @dev Taking a seat, giving it up, adding to a bond.
contract SeatsJoinTest is SeatsTest {
    function test_JoinSequencers_TakesTheNextSeatForTheBond() public {
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.SequencerJoined(a, SMALL_BOND);
        _join(a);
        _join(b);
        _assertSeats(_list(a, b));
        vm.assertEq(arbiter.bondOf(a), SMALL_BOND);
        vm.assertEq(arbiter.bondOf(c), 0);
        vm.assertEq(address(arbiter).balance, 2 * SMALL_BOND);
    }

    function testFuzz_RevertJoinSequencers_WhenTheValueIsNotTheBond(uint96 value) public {
        vm.assume(value != SMALL_BOND);
        vm.deal(a, value);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.WrongBond.selector, value, SMALL_BOND));
        vm.prank(a);
        arbiter.joinSequencers{value: value}();
    }

    function test_RevertJoinSequencers_WhenTheCallerHasASeat() public {
        _join(a);
        vm.deal(a, SMALL_BOND);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadySequencer.selector, a));
        vm.prank(a);
        arbiter.joinSequencers{value: SMALL_BOND}();
    }

    function test_RevertJoinSequencers_WhenAnEarlierBondIsNotReleased() public {
        _join(a);
        _leaveSeat(a);
        vm.deal(a, SMALL_BOND);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadySequencer.selector, a));
        vm.prank(a);
        arbiter.joinSequencers{value: SMALL_BOND}();
    }

    /// @dev All seats can be squatted, for 255 bonds that earn nothing; a seat given up is free at once.
    function test_RevertJoinSequencers_WhenAllSeatsAreTaken() public {
        for (uint160 i = 1; i <= 255; ++i) {
            _join(address(0x1000 + i));
        }
        vm.deal(a, SMALL_BOND);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.SeatsTaken.selector, 255));
        vm.prank(a);
        arbiter.joinSequencers{value: SMALL_BOND}();

        _leaveSeat(address(0x1000 + 7));
        _join(a);
        address[] memory seats = arbiter.sequencers();
        vm.assertEq(seats.length, 255);
        vm.assertEq(seats[6], address(0x1000 + 255));
        vm.assertEq(seats[254], a);
    }

    function test_RevertJoinSequencers_WhenTheRollupHasEnded() public {
        _end();
        vm.deal(a, SMALL_BOND);
        vm.expectRevert(IArbiterTypes.ExitModeActive.selector);
        vm.prank(a);
        arbiter.joinSequencers{value: SMALL_BOND}();
    }

    function test_LeaveSequencers_MovesTheLastSeatIntoTheHole() public {
        _joinAll();
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.SequencerLeft(a);
        _leaveSeat(a);
        _assertSeats(_list(c, b));
        _leaveSeat(b);
        _assertSeats(_list(c));
        _leaveSeat(c);
        _assertSeats(new address[](0));
        vm.assertEq(arbiter.inTurn(), address(0));
        vm.assertEq(arbiter.bondOf(a), SMALL_BOND);
    }

    /// @dev Every order of leavings of four leaves each the seat that the list shows.
    function testFuzz_LeaveSequencers_KeepsEverybodyElseInASeat(uint256 seed) public {
        address[] memory list = new address[](6);
        for (uint160 i = 0; i < 6; ++i) {
            list[i] = address(0x2000 + i);
            _join(list[i]);
        }
        for (uint256 left = 6; left > 0; --left) {
            uint256 hole = seed % left;
            seed /= 6;
            _leaveSeat(list[hole]);
            (list[hole], list[left - 1]) = (list[left - 1], address(0));
            address[] memory seats = arbiter.sequencers();
            vm.assertEq(seats.length, left - 1);
            for (uint256 i = 0; i < seats.length; ++i) {
                vm.assertEq(seats[i], list[i]);
                vm.assertEq(arbiter.bondOf(seats[i]), SMALL_BOND);
            }
        }
    }

    function test_RevertLeaveSequencers_WhenTheCallerHasNoSeat() public {
        _join(a);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NotSequencer.selector, b));
        vm.prank(b);
        arbiter.leaveSequencers();
        _leaveSeat(a);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NotSequencer.selector, a));
        vm.prank(a);
        arbiter.leaveSequencers();
    }

    function testFuzz_TopUpBond_AddsToIt(uint64 amount) public {
        _join(a);
        uint96 value = uint96(amount % 1e18) * 1 gwei;
        vm.deal(a, value);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.BondChanged(a, SMALL_BOND + value, 0);
        vm.prank(a);
        arbiter.topUpBond{value: value}();
        vm.assertEq(arbiter.bondOf(a), SMALL_BOND + value);
        _assertSeats(_list(a));
    }

    function test_RevertTopUpBond_WhenTheValueIsNotWholeGwei() public {
        _join(a);
        vm.deal(a, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.WrongBond.selector, 5 gwei + 1, 5 gwei));
        vm.prank(a);
        arbiter.topUpBond{value: 5 gwei + 1}();
    }

    function test_RevertTopUpBond_WhenTheCallerHasNoSeat() public {
        _join(a);
        _leaveSeat(a);
        vm.deal(a, 1 ether);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NotSequencer.selector, a));
        vm.prank(a);
        arbiter.topUpBond{value: 1 gwei}();
    }

    function test_RevertTopUpAndLeave_WhenTheRollupHasEnded() public {
        _join(a);
        _end();
        vm.deal(a, 1 ether);
        vm.expectRevert(IArbiterTypes.ExitModeActive.selector);
        vm.prank(a);
        arbiter.topUpBond{value: 1 gwei}();
        vm.expectRevert(IArbiterTypes.ExitModeActive.selector);
        vm.prank(a);
        arbiter.leaveSequencers();
    }

    /// @dev A queue entry that nobody takes up ends the rollup.
    function _end() private {
        _forceTransaction(_userSlot(1));
        vm.roll(block.number + EXIT_DEADLINE + 1);
        arbiter.enterExitMode();
    }
}
