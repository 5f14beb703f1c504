"""The house's secrets: one to look identities up, one to keep their values under, one to sign proofs with.

They are made at the first use, in `keys/` of the home folder, readable by its owner alone. Without the first,
identities are not found any more and the suppression of erased persons ends; without the third, old proofs still
verify, for each carries its public key.
"""

from __future__ import annotations

import hashlib
import hmac
import os
import secrets
import stat
from collections.abc import Callable
from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from cryptography.fernet import Fernet
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from filelock import FileLock

from aislehub.core.errors import HubError

__all__ = ["FOLDER", "HouseKeys", "house_keys"]

FOLDER = "keys"
_MADE: dict[str, Callable[[], bytes]] = {
    "lookup.key": lambda: secrets.token_bytes(32),
    "values.key": Fernet.generate_key,
    "proofs.key": lambda: Ed25519PrivateKey.generate().private_bytes_raw(),
}


@dataclass(frozen=True)
class HouseKeys:
    """The three secrets of one home, opened."""

    lookup: bytes
    values: Fernet
    proofs: Ed25519PrivateKey

    def digest(self, kind: str, value: str) -> str:
        """64 hexadecimal digits for a value, which nobody can try out without the house's secret (HMAC-SHA-256)."""
        return hmac.new(self.lookup, f"{kind}\x1f{value}".encode(), hashlib.sha256).hexdigest()

    def locked(self, value: str) -> str:
        return self.values.encrypt(value.encode()).decode()

    def opened(self, locked: str) -> str:
        return self.values.decrypt(locked.encode()).decode()


def house_keys(home: Path) -> HouseKeys:
    """The secrets of a home, made where it has none yet.

    Raises:
        HubError: `privacy.key_open` when others than the owner may read one.
    """
    folder = home / FOLDER
    if any(not (folder / name).exists() for name in _MADE):
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        with FileLock(folder / ".lock"):
            for name, make in _MADE.items():
                _make(folder / name, make)
    return _opened(folder, tuple(_mark(folder / name) for name in _MADE))


@lru_cache(maxsize=64)
def _opened(folder: Path, marks: tuple[tuple[int, int], ...]) -> HouseKeys:
    """The secrets as they lie there, read once: questions are screened with them hundreds of times a second."""
    lookup, values, proofs = ((folder / name).read_bytes() for name in _MADE)
    return HouseKeys(lookup, Fernet(values), Ed25519PrivateKey.from_private_bytes(proofs))


def _mark(path: Path) -> tuple[int, int]:
    """Another one wherever another key lies there; refuses one that others may read."""
    found = path.stat()
    mode = stat.S_IMODE(found.st_mode)
    if mode & 0o077:
        raise HubError("privacy.key_open", file=path, mode=f"{mode:o}")
    return found.st_mtime_ns, found.st_ino


def _make(path: Path, make: Callable[[], bytes]) -> None:
    if path.exists():
        return
    fresh = path.with_suffix(".new")
    with os.fdopen(os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as stream:
        stream.write(make())
        stream.flush()
        os.fsync(stream.fileno())
    fresh.replace(path)
