"""`poe doctor` without a chain: what it finds on this machine, how findings add up, and that it changes nothing."""

from __future__ import annotations

import json
import os
import socket
from pathlib import Path

import pytest

from poe.cli import machine as local
from poe.cli.chain_check import check_clock
from poe.cli.doctor import doctor, examine
from poe.cli.findings import State, exit_code, failure, good, skipped, warning
from poe.cli.machine import Machine
from poe.codes import CODES
from poe.config import L1Settings, NetSettings, ProverSettings, SequencerSettings, ServerSettings, Settings, WebSettings
from poe.errors import JournalError
from poe.folder import hold_folder
from poe.journal import Journal, count_records
from poe.l1.interface import BlockRef
from poe.l1.keys import create_key
from poe.rollup.types import Hash, Shape

GIB = 2**30
SHAPE = Shape(slots=16, depth=10)
GOOD = Machine(memory_free_bytes=16 * GIB, cores=4, arithmetics=("ifma", "scalar"), now=1_000_000.0)
NEEDS_FULL = 1_600 * 2**20
"""A little more than full tables of that shape take; half of it is enough for small ones."""


def machine(**changed: object) -> Machine:
    facts = {name: getattr(GOOD, name) for name in Machine.__slots__} | changed
    return Machine(**facts)  # type: ignore[arg-type]


def test_all_well_exits_0_a_failure_1_and_warnings_alone_3() -> None:
    fine, warned, failed = good("a", "b"), warning("a", "POE-DOC-002", "b"), failure("a", "POE-DOC-004", "b")
    assert exit_code([fine]) == 0
    assert exit_code([fine, warned]) == 3
    assert exit_code([warned, failed, fine]) == 1
    assert exit_code([failed, skipped("a", "b")]) == 1


def test_bad_news_is_one_line_with_its_code_and_a_way_out() -> None:
    line = str(failure("disk", "POE-DOC-004", "1 MiB free"))
    assert line == f"fail  disk          POE-DOC-004: 1 MiB free ({CODES['POE-DOC-004'].way_out})"


def test_the_program_is_sound_here() -> None:
    assert local.check_program().state is State.OK


def test_a_core_that_computes_wrongly_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("poe.backend.native.poseidon", lambda _: 7)
    assert (local.check_program().state, local.check_program().code) == (State.FAIL, "POE-DOC-001")


def test_a_processor_without_the_fast_path_is_a_warning() -> None:
    assert local.check_processor(GOOD, Settings()).state is State.OK
    found = local.check_processor(machine(arithmetics=("scalar",)), Settings())
    assert (found.state, found.code) == (State.WARN, "POE-DOC-002")


@pytest.mark.parametrize(
    ("tables", "free", "state"),
    [
        ("full", 16 * GIB, State.OK),
        ("auto", 16 * GIB, State.OK),
        ("small", NEEDS_FULL, State.OK),
        ("auto", NEEDS_FULL * 3 // 4, State.WARN),
        ("full", NEEDS_FULL * 3 // 4, State.FAIL),
        ("auto", NEEDS_FULL // 4, State.FAIL),
        ("small", NEEDS_FULL // 4, State.FAIL),
    ],
)
def test_memory_is_measured_by_the_shapes_tables(tables: str, free: int, state: State) -> None:
    found = local.check_memory(machine(memory_free_bytes=free), Settings(prover=ProverSettings(tables=tables)), SHAPE)
    assert found.state is state
    assert found.code == ("" if state is State.OK else "POE-DOC-003")


def test_a_control_group_bounds_the_memory(tmp_path: Path) -> None:
    meminfo = tmp_path / "meminfo"
    meminfo.write_text("MemTotal:  100 kB\nMemAvailable:   64 kB\n")
    assert local.free_memory(meminfo, tmp_path) == 65536, "no control group"
    (tmp_path / "memory.current").write_text("1000\n")
    (tmp_path / "memory.max").write_text("max\n")
    assert local.free_memory(meminfo, tmp_path) == 65536, "an unbounded one"
    (tmp_path / "memory.max").write_text("5000\n")
    assert local.free_memory(meminfo, tmp_path) == 4000
    (tmp_path / "memory.current").write_text("9000\n")
    assert local.free_memory(meminfo, tmp_path) == 0


@pytest.mark.parametrize(("free", "state"), [(10 * GIB, State.OK), (GIB, State.WARN), (GIB // 100, State.FAIL)])
def test_disk_space_is_looked_at_where_the_node_will_write(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, free: int, state: State
) -> None:
    asked = []

    def usage(path: Path) -> object:
        asked.append(path)
        return type("Usage", (), {"free": free})

    monkeypatch.setattr("shutil.disk_usage", usage)
    assert local.check_disk(tmp_path / "not" / "yet").state is state
    assert asked == [tmp_path]


def test_a_folder_that_is_not_there_is_not_made(tmp_path: Path) -> None:
    assert local.check_data_folder(tmp_path / "data").state is State.OK
    assert list(tmp_path.iterdir()) == []


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_a_folder_of_somebody_else_fails(tmp_path: Path) -> None:
    tmp_path.chmod(0o500)
    assert local.check_data_folder(tmp_path / "data").code == "POE-TOL-008"


def test_a_file_in_the_place_of_the_folder_fails(tmp_path: Path) -> None:
    (tmp_path / "data").write_text("")
    assert local.check_data_folder(tmp_path / "data").code == "POE-TOL-008"


def test_a_folder_in_use_is_a_warning_and_a_port_of_its_node_is_not_held_against_it(tmp_path: Path) -> None:
    with hold_folder(tmp_path), socket.create_server(("127.0.0.1", 0)) as taken:
        found = local.check_data_folder(tmp_path)
        assert (found.state, found.code) == (State.WARN, "POE-TOL-009")
        settings = Settings(data_dir=str(tmp_path), metrics=ServerSettings(port=taken.getsockname()[1]))
        assert local.check_ports(settings, role="prover").state is State.SKIP
    assert local.check_data_folder(tmp_path).state is State.OK


def test_looking_at_a_folder_keeps_nobody_out(tmp_path: Path) -> None:
    with hold_folder(tmp_path):
        pass
    assert not local.is_held(tmp_path)
    with hold_folder(tmp_path):
        assert local.is_held(tmp_path)


def test_a_journal_is_counted_by_kind_even_while_it_is_in_use(tmp_path: Path) -> None:
    assert count_records(tmp_path) is None
    with Journal.open(tmp_path, identity=b"me") as journal:
        journal.put("proof", b"1", b"x")
        journal.put("proof", b"2", b"x")
        journal.put("race", b"1", b"x")
        assert count_records(tmp_path) == {"proof": 2, "race": 1}
    assert "2 proof, 1 race" in local.check_journal(tmp_path).what


def test_a_damaged_journal_is_refused_by_its_name_and_left_alone(tmp_path: Path) -> None:
    path = tmp_path / "journal.sqlite"
    path.write_bytes(b"nonsense" * 1000)
    with pytest.raises(JournalError, match=r"POE-JNL-005: .*journal\.sqlite"):
        count_records(tmp_path)
    assert path.read_bytes() == b"nonsense" * 1000


@pytest.mark.parametrize("role", ["prover", "sequencer"])
def test_a_taken_port_is_named_by_its_setting(tmp_path: Path, role: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        settings = Settings(data_dir=str(tmp_path), net=NetSettings(port=port))
        found = local.check_ports(settings, role=role)
        assert (found.state, found.code) == (State.FAIL, "POE-TOL-002")
        assert f"net.port 127.0.0.1:{port}" in found.what
        assert local.check_ports(settings, role="observer").state is State.OK, "which opens no such port"
    assert local.check_ports(settings, role=role).state is State.OK


def test_the_sequencers_ports_matter_to_a_sequencer_alone(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        settings = Settings(data_dir=str(tmp_path), sequencer=SequencerSettings(stream_port=taken.getsockname()[1]))
        assert "sequencer.stream_port" in local.check_ports(settings, role="sequencer").what
        assert local.check_ports(settings, role="prover").state is State.OK


def test_an_address_of_another_machine_cannot_be_listened_on(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), metrics=ServerSettings(host="192.0.2.1", port=9))
    assert local.check_ports(settings, role="observer").code == "POE-TOL-002"


def test_the_page_for_everybody_is_a_warning_and_its_port_is_looked_at(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        web = WebSettings(enabled=True, port=taken.getsockname()[1])
        settings = Settings(data_dir=str(tmp_path), web=web)
        assert "web.port" in local.check_ports(settings, role="observer").what
        assert local.check_ports(settings, role="prover").state is State.OK
    settings = Settings(data_dir=str(tmp_path), web=WebSettings(enabled=True, host="0.0.0.0"))
    found = local.check_ports(settings, role="observer")
    assert (found.state, found.code) == (State.WARN, "POE-DOC-007")
    assert "web.host 0.0.0.0" in found.what


def test_metrics_for_everybody_are_a_warning(tmp_path: Path) -> None:
    settings = Settings(data_dir=str(tmp_path), metrics=ServerSettings(host="0.0.0.0"))
    found = local.check_ports(settings, role="observer")
    assert (found.state, found.code) == (State.WARN, "POE-DOC-007")


@pytest.mark.parametrize(
    ("age", "chain_id", "state"),
    [
        (0, 1, State.OK),
        (-15, 1, State.OK),
        (180, 1, State.OK),
        (-16, 1, State.FAIL),
        (-3600, 31337, State.FAIL),
        (181, 1, State.FAIL),
        (181, 31337, State.WARN),
    ],
)
def test_the_clock_is_held_against_the_last_block(age: int, chain_id: int, state: State) -> None:
    head = BlockRef(number=9, hash=Hash(bytes(32)), parent_hash=Hash(bytes(32)), timestamp=round(GOOD.now) - age)
    found = check_clock(Settings(l1=L1Settings(chain_id=chain_id)), GOOD, head)
    assert (found.state, found.code) == (state, "" if state is State.OK else "POE-DOC-005")


def test_bad_settings_are_a_finding_and_not_the_end(tmp_path: Path) -> None:
    path = tmp_path / "poe.toml"
    path.write_text("[prover]\nthreds = 1\n")
    program, settings, rest = examine(path, role="prover", flags={})
    assert program.state is State.OK
    assert (settings.state, settings.code) == (State.FAIL, "POE-CFG-001")
    assert settings.fix == "did you mean prover.threads?"
    assert rest.state is State.SKIP


def test_without_a_chain_what_needs_one_is_skipped_and_the_exit_code_is_1(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(SystemExit) as ended:
        doctor(rpc_url="http://127.0.0.1:9", json=True)
    told = json.loads(capsys.readouterr().out)
    assert ended.value.code == told["exit_code"] == 1
    states = {one["check"]: one["state"] for one in told["findings"]}
    assert states["endpoint"] == states["account key"] == "fail"
    assert all(states[name] == "skip" for name in ("clock", "arbiter", "circuits", "proving key", "memory", "balance"))
    assert all(one["code"] and one["fix"] for one in told["findings"] if one["state"] in ("fail", "warn"))
    assert list(tmp_path.iterdir()) == []


def test_an_observer_needs_neither_account_nor_key(tmp_path: Path) -> None:
    flags = {"data_dir": str(tmp_path), "l1.rpc_url": "http://127.0.0.1:9"}
    checks = {one.check for one in examine(None, role="observer", flags=flags)}
    assert not checks & {"account key", "proving key", "memory", "balance"}


@pytest.mark.parametrize(("chain_id", "state"), [(1, "warn"), (31337, "ok")])
def test_a_key_without_a_password_is_for_development_chains(tmp_path: Path, chain_id: int, state: str) -> None:
    create_key(tmp_path / "key")
    flags = {"l1.key_file": str(tmp_path / "key"), "l1.chain_id": chain_id, "l1.rpc_url": "http://127.0.0.1:9"}
    found = next(one for one in examine(None, role="prover", flags=flags) if one.check == "account key")
    assert (found.state, found.code) == (state, "POE-DOC-008" if state == "warn" else "")


def test_a_malformed_endpoint_shows_no_part_of_its_secret() -> None:
    found = examine(None, role="observer", flags={"l1.rpc_url": "http://user:hunter2@/v3/s3cret"})
    text = "\n".join(map(str, found))
    assert "hunter2" not in text
    assert "s3cret" not in text
