"""Compares what the judges say, and when they differ finds a small batch on which they do and lays it out."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import replace
from types import MappingProxyType

from poe.crypto.field import reduce, split_words, to_word
from poe.errors import InputError
from poe.rollup.batch import EMPTY_SLOT
from poe.rollup.state import State
from poe.rollup.types import AccountIndex, Batch
from tests.differential.grammar import Case
from tests.differential.judges import Evidence, Facts, Judge

Verdicts = dict[str, Facts]
MAX_SHOWN = 200


def hear(judges: Mapping[str, Judge], evidence: Evidence) -> Verdicts:
    """Every judge's facts."""
    return {name: judge(evidence) for name, judge in judges.items()}


def disputed(verdicts: Verdicts) -> list[str]:
    """The facts about which two judges differ, and `provable` if one says that it is not."""
    facts = dict.fromkeys(fact for said in verdicts.values() for fact in said)
    return [fact for fact in facts if not _is_agreed(fact, verdicts)]


def _is_agreed(fact: str, verdicts: Verdicts) -> bool:
    values = [said[fact] for said in verdicts.values() if fact in said]
    return all(value == values[0] for value in values) and (fact != "provable" or values[0] is True)


def demand_one_verdict(judges: Mapping[str, Judge], evidence: Evidence, label: str) -> Verdicts:
    """What they all say; AssertionError with the smallest batch found on which they differ."""
    verdicts = hear(judges, evidence)
    if not disputed(verdicts):
        return verdicts
    small = shrink(evidence.case, lambda smaller: bool(disputed(hear(judges, Evidence(smaller)))))
    raise AssertionError(report(small, hear(judges, Evidence(small)), label))


def shrink(case: Case, still_fails: Callable[[Case], bool]) -> Case:
    """A case from which nothing more can be taken away without `still_fails` becoming false."""
    while True:
        for smaller in _smaller(case):
            if _is_postable(smaller) and still_fails(smaller):
                case = smaller
                break
        else:
            return case


def _is_postable(case: Case) -> bool:
    try:
        return bool(Evidence(case).specified)
    except InputError:
        return False


def _smaller(case: Case) -> Iterator[Case]:
    """Every case with one thing less, the greatest first."""
    batch, header = case.batch, case.batch.header
    for position, slot in enumerate(batch.slots):
        if slot != EMPTY_SLOT or position < header.deposits + header.forced:
            yield replace(case, batch=_without(batch, position))
    for index in case.state.accounts:
        kept = {other: account for other, account in case.state.accounts.items() if other != index}
        yield replace(case, state=State(case.state.depth, MappingProxyType(kept)))
    if header.fee_account:
        yield replace(case, batch=replace(batch, header=replace(header, fee_account=AccountIndex(0))))
    words = split_words(batch.data)
    for position, word in enumerate(words):
        for simpler in (0, reduce(word)):
            if simpler != word:
                data = b"".join(map(to_word, [*words[:position], simpler, *words[position + 1 :]]))
                yield replace(case, batch=replace(batch, data=data))


def _without(batch: Batch, position: int) -> Batch:
    """The batch with a user's slot emptied, or with an entry of the queue gone and an empty slot at the end."""
    header, slots = batch.header, list(batch.slots)
    del slots[position]
    if position < header.deposits:
        header = replace(header, deposits=header.deposits - 1)
    elif position < header.deposits + header.forced:
        header = replace(header, forced=header.forced - 1)
    return Batch(header=header, data=b"".join([*slots, EMPTY_SLOT]))


def report(case: Case, verdicts: Verdicts, label: str) -> str:
    """The batch in hex and what each judge says of it, side by side; disputed facts are starred."""
    header, stars = case.batch.header, disputed(verdicts)
    lines = [f"the judges differ about {', '.join(stars) or 'nothing'} ({label}), shrunk to:"]
    lines += [f"account {index}: {account}" for index, account in sorted(case.state.accounts.items())]
    lines.append(f"domain {case.domain}, header {header.words}")
    lines += [f"slot {position}: {slot.hex()}" for position, slot in enumerate(case.batch.slots)]
    for fact in dict.fromkeys(fact for said in verdicts.values() for fact in said):
        lines.append(f"{'*' if fact in stars else ' '} {fact}")
        lines += [f"      {name:14} {str(said[fact])[:MAX_SHOWN]}" for name, said in verdicts.items() if fact in said]
    return "\n".join(lines)
