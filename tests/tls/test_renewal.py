from __future__ import annotations

import copy
import logging
import os
import pickle
import ssl
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import BestAvailableEncryption, Encoding

from dicomnet.errors import TlsFailed
from dicomnet.tls import TlsConfig, VerifyMode, peer_certificates, renewal
from tls.certificates import Files, Site, handshake, issue, revoke


@pytest.fixture
def files(site: Site, tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.put(site.server)
    return made


@pytest.fixture
def config(files: Files) -> TlsConfig:
    return TlsConfig(certificate=files.certificate, private_key=files.key)


def shown(site: Site, acceptor: ssl.SSLContext) -> bytes | None:
    """The certificate that a requestor gets to see."""
    link = handshake(site.requestor(), acceptor)
    assert link.errors == (None, None)
    return peer_certificates(link.requestor)[0].certificate


def lines(caplog: pytest.LogCaptureFixture) -> list[str]:
    found = [record.getMessage() for record in caplog.records if record.name == "dicomnet.tls"]
    caplog.clear()
    return found


def settle(monkeypatch: pytest.MonkeyPatch) -> None:
    """Lets the files be old enough that a change would show."""
    later = datetime.now(UTC).timestamp() + 60
    monkeypatch.setattr(renewal.time, "time", lambda: later)


def test_files_that_stay_as_they_are_are_read_once(
    config: TlsConfig, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Each connection gets the same context, and nothing but the state of the files is asked for."""
    first = config.acceptor_context()
    settle(monkeypatch)
    assert config.acceptor_context() is first
    monkeypatch.setattr(Path, "read_bytes", lambda _: pytest.fail("read again"))
    assert config.acceptor_context() is first


def test_a_renewed_pair_is_used_from_the_next_connection_on(
    config: TlsConfig, files: Files, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """One line says whose it is now, until when it is valid, and its fingerprint."""
    caplog.set_level(logging.INFO)
    before = config.acceptor_context()
    files.put(site.server_rsa)
    after = config.acceptor_context()
    assert shown(site, after) == site.server_rsa.der
    assert shown(site, before) == site.server.der
    until = site.server_rsa.certificate.not_valid_after_utc
    result = peer_certificates(handshake(site.requestor(), after).requestor)[0]
    fingerprint = (result.fingerprint or "").replace(":", "").lower()
    assert lines(caplog) == [
        f"read anew for TLS: our certificate of CN=rsa, valid until {until:%Y-%m-%d %H:%M} UTC, sha256:{fingerprint}"
    ]
    assert config.acceptor_context() is after


def test_touching_a_file_changes_nothing(
    config: TlsConfig, files: Files, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The same content written once more is no renewal."""
    caplog.set_level(logging.INFO)
    before = config.acceptor_context()
    settle(monkeypatch)
    os.utime(files.certificate)
    files.key.write_bytes(files.key.read_bytes())
    assert config.acceptor_context() is before
    assert lines(caplog) == []


def test_a_change_within_one_tick_of_the_clock_is_seen(
    config: TlsConfig, files: Files, site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Files that are as new as the last look at them are read again, since their times could not tell."""
    state = renewal._state
    frozen: dict[str, tuple[int, ...] | None] = {}
    monkeypatch.setattr(renewal, "_state", lambda path: frozen.setdefault(path, state(path)))
    config.acceptor_context()
    files.put(site.server_rsa)
    assert shown(site, config.acceptor_context()) == site.server_rsa.der


def test_files_that_change_while_they_are_read_are_read_again(
    config: TlsConfig, files: Files, site: Site, monkeypatch: pytest.MonkeyPatch
) -> None:
    """What was whole before and after, and torn in between, is not given up."""
    config.acceptor_context()
    files.put(site.server_rsa)
    whole = files.key.read_bytes()
    load, torn = ssl.SSLContext.load_cert_chain, iter([True])

    def torn_once(context: ssl.SSLContext, *arguments: Any, **options: Any) -> None:
        if next(torn, False):
            files.key.write_bytes(b"-----BEGIN PRIVATE KEY-----")
        load(context, *arguments, **options)

    monkeypatch.setattr(ssl.SSLContext, "load_cert_chain", torn_once)
    assert shown(site, config.acceptor_context()) == site.server.der
    files.key.write_bytes(whole)
    assert shown(site, config.acceptor_context()) == site.server_rsa.der


@pytest.mark.parametrize(
    "broken", ["half a certificate", "half a key", "empty", "missing", "certificate first", "key first"]
)
def test_files_that_do_not_fit_leave_the_old_ones_in_use(
    config: TlsConfig, files: Files, site: Site, caplog: pytest.LogCaptureFixture, broken: str
) -> None:
    """A renewal that is not finished is one warning, and what was in use stays; then the new pair is taken."""
    caplog.set_level(logging.INFO)
    before = config.acceptor_context()
    match broken:
        case "half a certificate":
            files.put(site.server_rsa, certificate=False)
            whole = site.server_rsa.certificate.public_bytes(Encoding.PEM)
            files.certificate.write_bytes(whole[: len(whole) // 2])
        case "half a key":
            files.put(site.server_rsa, key=False)
            files.key.write_bytes(site.server_rsa.key_bytes()[:300])
        case "empty":
            files.certificate.write_bytes(b"")
        case "missing":
            files.key.unlink()
        case "certificate first":
            files.put(site.server_rsa, key=False)
        case "key first":
            files.put(site.server_rsa, certificate=False)
    for _ in range(3):
        assert config.acceptor_context() is before
    [line] = lines(caplog)
    assert line.startswith("certificates cannot be read anew, those in use stay: no secure link: ")
    assert str(files.certificate.parent) in line
    files.put(site.server_rsa)
    assert shown(site, config.acceptor_context()) == site.server_rsa.der
    [line] = lines(caplog)
    assert line.startswith("read anew for TLS")


def test_each_state_of_the_files_is_a_warning_of_its_own(
    config: TlsConfig, files: Files, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """What is wrong in another way is said, and so is what is wrong again after it was right."""
    config.acceptor_context()
    good = files.certificate.read_bytes()
    for content in (b"", b"nonsense", good, b""):
        files.certificate.write_bytes(content)
        config.acceptor_context()
        config.acceptor_context()
    assert len(lines(caplog)) == 3


def test_files_that_were_never_right_are_an_error_each_time(tmp_path: Path, files: Files) -> None:
    """There is nothing to stay with."""
    config = TlsConfig(certificate=tmp_path / "missing.pem", private_key=files.key)
    for _ in range(2):
        with pytest.raises(TlsFailed, match="no such file"):
            config.acceptor_context()


def test_who_cannot_tell_the_password_again_does_not_take_the_old_key_away(
    files: Files, site: Site, caplog: pytest.LogCaptureFixture
) -> None:
    """A function that is asked for it and fails is a warning, once there is something to stay with."""
    files.key.write_bytes(site.server.key_bytes(encryption=BestAvailableEncryption(b"secret")))
    answers = iter(["secret"])
    config = TlsConfig(certificate=files.certificate, private_key=files.key, private_key_password=lambda: next(answers))
    before = config.acceptor_context()
    files.key.write_bytes(site.server.key_bytes(encryption=BestAvailableEncryption(b"other")))
    assert config.acceptor_context() is before
    assert len(lines(caplog)) == 1
    with pytest.raises(StopIteration):
        config.renew()


def test_renew_reads_without_a_change_and_says_what_is_wrong(config: TlsConfig, files: Files, site: Site) -> None:
    """By call it is read in any case, and who calls hears of what cannot be read; the old one stays."""
    before = config.acceptor_context()
    config.renew()
    after = config.acceptor_context()
    assert after is not before
    files.key.unlink()
    with pytest.raises(TlsFailed, match="no such file"):
        config.renew()
    assert config.acceptor_context() is after


def test_renew_makes_nothing_that_was_not_in_use(tmp_path: Path) -> None:
    """Settings that nobody has used have nothing to renew."""
    TlsConfig(certificate=tmp_path / "missing.pem").renew()


def test_whom_we_trust_is_read_anew_as_well(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """An authority that is replaced in ca_file counts from the next connection on."""
    caplog.set_level(logging.INFO)
    file = tmp_path / "trusted.pem"
    file.write_bytes(site.stranger.certificate.public_bytes(Encoding.PEM))
    config = TlsConfig(ca_file=file)
    assert handshake(config.requestor_context(), site.acceptor()).requestor_error is not None
    file.write_bytes(site.authority.certificate.public_bytes(Encoding.PEM))
    assert handshake(config.requestor_context(), site.acceptor()).errors == (None, None)
    assert lines(caplog) == ["read anew for TLS: whom we trust"]


def test_a_folder_that_gains_an_authority_is_seen(site: Site, tmp_path: Path) -> None:
    """The same settings trust what lies in the folder now."""
    (tmp_path / "a.pem").write_bytes(site.stranger.certificate.public_bytes(Encoding.PEM))
    config = TlsConfig(ca_folder=tmp_path)
    assert handshake(config.requestor_context(), site.acceptor()).requestor_error is not None
    (tmp_path / "b.pem").write_bytes(site.authority.certificate.public_bytes(Encoding.PEM))
    assert handshake(config.requestor_context(), site.acceptor()).errors == (None, None)
    (tmp_path / "b.pem").unlink()
    assert handshake(config.requestor_context(), site.acceptor()).requestor_error is not None


def test_a_new_list_of_revoked_certificates_counts_at_once(
    site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The acceptor that let a client in refuses it as soon as it is on the list."""
    caplog.set_level(logging.INFO)
    crl = revoke(tmp_path / "crl", site.authority)
    config = TlsConfig(
        certificate=site.server.file, ca_file=site.authority.file, crl_file=crl, verify=VerifyMode.REQUIRED
    )
    requestor = site.requestor(certificate=site.client.file)
    assert handshake(requestor, config.acceptor_context()).errors == (None, None)
    revoke(crl, site.authority, [site.client])
    assert "certificate revoked" in str(handshake(requestor, config.acceptor_context()).acceptor_error)
    assert [line.partition(",")[0] for line in lines(caplog)] == ["read anew for TLS: our certificate of CN=server"]


@pytest.mark.parametrize(
    ("days", "warning"),
    [(29, "our certificate of CN=soon expires in 28 days, on "), (-1, "our certificate of CN=soon has expired on ")],
)
def test_a_certificate_that_ends_soon_is_a_warning(
    site: Site,
    tmp_path: Path,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
    days: int,
    warning: str,
) -> None:
    """Within thirty days of its end; once at first, and once a day while it is in use."""
    config = TlsConfig(certificate=issue(tmp_path, "soon", site.authority, days=(-30, days)).file)
    config.acceptor_context()
    config.acceptor_context()
    [line] = lines(caplog)
    assert line.startswith(warning)
    tomorrow = (datetime.now(UTC) + timedelta(1, 60)).timestamp()
    monkeypatch.setattr(renewal.time, "time", lambda: tomorrow)
    config.acceptor_context()
    config.acceptor_context()
    assert len(lines(caplog)) == 1


def test_a_certificate_with_time_left_is_none(site: Site, tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    """Nobody is told of what is in order."""
    TlsConfig(certificate=issue(tmp_path, "fine", site.authority, days=(-30, 31)).file).acceptor_context()
    assert lines(caplog) == []


def test_settings_can_be_copied_and_sent(config: TlsConfig, site: Site) -> None:
    """What was made of them stays behind: a copy reads for itself."""
    config.acceptor_context()
    for other in (copy.copy(config), copy.deepcopy(config), pickle.loads(pickle.dumps(config)), replace(config)):
        assert other == config
        assert repr(other) == repr(config)
    assert shown(site, pickle.loads(pickle.dumps(config)).acceptor_context()) == site.server.der
