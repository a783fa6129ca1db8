// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../interfaces/IArbiterTypes.sol";

/// @title The statement V of a batch proof, and its evaluation (docs/protocol.md section 5).
/// @notice V is kept as its 8 + 6N words in memory; words 4 to 8 + 4N are header and data, which the batch hash
/// covers, so that one copy of the data serves every hash.
library Statement {
    /// @dev Order of BN254's scalar field.
    uint256 internal constant R =
        21_888_242_871_839_275_222_246_405_745_257_275_088_548_364_400_416_034_343_698_204_186_575_808_495_617;

    uint256 internal constant SLOT_BYTES = 128;
    uint256 private constant FACTS_BYTES = 0x80;
    uint256 private constant HEADER_BYTES = 0x80;
    uint256 private constant EXIT_BYTES = 0x40;

    function domain(uint256 chainId, address arbiter, uint256 circuitVersion)
        internal
        pure
        returns (uint256 domain_)
    {
        uint256 arbiter_ = uint160(arbiter);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, chainId)
            mstore(add(free, 0x20), arbiter_)
            mstore(add(free, 0x40), circuitVersion)
            domain_ := shr(8, keccak256(free, 0x60))
        }
    }

    function context(uint64 number, bytes32 batchHash_, address payee, uint96 tip)
        internal
        pure
        returns (uint256 context_)
    {
        (uint256 number_, uint256 payee_, uint256 tip_) = (number, uint160(payee), tip);
        assembly ("memory-safe") {
            let free := mload(0x40)
            mstore(free, number_)
            mstore(add(free, 0x20), batchHash_)
            mstore(add(free, 0x40), payee_)
            mstore(add(free, 0x60), tip_)
            context_ := shr(8, keccak256(free, 0x80))
        }
    }

    /// @notice V with its first four words not written yet. `data` must be `slots` · 128 bytes.
    function lay(uint8 slots, uint8 depth, IArbiterTypes.Header calldata header, bytes calldata data)
        internal
        pure
        returns (bytes memory v)
    {
        (uint256 deposits, uint256 forced, uint256 feeAccount) =
            (header.deposits, header.forced, header.feeAccount);
        uint256 shape = (uint256(slots) << 8) | depth;
        uint256 exitsLength = uint256(slots) * EXIT_BYTES;
        assembly ("memory-safe") {
            v := mload(0x40)
            let head := add(v, 0xa0)
            mstore(head, shape)
            mstore(add(head, 0x20), deposits)
            mstore(add(head, 0x40), forced)
            mstore(add(head, 0x60), feeAccount)
            let exits := add(add(head, 0x80), data.length)
            calldatacopy(add(head, 0x80), data.offset, data.length)
            // Past its end calldata is zeros.
            calldatacopy(exits, calldatasize(), exitsLength)
            mstore(0x40, add(exits, exitsLength))
            mstore(v, sub(add(exits, exitsLength), add(v, 0x20)))
        }
    }

    /// @notice Batch hash of header and data. The data stays in memory, behind eight words, at `place`, that are the caller's: a
    /// posting's event needs the same bytes.
    function hashInPlace(uint8 slots, uint8 depth, IArbiterTypes.Header calldata header, bytes calldata data)
        internal
        pure
        returns (bytes32 hash, uint256 place)
    {
        (uint256 deposits, uint256 forced, uint256 feeAccount) =
            (header.deposits, header.forced, header.feeAccount);
        uint256 shape = (uint256(slots) << 8) | depth;
        assembly ("memory-safe") {
            place := mload(0x40)
            let start := add(place, 0x80)
            mstore(start, shape)
            mstore(add(start, 0x20), deposits)
            mstore(add(start, 0x40), forced)
            mstore(add(start, 0x60), feeAccount)
            calldatacopy(add(start, 0x80), data.offset, data.length)
            hash := keccak256(start, add(data.length, HEADER_BYTES))
            mstore(0x40, add(add(start, 0x80), data.length))
        }
    }

    function batchHash(bytes memory v, uint256 dataLength) internal pure returns (bytes32 hash) {
        assembly ("memory-safe") {
            hash := keccak256(add(v, 0xa0), add(dataLength, HEADER_BYTES))
        }
    }

    /// @notice Fills in V's first four words.
    function bind(bytes memory v, uint256 domain_, uint256 oldRoot, uint256 newRoot, uint256 context_)
        internal
        pure
    {
        assembly ("memory-safe") {
            mstore(add(v, 0x20), domain_)
            mstore(add(v, 0x40), oldRoot)
            mstore(add(v, 0x60), newRoot)
            mstore(add(v, 0x80), context_)
        }
    }

    /// @notice Expands packed exits into V's last words. Returns how many words of V come before those that are
    /// zero because no later slot emitted an exit.
    /// @dev Slots that strictly increase make the packing of given words of V unique, and no two exits meet in one
    /// slot. A slot read with all bits above it is below N only if those are zero.
    function placeExits(bytes memory v, uint8 slots, uint256[] calldata exits)
        internal
        pure
        returns (uint256 words)
    {
        uint256 free;
        words = 8 + 4 * uint256(slots);
        for (uint256 i = 0; i < exits.length; ++i) {
            uint256 exit = exits[i];
            uint256 slot = exit >> 224;
            (uint256 exitAddress, uint256 amount) = unpackExit(exit);
            if (slot < free || slot >= slots || exitAddress == 0) {
                revert IArbiterTypes.WrongExit(i, exit);
            }
            free = slot + 1;
            uint256 word = words + 2 * slot;
            assembly ("memory-safe") {
                let pair := add(v, add(shl(5, word), 0x20))
                mstore(pair, exitAddress)
                mstore(add(pair, 0x20), amount)
            }
        }
        words += 2 * free;
    }

    /// @dev By masks, not by conversions: those may leave bits above the type's width for assembly to find.
    function unpackExit(uint256 exit) internal pure returns (uint256 exitAddress, uint256 amount) {
        return ((exit >> 64) & type(uint160).max, exit & type(uint64).max);
    }

    /// @notice x = keccak(commitment ‖ keccak(V)) mod r.
    function challenge(bytes memory v, uint256 commitment) internal pure returns (uint256 x) {
        assembly ("memory-safe") {
            mstore(0x00, commitment)
            mstore(0x20, keccak256(add(v, 0x20), mload(v)))
            x := mod(keccak256(0x00, 0x40), R)
        }
    }

    /// @notice y = Σ V[i]·xⁱ mod r by Horner's rule, from word `words` - 1 down. Words past it must be zero, and `words`
    /// even, as V's length is: two a round.
    function evaluate(bytes memory v, uint256 words, uint256 x) internal pure returns (uint256 y) {
        assembly ("memory-safe") {
            for { let word := add(v, shl(5, words)) } gt(word, v) { word := sub(word, 0x40) } {
                y := addmod(mulmod(y, x, R), mload(word), R)
                y := addmod(mulmod(y, x, R), mload(sub(word, 0x20)), R)
            }
        }
    }
}
