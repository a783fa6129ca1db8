// SPDX-License-Identifier: Apache-2.0
pragma solidity 0.8.37;

import {IArbiter} from "../src/interfaces/IArbiter.sol";
import {IArbiterTypes} from "../src/interfaces/IArbiterTypes.sol";
import {ArbiterTest} from "./support/ArbiterTest.sol";

/// @dev One address, two bodies of code: every function of the interface is answered by one of them, each body fits L1, and
/// the second does nothing by itself. snapshots/size.json holds their sizes in bytes.
contract BodiesTest is ArbiterTest {
    /// @dev EIP-170 and EIP-3860.
    uint256 private constant MOST_CODE = 24_576;
    uint256 private constant MOST_CREATION_CODE = 49_152;

    function test_Bodies_FitL1() public {
        _size("Arbiter", address(arbiter).code.length, MOST_CODE);
        _size("ArbiterExtension", arbiter.extension().code.length, MOST_CODE);
        _size("Groth16Verifier", address(verifier).code.length, MOST_CODE);
        uint256 creation = vm.getCode("Arbiter.sol:Arbiter").length + abi.encode(_config()).length;
        _size("ArbiterCreation", creation, MOST_CREATION_CODE);
        creation = vm.getCode("Groth16Verifier.sol:Groth16Verifier").length + 22 * 32;
        _size("Groth16VerifierCreation", creation, MOST_CREATION_CODE);
    }

    /// @dev Each function of the interface is one body's, and no body has another.
    function test_Bodies_AnswerTheWholeInterfaceOnce() public view {
        string[] memory whole = _functionsOf("IArbiter");
        string[] memory first = _functionsOf("Arbiter");
        string[] memory second = _functionsOf("ArbiterExtension");
        vm.assertEq(first.length + second.length, whole.length);
        for (uint256 i = 0; i < whole.length; ++i) {
            vm.assertTrue(_has(first, whole[i]) != _has(second, whole[i]), whole[i]);
        }
    }

    /// @dev Nobody can leave a bond, raise an alarm or end anything at the extension's own address.
    function testFuzz_Extension_TakesNoDirectCalls(address caller) public {
        address extension = arbiter.extension();
        string[] memory functions_ = _functionsOf("ArbiterExtension");
        bytes memory words = new bytes(2048);
        for (uint256 i = 0; i < functions_.length; ++i) {
            bytes4 selector = bytes4(keccak256(bytes(functions_[i])));
            vm.prank(caller);
            (bool viewed,) = extension.staticcall(bytes.concat(selector, words));
            if (viewed) continue;
            vm.prank(caller);
            (bool ok,) = extension.call(bytes.concat(selector, words));
            vm.assertFalse(ok, functions_[i]);
        }
    }

    function test_Extension_SaysThatItTakesNoDirectCalls() public {
        IArbiter extension = IArbiter(arbiter.extension());
        vm.expectRevert(IArbiterTypes.CalledDirectly.selector);
        extension.enterExitMode();
        vm.deal(address(this), BOND);
        vm.expectRevert(IArbiterTypes.CalledDirectly.selector);
        extension.joinSequencers{value: BOND}();
    }

    /// @dev What neither body knows, plain transfers included, is refused.
    function testFuzz_Arbiter_RefusesWhatNoBodyKnows(bytes calldata data) public {
        vm.assume(data.length < 4 || !_isKnown(bytes4(data[:4])));
        vm.deal(address(this), 1 ether);
        (bool ok,) = address(arbiter).call{value: 1}(data);
        vm.assertFalse(ok);
    }

    /// @dev The fallback is payable for joining and topping up; no other call may leave its value behind. Many of these are views,
    /// which nothing else would refuse.
    function test_Arbiter_TakesNoValueForWhatIsNotPayable() public {
        string[7] memory payables = [
            "deposit",
            "topUp",
            "forceExit",
            "forceTransaction",
            "sequenceBatch",
            "joinSequencers",
            "topUpBond"
        ];
        string[] memory whole = _functionsOf("IArbiter");
        uint256 held = address(arbiter).balance;
        vm.deal(address(this), 1 ether);
        for (uint256 i = 0; i < whole.length; ++i) {
            bool payable_;
            for (uint256 j = 0; j < payables.length; ++j) {
                payable_ = payable_ || _startsWith(whole[i], string.concat(payables[j], "("));
            }
            if (payable_) continue;
            bytes memory data = bytes.concat(bytes4(keccak256(bytes(whole[i]))), new bytes(1024));
            (bool ok,) = address(arbiter).call{value: 1}(data);
            vm.assertFalse(ok, whole[i]);
        }
        vm.assertEq(address(arbiter).balance, held);
    }

    function _startsWith(string memory text, string memory start) private pure returns (bool) {
        if (bytes(text).length < bytes(start).length) return false;
        for (uint256 i = 0; i < bytes(start).length; ++i) {
            if (bytes(text)[i] != bytes(start)[i]) return false;
        }
        return true;
    }

    function _isKnown(bytes4 selector) private view returns (bool) {
        string[] memory whole = _functionsOf("IArbiter");
        for (uint256 i = 0; i < whole.length; ++i) {
            if (bytes4(keccak256(bytes(whole[i]))) == selector) return true;
        }
        return false;
    }

    function _functionsOf(string memory name) private view returns (string[] memory) {
        string memory json = vm.readFile(string.concat("out/", name, ".sol/", name, ".json"));
        return vm.parseJsonKeys(json, ".methodIdentifiers");
    }

    function _has(string[] memory all, string memory one) private pure returns (bool) {
        for (uint256 i = 0; i < all.length; ++i) {
            if (keccak256(bytes(all[i])) == keccak256(bytes(one))) return true;
        }
        return false;
    }

    function _size(string memory name, uint256 bytes_, uint256 most) private {
        vm.snapshotValue("size", name, bytes_);
        vm.assertGe(most, bytes_);
    }
}
