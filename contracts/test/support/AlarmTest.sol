// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {EndTest} from "./EndTest.sol";

/// @dev EndTest's rollup gone on: batch 3, with an exit, and, some blocks later, batch 4 are final by proofs that hold. Batch 5
/// is posted and not final. The verifying key is broken: the tests prove what they like.
abstract contract AlarmTest is EndTest {
    uint96 internal constant BOUNTY = 1e15;
    uint64 internal constant DISPUTED = 3;
    uint64 internal constant FORMER_FINAL = 4;
    uint64 internal constant POSTED = 5;
    uint256 internal constant OTHER_ROOT = 666;
    address internal constant WATCHER = address(0x3A7C);

    /// @dev The block in which batch 3 became final.
    uint256 internal finalAt;

    function setUp() public virtual override {
        super.setUp();
        finalAt = block.number;
        _submit(PAYEE, _third(_root(3), _exitsOfThird(), PAYEE));
        vm.roll(block.number + 2);
        _submit(PAYEE, _fourth(_root(4), PAYEE));
        _sequence(0, _data(5));
    }

    function _config() internal view virtual override returns (IArbiter.Config memory config) {
        config = super._config();
        config.bounty = BOUNTY;
    }

    function _exitsOfThird() internal pure returns (uint256[] memory) {
        return _one(_exit(3, EXIT, 700));
    }

    /// @dev A true proof of batch 3 on its true old root, whatever the result.
    function _third(uint256 newRoot, uint256[] memory exits, address payee)
        internal
        view
        returns (IArbiter.Submission memory submission)
    {
        submission = _unproved(3, payee, 0);
        (submission.header, submission.data) = (_header(1, 1), _thirdData());
        (submission.newRoot, submission.exits) = (newRoot, exits);
        return _prove(submission);
    }

    function _fourth(uint256 newRoot, address payee)
        internal
        view
        returns (IArbiter.Submission memory submission)
    {
        submission = _unproved(4, payee, 0);
        (submission.newRoot, submission.data) = (newRoot, _dataAlone(_slotOf(POSTED_BY_RIVAL)));
        return _prove(submission);
    }

    /// @dev What contradicts batch 3's result, for WATCHER.
    function _contradiction() internal view returns (IArbiter.Submission memory) {
        return _third(OTHER_ROOT, new uint256[](0), WATCHER);
    }

    /// @dev WATCHER raises it by naming batch 3's own result.
    function _raise(IArbiter.Submission memory second) internal {
        vm.prank(WATCHER);
        arbiter.raiseAlarm(second, _root(3));
    }

    function _refusesAlarm(IArbiter.Submission memory second, bytes4 reason) internal {
        _refusesAlarm(second, _root(3), reason);
    }

    function _refusesAlarm(IArbiter.Submission memory second, uint256 newRoot, bytes4 reason) internal {
        try arbiter.raiseAlarm(second, newRoot) {
            vm.assertTrue(false, "raised");
        } catch (bytes memory data) {
            vm.assertEq(bytes32(bytes4(data)), bytes32(reason));
        }
        vm.assertFalse(arbiter.exitMode(), "ended");
    }
}
