// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {EndTest} from "./support/EndTest.sol";

/// @dev Void batches and entries go back to whom they came from, once.
contract RefundsTest is EndTest {
    function setUp() public override {
        super.setUp();
        _end();
    }

    function test_RefundBatch_CreditsWhoeverPostedIt() public {
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.BatchRefunded(3, SEQUENCER, REWARD);
        vm.prank(USER);
        arbiter.refundBatch(3);
        arbiter.refundBatch(4);
        vm.assertEq(arbiter.creditOf(SEQUENCER), REWARD + _finalFees());
        vm.assertEq(arbiter.creditOf(RIVAL), 4 * REWARD);
        vm.assertEq(arbiter.creditOf(USER), 0);
    }

    function test_RevertRefundBatch_WhenItWasRefunded() public {
        arbiter.refundBatch(3);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadyRefunded.selector, 3));
        arbiter.refundBatch(3);
        arbiter.refundBatch(4);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadyRefunded.selector, 4));
        arbiter.refundBatch(4);
        vm.assertEq(arbiter.creditOf(RIVAL), 4 * REWARD);
    }

    /// @dev A final batch's reward is its payee's, and a batch never posted has none.
    function testFuzz_RevertRefundBatch_WhenItIsFinalOrUnknown(uint64 number) public {
        _refusesBatch(0);
        _refusesBatch(1);
        _refusesBatch(LAST_FINAL);
        _refusesBatch(HEAD + 1);
        _refusesBatch(uint64(bound(number, HEAD + 1, type(uint64).max)));
    }

    /// @dev The hashes of void batches stay to be read.
    function test_RefundBatch_KeepsTheRecordOfTheBatch() public {
        (uint64 number, bytes32 batchHash) = arbiter.head();
        arbiter.refundBatch(4);
        vm.assertEq(number, HEAD);
        vm.assertEq(arbiter.batchHashOf(4), batchHash);
        vm.assertEq(arbiter.finalQueueEnd(), FIRST_VOID_ENTRY);
    }

    function test_RefundEntry_GivesADepositAndItsFeeToItsExitAddress() public {
        _refunds(DEPOSIT_ENTRY, EXIT, 4000 gwei + fees[DEPOSIT_ENTRY]);
        _refunds(TOP_UP_ENTRY, EXIT, 6000 gwei + fees[TOP_UP_ENTRY]);
        vm.assertEq(arbiter.creditOf(USER), 0);
    }

    function test_RefundEntry_GivesAForcedExitsFeeToWhoAsked() public {
        _refunds(EXIT_ENTRY, EXIT, fees[EXIT_ENTRY]);
    }

    function test_RefundEntry_GivesAForcedTransactionsFeeToWhoQueuedIt() public {
        _refunds(TRANSACTION_ENTRY, USER, fees[TRANSACTION_ENTRY]);
        _refunds(POSTED_BY_RIVAL, USER, fees[POSTED_BY_RIVAL]);
    }

    /// @dev Its words name 10^18 gwei, an account and an exit address: only the fee comes back, to the payer.
    function test_RefundEntry_GivesAForgedDepositItsFeeAlone() public {
        _refunds(FORGED_ENTRY, USER, fees[FORGED_ENTRY]);
        vm.assertEq(arbiter.creditOf(EXIT), 0);
    }

    /// @dev Drained by a void batch or never drained: the same to the queue.
    function testFuzz_RevertRefundEntry_WhenItWasRefunded(uint64 entry) public {
        entry = uint64(bound(entry, FIRST_VOID_ENTRY, ENTRIES - 1));
        arbiter.refundEntry(entry, _words(entry));
        uint256 owed = arbiter.creditOf(EXIT) + arbiter.creditOf(USER);
        _refuses(entry, _words(entry), abi.encodeWithSelector(IArbiterTypes.AlreadyRefunded.selector, entry));
        bytes32[4] memory none;
        _refuses(entry, none, abi.encodeWithSelector(IArbiterTypes.AlreadyRefunded.selector, entry));
        vm.assertEq(arbiter.creditOf(EXIT) + arbiter.creditOf(USER), owed);
    }

    function testFuzz_RevertRefundEntry_WhenTheWordsAreNotItsOwn(uint64 entry, uint8 word, uint8 bit) public {
        entry = uint64(bound(entry, FIRST_VOID_ENTRY, ENTRIES - 1));
        bytes32[4] memory words = _words(entry);
        words[word % 4] ^= bytes32(uint256(1) << bit);
        _refuses(entry, words, abi.encodeWithSelector(IArbiterTypes.WrongEntry.selector, entry));
    }

    function test_RevertRefundEntry_WhenTheWordsAreAnotherEntrys() public {
        for (uint64 entry = FIRST_VOID_ENTRY; entry < ENTRIES; ++entry) {
            uint64 other = entry + 1 < ENTRIES ? entry + 1 : FIRST_VOID_ENTRY;
            _refuses(entry, _words(other), abi.encodeWithSelector(IArbiterTypes.WrongEntry.selector, entry));
        }
    }

    /// @dev A deposit of a final batch is in the root's balances; an entry never queued has paid nothing.
    function testFuzz_RevertRefundEntry_WhenAFinalBatchDrainedItOrNobodyQueuedIt(uint64 entry) public {
        _refusesFinalOrUnknown(0, _depositSlot(0, 5, 1e9));
        _refusesFinalOrUnknown(1, _depositSlot(1, 50, 2e9));
        _refusesFinalOrUnknown(ENTRIES, _depositSlot(1, 50, 2e9));
        _refusesFinalOrUnknown(uint64(bound(entry, ENTRIES, type(uint64).max)), _userSlot(entry));
    }

    /// @dev Poster and entries of a void batch are refunded apart: the fees go to the entries alone.
    function test_RefundEntry_TakesNothingFromTheBatchThatDrainedIt() public {
        uint256 before = arbiter.creditOf(SEQUENCER);
        arbiter.refundBatch(3);
        _refunds(DEPOSIT_ENTRY, EXIT, 4000 gwei + fees[DEPOSIT_ENTRY]);
        vm.assertEq(arbiter.creditOf(SEQUENCER), before + REWARD);
    }

    /// @dev Fees that the final batch of two deposits earned: the first was queued at backlog 0, the second at 1.
    function _finalFees() private pure returns (uint256) {
        uint256 slot = 2 * uint256(REWARD) / SLOTS;
        return slot + slot * 65 / 64;
    }

    function _refusesBatch(uint64 number) private {
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.BatchNotVoid.selector, number, LAST_FINAL));
        arbiter.refundBatch(number);
    }

    function _refusesFinalOrUnknown(uint64 entry, bytes memory slot) private {
        bytes memory reason =
            abi.encodeWithSelector(IArbiterTypes.EntryNotVoid.selector, entry, FIRST_VOID_ENTRY, ENTRIES);
        _refuses(entry, abi.decode(slot, (bytes32[4])), reason);
    }

    function _refunds(uint64 entry, address beneficiary, uint256 amount) private {
        uint256 before = arbiter.creditOf(beneficiary);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.EntryRefunded(entry, beneficiary, amount);
        vm.prank(RIVAL);
        arbiter.refundEntry(entry, _words(entry));
        vm.assertEq(arbiter.creditOf(beneficiary), before + amount);
    }

    function _refuses(uint64 entry, bytes32[4] memory words, bytes memory reason) private {
        vm.expectRevert(reason);
        arbiter.refundEntry(entry, words);
    }
}
