// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Extended} from "./Extended.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Counters} from "./libraries/Counters.sol";
import {Posting} from "./libraries/Posting.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title The end of the rollup, and exits before it: everybody gets what is theirs and needs nobody for it.
/// @notice docs/protocol.md sections 8 and 9.
abstract contract ExitMode is Extended {
    /// @dev A bit an account.
    mapping(uint256 word => uint256 bits) private _left;
    /// @dev After an alarm: the fees of the entries before it were paid, though they are void. Else zero.
    uint64 internal _paidQueueEnd;

    function enterExitMode() external delegated {
        Counters counters = _whileOpen();
        uint64 number = counters.finalized();
        if (_isReady(counters)) revert ReadyToFinalize(number + 1);
        uint256 dueAt = _exitModeDueAt(counters);
        if (dueAt == 0 || block.number < dueAt) revert ExitModeNotDue(block.number, dueAt);
        _counters = counters.withExitMode();
        emit ExitModeEntered(number, _stateRoot, counters.finalQueueEnd());
    }

    function creditExits(uint64 number, uint256[] calldata exits) external delegated {
        Counters counters = _counters;
        bytes32 due = _dueExits[number];
        if (due == 0 || number > counters.finalized()) revert NoExitsDue(number);
        bytes32 exitsHash = _exitsHash(exits);
        if (exitsHash != due) revert WrongExits(exitsHash, due);
        // What left the ring has been final for long enough.
        uint256 dueAt = _isKept(counters, number) ? _batch(number).posting.finalizedAt() + _alarmDelay : 0;
        if (block.number < dueAt) revert ExitsNotDue(block.number, dueAt);
        delete _dueExits[number];
        for (uint256 i = 0; i < exits.length; ++i) {
            (uint256 exitAddress, uint256 amount) = Statement.unpackExit(exits[i]);
            // forge-lint: disable-next-line(unsafe-typecast) -- 160 bits
            _credit(address(uint160(exitAddress)), amount * 1 gwei);
        }
        emit ExitsCredited(number, exits);
    }

    function refundBatch(uint64 number) external delegated {
        Counters counters = _afterEnd();
        uint64 finalized = counters.finalized();
        Batch storage batch = _batch(number);
        Posting posting = batch.posting;
        if (number <= finalized || number > counters.head() || posting.isFinal()) {
            revert BatchNotVoid(number, finalized);
        }
        address poster = posting.poster();
        if (poster == address(0)) revert AlreadyRefunded(number);
        batch.posting = posting.withoutPoster();
        uint96 escrow = posting.reward();
        // forge-lint: disable-next-line(unsafe-typecast) -- four
        if (!posting.isBonded()) escrow *= uint96(MOST_FACTOR);
        _credit(poster, escrow);
        emit BatchRefunded(number, poster, escrow);
    }

    function refundEntry(uint64 queueIndex, bytes32[4] calldata words) external delegated {
        Counters counters = _afterEnd();
        (uint64 first, uint64 tail) = (counters.finalQueueEnd(), counters.queueTail());
        if (queueIndex < first || queueIndex >= tail) revert EntryNotVoid(queueIndex, first, tail);
        (address beneficiary, uint256 amount) = _takeBack(queueIndex, words, queueIndex < _paidQueueEnd);
        _credit(beneficiary, amount);
        emit EntryRefunded(queueIndex, beneficiary, amount);
    }

    function leave(uint48 account, address exitAddress, uint96 balance, uint256[8] calldata proof)
        external
        delegated
    {
        _checkRootIsSafe(_afterEnd());
        if (account >= 4 ** uint256(_depth)) revert AccountUnknown(account);
        (uint256 word, uint256 bit) = _leftBit(account);
        if (_left[word] & bit != 0) revert AlreadyLeft(account);
        uint256 place = (uint256(account) << 160) | uint160(exitAddress);
        if (!IVerifier(_membershipVerifier).verify(proof, _stateRoot, place, balance)) revert InvalidProof();
        _left[word] |= bit;
        _credit(exitAddress, uint256(balance) * 1 gwei);
        emit Left(account, exitAddress, balance);
    }

    function hasLeft(uint48 account) external view returns (bool) {
        (uint256 word, uint256 bit) = _leftBit(account);
        return _left[word] & bit != 0;
    }

    /// @dev No alarm can undo the state any more. What left the ring has been final for long enough; the genesis is nobody's proof.
    function _checkRootIsSafe(Counters counters) private view {
        uint64 number = counters.finalized();
        if (!_isKept(counters, number)) return;
        Posting posting = _batch(number).posting;
        uint256 dueAt = posting.isFinal() ? posting.finalizedAt() + _alarmDelay : 0;
        if (block.number < dueAt) revert ExitsNotDue(block.number, dueAt);
    }

    /// @dev First block in which the oldest batch that is not final or the queue's oldest entry has waited for more
    /// than the deadline; zero if nothing waits.
    function _exitModeDueAt(Counters counters) private view returns (uint256) {
        uint256 since = type(uint256).max;
        uint64 number = counters.finalized();
        if (number < counters.head()) since = _batch(number + 1).posting.postedAt();
        if (counters.queueHead() < counters.queueTail()) {
            uint256 enteredAt = _enteredAt(counters.queueHead());
            if (enteredAt < since) since = enteredAt;
        }
        return since == type(uint256).max ? 0 : since + _exitDeadline + 1;
    }

    /// @dev Where the bit of an account is: 256 to a word.
    function _leftBit(uint48 account) private pure returns (uint256 word, uint256 bit) {
        uint256 one = 1;
        return (account >> 8, one << (account & 0xff));
    }
}
