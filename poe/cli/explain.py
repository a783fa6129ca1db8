"""`poe explain`: what an error code means and what to do about it."""

from __future__ import annotations

import difflib
import json as json_module

from cyclopts import App

app = App(name="explain", help="What an error code means.")


@app.default
def explain(code: str = "", /, *, json: bool = False) -> None:
    """Print what an error code means and the way out; all of them without one.

    Parameters
    ----------
    code
        Such as POE-L1-004, in any case, with or without POE-.
    json
        Print JSON.
    """
    from poe.codes import CODES

    chosen = CODES if not code else {full: CODES[full] for full in [_full(code)]}
    if json:
        print(json_module.dumps({one: {"what": m.what, "way_out": m.way_out} for one, m in chosen.items()}, indent=1))
        return
    for one, meaning in chosen.items():
        print(f"{one}  {meaning.what}\n{' ' * len(one)}  {meaning.way_out}")


def _full(code: str) -> str:
    from poe.codes import CODES
    from poe.errors import InputError

    full = code.upper()
    full = full if full.startswith("POE-") else f"POE-{full}"
    if full not in CODES:
        close = difflib.get_close_matches(full, CODES, n=1)
        fix = f"did you mean {close[0]}?" if close else "`poe explain` lists all of them"
        raise InputError(f"there is no code {code}", fix=fix, code="POE-INP-042")
    return full
