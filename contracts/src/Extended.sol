// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Proofs} from "./Proofs.sol";

/// @title Base of all that the extension does: on the arbiter's storage, by its delegation alone.
abstract contract Extended is Proofs {
    address private immutable _self = address(this);

    modifier delegated() {
        if (address(this) == _self) revert CalledDirectly();
        _;
    }
}
