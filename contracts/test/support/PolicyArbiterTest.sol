// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Stakes} from "../../src/policies/Stakes.sol";
import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./ArbiterTest.sol";

interface Nonces {
    function getNonce(address account) external view returns (uint64);
}

/// @dev An arbiter with an award policy, and what is asked of both.
abstract contract PolicyArbiterTest is ArbiterTest {
    uint64 internal constant UNSTAKE_DELAY = 100;
    address internal constant THIRD = address(0xC0C);
    address internal constant RELAYER = address(0x2E1A);
    address internal constant STAKER = address(0x57A4E2);

    function setUp() public override {
        super.setUp();
        vm.roll(1000);
        IArbiter.Config memory config = _config();
        uint64 nonce = Nonces(address(vm)).getNonce(address(this));
        config.policy = _newPolicy(vm.computeCreateAddress(address(this), nonce + 1));
        arbiter = _deploy(config);
    }

    /// @dev The policy of the arbiter that will be at this address.
    function _newPolicy(address arbiterToBe) internal virtual returns (address);

    function _stake(address payee, uint256 amount) internal {
        Stakes stakes = Stakes(arbiter.policy());
        uint256 seat = stakes.seatCount();
        vm.deal(STAKER, STAKER.balance + amount);
        vm.prank(STAKER);
        stakes.stake{value: amount}(seat, payee);
    }

    function _roll(uint256 blocks) internal {
        vm.roll(block.number + blocks);
    }

    function _settle(uint64 number) internal {
        arbiter.settleAward(number, _root(number - 1));
    }

    function _refusesSettling(uint64 number, bytes memory reason) internal {
        vm.expectRevert(reason);
        arbiter.settleAward(number, _root(number - 1));
    }

    function _refusesProof(IArbiter.Submission memory submission, bytes memory reason) internal {
        vm.expectRevert(reason);
        arbiter.submitProof(submission);
    }

    function _late(uint64 number) internal pure returns (bytes memory) {
        return abi.encodeWithSignature("AlreadyAccepted(uint64,uint256)", number, _root(number - 1));
    }

    function _waiting(uint64 number) internal view returns (uint256 amount) {
        (, amount,) = arbiter.award(number, _root(number - 1));
    }
}
