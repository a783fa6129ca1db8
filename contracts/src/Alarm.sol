// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ExitMode} from "./ExitMode.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Counters} from "./libraries/Counters.sol";
import {Posting, PostingLib} from "./libraries/Posting.sol";

/// @title The soundness alarm: two valid proofs of one transition that disagree end the rollup before it.
/// @notice docs/protocol.md section 10. Only a batch that became final less than `alarmDelay` blocks ago: until then none of its
/// exits is credited and nobody leaves with its state, so that all that was paid for it were rewards. In exit mode too: whoever
/// can forge could else forge two batches in a row and end the rollup by contradicting the second alone.
abstract contract Alarm is ExitMode {
    /// @dev The pot goes to the first alarm alone.
    bool private _bountyIsPaid;

    function raiseAlarm(Submission calldata second, uint256 newRoot) external delegated {
        Counters counters = _counters;
        uint64 number = second.number;
        _checkAlarmable(counters, number);
        _checkContradiction(second, newRoot);
        _checkElements(second);
        (uint256 x, uint256 y) = _publicInputs(second);
        if (!IVerifier(_verifier).verify(second.proof, second.commitment, x, y)) revert InvalidProof();
        uint256 bounty = _bountyIsPaid ? 0 : uint256(_bounty) * counters.finalized();
        _bountyIsPaid = true;
        if (bounty > 0) _credit(second.payee, bounty);
        emit AlarmRaised(number, second.payee, second.oldRoot, newRoot, second.newRoot, bounty);
        _endBefore(counters, number, second.oldRoot);
    }

    /// @dev Only what became final lately: by its storage in the ring, which no posting takes before its time is over.
    function _checkAlarmable(Counters counters, uint64 number) private view {
        if (number == 0 || number > counters.finalized() || !_isKept(counters, number)) {
            revert AlarmNotDue(number);
        }
        if (block.number >= _batch(number).posting.finalizedAt() + _alarmDelay) revert AlarmNotDue(number);
    }

    /// @dev The old root is the chain's own, for the record holds it: a proof about a state that the chain was never in says
    /// nothing. The result is another than the one that became final, whose exits are still due: nobody needs to have seen
    /// them.
    function _checkContradiction(Submission calldata second, uint256 newRoot) private view {
        uint64 number = second.number;
        bytes32 exitsHash = _dueExits[number];
        uint256 record = PostingLib.record(second.oldRoot, newRoot, exitsHash);
        if (record != _batch(number).posting.recordOf()) revert WrongRecord(number);
        if (second.newRoot == newRoot && _exitsHash(second.exits) == exitsHash) {
            revert NoContradiction(number);
        }
    }

    /// @dev Ends the rollup in the state before batch `number`: what it and the final batches after it drained is void again,
    /// but for the fees, which were paid.
    function _endBefore(Counters counters, uint64 number, uint256 root) private {
        uint256 entries;
        for (uint64 i = number; i <= counters.finalized(); ++i) {
            entries += _batch(i).posting.entries();
        }
        // Exit mode only takes it back: the first is the furthest.
        if (counters.finalQueueEnd() > _paidQueueEnd) _paidQueueEnd = counters.finalQueueEnd();
        counters = counters.withoutFinal(number - 1, entries).withExitMode();
        (_counters, _stateRoot) = (counters, root);
        emit ExitModeEntered(number - 1, root, counters.finalQueueEnd());
    }
}
