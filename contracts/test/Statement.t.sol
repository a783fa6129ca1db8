// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
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

    function testFuzz_Evaluate_IsThePolynomialsValue(uint256[7] memory words, uint256 x) public pure {
        x %= R;
        uint256 wanted;
        uint256 power = 1;
        for (uint256 i = 0; i < 7; ++i) {
            wanted = addmod(wanted, mulmod(words[i], power, R), R);
            power = mulmod(power, x, R);
        }
        vm.assertEq(abi.encodePacked(words).evaluate(7, x), wanted);
    }

    function test_Evaluate_ReadsUnreducedWordsModuloR() public pure {
        uint256[2] memory words = [type(uint256).max, R];
        vm.assertEq(abi.encodePacked(words).evaluate(2, 5), type(uint256).max % R);
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
        vm.assertEq(v, abi.encodePacked(vm.parseJsonBytes32Array(json, _path(i, "statement"))));
        uint256 x = v.challenge(_uint(i, "commitment"));
        vm.assertEq(x, _uint(i, "x"), "x");
        vm.assertEq(v.evaluate(v.length / 32, x), _uint(i, "y"), "y");
        vm.assertEq(v.evaluate(8 + data.length / 32, x), _uint(i, "y"), "y without the exits");
    }

    function _header(uint256 i) private view returns (IArbiter.Header memory) {
        return IArbiter.Header({
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
