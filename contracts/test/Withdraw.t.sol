// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";
import {
    BombingReceiver,
    GasBurningReceiver,
    Receiver,
    ReenteringReceiver,
    RevertingReceiver
} from "./support/Receivers.sol";

contract WithdrawTest is ArbiterTest {
    function setUp() public override {
        super.setUp();
        _sequenceMany(3);
    }

    function test_Withdraw_PaysTheCreditOnce() public {
        _submit(RIVAL, _proved(1, PAYEE, 0));
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.Withdrawn(PAYEE, REWARD);
        vm.prank(PAYEE);
        arbiter.withdraw();
        vm.assertEq(PAYEE.balance, REWARD);
        vm.assertEq(arbiter.creditOf(PAYEE), 0);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NothingToWithdraw.selector, PAYEE));
        vm.prank(PAYEE);
        arbiter.withdraw();
    }

    function testFuzz_RevertWithdraw_WhenThereIsNothing(address caller) public {
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NothingToWithdraw.selector, caller));
        vm.prank(caller);
        arbiter.withdraw();
    }

    function test_Withdraw_WorksForAContract() public {
        Receiver receiver = new Receiver();
        _submit(RIVAL, _proved(1, address(receiver), 0));
        receiver.pull(arbiter);
        vm.assertEq(address(receiver).balance, REWARD);
    }

    function test_RevertWithdraw_WhenTheReceiverReverts() public {
        Receiver receiver = new RevertingReceiver();
        _submit(RIVAL, _proved(1, address(receiver), 0));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.TransferFailed.selector, address(receiver)));
        receiver.pull(arbiter);
        _assertOnlyItselfIsHarmed(address(receiver));
    }

    function test_RevertWithdraw_WhenTheReceiverBurnsItsGas() public {
        Receiver receiver = new GasBurningReceiver();
        _submit(RIVAL, _proved(1, address(receiver), 0));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.TransferFailed.selector, address(receiver)));
        receiver.pull{gas: 1_000_000}(arbiter);
        _assertOnlyItselfIsHarmed(address(receiver));
    }

    function test_Withdraw_SurvivesAReceiverThatReturnsALot() public {
        Receiver receiver = new BombingReceiver();
        _submit(RIVAL, _proved(1, address(receiver), 0));
        receiver.pull(arbiter);
        vm.assertEq(address(receiver).balance, REWARD);
    }

    function test_Withdraw_PaysAReenteringReceiverOnce() public {
        ReenteringReceiver receiver = new ReenteringReceiver();
        _submit(RIVAL, _proved(1, address(receiver), 0));
        receiver.pull(arbiter);
        vm.assertFalse(receiver.reentered());
        vm.assertEq(address(receiver).balance, REWARD);
        vm.assertEq(_held(), 2 * REWARD);
    }

    /// @dev Its credit stays; others are proved, paid and withdraw as if it were not there.
    function _assertOnlyItselfIsHarmed(address receiver) private {
        vm.assertEq(arbiter.creditOf(receiver), REWARD);
        _submit(RIVAL, _proved(2, PAYEE, 0));
        vm.prank(PAYEE);
        arbiter.withdraw();
        vm.assertEq(PAYEE.balance, REWARD);
    }
}
