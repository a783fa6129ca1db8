// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExitMode} from "./ExitMode.sol";
import {IArbiter} from "./interfaces/IArbiter.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title From accepted proofs to final batches: who is paid, which root is the chain's, which exits are due.
abstract contract Finality is ExitMode {
    /// @dev The accepted proof of one (batch, old root) that waits for the batches before it. The third word is written only when there is a tip, the
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

    uint32 public immutable override alarmDelay;

    mapping(uint64 number => mapping(uint256 oldRoot => Acceptance)) private _acceptances;
    mapping(uint64 number => DueExits) private _dueExits;

    constructor(Config memory config) {
        alarmDelay = config.alarmDelay;
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

    /// @inheritdoc ExitMode
    function _isReady() internal view override returns (bool) {
        return _acceptances[finalizedNumber + 1][stateRoot].payee != address(0);
    }

    function _isAccepted(uint64 number, uint256 oldRoot) internal view returns (bool) {
        return number <= finalizedNumber || _acceptances[number][oldRoot].payee != address(0);
    }

    /// @dev Takes a verified proof: the next batch's on the present root makes it final at once and is not stored.
    function _accept(Submission calldata submission) internal returns (bool final_) {
        (uint64 number, address payee, uint96 tip) = (submission.number, submission.payee, submission.tip);
        (uint256 oldRoot, uint256 newRoot) = (submission.oldRoot, submission.newRoot);
        emit ProofAccepted(number, payee, oldRoot, newRoot, msg.sender, tip);
        uint256[] calldata exits = submission.exits;
        bytes32 exitsHash = exits.length == 0 ? bytes32(0) : keccak256(abi.encodePacked(exits));
        final_ = number == finalizedNumber + 1 && oldRoot == stateRoot;
        if (!final_) {
            _store(submission, exitsHash);
        } else {
            (finalizedNumber, stateRoot) = (number, newRoot);
            _settle(number, payee, newRoot, msg.sender, tip, exitsHash);
        }
    }

    /// @dev Finalizes batches in order, each by the proof accepted for the root the last one left.
    function _finalize(uint256 limit) internal returns (uint256 finalized) {
        (uint64 number, uint256 root) = (finalizedNumber, stateRoot);
        for (; finalized < limit; ++finalized) {
            Acceptance storage acceptance = _acceptances[number + 1][root];
            address payee = acceptance.payee;
            if (payee == address(0)) break;
            ++number;
            root = acceptance.newRoot;
            (address relayer, uint96 tip) =
                acceptance.tipped ? (acceptance.relayer, acceptance.tip) : (address(0), 0);
            bytes32 exitsHash;
            if (acceptance.exiting) {
                exitsHash = acceptance.exitsHash;
                delete acceptance.exitsHash;
            }
            _settle(number, payee, root, relayer, tip, exitsHash);
        }
        if (finalized > 0) (finalizedNumber, stateRoot) = (number, root);
    }

    function _store(Submission calldata submission, bytes32 exitsHash) private {
        Acceptance storage acceptance = _acceptances[submission.number][submission.oldRoot];
        acceptance.newRoot = submission.newRoot;
        acceptance.payee = submission.payee;
        acceptance.acceptedAt = uint64(block.timestamp);
        if (submission.tip > 0) {
            acceptance.tipped = true;
            (acceptance.relayer, acceptance.tip) = (msg.sender, submission.tip);
        }
        if (exitsHash != 0) {
            acceptance.exiting = true;
            acceptance.exitsHash = exitsHash;
        }
    }

    /// @dev Credits payee, relayer and poster of a final batch, and notes its exits.
    function _settle(
        uint64 number,
        address payee,
        uint256 newRoot,
        address relayer,
        uint96 tip,
        bytes32 exitsHash
    ) private {
        unchecked {
            // The tip is at most the reward; no sum of Wei comes near 2^256.
            creditOf[payee] += reward - tip;
        }
        if (tip > 0) creditOf[relayer] += tip;
        Batch storage batch = _batch(number);
        uint96 fees = _feesOf(batch);
        if (fees > 0) creditOf[batch.poster] += fees;
        if (exitsHash != 0) _dueExits[number] = DueExits(exitsHash, uint64(block.number));
        emit BatchFinalized(number, payee, newRoot, reward);
    }
}
