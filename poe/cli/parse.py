"""Arguments from outside to our own types, each failure naming what was wanted."""

from __future__ import annotations

import re

from poe.errors import InputError
from poe.rollup.types import Shape

DEFAULT_DEPTH = 5


def parse_shape(text: str) -> Shape:
    """A shape written `slots x depth`, such as `4x5`; slots alone take depth 5."""
    match = re.fullmatch(r"([0-9]{1,3})(?:x([0-9]{1,2}))?", text)
    try:
        if match is not None:
            return Shape(slots=int(match[1]), depth=int(match[2] or DEFAULT_DEPTH))
    except ValueError as error:
        raise InputError(str(error), code="POE-INP-040") from error
    raise InputError(f"shape {text!r} is not understood", fix="slots x depth, such as 4x5", code="POE-INP-040")
