// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {EntryQueue} from "./EntryQueue.sol";
import {ExitMode} from "./ExitMode.sol";
import {IArbiter} from "./interfaces/IArbiter.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title The arbiter: orders batches, accepts the first valid proof of each, pays its payee.
/// @notice Who may call what, and what could go wrong, is in DESIGN.md.
contract Arbiter is ExitMode {
    using Statement for bytes;

    /// @dev The accepted proof of one (batch, old root). The third word is written only when there is a tip, the
    /// fourth only when there are exits.
    struct Acceptance {
        uint256 newRoot;
        address payee;
        uint64 acceptedAt;
        bool tipped;
        bool exiting;
        address relayer;
        uint96 tip;
        bytes32 exitsHash;
    }

    /// @dev Exits of a final batch that are not credited yet, and the block it was finalized in.
    struct DueExits {
        bytes32 exitsHash;
        uint64 finalizedAt;
    }

    uint256 private constant MAX_FINALIZED_PER_PROOF = 8;

    address public immutable override verifier;
    address public immutable override sequencer;
    uint256 public immutable override genesisRoot;
    uint256 public immutable override circuitVersion;
    uint256 public immutable override deployedAt;
    uint32 public immutable override alarmDelay;

    mapping(uint64 number => mapping(uint256 oldRoot => Acceptance)) private _acceptances;
    mapping(uint64 number => DueExits) private _dueExits;

    constructor(Config memory config) EntryQueue(config) ExitMode(config) {
        if (config.verifier.code.length == 0) revert WrongConfig("verifier");
        if (config.sequencer == address(0)) revert WrongConfig("sequencer");
        if (config.genesisRoot >= Statement.R) revert WrongConfig("genesisRoot");
        if (config.circuitVersion >= Statement.R) revert WrongConfig("circuitVersion");
        (verifier, sequencer) = (config.verifier, config.sequencer);
        (genesisRoot, circuitVersion) = (config.genesisRoot, config.circuitVersion);
        (alarmDelay, deployedAt) = (config.alarmDelay, block.number);
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
        _accept(submission);
        _finalize(MAX_FINALIZED_PER_PROOF);
    }

    /// @inheritdoc IArbiter
    function finalize(uint256 limit) external whileOpen returns (uint256 finalized) {
        return _finalize(limit);
    }

    /// @inheritdoc IArbiter
    function creditExits(uint64 number, uint256[] calldata exits) external {
        DueExits memory due = _dueExits[number];
        if (due.exitsHash == 0) revert NoExitsDue(number);
        bytes32 exitsHash = keccak256(abi.encodePacked(exits));
        if (exitsHash != due.exitsHash) revert WrongExits(exitsHash, due.exitsHash);
        uint256 dueAt = uint256(due.finalizedAt) + alarmDelay;
        if (block.number < dueAt) revert ExitsNotDue(block.number, dueAt);
        delete _dueExits[number];
        for (uint256 i = 0; i < exits.length; ++i) {
            (uint256 exitAddress, uint256 amount) = Statement.unpackExit(exits[i]);
            // forge-lint: disable-next-line(unsafe-typecast) -- 160 bits
            creditOf[address(uint160(exitAddress))] += amount * 1 gwei;
        }
        emit ExitsCredited(number, exits);
    }

    /// @inheritdoc IArbiter
    function accepted(uint64 number, uint256 oldRoot)
        external
        view
        returns (uint256 newRoot, address payee, uint64 acceptedAt)
    {
        Acceptance storage acceptance = _acceptances[number][oldRoot];
        return (acceptance.newRoot, acceptance.payee, acceptance.acceptedAt);
    }

    /// @inheritdoc IArbiter
    function domain() public view returns (uint256) {
        return Statement.domain(block.chainid, address(this), circuitVersion);
    }

    /// @inheritdoc ExitMode
    function _isReady() internal view override returns (bool) {
        return _acceptances[finalizedNumber + 1][stateRoot].payee != address(0);
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
        if (number == 0 || number > _headNumber) revert BatchUnknown(number, _headNumber);
        if (number <= finalizedNumber || _acceptances[number][oldRoot].payee != address(0)) {
            revert AlreadyAccepted(number, oldRoot);
        }
    }

    function _checkFields(Submission calldata submission) private view {
        if (submission.commitment >= Statement.R) revert NotInField(submission.commitment);
        if (submission.oldRoot >= Statement.R) revert NotInField(submission.oldRoot);
        if (submission.newRoot >= Statement.R) revert NotInField(submission.newRoot);
        if (submission.payee == address(0)) revert ZeroPayee();
        if (submission.tip > reward) revert TipAboveReward(submission.tip, reward);
        _checkDataLength(submission.data);
    }

    /// @dev x and y of the statement; the data must be the batch's own, the exits well formed.
    function _publicInputs(Submission calldata submission) private view returns (uint256 x, uint256 y) {
        uint64 number = submission.number;
        bytes memory v = Statement.lay(slots, depth, submission.header, submission.data);
        bytes32 batchHash = v.batchHash(submission.data.length);
        bytes32 expected = _batch(number).batchHash;
        if (batchHash != expected) revert WrongBatch(batchHash, expected);
        uint256 context = Statement.context(number, batchHash, submission.payee, submission.tip);
        v.bind(domain(), submission.oldRoot, submission.newRoot, context);
        uint256 words = v.placeExits(slots, submission.exits);
        x = v.challenge(submission.commitment);
        y = v.evaluate(words, x);
    }

    function _accept(Submission calldata submission) private {
        Acceptance storage acceptance = _acceptances[submission.number][submission.oldRoot];
        acceptance.newRoot = submission.newRoot;
        acceptance.payee = submission.payee;
        acceptance.acceptedAt = uint64(block.timestamp);
        if (submission.tip > 0) {
            acceptance.tipped = true;
            (acceptance.relayer, acceptance.tip) = (msg.sender, submission.tip);
        }
        if (submission.exits.length > 0) {
            acceptance.exiting = true;
            acceptance.exitsHash = keccak256(abi.encodePacked(submission.exits));
        }
        emit ProofAccepted(
            submission.number,
            submission.payee,
            submission.oldRoot,
            submission.newRoot,
            msg.sender,
            submission.tip
        );
    }

    /// @dev Finalizes batches in order, each by the proof accepted for the root the last one left.
    function _finalize(uint256 limit) private returns (uint256 finalized) {
        (uint64 number, uint256 root) = (finalizedNumber, stateRoot);
        for (; finalized < limit; ++finalized) {
            Acceptance storage acceptance = _acceptances[number + 1][root];
            address payee = acceptance.payee;
            if (payee == address(0)) break;
            ++number;
            root = acceptance.newRoot;
            _settle(number, acceptance, payee);
            emit BatchFinalized(number, payee, root, reward);
        }
        if (finalized > 0) (finalizedNumber, stateRoot) = (number, root);
    }

    /// @dev Credits payee, relayer and poster of a final batch, and hands its exits on.
    function _settle(uint64 number, Acceptance storage acceptance, address payee) private {
        uint96 tip = acceptance.tipped ? acceptance.tip : 0;
        creditOf[payee] += reward - tip;
        if (tip > 0) creditOf[acceptance.relayer] += tip;
        Batch storage batch = _batch(number);
        uint96 fees = _feesOf(batch);
        if (fees > 0) creditOf[batch.poster] += fees;
        if (acceptance.exiting) {
            _dueExits[number] = DueExits(acceptance.exitsHash, uint64(block.number));
            delete acceptance.exitsHash;
        }
    }
}
