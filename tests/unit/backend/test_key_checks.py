"""Which verifying keys are refused, by what name, and which keys on which chains."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from py_ecc.optimized_bn128 import G2, multiply, neg, normalize

from poe.assembly.chain import require_sound_keys
from poe.assembly.prover import open_key
from poe.backend import native
from poe.backend.circuits import circuits_of, empty_root, require_circuits
from poe.backend.interface import KeyInfo
from poe.backend.keys import ensure_dev_key, ensure_dev_membership_key, open_key_of
from poe.config import ProverSettings, Settings
from poe.errors import BackendError, ConfigError
from poe.l1.deploy import DEVELOPMENT_CHAINS, require_secure_key
from poe.l1.interface import ArbiterParameters
from poe.rollup.types import Address, FieldElement, Gwei, Shape, Wei

SHAPE = Shape(slots=1, depth=1)
Q = 21888242871839275222246405745257275088696311157297823662689037894645226208583
ALPHA, BETA, GAMMA, DELTA, IC = 0, 2, 6, 10, 14
PUBLIC_CHAIN = 1

Words = tuple[int, ...]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyInfo:
    return ensure_dev_key(SHAPE, tmp_path_factory.mktemp("keys"))


def with_words(words: Words, at: int, new: Words) -> Words:
    return (*words[:at], *new, *words[at + len(new) :])


def g2_words(scalar: int, *, negative: bool = False) -> Words:
    """A multiple of G2's generator."""
    point = multiply(G2, scalar)
    x, y = normalize(neg(point) if negative else point)
    return tuple(int(value) for value in (x.coeffs[1], x.coeffs[0], y.coeffs[1], y.coeffs[0]))


FAULTS: dict[str, tuple[Callable[[Words], Words], str]] = {
    "gamma = delta": (lambda w: with_words(w, DELTA, w[GAMMA : GAMMA + 4]), "gamma = delta"),
    "gamma = -delta": (lambda w: with_words(w, DELTA, g2_words(1, negative=True)), "gamma = delta"),
    "delta = G2": (
        lambda w: with_words(with_words(w, GAMMA, g2_words(3)), DELTA, g2_words(1)),
        "delta is the generator",
    ),
    "alpha infinite": (lambda w: with_words(w, ALPHA, (0, 0)), "alpha is the point at infinity"),
    "beta infinite": (lambda w: with_words(w, BETA, (0, 0, 0, 0)), "beta is the point at infinity"),
    "gamma infinite": (lambda w: with_words(w, GAMMA, (0, 0, 0, 0)), "gamma is the point at infinity"),
    "IC infinite": (lambda w: with_words(w, IC + 2, (0, 0)), "IC is the point at infinity"),
    "IC alike": (lambda w: with_words(w, IC + 2, w[IC : IC + 2]), "IC 0 = IC 1"),
    "alpha off the curve": (lambda w: with_words(w, ALPHA, (w[0], w[1] ^ 1)), "alpha is not on the curve"),
    "alpha + q": (lambda w: with_words(w, ALPHA, (w[0] + Q, w[1])), "alpha: a coordinate is not below"),
    "beta's limbs swapped": (lambda w: with_words(w, BETA, (w[3], w[2], w[5], w[4])), "beta is not on the curve"),
    "IC short": (lambda w: w[:-2], "a verifying key of 640 bytes, wanted 704"),
    "IC long": (lambda w: (*w, *w[-2:]), "a verifying key of 768 bytes, wanted 704"),
}


@pytest.fixture(scope="module", params=["batch", "membership"])
def either(request: pytest.FixtureRequest, key: KeyInfo, membership: KeyInfo) -> KeyInfo:
    """One of an arbiter's two keys."""
    return key if request.param == "batch" else membership


@pytest.mark.parametrize("fault", FAULTS)
def test_a_worthless_verifying_key_is_refused_by_name(either: KeyInfo, fault: str) -> None:
    spoil, message = FAULTS[fault]
    with pytest.raises(BackendError, match=f"^POE-BCK-001: .*{message}"):
        native.check_verifying_key(spoil(either.verifying_key_words), either.circuit)


def test_gamma_may_be_the_generator(either: KeyInfo) -> None:
    assert either.verifying_key_words[GAMMA : GAMMA + 4] == g2_words(1)
    native.check_verifying_key(either.verifying_key_words, either.circuit)


def test_a_key_of_the_published_seed_is_known_by_its_points(either: KeyInfo) -> None:
    assert native.check_verifying_key(either.verifying_key_words, either.circuit)
    contributed = with_words(either.verifying_key_words, DELTA, g2_words(99))
    assert native.check_verifying_key(contributed, either.circuit)


def test_another_key_is_not_taken_for_it(either: KeyInfo) -> None:
    other = with_words(with_words(either.verifying_key_words, ALPHA, (1, 2)), BETA, g2_words(77))
    assert not native.check_verifying_key(other, either.circuit)


@pytest.mark.parametrize("chain_id", DEVELOPMENT_CHAINS)
def test_a_development_key_serves_development_chains(chain_id: int) -> None:
    require_secure_key("insecure-dev", chain_id)


def test_a_development_key_serves_no_other_chain_and_a_ceremonys_any() -> None:
    with pytest.raises(ConfigError, match=r"provenance is insecure-dev.* chain 1 is not a development chain"):
        require_secure_key("insecure-dev", PUBLIC_CHAIN)
    require_secure_key("ceremony-3", PUBLIC_CHAIN)


@pytest.fixture(scope="module")
def membership(key: KeyInfo) -> KeyInfo:
    return ensure_dev_membership_key(SHAPE.depth, key.path.parent)


def arbiter(words: Words, membership_words: Words, chain_id: int) -> ArbiterParameters:
    return ArbiterParameters(
        address=Address(bytes(20)),
        chain_id=chain_id,
        deployed_at_block=0,
        shape=SHAPE,
        circuit_version=0,
        genesis_root=FieldElement(0),
        policy=Address(bytes(20)),
        reward=Wei(0),
        reward_floor=Wei(0),
        bond=Wei(0),
        bounty=Wei(0),
        target_delay_blocks=10,
        double_after_blocks=20,
        quadruple_after_blocks=30,
        halt_after_blocks=40,
        window_blocks=10,
        queue_deadline_blocks=1,
        alarm_delay_blocks=20,
        exit_deadline_blocks=100,
        min_deposit=Gwei(1),
        verifying_key_words=words,
        membership_version=0,
        membership_key_words=membership_words,
    )


def test_a_node_stops_where_one_of_its_arbiters_keys_is_published_or_worthless(
    key: KeyInfo, membership: KeyInfo
) -> None:
    batches, members = key.verifying_key_words, membership.verifying_key_words
    require_sound_keys(arbiter(batches, members, DEVELOPMENT_CHAINS[0]))
    for words in ((batches, members), (with_words(batches, ALPHA, (1, 2)), members)):
        with pytest.raises(ConfigError, match="insecure-dev"):
            require_sound_keys(arbiter(*words, PUBLIC_CHAIN))
    for words in ((skipped(batches), members), (batches, skipped(members))):
        with pytest.raises(BackendError, match="gamma = delta"):
            require_sound_keys(arbiter(*words, DEVELOPMENT_CHAINS[0]))


def skipped(words: Words) -> Words:
    """The key of a set-up whose second phase was skipped."""
    return with_words(words, DELTA, words[GAMMA : GAMMA + 4])


@pytest.mark.parametrize("circuit", ["circuit", "membership circuit"])
def test_a_node_stops_where_one_of_its_arbiters_circuits_is_not_ours(circuit: str) -> None:
    batch, membership = (int.from_bytes(ours.hash) for ours in circuits_of(SHAPE))
    versions = {"circuit_version": batch, "membership_version": membership, "genesis_root": empty_root(SHAPE)}
    require_circuits(SHAPE, **versions)
    other = "circuit_version" if circuit == "circuit" else "membership_version"
    with pytest.raises(BackendError, match=f"^POE-BCK-002: the arbiter's {circuit} is 0x0"):
        require_circuits(SHAPE, **versions | {other: 5})
    with pytest.raises(BackendError, match=r"^POE-BCK-003"):
        require_circuits(SHAPE, **versions | {"genesis_root": 5})


def test_a_prover_opens_no_development_key_off_development_chains(key: KeyInfo) -> None:
    settings = Settings(prover=ProverSettings(key_cache=str(key.path.parent)))
    assert open_key(settings, arbiter(key.verifying_key_words, (), DEVELOPMENT_CHAINS[0])) == key
    with pytest.raises(ConfigError, match="insecure-dev"):
        open_key(settings, arbiter(key.verifying_key_words, (), PUBLIC_CHAIN))


def test_a_key_file_is_of_the_shape_asked_for(key: KeyInfo, tmp_path: Path) -> None:
    assert open_key_of(SHAPE, key.path) == key
    with pytest.raises(BackendError, match="is a key of shape 1x1, wanted 2x1"):
        open_key_of(Shape(slots=2, depth=1), key.path)
    with pytest.raises(BackendError, match=r"missing\.key"):
        open_key_of(SHAPE, tmp_path / "missing.key")
