"""Secure connections of DicomNet objects: who is told what of the handshake, and who may refuse whom."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import (
    BestAvailableEncryption,
    Encoding,
    PrivateFormat,
    load_pem_private_key,
)

import dicomnet
from dicomnet import InvalidValue, Limits, StateError, Timeouts, TlsConfig, TlsFailed
from dicomnet.cli._certificate import self_signed
from dicomnet.tls import VerifyMode, VerifyResult
from dicomnet.tls.checks import fingerprint
from net.recorder import PATIENCE, Provider, Recorder, associated, connected, request, until

pytestmark = pytest.mark.usefixtures("network")


@pytest.fixture(scope="module")
def stranger(tmp_path_factory: pytest.TempPathFactory) -> TlsConfig:
    """A certificate and an authority that the others have nothing to do with."""
    certificate, key = self_signed(tmp_path_factory.mktemp("stranger"))
    return TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)


@pytest.fixture
def encrypted(tls: TlsConfig, tmp_path: Path) -> TlsConfig:
    """The settings with the key in a file that needs the password."""
    assert tls.private_key is not None
    key = load_pem_private_key(Path(tls.private_key).read_bytes(), None)
    path = tmp_path / "encrypted.pem"
    path.write_bytes(key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, BestAvailableEncryption(b"open sesame")))
    return replace(tls, private_key=path)


def one_version(settings: TlsConfig, version: Any) -> TlsConfig:
    return replace(settings, minimum_version=version, maximum_version=version)


# What is told of a handshake that works.


def test_a_secure_link_is_ready_on_both_sides_before_anything_is_asked(tls: TlsConfig) -> None:
    """`is_secure` and `cipher` say so as long as the connection lives."""
    with associated(tls=tls) as trio:
        for net in (trio.scp, trio.scu):
            assert net.is_secure
            assert net.cipher is not None
            assert net.cipher.protocol == "TLSv1.3"
            assert net.cipher.encryption_key_length >= 128
        assert trio.scu.cipher == replace(trio.scp.cipher, mutual_authentication_key_length=256)
        assert not trio.listener.is_secure
        trio.finish()
        assert not trio.scu.is_secure
        assert not trio.scp.is_secure
    with associated() as plain:
        assert not plain.scu.is_secure
        assert plain.scu.cipher is None


def test_the_suites_of_the_settings_are_used(tls: TlsConfig) -> None:
    """The acceptor takes the first of its own that the requestor knows."""
    suites = ("ECDHE-ECDSA-AES128-GCM-SHA256", "ECDHE-ECDSA-AES256-GCM-SHA384")
    with associated(
        scp=Provider(tls=replace(tls, cipher_suites=suites)),
        scu=Recorder(tls=replace(tls, cipher_suites=suites[::-1])),
        listener=Recorder(tls=tls),
    ) as trio:
        assert trio.scu.cipher is not None
        assert (trio.scu.cipher.name, trio.scu.cipher.protocol) == (suites[0], "TLSv1.2")


@pytest.mark.parametrize("side", ["scu", "scp"])
def test_certificates_are_shown_before_the_link_is_ready(tls: TlsConfig, side: str) -> None:
    """Once for each that Python hands out, the peer's own first; then `on_secure_link_ready`, then the rest."""
    shown: list[VerifyResult] = []

    def look(result: VerifyResult) -> bool:
        shown.append(result)
        net.events.append(("verify", ()))
        return True

    mutual = replace(tls, verify=VerifyMode.REQUIRED)
    scu, scp = Recorder(tls=mutual), Provider(tls=mutual)
    net = scu if side == "scu" else scp
    net.on("verify_certificate", look)
    with associated(scp, scu, Recorder(tls=mutual)) as trio:
        trio.finish()
    told = net.told[1:] if side == "scu" else net.told
    assert told[: len(shown) + 1] == ["verify"] * len(shown) + ["secure_link_ready ok"]
    assert [result.depth for result in shown] == list(range(len(shown)))
    assert shown[0].ok
    assert shown[0].error is None
    assert shown[0].subject == "CN=localhost"
    assert shown[0].certificate == ssl.PEM_cert_to_DER_cert(Path(str(tls.certificate)).read_text())
    assert "CN=localhost" in shown[0].text


def test_an_acceptor_that_asks_for_no_certificate_is_shown_none(tls: TlsConfig) -> None:
    """There is nothing to look at, and nothing to wait for."""
    scp = Provider(tls=tls)
    scp.on("verify_certificate", lambda result: pytest.fail("there is no certificate"))
    with associated(scp, Recorder(tls=tls), Recorder(tls=tls)) as trio:
        trio.finish()


def test_nothing_is_read_while_a_certificate_is_looked_at(tls: TlsConfig) -> None:
    """A peer that hurries waits: its request is not told, nor lost, before the link is ready."""
    held = threading.Event()
    scp = Provider(tls=replace(tls, verify=VerifyMode.REQUIRED))
    scp.on("verify_certificate", lambda result: held.wait(PATIENCE))
    with connected(scp, Recorder(tls=tls), Recorder(tls=tls)) as trio:
        trio.scu.send_associate_request(request())
        trio.scu.wait_sent(1)
        assert scp.told == []
        assert scp.is_connected
        assert not scp.is_secure
        held.set()
        trio.scu.wait("receive_associate_accept")


# Refusing.


@pytest.mark.parametrize("side", ["scu", "scp"])
@pytest.mark.parametrize(
    ("verdict", "says"),
    [
        pytest.param(lambda result: False, "the application refused the certificate of CN=localhost", id="no"),
        pytest.param(lambda result: None, "the application refused the certificate of CN=localhost", id="nothing"),
        pytest.param(lambda result: 1 / 0, "could not be verified: division by zero", id="a bug"),
    ],
)
def test_a_certificate_that_is_refused_ends_the_link(
    tls: TlsConfig, side: str, verdict: Callable[[VerifyResult], Any], says: str
) -> None:
    """Who refused is told why; the other side hears the connection end; no association is asked for."""
    mutual = replace(tls, verify=VerifyMode.REQUIRED)
    listener, scp, scu = Recorder(tls=mutual), Provider(tls=mutual), Recorder(tls=mutual)
    net = scu if side == "scu" else scp
    net.on("verify_certificate", verdict)
    with listener, scu:
        listener.react("accept", lambda error: listener.accept(scp))
        scu.connect(*listener.listen("127.0.0.1"))
        net.wait("close TlsFailed")
        until(lambda: bool([t for t in (scp if net is scu else scu).told if t.startswith("close")]), "the other end")
        begun = ["connect ok"] if net is scu else []
        assert net.told == [*begun, "secure_link_ready TlsFailed", "close TlsFailed"]
        assert says in str(net.all("secure_link_ready")[0])
        assert not net.is_secure
        assert not net.is_connected
        with pytest.raises(StateError):
            net.send_associate_request(request())


def test_a_failed_verification_is_told_once_and_cannot_be_rescued(tls: TlsConfig, stranger: TlsConfig) -> None:
    """Saying yes to it changes nothing; both sides are told that there is no link."""
    shown: list[VerifyResult] = []
    listener, scp = Recorder(tls=stranger), Provider(tls=one_version(stranger, "TLSv1.2"))
    scu = Recorder(tls=one_version(tls, "TLSv1.2"))
    scu.on("verify_certificate", lambda result: (shown.append(result), True)[1])
    with listener, scu:
        listener.react("accept", lambda error: listener.accept(scp))
        scu.connect(*listener.listen("127.0.0.1"))
        scu.wait("close TlsFailed")
        listener.wait("close TlsFailed of a client")
        assert scu.told == ["connect ok", "secure_link_ready TlsFailed", "close TlsFailed"]
        assert scp.told == ["secure_link_ready TlsFailed", "close TlsFailed"]
        assert "self-signed certificate" in str(scu.all("secure_link_ready")[0])
        assert "the peer refused our certificate" in str(scp.all("secure_link_ready")[0])
    [result] = shown
    assert not result.ok
    assert result.certificate is None
    assert "self-signed certificate" in str(result.error)
    assert result.error_code is not None


def test_the_unsafe_mode_leaves_it_to_the_callback(tls: TlsConfig, stranger: TlsConfig) -> None:
    """Any certificate makes a link; it is shown, as not verified, to who wants to know its fingerprint."""
    shown: list[VerifyResult] = []
    unsafe = TlsConfig(verify=VerifyMode.UNSAFE_ACCEPT_ANY)
    scu = Recorder(tls=unsafe)
    scu.on("verify_certificate", lambda result: (shown.append(result), True)[1])
    with associated(Provider(tls=stranger), scu, Recorder(tls=stranger)) as trio:
        assert trio.scu.is_secure
        trio.finish()
    assert (shown[0].ok, shown[0].error) == (False, "not verified")
    assert shown[0].fingerprint is not None
    # The default of the callback goes by `ok`, so who overrides it with `super` refuses.
    assert not dicomnet.DicomNet().on_verify_certificate(shown[0])
    with associated(Provider(tls=stranger), Recorder(tls=unsafe), Recorder(tls=stranger)) as trio:
        trio.finish()


def test_an_acceptor_that_is_brought_no_certificate_ends_the_handshake(tls: TlsConfig) -> None:
    """Both sides are told: TLS 1.2 says so within the handshake."""
    required = one_version(replace(tls, verify=VerifyMode.REQUIRED), "TLSv1.2")
    nobody = replace(tls, certificate=None, private_key=None)
    listener, scp, scu = Recorder(tls=required), Provider(tls=required), Recorder(tls=nobody)
    with listener, scu:
        listener.react("accept", lambda error: listener.accept(scp))
        scu.connect(*listener.listen("127.0.0.1"))
        scu.wait("close TlsFailed")
        listener.wait("close TlsFailed of a client")
        assert scu.told == ["connect ok", "secure_link_ready TlsFailed", "close TlsFailed"]
        assert scp.told == ["secure_link_ready TlsFailed", "close TlsFailed"]
        assert "peer did not return a certificate" in str(scp.all("secure_link_ready")[0])


def test_a_refusal_of_tls_13_comes_after_a_link_that_seemed_ready(tls: TlsConfig) -> None:
    """The requestor's own end of the handshake is over: `on_close` tells that there was no link after all, and why."""
    required = one_version(replace(tls, verify=VerifyMode.REQUIRED), "TLSv1.3")
    nobody = replace(tls, certificate=None, private_key=None)
    listener, scp, scu = Recorder(tls=required), Provider(tls=required), Recorder(tls=nobody)
    with listener, scu:
        listener.react("accept", lambda error: listener.accept(scp))
        scu.connect(*listener.listen("127.0.0.1"))
        scu.wait("close TlsFailed")
        listener.wait("close TlsFailed of a client")
        assert scu.told == ["connect ok", "secure_link_ready ok", "close TlsFailed"]
        error = next(arguments[0] for name, arguments in scu.events if name == "close")
        assert "asks for a client certificate and none was given" in str(error)
        assert scp.told == ["secure_link_ready TlsFailed", "close TlsFailed"]
        assert "has shown no certificate, and one is required" in str(scp.all("secure_link_ready")[0])


def test_a_name_that_is_not_in_the_certificate_makes_no_link(tls: TlsConfig) -> None:
    """Unless the settings name the one that is."""
    elsewhere = replace(tls, peer_name="pacs.example")
    scu = Recorder(tls=elsewhere)
    with Recorder(tls=tls) as listener, scu:
        listener.react("accept", lambda error: listener.accept(Provider(tls=tls)))
        scu.connect(*listener.listen("127.0.0.1"))
        scu.wait("close TlsFailed")
        assert "hostname mismatch" in str(scu.all("secure_link_ready")[0]).lower()
    with associated(Provider(tls=tls), Recorder(tls=replace(tls, peer_name="localhost")), Recorder(tls=tls)) as trio:
        trio.finish()


# Who does not speak TLS.


def test_a_plain_peer_on_a_secure_port(tls: TlsConfig) -> None:
    """There is no link, and each side is told in its own words."""
    with Recorder(tls=tls) as listener, Recorder() as scu:
        scp = Provider(tls=tls)
        listener.react("accept", lambda error: listener.accept(scp))
        scu.connect(*listener.listen("127.0.0.1"))
        scu.wait("connect ok")
        scu.send_associate_request(request())
        listener.wait("close TlsFailed of a client")
        assert scp.told == ["secure_link_ready TlsFailed", "close TlsFailed"]
        until(lambda: any(text.startswith("close") for text in scu.told), "the close")
        assert not scu.is_connected


def test_a_secure_peer_on_a_plain_port(tls: TlsConfig) -> None:
    """The requestor hears that nobody speaks TLS there."""
    with Recorder() as listener, Recorder(tls=tls) as scu:
        listener.react("accept", lambda error: listener.accept(Provider()))
        scu.connect(*listener.listen("127.0.0.1"))
        scu.wait("close TlsFailed")
        assert scu.told == ["connect ok", "secure_link_ready TlsFailed", "close TlsFailed"]


def test_a_peer_that_is_silent_in_the_handshake(tls: TlsConfig) -> None:
    """Is given up after the time for it, by either side."""
    quick = Timeouts(handshake=0.2)
    with socket.create_server(("127.0.0.1", 0)) as silent, Recorder(tls=tls, timeouts=quick) as scu:
        scu.connect(*silent.getsockname())
        scu.wait("close TlsFailed")
        assert "not over within 0.2 s" in str(scu.all("secure_link_ready")[0])
    with Recorder(tls=tls, timeouts=quick) as listener:
        scp = Provider(tls=tls, timeouts=quick)
        listener.react("accept", lambda error: listener.accept(scp))
        with socket.create_connection(listener.listen("127.0.0.1"), timeout=PATIENCE) as caller:
            listener.wait("close TlsFailed of a client")
            assert caller.recv(1) == b""
        assert scp.told == ["secure_link_ready TlsFailed", "close TlsFailed"]


def test_a_listener_has_room_for_so_many_handshakes(tls: TlsConfig) -> None:
    """Of one address another waits until there is a place; nobody who wants one is turned away."""
    settings: dict[str, Any] = {"tls": tls, "timeouts": Timeouts(handshake=0.4), "limits": Limits(handshakes=1)}
    with Recorder(**settings) as listener, Recorder(tls=tls) as scu:
        order: list[str] = []
        silent, honest = Provider(**settings), Provider(**settings)
        silent.react("secure_link_ready", lambda error: order.append("silent"))
        honest.react("secure_link_ready", lambda error: order.append("honest"))
        left = [silent, honest]
        listener.react("accept", lambda error: listener.accept(left.pop(0)))
        where = listener.listen("127.0.0.1")
        with socket.create_connection(where, timeout=PATIENCE) as caller:
            caller.sendall(b"\x16")
            listener.wait("accept ok")
            scu.connect(*where)
            scu.wait("secure_link_ready ok")
            until(lambda: len(order) == 2, "both")
        assert order == ["silent", "honest"]


def test_a_listener_without_settings_closes_who_is_one_too_many(
    tls: TlsConfig, caplog: pytest.LogCaptureFixture
) -> None:
    """It leaves them to who accepts, so it cannot say what is wrong; one line of the log says it."""
    with (
        Recorder(security="tls", limits=Limits(associations=1)) as listener,
        Recorder(tls=tls) as first,
        Recorder(tls=tls) as second,
    ):
        listener.react("accept", lambda error: listener.accept(Provider(tls=tls)))
        where = listener.listen("127.0.0.1")
        first.connect(*where)
        first.wait("secure_link_ready ok")
        second.connect(*where)
        second.wait("close TlsFailed")
        assert len(listener.clients) == 1
    [record] = [record for record in caplog.records if "there is no room" in record.getMessage()]
    assert record.levelname == "WARNING"
    assert "could not be made" not in caplog.text


def test_close_in_the_middle_of_a_handshake(tls: TlsConfig) -> None:
    """At once, and nobody is told any more."""
    with socket.create_server(("127.0.0.1", 0)) as silent:
        scu = Recorder(tls=tls)
        scu.connect(*silent.getsockname())
        scu.wait("connect ok")
        accepted, _ = silent.accept()
        with accepted:
            accepted.settimeout(PATIENCE)
            assert accepted.recv(65536)[:1] == b"\x16"
            scu.close()
            assert accepted.recv(65536) == b""
        assert scu.told == ["connect ok"]


def test_close_while_a_certificate_is_looked_at(tls: TlsConfig) -> None:
    """The verdict comes too late: there is no link to be ready any more."""
    held = threading.Event()
    looking = threading.Event()
    scu = Recorder(tls=tls)
    scu.on("verify_certificate", lambda result: (looking.set(), held.wait(PATIENCE))[1])
    with Recorder(tls=tls) as listener, scu:
        listener.react("accept", lambda error: listener.accept(Provider(tls=tls)))
        scu.connect(*listener.listen("127.0.0.1"))
        assert looking.wait(PATIENCE)
        scu.close()
        held.set()
        listener.wait("close ok of a client")
        assert dicomnet.breathe(PATIENCE)
        assert scu.told == ["connect ok"]


# Keys and settings.


@pytest.mark.parametrize("side", ["scu", "scp"])
def test_the_password_of_an_encrypted_key_is_asked_for(encrypted: TlsConfig, tls: TlsConfig, side: str) -> None:
    """By either side, when the connection is made or accepted."""
    asked: list[str] = []
    scu, scp = Recorder(tls=tls), Provider(tls=tls)
    net = Recorder(tls=encrypted) if side == "scu" else Provider(tls=encrypted)
    net.on("private_key_password", lambda: asked.append("asked") or "open sesame")
    ends = {"scp": scp, "scu": scu, side: net}
    with associated(ends["scp"], ends["scu"], Recorder(tls=tls)) as trio:
        assert trio.scu.is_secure
        trio.finish()
    assert asked == ["asked"]


def test_the_listener_is_asked_for_the_password_where_nobody_else_knows_it(
    encrypted: TlsConfig, tls: TlsConfig
) -> None:
    """Settings that come from it bring its callback with them; an object that has one of its own is asked itself."""
    asked: list[str] = []
    for own in (False, True):
        listener, scp = Recorder(tls=encrypted), Provider(security="tls")
        listener.on("private_key_password", lambda: asked.append("listener") or "open sesame")
        if own:
            scp.tls = replace(encrypted, verify=VerifyMode.NONE)  # not read yet
            scp.on("private_key_password", lambda: asked.append("child") or "open sesame")
        with associated(scp, Recorder(tls=tls), listener) as trio:
            trio.finish()
        encrypted = replace(encrypted)  # not read yet, either
    assert asked == ["listener", "listener", "child"]


def test_a_listener_says_at_once_what_is_wrong_with_its_certificate(tls: TlsConfig, tmp_path: Path) -> None:
    """Not only when somebody has connected, who would wait for nothing; and it can be told better."""
    with Recorder(tls=replace(tls, certificate=tmp_path / "missing.pem")) as listener:
        with pytest.raises(TlsFailed, match=r"missing\.pem"):
            listener.listen("127.0.0.1")
        assert not listener.is_activated
        listener.tls = TlsConfig(ca_file=tls.ca_file)
        with pytest.raises(InvalidValue, match="an acceptor needs a certificate"):
            listener.listen("127.0.0.1")
        listener.tls = tls
        listener.listen("127.0.0.1")


def test_a_password_in_the_settings_is_asked_first(encrypted: TlsConfig) -> None:
    """Then nobody else is."""
    scp = Provider(tls=replace(encrypted, private_key_password="open sesame"))
    scp.on("private_key_password", lambda: pytest.fail("it is in the settings"))
    with associated(
        scp, Recorder(tls=replace(encrypted, certificate=None, private_key=None)), Recorder(security="tls")
    ) as trio:
        trio.finish()


@pytest.mark.parametrize(
    ("password", "says"), [(None, "there is no password for it"), ("wrong", "the password of the private key is wrong")]
)
def test_a_key_that_stays_closed_is_said_where_it_was_needed(
    encrypted: TlsConfig, tls: TlsConfig, password: str | None, says: str
) -> None:
    """In `connect` and in `accept`, which leaves the connection first in line."""
    net = Recorder(tls=encrypted)
    net.on("private_key_password", lambda: password)
    with pytest.raises(TlsFailed, match=says):
        net.connect("127.0.0.1", 104)
    with Recorder(tls=tls) as listener, Recorder(tls=tls) as scu:
        listener.react("accept", lambda error: None)
        scu.connect(*listener.listen("127.0.0.1"))
        listener.wait("accept ok")
        with pytest.raises(TlsFailed, match=says):
            listener.accept(net)
        assert not net.is_activated
        listener.accept(Provider(tls=tls))
        scu.wait("secure_link_ready ok")


def test_settings_that_do_not_do_are_said_at_once() -> None:
    """An acceptor without a certificate, a requestor that would trust anybody."""
    with Recorder(security="tls") as listener, socket.socket() as caller:
        listener.react("accept", lambda error: None)
        caller.connect(listener.listen("127.0.0.1"))
        listener.wait("accept ok")
        with pytest.raises(InvalidValue, match="an acceptor needs a certificate"):
            listener.accept(Provider(security="tls"))
    with pytest.raises(InvalidValue, match="would trust anybody"):
        Recorder(tls=TlsConfig(verify=VerifyMode.NONE)).connect("127.0.0.1", 104)


def test_a_context_of_ones_own_is_used_as_it_is(tls: TlsConfig) -> None:
    """On both sides."""
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(str(tls.certificate), str(tls.private_key))
    client = ssl.create_default_context(cafile=str(tls.ca_file))
    theirs, ours = TlsConfig(ssl_context=server), TlsConfig(ssl_context=client)
    with associated(Provider(tls=theirs), Recorder(tls=ours), Recorder(tls=theirs)) as trio:
        assert trio.scu.is_secure
        trio.finish()


def test_settings_may_be_changed_between_two_connections(tls: TlsConfig, stranger: TlsConfig) -> None:
    """They are looked at when a connection is made."""
    scu = Recorder(tls=tls)
    with associated(Provider(tls=tls), scu, Recorder(tls=tls)) as trio:
        trio.finish()
    scu.events.clear()
    scu.tls = stranger
    with associated(Provider(tls=stranger), scu, Recorder(tls=stranger)) as trio:
        trio.finish()


def test_a_listener_shows_a_renewed_certificate_to_who_comes_next(tls: TlsConfig, tmp_path: Path) -> None:
    """Files are looked at when a connection is accepted; a pair that does not fit yet leaves the one before it in use."""
    certificate, key = self_signed(tmp_path, ["localhost", "127.0.0.1"])
    ours = replace(tls, certificate=tmp_path / "own.pem", private_key=tmp_path / "own.key", ca_file=None)
    pairs = [(Path(str(tls.certificate)), Path(str(tls.private_key))), (certificate, key)]
    listener = Recorder(tls=ours)
    for (shown, _), (own, own_key) in (
        (pairs[0], pairs[0]),
        (pairs[0], (pairs[1][0], pairs[0][1])),
        (pairs[1], pairs[1]),
    ):
        Path(str(ours.certificate)).write_bytes(own.read_bytes())
        Path(str(ours.private_key)).write_bytes(own_key.read_bytes())
        with associated(Provider(tls=ours), Recorder(tls=TlsConfig(ca_file=shown)), listener) as trio:
            facts = trio.scu.secure_link
            assert facts is not None
            assert facts.peer is not None
            assert facts.peer.certificate == ssl.PEM_cert_to_DER_cert(shown.read_text())
            trio.finish()
        listener = Recorder(tls=ours)


def test_a_peer_that_is_not_the_pinned_one_gets_no_link(tls: TlsConfig) -> None:
    """`on_secure_link_ready` tells the fingerprint that was seen, and nothing is asked of the peer."""
    pin = "sha256:" + "00" * 32
    seen = fingerprint(ssl.PEM_cert_to_DER_cert(Path(str(tls.certificate)).read_text()))
    listener, scu = Recorder(tls=tls), Recorder(tls=TlsConfig(pin=pin))
    with listener, scu:
        listener.react("accept", lambda error: listener.accept(Provider(tls=tls)))
        scu.connect(*listener.listen("127.0.0.1"))
        scu.wait("close TlsFailed")
        assert scu.told == ["connect ok", "secure_link_ready TlsFailed", "close TlsFailed"]
        assert seen in str(scu.all("secure_link_ready")[0])
    with associated(Provider(tls=tls), Recorder(tls=TlsConfig(pin=seen)), Recorder(tls=tls)) as trio:
        assert trio.scu.is_secure
        trio.finish()


def test_large_data_sets_go_through_a_secure_link(tls: TlsConfig) -> None:
    """Both ways at once."""
    with associated(scp=Provider(tls=tls), scu=Recorder(tls=tls), listener=Recorder(tls=tls)) as trio:
        for net in (trio.scu, trio.scp):
            net.react("receive_unknown", lambda *_: None)
        for number in range(8):
            for net in (trio.scu, trio.scp):
                net.send_data(3, {0x0100: 0x0777, 0x0110: number}, bytes(3 << 20))
        for net in (trio.scu, trio.scp):
            net.wait("receive_unknown", 8)
            lengths = {arguments[2].length for name, arguments in net.events if name == "receive_unknown"}
            assert lengths == {3 << 20}
        trio.finish()
