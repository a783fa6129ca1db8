"""One circomlibjs for all tests of a run."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.differential.circomlibjs import Circomlibjs, open_circomlibjs


@pytest.fixture(scope="session")
def library() -> Iterator[Circomlibjs]:
    with open_circomlibjs() as library:
        yield library
