"""What each setting means, from the one place that says it: the texts under the fields in `poe/config.py`."""

from __future__ import annotations

import ast
import inspect
import textwrap
from collections.abc import Iterator, Sequence
from typing import Any

import msgspec

from poe import config
from poe.config import Settings, toml_value

WIDTH = 100


def sections() -> dict[str, type[msgspec.Struct]]:
    """The sections of the settings by name."""
    fields = msgspec.structs.fields(Settings)
    return {field.name: field.type for field in fields if isinstance(field.type, type) and _is_struct(field.type)}


def descriptions() -> dict[str, str]:
    """By dotted name: a setting's text, or a section's; settings that speak for themselves have none."""
    classes = {node.name: node for node in ast.parse(inspect.getsource(config)).body if isinstance(node, ast.ClassDef)}
    found = dict(_texts(classes["Settings"]))
    for name, section in sections().items():
        node = classes[section.__name__]
        found[name] = ast.get_docstring(node) or ""
        found |= {f"{name}.{field}": text for field, text in _texts(node)}
    return found


def settings_text(values: dict[str, Any], wanted: Sequence[str]) -> str:
    """A settings file: these values by dotted name; all else in the wanted sections as a comment with its default."""
    told = descriptions()
    lines = [_line("data_dir", values.get("data_dir"), Settings().data_dir)]
    for section in wanted:
        lines += ["", *_comment(told[section]), f"[{section}]"]
        for field in msgspec.structs.fields(sections()[section]):
            name = f"{section}.{field.name}"
            lines += _comment(told.get(name, ""))
            lines.append(_line(field.name, values.get(name), field.default))
    return "\n".join(lines) + "\n"


def settings_schema() -> dict[str, Any]:
    """The settings as JSON schema (2020-12), with defaults and texts; ranges are checked when a file is loaded."""
    schema = msgspec.json.schema(Settings)
    told, known = descriptions(), schema["$defs"]
    for name, section in sections().items():
        for field, fields in known[section.__name__]["properties"].items():
            _describe(fields, told.get(f"{name}.{field}", ""))
    for field, fields in known["Settings"]["properties"].items():
        _describe(fields, told.get(field, ""))
    return {"$schema": "https://json-schema.org/draft/2020-12/schema", "title": "Settings of poe", **schema}


def _describe(fields: dict[str, Any], text: str) -> None:
    if text:
        fields["description"] = text


def _texts(node: ast.ClassDef) -> Iterator[tuple[str, str]]:
    """The string literals that follow a class's annotated fields."""
    for field, after in zip(node.body, node.body[1:], strict=False):
        if isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name) and isinstance(after, ast.Expr):
            text = ast.literal_eval(after.value)
            yield field.target.id, " ".join(str(text).split())


def _is_struct(kind: type) -> bool:
    return issubclass(kind, msgspec.Struct)


def _comment(text: str) -> list[str]:
    return [f"# {line}" for line in textwrap.wrap(text, WIDTH)]


def _line(name: str, value: Any, default: Any) -> str:
    return f"# {name} = {toml_value(default)}" if value is None else f"{name} = {toml_value(value)}"
