// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

/// @dev What nobody can take away: earned rewards after an alarm and in exit mode, an account's balance there.
contract EndSymbolic is SymbolicTest {
    address internal constant WINNER = address(0xA11CE);

    /// @dev Whatever second proof raises the alarm, whoever does: it ends before the batch, credits stay and can be withdrawn.
    function check_AnAlarmLeavesEarnedRewards(
        address raiser,
        uint256 newRoot,
        uint256 otherRoot,
        uint32 delay
    ) external {
        vm.assume(raiser != WINNER && raiser != SEQUENCER && raiser != address(0) && delay < 2 ** 20);
        if (!_takes(_submission(1, GENESIS_ROOT, newRoot, WINNER, 0))) return;
        vm.roll(block.number + delay);
        IArbiter.Submission memory second = _submission(1, GENESIS_ROOT, otherRoot, raiser, 0);
        bool raised;
        try arbiter.raiseAlarm(second, newRoot) {
            raised = true;
        } catch {}
        assert(raised == arbiter.exitMode());
        assert(!raised || (otherRoot != newRoot && delay < ALARM_DELAY));
        if (raised) assert(arbiter.finalizedNumber() == 0 && arbiter.stateRoot() == GENESIS_ROOT);
        if (raised) assert(arbiter.creditOf(raiser) == BOUNTY);
        uint256 held = address(arbiter).balance;
        vm.prank(WINNER);
        arbiter.withdraw();
        assert(address(arbiter).balance == held - REWARD);
    }

    /// @dev A proof about a root that the chain was never in raises nothing. The record keeps 200 bits of a hash: that they
    /// differ is assumed, as it is that hashes do.
    function check_AStrayProofRaisesNoAlarm(
        uint256 oldRoot,
        uint256 newRoot,
        uint256 otherRoot,
        uint256 claimed
    ) external {
        vm.assume(oldRoot != GENESIS_ROOT);
        bytes32 record = keccak256(abi.encode(GENESIS_ROOT, newRoot, 0));
        vm.assume(record >> 56 != keccak256(abi.encode(oldRoot, claimed, 0)) >> 56);
        if (!_takes(_submission(1, GENESIS_ROOT, newRoot, WINNER, 0))) return;
        try arbiter.raiseAlarm(_submission(1, oldRoot, otherRoot, WINNER, 0), claimed) {
            assert(false);
        } catch {}
        assert(!arbiter.exitMode());
    }

    /// @dev In exit mode whoever has earned something withdraws it, nobody earns any more, and a void batch's value goes back
    /// to its poster once.
    function check_ExitModeTakesNothing(uint256 root, uint32 delay) external {
        assert(_takes(_submission(1, GENESIS_ROOT, 43, WINNER, 0)));
        _post();
        vm.assume(delay < 2 ** 20);
        vm.roll(block.number + delay);
        try arbiter.enterExitMode() {
            assert(delay > 25);
        } catch {
            assert(delay <= 25);
            return;
        }
        assert(!_takes(_submission(2, 43, root, WINNER, 0)));
        arbiter.refundBatch(2);
        assert(arbiter.creditOf(SEQUENCER) == REWARD);
        try arbiter.refundBatch(2) {
            assert(false);
        } catch {}
        uint256 held = address(arbiter).balance;
        vm.prank(WINNER);
        arbiter.withdraw();
        assert(address(arbiter).balance == held - REWARD);
    }

    /// @dev An account leaves once, whatever its second proof shows.
    function check_AnAccountLeavesOnce(uint96 more) external {
        vm.roll(block.number + 26);
        arbiter.enterExitMode();
        assert(_leaves(3, 5) && arbiter.hasLeft(3));
        uint256 credit = arbiter.creditOf(WINNER);
        assert(!_leaves(3, more) && arbiter.creditOf(WINNER) == credit);
    }

    /// @dev False if the arbiter does not let it go.
    function _leaves(uint48 account, uint96 balance) private returns (bool left) {
        uint256[8] memory proof;
        try arbiter.leave(account, WINNER, balance, proof) {
            left = true;
        } catch {}
    }
}
