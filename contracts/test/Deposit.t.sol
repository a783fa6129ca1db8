// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Arbiter} from "../src/Arbiter.sol";
import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

contract DepositTest is ArbiterTest {
    function test_Deposit_QueuesANewAccount() public {
        vm.expectEmit(address(arbiter));
        emit IArbiter.Deposited(0, 0, 5, 6, EXIT, 2000);
        vm.assertEq(_deposit(5, 2000), 0);
        vm.assertEq(_deposit(5, 2000), 1);
        vm.assertEq(arbiter.accountCount(), 2);
        vm.assertEq(arbiter.queueHead(), 0);
        vm.assertEq(arbiter.queueTail(), 2);
        vm.assertEq(address(arbiter).balance, 4000 gwei);
    }

    function testFuzz_Deposit_TakesEveryWholeAmountInRange(uint256 keyX, uint256 keyY, uint64 amount) public {
        (keyX, keyY) = (keyX % R, keyY % R);
        amount = uint64(bound(amount, MIN_DEPOSIT, type(uint64).max));
        vm.deal(USER, uint256(amount) * 1 gwei);
        vm.expectEmit(address(arbiter));
        emit IArbiter.Deposited(0, 0, keyX, keyY, EXIT, amount);
        vm.prank(USER);
        arbiter.deposit{value: uint256(amount) * 1 gwei}(keyX, keyY, EXIT);
    }

    function testFuzz_RevertDeposit_WhenNotWholeGwei(uint256 value) public {
        value = bound(value, 0, 1000 ether);
        vm.assume(value % 1 gwei != 0);
        vm.expectRevert(abi.encodeWithSelector(IArbiter.NotWholeGwei.selector, value));
        vm.prank(USER);
        arbiter.deposit{value: value}(5, 6, EXIT);
    }

    function testFuzz_RevertDeposit_WhenBelowTheMinimum(uint256 amount) public {
        amount = bound(amount, 0, MIN_DEPOSIT - 1);
        vm.expectRevert(abi.encodeWithSelector(IArbiter.AmountOutOfRange.selector, amount, MIN_DEPOSIT));
        vm.prank(USER);
        arbiter.deposit{value: amount * 1 gwei}(5, 6, EXIT);
    }

    function test_RevertDeposit_WhenTheAmountDoesNotFit64Bits() public {
        uint256 amount = 2 ** 64;
        vm.deal(USER, amount * 1 gwei);
        vm.expectRevert(abi.encodeWithSelector(IArbiter.AmountOutOfRange.selector, amount, MIN_DEPOSIT));
        vm.prank(USER);
        arbiter.deposit{value: amount * 1 gwei}(5, 6, EXIT);
    }

    function testFuzz_RevertDeposit_WhenAKeyCoordinateIsNotInTheField(uint256 coordinate) public {
        coordinate = bound(coordinate, R, type(uint256).max);
        vm.expectRevert(abi.encodeWithSelector(IArbiter.NotInField.selector, coordinate));
        vm.prank(USER);
        arbiter.deposit{value: 1 ether}(coordinate, 6, EXIT);
        vm.expectRevert(abi.encodeWithSelector(IArbiter.NotInField.selector, coordinate));
        vm.prank(USER);
        arbiter.deposit{value: 1 ether}(6, coordinate, EXIT);
    }

    function test_RevertDeposit_WhenTheExitAddressIsZero() public {
        vm.expectRevert(abi.encodeWithSelector(IArbiter.ZeroExitAddress.selector));
        vm.prank(USER);
        arbiter.deposit{value: 1 ether}(5, 6, address(0));
    }

    function test_RevertDeposit_WhenTheTreeIsFull() public {
        for (uint256 i = 0; i < 16; ++i) {
            _deposit(i, MIN_DEPOSIT);
        }
        vm.expectRevert(abi.encodeWithSelector(IArbiter.TreeFull.selector, 16));
        vm.prank(USER);
        arbiter.deposit{value: 1 ether}(5, 6, EXIT);
    }

    function test_RevertDeposit_WhenTheTotalReachesTheCap() public {
        IArbiter.Config memory config = _config();
        config.depth = 24;
        arbiter = new Arbiter(config);
        // 2^90 gwei in deposits below 2^64 would take 2^26 calls: start the total just under the cap instead.
        bytes32 slot = bytes32(uint256(1));
        vm.store(address(arbiter), slot, bytes32(uint256(2 ** 90 - 3000) << 48));
        vm.expectRevert(abi.encodeWithSelector(IArbiter.DepositCapReached.selector, 2 ** 90));
        vm.prank(USER);
        arbiter.deposit{value: 3000 gwei}(5, 6, EXIT);
        _deposit(5, 2999);
    }
}
