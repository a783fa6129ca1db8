"""What a check found: a state, words, and for all but good news a code and a way out."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from enum import StrEnum

from poe.codes import CODES
from poe.errors import PoeError

EXIT_WARNINGS = 3
"""Exit code when nothing failed and something was warned of."""


class State(StrEnum):
    """How a check ended."""

    OK = "ok"
    WARN = "warn"
    FAIL = "fail"
    SKIP = "skip"
    """It could not be made, because another one failed."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Finding:
    """One line of a check-up."""

    check: str
    state: State
    what: str
    code: str = ""
    fix: str = ""

    def __str__(self) -> str:
        told = f"{self.code}: {self.what}" if self.code else self.what
        return f"{self.state:4}  {self.check:12}  {told}" + (f" ({self.fix})" if self.fix else "")


def good(check: str, what: str) -> Finding:
    """All is well."""
    return Finding(check=check, state=State.OK, what=what)


def warning(check: str, code: str, what: str, fix: str = "") -> Finding:
    """The node runs, not as well as it could."""
    return Finding(check=check, state=State.WARN, what=what, code=code, fix=fix or CODES[code].way_out)


def failure(check: str, code: str, what: str, fix: str = "") -> Finding:
    """The node will not run, or earn nothing."""
    return Finding(check=check, state=State.FAIL, what=what, code=code, fix=fix or CODES[code].way_out)


def skipped(check: str, why: str) -> Finding:
    """It could not be looked at."""
    return Finding(check=check, state=State.SKIP, what=f"not looked at: {why}")


def refusal(check: str, error: PoeError) -> Finding:
    """An expected error as a failure, with its own code and way out."""
    return failure(check, error.code, error.message, error.fix)


def judged(check: str, look: Callable[[], Finding]) -> Finding:
    """What `look` finds; an expected error in it is a failure."""
    try:
        return look()
    except PoeError as error:
        return refusal(check, error)


def exit_code(findings: Iterable[Finding]) -> int:
    """0 all well, 1 something failed, 3 warnings only."""
    states = {finding.state for finding in findings}
    if State.FAIL in states:
        return 1
    return EXIT_WARNINGS if State.WARN in states else 0
