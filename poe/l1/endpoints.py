"""Several endpoints as one: failover between those that are well, and no money moved while they disagree.

One endpoint, the primary, is asked until it fails, so that what the follower reads is of one chain. Every few seconds
all are looked at (poe/l1/agreement.py): one that stands still, serves another chain or is outvoted is left out. Logs
and receipts, which do not change, are asked of all that are trusted and compared (poe/l1/quorum.py). When no majority
agrees, and two that differ have none, reading goes on with the primary alone, and sending is refused with
EndpointsDisagree until they agree again.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable, Mapping, Sequence
from functools import partial
from statistics import median_low
from typing import TypeVar

import trio

from poe.errors import BadAnswer, EndpointsDisagree, L1Error, L1Unreachable, RpcRefused, WrongChain
from poe.l1 import agreement
from poe.l1.interface import BlockRef
from poe.l1.member import Member, Standing, is_passing
from poe.l1.quorum import Ballot, logs_ballot, read_votes, receipt_ballot, shown_vote
from poe.l1.rpc import JsonRpc, Rpc

log = logging.getLogger("poe.l1.endpoints")

LOOK_EVERY_SECONDS = 3.0
LOOK_SECONDS = 1.5
"""How long a look waits for an endpoint."""
SLOW_SECONDS = 5.0
"""How long a call waits for an endpoint while there is another."""
CHECK_SECONDS = 2.0
"""How long an answer waits for what the other endpoints say."""
DISPUTE_SECONDS = 30.0
"""How long a dispute about logs or a receipt stands if nobody asks again."""
TIE_SECONDS = 300.0
"""How long a tie about a receipt is remembered."""
HELD_HEAD_SECONDS = 60.0
"""How long a lower head of another endpoint is taken for one that is a little behind."""

Answer = TypeVar("Answer")
Question = Callable[[Rpc], Awaitable[object]]


class Endpoints(JsonRpc):
    """`JsonRpc` over several endpoints, the one to prefer first; `now` is Unix time."""

    def __init__(
        self,
        rpcs: Sequence[Rpc],
        *,
        clock: Callable[[], float] = time.monotonic,
        now: Callable[[], float] = time.time,
    ) -> None:
        self.members = [Member(rpc, place, clock) for place, rpc in enumerate(rpcs, start=1)]
        self.deadline_seconds = max(rpc.deadline_seconds for rpc in rpcs)
        self._clock, self._now = clock, now
        self._primary = self.members[0]
        self._chain_id: int | None = None
        self._looking = trio.Lock()
        self._looked_at = float("-inf")
        self._disputes: dict[str, tuple[float, str]] = {}
        self._ties: dict[str, float] = {}
        self._told: tuple[Member, BlockRef, float] | None = None

    @property
    def endpoint(self) -> str:
        """The primary."""
        return self._primary.rpc.endpoint

    @property
    def errors(self) -> int:
        """Failed calls of all."""
        return sum(member.errors for member in self.members)

    @property
    def answered_at(self) -> float:
        """When any answered last."""
        return max(member.rpc.answered_at for member in self.members)

    def close(self) -> None:
        """Close idle connections of all."""
        for member in self.members:
            member.rpc.close()

    async def call(self, method: str, *params: object) -> object:
        """One call, of whoever is well; logs and receipts of all, transactions to all. EndpointsDisagree, see above."""
        question = partial(_call, method, params)
        match method:
            case "eth_sendRawTransaction":
                return await self._send(question)
            case "eth_getLogs":
                return await self._compared(question, logs_ballot(params))
            case "eth_getTransactionReceipt":
                return await self._compared(question, receipt_ballot(params))
        return (await self._first(question))[1]

    async def block(self, which: int | str) -> BlockRef | None:
        """A block by number or tag; None when the endpoint has none."""
        return (await self._first(lambda rpc: rpc.block(which)))[1]

    async def latest(self) -> BlockRef:
        """The head; never lower than before just because another endpoint, a little behind, has taken over."""
        await self._look_if_due()
        teller, head = await self._first(lambda rpc: rpc.latest())
        now, teller.head = self._clock(), head
        if self._told is not None:
            before, told, at = self._told
            if before is not teller and head.number < told.number and now - at < HELD_HEAD_SECONDS:
                return told
        self._told = (teller, head, now)
        return head

    async def require_chain(self, chain_id: int) -> None:
        """WrongChain when none serves `chain_id`; those that serve another are left out from now on."""
        self._chain_id = chain_id
        await self.look(self.deadline_seconds)
        if any(member.is_on_our_chain for member in self.members):
            return
        failures = [member.failure for member in self.members if member.failure is not None]
        if len(self.members) == 1 and failures:
            raise failures[0]
        told = "; ".join(error.message for error in failures)
        if any(isinstance(error, WrongChain) for error in failures):
            raise WrongChain(f"no endpoint serves chain {chain_id}: {told}", fix="check l1.rpc_url and l1.chain_id")
        raise L1Unreachable(f"no endpoint answers: {told}", fix="is an L1 node up?")

    @property
    def dispute(self) -> str:
        """Who says what, if endpoints disagree and none is believed; empty if not."""
        now = self._clock()
        return "; ".join(text for ends, text in list(self._disputes.values()) if now < ends)

    async def require_agreement(self) -> None:
        """EndpointsDisagree while no majority agrees: no time to move money."""
        await self._look_if_due()
        if told := self.dispute:
            raise EndpointsDisagree(told, fix="nothing is sent until they agree; a third endpoint would decide")

    async def look(self, seconds: float | None = None) -> None:
        """Ask all for their heads, compare, and choose whom to believe. Never raises: nobody may answer."""
        heads = await _gather(
            self._head_of, [one for one in self.members if not one.is_resting], seconds or LOOK_SECONDS
        )
        still = agreement.standing_still({member.place: head for member, head in heads.items()}, self._now())
        for member in [one for one in heads if one.place in still]:
            member.judged(Standing.STALE, f"stands still at block {heads.pop(member).number}")
        verdict, says = await self._compare_heads(heads)
        if not verdict.is_agreed and len(heads) > 1:  # a reorg between two answers: look twice before saying so
            verdict, says = await self._compare_heads(heads)
        self._take(verdict, list(heads), says)
        self._looked_at = self._clock()

    async def _look_if_due(self) -> None:
        if len(self.members) < 2:
            return
        async with self._looking:
            if self._clock() - self._looked_at >= LOOK_EVERY_SECONDS:
                await self.look()

    async def _head_of(self, member: Member, seconds: float) -> BlockRef:
        if self._chain_id is not None and not member.is_on_our_chain:
            served = await member.ask(lambda rpc: rpc.chain_id(), seconds=seconds)
            if served != self._chain_id:
                told = f"{member.rpc.endpoint} serves chain {served}, wanted chain {self._chain_id}"
                if len(self.members) > 1:  # of the only one the error tells enough
                    member.judged(Standing.WRONG_CHAIN, told)
                member.failure = WrongChain(told, fix="point l1.rpc_url at the right network")
                raise member.failure
            member.is_on_our_chain = True
        member.head = await member.ask(lambda rpc: rpc.latest(), seconds=seconds)
        return member.head

    async def _compare_heads(self, heads: Mapping[Member, BlockRef]) -> tuple[agreement.Verdict, str]:
        """The verdict on them, and in words who says what."""
        voters = frozenset(member.place for member in heads)
        if len(voters) < 2:
            return agreement.Verdict(trusted=voters, dissenting=frozenset()), ""
        height, near = agreement.compared_height({member.place: head for member, head in heads.items()})
        asked = [member for member in heads if member.place in near]
        found = await _gather(partial(_block_at, height), asked, LOOK_SECONDS)
        hashes = {member.place: block.hash for member, block in found.items() if block is not None}
        answered = frozenset(member.place for member in found) | (voters - near)
        says = ", ".join(
            f"{member.rpc.endpoint} is at block {head.number}"
            + (f" and says block {height} is 0x{hashes[member.place].hex()[:8]}…" if member.place in hashes else "")
            for member, head in heads.items()
        )
        return agreement.judge(hashes, answered), says

    def _take(self, verdict: agreement.Verdict, answered: Sequence[Member], says: str) -> None:
        """Put a verdict into force."""
        voters = [one for one in answered if one.place in verdict.trusted | verdict.dissenting]
        for member in voters:
            if not verdict.is_agreed:
                member.judged(Standing.DISPUTED, says)
            elif member.place in verdict.trusted:
                member.judged(Standing.GOOD)
            else:
                member.judged(Standing.OUTVOTED, says)
        if verdict.is_agreed:
            self._settle("heads")
        elif voters:
            self._disagree("heads", f"endpoints disagree about the chain: {says}", seconds=float("inf"))
        good = [one for one in answered if one.standing is Standing.GOOD]
        if self._primary.standing is not Standing.GOOD and (verdict.is_agreed or self._primary not in voters):
            self._prefer((good or voters or [self._primary])[0])
        elif good and verdict.is_agreed:
            usual = median_low(map(_height_of, good))  # not the highest: one alone cannot make itself the primary
            if usual - _height_of(self._primary) >= agreement.LAGGING_BLOCKS:
                self._prefer(next(one for one in good if _height_of(one) >= usual))

    def _prefer(self, member: Member) -> None:
        if member is not self._primary:
            log.warning("l1_endpoint_changed from=%r to=%r", self._primary, member)
            self._primary = member

    def _disagree(self, about: str, text: str, *, seconds: float) -> None:
        now = self._clock()
        self._disputes = {old: told for old, told in self._disputes.items() if now < told[0]}
        if about not in self._disputes:
            log.error("l1_endpoints_disagree code=%s %s", EndpointsDisagree.code, text)
        self._disputes[about] = (now + seconds, text)

    def _settle(self, about: str) -> None:
        if self._disputes.pop(about, None) is not None:
            log.info("l1_endpoints_agree about=%s", about)

    def _in_order(self) -> list[Member]:
        """Whom to ask, in turn: those that are well; else whoever is not known to be wrong, resting or not."""
        is_known = self._chain_id is None or len(self.members) == 1
        well = [one for one in self.members if one.standing is Standing.GOOD and (is_known or one.is_on_our_chain)]
        if self._primary in well or (self._primary.verdict is Standing.DISPUTED and not self._primary.is_resting):
            well = [self._primary, *(one for one in well if one is not self._primary)]
        if well:
            return well
        wrong = (Standing.WRONG_CHAIN, Standing.OUTVOTED, Standing.STALE)
        return [one for one in self.members if one.verdict not in wrong and not one.is_busy and not one.is_distrusted]

    async def _first(self, question: Callable[[Rpc], Awaitable[Answer]]) -> tuple[Member, Answer]:
        """The first that has an answer, and its answer."""
        members = self._in_order()
        told = next((one.failure for one in self.members if one.failure is not None), None)
        failure: L1Error = told or L1Unreachable("every endpoint rests or is left out", fix="`poe doctor` tells why")
        for left, member in zip(range(len(members) - 1, -1, -1), members, strict=True):
            seconds = min(SLOW_SECONDS, member.rpc.deadline_seconds) if left else member.rpc.deadline_seconds + 1
            try:
                answer = await member.ask(question, seconds=seconds)
            except RpcRefused as error:
                if not is_passing(error):
                    raise
                failure = error
            except (L1Unreachable, BadAnswer) as error:
                failure = error
            else:
                if member is not self._primary and self._primary.standing is not Standing.GOOD:
                    self._prefer(member)
                return member, answer
        raise failure

    async def _send(self, question: Question) -> object:
        """To all that are trusted, for the sake of one that drops it; well if one took it."""
        await self.require_agreement()
        members = self._in_order()
        failures: dict[Member, L1Error] = {}
        seconds = self.deadline_seconds if len(members) == 1 else SLOW_SECONDS
        taken = await _gather(partial(_ask, question), members, seconds, failures)
        for member in members:
            if member in taken:
                return taken[member]
        told = [failures[member] for member in members if member in failures]
        refused: list[L1Error] = [error for error in told if isinstance(error, RpcRefused)]
        raise (refused or told or [L1Unreachable("every endpoint rests or is left out")])[0]

    async def _compared(self, question: Question, ballot: Ballot) -> object:
        """The primary's answer, if those of the others are the same."""
        first, *others = [one for one in self._in_order() if one.standing is Standing.GOOD] or [self._primary]
        if not others:
            return (await self._first(question))[1]
        self._prefer(first)
        found: dict[Member, object] = {}
        failures: dict[Member, L1Error] = {}
        heard = trio.Event()

        async def hear(members: Sequence[Member], seconds: float) -> None:
            await _gather(partial(_ask, question), members, seconds, failures, found)

        async def hear_the_others() -> None:
            await hear(others, SLOW_SECONDS)
            heard.set()

        async with trio.open_nursery() as nursery:
            nursery.start_soon(hear_the_others)
            await hear([first], SLOW_SECONDS)
            with trio.move_on_after(CHECK_SECONDS):
                await heard.wait()
            nursery.cancel_scope.cancel()
        refusal = failures.get(first)
        if refusal is not None and (not found or (isinstance(refusal, RpcRefused) and not is_passing(refusal))):
            raise refusal
        if not found:
            raise L1Unreachable("no endpoint answered in time")
        try:
            return await self._decide(found, ballot)
        except EndpointsDisagree:
            doubted = [one for one in self.members if one.is_distrusted and not one.is_resting and one not in found]
            found |= await _gather(partial(_ask, question), doubted, CHECK_SECONDS)
            if len(found) < 3:
                raise
            return await self._decide(found, ballot)  # whoever lied before may break a tie

    async def _decide(self, found: Mapping[Member, object], ballot: Ballot) -> object:
        """The answer on which those that may judge agree, or their majority."""
        members = {member.place: member for member in found}
        votes, malformed = read_votes({member.place: answer for member, answer in found.items()}, ballot)
        for place, why in malformed.items():
            members[place].distrust(why)
        if len(set(votes.values())) > 1 and ballot.block is not None:
            holders = await _gather(partial(_holds, ballot.block), [members[place] for place in votes], CHECK_SECONDS)
            votes = {place: vote for place, vote in votes.items() if holders.get(members[place])}
        if not votes:
            raise BadAnswer(f"no endpoint has a sound answer about {ballot.about}")
        winner = agreement.majority(votes, len(votes))
        says = ", ".join(f"{members[place].rpc.endpoint} says {shown_vote(vote)}" for place, vote in votes.items())
        if winner is None:
            self._undecided(ballot, says)
            return None
        self._settle(ballot.about)
        for place, vote in votes.items():
            if vote != winner and ballot.decides:
                members[place].distrust(f"{ballot.about}: {says}")
        return next(found[members[place]] for place, vote in votes.items() if vote == winner)

    def _undecided(self, ballot: Ballot, says: str) -> None:
        """EndpointsDisagree once patience is at its end."""
        now = self._clock()
        self._ties = {about: at for about, at in self._ties.items() if now - at < TIE_SECONDS}
        if now - self._ties.setdefault(ballot.about, now) < ballot.patience_seconds:
            return
        text = f"endpoints disagree about {ballot.about}: {says}"
        self._disagree(ballot.about, text, seconds=DISPUTE_SECONDS)
        raise EndpointsDisagree(text, fix="nothing is sent until they agree; a third endpoint would decide")


def connect_endpoints(urls: Sequence[str], *, deadline_seconds: float = 10.0) -> Endpoints:
    """Endpoints by their URLs, the one to prefer first; ConfigError for one that is malformed."""
    return Endpoints([Rpc(url, deadline_seconds=deadline_seconds) for url in urls])


async def _gather(
    ask: Callable[[Member, float], Awaitable[Answer]],
    members: Sequence[Member],
    seconds: float,
    failures: dict[Member, L1Error] | None = None,
    found: dict[Member, Answer] | None = None,
) -> dict[Member, Answer]:
    """What each answers within `seconds`, in `found` as it comes; who fails is left out, and named in `failures`."""
    found = {} if found is None else found

    async def one(member: Member) -> None:
        try:
            found[member] = await ask(member, seconds)
        except L1Error as error:
            if failures is not None:
                failures[member] = error

    async with trio.open_nursery() as nursery:
        for member in members:
            nursery.start_soon(one, member)
    return {member: found[member] for member in members if member in found}


def _height_of(member: Member) -> int:
    return 0 if member.head is None else member.head.number


async def _ask(question: Question, member: Member, seconds: float) -> object:
    return await member.ask(question, seconds=seconds)


async def _call(method: str, params: Sequence[object], rpc: Rpc) -> object:
    return await rpc.call(method, *params)


async def _block_at(height: int, member: Member, seconds: float) -> BlockRef | None:
    return await member.ask(lambda rpc: rpc.block(height), seconds=seconds)


async def _holds(block: str, member: Member, seconds: float) -> bool:
    """Does it know the block?"""
    return await member.ask(lambda rpc: rpc.call("eth_getBlockByHash", block, False), seconds=seconds) is not None
