"""A data folder is held by one process at a time, and only a testnet's is ever cleared."""

from __future__ import annotations

from pathlib import Path

import pytest

from poe.errors import ToolError
from poe.folder import hold_folder
from poe.testnet.folder import MARKER, clear_folder


def test_a_folder_is_made_and_can_be_held_again_after_it_was_let_go(tmp_path: Path) -> None:
    folder = tmp_path / "a" / "b"
    for _ in range(2):
        with hold_folder(folder):
            assert folder.is_dir()


def test_a_held_folder_is_refused_to_others(tmp_path: Path) -> None:
    with hold_folder(tmp_path), pytest.raises(ToolError, match="POE-TOL-009"), hold_folder(tmp_path):
        pass


def test_clearing_keeps_the_folder_held(tmp_path: Path) -> None:
    (tmp_path / MARKER).write_text("{}")
    with hold_folder(tmp_path):
        clear_folder(tmp_path)
        with pytest.raises(ToolError, match="POE-TOL-009"), hold_folder(tmp_path):
            pass


def test_a_folder_is_let_go_when_its_holder_fails(tmp_path: Path) -> None:
    with pytest.raises(ZeroDivisionError), hold_folder(tmp_path):
        raise ZeroDivisionError
    with hold_folder(tmp_path):
        pass


def test_a_file_in_the_way_is_told(tmp_path: Path) -> None:
    file = tmp_path / "file"
    file.write_text("x")
    for path in (file, file / "below"):
        with pytest.raises(ToolError, match="POE-TOL-008"), hold_folder(path):
            pass


def test_clearing_empties_a_testnets_folder_without_following_links(tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "precious").write_text("thesis")
    folder = tmp_path / "net"
    (folder / "prover-1").mkdir(parents=True)
    (folder / "prover-1" / "log").write_text("x")
    (folder / "link").symlink_to(outside)
    (folder / MARKER).write_text('{"l1": "http://127.0.0.1:1"}')
    clear_folder(folder)
    assert [entry.name for entry in folder.iterdir()] == [MARKER]
    assert (folder / MARKER).read_text() == "{}\n"
    assert (outside / "precious").read_text() == "thesis"


def test_an_empty_folder_becomes_a_testnets(tmp_path: Path) -> None:
    clear_folder(tmp_path)
    assert (tmp_path / MARKER).exists()


def test_somebody_elses_folder_is_never_touched(tmp_path: Path) -> None:
    (tmp_path / "precious").write_text("thesis")
    with pytest.raises(ToolError, match="POE-TOL-005"):
        clear_folder(tmp_path)
    assert [entry.name for entry in tmp_path.iterdir()] == ["precious"]
