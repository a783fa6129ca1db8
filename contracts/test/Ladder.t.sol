// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev What a batch that waits costs its poster and earns its prover: twice, four times, and then no more postings.
contract LadderTest is ArbiterTest {
    uint256 private start;

    function setUp() public override {
        super.setUp();
        start = block.number;
        _sequenceMany(2);
    }

    /// @dev Both edges of both steps.
    function testFuzz_Ladder_PaysByTheDelay(uint256 delay) public {
        delay = bound(delay, 0, 1000);
        vm.roll(start + delay);
        _submit(PAYEE, _proved(1, PAYEE, 0));
        uint256 factor = _factor(delay);
        vm.assertEq(arbiter.creditOf(PAYEE), factor * REWARD);
        vm.assertEq(arbiter.bondOf(SEQUENCER), BOND - (factor - 1) * REWARD);
        vm.assertEq(_held(), REWARD + factor * REWARD);
    }

    function test_Ladder_StepsAreWhereTheyAreSaidToBe() public {
        uint256[4] memory delays =
            [uint256(DOUBLE_AFTER), DOUBLE_AFTER + 1, QUADRUPLE_AFTER, QUADRUPLE_AFTER + 1];
        uint256[4] memory factors = [uint256(1), 2, 2, 4];
        for (uint256 i = 0; i < 4; ++i) {
            vm.roll(start);
            arbiter = _deploy(_config());
            _sequenceMany(1);
            vm.roll(start + delays[i]);
            _submit(PAYEE, _proved(1, PAYEE, 0));
            vm.assertEq(arbiter.creditOf(PAYEE), factors[i] * REWARD);
        }
    }

    /// @dev The factor is that of the block the proof was accepted in, however long it then waits for others.
    function testFuzz_Ladder_IsFixedWhenTheProofIsAccepted(uint256 delay, uint256 later) public {
        delay = bound(delay, 0, 50);
        vm.roll(start + delay);
        _submit(PAYEE, _proved(2, PAYEE, 0));
        later = bound(later, delay, 1000);
        vm.roll(start + later);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.BatchFinalized(2, PAYEE, _root(2), uint96(_factor(delay) * REWARD));
        _submit(RIVAL, _proved(1, RIVAL, 0));
        vm.assertEq(arbiter.creditOf(PAYEE), _factor(delay) * REWARD);
        vm.assertEq(arbiter.creditOf(RIVAL), _factor(later) * REWARD);
        vm.assertEq(arbiter.bondOf(SEQUENCER), BOND - (_factor(delay) + _factor(later) - 2) * REWARD);
    }

    /// @dev A delay adds nothing to a tip: that is part of what the batch was posted with.
    function testFuzz_Ladder_LeavesTheTipAsOffered(uint96 tip) public {
        tip = uint96(bound(tip, 0, REWARD));
        vm.roll(start + QUADRUPLE_AFTER + 1);
        _submit(RIVAL, _proved(1, PAYEE, tip));
        vm.assertEq(arbiter.creditOf(PAYEE), 4 * REWARD - tip);
        vm.assertEq(arbiter.creditOf(RIVAL), tip);
    }

    function test_RevertSubmitProof_WhenTheTipIsAboveTheBatchsRewardThoughADelayPaysMore() public {
        vm.roll(start + QUADRUPLE_AFTER + 1);
        IArbiter.Submission memory submission = _proved(1, PAYEE, REWARD + 1);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.TipAboveReward.selector, REWARD + 1, REWARD));
        _submit(RIVAL, submission);
    }

    /// @dev Without a bond the poster's own lock pays, and what no delay used comes back with the entries' fees.
    function testFuzz_Ladder_TakesAStrangersLockAndGivesBackTheRest(uint256 delay) public {
        _submit(RIVAL, _proved(1, RIVAL, 0));
        _submit(RIVAL, _proved(2, RIVAL, 0));
        uint256 fee = arbiter.queueFee();
        _forceTransaction(_userSlot(1));
        vm.roll(block.number + 2 * uint256(DEADLINE) + 1);
        _post(EXIT, _header(0), _dataAlone(_userSlot(1)), 1);
        vm.assertEq(EXIT.balance, 0);
        delay = bound(delay, 0, 1000);
        vm.roll(block.number + delay);
        IArbiter.Submission memory submission = _unproved(3, PAYEE, 0);
        submission.data = _dataAlone(_userSlot(1));
        _submit(PAYEE, _prove(submission));
        vm.assertEq(arbiter.creditOf(PAYEE), _factor(delay) * REWARD);
        vm.assertEq(arbiter.creditOf(EXIT), (4 - _factor(delay)) * REWARD + fee);
        vm.assertEq(arbiter.bondOf(SEQUENCER), BOND);
    }

    /// @dev The bond covers the dearest delay of as many batches as may wait.
    function test_Ladder_TheLeastBondsCoverTheWholeBacklog() public {
        IArbiter.Config memory config = _config();
        config.bond = 3 * 5 * REWARD;
        arbiter = _deploy(config);
        vm.assertEq(arbiter.backlogCap(), 5);
        _sequenceMany(5);
        vm.roll(block.number + 1000);
        for (uint64 number = 1; number <= 5; ++number) {
            _submit(PAYEE, _proved(number, PAYEE, 0));
        }
        vm.assertEq(arbiter.creditOf(PAYEE), 20 * REWARD);
        vm.assertEq(arbiter.bondOf(SEQUENCER), 0);
        vm.assertEq(_held(), 20 * REWARD);
    }

    /// @dev A bond that delays have used up posts no more.
    function test_RevertSequenceBatch_WhenTheBondIsUsedUp() public {
        IArbiter.Config memory config = _config();
        config.bond = 3 * REWARD;
        arbiter = _deploy(config);
        _sequenceMany(1);
        vm.roll(block.number + DOUBLE_AFTER + 1);
        _submit(PAYEE, _proved(1, PAYEE, 0));
        bytes memory reason =
            abi.encodeWithSelector(IArbiterTypes.BondTooSmall.selector, 2 * REWARD, 3 * REWARD);
        _refusesPosting(SEQUENCER, _header(0), _data(2), 0, reason);
    }

    /// @dev Posting halts with the first block in which the oldest batch is older than `haltAfter`; proving never does.
    function testFuzz_SequenceBatch_HaltsWhileTheOldestBatchWaitsTooLong(uint256 age) public {
        age = bound(age, 0, 1000);
        vm.roll(start + age);
        if (age <= EXIT_DEADLINE) _sequence(0, _data(3));
        else _refusesPosting(SEQUENCER, _header(0), _data(3), 0, _halted(1, start));
        _submit(PAYEE, _proved(1, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 1);
    }

    /// @dev It goes on as soon as what was too old is final; the next oldest counts then.
    function test_SequenceBatch_GoesOnOnceTheOldBatchesAreProved() public {
        vm.roll(start + 10);
        _sequence(0, _data(3));
        vm.roll(start + EXIT_DEADLINE + 1);
        _refusesPosting(SEQUENCER, _header(0), _data(4), 0, _halted(1, start));
        _submit(PAYEE, _proved(1, PAYEE, 0));
        _refusesPosting(SEQUENCER, _header(0), _data(4), 0, _halted(2, start));
        _submit(PAYEE, _proved(2, PAYEE, 0));
        _sequence(0, _data(4));
        vm.roll(start + 10 + EXIT_DEADLINE + 1);
        _refusesPosting(SEQUENCER, _header(0), _data(5), 0, _halted(3, start + 10));
    }

    /// @dev The queue's door is halted too: its batches would wait like any other.
    function test_RevertSequenceBatch_WhenAStrangerPostsDuringAHalt() public {
        _forceTransaction(_userSlot(1));
        vm.roll(start + EXIT_DEADLINE + 1);
        _refusesPosting(RIVAL, _header(0), _dataAlone(_userSlot(1)), 1, _halted(1, start));
    }

    /// @dev With nothing to prove a long silence halts nothing.
    function testFuzz_SequenceBatch_IsNotHaltedBySilence(uint32 silence) public {
        _submit(PAYEE, _proved(1, PAYEE, 0));
        _submit(PAYEE, _proved(2, PAYEE, 0));
        vm.roll(start + bound(silence, 0, 1e9));
        _sequence(0, _data(3));
        vm.roll(block.number + EXIT_DEADLINE);
        _sequence(0, _data(4));
        vm.roll(block.number + 1);
        _refusesPosting(SEQUENCER, _header(0), _data(5), 0, _halted(3, block.number - EXIT_DEADLINE - 1));
    }

    function _halted(uint64 number, uint256 postedAt) private pure returns (bytes memory) {
        return abi.encodeWithSelector(IArbiterTypes.PostingHalted.selector, number, postedAt);
    }

    /// @dev docs/protocol.md section 10, a second time.
    function _factor(uint256 delay) private pure returns (uint256) {
        return delay > QUADRUPLE_AFTER ? 4 : delay > DOUBLE_AFTER ? 2 : 1;
    }
}
