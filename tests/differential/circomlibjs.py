"""circomlibjs in a process of its own, asked line by line (tests/vectors/generate/judge.mjs). In tests only: GPL."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

PROGRAM = Path(__file__).resolve().parents[1] / "vectors" / "generate" / "judge.mjs"
STOP_SECONDS = 10


class Circomlibjs:
    """Answers questions in batches; numbers go over as decimal strings."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self._process = process

    def ask(self, questions: Sequence[dict[str, Any]]) -> list[Any]:
        """One answer a question, in order."""
        to, back = self._process.stdin, self._process.stdout
        assert to is not None
        assert back is not None
        to.write(json.dumps(_as_strings(list(questions))) + "\n")
        to.flush()
        line = back.readline()
        assert line, "circomlibjs ended: what it says is on standard error"
        return list(json.loads(line))


def _as_strings(value: Any) -> Any:
    if isinstance(value, dict):
        return {str(key): _as_strings(item) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_as_strings(item) for item in value]
    return str(value) if isinstance(value, int) else value


@contextmanager
def open_circomlibjs() -> Iterator[Circomlibjs]:
    """A running one; skips the test where node or the library is not installed."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("node is not installed")
    if not (PROGRAM.parent / "node_modules").is_dir():
        pytest.skip("circomlibjs is not installed: npm ci --ignore-scripts --prefix tests/vectors/generate")
    with subprocess.Popen([node, PROGRAM], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        try:
            yield Circomlibjs(process)
        finally:
            assert process.stdin is not None
            process.stdin.close()
            try:
                process.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                process.kill()
