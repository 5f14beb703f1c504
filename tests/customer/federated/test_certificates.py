"""Certificates and the roster."""

import json
import stat

import pytest
from cryptography import x509

from aislehub.core.errors import HubError
from aislehub.customer.federated.certificates import COORDINATOR, found, load_identity


def test_every_member_gets_a_folder_that_others_cannot_read(tmp_path):
    """Keys are readable by their owner only; each certificate is signed by the authority and on the roster."""
    found(tmp_path / "f", ["east", "north", "西店"])
    ca = x509.load_pem_x509_certificate((tmp_path / "f" / "authority" / "ca.pem").read_bytes())
    for name in (COORDINATOR, "east", "north", "西店"):
        assert stat.S_IMODE((tmp_path / "f" / name / "key.pem").stat().st_mode) == 0o600
        identity = load_identity(tmp_path / "f" / name)
        assert (identity.name, identity.parties) == (name, ("east", "north", "西店"))
        x509.load_der_x509_certificate(identity.certificate).verify_directly_issued_by(ca)


@pytest.mark.parametrize(
    ("names", "code"),
    [(["a", "b"], "few_parties"), (["a", "b", "b"], "names"), (["a", "b", "../c"], "names"),
     (["a", "b", "coordinator"], "names"), (["a", "b", ""], "names")],
)  # fmt: skip
def test_names_that_will_not_do_are_refused(tmp_path, names, code):
    """Too few, twice the same, a path, the coordinator's own; nothing is made."""
    with pytest.raises(HubError) as refused:
        found(tmp_path / "f", names)
    assert refused.value.code == f"federated.{code}"
    assert not (tmp_path / "f").exists()


def test_certificates_in_use_are_never_overwritten(federation):
    """A folder that holds something is left alone."""
    with pytest.raises(HubError) as refused:
        found(federation.folder / "members", ["a", "b", "c"])
    assert refused.value.code == "federated.folder"


def test_a_folder_that_is_none_says_what_is_missing(federation, tmp_path):
    """An empty folder, and one whose roster knows another certificate."""
    (tmp_path / "empty").mkdir()
    with pytest.raises(HubError) as refused:
        load_identity(tmp_path / "empty")
    assert refused.value.code == "federated.no_identity"
    folder = federation.members["east"].folder
    roster = json.loads((folder / "roster.json").read_text())
    (folder / "roster.json").write_text(json.dumps(roster | {"east": roster["west"], "west": roster["north"]}))
    with pytest.raises(HubError) as refused:
        load_identity(folder)
    assert refused.value.code == "federated.stranger"


def test_a_certificate_ends(tmp_path, federation):
    """One that is no longer valid is refused before anybody is called."""
    found(tmp_path / "old", ["a", "b", "c"], days=0)
    with pytest.raises(HubError) as refused:
        load_identity(tmp_path / "old" / "a")
    assert refused.value.code == "federated.expired"
