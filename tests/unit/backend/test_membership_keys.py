"""The membership circuit's keys in the cache: beside a batch's, never in its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from poe.backend import native
from poe.backend.demo import demo_state
from poe.backend.interface import KeyInfo
from poe.backend.keys import (
    ensure_dev_key,
    ensure_dev_membership_key,
    find_membership_key,
    import_key,
    import_membership_key,
    open_key_of,
    open_membership_key_of,
)
from poe.crypto.field import FIELD_ORDER
from poe.errors import BackendError
from poe.rollup.types import AccountIndex, Shape

DEPTH = 1
SHAPE = Shape(slots=1, depth=DEPTH)


@pytest.fixture(scope="module")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("keys")


@pytest.fixture(scope="module")
def key(cache: Path) -> KeyInfo:
    return ensure_dev_membership_key(DEPTH, cache)


@pytest.fixture(scope="module")
def batch_key(cache: Path) -> KeyInfo:
    return ensure_dev_key(SHAPE, cache)


@pytest.fixture(scope="module")
def zkey(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("exported") / "membership.zkey"
    native.export_membership_circuit(DEPTH, r1cs=path.with_suffix(".r1cs"), zkey=path)
    return path


def test_it_is_named_by_depth_and_circuit_and_says_that_it_is_insecure(key: KeyInfo, cache: Path) -> None:
    circuit = native.membership_circuit_info(DEPTH)
    assert key.path == cache / f"membership-1-{circuit.hash.hex()[:16]}.key"
    assert (key.circuit, key.provenance, len(key.verifying_key_words)) == (circuit, "insecure-dev", 22)
    assert circuit.public_inputs == 3
    assert int.from_bytes(circuit.hash) < FIELD_ORDER


def test_it_is_made_once_and_then_found(key: KeyInfo, cache: Path) -> None:
    made = key.path.stat().st_mtime_ns
    assert ensure_dev_membership_key(DEPTH, cache) == key
    assert key.path.stat().st_mtime_ns == made


def test_both_families_lie_side_by_side(key: KeyInfo, batch_key: KeyInfo) -> None:
    assert key.path.parent == batch_key.path.parent
    assert key.circuit.hash != batch_key.circuit.hash
    assert [native.key_file_circuit(found.path) for found in (key, batch_key)] == [(0, 1), (1, 1)]


@pytest.mark.parametrize("spoilt", ["batch", "cut", "flipped"])
def test_what_is_not_the_key_under_its_name_is_made_again(
    key: KeyInfo, batch_key: KeyInfo, tmp_path: Path, spoilt: str
) -> None:
    good = key.path.read_bytes()
    contents = {
        "batch": batch_key.path.read_bytes(),
        "cut": good[:-1],
        "flipped": good[:999] + bytes([good[999] ^ 1]) + good[1000:],
    }
    (tmp_path / key.path.name).write_bytes(contents[spoilt])
    assert ensure_dev_membership_key(DEPTH, tmp_path).path.read_bytes() == good


def test_a_membership_key_under_a_batchs_name_is_made_again(key: KeyInfo, batch_key: KeyInfo, tmp_path: Path) -> None:
    (tmp_path / batch_key.path.name).write_bytes(key.path.read_bytes())
    assert ensure_dev_key(SHAPE, tmp_path).path.read_bytes() == batch_key.path.read_bytes()


def test_each_family_opens_its_own_files_alone(key: KeyInfo, batch_key: KeyInfo) -> None:
    assert open_membership_key_of(DEPTH, key.path) == key
    with pytest.raises(BackendError, match="is a membership key of depth 1, wanted 2"):
        open_membership_key_of(2, key.path)
    with pytest.raises(BackendError, match="the key is not one of a membership circuit"):
        open_membership_key_of(DEPTH, batch_key.path)
    with pytest.raises(BackendError, match="the key is not one of a batch circuit"):
        open_key_of(SHAPE, key.path)
    with pytest.raises(BackendError, match="is the key of circuit"):
        native.membership_key_info(key.path, batch_key.circuit)


def test_the_verifying_keys_own_check_knows_the_published_seed_of_each_circuit(
    key: KeyInfo, batch_key: KeyInfo
) -> None:
    assert native.check_verifying_key(key.verifying_key_words, key.circuit)
    assert not native.check_verifying_key(key.verifying_key_words, batch_key.circuit)
    gamma_delta = (*key.verifying_key_words[:10], *key.verifying_key_words[6:10], *key.verifying_key_words[14:])
    with pytest.raises(BackendError, match="gamma = delta"):
        native.check_verifying_key(gamma_delta, key.circuit)


def test_an_imported_key_is_found_by_its_words_and_the_development_key_else(
    key: KeyInfo, zkey: Path, cache: Path
) -> None:
    imported = import_membership_key(zkey, DEPTH, cache)
    assert imported.path.name.startswith(key.path.stem + "-")
    assert imported.path.read_bytes() == key.path.read_bytes()
    assert find_membership_key(DEPTH, key.verifying_key_words, cache) == imported
    other = (*key.verifying_key_words[:-1], key.verifying_key_words[-1] ^ 1)
    assert find_membership_key(DEPTH, other, cache) == key


def test_a_zkey_of_the_other_family_is_not_imported_and_leaves_nothing(zkey: Path, tmp_path: Path) -> None:
    cache = tmp_path / "cache"
    with pytest.raises(BackendError, match=r"membership\.zkey: the key is of another circuit: its wires differ"):
        import_key(zkey, SHAPE, cache)
    with pytest.raises(BackendError, match=r"membership\.zkey: the key is of another circuit: its wires differ"):
        import_membership_key(zkey, DEPTH + 1, cache)
    assert {path.suffix for path in cache.iterdir()} == {".lock"}


def test_the_demonstration_account_is_proven(key: KeyInfo) -> None:
    state = demo_state(DEPTH)
    proof = native.prove_membership(key.path, state, AccountIndex(0))
    account = state.account(AccountIndex(0))
    assert account is not None
    assert (proof.root, proof.account, proof.balance) == (state.root, 0, account.balance)
    assert int.from_bytes(proof.exit_address) == account.exit_address
    assert len(proof.words) == 8


@pytest.mark.parametrize("depth", [0, 25])
def test_depths_outside_the_protocol_have_no_circuit(depth: int, tmp_path: Path) -> None:
    with pytest.raises(BackendError, match=rf"depth {depth} is outside 1\.\.24"):
        native.membership_circuit_info(depth)
    with pytest.raises(BackendError, match="is outside"):
        native.mutate_membership_circuit(depth, seed=1)
    with pytest.raises(BackendError, match="is outside"):
        native.setup_dev_membership_key(depth, tmp_path / "no.key")
    with pytest.raises(BackendError):
        native.membership_circuit_info(-1)
