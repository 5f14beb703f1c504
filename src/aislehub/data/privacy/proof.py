"""The proof of an erasure: a JSON document that the house signs (Ed25519) and that names nobody.

The person stands in it as a salted SHA-256: who knows the key can see that the proof is about it, nobody else can tell
whose it is. What is signed is the document without `signature`, as canonical JSON (sorted keys, no blanks, UTF-8).
"""

from __future__ import annotations

import base64
import hashlib
import json
import os
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

from aislehub.core.errors import HubError
from aislehub.data.privacy.keys import house_keys

__all__ = ["Verified", "check", "fingerprint", "hashed", "signed", "verified", "write_proof"]


@dataclass(frozen=True)
class Verified:
    """What a proof turned out to be.

    Attributes:
        own: it was signed with the key of the home that looks at it.
        about: the person asked for is the one; None = nobody was asked for.
    """

    document: Mapping[str, Any]
    own: bool
    about: bool | None


def hashed(person: str) -> dict[str, str]:
    """A person key as a salt and SHA-256 of salt and key."""
    salt = secrets.token_hex(16)
    return {"salt": salt, "sha256": hashlib.sha256(bytes.fromhex(salt) + person.encode()).hexdigest()}


def signed(home: Path, document: Mapping[str, Any]) -> dict[str, Any]:
    """The document with the house's public key and its signature over all the rest."""
    key = house_keys(home).proofs
    whole = {**document, "public_key": _text(key.public_key().public_bytes_raw())}
    return whole | {"signature": _text(key.sign(_canonical(whole)))}


def write_proof(path: Path, document: Mapping[str, Any]) -> None:
    """Write it whole or not at all.

    Raises:
        HubError: `file.unwritable`.
    """
    partial = path.with_name(f".{path.name}.part")
    try:
        partial.write_text(json.dumps(dict(document), ensure_ascii=False, indent=2), encoding="utf-8")
        os.replace(partial, path)
    except OSError as error:
        raise HubError("file.unwritable", file=path, why=error) from error


def verified(path: Path, home: Path, person: str = "") -> Verified:
    """Read a proof and check its signature.

    Raises:
        HubError: `file.missing`, `privacy.no_proof`, `privacy.forged` when the signature does not fit.
    """
    if not path.is_file():
        raise HubError("file.missing", file=path)
    return check(path.read_text(encoding="utf-8", errors="replace"), home, person, str(path))


def check(text: str, home: Path, person: str = "", name: str = "") -> Verified:
    """The same of a proof's text; `name` is what errors call it.

    Raises:
        HubError: `privacy.no_proof`, `privacy.forged`.
    """
    try:
        document = json.loads(text)
        key, signature = (base64.b64decode(document[name], validate=True) for name in ("public_key", "signature"))
        public = Ed25519PublicKey.from_public_bytes(key)
        persons = [(bytes.fromhex(one["salt"]), one["sha256"]) for one in document["persons"]]
    except (ValueError, TypeError, KeyError) as error:
        raise HubError("privacy.no_proof", file=name) from error
    rest = {name: value for name, value in document.items() if name != "signature"}
    try:
        public.verify(signature, _canonical(rest))
    except InvalidSignature as error:
        raise HubError("privacy.forged", file=name) from error
    about = any(hashlib.sha256(salt + person.encode()).hexdigest() == digest for salt, digest in persons)
    own = house_keys(home).proofs.public_key().public_bytes_raw() == key
    return Verified(document, own, about if person else None)


def fingerprint(public_key: str) -> str:
    """The first 16 hexadecimal digits of the SHA-256 of a public key, to compare by eye."""
    return hashlib.sha256(base64.b64decode(public_key)).hexdigest()[:16]


def _canonical(document: Mapping[str, Any]) -> bytes:
    return json.dumps(document, ensure_ascii=False, sort_keys=True, separators=(",", ":")).encode()


def _text(raw: bytes) -> str:
    return base64.b64encode(raw).decode()
