// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {EndTest} from "./support/EndTest.sol";
import {RevertingReceiver} from "./support/Receivers.sol";
import {Simulator} from "./support/Simulator.sol";

/// @dev Each account of the final state leaves once, with what it has, to where it belongs.
contract LeaveTest is EndTest {
    function setUp() public override {
        super.setUp();
        _end();
    }

    function test_Leave_CreditsTheWholeBalanceToTheExitAddress() public {
        uint256[8] memory proof = _membership(_root(LAST_FINAL), 0, EXIT, FIRST_BALANCE);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.Left(0, EXIT, FIRST_BALANCE);
        vm.prank(RIVAL);
        arbiter.leave(0, EXIT, FIRST_BALANCE, proof);
        vm.assertTrue(arbiter.hasLeft(0));
        vm.assertFalse(arbiter.hasLeft(1));
        vm.assertEq(arbiter.creditOf(EXIT), uint256(FIRST_BALANCE) * 1 gwei);
        vm.assertEq(arbiter.creditOf(RIVAL), 0);
        vm.prank(EXIT);
        arbiter.withdraw();
        vm.assertEq(EXIT.balance, uint256(FIRST_BALANCE) * 1 gwei);
    }

    /// @dev Every bit of a word is its own account's.
    function test_Leave_KeepsEveryAccountsBitApart() public {
        for (uint48 account = 0; account < 16; ++account) {
            vm.assertFalse(arbiter.hasLeft(account));
            _leave(account, address(uint160(account) + 1), account);
            vm.assertTrue(arbiter.hasLeft(account));
            vm.assertEq(arbiter.creditOf(address(uint160(account) + 1)), uint256(account) * 1 gwei);
        }
    }

    /// forge-config: default.fuzz.runs = 48
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_RevertLeave_WhenTheAccountHasLeft(uint48 account, address other, uint96 balance)
        public
    {
        account %= 16;
        _leave(account, EXIT, FIRST_BALANCE);
        uint256[8] memory proof = _membership(_root(LAST_FINAL), account, other, balance);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadyLeft.selector, account));
        arbiter.leave(account, other, balance, proof);
        vm.assertEq(arbiter.creditOf(EXIT), uint256(FIRST_BALANCE) * 1 gwei);
    }

    /// @dev The same proof in other words is the same account.
    /// forge-config: default.fuzz.runs = 48
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_RevertLeave_WhenTheProofIsRerandomised(uint256 salt) public {
        _leave(0, EXIT, FIRST_BALANCE);
        uint256[8] memory proof =
            Simulator.prove(_root(LAST_FINAL), uint160(EXIT), FIRST_BALANCE, bound(salt, 1, R - 1));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadyLeft.selector, 0));
        arbiter.leave(0, EXIT, FIRST_BALANCE, proof);
    }

    /// @dev One proof shows one root, account, exit address and balance.
    /// forge-config: default.fuzz.runs = 48
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_RevertLeave_WhenTheClaimIsNotTheProofs(
        uint48 account,
        address exitAddress,
        uint96 balance
    ) public {
        account %= 16;
        vm.assume(exitAddress != EXIT);
        vm.assume(balance != SECOND_BALANCE);
        uint256[8] memory proof = _membership(_root(LAST_FINAL), 1, EXIT, SECOND_BALANCE);
        _refuses(1, EXIT, balance, proof);
        _refuses(1, exitAddress, SECOND_BALANCE, proof);
        if (account != 1) _refuses(account, EXIT, SECOND_BALANCE, proof);
        arbiter.leave(1, EXIT, SECOND_BALANCE, proof);
    }

    /// @dev A proof of a void batch's root, or of an older state, shows nothing about the final one.
    /// forge-config: default.fuzz.runs = 48
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_RevertLeave_WhenTheProofIsOfAnotherRoot(uint256 root) public {
        vm.assume(root % R != _root(LAST_FINAL));
        _refuses(0, EXIT, FIRST_BALANCE, _membership(root % R, 0, EXIT, FIRST_BALANCE));
        _refuses(0, EXIT, 1e9, _membership(_root(1), 0, EXIT, 1e9));
        _refuses(0, EXIT, FIRST_BALANCE, _membership(_root(3), 0, EXIT, FIRST_BALANCE));
    }

    /// @dev Account and address share a public input; what of it is the account is not the caller's to say.
    function test_RevertLeave_WhenAddressAndAccountAreCutElsewhere() public {
        address shifted = address(uint160(EXIT) | uint160(1) << 159);
        _leave(0, shifted, 5);
        uint256[8] memory proof = _membership(_root(LAST_FINAL), 1, EXIT, SECOND_BALANCE);
        _refuses(2, EXIT, SECOND_BALANCE, proof);
        _refuses(1, shifted, SECOND_BALANCE, proof);
    }

    function testFuzz_RevertLeave_WhenTheTreeHasNoSuchAccount(uint48 account) public {
        account = uint48(bound(account, 16, type(uint48).max));
        uint256[8] memory proof = _membership(_root(LAST_FINAL), account, EXIT, 5);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AccountUnknown.selector, account));
        arbiter.leave(account, EXIT, 5, proof);
    }

    /// @dev A batch's proof is not a membership proof: another verifier. Here both have one key, so even then the
    /// public inputs differ.
    function test_RevertLeave_WhenTheProofIsABatchs() public {
        IArbiter.Submission memory submission = _thirdProved();
        _refuses(0, EXIT, FIRST_BALANCE, submission.proof);
        vm.assertTrue(arbiter.membershipVerifier() != arbiter.verifier());
    }

    /// forge-config: default.fuzz.runs = 48
    /// forge-config: long.fuzz.runs = 10000
    function testFuzz_RevertLeave_WhenAProofWordIsChanged(uint8 word, uint256 change) public {
        uint256[8] memory proof = _membership(_root(LAST_FINAL), 0, EXIT, FIRST_BALANCE);
        word %= 8;
        change = bound(change, 1, type(uint256).max);
        unchecked {
            proof[word] += change;
        }
        _refuses(0, EXIT, FIRST_BALANCE, proof);
    }

    /// @dev Coordinates that are the same modulo q, and the point at infinity.
    function test_RevertLeave_WhenTheProofIsAliasedOrEmpty() public {
        for (uint256 word = 0; word < 8; ++word) {
            uint256[8] memory proof = _membership(_root(LAST_FINAL), 0, EXIT, FIRST_BALANCE);
            proof[word] += Q;
            _refuses(0, EXIT, FIRST_BALANCE, proof);
        }
        uint256[8] memory none;
        _refuses(0, EXIT, FIRST_BALANCE, none);
    }

    /// @dev Bits above an argument's width would change a public input or its bit in the map: the call is refused.
    function testFuzz_RevertLeave_WhenAnArgumentIsTooWide(uint8 argument, uint8 bit) public {
        argument %= 3;
        uint256[3] memory words = [uint256(0), uint160(EXIT), FIRST_BALANCE];
        words[argument] |= 1 << bound(bit, [48, 160, 96][argument], 255);
        uint256[8] memory proof =
            Simulator.prove(_root(LAST_FINAL), addmod(words[0] << 160, words[1], R), words[2] % R, 1);
        bytes memory call = abi.encodePacked(IArbiter.leave.selector, words[0], words[1], words[2], proof);
        (bool ok, bytes memory reason) = address(arbiter).call(call);
        vm.assertFalse(ok);
        vm.assertEq(reason.length, 0);
        vm.assertEq(arbiter.creditOf(EXIT), 0);
    }

    /// @dev The same call in its plain encoding is taken: what the test above sends differs by a bit alone.
    function test_Leave_TakesItsArgumentsAsPlainWords() public {
        uint256[8] memory proof = Simulator.prove(_root(LAST_FINAL), uint160(EXIT), FIRST_BALANCE, 1);
        bytes memory call = abi.encodePacked(
            IArbiter.leave.selector, uint256(0), uint256(uint160(EXIT)), uint256(FIRST_BALANCE), proof
        );
        (bool ok,) = address(arbiter).call(call);
        vm.assertTrue(ok);
    }

    /// @dev The largest balance there can be is credited to the wei.
    function test_Leave_CreditsTheLargestBalanceExactly() public {
        _leave(3, USER, type(uint96).max);
        vm.assertEq(arbiter.creditOf(USER), uint256(type(uint96).max) * 1e9);
    }

    /// @dev An exit address that cannot receive keeps its credit and holds nobody up.
    function test_Leave_AnAddressThatCannotReceiveHarmsOnlyItself() public {
        RevertingReceiver receiver = new RevertingReceiver();
        _leave(0, address(receiver), FIRST_BALANCE);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.TransferFailed.selector, address(receiver)));
        receiver.pull(arbiter);
        _leave(1, USER, SECOND_BALANCE);
        uint256 before = USER.balance;
        vm.prank(USER);
        arbiter.withdraw();
        vm.assertEq(USER.balance, before + uint256(SECOND_BALANCE) * 1 gwei);
        vm.assertEq(arbiter.creditOf(address(receiver)), uint256(FIRST_BALANCE) * 1 gwei);
    }

    /// @dev A malformed proof costs what a valid one costs, not all the gas there is.
    function test_RevertLeave_WithBoundedGas() public {
        uint256[8] memory proof = _membership(_root(LAST_FINAL), 0, EXIT, FIRST_BALANCE);
        proof[3] = addmod(proof[3], 1, Q);
        uint256 before = gasleft();
        _refuses(0, EXIT, FIRST_BALANCE, proof);
        vm.assertLt(before - gasleft(), 300_000);
    }

    function _refuses(uint48 account, address exitAddress, uint96 balance, uint256[8] memory proof) private {
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.InvalidProof.selector));
        arbiter.leave(account, exitAddress, balance, proof);
        vm.assertFalse(arbiter.hasLeft(account));
    }
}
