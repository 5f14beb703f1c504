"""Who is who: a federation's own authority, a certificate a party, and a roster that each party checks against.

Keys are Ed25519 (RFC 8032). The same key speaks TLS and signs a party's messages, so that a coordinator cannot put keys
of its own between two parties. Whoever holds the authority's key could make up parties; therefore everybody also has
a roster with the fingerprint of each member, and knows nobody who is not on it.
"""

from __future__ import annotations

import json
import os
import re
import ssl
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path

from cryptography import x509
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey, Ed25519PublicKey
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    NoEncryption,
    PrivateFormat,
    load_pem_private_key,
)
from cryptography.x509.oid import NameOID

from aislehub.core.errors import HubError

__all__ = ["COORDINATOR", "LEAST_PARTIES", "Identity", "client_tls", "found", "load_identity", "server_tls"]

COORDINATOR = "coordinator"
LEAST_PARTIES = 3  # of two, each knows the other's sum
_NAME = re.compile(r"[\w][\w .-]{0,62}")
_FILES = ("cert.pem", "key.pem", "ca.pem", "roster.json")


@dataclass(frozen=True)
class Identity:
    """One member of a federation, as its folder has it.

    Attributes:
        name: `coordinator`, or the party's name.
        roster: fingerprint (SHA-256, hexadecimal) of every member's certificate by name.
    """

    name: str
    folder: Path
    key: Ed25519PrivateKey
    certificate: bytes
    roster: Mapping[str, str]

    @property
    def parties(self) -> tuple[str, ...]:
        return tuple(sorted(name for name in self.roster if name != COORDINATOR))

    def known(self, certificate: bytes) -> str:
        """Whose certificate (DER) it is, by the roster.

        Raises:
            HubError: `federated.stranger`.
        """
        mark = _fingerprint(certificate)
        for name, expected in self.roster.items():
            if mark == expected:
                return name
        raise HubError("federated.stranger", fingerprint=mark[:16])

    def sign(self, message: bytes) -> bytes:
        return self.key.sign(message)

    def check(self, name: str, certificate: bytes, signature: bytes, message: bytes) -> None:
        """That the party `name` of the roster signed it.

        Raises:
            HubError: `federated.stranger`, `federated.signature`.
        """
        if self.known(certificate) != name:
            raise HubError("federated.stranger", fingerprint=_fingerprint(certificate)[:16])
        key = x509.load_der_x509_certificate(certificate).public_key()
        try:
            if not isinstance(key, Ed25519PublicKey):
                raise HubError("federated.signature", party=name)
            key.verify(signature, message)
        except InvalidSignature as error:
            raise HubError("federated.signature", party=name) from error


def found(folder: Path, parties: Sequence[str], *, days: int = 365) -> list[Path]:
    """Make the authority, and a folder for the coordinator and for each party, to be carried to them safely.

    Raises:
        HubError: `federated.names`, `federated.few_parties`, `federated.folder` where the folder holds something.
    """
    unfit = [name for name in parties if not _NAME.fullmatch(name) or name == COORDINATOR]
    if unfit or len(set(parties)) < len(parties):
        raise HubError("federated.names", names=", ".join(unfit or parties))
    if len(parties) < LEAST_PARTIES:
        raise HubError("federated.few_parties", parties=len(parties), least=LEAST_PARTIES)
    if folder.exists() and any(folder.iterdir()):
        raise HubError("federated.folder", folder=folder)
    authority = Ed25519PrivateKey.generate()
    ca = _certificate("aislehub federation", authority, None, authority, days)
    made: dict[str, tuple[bytes, bytes]] = {}
    for name in (COORDINATOR, *parties):
        key = Ed25519PrivateKey.generate()
        made[name] = _pem(key), _certificate(name, key, ca, authority, days).public_bytes(Encoding.PEM)
    roster = {name: _fingerprint(_der(certificate)) for name, (_, certificate) in made.items()}
    _write(folder / "authority", {"ca.pem": ca.public_bytes(Encoding.PEM), "ca.key": _pem(authority)})
    for name, (private, certificate) in made.items():
        contents = (certificate, private, ca.public_bytes(Encoding.PEM), json.dumps(roster, indent=2).encode())
        _write(folder / name, dict(zip(_FILES, contents, strict=True)))
    return [folder / name for name in ("authority", *made)]


def load_identity(folder: Path) -> Identity:
    """Read a member's folder.

    Raises:
        HubError: `federated.no_identity`, `federated.expired`, `federated.stranger` when its roster does not name it.
    """
    try:
        certificate = _der((folder / "cert.pem").read_bytes())
        key = load_pem_private_key((folder / "key.pem").read_bytes(), None)
        _der((folder / "ca.pem").read_bytes())
        roster = {**json.loads((folder / "roster.json").read_text(encoding="utf-8"))}
    except (OSError, ValueError, TypeError) as error:
        raise HubError("federated.no_identity", folder=folder, why=error) from error
    if not isinstance(key, Ed25519PrivateKey):
        raise HubError("federated.no_identity", folder=folder, why="key.pem")
    until = x509.load_der_x509_certificate(certificate).not_valid_after_utc
    if until < datetime.now(UTC):
        raise HubError("federated.expired", folder=folder, until=f"{until:%Y-%m-%d}")
    nameless = Identity("", folder, key, certificate, roster)
    return Identity(nameless.known(certificate), folder, key, certificate, roster)


def server_tls(identity: Identity) -> ssl.SSLContext:
    """TLS 1.3 of the coordinator, which lets in nobody without a certificate of this federation."""
    return _tls(identity, ssl.PROTOCOL_TLS_SERVER)


def client_tls(identity: Identity) -> ssl.SSLContext:
    """TLS 1.3 of a party. The other end is known by its certificate on the roster, whatever its host is called."""
    context = _tls(identity, ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    return context


def _tls(identity: Identity, protocol: int) -> ssl.SSLContext:
    context = ssl.SSLContext(protocol)
    context.minimum_version = ssl.TLSVersion.TLSv1_3
    context.load_cert_chain(identity.folder / "cert.pem", identity.folder / "key.pem")
    context.load_verify_locations(identity.folder / "ca.pem")
    context.verify_mode = ssl.CERT_REQUIRED
    return context


def _certificate(
    name: str, key: Ed25519PrivateKey, ca: x509.Certificate | None, authority: Ed25519PrivateKey, days: int
) -> x509.Certificate:
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name)])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(ca.subject if ca else subject)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))  # clocks differ
        .not_valid_after(now + timedelta(days=days))
        .add_extension(x509.BasicConstraints(ca=ca is None, path_length=0 if ca is None else None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
        .add_extension(x509.AuthorityKeyIdentifier.from_issuer_public_key(authority.public_key()), critical=False)
    )
    return builder.sign(authority, None)


def _fingerprint(certificate: bytes) -> str:
    return x509.load_der_x509_certificate(certificate).fingerprint(SHA256()).hex()


def _der(pem: bytes) -> bytes:
    return x509.load_pem_x509_certificate(pem).public_bytes(Encoding.DER)


def _pem(key: Ed25519PrivateKey) -> bytes:
    return key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())


def _write(folder: Path, files: Mapping[str, bytes]) -> None:
    folder.mkdir(parents=True)
    for name, content in files.items():
        descriptor = os.open(folder / name, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
