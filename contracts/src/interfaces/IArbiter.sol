// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.20;

/// @title The arbiter: orders batches, accepts the first valid proof of each, pays its payee.
/// @notice No owner, no pause, not upgradeable. The rules are in docs/protocol.md.
interface IArbiter {
    /// @notice Header of a batch, four words of the statement; `shape` is the arbiter's own and never passed.
    struct Header {
        uint8 deposits;
        uint8 forced;
        uint48 feeAccount;
    }

    /// @notice Everything fixed at deployment.
    struct Config {
        address verifier;
        address membershipVerifier;
        address sequencer;
        uint256 genesisRoot;
        uint256 circuitVersion;
        uint256 membershipVersion;
        uint8 slots;
        uint8 depth;
        uint96 reward;
        uint64 minDeposit;
        uint32 queueDeadline;
        uint32 alarmDelay;
        uint32 exitDeadline;
    }

    /// @notice One proof as submitted. `proof` in the order of the pairing precompile (docs/protocol.md section 6);
    /// an exit as `slot(8) | address(160) | amount in gwei(64)`, slots strictly increasing.
    struct Submission {
        uint64 number;
        uint256 oldRoot;
        uint256 newRoot;
        address payee;
        uint96 tip;
        uint256 commitment;
        uint256[8] proof;
        Header header;
        bytes data;
        uint256[] exits;
    }

    event Deposited(
        uint64 indexed queueIndex,
        uint48 indexed account,
        uint256 publicKeyX,
        uint256 publicKeyY,
        address exitAddress,
        uint64 amount
    );
    event ForcedExitQueued(
        uint64 indexed queueIndex, uint48 indexed account, address exitAddress, uint64 amount
    );
    event ForcedTransactionQueued(uint64 indexed queueIndex, bytes32[4] words);
    event ExitsCredited(uint64 indexed number, uint256[] exits);
    event BatchSequenced(
        uint64 indexed number,
        bytes32 indexed batchHash,
        bytes32 parentHash,
        Header header,
        bytes data,
        uint96 reward,
        uint64 queueEnd
    );
    event ProofAccepted(
        uint64 indexed number,
        address indexed payee,
        uint256 oldRoot,
        uint256 newRoot,
        address submitter,
        uint96 tip
    );
    event BatchFinalized(uint64 indexed number, address indexed payee, uint256 newRoot, uint96 reward);
    event Withdrawn(address indexed payee, uint256 amount);
    /// @notice `number` is the last final batch, `queueEnd` the first queue entry that no final batch drained.
    event ExitModeEntered(uint64 indexed number, uint256 stateRoot, uint64 queueEnd);
    event BatchRefunded(uint64 indexed number, address indexed poster, uint96 reward);
    event EntryRefunded(uint64 indexed queueIndex, address indexed beneficiary, uint256 amount);
    event Left(uint48 indexed account, address indexed exitAddress, uint96 balance);

    /// @notice Deployment only: `field` of Config cannot be right.
    error WrongConfig(string field);
    error NotSequencer(address caller, address sequencer);
    error WrongNumber(uint64 number, uint64 expected);
    error WrongParent(bytes32 parentHash, bytes32 expected);
    /// @notice Too many batches are not final: prove first.
    error BacklogFull(uint64 backlog, uint64 cap);
    error WrongReward(uint256 value, uint256 expected);
    error WrongDataLength(uint256 length, uint256 expected);
    error WrongQueueEnd(uint64 queueEnd, uint64 head, uint64 tail);
    error OverdueEntries(uint64 queueEnd, uint64 required);
    error TooManyEntries(uint256 entries, uint256 slots);
    /// @notice The header counts more deposits and forced exits than there are drained entries.
    error WrongCounts(uint256 counted, uint256 entries);
    /// @notice The slot where this entry belongs holds something else, or the header leaves no room for its kind.
    error EntryMismatch(uint64 queueIndex);
    /// @notice A posting by anybody else than the sequencer holds queue entries alone.
    error SlotNotEmpty(uint256 slot);
    error FeeTooLow(uint256 value, uint256 least);
    error FeeTooHigh(uint256 fee, uint256 most);
    error BatchUnknown(uint64 number, uint64 head);
    error AlreadyAccepted(uint64 number, uint256 oldRoot);
    error WrongBatch(bytes32 batchHash, bytes32 expected);
    error NotInField(uint256 value);
    error TipAboveReward(uint96 tip, uint96 reward);
    error InvalidProof();
    /// @notice Every submission is late.
    error NothingToAccept();
    error ZeroPayee();
    /// @notice Slots not strictly increasing or not below N, address zero, or bits above the slot's.
    error WrongExit(uint256 index, uint256 exit);
    /// @notice The batch is not final, has no exits, or they are credited.
    error NoExitsDue(uint64 number);
    error WrongExits(bytes32 exitsHash, bytes32 expected);
    error ExitsNotDue(uint256 blockNumber, uint256 dueAt);
    error AmountOutOfRange(uint256 amount, uint256 min);
    error ZeroExitAddress();
    error TreeFull(uint256 capacity);
    error AccountUnknown(uint48 account);
    error WrongKey(uint48 account);
    error DepositCapReached(uint256 total);
    error ExitModeActive();
    error ExitModeInactive();
    /// @notice A batch is ready: finalize first.
    error ReadyToFinalize(uint64 number);
    /// @notice Nothing has waited for `exitDeadline` blocks; the earliest block in which something will have, or 0.
    error ExitModeNotDue(uint256 blockNumber, uint256 dueAt);
    error BatchNotVoid(uint64 number, uint64 lastFinal);
    error EntryNotVoid(uint64 queueIndex, uint64 first, uint64 tail);
    error AlreadyRefunded(uint64 index);
    error WrongEntry(uint64 queueIndex);
    error AlreadyLeft(uint48 account);
    error NothingToWithdraw(address payee);
    error TransferFailed(address payee);

    /// @notice Queue a deposit of `amount` gwei that creates a new L2 account; returns the account's index. The value
    /// is the amount and a fee of at least `queueFee()`.
    function deposit(uint256 publicKeyX, uint256 publicKeyY, address exitAddress, uint64 amount)
        external
        payable
        returns (uint48 account);

    /// @notice Queue a deposit into an existing L2 account; key and exit address must be the account's own.
    function topUp(uint48 account, uint256 publicKeyX, uint256 publicKeyY, address exitAddress, uint64 amount)
        external
        payable;

    /// @notice Queue an exit of `amount` gwei from an account whose exit address is the caller; no L2 signature. The
    /// value is the fee, at least `queueFee()`. If the caller is not its exit address the entry does nothing.
    function forceExit(uint48 account, uint64 amount) external payable;

    /// @notice Queue any four words as a slot, such as a signed transfer that the sequencer ignores. The value is the fee.
    function forceTransaction(bytes32[4] calldata words) external payable;

    /// @notice The least fee of a queue entry now, in Wei.
    function queueFee() external view returns (uint256);

    /// @notice Credit the exits of a batch that is final for `alarmDelay` blocks; once a batch, open to all. `exits`
    /// as the accepted proof's submission named them.
    function creditExits(uint64 number, uint256[] calldata exits) external;

    /// @notice Order the next batch. It drains the queue up to `queueEnd`, which must cover every entry older than
    /// the deadline (up to half the slots, at least one): first the deposits among them, then the forced exits, then
    /// the forced transactions, each kind in queue order. The first batch has number 1 and parent hash 0. Escrows
    /// exactly the reward; the entries' fees are the caller's when the batch finalizes. Open to anybody but the
    /// sequencer only once the oldest entry waits for more than two deadlines, and for queue entries alone.
    function sequenceBatch(
        uint64 number,
        bytes32 parentHash,
        Header calldata header,
        bytes calldata data,
        uint64 queueEnd
    ) external payable;

    /// @notice Submit a proof for a sequenced batch. Proofs come in any order; the named payee is paid, whoever sends.
    function submitProof(Submission calldata submission) external;

    /// @notice Submit many proofs: one pairing check for all, or, if it fails, one for each. Late ones and those that do not
    /// hold are passed over, the rest accepted in the order given; at least one must be. A submission that does not fit its
    /// batch, which shows before any pairing, reverts the call. Returns how many were accepted.
    function submitProofs(Submission[] calldata submissions) external returns (uint256 accepted);

    /// @notice Finalize up to `limit` batches whose canonical proof is accepted; returns how many.
    function finalize(uint256 limit) external returns (uint256 finalized);

    /// @notice End the rollup: fix the root, void every batch that is not final. Due when the oldest batch that is not
    /// final or the queue's oldest entry waits for more than `exitDeadline` blocks and nothing is ready to finalize.
    function enterExitMode() external;

    /// @notice In exit mode: credit a void batch's reward to its poster; once a batch.
    function refundBatch(uint64 number) external;

    /// @notice In exit mode: credit what a queue entry paid that no final batch drained; once an entry. `words` are
    /// the four words its slot had to hold.
    function refundEntry(uint64 queueIndex, bytes32[4] calldata words) external;

    /// @notice In exit mode: credit an account's whole balance (gwei) to its exit address; once an account, open to
    /// all. `proof` shows the account in the final state (docs/protocol.md section 9).
    function leave(uint48 account, address exitAddress, uint96 balance, uint256[8] calldata proof) external;

    /// @notice Pull the caller's credit.
    function withdraw() external;

    function stateRoot() external view returns (uint256);
    function head() external view returns (uint64 number, bytes32 batchHash);
    function finalizedNumber() external view returns (uint64);
    function queueHead() external view returns (uint64);
    function queueTail() external view returns (uint64);
    function accountCount() external view returns (uint48);
    /// @notice Batches that may wait for their proofs; no posting beyond.
    function backlogCap() external view returns (uint64);
    /// @notice Zero for a number never posted, and for a batch that `backlogCap()` others or more were posted after: its storage
    /// is theirs. The last final batch and all after it are always kept.
    function batchHashOf(uint64 number) external view returns (bytes32);
    /// @notice The accepted proof that waits for batches before it; zeros if there is none. A batch that was next in line
    /// became final at once and may have left none.
    function accepted(uint64 number, uint256 oldRoot)
        external
        view
        returns (uint256 newRoot, address payee, uint64 acceptedAt);
    function creditOf(address payee) external view returns (uint256);
    function domain() external view returns (uint256);
    function verifier() external view returns (address);
    function sequencer() external view returns (address);
    function genesisRoot() external view returns (uint256);
    function circuitVersion() external view returns (uint256);
    function slots() external view returns (uint8);
    function depth() external view returns (uint8);
    function reward() external view returns (uint96);
    function minDeposit() external view returns (uint64);
    function queueDeadline() external view returns (uint32);
    function alarmDelay() external view returns (uint32);
    function deployedAt() external view returns (uint256);
    function membershipVerifier() external view returns (address);
    function membershipVersion() external view returns (uint256);
    function exitDeadline() external view returns (uint32);
    function exitMode() external view returns (bool);
    function hasLeft(uint48 account) external view returns (bool);
    /// @notice First queue entry that no final batch drained.
    function finalQueueEnd() external view returns (uint64);
}
