// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.20;

import {IArbiterTypes} from "./IArbiterTypes.sol";

/// @title The arbiter: orders batches, accepts the first valid proof of each, pays its payee.
/// @notice No owner, no pause, not upgradeable. The rules are in docs/protocol.md. One address answers all of this, by two
/// bodies of code: what it does not do itself the arbiter delegates to `extension()`.
interface IArbiter is IArbiterTypes {
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
    /// the forced transactions, each kind in queue order. The first batch has number 1 and parent hash 0. The value is the
    /// bounty and the batch's reward, whole gwei between `currentReward()` and `reward()`; the entries' fees are the caller's
    /// when the batch finalizes. Open to a sequencer as `mayPost` says; to anybody else only once the oldest entry waits for
    /// more than two deadlines, for queue entries alone, and for four rewards: what no delay used comes back as credit.
    function sequenceBatch(
        uint64 number,
        bytes32 parentHash,
        Header calldata header,
        bytes calldata data,
        uint64 queueEnd
    ) external payable;

    /// @notice Join the sequencers, for a bond of exactly `bond()`.
    function joinSequencers() external payable;

    /// @notice Add the call's value to the caller's bond.
    function topUpBond() external payable;

    /// @notice Give the caller's seat up; the bond stays for what it may still have to answer for.
    function leaveSequencers() external;

    /// @notice Credit a former sequencer's bond to it, once all batches up to its leaving are final for `alarmDelay` blocks, or
    /// the rollup has ended; open to all.
    function releaseBond(address sequencer) external;

    /// @notice Take a sequencer's bond for two signed announcements of one number and parent: half goes to the caller, half to
    /// nobody.
    function slashSequencer(
        uint64 number,
        bytes32 parentHash,
        Announcement calldata first,
        Announcement calldata second
    ) external;

    /// @notice Submit a proof for a sequenced batch. Proofs come in any order; the named payee is paid, whoever sends.
    function submitProof(Submission calldata submission) external;

    /// @notice Submit many proofs: one pairing check for all, or, if it fails, one for each. Late ones and those that do not
    /// hold are passed over, the rest accepted in the order given; at least one must be. A submission that does not fit its
    /// batch, which shows before any pairing, reverts the call. Returns how many were accepted.
    function submitProofs(Submission[] calldata submissions) external returns (uint256 accepted);

    /// @notice Finalize up to `limit` batches whose canonical proof is accepted; returns how many.
    function finalize(uint256 limit) external returns (uint256 finalized);

    /// @notice Under a policy: have it choose whose proof of the batch on `oldRoot` is paid, once the wait is over, and credit
    /// the award; if the batch is not final yet, that is paid when it is. Open to all, in exit mode too.
    function settleAward(uint64 number, uint256 oldRoot) external;

    /// @notice Show that two valid proofs of one transition exist and disagree. `second` is one; the other made the batch final
    /// less than `alarmDelay` blocks ago and led to `newRoot`. Undoes the batch and all after it, ends the rollup at its old
    /// root and credits the pot's bounty to `second.payee`, once. No payment made, or owed, for proofs is touched. In exit mode
    /// too, until the last final batch is `alarmDelay` blocks old.
    function raiseAlarm(Submission calldata second, uint256 newRoot) external;

    /// @notice End the rollup: fix the root, void every batch that is not final. Due when the oldest batch that is not
    /// final or the queue's oldest entry waits for more than `exitDeadline` blocks and nothing is ready to finalize.
    function enterExitMode() external;

    /// @notice In exit mode: credit a void batch's escrow to its poster; once a batch.
    function refundBatch(uint64 number) external;

    /// @notice In exit mode: credit what a queue entry paid that no final batch drained; once an entry. `words` are
    /// the four words its slot had to hold.
    function refundEntry(uint64 queueIndex, bytes32[4] calldata words) external;

    /// @notice In exit mode: credit an account's whole balance (gwei) to its exit address; once an account, open to
    /// all, once the last final batch is `alarmDelay` blocks old. `proof` shows the account in the final state
    /// (docs/protocol.md section 9).
    function leave(uint48 account, address exitAddress, uint96 balance, uint256[8] calldata proof) external;

    /// @notice Pull the caller's credit.
    function withdraw() external;

    function stateRoot() external view returns (uint256);
    function head() external view returns (uint64 number, bytes32 batchHash);
    function finalizedNumber() external view returns (uint64);
    function queueHead() external view returns (uint64);
    function queueTail() external view returns (uint64);
    function accountCount() external view returns (uint48);
    /// @notice Batches that may wait for their proofs, no posting beyond: what the ring holds and a bond covers.
    function backlogCap() external view returns (uint64);
    /// @notice Zero for a number never posted, and for a batch that 1,024 others or more were posted after: its storage
    /// is theirs. The last final batch and all after it are always kept, and what became final within `alarmDelay` blocks.
    function batchHashOf(uint64 number) external view returns (bytes32);
    /// @notice The accepted proof that waits for batches before it, and its block; zeros if there is none. A batch that was next
    /// in line became final at once and may have left none.
    function accepted(uint64 number, uint256 oldRoot)
        external
        view
        returns (uint256 newRoot, address payee, uint64 acceptedAt);
    /// @notice Under a policy: what waits for its choice. Whoever is paid as things are, how much once the batch is final (else
    /// 0), and the block from which `settleAward` works; zeros if nothing waits.
    function award(uint64 number, uint256 oldRoot)
        external
        view
        returns (address payee, uint96 amount, uint64 dueAt);
    function creditOf(address payee) external view returns (uint256);
    function domain() external view returns (uint256);
    function verifier() external view returns (address);
    function genesisRoot() external view returns (uint256);
    function circuitVersion() external view returns (uint256);
    function slots() external view returns (uint8);
    function depth() external view returns (uint8);
    /// @notice The most that a posting offers for its batch's proof, in Wei.
    function reward() external view returns (uint96);
    function rewardFloor() external view returns (uint96);
    /// @notice The least reward of a posting now, in Wei: moved with every final batch toward `targetDelay` (docs/protocol.md
    /// section 10).
    function currentReward() external view returns (uint96);
    function targetDelay() external view returns (uint32);
    /// @notice Blocks from posting to acceptance beyond which a batch's reward is paid twice; four times; beyond which
    /// nothing more is posted.
    function doubleAfter() external view returns (uint32);
    function quadrupleAfter() external view returns (uint32);
    function haltAfter() external view returns (uint32);
    function bounty() external view returns (uint96);
    function bond() external view returns (uint96);
    /// @notice Blocks of a sequencer's turn.
    function window() external view returns (uint32);
    function policy() external view returns (address);
    function extension() external view returns (address);
    /// @notice May `caller` post a batch of its own choice in this block?
    function mayPost(address caller) external view returns (bool);
    /// @notice Whose turn it is to post; zero without sequencers.
    function inTurn() external view returns (address);
    /// @notice The seats, in the order of turns.
    function sequencers() external view returns (address[] memory);
    /// @notice What is left of a sequencer's bond, its seat taken or given up.
    function bondOf(address sequencer) external view returns (uint96);
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
