"""The bounded channel: never blocks the sender, drops the oldest."""

from __future__ import annotations

import pytest
import trio

from poe.net.inbox import Inbox


async def test_messages_come_in_order() -> None:
    inbox = Inbox[int](3)
    for number in (1, 2, 3):
        inbox.put(number)
    assert [await inbox.channel.receive() for _ in range(3)] == [1, 2, 3]
    assert inbox.dropped == 0


async def test_a_full_inbox_drops_the_oldest_and_counts_it() -> None:
    inbox = Inbox[int](2)
    for number in range(5):
        inbox.put(number)
    assert [await inbox.channel.receive() for _ in range(2)] == [3, 4]
    assert inbox.dropped == 3
    with pytest.raises(trio.WouldBlock):
        inbox.channel.receive_nowait()


async def test_a_reader_that_left_does_not_stop_the_sender() -> None:
    inbox = Inbox[int](1)
    inbox.channel.close()
    for number in range(3):
        inbox.put(number)
    assert inbox.dropped == 2


async def test_closing_ends_the_readers_loop_after_what_is_left() -> None:
    inbox = Inbox[int](3)
    inbox.put(1)
    inbox.close()
    assert [number async for number in inbox.channel] == [1]
