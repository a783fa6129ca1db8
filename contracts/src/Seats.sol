// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRing} from "./BatchRing.sol";
import {Counters} from "./libraries/Counters.sol";
import {Posting} from "./libraries/Posting.sol";

/// @title The sequencers' seats: whose turn it is to post, and the bonds that answer for delays.
/// @notice How sequencers come and go is in Sequencers.sol.
abstract contract Seats is BatchRing {
    /// @dev What is left of the bond, in gwei, of one that gave its seat up in block `leftAt`, when batch `number` was the head;
    /// if it was slashed that answers for delays and comes back to nobody.
    struct Former {
        uint64 bond;
        uint40 number;
        uint40 leftAt;
        bool slashed;
    }

    uint256 internal constant BOND = 160;

    /// @dev A seat: its sequencer in the low 160 bits, what is left of its bond in gwei above.
    mapping(uint256 index => uint256) internal _seats;
    /// @dev One more than the index of a sequencer's seat; zero if it has none.
    mapping(address sequencer => uint256) internal _seatOf;
    mapping(address sequencer => Former) internal _formers;
    /// @dev One more than the number of the last window in which another than whose turn it was has posted.
    uint256 private _lastOpened;

    /// @dev Whose turn it is; zero without sequencers.
    function _inTurn(Counters counters) internal view returns (address) {
        uint256 seats = counters.seats();
        return seats == 0 ? address(0) : _holder(_seats[block.number / _window % seats]);
    }

    /// @dev May every seat post, because whoever has the turn has been silent for half a window? Once one did, it stays so until
    /// the window ends. Of a final batch only the block it became final in is known: that one counts then.
    function _isOpenWindow(Counters counters) internal view returns (bool) {
        uint256 half = (uint256(_window) + 1) / 2;
        if (block.number % _window < half) return false;
        if (_lastOpened == block.number / _window + 1) return true;
        Posting posting = _batch(counters.head()).posting;
        uint256 since = posting.isFinal() ? posting.finalizedAt() : posting.postedAt();
        return block.number - since >= half;
    }

    /// @dev May the caller post the next batch, and with what it likes? False: queue entries alone, without a bond.
    function _checkMayPost(Counters counters) internal returns (bool bonded) {
        uint256 seats = counters.seats();
        uint256 seat = seats == 0 ? 0 : _seats[block.number / _window % seats];
        if (seats > 0 && _holder(seat) == msg.sender) {
            _checkBond(counters, seat);
            return true;
        }
        uint256 place = _seatOf[msg.sender];
        if (place > 0 && _isOpenWindow(counters)) {
            _checkBond(counters, _seats[place - 1]);
            _lastOpened = block.number / _window + 1;
            return true;
        }
        if (!_isOpenToAll(counters)) revert NotInTurn(msg.sender, _holder(seat));
    }

    function _holder(uint256 seat) internal pure returns (address) {
        // forge-lint: disable-next-line(unsafe-typecast) -- the low 160 bits
        return address(uint160(seat));
    }

    /// @dev Takes what a delay of batch `number` costs from its poster's bond: returns how much, in Wei, there was to take.
    /// A bond covers every batch that its sequencer has posted and that is not final (`_checkBond`).
    function _charge(address poster, uint64 number, uint256 amount) internal returns (uint256 charged) {
        uint256 place = _seatOf[poster];
        Former storage former = _formers[poster];
        uint256 bond = (place > 0 ? _seats[place - 1] >> BOND : former.bond) * 1 gwei;
        charged = amount < bond ? amount : bond;
        if (place > 0) _seats[place - 1] -= (charged / 1 gwei) << BOND;
        // forge-lint: disable-next-line(unsafe-typecast) -- at most the bond
        else former.bond -= uint64(charged / 1 gwei);
        // forge-lint: disable-next-line(unsafe-typecast) -- below 2^94
        if (place > 0 || !former.slashed) emit BondChanged(poster, uint96(bond - charged), number);
    }

    /// @dev The bond covers every batch that is not final, this one included, at the dearest factor: so, whatever delays have
    /// taken of it since, those of its own sequencer. Where there is no room for this one, that is said first.
    function _checkBond(Counters counters, uint256 seat) private view {
        unchecked {
            // 64 bits of gwei; at most 1,023 batches of three rewards of 96 bits.
            uint256 bond = (seat >> BOND) * 1 gwei;
            uint256 batches = counters.head() - counters.finalized() + 1;
            if (batches > _backlogCap) batches = _backlogCap;
            uint256 least = (MOST_FACTOR - 1) * uint256(_reward) * batches;
            if (bond < least) revert BondTooSmall(bond, least);
        }
    }

    /// @dev The most that delays of all batches that are not final can cost, in Wei.
    function _mostOwed(Counters counters) internal view returns (uint256) {
        return (MOST_FACTOR - 1) * _reward * uint256(counters.head() - counters.finalized());
    }
}
