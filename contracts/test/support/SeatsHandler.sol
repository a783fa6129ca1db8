// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {SeatsTest} from "./SeatsTest.sol";

/// @dev Sequencers that come, post, stall, leave, are charged and slashed in random order, with books kept beside the arbiter.
contract SeatsHandler is SeatsTest {
    uint256 internal constant PLAYERS = 4;

    uint256 public paidIn;
    /// @dev Who posted batch i + 1.
    address[] public posters;
    mapping(address => bool) public slashed;

    constructor() {
        SeatsTest.setUp();
        for (uint256 i = 0; i < PLAYERS; ++i) {
            _enter(player(i));
        }
    }

    function player(uint256 seed) public pure returns (address) {
        return signing.addr(_keyOf(seed));
    }

    function _keyOf(uint256 seed) private pure returns (uint256) {
        return 0xF00 + seed % PLAYERS;
    }

    function join(uint256 seed) external {
        _enter(player(seed));
    }

    function _enter(address who) private {
        vm.deal(who, SMALL_BOND);
        vm.prank(who);
        try arbiter.joinSequencers{value: SMALL_BOND}() {
            vm.assertFalse(slashed[who], "one that was slashed is back");
            paidIn += SMALL_BOND;
        } catch {}
    }

    function topUp(uint256 seed, uint32 gwei_) external {
        uint256 value = uint256(gwei_) * 1 gwei;
        address who = player(seed);
        vm.deal(who, value);
        vm.prank(who);
        try arbiter.topUpBond{value: value}() {
            paidIn += value;
        } catch {}
    }

    function leave(uint256 seed) external {
        vm.prank(player(seed));
        try arbiter.leaveSequencers() {} catch {}
    }

    function release(uint256 seed, uint8 blocks) external {
        vm.roll(block.number + blocks % 16);
        address who = player(seed);
        try arbiter.releaseBond(who) {
            vm.assertEq(_openOf(who), 0, "released while it still answers");
        } catch {}
    }

    /// @dev Once in a while, else nobody is left.
    function slash(uint256 seed) external {
        if (seed % 8 != 0) return;
        (address who, uint256 key) = (player(seed / 8), _keyOf(seed / 8));
        uint256 bond_ = arbiter.bondOf(who);
        vm.prank(RIVAL);
        try arbiter.slashSequencer(
            9, "parent", _announced(key, 9, "parent", "first"), _announced(key, 9, "parent", "second")
        ) {
            vm.assertFalse(slashed[who], "slashed twice");
            slashed[who] = true;
            vm.assertEq(arbiter.bondOf(who), 0);
        } catch {
            vm.assertTrue(bond_ == 0 || slashed[who], "a bond was not slashed");
        }
    }

    /// @dev Whoever may posts; the others are refused.
    function post(uint256 seed, uint8 blocks) external {
        vm.roll(block.number + blocks % 6);
        address who = player(seed);
        bool may = arbiter.mayPost(who);
        (uint64 number, bytes32 parent) = arbiter.head();
        vm.deal(who, REWARD);
        vm.prank(who);
        try arbiter.sequenceBatch{value: REWARD}(number + 1, parent, _header(0), _data(number + 1), 0) {
            vm.assertTrue(may, "posted out of turn");
            posters.push(who);
            paidIn += REWARD;
        } catch {}
    }

    /// @dev The next batch is proved, maybe late: its payee gets what the ladder says, whatever became of the poster.
    function prove(uint8 blocks) external {
        uint64 number = arbiter.finalizedNumber() + 1;
        if (number > posters.length) return;
        vm.roll(block.number + (blocks % 2 == 0 ? 0 : blocks % 32));
        uint256 before = arbiter.creditOf(PAYEE);
        _proveNext(number);
        uint256 paid = arbiter.creditOf(PAYEE) - before;
        vm.assertTrue(paid == REWARD || paid == 2 * REWARD || paid == 4 * REWARD, "paid another amount");
    }

    /// @dev Batches of `who` that are not final.
    function _openOf(address who) private view returns (uint256 open) {
        for (uint256 i = arbiter.finalizedNumber(); i < posters.length; ++i) {
            if (posters[i] == who) ++open;
        }
    }

    /// @dev Does each bond cover all that delays of its own batches may cost?
    function bondsCover() external view returns (bool) {
        for (uint256 i = 0; i < PLAYERS; ++i) {
            address who = player(i);
            if (!slashed[who] && arbiter.bondOf(who) < 3 * REWARD * _openOf(who)) return false;
        }
        return true;
    }

    /// @dev Do seats, turns and bonds tell one story?
    function seatsAgree() external view returns (bool) {
        address[] memory seats = arbiter.sequencers();
        for (uint256 i = 0; i < seats.length; ++i) {
            for (uint256 j = 0; j < i; ++j) {
                if (seats[i] == seats[j]) return false;
            }
            if (slashed[seats[i]]) return false;
        }
        if (seats.length == 0) return arbiter.inTurn() == address(0);
        return arbiter.inTurn() == seats[block.number / WINDOW % seats.length];
    }

    /// @dev Bonds, escrows and credits that the arbiter owes; what slashing took for nobody comes on top.
    function owed() external view returns (uint256 sum) {
        for (uint256 i = 0; i < PLAYERS; ++i) {
            sum += arbiter.bondOf(player(i)) + arbiter.creditOf(player(i));
        }
        sum += (posters.length - arbiter.finalizedNumber()) * REWARD;
        sum += arbiter.creditOf(PAYEE) + arbiter.creditOf(RIVAL);
    }

    function anySlashed() external view returns (bool any) {
        for (uint256 i = 0; i < PLAYERS; ++i) {
            if (slashed[player(i)]) any = true;
        }
    }

    function balance() external view returns (uint256) {
        return address(arbiter).balance;
    }
}
