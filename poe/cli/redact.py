"""Text that may leave the machine: no keys, no passwords, no credentials in URLs."""

from __future__ import annotations

import re
from collections.abc import Iterable
from urllib.parse import urlsplit

_URL = re.compile(r"\b(?:https?|wss?)://[^\s\"'<>\\)\]},]+")
_LONG_HEX = re.compile(r"(?<![0-9a-fA-F])(?:0x)?([0-9a-fA-F]{8})[0-9a-fA-F]{40,}(?![0-9a-fA-F])")
"""Anything longer than an address may be a key; eight digits are enough to tell hashes apart and to guess nothing."""
_NAMED = re.compile(
    r"(?i)\b([\w-]*(?:password|passphrase|passwd|secret|token|mnemonic|private[_-]?key|api[_-]?key)"
    r"[\"']?\s*[:=]\s*)(\"[^\"\n]*\"|'[^'\n]*'|[^\s,}]+)"
)
_AUTHORIZATION = re.compile(r"(?i)\b(bearer|basic)\s+[\w.~+/=-]+")
_LEAST_SECRET = 4
"""A shorter one cannot be struck out of a text without leaving it unreadable."""


def redact(text: str, secrets: Iterable[str] = ()) -> str:
    """The text without known secrets and all that looks like one."""
    for secret in sorted(secrets, key=len, reverse=True):
        if len(secret) >= _LEAST_SECRET:
            text = text.replace(secret, "[secret]")
    text = _URL.sub(lambda found: public_url(found[0]), text)
    text = _NAMED.sub(r"\1[secret]", text)
    text = _AUTHORIZATION.sub(r"\1 [secret]", text)
    return _LONG_HEX.sub(r"\1…", text)


def public_url(url: str) -> str:
    """Scheme, host and port: user, password, path and query may each be a credential."""
    try:
        parts = urlsplit(url)
        host, port = parts.hostname or "", parts.port
    except ValueError:
        return "[url]"
    shown = f"[{host}]" if ":" in host else host
    rest = "/…" if parts.path.strip("/") or parts.query or parts.fragment else ""
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "") + rest
