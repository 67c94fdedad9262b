"""Whom both shells trust, by which name they ask for him, and what they show of him."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from both_shells.archive import Archive
from both_shells.faces import Shell
from dicomnet.errors import TlsFailed
from dicomnet.tls import TlsConfig, VerifyMode
from dicomnet.tls.checks import fingerprint
from tls.certificates import Site, make_site, revoke

MakeArchive = Callable[..., Archive]


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("hospital"))


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_a_pinned_certificate_is_trusted_and_another_gets_nothing(
    shell: Shell, make_archive: MakeArchive, hospital: Site, version: Any
) -> None:
    """The other side sees its connection closed and is asked nothing; the error names the fingerprint that was seen."""
    seen, other = fingerprint(hospital.expired.der), fingerprint(hospital.server.der)
    archive = make_archive(tls=TlsConfig(certificate=hospital.expired.file))
    with pytest.raises(TlsFailed, match=seen):
        shell.associate(archive.address, tls=TlsConfig(pin=other, maximum_version=version))
    archive.expect("closed")
    assert archive.log == ["closed"]
    with shell.associate(archive.address, tls=TlsConfig(pin=[other, seen], maximum_version=version)) as association:
        assert association.echo() == 0


@pytest.mark.parametrize(
    ("host", "settings", "asked_for"),
    [
        ("127.0.0.1", {"verify": VerifyMode.UNSAFE_ANY_NAME}, None),
        ("127.0.0.1", {"peer_name": "pacs.example"}, "pacs.example"),
        ("localhost", {"verify": VerifyMode.UNSAFE_ANY_NAME}, "localhost"),
        ("localhost", {"peer_name": "127.0.0.1"}, None),
    ],
)
def test_the_name_that_is_checked_is_the_name_that_is_asked_for(
    shell: Shell, make_archive: MakeArchive, hospital: Site, host: str, settings: dict[str, Any], asked_for: str | None
) -> None:
    """RFC 6066 3: the server name is a host's and never an address; `peer_name` stands for both uses of it."""
    context = TlsConfig(certificate=hospital.server.file).acceptor_context()
    names: list[str | None] = []
    context.sni_callback = lambda _, name, __: names.append(name)
    archive = make_archive(tls=TlsConfig(ssl_context=context))
    address = archive.address.replace("127.0.0.1", host)
    with shell.associate(address, tls=TlsConfig(ca_file=hospital.authority.file, **settings)) as association:
        assert association.echo() == 0
    assert names == [asked_for]


def test_a_name_that_the_certificate_does_not_bear_is_no_way_around(
    shell: Shell, make_archive: MakeArchive, hospital: Site
) -> None:
    """The host would be right, but `peer_name` is what counts."""
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file))
    with pytest.raises(TlsFailed):
        shell.associate(archive.address, tls=TlsConfig(ca_file=hospital.authority.file, peer_name="other.example"))


def test_a_revoked_certificate_is_refused(
    shell: Shell, make_archive: MakeArchive, hospital: Site, tmp_path: Path
) -> None:
    """The error says that it is revoked."""
    crl = revoke(tmp_path / "crl", hospital.authority, [hospital.server])
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file))
    with pytest.raises(TlsFailed, match="revoked"):
        shell.associate(archive.address, tls=TlsConfig(ca_file=hospital.authority.file, crl_file=crl))


def test_an_association_shows_its_secure_link(shell: Shell, make_archive: MakeArchive, hospital: Site) -> None:
    """Version, suite, and the peer's certificate with its names and fingerprint; a plain one has none."""
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file))
    with shell.associate(archive.address, tls=TlsConfig(ca_file=hospital.authority.file)) as association:
        facts = association.tls
        assert association.is_secure
        assert facts.version == "TLSv1.3"
        assert facts.cipher.name.startswith("TLS_")
        assert facts.peer.names == ("pacs.example", "127.0.0.1")
        assert facts.peer.certificate == hospital.server.der
    with shell.associate(make_archive().address) as association:
        assert not association.is_secure
        assert association.tls is None


def test_a_requestor_that_lives_on_sees_new_files(
    shell: Shell, make_archive: MakeArchive, hospital: Site, tmp_path: Path
) -> None:
    """Whom it trusts is looked up for each association, whatever was right for the one before."""
    trusted = tmp_path / "trusted.pem"
    trusted.write_bytes(hospital.stranger.file.read_bytes())
    config = TlsConfig(ca_file=trusted)
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file))
    with pytest.raises(TlsFailed):
        shell.associate(archive.address, tls=config)
    trusted.write_bytes(hospital.authority.file.read_bytes())
    with shell.associate(archive.address, tls=config) as association:
        assert association.echo() == 0
