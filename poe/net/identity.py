"""The node's own key: Ed25519, in a file of mode 0600, made at the first start."""

from __future__ import annotations

import os
from pathlib import Path

from poe.errors import NetError
from poe.net.library import KeyPair, KeyType, create_ed25519_key_pair, load_identity

BAD_IDENTITY = "POE-NET-005"


def load_or_create_identity(path: Path) -> KeyPair:
    """The key in `path`, created there if there is none; NetError if the file is open to others or not a key."""
    if not path.exists():
        try:
            return _create(path)
        except OSError as error:
            raise NetError(f"identity file {path} cannot be written: {error}", code=BAD_IDENTITY) from error
    return _load(path)


def _create(path: Path) -> KeyPair:
    """Write the whole key under another name first, so that no crash leaves half a key."""
    path.parent.mkdir(parents=True, exist_ok=True)
    key_pair = create_ed25519_key_pair()
    unfinished = path.with_name(f"{path.name}.{os.getpid()}.new")
    descriptor = os.open(unfinished, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(key_pair.private_key.serialize())
            file.flush()
            os.fsync(file.fileno())
        os.link(unfinished, path)
    finally:
        unfinished.unlink()
    return key_pair


def _load(path: Path) -> KeyPair:
    mode = path.stat().st_mode & 0o777
    if mode & 0o077:
        raise NetError(
            f"identity file {path} is readable by others (mode {mode:o})",
            fix=f"chmod 600 {path}",
            code=BAD_IDENTITY,
        )
    try:
        key_pair = load_identity(path)
    except (OSError, ValueError) as error:
        raise NetError(
            f"identity file {path} is not a key", fix="delete it and a new one is made", code=BAD_IDENTITY
        ) from error
    if key_pair.public_key.get_type() is not KeyType.Ed25519:
        raise NetError(f"identity file {path} does not hold an Ed25519 key", code=BAD_IDENTITY)
    return key_pair
