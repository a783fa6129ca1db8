// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {MarketHandler} from "./support/MarketHandler.sol";
import {Test} from "./support/Test.sol";

contract InvariantsTest is Test {
    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }

    MarketHandler private handler;
    IArbiter private arbiter;

    function setUp() public {
        handler = new MarketHandler();
        arbiter = handler.market();
    }

    /// @dev Read by forge: the only contract and calls of a run; proofs come more often than the rest.
    function targetContracts() external view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(handler);
    }

    function targetSelectors() external view returns (FuzzSelector[] memory targets) {
        targets = new FuzzSelector[](1);
        targets[0].addr = address(handler);
        bytes4[] memory selectors = new bytes4[](16);
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
        selectors[10] = MarketHandler.submit.selector;
        selectors[11] = MarketHandler.creditExits.selector;
        selectors[12] = MarketHandler.creditExits.selector;
        selectors[13] = MarketHandler.finalize.selector;
        selectors[14] = MarketHandler.withdraw.selector;
        selectors[15] = MarketHandler.pass.selector;
        targets[0].selectors = selectors;
    }

    /// @dev Deposits not exited, exits not credited among them; escrows of batches not final; fees of entries not
    /// in a final batch; credits; the alarm's pot; beside the bond: to the wei.
    function invariant_BalanceIsWhatIsOwed() public view {
        uint256 inside = (handler.depositedGwei() - handler.creditedGwei()) * 1 gwei;
        (, uint256 pending) = handler.fees();
        uint256 owed = inside + handler.escrows() + pending + handler.credits() + handler.pot();
        vm.assertEq(handler.held(), owed);
    }

    /// @dev Rewards of final batches, fees of their entries and credited exits, each once.
    function invariant_NothingIsPaidTwice() public view {
        uint256 paid = handler.credits() + handler.withdrawnWei();
        (uint256 earned,) = handler.fees();
        uint256 forProofs = handler.rewardsPaid() + handler.returned();
        vm.assertEq(paid, forProofs + earned + handler.creditedGwei() * 1 gwei);
    }

    /// @dev The bond paid for delays, and for nothing else.
    function invariant_TheBondPaysForDelaysAlone() public view {
        vm.assertEq(handler.bondLeft() + handler.charged(), arbiter.bond());
    }

    function invariant_TheControllerIsTheRules() public view {
        vm.assertEq(arbiter.currentReward(), handler.expectedReward());
    }

    function invariant_TheRootIsTheCanonicalOne() public view {
        vm.assertEq(arbiter.stateRoot(), handler.canonicalRoot(arbiter.finalizedNumber()));
    }

    function invariant_TheQueueIsDrainedInOrder() public view {
        vm.assertEq(arbiter.queueHead(), handler.drained());
        vm.assertEq(arbiter.queueTail(), handler.queuedEntries());
    }
}
