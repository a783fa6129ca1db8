"""Memory that nobody uses any more goes back to the system."""

from __future__ import annotations

import ctypes
import sys


def give_back_memory() -> bool:
    """Have the C library return its free memory; whether it returned any.

    Reading a long history takes tens of megabytes once, which glibc would keep for good. Other systems' libraries have
    no `malloc_trim`, and nothing happens there.
    """
    trim = getattr(ctypes.CDLL(None), "malloc_trim", None) if sys.platform == "linux" else None
    return trim is not None and bool(trim(0))
