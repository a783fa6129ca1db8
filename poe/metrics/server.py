"""The loopback endpoint that serves `/metrics`, `/livez` and `/readyz`."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from prometheus_client import start_http_server

from poe.errors import ToolError
from poe.metrics.catalog import Metrics

if TYPE_CHECKING:
    from wsgiref.types import StartResponse, WSGIApplication, WSGIEnvironment

Check = Callable[[], str]
"""What is wrong, in a line; empty if nothing is. Called from a thread of the HTTP server."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Health:
    """What `/livez` and `/readyz` look at, by name: ready is who is alive and passes the rest as well."""

    alive: Mapping[str, Check]
    ready: Mapping[str, Check]

    def report(self, path: str) -> tuple[bool, str]:
        """Is all well, and a line a check: `[+] l1 ok` or `[-] l1: no answer for 40 s`."""
        checks = self.alive if path == "/livez" else {**self.alive, **self.ready}
        wrong = {name: check() for name, check in checks.items()}
        lines = [f"[-] {name}: {what}" if what else f"[+] {name} ok" for name, what in wrong.items()]
        return not any(wrong.values()), "\n".join(lines) + "\n"


@contextmanager
def serve_metrics(metrics: Metrics, *, host: str, port: int, health: Health | None = None) -> Iterator[int]:
    """Serve `/metrics`, and `/livez` and `/readyz` (200 or 503), while the context lasts; yields the port.

    Port 0 picks a free one. ToolError when the port is taken.
    """
    try:
        server, thread = start_http_server(port, addr=host, registry=metrics.registry)
    except OSError as error:
        raise ToolError(
            f"metrics port {host}:{port} cannot be opened: {error.strerror}",
            fix="choose another with metrics.port, 0 picks a free one",
            code="POE-TOL-002",
        ) from error
    served = server.get_app()
    if health is not None and served is not None:
        server.set_app(partial(_health_or_metrics, health, served))
    try:
        yield int(server.server_address[1])
    finally:
        server.shutdown()
        server.server_close()
        thread.join(timeout=2)


def _health_or_metrics(
    health: Health, metrics: WSGIApplication, environ: WSGIEnvironment, start_response: StartResponse
) -> Iterable[bytes]:
    """The WSGI application in front of the one that writes metrics."""
    path = environ.get("PATH_INFO", "")
    if path not in ("/livez", "/readyz"):
        return metrics(environ, start_response)
    is_well, text = health.report(path)
    headers = [("Content-Type", "text/plain; charset=utf-8"), ("Cache-Control", "no-store")]
    start_response("200 OK" if is_well else "503 Service Unavailable", headers)
    return [text.encode()]
