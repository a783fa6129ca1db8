"""The house rules that no linter checks: layers, doors, purity, docstrings, sizes."""

from __future__ import annotations

import ast
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from statistics import median

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULES = sorted((ROOT / "poe").rglob("*.py"))

DOORS = {
    "web3": ("poe/l1/",),
    "eth_account": ("poe/l1/",),
    "eth_abi": ("poe/l1/",),
    "libp2p": ("poe/net/",),
    "prometheus_client": ("poe/metrics/",),
    "py_ecc": ("poe/backend/reference.py",),
    "poe._core": tuple(f"poe/backend/{name}.py" for name in ("native", "engine", "fast", "worker_process")),
}
PURE = ("poe/crypto/", "poe/rollup/", "poe/errors.py")
IMPURE_MODULES = {"trio", "os", "pathlib", "socket", "subprocess", "time", "random", "secrets", "asyncio", "threading"}

MEDIAN_LINES, NINE_TENTHS_LINES, FILE_LINES = 10, 35, 400


def name_of(module: Path) -> str:
    return module.relative_to(ROOT).as_posix()


def imports_of(tree: ast.AST) -> Iterator[str]:
    """Full names of everything imported anywhere in a module, `from poe import _core` as `poe._core`."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, "imports are absolute"
            assert node.module is not None
            yield node.module
            yield from (f"{node.module}.{alias.name}" for alias in node.names)


def is_or_is_inside(name: str, package: str) -> bool:
    return name == package or name.startswith(package + ".")


def trees() -> Iterator[tuple[str, ast.Module]]:
    for module in MODULES:
        yield name_of(module), ast.parse(module.read_text())


def test_layers_hold() -> None:
    tool = Path(sys.executable).with_name("lint-imports")
    done = subprocess.run([tool, "--no-cache"], cwd=ROOT, capture_output=True, text=True, check=False, timeout=120)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize("package", DOORS)
def test_only_its_door_imports(package: str) -> None:
    users = {name for name, tree in trees() if any(is_or_is_inside(i, package) for i in imports_of(tree))}
    strangers = {name for name in users if not name.startswith(DOORS[package])}
    assert strangers == set()
    assert users, f"nobody imports {package}: the rule is stale"


def test_meaning_is_pure() -> None:
    """What the rollup means needs no clock, no randomness, no files, no tasks."""
    impure = {
        name: sorted(IMPURE_MODULES & {i.split(".")[0] for i in imports_of(tree)})
        for name, tree in trees()
        if name.startswith(PURE)
    }
    assert {name: found for name, found in impure.items() if found} == {}


def test_every_module_says_in_one_sentence_what_it_is_for() -> None:
    first_lines = {name: (ast.get_docstring(tree) or "").split("\n\n")[0] for name, tree in trees()}
    silent = [name for name, line in first_lines.items() if len(line) < 10]
    assert silent == []


def test_no_module_keeps_mutable_state() -> None:
    """Module-level names bound to empty containers are registries in the making."""
    guilty = [
        f"{name}:{node.lineno}"
        for name, tree in trees()
        for node in tree.body
        if isinstance(node, ast.Assign | ast.AnnAssign)
        and isinstance(node.value, ast.List | ast.Dict | ast.Set)
        and not (node.value.keys if isinstance(node.value, ast.Dict) else node.value.elts)
    ]
    assert guilty == []


def functions() -> dict[str, int]:
    """Lines of every function, without its docstring."""
    found = {}
    for name, tree in trees():
        for node in ast.walk(tree):
            if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
                assert node.end_lineno is not None
                first = node.body[0]
                is_documented = ast.get_docstring(node, clean=False) is not None
                docs = (first.end_lineno or 0) - first.lineno + 1 if is_documented else 0
                found[f"{name}:{node.lineno} {node.name}"] = node.end_lineno - node.lineno + 1 - docs
    return found


def test_functions_are_short() -> None:
    lines = functions()
    longest = sorted(lines.items(), key=lambda item: -item[1])[:10]
    ninth = sorted(lines.values())[int(0.9 * len(lines))]
    assert median(lines.values()) <= MEDIAN_LINES, longest
    assert ninth <= NINE_TENTHS_LINES, longest


def test_files_are_short() -> None:
    lengths = {name_of(module): len(module.read_text().splitlines()) for module in MODULES}
    assert {name: length for name, length in lengths.items() if length > FILE_LINES} == {}
