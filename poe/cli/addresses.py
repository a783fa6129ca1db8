"""The network's addresses in the settings, checked before a role connects to anything."""

from __future__ import annotations

import ipaddress

from poe.config import Settings
from poe.errors import ConfigError, NetError


def require_addresses(settings: Settings) -> None:
    """ConfigError unless the network's settings are addresses."""
    if settings.net.bootstrap:
        from poe.net.dialer import parse_address as parse_peer  # libp2p is slow to import
    for text in settings.net.bootstrap:
        try:
            parse_peer(text)
        except NetError as error:
            example = "such as /ip4/127.0.0.1/tcp/4001/p2p/12D3Koo…"
            raise ConfigError(f"net.bootstrap: {error.message}", fix=example, code="POE-CFG-012") from error
    try:
        ipaddress.ip_address(settings.net.listen_host)
    except ValueError as error:
        raise ConfigError(f"net.listen_host: {error}", fix="such as 127.0.0.1", code="POE-CFG-012") from error
