// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../../src/interfaces/IArbiterTypes.sol";
import {IVerifier} from "../../src/interfaces/IVerifier.sol";
import {Test} from "./Test.sol";

/// @dev fixtures/race.json: a chain of six batches and real proofs of them, made by the prover itself.
abstract contract RaceFixture is Test {
    uint96 internal constant REWARD = 0.01 ether;
    address internal constant SEQUENCER = address(0x5E0);
    uint64 internal constant BATCHES = 6;
    uint32 internal constant ALARM_DELAY = 6;
    uint32 internal constant EXIT_DEADLINE = 25;

    IArbiter internal arbiter;
    IVerifier internal verifier;
    IVerifier internal membershipVerifier;
    string internal json;

    /// @dev Deploys at the address the proofs were made for, queues all entries, sequences no batch yet.
    function _deploy() internal {
        json = vm.readFile("fixtures/race.json");
        address deployer = vm.parseJsonAddress(json, ".deployer");
        uint256[22] memory key = _key(".verifyingKey");
        vm.prank(deployer);
        verifier = IVerifier(_create("Groth16Verifier", abi.encode(key)));
        membershipVerifier = IVerifier(_create("Groth16Verifier", abi.encode(_key(".membershipKey"))));
        IArbiter.Config memory config = _fixtureConfig();
        vm.prank(deployer);
        arbiter = IArbiter(_create("Arbiter", abi.encode(config)));
        vm.assertEq(address(arbiter), vm.parseJsonAddress(json, ".arbiter"));
        vm.assertEq(arbiter.domain(), _uint(".domain"));
        vm.deal(SEQUENCER, 1000 ether);
        vm.prank(SEQUENCER);
        arbiter.joinSequencers{value: config.bond}();
        _depositAt(0);
        _depositAt(1);
        _forceExitAt(0);
        _forceExitAt(1);
        bytes memory slot = vm.parseJsonBytes(json, ".forcedTransaction");
        arbiter.forceTransaction{value: arbiter.queueFee()}(abi.decode(slot, (bytes32[4])));
    }

    /// @dev The arbiter's balance beside the sequencer's bond.
    function _held() internal view returns (uint256) {
        return address(arbiter).balance - arbiter.bondOf(SEQUENCER);
    }

    function _sequence(uint64 number) internal {
        string memory batch = string.concat(".batches[", vm.toString(number - 1), "]");
        IArbiter.Header memory header = _header(number);
        uint64 queueEnd = arbiter.queueHead() + uint64(_uint(string.concat(batch, ".entries")));
        bytes32 parent = arbiter.batchHashOf(number - 1);
        bytes memory data = vm.parseJsonBytes(json, string.concat(batch, ".data"));
        vm.prank(SEQUENCER);
        arbiter.sequenceBatch{value: REWARD}(number, parent, header, data, queueEnd);
        vm.assertEq(arbiter.batchHashOf(number), bytes32(_uint(string.concat(batch, ".batchHash"))));
    }

    /// @dev The proof called `name`, ready to submit.
    function _proof(string memory name) internal view returns (IArbiter.Submission memory submission) {
        string memory proof = string.concat(".proofs[", vm.toString(_indexOf(".proofs", name)), "]");
        submission.number = uint64(_uint(string.concat(proof, ".number")));
        submission.oldRoot = _uint(string.concat(proof, ".oldRoot"));
        submission.newRoot = _uint(string.concat(proof, ".newRoot"));
        submission.payee = vm.parseJsonAddress(json, string.concat(proof, ".payee"));
        submission.tip = uint96(_uint(string.concat(proof, ".tip")));
        submission.commitment = _uint(string.concat(proof, ".commitment"));
        uint256[] memory words = vm.parseJsonUintArray(json, string.concat(proof, ".words"));
        for (uint256 i = 0; i < 8; ++i) {
            submission.proof[i] = words[i];
        }
        submission.exits = vm.parseJsonUintArray(json, string.concat(proof, ".exits"));
        submission.header = _header(submission.number);
        string memory data = string.concat(".batches[", vm.toString(submission.number - 1), "].data");
        submission.data = vm.parseJsonBytes(json, data);
    }

    /// @dev The membership proof called `name`.
    function _membership(string memory name)
        internal
        view
        returns (uint48 account, address exitAddress, uint96 balance, uint256[8] memory proof)
    {
        uint256 i = _indexOf(".memberships", name);
        string memory path = string.concat(".memberships[", vm.toString(i), "]");
        account = uint48(_uint(string.concat(path, ".account")));
        exitAddress = vm.parseJsonAddress(json, string.concat(path, ".exitAddress"));
        balance = uint96(_uint(string.concat(path, ".balance")));
        uint256[] memory words = vm.parseJsonUintArray(json, string.concat(path, ".words"));
        for (i = 0; i < 8; ++i) {
            proof[i] = words[i];
        }
    }

    function _uint(string memory path) internal view returns (uint256) {
        return vm.parseJsonUint(json, path);
    }

    function _header(uint64 number) private view returns (IArbiter.Header memory) {
        string memory batch = string.concat(".batches[", vm.toString(number - 1), "]");
        return IArbiterTypes.Header({
            deposits: uint8(_uint(string.concat(batch, ".deposits"))),
            forced: uint8(_uint(string.concat(batch, ".forced"))),
            feeAccount: uint48(_uint(string.concat(batch, ".feeAccount")))
        });
    }

    function _fixtureConfig() private view returns (IArbiter.Config memory) {
        return IArbiterTypes.Config({
            verifier: address(verifier),
            membershipVerifier: address(membershipVerifier),
            policy: address(0),
            genesisRoot: _uint(".genesisRoot"),
            circuitVersion: _uint(".circuitVersion"),
            membershipVersion: _uint(".membershipVersion"),
            slots: uint8(_uint(".slots")),
            depth: uint8(_uint(".depth")),
            reward: REWARD,
            rewardFloor: REWARD,
            bond: 3 * 1024 * REWARD,
            bounty: 0,
            minDeposit: 1000,
            targetDelay: 4,
            doubleAfter: 22,
            quadrupleAfter: 24,
            haltAfter: EXIT_DEADLINE,
            window: 8,
            queueDeadline: 10,
            alarmDelay: ALARM_DELAY,
            exitDeadline: EXIT_DEADLINE
        });
    }

    function _depositAt(uint256 i) private {
        string memory path = string.concat(".deposits[", vm.toString(i), "]");
        uint64 amount = uint64(_uint(string.concat(path, ".amountGwei")));
        arbiter.deposit{value: uint256(amount) * 1 gwei + arbiter.queueFee()}(
            _uint(string.concat(path, ".publicKeyX")),
            _uint(string.concat(path, ".publicKeyY")),
            vm.parseJsonAddress(json, string.concat(path, ".exitAddress")),
            amount
        );
    }

    function _forceExitAt(uint256 i) private {
        string memory path = string.concat(".forcedExits[", vm.toString(i), "]");
        address caller = vm.parseJsonAddress(json, string.concat(path, ".caller"));
        uint256 fee = arbiter.queueFee();
        vm.deal(caller, fee);
        vm.prank(caller);
        arbiter.forceExit{value: fee}(
            uint48(_uint(string.concat(path, ".account"))), uint64(_uint(string.concat(path, ".amountGwei")))
        );
    }

    function _key(string memory path) private view returns (uint256[22] memory key) {
        uint256[] memory words = vm.parseJsonUintArray(json, path);
        for (uint256 i = 0; i < 22; ++i) {
            key[i] = words[i];
        }
    }

    function _indexOf(string memory list, string memory name) private view returns (uint256 i) {
        bytes32 wanted = keccak256(bytes(name));
        while (keccak256(bytes(_nameAt(list, i))) != wanted) ++i;
    }

    function _nameAt(string memory list, uint256 i) private view returns (string memory) {
        return vm.parseJsonString(json, string.concat(list, "[", vm.toString(i), "].name"));
    }
}
