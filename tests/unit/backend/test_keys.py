"""Proving keys on disk: made once, remade when torn, marked insecure."""

from __future__ import annotations

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from poe.backend import native
from poe.backend.keys import default_cache, ensure_dev_key
from poe.errors import ToolError
from poe.rollup.types import Shape

SHAPE = Shape(slots=1, depth=1)


OTHER = Shape(slots=1, depth=2)


class CountedSetups:
    """Set-up that hands out real keys made once, and counts."""

    def __init__(self, made: dict[Shape, bytes]) -> None:
        self.count = 0
        self._made = made
        self._lock = threading.Lock()

    def __call__(self, shape: Shape, path: Path) -> None:
        with self._lock:
            self.count += 1
        path.write_bytes(self._made[shape])


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[Shape, bytes]:
    """The real development keys of two circuits."""
    folder = tmp_path_factory.mktemp("made")
    return {shape: ensure_dev_key(shape, folder).path.read_bytes() for shape in (SHAPE, OTHER)}


@pytest.fixture(autouse=True)
def setups(monkeypatch: pytest.MonkeyPatch, made: dict[Shape, bytes]) -> CountedSetups:
    setups = CountedSetups(made)
    monkeypatch.setattr(native, "setup_dev_key", setups)
    return setups


def test_a_key_is_made_once_and_then_found(tmp_path: Path, setups: CountedSetups) -> None:
    first = ensure_dev_key(SHAPE, tmp_path)
    assert ensure_dev_key(SHAPE, tmp_path) == first
    assert setups.count == 1


def test_it_is_named_by_shape_and_circuit_and_says_that_it_is_insecure(tmp_path: Path) -> None:
    key = ensure_dev_key(SHAPE, tmp_path)
    assert key.path.parent == tmp_path
    assert key.path.name == f"1x1-{native.circuit_info(SHAPE).hash.hex()[:16]}.key"
    assert key.provenance == "insecure-dev"
    assert len(key.verifying_key_words) == 22


def test_it_is_the_same_wherever_it_is_made(
    tmp_path: Path, made: dict[Shape, bytes], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.undo()
    assert ensure_dev_key(SHAPE, tmp_path).path.read_bytes() == made[SHAPE]


def test_many_at_once_make_one_key(tmp_path: Path, setups: CountedSetups) -> None:
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: ensure_dev_key(SHAPE, tmp_path), range(4)))
    assert setups.count == 1
    assert all(key == found[0] for key in found)


@pytest.mark.parametrize("damage", ["cut", "empty", "flipped"])
def test_a_damaged_key_is_made_again(tmp_path: Path, setups: CountedSetups, damage: str) -> None:
    key = ensure_dev_key(SHAPE, tmp_path)
    good = key.path.read_bytes()
    middle = len(good) // 2
    spoilt = {
        "cut": good[:-1],
        "empty": b"",
        "flipped": good[:middle] + bytes([good[middle] ^ 1]) + good[middle + 1 :],
    }
    key.path.write_bytes(spoilt[damage])
    assert ensure_dev_key(SHAPE, tmp_path) == key
    assert key.path.read_bytes() == good
    assert setups.count == 2


def test_the_key_of_another_circuit_under_our_name_is_made_again(tmp_path: Path, made: dict[Shape, bytes]) -> None:
    ours = ensure_dev_key(SHAPE, tmp_path / "ours")
    good = ours.path.read_bytes()
    ours.path.write_bytes(made[OTHER])
    ensure_dev_key(SHAPE, tmp_path / "ours")
    assert ours.path.read_bytes() == good


def test_a_cache_that_cannot_be_written_is_one_line(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("not a folder")
    with pytest.raises(ToolError, match="POE-TOL-007: the key cache ") as refused:
        ensure_dev_key(SHAPE, tmp_path / "file" / "keys")
    assert "\n" not in str(refused.value)


def test_the_default_cache_follows_the_desktop_rules(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache() == tmp_path / "poe" / "keys"
    monkeypatch.delenv("XDG_CACHE_HOME")
    monkeypatch.setenv("HOME", "/home/someone")
    assert default_cache() == Path("/home/someone/.cache/poe/keys")
