"""The node's key file: made once, mode 0600, refused when others can read it."""

from __future__ import annotations

from pathlib import Path

import pytest
from libp2p.crypto.secp256k1 import create_new_key_pair as create_secp256k1_key_pair

from poe.errors import NetError
from poe.net.identity import load_or_create_identity


def test_the_first_start_makes_a_key_that_the_second_loads(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "peer.key"
    first = load_or_create_identity(path)
    assert path.stat().st_mode & 0o777 == 0o600
    assert load_or_create_identity(path).private_key.to_bytes() == first.private_key.to_bytes()
    assert [file.name for file in path.parent.iterdir()] == ["peer.key"]


def test_two_files_hold_two_keys(tmp_path: Path) -> None:
    keys = {load_or_create_identity(tmp_path / name).private_key.to_bytes() for name in "ab"}
    assert len(keys) == 2


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o666])
def test_a_key_that_others_can_read_is_refused(tmp_path: Path, mode: int) -> None:
    path = tmp_path / "peer.key"
    load_or_create_identity(path)
    path.chmod(mode)
    with pytest.raises(NetError, match="readable by others") as caught:
        load_or_create_identity(path)
    assert caught.value.code == "POE-NET-005"
    assert "chmod 600" in caught.value.fix


@pytest.mark.parametrize("content", [b"", b"garbage", bytes(36), create_secp256k1_key_pair().private_key.serialize()])
def test_a_file_that_is_no_ed25519_key_is_refused(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "peer.key"
    path.write_bytes(content)
    path.chmod(0o600)
    with pytest.raises(NetError):
        load_or_create_identity(path)


def test_a_place_that_cannot_be_written_is_one_clear_error(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(NetError, match="cannot be written"):
        load_or_create_identity(tmp_path / "file" / "peer.key")
