// SPDX-License-Identifier: Apache-2.0
pragma solidity >=0.8.20;

/// @title Who of several that proved a batch is paid for it: fixed at an arbiter's deployment, asked by that arbiter alone.
/// @notice The state never waits for a policy, only money does. An arbiter gives every call a bounded amount of gas and
/// takes one that fails for "the first is paid": so no policy can stop a proof. Proofs are told apart by batch number and
/// old root, as acceptances are; one about a made-up old root is told to the policy too, but never comes to money.
interface IAwardPolicy {
    error NotArbiter(address caller, address arbiter);
    /// @notice Deployment only: `field` cannot be right.
    error WrongPolicy(string field);

    /// @notice The one arbiter that may call what follows.
    function arbiter() external view returns (address);

    /// @notice A first valid proof of a batch that was posted in block `postedAt`. Returns the block from which on `winner`
    /// can be asked; 0 if `payee` is to be paid at once.
    function first(uint64 number, uint256 oldRoot, address payee, uint64 postedAt)
        external
        returns (uint64 dueAt);

    /// @notice May a further valid proof, for a payee that brought none yet, still matter? Asked before it is verified.
    function contends(uint64 number, uint256 oldRoot, address payee) external view returns (bool);

    /// @notice A further valid proof of the same outcome, for which `contends` was true. Returns as `first` does: 0 decides
    /// for this payee.
    function further(uint64 number, uint256 oldRoot, address payee) external returns (uint64 dueAt);

    /// @notice Who is paid, asked once and not before it is due; zero for whoever was first.
    function winner(uint64 number, uint256 oldRoot) external returns (address payee);
}
