// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRing} from "./BatchRing.sol";
import {Credits} from "./Credits.sol";
import {IArbiter} from "./interfaces/IArbiter.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title The end of the rollup: everybody gets what is theirs and needs nobody for it.
/// @notice docs/protocol.md section 9.
abstract contract ExitMode is BatchRing, Credits {
    address public immutable override membershipVerifier;
    uint256 public immutable override membershipVersion;
    uint32 public immutable override exitDeadline;

    /// @dev A bit an account.
    mapping(uint256 word => uint256 bits) private _left;

    constructor(Config memory config) {
        address membership = config.membershipVerifier;
        if (membership.code.length == 0 || membership == config.verifier) {
            revert WrongConfig("membershipVerifier");
        }
        if (config.membershipVersion >= Statement.R) revert WrongConfig("membershipVersion");
        if (config.exitDeadline <= 2 * uint256(config.queueDeadline)) revert WrongConfig("exitDeadline");
        (membershipVerifier, membershipVersion) = (membership, config.membershipVersion);
        exitDeadline = config.exitDeadline;
    }

    /// @inheritdoc IArbiter
    function enterExitMode() external whileOpen {
        uint64 number = finalizedNumber;
        if (_isReady()) revert ReadyToFinalize(number + 1);
        uint256 dueAt = _exitModeDueAt();
        if (dueAt == 0 || block.number < dueAt) revert ExitModeNotDue(block.number, dueAt);
        exitMode = true;
        emit ExitModeEntered(number, stateRoot, finalQueueEnd());
    }

    /// @inheritdoc IArbiter
    function refundBatch(uint64 number) external afterEnd {
        if (number <= finalizedNumber || number > _headNumber) revert BatchNotVoid(number, finalizedNumber);
        Batch storage batch = _batch(number);
        address poster = batch.poster;
        if (poster == address(0)) revert AlreadyRefunded(number);
        batch.poster = address(0);
        creditOf[poster] += reward;
        emit BatchRefunded(number, poster, reward);
    }

    /// @inheritdoc IArbiter
    function refundEntry(uint64 queueIndex, bytes32[4] calldata words) external afterEnd {
        uint64 first = finalQueueEnd();
        if (queueIndex < first || queueIndex >= queueTail) revert EntryNotVoid(queueIndex, first, queueTail);
        (address beneficiary, uint256 amount) = _takeBack(queueIndex, words);
        creditOf[beneficiary] += amount;
        emit EntryRefunded(queueIndex, beneficiary, amount);
    }

    /// @inheritdoc IArbiter
    function leave(uint48 account, address exitAddress, uint96 balance, uint256[8] calldata proof)
        external
        afterEnd
    {
        if (account >= 4 ** uint256(depth)) revert AccountUnknown(account);
        (uint256 word, uint256 bit) = _leftBit(account);
        if (_left[word] & bit != 0) revert AlreadyLeft(account);
        uint256 place = (uint256(account) << 160) | uint160(exitAddress);
        if (!IVerifier(membershipVerifier).verify(proof, stateRoot, place, balance)) revert InvalidProof();
        _left[word] |= bit;
        creditOf[exitAddress] += uint256(balance) * 1 gwei;
        emit Left(account, exitAddress, balance);
    }

    /// @inheritdoc IArbiter
    function hasLeft(uint48 account) external view returns (bool) {
        (uint256 word, uint256 bit) = _leftBit(account);
        return _left[word] & bit != 0;
    }

    /// @dev Is a proof accepted that would finalize the next batch?
    function _isReady() internal view virtual returns (bool);

    /// @dev First block in which the oldest batch that is not final or the queue's oldest entry has waited for more
    /// than the deadline; zero if nothing waits.
    function _exitModeDueAt() private view returns (uint256) {
        uint256 since = type(uint256).max;
        if (finalizedNumber < _headNumber) since = _batch(finalizedNumber + 1).postedAt;
        if (queueHead < queueTail) {
            uint256 enteredAt = _enteredAt(queueHead);
            if (enteredAt < since) since = enteredAt;
        }
        return since == type(uint256).max ? 0 : since + exitDeadline + 1;
    }

    /// @dev Where the bit of an account is: 256 to a word.
    function _leftBit(uint48 account) private pure returns (uint256 word, uint256 bit) {
        uint256 one = 1;
        return (account >> 8, one << (account & 0xff));
    }
}
