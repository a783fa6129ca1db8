// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";
import {Simulator} from "./support/Simulator.sol";

/// @dev What the arbiter's calls cost at shape 4x2: execution with every slot cold, plus the 21,000 of a transaction;
/// calldata excluded, as it grows with the batch. Kept in snapshots/gas.json and compared in tests. A posting in steady
/// state, at 16 slots, is in GasSteady.t.sol.
contract GasTest is ArbiterTest {
    uint256 private constant TRANSACTION = 21_000;
    uint256 private constant LATE_PROOF_EXECUTION = 10_000;
    uint256 private constant MOST_FOR_A_PROOF = 265_000;

    function setUp() public override {
        super.setUp();
        _sequenceMany(4);
        _submit(PAYEE, _proved(1, PAYEE, 0));
        _submit(PAYEE, _proved(4, PAYEE, 0));
    }

    function test_Gas_SequenceBatch() public {
        (uint64 number, bytes32 parent) = arbiter.head();
        bytes memory data = _data(number + 1);
        vm.prank(SEQUENCER);
        vm.cool(address(arbiter));
        arbiter.sequenceBatch{value: REWARD}(number + 1, parent, _header(0), data, 0);
        _record("sequenceBatchFreshStorage");
    }

    /// @dev The usual case: accepted, next in line, finalized, credited to a payee who was paid before.
    function test_Gas_SubmitProof() public {
        IArbiter.Submission memory submission = _proved(2, PAYEE, 0);
        vm.cool(address(arbiter));
        vm.cool(address(verifier));
        _submit(PAYEE, submission);
        _record("submitProof");
        vm.assertGe(MOST_FOR_A_PROOF, vm.lastCallGas().gasTotalUsed + TRANSACTION);
    }

    function test_Gas_LateProof_OfAnAcceptedBatch() public {
        IArbiter.Submission memory submission = _proved(4, RIVAL, 0);
        _late(submission);
        _record("lateProof");
    }

    function test_Gas_LateProof_OfAFinalizedBatch() public {
        _late(_proved(1, RIVAL, 0));
        vm.assertLt(vm.lastCallGas().gasTotalUsed, LATE_PROOF_EXECUTION);
    }

    function test_Gas_LateProof_DoesNotDependOnTheData() public {
        IArbiter.Submission memory submission = _proved(4, RIVAL, 0);
        submission.data = new bytes(100_000);
        _late(submission);
        vm.assertLt(vm.lastCallGas().gasTotalUsed, LATE_PROOF_EXECUTION);
    }

    /// @dev Two exits to addresses that hold no credit.
    function test_Gas_SubmitProofWithExits() public {
        IArbiter.Submission memory submission = _provedWith(2, _pair(_exit(0, USER, 5), _exit(3, EXIT, 5)));
        vm.cool(address(arbiter));
        vm.cool(address(verifier));
        _submit(PAYEE, submission);
        _record("submitProofTwoExits");
    }

    function test_Gas_CreditExits() public {
        uint256[] memory exits = _pair(_exit(0, USER, 5), _exit(3, EXIT, 5));
        _submit(PAYEE, _provedWith(2, exits));
        vm.roll(block.number + ALARM_DELAY);
        vm.cool(address(arbiter));
        arbiter.creditExits(2, exits);
        _record("creditTwoExits");
    }

    function test_Gas_Deposit() public {
        uint256 value = _value(2000);
        vm.cool(address(arbiter));
        vm.prank(USER);
        arbiter.deposit{value: value}(5, 6, EXIT, 2000);
        _record("deposit");
    }

    function test_Gas_ForceExit() public {
        uint256 fee = arbiter.queueFee();
        vm.cool(address(arbiter));
        vm.deal(EXIT, fee);
        vm.prank(EXIT);
        arbiter.forceExit{value: fee}(0, 300);
        _record("forceExit");
    }

    function test_Gas_ForceTransaction() public {
        bytes32[4] memory words = abi.decode(_userSlot(1), (bytes32[4]));
        uint256 fee = arbiter.queueFee();
        vm.cool(address(arbiter));
        vm.prank(USER);
        arbiter.forceTransaction{value: fee}(words);
        _record("forceTransaction");
    }

    function test_Gas_EnterExitMode() public {
        vm.roll(block.number + EXIT_DEADLINE + 1);
        vm.cool(address(arbiter));
        arbiter.enterExitMode();
        _record("enterExitMode");
    }

    function test_Gas_RefundBatch() public {
        _end();
        vm.cool(address(arbiter));
        arbiter.refundBatch(2);
        _record("refundBatch");
    }

    function test_Gas_RefundEntry() public {
        _deposit(5, 2000);
        _end();
        bytes32[4] memory words = abi.decode(_depositSlot(0, 5, 2000), (bytes32[4]));
        vm.cool(address(arbiter));
        arbiter.refundEntry(0, words);
        _record("refundEntry");
    }

    /// @dev The first of 256 accounts to leave, to an address that holds no credit.
    function test_Gas_Leave() public {
        _end();
        uint256[8] memory proof = Simulator.prove(arbiter.stateRoot(), uint160(EXIT), 5, 1);
        vm.cool(address(arbiter));
        vm.cool(address(membershipVerifier));
        arbiter.leave(0, EXIT, 5, proof);
        _record("leave");
    }

    /// @dev A deposit, a forced exit and a forced transaction.
    function test_Gas_BatchOfThreeEntries() public {
        _deposit(5, 2000);
        _forceExit(EXIT, 0, 300);
        _forceTransaction(_userSlot(1));
        bytes memory data =
            _dataWith(bytes.concat(_depositSlot(0, 5, 2000), _exitSlot(EXIT, 0, 300), _userSlot(1)));
        (uint64 number, bytes32 parent) = arbiter.head();
        vm.cool(address(arbiter));
        vm.prank(SEQUENCER);
        arbiter.sequenceBatch{value: REWARD}(number + 1, parent, _header(1, 1), data, 3);
        _record("sequenceBatchThreeEntries");
    }

    function _end() private {
        vm.roll(block.number + EXIT_DEADLINE + 1);
        arbiter.enterExitMode();
    }

    function _late(IArbiter.Submission memory submission) private {
        vm.cool(address(arbiter));
        vm.prank(RIVAL);
        (bool ok, bytes memory reason) =
            address(arbiter).call(abi.encodeCall(IArbiter.submitProof, (submission)));
        vm.assertFalse(ok);
        vm.assertEq(bytes32(bytes4(reason)), bytes32(IArbiterTypes.AlreadyAccepted.selector));
        vm.assertLt(vm.lastCallGas().gasTotalUsed, LATE_PROOF_EXECUTION);
    }

    function _record(string memory call) private {
        vm.snapshotValue("gas", call, vm.lastCallGas().gasTotalUsed + TRANSACTION);
    }
}
