// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Extended} from "./Extended.sol";

/// @title Paying awards that waited for a policy's choice.
abstract contract AwardSettlement is Extended {
    function settleAward(uint64 number, uint256 oldRoot) external delegated {
        _settleAward(number, oldRoot);
    }

    function award(uint64 number, uint256 oldRoot)
        external
        view
        returns (address payee, uint96 amount, uint64 dueAt)
    {
        return _awardOf(number, oldRoot);
    }
}
