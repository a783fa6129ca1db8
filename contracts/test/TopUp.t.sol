// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

contract TopUpTest is ArbiterTest {
    function setUp() public override {
        super.setUp();
        _deposit(5, 2000);
        _deposit(50, 2000);
    }

    function test_TopUp_QueuesForTheSameAccount() public {
        vm.expectEmit(address(arbiter));
        emit IArbiter.Deposited(2, 1, 50, 51, RIVAL, 3000);
        vm.prank(USER);
        arbiter.topUp{value: 3000 gwei}(1, 50, 51, RIVAL);
        vm.assertEq(arbiter.accountCount(), 2);
        vm.assertEq(arbiter.queueTail(), 3);
    }

    function testFuzz_RevertTopUp_WhenTheAccountIsUnassigned(uint48 account) public {
        account = uint48(bound(account, 2, type(uint48).max));
        _refuses(
            3000 gwei, account, 5, 6, EXIT, abi.encodeWithSelector(IArbiter.AccountUnknown.selector, account)
        );
    }

    function testFuzz_RevertTopUp_WhenTheKeyIsAnother(uint256 keyX, uint256 keyY) public {
        vm.assume(keyX != 5 || keyY != 6);
        _refuses(3000 gwei, 0, keyX, keyY, EXIT, abi.encodeWithSelector(IArbiter.WrongKey.selector, 0));
    }

    function test_RevertTopUp_WhenTheKeyIsAnotherAccounts() public {
        _refuses(3000 gwei, 0, 50, 51, EXIT, abi.encodeWithSelector(IArbiter.WrongKey.selector, 0));
    }

    function test_RevertTopUp_WhenTheAmountOrExitAddressIsRefused() public {
        _refuses(
            3000 gwei + 1,
            0,
            5,
            6,
            EXIT,
            abi.encodeWithSelector(IArbiter.NotWholeGwei.selector, 3000 gwei + 1)
        );
        _refuses(
            999 gwei,
            0,
            5,
            6,
            EXIT,
            abi.encodeWithSelector(IArbiter.AmountOutOfRange.selector, 999, MIN_DEPOSIT)
        );
        _refuses(3000 gwei, 0, 5, 6, address(0), abi.encodeWithSelector(IArbiter.ZeroExitAddress.selector));
    }

    function _refuses(uint256 value, uint48 account, uint256 x, uint256 y, address exit, bytes memory reason)
        private
    {
        vm.expectRevert(reason);
        vm.prank(USER);
        arbiter.topUp{value: value}(account, x, y, exit);
    }
}
