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
        bytes4[] memory selectors = new bytes4[](9);
        selectors[0] = MarketHandler.deposit.selector;
        selectors[1] = MarketHandler.topUp.selector;
        selectors[2] = MarketHandler.sequence.selector;
        selectors[3] = MarketHandler.submit.selector;
        selectors[4] = MarketHandler.submit.selector;
        selectors[5] = MarketHandler.submit.selector;
        selectors[6] = MarketHandler.finalize.selector;
        selectors[7] = MarketHandler.withdraw.selector;
        selectors[8] = MarketHandler.pass.selector;
        targets[0].selectors = selectors;
    }

    /// @dev Deposits, escrows of batches not finalized and credits, to the wei.
    function invariant_BalanceIsWhatIsOwed() public view {
        (uint64 head,) = arbiter.head();
        uint256 escrows = uint256(head - arbiter.finalizedNumber()) * handler.reward();
        vm.assertEq(address(arbiter).balance, handler.depositedWei() + escrows + handler.credits());
    }

    function invariant_EveryFinalizedBatchIsPaidOnce() public view {
        uint256 earned = handler.credits() + handler.withdrawnWei();
        vm.assertEq(earned, uint256(arbiter.finalizedNumber()) * handler.reward());
    }

    function invariant_TheRootIsTheCanonicalOne() public view {
        vm.assertEq(arbiter.stateRoot(), handler.canonicalRoot(arbiter.finalizedNumber()));
    }

    function invariant_TheQueueIsDrainedInOrder() public view {
        vm.assertEq(arbiter.queueHead(), handler.sequencedDeposits());
        vm.assertEq(arbiter.queueTail(), handler.queuedDeposits());
    }
}
