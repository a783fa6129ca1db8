"""`poe config show --origin|check|schema`."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import msgspec
import pytest

from poe.cli.config import check, schema, show
from poe.config import Settings, load_settings
from poe.errors import ConfigError


@pytest.fixture
def config(tmp_path: Path) -> Path:
    path = tmp_path / "poe.toml"
    path.write_text('data_dir = "here"\n[l1]\nchain_id = 5\nrpc_url = "http://127.0.0.1:1"\n[prover]\ntip_wei = 3\n')
    return path


def test_each_value_says_where_it_comes_from(
    config: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("POE_PROVER__TIP_WEI", "4")
    monkeypatch.setenv("POE_DATA_DIR", "there")
    show(config=config, rpc_url="http://127.0.0.1:2", origin=True)
    text = capsys.readouterr().out
    origins = {line.split(" = ")[0]: line.split("  # ")[1] for line in text.splitlines() if "  # " in line}
    assert origins["chain_id"] == "file 'poe.toml'"
    assert origins["rpc_url"] == "flag"
    assert origins["tip_wei"] == "env POE_PROVER__TIP_WEI"
    assert origins["data_dir"] == "env POE_DATA_DIR"
    assert origins["key_file"] == "default"


def test_what_origins_are_shown_of_is_what_is_in_force(
    config: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    show(config=config, data_dir=Path("x"), origin=True)
    again = tmp_path / "again.toml"
    again.write_text(capsys.readouterr().out)
    assert load_settings(again, environment={}) == load_settings(config, environment={}, flags={"data_dir": "x"})


def test_every_setting_has_an_origin(capsys: pytest.CaptureFixture[str]) -> None:
    show(origin=True)
    lines = [line for line in capsys.readouterr().out.splitlines() if " = " in line]
    assert all(line.endswith("  # default") for line in lines)
    assert len(lines) > 40


@pytest.mark.parametrize(
    "text", ['[l1]\narbiter = "0x12"\n', '[prover]\npayee = "me"\n', '[net]\nbootstrap = ["x"]\n', "[nt]\n"]
)
def test_check_refuses_what_a_node_would(tmp_path: Path, text: str) -> None:
    path = tmp_path / "poe.toml"
    path.write_text(text)
    with pytest.raises(ConfigError):
        check(path)


def test_check_takes_a_good_file(config: Path, capsys: pytest.CaptureFixture[str]) -> None:
    check(config)
    assert capsys.readouterr().out == f"{config}: good\n"


def resolved(node: dict[str, Any], root: dict[str, Any]) -> dict[str, Any]:
    """A node of a schema behind its reference."""
    reference = node.get("$ref") or next((one["$ref"] for one in node.get("allOf", [])), None)
    found: dict[str, Any] = root["$defs"][reference.rsplit("/", 1)[1]] if reference else node
    return found


def test_the_schema_has_every_setting_with_its_default_and_allows_no_other(
    capsys: pytest.CaptureFixture[str],
) -> None:
    schema()
    root = json.loads(capsys.readouterr().out)
    top = resolved(root, root)
    defaults = msgspec.to_builtins(Settings())
    assert set(top["properties"]) == set(defaults)
    assert top["additionalProperties"] is False
    for name, values in defaults.items():
        node = resolved(top["properties"][name], root)
        if not isinstance(values, dict):
            assert node["default"] == values
            continue
        assert node["additionalProperties"] is False
        assert {key: one["default"] for key, one in node["properties"].items()} == json.loads(json.dumps(values))
    assert resolved(top["properties"]["l1"], root)["properties"]["arbiter"]["description"].startswith("Address")
