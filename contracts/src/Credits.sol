// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "./interfaces/IArbiter.sol";

/// @title What the arbiter owes to whom, in Wei: pulled, never pushed, and by nothing ever stopped.
abstract contract Credits is IArbiter {
    mapping(address payee => uint256) public override creditOf;

    /// @inheritdoc IArbiter
    function withdraw() external {
        uint256 amount = creditOf[msg.sender];
        if (amount == 0) revert NothingToWithdraw(msg.sender);
        creditOf[msg.sender] = 0;
        emit Withdrawn(msg.sender, amount);
        (bool sent,) = msg.sender.call{value: amount}("");
        if (!sent) revert TransferFailed(msg.sender);
    }
}
