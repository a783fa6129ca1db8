// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./ArbiterTest.sol";

/// @dev Further cheatcodes, as forge documents them.
interface SigningVm {
    function addr(uint256 key) external pure returns (address);
    function sign(uint256 key, bytes32 digest) external pure returns (uint8 v, bytes32 r, bytes32 s);
}

/// @dev An arbiter with windows of 8 blocks, bonds for 4 batches, and nobody in its seats.
abstract contract SeatsTest is ArbiterTest {
    SigningVm internal constant signing = SigningVm(address(vm));
    uint32 internal constant WINDOW = 8;
    uint256 internal constant HALF = 4;
    uint96 internal constant SMALL_BOND = 3 * 4 * REWARD;
    /// @dev Group order of secp256k1.
    uint256 internal constant N = 0xFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFFEBAAEDCE6AF48A03BBFD25E8CD0364141;

    uint256 internal constant A_KEY = 0xA1;
    uint256 internal constant B_KEY = 0xB2;
    uint256 internal constant C_KEY = 0xC3;
    uint96 internal bond = SMALL_BOND;
    address internal a;
    address internal b;
    address internal c;

    function setUp() public virtual override {
        super.setUp();
        (a, b, c) = (signing.addr(A_KEY), signing.addr(B_KEY), signing.addr(C_KEY));
        arbiter = _arbiter(_seatsConfig());
        vm.roll(24 * WINDOW);
    }

    function _seatsConfig() internal view returns (IArbiterTypes.Config memory config) {
        config = _config();
        config.bond = bond;
        config.window = WINDOW;
    }

    function _join(address who) internal {
        vm.deal(who, who.balance + bond);
        vm.prank(who);
        arbiter.joinSequencers{value: bond}();
    }

    function _joinAll() internal {
        _join(a);
        _join(b);
        _join(c);
    }

    function _leaveSeat(address who) internal {
        vm.prank(who);
        arbiter.leaveSequencers();
    }

    /// @dev The next batch, whose data is _data of its number.
    function _postAs(address who) internal returns (uint64) {
        (uint64 number,) = arbiter.head();
        return _post(who, _header(0), _data(number + 1), 0);
    }

    function _refusesPostAs(address who, bytes memory reason) internal {
        (uint64 number,) = arbiter.head();
        _refusesPosting(who, _header(0), _data(number + 1), 0, reason);
    }

    function _notInTurn(address who, address holder) internal pure returns (bytes memory) {
        return abi.encodeWithSelector(IArbiterTypes.NotInTurn.selector, who, holder);
    }

    /// @dev Makes batch `number` final, if it is next.
    function _proveNext(uint64 number) internal {
        _submit(PAYEE, _proved(number, PAYEE, 0));
    }

    /// @dev First block of a window that is the turn of seat `seat` of `seats`, after the present block.
    function _windowOf(uint256 seat, uint256 seats) internal view returns (uint256) {
        uint256 window = block.number / WINDOW + 1;
        while (window % seats != seat) ++window;
        return window * WINDOW;
    }

    /// @dev What a sequencer signs, written here from docs/protocol.md section 11.
    function _digest(uint64 number, bytes32 parentHash, bytes32 batchHash, IArbiter.Header memory header)
        internal
        view
        returns (bytes32)
    {
        bytes memory words =
            abi.encode(arbiter.domain(), number, parentHash, batchHash, uint256(SLOTS) * 256 + DEPTH, header);
        return keccak256(bytes.concat("\x19poe batch announcement 1\n", words));
    }

    function _announced(uint256 key, uint64 number, bytes32 parentHash, bytes32 batchHash)
        internal
        view
        returns (IArbiterTypes.Announcement memory)
    {
        IArbiter.Header memory header = _header(1, 2);
        (uint8 v, bytes32 r, bytes32 s) = signing.sign(key, _digest(number, parentHash, batchHash, header));
        return IArbiterTypes.Announcement(batchHash, header, abi.encodePacked(r, s, v));
    }

    /// @dev RIVAL reports that the owner of `key` signed two batches of number 9 on one parent.
    function _slash(uint256 key) internal {
        IArbiterTypes.Announcement memory first = _announced(key, 9, "parent", "first");
        IArbiterTypes.Announcement memory second = _announced(key, 9, "parent", "second");
        vm.prank(RIVAL);
        arbiter.slashSequencer(9, "parent", first, second);
    }

    function _assertSeats(address[] memory expected) internal view {
        address[] memory seats = arbiter.sequencers();
        vm.assertEq(seats.length, expected.length);
        for (uint256 i = 0; i < seats.length; ++i) {
            vm.assertEq(seats[i], expected[i]);
        }
    }

    function _list(address first) internal pure returns (address[] memory list) {
        list = new address[](1);
        list[0] = first;
    }

    function _list(address first, address second) internal pure returns (address[] memory list) {
        list = new address[](2);
        (list[0], list[1]) = (first, second);
    }

    function _list(address first, address second, address third)
        internal
        pure
        returns (address[] memory list)
    {
        list = new address[](3);
        (list[0], list[1], list[2]) = (first, second, third);
    }
}
