"""The one file that imports libp2p: the names we use of it, imported quietly, and its failures made ours."""

from __future__ import annotations

import logging
import os
import warnings
from collections.abc import Iterator
from contextlib import contextmanager

import trio

from poe.errors import NetError, PoeError

with warnings.catch_warnings():
    # py-libp2p imports websockets' legacy server for a transport that we do not use.
    warnings.filterwarnings("ignore", message="websockets.legacy is deprecated", category=DeprecationWarning)
    from libp2p import new_host
    from libp2p.abc import IHost, INetStream, INetwork
    from libp2p.crypto.ed25519 import create_new_key_pair as create_ed25519_key_pair
    from libp2p.crypto.keys import KeyPair, KeyType
    from libp2p.crypto.x25519 import create_new_key_pair as create_x25519_key_pair
    from libp2p.custom_types import TProtocol
    from libp2p.exceptions import BaseLibp2pError
    from libp2p.identity_utils import load_identity
    from libp2p.network.auto_connector import AutoConnector
    from libp2p.network.config import ConnectionConfig
    from libp2p.network.connection_gate import ConnectionGate
    from libp2p.network.stream.exceptions import StreamEOF
    from libp2p.network.swarm import Swarm
    from libp2p.peer.id import ID
    from libp2p.peer.peerinfo import PeerInfo, info_from_p2p_addr
    from libp2p.pubsub.gossipsub import PROTOCOL_ID as MESHSUB_10
    from libp2p.pubsub.gossipsub import PROTOCOL_ID_V11 as MESHSUB_11
    from libp2p.pubsub.gossipsub import GossipSub
    from libp2p.pubsub.pb import rpc_pb2
    from libp2p.pubsub.pubsub import Pubsub
    from libp2p.pubsub.validators import signature_validator
    from libp2p.security.noise.transport import PROTOCOL_ID as NOISE_ID
    from libp2p.security.noise.transport import Transport as NoiseTransport
    from libp2p.stream_muxer.yamux.yamux import PROTOCOL_ID as YAMUX_ID
    from libp2p.stream_muxer.yamux.yamux import Yamux
    from libp2p.tools.anyio_service import background_trio_service
    from multiaddr import Multiaddr

__all__ = [
    "CONNECTION_ENDED",
    "ID",
    "MESHSUB_10",
    "MESHSUB_11",
    "NOISE_ID",
    "YAMUX_ID",
    "AutoConnector",
    "ConnectionConfig",
    "ConnectionGate",
    "GossipSub",
    "IHost",
    "INetStream",
    "INetwork",
    "KeyPair",
    "KeyType",
    "Multiaddr",
    "NoiseTransport",
    "PeerInfo",
    "Pubsub",
    "StreamEOF",
    "Swarm",
    "TProtocol",
    "Yamux",
    "background_trio_service",
    "close_connections",
    "create_ed25519_key_pair",
    "create_x25519_key_pair",
    "info_from_p2p_addr",
    "library_failures",
    "load_identity",
    "new_host",
    "rpc_pb2",
    "signature_validator",
    "silence_library_logs",
]

CONNECTION_ENDED = (BaseLibp2pError, OSError, trio.BrokenResourceError, trio.ClosedResourceError, trio.TooSlowError)
"""What a stream raises when its connection is gone: nobody's fault."""

log = logging.getLogger(__name__)


@contextmanager
def library_failures(doing: str) -> Iterator[None]:
    """Turn whatever libp2p raises while `doing` something into a NetError.

    The library documents no closed set of exceptions, so this is a boundary: everything but our own
    errors and cancellation means that the peer or the connection failed us.
    """
    try:
        yield
    except PoeError:
        raise
    except Exception as error:
        raise NetError(f"{doing}: {type(error).__name__}: {error}", code="POE-NET-003") from error


async def close_connections(network: INetwork, peer: ID) -> None:
    """Close the connections that a peer has now.

    Not by the network's `close_peer`, which at its end forgets, unclosed, those that came in the meantime.
    """
    for connection in list(network.get_connections(peer)):
        try:
            with library_failures("closing"):
                await connection.close()
        except NetError as error:
            log.info("disconnect_failed peer=%s error=%s", peer, error)


def silence_library_logs() -> None:
    """Keep libp2p's loggers off our log: it reports every hostile byte as an error of its own.

    The library's own switch, LIBP2P_DEBUG, lets them speak.
    """
    logger = logging.getLogger("libp2p")
    if "LIBP2P_DEBUG" not in os.environ:
        if not any(isinstance(handler, logging.NullHandler) for handler in logger.handlers):
            logger.addHandler(logging.NullHandler())
        logger.setLevel(logging.CRITICAL)
        logger.propagate = False
