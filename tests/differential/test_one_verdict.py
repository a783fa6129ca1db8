"""Whatever is posted, all judges say the same of it: README.md has the table of who judges what."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Mapping
from pathlib import Path

import pytest

from poe.backend import native
from poe.backend.interface import SignedMessage
from poe.backend.native import NativeSignatures
from poe.crypto.field import FIELD_ORDER, split_words
from poe.rollup.transaction import message_of
from poe.rollup.types import FieldElement, Shape, SlotOutcome
from tests.differential import judges
from tests.differential.circomlibjs import Circomlibjs
from tests.differential.court import demand_one_verdict, disputed
from tests.differential.grammar import (
    ALICE,
    BOB,
    DEPTH,
    MOVED,
    OFF_CURVE,
    SMALL,
    WORD_FLAWS,
    Case,
    draw_case,
    genesis,
    key_of,
    sign,
)
from tests.differential.judges import Evidence, Facts, Judge
from tests.differential.r1cs import R1cs, read_witness

SHAPE = Shape(slots=2, depth=DEPTH)
DOMAIN = FieldElement(2**247 + 5)
CHAIN_LENGTH = 6
"""Batches on one state before the next starts from the beginning."""

SEED = 20_240
LONG = 2000
"""Batches of the long run, `scripts/test --long`; a witness takes a tenth of a second to check."""


@pytest.fixture(scope="module")
def light(library: Circomlibjs) -> dict[str, Judge]:
    """Those that need no circuit."""
    return {
        "specification": judges.specification,
        "executor": judges.executor,
        "circomlibjs": judges.circomlibjs(library),
    }


@pytest.fixture(scope="module")
def r1cs(tmp_path_factory: pytest.TempPathFactory) -> R1cs:
    return R1cs.compile(SHAPE, tmp_path_factory.mktemp("circuit"))


@pytest.fixture(scope="module")
def all_judges(light: dict[str, Judge], r1cs: R1cs, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Judge]:
    """With the circuit, by its constraints."""
    return light | {"circuit": judges.circuit(r1cs, tmp_path_factory.mktemp("witness"))}


def judge_all(who: Mapping[str, Judge], seed: int, count: int, *, slots: int) -> Counter[str]:
    """Hear `count` batches, each on the state that the one before left; how often each thing came up."""
    draw, state, seen = random.Random(seed), genesis(), Counter[str]()
    for number in range(count):
        state = state if number % CHAIN_LENGTH else genesis()
        evidence = Evidence(draw_case(draw, state, DOMAIN, slots=slots))
        verdicts = demand_one_verdict(who, evidence, f"seed {seed}, batch {number}, {slots} slots")
        seen += count_things(evidence.case, verdicts["specification"])
        state = evidence.after
    return seen


def count_things(case: Case, said: Facts) -> Counter[str]:
    """Outcomes by name, and what else a batch held."""
    header = case.batch.header
    things = {
        "DEPOSIT": header.deposits,
        "FORCED": header.forced,
        "EXIT": len(said["exits"]),
        "BURNT": said["burnt"] > 0,
        "SIGNED": sum(said["signatures"]),
        "UNREDUCED": any(word >= FIELD_ORDER for word in split_words(case.batch.data)),
    }
    return Counter(said["outcomes"][header.deposits :]) + Counter(things)


EVERYTHING = {outcome.name for outcome in SlotOutcome} | {"DEPOSIT", "FORCED", "EXIT", "BURNT", "SIGNED", "UNREDUCED"}


def test_specification_executor_and_circomlibjs_agree_on_drawn_batches(light: dict[str, Judge]) -> None:
    seen = judge_all(light, SEED, 30, slots=4)
    assert set(seen) >= EVERYTHING, f"too tame: {seen}"


def test_the_circuit_agrees_with_them(all_judges: dict[str, Judge]) -> None:
    seen = judge_all(all_judges, SEED + 1, 10, slots=SHAPE.slots)
    assert len(set(seen) & EVERYTHING) > 10, f"too tame: {seen}"


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_thousands_of_drawn_batches_have_one_verdict(all_judges: dict[str, Judge]) -> None:
    seen = judge_all(all_judges, SEED + 2, LONG, slots=SHAPE.slots)
    print(f"{LONG} batches: {dict(seen)}")
    assert all(seen[name] > 20 for name in EVERYTHING), f"too tame: {seen}"


# --- the court itself -------------------------------------------------------------------------------------------------


def _blind_to_reserved_bits(evidence: Evidence) -> Facts:
    """A specification that has forgotten one rule's name."""
    said = judges.specification(evidence)
    return said | {"outcomes": [name.replace("RESERVED_BITS", "APPLIED") for name in said["outcomes"]]}


def test_a_dispute_is_shown_on_the_smallest_batch_with_all_verdicts() -> None:
    who = {"specification": judges.specification, "forgetful": _blind_to_reserved_bits}
    draw = random.Random(SEED)
    drawn = (Evidence(draw_case(draw, genesis(), DOMAIN, slots=4)) for _ in range(1000))
    evidence = next(found for found in drawn if SlotOutcome.RESERVED_BITS in found.executed.outcomes)
    with pytest.raises(AssertionError) as dispute:
        demand_one_verdict(who, evidence, "label of the case")
    lines = str(dispute.value).splitlines()
    assert "differ about outcomes" in lines[0]
    assert "label of the case" in lines[0]
    words = [line.partition(": ")[2] for line in lines if line.startswith("slot ")]
    assert [len(word) for word in words] == [256] * 4
    assert sum(int(word, 16) != 0 for word in words) == 1
    assert int(words[0][64:], 16) == 0, "the signature does not matter, so it is shrunk away"
    assert not any(line.startswith("account ") for line in lines)
    told = {line.split()[0]: line for line in lines[lines.index("* outcomes") + 1 :][:2]}
    assert "RESERVED_BITS" in told["specification"]
    assert "APPLIED" in told["forgetful"]


def test_a_batch_that_cannot_be_proved_is_a_dispute() -> None:
    assert disputed({"circuit": {"provable": "no witness"}}) == ["provable"]
    assert disputed({"circuit": {"provable": False}, "prover": {"provable": False}}) == ["provable"]
    assert disputed({"circuit": {"provable": True, "C": 1}, "prover": {"provable": True, "x": 2}}) == []


def test_the_circuit_judges_what_the_witness_says(r1cs: R1cs, tmp_path: Path) -> None:
    """A witness with one wire changed satisfies the constraints no more."""
    case = draw_case(random.Random(SEED), genesis(), DOMAIN, slots=SHAPE.slots)
    native.export_witness(Evidence(case).job, tmp_path / "batch.wtns")
    witness = read_witness(tmp_path / "batch.wtns")
    assert r1cs.broken(witness) == []
    for wire in (1, 2, 3, 4, len(witness) // 2, len(witness) - 1):
        changed = list(witness)
        changed[wire] += 1
        assert r1cs.broken(changed) != [], wire


# --- signatures and hashes alone --------------------------------------------------------------------------------------

CLAIMS = 10_000
SHORT_CLAIMS = 60
BULK = 50


def drawn_claims(draw: random.Random, count: int) -> Iterator[tuple[int, SignedMessage]]:
    """Word 0 and a claimed signature of it by one of the grammar's keys, true or broken."""
    for _ in range(count):
        index, word = draw.choice([ALICE, BOB, MOVED, SMALL, OFF_CURVE]), draw.randrange(FIELD_ORDER)
        words = [word, *sign(index, word, DOMAIN)]
        if draw.random() < 0.6:
            words = draw.choice(WORD_FLAWS)(draw, words)
        w0, x, y, s = words
        message = message_of(w0, DOMAIN)
        yield w0, SignedMessage(public_key=key_of(index), r8=(x, y), s=s, message=message)


def judge_claims(library: Circomlibjs, seed: int, count: int) -> Counter[bool]:
    """Rust in bulk and circomlibjs one by one; the verdicts that both gave."""
    seen, draw = Counter[bool](), random.Random(seed)
    claims = list(drawn_claims(draw, count))
    for start in range(0, count, BULK):
        bulk = claims[start : start + BULK]
        answers = library.ask([judges.claim(DOMAIN, word, message) for word, message in bulk])
        theirs = [answer["valid"] for answer in answers]
        ours = NativeSignatures().verify([message for _, message in bulk])
        differing = [claim for claim, one, other in zip(bulk, ours, theirs, strict=True) if one != other]
        assert differing == [], f"seed {seed}, from claim {start}: Rust and circomlibjs differ about {differing}"
        seen += Counter(ours)
    return seen


def judge_hashes(library: Circomlibjs, seed: int, count: int) -> None:
    """Poseidon of one to sixteen elements, those at the field's edges among them."""
    draw = random.Random(seed)
    edges = [0, 1, FIELD_ORDER - 1]
    inputs = [
        [draw.choice([*edges, draw.randrange(FIELD_ORDER), draw.randrange(FIELD_ORDER)]) for _ in range(1 + i % 16)]
        for i in range(count)
    ]
    for start in range(0, count, BULK):
        bulk = inputs[start : start + BULK]
        answers = library.ask([{"ask": "hash", "inputs": values} for values in bulk])
        assert [int(answer) for answer in answers] == [native.poseidon(values) for values in bulk], (seed, start)


def test_rust_and_circomlibjs_agree_on_signatures_and_hashes(library: Circomlibjs) -> None:
    seen = judge_claims(library, SEED, SHORT_CLAIMS)
    assert min(seen[True], seen[False]) > SHORT_CLAIMS // 10, seen
    judge_hashes(library, SEED, SHORT_CLAIMS)


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_rust_and_circomlibjs_agree_on_ten_thousand_of_each(library: Circomlibjs) -> None:
    print(f"{CLAIMS} signatures: {judge_claims(library, SEED + 1, CLAIMS)}")
    judge_hashes(library, SEED + 1, CLAIMS)
