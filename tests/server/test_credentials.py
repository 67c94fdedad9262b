"""Certificates that are renewed while a server runs."""

from __future__ import annotations

import asyncio
import logging
import threading
from itertools import cycle
from pathlib import Path
from typing import Any

import pytest
from cryptography.hazmat.primitives.serialization import Encoding

from dicomnet.aio.association import Association
from dicomnet.errors import TlsFailed
from dicomnet.server import credentials
from dicomnet.server.server import Server
from dicomnet.sync import associate
from dicomnet.tls import TlsConfig, VerifyMode
from server.serving import TITLE, WAIT, calling, local
from tls.certificates import Files, Issued, Site, issue, make_site, revoke

ASSOCIATIONS = 50
REPLACEMENTS = 100
AT_A_TIME = 4


@pytest.fixture(scope="module")
def hospital(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("hospital"))


@pytest.fixture
def files(hospital: Site, tmp_path: Path) -> Files:
    made = Files(tmp_path)
    made.put(hospital.server)
    return made


@pytest.fixture
def at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Files are looked at for every connection, which a test cannot wait for otherwise."""
    monkeypatch.setattr(credentials, "LOOK_EVERY", 0.0)


def served(files: Files, **settings: Any) -> TlsConfig:
    return TlsConfig(certificate=files.certificate, private_key=files.key, **settings)


def shown(association: Association) -> bytes | None:
    """The certificate that the server has shown."""
    assert association.tls is not None
    assert association.tls.peer is not None
    return association.tls.peer.certificate


async def test_a_renewed_certificate_is_shown_to_who_comes_next(files: Files, hospital: Site, at_once: None) -> None:
    """Who has an association keeps it, with what it began with."""
    trust = TlsConfig(ca_file=hospital.authority.file)
    async with local(tls=served(files)) as server, calling(server, tls=trust) as before:
        assert shown(before) == hospital.server.der
        files.put(hospital.server_rsa)
        async with calling(server, tls=trust) as after:
            assert shown(after) == hospital.server_rsa.der
        assert await before.echo() == 0


async def test_files_are_looked_at_once_a_second(files: Files, hospital: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A crowd of connections is one look."""
    looks: list[int] = []
    contexts_of = credentials.contexts_of
    trust = TlsConfig(ca_file=hospital.authority.file)
    async with local(tls=served(files)) as server:
        monkeypatch.setattr(credentials, "contexts_of", lambda site: looks.append(1) or contexts_of(site))
        monkeypatch.setattr(credentials, "LOOK_EVERY", 1000.0)
        server._site.running.credentials._looked_at -= 1001
        for association in [await calling(server, tls=trust) for _ in range(10)]:
            await association.release()
    assert looks == [1]


async def test_a_disk_that_stands_still_keeps_nobody_out(
    files: Files, hospital: Site, at_once: None, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A look that does not come back is waited for a moment, and then what was read before is used."""
    gate = threading.Event()
    trust = TlsConfig(ca_file=hospital.authority.file)
    contexts_of = credentials.contexts_of

    def stuck(site: Any) -> Any:
        assert gate.wait(WAIT)
        return contexts_of(site)

    async with local(tls=served(files)) as server:
        monkeypatch.setattr(credentials, "contexts_of", stuck)
        monkeypatch.setattr(credentials, "LOOK_TIME", 0.01)
        for _ in range(3):
            async with calling(server, tls=trust) as association:
                assert await association.echo() == 0
        gate.set()


async def test_a_client_is_out_as_soon_as_it_is_revoked(
    files: Files, hospital: Site, tmp_path: Path, at_once: None
) -> None:
    """The first connection after the list has changed is judged by the new one."""
    crl = revoke(tmp_path / "crl", hospital.authority)
    tls = served(files, ca_file=hospital.authority.file, crl_file=crl, verify=VerifyMode.REQUIRED)
    trust = TlsConfig(ca_file=hospital.authority.file, certificate=hospital.client.file, maximum_version="TLSv1.2")
    async with local(tls=tls) as server:
        async with calling(server, tls=trust) as association:
            assert await association.echo() == 0
        revoke(crl, hospital.authority, [hospital.client])
        with pytest.raises(TlsFailed):
            await calling(server, tls=trust)


def test_reload_tls_reads_anew_from_any_thread(files: Files, hospital: Site, caplog: pytest.LogCaptureFixture) -> None:
    """At once, however long ago the files were looked at; what cannot be read is raised, and changes nothing."""
    caplog.set_level(logging.INFO, logger="dicomnet.tls")
    trust = TlsConfig(ca_file=hospital.authority.file)
    with local(tls=served(files)) as server:
        with associate(f"{TITLE}@127.0.0.1:{server.port}", tls=trust):
            pass
        files.put(hospital.server_rsa)
        server.reload_tls()
        with associate(f"{TITLE}@127.0.0.1:{server.port}", tls=trust) as association:
            assert shown_to(association) == hospital.server_rsa.der
        files.certificate.write_bytes(b"")
        with pytest.raises(TlsFailed, match="holds no PEM"):
            server.reload_tls()
        with associate(f"{TITLE}@127.0.0.1:{server.port}", tls=trust) as association:
            assert shown_to(association) == hospital.server_rsa.der
    assert sum("read anew for TLS" in record.getMessage() for record in caplog.records) == 1


def shown_to(association: Any) -> bytes | None:
    found: bytes | None = association.tls.peer.certificate
    return found


def test_reload_tls_of_a_server_at_rest_changes_nothing(files: Files) -> None:
    """There is nothing to be made yet, so nothing is read."""
    files.key.unlink()
    Server(tls=served(files)).reload_tls()


async def test_renewing_a_certificate_under_load_harms_nobody(
    files: Files, hospital: Site, tmp_path: Path, at_once: None, caplog: pytest.LogCaptureFixture
) -> None:
    """Fifty associations echo and others come while the pair is replaced a hundred times, also by halves: nobody notices."""
    caplog.set_level(logging.INFO, logger="dicomnet.tls")
    pairs = [hospital.server, issue(tmp_path, "server2", hospital.authority, names=hospital.names)]
    trust = TlsConfig(ca_file=hospital.authority.file)
    permits = threading.Semaphore(0)

    def replace() -> None:
        for number, issued in zip(range(REPLACEMENTS), cycle(pairs), strict=False):
            assert permits.acquire(timeout=WAIT)
            _put(files, issued, number)

    async with local(tls=served(files)) as server:
        standing = [await calling(server, tls=trust) for _ in range(ASSOCIATIONS)]
        thread = threading.Thread(target=replace)
        thread.start()
        for _ in range(0, REPLACEMENTS, AT_A_TIME):
            permits.release(AT_A_TIME)  # which happen while this round goes on
            newcomer, *answers = await asyncio.gather(
                _visit(server, trust), *(association.echo() for association in standing)
            )
            assert newcomer in {issued.der for issued in pairs}
            assert set(answers) == {0}
        await asyncio.to_thread(thread.join)
        assert await _visit(server, trust) == pairs[1].der
        for association in standing:
            assert shown(association) == hospital.server.der
            await association.release()
    assert [record for record in caplog.records if record.levelno >= logging.ERROR] == []


async def _visit(server: Server, trust: TlsConfig) -> bytes | None:
    async with calling(server, tls=trust) as association:
        assert await association.echo() == 0
        return shown(association)


def _put(files: Files, issued: Issued, number: int) -> None:
    """In one of the ways in which certificates are replaced, the careless ones included; whole at the end."""
    whole = issued.certificate.public_bytes(Encoding.PEM)
    match number % 4:
        case 0:
            files.put(issued)
        case 1:
            files.certificate.write_bytes(whole[: len(whole) // 2])
        case 2:
            files.put(issued, key=False)
        case 3:
            files.certificate.unlink()
            files.key.write_bytes(issued.key_bytes()[:100])
    files.put(issued)
