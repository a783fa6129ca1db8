// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SeatsHandler} from "./support/SeatsHandler.sol";
import {Test} from "./support/Test.sol";

/// @dev What holds whatever sequencers do.
/// forge-config: default.invariant.runs = 24
/// forge-config: long.invariant.runs = 1024
contract SeatsInvariants is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    SeatsHandler private handler;

    function setUp() public {
        handler = new SeatsHandler();
    }

    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    /// @dev Postings and proofs come more often than the rest.
    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        bytes4[] memory selectors = new bytes4[](11);
        selectors[0] = SeatsHandler.join.selector;
        selectors[1] = SeatsHandler.topUp.selector;
        selectors[2] = SeatsHandler.leave.selector;
        selectors[3] = SeatsHandler.release.selector;
        selectors[4] = SeatsHandler.slash.selector;
        for (uint256 i = 5; i < 9; ++i) {
            selectors[i] = SeatsHandler.post.selector;
        }
        selectors[9] = SeatsHandler.prove.selector;
        selectors[10] = SeatsHandler.prove.selector;
        targets[0].selectors = selectors;
    }

    function invariant_ABondCoversTheDelaysOfItsOwnBatches() external view {
        vm.assertTrue(handler.bondsCover());
    }

    function invariant_SeatsTurnsAndBondsTellOneStory() external view {
        vm.assertTrue(handler.seatsAgree());
    }

    function invariant_TheArbiterHoldsWhatItOwesSequencers() external view {
        if (handler.anySlashed()) vm.assertGe(handler.balance(), handler.owed());
        else vm.assertEq(handler.balance(), handler.owed());
        vm.assertEq(handler.balance(), handler.paidIn());
    }
}
