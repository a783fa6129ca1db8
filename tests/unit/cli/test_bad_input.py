"""What the command line refuses, and that it does so before anything has been started, cleared or waited for."""

from __future__ import annotations

import fcntl
import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from poe.backend.native import circuit_info
from poe.cli import bounds
from poe.cli.app import main
from poe.cli.bounds import estimated_constraints, require_between, require_memory, require_writable
from poe.errors import InputError
from poe.rollup.types import Shape

GIB = 2**30


class Machine:
    """Pretends an amount of memory."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, gib: float) -> None:
        pages = {"SC_PHYS_PAGES": int(gib * GIB) // 4096, "SC_PAGE_SIZE": 4096}
        monkeypatch.setattr(bounds.os, "sysconf", lambda name: pages[name])


def refusal(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str
) -> tuple[int | str | None, str]:
    """Exit code and the one line on stderr of a command that must fail."""
    monkeypatch.setattr(sys, "argv", ["poe", *arguments])
    with pytest.raises(SystemExit) as ended:
        main()
    captured = capsys.readouterr()
    lines = captured.err.splitlines()
    assert captured.out == ""
    assert len(lines) == 1, captured.err
    return ended.value.code, lines[0]


@pytest.mark.parametrize(
    ("arguments", "wanted"),
    [
        (["nosuch"], "nosuch"),
        (["testnet", "upp"], 'Did you mean "up"'),
        (["testnet", "up", "--proverz", "3"], "--proverz"),
        (["testnet", "up", "--provers", "x"], "--provers"),
        (["testnet", "up", "--strategy", "luck"], "spread"),
        (["arbiter", "show"], "--address"),
        (["key", "new"], "--path"),
        (["key", "new", "a", "b"], "'b'"),
    ],
)
def test_wrong_usage_is_one_line_with_a_code_and_where_help_is(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], arguments: list[str], wanted: str
) -> None:
    code, line = refusal(monkeypatch, capsys, *arguments)
    assert code == 2
    assert line.startswith("poe: POE-INP-002: ")
    assert wanted in line
    assert "--help`" in line


@pytest.mark.parametrize(
    ("option", "value"),
    [
        ("provers", "0"),
        ("provers", "-1"),
        ("provers", "1000"),
        ("batches", "0"),
        ("batches", "-3"),
        ("users", "1"),
        ("users", "99999"),
        ("tps", "0"),
        ("tps", "nan"),
        ("jitter", "-1"),
        ("jitter", "1000"),
        ("threads", "0"),
        ("threads", "100000"),
        ("block-seconds", "0"),
        ("block-seconds", "inf"),
    ],
)
def test_a_number_out_of_range_names_its_option_and_starts_nothing(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    tmp_path: Path,
    option: str,
    value: str,
) -> None:
    data_dir = tmp_path / "net"
    code, line = refusal(monkeypatch, capsys, "testnet", "up", f"--data-dir={data_dir}", f"--{option}={value}")
    assert code == 1
    assert line.startswith(f"poe: POE-INP-041: --{option} is ")
    assert "(at " in line
    assert not data_dir.exists()


def test_more_users_than_the_tree_holds_are_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    arguments = ["testnet", "up", f"--data-dir={tmp_path / 'net'}", "--shape=2x2", "--users=17"]
    assert refusal(monkeypatch, capsys, *arguments) == (1, "poe: POE-INP-041: --users is 17 (at most 16)")


@pytest.mark.parametrize("shape", [Shape(slots=1, depth=1), Shape(slots=2, depth=2), Shape(slots=4, depth=5)])
def test_a_circuits_size_is_estimated_to_a_quarter(shape: Shape) -> None:
    real = circuit_info(shape).constraints
    assert abs(estimated_constraints(shape) - real) < real / 4


def test_a_shape_beyond_this_machines_memory_is_refused_before_work_begins(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    Machine(monkeypatch, gib=8)
    for command in (["circuit", "info"], ["circuit", "setup"], ["testnet", "up", "--provers=1"]):
        code, line = refusal(monkeypatch, capsys, *command, "--shape=255x24")
        assert code == 1
        assert line.startswith("poe: POE-INP-016: ")
        assert "255x24" in line
        assert "8.0 GiB" in line


def test_provers_beyond_this_machines_memory_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    Machine(monkeypatch, gib=4)
    require_memory(Shape(slots=4, depth=5), provers=3)
    with pytest.raises(InputError, match="60 provers of shape 4x5"):
        require_memory(Shape(slots=4, depth=5), provers=60)


def test_the_ends_of_a_range_are_inside_it() -> None:
    require_between("x", 1, 1, 3)
    require_between("x", 3, 1, 3)


def test_a_report_that_could_not_be_written_is_refused_before_the_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    data_dir, missing = tmp_path / "net", tmp_path / "nowhere"
    for path, problem in ((missing / "out.json", f"no folder {missing}"), (tmp_path, "it is a folder")):
        code, line = refusal(monkeypatch, capsys, "testnet", "up", f"--data-dir={data_dir}", f"--json={path}")
        assert code == 1
        assert line.startswith(f"poe: POE-INP-017: --json {path} ")
        assert problem in line
        assert not data_dir.exists()


def test_a_report_may_replace_an_older_one(tmp_path: Path) -> None:
    path = tmp_path / "out.json"
    require_writable("json", path)
    path.write_text("{}")
    require_writable("json", path)
    assert path.read_text() == "{}"


def test_a_data_folder_that_is_a_file_is_refused_by_every_role(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    file = tmp_path / "file"
    file.write_text("thesis")
    for command in (["testnet", "up"], ["observer", "run"], ["prover", "run"], ["sequencer", "run"]):
        code, line = refusal(monkeypatch, capsys, *command, f"--data-dir={file}")
        assert code == 69
        assert line.startswith(f"poe: POE-TOL-008: {file} ")
    assert file.read_text() == "thesis"


def test_a_data_folder_serves_one_process_at_a_time(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    descriptor = os.open(tmp_path, os.O_RDONLY)
    fcntl.flock(descriptor, fcntl.LOCK_EX)
    try:
        for command in (["testnet", "up"], ["observer", "run"]):
            code, line = refusal(monkeypatch, capsys, *command, f"--data-dir={tmp_path}")
            assert code == 69
            assert line.startswith("poe: POE-TOL-009: ")
    finally:
        os.close(descriptor)


def test_a_reward_that_the_arbiter_cannot_hold_is_refused(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    key = tmp_path / "key"
    key.write_text("11" * 32)
    key.chmod(0o600)
    for reward in (-(10**9), 2**48 * 10**9):
        code, line = refusal(
            monkeypatch,
            capsys,
            *("arbiter", "deploy", f"--key-file={key}", f"--reward-wei={reward}"),
        )
        assert code == 78
        assert line.startswith(f"poe: POE-CFG-070: reward_wei is {reward // 10**9} gwei ")


def test_ctrl_c_ends_a_long_native_call_at_once() -> None:
    script = (
        "import threading\n"
        "from poe.cli.run import run_native\n"
        "def forever():\n"
        "    print('started', flush=True)\n"
        "    threading.Event().wait()\n"
        "try:\n"
        "    run_native(forever)\n"
        "except KeyboardInterrupt:\n"
        "    raise SystemExit(130)\n"
    )
    process = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE)
    assert process.stdout is not None
    assert process.stdout.readline() == b"started\n"
    process.send_signal(signal.SIGINT)
    try:
        assert process.wait(timeout=30) == 130
    finally:
        process.kill()
        process.stdout.close()
