// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAwardPolicy} from "./IAwardPolicy.sol";
import {Stakes} from "./Stakes.sol";

/// @title Proofs of a batch that are in one L1 block with the first are equal; one is drawn by stake.
/// @notice The seed is the hash of the next block, which nobody knows while they may still join. Whoever builds that block
/// can choose among hashes, so it should not be a contender's: docs/market.md says what that is worth. A payee without a
/// stake is paid only where no contender has any, or if the draw was left undone until the hash was out of reach.
contract PhotoFinish is Stakes {
    struct Finish {
        uint64 acceptedAt;
        uint8 count;
    }

    struct Contender {
        address payee;
        uint96 weight;
    }

    /// @notice Proofs of a batch that can contend, so that gas stays bounded.
    uint256 public constant MAX_CONTENDERS = 16;

    mapping(uint64 number => mapping(uint256 oldRoot => Finish)) private _finishes;
    mapping(uint64 number => mapping(uint256 oldRoot => Contender[MAX_CONTENDERS])) private _contenders;

    constructor(address arbiter_, uint256 minStake_, uint64 unstakeDelay_)
        Stakes(arbiter_, minStake_, unstakeDelay_, 0)
    {}

    /// @inheritdoc IAwardPolicy
    function first(uint64 number, uint256 oldRoot, address payee, uint64)
        external
        onlyArbiter
        returns (uint64 dueAt)
    {
        _finishes[number][oldRoot] = Finish(uint64(block.number), 1);
        _contenders[number][oldRoot][0] = _contender(payee);
        return _dueAt();
    }

    /// @inheritdoc IAwardPolicy
    function contends(uint64 number, uint256 oldRoot, address payee) public view returns (bool) {
        Finish memory finish = _finishes[number][oldRoot];
        bool inTime = finish.acceptedAt == block.number && finish.count < MAX_CONTENDERS;
        return inTime && stakeOf(payee) > 0;
    }

    /// @inheritdoc IAwardPolicy
    function further(uint64 number, uint256 oldRoot, address payee)
        external
        onlyArbiter
        returns (uint64 dueAt)
    {
        uint8 count = _finishes[number][oldRoot].count;
        _contenders[number][oldRoot][count] = _contender(payee);
        _finishes[number][oldRoot].count = count + 1;
        return _dueAt();
    }

    /// @inheritdoc IAwardPolicy
    function winner(uint64 number, uint256 oldRoot) external onlyArbiter returns (address payee) {
        payee = drawn(number, oldRoot);
        delete _finishes[number][oldRoot];
    }

    /// @notice Whom a draw in this block would pay; zero for whoever was first.
    function drawn(uint64 number, uint256 oldRoot) public view returns (address) {
        Finish memory finish = _finishes[number][oldRoot];
        bytes32 seed = blockhash(finish.acceptedAt + 1);
        if (seed == 0) return address(0);
        uint256[] memory weights = new uint256[](finish.count);
        uint256 total;
        for (uint256 i = 0; i < weights.length; ++i) {
            weights[i] = _contenders[number][oldRoot][i].weight;
            total += weights[i];
        }
        if (total == 0) return address(0);
        uint256 point = uint256(keccak256(abi.encode(seed, number, oldRoot))) % total;
        return _contenders[number][oldRoot][_pick(weights, point)].payee;
    }

    function _contender(address payee) private view returns (Contender memory) {
        // forge-lint: disable-next-line(unsafe-typecast) -- all the ether there is fits
        return Contender(payee, uint96(stakeOf(payee)));
    }

    /// @dev The hash of block b + 1 can be read from block b + 2 on.
    function _dueAt() private view returns (uint64) {
        return uint64(block.number) + 2;
    }
}
