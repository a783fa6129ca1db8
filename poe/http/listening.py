"""A TCP door: opens its port, tells which one it got, and hands every connection to its server."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

import trio

from poe.errors import ToolError


async def serve_connections(
    serve_connection: Callable[[trio.SocketStream], Awaitable[None]],
    *,
    host: str,
    port: int,
    setting: str,
    task_status: trio.TaskStatus[int] = trio.TASK_STATUS_IGNORED,
) -> None:
    """Serve for ever; reports the port it got (0 asks for a free one). ToolError names `setting` when it is taken."""
    try:
        listeners = await trio.open_tcp_listeners(port, host=host)
    except OSError as error:
        raise ToolError(
            f"port {host}:{port} cannot be opened: {error.strerror or error}",
            fix=f"choose another with {setting}, 0 picks a free one",
            code="POE-TOL-002",
        ) from error
    async with trio.open_nursery() as nursery:
        await nursery.start(partial(trio.serve_listeners, serve_connection, listeners, handler_nursery=nursery))
        task_status.started(int(listeners[0].socket.getsockname()[1]))
