// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../../src/interfaces/IArbiterTypes.sol";
import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {Simulator} from "./Simulator.sol";
import {StatementHarness} from "./StatementHarness.sol";
import {Test} from "./Test.sol";

/// @dev An arbiter of shape 4x2 (16 accounts) over a real verifier whose trapdoor the tests know.
abstract contract ArbiterTest is Test {
    uint8 internal constant SLOTS = 4;
    uint8 internal constant DEPTH = 2;
    uint96 internal constant REWARD = 0.01 ether;
    /// @dev Covers every delay of as many batches as the ring takes.
    uint96 internal constant BOND = 3 * 1024 * REWARD;
    uint64 internal constant MIN_DEPOSIT = 1000;
    uint32 internal constant DEADLINE = 10;
    uint32 internal constant ALARM_DELAY = 6;
    uint32 internal constant EXIT_DEADLINE = 25;
    uint32 internal constant DOUBLE_AFTER = 22;
    uint32 internal constant QUADRUPLE_AFTER = 24;
    uint256 internal constant GENESIS_ROOT = 42;
    uint256 internal constant CIRCUIT_VERSION = 4242;
    uint256 internal constant MEMBERSHIP_VERSION = 2424;

    address internal constant SEQUENCER = address(0x5E0);
    address internal constant PAYEE = address(0xA11CE);
    address internal constant RIVAL = address(0xB0B);
    address internal constant USER = address(0x05E2);
    address internal constant EXIT = address(0xE817);

    IArbiter internal arbiter;
    IVerifier internal verifier;
    IVerifier internal membershipVerifier;
    StatementHarness internal harness;

    function setUp() public virtual {
        verifier = _verifier();
        membershipVerifier = _verifier();
        vm.deal(SEQUENCER, 1000 ether);
        vm.deal(USER, 1000 ether);
        arbiter = _deploy(_config());
        harness = new StatementHarness();
    }

    /// @dev A verifier whose trapdoor the tests know.
    function _verifier() internal returns (IVerifier) {
        return IVerifier(_create("Groth16Verifier", abi.encode(Simulator.verifyingKey())));
    }

    function _arbiter(IArbiter.Config memory config) internal returns (IArbiter) {
        return IArbiter(_create("Arbiter", abi.encode(config)));
    }

    /// @dev An arbiter whose only sequencer is SEQUENCER.
    function _deploy(IArbiter.Config memory config) internal returns (IArbiter deployed) {
        deployed = _arbiter(config);
        vm.deal(SEQUENCER, SEQUENCER.balance + config.bond);
        vm.prank(SEQUENCER);
        deployed.joinSequencers{value: config.bond}();
    }

    function _config() internal view virtual returns (IArbiter.Config memory) {
        return IArbiterTypes.Config({
            verifier: address(verifier),
            membershipVerifier: address(membershipVerifier),
            policy: address(0),
            genesisRoot: GENESIS_ROOT,
            circuitVersion: CIRCUIT_VERSION,
            membershipVersion: MEMBERSHIP_VERSION,
            slots: SLOTS,
            depth: DEPTH,
            reward: REWARD,
            rewardFloor: REWARD,
            bond: BOND,
            bounty: 0,
            minDeposit: MIN_DEPOSIT,
            targetDelay: 4,
            doubleAfter: DOUBLE_AFTER,
            quadrupleAfter: QUADRUPLE_AFTER,
            haltAfter: EXIT_DEADLINE,
            window: 8,
            queueDeadline: DEADLINE,
            alarmDelay: ALARM_DELAY,
            exitDeadline: EXIT_DEADLINE
        });
    }

    /// @dev The arbiter's balance beside the sequencer's bond.
    function _held() internal view returns (uint256) {
        return address(arbiter).balance - arbiter.bondOf(SEQUENCER);
    }

    function _deposit(uint256 keyX, uint64 amount) internal returns (uint48) {
        uint256 value = _value(amount);
        vm.prank(USER);
        return arbiter.deposit{value: value}(keyX, keyX + 1, EXIT, amount);
    }

    /// @dev What a deposit of `amount` gwei takes now.
    function _value(uint64 amount) internal view returns (uint256) {
        return uint256(amount) * 1 gwei + arbiter.queueFee();
    }

    function _topUp(uint48 account, uint256 keyX, uint64 amount) internal {
        uint256 value = _value(amount);
        vm.prank(USER);
        arbiter.topUp{value: value}(account, keyX, keyX + 1, EXIT, amount);
    }

    function _forceExit(address caller, uint48 account, uint64 amount) internal {
        uint256 fee = arbiter.queueFee();
        vm.deal(caller, caller.balance + fee);
        vm.prank(caller);
        arbiter.forceExit{value: fee}(account, amount);
    }

    function _forceTransaction(bytes memory slot) internal {
        uint256 fee = arbiter.queueFee();
        vm.prank(USER);
        arbiter.forceTransaction{value: fee}(abi.decode(slot, (bytes32[4])));
    }

    /// @dev The four words of a forced exit's slot, written here from docs/protocol.md section 3.
    function _exitSlot(address caller, uint48 account, uint64 amount) internal pure returns (bytes memory) {
        uint256 word = 2 * 2 ** 224 + uint256(account) * 2 ** 176 + uint256(amount) * 2 ** 64;
        return abi.encode(word, caller, 0, 0);
    }

    /// @dev Four words that no rule gives a meaning: a user slot is anything.
    function _userSlot(uint256 seed) internal pure returns (bytes memory slot) {
        for (uint256 i = 0; i < 4; ++i) {
            slot = bytes.concat(slot, keccak256(abi.encode("user slot", seed, i)));
        }
    }

    /// @dev An exit as a submission names it (docs/protocol.md section 8).
    function _exit(uint256 slot, address exitAddress, uint64 amount) internal pure returns (uint256) {
        return slot * 2 ** 224 + uint256(uint160(exitAddress)) * 2 ** 64 + amount;
    }

    /// @dev The four words of a deposit's slot, written here from docs/protocol.md section 3.
    function _depositSlot(uint48 account, uint256 keyX, uint64 amount) internal pure returns (bytes memory) {
        uint256 word = 3 * 2 ** 224 + uint256(account) * 2 ** 128 + uint256(amount) * 2 ** 64;
        return abi.encode(word, keyX, keyX + 1, EXIT);
    }

    function _header(uint8 deposits) internal pure returns (IArbiter.Header memory) {
        return _header(deposits, 0);
    }

    function _header(uint8 deposits, uint8 forced) internal pure returns (IArbiter.Header memory) {
        return IArbiterTypes.Header({deposits: deposits, forced: forced, feeAccount: 7});
    }

    /// @dev Slots first, the rest of the batch filled up with arbitrary words.
    function _dataWith(bytes memory first) internal pure returns (bytes memory data) {
        data = _data(99);
        for (uint256 i = 0; i < first.length; ++i) {
            data[i] = first[i];
        }
    }

    /// @dev Slots first, the rest of the batch zero.
    function _dataAlone(bytes memory first) internal pure returns (bytes memory) {
        return bytes.concat(first, new bytes(uint256(SLOTS) * 128 - first.length));
    }

    /// @dev Data of a batch without deposits; unreduced words on purpose.
    function _data(uint256 seed) internal pure returns (bytes memory data) {
        for (uint256 i = 0; i < 4 * uint256(SLOTS); ++i) {
            data = bytes.concat(data, keccak256(abi.encode(seed, i)));
        }
    }

    function _sequence(uint8 deposits, bytes memory data) internal returns (uint64 number) {
        return _post(SEQUENCER, _header(deposits), data, deposits);
    }

    /// @dev `poster` posts the next batch, which drains `entries` queue entries.
    function _post(address poster, IArbiter.Header memory header, bytes memory data, uint64 entries)
        internal
        returns (uint64)
    {
        return _postFor(_escrow(poster), poster, header, data, entries);
    }

    function _postFor(
        uint256 value,
        address poster,
        IArbiter.Header memory header,
        bytes memory data,
        uint64 entries
    ) internal returns (uint64 number) {
        bytes32 parent;
        (number, parent) = arbiter.head();
        uint64 queueEnd = arbiter.queueHead() + entries;
        vm.deal(poster, poster.balance + value);
        vm.prank(poster);
        arbiter.sequenceBatch{value: value}(++number, parent, header, data, queueEnd);
    }

    /// @dev What `poster` puts down for a batch: without a bond, all that a delay may cost.
    function _escrow(address poster) internal view returns (uint256) {
        uint256 reward = arbiter.currentReward();
        return arbiter.bounty() + (arbiter.mayPost(poster) ? reward : 4 * reward);
    }

    function _refusesPosting(
        address poster,
        IArbiter.Header memory header,
        bytes memory data,
        uint64 entries,
        bytes memory reason
    ) internal {
        (uint64 number, bytes32 parent) = arbiter.head();
        uint64 queueEnd = arbiter.queueHead() + entries;
        uint256 value = _escrow(poster);
        vm.deal(poster, poster.balance + value);
        vm.expectRevert(reason);
        vm.prank(poster);
        arbiter.sequenceBatch{value: value}(number + 1, parent, header, data, queueEnd);
    }

    /// @dev Batch `n` carries _data(n).
    function _sequenceMany(uint64 count) internal {
        for (uint64 i = 0; i < count; ++i) {
            (uint64 number,) = arbiter.head();
            _sequence(0, _data(number + 1));
        }
    }

    /// @dev The root that tests let batch `number` lead to.
    function _root(uint64 number) internal pure returns (uint256) {
        return number == 0 ? GENESIS_ROOT : uint256(keccak256(abi.encode("root", number))) % R;
    }

    /// @dev A proved submission for batch `number`, whose data is _data(number).
    function _proved(uint64 number, address payee, uint96 tip)
        internal
        view
        returns (IArbiter.Submission memory)
    {
        return _prove(_unproved(number, payee, tip));
    }

    /// @dev The same with exits, for PAYEE and without a tip.
    function _provedWith(uint64 number, uint256[] memory exits)
        internal
        view
        returns (IArbiter.Submission memory submission)
    {
        submission = _unproved(number, PAYEE, 0);
        submission.exits = exits;
        return _prove(submission);
    }

    function _one(uint256 exit) internal pure returns (uint256[] memory exits) {
        exits = new uint256[](1);
        exits[0] = exit;
    }

    function _pair(uint256 first, uint256 second) internal pure returns (uint256[] memory exits) {
        exits = new uint256[](2);
        (exits[0], exits[1]) = (first, second);
    }

    function _three(uint256 first, uint256 second, uint256 third)
        internal
        pure
        returns (uint256[] memory exits)
    {
        exits = new uint256[](3);
        (exits[0], exits[1], exits[2]) = (first, second, third);
    }

    function _unproved(uint64 number, address payee, uint96 tip)
        internal
        pure
        returns (IArbiter.Submission memory submission)
    {
        submission.number = number;
        submission.oldRoot = _root(number - 1);
        submission.newRoot = _root(number);
        submission.payee = payee;
        submission.tip = tip;
        submission.commitment = 12_345;
        submission.header = _header(0);
        submission.data = _data(number);
    }

    function _prove(IArbiter.Submission memory submission)
        internal
        view
        returns (IArbiter.Submission memory)
    {
        (uint256 x, uint256 y) = harness.publicInputs(arbiter, submission);
        uint256 salt = uint160(submission.payee);
        submission.proof = Simulator.prove(submission.commitment, x, y, salt);
        return submission;
    }

    function _submit(address sender, IArbiter.Submission memory submission) internal {
        vm.prank(sender);
        arbiter.submitProof(submission);
    }

    function _assertInvalid(IArbiter.Submission memory submission, string memory what) internal {
        try arbiter.submitProof(submission) {
            vm.assertTrue(false, what);
        } catch (bytes memory reason) {
            vm.assertEq(bytes32(bytes4(reason)), bytes32(IArbiterTypes.InvalidProof.selector));
        }
    }
}
