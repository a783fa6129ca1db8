// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {ArbiterTest} from "./ArbiterTest.sol";
import {Simulator} from "./Simulator.sol";

/// @dev A rollup that is about to end. Final: batch 1 with two deposits, batch 2 with an exit. Not final: batch 3, which
/// drained a deposit, a forced exit and a forced transaction, and batch 4, posted by RIVAL. Waiting: a top-up and a
/// forced transaction that looks like a deposit.
abstract contract EndTest is ArbiterTest {
    uint64 internal constant LAST_FINAL = 2;
    uint64 internal constant HEAD = 4;
    uint64 internal constant FIRST_VOID_ENTRY = 2;
    uint64 internal constant ENTRIES = 8;
    uint64 internal constant DEPOSIT_ENTRY = 2;
    uint64 internal constant EXIT_ENTRY = 3;
    uint64 internal constant TRANSACTION_ENTRY = 4;
    uint64 internal constant POSTED_BY_RIVAL = 5;
    uint64 internal constant TOP_UP_ENTRY = 6;
    uint64 internal constant FORGED_ENTRY = 7;
    uint96 internal constant FIRST_BALANCE = 1e9 - 500;
    uint96 internal constant SECOND_BALANCE = 2e9;

    uint256 internal postedAt;
    uint256[ENTRIES] internal fees;

    function setUp() public virtual override {
        super.setUp();
        _deposit(5, 1e9);
        _deposit(50, 2e9);
        IArbiter.Submission memory first = _unproved(1, PAYEE, 0);
        first.header = _header(2);
        first.data = _dataWith(bytes.concat(_depositSlot(0, 5, 1e9), _depositSlot(1, 50, 2e9)));
        _sequence(2, first.data);
        _submit(PAYEE, _prove(first));
        _sequence(0, _data(2));
        _submit(PAYEE, _provedWith(2, _one(_exit(0, EXIT, 500))));
        _queueTheRest();
    }

    function _words(uint64 entry) internal pure returns (bytes32[4] memory) {
        return abi.decode(_slotOf(entry), (bytes32[4]));
    }

    /// @dev The slot that a waiting or void entry had to get.
    function _slotOf(uint64 entry) internal pure returns (bytes memory) {
        if (entry == DEPOSIT_ENTRY) return _depositSlot(2, 70, 4000);
        if (entry == EXIT_ENTRY) return _exitSlot(EXIT, 0, 300);
        if (entry == TRANSACTION_ENTRY) return _userSlot(1);
        if (entry == POSTED_BY_RIVAL) return _userSlot(2);
        if (entry == TOP_UP_ENTRY) return _depositSlot(1, 50, 6000);
        return _depositSlot(1, 50, 1e18);
    }

    /// @dev Data of batch 3, which drains three entries beside a slot of anything.
    function _thirdData() internal pure returns (bytes memory) {
        bytes memory forced = bytes.concat(_slotOf(EXIT_ENTRY), _slotOf(TRANSACTION_ENTRY));
        return _dataWith(bytes.concat(_slotOf(DEPOSIT_ENTRY), forced));
    }

    /// @dev Batch 3 proved on the last final root: what would finalize it.
    function _thirdProved() internal view returns (IArbiter.Submission memory submission) {
        submission = _unproved(3, PAYEE, 0);
        (submission.header, submission.data) = (_header(1, 1), _thirdData());
        return _prove(submission);
    }

    /// @dev The first block of exit mode.
    function _end() internal {
        vm.roll(postedAt + EXIT_DEADLINE + 1);
        arbiter.enterExitMode();
    }

    /// @dev A true proof that the state of `root` holds this account (docs/protocol.md section 9).
    function _membership(uint256 root, uint48 account, address exitAddress, uint96 balance)
        internal
        view
        returns (uint256[8] memory)
    {
        uint256 place = uint256(account) * 2 ** 160 + uint160(exitAddress);
        return Simulator.prove(root, place, balance, account);
    }

    function _leave(uint48 account, address exitAddress, uint96 balance) internal {
        arbiter.leave(
            account, exitAddress, balance, _membership(_root(LAST_FINAL), account, exitAddress, balance)
        );
    }

    /// @dev The fee grows with the queue, so each entry's own is written down.
    function _queueTheRest() private {
        _notes(DEPOSIT_ENTRY);
        _deposit(70, 4000);
        _notes(EXIT_ENTRY);
        _forceExit(EXIT, 0, 300);
        _notes(TRANSACTION_ENTRY);
        _forceTransaction(_slotOf(TRANSACTION_ENTRY));
        _notes(POSTED_BY_RIVAL);
        _forceTransaction(_slotOf(POSTED_BY_RIVAL));
        vm.roll(block.number + 2 * uint256(DEADLINE) + 1);
        postedAt = block.number;
        _post(SEQUENCER, _header(1, 1), _thirdData(), 3);
        _post(RIVAL, _header(0), _dataAlone(_slotOf(POSTED_BY_RIVAL)), 1);
        _notes(TOP_UP_ENTRY);
        _topUp(1, 50, 6000);
        _notes(FORGED_ENTRY);
        _forceTransaction(_slotOf(FORGED_ENTRY));
    }

    function _notes(uint64 entry) private {
        vm.assertEq(arbiter.queueTail(), entry);
        fees[entry] = arbiter.queueFee();
    }
}
