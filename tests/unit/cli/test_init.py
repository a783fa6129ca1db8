"""`poe init`: files that nodes take, from flags or from a person, and nothing overwritten or half done."""

from __future__ import annotations

import io
import re
import stat
from pathlib import Path

import pytest

from poe.cli import init as module
from poe.cli.calibrate import Advice, advise
from poe.cli.init import SECTIONS, Answers, init
from poe.cli.setting_docs import descriptions, sections, settings_text
from poe.config import Settings, dump_settings, load_settings
from poe.errors import ConfigError, InputError, PoeError, ToolError
from poe.l1.keys import address_of, create_key, load_key

ARBITER = "0x" + "a7" * 20


class Terminal(io.StringIO):
    """Somebody who types these lines and then leaves."""

    def isatty(self) -> bool:
        return True


@pytest.fixture(autouse=True)
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty working folder, and no terminal."""
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.stdin", io.StringIO())
    return tmp_path


@pytest.fixture
def password_file(folder: Path) -> str:
    path = folder / "password"
    path.write_text("open sesame\n")
    path.chmod(0o600)
    return str(path)


def person(monkeypatch: pytest.MonkeyPatch, *lines: str) -> None:
    monkeypatch.setattr("sys.stdin", Terminal("".join(line + "\n" for line in lines)))


def loaded(name: str = "poe.toml") -> Settings:
    return load_settings(Path(name), environment={})


def test_flags_alone_make_a_file_and_a_key_that_a_prover_takes(password_file: str) -> None:
    init(answers=Answers(arbiter=ARBITER, password_file=password_file, data_dir="here", threads=1, metrics_port=9))
    settings = loaded()
    assert (settings.data_dir, settings.l1.arbiter, settings.metrics.port) == ("here", ARBITER, 9)
    assert (settings.l1.key_file, settings.l1.password_file) == ("prover.key", password_file)
    assert len(load_key(Path("prover.key"), lambda: "open sesame")) == 32


def test_the_file_is_for_its_owner_alone_since_a_url_may_hold_a_password() -> None:
    init(answers=Answers(arbiter=ARBITER, plain_key=True, rpc_url="http://user:hunter2@127.0.0.1:1"))
    assert stat.S_IMODE(Path("poe.toml").stat().st_mode) == 0o600


def test_an_observer_gets_no_key(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    init(answers=Answers(role="observer", arbiter=ARBITER))
    assert [path.name for path in folder.iterdir()] == ["poe.toml"]
    assert "poe doctor --role observer --config poe.toml" in capsys.readouterr().out


def test_without_a_terminal_all_that_is_missing_is_one_error_and_nothing_is_left(folder: Path) -> None:
    with pytest.raises(InputError, match=r"POE-INP-045: .*--arbiter, --password-file \(or --plain-key\)"):
        init()
    with pytest.raises(InputError, match="missing: --arbiter "):
        init(answers=Answers(plain_key=True))
    assert list(folder.iterdir()) == []


def test_missing_answers_come_before_a_calibration(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_advice", lambda _: pytest.fail("calibrated for nothing"))
    with pytest.raises(InputError, match="POE-INP-045"):
        init(calibrate=True)


@pytest.mark.parametrize(
    "answers",
    [
        Answers(arbiter="0x12", plain_key=True),
        Answers(arbiter=ARBITER, plain_key=True, payee="me"),
        Answers(arbiter=ARBITER, plain_key=True, rpc_url="127.0.0.1:8545"),
        Answers(arbiter=ARBITER, plain_key=True, chain_id=0),
        Answers(arbiter=ARBITER, plain_key=True, threads=0),
        Answers(arbiter=ARBITER, plain_key=True, bootstrap="nowhere"),
        Answers(arbiter=ARBITER, plain_key=True, tables="tiny"),
        Answers(arbiter=ARBITER, plain_key=True, password_file="x"),
        Answers(arbiter=ARBITER, import_key=Path("x")),
        Answers(arbiter=ARBITER, password_file="nowhere"),
    ],
)
def test_unfit_answers_are_refused_before_anything_is_written(folder: Path, answers: Answers) -> None:
    with pytest.raises(PoeError):
        init(answers=answers)
    assert list(folder.iterdir()) == []


def test_an_existing_file_is_kept_unless_forced(folder: Path) -> None:
    Path("poe.toml").write_text("mine")
    answers = Answers(arbiter=ARBITER, plain_key=True)
    with pytest.raises(InputError, match="POE-INP-046"):
        init(answers=answers)
    assert Path("poe.toml").read_text() == "mine"
    assert not Path("prover.key").exists()
    init(answers=answers, force=True)
    assert loaded().l1.arbiter == ARBITER
    assert not list(folder.glob(".*"))


def test_an_existing_key_is_used_and_never_replaced_even_by_force(capsys: pytest.CaptureFixture[str]) -> None:
    key = create_key(Path("mine.key"))
    for _ in range(2):
        init(answers=Answers(arbiter=ARBITER, key_file="mine.key"), force=True)
        assert "0x" + address_of(key).hex() in capsys.readouterr().out
    assert load_key(Path("mine.key")) == key


def test_a_key_is_imported_into_a_keystore(password_file: str) -> None:
    key = create_key(Path("old.key"))
    init(answers=Answers(arbiter=ARBITER, import_key=Path("old.key"), key_file="new", password_file=password_file))
    assert load_key(Path("new"), lambda: "open sesame") == key
    with pytest.raises(InputError, match="POE-INP-046"):
        init(
            answers=Answers(arbiter=ARBITER, import_key=Path("old.key"), key_file="new", password_file=password_file),
            force=True,
        )


def test_an_unsafe_key_file_is_refused() -> None:
    create_key(Path("mine.key"))
    Path("mine.key").chmod(0o644)
    with pytest.raises(ConfigError, match="POE-CFG-021"):
        init(answers=Answers(arbiter=ARBITER, key_file="mine.key"))
    assert not Path("poe.toml").exists()


def test_a_folder_that_is_not_there_is_one_line() -> None:
    with pytest.raises(ToolError, match="POE-TOL-007"):
        init(Path("none") / "poe.toml", answers=Answers(role="observer", arbiter=ARBITER))


def test_a_person_is_asked_with_defaults_and_again_after_an_unfit_answer(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    person(monkeypatch, "nonsense", "prover", "http://10.0.0.1:1", "one", "1", "0x12", ARBITER, "", "", "", "1", "")
    init()
    settings = loaded()
    assert (settings.l1.rpc_url, settings.l1.chain_id, settings.l1.arbiter) == ("http://10.0.0.1:1", 1, ARBITER)
    assert (settings.data_dir, settings.l1.key_file, settings.l1.password_file) == ("prover-data", "prover.key", "")
    asked = capsys.readouterr().err
    assert asked.count("address of the arbiter") == 2
    assert "POE-CFG" in asked


def test_a_person_is_not_asked_for_what_flags_say(monkeypatch: pytest.MonkeyPatch) -> None:
    person(monkeypatch, ARBITER)
    flags = Answers(role="observer", rpc_url="http://127.0.0.1:1", chain_id=5, data_dir="d")
    init(answers=flags)
    assert (loaded().l1.chain_id, loaded().l1.arbiter) == (5, ARBITER)


def test_where_flags_suffice_nobody_is_asked_even_on_a_terminal(monkeypatch: pytest.MonkeyPatch) -> None:
    person(monkeypatch)
    init(answers=Answers(arbiter=ARBITER, plain_key=True))
    assert loaded().l1.arbiter == ARBITER


def test_a_person_who_leaves_leaves_nothing_behind(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    person(monkeypatch, "prover")
    with pytest.raises(InputError, match="POE-INP-045: no answer to"):
        init()
    assert list(folder.iterdir()) == []


def test_a_calibration_is_taken_unless_a_flag_says_otherwise(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_advice", lambda _: Advice(threads=1, tables="small", seconds={1: 1.0}))
    init(answers=Answers(arbiter=ARBITER, plain_key=True), calibrate=True)
    assert (loaded().prover.threads, loaded().prover.tables) == (1, "small")
    init(answers=Answers(arbiter=ARBITER, plain_key=True, tables="full"), calibrate=True, force=True)
    assert (loaded().prover.threads, loaded().prover.tables) == (1, "full")


@pytest.mark.parametrize(
    ("cores", "seconds", "threads"),
    [
        (1, {1: 4.0}, 1),
        (2, {1: 4.0, 2: 2.1}, 2),
        (8, {1: 4.0, 4: 1.02, 8: 1.0}, 4),
        (8, {1: 4.0, 4: 1.2, 8: 1.0}, 8),
        (8, {1: 1.0, 4: 1.3, 8: 2.0}, 1),
    ],
)
def test_the_fewest_threads_that_are_about_as_fast_are_advised(
    cores: int, seconds: dict[int, float], threads: int
) -> None:
    advice = advise(lambda n: {"total_seconds": seconds[n], "tables": f"of {n}"}, cores=cores)
    assert (advice.threads, advice.tables, advice.seconds) == (threads, f"of {threads}", seconds)


@pytest.mark.parametrize("role", SECTIONS)
def test_every_commented_line_of_a_file_is_a_setting_with_its_default(role: str) -> None:
    text = settings_text({}, SECTIONS[role])
    Path("as-it-is.toml").write_text(text)
    assert loaded("as-it-is.toml") == Settings()
    bare = re.sub(r"^# (\w+ = )", r"\1", text, flags=re.MULTILINE)
    Path("bare.toml").write_text(bare)
    assert loaded("bare.toml") == Settings()
    assert all(f"[{section}]" in text for section in SECTIONS[role])


def test_texts_of_settings_are_those_in_the_code() -> None:
    told = descriptions()
    assert told["l1.arbiter"] == "Address of the arbiter contract, 0x and 40 hex digits."
    assert told["prover"] == "How this node races."
    known = {name for name, section in sections().items()} | {
        f"{name}.{field}" for name, section in sections().items() for field in section.__struct_fields__
    }
    assert set(told) <= known | {"version", "data_dir"}
    assert dump_settings(Settings()).count("[") >= len(sections())
