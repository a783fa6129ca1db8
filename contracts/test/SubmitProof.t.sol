// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {Statement} from "../src/libraries/Statement.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";
import {Simulator} from "./support/Simulator.sol";

contract SubmitProofTest is ArbiterTest {
    function setUp() public override {
        super.setUp();
        _sequenceMany(3);
        vm.warp(1_800_000_000);
    }

    function test_SubmitProof_PaysTheNamedPayeeAndFinalizes() public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.BatchProved(1, PAYEE, _root(0), _root(1), RIVAL, 0, REWARD);
        _submit(RIVAL, submission);
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
        vm.assertEq(arbiter.creditOf(RIVAL), 0);
        vm.assertEq(arbiter.stateRoot(), _root(1));
        vm.assertEq(arbiter.finalizedNumber(), 1);
    }

    function testFuzz_SubmitProof_PaysThePayeeWhoeverSends(address sender, address payee) public {
        vm.assume(payee != address(0));
        _submit(sender, _proved(1, payee, 0));
        vm.assertEq(arbiter.creditOf(payee), REWARD);
        if (sender != payee) vm.assertEq(arbiter.creditOf(sender), 0);
    }

    function testFuzz_SubmitProof_PaysTheTipToWhoLandsIt(uint96 tip) public {
        tip = uint96(bound(tip, 0, REWARD));
        _submit(RIVAL, _proved(1, PAYEE, tip));
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD - tip);
        vm.assertEq(arbiter.creditOf(RIVAL), tip);
    }

    function test_SubmitProof_PaysAllToAPayeeWhoLandsItsOwnTippedProof() public {
        _submit(PAYEE, _proved(1, PAYEE, 1000));
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
    }

    function test_SubmitProof_RemembersWhatWasAccepted() public {
        vm.roll(7);
        IArbiter.Submission memory submission = _proved(2, PAYEE, 0);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.ProofAccepted(2, PAYEE, _root(1), _root(2), RIVAL, 0);
        _submit(RIVAL, submission);
        (uint256 newRoot, address payee, uint64 acceptedAt) = arbiter.accepted(2, _root(1));
        vm.assertEq(newRoot, _root(2));
        vm.assertEq(payee, PAYEE);
        vm.assertEq(acceptedAt, 7);
        vm.assertEq(arbiter.creditOf(PAYEE), 0);
        vm.assertEq(arbiter.finalizedNumber(), 0);
    }

    function test_SubmitProof_FinalizesProofsThatCameOutOfOrderTogether() public {
        _submit(PAYEE, _proved(3, PAYEE, 0));
        _submit(PAYEE, _proved(2, RIVAL, 0));
        vm.assertEq(arbiter.finalizedNumber(), 0);
        _submit(PAYEE, _proved(1, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 3);
        vm.assertEq(arbiter.stateRoot(), _root(3));
        vm.assertEq(arbiter.creditOf(PAYEE), 2 * REWARD);
        vm.assertEq(arbiter.creditOf(RIVAL), REWARD);
    }

    function test_SubmitProof_FinalizesEightBatchesAtMost() public {
        _sequenceMany(7);
        for (uint64 number = 10; number > 0; --number) {
            _submit(PAYEE, _proved(number, PAYEE, 0));
        }
        vm.assertEq(arbiter.finalizedNumber(), 8);
        vm.assertEq(arbiter.finalize(10), 2);
        vm.assertEq(arbiter.creditOf(PAYEE), 10 * REWARD);
    }

    /// @dev A true proof about a state the chain is not in neither pays nor stands in the way.
    function test_SubmitProof_AWrongOldRootNeitherPaysNorBlocks() public {
        IArbiter.Submission memory stray = _unproved(1, RIVAL, 500);
        (stray.oldRoot, stray.newRoot) = (666, 667);
        _submit(RIVAL, _prove(stray));
        vm.assertEq(arbiter.finalizedNumber(), 0);
        _submit(PAYEE, _proved(1, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 1);
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
        vm.assertEq(arbiter.creditOf(RIVAL), 0);
    }

    function test_RevertSubmitProof_WhenAlreadyAccepted() public {
        _submit(PAYEE, _proved(2, PAYEE, 0));
        _refuses(
            RIVAL,
            _proved(2, RIVAL, 0),
            abi.encodeWithSelector(IArbiterTypes.AlreadyAccepted.selector, 2, _root(1))
        );
    }

    function testFuzz_RevertSubmitProof_WhenTheBatchIsFinalized(uint256 oldRoot) public {
        _submit(PAYEE, _proved(1, PAYEE, 0));
        IArbiter.Submission memory late = _unproved(1, RIVAL, 0);
        late.oldRoot = oldRoot;
        _refuses(RIVAL, late, abi.encodeWithSelector(IArbiterTypes.AlreadyAccepted.selector, 1, oldRoot));
    }

    function testFuzz_RevertSubmitProof_WhenTheBatchIsUnknown(uint64 number) public {
        if (number != 0) number = uint64(bound(number, 4, type(uint64).max));
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        submission.number = number;
        _refuses(PAYEE, submission, abi.encodeWithSelector(IArbiterTypes.BatchUnknown.selector, number, 3));
    }

    function test_RevertSubmitProof_WhenAPublicValueChangesByOne() public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 7);
        submission.payee = address(uint160(PAYEE) + 1);
        _assertInvalid(submission, "payee");
        submission = _proved(1, PAYEE, 7);
        submission.tip += 1;
        _assertInvalid(submission, "tip");
        submission = _proved(1, PAYEE, 7);
        submission.newRoot += 1;
        _assertInvalid(submission, "newRoot");
        submission = _proved(1, PAYEE, 7);
        submission.oldRoot += 1;
        _assertInvalid(submission, "oldRoot");
        submission = _proved(1, PAYEE, 7);
        submission.commitment += 1;
        _assertInvalid(submission, "commitment");
    }

    function testFuzz_RevertSubmitProof_WhenTheDataIsNotTheBatchs(uint16 position) public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        submission.data[position % 512] ^= 0x01;
        _assertWrongBatch(submission);
    }

    function test_RevertSubmitProof_WhenTheHeaderIsNotTheBatchs() public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        submission.header.feeAccount += 1;
        _assertWrongBatch(submission);
        submission.header = IArbiterTypes.Header({deposits: 1, forced: 0, feeAccount: 7});
        _assertWrongBatch(submission);
        submission.header = IArbiterTypes.Header({deposits: 0, forced: 1, feeAccount: 7});
        _assertWrongBatch(submission);
    }

    function test_RevertSubmitProof_WhenTheProofIsForAnotherBatchOfTheSameData() public {
        _sequence(0, _data(3));
        IArbiter.Submission memory submission = _proved(3, PAYEE, 0);
        submission.number = 4;
        _assertInvalid(submission, "number");
    }

    function test_RevertSubmitProof_WhenTheChainForks() public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        vm.chainId(1);
        _assertInvalid(submission, "chain id");
    }

    function test_RevertSubmitProof_WhenAFieldElementIsAliased() public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        submission.commitment += R;
        _assertNotInField(submission, submission.commitment);
        submission = _proved(1, PAYEE, 0);
        submission.oldRoot += R;
        _assertNotInField(submission, submission.oldRoot);
        submission = _proved(1, PAYEE, 0);
        submission.newRoot += R;
        _assertNotInField(submission, submission.newRoot);
    }

    function test_RevertSubmitProof_WhenThePayeeIsZero() public {
        _refuses(RIVAL, _proved(1, address(0), 0), abi.encodeWithSelector(IArbiterTypes.ZeroPayee.selector));
    }

    function testFuzz_RevertSubmitProof_WhenTheTipExceedsTheReward(uint96 tip) public {
        tip = uint96(bound(tip, REWARD + 1, type(uint96).max));
        _refuses(
            RIVAL,
            _proved(1, PAYEE, tip),
            abi.encodeWithSelector(IArbiterTypes.TipAboveReward.selector, tip, REWARD)
        );
    }

    function testFuzz_RevertSubmitProof_WhenTheDataLengthIsWrong(uint16 length) public {
        vm.assume(length != 512);
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        submission.data = new bytes(length);
        _refuses(
            RIVAL, submission, abi.encodeWithSelector(IArbiterTypes.WrongDataLength.selector, length, 512)
        );
    }

    function testFuzz_RevertSubmitProof_WhenTheProofIsRandom(uint256[8] memory words) public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        submission.proof = words;
        _assertInvalid(submission, "random proof");
    }

    /// @dev A re-randomised proof is another proof of the same statement: it pays the same payee, and only once.
    function testFuzz_SubmitProof_ARerandomisedProofChangesNothing(uint256 salt) public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        (uint256 x, uint256 y) = harness.publicInputs(arbiter, submission);
        submission.proof = Simulator.prove(submission.commitment, x, y, salt);
        _submit(RIVAL, submission);
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
        _refuses(
            RIVAL,
            _proved(1, PAYEE, 0),
            abi.encodeWithSelector(IArbiterTypes.AlreadyAccepted.selector, 1, _root(0))
        );
    }

    function test_Domain_IsOfThisChainAndArbiter() public view {
        vm.assertEq(arbiter.domain(), Statement.domain(31_337, address(arbiter), CIRCUIT_VERSION));
    }

    function _refuses(address sender, IArbiter.Submission memory submission, bytes memory reason) private {
        vm.expectRevert(reason);
        _submit(sender, submission);
    }

    function _assertWrongBatch(IArbiter.Submission memory submission) private {
        uint256 shape = 4 * 256 + 2;
        IArbiter.Header memory header = submission.header;
        bytes32 hash = keccak256(
            abi.encodePacked(
                shape,
                uint256(header.deposits),
                uint256(header.forced),
                uint256(header.feeAccount),
                submission.data
            )
        );
        vm.expectRevert(
            abi.encodeWithSelector(IArbiterTypes.WrongBatch.selector, hash, arbiter.batchHashOf(1))
        );
        arbiter.submitProof(submission);
    }

    function _assertNotInField(IArbiter.Submission memory submission, uint256 value) private {
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NotInField.selector, value));
        arbiter.submitProof(submission);
    }
}
