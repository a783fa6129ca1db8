"""`poe init`: a commented settings file for a role and the account's key, from flags or from a person's answers."""

from __future__ import annotations

import os
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

from cyclopts import App, Parameter

if TYPE_CHECKING:
    from poe.cli.calibrate import Advice

app = App(name="init", help="Write a node's settings file, and make or import its key.")

SECTIONS = {
    "prover": ("l1", "net", "prover", "metrics", "log"),
    "sequencer": ("l1", "net", "sequencer", "metrics", "log"),
    "observer": ("l1", "metrics", "log"),
}
MOST_TRIES = 5
Switch = Annotated[bool, Parameter(negative="")]


@Parameter(name="*")
@dataclass(frozen=True, slots=True, kw_only=True)
class Answers:
    """What a settings file is made of; what is left out is asked for, or takes its default.

    Parameters
    ----------
    role
        What the node is to be.
    data_dir
        Folder for its state.
    rpc_url
        Ethereum JSON-RPC endpoint.
    chain_id
        The chain's id.
    arbiter
        Address of the arbiter contract.
    key_file
        The account's key; made if it is not there.
    import_key
        Make the key file a keystore of the key in this file.
    password_file
        File with the keystore's password, mode 0600.
    plain_key
        Make the key a file of hex digits, without a password.
    bootstrap
        Multiaddresses of peers to join by, comma-separated.
    threads
        Threads to prove on.
    tables
        full, small or auto.
    payee
        Address that rewards go to; default the account itself.
    metrics_port
        Port of /metrics, /livez and /readyz on loopback; 0 picks a free one.
    """

    role: Literal["prover", "sequencer", "observer"] | None = None
    data_dir: str | None = None
    rpc_url: str | None = None
    chain_id: int | None = None
    arbiter: str | None = None
    key_file: str | None = None
    import_key: Path | None = None
    password_file: str | None = None
    plain_key: Switch = False
    bootstrap: str | None = None
    threads: int | None = None
    tables: str | None = None
    payee: str | None = None
    metrics_port: int | None = None

    def settings(self) -> dict[str, object]:
        """The answers by dotted name; None for those not given."""
        return {
            "data_dir": self.data_dir,
            "l1.rpc_url": self.rpc_url,
            "l1.chain_id": self.chain_id,
            "l1.arbiter": self.arbiter,
            "l1.key_file": self.key_file,
            "l1.password_file": self.password_file,
            "net.bootstrap": None if self.bootstrap is None else [one for one in self.bootstrap.split(",") if one],
            "prover.threads": self.threads,
            "prover.tables": self.tables,
            "prover.payee": self.payee,
            "metrics.port": self.metrics_port,
        }

    def missing(self) -> list[str]:
        """Flags without which there are no settings."""
        lacking = [] if self.arbiter else ["--arbiter"]
        if self.role == "observer" or self.plain_key or self.password_file:
            return lacking
        has_key = self.key_file is not None and Path(self.key_file).exists()
        return lacking if has_key else [*lacking, "--password-file (or --plain-key)"]


@app.default
def init(
    file: Path = Path("poe.toml"),
    /,
    *,
    answers: Answers = Answers(),
    calibrate: Switch = False,
    shape: str = "4x5",
    force: Switch = False,
) -> None:
    """Write a commented settings file; asks on a terminal for what the flags leave open, if they leave open too much.

    Parameters
    ----------
    file
        File to write; an existing one is kept unless --force.
    calibrate
        Measure a proof here, and set threads and tables by it.
    shape
        With --calibrate: the arbiter's shape.
    force
        Replace the file. A key file is never replaced.
    """
    from poe.cli.setting_docs import settings_text
    from poe.errors import InputError

    if file.exists() and not force:
        raise InputError(f"{file} exists already", fix="name another file, or add --force", code="POE-INP-046")
    _require_answers(answers, can_ask=sys.stdin.isatty())
    advice = _advice(shape) if calibrate else None
    complete = _completed(answers, advice)
    _require_sound(complete)
    address = _provide_key(complete)
    values = {name: value for name, value in complete.settings().items() if value is not None}
    _write(file, settings_text(values, SECTIONS[str(complete.role)]))
    print(f"{file}: a {complete.role}'s settings" + (f", account {address}" if address else ""))
    print(f"next: poe doctor --role {complete.role} --config {file}")


def _completed(answers: Answers, advice: Advice | None) -> Answers:
    """The answers with defaults, or a person's words, for those not given."""
    if answers.missing():
        answers = _interview(answers, advice)
        _require_answers(answers, can_ask=False)
    role = answers.role or "prover"
    with_role = replace(answers, role=role)
    if role != "observer" and answers.key_file is None:
        with_role = replace(with_role, key_file=f"{role}.key")
    if role == "prover" and advice is not None:
        with_role = replace(
            with_role, threads=answers.threads or advice.threads, tables=answers.tables or advice.tables
        )
    return with_role


def _require_answers(answers: Answers, *, can_ask: bool) -> None:
    """InputError for answers that contradict each other, or lack and cannot be asked for."""
    from poe.errors import InputError

    if answers.plain_key and (answers.password_file or answers.import_key):
        raise InputError("--plain-key takes no password, and imports nothing", code="POE-INP-045")
    if answers.import_key and not answers.password_file and not can_ask:
        raise InputError("answers are missing: --password-file", code="POE-INP-045")
    lacking = answers.missing()
    if lacking and not can_ask:
        fix = "name them, or run `poe init` on a terminal"
        raise InputError(f"answers are missing: {', '.join(lacking)}", fix=fix, code="POE-INP-045")


def _interview(given: Answers, advice: Advice | None) -> Answers:
    """Ask a person for what the flags left open, each with its default."""
    role = given.role or _ask("role: prover, sequencer or observer", "prover", one_of=tuple(SECTIONS))
    answers = replace(given, role=role)  # type: ignore[arg-type]
    questions = [("rpc_url", "Ethereum JSON-RPC endpoint", "http://127.0.0.1:8545")]
    questions += [("chain_id", "chain id", "31337"), ("arbiter", "address of the arbiter", "")]
    questions += [("data_dir", "folder for the node's state", f"{role}-data")]
    if role != "observer":
        questions += [("key_file", "file of the account's key; made if it is not there", f"{role}.key")]
        questions += [("bootstrap", "multiaddresses of peers, comma-separated", "")]
    if role == "prover":
        questions += [("threads", "threads to prove on", str(advice.threads if advice else os.cpu_count() or 1))]
    for name, question, default in questions:
        if getattr(answers, name) is None:
            answers = _answered(answers, name, question, default)
    if answers.missing():
        answers = _answered(
            answers, "password_file", "file with the key's password (mode 0600); empty: no password", ""
        )
        answers = replace(answers, password_file=answers.password_file or None, plain_key=not answers.password_file)
    return answers


def _answered(answers: Answers, name: str, question: str, default: str) -> Answers:
    """The answers with one more, asked again while it is not fit."""
    from poe.errors import InputError, PoeError

    for _ in range(MOST_TRIES):
        text = _ask(question, default)
        try:
            number = int(text) if name in ("chain_id", "threads") else text
            candidate = replace(answers, **{name: number})  # type: ignore[arg-type]
            _require_sound(candidate)
        except (PoeError, ValueError) as error:
            print(f"  {error}", file=sys.stderr)
        else:
            return candidate
    raise InputError(f"no fit answer for {name}", code="POE-INP-045")


def _ask(question: str, default: str, one_of: tuple[str, ...] = ()) -> str:
    """A person's answer; the default for an empty one."""
    from poe.errors import InputError

    shown = f" [{default}]" if default else ""
    for _ in range(MOST_TRIES):
        print(f"{question}{shown}: ", end="", file=sys.stderr, flush=True)
        line = sys.stdin.readline()
        if not line:
            break
        text = line.strip() or default
        if not one_of or text in one_of:
            return text
    raise InputError(f"no answer to: {question}", code="POE-INP-045")


def _require_sound(answers: Answers) -> None:
    """ConfigError for an answer that a node would refuse."""
    from poe.assembly.chain import parse_address
    from poe.cli.addresses import require_addresses
    from poe.config import load_settings

    settings = load_settings(None, environment={}, flags=answers.settings())
    if settings.net.enabled:
        require_addresses(settings)
    for name, text in (("--arbiter", answers.arbiter), ("--payee", answers.payee)):
        if text is not None:
            parse_address(text, name)


def _provide_key(answers: Answers) -> str:
    """The account's address; its key file is opened if it is there, else made or imported. Empty for an observer."""
    from functools import partial

    from poe.cli.passwords import existing_password, load_account, new_password
    from poe.errors import InputError
    from poe.l1.keys import address_of, create_key, load_key, write_keystore
    from poe.l1.keystore import read_password

    if answers.key_file is None:
        return ""
    path, named = Path(answers.key_file), answers.password_file and Path(answers.password_file)
    if path.exists():
        if answers.import_key:
            raise InputError(f"{path} exists already", fix="name another --key-file", code="POE-INP-046")
        ask: Callable[[], str] = partial(existing_password, named or None, of=path)
        return "0x" + address_of(load_key(path, ask)).hex()
    if answers.import_key:
        key = load_account(answers.import_key)
        write_keystore(path, key, new_password(named or None, of=path))
    else:
        key = create_key(path, read_password(named) if named else None)
    return "0x" + address_of(key).hex()


def _advice(shape: str) -> Advice:
    from poe.cli.bounds import require_memory
    from poe.cli.calibrate import calibrate
    from poe.cli.parse import parse_shape

    parsed = parse_shape(shape)
    require_memory(parsed)
    print(f"proving batches of shape {parsed} …", file=sys.stderr)
    advice = calibrate(parsed, None)
    for threads, seconds in advice.seconds.items():
        print(f"  {threads} threads: {seconds:.2f} s a proof", file=sys.stderr)
    print(f"  taken: threads = {advice.threads}, tables = {advice.tables}", file=sys.stderr)
    return advice


def _write(file: Path, text: str) -> None:
    """Write the file, mode 0600, because a URL may hold a password; ToolError when it cannot be."""
    from poe.errors import ToolError

    temporary = file.with_name(f".{file.name}.new")
    try:
        with open(os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as handle:
            handle.write(text)
        os.replace(temporary, file)
    except OSError as error:
        raise ToolError(
            f"{file} cannot be written: {error.strerror}", fix="name another file", code="POE-TOL-007"
        ) from None
