// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {ArbiterExtension} from "./ArbiterExtension.sol";
import {Proofs} from "./Proofs.sol";
import {QueueDoors} from "./QueueDoors.sol";
import {Terms} from "./Terms.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Counters, CountersLib} from "./libraries/Counters.sol";
import {Statement} from "./libraries/Statement.sol";
import {IAwardPolicy} from "./policies/IAwardPolicy.sol";

/// @title The arbiter: orders batches, accepts the first valid proof of each, pays its payee.
/// @notice Its interface is IArbiter. Who may call what, and what could go wrong, is in DESIGN.md. No storage of its own: the
/// extension, which works on the arbiter's, shares every base contract that has any.
contract Arbiter is Proofs, QueueDoors {
    using Statement for bytes;

    uint64 private constant MAX_FINALIZED_PER_PROOF = 8;
    uint256 private constant CLAIM_WORDS = 11;

    address public immutable extension;

    constructor(Config memory config) Terms(config) {
        _check(config);
        extension = address(new ArbiterExtension(config));
        _counters = CountersLib.initial();
        _stateRoot = config.genesisRoot;
    }

    /// @dev What is not here the extension does.
    fallback() external payable {
        address body = extension;
        assembly {
            calldatacopy(0, 0, calldatasize())
            let ok := delegatecall(gas(), body, 0, calldatasize(), 0, 0)
            returndatacopy(0, 0, returndatasize())
            if ok { return(0, returndatasize()) }
            revert(0, returndatasize())
        }
    }

    function sequenceBatch(
        uint64 number,
        bytes32 parentHash,
        Header calldata header,
        bytes calldata data,
        uint64 queueEnd
    ) external payable {
        Counters counters = _whileOpen();
        bool bonded = _checkMayPost(counters);
        _checkNext(counters, number, parentHash);
        uint256 reward = _escrowed(counters, bonded);
        _checkRoom(counters);
        _checkDataLength(data);
        (uint256 entries, uint256 fees) = _drain(counters, header, data, queueEnd);
        if (!bonded) _checkEmpty(data, entries);
        (bytes32 batchHash, uint256 place) = Statement.hashInPlace(_slots, _depth, header, data);
        _post(counters, batchHash, bonded, reward, entries, fees);
        _emitSequenced(place, number, batchHash, parentHash, header, reward * 1 gwei, queueEnd);
    }

    function submitProof(Submission calldata submission) external {
        Counters counters = _whileOpen();
        (uint64 number, uint256 oldRoot) = (submission.number, submission.oldRoot);
        _checkNumber(counters, number);
        bool late = _isAccepted(counters, number, oldRoot);
        if (late && !_contends(submission)) revert AlreadyAccepted(number, oldRoot);
        _checkFields(submission);
        (uint256 x, uint256 y) = _publicInputs(submission);
        if (!IVerifier(_verifier).verify(submission.proof, submission.commitment, x, y)) {
            revert InvalidProof();
        }
        if (late) return _contend(submission);
        uint256 last = counters.finalized() + MAX_FINALIZED_PER_PROOF;
        counters = _accept(counters, submission);
        unchecked {
            _counters = _finalize(counters, last - counters.finalized());
        }
    }

    function submitProofs(Submission[] calldata submissions) external returns (uint256 accepted) {
        Counters counters = _whileOpen();
        (uint256[] memory claims, uint256[] memory places) = _claims(counters, submissions);
        if (places.length == 0) revert NothingToAccept();
        bool allHold = IVerifier(_verifier).verifyAll(claims);
        for (uint256 i = 0; i < places.length; ++i) {
            Submission calldata submission = submissions[places[i]];
            // Two of the same batch and root may have come in one call.
            bool late = _isAccepted(counters, submission.number, submission.oldRoot);
            if (late && !_contends(submission)) continue;
            if (!allHold && !_holds(submission.proof, claims, i)) continue;
            if (late) _contend(submission);
            else counters = _accept(counters, submission);
            ++accepted;
        }
        if (accepted == 0) revert InvalidProof();
        _counters = _finalize(counters, MAX_FINALIZED_PER_PROOF);
    }

    function finalize(uint256 limit) external returns (uint256 finalized) {
        Counters counters = _whileOpen();
        finalized = counters.finalized();
        counters = _finalize(counters, limit);
        _counters = counters;
        return counters.finalized() - finalized;
    }

    function withdraw() external {
        uint256 amount = _credits[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        _credits[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        (bool sent,) = msg.sender.call{value: amount}("");
        if (!sent) revert TransferFailed(msg.sender);
    }

    /// @dev BatchSequenced, whose data is in memory already (`Statement.hashInPlace`): only what stands before it is written.
    function _emitSequenced(
        uint256 place,
        uint256 batchNumber,
        bytes32 batchHash,
        bytes32 parentHash,
        Header calldata header,
        uint256 reward,
        uint64 queueEnd
    ) private {
        bytes32 topic = BatchSequenced.selector;
        uint256 size = uint256(_slots) * Statement.SLOT_BYTES;
        assembly ("memory-safe") {
            mstore(place, parentHash)
            calldatacopy(add(place, 0x20), header, 0x60)
            mstore(add(place, 0x80), 0xe0)
            mstore(add(place, 0xa0), reward)
            mstore(add(place, 0xc0), queueEnd)
            mstore(add(place, 0xe0), size)
            log3(place, add(size, 0x100), topic, batchNumber, batchHash)
        }
    }

    function _checkNext(Counters counters, uint64 number, bytes32 parentHash) private view {
        uint64 head = counters.head();
        unchecked {
            if (number != head + 1) revert WrongNumber(number, head + 1);
        }
        bytes32 expected = _batch(head).batchHash;
        if (parentHash != expected) revert WrongParent(parentHash, expected);
    }

    /// @dev What a posting's value offers for its batch's proof, in gwei: all but the bounty, or, where no bond answers for
    /// delays, a quarter of it.
    function _escrowed(Counters counters, bool bonded) private view returns (uint256 reward) {
        unchecked {
            uint256 factor = bonded ? 1 : MOST_FACTOR;
            uint256 least = factor * _currentReward(counters) + _bounty;
            uint256 most = factor * _reward + _bounty;
            if (msg.value < least || msg.value > most) revert WrongReward(msg.value, least, most);
            uint256 unit = factor * 1 gwei;
            reward = (msg.value - _bounty) / unit;
            if (reward * unit != msg.value - _bounty) revert WrongReward(msg.value, least, most);
        }
    }

    /// @dev Every slot from `slot` on is zero.
    function _checkEmpty(bytes calldata data, uint256 slot) private pure {
        for (uint256 start = slot * Statement.SLOT_BYTES; start < data.length; start += 32) {
            if (bytes32(data[start:start + 32]) != 0) revert SlotNotEmpty(start / Statement.SLOT_BYTES);
        }
    }

    function _checkNumber(Counters counters, uint64 number) private pure {
        if (number == 0 || number > counters.head()) revert BatchUnknown(number, counters.head());
    }

    /// @dev What is to be verified of the submissions, eleven words each (`IVerifier.verifyAll`), and the place of each
    /// among them: late ones are left out.
    function _claims(Counters counters, Submission[] calldata submissions)
        private
        view
        returns (uint256[] memory claims, uint256[] memory places)
    {
        claims = new uint256[](submissions.length * CLAIM_WORDS);
        places = new uint256[](submissions.length);
        uint256 open;
        for (uint256 i = 0; i < submissions.length; ++i) {
            Submission calldata submission = submissions[i];
            _checkNumber(counters, submission.number);
            bool late = _isAccepted(counters, submission.number, submission.oldRoot);
            if (late && !_contends(submission)) continue;
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
        return IVerifier(_verifier).verify(proof, claims[inputs], claims[inputs + 1], claims[inputs + 2]);
    }

    /// @dev Refuses what cannot be right. The deadlines follow one another: a reward has doubled and quadrupled before
    /// posting halts, posting halts before the end may come, and whoever wants to post an old entry has a block for it.
    function _check(Config memory config) private view {
        _checkRollup(config);
        _checkMarket(config);
        if (config.queueDeadline * uint256(2) >= config.exitDeadline) revert WrongConfig("exitDeadline");
        if (config.doubleAfter >= config.quadrupleAfter) revert WrongConfig("quadrupleAfter");
        if (config.quadrupleAfter >= config.haltAfter) revert WrongConfig("haltAfter");
        if (config.haltAfter > config.exitDeadline) revert WrongConfig("exitDeadline");
    }

    function _checkRollup(Config memory config) private view {
        if (config.verifier.code.length == 0) revert WrongConfig("verifier");
        address membership = config.membershipVerifier;
        if (membership.code.length == 0 || membership == config.verifier) {
            revert WrongConfig("membershipVerifier");
        }
        if (config.genesisRoot >= Statement.R) revert WrongConfig("genesisRoot");
        if (config.circuitVersion >= Statement.R) revert WrongConfig("circuitVersion");
        if (config.membershipVersion >= Statement.R) revert WrongConfig("membershipVersion");
        if (config.slots == 0) revert WrongConfig("slots");
        if (config.depth == 0 || config.depth > 24) revert WrongConfig("depth");
        if (config.minDeposit == 0) revert WrongConfig("minDeposit");
    }

    /// @dev A reward has 48 bits of gwei in a batch's word, a bond 64 in a seat's.
    function _checkMarket(Config memory config) private view {
        if (config.policy != address(0)) _checkPolicy(config.policy);
        uint256 reward = config.reward;
        if (reward % 1 gwei != 0 || reward >= 2 ** 48 * 1 gwei) revert WrongConfig("reward");
        if (config.rewardFloor % 1 gwei != 0 || config.rewardFloor > reward) {
            revert WrongConfig("rewardFloor");
        }
        if (config.bond % 1 gwei != 0 || config.bond < (MOST_FACTOR - 1) * reward) {
            revert WrongConfig("bond");
        }
        if (config.bond >= 2 ** 64 * 1 gwei) revert WrongConfig("bond");
        if (config.window == 0) revert WrongConfig("window");
    }

    /// @dev A policy serves one arbiter, whose address was known before it was: else anybody could tell it of proofs.
    function _checkPolicy(address policy) private view {
        if (policy.code.length == 0) revert WrongConfig("policy");
        if (IAwardPolicy(policy).arbiter() != address(this)) revert WrongConfig("policy");
    }
}
