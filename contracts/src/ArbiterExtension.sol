// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Alarm} from "./Alarm.sol";
import {AwardSettlement} from "./AwardSettlement.sol";
import {ExitMode} from "./ExitMode.sol";
import {Sequencers} from "./Sequencers.sol";
import {Terms} from "./Terms.sol";
import {Views} from "./Views.sol";

/// @title The arbiter's second body: what is rarely called, kept apart so that each fits what L1 takes for a contract.
/// @notice The arbiter makes it and delegates to it; it has no state of its own and takes no direct calls.
contract ArbiterExtension is Sequencers, AwardSettlement, ExitMode, Alarm, Views {
    constructor(Config memory config) Terms(config) {}
}
