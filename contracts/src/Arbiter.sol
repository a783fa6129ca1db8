// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EntryQueue} from "./EntryQueue.sol";
import {ExitMode} from "./ExitMode.sol";
import {Finality} from "./Finality.sol";
import {IArbiter} from "./interfaces/IArbiter.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title The arbiter: orders batches, accepts the first valid proof of each, pays its payee.
/// @notice Who may call what, and what could go wrong, is in DESIGN.md.
contract Arbiter is Finality {
    using Statement for bytes;

    uint256 private constant MAX_FINALIZED_PER_PROOF = 8;
    uint256 private constant CLAIM_WORDS = 11;

    address public immutable override verifier;
    address public immutable override sequencer;
    uint256 public immutable override genesisRoot;
    uint256 public immutable override circuitVersion;
    uint256 public immutable override deployedAt;

    constructor(Config memory config) EntryQueue(config) ExitMode(config) Finality(config) {
        if (config.verifier.code.length == 0) revert WrongConfig("verifier");
        if (config.sequencer == address(0)) revert WrongConfig("sequencer");
        if (config.genesisRoot >= Statement.R) revert WrongConfig("genesisRoot");
        if (config.circuitVersion >= Statement.R) revert WrongConfig("circuitVersion");
        (verifier, sequencer) = (config.verifier, config.sequencer);
        (genesisRoot, circuitVersion) = (config.genesisRoot, config.circuitVersion);
        deployedAt = block.number;
        stateRoot = config.genesisRoot;
    }

    /// @inheritdoc IArbiter
    function sequenceBatch(
        uint64 number,
        bytes32 parentHash,
        Header calldata header,
        bytes calldata data,
        uint64 queueEnd
    ) external payable whileOpen {
        if (msg.sender != sequencer && !_isOpenToAll()) {
            revert NotSequencer(msg.sender, sequencer);
        }
        if (number != _headNumber + 1) revert WrongNumber(number, _headNumber + 1);
        bytes32 expected = _batch(number - 1).batchHash;
        if (parentHash != expected) revert WrongParent(parentHash, expected);
        if (msg.value != reward) revert WrongReward(msg.value, reward);
        _checkRoom(number);
        _checkDataLength(data);
        uint64 first = queueHead;
        uint96 fees = _drain(header, data, queueEnd);
        if (msg.sender != sequencer) _checkEmpty(data, queueEnd - first);

        bytes32 batchHash = Statement.lay(slots, depth, header, data).batchHash(data.length);
        _push(number, batchHash, queueEnd, queueEnd - first, fees);
        emit BatchSequenced(number, batchHash, parentHash, header, data, reward, queueEnd);
    }

    /// @inheritdoc IArbiter
    function submitProof(Submission calldata submission) external whileOpen {
        _checkOpen(submission.number, submission.oldRoot);
        _checkFields(submission);
        (uint256 x, uint256 y) = _publicInputs(submission);
        if (!IVerifier(verifier).verify(submission.proof, submission.commitment, x, y)) {
            revert InvalidProof();
        }
        bool final_ = _accept(submission);
        _finalize(MAX_FINALIZED_PER_PROOF - (final_ ? 1 : 0));
    }

    /// @inheritdoc IArbiter
    function submitProofs(Submission[] calldata submissions) external whileOpen returns (uint256 accepted_) {
        (uint256[] memory claims, uint256[] memory places) = _claims(submissions);
        if (places.length == 0) revert NothingToAccept();
        bool allHold = IVerifier(verifier).verifyAll(claims);
        for (uint256 i = 0; i < places.length; ++i) {
            Submission calldata submission = submissions[places[i]];
            // Two of the same batch and root may have come in one call.
            if (_isAccepted(submission.number, submission.oldRoot)) continue;
            if (!allHold && !_holds(submission.proof, claims, i)) continue;
            _accept(submission);
            ++accepted_;
        }
        if (accepted_ == 0) revert InvalidProof();
        _finalize(MAX_FINALIZED_PER_PROOF);
    }

    /// @inheritdoc IArbiter
    function domain() public view returns (uint256) {
        return Statement.domain(block.chainid, address(this), circuitVersion);
    }

    function _checkDataLength(bytes calldata data) private view {
        uint256 expected = uint256(slots) * Statement.SLOT_BYTES;
        if (data.length != expected) revert WrongDataLength(data.length, expected);
    }

    /// @dev Every slot from `slot` on is zero.
    function _checkEmpty(bytes calldata data, uint256 slot) private pure {
        for (uint256 start = slot * Statement.SLOT_BYTES; start < data.length; start += 32) {
            if (bytes32(data[start:start + 32]) != 0) revert SlotNotEmpty(start / Statement.SLOT_BYTES);
        }
    }

    /// @dev The late proof's way out: at most three storage reads, before anything else.
    function _checkOpen(uint64 number, uint256 oldRoot) private view {
        _checkNumber(number);
        if (_isAccepted(number, oldRoot)) revert AlreadyAccepted(number, oldRoot);
    }

    function _checkNumber(uint64 number) private view {
        if (number == 0 || number > _headNumber) revert BatchUnknown(number, _headNumber);
    }

    /// @dev What is to be verified of the submissions, eleven words each (`IVerifier.verifyAll`), and the place of each
    /// among them: late ones are left out.
    function _claims(Submission[] calldata submissions)
        private
        view
        returns (uint256[] memory claims, uint256[] memory places)
    {
        claims = new uint256[](submissions.length * CLAIM_WORDS);
        places = new uint256[](submissions.length);
        uint256 open;
        for (uint256 i = 0; i < submissions.length; ++i) {
            Submission calldata submission = submissions[i];
            _checkNumber(submission.number);
            if (_isAccepted(submission.number, submission.oldRoot)) continue;
            _checkFields(submission);
            (uint256 x, uint256 y) = _publicInputs(submission);
            _setClaim(claims, open, submission.proof, submission.commitment, x, y);
            places[open++] = i;
        }
        assembly ("memory-safe") {
            mstore(claims, mul(open, CLAIM_WORDS))
            mstore(places, open)
        }
    }

    function _setClaim(
        uint256[] memory claims,
        uint256 i,
        uint256[8] calldata proof,
        uint256 commitment,
        uint256 x,
        uint256 y
    ) private pure {
        assembly ("memory-safe") {
            let claim := add(add(claims, 0x20), mul(i, mul(CLAIM_WORDS, 0x20)))
            calldatacopy(claim, proof, 0x100)
            mstore(add(claim, 0x100), commitment)
            mstore(add(claim, 0x120), x)
            mstore(add(claim, 0x140), y)
        }
    }

    /// @dev Does claim i hold by itself? `proof` is its own.
    function _holds(uint256[8] calldata proof, uint256[] memory claims, uint256 i)
        private
        view
        returns (bool)
    {
        uint256 inputs = i * CLAIM_WORDS + 8;
        return IVerifier(verifier).verify(proof, claims[inputs], claims[inputs + 1], claims[inputs + 2]);
    }

    function _checkFields(Submission calldata submission) private view {
        if (submission.commitment >= Statement.R) revert NotInField(submission.commitment);
        if (submission.oldRoot >= Statement.R) revert NotInField(submission.oldRoot);
        if (submission.newRoot >= Statement.R) revert NotInField(submission.newRoot);
        if (submission.payee == address(0)) revert ZeroPayee();
        if (submission.tip > reward) revert TipAboveReward(submission.tip, reward);
    }

    /// @dev x and y of the statement; the data must be the batch's own, the exits well formed.
    function _publicInputs(Submission calldata submission) private view returns (uint256 x, uint256 y) {
        uint64 number = submission.number;
        bytes calldata data = submission.data;
        _checkDataLength(data);
        bytes memory v = Statement.lay(slots, depth, submission.header, data);
        bytes32 batchHash = v.batchHash(data.length);
        bytes32 expected = _batch(number).batchHash;
        if (batchHash != expected) revert WrongBatch(batchHash, expected);
        uint256 context = Statement.context(number, batchHash, submission.payee, submission.tip);
        v.bind(domain(), submission.oldRoot, submission.newRoot, context);
        uint256 words = v.placeExits(slots, submission.exits);
        x = v.challenge(submission.commitment);
        y = v.evaluate(words, x);
    }
}
