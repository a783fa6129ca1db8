"""Small changes to Solidity sources, each of which a test suite should notice."""

from __future__ import annotations

import random
import re
from collections.abc import Iterator
from dataclasses import dataclass

_NOT_CODE = re.compile(r'//[^\n]*|/\*.*?\*/|"(?:\\.|[^"\\\n])*"', re.DOTALL)
_CALLABLE = re.compile(r"\b(?:function\b[^;{]*|constructor\b[^;{]*|modifier\b[^;{]*)\{")
_ASSEMBLY = re.compile(r"\bassembly\b[^{]*\{")

_SWAPS = {
    "<": ("<=", ">="),
    "<=": ("<",),
    ">": (">=", "<="),
    ">=": (">",),
    "==": ("!=",),
    "!=": ("==",),
    "&&": ("||",),
    "||": ("&&",),
    "+": ("-",),
    "-": ("+",),
    "*": ("/",),
    "/": ("*",),
    "%": ("/",),
    "<<": (">>",),
    ">>": ("<<",),
    "|": ("&",),
    "&": ("|",),
    "+=": ("-=", "="),
    "-=": ("+=",),
    "true": ("false",),
    "false": ("true",),
}
_OPERATOR = re.compile(r"(?<=\s)(?:<<|>>|<=|>=|==|!=|&&|\|\||\+=|-=|[-<>+*/%|&])(?=\s)|\btrue\b|\bfalse\b")
_NUMBER = re.compile(r"(?<![\w.])(?:0|[1-9][0-9_]*)(?![\w.]|\s*(?:ether|gwei|wei)\b)")
_GUARD = re.compile(r"\bif \(")
_STATEMENT = re.compile(
    r"(?<=[;{}])\s*([A-Za-z_][\w.\[\]()]* (?:=|\+=|-=|\|=) [^;{}]*;|(?:emit |delete |_\w+\()[^;{}]*;)"
)


@dataclass(frozen=True, slots=True)
class Mutant:
    """One change: `old` at `start` of a source becomes `new`."""

    operator: str
    start: int
    old: str
    new: str

    def apply(self, source: str) -> str:
        """The source with the change."""
        assert source.startswith(self.old, self.start)
        return source[: self.start] + self.new + source[self.start + len(self.old) :]

    def line(self, source: str) -> int:
        """Number of the line it is in, from 1."""
        return source.count("\n", 0, self.start) + 1


def mutants(source: str) -> list[Mutant]:
    """Every change of `source`, in the order of the text: of bodies of functions, constructors and modifiers only.

    Operators are swapped, literals made one larger, guards (`if (...) revert`) switched off and on, assignments,
    events, deletions and calls of own functions left out. Comments, strings and assembly are left alone.
    """
    code = _blank(source, _NOT_CODE)
    found: list[Mutant] = []
    for start, end in _bodies(code):
        body = _without_assembly(code[start:end])
        found += (_moved(mutant, start, source) for mutant in _of_body(body))
    return sorted(found, key=lambda mutant: (mutant.start, mutant.new))


def sample(items: list[tuple[str, Mutant]], count: int, seed: int) -> list[tuple[str, Mutant]]:
    """`count` of the items, drawn by `seed`, in their order."""
    if count >= len(items):
        return items
    chosen = random.Random(seed).sample(range(len(items)), count)
    return [items[i] for i in sorted(chosen)]


def _of_body(body: str) -> Iterator[Mutant]:
    for match in _OPERATOR.finditer(body):
        for new in _SWAPS[match.group()]:
            yield Mutant("operator", match.start(), match.group(), new)
    for match in _NUMBER.finditer(body):
        yield Mutant("literal", match.start(), match.group(), str(int(match.group().replace("_", "")) + 1))
    for match in _GUARD.finditer(body):
        close = _closing(body, match.end() - 1, "()")
        condition = body[match.end() : close]
        yield Mutant("guard off", match.end(), condition, f"false && ({condition})")
        yield Mutant("guard on", match.end(), condition, f"true || ({condition})")
    for match in _STATEMENT.finditer(body):
        yield Mutant("left out", match.start(1), match.group(1), "{}")


def _moved(mutant: Mutant, by: int, source: str) -> Mutant:
    """The mutant of a body as one of the whole source, whose text (comments included) it keeps."""
    start = mutant.start + by
    return Mutant(mutant.operator, start, source[start : start + len(mutant.old)], mutant.new)


def _blank(source: str, pattern: re.Pattern[str]) -> str:
    """`source` with what matches made blank; every place stays."""
    return pattern.sub(lambda match: re.sub(r"[^\n]", " ", match.group()), source)


def _bodies(code: str) -> Iterator[tuple[int, int]]:
    for match in _CALLABLE.finditer(code):
        yield match.end(), _closing(code, match.end() - 1, "{}")


def _without_assembly(body: str) -> str:
    for match in _ASSEMBLY.finditer(body):
        close = _closing(body, match.end() - 1, "{}")
        body = body[: match.end()] + re.sub(r"[^\n]", " ", body[match.end() : close]) + body[close:]
    return body


def _closing(text: str, opening: int, pair: str) -> int:
    """Where the bracket that opens at `opening` closes."""
    depth = 0
    for i in range(opening, len(text)):
        depth += (text[i] == pair[0]) - (text[i] == pair[1])
        if depth == 0:
            return i
    raise ValueError(f"the bracket at {opening} never closes")
