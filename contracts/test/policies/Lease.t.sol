// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAwardPolicy} from "../../src/policies/IAwardPolicy.sol";
import {Lease} from "../../src/policies/Lease.sol";
import {Stakes} from "../../src/policies/Stakes.sol";
import {PolicyTest} from "./PolicyTest.sol";

contract LeaseTest is PolicyTest {
    uint64 internal constant LEASE = 6;
    Lease internal policy;

    function setUp() public override {
        super.setUp();
        policy = new Lease(address(this), MIN_STAKE, UNSTAKE_DELAY, LEASE);
    }

    function _stakes() internal view override returns (Stakes) {
        return policy;
    }

    /// @dev A posting in this block, by a seat that is A's alone; time goes on to the block after.
    function _leaseToA() internal returns (uint64 postedAt) {
        _stake(A, 1 ether);
        _roll(1);
        postedAt = uint64(block.number);
        _roll(1);
    }

    function _lapsesOf(uint256 seat) internal view returns (uint8 lapses) {
        (,,,, lapses) = policy.seatOf(seat);
    }

    /// @dev Batch `number` is posted, and proved by B when the lease has run out.
    function _letLapse(uint64 number) internal {
        uint64 postedAt = uint64(block.number);
        _roll(LEASE + 1);
        vm.assertEq(policy.first(number, ROOT, B, postedAt), 0);
    }

    function test_Lease_RefusesAnybodyButItsArbiter() public {
        _refusesStrangers(policy);
    }

    function test_First_WithoutStakesTheFirstIsPaid() public {
        uint64 postedAt = uint64(block.number);
        _roll(1);
        vm.assertEq(policy.first(NUMBER, ROOT, B, postedAt), 0);
    }

    function test_First_TheHolderIsPaidAtOnce() public {
        uint64 postedAt = _leaseToA();
        vm.assertEq(policy.first(NUMBER, ROOT, A, postedAt), 0);
    }

    function test_First_AnothersMoneyWaitsUntilTheLeaseIsOver() public {
        uint64 postedAt = _leaseToA();
        vm.assertEq(policy.first(NUMBER, ROOT, B, postedAt), postedAt + LEASE + 1);
    }

    function test_First_AnybodyIsPaidOnceTheLeaseIsOver() public {
        uint64 postedAt = _leaseToA();
        vm.roll(postedAt + LEASE);
        vm.assertEq(policy.first(NUMBER, ROOT, B, postedAt), postedAt + LEASE + 1);
        vm.roll(postedAt + LEASE + 1);
        vm.assertEq(policy.first(NUMBER, ROOT + 1, B, postedAt), 0);
    }

    function test_Contends_TheHolderAloneAndWithinTheLease() public {
        uint64 postedAt = _leaseToA();
        vm.assertFalse(policy.contends(NUMBER, ROOT, A));
        policy.first(NUMBER, ROOT, B, postedAt);
        vm.assertTrue(policy.contends(NUMBER, ROOT, A));
        vm.assertFalse(policy.contends(NUMBER, ROOT, B));
        vm.assertFalse(policy.contends(NUMBER, ROOT, C));
        vm.assertFalse(policy.contends(NUMBER, ROOT, address(0)));
        vm.roll(postedAt + LEASE);
        vm.assertTrue(policy.contends(NUMBER, ROOT, A));
        vm.roll(postedAt + LEASE + 1);
        vm.assertFalse(policy.contends(NUMBER, ROOT, A));
    }

    function test_Further_DecidesForTheHolder() public {
        uint64 postedAt = _leaseToA();
        policy.first(NUMBER, ROOT, B, postedAt);
        vm.assertEq(policy.further(NUMBER, ROOT, A), 0);
        vm.assertFalse(policy.contends(NUMBER, ROOT, A));
    }

    function test_Winner_IsTheFirstWhenTheHolderBroughtNone() public {
        uint64 postedAt = _leaseToA();
        policy.first(NUMBER, ROOT, B, postedAt);
        vm.roll(postedAt + LEASE + 1);
        vm.expectEmit(address(policy));
        emit Lease.LeaseLapsed(NUMBER, A, 0);
        vm.assertEq(policy.winner(NUMBER, ROOT), address(0));
        vm.assertEq(_lapsesOf(0), 1);
    }

    /// @dev The holder is not known in the block of the posting: its hash is the seed.
    function test_First_InThePostingsOwnBlockWaits() public {
        _stake(A, 1 ether);
        _roll(1);
        uint64 postedAt = uint64(block.number);
        vm.assertEq(policy.first(NUMBER, ROOT, A, postedAt), postedAt + LEASE + 1);
        vm.assertFalse(policy.contends(NUMBER, ROOT, A));
        _roll(1);
        vm.assertTrue(policy.contends(NUMBER, ROOT, A));
        vm.roll(postedAt + LEASE + 1);
        vm.assertEq(policy.winner(NUMBER, ROOT), address(0));
        vm.assertEq(_lapsesOf(0), 0);
    }

    function test_HolderOf_IsByStakeAndDiffersByBatch() public {
        _stake(A, 1 ether);
        _stake(B, 3 ether);
        _roll(1);
        uint256 wins;
        for (uint64 i = 0; i < 4000; ++i) {
            (address holder,,) = policy.holderOf(i, uint64(block.number), "hash");
            if (holder == B) ++wins;
        }
        // 3,000 expected; the standard deviation is 27.
        vm.assertGe(wins, 2880);
        vm.assertLt(wins, 3120);
    }

    function testFuzz_HolderOf_TellsWhomTheLeaseIsFor(bytes32 seed, uint64 number) public {
        vm.assume(seed != 0);
        _stake(A, 1 ether);
        _stake(B, 2 ether);
        _roll(1);
        uint64 postedAt = uint64(block.number);
        _setHash(postedAt, seed);
        (address holder,, uint64 endsAt) = policy.holderOf(number, postedAt, seed);
        _roll(1);
        vm.assertEq(policy.first(number, ROOT, holder == A ? B : A, postedAt), endsAt + 1);
        vm.assertEq(policy.first(number, ROOT + 1, holder, postedAt), 0);
    }

    /// @dev Whoever sees the seed can stake no more for it: this batch's holder stays.
    function testFuzz_Contends_AStakeAfterThePostingComesTooLate(uint256 amount, uint256 later) public {
        uint64 postedAt = _leaseToA();
        policy.first(NUMBER, ROOT, C, postedAt);
        vm.roll(bound(later, postedAt, postedAt + LEASE));
        _stake(B, bound(amount, 1, 100_000) * 1 ether);
        vm.assertFalse(policy.contends(NUMBER, ROOT, B));
        vm.roll(postedAt + LEASE);
        vm.assertTrue(policy.contends(NUMBER, ROOT, A));
    }

    function test_Lapse_CostsTheSeatAtTheThirdInARow() public {
        _stake(A, 1 ether);
        _roll(1);
        _letLapse(1);
        _letLapse(2);
        vm.assertEq(_lapsesOf(0), 2);
        _letLapse(3);
        (address payee,,,,) = policy.seatOf(0);
        vm.assertEq(payee, address(0));
        (uint128 amount,) = policy.releaseOf(OWNER);
        vm.assertEq(amount, 1 ether);
    }

    function test_Lapse_IsForgottenOnceTheHolderProves() public {
        _stake(A, 1 ether);
        _roll(1);
        _letLapse(1);
        _letLapse(2);
        uint64 postedAt = uint64(block.number);
        _roll(1);
        policy.first(3, ROOT, A, postedAt);
        vm.assertEq(_lapsesOf(0), 0);
    }

    function test_Lapse_IsNotedOnceABatch() public {
        uint64 postedAt = _leaseToA();
        vm.roll(postedAt + LEASE + 1);
        policy.first(NUMBER, ROOT, B, postedAt);
        policy.first(NUMBER, ROOT + 1, B, postedAt);
        policy.first(NUMBER, ROOT + 2, B, postedAt);
        vm.assertEq(_lapsesOf(0), 1);
    }

    /// @dev Proofs on made-up roots, which cost their makers as much as any, hold nothing against who served.
    function test_Lapse_NotByProofsOnMadeUpRootsAfterTheHoldersOwn() public {
        uint64 postedAt = _leaseToA();
        policy.first(NUMBER, ROOT + 1, B, postedAt);
        policy.first(NUMBER, ROOT, A, postedAt);
        vm.roll(postedAt + LEASE + 1);
        policy.first(NUMBER, ROOT + 2, C, postedAt);
        policy.winner(NUMBER, ROOT + 1);
        vm.assertEq(_lapsesOf(0), 0);
    }

    function test_Lapse_NotByTheHoldersOwnLateProof() public {
        uint64 postedAt = _leaseToA();
        vm.roll(postedAt + LEASE + 1);
        policy.first(NUMBER, ROOT, A, postedAt);
        vm.assertEq(_lapsesOf(0), 0);
    }

    function test_Lapse_IsNotNotedOnceThePostingsHashIsOutOfReach() public {
        uint64 postedAt = _leaseToA();
        vm.roll(postedAt + 257);
        vm.assertEq(policy.first(NUMBER, ROOT, B, postedAt), 0);
        vm.assertEq(_lapsesOf(0), 0);
    }

    function test_First_OverAFullListIsBoundedInGas() public {
        for (uint256 i = 0; i < 64; ++i) {
            _stake(address(uint160(0x1000 + i)), 1 ether);
        }
        _roll(LEASE + 1);
        uint64 postedAt = uint64(block.number);
        for (uint256 i = 0; i < 64; ++i) {
            _stakeAt(OWNER, i, B, 2 ether);
        }
        _roll(LEASE + 1);
        vm.cool(address(policy));
        policy.first(NUMBER, ROOT, A, postedAt);
        vm.assertLt(vm.lastCallGas().gasTotalUsed, 450_000);
    }

    function test_RevertConstructor_WhenTheLeaseOutlastsTheSeed() public {
        vm.expectRevert(abi.encodeWithSelector(IAwardPolicy.WrongPolicy.selector, "leaseBlocks"));
        new Lease(address(this), MIN_STAKE, UNSTAKE_DELAY, 129);
        vm.expectRevert(abi.encodeWithSelector(IAwardPolicy.WrongPolicy.selector, "leaseBlocks"));
        new Lease(address(this), MIN_STAKE, UNSTAKE_DELAY, 0);
    }
}
