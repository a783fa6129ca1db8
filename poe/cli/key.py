"""`poe key`: L1 and L2 keys on disk."""

from __future__ import annotations

from pathlib import Path

from cyclopts import App

app = App(name="key", help="L1 and L2 keys on disk.")


@app.command
def new(path: Path) -> None:
    """Make a new key file (mode 0600) and print its address.

    Parameters
    ----------
    path
        File to create; an existing one is never overwritten.
    """
    from poe.l1.keys import address_of, create_key

    print("0x" + address_of(create_key(path)).hex())


@app.command
def address(path: Path) -> None:
    """Print the address of a key file.

    Parameters
    ----------
    path
        The key file.
    """
    from poe.l1.keys import address_of, load_key

    print("0x" + address_of(load_key(path)).hex())


@app.command
def new_l2(path: Path) -> None:
    """Make a new L2 key file (mode 0600) and print its public key, 64 bytes.

    Parameters
    ----------
    path
        File to create; an existing one is never overwritten.
    """
    from poe.cli.wallet import create_l2_secret, show_public_key

    print(show_public_key(create_l2_secret(path)))


@app.command
def address_l2(path: Path) -> None:
    """Print the public key of an L2 key file, 64 bytes.

    Parameters
    ----------
    path
        The L2 key file.
    """
    from poe.cli.wallet import load_l2_secret, show_public_key

    print(show_public_key(load_l2_secret(path)))
