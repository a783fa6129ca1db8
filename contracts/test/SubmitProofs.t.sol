// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev Many proofs in one call: each is taken or left as if it had come alone.
contract SubmitProofsTest is ArbiterTest {
    uint64 private constant COUNT = 8;
    uint256 private constant TRANSACTION = 21_000;
    uint256 private constant MOST_PER_BATCH = 98_000;

    function setUp() public override {
        super.setUp();
        _sequenceMany(COUNT + 2);
        _submit(PAYEE, _proved(1, PAYEE, 0));
        _submit(PAYEE, _proved(2, RIVAL, 0));
    }

    function test_SubmitProofs_PaysEachPayeeItsOwn() public {
        IArbiter.Submission[] memory all = _chain(3, 4);
        all[1] = _proved(4, RIVAL, 0);
        all[3] = _proved(6, USER, 0);
        vm.prank(SEQUENCER);
        vm.assertEq(arbiter.submitProofs(all), 4);
        vm.assertEq(arbiter.finalizedNumber(), 6);
        vm.assertEq(arbiter.stateRoot(), _root(6));
        vm.assertEq(arbiter.creditOf(PAYEE), 3 * uint256(REWARD));
        vm.assertEq(arbiter.creditOf(RIVAL), 2 * uint256(REWARD));
        vm.assertEq(arbiter.creditOf(USER), REWARD);
        vm.assertEq(arbiter.creditOf(SEQUENCER), 0);
    }

    function test_SubmitProofs_TakesThemInAnyOrder() public {
        IArbiter.Submission[] memory all = _chain(3, 4);
        (all[0], all[3]) = (all[3], all[0]);
        (all[1], all[2]) = (all[2], all[1]);
        vm.assertEq(arbiter.submitProofs(all), 4);
        vm.assertEq(arbiter.finalizedNumber(), 6);
        vm.assertEq(arbiter.creditOf(PAYEE), 5 * uint256(REWARD));
    }

    function test_SubmitProofs_PaysTipsToWhoLandsThem() public {
        IArbiter.Submission[] memory all = _chain(3, 2);
        all[1] = _proved(4, PAYEE, 7);
        vm.prank(USER);
        arbiter.submitProofs(all);
        vm.assertEq(arbiter.creditOf(USER), 7);
        vm.assertEq(arbiter.creditOf(PAYEE), 3 * uint256(REWARD) - 7);
    }

    function test_SubmitProofs_PassesOverLateOnes() public {
        IArbiter.Submission[] memory all = _chain(1, 4);
        vm.assertEq(arbiter.submitProofs(all), 2);
        vm.assertEq(arbiter.finalizedNumber(), 4);
        _late(all);
        _submit(PAYEE, _proved(6, PAYEE, 0));
        all = new IArbiter.Submission[](1);
        all[0] = _proved(6, RIVAL, 0);
        _late(all);
        _late(new IArbiter.Submission[](0));
    }

    /// @dev One that does not hold, at every place, among four.
    function test_SubmitProofs_ABadProofSinksNoOther() public {
        for (uint64 bad = 0; bad < 4; ++bad) {
            setUp();
            IArbiter.Submission[] memory all = _chain(3, 4);
            all[bad].newRoot = _root(99);
            vm.assertEq(arbiter.submitProofs(all), 3);
            vm.assertEq(arbiter.finalizedNumber(), 2 + bad);
            (uint256 newRoot,,) = arbiter.accepted(3 + bad, _root(2 + bad));
            vm.assertEq(newRoot, 0);
            _submit(PAYEE, _proved(3 + bad, PAYEE, 0));
            vm.assertEq(arbiter.finalizedNumber(), 6);
            vm.assertEq(arbiter.creditOf(PAYEE), 5 * uint256(REWARD));
        }
    }

    /// @dev Points that are none make every precompile fail: the rest is still taken, for a bounded price.
    function test_SubmitProofs_AProofOfGarbageSinksNoOther() public {
        IArbiter.Submission[] memory all = _chain(3, 3);
        for (uint256 i = 0; i < 8; ++i) {
            all[1].proof[i] = i + 1;
        }
        uint256 before = gasleft();
        vm.assertEq(arbiter.submitProofs(all), 2);
        vm.assertLt(before - gasleft(), 1_100_000);
        vm.assertEq(arbiter.finalizedNumber(), 3);
    }

    function test_RevertSubmitProofs_WhenNoneHolds() public {
        IArbiter.Submission[] memory all = _chain(3, 2);
        (all[0].proof, all[1].proof) = (all[1].proof, all[0].proof);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.InvalidProof.selector));
        arbiter.submitProofs(all);
    }

    /// @dev Both hold; the first of them wins, and the batch is paid once.
    function test_SubmitProofs_PaysABatchOnceThoughTwoCome() public {
        IArbiter.Submission[] memory all = new IArbiter.Submission[](4);
        (all[0], all[1]) = (_proved(3, RIVAL, 0), _proved(3, PAYEE, 0));
        (all[2], all[3]) = (_proved(5, PAYEE, 0), _proved(5, RIVAL, 0));
        vm.assertEq(arbiter.submitProofs(all), 2);
        vm.assertEq(arbiter.creditOf(RIVAL), 2 * uint256(REWARD));
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
        (, address payee,) = arbiter.accepted(5, _root(4));
        vm.assertEq(payee, PAYEE);
    }

    /// @dev A proof on a root the chain is not in is kept apart, as when it comes alone.
    function test_SubmitProofs_AStrayProofNeitherPaysNorBlocks() public {
        IArbiter.Submission[] memory all = _chain(3, 2);
        all[0] = _unproved(3, RIVAL, 0);
        all[0].oldRoot = 7;
        all[0] = _prove(all[0]);
        vm.assertEq(arbiter.submitProofs(all), 2);
        vm.assertEq(arbiter.finalizedNumber(), 2);
        _submit(PAYEE, _proved(3, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 4);
        vm.assertEq(arbiter.creditOf(RIVAL), REWARD);
    }

    /// @dev What shows without a pairing is the sender's to look at before.
    function test_RevertSubmitProofs_WhenOneDoesNotFitItsBatch() public {
        IArbiter.Submission[] memory all = _chain(3, 3);
        all[1].commitment += R;
        _refuses(all, abi.encodeWithSelector(IArbiterTypes.NotInField.selector, all[1].commitment));
        all = _chain(3, 3);
        all[2].payee = address(0);
        _refuses(all, abi.encodeWithSelector(IArbiterTypes.ZeroPayee.selector));
        all = _chain(3, 3);
        all[2].number = COUNT + 3;
        _refuses(all, abi.encodeWithSelector(IArbiterTypes.BatchUnknown.selector, COUNT + 3, COUNT + 2));
        all = _chain(3, 3);
        all[0].data[5] ^= 0x01;
        bytes32 expected = arbiter.batchHashOf(3);
        bytes32 hash = keccak256(
            abi.encodePacked(uint256(4 * 256 + 2), uint256(0), uint256(0), uint256(7), all[0].data)
        );
        _refuses(all, abi.encodeWithSelector(IArbiterTypes.WrongBatch.selector, hash, expected));
    }

    /// @dev Exits of a batch that became final at once, and of one that had to wait, are both credited once.
    function test_SubmitProofs_NotesTheExitsOfEveryBatch() public {
        IArbiter.Submission[] memory all = new IArbiter.Submission[](2);
        all[0] = _provedWith(4, _one(_exit(0, USER, 500)));
        all[1] = _provedWith(3, _one(_exit(1, EXIT, 600)));
        arbiter.submitProofs(all);
        vm.roll(block.number + ALARM_DELAY);
        arbiter.creditExits(4, all[0].exits);
        arbiter.creditExits(3, all[1].exits);
        vm.assertEq(arbiter.creditOf(USER), 500 gwei);
        vm.assertEq(arbiter.creditOf(EXIT), 600 gwei);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, 3));
        arbiter.creditExits(3, all[1].exits);
    }

    /// @dev Eight in a row, each final at once: 21,000 and execution, shared by eight.
    function test_Gas_SubmitProofs() public {
        IArbiter.Submission[] memory all = _chain(3, COUNT);
        vm.cool(address(arbiter));
        vm.cool(address(verifier));
        vm.prank(PAYEE);
        arbiter.submitProofs(all);
        uint256 gas = (vm.lastCallGas().gasTotalUsed + TRANSACTION) / COUNT;
        vm.assertEq(arbiter.finalizedNumber(), COUNT + 2);
        vm.snapshotValue("gas", "submitProofs8PerBatch", gas);
        vm.assertGe(MOST_PER_BATCH, gas);
    }

    /// @dev Proofs of `count` batches in a row, for PAYEE.
    function _chain(uint64 first, uint64 count) private view returns (IArbiter.Submission[] memory all) {
        all = new IArbiter.Submission[](count);
        for (uint64 i = 0; i < count; ++i) {
            all[i] = _proved(first + i, PAYEE, 0);
        }
    }

    function _late(IArbiter.Submission[] memory all) private {
        _refuses(all, abi.encodeWithSelector(IArbiterTypes.NothingToAccept.selector));
    }

    function _refuses(IArbiter.Submission[] memory all, bytes memory reason) private {
        vm.expectRevert(reason);
        arbiter.submitProofs(all);
    }
}
