// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {IAwardPolicy} from "../src/policies/IAwardPolicy.sol";
import {PolicyArbiterTest} from "./support/PolicyArbiterTest.sol";

/// @dev A policy that does the worst it can in every call.
contract HostilePolicy {
    enum Mode {
        Wait,
        Revert,
        BurnGas,
        AnswerNothing,
        AnswerMuch,
        Stranger,
        Reenter
    }

    address public immutable arbiter;
    Mode public mode;
    bytes public again;

    constructor(address arbiter_) {
        arbiter = arbiter_;
    }

    function set(Mode mode_, bytes calldata again_) external {
        (mode, again) = (mode_, again_);
    }

    fallback() external {
        if (mode == Mode.Revert) revert("no");
        if (mode == Mode.BurnGas) while (true) {}
        if (mode == Mode.Reenter) {
            (bool done,) = arbiter.call(again);
            require(done, "not re-entered");
        }
        uint256 answer = block.number + 1;
        if (msg.sig == IAwardPolicy.contends.selector) answer = 1;
        if (msg.sig == IAwardPolicy.winner.selector) answer = mode == Mode.Stranger ? 0xBAD : 0;
        if (mode == Mode.AnswerMuch) answer = type(uint256).max;
        assembly ("memory-safe") {
            mstore(0, answer)
        }
        uint256 size = mode == Mode.AnswerNothing ? 0 : mode == Mode.AnswerMuch ? 50_000 : 32;
        assembly {
            return(0, size)
        }
    }
}

contract AwardsHostileTest is PolicyArbiterTest {
    HostilePolicy internal policy;

    function _newPolicy(address arbiterToBe) internal override returns (address) {
        policy = new HostilePolicy(arbiterToBe);
        return address(policy);
    }

    /// @dev The state is final and the first is paid at once, whatever the policy does.
    function _paysTheFirst(HostilePolicy.Mode mode) internal {
        _sequenceMany(1);
        policy.set(mode, "");
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 1);
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
    }

    function test_SubmitProof_WhenThePolicyReverts() public {
        _paysTheFirst(HostilePolicy.Mode.Revert);
    }

    function test_SubmitProof_WhenThePolicyBurnsItsGas() public {
        _paysTheFirst(HostilePolicy.Mode.BurnGas);
        vm.assertLt(vm.lastCallGas().gasTotalUsed, 900_000);
    }

    function test_SubmitProof_WhenThePolicyAnswersNothing() public {
        _paysTheFirst(HostilePolicy.Mode.AnswerNothing);
    }

    function test_SubmitProof_WhenThePolicyAnswersNonsense() public {
        _paysTheFirst(HostilePolicy.Mode.AnswerMuch);
    }

    /// @dev The first proof waits for a policy that behaves; then it misbehaves when it should choose.
    function _settlesForTheFirst(HostilePolicy.Mode mode) internal {
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        arbiter.submitProof(_proved(1, RIVAL, 0));
        vm.assertEq(_waiting(1), REWARD);
        policy.set(mode, "");
        _roll(1);
        _settle(1);
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
        vm.assertEq(arbiter.creditOf(RIVAL), 0);
        vm.assertEq(arbiter.creditOf(address(0xBAD)), 0);
    }

    function test_SettleAward_WhenThePolicyReverts() public {
        _settlesForTheFirst(HostilePolicy.Mode.Revert);
    }

    function test_SettleAward_WhenThePolicyBurnsItsGas() public {
        _settlesForTheFirst(HostilePolicy.Mode.BurnGas);
    }

    function test_SettleAward_WhenThePolicyAnswersNothing() public {
        _settlesForTheFirst(HostilePolicy.Mode.AnswerNothing);
    }

    function test_SettleAward_WhenThePolicyAnswersNonsense() public {
        _settlesForTheFirst(HostilePolicy.Mode.AnswerMuch);
    }

    function test_SettleAward_NeverPaysWhoBroughtNoProof() public {
        _settlesForTheFirst(HostilePolicy.Mode.Stranger);
    }

    function test_SubmitProof_AFurtherProofIsLateWhenThePolicyReverts() public {
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        policy.set(HostilePolicy.Mode.Revert, "");
        _refusesProof(_proved(1, RIVAL, 0), _late(1));
    }

    /// @dev M12: what would move the rollup under a call that is about to write how far it has come.
    function _refusesReentry(bytes memory call_) internal {
        policy.set(HostilePolicy.Mode.Reenter, call_);
        _refusesProof(_proved(1, PAYEE, 0), abi.encodeWithSelector(IArbiterTypes.PolicyReentered.selector));
        vm.assertEq(arbiter.finalizedNumber(), 0);
        vm.assertEq(arbiter.creditOf(PAYEE), 0);
    }

    function test_SubmitProof_WhenThePolicyQueuesAnExit() public {
        _sequenceMany(1);
        // The call comes without its fee and fails, and the policy with it: the first is paid.
        policy.set(HostilePolicy.Mode.Reenter, abi.encodeCall(IArbiter.forceExit, (1, 1)));
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.assertEq(arbiter.queueTail(), 0);
        vm.assertEq(arbiter.creditOf(PAYEE), REWARD);
    }

    function test_SubmitProof_WhenThePolicyFinalizes() public {
        _sequenceMany(2);
        arbiter.submitProof(_proved(2, RIVAL, 0));
        // Nothing to finalize for it: harmless, and so allowed.
        policy.set(HostilePolicy.Mode.Reenter, abi.encodeCall(IArbiter.finalize, (8)));
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 2);
        _assertPaidOnce();
    }

    function _assertPaidOnce() internal view {
        uint256 owed = arbiter.creditOf(PAYEE) + arbiter.creditOf(RIVAL) + _waiting(1) + _waiting(2);
        vm.assertEq(owed, 2 * REWARD);
        vm.assertEq(_held(), owed);
    }

    function test_SubmitProof_WhateverThePolicySubmitsNothingIsPaidTwice() public {
        _sequenceMany(2);
        IArbiter.Submission memory next = _proved(2, RIVAL, 0);
        // Inside, the policy is asked again and re-enters again: bounded by its gas, so the innermost call fails.
        policy.set(HostilePolicy.Mode.Reenter, abi.encodeCall(IArbiter.submitProof, (next)));
        try arbiter.submitProof(_proved(1, PAYEE, 0)) {} catch {}
        policy.set(HostilePolicy.Mode.Wait, "");
        if (arbiter.finalizedNumber() == 0) arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.assertGe(arbiter.finalizedNumber(), 1);
        vm.assertGe(_held(), arbiter.creditOf(PAYEE) + arbiter.creditOf(RIVAL) + _waiting(1) + _waiting(2));
    }

    function test_RevertSubmitProof_WhenThePolicyEndsTheRollup() public {
        _sequenceMany(1);
        _roll(EXIT_DEADLINE + 1);
        _refusesReentry(abi.encodeCall(IArbiter.enterExitMode, ()));
    }
}
