"""Masks: keys that two parties agree on, and the random numbers that a key stands for.

X25519 (RFC 7748) gives two parties one secret, HKDF-SHA256 (RFC 5869) a key for one purpose of it, AES-256 in counter
mode the numbers, AES-256-GCM the envelope in which shares travel past the coordinator.
"""

from __future__ import annotations

import numpy as np
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey, X25519PublicKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import CTR
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from aislehub.core.errors import HubError
from aislehub.customer.federated.fixed import Vector

__all__ = ["KEY", "agree", "expand", "opened", "sealed"]

KEY = 32  # bytes

_NONCE = bytes(12)  # a key seals one message only


def agree(own: X25519PrivateKey, other: bytes, purpose: bytes) -> bytes:
    """The key of 32 bytes that both sides come to, for this purpose.

    Raises:
        HubError: `federated.bad_key` for a public key that is none.
    """
    try:
        secret = own.exchange(X25519PublicKey.from_public_bytes(other))
    except ValueError as error:  # a wrong length, or a point that gives everybody the same secret
        raise HubError("federated.bad_key") from error
    return HKDF(SHA256(), 32, salt=None, info=b"aislehub federated\0" + purpose).derive(secret)


def expand(key: bytes, length: int) -> Vector:
    """The `length` uniform numbers that a key of 32 bytes stands for. A key is used for one vector only."""
    stream = Cipher(AES256(key), CTR(bytes(16))).encryptor()
    return np.frombuffer(stream.update(bytes(8 * length)), dtype="<u8").astype(np.uint64)


def sealed(key: bytes, plain: bytes) -> bytes:
    """An envelope that only the key opens. A key seals one message only."""
    return AESGCM(key).encrypt(_NONCE, plain, None)


def opened(key: bytes, envelope: bytes) -> bytes | None:
    """What is in an envelope; None if this key does not open it."""
    try:
        return AESGCM(key).decrypt(_NONCE, envelope, None)
    except InvalidTag:
        return None
