"""Why there is no secure link, and what a requestor says of it: the same words in both shells and both versions of TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest
from cryptography.x509.oid import ExtendedKeyUsageOID

from both_shells.archive import PATIENCE, Archive, take_pdu, take_rest
from both_shells.faces import Shell
from dicomnet import ConnectionLost
from dicomnet.errors import AssociationAborted, TlsFailed
from dicomnet.tls import TlsConfig, VerifyMode
from dicomnet.tls.checks import fingerprint
from listeners import V4, accept, listening, port_of
from tls.certificates import Site, issue, make_site

MakeArchive = Callable[..., Archive]

VERSIONS = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])


@pytest.fixture(scope="session")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("hospital"))


@contextmanager
def stranger(script: Callable[[socket.socket], object]) -> Iterator[str]:
    """The address of a peer that has one connection, and closes it at the end of its script."""
    with listening() as sockets:

        def serve() -> None:
            with suppress(ConnectionError), closing(accept(sockets[0])) as sock:
                sock.settimeout(PATIENCE)
                script(sock)

        thread = threading.Thread(target=serve)
        thread.start()
        yield f"RAW@{V4}:{port_of(sockets)}"
        thread.join(PATIENCE)


def complaint(shell: Shell, address: str, tls: TlsConfig) -> str:
    """Why there was no association, over which there was no secure link."""
    with pytest.raises(TlsFailed) as caught:
        shell.associate(address, tls=tls)
    return caught.value.detail


# What the peer has against us.


@VERSIONS
def test_a_peer_that_asks_for_a_certificate_and_gets_none(
    shell: Shell, make_archive: MakeArchive, hospital: Site, version: Any
) -> None:
    """TLS 1.3 tells it only after our own end of the handshake: it is not an association that was lost."""
    archive = make_archive(
        tls=TlsConfig(certificate=hospital.server.file, ca_file=hospital.authority.file, verify=VerifyMode.REQUIRED)
    )
    settings = TlsConfig(ca_file=hospital.authority.file, maximum_version=version)
    said = complaint(shell, archive.address, settings)
    assert f"the peer at {archive.address.partition('@')[2]} asks for a client certificate and none was given" in said


@VERSIONS
@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ("stranger", "refused our certificate: it does not know who issued it"),
        ("expired", "refused our certificate: it has expired, so renew it"),
        ("server", "refused our certificate"),
    ],
)
def test_a_peer_that_refuses_our_certificate(
    shell: Shell, make_archive: MakeArchive, hospital: Site, tmp_path: Path, version: Any, shown: str, why: str
) -> None:
    """Whatever it has against it; and the next one, with the right certificate, is served."""
    authority = hospital.authority.file
    archive = make_archive(
        tls=TlsConfig(certificate=hospital.server.file, ca_file=authority, verify=VerifyMode.REQUIRED)
    )
    ours = getattr(hospital, shown).file
    if shown == "server":  # which is for servers only
        ours = issue(tmp_path, "one-way", hospital.authority, usage=ExtendedKeyUsageOID.SERVER_AUTH).file
    said = complaint(shell, archive.address, TlsConfig(ca_file=authority, certificate=ours, maximum_version=version))
    assert why in said
    right = TlsConfig(ca_file=authority, certificate=hospital.client.file, maximum_version=version)
    with shell.associate(archive.address, tls=right) as association:
        assert association.echo() == 0


def test_a_peer_without_a_version_in_common(shell: Shell, make_archive: MakeArchive, hospital: Site) -> None:
    """It says so in an alert."""
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file, minimum_version="TLSv1.3"))
    said = complaint(shell, archive.address, TlsConfig(ca_file=hospital.authority.file, maximum_version="TLSv1.2"))
    assert "speaks none of the TLS versions that we do" in said


def test_a_peer_without_a_suite_in_common(shell: Shell, make_archive: MakeArchive, hospital: Site) -> None:
    """It finds nothing that both know."""
    one, other = ["ECDHE-ECDSA-AES128-GCM-SHA256"], ["ECDHE-ECDSA-AES256-GCM-SHA384"]
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file, cipher_suites=one))
    said = complaint(shell, archive.address, TlsConfig(ca_file=hospital.authority.file, cipher_suites=other))
    assert "finds nothing in common with us: compare the cipher suites" in said


def test_a_peer_that_refuses_our_certificate_without_a_word(shell: Shell, hospital: Site) -> None:
    """Some end TLS 1.3 without an alert: that nothing came after our own end of the handshake is what tells them apart."""
    context = hospital.acceptor(verify=VerifyMode.REQUIRED, ca_file=hospital.authority.file)

    def hang_up(sock: socket.socket) -> None:
        """What OpenSSL has to say after our flight stays here."""
        incoming, outgoing = ssl.MemoryBIO(), ssl.MemoryBIO()
        link = context.wrap_bio(incoming, outgoing, server_side=True)
        while True:
            incoming.write(sock.recv(65536))
            try:
                link.do_handshake()
            except ssl.SSLWantReadError:
                sock.sendall(outgoing.read())
            except ssl.SSLError:
                return

    with stranger(hang_up) as address:
        said = complaint(shell, address, TlsConfig(ca_file=hospital.authority.file))
    assert "closed the connection at the end of the handshake" in said
    assert "probably it refused our certificate, or asks for one and none was given" in said


# What we have against the peer.


@VERSIONS
@pytest.mark.parametrize(
    ("shown", "why"),
    [
        ("expired", "has expired since"),
        ("not_yet", "is not valid before"),
        ("wrong_usage", "is not for this role"),
        ("stranger", "is signed by itself and not among those we trust: give it as ca_file"),
    ],
)
def test_a_peer_whose_certificate_we_refuse(
    shell: Shell, make_archive: MakeArchive, hospital: Site, version: Any, shown: str, why: str
) -> None:
    """The sentence says what is wrong with it and what to do."""
    archive = make_archive(tls=TlsConfig(certificate=getattr(hospital, shown).file))
    said = complaint(shell, archive.address, TlsConfig(ca_file=hospital.authority.file, maximum_version=version))
    assert f"the certificate of the peer at {archive.address.partition('@')[2]} {why}" in said


@VERSIONS
def test_a_peer_of_an_issuer_that_we_do_not_know(
    shell: Shell, make_archive: MakeArchive, hospital: Site, version: Any
) -> None:
    """The issuer is named."""
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file))
    said = complaint(shell, archive.address, TlsConfig(ca_file=hospital.stranger.file, maximum_version=version))
    assert "is not trusted, because its issuer (CN=authority) is not: give the issuer's certificate as ca_file" in said


@VERSIONS
def test_a_peer_of_another_name(shell: Shell, make_archive: MakeArchive, hospital: Site, version: Any) -> None:
    """The names that it bears, and both ways out; each of which works."""
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file))
    address = archive.address.replace("127.0.0.1", "localhost")
    settings = TlsConfig(ca_file=hospital.authority.file, maximum_version=version)
    said = complaint(shell, address, settings)
    assert "is not for 'localhost', but for pacs.example, 127.0.0.1" in said
    assert "give peer_name='pacs.example'" in said
    pin = fingerprint(hospital.server.der)
    assert f'pin="{pin}"' in said
    for way_out in (TlsConfig(ca_file=hospital.authority.file, peer_name="pacs.example"), TlsConfig(pin=pin)):
        with shell.associate(address, tls=way_out) as association:
            assert association.echo() == 0


# Who speaks something else.


@pytest.mark.parametrize(
    ("answer", "what"),
    [
        (b"\7\0\0\0\0\4\0\0\2\1", "DICOM without TLS"),
        (b"\7", "DICOM without TLS"),
        (b"HTTP/1.1 400 Bad Request\r\n\r\n", "HTTP"),
        (b"SSH-2.0-OpenSSH_9.2\r\n", "SSH"),
        (b"\0\1\2", "something else (it begins with 00 01 02)"),
    ],
)
def test_a_peer_that_speaks_no_tls(shell: Shell, hospital: Site, answer: bytes, what: str) -> None:
    """Its first byte is enough; nobody waits for more."""

    def speak(sock: socket.socket) -> None:
        sock.recv(65536)
        sock.sendall(answer)
        take_rest(sock)

    with stranger(speak) as address:
        said = complaint(shell, address, TlsConfig(ca_file=hospital.authority.file))
    assert said == f"the peer at {address.partition('@')[2]} does not speak TLS (it speaks {what})"


def test_a_peer_that_hangs_up_at_our_hello(shell: Shell, hospital: Site) -> None:
    """So do most that speak plain DICOM."""
    with stranger(lambda sock: sock.recv(65536)) as address:
        said = complaint(shell, address, TlsConfig(ca_file=hospital.authority.file))
    assert "without a byte: it is likely that it speaks no TLS, but plain DICOM, on this port" in said


def test_a_plain_archive(shell: Shell, make_archive: MakeArchive, hospital: Site) -> None:
    """It names itself one with an alert."""
    said = complaint(shell, make_archive().address, TlsConfig(ca_file=hospital.authority.file))
    assert "it is likely that it speaks plain DICOM on this port" in said


def test_a_peer_that_speaks_tls_where_we_do_not(shell: Shell) -> None:
    """Its first answer is an alert, which is no PDU; the error says what is missing."""

    def refuse(sock: socket.socket) -> None:
        take_pdu(sock)
        sock.sendall(bytes.fromhex("15 0303 0002 02 46"))
        take_rest(sock)

    with stranger(refuse) as address, pytest.raises(AssociationAborted, match="the peer speaks TLS there, so give"):
        shell.associate(address)


def test_a_secure_archive_says_so_to_who_asks_in_the_clear(
    shell: Shell, make_archive: MakeArchive, hospital: Site
) -> None:
    """It answers the plain request with an alert, and the error says what is missing."""
    archive = make_archive(tls=TlsConfig(certificate=hospital.server.file))
    with pytest.raises(AssociationAborted, match="the peer speaks TLS there, so give"):
        shell.associate(archive.address)


def test_an_association_that_breaks_is_no_refusal(shell: Shell, hospital: Site) -> None:
    """Once the peer has said something, an alert ends a connection and not a handshake."""
    context = hospital.acceptor()

    def break_off(sock: socket.socket) -> None:
        with context.wrap_socket(sock, server_side=True) as secured:
            take_pdu(secured)
            secured.sendall(b"\7\0")  # the beginning of an A-ABORT
            raw = socket.socket(fileno=secured.detach())
        raw.settimeout(PATIENCE)
        with raw:
            raw.sendall(bytes.fromhex("17 0303 0020") + bytes(32))  # a record that nobody has sealed
            take_rest(raw)

    with stranger(break_off) as address, pytest.raises(ConnectionLost):
        shell.associate(address, tls=TlsConfig(ca_file=hospital.authority.file))
