// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAwardPolicy} from "./IAwardPolicy.sol";
import {Stakes} from "./Stakes.sol";

/// @title Each batch is leased to one payee, drawn by stake, for a few blocks after its posting; then the race is open.
/// @notice The holder's proof within the lease is paid, at once. Anybody else's makes the batch final as ever, and is paid only
/// if the holder brings none in time. The seed is the hash of the block that held the posting: known to nobody who
/// posts, but for whoever builds that block. Without stakes the first valid proof is paid.
/// A holder that lets its lease lapse loses no money; after `MAX_LAPSES` in a row it loses its seat, and its stake is
/// bound for `unstakeDelay` blocks: so slowness costs a griefer capital, and an outage costs nobody theirs.
contract Lease is Stakes {
    /// @dev A proof that came before the holder's, or before there was a holder. `endsAt` is the last block of the lease.
    struct Waiting {
        address first;
        uint40 postedAt;
        uint40 endsAt;
        bool decided;
    }

    /// @notice A lease ended without a proof of its holder's.
    event LeaseLapsed(uint64 indexed number, address indexed holder, uint256 seat);

    uint8 public constant MAX_LAPSES = 3;
    /// @dev Of a lease: a block's hash can be read for 256 blocks, and a lapse is noted after the lease.
    uint64 private constant MOST_BLOCKS = 128;

    /// @notice A batch is leased in the block of its posting and so many blocks after it.
    uint64 public immutable leaseBlocks;

    mapping(uint64 number => mapping(uint256 oldRoot => Waiting)) private _waiting;
    /// @dev A bit a batch: its lease was used, or its lapse noted.
    mapping(uint256 word => uint256 bits) private _closed;

    constructor(address arbiter_, uint256 minStake_, uint64 unstakeDelay_, uint64 leaseBlocks_)
        Stakes(arbiter_, minStake_, unstakeDelay_, leaseBlocks_)
    {
        if (leaseBlocks_ == 0 || leaseBlocks_ > MOST_BLOCKS) revert WrongPolicy("leaseBlocks");
        leaseBlocks = leaseBlocks_;
    }

    /// @inheritdoc IAwardPolicy
    function first(uint64 number, uint256 oldRoot, address payee, uint64 postedAt)
        external
        onlyArbiter
        returns (uint64 dueAt)
    {
        uint64 endsAt = postedAt + leaseBlocks;
        if (block.number > endsAt) {
            _lapse(number, postedAt, payee);
            return 0;
        }
        if (block.number > postedAt) {
            (address holder, uint256 seat) = _holder(number, postedAt);
            if (holder == payee) _serve(number, payee, seat);
            if (holder == payee || holder == address(0)) return 0;
        }
        // forge-lint: disable-next-line(unsafe-typecast) -- blocks fit 40 bits
        _waiting[number][oldRoot] = Waiting(payee, uint40(postedAt), uint40(endsAt), false);
        return endsAt + 1;
    }

    /// @inheritdoc IAwardPolicy
    function contends(uint64 number, uint256 oldRoot, address payee) public view returns (bool) {
        Waiting memory waiting = _waiting[number][oldRoot];
        if (waiting.decided || block.number > waiting.endsAt || payee == address(0)) return false;
        (address holder,) = _holder(number, waiting.postedAt);
        return payee == holder;
    }

    /// @inheritdoc IAwardPolicy
    function further(uint64 number, uint256 oldRoot, address payee)
        external
        onlyArbiter
        returns (uint64 dueAt)
    {
        Waiting storage waiting = _waiting[number][oldRoot];
        (, uint256 seat) = _holder(number, waiting.postedAt);
        waiting.decided = true;
        _serve(number, payee, seat);
        return 0;
    }

    /// @inheritdoc IAwardPolicy
    function winner(uint64 number, uint256 oldRoot) external onlyArbiter returns (address) {
        Waiting memory waiting = _waiting[number][oldRoot];
        _lapse(number, waiting.postedAt, waiting.first);
        delete _waiting[number][oldRoot];
        return address(0);
    }

    /// @notice Whose lease batch `number` is, posted in block `postedAt` with hash `blockHash`, and the lease's last block; zero
    /// if nobody's. To be asked soon after the posting: what the seats were is remembered for a lease's length.
    function holderOf(uint64 number, uint64 postedAt, bytes32 blockHash)
        public
        view
        returns (address holder, uint256 seat, uint64 endsAt)
    {
        endsAt = postedAt + leaseBlocks;
        (holder, seat) = _drawSeat(keccak256(abi.encode(blockHash, number)), postedAt);
    }

    /// @dev Zero as well while the posting's block has no hash yet, or none any more.
    function _holder(uint64 number, uint64 postedAt) private view returns (address holder, uint256 seat) {
        bytes32 blockHash = blockhash(postedAt);
        if (blockHash != 0) (holder, seat,) = holderOf(number, postedAt, blockHash);
    }

    function _serve(uint64 number, address holder, uint256 seat) private {
        _close(number);
        _forgetLapses(seat, holder);
    }

    /// @dev The lease is over. Unless the holder used it, or is `payee`, whose proof came late or before anybody knew the
    /// holder: note that, once a batch.
    function _lapse(uint64 number, uint64 postedAt, address payee) private {
        if (!_close(number)) return;
        (address holder, uint256 seat) = _holder(number, postedAt);
        if (holder == address(0) || holder == payee) return;
        emit LeaseLapsed(number, holder, seat);
        _noteLapse(seat, holder, MAX_LAPSES);
    }

    /// @dev False if it was closed before.
    function _close(uint64 number) private returns (bool) {
        (uint256 word, uint256 bit) = (number >> 8, 2 ** (number & 0xff));
        if (_closed[word] & bit != 0) return false;
        _closed[word] |= bit;
        return true;
    }
}
