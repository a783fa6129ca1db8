// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {Announcing} from "../src/libraries/Announcing.sol";
import {SeatsTest} from "./support/SeatsTest.sol";

contract AnnouncingHarness {
    function digest(
        uint256 domain,
        uint64 number,
        bytes32 parentHash,
        uint256 shape,
        IArbiterTypes.Announcement calldata announcement
    ) external pure returns (bytes32) {
        return Announcing.digest(domain, number, parentHash, shape, announcement);
    }

    function signer(bytes32 digest_, bytes calldata signature) external pure returns (address) {
        return Announcing.signer(digest_, signature);
    }
}

/// @dev Two signatures under one number and parent cost the bond; nothing else does.
contract SeatsSlashTest is SeatsTest {
    uint64 private constant NUMBER = 9;
    bytes32 private constant PARENT = "parent";

    function setUp() public override {
        super.setUp();
        _join(a);
        _join(b);
    }

    function test_SlashSequencer_HalfGoesToTheReporterTheSeatIsGone() public {
        vm.assertEq(arbiter.sequencers()[0], a);
        IArbiterTypes.Announcement memory first = _announced(A_KEY, NUMBER, PARENT, "first");
        IArbiterTypes.Announcement memory second = _announced(A_KEY, NUMBER, PARENT, "second");
        vm.expectEmit(address(arbiter));
        emit IArbiterTypes.SequencerSlashed(a, RIVAL, SMALL_BOND / 2);
        vm.prank(RIVAL);
        arbiter.slashSequencer(NUMBER, PARENT, first, second);
        vm.assertEq(arbiter.creditOf(RIVAL), SMALL_BOND / 2);
        vm.assertEq(arbiter.bondOf(a), 0);
        vm.assertEq(arbiter.bondOf(b), SMALL_BOND);
        _assertSeats(_list(b));
        vm.assertFalse(arbiter.mayPost(a));
        vm.assertEq(address(arbiter).balance, 2 * SMALL_BOND);
    }

    function test_SlashSequencer_OneselfCostsHalf() public {
        IArbiterTypes.Announcement memory first = _announced(A_KEY, NUMBER, PARENT, "first");
        IArbiterTypes.Announcement memory second = _announced(A_KEY, NUMBER, PARENT, "second");
        vm.prank(a);
        arbiter.slashSequencer(NUMBER, PARENT, first, second);
        vm.assertEq(arbiter.creditOf(a), SMALL_BOND / 2);
        vm.roll(block.number + 1000);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NoBondToRelease.selector, a));
        arbiter.releaseBond(a);
    }

    /// @dev Slashing oneself is no way out of what delays cost: that much stays, even of the reporter's half.
    function test_SlashSequencer_DoesNotEscapeADelaysCharge() public {
        vm.roll(_windowOf(0, 2));
        for (uint256 i = 0; i < 3; ++i) {
            _postAs(a);
        }
        _slash(A_KEY);
        vm.assertEq(arbiter.creditOf(RIVAL), SMALL_BOND - 9 * REWARD);
        vm.roll(block.number + QUADRUPLE_AFTER + 1);
        for (uint64 number = 1; number <= 3; ++number) {
            _proveNext(number);
        }
        vm.assertEq(arbiter.creditOf(PAYEE), 12 * REWARD);
        vm.assertEq(arbiter.bondOf(a), 0);
    }

    function test_SlashSequencer_TheRestOfTheBondIsNobodys() public {
        vm.roll(_windowOf(0, 2));
        _postAs(a);
        _slash(A_KEY);
        vm.assertEq(arbiter.creditOf(RIVAL), SMALL_BOND / 2);
        _proveNext(1);
        vm.roll(block.number + 1000);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NoBondToRelease.selector, a));
        arbiter.releaseBond(a);
        vm.assertEq(address(arbiter).balance, 2 * SMALL_BOND + REWARD);
    }

    function test_SlashSequencer_TakesABondThatIsLeaving() public {
        _leaveSeat(a);
        vm.roll(block.number + ALARM_DELAY);
        _slash(A_KEY);
        vm.assertEq(arbiter.creditOf(RIVAL), SMALL_BOND / 2);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.NoBondToRelease.selector, a));
        arbiter.releaseBond(a);
        _assertSeats(_list(b));
    }

    function test_RevertSlashSequencer_WhenTheBondIsReleased() public {
        _leaveSeat(a);
        vm.roll(block.number + ALARM_DELAY);
        arbiter.releaseBond(a);
        _refuses(A_KEY, A_KEY, abi.encodeWithSelector(IArbiterTypes.NotSequencer.selector, a));
    }

    function test_RevertSlashSequencer_WhenItIsSlashedAlready() public {
        _slash(A_KEY);
        _refuses(A_KEY, A_KEY, abi.encodeWithSelector(IArbiterTypes.NotSequencer.selector, a));
    }

    /// @dev Its signatures stay good for ever: a new bond of that account would be lost to them.
    function test_RevertJoinSequencers_WhenTheAccountWasSlashed() public {
        _slash(A_KEY);
        vm.roll(block.number + 1000);
        vm.deal(a, SMALL_BOND);
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.AlreadySequencer.selector, a));
        vm.prank(a);
        arbiter.joinSequencers{value: SMALL_BOND}();
    }

    function test_SlashSequencer_InExitModeTooWhereNothingIsKept() public {
        vm.roll(_windowOf(0, 2));
        for (uint256 i = 0; i < 4; ++i) {
            _postAs(a);
        }
        vm.roll(block.number + EXIT_DEADLINE + 1);
        arbiter.enterExitMode();
        _slash(A_KEY);
        vm.assertEq(arbiter.creditOf(RIVAL), SMALL_BOND / 2);
    }

    function test_RevertSlashSequencer_WhenBothSayTheSame() public {
        IArbiterTypes.Announcement memory one = _announced(A_KEY, NUMBER, PARENT, "first");
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.SameAnnouncement.selector, bytes32("first")));
        arbiter.slashSequencer(NUMBER, PARENT, one, one);
    }

    function test_RevertSlashSequencer_WhenTwoSequencersSigned() public {
        _refuses(A_KEY, B_KEY, abi.encodeWithSelector(IArbiterTypes.WrongSigner.selector, a, b));
    }

    function test_RevertSlashSequencer_WhenTheSignerNeverHadASeat() public {
        _refuses(C_KEY, C_KEY, abi.encodeWithSelector(IArbiterTypes.NotSequencer.selector, c));
    }

    function _refuses(uint256 firstKey, uint256 secondKey, bytes memory reason) private {
        IArbiterTypes.Announcement memory first = _announced(firstKey, NUMBER, PARENT, "first");
        IArbiterTypes.Announcement memory second = _announced(secondKey, NUMBER, PARENT, "second");
        vm.expectRevert(reason);
        arbiter.slashSequencer(NUMBER, PARENT, first, second);
    }

    /// @dev Signed under another number or parent they recover somebody else, or two.
    function test_RevertSlashSequencer_WhenTheNumbersOrParentsDiffer() public {
        IArbiterTypes.Announcement memory first = _announced(A_KEY, NUMBER, PARENT, "first");
        _fails(first, _announced(A_KEY, NUMBER + 1, PARENT, "second"));
        _fails(first, _announced(A_KEY, NUMBER, "other parent", "second"));
        IArbiterTypes.Announcement memory changed = _announced(A_KEY, NUMBER, PARENT, "second");
        changed.header.feeAccount += 1;
        _fails(first, changed);
        changed.header.feeAccount -= 1;
        changed.batchHash = "third";
        _fails(first, changed);
    }

    function test_RevertSlashSequencer_WhenSignedForAnotherArbiterOrChain() public {
        IArbiterTypes.Announcement memory first = _announced(A_KEY, NUMBER, PARENT, "first");
        IArbiterTypes.Announcement memory second = _announced(A_KEY, NUMBER, PARENT, "second");
        vm.chainId(5);
        _fails(first, second);
        vm.chainId(31_337);
        arbiter = _arbiter(_seatsConfig());
        _join(a);
        _fails(first, second);
    }

    /// @dev Only r, s, v with s low and v 27 or 28; else whoever has one signature had two.
    function testFuzz_RevertSlashSequencer_WhenASignatureIsNotInItsOneForm(uint8 v, uint256 length) public {
        IArbiterTypes.Announcement memory first = _announced(A_KEY, NUMBER, PARENT, "first");
        IArbiterTypes.Announcement memory second = _announced(A_KEY, NUMBER, PARENT, "second");
        bytes memory good = second.signature;
        uint8 right = uint8(good[64]);

        vm.assume(v != right);
        second.signature = bytes.concat(good);
        second.signature[64] = bytes1(v);
        _fails(first, second);

        (bytes32 r, uint256 s) = (_word(good, 0), uint256(_word(good, 32)));
        second.signature = abi.encodePacked(r, N - s, right == 27 ? uint8(28) : uint8(27));
        _fails(first, second);

        length = bound(length, 0, 130);
        if (length == 65) length = 64;
        second.signature = new bytes(length);
        for (uint256 i = 0; i < length; ++i) {
            second.signature[i] = good[i % 65];
        }
        _fails(first, second);
    }

    function test_RevertSlashSequencer_WhenBothSignaturesRecoverNobody() public {
        IArbiterTypes.Announcement memory first = _announced(A_KEY, NUMBER, PARENT, "first");
        IArbiterTypes.Announcement memory second = _announced(A_KEY, NUMBER, PARENT, "second");
        (first.signature, second.signature) = (new bytes(65), new bytes(65));
        vm.expectRevert(abi.encodeWithSelector(IArbiterTypes.WrongSigner.selector, address(0), address(0)));
        arbiter.slashSequencer(NUMBER, PARENT, first, second);
    }

    function _fails(IArbiterTypes.Announcement memory first, IArbiterTypes.Announcement memory second)
        private
    {
        try arbiter.slashSequencer(NUMBER, PARENT, first, second) {
            vm.assertTrue(false, "slashed");
        } catch (bytes memory reason) {
            bytes4 selector = bytes4(reason);
            bool known = selector == IArbiterTypes.WrongSigner.selector
                || selector == IArbiterTypes.NotSequencer.selector;
            vm.assertTrue(known, "refused for another reason");
        }
        vm.assertEq(arbiter.bondOf(a), SMALL_BOND);
    }

    function _word(bytes memory from, uint256 start) private pure returns (bytes32 word) {
        assembly ("memory-safe") {
            word := mload(add(add(from, 0x20), start))
        }
    }

    /// @dev What the node's own signer signs, this contract recovers.
    function test_Announcing_AgreesWithTheSharedVectors() public {
        AnnouncingHarness library_ = new AnnouncingHarness();
        string memory json = vm.readFile("../tests/vectors/announcement.json");
        uint256 i = 0;
        for (; vm.keyExistsJson(json, _key(i, "domain")); ++i) {
            IArbiterTypes.Announcement memory announcement = IArbiterTypes.Announcement(
                vm.parseJsonBytes32(json, _key(i, "batchHash")),
                IArbiterTypes.Header(
                    uint8(_number(json, i, "deposits")),
                    uint8(_number(json, i, "forced")),
                    uint48(_number(json, i, "feeAccount"))
                ),
                vm.parseJsonBytes(json, _key(i, "signature"))
            );
            bytes32 digest = library_.digest(
                _number(json, i, "domain"),
                uint64(_number(json, i, "number")),
                vm.parseJsonBytes32(json, _key(i, "parentHash")),
                _number(json, i, "slots") * 256 + _number(json, i, "depth"),
                announcement
            );
            vm.assertEq(digest, vm.parseJsonBytes32(json, _key(i, "digest")));
            address signer = library_.signer(digest, announcement.signature);
            vm.assertEq(signer, vm.parseJsonAddress(json, _key(i, "signer")));
        }
        vm.assertEq(i, 4);
    }

    function _number(string memory json, uint256 i, string memory name) private pure returns (uint256) {
        return vm.parseJsonUint(json, _key(i, name));
    }

    function _key(uint256 i, string memory name) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(i), "].", name);
    }
}
