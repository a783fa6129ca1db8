"""Proofs by another program: it is run, checked, never believed, and killed with all that it started."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest
import trio

from poe.backend import native
from poe.backend.demo import demo_job
from poe.backend.external import ExternalProofs, require_placeholders
from poe.backend.interface import KeyInfo, ProofJob
from poe.backend.snarkjs import proof_json, public_json
from poe.errors import BackendError, ConfigError
from poe.rollup.types import Shape

SHAPE = Shape(slots=1, depth=1)
FILES = ["{zkey}", "{wtns}", "{proof}", "{public}"]


@pytest.fixture(scope="module")
def key(tmp_path_factory: pytest.TempPathFactory) -> KeyInfo:
    path = tmp_path_factory.mktemp("keys") / "dev.key"
    native.setup_dev_key(SHAPE, path)
    return native.key_info(path, native.circuit_info(SHAPE))


@pytest.fixture(scope="module")
def job() -> ProofJob:
    return demo_job(SHAPE)


class Bench:
    """A folder with a program of the test's making, and the backend that runs it."""

    def __init__(self, folder: Path, key: KeyInfo) -> None:
        self.folder = folder
        self.key = key
        self.killed: list[float] = []

    def backend(self, program: str, *, deadline_seconds: float = 30.0) -> ExternalProofs:
        source = self.folder / "program.py"
        source.write_text("import sys, os, time, shutil\nzkey, wtns, proof, public = sys.argv[1:]\n" + program)
        return ExternalProofs(
            [sys.executable, str(source), *FILES],
            zkey=self.folder / "circuit.zkey",
            verifying_key_words=self.key.verifying_key_words,
            folder=self.folder,
            deadline_seconds=deadline_seconds,
            on_killed=self.killed.append,
        )

    def prepare(self, words: list[int], inputs: list[int]) -> str:
        """A program that hands out this proof, after a look at what it was given."""
        (self.folder / "p").write_text(proof_json(words))
        (self.folder / "q").write_text(public_json(inputs))
        look = "assert open(wtns, 'rb').read(4) == b'wtns' and zkey.endswith('circuit.zkey')\n"
        return (
            look + f"shutil.copy({str(self.folder / 'p')!r}, proof)\nshutil.copy({str(self.folder / 'q')!r}, public)\n"
        )


@pytest.fixture
def bench(tmp_path: Path, key: KeyInfo) -> Bench:
    return Bench(tmp_path, key)


@pytest.fixture(scope="module")
def answer(key: KeyInfo, job: ProofJob) -> tuple[list[int], list[int]]:
    """The right proof and public inputs."""
    proof = native.prove(key.path, job)
    return list(proof.words), [proof.commitment, proof.x, proof.y]


async def test_a_programs_good_proof_is_taken(bench: Bench, job: ProofJob, answer: tuple[list[int], list[int]]) -> None:
    words, inputs = answer
    proof = await bench.backend(bench.prepare(words, inputs)).prove(job)
    assert list(proof.words) == words
    assert [proof.commitment, proof.x, proof.y] == inputs
    assert proof.seconds > 0
    assert sorted(path.name for path in bench.folder.iterdir()) == ["p", "program.py", "q"], "nothing is left behind"


async def test_a_program_counts_its_core_seconds(
    bench: Bench, job: ProofJob, answer: tuple[list[int], list[int]]
) -> None:
    backend = bench.backend("sum(range(3_000_000))\n" + bench.prepare(*answer))
    await backend.warm()
    await backend.prove(job)
    assert backend.core_seconds > 0


@pytest.mark.parametrize("changed", range(8))
async def test_a_changed_proof_is_never_handed_on(
    bench: Bench, job: ProofJob, answer: tuple[list[int], list[int]], changed: int
) -> None:
    words, inputs = list(answer[0]), answer[1]
    words[changed] ^= 1
    with pytest.raises(BackendError):
        await bench.backend(bench.prepare(words, inputs)).prove(job)


@pytest.mark.parametrize("changed", range(3))
async def test_public_inputs_of_something_else_are_refused(
    bench: Bench, job: ProofJob, answer: tuple[list[int], list[int]], changed: int
) -> None:
    words, inputs = answer[0], list(answer[1])
    inputs[changed] ^= 1
    with pytest.raises(BackendError, match="statement"):
        await bench.backend(bench.prepare(words, inputs)).prove(job)


@pytest.mark.parametrize(
    ("program", "said"),
    [
        ("sys.exit('no such curve')", "ended with 1: no such curve"),
        ("pass", "left no proof"),
        ("open(proof, 'w').write('[]'); open(public, 'w').write('[]')", "left no proof"),
        ("open(proof, 'wb').write(b'\\xff' * 10**6); open(public, 'w').write('[]')", "left no proof"),
        (
            "os.symlink('/dev/zero', proof); open(public, 'w').write('[]')",
            "left no proof",
        ),
        ("os.mkfifo(proof)", "left no proof"),
        ("os.abort()", "ended with -6"),
    ],
)
async def test_a_program_that_fails_or_answers_nonsense_is_one_error(
    bench: Bench, job: ProofJob, program: str, said: str
) -> None:
    with pytest.raises(BackendError, match=said) as failure:
        await bench.backend(program).prove(job)
    assert failure.value.code == "POE-BCK-030"
    assert "\n" not in str(failure.value)


async def test_a_program_that_is_not_there_is_named(bench: Bench, job: ProofJob) -> None:
    backend = bench.backend("pass")
    backend._command[0] = "/nowhere/prover"
    with pytest.raises(BackendError, match="/nowhere/prover cannot be started"):
        await backend.prove(job)


SLEEPER = """
child = os.fork()
if child == 0:
    time.sleep(600)
open({marker!r}, 'w').write(str(child))
os.rename({marker!r}, {marker!r} + '.whole')
time.sleep(600)
"""


def is_running(pid: int) -> bool:
    try:
        state = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except OSError:
        return False
    return state != "Z"


async def test_cancelling_kills_the_program_and_what_it_started(bench: Bench, job: ProofJob) -> None:
    marker = bench.folder / "child"
    backend = bench.backend(SLEEPER.format(marker=str(marker)))
    async with trio.open_nursery() as nursery:
        nursery.start_soon(backend.prove, job)
        with trio.fail_after(30):
            while not marker.with_name("child.whole").exists():  # noqa: ASYNC110 (another process makes it)
                await trio.sleep(0.01)
        nursery.cancel_scope.cancel()
    child = int(marker.with_name("child.whole").read_text())
    with trio.fail_after(10):
        while is_running(child):  # noqa: ASYNC110 (the kernel ends it)
            await trio.sleep(0.01)
    assert len(bench.killed) == 1


async def test_a_program_that_takes_too_long_is_killed(bench: Bench, job: ProofJob) -> None:
    with pytest.raises(BackendError, match=r"made no proof in 0\.5 s"):
        await bench.backend("time.sleep(600)", deadline_seconds=0.5).prove(job)


@pytest.mark.parametrize(
    "command",
    [
        [],
        ["prover"],
        ["prover", *FILES[:3]],
        ["prover", *FILES, "{password}"],
        ["prover", *FILES, "{}"],
        ["prover", *FILES, "{"],
    ],
)
def test_a_command_that_does_not_say_where_the_files_go_is_refused(command: list[str]) -> None:
    with pytest.raises(ConfigError) as refused:
        require_placeholders(command)
    assert refused.value.code == "POE-CFG-014"


def test_files_may_stand_inside_a_word() -> None:
    require_placeholders(["prover", "--key={zkey}", "--in={wtns}", "--out={proof},{public}"])
