"""The documents keep up with the code: commands parse, paths and links exist."""

from __future__ import annotations

import os
import re
import shlex
from pathlib import Path

import pytest
from cyclopts import CycloptsError

from poe.cli.app import app

ROOT = Path(__file__).resolve().parents[2]
DOCUMENTS = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").glob("*.md")])
FOLDERS = "poe|crates|contracts|scripts|tests|docs|deploy|dashboards"

CODE = re.compile(r"```.*?```|`[^`\n]+`", re.DOTALL)
LINK = re.compile(r"\]\(([^)#\s]+)(?:#[^)]*)?\)")
PATH = re.compile(rf"`((?:{FOLDERS})/[\w./-]+)`")


def snippets(document: Path) -> list[str]:
    """Lines of code, in blocks and inline."""
    return [line.strip("`$ ") for code in CODE.findall(document.read_text()) for line in code.splitlines()]


def commands(program: str) -> list[str]:
    """Every documented call of a program."""
    return sorted(
        {
            line
            for document in DOCUMENTS
            for line in snippets(document)
            if re.match(re.escape(program) + r"(\s|$)", line)
        }
    )


def parses(tokens: list[str]) -> None:
    """The command line is one that `poe` accepts; nothing runs."""
    app.parse_args(tokens, exit_on_error=False, print_error=False)


@pytest.mark.parametrize("command", commands("scripts/testnet"))
def test_documented_testnets_parse(command: str) -> None:
    parses(["testnet", "up", *shlex.split(command, comments=True)[1:]])


@pytest.mark.parametrize("command", commands(".venv/bin/poe"))
def test_documented_commands_parse(command: str) -> None:
    arguments = shlex.split(command, comments=True)[1:]
    if "--help" in arguments:
        arguments = [argument for argument in arguments if argument != "--help"]
    parses(arguments)


def test_a_command_with_an_unknown_option_does_not_parse() -> None:
    with pytest.raises(CycloptsError):
        parses(["testnet", "up", "--proverz", "3"])


def test_the_readme_shows_the_two_commands_first() -> None:
    first_screen = (ROOT / "README.md").read_text().splitlines()[:40]
    assert any(line.startswith("scripts/testnet") for line in first_screen)
    assert any(line.startswith("scripts/test") and "testnet" not in line for line in first_screen)


@pytest.mark.parametrize("script", sorted((ROOT / "scripts").iterdir()), ids=lambda path: path.name)
def test_scripts_without_a_suffix_can_be_run(script: Path) -> None:
    if not script.suffix:
        assert os.access(script, os.X_OK)
        assert script.read_text().startswith("#!")


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_documented_paths_exist(document: Path) -> None:
    text = document.read_text()
    named = {path.rstrip("/.") for path in PATH.findall(text) if not re.search(r"[*…]", path)}
    assert {path for path in named if not (ROOT / path).exists()} == set()


@pytest.mark.parametrize("document", DOCUMENTS, ids=lambda path: path.name)
def test_links_between_documents_lead_somewhere(document: Path) -> None:
    targets = [target for target in LINK.findall(document.read_text()) if "://" not in target]
    assert [target for target in targets if not (document.parent / target).exists()] == []
