from __future__ import annotations

import asyncio
import gc
import socket
import threading
import time
import warnings
from collections.abc import Callable, Iterator
from contextlib import ExitStack, closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

import raw
from aio.conftest import descriptors
from dicomnet.aio.association import Association
from dicomnet.aio.served import Served
from dicomnet.cli._certificate import self_signed
from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    AssociationRejected,
    ConnectFailed,
    ConnectionLost,
    ListenFailed,
    PartialFailure,
    StateError,
    TlsFailed,
)
from dicomnet.limits import Limits, Timeouts
from dicomnet.server import running
from dicomnet.server.server import Server
from dicomnet.tls import TlsConfig
from listeners import listening, port_of
from server.serving import TITLE, WAIT, calling, instance, local, place, until


@pytest.fixture(scope="module")
def certificate(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, Path]:
    return self_signed(tmp_path_factory.mktemp("certificate"), ["127.0.0.1"])


@contextmanager
def strangers() -> Iterator[Callable[[int], socket.socket]]:
    """Makes plain connections, and closes them at the end."""
    with ExitStack() as stack:
        yield lambda port: stack.enter_context(closing(socket.create_connection(("127.0.0.1", port), WAIT)))


async def heard(sock: socket.socket) -> bytes:
    """What comes until the other side closes."""
    sock.setblocking(False)
    data = b""
    async with asyncio.timeout(WAIT):
        while piece := await asyncio.get_running_loop().sock_recv(sock, 4096):
            data += piece
    return data


# Connections.


async def test_two_hundred_associations_at_once() -> None:
    """All of one address, if the limits let them."""
    async with local(limits=Limits(associations_per_address=256)) as server:
        associations = [calling(server) for _ in range(200)]
        await asyncio.gather(*(one._opened() for one in associations))
        assert await asyncio.gather(*(one.echo() for one in associations)) == [Status.SUCCESS] * 200
        await asyncio.gather(*(one.release() for one in associations))


async def test_one_too_many_is_heard_out_and_rejected() -> None:
    """2/3/2: try again later (PS3.8 9.3.4); and there is room again when one has gone."""
    async with local(limits=Limits(associations_per_address=2)) as server, calling(server), calling(server) as second:
        with pytest.raises(AssociationRejected) as refusal:
            await calling(server)
        assert (refusal.value.result, refusal.value.source, refusal.value.reason) == (2, 3, 2)
        await second.release()
        await opened_in_time(server)


async def opened_in_time(server: Server) -> None:
    """The place of an association is free a moment after its end."""
    async with asyncio.timeout(WAIT):
        while True:
            try:
                async with calling(server) as association:
                    assert await association.echo() == 0
                    return
            except AssociationRejected:
                await asyncio.sleep(0.01)


async def test_far_too_many_are_dropped_unheard() -> None:
    """Above twice the limit nothing is heard of them."""
    async with local(limits=Limits(associations=1)) as server:
        with strangers() as connect:
            connect(server.port)
            connect(server.port)
            assert await heard(connect(server.port)) == b""


async def test_who_says_nothing_is_closed_in_time_and_in_nobodys_way() -> None:
    """The ARTIM time (PS3.8 9.1.5)."""
    async with local(timeouts=Timeouts(artim=0.2)) as server:
        with strangers() as connect:
            silent = connect(server.port)
            async with calling(server) as association:
                assert await association.echo() == 0
            assert await heard(silent) == b""


async def test_a_secure_endpoint_beside_a_plain_one(certificate: tuple[Path, Path]) -> None:
    """The same handlers behind both."""
    cert, key = certificate
    server = local()
    server.listen(0, host="127.0.0.1", tls=TlsConfig(certificate=cert, private_key=key))
    async with server:
        (_, plain), (_, secure) = server.addresses
        assert plain == server.port
        async with (
            calling(server) as one,
            Association(one.settings, ["verification"]) as other,
        ):
            assert [await one.echo(), await other.echo()] == [0, 0]
        options: dict[str, Any] = {"aet": "ME", "tls": TlsConfig(ca_file=cert)}
        async with dicomnet_associate(f"{TITLE}@127.0.0.1:{secure}", **options) as association:
            assert await association.echo() == 0
        with pytest.raises(TlsFailed):
            await dicomnet_associate(f"{TITLE}@127.0.0.1:{plain}", timeouts=Timeouts(handshake=2), **options)


def dicomnet_associate(address: str, **options: Any) -> Association:
    from dicomnet.aio.association import associate

    return associate(address, **options)


async def test_handshakes_block_nobody(certificate: tuple[Path, Path]) -> None:
    """Who connects to a secure port and says nothing is closed in time, and others are served meanwhile."""
    cert, key = certificate
    server = Server(
        TITLE,
        port=0,
        host="127.0.0.1",
        tls=TlsConfig(certificate=cert, private_key=key),
        timeouts=Timeouts(handshake=1.0),
        limits=Limits(handshakes=16),
    )
    async with server:
        with strangers() as connect:
            silent = [connect(server.port) for _ in range(3)]
            async with calling(server, tls=TlsConfig(ca_file=cert)) as association:
                assert await association.echo() == 0
            for sock in silent:
                await heard(sock)


def test_a_certificate_that_is_not_there_keeps_a_server_from_starting(tmp_path: Path) -> None:
    """It says which file, and nothing listens afterwards."""
    missing = tmp_path / "missing.pem"
    server = local(tls=TlsConfig(certificate=missing, private_key=missing))
    with pytest.raises(TlsFailed, match=r"missing\.pem"):
        server.__enter__()
    with pytest.raises(StateError):
        server.event_report("WS1", "storage-commitment", "1.2.3", 1)


# The end.


async def test_nobody_is_accepted_after_the_end(tmp_path: Path) -> None:
    """The port is closed at once, also while others get their time to release."""
    server = local()
    async with server:
        port = server.port
        async with calling(server) as association:
            ending = asyncio.create_task(server.aclose(grace=WAIT))
            await until(lambda: not server._site.entrances[0].sockets or _refused(port))
            assert await association.echo() == 0
            assert not ending.done()
        await ending


def _refused(port: int) -> bool:
    with closing(socket.socket()) as sock:
        return sock.connect_ex(("127.0.0.1", port)) != 0


async def test_what_runs_is_finished_before_the_end(tmp_path: Path) -> None:
    """A data set on its way is kept and acknowledged."""
    server = local()
    begun, go = asyncio.Event(), asyncio.Event()

    @server.on_store
    async def keep(request: Any) -> None:
        begun.set()
        await go.wait()
        await request.save(tmp_path)

    async with server:
        async with calling(server, "CTImageStorage") as association:
            storing = asyncio.create_task(association.store(instance(1, size=300_000)))
            await begun.wait()
            ending = asyncio.create_task(server.aclose(grace=WAIT))
            await asyncio.sleep(0)
            go.set()
            assert (await storing).ok
        await ending
    assert (tmp_path / "1.2.3.1.dcm").exists()


async def test_who_does_not_release_in_time_is_aborted() -> None:
    """0/0, because an acceptor asks for no release (PS3.8 9.3.8)."""
    server = local()
    async with server:
        association = await calling(server)
        await server.aclose(grace=0.05)
        with pytest.raises(AssociationAborted) as ended:
            await association.echo()
        assert (ended.value.source, ended.value.reason) == (0, 0)


async def test_half_a_data_set_leaves_no_file(tmp_path: Path) -> None:
    """An association that is aborted at the end takes what was on its way with it."""
    server = local()
    begun = asyncio.Event()

    @server.on_store
    async def keep(request: Any) -> None:
        begun.set()
        await request.save(tmp_path)

    async with server:
        association = await calling(server, "CTImageStorage")
        storing = asyncio.create_task(association.store(instance(1, size=200_000_000)))
        await begun.wait()
        await server.aclose(grace=0.0)
        with pytest.raises((PartialFailure, AssociationAborted)):
            await storing
    await until(lambda: list(tmp_path.iterdir()) == [])  # a storage thread is about to


async def test_a_stranger_who_says_nothing_holds_nothing_up() -> None:
    """There is no association to wait for."""
    server = local()
    async with server:
        with strangers() as connect:
            silent = connect(server.port)
            await until(lambda: bool(server._site.running._connections))
            async with asyncio.timeout(WAIT):
                await server.aclose(grace=3600)
            assert await heard(silent) == b""


async def test_who_speaks_while_the_process_stands_still_at_the_end_is_served(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before anybody could look is not silence, however late it is by then."""
    monkeypatch.setattr(running, "FIRST_WORDS", 0.6)
    server = local()
    async with server:
        with strangers() as connect:
            late = connect(server.port)
            await until(lambda: bool(server._site.running._connections))
            ending = asyncio.create_task(server.aclose(grace=3600))
            await until(lambda: server._site.running.stopping)
            late.sendall(raw.associate(called=TITLE.encode()))
            time.sleep(0.7)  # the machine has other things to do
            late.setblocking(False)
            loop = asyncio.get_running_loop()
            async with asyncio.timeout(WAIT):
                assert (await loop.sock_recv(late, 4096))[:1] == b"\2"
                late.sendall(raw.RELEASE_RQ)
                assert await loop.sock_recv(late, 4096) == raw.RELEASE_RP
        async with asyncio.timeout(WAIT):
            await ending


async def test_an_association_that_nobody_has_decided_about_leaves_nothing_behind(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """The end of the server comes before the task that decides has begun."""
    asked: list[Served] = []
    start = Served.start

    def start_too_late(self: Served, work: Any, performance: Any = None) -> None:
        start(self, work, performance)
        for task in self._performances:
            task.cancel()
        asked.append(self)

    monkeypatch.setattr(Served, "start", start_too_late)
    with warnings.catch_warnings(record=True) as warned:
        warnings.simplefilter("always")
        async with local() as server:
            opening = asyncio.create_task(calling(server)._opened())
            await until(lambda: bool(asked))
            await server.aclose(grace=0)
            with pytest.raises((AssociationAborted, ConnectionLost)):
                await opening
        gc.collect()
    assert [str(one.message) for one in warned] == []


async def test_a_second_end_waits_for_the_first() -> None:
    """And does nothing else."""
    server = local()
    async with server:
        await asyncio.gather(server.aclose(), server.aclose())
        await server.aclose()


async def test_who_gives_up_waiting_does_not_keep_a_server_from_ending() -> None:
    """The next one who waits sees it end."""
    server = local()
    async with server:
        async with calling(server):
            waiting = asyncio.create_task(server.aclose(grace=WAIT))
            await until(lambda: server._site.running.stopping)
            waiting.cancel()
            with pytest.raises(asyncio.CancelledError):
                await waiting
        await server.aclose()
        assert server._site.running is None


# A loop in a thread.


def test_a_with_block_serves_from_a_thread(tmp_path: Path) -> None:
    """Its port is known inside; afterwards nothing listens there, and nothing else is open."""
    server = local(folder=tmp_path)
    counts = []
    for _ in range(3):  # it can be started again
        with server:
            port = server.port
            assert server.addresses == [("127.0.0.1", port)]
            asyncio.run(store_one(server))
        assert _refused(port)
        counts.append(descriptors())
    assert counts[2] == counts[1]
    assert (tmp_path / "1.2.3.1.dcm").exists()


async def store_one(server: Server) -> None:
    from dicomnet.aio.hub import close_hub

    try:
        async with calling(server, "CTImageStorage") as association:
            await association.store(instance(1))
    finally:
        close_hub()


def test_a_port_in_use_is_told_as_such() -> None:
    """By the address, and before anything runs."""
    with listening() as taken:
        port = port_of(taken)
        server = Server(TITLE, port=port, host="127.0.0.1")
        with pytest.raises(ListenFailed, match=f"cannot listen at 127.0.0.1:{port}: address already in use"):
            server.__enter__()
    with server:
        assert server.port == port


def test_one_port_in_use_leaves_the_others_alone() -> None:
    """A server listens at all of its addresses, or at none."""
    with listening() as taken:
        server = local()
        server.listen(port_of(taken), host="127.0.0.1")
        with pytest.raises(ListenFailed):
            server.__enter__()
        assert server.addresses == [("127.0.0.1", 0), ("127.0.0.1", port_of(taken))]


def test_close_may_be_called_by_any_thread_but_the_loops_own() -> None:
    """There it would wait for itself."""
    server = local()
    errors: list[Exception] = []

    @server.on_echo
    async def end(request: Any) -> None:
        try:
            server.close()
        except StateError as error:
            errors.append(error)

    with server:
        asyncio.run(echo_once(server))
        closer = threading.Thread(target=server.close)
        closer.start()
        closer.join(WAIT)
        assert not closer.is_alive()
    assert "aclose" in str(errors[0])


async def echo_once(server: Server) -> None:
    from dicomnet.aio.hub import close_hub

    try:
        async with calling(server) as association:
            await association.echo()
    finally:
        close_hub()


def test_handlers_in_threads_may_use_the_server() -> None:
    """What blocks there does not block the loop."""
    server = local(peers={"ME": "127.0.0.1:1"})
    errors: list[Exception] = []

    @server.on_echo
    def report(request: Any) -> None:
        try:
            server.event_report("ME", "storage-commitment", "1.2.3", 1)
        except ConnectFailed as error:
            errors.append(error)

    with server:
        asyncio.run(echo_once(server))
    assert len(errors) == 1
    assert place(server).startswith(TITLE)
