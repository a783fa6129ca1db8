// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {PhotoFinish} from "../src/policies/PhotoFinish.sol";
import {PolicyArbiterTest} from "./support/PolicyArbiterTest.sol";

/// @dev Awards that wait, under a photo finish.
contract AwardsTest is PolicyArbiterTest {
    PhotoFinish internal policy;

    function _newPolicy(address arbiterToBe) internal override returns (address) {
        policy = new PhotoFinish(arbiterToBe, 1 ether, UNSTAKE_DELAY);
        return address(policy);
    }

    /// @dev Batches posted; PAYEE proves the first, RIVAL, the only one with a stake, in the same block.
    function _finishBoth(uint64 batches) internal {
        _stake(RIVAL, 1 ether);
        _sequenceMany(batches);
        _roll(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        arbiter.submitProof(_proved(1, RIVAL, 0));
    }

    function _creditOf(address payee) internal view returns (uint256) {
        return arbiter.creditOf(payee);
    }

    function test_SubmitProof_TheStateIsFinalWhileTheMoneyWaits() public {
        _sequenceMany(1);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.AwardWaits(1, PAYEE, uint64(block.number + 2));
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.assertEq(arbiter.finalizedNumber(), 1);
        vm.assertEq(arbiter.stateRoot(), _root(1));
        vm.assertEq(_creditOf(PAYEE), 0);
        (address payee, uint96 amount, uint64 dueAt) = arbiter.award(1, GENESIS_ROOT);
        vm.assertEq(payee, PAYEE);
        vm.assertEq(amount, REWARD);
        vm.assertEq(dueAt, block.number + 2);
    }

    function test_SettleAward_PaysTheOnlyProver() public {
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        _roll(2);
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.Awarded(1, PAYEE, REWARD);
        _settle(1);
        vm.assertEq(_creditOf(PAYEE), REWARD);
        vm.assertEq(_waiting(1), 0);
    }

    function test_SettleAward_PaysWhomThePolicyDraws() public {
        _finishBoth(1);
        _roll(2);
        _settle(1);
        vm.assertEq(_creditOf(RIVAL), REWARD);
        vm.assertEq(_creditOf(PAYEE), 0);
        vm.assertEq(_held(), REWARD);
    }

    function test_RevertSettleAward_BeforeItIsDue() public {
        _finishBoth(1);
        uint256 dueAt = block.number + 2;
        _roll(1);
        _refusesSettling(1, abi.encodeWithSelector(IArbiterTypes.AwardNotDue.selector, block.number, dueAt));
    }

    function test_RevertSettleAward_Twice() public {
        _finishBoth(1);
        _roll(2);
        _settle(1);
        _refusesSettling(1, abi.encodeWithSelector(IArbiterTypes.NoAward.selector, 1));
        vm.assertEq(_creditOf(RIVAL), REWARD);
    }

    function test_RevertSettleAward_WhenNothingWaits() public {
        _sequenceMany(1);
        _refusesSettling(1, abi.encodeWithSelector(IArbiterTypes.NoAward.selector, 1));
    }

    function test_SubmitProof_AFurtherProofInTheBlockContends() public {
        _stake(RIVAL, 1 ether);
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.ProofContends(1, RIVAL, GENESIS_ROOT, RELAYER, 0);
        _submit(RELAYER, _proved(1, RIVAL, 0));
    }

    function test_RevertSubmitProof_WhenTheFinishIsOver() public {
        _stake(RIVAL, 1 ether);
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        _roll(1);
        _refusesProof(_proved(1, RIVAL, 0), _late(1));
    }

    function test_RevertSubmitProof_OfAContenderWithoutAStake() public {
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        _refusesProof(_proved(1, RIVAL, 0), _late(1));
    }

    /// @dev M1: a second ticket for one payee, by the same proof or another one.
    function test_RevertSubmitProof_WhenThePayeeContendsAlready() public {
        _stake(PAYEE, 1 ether);
        _stake(RIVAL, 1 ether);
        _sequenceMany(1);
        IArbiter.Submission memory first = _proved(1, PAYEE, 0);
        arbiter.submitProof(first);
        _refusesProof(first, _late(1));
        _refusesProof(_proved(1, PAYEE, 1 gwei), _late(1));
        arbiter.submitProof(_proved(1, RIVAL, 0));
        _refusesProof(_proved(1, RIVAL, 0), _late(1));
    }

    function test_RevertSubmitProof_WhenAFurtherProofIsInvalid() public {
        _stake(RIVAL, 1 ether);
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        IArbiter.Submission memory further = _proved(1, RIVAL, 0);
        further.proof[0] ^= 1;
        _assertInvalid(further, "a further proof is not verified");
    }

    /// @dev M18: one that says something else is for the alarm, and no contender.
    function test_RevertSubmitProof_WhenAFurtherProofShowsAnotherOutcome() public {
        _stake(RIVAL, 1 ether);
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        IArbiter.Submission memory other = _unproved(1, RIVAL, 0);
        other.newRoot += 1;
        _refusesProof(_prove(other), _late(1));
        other = _unproved(1, RIVAL, 0);
        other.exits = _one(_exit(0, EXIT, 1));
        _refusesProof(_prove(other), _late(1));
    }

    /// @dev M1: whoever lands a contender's proof, the contender is paid.
    function test_SettleAward_ACopiedContenderPaysTheNamedPayee() public {
        _stake(RIVAL, 1 ether);
        _sequenceMany(1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        IArbiter.Submission memory copied = _proved(1, RIVAL, 0);
        _submit(RELAYER, copied);
        _refusesProof(copied, _late(1));
        _roll(2);
        _settle(1);
        vm.assertEq(_creditOf(RIVAL), REWARD);
        vm.assertEq(_creditOf(RELAYER), 0);
    }

    function testFuzz_SettleAward_ATipIsTheWinnersToItsOwnRelayer(uint96 first, uint96 second) public {
        first = uint96(bound(first, 0, REWARD));
        second = uint96(bound(second, 0, type(uint96).max));
        _stake(RIVAL, 1 ether);
        _sequenceMany(1);
        _submit(USER, _proved(1, PAYEE, first));
        _submit(RELAYER, _proved(1, RIVAL, second));
        _roll(2);
        _settle(1);
        uint256 paid = second < REWARD ? second : REWARD;
        vm.assertEq(_creditOf(RELAYER), paid);
        vm.assertEq(_creditOf(RIVAL), REWARD - paid);
        vm.assertEq(_creditOf(USER), 0);
        vm.assertEq(_creditOf(PAYEE), 0);
    }

    function test_SubmitProofs_TakesContendersOfOneBatchInOneCall() public {
        _stake(RIVAL, 1 ether);
        _stake(THIRD, 1 ether);
        _sequenceMany(2);
        IArbiter.Submission[] memory bundle = new IArbiter.Submission[](4);
        bundle[0] = _proved(1, PAYEE, 0);
        bundle[1] = _proved(1, RIVAL, 0);
        bundle[2] = _proved(2, PAYEE, 0);
        bundle[3] = _proved(1, THIRD, 0);
        vm.assertEq(arbiter.submitProofs(bundle), 4);
        vm.assertEq(arbiter.finalizedNumber(), 2);
        bundle = new IArbiter.Submission[](2);
        (bundle[0], bundle[1]) = (_proved(1, RIVAL, 0), _proved(2, THIRD, 0));
        vm.assertEq(arbiter.submitProofs(bundle), 1);
        _roll(2);
        _settle(1);
        _settle(2);
        vm.assertEq(_creditOf(RIVAL) + _creditOf(THIRD), 2 * REWARD);
        vm.assertEq(_creditOf(PAYEE), 0);
    }

    /// @dev A batch proved out of order: its finish is its own, drawn while the seed can be read, paid when it is final.
    function test_SettleAward_DecidesBeforeTheBatchIsFinal() public {
        _stake(RIVAL, 1 ether);
        _sequenceMany(2);
        arbiter.submitProof(_proved(2, PAYEE, 0));
        arbiter.submitProof(_proved(2, RIVAL, 0));
        _roll(2);
        _settle(2);
        vm.assertEq(_creditOf(RIVAL), 0);
        _refusesSettling(2, abi.encodeWithSelector(IArbiterTypes.NoAward.selector, 2));
        arbiter.submitProof(_proved(1, THIRD, 0));
        vm.assertEq(arbiter.finalizedNumber(), 2);
        vm.assertEq(_creditOf(RIVAL), REWARD);
    }

    function test_SettleAward_AfterABatchThatWaitedBecameFinal() public {
        _stake(RIVAL, 1 ether);
        _sequenceMany(2);
        _submit(RELAYER, _proved(2, PAYEE, 5 gwei));
        arbiter.submitProof(_proved(2, RIVAL, 0));
        arbiter.submitProof(_proved(1, THIRD, 0));
        vm.assertEq(_waiting(2), REWARD);
        _roll(2);
        _settle(2);
        vm.assertEq(_creditOf(RIVAL), REWARD);
        vm.assertEq(_creditOf(RELAYER), 0);
    }

    function test_SettleAward_OfAMadeUpRootPaysNobody() public {
        _sequenceMany(2);
        IArbiter.Submission memory stray = _unproved(2, RIVAL, 0);
        stray.oldRoot = 7;
        arbiter.submitProof(_prove(stray));
        arbiter.submitProof(_proved(1, PAYEE, 0));
        arbiter.submitProof(_proved(2, PAYEE, 0));
        _roll(2);
        arbiter.settleAward(2, 7);
        vm.assertEq(_creditOf(RIVAL), 0);
        _settle(1);
        _settle(2);
        vm.assertEq(_creditOf(PAYEE), 2 * REWARD);
    }

    function test_SettleAward_PaysWhatADelayAdded() public {
        _sequenceMany(1);
        _roll(DOUBLE_AFTER + 1);
        arbiter.submitProof(_proved(1, PAYEE, 0));
        _roll(2);
        _settle(1);
        vm.assertEq(_creditOf(PAYEE), 2 * REWARD);
    }

    /// @dev The end of the rollup touches no award that waits.
    function test_SettleAward_InExitMode() public {
        _finishBoth(2);
        _roll(EXIT_DEADLINE + 1);
        arbiter.enterExitMode();
        _settle(1);
        vm.assertEq(_creditOf(RIVAL), REWARD);
        vm.prank(RIVAL);
        arbiter.withdraw();
        vm.assertEq(RIVAL.balance, REWARD);
        arbiter.refundBatch(2);
        vm.assertEq(_held() - _creditOf(SEQUENCER), 0);
    }

    function test_RevertSettleAward_OfTheExtensionItself() public {
        IArbiter extension = IArbiter(arbiter.extension());
        vm.expectRevert(IArbiterTypes.CalledDirectly.selector);
        extension.settleAward(1, GENESIS_ROOT);
    }

    /// forge-config: default.fuzz.runs = 64
    /// forge-config: long.fuzz.runs = 10000
    /// @dev M11, solvency: what waits and what is credited is what was escrowed, whoever contends and whenever it settles.
    function testFuzz_Awards_AreWhatWasEscrowed(uint256 seed) public {
        address[3] memory payees = [PAYEE, RIVAL, THIRD];
        for (uint256 i = 0; i < 3; ++i) {
            if (seed >> i & 1 == 1) _stake(payees[i], 1 ether);
        }
        _sequenceMany(4);
        for (uint64 number = 1; number <= 4; ++number) {
            for (uint256 i = 0; i < 3; ++i) {
                address payee = payees[(i + number) % 3];
                try arbiter.submitProof(_proved(number, payee, uint96(seed % REWARD))) {} catch {}
            }
            _roll(seed >> number & 3);
            try arbiter.settleAward(number, _root(number - 1)) {} catch {}
        }
        vm.assertEq(arbiter.finalizedNumber(), 4);
        uint256 owed = _waiting(1) + _waiting(2) + _waiting(3) + _waiting(4) + _creditOf(address(this));
        for (uint256 i = 0; i < 3; ++i) {
            owed += _creditOf(payees[i]);
        }
        vm.assertEq(_held(), owed);
        vm.assertEq(owed, 4 * REWARD);
    }

    /// @dev Gas from nothing up: the policy is asked, or nothing happens. Nobody starves it into paying the first.
    function test_SubmitProof_WithLittleGasPaysNobodyAtOnce() public {
        _sequenceMany(1);
        IArbiter.Submission memory submission = _proved(1, PAYEE, 0);
        bool done;
        for (uint256 gas_ = 21_000; !done; gas_ += 7000) {
            try arbiter.submitProof{gas: gas_}(submission) {
                done = true;
            } catch {
                vm.assertEq(arbiter.finalizedNumber(), 0);
            }
        }
        vm.assertEq(_creditOf(PAYEE), 0);
        vm.assertEq(_waiting(1), REWARD);
    }

    function test_SettleAward_WithLittleGasPaysNobodyElse() public {
        _finishBoth(1);
        _roll(2);
        bool done;
        for (uint256 gas_ = 21_000; !done; gas_ += 1000) {
            try arbiter.settleAward{gas: gas_}(1, GENESIS_ROOT) {
                done = true;
            } catch {
                vm.assertEq(_waiting(1), REWARD);
            }
        }
        vm.assertEq(_creditOf(RIVAL), REWARD);
    }

    /// @dev M5: losing stays cheap.
    function test_Gas_ALateProofUnderAPolicy() public {
        _finishBoth(1);
        _roll(1);
        IArbiter.Submission memory late = _proved(1, THIRD, 0);
        vm.cool(address(arbiter));
        vm.cool(address(policy));
        try arbiter.submitProof(late) {
            vm.assertTrue(false);
        } catch {}
        vm.assertLt(vm.lastCallGas().gasTotalUsed, 40_000);
    }

    function test_RevertConstructor_WhenThePolicyIsNoneOfThisArbiters() public {
        IArbiter.Config memory config = _config();
        config.policy = address(policy);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.WrongConfig.selector, "policy"));
        this.deploy(config);
        config.policy = address(0x1234);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.WrongConfig.selector, "policy"));
        this.deploy(config);
    }

    function deploy(IArbiter.Config calldata config) external {
        _deploy(config);
    }
}
