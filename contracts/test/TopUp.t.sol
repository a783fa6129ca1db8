// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

contract TopUpTest is ArbiterTest {
    function setUp() public override {
        super.setUp();
        _deposit(5, 2000);
        _deposit(50, 2000);
        vm.deal(RIVAL, 1 ether);
    }

    function test_TopUp_QueuesForTheSameAccount() public {
        uint256 value = _value(3000);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.Deposited(2, 1, 50, 51, EXIT, 3000);
        vm.prank(RIVAL);
        arbiter.topUp{value: value}(1, 50, 51, EXIT, 3000);
        vm.assertEq(arbiter.accountCount(), 2);
        vm.assertEq(arbiter.queueTail(), 3);
    }

    function testFuzz_RevertTopUp_WhenTheAccountIsUnassigned(uint48 account) public {
        account = uint48(bound(account, 2, type(uint48).max));
        _refuses(account, 5, 6, EXIT, abi.encodeWithSelector(IArbiterTypes.AccountUnknown.selector, account));
    }

    function testFuzz_RevertTopUp_WhenTheKeyIsAnother(uint256 keyX, uint256 keyY) public {
        vm.assume(keyX != 5 || keyY != 6);
        _refuses(0, keyX, keyY, EXIT, abi.encodeWithSelector(IArbiterTypes.WrongKey.selector, 0));
    }

    function test_RevertTopUp_WhenTheKeyIsAnotherAccounts() public {
        _refuses(0, 50, 51, EXIT, abi.encodeWithSelector(IArbiterTypes.WrongKey.selector, 0));
    }

    function testFuzz_RevertTopUp_WhenTheExitAddressIsAnother(address exit) public {
        vm.assume(exit != EXIT);
        _refuses(0, 5, 6, exit, abi.encodeWithSelector(IArbiterTypes.WrongKey.selector, 0));
    }

    function testFuzz_RevertTopUp_WhenBelowTheMinimum(uint64 amount) public {
        amount = uint64(bound(amount, 0, MIN_DEPOSIT - 1));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AmountOutOfRange.selector, amount, MIN_DEPOSIT));
        vm.prank(USER);
        arbiter.topUp{value: 1 ether}(0, 5, 6, EXIT, amount);
    }

    function test_RevertTopUp_WhenTheFeeIsShortByAWei() public {
        uint256 least = _value(3000);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.FeeTooLow.selector, least - 1, least));
        vm.prank(USER);
        arbiter.topUp{value: least - 1}(0, 5, 6, EXIT, 3000);
    }

    function _refuses(uint48 account, uint256 x, uint256 y, address exit, bytes memory reason) private {
        vm.expectRevert(reason);
        vm.prank(USER);
        arbiter.topUp{value: 1 ether}(account, x, y, exit, 3000);
    }
}
