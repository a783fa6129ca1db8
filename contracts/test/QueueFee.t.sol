// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev What an entry prepays (docs/protocol.md section 8), and that all of it reaches the poster.
contract QueueFeeTest is ArbiterTest {
    function test_QueueFee_IsTwiceASlotsRewardWhenTheQueueIsEmpty() public view {
        vm.assertEq(arbiter.queueFee(), 2 * uint256(REWARD) / 4);
    }

    /// @dev 2 · ceil(reward / N) · (64 + backlog) / 64.
    function testFuzz_QueueFee_RoundsARewardUpAndGrowsWithTheBacklog(
        uint96 reward,
        uint8 slots,
        uint8 backlog
    ) public {
        (slots, backlog) = (uint8(bound(slots, 1, 255)), uint8(bound(backlog, 0, 70)));
        reward = uint96(bound(reward, 0, 1e12)) * 1 gwei;
        IArbiter.Config memory config = _config();
        (config.reward, config.rewardFloor, config.bond, config.slots) = (reward, 0, 3 * reward, slots);
        arbiter = _deploy(config);
        vm.deal(USER, type(uint96).max);
        for (uint256 i = 0; i < backlog; ++i) {
            _forceTransaction(_userSlot(i));
        }
        uint256 perSlot = uint256(reward) / slots + (uint256(reward) % slots == 0 ? 0 : 1);
        vm.assertEq(arbiter.queueFee(), 2 * perSlot * (64 + uint256(backlog)) / 64);
    }

    function test_QueueFee_DoublesAtABacklogOf64AndFallsAsTheQueueIsDrained() public {
        uint256 empty = arbiter.queueFee();
        for (uint256 i = 0; i < 64; ++i) {
            _forceTransaction(_userSlot(i));
        }
        vm.assertEq(arbiter.queueFee(), 2 * empty);
        bytes memory data;
        for (uint256 i = 0; i < SLOTS; ++i) {
            data = bytes.concat(data, _userSlot(i));
        }
        _post(SEQUENCER, _header(0), data, SLOTS);
        vm.assertEq(arbiter.queueFee(), empty * 124 / 64);
    }

    function test_RevertEnqueue_WhenTheFeeIsShortByAWei() public {
        uint256 fee = arbiter.queueFee();
        bytes memory reason = abi.encodeWithSelector(IArbiterTypes.FeeTooLow.selector, fee - 1, fee);
        vm.expectRevert(reason);
        vm.prank(USER);
        arbiter.forceExit{value: fee - 1}(0, 1);
        vm.expectRevert(reason);
        vm.prank(USER);
        arbiter.forceTransaction{value: fee - 1}([bytes32(0), 0, 0, 0]);
    }

    function test_RevertEnqueue_WhenTheFeeWouldNotFit() public {
        uint256 most = 2 ** 88 - 1;
        vm.deal(USER, 2 ** 90);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.FeeTooHigh.selector, most + 1, most));
        vm.prank(USER);
        arbiter.forceExit{value: most + 1}(0, 1);
        vm.prank(USER);
        arbiter.forceExit{value: most}(0, 1);
        vm.assertEq(_held(), most);
    }

    /// @dev The greatest batch of the dearest entries can be posted: nobody can stop the queue with money.
    function test_QueueFee_OfAWholeBatchOfTheDearestEntriesFits() public {
        IArbiter.Config memory config = _config();
        config.slots = 255;
        arbiter = _deploy(config);
        bytes memory slot = _userSlot(1);
        bytes memory data;
        uint256 most = 2 ** 88 - 1;
        vm.deal(USER, 2 ** 97);
        for (uint256 i = 0; i < 255; ++i) {
            vm.prank(USER);
            arbiter.forceTransaction{value: most}(abi.decode(slot, (bytes32[4])));
            data = bytes.concat(data, slot);
        }
        _post(SEQUENCER, _header(0), data, 255);
        IArbiter.Submission memory submission = _unproved(1, PAYEE, 0);
        submission.data = data;
        _submit(PAYEE, _prove(submission));
        vm.assertEq(arbiter.creditOf(SEQUENCER), 255 * most);
    }

    function test_Fees_AreThePostersWhenTheBatchFinalizesAndNotBefore() public {
        uint256 paid = _enqueueThree();
        _postThree();
        _sequence(0, _data(2));
        _submit(RIVAL, _proved(2, PAYEE, 0));
        vm.assertEq(arbiter.creditOf(SEQUENCER), 0);
        _submit(RIVAL, _provedThree(_root(0)));
        vm.assertEq(arbiter.finalizedNumber(), 2);
        vm.assertEq(arbiter.creditOf(SEQUENCER), paid);
        vm.assertEq(arbiter.creditOf(PAYEE), 2 * REWARD);
        vm.assertEq(_held(), 2000 gwei + paid + 2 * REWARD);
    }

    function test_Fees_AreNotPaidForAProofOnAnotherRoot() public {
        _enqueueThree();
        _postThree();
        _submit(RIVAL, _provedThree(666));
        vm.assertEq(arbiter.finalize(1), 0);
        vm.assertEq(arbiter.creditOf(SEQUENCER), 0);
    }

    /// @dev A deposit, a forced exit, a forced transaction, the last of which pays more than it must.
    function _enqueueThree() private returns (uint256 paid) {
        _deposit(5, 2000);
        _forceExit(EXIT, 0, 300);
        paid = _held() - 2000 gwei + 1 ether;
        vm.prank(USER);
        arbiter.forceTransaction{value: 1 ether}(abi.decode(_userSlot(1), (bytes32[4])));
    }

    function _postThree() private {
        _post(SEQUENCER, _header(1, 1), _three(), 3);
    }

    function _three() private pure returns (bytes memory) {
        return _dataWith(bytes.concat(_depositSlot(0, 5, 2000), _exitSlot(EXIT, 0, 300), _userSlot(1)));
    }

    function _provedThree(uint256 oldRoot) private view returns (IArbiter.Submission memory submission) {
        submission = _unproved(1, PAYEE, 0);
        (submission.oldRoot, submission.header, submission.data) = (oldRoot, _header(1, 1), _three());
        return _prove(submission);
    }
}
