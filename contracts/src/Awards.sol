// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Seats} from "./Seats.sol";
import {Counters} from "./libraries/Counters.sol";
import {IAwardPolicy} from "./policies/IAwardPolicy.sol";

/// @title Who gets the reward of a final batch: whoever proved it first, at once; or, under a policy, whom that chooses.
/// @notice Only money waits for a policy. It is asked with bounded gas, after everything that moves the rollup is stored, and
/// where it fails the first is paid: a policy that reverts, burns its gas or answers nonsense stops no batch and no award.
/// It can choose among those alone whose valid proofs were taken.
abstract contract Awards is Seats {
    /// @dev An accepted proof about to make its batch final. `acceptedAt` is a block; `exitsHash` zero without exits.
    struct Win {
        uint64 number;
        uint256 oldRoot;
        uint256 newRoot;
        address payee;
        uint256 acceptedAt;
        address relayer;
        uint96 tip;
        bytes32 exitsHash;
    }

    /// @dev Who landed a contender's proof, never zero, and the tip that the proof gives for it.
    struct Landing {
        address relayer;
        uint96 tip;
    }

    /// @dev The contenders for one (batch, old root) whose payment waits: the payee to pay as things are, the reward once the
    /// batch is final, what the proof shows (a hash of new root and exits), the block from which the policy decides.
    struct Race {
        address payee;
        uint96 amount;
        uint200 outcome;
        uint48 dueAt;
        bool decided;
        mapping(address payee => Landing) landings;
    }

    /// @dev What a policy may use in a call; ours take 400,000 at most, for a full list of stakes.
    uint256 internal constant POLICY_GAS = 500_000;
    uint256 private constant CALL_GAS = 5000;

    mapping(uint64 number => mapping(uint256 oldRoot => Race)) private _races;

    /// @dev A batch's first valid proof on its old root is accepted, in this block: does its payment wait?
    function _noteFirst(Submission calldata submission, bytes32 exitsHash) internal {
        if (_policy == address(0)) return;
        (uint64 number, uint256 oldRoot) = (submission.number, submission.oldRoot);
        // forge-lint: disable-next-line(unsafe-typecast) -- it has 32 bits
        uint64 postedAt = uint64(_batch(number).posting.postedAt());
        (, uint256 dueAt) =
            _ask(abi.encodeCall(IAwardPolicy.first, (number, oldRoot, submission.payee, postedAt)));
        if (dueAt <= block.number || dueAt > type(uint48).max) return;
        Race storage race = _races[number][oldRoot];
        race.payee = submission.payee;
        race.outcome = _outcome(submission.newRoot, exitsHash);
        // forge-lint: disable-next-line(unsafe-typecast) -- checked above
        race.dueAt = uint48(dueAt);
        race.landings[submission.payee] = Landing(msg.sender, submission.tip);
    }

    /// @dev Pays `amount` Wei for a batch that becomes final by `win`, or notes what waits.
    function _pay(Win memory win, uint256 amount) internal {
        if (_policy == address(0)) return _creditProof(win.payee, win.relayer, win.tip, amount);
        // forge-lint: disable-next-line(unsafe-typecast) -- at most four rewards
        uint96 paid = uint96(amount);
        Race storage race = _races[win.number][win.oldRoot];
        address payee = race.payee;
        if (payee == address(0)) {
            _award(win.number, win.payee, Landing(win.relayer, win.tip), paid);
        } else if (race.decided) {
            _award(win.number, payee, race.landings[payee], paid);
        } else {
            race.amount = paid;
            emit AwardWaits(win.number, payee, race.dueAt);
        }
    }

    /// @dev May a further proof of an accepted (batch, old root) still win? It must show what the first showed.
    function _contends(Submission calldata submission) internal view returns (bool) {
        if (_policy == address(0)) return false;
        (uint64 number, uint256 oldRoot) = (submission.number, submission.oldRoot);
        Race storage race = _races[number][oldRoot];
        if (race.payee == address(0) || race.decided) return false;
        if (race.landings[submission.payee].relayer != address(0)) return false;
        if (race.outcome != _outcome(submission.newRoot, _exitsHash(submission.exits))) return false;
        bytes memory question = abi.encodeCall(IAwardPolicy.contends, (number, oldRoot, submission.payee));
        return _look(question) == 1;
    }

    /// @dev Takes a verified proof that may contend.
    function _contend(Submission calldata submission) internal {
        (uint64 number, uint256 oldRoot, address payee) =
            (submission.number, submission.oldRoot, submission.payee);
        Race storage race = _races[number][oldRoot];
        race.landings[payee] = Landing(msg.sender, submission.tip);
        emit ProofContends(number, payee, oldRoot, msg.sender, submission.tip);
        (bool answered, uint256 dueAt) = _ask(abi.encodeCall(IAwardPolicy.further, (number, oldRoot, payee)));
        if (answered && dueAt == 0) _decide(race, number, payee);
    }

    /// @dev Has the policy choose, once that is due, and pays if the batch is final; else it is paid when it is.
    function _settleAward(uint64 number, uint256 oldRoot) internal {
        Race storage race = _races[number][oldRoot];
        if (race.payee == address(0) || race.decided) revert NoAward(number);
        if (block.number < race.dueAt) revert AwardNotDue(block.number, race.dueAt);
        race.decided = true;
        (, uint256 chosen) = _ask(abi.encodeCall(IAwardPolicy.winner, (number, oldRoot)));
        // forge-lint: disable-next-line(unsafe-typecast) -- any other than a contender counts as none
        address payee = address(uint160(chosen));
        _decide(race, number, race.landings[payee].relayer == address(0) ? race.payee : payee);
    }

    /// @dev Whom a waiting award would go to as things are, in Wei (zero until the batch is final), and from when on.
    function _awardOf(uint64 number, uint256 oldRoot)
        internal
        view
        returns (address payee, uint96 amount, uint64 dueAt)
    {
        Race storage race = _races[number][oldRoot];
        if (!race.decided) (payee, amount, dueAt) = (race.payee, race.amount, race.dueAt);
    }

    function _decide(Race storage race, uint64 number, address payee) private {
        (race.payee, race.decided) = (payee, true);
        uint96 amount = race.amount;
        if (amount == 0) return;
        race.amount = 0;
        _award(number, payee, race.landings[payee], amount);
    }

    function _award(uint64 number, address payee, Landing memory landing, uint96 amount) private {
        emit Awarded(number, payee, amount);
        _creditProof(payee, landing.relayer, landing.tip, amount);
    }

    /// @dev The tip comes out of the award; a contender may have offered more than there is.
    function _creditProof(address payee, address relayer, uint256 tip, uint256 amount) private {
        if (tip > amount) tip = amount;
        unchecked {
            _credit(payee, amount - tip);
        }
        if (tip > 0) _credit(relayer, tip);
    }

    /// @dev Asks the policy for a word. Zero and false if it fails; never because the caller left too little gas for it. It must
    /// not have moved the rollup meanwhile: our callers have read the counters and are going to write them.
    function _ask(bytes memory question) private returns (bool answered, uint256 answer) {
        uint256 wanted = POLICY_GAS + CALL_GAS;
        uint256 left = gasleft() - gasleft() / 64;
        if (left < wanted) revert TooLittleGas(left, wanted);
        address policy = _policy;
        Counters before = _counters;
        assembly ("memory-safe") {
            answered := call(POLICY_GAS, policy, 0, add(question, 0x20), mload(question), 0, 0x20)
            answered := and(answered, gt(returndatasize(), 0x1f))
            if answered { answer := mload(0) }
        }
        if (Counters.unwrap(_counters) != Counters.unwrap(before)) revert PolicyReentered();
    }

    function _look(bytes memory question) private view returns (uint256 answer) {
        address policy = _policy;
        assembly ("memory-safe") {
            let answered := staticcall(POLICY_GAS, policy, add(question, 0x20), mload(question), 0, 0x20)
            if and(answered, gt(returndatasize(), 0x1f)) { answer := mload(0) }
        }
    }

    /// @dev Zero where there are none.
    function _exitsHash(uint256[] calldata exits) internal pure returns (bytes32) {
        return exits.length == 0 ? bytes32(0) : keccak256(abi.encodePacked(exits));
    }

    function _outcome(uint256 newRoot, bytes32 exitsHash) private pure returns (uint200) {
        // forge-lint: disable-next-line(unsafe-typecast) -- a hash's first 200 bits
        return uint200(uint256(keccak256(abi.encode(newRoot, exitsHash))) >> 56);
    }
}
