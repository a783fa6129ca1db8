"""What a relayer does with other people's proofs: believe none of them, pick those that pay, land them in one call.

The payee is bound inside a proof, the tip goes to whoever lands it. A tip is paid when its batch becomes final, so a
relayer sends only proofs that make their batches final at once: a valid proof about a state that the chain is not in
would cost gas and never pay.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from poe.backend import native
from poe.cli.proof_file import decode_proof
from poe.cli.wallet import Rollup
from poe.errors import AlreadyAccepted, BackendError, FeesTooHigh, InputError
from poe.l1.bundle import MAX_TOGETHER
from poe.l1.contract import Arbiter
from poe.l1.interface import Landing, Submission
from poe.l1.ledger import Ledger
from poe.prover.shelf import ShelvedProof
from poe.rollup import statement
from poe.rollup.types import Batch, BatchNumber, FieldElement, Wei

MAX_FILE_BYTES = 2**17
"""A proof with an exit in every slot of the largest shape is a quarter of it."""

LANDED, BEATEN = "POE-RLY-001", "POE-RLY-002"
LATE, OUTBID, NOT_NEXT, NOT_WORTH_IT = "POE-RLY-010", "POE-RLY-011", "POE-RLY-012", "POE-RLY-013"
UNREADABLE, FOREIGN, NOT_ORDERED = "POE-RLY-020", "POE-RLY-022", "POE-RLY-023"
DOES_NOT_HOLD, BAD_TERMS = "POE-RLY-024", "POE-RLY-025"
CONTRADICTS = "POE-RLY-026"


@dataclass(frozen=True, slots=True)
class Offer:
    """A file whose proof holds: it would be accepted if its old root is the chain's."""

    file: Path
    submission: Submission


@dataclass(frozen=True, slots=True)
class Verdict:
    """What became of a file, and the code that `poe explain` knows."""

    file: Path
    code: str
    text: str


def read_offer(file: Path, rollup: Rollup, ledger: Ledger) -> Offer:
    """A file's proof, checked against L1's batch and the arbiter's key; InputError with its code when it is no use."""
    kept = _read_proof(file, rollup)
    if kept.number <= ledger.finalized_number:
        if _contradicts_final(kept, ledger):
            _checked(kept, rollup, ledger)
            how = f"`poe arbiter raise-alarm --proof {file}`"
            raise InputError(f"it contradicts the proof that made batch {kept.number} final: {how}", code=CONTRADICTS)
        raise InputError(f"batch {kept.number} is final", code=LATE)
    return Offer(file, _checked(kept, rollup, ledger))


def read_submission(file: Path, rollup: Rollup, ledger: Ledger) -> Submission:
    """The same of a batch that may be final."""
    return _checked(_read_proof(file, rollup), rollup, ledger)


def _read_proof(file: Path, rollup: Rollup) -> ShelvedProof:
    kept, parameters = decode_proof(_read(file)), rollup.parameters
    if kept.domain != rollup.domain:
        raise InputError("the proof is for another arbiter, chain or circuit", code=FOREIGN)
    if not any(kept.payee) or kept.tip > parameters.reward:
        raise InputError(f"the arbiter takes no payee 0 and no tip above {parameters.reward}", code=BAD_TERMS)
    return kept


def _contradicts_final(kept: ShelvedProof, ledger: Ledger) -> bool:
    """Does it start where the chain did and end elsewhere?"""
    if kept.number == 0:
        return False
    first = ledger.final_proof(kept.number)
    return kept.old_root == first.old_root and kept.new_root != first.new_root


def _checked(kept: ShelvedProof, rollup: Rollup, ledger: Ledger) -> Submission:
    ordered = ledger.batch(kept.number)
    if ordered is None or ordered.batch_hash != kept.batch_hash:
        raise InputError(f"L1 has ordered no batch {kept.number} of this hash", code=NOT_ORDERED)
    _require_proof(kept, ordered.batch, rollup)
    return _submission(kept, ordered.batch)


def _read(file: Path) -> bytes:
    try:
        with file.open("rb") as opened:
            text = opened.read(MAX_FILE_BYTES + 1)
    except OSError as error:
        raise InputError(f"{file} cannot be read: {error.strerror}", code=UNREADABLE) from None
    if len(text) > MAX_FILE_BYTES:
        raise InputError(f"{file} is larger than {MAX_FILE_BYTES} bytes", code=UNREADABLE)
    return text


def _require_proof(kept: ShelvedProof, batch: Batch, rollup: Rollup) -> None:
    """InputError unless the proof holds for the statement that the arbiter would put together."""
    try:
        words = statement.statement_words(
            domain=rollup.domain,
            old_root=kept.old_root,
            new_root=kept.new_root,
            context=statement.context(kept.number, kept.batch_hash, kept.payee, kept.tip),
            batch=batch,
            exits=kept.exits,
        )
        commitment = kept.finished.proof.commitment
        x = statement.challenge(commitment, words)
        inputs = (commitment, x, statement.evaluate(words, x))
        native.verify_proof(rollup.parameters.verifying_key_words, inputs, kept.finished.proof.words)
    except (InputError, BackendError) as error:
        raise InputError(f"the proof does not hold: {error.message}", code=DOES_NOT_HOLD) from None


def _submission(kept: ShelvedProof, batch: Batch) -> Submission:
    return Submission(
        number=kept.number,
        batch=batch,
        old_root=kept.old_root,
        new_root=kept.new_root,
        payee=kept.payee,
        tip=kept.tip,
        commitment=kept.finished.proof.commitment,
        proof_words=kept.finished.proof.words,
        exits=kept.exits,
    )


@dataclass(frozen=True, slots=True)
class Line:
    """The offers that would make batch after batch final, and what is said of each other one."""

    offers: Sequence[Offer]
    others: Sequence[Verdict]


def line_up(offers: Sequence[Offer], ledger: Ledger) -> Line:
    """Follow the chain's root from the last final batch on, by accepted proofs and by the best offer of each batch."""
    best = _best(offers)
    number, root = BatchNumber(ledger.finalized_number + 1), ledger.finalized_root
    chosen: list[Offer] = []
    while len(chosen) < MAX_TOGETHER:
        accepted, offer = ledger.accepted(number).get(root), best.get((number, root))
        if accepted is not None:
            root = accepted.new_root
        elif offer is not None:
            chosen.append(offer)
            root = offer.submission.new_root
        else:
            break
        number = BatchNumber(number + 1)
    return Line(chosen, [_why_not(offer, best, ledger) for offer in offers if offer not in chosen])


def _best(offers: Sequence[Offer]) -> Mapping[tuple[BatchNumber, FieldElement], Offer]:
    """The highest tip for each batch on each root; the first among equals."""
    found: dict[tuple[BatchNumber, FieldElement], Offer] = {}
    for offer in offers:
        place = (offer.submission.number, offer.submission.old_root)
        if place not in found or offer.submission.tip > found[place].submission.tip:
            found[place] = offer
    return found


def _why_not(offer: Offer, best: Mapping[tuple[BatchNumber, FieldElement], Offer], ledger: Ledger) -> Verdict:
    of = offer.submission
    if of.old_root in ledger.accepted(of.number):
        return Verdict(offer.file, LATE, f"a proof of batch {of.number} is accepted already")
    if best[of.number, of.old_root] is not offer:
        return Verdict(offer.file, OUTBID, f"another file offers more for batch {of.number}")
    return Verdict(offer.file, NOT_NEXT, f"batch {of.number} would not become final now")


async def worth_sending(offers: Sequence[Offer], arbiter: Arbiter) -> Sequence[Offer]:
    """The beginning of the line that earns most: tips less gas at today's price. Empty when none earns anything."""
    price, most, tips = await arbiter.gas_price(), 0, 0
    best: Sequence[Offer] = []
    for end, offer in enumerate(offers, 1):
        tips += offer.submission.tip
        gas = await arbiter.gas_of_proofs([one.submission for one in offers[:end]])
        if tips - gas * price > most:
            most, best = tips - gas * price, offers[:end]
    return best


async def relay(files: Sequence[Path], rollup: Rollup, ledger: Ledger, arbiter: Arbiter) -> list[Verdict]:
    """Land what pays; a verdict for each file. L1Error when L1 fails us, and nothing was sent."""
    offers: list[Offer] = []
    verdicts: list[Verdict] = []
    for file in dict.fromkeys(files):
        try:
            offers.append(read_offer(file, rollup, ledger))
        except InputError as error:
            verdicts.append(Verdict(file, error.code, error.message))
    line = line_up(offers, ledger)
    try:
        chosen = await worth_sending(line.offers, arbiter)
        landing = await _send(chosen, arbiter)
    except (AlreadyAccepted, FeesTooHigh) as refusal:
        code = LATE if isinstance(refusal, AlreadyAccepted) else NOT_WORTH_IT
        return [*verdicts, *line.others, *(Verdict(one.file, code, refusal.message) for one in line.offers)]
    unpaid = [Verdict(one.file, NOT_WORTH_IT, "the tips do not pay for the gas") for one in line.offers[len(chosen) :]]
    return [*verdicts, *line.others, *unpaid, *_landed(chosen, landing)]


async def _send(chosen: Sequence[Offer], arbiter: Arbiter) -> Landing | None:
    """One call, for at most the tips."""
    if not chosen:
        return None
    submissions = [offer.submission for offer in chosen]
    return await arbiter.submit_proofs(submissions, worth=Wei(sum(one.tip for one in submissions)))


def _landed(chosen: Sequence[Offer], landing: Landing | None) -> list[Verdict]:
    if landing is None:
        return []
    tx = f"in transaction 0x{landing.receipt.tx_hash.hex()}"
    return [
        Verdict(one.file, LANDED, f"batch {one.submission.number}, tip {one.submission.tip} wei, {tx}")
        if is_accepted
        else Verdict(one.file, BEATEN, f"batch {one.submission.number} was left out {tx}")
        for one, is_accepted in zip(chosen, landing.accepted, strict=True)
    ]


def as_json(verdict: Verdict) -> dict[str, Any]:
    """A verdict for programs."""
    return {"file": str(verdict.file), "code": verdict.code, "text": verdict.text}
