// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Seats} from "./Seats.sol";

/// @title Who is paid for a final batch: without a policy the payee of its first valid proof, at once.
abstract contract Awards is Seats {
    /// @dev An accepted proof about to make its batch final. `acceptedAt` is a block; `exitsHash` zero without exits.
    struct Win {
        uint64 number;
        uint256 oldRoot;
        uint256 newRoot;
        address payee;
        uint256 acceptedAt;
        address relayer;
        uint96 tip;
        bytes32 exitsHash;
    }

    /// @dev Pays `amount` Wei for a batch that became final by `win`; the tip, at most the amount, is the relayer's.
    function _pay(Win memory win, uint256 amount) internal {
        unchecked {
            _credit(win.payee, amount - win.tip);
        }
        if (win.tip > 0) _credit(win.relayer, win.tip);
    }

    /// @dev A batch's first valid proof on `oldRoot` was accepted, in this block.
    function _noteFirst(uint64 number, uint256 oldRoot, address payee) internal {}

    /// @dev May a further valid proof of (number, oldRoot) for `payee` still matter? Asked before anything is verified.
    function _contends(uint64, uint256, address) internal view returns (bool) {
        return _policy != address(0);
    }

    /// @dev Takes a further proof, verified, of what is accepted already.
    function _contend(Submission calldata submission, bytes32 exitsHash) internal {}
}
