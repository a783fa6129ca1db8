// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Extended} from "./Extended.sol";
import {Counters} from "./libraries/Counters.sol";

/// @title How sequencers come and go.
abstract contract Sequencers is Extended {
    uint256 private constant MOST_SEATS = 255;

    function joinSequencers() external payable delegated {
        Counters counters = _whileOpen();
        uint256 seats = counters.seats();
        if (msg.value != _bond) revert WrongBond(msg.value, _bond);
        if (_seatOf[msg.sender] != 0) revert AlreadySequencer(msg.sender);
        if (seats == MOST_SEATS) revert SeatsTaken(seats);
        _seats[seats] = uint256(uint160(msg.sender)) | ((msg.value / 1 gwei) << BOND);
        _seatOf[msg.sender] = seats + 1;
        _counters = counters.withSeats(seats + 1);
        emit SequencerJoined(msg.sender, _bond);
    }

    function inTurn() external view returns (address) {
        return _inTurn(_counters);
    }

    function mayPost(address caller) external view returns (bool) {
        return caller != address(0) && caller == _inTurn(_counters);
    }

    function sequencers() external view returns (address[] memory all) {
        all = new address[](_counters.seats());
        for (uint256 i = 0; i < all.length; ++i) {
            all[i] = address(uint160(_seats[i]));
        }
    }

    function bondOf(address sequencer) external view returns (uint96) {
        uint256 place = _seatOf[sequencer];
        return place == 0 ? 0 : uint96((_seats[place - 1] >> BOND) * 1 gwei);
    }
}
