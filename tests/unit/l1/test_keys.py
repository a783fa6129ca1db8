"""Keys: files only their owner reads, strict signatures, nothing secret in any text."""

import os
import pickle
from pathlib import Path

import pytest
from eth_account import Account
from hypothesis import given
from hypothesis import strategies as st

from poe.errors import ConfigError
from poe.l1.keys import CURVE_ORDER, Signer, address_of, create_key, load_key, recover_address, sign_hash
from poe.rollup.types import Hash

KEY = bytes.fromhex("ac0974bec39a17e36ba4a6b4d238ff944bacb478cbed5efcae784d7bf4f2ff80")
ADDRESS = bytes.fromhex("f39fd6e51aad88f6f4ce6ab8827279cfffb92266")
"""The first development account of anvil and hardhat: a known answer."""

DIGEST = Hash(bytes(range(32)))
keys = st.integers(1, CURVE_ORDER - 1).map(lambda number: number.to_bytes(32))
digests = st.binary(min_size=32, max_size=32).map(Hash)


def key_file(folder: Path, text: str, mode: int = 0o600) -> Path:
    path = folder / "key"
    path.write_text(text)
    path.chmod(mode)
    return path


def test_address_is_the_known_one() -> None:
    assert address_of(KEY) == ADDRESS


def test_created_key_is_private_and_loads_back(tmp_path: Path) -> None:
    path = tmp_path / "key"
    key = create_key(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_key(path) == key
    assert os.listdir(tmp_path) == ["key"]


def test_created_key_ignores_a_loose_umask(tmp_path: Path) -> None:
    before = os.umask(0)
    try:
        create_key(tmp_path / "key")
    finally:
        os.umask(before)
    assert (tmp_path / "key").stat().st_mode & 0o777 == 0o600


def test_create_never_touches_an_existing_file(tmp_path: Path) -> None:
    path = key_file(tmp_path, KEY.hex())
    with pytest.raises(ConfigError, match="exists already"):
        create_key(path)
    assert load_key(path) == KEY
    assert os.listdir(tmp_path) == ["key"]


def test_create_in_a_missing_folder_is_a_config_error(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot write"):
        create_key(tmp_path / "none" / "key")


@pytest.mark.parametrize("text", [KEY.hex(), "0x" + KEY.hex(), KEY.hex().upper() + "\n"])
def test_load_takes_hex_with_or_without_prefix(tmp_path: Path, text: str) -> None:
    assert load_key(key_file(tmp_path, text)) == KEY


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o660, 0o644, 0o620])
def test_load_refuses_a_file_others_can_reach_and_names_the_fix(tmp_path: Path, mode: int) -> None:
    path = key_file(tmp_path, KEY.hex(), mode)
    with pytest.raises(ConfigError) as refusal:
        load_key(path)
    assert f"chmod 600 {path}" in str(refusal.value)
    assert KEY.hex() not in str(refusal.value)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "00",
        KEY.hex() + "00",
        KEY.hex()[:-1] + "g",
        "00" * 32,
        CURVE_ORDER.to_bytes(32).hex(),
        "ff" * 32,
        KEY.hex() + " x",
        KEY.hex() + "\n" * 200,
    ],
)
def test_load_refuses_what_is_no_key_without_repeating_it(tmp_path: Path, text: str) -> None:
    with pytest.raises(ConfigError) as refusal:
        load_key(key_file(tmp_path, text))
    assert KEY.hex() not in str(refusal.value)


def test_load_refuses_a_missing_file_and_a_folder(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="cannot read"):
        load_key(tmp_path / "none")
    with pytest.raises(ConfigError):
        load_key(tmp_path)


def test_signer_shows_its_address_and_never_its_key() -> None:
    signer = Signer(KEY)
    texts = [repr(signer), str(signer), f"{signer!r}", ascii(signer)]
    assert all(text == f"Signer(0x{ADDRESS.hex()})" for text in texts)
    with pytest.raises(TypeError):
        pickle.dumps(signer)


def test_signer_refuses_a_key_out_of_range() -> None:
    with pytest.raises(ValueError, match="secp256k1 key"):
        Signer(bytes(32))


@given(keys, digests)
def test_signature_recovers_to_its_signer_and_is_canonical(key: bytes, digest: Hash) -> None:
    signature = sign_hash(key, digest)
    assert len(signature) == 65
    assert signature[64] in (27, 28)
    assert 0 < int.from_bytes(signature[32:64]) <= CURVE_ORDER // 2
    assert recover_address(digest, signature) == address_of(key)
    assert recover_address(digest, signature[:64] + bytes((signature[64] - 27,))) == address_of(key)


def test_signature_agrees_with_eth_account() -> None:
    theirs = Account.unsafe_sign_hash(DIGEST, KEY)
    assert sign_hash(KEY, DIGEST) == bytes(theirs.signature)


@given(st.integers(0, 64), st.integers(1, 255))
def test_a_changed_signature_never_recovers_to_the_signer(position: int, change: int) -> None:
    signature = bytearray(sign_hash(KEY, DIGEST))
    signature[position] ^= change
    if position == 64 and signature[64] % 27 == sign_hash(KEY, DIGEST)[64] % 27 and signature[64] in (0, 1):
        return  # the same v in its other notation
    assert recover_address(DIGEST, bytes(signature)) != ADDRESS


def test_the_mirrored_high_s_is_refused() -> None:
    signature = sign_hash(KEY, DIGEST)
    high = CURVE_ORDER - int.from_bytes(signature[32:64])
    mirrored = signature[:32] + high.to_bytes(32) + bytes((55 - signature[64],))
    assert recover_address(DIGEST, mirrored) is None


@pytest.mark.parametrize(
    "signature",
    [
        b"",
        bytes(64),
        bytes(65),
        bytes(66),
        bytes(32) + (1).to_bytes(32) + b"\x1b",
        CURVE_ORDER.to_bytes(32) + (1).to_bytes(32) + b"\x1b",
        (1).to_bytes(32) + bytes(32) + b"\x1b",
        (5).to_bytes(32) + (1).to_bytes(32) + b"\x1b",  # 5 is no abscissa of secp256k1
        b"\xff" * 65,
    ],
)
def test_malformed_signatures_recover_to_none(signature: bytes) -> None:
    assert recover_address(DIGEST, signature) is None


@given(st.binary(max_size=70), st.binary(max_size=40))
def test_recovery_never_raises(digest: bytes, signature: bytes) -> None:
    recover_address(Hash(digest), signature)


def test_signing_refuses_what_is_no_digest() -> None:
    with pytest.raises(ValueError, match="32 bytes"):
        sign_hash(KEY, Hash(b"short"))


def test_transaction_is_signed_as_eth_account_does() -> None:
    fields: dict[str, object] = {
        "type": 2,
        "chainId": 31337,
        "nonce": 1,
        "gas": 21000,
        "maxFeePerGas": 10,
        "maxPriorityFeePerGas": 1,
        "value": 3,
        "data": b"",
        "to": ADDRESS,
    }
    raw, tx_hash = Signer(KEY).sign_transaction(fields)
    assert Account.recover_transaction(raw).lower() == "0x" + ADDRESS.hex()
    assert len(tx_hash) == 32
