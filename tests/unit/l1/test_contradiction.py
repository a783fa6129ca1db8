"""Each node says so when L1 takes a result that its own execution denies, once, with what raises the alarm."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from poe.cli import relaying
from poe.cli.proof_file import encode_proof
from poe.errors import InputError
from poe.prover.shelf import FinishedProof, ShelvedProof
from poe.rollup.types import BatchNumber, FieldElement
from tests.fakes_l1 import PARAMETERS, accepted, finalized
from tests.fakes_prover import PROOF, RIVAL, TERMS, Scene
from tests.unit.sequencer.rig import Rig

TOLD = "l1_contradicts_us code=POE-L1-090 batch=1 "


def told(caplog: pytest.LogCaptureFixture) -> list[str]:
    return [line for line in caplog.messages if line.startswith("l1_contradicts_us")]


@pytest.fixture
def scene() -> Scene:
    scene = Scene()
    scene.post(1, [5, 6])
    return scene


def test_a_prover_tells_of_a_proof_on_its_own_root_that_ends_elsewhere(
    scene: Scene, caplog: pytest.LogCaptureFixture
) -> None:
    old, new, _ = scene.roots(5, 6)
    scene.follow(accepted(1, old, new + 1, payee=RIVAL))
    (line,) = told(caplog)
    assert line.startswith(f"{TOLD}l1_root={new + 1:#x} our_root={new:#x} ")
    assert "`poe prover export-proof 1 --out PROOF`" in line
    assert f"`poe arbiter raise-alarm --proof PROOF --arbiter 0x{PARAMETERS.address.hex()} --chain-id 31337 " in line
    scene.follow(finalized(1, new + 1, payee=RIVAL))
    scene.follow()
    assert len(told(caplog)) == 1


def test_a_proof_on_a_root_that_is_not_ours_contradicts_nothing(scene: Scene, caplog: pytest.LogCaptureFixture) -> None:
    old, new, _ = scene.roots(5, 6)
    scene.follow(accepted(1, old + 1, new + 1, payee=RIVAL))
    scene.accept(1)
    scene.accept(2)
    assert told(caplog) == []


async def test_a_sequencer_tells_of_a_final_root_that_is_not_its_own_once(caplog: pytest.LogCaptureFixture) -> None:
    rig = await Rig().with_users(4)
    rig.l1.finalize(root=rig.chain.root + 1)
    rig.l1.mine()
    await rig.sync()
    rig.l1.mine()
    await rig.sync()
    (line,) = told(caplog)
    assert line.startswith(f"{TOLD}l1_root={rig.chain.root + 1:#x} our_root={rig.chain.root:#x} ")


async def test_a_sequencer_that_agrees_says_nothing(caplog: pytest.LogCaptureFixture) -> None:
    rig = await Rig().with_users(4)
    rig.l1.finalize(root=rig.chain.root)
    await rig.sync()
    assert told(caplog) == []


def test_a_relayer_is_told_that_a_file_raises_the_alarm(
    scene: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(relaying, "_require_proof", lambda *_: None)
    candidate = scene.candidates.open()[0]
    scene.accept(1)
    scene.finalize(1)
    old, new, _ = scene.roots(5, 6)
    honest = ShelvedProof(
        domain=TERMS.domain,
        number=BatchNumber(1),
        batch_hash=candidate.batch_hash,
        old_root=old,
        new_root=new,
        payee=TERMS.payee,
        tip=TERMS.tip,
        exits=(),
        finished=FinishedProof(proof=PROOF, at=1.0),
    )
    rollup: Any = SimpleNamespace(domain=TERMS.domain, parameters=PARAMETERS)

    def verdict(proof: ShelvedProof) -> InputError:
        file = tmp_path / "proof.json"
        file.write_text(encode_proof(proof))
        with pytest.raises(InputError) as refused:
            relaying.read_offer(file, rollup, scene.ledger)
        return refused.value

    other = replace(honest, new_root=FieldElement(new + 1))
    assert verdict(other).code == relaying.CONTRADICTS
    assert f"`poe arbiter raise-alarm --proof {tmp_path / 'proof.json'}`" in verdict(other).message
    assert verdict(honest).code == relaying.LATE
    assert verdict(replace(other, old_root=FieldElement(old + 1))).code == relaying.LATE
    assert verdict(replace(other, number=BatchNumber(0))).code == relaying.LATE
