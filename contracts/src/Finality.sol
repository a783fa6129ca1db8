// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Awards} from "./Awards.sol";
import {Counters} from "./libraries/Counters.sol";
import {Posting, PostingLib} from "./libraries/Posting.sol";

/// @title From accepted proofs to final batches: who is paid, which root is the chain's, which exits are due.
abstract contract Finality is Awards {
    /// @dev The accepted proof of one (batch, old root) that waits for the batches before it. The third word is written
    /// only when there is a tip, the fourth only when there are exits.
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

    mapping(uint64 number => mapping(uint256 oldRoot => Acceptance)) internal _acceptances;
    /// @dev Hash of the exits of a final batch that are not credited yet.
    mapping(uint64 number => bytes32 exitsHash) internal _dueExits;

    /// @dev Is a proof accepted that would finalize the next batch?
    function _isReady(Counters counters) internal view returns (bool) {
        if (counters.storedAhead() == 0) return false;
        return _acceptances[counters.finalized() + 1][_stateRoot].payee != address(0);
    }

    /// @dev Beyond the highest batch with a stored acceptance there is none: no storage is read.
    function _isAccepted(Counters counters, uint64 number, uint256 oldRoot) internal view returns (bool) {
        uint64 finalized = counters.finalized();
        if (number <= finalized) return true;
        if (number > finalized + counters.storedAhead()) return false;
        return _acceptances[number][oldRoot].payee != address(0);
    }

    /// @dev Takes a verified proof: the next batch's on the present root makes it final at once and is not stored.
    function _accept(Counters counters, Submission calldata submission) internal returns (Counters) {
        (uint64 number, uint256 oldRoot) = (submission.number, submission.oldRoot);
        bytes32 exitsHash = _exitsHash(submission.exits);
        _noteFirst(submission, exitsHash);
        if (number != counters.finalized() + 1 || oldRoot != _stateRoot) {
            _store(submission, exitsHash);
            return counters.withStored(number);
        }
        Win memory win = Win({
            number: number,
            oldRoot: oldRoot,
            newRoot: submission.newRoot,
            payee: submission.payee,
            acceptedAt: block.number,
            relayer: msg.sender,
            tip: submission.tip,
            exitsHash: exitsHash
        });
        uint256 paid;
        (counters, paid) = _settle(counters, win);
        _stateRoot = win.newRoot;
        // forge-lint: disable-next-line(unsafe-typecast) -- at most four rewards
        emit BatchProved(number, win.payee, oldRoot, win.newRoot, msg.sender, win.tip, uint96(paid));
        return counters;
    }

    /// @dev Finalizes at most `limit` batches in order, each by the proof accepted for the root the last one left.
    function _finalize(Counters counters, uint256 limit) internal returns (Counters) {
        uint256 root = _stateRoot;
        uint64 first = counters.finalized();
        Win memory win;
        while (limit > 0 && counters.storedAhead() > 0) {
            win.number = counters.finalized() + 1;
            win.oldRoot = root;
            if (!_load(win)) break;
            uint256 paid;
            (counters, paid) = _settle(counters, win);
            root = win.newRoot;
            --limit;
            // forge-lint: disable-next-line(unsafe-typecast) -- at most four rewards
            emit BatchFinalized(win.number, win.payee, root, uint96(paid));
        }
        if (counters.finalized() > first) _stateRoot = root;
        return counters;
    }

    function _store(Submission calldata submission, bytes32 exitsHash) private {
        (uint64 number, address payee, uint96 tip) = (submission.number, submission.payee, submission.tip);
        Acceptance storage acceptance = _acceptances[number][submission.oldRoot];
        acceptance.newRoot = submission.newRoot;
        acceptance.payee = payee;
        acceptance.acceptedAt = uint64(block.number);
        if (tip > 0) {
            acceptance.tipped = true;
            (acceptance.relayer, acceptance.tip) = (msg.sender, tip);
        }
        if (exitsHash != 0) {
            acceptance.exiting = true;
            acceptance.exitsHash = exitsHash;
        }
        emit ProofAccepted(number, payee, submission.oldRoot, submission.newRoot, msg.sender, tip);
    }

    /// @dev Fills `win` with the proof accepted for its number and old root; false if there is none.
    function _load(Win memory win) private returns (bool) {
        Acceptance storage acceptance = _acceptances[win.number][win.oldRoot];
        address payee = acceptance.payee;
        if (payee == address(0)) return false;
        (win.newRoot, win.payee, win.acceptedAt) = (acceptance.newRoot, payee, acceptance.acceptedAt);
        bool tipped = acceptance.tipped;
        win.relayer = tipped ? acceptance.relayer : address(0);
        win.tip = tipped ? acceptance.tip : 0;
        win.exitsHash = 0;
        if (acceptance.exiting) {
            win.exitsHash = acceptance.exitsHash;
            delete acceptance.exitsHash;
        }
        return true;
    }

    /// @dev Makes the next batch final by `win`: pays for it, gives its poster the rest, moves the controller, and keeps what
    /// the alarm and the exits need. Returns what was paid, the tip included, in Wei.
    function _settle(Counters counters, Win memory win) private returns (Counters, uint256 paid) {
        Batch storage batch = _batch(win.number);
        Posting posting = batch.posting;
        uint256 delay = win.acceptedAt - posting.postedAt();
        uint256 rest;
        (paid, rest) = _divide(win.number, posting, _factor(delay));
        uint256 entries = posting.entries();
        if (entries > 0) rest += batch.fees;
        if (rest > 0) _credit(posting.poster(), rest);
        _pay(win, paid);
        batch.posting =
            PostingLib.finalWith(entries, PostingLib.record(win.oldRoot, win.newRoot, win.exitsHash));
        if (win.exitsHash != 0) _dueExits[win.number] = win.exitsHash;
        return (counters.withFinal(entries, posting.postedAt(), _stepped(counters.multiplier(), delay)), paid);
    }

    /// @dev Who gets what of a batch's escrow: its prover `factor` rewards, as far as bond or lock go; the rest of a lock is its
    /// poster's.
    function _divide(uint64 number, Posting posting, uint256 factor)
        private
        returns (uint256 paid, uint256 rest)
    {
        paid = posting.reward();
        if (!posting.isBonded()) return (paid * factor, paid * (MOST_FACTOR - factor));
        if (factor > 1) paid += _charge(posting.poster(), number, paid * (factor - 1));
    }
}
