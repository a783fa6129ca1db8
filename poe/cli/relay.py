"""`poe prover export-proof` and `relay`: a proof goes out as a file, and anybody lands it for its tip."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from poe.cli.rollup import Facts, RollupFlags

if TYPE_CHECKING:
    from poe.cli.wallet import Rollup


def export_proof(batch: int, /, *, data_dir: Path = Path("poe-data"), out: Path | None = None) -> None:
    """Write a finished proof of this node as a file for a relayer, while the node runs or not; nothing in it is secret.

    Parameters
    ----------
    batch
        The batch's number.
    data_dir
        The node's data folder.
    out
        The file to write; standard output if not given.
    """
    from poe.cli.proof_file import encode_proof
    from poe.errors import InputError
    from poe.journal import FILE, peek
    from poe.prover.shelf import KIND, shelved

    if not (data_dir / FILE).is_file():
        fix = "name the folder that is data_dir in its settings"
        raise InputError(f"{data_dir} is no prover's data folder", fix=fix, code="POE-INP-043")
    found = shelved(peek(data_dir, KIND), batch)
    if not found:
        raise InputError(f"{data_dir} holds no finished proof of batch {batch}", code="POE-INP-044")
    text = encode_proof(found[-1])
    if out is None:
        print(text, end="")
        return
    try:
        out.write_text(text)
    except OSError as error:
        raise InputError(f"{out} cannot be written: {error.strerror}", code="POE-INP-017") from None


def relay(*files: Path, rollup: RollupFlags = RollupFlags(), l1_key: Path) -> None:
    """Check other people's proofs and land, in one transaction, those whose tips pay for the gas.

    Parameters
    ----------
    files
        Files that `export-proof` wrote.
    l1_key
        Key file of the L1 account that pays the gas and is credited the tips.
    """
    from poe.cli.relaying import as_json
    from poe.cli.relaying import relay as relay_files
    from poe.cli.wallet import read_ledger
    from poe.errors import InputError

    if not files:
        raise InputError("no files to relay", field="files", fix="name what `export-proof` wrote")

    async def work(of: Rollup) -> tuple[str, Facts]:
        arbiter, ledger = await of.client(l1_key), await read_ledger(of)
        verdicts = await relay_files(files, of, ledger, arbiter)
        lines = [f"{one.file}: {one.code} {one.text}" for one in verdicts]
        return "\n".join(lines), {"files": [as_json(one) for one in verdicts]}

    rollup.run(work)
