// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

contract DepositTest is ArbiterTest {
    function test_Deposit_QueuesANewAccount() public {
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.Deposited(0, 0, 5, 6, EXIT, 2000);
        vm.assertEq(_deposit(5, 2000), 0);
        vm.assertEq(_deposit(5, 2000), 1);
        vm.assertEq(arbiter.accountCount(), 2);
        vm.assertEq(arbiter.queueHead(), 0);
        vm.assertEq(arbiter.queueTail(), 2);
    }

    function testFuzz_Deposit_TakesEveryAmountInRange(uint256 keyX, uint256 keyY, uint64 amount) public {
        (keyX, keyY) = (keyX % R, keyY % R);
        amount = uint64(bound(amount, MIN_DEPOSIT, type(uint64).max));
        uint256 value = _value(amount);
        vm.deal(USER, value);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.Deposited(0, 0, keyX, keyY, EXIT, amount);
        vm.prank(USER);
        arbiter.deposit{value: value}(keyX, keyY, EXIT, amount);
        vm.assertEq(_held(), value);
    }

    /// @dev What a deposit pays beyond its amount never becomes L2 money.
    function testFuzz_Deposit_CountsNoFeeAsAmount(uint256 extra) public {
        extra = bound(extra, 0, 100 ether);
        uint256 value = _value(2000) + extra;
        vm.prank(USER);
        arbiter.deposit{value: value}(5, 6, EXIT, 2000);
        _sequence(1, _dataWith(_depositSlot(0, 5, 2000)));
    }

    function testFuzz_RevertDeposit_WhenTheValueDoesNotCoverAmountAndFee(uint64 amount, uint256 value)
        public
    {
        amount = uint64(bound(amount, MIN_DEPOSIT, type(uint64).max));
        uint256 least = _value(amount);
        value = bound(value, 0, least - 1);
        vm.deal(USER, value);
        _refuses(
            value, 5, 6, EXIT, amount, abi.encodeWithSelector(IArbiterTypes.FeeTooLow.selector, value, least)
        );
    }

    function testFuzz_RevertDeposit_WhenBelowTheMinimum(uint64 amount) public {
        amount = uint64(bound(amount, 0, MIN_DEPOSIT - 1));
        bytes memory reason =
            abi.encodeWithSelector(IArbiterTypes.AmountOutOfRange.selector, amount, MIN_DEPOSIT);
        _refuses(1 ether, 5, 6, EXIT, amount, reason);
    }

    function testFuzz_RevertDeposit_WhenAKeyCoordinateIsNotInTheField(uint256 coordinate) public {
        coordinate = bound(coordinate, R, type(uint256).max);
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.NotInField.selector, coordinate);
        _refuses(1 ether, coordinate, 6, EXIT, 2000, reason);
        _refuses(1 ether, 6, coordinate, EXIT, 2000, reason);
    }

    function test_RevertDeposit_WhenTheExitAddressIsZero() public {
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.ZeroExitAddress.selector);
        _refuses(1 ether, 5, 6, address(0), 2000, reason);
    }

    function test_RevertDeposit_WhenTheTreeIsFull() public {
        for (uint256 i = 0; i < 16; ++i) {
            _deposit(i, MIN_DEPOSIT);
        }
        _refuses(1 ether, 5, 6, EXIT, 2000, abi.encodeWithSelector(IArbiterTypes.TreeFull.selector, 16));
    }

    function test_RevertDeposit_WhenTheTotalReachesTheCap() public {
        // 2^90 gwei in deposits below 2^64 would take 2^26 calls: start the total just under the cap instead.
        bytes32 slot = bytes32(uint256(3));
        vm.store(address(arbiter), slot, bytes32(uint256(2 ** 90 - 3000) << 48));
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.DepositCapReached.selector, 2 ** 90);
        _refuses(1 ether, 5, 6, EXIT, 3000, reason);
        _deposit(5, 2999);
    }

    function _refuses(uint256 value, uint256 x, uint256 y, address exit, uint64 amount, bytes memory reason)
        private
    {
        vm.expectRevert(reason);
        vm.prank(USER);
        arbiter.deposit{value: value}(x, y, exit, amount);
    }
}
