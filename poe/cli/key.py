"""`poe key`: L1 and L2 keys on disk."""

from __future__ import annotations

import json as json_module
from pathlib import Path
from typing import Annotated

from cyclopts import App, Parameter

app = App(name="key", help="L1 and L2 keys on disk.")


@app.command
def new(
    path: Path, *, keystore: Annotated[bool, Parameter(negative="")] = False, password_file: Path | None = None
) -> None:
    """Make a new key file (mode 0600) and print its address.

    Parameters
    ----------
    path
        File to create; an existing one is never overwritten.
    keystore
        Write a Web3 keystore, as `cast wallet` does, and ask for its password; otherwise 64 hex digits.
    password_file
        File with the keystore's password, mode 0600; implies --keystore.
    """
    from poe.cli.passwords import new_password
    from poe.l1.keys import address_of, create_key

    password = new_password(password_file, of=path) if keystore or password_file else None
    print("0x" + address_of(create_key(path, password)).hex())


@app.command(name="import")
def import_(
    source: Path, path: Path, *, password_file: Path | None = None, source_password_file: Path | None = None
) -> None:
    """Write the key of another file as a new Web3 keystore (mode 0600) and print its address.

    Parameters
    ----------
    source
        A key file of 64 hex digits, or a keystore of `cast wallet`, geth or clef.
    path
        Keystore to create; an existing file is never overwritten.
    password_file
        File with the new keystore's password, mode 0600; else it is asked for.
    source_password_file
        File with the source's password, if it is a keystore; else it is asked for.
    """
    from poe.cli.passwords import load_account, new_password
    from poe.l1.keys import address_of, write_keystore

    key = load_account(source, source_password_file)
    write_keystore(path, key, new_password(password_file, of=path))
    print("0x" + address_of(key).hex())


@app.command(name="list")
def list_(folder: Path = Path(), *, json: bool = False) -> None:
    """List the key files of a folder: address, kind, name, and what is wrong with them. Opens no keystore.

    Parameters
    ----------
    folder
        Where to look, such as ~/.foundry/keystores.
    json
        Print JSON.
    """
    found = [row for path in sorted(_files(folder)) if (row := _describe(path))]
    if json:
        print(json_module.dumps(found, indent=1))
        return
    for row in found:
        print(f"{row['address'] or '(not in the file)':42}  {row['kind']:8}  {row['name']}  {row['problem']}".rstrip())


def _files(folder: Path) -> list[Path]:
    from poe.errors import InputError

    try:
        return [path for path in folder.expanduser().iterdir() if path.is_file()]
    except OSError as error:
        raise InputError(f"{folder} cannot be listed: {error.strerror}") from None


def _describe(path: Path) -> dict[str, str] | None:
    """A key file's row; None for what is no key file."""
    from poe.errors import ConfigError
    from poe.l1.keys import describe_key_file

    try:
        kind, address = describe_key_file(path)
    except ConfigError as error:
        if error.code != "POE-CFG-021":
            return None
        return {"name": path.name, "kind": "unsafe", "address": "", "problem": f"{error.code}: {error.fix}"}
    return {"name": path.name, "kind": kind, "address": address, "problem": ""}


@app.command
def address(path: Path, *, password_file: Path | None = None) -> None:
    """Print the address of a key file.

    Parameters
    ----------
    path
        The key file.
    password_file
        File with the password, if it is a keystore; else it is asked for.
    """
    from poe.cli.passwords import load_account
    from poe.l1.keys import address_of

    print("0x" + address_of(load_account(path, password_file)).hex())


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
