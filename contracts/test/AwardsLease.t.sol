// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {Lease} from "../src/policies/Lease.sol";
import {PolicyArbiterTest} from "./support/PolicyArbiterTest.sol";

/// @dev Awards under a lease whose holder is RIVAL, the only one with a stake.
contract AwardsLeaseTest is PolicyArbiterTest {
    uint64 internal constant LEASE = 6;

    function _newPolicy(address arbiterToBe) internal override returns (address) {
        return address(new Lease(arbiterToBe, 1 ether, UNSTAKE_DELAY, LEASE));
    }

    function _lease() internal returns (uint256 postedAt) {
        _stake(RIVAL, 1 ether);
        _roll(1);
        _sequenceMany(1);
        postedAt = block.number;
        _roll(1);
    }

    function test_SubmitProof_TheHolderIsPaidAtOnce() public {
        _lease();
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.Awarded(1, RIVAL, REWARD);
        arbiter.submitProof(_proved(1, RIVAL, 0));
        vm.assertEq(arbiter.creditOf(RIVAL), REWARD);
    }

    function test_SubmitProof_AnothersProofIsFinalAndUnpaid() public {
        uint256 postedAt = _lease();
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.assertEq(arbiter.stateRoot(), _root(1));
        (address payee, uint96 amount, uint64 dueAt) = arbiter.award(1, GENESIS_ROOT);
        vm.assertEq(payee, PAYEE);
        vm.assertEq(amount, REWARD);
        vm.assertEq(dueAt, postedAt + LEASE + 1);
    }

    function test_SubmitProof_TheHolderInTimeTakesTheRewardAfterAll() public {
        uint256 postedAt = _lease();
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.roll(postedAt + LEASE);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.Awarded(1, RIVAL, REWARD);
        _submit(RELAYER, _proved(1, RIVAL, 3 gwei));
        vm.assertEq(arbiter.creditOf(RIVAL), REWARD - 3 gwei);
        vm.assertEq(arbiter.creditOf(RELAYER), 3 gwei);
        _roll(1);
        _refusesSettling(1, abi.encodeWithSelector(IArbiterTypes.NoAward.selector, 1));
        vm.assertEq(arbiter.creditOf(PAYEE), 0);
    }

    function test_RevertSubmitProof_WhenTheHolderComesTooLate() public {
        uint256 postedAt = _lease();
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.roll(postedAt + LEASE + 1);
        _refusesProof(_proved(1, RIVAL, 0), _late(1));
        _settle(1);
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
    }

    function test_RevertSubmitProof_WhenAnybodyButTheHolderFollows() public {
        _lease();
        arbiter.submitProof(_proved(1, PAYEE, 0));
        _refusesProof(_proved(1, THIRD, 0), _late(1));
    }

    function test_SubmitProof_AfterTheLeaseTheFirstIsPaidAtOnce() public {
        uint256 postedAt = _lease();
        vm.roll(postedAt + LEASE + 1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
    }

    function test_SubmitProof_WithoutStakesTheFirstIsPaidAtOnce() public {
        _sequenceMany(1);
        _roll(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
    }

    /// @dev The holder wins a batch that waits for another; it is paid when that is final.
    function test_SubmitProof_TheHolderOfABatchThatWaitsIsPaidOnceItIsFinal() public {
        _stake(RIVAL, 1 ether);
        _roll(1);
        _sequenceMany(2);
        _roll(1);
        arbiter.submitProof(_proved(2, PAYEE, 0));
        arbiter.submitProof(_proved(2, RIVAL, 0));
        vm.assertEq(arbiter.creditOf(RIVAL), 0);
        arbiter.submitProof(_proved(1, RIVAL, 0));
        vm.assertEq(arbiter.creditOf(RIVAL), 2 * REWARD);
        vm.assertEq(_held(), 2 * REWARD);
    }
}
