// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.20;

/// @title A Groth16 verifier for the three public inputs of a batch proof.
interface IVerifier {
    /// @notice Word `word` of the verifying key is not below q.
    error CoordinateNotInField(uint256 word, uint256 value);
    /// @notice The point that starts at word `word` of the verifying key is the identity.
    error PointAtInfinity(uint256 word);
    /// @notice The point of G1 that starts at word `word` is not on the curve.
    error PointNotOnCurve(uint256 word);
    /// @notice The point of G2 that starts at word `word` is not on the twist or not of order r.
    error PointNotInGroup(uint256 word);
    /// @notice delta = gamma or -gamma: the setup's second phase is missing, and anybody can forge.
    error GammaEqualsDelta();
    /// @notice delta is G2's generator or its negation: the setup's second phase is missing.
    error DeltaIsGenerator();
    /// @notice Two public inputs share a point, so one could stand for the other.
    error InputPointsEqual(uint256 first, uint256 second);
    /// @notice Too little gas to combine the public inputs.
    error OutOfGas();

    /// @notice Does `proof` hold for the public inputs (commitment, x, y)? Malformed input is false, not a revert,
    /// and costs no more than a valid proof.
    /// @param proof Eight words in the order of the pairing precompile (docs/protocol.md section 6).
    function verify(uint256[8] calldata proof, uint256 commitment, uint256 x, uint256 y)
        external
        view
        returns (bool);

    /// @notice Do all claims hold? Eleven words each: a proof's eight, then commitment, x, y. One pairing check of n + 3 pairs,
    /// of a random linear combination: true for a false claim with probability 1/r an attempt. False for none at all.
    /// Malformed input is false, as in `verify`.
    function verifyAll(uint256[] calldata claims) external view returns (bool);

    /// @notice The verifying key, 22 words (docs/protocol.md section 6).
    function verifyingKey() external view returns (uint256[22] memory);
}
