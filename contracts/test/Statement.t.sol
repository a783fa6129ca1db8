// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {Statement} from "../src/libraries/Statement.sol";
import {StatementHarness} from "./support/StatementHarness.sol";
import {Test} from "./support/Test.sol";

/// @dev The shared vectors, which hold Rust and Python too.
contract StatementTest is Test {
    using Statement for bytes;

    uint256 private constant FEWEST_CASES = 9;

    string private json;
    StatementHarness private harness;

    function setUp() public {
        json = vm.readFile("../tests/vectors/statement.json");
        harness = new StatementHarness();
    }

    function test_Statement_AgreesWithEverySharedVector() public view {
        uint256 i;
        for (; vm.keyExistsJson(json, _path(i, "name")); ++i) {
            _checkHashes(i);
            _checkEvaluation(i);
        }
        vm.assertGe(i, FEWEST_CASES);
    }

    function testFuzz_Evaluate_IsThePolynomialsValue(uint256[8] memory words, uint256 x) public pure {
        x %= R;
        uint256 wanted;
        uint256 power = 1;
        for (uint256 i = 0; i < 8; ++i) {
            wanted = addmod(wanted, mulmod(words[i], power, R), R);
            power = mulmod(power, x, R);
        }
        vm.assertEq(abi.encodePacked(words).evaluate(8, x), wanted);
    }

    function test_Evaluate_ReadsUnreducedWordsModuloR() public pure {
        uint256[2] memory words = [type(uint256).max, R];
        vm.assertEq(abi.encodePacked(words).evaluate(2, 5), type(uint256).max % R);
    }

    /// @dev Any list of words is either refused or means exactly the pairs it is made of.
    function testFuzz_PlaceExits_ExpandsOrRefuses(uint8 slots, uint256[] memory exits, bool mended)
        public
        view
    {
        slots = uint8(bound(slots, 1, 8));
        if (mended) exits = _mend(slots, exits);
        uint256 wrong = _firstWrong(slots, exits);
        uint256 length = 32 * (8 + 6 * uint256(slots));
        try harness.placeExits(new bytes(length), slots, exits) returns (bytes memory v, uint256 words) {
            vm.assertEq(wrong, exits.length, "taken");
            bytes memory wanted = new bytes(length);
            for (uint256 i = 0; i < exits.length; ++i) {
                _write(wanted, 8 + 4 * uint256(slots) + 2 * (exits[i] >> 224), exits[i]);
            }
            vm.assertEq(v, wanted);
            vm.assertEq(v.evaluate(words, 3), v.evaluate(length / 32, 3), "words left out");
        } catch (bytes memory reason) {
            vm.assertEq(reason, abi.encodeWithSelector(IArbiterTypes.WrongExit.selector, wrong, exits[wrong]));
        }
    }

    /// @dev Exits the fuzzer would seldom find: in different slots, in order, nothing above.
    function _mend(uint8 slots, uint256[] memory exits) private pure returns (uint256[] memory mended) {
        mended = new uint256[](exits.length < slots ? exits.length : slots);
        for (uint256 i = 0; i < mended.length; ++i) {
            mended[i] = (exits[i] & (2 ** 224 - 1)) | (i << 224);
        }
    }

    function _firstWrong(uint8 slots, uint256[] memory exits) private pure returns (uint256 i) {
        for (; i < exits.length; ++i) {
            bool increasing = i == 0 || exits[i] / 2 ** 224 > exits[i - 1] / 2 ** 224;
            bool inside = exits[i] < uint256(slots) * 2 ** 224;
            if (!increasing || !inside || uint160(exits[i] >> 64) == 0) break;
        }
    }

    function _write(bytes memory v, uint256 word, uint256 exit) private pure {
        bytes memory pair = abi.encode(uint160(exit >> 64), uint64(exit));
        for (uint256 j = 0; j < 64; ++j) {
            v[32 * word + j] = pair[j];
        }
    }

    function _checkHashes(uint256 i) private view {
        uint256 domain =
            Statement.domain(_uint(i, "chain_id"), _address(i, "arbiter"), _uint(i, "circuit_version"));
        vm.assertEq(domain, _uint(i, "domain"), "domain");
        uint256 context = Statement.context(
            uint64(_uint(i, "number")),
            vm.parseJsonBytes32(json, _path(i, "batch_hash")),
            _address(i, "payee"),
            uint96(_uint(i, "tip"))
        );
        vm.assertEq(context, _uint(i, "context"), "context");
    }

    function _checkEvaluation(uint256 i) private view {
        bytes memory data = vm.parseJsonBytes(json, _path(i, "data"));
        (bytes memory v, bytes32 batchHash) =
            harness.lay(uint8(_uint(i, "slots")), uint8(_uint(i, "depth")), _header(i), data);
        vm.assertEq(batchHash, vm.parseJsonBytes32(json, _path(i, "batch_hash")));
        v.bind(_uint(i, "domain"), _uint(i, "old_root"), _uint(i, "new_root"), _uint(i, "context"));
        uint256 words;
        (v, words) = harness.placeExits(v, uint8(_uint(i, "slots")), _exits(i));
        vm.assertEq(v, abi.encodePacked(vm.parseJsonBytes32Array(json, _path(i, "statement"))));
        uint256 x = v.challenge(_uint(i, "commitment"));
        vm.assertEq(x, _uint(i, "x"), "x");
        vm.assertEq(v.evaluate(v.length / 32, x), _uint(i, "y"), "y");
        vm.assertEq(v.evaluate(words, x), _uint(i, "y"), "y without the zeros at the end");
    }

    function _exits(uint256 i) private view returns (uint256[] memory exits) {
        uint256 count;
        while (vm.keyExistsJson(json, _exitPath(i, count))) {
            ++count;
        }
        exits = new uint256[](count);
        for (uint256 j = 0; j < count; ++j) {
            exits[j] = uint256(vm.parseJsonBytes32(json, _exitPath(i, j)));
        }
    }

    function _exitPath(uint256 i, uint256 j) private pure returns (string memory) {
        return string.concat(_path(i, "exits["), vm.toString(j), "].packed");
    }

    function _header(uint256 i) private view returns (IArbiter.Header memory) {
        return IArbiterTypes.Header({
            deposits: uint8(_uint(i, "deposits")),
            forced: uint8(_uint(i, "forced")),
            feeAccount: uint48(_uint(i, "fee_account"))
        });
    }

    function _path(uint256 i, string memory key) private pure returns (string memory) {
        return string.concat(".cases[", vm.toString(i), "].", key);
    }

    function _uint(uint256 i, string memory key) private view returns (uint256) {
        return uint256(vm.parseJsonBytes32(json, _path(i, key)));
    }

    function _address(uint256 i, string memory key) private view returns (address) {
        return vm.parseJsonAddress(json, _path(i, key));
    }
}
