// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev A posting of 16 slots without queue entries once the ring has gone round: it writes no new storage.
contract GasSteadyTest is ArbiterTest {
    uint8 private constant WIDE = 16;
    uint256 private constant TRANSACTION = 21_000;
    uint256 private constant MOST = 65_000;

    bytes private data;

    function setUp() public override {
        super.setUp();
        IArbiter.Config memory config = _config();
        config.slots = WIDE;
        arbiter = _deploy(config);
        for (uint256 i = 0; i < WIDE / SLOTS; ++i) {
            data = bytes.concat(data, _data(i));
        }
        _postMany(arbiter.backlogCap());
        for (uint64 number = 1; number <= 2; ++number) {
            IArbiter.Submission memory submission = _unproved(number, PAYEE, 0);
            submission.data = data;
            _submit(PAYEE, _prove(submission));
        }
        vm.roll(block.number + ALARM_DELAY);
        _postMany(1);
    }

    function test_Gas_SequenceBatch_InSteadyState() public {
        (uint64 number, bytes32 parent) = arbiter.head();
        bytes memory words = data;
        // Another hash than the one whose place it takes.
        words[0] = ~words[0];
        vm.prank(SEQUENCER);
        vm.cool(address(arbiter));
        arbiter.sequenceBatch{value: REWARD}(number + 1, parent, _header(0), words, 0);
        uint256 gas = vm.lastCallGas().gasTotalUsed + TRANSACTION;
        vm.snapshotValue("gas", "sequenceBatch", gas);
        vm.assertGe(MOST, gas);
    }

    function _postMany(uint64 count) private {
        bytes memory words = data;
        for (uint64 i = 0; i < count; ++i) {
            _sequence(0, words);
        }
    }
}
