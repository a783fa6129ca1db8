// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAwardPolicy} from "../../src/policies/IAwardPolicy.sol";
import {Stakes} from "../../src/policies/Stakes.sol";
import {Test} from "../support/Test.sol";

interface BlockHashes {
    function setBlockhash(uint256 blockNumber, bytes32 blockHash) external;
}

/// @dev A policy whose arbiter is the test itself.
abstract contract PolicyTest is Test {
    uint256 internal constant MIN_STAKE = 1 ether;
    uint64 internal constant UNSTAKE_DELAY = 100;
    uint64 internal constant NUMBER = 7;
    uint256 internal constant ROOT = 42;
    uint256 internal constant START = 1000;

    address internal constant OWNER = address(0x0117E2);
    address internal constant A = address(0xA);
    address internal constant B = address(0xB);
    address internal constant C = address(0xC);

    function setUp() public virtual {
        vm.roll(START);
        vm.deal(OWNER, 1_000_000 ether);
    }

    function _stakes() internal view virtual returns (Stakes);

    /// @dev On the next seat never taken.
    function _stake(address payee, uint256 amount) internal returns (uint256 seat) {
        seat = _stakes().seatCount();
        _stakeAt(OWNER, seat, payee, amount);
    }

    function _stakeAt(address owner, uint256 seat, address payee, uint256 amount) internal {
        vm.deal(owner, owner.balance + amount);
        vm.prank(owner);
        _stakes().stake{value: amount}(seat, payee);
    }

    function _unstake(uint256 seat) internal {
        vm.prank(OWNER);
        _stakes().unstake(seat);
    }

    function _refusesStake(uint256 seat, address payee, uint256 amount, bytes memory reason) internal {
        vm.deal(OWNER, OWNER.balance + amount);
        Stakes stakes = _stakes();
        vm.expectRevert(reason);
        vm.prank(OWNER);
        stakes.stake{value: amount}(seat, payee);
    }

    function _setHash(uint256 blockNumber, bytes32 blockHash) internal {
        BlockHashes(address(vm)).setBlockhash(blockNumber, blockHash);
    }

    function _roll(uint256 blocks) internal {
        vm.roll(block.number + blocks);
    }

    function _refusesStrangers(IAwardPolicy policy) internal {
        bytes memory reason = abi.encodeWithSelector(IAwardPolicy.NotArbiter.selector, A, address(this));
        vm.expectRevert(reason);
        vm.prank(A);
        policy.first(NUMBER, ROOT, A, 1);
        vm.expectRevert(reason);
        vm.prank(A);
        policy.further(NUMBER, ROOT, A);
        vm.expectRevert(reason);
        vm.prank(A);
        policy.winner(NUMBER, ROOT);
    }
}
