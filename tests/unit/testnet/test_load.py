"""The load driver against a real sequencer on an L1 in memory: users, nonces, counts, a sequencer in trouble."""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.crypto import eddsa
from poe.errors import InputError, SequencerError
from poe.http.server import HttpLimits, HttpRequest, HttpResponse, serve_http
from poe.rollup.transaction import message_of
from poe.rollup.types import Gwei
from poe.sequencer.client import RpcClient
from poe.testnet.load import PAUSE_SECONDS, Load, LoadPlan, Signer, secret_of
from tests.fakes import DOMAIN
from tests.unit.sequencer.rig import Rig

Clock = trio.testing.MockClock
PLAN = LoadPlan(users=3, transactions_per_second=4, tick_seconds=0.5, deposit=Gwei(10**6), accounts_deadline_seconds=30)


def sign(secret: bytes, message: int) -> tuple[int, int, int]:
    signature = eddsa.sign(secret, message)
    return (*signature.r8, signature.s)


SIGNER = Signer(
    derive_public_key=eddsa.derive_public_key, sign=sign, hash_message=lambda word: message_of(word, DOMAIN)
)


def load_on(rig: Rig, client: RpcClient, plan: LoadPlan = PLAN) -> Load:
    return Load(client=client, arbiter=rig.l1, signer=SIGNER, plan=plan)


@asynccontextmanager
async def running(rig: Rig, data_dir: Path) -> AsyncIterator[RpcClient]:
    """The rig's node and a client of it."""
    async with trio.open_nursery() as nursery:
        ports = await nursery.start(rig.node(data_dir).run)
        async with RpcClient(f"http://127.0.0.1:{ports.rpc}") as client:
            yield client
        nursery.cancel_scope.cancel()


async def test_users_are_deposited_and_found_on_l2(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as client:
        load = load_on(rig, client)
        await load.make_users()
    assert [(user.account, user.nonce) for user in load.users] == [(0, 0), (1, 0), (2, 0)]
    assert [user.secret for user in load.users] == [secret_of(PLAN.seed, position) for position in range(3)]
    assert [deposit.amount for deposit in rig.l1.queue] == [10**6] * 3


async def test_users_that_exist_are_taken_up_again_without_a_deposit(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as client:
        first = load_on(rig, client)
        await first.make_users()
        await first.send(6)
        again = load_on(rig, client)
        await again.make_users()
    assert len(rig.l1.queue) == 3
    assert [user.nonce for user in again.users] == [user.nonce for user in first.users]
    assert sum(user.nonce for user in again.users) == 6


async def test_accounts_that_never_appear_are_a_clear_error(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = Rig(max_unposted_batches=0)
    async with running(rig, tmp_path) as client:
        with pytest.raises(SequencerError, match="0 of 3 deposited accounts") as failed:
            await load_on(rig, client).make_users()
    assert failed.value.code == "POE-SEQ-033"


async def test_transfers_flow_at_the_rate_and_every_one_is_executed(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = Rig(max_unposted_batches=64)
    async with running(rig, tmp_path) as client:
        load = load_on(rig, client)
        await load.make_users()
        with trio.move_on_after(10.1):
            await load.send_forever()
        await trio.sleep(5)
    summary = load.summary()
    assert (summary["accepted"], summary["rejected"]) == (42, 0)
    assert summary["seconds"] == pytest.approx(10, abs=0.6)
    assert rig.chain.transactions == 42
    assert rig.chain.total_balance() == 3 * 10**6


async def test_a_rate_below_one_a_tick_is_kept_too(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = Rig()
    plan = LoadPlan(users=2, transactions_per_second=0.5, tick_seconds=0.5)
    async with running(rig, tmp_path) as client:
        load = load_on(rig, client, plan)
        await load.make_users()
        with trio.move_on_after(10.1):
            await load.send_forever()
    assert load.summary()["accepted"] == 5


async def test_the_same_seed_sends_the_same_transfers(tmp_path: Path, autojump_clock: Clock) -> None:
    data = []
    for _ in range(2):
        rig = Rig()
        async with running(rig, tmp_path) as client:
            load = load_on(rig, client)
            await load.make_users()
            await load.send(4)
            await trio.sleep(5)
        data.append([batch.batch.data for batch in rig.l1.sequenced])
    assert data[0] == data[1]


async def test_refused_transfers_are_counted_by_code_and_nonces_are_set_right(
    tmp_path: Path, autojump_clock: Clock
) -> None:
    rig = Rig(capacity=5, max_unposted_batches=1)
    async with running(rig, tmp_path) as client:
        load = load_on(rig, client)
        await load.make_users()
        await load.send(9)
        full = load.summary()
        for _ in range(6):
            await trio.sleep(5)
            await load.send(2)
        await trio.sleep(10)
    assert full["accepted"] + full["rejected"] == 9
    assert full["rejections"]["POE-SEQ-001"] >= 1
    summary = load.summary()
    assert summary["accepted"] > full["accepted"] + 3
    assert rig.chain.transactions + len(rig.mempool) == summary["accepted"]


async def test_once_the_rollup_has_ended_the_sequencer_is_asked_rarely(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as client:
        load = load_on(rig, client)
        await load.make_users()
        rig.l1.end()
        await trio.testing.wait_all_tasks_blocked()
        started = trio.current_time()
        await load.send(3)
        assert trio.current_time() - started >= PAUSE_SECONDS["POE-SEQ-009"]
    assert load.summary()["rejections"] == {"POE-SEQ-009": 3}


async def test_a_sequencer_that_is_gone_is_counted_and_not_fatal(tmp_path: Path, autojump_clock: Clock) -> None:
    rig = Rig()
    async with running(rig, tmp_path) as client:
        load = load_on(rig, client)
        await load.make_users()
    await load.send(3)
    assert load.summary()["rejections"] == {"POE-SEQ-030": 3}


@asynccontextmanager
async def server(respond: Callable[[Any], HttpResponse]) -> AsyncIterator[RpcClient]:
    """A client of a server that answers whatever `respond` makes of the request."""

    async def handle(request: HttpRequest) -> HttpResponse:
        await trio.lowlevel.checkpoint()
        return respond(json.loads(request.body))

    async with trio.open_nursery() as nursery:
        port = await nursery.start(partial(serve_http, handle, host="127.0.0.1", port=0, limits=HttpLimits()))
        async with RpcClient(f"http://127.0.0.1:{port}", deadline_seconds=5) as client:
            yield client
        nursery.cancel_scope.cancel()


def result(value: Any) -> Callable[[Any], HttpResponse]:
    return lambda request: HttpResponse(status=200, body=json.dumps({"id": request["id"], "result": value}).encode())


@pytest.mark.parametrize("verdicts", [None, 5, [], [{"accepted": True}], [{}, {}], [{"accepted": False}] * 2, [1, 2]])
async def test_verdicts_that_make_no_sense_count_as_refused(verdicts: Any, autojump_clock: Clock) -> None:
    rig = await Rig().with_users(2)
    async with server(result(verdicts)) as client:
        load = load_on(rig, client)
        load._users = [_user(load, 0)]
        await load.send(2)
    assert load.summary()["rejections"] == {"POE-SEQ-031": 2}


def _user(load: Load, position: int) -> Any:
    from poe.rollup.types import AccountIndex
    from poe.testnet.load import User

    secret = secret_of(1, position)
    return User(secret=secret, public_key=SIGNER.derive_public_key(secret), account=AccountIndex(position))


@pytest.mark.parametrize(
    "respond",
    [
        lambda _: HttpResponse(status=200, body=b"nonsense"),
        lambda _: HttpResponse(status=500, body=b"{}"),
        lambda _: HttpResponse(status=200, body=b"[]"),
        lambda _: HttpResponse(status=200, body=b'{"id": 999, "result": 1}'),
        lambda request: HttpResponse(status=200, body=json.dumps({"id": request["id"]}).encode()),
    ],
)
async def test_an_answer_that_is_not_json_rpc_is_a_clear_error(
    respond: Callable[[Any], HttpResponse], autojump_clock: Clock
) -> None:
    async with server(respond) as client:
        with pytest.raises(SequencerError) as failed:
            await client.call("poe_status")
    assert failed.value.code == "POE-SEQ-031"


async def test_a_refusal_comes_with_the_sequencers_code(autojump_clock: Clock) -> None:
    error = {"code": -32000, "message": "POE-SEQ-001: full", "data": {"code": "POE-SEQ-001"}}
    respond = lambda request: HttpResponse(  # noqa: E731
        status=200, body=json.dumps({"id": request["id"], "error": error}).encode()
    )
    async with server(respond) as client:
        with pytest.raises(SequencerError, match="full") as failed:
            await client.call("poe_status")
    assert failed.value.code == "POE-SEQ-001"


async def test_a_silent_server_is_given_up_at_the_deadline_and_tried_afresh(autojump_clock: Clock) -> None:
    accepted = 0

    async def silent(stream: trio.SocketStream) -> None:
        nonlocal accepted
        accepted += 1
        async with stream:
            await trio.sleep(60)

    async with trio.open_nursery() as nursery:
        listeners = await nursery.start(partial(trio.serve_tcp, silent, 0, host="127.0.0.1"))
        port = listeners[0].socket.getsockname()[1]
        async with RpcClient(f"http://127.0.0.1:{port}", deadline_seconds=5) as client:
            for _ in range(2):
                started = trio.current_time()
                with pytest.raises(SequencerError) as failed:
                    await client.call("poe_status")
                assert failed.value.code == "POE-SEQ-030"
                assert trio.current_time() - started == pytest.approx(5, abs=1)
        nursery.cancel_scope.cancel()
    assert accepted == 2


async def test_one_connection_serves_many_calls(autojump_clock: Clock) -> None:
    async with server(result(1)) as client:
        for _ in range(3):
            stream = client._stream
            assert await client.call("poe_status") == 1
            assert stream is None or client._stream is stream


@pytest.mark.parametrize(
    "url", ["", "127.0.0.1:80", "https://127.0.0.1:80", "http://127.0.0.1", "http://:80", "http://h:x"]
)
def test_a_url_that_is_not_one_is_refused(url: str) -> None:
    with pytest.raises(InputError):
        RpcClient(url)
