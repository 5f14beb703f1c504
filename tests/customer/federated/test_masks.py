"""Keys and masks."""

import numpy as np
import pytest
from cryptography.hazmat.primitives.asymmetric.x25519 import X25519PrivateKey
from cryptography.hazmat.primitives.ciphers import Cipher
from cryptography.hazmat.primitives.ciphers.algorithms import AES256
from cryptography.hazmat.primitives.ciphers.modes import ECB

from aislehub.core.errors import HubError
from aislehub.customer.federated.masks import agree, expand, opened, sealed


def test_both_sides_come_to_the_same_key_for_one_purpose():
    """X25519 agreements are symmetric, differ by purpose, and refuse a key that is the same for everybody."""
    one, other = X25519PrivateKey.generate(), X25519PrivateKey.generate()
    publics = [key.public_key().public_bytes_raw() for key in (one, other)]
    assert agree(one, publics[1], b"mask") == agree(other, publics[0], b"mask") != agree(one, publics[1], b"shares")
    for bad in (bytes(32), b"short"):
        with pytest.raises(HubError) as refused:
            agree(one, bad, b"mask")
        assert refused.value.code == "federated.bad_key"


def test_a_mask_is_the_counter_mode_of_aes():
    """Two numbers of a mask are the cipher of block 0 under the key, so that any AES checks them."""
    key = bytes(range(32))
    block = Cipher(AES256(key), ECB()).encryptor().update(bytes(16))
    assert expand(key, 2).tolist() == np.frombuffer(block, "<u8").tolist()


def test_masks_are_uniform():
    """Bytes of a mask are even by chi-squared: 255 degrees of freedom, within five standard deviations."""
    counts = np.bincount(expand(bytes(31) + b"\x01", 100_000).view(np.uint8), minlength=256)
    chi = ((counts - 3125.0) ** 2 / 3125.0).sum()
    assert abs(chi - 255) < 5 * np.sqrt(2 * 255)


def test_an_envelope_opens_with_its_key_only():
    """A changed bit or another key gives nothing."""
    envelope = sealed(bytes(32), b"shares")
    assert opened(bytes(32), envelope) == b"shares"
    assert opened(b"\x01" * 32, envelope) is None
    assert opened(bytes(32), envelope[:-1] + bytes([envelope[-1] ^ 1])) is None
