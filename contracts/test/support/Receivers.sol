// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../../src/interfaces/IArbiterTypes.sol";

/// @dev A payee that is a contract and pulls its credit.
contract Receiver {
    receive() external payable virtual {}

    function pull(IArbiter arbiter) external {
        arbiter.withdraw();
    }
}

contract RevertingReceiver is Receiver {
    receive() external payable override {
        revert("no");
    }
}

contract GasBurningReceiver is Receiver {
    receive() external payable override {
        while (true) {}
    }
}

/// @dev Returns a megabyte, hoping that its caller pays for copying it.
contract BombingReceiver is Receiver {
    receive() external payable override {
        assembly ("memory-safe") {
            return(0, 1000000)
        }
    }
}

/// @dev Calls back in while it is being paid.
contract ReenteringReceiver is Receiver {
    bool public reentered;

    receive() external payable override {
        try IArbiter(msg.sender).withdraw() {
            reentered = true;
        } catch (bytes memory reason) {
            require(bytes4(reason) == IArbiterTypes.NothingToWithdraw.selector, "another error");
        }
        IArbiter(msg.sender).finalize(1);
    }
}
