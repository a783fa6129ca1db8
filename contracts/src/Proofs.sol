// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Finality} from "./Finality.sol";
import {Posting} from "./libraries/Posting.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title What a submission says, and whether it fits its batch: the public inputs that its proof must hold for.
abstract contract Proofs is Finality {
    using Statement for bytes;

    function _domain() internal view returns (uint256) {
        return Statement.domain(block.chainid, address(this), _circuitVersion);
    }

    function _checkDataLength(bytes calldata data) internal view {
        uint256 expected;
        unchecked {
            expected = uint256(_slots) * Statement.SLOT_BYTES;
        }
        if (data.length != expected) revert WrongDataLength(data.length, expected);
    }

    function _checkElements(Submission calldata submission) internal pure {
        if (submission.commitment >= Statement.R) revert NotInField(submission.commitment);
        if (submission.oldRoot >= Statement.R) revert NotInField(submission.oldRoot);
        if (submission.newRoot >= Statement.R) revert NotInField(submission.newRoot);
        if (submission.payee == address(0)) revert ZeroPayee();
    }

    /// @dev The tip is out of the reward that the batch was posted with, whatever a delay adds; a contender's for a batch that
    /// is final is cut to the award.
    function _checkFields(Submission calldata submission) internal view {
        _checkElements(submission);
        if (submission.tip == 0) return;
        Posting posting = _batch(submission.number).posting;
        if (posting.isFinal()) return;
        uint96 reward = posting.reward();
        if (submission.tip > reward) revert TipAboveReward(submission.tip, reward);
    }

    /// @dev x and y of the statement; the data must be the batch's own, the exits well formed.
    function _publicInputs(Submission calldata submission) internal view returns (uint256 x, uint256 y) {
        uint64 number = submission.number;
        bytes calldata data = submission.data;
        _checkDataLength(data);
        bytes memory v = Statement.lay(_slots, _depth, submission.header, data);
        bytes32 batchHash = v.batchHash(data.length);
        bytes32 expected = _batch(number).batchHash;
        if (batchHash != expected) revert WrongBatch(batchHash, expected);
        uint256 context = Statement.context(number, batchHash, submission.payee, submission.tip);
        v.bind(_domain(), submission.oldRoot, submission.newRoot, context);
        uint256 words = v.placeExits(_slots, submission.exits);
        x = v.challenge(submission.commitment);
        y = v.evaluate(words, x);
    }
}
