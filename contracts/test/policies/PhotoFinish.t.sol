// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {PhotoFinish} from "../../src/policies/PhotoFinish.sol";
import {Stakes} from "../../src/policies/Stakes.sol";
import {PolicyTest} from "./PolicyTest.sol";

contract PhotoFinishTest is PolicyTest {
    PhotoFinish internal policy;

    function setUp() public override {
        super.setUp();
        policy = new PhotoFinish(address(this), MIN_STAKE, UNSTAKE_DELAY);
    }

    function _stakes() internal view override returns (Stakes) {
        return policy;
    }

    function _finish(address[] memory payees) internal {
        vm.assertEq(policy.first(NUMBER, ROOT, payees[0], 1), block.number + 2);
        for (uint256 i = 1; i < payees.length; ++i) {
            vm.assertTrue(policy.contends(NUMBER, ROOT, payees[i]));
            vm.assertEq(policy.further(NUMBER, ROOT, payees[i]), block.number + 2);
        }
    }

    function _both() internal pure returns (address[] memory payees) {
        payees = new address[](2);
        (payees[0], payees[1]) = (A, B);
    }

    function test_PhotoFinish_RefusesAnybodyButItsArbiter() public {
        _refusesStrangers(policy);
    }

    function test_Contends_InTheFirstsBlockAlone() public {
        _stake(B, 1 ether);
        vm.assertFalse(policy.contends(NUMBER, ROOT, B));
        policy.first(NUMBER, ROOT, A, 1);
        vm.assertTrue(policy.contends(NUMBER, ROOT, B));
        vm.assertFalse(policy.contends(NUMBER, ROOT + 1, B));
        vm.assertFalse(policy.contends(NUMBER + 1, ROOT, B));
        _roll(1);
        vm.assertFalse(policy.contends(NUMBER, ROOT, B));
    }

    /// @dev Else whoever has no stake makes the arbiter verify proofs that cannot win.
    function test_Contends_NotWithoutAStake() public {
        policy.first(NUMBER, ROOT, A, 1);
        vm.assertFalse(policy.contends(NUMBER, ROOT, B));
    }

    function test_Contends_UpToSixteen() public {
        policy.first(NUMBER, ROOT, A, 1);
        for (uint160 i = 1; i < 16; ++i) {
            _stake(address(i + 0x100), 1 ether);
            vm.assertTrue(policy.contends(NUMBER, ROOT, address(i + 0x100)));
            policy.further(NUMBER, ROOT, address(i + 0x100));
        }
        _stake(B, 1 ether);
        vm.assertFalse(policy.contends(NUMBER, ROOT, B));
    }

    /// @dev M4: the order in the block decides nothing.
    function test_Winner_IsDrawnByStakeWhateverTheOrder() public {
        _stake(A, 1 ether);
        _stake(B, 3 ether);
        uint256[2] memory wins;
        for (uint64 i = 0; i < 1200; ++i) {
            policy.first(i, ROOT, i % 2 == 0 ? A : B, 1);
            policy.further(i, ROOT, i % 2 == 0 ? B : A);
            _roll(2);
            _setHash(block.number - 1, keccak256(abi.encode("block", i)));
            if (policy.winner(i, ROOT) == B) ++wins[i % 2];
        }
        // 450 of 600 expected each; the standard deviation is 10.6.
        for (uint256 i = 0; i < 2; ++i) {
            vm.assertGe(wins[i], 400);
            vm.assertLt(wins[i], 500);
        }
    }

    function test_Winner_IsTheFirstWhenNobodyHasAStake() public {
        policy.first(NUMBER, ROOT, A, 1);
        _roll(2);
        vm.assertEq(policy.winner(NUMBER, ROOT), address(0));
    }

    function test_Winner_IsAStakedContenderBeforeAFirstWithoutAStake() public {
        _stake(B, 1 ether);
        _finish(_both());
        _roll(2);
        vm.assertEq(policy.winner(NUMBER, ROOT), B);
    }

    function test_Winner_IsTheFirstOnceTheHashIsOutOfReach() public {
        _stake(B, 1 ether);
        _finish(_both());
        uint256 seed = block.number + 1;
        vm.roll(seed + 256);
        vm.assertEq(policy.drawn(NUMBER, ROOT), B);
        vm.roll(seed + 257);
        vm.assertEq(policy.winner(NUMBER, ROOT), address(0));
    }

    /// @dev The seed does not exist while anybody may still contend.
    function test_Drawn_IsNobodyBeforeTheNextBlockHasAHash() public {
        _stake(B, 1 ether);
        _finish(_both());
        vm.assertEq(policy.drawn(NUMBER, ROOT), address(0));
        _roll(1);
        vm.assertEq(policy.drawn(NUMBER, ROOT), address(0));
        _roll(1);
        vm.assertEq(policy.drawn(NUMBER, ROOT), B);
    }

    function testFuzz_Drawn_DependsOnTheNextBlocksHashAlone(bytes32 other, bytes32 seed) public {
        vm.assume(seed != 0);
        _stake(A, 1 ether);
        _stake(B, 1 ether);
        _finish(_both());
        _roll(2);
        _setHash(block.number - 1, seed);
        _setHash(block.number - 2, other);
        bool second = uint256(keccak256(abi.encode(seed, NUMBER, ROOT))) % 2 ether >= 1 ether;
        vm.assertEq(policy.drawn(NUMBER, ROOT), second ? B : A);
    }

    /// @dev Staking more, or less, after the finish changes no chance in it.
    function testFuzz_Winner_LooksAtTheStakesOfTheFinish(uint256 amount) public {
        uint256 seat = _stake(A, 1 ether);
        _stake(B, 1 ether);
        _roll(1);
        _finish(_both());
        uint256 accepted = block.number;
        _roll(2);
        address before = policy.drawn(NUMBER, ROOT);
        vm.roll(accepted + 1);
        _unstake(seat);
        _stake(B, bound(amount, 1, 1000) * 1 ether);
        vm.roll(accepted + 2);
        vm.assertEq(policy.winner(NUMBER, ROOT), before);
    }

    /// @dev M16: a stake in many payees needs a proof each and wins no more often.
    function testFuzz_Drawn_SplittingAStakeChangesNothing(bytes32 seed) public {
        vm.assume(seed != 0);
        _stake(A, 3 ether);
        _stake(B, 3 ether);
        _finish(_both());
        _roll(2);
        _setHash(block.number - 1, seed);
        address whole = policy.drawn(NUMBER, ROOT);

        vm.roll(START);
        policy = new PhotoFinish(address(this), MIN_STAKE, UNSTAKE_DELAY);
        address[] memory payees = new address[](4);
        for (uint160 i = 0; i < 3; ++i) {
            payees[i] = address(0x100 + i);
            _stake(payees[i], 1 ether);
        }
        payees[3] = B;
        _stake(B, 3 ether);
        _finish(payees);
        vm.roll(START + 2);
        vm.assertEq(policy.drawn(NUMBER, ROOT) == B, whole == B);
    }

    function test_Winner_OfSixteenIsBoundedInGas() public {
        address[] memory payees = new address[](16);
        for (uint160 i = 0; i < 16; ++i) {
            payees[i] = address(0x100 + i);
            _stake(payees[i], 1 ether);
        }
        _finish(payees);
        _roll(2);
        vm.cool(address(policy));
        policy.winner(NUMBER, ROOT);
        vm.assertLt(vm.lastCallGas().gasTotalUsed, 100_000);
    }
}
