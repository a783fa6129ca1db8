// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IAwardPolicy} from "./IAwardPolicy.sol";

/// @title Stakes for payees, in a bounded list of seats: what an award policy draws by.
/// @notice Weight is Wei, so that splitting a stake over many payees changes no chance. No stake is ever taken away: it can
/// lose its seat, to a stake that is an eighth larger once all seats are taken, or by the policy's own rules, and then
/// comes back as one that was given up does, `unstakeDelay` blocks later. What a draw for an earlier block
/// sees does not change for `memoryBlocks` blocks, so nobody can stake after having seen the seed.
abstract contract Stakes is IAwardPolicy {
    /// @dev One word. `weight` in gwei; it counts from block `since` on.
    struct Stake {
        address payee;
        uint56 weight;
        uint40 since;
    }

    /// @dev Who sits there, who sat there before, whom the stake belongs to, and what the policy notes about it.
    struct Seat {
        Stake current;
        Stake previous;
        address owner;
        uint8 lapses;
    }

    struct Release {
        uint128 amount;
        uint64 dueAt;
    }

    event Staked(uint256 indexed seat, address indexed payee, address indexed owner, uint256 amount);
    /// @notice The stake left its seat, given up, outbid or by the policy's rules; the owner can pull it from `dueAt` on.
    event Vacated(
        uint256 indexed seat, address indexed payee, address indexed owner, uint256 amount, uint64 dueAt
    );
    event Released(address indexed owner, uint256 amount);

    error NoSuchSeat(uint256 seat, uint256 seats);
    error StakeTooSmall(uint256 value, uint256 least);
    error StakeNotInGwei(uint256 value);
    error StakeTooLarge(uint256 value);
    error SeatTaken(uint256 seat);
    /// @notice The seat changed lately: draws for earlier blocks still look at what was there before.
    error SeatChanging(uint256 seat, uint256 blockNumber, uint256 changesFrom);
    error NotOwner(address caller, address owner);
    error ZeroPayee();
    error NothingToRelease(address owner);
    error ReleaseNotDue(uint256 blockNumber, uint256 dueAt);
    error TransferFailed(address owner);

    uint256 public constant SEATS = 64;
    /// @dev A seat is outbid by its stake and a share of it.
    uint256 private constant OUTBID_SHARE = 8;

    address public immutable override arbiter;
    /// @notice In Wei.
    uint256 public immutable minStake;
    uint64 public immutable unstakeDelay;
    uint64 public immutable memoryBlocks;

    /// @notice Seats ever taken: a draw looks at so many.
    uint256 public seatCount;
    /// @dev Of those, seats that are taken now.
    uint256 private _taken;

    mapping(address payee => uint256) private _weights;
    mapping(address owner => Release) public releaseOf;
    Seat[SEATS] private _seats;

    modifier onlyArbiter() {
        if (msg.sender != arbiter) revert NotArbiter(msg.sender, arbiter);
        _;
    }

    constructor(address arbiter_, uint256 minStake_, uint64 unstakeDelay_, uint64 memoryBlocks_) {
        if (arbiter_ == address(0)) revert WrongPolicy("arbiter");
        if (minStake_ == 0 || minStake_ % 1 gwei != 0) revert WrongPolicy("minStake");
        if (unstakeDelay_ == 0 || unstakeDelay_ > type(uint32).max) revert WrongPolicy("unstakeDelay");
        (arbiter, minStake, unstakeDelay, memoryBlocks) = (arbiter_, minStake_, unstakeDelay_, memoryBlocks_);
    }

    /// @notice Stake the value for `payee`: on an empty seat, on the next one never taken, or, while all seats are taken, on
    /// one whose stake is smaller by an eighth. A payee may have several seats.
    function stake(uint256 seat, address payee) external payable {
        if (payee == address(0)) revert ZeroPayee();
        uint256 seats = seatCount;
        if (seat > seats || seat >= SEATS) revert NoSuchSeat(seat, seats);
        if (msg.value < minStake) revert StakeTooSmall(msg.value, minStake);
        if (msg.value % 1 gwei != 0) revert StakeNotInGwei(msg.value);
        if (msg.value / 1 gwei > type(uint56).max) revert StakeTooLarge(msg.value);
        if (seat == seats) ++seatCount;
        _outbid(seat);
        ++_taken;
        // forge-lint: disable-next-line(unsafe-typecast) -- checked above
        _sit(seat, payee, uint56(msg.value / 1 gwei));
        (_seats[seat].owner, _seats[seat].lapses) = (msg.sender, 0);
        emit Staked(seat, payee, msg.sender, msg.value);
    }

    /// @notice Give up a seat of the caller's; the stake can be pulled `unstakeDelay` blocks later.
    function unstake(uint256 seat) external {
        if (seat >= seatCount) revert NoSuchSeat(seat, seatCount);
        address owner = _seats[seat].owner;
        if (msg.sender != owner) revert NotOwner(msg.sender, owner);
        _checkStill(seat);
        _vacate(seat);
    }

    /// @notice Pull what the caller's seats gave back.
    function release() external {
        Release memory due = releaseOf[msg.sender];
        if (due.amount == 0) revert NothingToRelease(msg.sender);
        if (block.number < due.dueAt) revert ReleaseNotDue(block.number, due.dueAt);
        delete releaseOf[msg.sender];
        emit Released(msg.sender, due.amount);
        (bool sent,) = msg.sender.call{value: due.amount}("");
        if (!sent) revert TransferFailed(msg.sender);
    }

    /// @notice A seat as it is now: zeros if it is empty. `amount` in Wei.
    function seatOf(uint256 seat)
        external
        view
        returns (address payee, address owner, uint256 amount, uint64 since, uint8 lapses)
    {
        if (seat >= SEATS) revert NoSuchSeat(seat, SEATS);
        Seat storage found = _seats[seat];
        (payee, owner, lapses) = (found.current.payee, found.owner, found.lapses);
        (amount, since) = (uint256(found.current.weight) * 1 gwei, found.current.since);
    }

    /// @notice What is staked for `payee` now, in Wei.
    function stakeOf(address payee) public view returns (uint256) {
        return _weights[payee];
    }

    /// @dev Somebody drawn by stake from the seats as they were in block `blockNumber`; zero if nobody sat there, or some seat
    /// has changed twice since, so that nobody knows any more.
    function _drawSeat(bytes32 seed, uint256 blockNumber)
        internal
        view
        returns (address payee, uint256 seat)
    {
        uint256 seats = seatCount;
        address[] memory payees = new address[](seats);
        uint256[] memory weights = new uint256[](seats);
        uint256 total;
        for (uint256 i = 0; i < seats; ++i) {
            Stake memory held = _seats[i].current;
            if (held.since > blockNumber) held = _seats[i].previous;
            if (held.since > blockNumber) return (address(0), 0);
            (payees[i], weights[i]) = (held.payee, held.weight);
            total += held.weight;
        }
        if (total == 0) return (address(0), 0);
        seat = _pick(weights, uint256(seed) % total);
        payee = payees[seat];
    }

    /// @dev The index at which the sum of `weights` passes `point`, which is below their total.
    function _pick(uint256[] memory weights, uint256 point) internal pure returns (uint256 i) {
        while (point >= weights[i]) {
            point -= weights[i++];
        }
    }

    /// @dev Notes something the policy holds against a seat's stake; it leaves the seat at `most`. Only if the seat is
    /// still `payee`'s, and not while an earlier change must be remembered.
    function _noteLapse(uint256 seat, address payee, uint8 most) internal {
        Seat storage found = _seats[seat];
        if (found.current.payee != payee) return;
        if (found.lapses + 1 < most) {
            ++found.lapses;
        } else if (block.number >= _changesFrom(seat)) {
            _vacate(seat);
        }
    }

    function _forgetLapses(uint256 seat, address payee) internal {
        Seat storage found = _seats[seat];
        if (found.lapses != 0 && found.current.payee == payee) found.lapses = 0;
    }

    function _outbid(uint256 seat) private {
        Stake memory held = _seats[seat].current;
        _checkStill(seat);
        if (held.payee == address(0)) return;
        if (_taken < SEATS) revert SeatTaken(seat);
        uint256 amount = uint256(held.weight) * 1 gwei;
        uint256 least = amount + amount / OUTBID_SHARE + 1;
        if (msg.value < least) revert StakeTooSmall(msg.value, least);
        _release(seat, held);
    }

    /// @dev Empties a taken seat from the next block on.
    function _vacate(uint256 seat) private {
        _release(seat, _seats[seat].current);
        _sit(seat, address(0), 0);
        (_seats[seat].owner, _seats[seat].lapses) = (address(0), 0);
    }

    function _release(uint256 seat, Stake memory held) private {
        uint256 amount = uint256(held.weight) * 1 gwei;
        address owner = _seats[seat].owner;
        uint64 dueAt = uint64(block.number) + unstakeDelay;
        --_taken;
        _weights[held.payee] -= amount;
        // forge-lint: disable-next-line(unsafe-typecast) -- all the ether there is fits
        releaseOf[owner] = Release(releaseOf[owner].amount + uint128(amount), dueAt);
        emit Vacated(seat, held.payee, owner, amount, dueAt);
    }

    function _sit(uint256 seat, address payee, uint56 weight) private {
        Seat storage found = _seats[seat];
        found.previous = found.current;
        found.current = Stake(payee, weight, uint40(block.number + 1));
        if (payee != address(0)) _weights[payee] += uint256(weight) * 1 gwei;
    }

    function _checkStill(uint256 seat) private view {
        uint256 from = _changesFrom(seat);
        if (block.number < from) revert SeatChanging(seat, block.number, from);
    }

    /// @dev First block in which the seat may change again; at most once in a block.
    function _changesFrom(uint256 seat) private view returns (uint256) {
        uint256 since = _seats[seat].current.since;
        return since == 0 ? 0 : since + memoryBlocks;
    }
}
