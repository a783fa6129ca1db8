"""What is posted to the real arbiter has one verdict too: it computes the same x and y and takes the one true proof."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from dataclasses import replace

import pytest

from poe.backend import native
from poe.backend.interface import KeyInfo
from poe.backend.keys import ensure_dev_key
from poe.backend.reference import verify_groth16
from poe.crypto.field import FIELD_ORDER, split_words, to_word
from poe.errors import BackendError, InputError
from poe.l1.interface import Submission
from poe.rollup import statement
from poe.rollup.types import Address, FieldElement, Gwei, Wei
from tests.differential import judges
from tests.differential.chain import Chain, genesis_on_chain, submission_of
from tests.differential.circomlibjs import Circomlibjs
from tests.differential.court import demand_one_verdict, disputed, report
from tests.differential.grammar import draw_case, genesis
from tests.differential.judges import Evidence, Facts, Judge
from tests.differential.proofs import Variant, variants
from tests.integration.market import SHAPE, open_market

pytestmark = pytest.mark.integration

SEED = 52
LONG = 12
"""Markets of the long run; on each as many batches as accounts fit the tree."""

BATCHES_A_MARKET = 12


@pytest.fixture(scope="module")
def key() -> KeyInfo:
    return ensure_dev_key(SHAPE)


@pytest.fixture
async def chain(key: KeyInfo) -> AsyncIterator[Chain]:
    async with open_market(key) as market:
        yield await Chain.open(market)


def near_misses(draw: random.Random, truth: Submission) -> dict[str, Submission]:
    """The submission with one thing changed; none of them may be accepted."""
    other = Address(bytes([truth.payee[0] ^ 1]) + truth.payee[1:])
    r = FIELD_ORDER
    found = {
        "payee": replace(truth, payee=other),
        "tip": replace(truth, tip=Wei(truth.tip + 1)),
        "old root": replace(truth, old_root=FieldElement((truth.old_root + 1) % r)),
        "old root + r": replace(truth, old_root=FieldElement(truth.old_root + r)),
        "new root": replace(truth, new_root=FieldElement((truth.new_root + 1) % r)),
        "new root + r": replace(truth, new_root=FieldElement(truth.new_root + r)),
        "commitment": replace(truth, commitment=FieldElement((truth.commitment + 1) % r)),
        "commitment + r": replace(truth, commitment=FieldElement(truth.commitment + r)),
    }
    if truth.exits:
        first, *rest = truth.exits
        found["no exit"] = replace(truth, exits=tuple(rest))
        found["dearer exit"] = replace(truth, exits=(replace(first, amount=Gwei(first.amount + 1)), *rest))
        found["exit to another"] = replace(truth, exits=(replace(first, address=other), *rest))
    if truth.new_root != truth.old_root:
        found["nothing happened"] = replace(truth, new_root=truth.old_root)
    bad = [item for item in variants(truth.proof_words).items() if not item[1].holds]
    return found | {name: replace(truth, proof_words=made.words) for name, made in draw.sample(bad, 4)}


REFUSALS = {"InvalidProof", "NotInField"}


async def hear_all(chain: Chain, others: dict[str, Judge], evidence: Evidence, label: str) -> Facts:
    """Every judge on one posted batch; the accepted submission's near misses as well."""
    verdicts = demand_one_verdict(others, evidence, label)
    truth = submission_of(evidence, verdicts["circuit"])
    verdicts["EVM"] = await chain.facts(truth)
    assert not disputed(verdicts), report(evidence.case, verdicts, label)
    taken = {
        name: answer
        for name, missed in near_misses(random.Random(label), truth).items()
        if (answer := await chain.accepts(missed)) not in REFUSALS
    }
    assert taken == {}, report(evidence.case, verdicts, label)
    await chain.market.clients["prover"].submit_proof(truth)
    assert await chain.accepts(truth) == "AlreadyAccepted"
    return verdicts["specification"]


async def judge_market(chain: Chain, others: dict[str, Judge], seed: int, batches: int) -> Counter[str]:
    """Drawn batches posted one after the other."""
    draw, state, seen = random.Random(seed), genesis_on_chain(), Counter[str]()
    for number in range(batches):
        evidence = await chain.post(draw, state)
        said = await hear_all(chain, others, evidence, f"seed {seed}, batch {number}")
        seen += Counter(said["outcomes"])
        seen["exits"] += len(said["exits"])
        seen["queue"] += evidence.case.batch.header.deposits + evidence.case.batch.header.forced
        state = evidence.after
    return seen


@pytest.fixture(scope="module")
def others(library: Circomlibjs, key: KeyInfo) -> dict[str, Judge]:
    return {
        "specification": judges.specification,
        "executor": judges.executor,
        "circomlibjs": judges.circomlibjs(library),
        "circuit": judges.prover(key),
    }


async def test_the_arbiter_takes_the_one_proof_that_the_others_agree_on(chain: Chain, others: dict[str, Judge]) -> None:
    seen = await judge_market(chain, others, SEED, 3)
    assert len(seen) > 3, f"too tame: {seen}"


@pytest.mark.long
@pytest.mark.timeout(3600)
async def test_hundreds_of_posted_batches_have_one_verdict(key: KeyInfo, others: dict[str, Judge]) -> None:
    total: Counter[str] = Counter()
    for seed in range(LONG):
        async with open_market(key) as market:
            total += await judge_market(await Chain.open(market), others, SEED + 1 + seed, BATCHES_A_MARKET)
    print(f"{LONG * BATCHES_A_MARKET} posted batches: {dict(total)}")
    assert total["exits"] > 5
    assert total["queue"] > 20


# --- one proof and its statement, changed in every way ----------------------------------------------------------------


@pytest.fixture(scope="module")
def proved(key: KeyInfo) -> tuple[Evidence, Facts]:
    """A proof of a batch with a transfer and an exit."""
    draw = random.Random(SEED)
    state, domain = genesis(), FieldElement(7)
    while True:
        case = draw_case(draw, state, domain, slots=SHAPE.slots)
        evidence = Evidence(case)
        if evidence.specified.exits and evidence.specified.fees:
            return evidence, judges.prover(key)(evidence)


def inputs_of(proof: Facts) -> list[int]:
    return [proof[name] for name in "Cxy"]


def natively(key: KeyInfo, words: tuple[int, ...], inputs: Sequence[int]) -> bool:
    try:
        native.verify_proof(key.verifying_key_words, inputs, words)
    except (BackendError, InputError):
        return False
    return True


def by_py_ecc(key: KeyInfo, words: tuple[int, ...], inputs: Sequence[int]) -> bool:
    try:
        verify_groth16(key.verifying_key_words, inputs, words)
    except BackendError:
        return False
    return True


def is_for_py_ecc(name: str, made: Variant) -> bool:
    """It is slow: malformed points, aliases, one proof that holds and one that does not; the long run has the rest."""
    is_word = name.startswith("word ") and not name.endswith("plus q")
    return (made.is_cheap and not is_word) or name in ("A times s, B over s", "C negated")


async def test_rust_the_evm_and_py_ecc_agree_on_every_variant_of_a_proof(
    chain: Chain, key: KeyInfo, proved: tuple[Evidence, Facts]
) -> None:
    _, proof = proved
    inputs = inputs_of(proof)
    for name, made in variants(proof["proof"]).items():
        said = {"Rust": natively(key, made.words, inputs), "EVM": await chain.verifies(made.words, inputs)}
        if is_for_py_ecc(name, made):
            said["py_ecc"] = by_py_ecc(key, made.words, inputs)
        assert set(said.values()) == {made.holds}, (name, said, [hex(word) for word in made.words])


@pytest.mark.long
@pytest.mark.timeout(3600)
def test_py_ecc_agrees_on_every_variant_of_a_proof(key: KeyInfo, proved: tuple[Evidence, Facts]) -> None:
    _, proof = proved
    for name, made in variants(proof["proof"]).items():
        assert by_py_ecc(key, made.words, inputs_of(proof)) == made.holds, name


async def test_a_public_input_has_one_spelling(chain: Chain, key: KeyInfo, proved: tuple[Evidence, Facts]) -> None:
    """x and x + k·r are one scalar to the pairing; whoever takes both takes two statements for one."""
    _, proof = proved
    honest = inputs_of(proof)
    for position in range(3):
        for alias in range(honest[position] + FIELD_ORDER, 2**256, FIELD_ORDER):
            inputs = [*honest[:position], alias, *honest[position + 1 :]]
            said = {
                "Rust": natively(key, proof["proof"], inputs),
                "EVM": await chain.verifies(proof["proof"], inputs),
                "py_ecc": by_py_ecc(key, proof["proof"], inputs),
            }
            assert set(said.values()) == {False}, (position, alias, said)


async def test_every_word_of_the_statement_is_bound(chain: Chain, key: KeyInfo, proved: tuple[Evidence, Facts]) -> None:
    """Another word, or another spelling of it, with the honest C and with its own: no such statement is proved."""
    _, proof = proved
    evidence = proved[0]
    honest = split_words(evidence.job.statement)
    assert len(honest) == statement.statement_length(SHAPE)
    assert await chain.verifies(proof["proof"], inputs_of(proof))
    for position, word in enumerate(honest):
        for changed in (word + 1, (word + FIELD_ORDER) % 2**256):
            words = b"".join(map(to_word, [*honest[:position], changed, *honest[position + 1 :]]))
            for commitment in {FieldElement(proof["C"]), statement.commitment(words)}:
                x = statement.challenge(commitment, words)
                inputs = [commitment, x, statement.evaluate(words, x)]
                said = {"Rust": natively(key, proof["proof"], inputs)}
                said["EVM"] = await chain.verifies(proof["proof"], inputs)
                assert set(said.values()) == {False}, (position, changed, said)


async def test_the_arbiter_refuses_a_deposit_or_a_forced_exit_that_nobody_queued(chain: Chain) -> None:
    """The header cannot make a user's slot into one."""
    draw = random.Random(SEED)
    evidence = await chain.post(draw, genesis_on_chain())
    batch = evidence.case.batch
    for deposits, forced in ((1, 0), (0, 1), (1, 1)):
        forged = replace(batch, header=replace(batch.header, deposits=deposits, forced=forced))
        assert await chain.posting_of(forged) == "WrongCounts"
    assert await chain.posting_of(replace(batch, header=replace(batch.header, deposits=0, forced=0))) is True
