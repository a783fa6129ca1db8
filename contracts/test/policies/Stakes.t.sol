// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAwardPolicy} from "../../src/policies/IAwardPolicy.sol";
import {Stakes} from "../../src/policies/Stakes.sol";
import {PolicyTest} from "./PolicyTest.sol";

/// @dev Seats and nothing else; a draw can be looked at.
contract Seats is Stakes {
    constructor(address arbiter_, uint256 least, uint64 delay, uint64 remembered)
        Stakes(arbiter_, least, delay, remembered)
    {}

    function drawSeat(bytes32 seed, uint256 blockNumber) external view returns (address payee, uint256 seat) {
        return _drawSeat(seed, blockNumber);
    }

    function noteLapse(uint256 seat, address payee, uint8 most) external {
        _noteLapse(seat, payee, most);
    }

    function first(uint64, uint256, address, uint64) external pure returns (uint64) {}
    function contends(uint64, uint256, address) external pure returns (bool) {}
    function further(uint64, uint256, address) external pure returns (uint64) {}
    function winner(uint64, uint256) external pure returns (address) {}
}

contract ReenteringOwner {
    Stakes private immutable stakes;
    bool public refused;

    constructor(Stakes stakes_) payable {
        stakes = stakes_;
        stakes_.stake{value: 1 ether}(0, address(1));
    }

    function unstake() external {
        stakes.unstake(0);
    }

    function release() external {
        stakes.release();
    }

    receive() external payable {
        try stakes.release() {
            refused = false;
        } catch (bytes memory reason) {
            refused = bytes4(reason) == Stakes.NothingToRelease.selector;
        }
    }
}

contract RefusingOwner {
    function stake(Stakes stakes) external payable {
        stakes.stake{value: msg.value}(0, address(1));
    }

    function leave(Stakes stakes) external {
        stakes.unstake(0);
    }

    function release(Stakes stakes) external {
        stakes.release();
    }
}

contract StakesTest is PolicyTest {
    uint64 internal constant MEMORY = 5;
    Seats internal seats;

    function setUp() public override {
        super.setUp();
        seats = new Seats(address(this), MIN_STAKE, UNSTAKE_DELAY, MEMORY);
    }

    function _stakes() internal view override returns (Stakes) {
        return seats;
    }

    function _fill() internal {
        for (uint256 i = 0; i < 64; ++i) {
            _stake(address(uint160(0x1000 + i)), 2 ether);
        }
        _roll(MEMORY + 1);
    }

    function test_Stake_TakesTheNextSeat() public {
        uint256 seat = _stake(A, 3 ether);
        (address payee, address owner, uint256 amount, uint64 since, uint8 lapses) = seats.seatOf(seat);
        vm.assertEq(payee, A);
        vm.assertEq(owner, OWNER);
        vm.assertEq(amount, 3 ether);
        vm.assertEq(since, START + 1);
        vm.assertEq(lapses, 0);
        vm.assertEq(seats.seatCount(), 1);
        vm.assertEq(seats.stakeOf(A), 3 ether);
        vm.assertEq(address(seats).balance, 3 ether);
    }

    function test_Stake_SeatsOfOnePayeeAddUp() public {
        _stake(A, 3 ether);
        _stake(A, 2 ether);
        vm.assertEq(seats.stakeOf(A), 5 ether);
    }

    function test_RevertStake_WhenTheSeatIsBeyondTheNext() public {
        _refusesStake(1, A, 1 ether, abi.encodeWithSelector(Stakes.NoSuchSeat.selector, 1, 0));
    }

    function test_RevertStake_WhenTheSeatIsBeyondTheLast() public {
        _fill();
        _refusesStake(64, A, 100 ether, abi.encodeWithSelector(Stakes.NoSuchSeat.selector, 64, 64));
    }

    function test_RevertStake_WhenItIsTooSmall() public {
        bytes memory reason =
            abi.encodeWithSelector(Stakes.StakeTooSmall.selector, MIN_STAKE - 1 gwei, MIN_STAKE);
        _refusesStake(0, A, MIN_STAKE - 1 gwei, reason);
    }

    function test_RevertStake_WhenItIsNoWholeGwei() public {
        _refusesStake(
            0, A, MIN_STAKE + 1, abi.encodeWithSelector(Stakes.StakeNotInGwei.selector, MIN_STAKE + 1)
        );
    }

    function test_RevertStake_WhenTheWeightDoesNotFit() public {
        uint256 amount = (uint256(type(uint56).max) + 1) * 1 gwei;
        _refusesStake(0, A, amount, abi.encodeWithSelector(Stakes.StakeTooLarge.selector, amount));
    }

    function test_RevertStake_WhenThePayeeIsZero() public {
        _refusesStake(0, address(0), 1 ether, abi.encodeWithSelector(Stakes.ZeroPayee.selector));
    }

    function test_RevertStake_WhenTheSeatIsTakenAndAnotherIsNot() public {
        _stake(A, 1 ether);
        _roll(MEMORY + 1);
        _refusesStake(0, B, 100 ether, abi.encodeWithSelector(Stakes.SeatTaken.selector, 0));
    }

    function test_Stake_OutbidsOnceAllSeatsAreTaken() public {
        _fill();
        _stakeAt(A, 9, B, 2.25 ether + 1 gwei);
        (address payee, address owner, uint256 amount,,) = seats.seatOf(9);
        vm.assertEq(payee, B);
        vm.assertEq(owner, A);
        vm.assertEq(amount, 2.25 ether + 1 gwei);
        vm.assertEq(seats.stakeOf(address(0x1009)), 0);
        vm.assertEq(seats.stakeOf(B), 2.25 ether + 1 gwei);
        (uint128 released, uint64 dueAt) = seats.releaseOf(OWNER);
        vm.assertEq(released, 2 ether);
        vm.assertEq(dueAt, block.number + UNSTAKE_DELAY);
    }

    function test_RevertStake_WhenItOutbidsByTooLittle() public {
        _fill();
        bytes memory reason =
            abi.encodeWithSelector(Stakes.StakeTooSmall.selector, 2.25 ether, 2.25 ether + 1);
        _refusesStake(9, B, 2.25 ether, reason);
    }

    function test_RevertStake_WhenTheSeatWasOutbidLately() public {
        _fill();
        _stakeAt(OWNER, 9, B, 3 ether);
        uint256 from = block.number + 1 + MEMORY;
        vm.roll(from - 1);
        _refusesStake(9, C, 9 ether, abi.encodeWithSelector(Stakes.SeatChanging.selector, 9, from - 1, from));
        vm.roll(from);
        _stakeAt(OWNER, 9, C, 9 ether);
        vm.assertEq(seats.stakeOf(B), 0);
    }

    function test_Unstake_EmptiesTheSeatForOthers() public {
        uint256 seat = _stake(A, 1 ether);
        _roll(MEMORY + 1);
        _unstake(seat);
        (address payee, address owner, uint256 amount,,) = seats.seatOf(seat);
        vm.assertEq(payee, address(0));
        vm.assertEq(owner, address(0));
        vm.assertEq(amount, 0);
        vm.assertEq(seats.stakeOf(A), 0);
        _roll(MEMORY + 1);
        _stakeAt(OWNER, seat, B, 1 ether);
        vm.assertEq(seats.seatCount(), 1);
    }

    function test_RevertUnstake_ByAnybodyElse() public {
        uint256 seat = _stake(A, 1 ether);
        _roll(MEMORY + 1);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NotOwner.selector, A, OWNER));
        vm.prank(A);
        seats.unstake(seat);
    }

    function test_RevertUnstake_Twice() public {
        uint256 seat = _stake(A, 1 ether);
        _roll(MEMORY + 1);
        _unstake(seat);
        _roll(MEMORY + 1);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NotOwner.selector, OWNER, address(0)));
        vm.prank(OWNER);
        seats.unstake(seat);
    }

    function test_RevertUnstake_WhenTheStakeIsTooYoung() public {
        uint256 seat = _stake(A, 1 ether);
        _roll(MEMORY);
        bytes memory reason =
            abi.encodeWithSelector(Stakes.SeatChanging.selector, seat, START + MEMORY, START + MEMORY + 1);
        vm.expectRevert(reason);
        vm.prank(OWNER);
        seats.unstake(seat);
    }

    function test_RevertUnstake_OfASeatNeverTaken() public {
        vm.expectRevert(abi.encodeWithSelector(Stakes.NoSuchSeat.selector, 0, 0));
        seats.unstake(0);
    }

    function test_Release_PaysAfterTheDelayAndOnce() public {
        uint256 seat = _stake(A, 3 ether);
        _roll(MEMORY + 1);
        _unstake(seat);
        uint256 dueAt = block.number + UNSTAKE_DELAY;
        vm.roll(dueAt - 1);
        vm.expectRevert(abi.encodeWithSelector(Stakes.ReleaseNotDue.selector, dueAt - 1, dueAt));
        vm.prank(OWNER);
        seats.release();
        vm.roll(dueAt);
        uint256 before = OWNER.balance;
        vm.prank(OWNER);
        seats.release();
        vm.assertEq(OWNER.balance - before, 3 ether);
        vm.assertEq(address(seats).balance, 0);
        vm.expectRevert(abi.encodeWithSelector(Stakes.NothingToRelease.selector, OWNER));
        vm.prank(OWNER);
        seats.release();
    }

    function test_Release_AnOwnerThatReentersGetsItOnce() public {
        ReenteringOwner owner = new ReenteringOwner{value: 1 ether}(seats);
        _stake(A, 5 ether);
        _roll(MEMORY + 1);
        owner.unstake();
        _roll(UNSTAKE_DELAY);
        owner.release();
        vm.assertTrue(owner.refused());
        vm.assertEq(address(owner).balance, 1 ether);
        vm.assertEq(address(seats).balance, 5 ether);
    }

    function test_RevertRelease_WhenTheOwnerRefusesMoney() public {
        RefusingOwner owner = new RefusingOwner();
        owner.stake{value: 1 ether}(seats);
        _roll(MEMORY + 1);
        owner.leave(seats);
        _roll(UNSTAKE_DELAY);
        vm.expectRevert(abi.encodeWithSelector(Stakes.TransferFailed.selector, address(owner)));
        owner.release(seats);
    }

    function test_NoteLapse_TakesTheSeatAtTheLimitAndNoMoney() public {
        uint256 seat = _stake(A, 3 ether);
        _roll(MEMORY + 1);
        seats.noteLapse(seat, A, 2);
        (address payee,,,, uint8 lapses) = seats.seatOf(seat);
        vm.assertEq(payee, A);
        vm.assertEq(lapses, 1);
        seats.noteLapse(seat, A, 2);
        (payee,,,,) = seats.seatOf(seat);
        vm.assertEq(payee, address(0));
        (uint128 amount,) = seats.releaseOf(OWNER);
        vm.assertEq(amount, 3 ether);
    }

    function test_NoteLapse_SparesWhoeverSitsThereSince() public {
        uint256 seat = _stake(A, 3 ether);
        _roll(MEMORY + 1);
        seats.noteLapse(seat, B, 1);
        (address payee,,,, uint8 lapses) = seats.seatOf(seat);
        vm.assertEq(payee, A);
        vm.assertEq(lapses, 0);
    }

    function test_DrawSeat_IsByStake() public {
        _stake(A, 1 ether);
        _stake(B, 3 ether);
        _roll(1);
        uint256 wins;
        for (uint256 i = 0; i < 4000; ++i) {
            (address payee,) = seats.drawSeat(keccak256(abi.encode(i)), block.number);
            if (payee == B) ++wins;
        }
        // 3,000 expected; the standard deviation is 27.
        vm.assertGe(wins, 2880);
        vm.assertLt(wins, 3120);
    }

    /// @dev M16: the same seed gives the same owner, in one seat or in many.
    function testFuzz_DrawSeat_SplittingAStakeChangesNothing(bytes32 seed, uint256 parts) public {
        parts = bound(parts, 2, 20);
        _stake(A, 20 ether);
        _stake(B, 20 ether);
        Seats split = new Seats(address(this), MIN_STAKE, UNSTAKE_DELAY, MEMORY);
        for (uint256 i = 0; i < parts; ++i) {
            uint256 amount = i == 0 ? (21 - parts) * 1 ether : 1 ether;
            vm.deal(OWNER, OWNER.balance + amount);
            vm.prank(OWNER);
            split.stake{value: amount}(i, address(uint160(0x100 + i)));
        }
        vm.prank(OWNER);
        split.stake{value: 20 ether}(parts, B);
        _roll(1);
        (address whole,) = seats.drawSeat(seed, block.number);
        (address part,) = split.drawSeat(seed, block.number);
        vm.assertEq(whole == B, part == B);
    }

    /// @dev Whoever sees the seed can stake no more for the draw.
    function testFuzz_DrawSeat_SeesTheSeatsAsTheyWere(bytes32 seed, uint256 later, uint256 amount) public {
        _stake(A, 1 ether);
        uint256 empty = _stake(B, 1 ether);
        _roll(MEMORY + 1);
        uint256 posted = block.number;
        (address before,) = seats.drawSeat(seed, posted);
        _roll(bound(later, 0, MEMORY));
        _stake(C, bound(amount, 1, 1000) * 1 ether);
        _unstake(empty);
        (address payee,) = seats.drawSeat(seed, posted);
        vm.assertEq(payee, before);
    }

    function test_DrawSeat_IsNobodyOnceASeatChangedTwice() public {
        uint256 seat = _stake(A, 1 ether);
        uint256 posted = block.number;
        _roll(MEMORY + 1);
        _unstake(seat);
        (address payee,) = seats.drawSeat(0, posted + 1);
        vm.assertEq(payee, A);
        (payee,) = seats.drawSeat(0, posted);
        vm.assertEq(payee, address(0));
    }

    function test_DrawSeat_IsNobodyWithoutStakes() public view {
        (address payee,) = seats.drawSeat(0, block.number);
        vm.assertEq(payee, address(0));
    }

    function test_DrawSeat_OfAFullListIsBoundedInGas() public {
        _fill();
        for (uint256 i = 0; i < 64; ++i) {
            _stakeAt(OWNER, i, A, 3 ether);
        }
        vm.cool(address(seats));
        seats.drawSeat(keccak256("seed"), block.number);
        vm.assertLt(vm.lastCallGas().gasTotalUsed, 350_000);
    }

    function testFuzz_BalanceIsStakesAndReleases(uint256[16] memory moves) public {
        for (uint256 i = 0; i < moves.length; ++i) {
            uint256 seat = moves[i] % (seats.seatCount() + 1);
            (address payee,,,,) = seat < 64 ? seats.seatOf(seat) : (A, A, 0, 0, 0);
            if (payee == address(0)) {
                _stakeAt(OWNER, seat, A, 1 ether + uint256(uint32(moves[i] >> 200)) * 1 gwei);
            } else {
                _unstake(seat);
            }
            _roll(MEMORY + 2);
        }
        (uint128 released,) = seats.releaseOf(OWNER);
        vm.assertEq(address(seats).balance, seats.stakeOf(A) + released);
    }

    function test_RevertConstructor_WhenAFieldCannotBeRight() public {
        vm.expectRevert(abi.encodeWithSelector(IAwardPolicy.WrongPolicy.selector, "arbiter"));
        new Seats(address(0), 1 gwei, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IAwardPolicy.WrongPolicy.selector, "minStake"));
        new Seats(address(1), 0, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IAwardPolicy.WrongPolicy.selector, "minStake"));
        new Seats(address(1), 1, 1, 1);
        vm.expectRevert(abi.encodeWithSelector(IAwardPolicy.WrongPolicy.selector, "unstakeDelay"));
        new Seats(address(1), 1 gwei, 0, 1);
    }
}
