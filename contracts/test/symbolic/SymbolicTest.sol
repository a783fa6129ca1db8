// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../../src/interfaces/IArbiterTypes.sol";
import {Test} from "../support/Test.sol";

/// @dev Calls every proof valid: what holds with it holds with any verifier.
contract YesVerifier {
    function verify(uint256[8] calldata, uint256, uint256, uint256) external pure returns (bool) {
        return true;
    }

    function verifyAll(uint256[] calldata) external pure returns (bool) {
        return true;
    }
}

/// @dev One posted batch of one slot, for Halmos: a function `check...` holds for every value of its arguments, or is refuted
/// by some. Forge does not run them.
abstract contract SymbolicTest is Test {
    uint96 internal constant REWARD = 1 ether;
    uint96 internal constant BOUNTY = 0.25 ether;
    uint96 internal constant BOND = 30 ether;
    uint32 internal constant ALARM_DELAY = 6;
    uint256 internal constant GENESIS_ROOT = 42;
    address internal constant SEQUENCER = address(0x5E0);

    IArbiter internal arbiter;

    function setUp() public virtual {
        arbiter = IArbiter(_create("Arbiter", abi.encode(_config())));
        vm.deal(SEQUENCER, BOND + 100 ether);
        vm.prank(SEQUENCER);
        arbiter.joinSequencers{value: BOND}();
        _post();
    }

    /// @dev The sequencer posts an empty batch.
    function _post() internal {
        (uint64 number, bytes32 parentHash) = arbiter.head();
        IArbiter.Header memory header;
        vm.prank(SEQUENCER);
        arbiter.sequenceBatch{value: REWARD + BOUNTY}(number + 1, parentHash, header, new bytes(128), 0);
    }

    /// @dev A submission for a batch posted by `_post`.
    function _submission(uint64 number, uint256 oldRoot, uint256 newRoot, address payee, uint96 tip)
        internal
        pure
        returns (IArbiter.Submission memory submission)
    {
        (submission.number, submission.oldRoot, submission.newRoot) = (number, oldRoot, newRoot);
        (submission.payee, submission.tip, submission.data) = (payee, tip, new bytes(128));
    }

    /// @dev False if the arbiter refuses it.
    function _takes(IArbiter.Submission memory submission) internal returns (bool taken) {
        try arbiter.submitProof(submission) {
            taken = true;
        } catch {}
    }

    function _config() private returns (IArbiter.Config memory) {
        return IArbiterTypes.Config({
            verifier: address(new YesVerifier()),
            membershipVerifier: address(new YesVerifier()),
            policy: address(0),
            genesisRoot: GENESIS_ROOT,
            circuitVersion: 1,
            membershipVersion: 2,
            slots: 1,
            depth: 1,
            reward: REWARD,
            rewardFloor: REWARD,
            bond: BOND,
            bounty: BOUNTY,
            minDeposit: 1,
            targetDelay: 4,
            doubleAfter: 8,
            quadrupleAfter: 12,
            haltAfter: 20,
            window: 8,
            queueDeadline: 10,
            alarmDelay: ALARM_DELAY,
            exitDeadline: 25
        });
    }
}
