"""The `poe` command: every bad input is one line with a code, the right exit code, and never a traceback."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
import threading
import warnings
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from poe.cli.app import exit_code_of, expected_error, main, was_interrupted
from poe.cli.parse import parse_shape
from poe.errors import ConfigError, InputError, L1Unreachable, PoeError, Reverted, ToolError, WrongChain
from poe.rollup.types import Shape

GROUPS = ("testnet", "sequencer", "prover", "observer", "arbiter", "circuit", "key", "config", "tx")
ARBITER = "0x" + "a7" * 20


class Ended:
    """How a command ended."""

    def __init__(self, code: int, out: str, err: str) -> None:
        self.code, self.out, self.err = code, out, err

    @property
    def line(self) -> str:
        """The only line on stderr."""
        lines = self.err.splitlines()
        assert len(lines) == 1, self.err
        return lines[0]


Poe = Callable[..., Ended]


@pytest.fixture
def poe(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Poe:
    """Runs `poe ARGUMENTS` in this process."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["poe", *arguments])
        code = 0
        with warnings.catch_warnings():
            warnings.filterwarnings("ignore", message="Cyclopts application invoked without tokens")
            try:
                main()
            except SystemExit as ended:
                code = int(ended.code or 0)
        captured = capsys.readouterr()
        return Ended(code, captured.out, captured.err)

    return run


def poe_process(*arguments: str, cwd: Path, **environment: str) -> Ended:
    """Runs `poe ARGUMENTS` as a process of its own, for at most a minute."""
    done = subprocess.run(
        [sys.executable, "-m", "poe", *arguments],
        cwd=cwd,
        env={**os.environ, "PYTHONPATH": os.pathsep.join(path for path in sys.path if path), **environment},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "Traceback" not in done.stderr
    return Ended(done.returncode, done.stdout, done.stderr)


class FakeEndpoint:
    """A JSON-RPC endpoint on loopback that answers by method."""

    def __init__(self, answers: dict[str, str]) -> None:
        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                asked = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
                body = json.dumps({"jsonrpc": "2.0", "id": asked["id"], "result": answers[asked["method"]]}).encode()
                self.send_response(200)
                self.send_header("Content-Type", "application/json")
                self.send_header("Content-Length", str(len(body)))
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        self._server = HTTPServer(("127.0.0.1", 0), Handler)
        self._thread = threading.Thread(target=self._server.serve_forever)
        self.url = f"http://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> FakeEndpoint:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


def write_config(folder: Path, *, rpc_url: str, arbiter: str = ARBITER) -> Path:
    path = folder / "poe.toml"
    path.write_text(f'[l1]\nrpc_url = "{rpc_url}"\narbiter = "{arbiter}"\ndeadline_seconds = 5\n')
    return path


def observe(folder: Path, *, rpc_url: str, arbiter: str = ARBITER) -> Ended:
    config = write_config(folder, rpc_url=rpc_url, arbiter=arbiter)
    return poe_process("observer", "run", "--config", str(config), "--data-dir", str(folder / "data"), cwd=folder)


def test_help_lists_every_group(poe: Poe) -> None:
    ended = poe("--help")
    assert ended.code == 0
    assert all(group in ended.out for group in GROUPS)


@pytest.mark.parametrize("group", GROUPS)
def test_every_group_has_help(poe: Poe, group: str) -> None:
    ended = poe(group, "--help")
    assert ended.code == 0
    assert f"poe {group}" in ended.out


def test_it_runs_as_a_module(tmp_path: Path) -> None:
    ended = poe_process("--version", cwd=tmp_path)
    assert (ended.code, ended.err) == (0, "")
    assert ended.out.count(".") == 2


@pytest.mark.parametrize(
    "arguments", [["nosuch"], ["testnet", "up", "--proverz", "3"], ["testnet", "up", "--provers", "x"]]
)
def test_wrong_usage_exits_with_2(poe: Poe, arguments: list[str]) -> None:
    ended = poe(*arguments)
    assert ended.code == 2
    assert "Traceback" not in ended.out + ended.err


def test_an_unknown_setting_in_a_file_asks_did_you_mean(poe: Poe, tmp_path: Path) -> None:
    path = tmp_path / "poe.toml"
    path.write_text('[l1]\nrpc_ulr = "http://x"\n')
    for command in (["config", "check", str(path)], ["prover", "run", "--config", str(path)]):
        ended = poe(*command)
        assert ended.code == 78
        assert ended.line == f"poe: POE-CFG-001: unknown setting l1.rpc_ulr in {path} (did you mean l1.rpc_url?)"


def test_an_unknown_setting_in_the_environment_asks_did_you_mean(poe: Poe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("POE_PROVER__THREDS", "1")
    ended = poe("config", "show")
    assert (ended.code, ended.out) == (78, "")
    assert ended.line.endswith("(did you mean POE_PROVER__THREADS?)")


def test_config_show_prints_what_config_check_accepts(poe: Poe, tmp_path: Path) -> None:
    path = tmp_path / "poe.toml"
    path.write_text(poe("config", "show").out)
    ended = poe("config", "check", str(path))
    assert (ended.code, ended.out) == (0, f"{path}: good\n")


@pytest.mark.parametrize("shape", ["4y5", "4x", "x5", "4x5x6", "-4x5", "0x5", "300x5", "4x99", "", "４x5"])
def test_a_malformed_shape_is_one_line(poe: Poe, shape: str) -> None:
    for command in (["circuit", "info"], ["circuit", "setup"], ["testnet", "up"]):
        ended = poe(*command, f"--shape={shape}")
        assert ended.code == 1
        assert ended.line.startswith("poe: POE-INP-040: shape ")


def test_a_shape_is_understood() -> None:
    assert parse_shape("4x5") == parse_shape("4") == Shape(slots=4, depth=5)


def test_circuit_info_tells_the_size(poe: Poe) -> None:
    facts = json.loads(poe("circuit", "info", "--shape", "1x1", "--json").out)
    assert facts["public_inputs"] == 3
    assert facts["constraints"] > 1000
    assert len(facts["hash"]) == 66


@pytest.mark.parametrize("count", ["0", "-1"])
def test_a_testnet_without_provers_is_refused(poe: Poe, count: str) -> None:
    ended = poe("testnet", "up", f"--provers={count}")
    assert ended.code == 1
    assert ended.line == f"poe: POE-INP-041: --provers is {count} (at least 1)"


def test_a_new_key_is_for_its_owner_alone_and_has_an_address(poe: Poe, tmp_path: Path) -> None:
    path = tmp_path / "l1.key"
    made = poe("key", "new", str(path))
    assert made.code == 0
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert poe("key", "address", str(path)).out == made.out
    assert len(made.out.strip()) == 42
    assert path.read_text().strip() not in made.out


def test_a_key_is_never_overwritten(poe: Poe, tmp_path: Path) -> None:
    path = tmp_path / "l1.key"
    poe("key", "new", str(path))
    before = path.read_bytes()
    assert poe("key", "new", str(path)).code != 0
    assert path.read_bytes() == before


@pytest.mark.parametrize("content", [None, "nonsense", "0" * 64])
def test_a_bad_key_file_is_one_line_that_does_not_show_it(poe: Poe, tmp_path: Path, content: str | None) -> None:
    path = tmp_path / "l1.key"
    if content is not None:
        path.write_text(content)
        path.chmod(0o600)
    ended = poe("key", "address", str(path))
    assert ended.code == 78
    assert str(path) in ended.line
    assert content is None or content not in ended.line


def test_a_prover_without_a_key_is_told_how_to_make_one(tmp_path: Path) -> None:
    ended = poe_process("prover", "run", "--data-dir", str(tmp_path / "data"), cwd=tmp_path)
    assert ended.code == 78
    assert "poe key new" in ended.line


def test_an_unreachable_endpoint_is_one_line(tmp_path: Path) -> None:
    ended = observe(tmp_path, rpc_url="http://127.0.0.1:9")
    assert ended.code == 69
    assert ended.line.startswith("poe: POE-L1-001: ")
    assert "127.0.0.1:9" in ended.line


def test_a_wrong_chain_id_is_one_line_with_both_ids(tmp_path: Path) -> None:
    with FakeEndpoint({"eth_chainId": "0x1"}) as endpoint:
        ended = observe(tmp_path, rpc_url=endpoint.url)
    assert ended.code == 1
    assert ended.line.startswith("poe: POE-L1-002: ")
    assert "31337" in ended.line
    assert " 1" in ended.line


@pytest.mark.parametrize("arbiter", ["", "0x12", "a7" * 20, "0x" + "zz" * 20])
def test_a_malformed_arbiter_address_is_one_line(tmp_path: Path, arbiter: str) -> None:
    ended = observe(tmp_path, rpc_url="http://127.0.0.1:9", arbiter=arbiter)
    assert ended.code == 78
    assert "l1.arbiter" in ended.line


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completions_are_installed_for_a_shell(tmp_path: Path, shell: str) -> None:
    ended = poe_process("--install-completion", "--shell", shell, cwd=tmp_path, HOME=str(tmp_path))
    assert ended.code == 0
    scripts = [path.read_text() for path in tmp_path.rglob("*poe*") if path.is_file()]
    assert any("doctor" in script for script in scripts)


def test_a_missing_anvil_is_one_line_with_a_way_out(tmp_path: Path) -> None:
    ended = poe_process(
        "testnet",
        "up",
        "--shape=1x1",
        f"--data-dir={tmp_path / 'net'}",
        f"--key-cache={tmp_path / 'keys'}",
        cwd=tmp_path,
        POE_ANVIL=str(tmp_path / "no-anvil"),
    )
    assert ended.code == 69
    assert ended.line.startswith("poe: POE-TOL-001: ")
    assert "POE_ANVIL" in ended.line


def test_a_folder_that_is_no_testnets_is_never_cleared(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("thesis")
    ended = poe_process("testnet", "up", f"--data-dir={tmp_path}", cwd=tmp_path)
    assert ended.code == 69
    assert ended.line.startswith("poe: POE-TOL-005: ")
    assert precious.read_text() == "thesis"


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigError("x"), 78),
        (L1Unreachable("x"), 69),
        (ToolError("x"), 69),
        (WrongChain("x"), 1),
        (Reverted("x", name="X"), 1),
        (InputError("x"), 1),
        (PoeError("x"), 1),
    ],
    ids=lambda value: getattr(value, "code", value),
)
def test_exit_codes_are_the_documented_ones(error: PoeError, code: int) -> None:
    assert exit_code_of(error) == code


def test_an_expected_error_inside_nested_groups_is_found() -> None:
    error = ConfigError("x")
    assert expected_error(ExceptionGroup("", [ExceptionGroup("", [error])])) is error


def test_a_bug_beside_an_expected_error_stays_a_bug() -> None:
    assert expected_error(ExceptionGroup("", [ConfigError("x"), ZeroDivisionError()])) is None
    assert expected_error(ZeroDivisionError()) is None


def test_ctrl_c_is_told_apart_from_bugs() -> None:
    assert was_interrupted(BaseExceptionGroup("", [KeyboardInterrupt()]))
    assert not was_interrupted(BaseExceptionGroup("", [KeyboardInterrupt(), ValueError()]))


def test_ctrl_c_ends_without_a_traceback(poe: Poe, monkeypatch: pytest.MonkeyPatch) -> None:
    def interrupted(*_: object, **__: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr("poe.config.load_settings", interrupted)
    ended = poe("config", "show")
    assert (ended.code, ended.err) == (130, "")


def test_bugs_are_not_dressed_up_as_expected_errors(poe: Poe, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe.config.load_settings", lambda *_, **__: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        poe("config", "show")
