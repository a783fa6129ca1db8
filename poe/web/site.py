"""What the live page's server answers: its own files, a batch, a prover, the events; nothing to strangers.

The page shows what peers and L1 say, so a browser is told to run nothing but our own files and to talk to nobody else.
A foreign page that makes a name of its own point at this machine (DNS rebinding) is refused by the Host header.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from importlib import resources
from importlib.resources.abc import Traversable
from typing import Any

from poe.http.server import HttpRequest, HttpResponse, HttpStream
from poe.rollup.types import Address, BatchNumber
from poe.web.detail import Details
from poe.web.feed import Feed

CONTENT_SECURITY_POLICY = "; ".join(
    (
        "default-src 'self'",
        "script-src 'self'",
        "style-src 'self'",
        "img-src 'self'",
        "connect-src 'self'",
        "object-src 'none'",
        "base-uri 'none'",
        "form-action 'none'",
        "frame-ancestors 'none'",
        "require-trusted-types-for 'script'",
        "trusted-types 'none'",
    )
)
SECURITY_HEADERS: Mapping[str, str] = {
    "content-security-policy": CONTENT_SECURITY_POLICY,
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=(), payment=(), usb=()",
    "x-frame-options": "DENY",
}
CONTENT_TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
}
LOOPBACK_NAMES = ("127.0.0.1", "localhost", "[::1]")

_BATCH = re.compile(r"/api/batch/([1-9][0-9]{0,15})")
_PROVER = re.compile(r"/api/prover/0x([0-9a-f]{40})")


@dataclass(frozen=True, slots=True)
class _File:
    body: bytes
    content_type: str
    tag: str


class Site:
    """Answers every request of the page; a handler for `poe.http.server`."""

    def __init__(self, *, feed: Feed, details: Details, hosts: Collection[str] = LOOPBACK_NAMES) -> None:
        """`hosts` are the names under which we may be addressed, with any port."""
        self._feed = feed
        self._details = details
        self._hosts = frozenset(host.lower() for host in hosts)
        self._files = load_files()

    async def __call__(self, request: HttpRequest) -> HttpResponse | HttpStream:
        """The answer to a request."""
        refusal = self._refusal(request)
        if refusal is not None:
            return refusal
        if request.path == "/api/events":
            return self._events(request)
        if request.path.startswith("/api/"):
            return await self._api(request.path)
        return self._file(request)

    def _refusal(self, request: HttpRequest) -> HttpResponse | None:
        if not self._is_ours(request.headers.get("host", "")):
            return _text(421, "this server does not answer to that name")
        if request.method not in ("GET", "HEAD"):
            return _text(405, "there is nothing to change here", {"allow": "GET, HEAD"})
        site = request.headers.get("sec-fetch-site", "none")
        if request.path.startswith("/api/") and site not in ("same-origin", "none"):
            return _text(403, "only our own page may ask")
        return None

    def _is_ours(self, host: str) -> bool:
        name, _, port = host.lower().rpartition(":")
        return host.lower() in self._hosts or (port.isdecimal() and name in self._hosts)

    def _events(self, request: HttpRequest) -> HttpResponse | HttpStream:
        if request.method == "HEAD":
            return _text(405, "events can only be listened to", {"allow": "GET"})
        if self._feed.is_full:
            return _text(503, "too many pages listen", {"retry-after": "5"})
        chunks = self._feed.stream(request.headers.get("last-event-id", ""))
        headers = {**SECURITY_HEADERS, "cache-control": "no-store"}
        return HttpStream(chunks=chunks, content_type="text/event-stream", headers=headers)

    async def _api(self, path: str) -> HttpResponse:
        found: dict[str, Any] | None = None
        if batch := _BATCH.fullmatch(path):
            found = await self._details.batch(BatchNumber(int(batch[1])))
        elif prover := _PROVER.fullmatch(path):
            found = self._details.prover(Address(bytes.fromhex(prover[1])))
        if found is None:
            return _text(404, "nothing is known of it")
        return HttpResponse(
            status=200,
            body=json.dumps(found, separators=(",", ":")).encode(),
            content_type="application/json",
            headers={**SECURITY_HEADERS, "cache-control": "no-store"},
        )

    def _file(self, request: HttpRequest) -> HttpResponse:
        file = self._files.get(request.path)
        if file is None:
            return _text(404, "no such page")
        headers = {**SECURITY_HEADERS, "cache-control": "no-cache", "etag": file.tag}
        if request.headers.get("if-none-match") == file.tag:
            return HttpResponse(status=304, body=b"", content_type=file.content_type, headers=headers)
        return HttpResponse(status=200, body=file.body, content_type=file.content_type, headers=headers)


def load_files() -> Mapping[str, _File]:
    """Every file that is served, by its path: nothing else on the disk can be asked for."""
    files = dict(_walk(resources.files("poe.web") / "static", ""))
    return {**files, "/": files["/index.html"]}


def _walk(folder: Traversable, prefix: str) -> list[tuple[str, _File]]:
    found = []
    for entry in folder.iterdir():
        path = f"{prefix}/{entry.name}"
        if entry.is_dir():
            found += _walk(entry, path)
        elif (kind := CONTENT_TYPES.get("." + entry.name.rpartition(".")[2])) is not None:
            body = entry.read_bytes()
            found.append((path, _File(body, kind, f'"{hashlib.sha256(body).hexdigest()[:32]}"')))
    return found


def _text(status: int, reason: str, headers: Mapping[str, str] | None = None) -> HttpResponse:
    return HttpResponse(status=status, body=reason.encode() + b"\n", headers={**SECURITY_HEADERS, **(headers or {})})
