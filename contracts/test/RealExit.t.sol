// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {RaceFixture} from "./support/RaceFixture.sol";

/// @dev The end of a rollup on proofs the Rust prover made: four batches are final, two are void, and both accounts leave
/// with what the circuit left them.
contract RealExitTest is RaceFixture {
    uint64 private constant LAST_FINAL = 4;
    /// @dev Entries: two deposits, a forced exit, then the void ones: a forced exit, a forged deposit and a deposit that
    /// no batch drained.
    uint64 private constant FIRST_VOID_ENTRY = 3;
    uint64 private constant LATE_AMOUNT = 4000;

    address private payee;
    address private first;
    address private second;

    function setUp() public {
        _deploy();
        uint256 fee = arbiter.queueFee();
        arbiter.deposit{value: uint256(LATE_AMOUNT) * 1 gwei + fee}(1, 2, address(0xE0E0), LATE_AMOUNT);
        for (uint64 number = 1; number <= BATCHES; ++number) {
            _sequence(number);
        }
        string[4] memory names = ["first", "second", "third", "fourthExits"];
        for (uint256 i = 0; i < names.length; ++i) {
            arbiter.submitProof(_proof(names[i]));
        }
        payee = _proof("first").payee;
        (, first,,) = _membership("first");
        (, second,,) = _membership("second");
        vm.assertEq(arbiter.finalizedNumber(), LAST_FINAL);
    }

    /// @dev What everybody takes is all there is but for the fees that L2 burnt: batch 3 pays 9 gwei to nobody.
    function test_ExitMode_EverybodyTakesWhatIsTheirs() public {
        _end();
        _leave("first");
        _leave("second");
        arbiter.refundBatch(5);
        arbiter.refundBatch(6);
        _refundEntries();
        vm.roll(block.number + ALARM_DELAY);
        arbiter.creditExits(LAST_FINAL, _proof("fourthExits").exits);
        _withdraw(first);
        _withdraw(second);
        _withdraw(payee);
        _withdraw(SEQUENCER);
        _withdraw(address(this));
        _withdraw(address(0xE0E0));
        vm.assertEq(_held(), 9 gwei);
    }

    /// @dev Deposits, less what was sent, plus what came, less exits: to the gwei.
    function test_Leave_PaysTheBalancesTheCircuitComputed() public {
        _end();
        _leave("first");
        _leave("second");
        // 5,000,000 deposited, 1,000 sent at fee 7, 500 received, 12,345 taken out at fee 3.
        vm.assertEq(arbiter.creditOf(first), (5_000_000 - 1007 + 500 - 12_348) * 1 gwei);
        // 3,000,000 deposited, 1,000 received, fees of 7 and 3 earned, 500 sent at fee 9, 700 forced out.
        vm.assertEq(arbiter.creditOf(second), (3_000_000 + 1000 + 7 + 3 - 509 - 700) * 1 gwei);
    }

    function test_RevertLeave_WhenTheAccountHasLeft() public {
        _end();
        _leave("first");
        (uint48 account, address exitAddress, uint96 balance, uint256[8] memory proof) = _membership("first");
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadyLeft.selector, account));
        arbiter.leave(account, exitAddress, balance, proof);
    }

    /// @dev True a batch earlier, when the account had more.
    function test_RevertLeave_WhenTheProofIsOfAnOlderState() public {
        _end();
        (uint48 account, address exitAddress, uint96 balance, uint256[8] memory proof) =
            _membership("firstBefore");
        _refuses(account, exitAddress, balance, proof);
        (,, uint96 final_,) = _membership("first");
        vm.assertLt(final_, balance);
        _refuses(account, exitAddress, final_, proof);
    }

    function test_RevertLeave_WhenAnythingIsNotTheProofs() public {
        _end();
        (uint48 account, address exitAddress, uint96 balance, uint256[8] memory proof) = _membership("first");
        (,,, uint256[8] memory anothers) = _membership("second");
        _refuses(account, exitAddress, balance, anothers);
        _refuses(1, exitAddress, balance, proof);
        _refuses(account, second, balance, proof);
        _refuses(account, address(uint160(exitAddress) ^ 1), balance, proof);
        _refuses(account, exitAddress, balance + 1, proof);
        _refuses(account, exitAddress, balance - 1, proof);
        _refuses(account, exitAddress, type(uint96).max, proof);
        arbiter.leave(account, exitAddress, balance, proof);
    }

    function test_RevertLeave_WhenTheProofIsABatchs() public {
        _end();
        (uint48 account, address exitAddress, uint96 balance,) = _membership("first");
        _refuses(account, exitAddress, balance, _proof("fourthExits").proof);
        vm.assertTrue(arbiter.membershipVersion() != arbiter.circuitVersion());
    }

    /// @dev A proof that was valid a block before, of the very next batch.
    function test_RevertSubmitProof_AfterTheEnd() public {
        IArbiter.Submission memory submission = _proof("fifthForged");
        _end();
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.ExitModeActive.selector));
        arbiter.submitProof(submission);
    }

    receive() external payable {}

    function _end() private {
        vm.roll(block.number + EXIT_DEADLINE + 1);
        arbiter.enterExitMode();
        vm.assertEq(arbiter.finalQueueEnd(), FIRST_VOID_ENTRY);
    }

    /// @dev The forged deposit of 2^63 gwei brings back its fee, to who queued it.
    function _refundEntries() private {
        string memory path = ".forcedExits[1]";
        address caller = vm.parseJsonAddress(json, string.concat(path, ".caller"));
        uint256 amount = _uint(string.concat(path, ".amountGwei"));
        uint256 word = 2 * 2 ** 224 + _uint(string.concat(path, ".account")) * 2 ** 176 + amount * 2 ** 64;
        uint256 before = arbiter.creditOf(caller);
        arbiter.refundEntry(3, abi.decode(abi.encode(word, caller, 0, 0), (bytes32[4])));
        vm.assertTrue(arbiter.creditOf(caller) > before);
        bytes memory slot = vm.parseJsonBytes(json, ".forcedTransaction");
        arbiter.refundEntry(4, abi.decode(slot, (bytes32[4])));
        vm.assertLt(arbiter.creditOf(address(this)), REWARD * 2);
        word = 3 * 2 ** 224 + 2 * 2 ** 128 + uint256(LATE_AMOUNT) * 2 ** 64;
        arbiter.refundEntry(5, abi.decode(abi.encode(word, 1, 2, address(0xE0E0)), (bytes32[4])));
        vm.assertGe(arbiter.creditOf(address(0xE0E0)), uint256(LATE_AMOUNT) * 1 gwei);
    }

    function _leave(string memory name) private {
        (uint48 account, address exitAddress, uint96 balance, uint256[8] memory proof) = _membership(name);
        arbiter.leave(account, exitAddress, balance, proof);
        vm.assertTrue(arbiter.hasLeft(account));
    }

    function _withdraw(address holder) private {
        if (arbiter.creditOf(holder) == 0) return;
        vm.prank(holder);
        arbiter.withdraw();
    }

    function _refuses(uint48 account, address exitAddress, uint96 balance, uint256[8] memory proof) private {
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.InvalidProof.selector));
        arbiter.leave(account, exitAddress, balance, proof);
    }
}
