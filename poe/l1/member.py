"""One endpoint among several: how it does, and when it may be asked again."""

from __future__ import annotations

import logging
import time
from collections.abc import Awaitable, Callable
from enum import StrEnum
from typing import TypeVar

import trio

from poe.errors import BadAnswer, EndpointBusy, L1Error, L1Unreachable, RpcRefused, WrongChain
from poe.l1.interface import BlockRef
from poe.l1.rpc import Rpc

log = logging.getLogger("poe.l1.endpoints")

FAILURES_TO_REST = 3
FIRST_REST_SECONDS = 1.0
LONGEST_REST_SECONDS = 30.0
FIRST_DISTRUST_SECONDS = 60.0
LONGEST_DISTRUST_SECONDS = 600.0

_PASSING_REFUSALS = (-32001, -32005, -32601, -32603)
"""Resource not found, limit exceeded, no such method, internal error (EIP-1474): another endpoint may do better."""

Answer = TypeVar("Answer")


class Standing(StrEnum):
    """What we think of an endpoint; only the first is asked as a matter of course."""

    GOOD = "good"
    DOWN = "down"
    BUSY = "busy"
    WRONG_CHAIN = "wrong_chain"
    STALE = "stale"
    OUTVOTED = "outvoted"
    DISPUTED = "disputed"


class Member:
    """An endpoint with a circuit breaker: after some failures in a row it rests, ever longer up to a bound.

    `errors` counts failures since start, timeouts of ours among them. Times are the clock's, which never jumps.
    """

    def __init__(self, rpc: Rpc, place: int, clock: Callable[[], float] = time.monotonic) -> None:
        self.rpc = rpc
        self._clock = clock
        self.place = place
        self.verdict = Standing.GOOD
        """By the last look at all endpoints; a resting one is down or busy whatever it was."""
        self.head: BlockRef | None = None
        self.is_on_our_chain = False
        self.errors = 0
        self.failure: L1Error | None = None
        """Why it was not good last."""
        self._failures = 0
        self._rests_until = self._distrusted_until = float("-inf")
        self._is_busy = False
        self._distrust_seconds = FIRST_DISTRUST_SECONDS

    def __repr__(self) -> str:
        return f"{self.place}:{self.rpc.endpoint}"

    @property
    def is_resting(self) -> bool:
        """Is it to be left alone now?"""
        return self._clock() < self._rests_until

    @property
    def is_busy(self) -> bool:
        """Has it itself asked for rest?"""
        return self._is_busy and self.is_resting

    @property
    def is_distrusted(self) -> bool:
        """Did it lie a short time ago?"""
        return self._clock() < self._distrusted_until

    @property
    def standing(self) -> Standing:
        """What we think of it now."""
        if self.is_resting and self.verdict is not Standing.WRONG_CHAIN:
            return Standing.BUSY if self._is_busy else Standing.DOWN
        return Standing.OUTVOTED if self.is_distrusted else self.verdict

    async def ask(self, question: Callable[[Rpc], Awaitable[Answer]], *, seconds: float) -> Answer:
        """Its answer; L1Unreachable when it takes longer. Failures open the breaker, an answer closes it."""
        try:
            with trio.fail_after(seconds):
                answer = await question(self.rpc)
        except trio.TooSlowError:
            error = L1Unreachable(f"{self.rpc.endpoint}: no answer in {seconds:g} s")
            self._note_failure(error)
            raise error from None
        except (L1Unreachable, BadAnswer) as error:
            self._note_failure(error)
            raise
        except RpcRefused as error:
            if is_passing(error):
                self._note_failure(error)
            raise
        self._failures, self._is_busy, self._rests_until = 0, False, float("-inf")
        return answer

    def distrust(self, why: str) -> None:
        """It was outvoted on something that does not change: leave it out for a while, longer each time."""
        if not self.is_distrusted:
            log.error(
                "l1_endpoint_outvoted code=POE-L1-083 endpoint=%r seconds=%g %s", self, self._distrust_seconds, why
            )
            self.failure = L1Error(why, code="POE-L1-083")
            self._distrusted_until = self._clock() + self._distrust_seconds
            self._distrust_seconds = min(2 * self._distrust_seconds, LONGEST_DISTRUST_SECONDS)

    def judged(self, verdict: Standing, why: str = "") -> None:
        """Take note of a look's verdict; a change is logged once."""
        if verdict is self.verdict:
            return
        if verdict is Standing.GOOD:
            log.info("l1_endpoint_good endpoint=%r", self)
        elif verdict is Standing.DISPUTED:
            log.warning("l1_endpoint_disputed endpoint=%r", self)
        else:
            code = WrongChain.code if verdict is Standing.WRONG_CHAIN else "POE-L1-083"
            log.error("l1_endpoint_%s code=%s endpoint=%r %s", verdict, code, self, why)
            self.failure = L1Error(why, code="POE-L1-083")
        self.verdict = verdict

    def _note_failure(self, error: L1Error) -> None:
        self.errors += 1
        self._failures += 1
        self.failure = error
        now = self._clock()
        self._is_busy = isinstance(error, EndpointBusy)
        if isinstance(error, EndpointBusy):
            rest = error.retry_seconds
        elif self._failures >= FAILURES_TO_REST:
            doublings = min(self._failures - FAILURES_TO_REST, 10)
            rest = min(FIRST_REST_SECONDS * 2**doublings, LONGEST_REST_SECONDS)
        else:
            return
        if now >= self._rests_until:
            log.warning("l1_endpoint_rests endpoint=%r seconds=%g reason=%r", self, rest, str(error))
        self.is_on_our_chain = False  # who knows what comes back
        self._rests_until = max(self._rests_until, now + rest)


def is_passing(error: RpcRefused) -> bool:
    """May another endpoint answer what this one refuses? Never a revert: that is an answer."""
    return error.data is None and error.rpc_code in _PASSING_REFUSALS
