"""The page's server over real sockets: its own files and nothing else, to browsers on this machine only."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
import trio

from poe.rollup.types import BatchNumber, Hash
from poe.web.detail import Details
from poe.web.feed import Feed
from poe.web.page import LivePage
from poe.web.site import Site, load_files
from tests.fakes_web import PAYEES, Watched, a_receipt, an_intent

A, B = PAYEES[:2]
PROOF = {"commitment": "0x1", "words": ["0x2"] * 8}


async def read_proof(tx_hash: Hash, number: BatchNumber) -> dict[str, Any] | None:
    return PROOF


class Stage:
    """A served page and the race behind it."""

    def __init__(self) -> None:
        self.watched = Watched()
        self.feed = Feed(self.watched.model, run="0" * 16, max_streams=2)
        self.port = 0

    async def ask(
        self, path: str, *, method: str = "GET", host: str | None = None, more: str = ""
    ) -> tuple[int, dict[str, str], bytes]:
        """Status, headers and body of one request."""
        named = f"127.0.0.1:{self.port}" if host is None else host
        request = f"{method} {path} HTTP/1.1\r\nhost: {named}\r\n{more}connection: close\r\n\r\n"
        async with await trio.open_tcp_stream("127.0.0.1", self.port) as stream:
            await stream.send_all(request.encode())
            answer = b""
            with trio.fail_after(10):
                async for chunk in stream:
                    answer += chunk
        head, _, body = answer.partition(b"\r\n\r\n")
        first, *lines = head.decode().split("\r\n")
        headers = dict(line.lower().split(": ", 1) for line in lines)
        return int(first.split()[1]), headers, body

    async def ask_json(self, path: str) -> Any:
        status, _, body = await self.ask(path)
        assert status == 200
        return json.loads(body)


@pytest.fixture
async def stage() -> AsyncIterator[Stage]:
    stage = Stage()

    async def read_receipt(tx_hash: Hash) -> Any:
        return a_receipt(tx_hash)

    page = LivePage(
        model=stage.watched.model,
        feed=stage.feed,
        site=Site(feed=stage.feed, details=Details(stage.watched.model, read_proof)),
        network=None,
        look_at_l1=lambda: {"head": 7},
        read_receipt=read_receipt,
    )
    async with page.open(host="127.0.0.1", port=0) as (url, _):
        stage.port = int(url.rstrip("/").rpartition(":")[2])
        yield stage


async def test_the_page_and_every_file_it_names_are_served(stage: Stage) -> None:
    status, headers, body = await stage.ask("/")
    assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
    named = [part.split('"')[0] for part in body.decode().split('="/')[1:]]
    assert "js/main.js" in named
    for name in named:
        assert (await stage.ask("/" + name))[0] == 200, name


async def test_every_answer_lets_a_browser_run_only_our_own_files(stage: Stage) -> None:
    for path in ("/", "/js/main.js", "/nowhere", "/api/batch/1"):
        _, headers, _ = await stage.ask(path)
        policy = headers["content-security-policy"]
        assert "default-src 'self'" in policy
        assert "require-trusted-types-for 'script'" in policy
        assert "unsafe" not in policy
        assert (headers["x-content-type-options"], headers["referrer-policy"]) == ("nosniff", "no-referrer")


def test_no_file_holds_inline_script_or_names_another_host() -> None:
    for path, file in load_files().items():
        text = file.body.decode()
        if path.startswith("/vendor/"):
            continue
        assert "innerHTML" not in text, path
        assert 'style="' not in text, path
        hosts = [
            word for word in text.split("http")[1:] if word.startswith(("://", "s://")) and "w3.org" not in word[:24]
        ]
        assert hosts == [], path
    page = load_files()["/"].body.decode()
    assert page.count("<script") == 1
    assert "onclick" not in page


@pytest.mark.parametrize(
    "host",
    ["evil.test", "evil.test:80", "127.0.0.1.evil.test", "", "localhost:80:80", "127.0.0.2", "[::1", "localhost:x"],
)
async def test_a_name_that_is_not_ours_is_refused(stage: Stage, host: str) -> None:
    assert (await stage.ask("/", host=host))[0] == 421


@pytest.mark.parametrize("host", ["localhost", "LOCALHOST:9", "127.0.0.1", "[::1]:8080"])
async def test_loopbacks_names_are_ours(stage: Stage, host: str) -> None:
    assert (await stage.ask("/", host=host))[0] == 200


@pytest.mark.parametrize(
    "path",
    [
        "/../config.py",
        "/static/../../config.py",
        "/%2e%2e/config.py",
        "/js/",
        "/vendor",
        "/index.html/x",
        "//etc/passwd",
    ],
)
async def test_nothing_else_on_the_disk_can_be_asked_for(stage: Stage, path: str) -> None:
    assert (await stage.ask(path))[0] == 404


async def test_nothing_can_be_changed(stage: Stage) -> None:
    assert (await stage.ask("/", method="DELETE"))[0] == 405
    assert (await stage.ask("/api/events", method="HEAD"))[0] == 405


@pytest.mark.parametrize("site", ["cross-site", "same-site"])
async def test_another_sites_page_may_not_ask(stage: Stage, site: str) -> None:
    assert (await stage.ask("/api/batch/1", more=f"sec-fetch-site: {site}\r\n"))[0] == 403
    assert (await stage.ask("/api/events", more=f"sec-fetch-site: {site}\r\n"))[0] == 403
    assert (await stage.ask("/", more=f"sec-fetch-site: {site}\r\n"))[0] == 200, "a link to the page is fine"


async def test_a_file_that_the_browser_has_is_not_sent_again(stage: Stage) -> None:
    _, headers, _ = await stage.ask("/js/main.js")
    status, _, body = await stage.ask("/js/main.js", more=f"if-none-match: {headers['etag']}\r\n")
    assert (status, body) == (304, b"")


async def test_a_batchs_page_tells_slots_roots_and_proof(stage: Stage) -> None:
    stage.watched.post(1)
    stage.watched.win(1, A, submitter=B, tip=3)
    found = await stage.ask_json("/api/batch/1")
    assert found["row"]["proof"]["submitter"] == "0x" + B.hex()
    assert len(found["posting"]["slots"]) == 4
    assert [proof["new_root"] for proof in found["accepted"]] == [hex(1001)]
    assert found["proof"] == PROOF


async def test_a_provers_page_tells_its_account_and_races(stage: Stage) -> None:
    stage.watched.post(1, 2)
    stage.watched.win(1, A)
    stage.watched.model.hear_intent(an_intent(2, B))
    found = await stage.ask_json("/api/prover/0x" + A.hex())
    assert (found["account"]["wins"], [row["n"] for row in found["batches"]]) == (1, [1])
    hearsay = await stage.ask_json("/api/prover/0x" + B.hex())
    assert (hearsay["account"]["wins"], [row["n"] for row in hearsay["batches"]]) == (0, [2])


@pytest.mark.parametrize(
    "path",
    [
        "/api/batch/9",
        "/api/batch/0",
        "/api/batch/-1",
        "/api/batch/1e3",
        "/api/batch/" + "9" * 40,
        "/api/prover/0x12",
        "/api/prover/0x" + "ff" * 20,
        "/api/",
        "/api/batch/1/",
    ],
)
async def test_what_is_not_known_is_not_found(stage: Stage, path: str) -> None:
    assert (await stage.ask(path))[0] == 404


async def test_streams_are_bounded_and_free_when_a_page_leaves(stage: Stage) -> None:
    request = f"GET /api/events HTTP/1.1\r\nhost: localhost:{stage.port}\r\n\r\n".encode()
    streams = [await trio.open_tcp_stream("127.0.0.1", stage.port) for _ in range(2)]
    for stream in streams:
        await stream.send_all(request)
        assert b"text/event-stream" in await stream.receive_some(4096)
    assert (await stage.ask("/api/events"))[0] == 503
    for stream in streams:
        await stream.aclose()
    with trio.fail_after(5):
        while stage.feed.streams:
            await trio.testing.wait_all_tasks_blocked(0.01)


async def test_a_stream_hears_what_happens(stage: Stage) -> None:
    async with await trio.open_tcp_stream("127.0.0.1", stage.port) as stream:
        await stream.send_all(f"GET /api/events HTTP/1.1\r\nhost: localhost:{stage.port}\r\n\r\n".encode())
        heard = b""
        with trio.fail_after(10):
            while b"event: snapshot" not in heard:
                heard += await stream.receive_some(65536)
            stage.watched.post(1)
            stage.feed.touch()
            while b'"n":1' not in heard:
                heard += await stream.receive_some(65536)
    assert b"event: update" in heard
