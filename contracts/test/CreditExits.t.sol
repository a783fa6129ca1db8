// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev A batch's exits reach their addresses once, `alarmDelay` blocks after it became final.
contract CreditExitsTest is ArbiterTest {
    uint256 private constant FIRST_DUE = ALARM_DELAY;

    uint256 private start;

    function setUp() public override {
        super.setUp();
        start = block.number;
        _deposit(5, 1e9);
        _sequence(1, _dataWith(_depositSlot(0, 5, 1e9)));
        _sequence(0, _data(2));
        _sequence(0, _data(3));
        IArbiter.Submission memory first = _unproved(1, PAYEE, 0);
        (first.header, first.data) = (_header(1), _dataWith(_depositSlot(0, 5, 1e9)));
        _submit(PAYEE, _prove(first));
    }

    function test_CreditExits_CreditsEveryAddressInFull() public {
        uint256[] memory exits = _three(_exit(0, USER, 500), _exit(1, EXIT, 1), _exit(3, USER, 77));
        _finalizeWith(2, exits);
        vm.roll(start + FIRST_DUE);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.ExitsCredited(2, exits);
        vm.prank(RIVAL);
        arbiter.creditExits(2, exits);
        vm.assertEq(arbiter.creditOf(USER), 577 gwei);
        vm.assertEq(arbiter.creditOf(EXIT), 1 gwei);
        vm.prank(EXIT);
        arbiter.withdraw();
        vm.assertEq(EXIT.balance, 1 gwei);
    }

    function test_CreditExits_AddsToWhatAnAddressHasEarned() public {
        _finalizeWith(2, _one(_exit(0, PAYEE, 5)));
        vm.roll(start + FIRST_DUE);
        arbiter.creditExits(2, _one(_exit(0, PAYEE, 5)));
        vm.assertEq(arbiter.creditOf(PAYEE), 2 * uint256(REWARD) + 5 gwei);
    }

    function testFuzz_RevertCreditExits_WhenTooEarly(uint256 age) public {
        uint256[] memory exits = _one(_exit(0, USER, 500));
        _finalizeWith(2, exits);
        vm.roll(start + bound(age, 0, FIRST_DUE - 1));
        bytes memory reason =
            abi.encodeWithSelector(IArbiterTypes.ExitsNotDue.selector, block.number, start + FIRST_DUE);
        _refuses(2, exits, reason);
        vm.assertEq(arbiter.creditOf(USER), 0);
    }

    function testFuzz_CreditExits_IsOpenFromTheFirstDueBlock(uint256 age, address caller) public {
        uint256[] memory exits = _one(_exit(0, USER, 500));
        _finalizeWith(2, exits);
        vm.roll(start + bound(age, FIRST_DUE, 1e12));
        vm.prank(caller);
        arbiter.creditExits(2, exits);
        vm.assertEq(arbiter.creditOf(USER), 500 gwei);
    }

    /// @dev The delay counts from the block the batch became final in, not from the proof's.
    function test_RevertCreditExits_WhenTheBatchWasAcceptedLongAgoAndFinalizedJustNow() public {
        uint256[] memory exits = _one(_exit(0, USER, 500));
        _submit(PAYEE, _provedWith(3, exits));
        vm.roll(start + 100);
        _refuses(3, exits, abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, 3));
        _submit(PAYEE, _proved(2, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 3);
        vm.roll(start + 100 + FIRST_DUE - 1);
        bytes memory reason =
            abi.encodeWithSelector(IArbiterTypes.ExitsNotDue.selector, block.number, start + 100 + FIRST_DUE);
        _refuses(3, exits, reason);
        vm.roll(start + 100 + FIRST_DUE);
        arbiter.creditExits(3, exits);
    }

    function test_RevertCreditExits_WhenCreditedAlready() public {
        uint256[] memory exits = _one(_exit(0, USER, 500));
        _finalizeWith(2, exits);
        vm.roll(start + FIRST_DUE);
        arbiter.creditExits(2, exits);
        _refuses(2, exits, abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, 2));
        vm.roll(start + 1000);
        _refuses(2, exits, abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, 2));
        vm.assertEq(arbiter.creditOf(USER), 500 gwei);
    }

    function test_RevertCreditExits_WhenTheExitsAreNotTheProofs() public {
        uint256[] memory exits = _pair(_exit(0, USER, 500), _exit(2, EXIT, 600));
        _finalizeWith(2, exits);
        vm.roll(start + FIRST_DUE);
        _refusesWrong(exits, _one(exits[0]));
        _refusesWrong(exits, _pair(exits[1], exits[0]));
        _refusesWrong(exits, _pair(exits[0], exits[0]));
        _refusesWrong(exits, _pair(exits[0], exits[1] + 1));
        _refusesWrong(exits, _pair(exits[0], _exit(2, RIVAL, 600)));
        _refusesWrong(exits, _three(exits[0], exits[1], exits[1]));
        _refusesWrong(exits, new uint256[](0));
        arbiter.creditExits(2, exits);
    }

    function testFuzz_RevertCreditExits_WhenNothingIsDue(uint64 number, uint256[] memory exits) public {
        _submit(PAYEE, _proved(2, PAYEE, 0));
        vm.roll(start + 1000);
        _refuses(number, exits, abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, number));
        _refuses(2, new uint256[](0), abi.encodeWithSelector(IArbiterTypes.NoExitsDue.selector, 2));
    }

    /// @dev Exits proved on a state the chain was never in stay where they are.
    function test_RevertCreditExits_WhenTheProofWasOnAnotherRoot() public {
        uint256[] memory exits = _one(_exit(0, RIVAL, type(uint64).max));
        IArbiter.Submission memory stray = _unproved(2, RIVAL, 0);
        (stray.oldRoot, stray.exits) = (666, exits);
        _submit(RIVAL, _prove(stray));
        _finalizeWith(2, _one(_exit(0, USER, 500)));
        vm.roll(start + FIRST_DUE);
        _refusesWrong(_one(_exit(0, USER, 500)), exits);
        arbiter.creditExits(2, _one(_exit(0, USER, 500)));
        vm.assertEq(arbiter.creditOf(RIVAL), 0);
    }

    function test_CreditExits_KeepsTheBatchesApart() public {
        uint256[] memory second = _one(_exit(0, USER, 500));
        uint256[] memory third = _one(_exit(0, USER, 600));
        _finalizeWith(2, second);
        _finalizeWith(3, third);
        vm.roll(start + FIRST_DUE);
        _refusesWrong(second, third);
        arbiter.creditExits(3, third);
        arbiter.creditExits(2, second);
        vm.assertEq(arbiter.creditOf(USER), 1100 gwei);
    }

    function test_CreditExits_NeedsNoDelayWhereNoneIsSet() public {
        IArbiter.Config memory config = _config();
        config.alarmDelay = 0;
        arbiter = _deploy(config);
        _sequenceMany(1);
        _finalizeWith(1, _one(_exit(0, USER, 500)));
        arbiter.creditExits(1, _one(_exit(0, USER, 500)));
        vm.assertEq(arbiter.creditOf(USER), 500 gwei);
    }

    function _finalizeWith(uint64 number, uint256[] memory exits) private {
        _submit(PAYEE, _provedWith(number, exits));
        vm.assertEq(arbiter.finalizedNumber(), number);
    }

    function _refusesWrong(uint256[] memory right, uint256[] memory wrong) private {
        bytes32 expected = keccak256(abi.encodePacked(right));
        bytes32 hash = wrong.length == 0 ? bytes32(0) : keccak256(abi.encodePacked(wrong));
        _refuses(2, wrong, abi.encodeWithSelector(IArbiterTypes.WrongExits.selector, hash, expected));
    }

    function _refuses(uint64 number, uint256[] memory exits, bytes memory reason) private {
        vm.expectRevert(reason);
        arbiter.creditExits(number, exits);
    }
}
