// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev A proof pays for making final what waits behind it, and what that is shows in its block alone: rivals may have
/// proofs accepted after its gas was estimated. A client must spare gas for it (poe/l1/contract.py).
contract GasHeadroomTest is ArbiterTest {
    uint64 private constant FOLLOWERS = 7;
    uint256 private constant TRANSACTION = 21_000;

    /// @dev Each batch drained an entry, so that each owes its poster a fee.
    function setUp() public override {
        super.setUp();
        for (uint64 number = 1; number <= 1 + FOLLOWERS; ++number) {
            bytes memory slot;
            for (uint256 i = 0; i < 4; ++i) {
                slot = bytes.concat(slot, keccak256(abi.encode(uint256(number), i)));
            }
            _forceTransaction(slot);
            _post(SEQUENCER, _header(0), _data(number), 1);
        }
    }

    /// @dev The dearest that can wait: payee and relayer had no credit, and there are exits.
    function test_Gas_AProofThatMakesSevenMoreFinal() public {
        for (uint64 number = 2; number <= 1 + FOLLOWERS; ++number) {
            IArbiter.Submission memory submission = _unproved(number, address(uint160(0x1000 + number)), 1);
            submission.exits = _one(_exit(0, USER, 5));
            _submit(address(uint160(0x2000 + number)), _prove(submission));
        }
        vm.assertEq(arbiter.finalizedNumber(), 0);
        IArbiter.Submission memory first = _proved(1, PAYEE, 0);
        vm.cool(address(arbiter));
        vm.cool(address(verifier));
        _submit(PAYEE, first);
        vm.snapshotValue("gas", "submitProofFinalizingEight", vm.lastCallGas().gasTotalUsed + TRANSACTION);
        vm.assertEq(arbiter.finalizedNumber(), 1 + FOLLOWERS);
    }
}
