// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {BatchRing} from "./BatchRing.sol";
import {Counters} from "./libraries/Counters.sol";

/// @title The sequencers' seats: whose turn it is to post, and the bonds that answer for delays.
// forge-lint: disable-start(unsafe-typecast) -- a seat's word is cut into its fields
abstract contract Seats is BatchRing {
    /// @dev A seat: its sequencer in the low 160 bits, what is left of its bond in gwei above.
    mapping(uint256 index => uint256) internal _seats;
    /// @dev One more than the index of a sequencer's seat; zero if it has none.
    mapping(address sequencer => uint256) internal _seatOf;

    uint256 internal constant BOND = 160;

    /// @dev Whose turn it is; zero without sequencers.
    function _inTurn(Counters counters) internal view returns (address) {
        uint256 seats = counters.seats();
        if (seats == 0) return address(0);
        return address(uint160(_seats[block.number / _window % seats]));
    }

    /// @dev May the caller post the next batch, and with what it likes? False: queue entries alone, without a bond.
    function _checkMayPost(Counters counters) internal view returns (bool bonded) {
        uint256 seats = counters.seats();
        uint256 seat = seats == 0 ? 0 : _seats[block.number / _window % seats];
        if (seats > 0 && address(uint160(seat)) == msg.sender) {
            _checkBond(counters, seat);
            return true;
        }
        if (!_isOpenToAll(counters)) revert NotInTurn(msg.sender, address(uint160(seat)));
    }

    /// @dev Takes what a delay of batch `number` costs from its poster's bond: returns how much, in Wei, there was to take.
    function _charge(address poster, uint64 number, uint256 amount) internal returns (uint256 charged) {
        uint256 place = _seatOf[poster];
        if (place == 0) return 0;
        uint256 seat = _seats[place - 1];
        uint256 bond = (seat >> BOND) * 1 gwei;
        charged = amount < bond ? amount : bond;
        _seats[place - 1] = seat - ((charged / 1 gwei) << BOND);
        emit BondChanged(poster, uint96(bond - charged), number);
    }

    /// @dev The bond covers every batch that is not final, this one included, at the dearest factor.
    function _checkBond(Counters counters, uint256 seat) internal view {
        uint256 bond = (seat >> BOND) * 1 gwei;
        uint256 backlog = uint256(counters.head() - counters.finalized()) + 1;
        uint256 least = (MOST_FACTOR - 1) * _reward * backlog;
        if (bond < least) revert BondTooSmall(bond, least);
    }
}
// forge-lint: disable-end(unsafe-typecast)
