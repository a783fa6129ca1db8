// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.20;

/// @title What the arbiter's calls take, what it logs and how it refuses: its two bodies' common language.
interface IArbiterTypes {
    /// @notice Header of a batch, four words of the statement; `shape` is the arbiter's own and never passed.
    struct Header {
        uint8 deposits;
        uint8 forced;
        uint48 feeAccount;
    }

    /// @notice Everything fixed at deployment. `reward` is the most a posting may offer for its batch, `rewardFloor` the
    /// least the controller asks, `bond` a sequencer's, `bounty` what each posting adds to the alarm's pot, all in Wei;
    /// delays and deadlines in blocks of L1. `policy` zero: the first valid proof is paid at once.
    struct Config {
        address verifier;
        address membershipVerifier;
        address policy;
        uint256 genesisRoot;
        uint256 circuitVersion;
        uint256 membershipVersion;
        uint8 slots;
        uint8 depth;
        uint96 reward;
        uint96 rewardFloor;
        uint96 bond;
        uint96 bounty;
        uint64 minDeposit;
        uint32 targetDelay;
        uint32 doubleAfter;
        uint32 quadrupleAfter;
        uint32 haltAfter;
        uint32 window;
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

    /// @notice A sequencer's word that a batch comes next, and its signature (r, s, v: 65 bytes) of the announcement's digest.
    struct Announcement {
        bytes32 batchHash;
        Header header;
        bytes signature;
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
    /// @notice `reward` is the batch's own, fixed with its posting, without what a delay adds.
    event BatchSequenced(
        uint64 indexed number,
        bytes32 indexed batchHash,
        bytes32 parentHash,
        Header header,
        bytes data,
        uint96 reward,
        uint64 queueEnd
    );
    /// @notice Accepted, and waits for the batches before it.
    event ProofAccepted(
        uint64 indexed number,
        address indexed payee,
        uint256 oldRoot,
        uint256 newRoot,
        address submitter,
        uint96 tip
    );
    /// @notice Accepted and final at once: both `ProofAccepted` and `BatchFinalized`, told by one event.
    event BatchProved(
        uint64 indexed number,
        address indexed payee,
        uint256 oldRoot,
        uint256 newRoot,
        address submitter,
        uint96 tip,
        uint96 reward
    );
    /// @notice A batch whose proof was accepted earlier. `reward` is what was paid for it in all, the tip included.
    event BatchFinalized(uint64 indexed number, address indexed payee, uint256 newRoot, uint96 reward);
    event Withdrawn(address indexed payee, uint256 amount);
    /// @notice `number` is the last final batch, `queueEnd` the first queue entry that no final batch drained.
    event ExitModeEntered(uint64 indexed number, uint256 stateRoot, uint64 queueEnd);
    event BatchRefunded(uint64 indexed number, address indexed poster, uint96 reward);
    event EntryRefunded(uint64 indexed queueIndex, address indexed beneficiary, uint256 amount);
    event Left(uint48 indexed account, address indexed exitAddress, uint96 balance);

    event SequencerJoined(address indexed sequencer, uint96 bond);
    event SequencerLeft(address indexed sequencer);
    /// @notice A bond was charged for batch `number`'s delay, or topped up (number 0); `bond` is what it is now.
    event BondChanged(address indexed sequencer, uint96 bond, uint64 number);
    event BondReleased(address indexed sequencer, uint96 amount);
    event SequencerSlashed(address indexed sequencer, address indexed reporter, uint96 amount);

    /// @notice Under a policy: a further valid proof of what is accepted already, that may still be paid.
    event ProofContends(
        uint64 indexed number, address indexed payee, uint256 oldRoot, address submitter, uint96 tip
    );
    /// @notice Under a policy: the batch is final, and its reward waits; from block `until` on `settleAward` pays it, to `payee`
    /// unless the policy chooses another contender.
    event AwardWaits(uint64 indexed number, address indexed payee, uint64 until);
    /// @notice Under a policy: who was paid for the batch, and how much, the tip included.
    event Awarded(uint64 indexed number, address indexed payee, uint96 reward);

    /// @notice Two valid proofs of one transition disagree: batch `number` and all after it are undone, exit mode is on.
    event AlarmRaised(
        uint64 indexed number,
        address indexed payee,
        uint256 oldRoot,
        uint256 newRoot,
        uint256 otherRoot,
        uint256 bounty
    );

    /// @notice Deployment only: `field` of Config cannot be right.
    error WrongConfig(string field);
    /// @notice The arbiter's second body takes no calls of its own.
    error CalledDirectly();
    /// @notice It is another's turn to post; `inTurn` is zero without sequencers.
    error NotInTurn(address caller, address inTurn);
    /// @notice The oldest batch that is not final waits since block `postedAt`, for more than `haltAfter`: prove first.
    error PostingHalted(uint64 number, uint256 postedAt);
    /// @notice The bond could not cover what delays of all batches that are not final may cost: top it up.
    error BondTooSmall(uint256 bond, uint256 least);
    error WrongBond(uint256 value, uint256 expected);
    error AlreadySequencer(address sequencer);
    error NotSequencer(address caller);
    error SeatsTaken(uint256 seats);
    error NoBondToRelease(address sequencer);
    /// @notice The bond still answers for batches up to `number`, or for one final too recently.
    error BondNotDue(address sequencer, uint64 number);
    error SameAnnouncement(bytes32 batchHash);
    /// @notice The announcements are not signed by one sequencer.
    error WrongSigner(address first, address second);
    error WrongNumber(uint64 number, uint64 expected);
    error WrongParent(bytes32 parentHash, bytes32 expected);
    /// @notice Too many batches are not final, or not for long enough: prove first, or wait.
    error BacklogFull(uint64 backlog, uint64 cap);
    /// @notice The value of a posting, bounty included, is not between these, or its reward no whole number of gwei.
    error WrongReward(uint256 value, uint256 least, uint256 most);
    error WrongDataLength(uint256 length, uint256 expected);
    error WrongQueueEnd(uint64 queueEnd, uint64 head, uint64 tail);
    error OverdueEntries(uint64 queueEnd, uint64 required);
    error TooManyEntries(uint256 entries, uint256 slots);
    /// @notice The header counts more deposits and forced exits than there are drained entries.
    error WrongCounts(uint256 counted, uint256 entries);
    /// @notice The slot where this entry belongs holds something else, or the header leaves no room for its kind.
    error EntryMismatch(uint64 queueIndex);
    /// @notice A posting by anybody who is no sequencer holds queue entries alone.
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
    /// @notice Nothing waits for the policy's choice, or it has chosen.
    error NoAward(uint64 number);
    error AwardNotDue(uint256 blockNumber, uint256 dueAt);
    /// @notice Too little gas to ask the policy: send with more.
    error TooLittleGas(uint256 gasLeft, uint256 wanted);
    /// @notice The policy called back in while it was asked.
    error PolicyReentered();
    /// @notice The batch is not final, or for so long that its exits may be gone.
    error AlarmNotDue(uint64 number);
    /// @notice Old root, the root it was given and exits are not those that the batch became final with.
    error WrongRecord(uint64 number);
    /// @notice Both proofs say the same.
    error NoContradiction(uint64 number);
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
}
