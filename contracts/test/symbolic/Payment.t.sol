// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Arbiter} from "../../src/Arbiter.sol";
import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {Test} from "../support/Test.sol";

/// @dev Calls every proof valid: what holds with it holds with any verifier.
contract YesVerifier {
    function verify(uint256[8] calldata, uint256, uint256, uint256) external pure returns (bool) {
        return true;
    }
}

contract PaymentSymbolic is Test {
    Arbiter internal arbiter;
    IArbiter.Header internal header;

    function setUp() public {
        IArbiter.Config memory config = IArbiter.Config({
            verifier: address(new YesVerifier()),
            membershipVerifier: address(new YesVerifier()),
            sequencer: address(this),
            genesisRoot: 42,
            circuitVersion: 1,
            membershipVersion: 2,
            slots: 1,
            depth: 1,
            reward: 1 ether,
            minDeposit: 1,
            queueDeadline: 10,
            alarmDelay: 6,
            exitDeadline: 25
        });
        arbiter = new Arbiter(config);
        vm.deal(address(this), 10 ether);
        arbiter.sequenceBatch{value: 1 ether}(1, 0, header, new bytes(128), 0);
    }

    function check_ABatchPaysItsEscrowOnce(
        address payee,
        uint96 tip,
        uint256 newRoot,
        address second,
        uint256 root2
    ) external {
        IArbiter.Submission memory submission;
        submission.number = 1;
        submission.oldRoot = 42;
        submission.newRoot = newRoot;
        submission.payee = payee;
        submission.tip = tip;
        submission.data = new bytes(128);
        try arbiter.submitProof(submission) {}
            catch {
            return;
        }
        submission.payee = second;
        submission.newRoot = root2;
        bool paidTwice;
        try arbiter.submitProof(submission) {
            paidTwice = true;
        }
            catch {}
        assert(!paidTwice);
        uint256 owed = arbiter.creditOf(payee);
        if (payee != address(this)) owed += arbiter.creditOf(address(this));
        assert(owed == 1 ether);
    }
}
