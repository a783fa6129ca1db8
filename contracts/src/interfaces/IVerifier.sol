// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.20;

/// @title A Groth16 verifier for the three public inputs of a batch proof.
interface IVerifier {
    error CoordinateNotInField(uint256 word, uint256 value);
    error PointAtInfinity(uint256 word);
    error PointNotOnCurve(uint256 word);
    error PointNotInGroup(uint256 word);
    error OutOfGas();
    error GammaEqualsDelta();
    error DeltaIsGenerator();
    error InputPointsEqual(uint256 first, uint256 second);

    /// @notice Does `proof` hold for the public inputs (commitment, x, y)? Never reverts on malformed input and
    /// never spends more than one failed pairing check on it.
    /// @param proof Eight words in the order of the pairing precompile (docs/protocol.md section 6).
    function verify(uint256[8] calldata proof, uint256 commitment, uint256 x, uint256 y)
        external
        view
        returns (bool);

    /// @notice The verifying key, 22 words (docs/protocol.md section 6).
    function verifyingKey() external view returns (uint256[22] memory);
}
