"""Settings of every role: TOML file, environment and flags into frozen structs; an unknown key is an error.

Precedence: flag > environment `POE_SECTION__KEY` > file > default. Secrets never appear here, only paths to them.
"""

from __future__ import annotations

import difflib
import os
import re
import tomllib
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import msgspec

from poe.errors import ConfigError

ENVIRONMENT_PREFIX = "POE_"
ENVIRONMENT_SEPARATOR = "__"
MAX_SECONDS = 86_400.0
MOST_WORKERS = 16
MAX_ENDPOINTS = 8
_NEXT_URL = re.compile(r",(?=https?://)")


class _Section(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Base of every section."""


class L1Settings(_Section, frozen=True, kw_only=True):
    """Where Ethereum is and who we are there."""

    rpc_url: str | tuple[str, ...] = "http://127.0.0.1:8545"
    """Where Ethereum's JSON-RPC is; several in a list, the one to prefer first: they stand in for each other and are
    held against each other."""
    chain_id: int = 31337
    arbiter: str = ""
    """Address of the arbiter contract, 0x and 40 hex digits."""
    deployed_at_block: int = 0
    key_file: str = ""
    """File with our account's private key, mode 0600: a Web3 keystore, or hex. Observers need none."""
    password_file: str = ""
    """File with the keystore's password, mode 0600."""
    poll_seconds: float = 0.25
    deadline_seconds: float = 20.0

    @property
    def rpc_urls(self) -> tuple[str, ...]:
        """Each endpoint's URL."""
        return split_urls(self.rpc_url) if isinstance(self.rpc_url, str) else self.rpc_url


class NetSettings(_Section, frozen=True, kw_only=True):
    """The peer-to-peer network. With `enabled = false` everything comes from L1 alone."""

    enabled: bool = True
    listen_host: str = "127.0.0.1"
    port: int = 0
    bootstrap: tuple[str, ...] = ()
    """Multiaddresses with peer ids."""


class ServerSettings(_Section, frozen=True, kw_only=True):
    """An HTTP endpoint."""

    host: str = "127.0.0.1"
    port: int = 0


class WebSettings(_Section, frozen=True, kw_only=True):
    """An observer's live page."""

    enabled: bool = False
    host: str = "127.0.0.1"
    port: int = 0
    host_names: tuple[str, ...] = ()
    """Further names browsers may address the page by, behind a proxy of yours; loopback's are known."""
    report_folders: tuple[str, ...] = ()
    """Data folders of provers on this machine: the page then tells their names, times and margins."""


class SequencerSettings(_Section, frozen=True, kw_only=True):
    """How batches are sealed."""

    bond: bool = False
    """Take a seat at the start, for the arbiter's bond out of the account of l1.key_file, if it holds none."""
    host: str = "127.0.0.1"
    port: int = 0
    stream_port: int = 0
    """Where frames of signed transactions are taken."""
    head_start_seconds: float = 0.0
    """A batch is posted so long after it was announced: what peers gain by hearing of it first (docs/market.md)."""
    seal_seconds: float = 2.0
    """A batch that is not full is sealed when its oldest transaction has waited this long."""
    fee_account: int = 0
    """L2 account that earns the fees; if it does not exist they are burnt."""
    max_unposted_batches: int = 16
    max_unproven_batches: int = 32
    """Sealing pauses while this many posted batches wait for finality."""
    mempool_transactions: int = 100_000
    mempool_seconds: float = 3600.0
    """A transaction that has waited for so long is forgotten."""


STRATEGIES = ("spread", "oldest", "value")


class ProverSettings(_Section, frozen=True, kw_only=True):
    """How this node races."""

    threads: int = 1
    """All workers together; each has one at least."""
    workers: int = 1
    """Proofs side by side, each of another batch, on a process of its own; all share one copy of the key's tables."""
    start_jitter_seconds: float = 1.0
    """Each race starts after a random wait of at most this long."""
    strategy: str = "spread"
    """spread: the oldest of the batches that fewest others work on; oldest: always the oldest; value: the race worth
    most, none below min_profit_wei."""
    min_profit_wei: int = 0
    """With the strategy `value`: what a race must bring on average."""
    energy_wei_per_core_second: int = 0
    """What a second of a core costs you; counts against a race's value."""
    max_failures: int = 5
    """After so many failed races in a row the node pauses; 0: never."""
    min_win_share: float = 0.0
    """Below this share of the last 20 races the node pauses; 0: never."""
    min_balance_wei: int = 0
    """Below this balance no race begins."""
    pause_seconds: float = 300.0
    """How long a pause is."""
    external_command: tuple[str, ...] = ()
    """Another Groth16 program, with {zkey} {wtns} {proof} {public} for the files; empty: our own prover."""
    zkey: str = ""
    """The arbiter's proving key as `.zkey`, for an external program."""
    external_seconds: float = 600.0
    """How long an external program may take for a proof."""
    shadow: bool = False
    """Prove but submit nothing, and tell what would have been won."""
    payee: str = ""
    """Address that is paid; empty: our own account."""
    tip_wei: int = 0
    """Offered to whoever lands our proof; comes out of our reward."""
    stake_wei: int = 0
    """Under an award policy: what should be staked for our payee; what is missing is staked at the start."""
    max_gas_share: float = 1.0
    """The share of the reward that landing a proof may cost in gas; it waits for cheaper blocks. 0: no limit."""
    key_cache: str = ""
    """Folder of proving keys; empty: $XDG_CACHE_HOME/poe/keys."""
    tables: str = "auto"
    """full: fastest; small: a third of the memory, slower; auto: what free memory allows at the start."""


class LogSettings(_Section, frozen=True, kw_only=True):
    """What is written to stderr."""

    level: str = "info"
    format: str = "text"


class Settings(_Section, frozen=True, kw_only=True):
    """Everything a role can be told."""

    version: int = 1
    data_dir: str = "poe-data"
    l1: L1Settings = L1Settings()
    net: NetSettings = NetSettings()
    metrics: ServerSettings = ServerSettings()
    web: WebSettings = WebSettings()
    sequencer: SequencerSettings = SequencerSettings()
    prover: ProverSettings = ProverSettings()
    log: LogSettings = LogSettings()


RELOADABLE = (
    "log.level",
    "prover.min_profit_wei",
    "prover.energy_wei_per_core_second",
    "prover.max_failures",
    "prover.min_win_share",
    "prover.min_balance_wei",
    "prover.pause_seconds",
)
"""What a running node takes over from settings that are read again; all else waits for its next start."""


def split_urls(text: str) -> tuple[str, ...]:
    """The URLs of a flag or variable, separated by commas; a comma within one is left alone."""
    return tuple(_NEXT_URL.split(text))


def _is_http(url: str) -> bool:
    return url.startswith(("http://", "https://"))


class Reloads:
    """Those parts of a node that take over settings while it runs."""

    def __init__(self) -> None:
        self._subscribers: list[Callable[[Settings], None]] = []

    def subscribe(self, take_over: Callable[[Settings], None]) -> None:
        """Call `take_over` with each settings that are read again."""
        self._subscribers.append(take_over)

    def tell(self, settings: Settings) -> None:
        """New settings are in force."""
        for take_over in self._subscribers:
            take_over(settings)


def changed_settings(before: Settings, after: Settings) -> list[str]:
    """The dotted names of the settings that differ."""
    old, new = msgspec.to_builtins(before), msgspec.to_builtins(after)
    return [name for name in _dotted(new) if _at(old, name) != _at(new, name)]


def _at(tree: Any, name: str) -> Any:
    for part in name.split("."):
        tree = tree[part]
    return tree


def load_settings(
    path: Path | None, *, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None
) -> Settings:
    """Settings from a TOML file (or none), the environment and flags (dotted names to values)."""
    tree: dict[str, Any] = {} if path is None else _read_toml(path)
    source = str(path) if path is not None else "the defaults"
    _refuse_unknown_keys(tree, Settings, prefix="", source=source)
    _overlay_environment(tree, environment)
    for dotted, value in (flags or {}).items():
        if value is not None:
            _assign(tree, dotted.split("."), value)
    try:
        settings = msgspec.convert(tree, Settings, strict=False)
    except msgspec.ValidationError as error:
        what, _, where = str(error).partition(" - at `$.")
        raise ConfigError(f"setting {where.rstrip('`')}: {what}", code="POE-CFG-003") from error
    _refuse_nonsense(settings)
    return settings


def setting_origins(
    path: Path | None, *, environment: Mapping[str, str], flags: Mapping[str, Any] | None = None
) -> dict[str, str]:
    """Where `load_settings` takes each value from, by dotted name: default, the file, a variable or a flag."""
    origins = dict.fromkeys(_dotted(msgspec.to_builtins(Settings())), "default")
    if path is not None:
        origins |= dict.fromkeys(_dotted(_read_toml(path)), f"file {path.name!r}")
    known = _environment_names()
    origins |= {".".join(known[name][0]): f"env {name}" for name in environment if name in known}
    return origins | {name: "flag" for name, value in (flags or {}).items() if value is not None}


def _dotted(tree: Mapping[str, Any], prefix: str = "") -> list[str]:
    return [
        name
        for key, value in tree.items()
        for name in (_dotted(value, f"{key}.") if isinstance(value, dict) else [prefix + key])
    ]


def dump_settings(settings: Settings) -> str:
    """The settings as TOML text that `load_settings` reads back."""
    tree = msgspec.to_builtins(settings)
    sections = {name: value for name, value in tree.items() if isinstance(value, dict)}
    lines = [f"{name} = {toml_value(value)}" for name, value in tree.items() if name not in sections]
    for name, section in sections.items():
        lines += ["", f"[{name}]", *(f"{key} = {toml_value(value)}" for key, value in section.items())]
    return "\n".join(lines) + "\n"


def toml_value(value: Any) -> str:
    """A setting's value as TOML."""
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, str):
        return msgspec.json.encode(value).decode().replace("\x7f", "\\u007f")  # TOML allows no raw DEL
    if isinstance(value, (list, tuple)):
        return "[" + ", ".join(toml_value(item) for item in value) + "]"
    return str(value)


def _read_toml(path: Path) -> dict[str, Any]:
    try:
        return tomllib.loads(path.read_text())
    except FileNotFoundError as error:
        raise ConfigError(f"no configuration file {path}", code="POE-CFG-002") from error
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path} is not readable TOML: {error}", code="POE-CFG-002") from error


def _section_types(struct: type[msgspec.Struct]) -> dict[str, Any]:
    return {field.name: field.type for field in msgspec.structs.fields(struct)}


def _is_section(kind: Any) -> bool:
    return isinstance(kind, type) and issubclass(kind, msgspec.Struct)


def _refuse_unknown_keys(tree: Mapping[str, Any], struct: type[msgspec.Struct], *, prefix: str, source: str) -> None:
    known = _section_types(struct)
    for key, value in tree.items():
        if key not in known:
            close = difflib.get_close_matches(key, known, n=1)
            hint = f"did you mean {prefix}{close[0]}?" if close else f"known here: {', '.join(sorted(known))}"
            raise ConfigError(f"unknown setting {prefix}{key} in {source}", fix=hint, code="POE-CFG-001")
        if _is_section(known[key]):
            if not isinstance(value, dict):
                raise ConfigError(f"{prefix}{key} in {source} must be a section", code="POE-CFG-003")
            _refuse_unknown_keys(value, known[key], prefix=f"{prefix}{key}.", source=source)


def _overlay_environment(tree: dict[str, Any], environment: Mapping[str, str]) -> None:
    """Apply `POE_SECTION__KEY` variables, and `POE_DATA_DIR`; lists are comma-separated."""
    known = _environment_names()
    for variable, text in environment.items():
        if not variable.startswith(ENVIRONMENT_PREFIX):
            continue
        if variable in known:
            path, is_list = known[variable]
            _assign(tree, path, [part for part in text.split(",") if part] if is_list else text)
        elif ENVIRONMENT_SEPARATOR in variable:
            close = difflib.get_close_matches(variable, known, n=1)
            raise ConfigError(
                f"unknown setting {variable} in the environment",
                fix=f"did you mean {close[0]}?" if close else "unset it",
                code="POE-CFG-001",
            )


def _environment_names() -> dict[str, tuple[list[str], bool]]:
    """Every variable: its path in the tree, and whether it is a list."""
    names: dict[str, tuple[list[str], bool]] = {f"{ENVIRONMENT_PREFIX}DATA_DIR": (["data_dir"], False)}
    for section, kind in _section_types(Settings).items():
        for key, of in _section_types(kind).items() if _is_section(kind) else ():
            name = f"{ENVIRONMENT_PREFIX}{section}{ENVIRONMENT_SEPARATOR}{key}".upper()
            names[name] = ([section, key], str(of).startswith("tuple"))
    return names


def _assign(tree: dict[str, Any], path: list[str], value: Any) -> None:
    for section in path[:-1]:
        tree = tree.setdefault(section, {})
    tree[path[-1]] = value


def _refuse_nonsense(settings: Settings) -> None:
    """Range checks that the types do not make."""
    checks = [
        (settings.version == 1, "version", "1"),
        (all(map(_is_http, settings.l1.rpc_urls)), "l1.rpc_url", "http://… or https://…"),
        (1 <= len(settings.l1.rpc_urls) <= MAX_ENDPOINTS, "l1.rpc_url", f"1 to {MAX_ENDPOINTS} endpoints"),
        (len(set(settings.l1.rpc_urls)) == len(settings.l1.rpc_urls), "l1.rpc_url", "each endpoint once"),
        (1 <= settings.l1.chain_id < 2**256, "l1.chain_id", "1 to 2^256 - 1"),
        (settings.l1.deployed_at_block >= 0, "l1.deployed_at_block", "0 or more"),
        (0 < settings.l1.poll_seconds <= MAX_SECONDS, "l1.poll_seconds", "more than 0, at most a day"),
        (0 < settings.l1.deadline_seconds <= MAX_SECONDS, "l1.deadline_seconds", "more than 0, at most a day"),
        (1 <= settings.prover.threads <= (os.cpu_count() or 1), "prover.threads", "1 to the number of cores"),
        (1 <= settings.prover.workers <= MOST_WORKERS, "prover.workers", f"1 to {MOST_WORKERS}"),
        (settings.prover.workers == 1 or not settings.prover.external_command, "prover.workers", "1: external_command"),
        (0 <= settings.prover.start_jitter_seconds <= 60, "prover.start_jitter_seconds", "0 to 60"),
        (settings.prover.strategy in STRATEGIES, "prover.strategy", ", ".join(STRATEGIES)),
        (abs(settings.prover.min_profit_wei) < 2**96, "prover.min_profit_wei", "-2^96 to 2^96"),
        (0 <= settings.prover.energy_wei_per_core_second < 2**96, "prover.energy_wei_per_core_second", "0 to 2^96 - 1"),
        (settings.prover.max_failures >= 0, "prover.max_failures", "0 or more"),
        (0 <= settings.prover.min_win_share <= 1, "prover.min_win_share", "0 to 1"),
        (0 <= settings.prover.min_balance_wei < 2**128, "prover.min_balance_wei", "0 to 2^128 - 1"),
        (0 < settings.prover.external_seconds <= MAX_SECONDS, "prover.external_seconds", "more than 0, at most a day"),
        (0 < settings.prover.pause_seconds <= MAX_SECONDS, "prover.pause_seconds", "more than 0, at most a day"),
        (0 <= settings.prover.max_gas_share <= 100, "prover.max_gas_share", "0 to 100"),
        (settings.prover.tables in ("auto", "full", "small"), "prover.tables", "auto, full or small"),
        (0 <= settings.prover.tip_wei < 2**96, "prover.tip_wei", "0 to 2^96 - 1"),
        (0 < settings.sequencer.seal_seconds <= MAX_SECONDS, "sequencer.seal_seconds", "more than 0, at most a day"),
        (0 <= settings.sequencer.head_start_seconds <= 600, "sequencer.head_start_seconds", "0 to 600"),
        (0 <= settings.sequencer.fee_account < 2**48, "sequencer.fee_account", "0 to 2^48 - 1"),
        (0 < settings.sequencer.mempool_seconds <= MAX_SECONDS, "sequencer.mempool_seconds", "above 0, at most a day"),
        (1 <= settings.sequencer.max_unposted_batches <= 4096, "sequencer.max_unposted_batches", "1 to 4096"),
        (settings.sequencer.max_unproven_batches >= 1, "sequencer.max_unproven_batches", "at least 1"),
        (settings.sequencer.mempool_transactions >= 1, "sequencer.mempool_transactions", "at least 1"),
        (settings.log.level in ("debug", "info", "warning", "error"), "log.level", "debug, info, warning, error"),
        (settings.log.format in ("text", "json"), "log.format", "text or json"),
        *(
            (0 <= port < 65536, name, "0 to 65535")
            for name, port in (
                ("net.port", settings.net.port),
                ("metrics.port", settings.metrics.port),
                ("web.port", settings.web.port),
                ("sequencer.port", settings.sequencer.port),
                ("sequencer.stream_port", settings.sequencer.stream_port),
            )
        ),
    ]
    for holds, name, wanted in checks:
        if not holds:
            raise ConfigError(f"{name} is out of range", fix=f"wanted: {wanted}", code="POE-CFG-003")
