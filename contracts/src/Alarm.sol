// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Extended} from "./Extended.sol";

/// @title The soundness alarm: two valid proofs of one transition that disagree end the rollup before it.
abstract contract Alarm is Extended {}
