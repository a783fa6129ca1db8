// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {EndHandler} from "./support/EndHandler.sol";
import {MarketHandler} from "./support/MarketHandler.sol";
import {Test} from "./support/Test.sol";

/// @dev However the market went and whenever it ends: all that was ever paid in is owed to somebody, and goes to them.
contract EndInvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    EndHandler private handler;
    IArbiter private arbiter;

    function setUp() public {
        handler = new EndHandler();
        arbiter = handler.market();
    }

    /// @dev Read by forge: the only contract and calls of a run.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        bytes4[] memory selectors = new bytes4[](19);
        selectors[0] = MarketHandler.deposit.selector;
        selectors[1] = MarketHandler.topUp.selector;
        selectors[2] = MarketHandler.forceExit.selector;
        selectors[3] = MarketHandler.forceTransaction.selector;
        selectors[4] = MarketHandler.sequence.selector;
        selectors[5] = MarketHandler.sequence.selector;
        selectors[6] = MarketHandler.postQueue.selector;
        selectors[7] = MarketHandler.submit.selector;
        selectors[8] = MarketHandler.submit.selector;
        selectors[9] = MarketHandler.submit.selector;
        selectors[10] = MarketHandler.creditExits.selector;
        selectors[11] = MarketHandler.withdraw.selector;
        selectors[12] = MarketHandler.pass.selector;
        selectors[13] = EndHandler.end.selector;
        selectors[14] = EndHandler.refundBatch.selector;
        selectors[15] = EndHandler.refundEntry.selector;
        selectors[16] = EndHandler.refundEntry.selector;
        selectors[17] = EndHandler.leave.selector;
        selectors[18] = EndHandler.alarm.selector;
        targets[0].selectors = selectors;
    }

    /// forge-config: default.invariant.runs = 48
    /// forge-config: long.invariant.runs = 1024
    function invariant_BalanceIsWhatIsOwed() public view {
        vm.assertEq(handler.held(), handler.owed() + handler.credits());
    }

    /// @dev After every run: everybody takes what is theirs, and not a wei but the alarm's pot stays behind or is missing.
    function afterInvariant() public {
        handler.settle();
        vm.assertEq(handler.held(), handler.pot());
    }
}
