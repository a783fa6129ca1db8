"""What the rules promise a user, on real chains with real proofs, by the commands that users have.

In the testnet every node is a process and the user goes through the sequencer; in the market the test plays a sequencer
that censors, or none at all.
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.backend import native
from poe.cli.final_state import prove_membership, read_final_state
from poe.cli.wallet import Rollup, read_history
from poe.errors import Reverted
from poe.l1.anvil import Anvil
from poe.l1.contract import Arbiter
from poe.l1.interface import QueueEntry
from poe.l1.keys import write_secret
from poe.l1.rpc import Rpc
from poe.rollup.batch import deposit_slot
from poe.rollup.types import AccountIndex, Address, Gwei, Wei
from tests.integration.commands import Run, run_here, run_poe
from tests.integration.launching import finish, read_json, start, wait_until
from tests.integration.market import DEPOSIT, REWARD, SECRETS, SHAPE, Market, account, dev_key, key_of, open_market

pytestmark = [pytest.mark.integration, pytest.mark.timeout(420)]

ETHER = 10**18
DEADLINE_BLOCKS = 8
ALARM_BLOCKS = 5
EXIT_BLOCKS = 40
GWEI = 10**9
ABOVE_THE_LOADS_FEES = 100


class Wallet:
    """`poe tx` against one rollup, as a user runs it; the answers are JSON."""

    def __init__(self, folder: Path, rpc_url: str, arbiter: str, run: Run = run_poe) -> None:
        self.folder = folder
        self.arbiter = arbiter
        self._run = run
        self._of_rollup = ("--rpc-url", rpc_url, "--arbiter", arbiter, "--json")

    def tx(self, *command: str, **options: object) -> dict[str, Any]:
        """A command that must succeed."""
        done = self.attempt(*command, **options)
        assert done.returncode == 0, done.stderr
        answer: dict[str, Any] = json.loads(done.stdout)
        return answer

    def attempt(self, *command: str, group: str = "tx", **options: object) -> subprocess.CompletedProcess[str]:
        flags = [part for name, value in options.items() for part in _flag(name, value)]
        return self._run(group, *command, *flags, *self._of_rollup)

    def refusal(self, *command: str, **options: object) -> str:
        """The one line of a command that must fail."""
        done = self.attempt(*command, **options)
        assert (done.returncode, done.stdout, done.stderr.count("\n")) == (1, "", 1), done
        return done.stderr

    def key(self, name: str, secret: bytes | None = None) -> Path:
        """A key file; a new key unless a secret is given."""
        path = self.folder / name
        if secret is not None:
            write_secret(path, secret)
        elif not path.exists():
            assert run_poe("key", "new", str(path)).returncode == 0
        return path


def _flag(name: str, value: object) -> list[str]:
    flag = "--" + name.replace("_", "-")
    return [flag] if value is True else [flag, str(value)]


# On a testnet, through the sequencer.


def l1(url: str, method: str, *params: object) -> Any:
    async def call() -> Any:
        return await Rpc(url).call(method, *params)

    return trio.run(call)


def spent_on_gas(url: str, tx: str) -> int:
    receipt = l1(url, "eth_getTransactionReceipt", tx)
    return int(receipt["gasUsed"], 16) * int(receipt["effectiveGasPrice"], 16)


def eth_of(url: str, address: str) -> int:
    return int(l1(url, "eth_getBalance", address, "latest"), 16)


def test_deposit_transfer_and_exit_bring_the_exact_wei_to_a_fresh_l1_address(data_dir: Path, tmp_path: Path) -> None:
    process = start(data_dir, "--provers", "1", "--tps", "1", "--users", "2")
    facts = wait_until(lambda: _running(data_dir), 180, "the testnet")
    url, sequencer = facts["l1"], facts["endpoints"]["sequencer"]["rpc"]
    user = Wallet(tmp_path, url, facts["arbiter"])
    payer, fresh, l2_key = user.key("payer"), user.key("fresh"), tmp_path / "l2"
    payer_address, fresh_address = (run_poe("key", "address", str(key)).stdout.strip() for key in (payer, fresh))
    for address in (payer_address, fresh_address):
        l1(url, "anvil_setBalance", address, hex(ETHER))
    assert run_poe("key", "new-l2", str(l2_key)).returncode == 0

    deposited = user.tx("deposit", l1_key=payer, l2_key=l2_key, amount_gwei=5_000_000, exit_address=fresh_address)
    mine = {"l2_key": l2_key, "account": deposited["account"], "sequencer_url": sequencer}
    there = {"account": deposited["account"], "sequencer_url": sequencer}
    wait_until(lambda: user.attempt("balance", **there).returncode == 0, 90, "the account")
    assert user.tx("balance", **there)["balance_gwei"] == 5_000_000

    user.tx("transfer", to=0, amount_gwei=1_000_000, fee_gwei=ABOVE_THE_LOADS_FEES, **mine)
    left = user.tx("exit", amount_gwei=3_000_007, fee_gwei=ABOVE_THE_LOADS_FEES, **mine)
    assert (left["kind"], left["nonce"]) == ("exit", 1)
    wait_until(lambda: user.tx("balance", **there)["next_nonce"] == 2, 60, "both in a batch")
    user.tx("force", l1_key=payer, l2_key=l2_key, account=deposited["account"], to=0, amount_gwei=12, nonce=2)
    user.tx("force-exit", l1_key=fresh, account=deposited["account"], amount_gwei=11)
    rest = 5_000_000 - 1_000_000 - 3_000_007 - 2 * ABOVE_THE_LOADS_FEES - 12 - 11
    wait_until(lambda: user.tx("balance", **there)["balance_gwei"] == rest, 60, "the forced entries in a batch")

    credited: list[dict[str, Any]] = []
    wait_until(lambda: credited.extend(_credit(user, payer, url)) or len(credited) == 2, 120, "final batches")
    assert credited == [{"address": fresh_address, "amount_gwei": amount} for amount in (3_000_007, 11)]
    seen = user.tx("balance", account=deposited["account"])  # from L1 alone
    assert (seen["balance_gwei"], seen["withdrawable_wei"]) == (rest, 3_000_018 * 10**9)
    before = eth_of(url, fresh_address)
    withdrawn = user.tx("withdraw", l1_key=fresh)
    assert withdrawn["wei"] == 3_000_018 * 10**9
    assert eth_of(url, fresh_address) == before + 3_000_018 * 10**9 - spent_on_gas(url, withdrawn["tx"])
    assert user.attempt("withdraw", l1_key=fresh).returncode == 1

    os.kill(process.pid, signal.SIGINT)
    finish(process, data_dir, seconds=60)


def _running(data_dir: Path) -> dict[str, Any] | None:
    facts: dict[str, Any] = read_json(data_dir / "testnet.json")
    return facts if facts.get("endpoints", {}).get("observer") else None


def _credit(user: Wallet, payer: Path, url: str) -> list[dict[str, Any]]:
    """Let a part of the alarm delay pass and credit what is due."""
    l1(url, "anvil_mine", hex(10))
    exits: list[dict[str, Any]] = user.tx("credit-exits", l1_key=payer)["exits"]
    return exits


# In a market, past the sequencer.


@pytest.fixture
async def market() -> AsyncIterator[Market]:
    """Two users have accounts in a final batch; the exit address of both is `rival`."""
    deadlines = {
        "queue_deadline_blocks": DEADLINE_BLOCKS,
        "alarm_delay_blocks": ALARM_BLOCKS,
        "double_after_blocks": EXIT_BLOCKS - 2,
        "quadruple_after_blocks": EXIT_BLOCKS - 1,
        "halt_after_blocks": EXIT_BLOCKS,
        "exit_deadline_blocks": EXIT_BLOCKS,
    }
    async with open_market(dev_key(), **deadlines) as market:
        await market.post_deposits()
        await market.prove_all()
        yield market


@pytest.fixture
def user(market: Market, tmp_path: Path) -> Wallet:
    """The owner of account 1, who has an L1 account too."""
    wallet = Wallet(tmp_path, market.anvil.url, "0x" + market.parameters.address.hex(), run_here)
    for name in ("rival", "copier"):
        wallet.key(name, key_of(name))
    wallet.key("l2", SECRETS[1])
    return wallet


async def in_thread(command: Any, *arguments: Any, **options: Any) -> Any:
    return await trio.to_thread.run_sync(lambda: command(*arguments, **options))


async def queue_of(market: Market) -> list[QueueEntry]:
    parameters = market.parameters
    rollup = await Rollup.connect(market.anvil.url, parameters.chain_id, parameters.address)
    return (await read_history(rollup)).ledger.pending_entries()


async def censor_until_refused(market: Market) -> int:
    """Post batches that leave the queue alone, for as long as the arbiter takes them; returns how many it took."""
    for posted in range(2 * DEADLINE_BLOCKS):
        try:
            await market.post([market.transfer(0, 0, amount=1 + posted)])
        except Reverted as refusal:
            if refusal.name != "OverdueEntries":
                raise
            return posted
    pytest.fail("nobody can make this sequencer take the entry")


async def test_a_censoring_sequencer_is_overruled_by_a_forced_transaction(market: Market, user: Wallet) -> None:
    before = await in_thread(user.tx, "balance", account=0)
    told = await in_thread(
        user.tx, "force", l1_key=user.folder / "copier", l2_key=user.folder / "l2", account=1, to=0, amount_gwei=12345
    )
    assert told["nonce"] == 0
    assert 1 <= await censor_until_refused(market) <= DEADLINE_BLOCKS
    await market.post_draining(await queue_of(market))
    await market.prove_all()
    after = await in_thread(user.tx, "balance", account=0)
    assert after["balance_gwei"] == before["balance_gwei"] + 12345
    sender = await in_thread(user.tx, "balance", account=1)
    assert (sender["balance_gwei"], sender["next_nonce"]) == (DEPOSIT - 12345, 1)
    await market.post([market.transfer(0, 1)])  # with the queue empty it may post as it likes


async def test_a_censoring_sequencer_is_overruled_by_a_forced_exit(market: Market, user: Wallet) -> None:
    """No L2 key at all: the exit address asks."""
    await in_thread(user.tx, "force-exit", l1_key=user.folder / "rival", account=1, amount_gwei=DEPOSIT)
    assert 1 <= await censor_until_refused(market) <= DEADLINE_BLOCKS
    await market.post_draining(await queue_of(market), [market.transfer(0, 1)])
    await market.prove_all()
    early = await in_thread(user.attempt, "credit-exits", str(market.number), l1_key=user.folder / "copier")
    assert early.returncode == 1
    assert "ExitsNotDue" in early.stderr
    await market.anvil.mine(ALARM_BLOCKS)
    credited = await in_thread(user.tx, "credit-exits", l1_key=user.folder / "copier")
    assert credited["batches"] == [market.number]
    rival = market.clients["rival"]
    before = await rival.balance()
    receipt = await rival.withdraw()
    spent = receipt.gas_used * receipt.effective_gas_price
    assert await rival.balance() == before + DEPOSIT * 10**9 - spent


async def test_a_stranger_cannot_take_an_exit_that_is_not_its_own(market: Market, user: Wallet) -> None:
    await in_thread(user.tx, "force-exit", l1_key=user.folder / "copier", account=1, amount_gwei=DEPOSIT)
    number = await market.post_draining(await queue_of(market))
    assert market.batches[number][1].exits == ()
    await market.prove_all()
    assert (await in_thread(user.tx, "balance", account=1))["balance_gwei"] == DEPOSIT


async def test_with_the_sequencer_stopped_a_stranger_posts_the_queue_alone_and_it_is_proven(
    market: Market, user: Wallet
) -> None:
    rival, stranger = market.clients["rival"], account("copier").address
    fees = 0
    fees += await _paid_for(market, rival.force_exit(AccountIndex(1), Gwei(1000)), account("rival").address)
    forced = market.transfer(0, 1, amount=77, fee=3)
    fees += await _paid_for(market, rival.force_transaction(forced), account("rival").address)
    queue = await queue_of(market)

    await market.anvil.mine(2 * DEADLINE_BLOCKS - 4)
    early = await in_thread(user.attempt, "post-queue", l1_key=user.folder / "copier")
    assert early.returncode == 1
    assert "NotInTurn" in early.stderr
    await market.anvil.mine(4)
    posted = await in_thread(user.tx, "post-queue", l1_key=user.folder / "copier")
    assert (posted["number"], posted["entries"]) == (market.number + 1, 2)

    await _note_foreign_batch(market)
    assert [leaving.amount for leaving in market.batches[market.number][1].exits] == [1000]
    await market.prove_all()
    lock = 3 * REWARD
    assert await rival.credit_of(stranger) == fees + lock, (
        "who posts the entries earns what they paid, and has its lock"
    )
    assert await rival.credit_of(account("prover").address) == 2 * REWARD
    assert (await in_thread(user.tx, "balance", account=1))["balance_gwei"] == DEPOSIT - 1000 + 77
    await market.anvil.mine(ALARM_BLOCKS)
    await in_thread(user.tx, "credit-exits", l1_key=user.folder / "rival")
    assert await rival.credit_of(account("rival").address) == 1000 * 10**9
    assert len(queue) == 2
    assert await queue_of(market) == []


async def _paid_for(market: Market, sending: Any, payer: Address) -> int:
    """What a transaction cost besides gas, in Wei."""
    before = await market.clients["rival"].balance()
    assert market.clients["rival"].account == payer
    receipt = await sending
    spent: int = receipt.gas_used * receipt.effective_gas_price
    return before - await market.clients["rival"].balance() - spent


async def _note_foreign_batch(market: Market) -> None:
    """Take up the next batch from L1."""
    parameters = market.parameters
    rollup = await Rollup.connect(market.anvil.url, parameters.chain_id, parameters.address)
    ledger = (await read_history(rollup)).ledger
    number, _ = ledger.head()
    ordered = ledger.batch(number)
    assert ordered is not None
    market.note(number, ordered.batch, ordered.queue_end)


# With everybody gone.


FORGED_AMOUNT = 10**15


@pytest.fixture
async def ghost_town(market: Market, user: Wallet) -> Market:
    """Everybody has stopped: batches 1 and 2 are final; 3 is posted and will never be proven; in the queue wait the
    deposit of a new user (entry 2), a forced exit (3), and a forced transaction that looks like a deposit (4)."""
    await market.post([market.transfer(0, 1, amount=1_000_007), market.exit(1, 1_234)])
    await market.prove_all()
    await market.post([market.transfer(1, 0, amount=5), market.exit(0, 77)])
    copier, rival = market.clients["copier"], market.clients["rival"]
    key = native.derive_public_key(b"\x03" * 32)
    await copier.deposit(public_key=key, exit_address=copier.account, amount=Gwei(DEPOSIT + 1))
    await rival.force_exit(AccountIndex(1), Gwei(5))
    owner = native.derive_public_key(SECRETS[0])
    forged = deposit_slot(AccountIndex(0), Gwei(FORGED_AMOUNT), owner, rival.account)
    await copier.force_transaction(forged)
    return market


async def test_with_everybody_gone_each_user_leaves_and_not_a_wei_is_lost_or_made(
    ghost_town: Market, user: Wallet
) -> None:
    market, elsewhere = ghost_town, Wallet(user.folder, ghost_town.anvil.url, user.arbiter, run_poe)
    copier, rival = user.folder / "copier", user.folder / "rival"

    def say(*command: str, **options: object) -> Any:
        return in_thread(user.tx, *command, **options)

    def refused(*command: str, **options: object) -> Any:
        return in_thread(user.refusal, *command, **options)

    assert "POE-INP-020" in await refused("leave", l1_key=copier, account=1)
    early = await refused("exit-mode", group="arbiter", l1_key=copier)
    assert "POE-INP-024" in early
    due = (await say("exit-mode", group="arbiter"))["due_at_block"]
    assert f"from block {due} on" in early
    await market.anvil.mine(due - 2 - (await market.anvil.rpc.latest()).number)
    assert "POE-INP-024" in await refused("exit-mode", group="arbiter", l1_key=copier)
    await market.anvil.mine()
    ended = await say("exit-mode", group="arbiter", l1_key=copier)
    assert (ended["exit_mode"], ended["finalized"], ended["void_batches"], ended["void_entries"]) == (True, 2, 1, 3)

    seen = await say("balance", account=1)
    assert (seen["balance_gwei"], seen["has_left"]) == (DEPOSIT + 1_000_007 - 1_234 - 1, False), "not the void batch's"
    await lies_about_an_account_are_refused(market)
    left = (await in_thread(elsewhere.tx, "leave", l1_key=copier, account=1))["left"]
    assert [(one["account"], one["balance_gwei"]) for one in left] == [(1, DEPOSIT + 1_000_007 - 1_234 - 1)]
    assert "POE-INP-021" in await refused("leave", l1_key=copier, account=1)
    seen = await say("balance", account=1)
    assert (seen["has_left"], seen["withdrawable_wei"]) == (True, left[0]["balance_gwei"] * GWEI)
    assert "POE-INP-022" in await refused("leave", l1_key=copier, account=2)
    left = (await say("leave", l1_key=rival))["left"]
    assert [(one["account"], one["balance_gwei"]) for one in left] == [(0, DEPOSIT - 1_000_007 + 1)]
    assert "POE-INP-022" in await refused("leave", l1_key=copier, l2_key=user.folder / "l2")

    (back,) = (await say("refund", l1_key=rival, entry=2))["refunded"]
    assert back["address"] == "0x" + market.clients["copier"].account.hex()
    assert back["wei"] > (DEPOSIT + 1) * GWEI
    (back,) = (await say("refund", l1_key=rival, batch=3))["refunded"]
    assert (back["address"], back["wei"]) == ("0x" + market.clients["sequencer"].account.hex(), REWARD)
    for again in ({"entry": 2}, {"batch": 3}, {"entry": 0}, {"batch": 2}):
        assert "POE-INP-023" in await refused("refund", l1_key=rival, **again)
    rest = (await say("refund", l1_key=rival, all=True))["refunded"]
    assert [one["entry"] for one in rest] == [3, 4]
    assert all(one["wei"] < FORGED_AMOUNT * GWEI for one in rest), "words that look like a deposit are worth a fee"
    assert "POE-INP-023" in await refused("refund", l1_key=rival, all=True)
    assert (await say("credit-exits", l1_key=copier))["batches"] == [2]

    await market.clients["copier"].release_bond(market.clients["sequencer"].account)
    paid_in = await held_by_arbiter(market)
    assert paid_in == await sent_to_arbiter(market)
    assert sum([await withdraw(client) for client in market.clients.values()]) == paid_in
    assert await held_by_arbiter(market) == 0


async def test_a_rollup_that_nobody_ever_served_gives_every_deposit_back(tmp_path: Path) -> None:
    """By the commands alone: deploy, deposit, top up, end, refund, withdraw."""
    async with Anvil(block_seconds=None) as anvil:
        payer = tmp_path / "payer"
        write_secret(payer, key_of("copier"))
        write_secret(tmp_path / "l2", SECRETS[0])
        owner = account("copier").address
        await anvil.set_balance(owner, Wei(10 * ETHER))
        deadlines = ("--queue-deadline-blocks", "4", "--alarm-delay-blocks", "2", "--exit-deadline-blocks", "9")
        deadlines += ("--double-after-blocks", "7", "--quadruple-after-blocks", "8", "--halt-after-blocks", "9")
        roles = ("--key-file", str(payer))
        chain = ("--shape", str(SHAPE), "--rpc-url", anvil.url)
        deployed = await in_thread(run_here, "arbiter", "deploy", *roles, *chain, *deadlines)
        wallet = Wallet(tmp_path, anvil.url, deployed.stdout.strip(), run_here)
        shown = await in_thread(run_here, "arbiter", "show", "--rpc-url", anvil.url, "--address", wallet.arbiter)
        facts = json.loads(shown.stdout)
        assert (facts["queue_deadline_blocks"], facts["alarm_delay_blocks"], facts["exit_deadline_blocks"]) == (4, 2, 9)
        assert facts["exit_mode"] is False

        nothing = await in_thread(wallet.refusal, "exit-mode", group="arbiter", l1_key=payer)
        assert "no queue entry waits" in nothing
        made = await in_thread(wallet.tx, "deposit", l1_key=payer, l2_key=tmp_path / "l2", amount_gwei=500)
        more = await in_thread(wallet.tx, "deposit", l1_key=payer, account=0, amount_gwei=70)
        assert (made["account"], more["account"], more["entry"]) == (0, 0, 1)
        await anvil.mine(9)
        await in_thread(wallet.tx, "exit-mode", group="arbiter", l1_key=payer)
        back = (await in_thread(wallet.tx, "refund", l1_key=payer, all=True))["refunded"]
        assert [(one["entry"], one["address"]) for one in back] == [(0, "0x" + owner.hex()), (1, "0x" + owner.hex())]
        withdrawn = await in_thread(wallet.tx, "withdraw", l1_key=payer)
        assert withdrawn["wei"] == sum(one["wei"] for one in back) > 570 * GWEI
        assert await in_thread(eth_of, anvil.url, wallet.arbiter) == 0


async def lies_about_an_account_are_refused(market: Market) -> None:
    """A real membership proof of account 1, shown for something else; then it leaves, once."""
    parameters, copier = market.parameters, market.clients["copier"]
    rollup = await Rollup.connect(market.anvil.url, parameters.chain_id, parameters.address)
    proof = await prove_membership(rollup, await read_final_state(rollup), AccountIndex(1), None)
    to, balance, words = proof.exit_address, proof.balance, proof.words
    for lie in (
        (AccountIndex(0), to, balance, words),
        (proof.account, copier.account, balance, words),
        (proof.account, to, Gwei(balance + 1), words),
        (proof.account, to, balance, (*words[:7], words[7] ^ 1)),
    ):
        with pytest.raises(Reverted, match="InvalidProof"):
            await copier.leave(*lie)


async def held_by_arbiter(market: Market) -> int:
    return int(await in_thread(eth_of, market.anvil.url, "0x" + market.parameters.address.hex()))


async def sent_to_arbiter(market: Market) -> int:
    """The value of every transaction to the arbiter that succeeded, by L1's own blocks."""
    rpc, address, total = market.anvil.rpc, "0x" + market.parameters.address.hex(), 0
    for number in range(1, (await rpc.latest()).number + 1):
        block: Any = await rpc.call("eth_getBlockByNumber", hex(number), True)
        for sent in (tx for tx in block["transactions"] if tx["to"] == address and int(tx["value"], 16)):
            receipt: Any = await rpc.call("eth_getTransactionReceipt", sent["hash"])
            total += int(sent["value"], 16) * int(receipt["status"], 16)
    return total


async def withdraw(client: Arbiter) -> int:
    """Pull a client's credit; what its account gained by it, gas aside."""
    if await client.credit_of(client.account) == 0:
        return 0
    before, receipt = await client.balance(), await client.withdraw()
    return await client.balance() - before + receipt.gas_used * receipt.effective_gas_price
