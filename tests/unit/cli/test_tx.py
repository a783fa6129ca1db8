"""`poe tx` and L2 keys without a chain: what is refused before anything is sent, what a signature is over."""

from __future__ import annotations

import inspect
import json
import stat
import sys
import warnings
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import trio

from poe.cli import exit_mode, wallet
from poe.cli import tx as tx_module
from poe.cli.app import main
from poe.cli.rollup import RollupFlags
from poe.crypto import eddsa
from poe.errors import ConfigError, InputError, Reverted
from poe.l1.ledger import Ledger
from poe.rollup.transaction import ExitRequest, Transfer
from poe.rollup.types import AccountIndex, Address, BatchNumber, Exit, FieldElement, Gwei
from poe.sequencer.decoding import decode_transaction
from tests.fakes_l1 import ALICE, GENESIS_ROOT, PARAMETERS, accepted, credited, finalized, sequenced
from tests.unit.l1.test_ledger import origin, update

ARBITER = "0x" + "a7" * 20
DOMAIN = FieldElement(77)
SECRET = b"\x07" * 32
COMMANDS = (
    "deposit",
    "transfer",
    "exit",
    "force-exit",
    "force",
    "post-queue",
    "credit-exits",
    "withdraw",
    "balance",
    "leave",
    "refund",
)
TRANSFER = Transfer(
    sender=AccountIndex(1), recipient=AccountIndex(2), amount=Gwei(2**64 - 1), fee=Gwei(2**32 - 1), nonce=2**32 - 2
)
EXIT = ExitRequest(sender=AccountIndex(2**48 - 1), amount=Gwei(5), fee=Gwei(0), nonce=9)

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def poe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Run:
    """Runs `poe ARGUMENTS` in this process: exit code, stdout, stderr."""

    def run(*arguments: object) -> tuple[int, str, str]:
        monkeypatch.setattr(sys, "argv", ["poe", *map(str, arguments)])
        code = 0
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Cyclopts application invoked without tokens")
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        captured = capsys.readouterr()
        return code, captured.out, captured.err

    return run


@pytest.fixture
def l2_key(tmp_path: Path) -> Path:
    path = tmp_path / "l2"
    path.write_text(SECRET.hex())
    path.chmod(0o600)
    return path


def test_a_new_l2_key_is_its_owners_alone_and_shows_its_public_key(poe: Run, tmp_path: Path) -> None:
    path = tmp_path / "new"
    code, out, _ = poe("key", "new-l2", path)
    assert code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    x, y = eddsa.derive_public_key(bytes.fromhex(path.read_text().strip()))
    assert out == f"0x{x:064x}{y:064x}\n"
    assert poe("key", "address-l2", path) == (0, out, "")


def test_a_new_l2_key_never_replaces_a_file(poe: Run, l2_key: Path) -> None:
    code, _, err = poe("key", "new-l2", l2_key)
    assert (code, l2_key.read_text()) == (78, SECRET.hex())
    assert "exists already" in err


def test_two_l2_keys_differ(poe: Run, tmp_path: Path) -> None:
    assert poe("key", "new-l2", tmp_path / "a")[1] != poe("key", "new-l2", tmp_path / "b")[1]


def test_an_l2_secret_may_be_any_32_bytes(tmp_path: Path) -> None:
    """Unlike a key of an L1 account, which has to be below the order of secp256k1."""
    path = tmp_path / "ones"
    path.write_text("ff" * 32)
    path.chmod(0o600)
    assert wallet.load_l2_secret(path) == b"\xff" * 32


@pytest.mark.parametrize(("content", "mode"), [("07" * 32, 0o644), ("07" * 31, 0o600), ("zz" * 32, 0o600), ("", 0o600)])
def test_an_l2_key_file_that_others_can_read_or_that_is_none_is_refused(
    tmp_path: Path, content: str, mode: int
) -> None:
    path = tmp_path / "l2"
    path.write_text(content)
    path.chmod(mode)
    with pytest.raises(ConfigError):
        wallet.load_l2_secret(path)


@pytest.mark.parametrize("transaction", [TRANSFER, EXIT])
def test_what_is_sent_is_what_was_signed(transaction: Transfer | ExitRequest) -> None:
    signed = wallet.sign(SECRET, transaction, DOMAIN)
    assert signed.is_signed_by(eddsa.derive_public_key(SECRET), DOMAIN)
    assert not signed.is_signed_by(eddsa.derive_public_key(SECRET), DOMAIN + 1)
    assert decode_transaction(json.loads(json.dumps(wallet.as_json(signed)))) == signed


def test_every_command_is_there_and_none_takes_a_secret_on_the_command_line(poe: Run) -> None:
    for command in COMMANDS:
        code, out, _ = poe("tx", command, "--help")
        assert code == 0
        assert "--arbiter" in out
        assert "--json" in out
    taken = flags_of_all_commands()
    assert {name for name in taken if "key" in name or "secret" in name} == {"l1_key", "l2_key", "key_cache"}


def test_keys_are_paths() -> None:
    named = {name: kinds for name, kinds in flags_of_all_commands().items() if "key" in name}
    assert {kind for kinds in named.values() for kind in kinds} == {"Path", "Path | None"}


def flags_of_all_commands() -> dict[str, set[str]]:
    """Every flag's annotations by its name, those of shared flags included."""
    functions = [
        getattr(exit_mode if hasattr(exit_mode, name) else tx_module, name)
        for name in ({"exit": "exit_"}.get(command, command.replace("-", "_")) for command in COMMANDS)
    ]
    found: dict[str, set[str]] = {}
    for function in [*functions, tx_module.SendFlags, RollupFlags]:
        for name, parameter in inspect.signature(function).parameters.items():
            found.setdefault(name, set()).add(str(parameter.annotation))
    return found


@pytest.mark.parametrize(
    ("arguments", "code", "told"),
    [
        (("deposit", "--l1-key", "/nowhere", "--l2-key", "/nowhere", "--amount-gwei", 5), 78, "cannot read"),
        (("transfer", "--l2-key", "KEY", "--account", 1, "--to", 2, "--amount-gwei", 5), 2, "--sequencer-url"),
        (("force", "--l1-key", "KEY", "--l2-key", "KEY", "--account", 1, "--amount-gwei", 5), 1, "--to"),
        (
            ("force", "--l1-key", "KEY", "--l2-key", "KEY", "--account", 1, "--amount-gwei", 5, "--to", 2, "--exit"),
            1,
            "--to",
        ),
        (("deposit", "--l1-key", "KEY", "--amount-gwei", 5), 1, "--l2-key or --account"),
        (("deposit", "--l1-key", "KEY", "--l2-key", "KEY", "--account", 1, "--amount-gwei", 5), 1, "--account"),
        (("deposit", "--l1-key", "KEY", "--account", 1, "--exit-address", ARBITER, "--amount-gwei", 5), 1, "--account"),
        (("leave", "--l1-key", "KEY", "--l2-key", "KEY", "--account", 1), 1, "--account or --l2-key"),
        (("leave", "--l1-key", "KEY", "--account", 2**48), 1, "2^48"),
        (("refund", "--l1-key", "KEY"), 1, "one of --entry, --batch and --all"),
        (("refund", "--l1-key", "KEY", "--entry", 1, "--batch", 1), 1, "one of --entry, --batch and --all"),
        (("refund", "--l1-key", "KEY", "--entry", 1, "--all"), 1, "one of --entry, --batch and --all"),
        (("balance", "--account", -1), 1, "--account is -1"),
        (("balance", "--account", 2**48), 1, "2^48"),
    ],
)
def test_what_is_wrong_is_told_before_anything_is_asked(
    poe: Run, l2_key: Path, arguments: tuple[object, ...], code: int, told: str
) -> None:
    named = [l2_key if argument == "KEY" else argument for argument in arguments]
    ended, out, err = poe("tx", *named, "--arbiter", ARBITER, "--rpc-url", "http://127.0.0.1:1")
    assert (ended, out) == (code, "")
    assert told in err


@pytest.mark.parametrize("flags", [("--exit-deadline-blocks", 200), ("--queue-deadline-blocks", 2**32)])
@pytest.mark.parametrize(
    "command", [("arbiter", "deploy", "--key-file", "KEY", "--sequencer", ARBITER), ("testnet", "up")]
)
def test_deadlines_that_leave_nobody_time_are_a_configuration_error(
    poe: Run, command: tuple[str, ...], flags: tuple[object, ...]
) -> None:
    code, out, err = poe(*command, *flags)
    assert (code, out, err.count("\n")) == (78, "", 1)
    assert "POE-CFG-013" in err


def test_an_address_that_is_none_is_a_configuration_error(poe: Run) -> None:
    code, _, err = poe("tx", "balance", "--account", 1, "--arbiter", "0x12")
    assert (code, err.count("\n")) == (78, 1)
    assert "--arbiter" in err


def test_the_arbiter_may_be_named_in_the_environment(poe: Run, l2_key: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert poe("tx", "withdraw", "--l1-key", l2_key)[0] == 78
    monkeypatch.setenv("POE_L1__ARBITER", ARBITER)
    monkeypatch.setenv("POE_L1__RPC_URL", "http://127.0.0.1:1")
    code, _, err = poe("tx", "withdraw", "--l1-key", l2_key)
    assert (code, "127.0.0.1:1" in err) == (69, True)


def test_without_l1_the_exit_code_says_so(poe: Run, l2_key: Path) -> None:
    code, _, err = poe("tx", "withdraw", "--l1-key", l2_key, "--arbiter", ARBITER, "--rpc-url", "http://127.0.0.1:1")
    assert code == 69
    assert "POE-L1-001" in err


class Told:
    """A sequencer's client that answers one thing."""

    def __init__(self, answer: Any) -> None:
        self.answer = answer

    async def call(self, method: str, *params: Any) -> Any:
        await trio.lowlevel.checkpoint()
        return self.answer


GOOD = {"publicKey": ["1", "2"], "balance": "30", "nonce": 4, "nextNonce": 5, "exitAddress": "0x" + "e1" * 20}


async def test_an_account_is_read_from_the_sequencers_answer() -> None:
    held = await wallet.ask_account(Told(GOOD), AccountIndex(7))  # type: ignore[arg-type]
    assert (held.index, held.public_key, held.balance_gwei, held.next_nonce) == (7, (1, 2), 30, 5)
    assert held.exit_address == b"\xe1" * 20
    with pytest.raises(InputError, match="another key"):
        held.require_owner(SECRET)


@pytest.mark.parametrize(
    "answer",
    [None, 5, [], {}, {**GOOD, "publicKey": ["1"]}, {**GOOD, "balance": "x"}, {**GOOD, "exitAddress": "0xzz"}],
)
async def test_an_account_that_makes_no_sense_is_an_input_error(answer: Any) -> None:
    with pytest.raises(InputError):
        await wallet.ask_account(Told(answer), AccountIndex(7))  # type: ignore[arg-type]


class Crediting:
    """An arbiter that credits, but for batches that are not due yet."""

    def __init__(self, due_up_to: int) -> None:
        self.due_up_to = due_up_to
        self.calls: list[tuple[int, tuple[Exit, ...]]] = []

    async def credit_exits(self, number: int, exits: tuple[Exit, ...]) -> None:
        await trio.lowlevel.checkpoint()
        if number > self.due_up_to:
            raise Reverted("the arbiter refused: ExitsNotDue", name="ExitsNotDue")
        self.calls.append((number, exits))


def leaving(amount: int) -> tuple[Exit, ...]:
    return (Exit(slot=0, address=Address(ALICE), amount=Gwei(amount)),)


@pytest.fixture
def history() -> wallet.History:
    """Five batches; 1 to 4 final, exits in 1, 3, 4 and 5, those of 1 credited."""
    ledger = Ledger(PARAMETERS)
    for number in range(1, 6):
        ledger.apply(update(4 + number, sequenced(number, ledger.head()[1], salt=number, origin=origin(4 + number))))
    for number in range(1, 5):
        root = GENESIS_ROOT + number
        events = (accepted(number, root - 1, root, origin=origin(20)), finalized(number, root, origin=origin(20)))
        ledger.apply(update(20, *events))
    ledger.apply(update(21, credited(1, (0, ALICE, 1), origin=origin(21))))
    exits = {BatchNumber(n): leaving(n) if n != 2 else () for n in range(1, 6)}
    return wallet.History(ledger=ledger, state=None, exits=exits)  # type: ignore[arg-type]


@pytest.mark.parametrize(("due_up_to", "wanted"), [(9, [3, 4]), (3, [3]), (2, [])])
async def test_all_exits_that_are_due_are_credited_once(
    history: wallet.History, due_up_to: int, wanted: list[int]
) -> None:
    arbiter = Crediting(due_up_to)
    assert await wallet.credit_due_exits(arbiter, history, None) == wanted  # type: ignore[arg-type]
    assert arbiter.calls == [(number, leaving(number)) for number in wanted]


async def test_one_batchs_exits_are_credited_or_the_refusal_is_told(history: wallet.History) -> None:
    arbiter = Crediting(3)
    assert await wallet.credit_due_exits(arbiter, history, 3) == [3]  # type: ignore[arg-type]
    with pytest.raises(Reverted, match="ExitsNotDue"):
        await wallet.credit_due_exits(arbiter, history, 4)  # type: ignore[arg-type]
    for nothing in (2, 6, 0):
        with pytest.raises(InputError, match="has no exits"):
            await wallet.credit_due_exits(arbiter, history, nothing)  # type: ignore[arg-type]
