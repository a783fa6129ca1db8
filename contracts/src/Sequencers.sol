// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {Extended} from "./Extended.sol";
import {Announcing} from "./libraries/Announcing.sol";
import {Counters} from "./libraries/Counters.sol";

/// @title How sequencers come and go: seats taken and given up, bonds put down, released, lost.
/// @notice docs/protocol.md section 11.
abstract contract Sequencers is Extended {
    uint256 private constant MOST_SEATS = 255;

    function joinSequencers() external payable delegated {
        Counters counters = _whileOpen();
        uint256 seats = counters.seats();
        if (msg.value != _bond) revert WrongBond(msg.value, _bond);
        if (_seatOf[msg.sender] != 0 || _formers[msg.sender].leftAt != 0) {
            revert AlreadySequencer(msg.sender);
        }
        if (seats == MOST_SEATS) revert SeatsTaken(seats);
        _seats[seats] = uint256(uint160(msg.sender)) | ((msg.value / 1 gwei) << BOND);
        _seatOf[msg.sender] = seats + 1;
        _counters = counters.withSeats(seats + 1);
        emit SequencerJoined(msg.sender, _bond);
    }

    function topUpBond() external payable delegated {
        _whileOpen();
        uint256 place = _seatOf[msg.sender];
        if (place == 0) revert NotSequencer(msg.sender);
        if (msg.value % 1 gwei != 0) revert WrongBond(msg.value, msg.value - msg.value % 1 gwei);
        uint256 seat = _seats[place - 1] + ((msg.value / 1 gwei) << BOND);
        _seats[place - 1] = seat;
        emit BondChanged(msg.sender, _inWei(seat >> BOND), 0);
    }

    function leaveSequencers() external delegated {
        Counters counters = _whileOpen();
        _vacate(counters, msg.sender, 0, false);
        emit SequencerLeft(msg.sender);
    }

    function releaseBond(address sequencer) external delegated {
        Counters counters = _counters;
        if (counters.exitMode() && _seatOf[sequencer] != 0) {
            _vacate(counters, sequencer, 0, false);
            emit SequencerLeft(sequencer);
        }
        Former memory former = _formers[sequencer];
        if (former.leftAt == 0 || former.slashed) revert NoBondToRelease(sequencer);
        if (!counters.exitMode()) _checkReleasable(counters, sequencer, former);
        delete _formers[sequencer];
        uint96 amount = _inWei(former.bond);
        _credit(sequencer, amount);
        emit BondReleased(sequencer, amount);
    }

    function slashSequencer(
        uint64 number,
        bytes32 parentHash,
        Announcement calldata first,
        Announcement calldata second
    ) external delegated {
        if (first.batchHash == second.batchHash) {
            revert SameAnnouncement(first.batchHash);
        }
        address sequencer = _signerOf(number, parentHash, first);
        address other = _signerOf(number, parentHash, second);
        if (sequencer == address(0) || sequencer != other) revert WrongSigner(sequencer, other);
        uint96 share = _slash(_counters, sequencer);
        _credit(msg.sender, share);
        emit SequencerSlashed(sequencer, msg.sender, share);
    }

    function inTurn() external view returns (address) {
        return _inTurn(_counters);
    }

    function mayPost(address caller) external view returns (bool) {
        Counters counters = _counters;
        if (_seatOf[caller] == 0 || counters.exitMode()) return false;
        return caller == _inTurn(counters) || _isOpenWindow(counters);
    }

    function sequencers() external view returns (address[] memory all) {
        all = new address[](_counters.seats());
        for (uint256 i = 0; i < all.length; ++i) {
            all[i] = _holder(_seats[i]);
        }
    }

    function bondOf(address sequencer) external view returns (uint96) {
        uint256 place = _seatOf[sequencer];
        if (place > 0) return _inWei(_seats[place - 1] >> BOND);
        Former memory former = _formers[sequencer];
        return former.slashed ? 0 : _inWei(former.bond);
    }

    /// @dev Takes seat and bond of whoever signed two announcements, or the bond that a former sequencer still has here;
    /// returns the reporter's half, in Wei. What delays of batches that are not final may cost stays here to pay for them,
    /// even of that half: else slashing oneself were a way out of them.
    function _slash(Counters counters, address sequencer) private returns (uint96 share) {
        Former storage former = _formers[sequencer];
        uint256 place = _seatOf[sequencer];
        if (place == 0 && (former.leftAt == 0 || former.slashed)) revert NotSequencer(sequencer);
        uint256 bond = place > 0 ? _seats[place - 1] >> BOND : former.bond;
        uint256 kept = counters.exitMode() ? 0 : _mostOwed(counters) / 1 gwei;
        uint256 free = bond > kept ? bond - kept : 0;
        uint256 taken = free < bond / 2 ? free : bond / 2;
        if (place > 0) {
            _vacate(counters, sequencer, taken, true);
        } else {
            // forge-lint: disable-next-line(unsafe-typecast) -- at most half the bond
            former.bond -= uint64(taken);
            former.slashed = true;
        }
        return _inWei(taken);
    }

    /// @dev Removes a sequencer from its seat, where the last one moves; its bond less `taken` gwei is kept.
    function _vacate(Counters counters, address sequencer, uint256 taken, bool slashed) private {
        uint256 place = _seatOf[sequencer];
        if (place == 0) revert NotSequencer(sequencer);
        uint256 last = counters.seats() - 1;
        uint256 bond = (_seats[place - 1] >> BOND) - taken;
        uint256 moved = _seats[last];
        _seats[place - 1] = moved;
        _seatOf[_holder(moved)] = place;
        delete _seats[last];
        delete _seatOf[sequencer];
        _counters = counters.withSeats(last);
        // forge-lint: disable-next-line(unsafe-typecast) -- a seat's 64 bits; a block's number
        _formers[sequencer] = Former(uint64(bond), uint40(counters.head()), uint40(block.number), slashed);
    }

    /// @dev All batches up to its leaving are final, for `alarmDelay` blocks; and so long ago it left. What left the ring has
    /// been final for so long.
    function _checkReleasable(Counters counters, address sequencer, Former memory former) private view {
        uint64 number = former.number;
        uint256 since = former.leftAt;
        bool final_ = number <= counters.finalized();
        if (final_ && number > 0 && _isKept(counters, number)) {
            uint256 finalizedAt = _batch(number).posting.finalizedAt();
            if (finalizedAt > since) since = finalizedAt;
        }
        if (!final_ || block.number < since + _alarmDelay) revert BondNotDue(sequencer, number);
    }

    function _signerOf(uint64 number, bytes32 parentHash, Announcement calldata announcement)
        private
        view
        returns (address)
    {
        uint256 shape = uint256(_slots) * 256 + _depth;
        bytes32 digest = Announcing.digest(_domain(), number, parentHash, shape, announcement);
        return Announcing.signer(digest, announcement.signature);
    }

    function _inWei(uint256 gwei_) private pure returns (uint96) {
        // forge-lint: disable-next-line(unsafe-typecast) -- 64 bits of gwei
        return uint96(gwei_ * 1 gwei);
    }
}
