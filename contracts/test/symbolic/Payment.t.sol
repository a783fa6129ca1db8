// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {SymbolicTest} from "./SymbolicTest.sol";

/// @dev What is paid, and how often.
contract PaymentSymbolic is SymbolicTest {
    /// @dev Whoever proves it, with whatever tip, on whatever roots, whenever: a batch pays once, its reward times the ladder's
    /// factor, and the balance covers bond, credits and the alarm's pot to the Wei.
    function check_ABatchPaysOnceAndWhatIsOwedIsHeld(
        address payee,
        uint96 tip,
        uint256 newRoot,
        address rival,
        uint256 otherRoot,
        uint32 delay
    ) external {
        vm.assume(payee != rival && payee != address(this) && rival != address(this));
        vm.assume(payee != SEQUENCER && rival != SEQUENCER && delay < 2 ** 20);
        vm.roll(block.number + delay);
        if (!_takes(_submission(1, GENESIS_ROOT, newRoot, payee, tip))) return;
        uint256 credit = arbiter.creditOf(payee);
        assert(!_takes(_submission(1, GENESIS_ROOT, otherRoot, rival, 0)));
        assert(arbiter.creditOf(payee) == credit && arbiter.creditOf(rival) == 0);
        uint256 paid = credit + arbiter.creditOf(address(this));
        assert(paid == uint256(REWARD) * (delay <= 8 ? 1 : delay <= 12 ? 2 : 4));
        assert(arbiter.finalizedNumber() == 1 && arbiter.stateRoot() == newRoot);
        uint256 owed = paid + arbiter.bondOf(SEQUENCER) + arbiter.creditOf(SEQUENCER) + BOUNTY;
        assert(address(arbiter).balance == owed);
    }

    /// @dev A proof on a root that the chain is not in pays nobody, moves nothing, and does not block the right one.
    function check_AStrayProofPaysNobody(address payee, uint256 oldRoot, uint256 newRoot, uint256 right)
        external
    {
        vm.assume(oldRoot != GENESIS_ROOT && payee != address(0x600D));
        if (!_takes(_submission(1, oldRoot, newRoot, payee, 0))) return;
        assert(arbiter.creditOf(payee) == 0 && arbiter.stateRoot() == GENESIS_ROOT);
        assert(arbiter.finalizedNumber() == 0);
        if (!_takes(_submission(1, GENESIS_ROOT, right, address(0x600D), 0))) return;
        assert(arbiter.creditOf(address(0x600D)) == REWARD && arbiter.creditOf(payee) == 0);
    }

    /// @dev A withdrawal takes the caller's credit, all of it and nothing else, once.
    function check_AWithdrawalTakesTheCallersCreditAlone(address payee, address caller) external {
        vm.assume(payee != caller && caller != address(arbiter) && payee != address(arbiter));
        vm.assume(payee != address(0) && payee.code.length == 0);
        assert(_takes(_submission(1, GENESIS_ROOT, 43, payee, 0)));
        uint256 held = address(arbiter).balance;
        vm.prank(caller);
        (bool tookNothing,) = address(arbiter).call(abi.encodeCall(IArbiter.withdraw, ()));
        assert(!tookNothing && address(arbiter).balance == held);
        vm.prank(payee);
        arbiter.withdraw();
        assert(address(arbiter).balance == held - REWARD && arbiter.creditOf(payee) == 0);
    }
}
