// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "./interfaces/IArbiter.sol";
import {IVerifier} from "./interfaces/IVerifier.sol";
import {Statement} from "./libraries/Statement.sol";

/// @title The arbiter: orders batches, accepts the first valid proof of each, pays its payee.
/// @notice Who may call what, and what could go wrong, is in DESIGN.md.
contract Arbiter is IArbiter {
    using Statement for bytes;

    /// @dev One queued deposit: what its slot must hold, and the L1 block it entered in.
    struct QueueEntry {
        bytes32 slotHash;
        uint64 enteredAt;
    }

    /// @dev The accepted proof of one (batch, old root). The third word is written only when there is a tip.
    struct Acceptance {
        uint256 newRoot;
        address payee;
        uint64 acceptedAt;
        bool tipped;
        address relayer;
        uint96 tip;
    }

    uint256 private constant MAX_FINALIZED_PER_PROOF = 8;
    uint256 private constant DEPOSIT_CAP_GWEI = 1 << 90;
    uint256 private constant DEPOSIT_KIND = 3;

    address public immutable override verifier;
    address public immutable override sequencer;
    uint256 public immutable override genesisRoot;
    uint256 public immutable override circuitVersion;
    uint256 public immutable override deployedAt;
    uint96 public immutable override reward;
    uint64 public immutable override minDeposit;
    uint32 public immutable override queueDeadline;
    uint8 public immutable override slots;
    uint8 public immutable override depth;

    uint64 private _headNumber;
    uint64 public override finalizedNumber;
    uint64 public override queueHead;
    uint64 public override queueTail;

    uint48 public override accountCount;
    uint96 private _depositedGwei;

    uint256 public override stateRoot;

    mapping(uint64 number => bytes32) public override batchHashOf;
    mapping(uint64 number => mapping(uint256 oldRoot => Acceptance)) private _acceptances;
    mapping(uint64 queueIndex => QueueEntry) private _queue;
    mapping(uint48 account => bytes32) private _keyHashes;
    mapping(address payee => uint256) public override creditOf;

    constructor(Config memory config) {
        if (config.verifier.code.length == 0) revert WrongConfig("verifier");
        if (config.sequencer == address(0)) revert WrongConfig("sequencer");
        if (config.genesisRoot >= Statement.R) revert WrongConfig("genesisRoot");
        if (config.circuitVersion >= Statement.R) revert WrongConfig("circuitVersion");
        if (config.slots == 0) revert WrongConfig("slots");
        if (config.depth == 0 || config.depth > 24) revert WrongConfig("depth");
        if (config.minDeposit == 0) revert WrongConfig("minDeposit");
        (verifier, sequencer) = (config.verifier, config.sequencer);
        (genesisRoot, circuitVersion) = (config.genesisRoot, config.circuitVersion);
        (slots, depth, reward) = (config.slots, config.depth, config.reward);
        (minDeposit, queueDeadline) = (config.minDeposit, config.queueDeadline);
        deployedAt = block.number;
        stateRoot = config.genesisRoot;
    }

    /// @inheritdoc IArbiter
    function deposit(uint256 publicKeyX, uint256 publicKeyY, address exitAddress)
        external
        payable
        returns (uint48 account)
    {
        uint256 capacity = 4 ** uint256(depth);
        if (accountCount >= capacity) revert TreeFull(capacity);
        account = accountCount++;
        _keyHashes[account] = _keyHash(publicKeyX, publicKeyY);
        _enqueue(account, publicKeyX, publicKeyY, exitAddress);
    }

    /// @inheritdoc IArbiter
    function topUp(uint48 account, uint256 publicKeyX, uint256 publicKeyY, address exitAddress)
        external
        payable
    {
        if (account >= accountCount) revert AccountUnknown(account);
        if (_keyHashes[account] != _keyHash(publicKeyX, publicKeyY)) revert WrongKey(account);
        _enqueue(account, publicKeyX, publicKeyY, exitAddress);
    }

    /// @inheritdoc IArbiter
    function sequenceBatch(
        uint64 number,
        bytes32 parentHash,
        Header calldata header,
        bytes calldata data,
        uint64 queueEnd
    ) external payable {
        if (msg.sender != sequencer) revert NotSequencer(msg.sender, sequencer);
        if (number != _headNumber + 1) revert WrongNumber(number, _headNumber + 1);
        if (parentHash != batchHashOf[number - 1]) revert WrongParent(parentHash, batchHashOf[number - 1]);
        if (msg.value != reward) revert WrongReward(msg.value, reward);
        if (header.forced != 0) revert ForcedNotSupported(header.forced);
        if (header.deposits > slots) revert TooManyDeposits(header.deposits, slots);
        _checkDataLength(data);
        _checkQueue(header.deposits, data, queueEnd);

        bytes32 batchHash = Statement.lay(slots, depth, header, data).batchHash(data.length);
        batchHashOf[number] = batchHash;
        (_headNumber, queueHead) = (number, queueEnd);
        emit BatchSequenced(number, batchHash, parentHash, header, data, reward, queueEnd);
    }

    /// @inheritdoc IArbiter
    function submitProof(Submission calldata submission) external {
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
    function finalize(uint256 limit) external returns (uint256 finalized) {
        return _finalize(limit);
    }

    /// @inheritdoc IArbiter
    function withdraw() external {
        uint256 amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        (bool sent,) = msg.sender.call{value: amount}("");
        if (!sent) revert TransferFailed(msg.sender);
    }

    /// @inheritdoc IArbiter
    function head() external view returns (uint64 number, bytes32 batchHash) {
        number = _headNumber;
        batchHash = batchHashOf[number];
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

    /// @dev Checks a deposit's amount and words, and puts it at the queue's tail.
    function _enqueue(uint48 account, uint256 publicKeyX, uint256 publicKeyY, address exitAddress) private {
        uint64 amount = _wholeGwei();
        if (publicKeyX >= Statement.R) revert NotInField(publicKeyX);
        if (publicKeyY >= Statement.R) revert NotInField(publicKeyY);
        if (exitAddress == address(0)) revert ZeroExitAddress();
        uint256 total = uint256(_depositedGwei) + amount;
        if (total >= DEPOSIT_CAP_GWEI) revert DepositCapReached(total);

        uint256 word = (DEPOSIT_KIND << 224) | (uint256(account) << 128) | (uint256(amount) << 64);
        bytes32 slotHash = keccak256(abi.encode(word, publicKeyX, publicKeyY, exitAddress));
        uint64 queueIndex = queueTail;
        _queue[queueIndex] = QueueEntry(slotHash, uint64(block.number));
        queueTail = queueIndex + 1;
        // forge-lint: disable-next-line(unsafe-typecast) -- below 2^90
        _depositedGwei = uint96(total);
        emit Deposited(queueIndex, account, publicKeyX, publicKeyY, exitAddress, amount);
    }

    function _wholeGwei() private view returns (uint64) {
        if (msg.value % 1 gwei != 0) revert NotWholeGwei(msg.value);
        uint256 amount = msg.value / 1 gwei;
        if (amount < minDeposit || amount > type(uint64).max) revert AmountOutOfRange(amount, minDeposit);
        // forge-lint: disable-next-line(unsafe-typecast) -- checked above
        return uint64(amount);
    }

    function _keyHash(uint256 publicKeyX, uint256 publicKeyY) private pure returns (bytes32) {
        return keccak256(abi.encode(publicKeyX, publicKeyY));
    }

    function _checkDataLength(bytes calldata data) private view {
        uint256 expected = uint256(slots) * Statement.SLOT_BYTES;
        if (data.length != expected) revert WrongDataLength(data.length, expected);
    }

    /// @dev The first `deposits` slots are the queue's next entries, and nothing overdue is left behind.
    function _checkQueue(uint256 deposits, bytes calldata data, uint64 queueEnd) private view {
        uint64 first = queueHead;
        if (queueEnd != first + deposits || queueEnd > queueTail) {
            revert WrongQueueEnd(queueEnd, first, queueTail);
        }
        uint64 required = _requiredQueueEnd(first, queueEnd);
        if (queueEnd < required) revert OverdueDeposits(queueEnd, required);
        for (uint64 i = first; i < queueEnd; ++i) {
            uint256 start = uint256(i - first) * Statement.SLOT_BYTES;
            bytes32 slotHash = keccak256(data[start:start + Statement.SLOT_BYTES]);
            if (slotHash != _queue[i].slotHash) revert DepositMismatch(i);
        }
    }

    /// @dev Where the queue's overdue entries end, counting at most half the slots (one, for a single slot).
    /// Entries enter in the order of blocks, so only those from `queueEnd` on need a look.
    function _requiredQueueEnd(uint64 first, uint64 queueEnd) private view returns (uint64 required) {
        uint64 most = first + (slots > 1 ? slots / 2 : 1);
        if (most > queueTail) most = queueTail;
        required = queueEnd;
        while (required < most && block.number > uint256(_queue[required].enteredAt) + queueDeadline) {
            ++required;
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

    /// @dev x and y of the statement; the data must be the batch's own.
    function _publicInputs(Submission calldata submission) private view returns (uint256 x, uint256 y) {
        uint64 number = submission.number;
        bytes memory v = Statement.lay(slots, depth, submission.header, submission.data);
        bytes32 batchHash = v.batchHash(submission.data.length);
        if (batchHash != batchHashOf[number]) revert WrongBatch(batchHash, batchHashOf[number]);
        uint256 context = Statement.context(number, batchHash, submission.payee, submission.tip);
        v.bind(domain(), submission.oldRoot, submission.newRoot, context);
        x = v.challenge(submission.commitment);
        // Exits, the words past the data, are zero in this version.
        y = v.evaluate(8 + submission.data.length / 32, x);
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
            _credit(acceptance, payee);
            emit BatchFinalized(number, payee, root, reward);
        }
        if (finalized > 0) (finalizedNumber, stateRoot) = (number, root);
    }

    function _credit(Acceptance storage acceptance, address payee) private {
        uint96 tip = acceptance.tipped ? acceptance.tip : 0;
        creditOf[payee] += reward - tip;
        if (tip > 0) creditOf[acceptance.relayer] += tip;
    }
}
