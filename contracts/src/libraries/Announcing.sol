// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiterTypes} from "../interfaces/IArbiterTypes.sol";

/// @title What a sequencer signs when it announces a batch to peers, and who signed it (docs/protocol.md section 11).
library Announcing {
    /// @dev n/2 of secp256k1: of the two signatures that each has, the one with the lower s counts (EIP-2).
    uint256 private constant MOST_S = 0x7FFFFFFFFFFFFFFFFFFFFFFFFFFFFFFF5D576E7357A4501DDFE92F46681B20A0;

    /// @dev 0x19 begins no transaction (EIP-191): such a signature is never one there.
    bytes private constant PREFIX = "\x19poe batch announcement 1\n";

    /// @param shape The word of the batch's shape: slots * 256 + depth.
    function digest(
        uint256 domain,
        uint64 number,
        bytes32 parentHash,
        uint256 shape,
        IArbiterTypes.Announcement calldata announcement
    ) internal pure returns (bytes32) {
        IArbiterTypes.Header calldata header = announcement.header;
        return keccak256(
            bytes.concat(
                PREFIX,
                abi.encode(domain, number, parentHash, announcement.batchHash),
                abi.encode(shape, header.deposits, header.forced, header.feeAccount)
            )
        );
    }

    /// @dev Zero for what is no signature in its one form: r, s, v in 65 bytes, s low, v 27 or 28.
    function signer(bytes32 digest_, bytes calldata signature) internal pure returns (address) {
        if (signature.length != 65) return address(0);
        (bytes32 r, bytes32 s) = (bytes32(signature[:32]), bytes32(signature[32:64]));
        if (uint256(s) > MOST_S) return address(0);
        // The precompile answers nothing, hence zero, for any other v, and for r or s out of range.
        return ecrecover(digest_, uint8(signature[64]), r, s);
    }
}
