// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {Statement} from "../../src/libraries/Statement.sol";

/// @dev Gives tests the statement library with calldata arguments, as the arbiter uses it.
contract StatementHarness {
    using Statement for bytes;

    function lay(uint8 slots, uint8 depth, IArbiter.Header calldata header, bytes calldata data)
        external
        pure
        returns (bytes memory v, bytes32 batchHash)
    {
        v = Statement.lay(slots, depth, header, data);
        batchHash = v.batchHash(data.length);
    }

    function placeExits(bytes memory v, uint8 slots, uint256[] calldata exits)
        external
        pure
        returns (bytes memory, uint256 words)
    {
        words = v.placeExits(slots, exits);
        return (v, words);
    }

    function publicInputs(IArbiter arbiter, IArbiter.Submission calldata s)
        external
        view
        returns (uint256 x, uint256 y)
    {
        bytes memory v = Statement.lay(arbiter.slots(), arbiter.depth(), s.header, s.data);
        uint256 context = Statement.context(s.number, v.batchHash(s.data.length), s.payee, s.tip);
        v.bind(arbiter.domain(), s.oldRoot, s.newRoot, context);
        v.placeExits(arbiter.slots(), s.exits);
        x = v.challenge(s.commitment);
        y = v.evaluate(v.length / 32, x);
    }
}
