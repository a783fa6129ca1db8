// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";
import {Simulator} from "./support/Simulator.sol";

/// @dev The exits a submission names: well formed, the proof's own, kept until they are credited.
contract ExitsTest is ArbiterTest {
    uint256 private constant NO_PAIRING_GAS = 120_000;

    function setUp() public override {
        super.setUp();
        _sequenceMany(3);
    }

    /// @dev V, x and y written out here from docs/protocol.md section 5, without the library.
    function testFuzz_SubmitProof_BindsExitsInTheirSlots(address first, uint64 amount, uint8 slot) public {
        vm.assume(first != address(0));
        slot = uint8(bound(slot, 0, 2));
        IArbiter.Submission memory submission = _unproved(1, PAYEE, 0);
        submission.exits = new uint256[](2);
        (submission.exits[0], submission.exits[1]) = (_exit(slot, first, amount), _exit(3, EXIT, 9));
        bytes32 batchHash = arbiter.batchHashOf(1);
        uint256 context = uint256(keccak256(abi.encode(1, batchHash, PAYEE, 0))) >> 8;
        bytes memory v = abi.encodePacked(
            arbiter.domain(), submission.oldRoot, submission.newRoot, context, uint256(1026), uint256(0)
        );
        v = bytes.concat(v, abi.encode(0, 7), submission.data);
        for (uint256 i = 0; i < 3; ++i) {
            v = bytes.concat(v, i == slot ? abi.encode(first, amount) : new bytes(64));
        }
        v = bytes.concat(v, abi.encode(EXIT, 9));
        uint256 x = uint256(keccak256(abi.encode(submission.commitment, keccak256(v)))) % R;
        submission.proof = Simulator.prove(submission.commitment, x, _evaluate(v, x), 1);
        _submit(RIVAL, submission);
        vm.assertEq(arbiter.finalizedNumber(), 1);
    }

    function test_RevertSubmitProof_WhenTheExitsAreNotTheProofs() public {
        uint256[] memory right = _pair(_exit(1, EXIT, 500), _exit(2, USER, 600));
        IArbiter.Submission memory submission = _provedWith(1, right);
        uint256[9] memory wrong = [
            _exit(0, EXIT, 500),
            _exit(1, EXIT, 501),
            _exit(1, EXIT, 499),
            _exit(1, EXIT, 0),
            _exit(1, RIVAL, 500),
            _exit(1, address(uint160(EXIT) + 1), 500),
            _exit(1, address(uint160(EXIT) ^ (1 << 159)), 500),
            // An amount of 2^64 runs into the address: another exit, not a larger one.
            _exit(1, EXIT, 500) + 2 ** 64,
            _exit(1, EXIT, 500) + 2 ** 64 - 501
        ];
        for (uint256 i = 0; i < wrong.length; ++i) {
            submission.exits = _pair(wrong[i], right[1]);
            _assertInvalid(submission, "another exit");
        }
        submission.exits = _one(right[0]);
        _assertInvalid(submission, "an exit less");
        submission.exits = new uint256[](0);
        _assertInvalid(submission, "no exit");
        submission.exits = _three(right[0], right[1], _exit(3, RIVAL, 1));
        _assertInvalid(submission, "an exit more");
        submission.exits = _pair(_exit(1, USER, 600), _exit(2, EXIT, 500));
        _assertInvalid(submission, "payees swapped");
        submission.exits = right;
        _submit(PAYEE, submission);
    }

    function test_RevertSubmitProof_WhenAProofWithoutExitsIsGivenSome() public {
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        submission.exits = _one(_exit(0, RIVAL, 1));
        _assertInvalid(submission, "made up");
    }

    function test_RevertSubmitProof_WhenExitsAreNotInOrder() public {
        _refuses(_pair(_exit(2, EXIT, 1), _exit(1, EXIT, 1)), 1);
        _refuses(_three(_exit(0, EXIT, 1), _exit(3, EXIT, 1), _exit(2, EXIT, 1)), 2);
    }

    function test_RevertSubmitProof_WhenTwoExitsNameOneSlot() public {
        _refuses(_pair(_exit(1, EXIT, 1), _exit(1, EXIT, 1)), 1);
        _refuses(_pair(_exit(0, EXIT, 1), _exit(0, USER, 2)), 1);
    }

    function testFuzz_RevertSubmitProof_WhenAnExitsSlotIsOutOfRange(uint32 slot) public {
        slot = uint32(bound(slot, SLOTS, type(uint32).max));
        _refuses(_one(_exit(slot, EXIT, 1)), 0);
        _refuses(_pair(_exit(0, EXIT, 1), _exit(slot, EXIT, 1)), 1);
    }

    function test_RevertSubmitProof_WhenAnExitsAddressIsZero() public {
        _refuses(_one(_exit(0, address(0), 1)), 0);
        _refuses(_one(_exit(3, address(0), 0)), 0);
        _refuses(_one(0), 0);
    }

    /// @dev Oversized in whichever field: an address of 2^160 is slot 1's address zero, what is more is no slot.
    function test_RevertSubmitProof_WhenAnExitIsOversized() public {
        _refuses(_one(2 ** 160 << 64), 0);
        _refuses(_one(_exit(0, EXIT, 1) + 2 ** 232), 0);
        _refuses(_one(type(uint256).max), 0);
    }

    /// @dev An exit of nothing is an exit: the circuit emits its address beside an amount of zero.
    function test_SubmitProof_TakesAnExitOfNothing() public {
        _submit(PAYEE, _provedWith(1, _one(_exit(2, EXIT, 0))));
        vm.roll(block.number + ALARM_DELAY);
        arbiter.creditExits(1, _one(_exit(2, EXIT, 0)));
        vm.assertEq(arbiter.creditOf(EXIT), 0);
    }

    function test_SubmitProof_TakesAnExitInEverySlot() public {
        uint256[] memory exits = new uint256[](SLOTS);
        for (uint256 i = 0; i < SLOTS; ++i) {
            exits[i] = _exit(i, address(type(uint160).max), type(uint64).max);
        }
        _submit(PAYEE, _provedWith(1, exits));
        vm.assertEq(arbiter.finalizedNumber(), 1);
    }

    function test_RevertSubmitProof_WhenAlreadyAcceptedWithOtherExits() public {
        _submit(PAYEE, _provedWith(2, _one(_exit(0, EXIT, 5))));
        IArbiter.Submission memory late = _provedWith(2, _one(_exit(0, RIVAL, 5)));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadyAccepted.selector, 2, _root(1)));
        arbiter.submitProof(late);
    }

    /// @dev Refused before the pairing: a proof of nothing gets the same answer, and cheaply.
    function _refuses(uint256[] memory exits, uint256 index) private {
        IArbiter.Submission memory submission = _unproved(1, PAYEE, 0);
        submission.exits = exits;
        (bool ok, bytes memory reason) =
            address(arbiter).call(abi.encodeCall(IArbiter.submitProof, (submission)));
        vm.assertLt(vm.lastCallGas().gasTotalUsed, NO_PAIRING_GAS);
        vm.assertFalse(ok);
        vm.assertEq(reason, abi.encodeWithSelector(IArbiterTypes.WrongExit.selector, index, exits[index]));
    }

    /// @dev Σ V[i]·xⁱ with growing powers, the other way round than the library.
    function _evaluate(bytes memory v, uint256 x) private pure returns (uint256 y) {
        uint256 power = 1;
        for (uint256 i = 32; i <= v.length; i += 32) {
            uint256 word;
            assembly ("memory-safe") {
                word := mload(add(v, i))
            }
            y = addmod(y, mulmod(word, power, R), R);
            power = mulmod(power, x, R);
        }
    }
}
