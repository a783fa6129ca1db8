// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {SeatsTest} from "./support/SeatsTest.sol";

/// @dev Whose turn it is, block by block.
contract SeatsTurnsTest is SeatsTest {
    function setUp() public override {
        bond = BOND;
        super.setUp();
    }

    function test_InTurn_PassesWithEachWindow() public {
        _joinAll();
        uint256 start = _windowOf(0, 3);
        address[3] memory order = [a, b, c];
        for (uint256 i = 0; i < 6 * WINDOW; ++i) {
            vm.roll(start + i);
            vm.assertEq(arbiter.inTurn(), order[(i / WINDOW) % 3]);
        }
    }

    function test_SequenceBatch_TakesBatchesInTurnOnly() public {
        _joinAll();
        uint256 start = _windowOf(1, 3);
        vm.roll(start - 1);
        _postAs(a);
        _refusesPostAs(b, _notInTurn(b, a));
        vm.roll(start);
        _refusesPostAs(a, _notInTurn(a, b));
        _postAs(b);
        _postAs(b);
        vm.roll(start + WINDOW - 1);
        _postAs(b);
        vm.roll(start + WINDOW);
        _refusesPostAs(b, _notInTurn(b, c));
        _postAs(c);
    }

    function test_SequenceBatch_HasNoTurnsWithOneSeat() public {
        _join(a);
        for (uint256 i = 0; i < 3 * WINDOW; ++i) {
            vm.roll(block.number + 1);
            vm.assertEq(arbiter.inTurn(), a);
            vm.assertTrue(arbiter.mayPost(a));
        }
        _postAs(a);
    }

    function test_RevertSequenceBatch_WhenNobodyHasASeat() public {
        _refusesPostAs(a, _notInTurn(a, address(0)));
        vm.assertFalse(arbiter.mayPost(a));
        vm.assertFalse(arbiter.mayPost(address(0)));
    }

    function test_RevertSequenceBatch_WhenTheCallerNeverHadASeat() public {
        _joinAll();
        vm.roll(_windowOf(0, 3) + HALF);
        _refusesPostAs(RIVAL, _notInTurn(RIVAL, a));
        vm.assertFalse(arbiter.mayPost(RIVAL));
        vm.assertFalse(arbiter.mayPost(address(0)));
    }

    function test_SequenceBatch_IsOpenToEverySeatAfterHalfAWindowOfSilence() public {
        _joinAll();
        uint256 start = _windowOf(0, 3);
        vm.roll(start + HALF - 1);
        _refusesPostAs(b, _notInTurn(b, a));
        vm.roll(start + HALF);
        _postAs(b);
        // Once open it stays so, without another half window of silence, for all of them, whoever's turn it is included.
        _postAs(c);
        _postAs(b);
        _postAs(a);
        vm.roll(start + WINDOW - 1);
        vm.assertTrue(arbiter.mayPost(c));
        // It ends with the window: in b's own nobody else may.
        vm.roll(start + WINDOW);
        vm.assertFalse(arbiter.mayPost(a) || arbiter.mayPost(c));
        vm.assertTrue(arbiter.mayPost(b));
    }

    function test_SequenceBatch_SilenceCountsFromTheLastPosting() public {
        _joinAll();
        uint256 start = _windowOf(0, 3);
        vm.roll(start + 2);
        _postAs(a);
        vm.roll(start + 2 + HALF - 1);
        _refusesPostAs(b, _notInTurn(b, a));
        vm.roll(start + 2 + HALF);
        _postAs(b);
    }

    /// @dev The last posting was another's, in its own window just before.
    function test_SequenceBatch_SilenceCountsFromAPostingOfTheWindowBefore() public {
        _joinAll();
        uint256 start = _windowOf(0, 3);
        vm.roll(start - 1);
        _postAs(c);
        vm.roll(start + HALF - 1);
        _refusesPostAs(c, _notInTurn(c, a));
        vm.roll(start + HALF);
        _postAs(c);
    }

    function test_SequenceBatch_WhoeverHasTheTurnKeepsItByPosting() public {
        _joinAll();
        uint256 start = _windowOf(0, 3);
        vm.roll(start + HALF - 1);
        _postAs(a);
        for (uint256 i = HALF; i < WINDOW - 1; ++i) {
            vm.roll(start + i);
            _refusesPostAs(b, _notInTurn(b, a));
        }
    }

    /// @dev A final batch does not say any more when it was posted: the block it became final in counts.
    function test_SequenceBatch_OfAFinalBatchTheBlockItBecameFinalInCounts() public {
        _joinAll();
        uint256 start = _windowOf(0, 3);
        vm.roll(start);
        _postAs(a);
        vm.roll(start + 3);
        _proveNext(1);
        vm.roll(start + 3 + HALF - 1);
        _refusesPostAs(b, _notInTurn(b, a));
        vm.roll(start + 3 + HALF);
        _postAs(b);
    }

    function test_SequenceBatch_AnOddWindowIsHalfOverAfterItsLargerHalf() public {
        IArbiterTypes.Config memory config = _seatsConfig();
        config.window = 5;
        arbiter = _arbiter(config);
        _join(a);
        _join(b);
        vm.roll(1000);
        vm.assertEq(arbiter.inTurn(), a);
        vm.roll(1002);
        vm.assertFalse(arbiter.mayPost(b));
        vm.roll(1003);
        vm.assertTrue(arbiter.mayPost(b));
    }

    function test_SequenceBatch_AWindowOfOneBlockIsNeverOpen() public {
        IArbiterTypes.Config memory config = _seatsConfig();
        config.window = 1;
        arbiter = _arbiter(config);
        _join(a);
        _join(b);
        for (uint256 i = 1000; i < 1010; ++i) {
            vm.roll(i);
            vm.assertTrue(arbiter.mayPost(a) != arbiter.mayPost(b));
        }
    }

    function test_LeaveSequencers_ReordersTurnsAtOnce() public {
        _joinAll();
        vm.roll(_windowOf(0, 6));
        vm.assertEq(arbiter.inTurn(), a);
        _leaveSeat(a);
        vm.assertEq(arbiter.inTurn(), c);
        _postAs(c);
        _refusesPostAs(a, _notInTurn(a, c));
        vm.roll(block.number + WINDOW);
        _postAs(b);
    }

    function test_MayPost_IsFalseForOneThatLeft() public {
        _joinAll();
        _leaveSeat(c);
        vm.roll(_windowOf(0, 2) + HALF);
        vm.assertTrue(arbiter.mayPost(b));
        vm.assertFalse(arbiter.mayPost(c));
        _refusesPostAs(c, _notInTurn(c, a));
    }

    /// @dev What `mayPost` says `sequenceBatch` does, whatever was posted when.
    function testFuzz_MayPost_AgreesWithSequenceBatch(uint256 seed) public {
        _joinAll();
        address[4] memory who = [a, b, c, RIVAL];
        for (uint256 i = 0; i < 12; ++i) {
            vm.roll(block.number + seed % 3);
            address poster = who[(seed / 7) % 4];
            bool may = arbiter.mayPost(poster);
            (uint64 number, bytes32 parent) = arbiter.head();
            vm.deal(poster, REWARD);
            vm.prank(poster);
            try arbiter.sequenceBatch{value: REWARD}(number + 1, parent, _header(0), _data(number + 1), 0) {
                vm.assertTrue(may, "posted out of turn");
            } catch {
                vm.assertFalse(may, "refused in turn");
            }
            seed = uint256(keccak256(abi.encode(seed)));
        }
    }

    /// @dev The queue's own door is none of the turns' business, and takes four rewards even of a seat.
    function test_SequenceBatch_TheQueuesDoorIsOpenToASeatOutOfTurn() public {
        _joinAll();
        _forceTransaction(_userSlot(1));
        vm.roll(_windowOf(0, 3) + 4 * WINDOW * 3);
        vm.assertEq(arbiter.inTurn(), a);
        _refusesPostAs(b, abi.encodeWithSelector(IArbiterTypes.OverdueEntries.selector, 0, 1));
        vm.assertFalse(arbiter.mayPost(b));
        _post(b, _header(0), _dataAlone(_userSlot(1)), 1);
        vm.assertEq(arbiter.bondOf(b), bond);
    }
}
