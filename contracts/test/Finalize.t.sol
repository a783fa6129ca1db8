// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

contract FinalizeTest is ArbiterTest {
    uint64 private constant READY = 12;

    /// @dev Twelve batches, their proofs submitted last to first: eight are final, four wait.
    function setUp() public override {
        super.setUp();
        _sequenceMany(READY);
        for (uint64 number = READY; number > 0; --number) {
            _submit(RIVAL, _proved(number, PAYEE, 10));
        }
    }

    function testFuzz_Finalize_StopsAtTheLimit(uint256 limit) public {
        uint256 wanted = limit < 4 ? limit : 4;
        vm.assertEq(arbiter.finalize(limit), wanted);
        vm.assertEq(arbiter.finalizedNumber(), 8 + wanted);
        vm.assertEq(arbiter.stateRoot(), _root(uint64(8 + wanted)));
        vm.assertEq(arbiter.creditOf(PAYEE), (8 + wanted) * (REWARD - 10));
        vm.assertEq(arbiter.creditOf(RIVAL), (8 + wanted) * 10);
    }

    function testFuzz_Finalize_IsOpenToAll(address caller) public {
        vm.prank(caller);
        vm.assertEq(arbiter.finalize(4), 4);
    }

    function test_Finalize_DoesNothingTwice() public {
        arbiter.finalize(100);
        vm.assertEq(arbiter.finalize(100), 0);
        vm.assertEq(arbiter.creditOf(PAYEE), READY * (REWARD - 10));
        vm.assertEq(_held(), uint256(READY) * REWARD);
    }

    function test_Finalize_EmitsEveryBatch() public {
        for (uint64 number = 9; number <= READY; ++number) {
            vm.expectEmit(address(arbiter));
            emit IArbiterTypes.BatchFinalized(number, PAYEE, _root(number), REWARD);
        }
        arbiter.finalize(100);
    }

    function test_Finalize_WaitsForAGap() public {
        arbiter.finalize(100);
        _sequenceMany(2);
        _submit(RIVAL, _proved(READY + 2, PAYEE, 0));
        vm.assertEq(arbiter.finalize(100), 0);
        vm.assertEq(arbiter.finalizedNumber(), READY);
    }
}
