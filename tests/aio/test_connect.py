"""From a socket to a running channel, plain and with TLS."""

from __future__ import annotations

import asyncio
import errno
import os
import socket
import ssl
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager, closing
from typing import Any

import pytest

from aio.ends import WAIT, Bench, End, Site, User, pattern, reset, tcp_pair
from dicomnet.aio.connect import connect
from dicomnet.aio.listen import Listener
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.dimse.status import Status
from dicomnet.errors import ConnectFailed, TlsFailed
from dicomnet.limits import MIB, Timeouts
from dicomnet.sockets import bind
from dicomnet.ul.events import AssociateAccepted, ProtocolViolated

V4 = "127.0.0.1"


@asynccontextmanager
async def receiver(bench: Bench, context: ssl.SSLContext | None = None) -> AsyncIterator[tuple[int, list[Any]]]:
    """The port of a receiver that serves everybody, and what became of each `attach`."""
    loop = asyncio.get_running_loop()
    outcomes: list[asyncio.Task[None]] = []

    def serve(sock: socket.socket, host: str, port: int) -> None:
        end = bench.end(requestor=False)
        outcomes.append(loop.create_task(end.attach(sock, context=context)))

    listener = Listener(bind(V4), serve)
    try:
        yield listener.address[1], outcomes
    finally:
        await listener.close()
        await asyncio.gather(*outcomes, return_exceptions=True)


@asynccontextmanager
async def connecting(port: int, **options: Any) -> AsyncIterator[End]:
    """An end made by `connect`."""
    timeouts = options.pop("timeouts", Timeouts())
    end = End.__new__(End)
    end.user, end.core, end.bodies = User(), Endpoint(requestor=True, timeouts=timeouts), []
    end.channel = end.user.channel = await connect(V4, port, end.core, end.user, **options)
    try:
        yield end
    finally:
        end.channel.abort_transport()
        await end.wait_closed()


# Plain.


async def test_connect_drives_a_core_over_a_new_connection() -> None:
    """An association asked for afterwards is made."""
    async with Bench() as bench, receiver(bench) as (port, _), connecting(port) as end:
        end.associate()
        await end.until(lambda: end.saw(AssociateAccepted))
        assert await end.echo(1) == Status.SUCCESS
        await end.released()


async def test_an_association_asked_for_before_the_connection_is_made_with_it() -> None:
    """A core may have its request already when it is given a transport."""
    async with Bench() as bench, receiver(bench) as (port, _):
        sock = socket.create_connection((V4, port))
        sock.setblocking(False)
        end = bench.end(requestor=True)
        end.associate()
        await end.attach(sock)
        await end.until(lambda: end.saw(AssociateAccepted))


async def test_sockets_may_be_no_files(monkeypatch: pytest.MonkeyPatch) -> None:
    """As on Windows, where the system says nothing of a socket that it would say of a file."""

    def refuse(descriptor: int) -> os.stat_result:
        raise OSError(errno.EBADF, f"{descriptor} is no file")

    async with Bench() as bench:
        ours, theirs = tcp_pair()
        requestor, acceptor = bench.end(requestor=True), bench.end(requestor=False)
        with monkeypatch.context() as patch:
            patch.setattr(os, "fstat", refuse)
            await asyncio.gather(requestor.attach(ours), acceptor.attach(theirs))
        requestor.associate()
        await requestor.until(lambda: requestor.saw(AssociateAccepted))
        await requestor.released()


async def test_a_refused_connection_is_told() -> None:
    """Nobody listens there."""
    (listener,) = bind(V4)
    port = listener.getsockname()[1]
    listener.close()
    with pytest.raises(ConnectFailed, match="connection refused"):
        await connect(V4, port, Endpoint(requestor=True), User())


async def test_the_connect_time_of_the_core_counts() -> None:
    """A host that drops everything keeps nobody waiting longer."""
    with closing(socket.socket()) as listener, closing(socket.socket()) as first, closing(socket.socket()) as second:
        listener.bind((V4, 0))
        listener.listen(0)
        for filler in (first, second):
            filler.setblocking(False)
            filler.connect_ex(listener.getsockname())
        core = Endpoint(requestor=True, timeouts=Timeouts(connect=0.2))
        started = time.monotonic()
        with pytest.raises(ConnectFailed, match=r"no answer within 0\.2 s"):
            await connect(V4, listener.getsockname()[1], core, User())
        assert time.monotonic() - started < 5


@pytest.mark.parametrize("requestor", [False, True])
async def test_a_peer_that_is_gone_before_it_is_attached_ends_the_channel(requestor: bool) -> None:
    """The channel is told so like any other; the descriptor is closed, and closed once."""
    async with Bench() as bench:
        ours, theirs = tcp_pair()
        reset(ours)
        end = bench.end(requestor=requestor)
        if requestor:
            end.associate()
        await end.attach(theirs)
        await end.wait_closed()
        assert theirs.fileno() == -1


# TLS.


@pytest.mark.parametrize("version", [ssl.TLSVersion.TLSv1_2, ssl.TLSVersion.TLSv1_3])
async def test_an_association_runs_over_tls(site: Site, version: ssl.TLSVersion) -> None:
    """Commands and data, both ways, and the end in order."""
    context = _only(site.requestor, version)
    async with Bench() as bench, receiver(bench, site.acceptor) as (port, _), connecting(port, context=context) as end:
        assert end.channel.get_extra_info("ssl_object").version() == version.name.replace("_", ".")
        end.associate()
        await end.until(lambda: end.saw(AssociateAccepted))
        data = pattern(3 * MIB)
        end.store(1, data)
        assert await end.response(1) == Status.SUCCESS
        assert bench.ends[0].data == [data]
        assert await end.echo(2) == Status.SUCCESS
        await end.released()
        await end.wait_closed()
        await bench.ends[0].wait_closed()


def _only(context: ssl.SSLContext, version: ssl.TLSVersion) -> ssl.SSLContext:
    context.minimum_version = ssl.TLSVersion.MINIMUM_SUPPORTED
    context.maximum_version = version
    context.minimum_version = version
    return context


async def refused(site: Site, port: int, **options: Any) -> str:
    """Connects with TLS in vain; returns why."""
    options = {"context": site.requestor, **options}
    with pytest.raises(TlsFailed) as caught:
        async with connecting(port, **options):
            pass
    return caught.value.detail


async def outcome(outcomes: list[asyncio.Task[None]]) -> str:
    """Why the receiver's side of the first connection came to nothing."""
    async with asyncio.timeout(WAIT):
        with pytest.raises(TlsFailed) as caught:
            await outcomes[0]
    return caught.value.detail


async def test_a_certificate_of_an_unknown_authority_is_refused(site: Site) -> None:
    """Both sides say why, in words an administrator can act on."""
    _only(site.requestor, ssl.TLSVersion.TLSv1_3)
    async with Bench() as bench, receiver(bench, site.stranger) as (port, outcomes):
        reason = await refused(site, port)
        assert f"the certificate of the peer at {V4}:{port} is signed by itself" in reason
        assert "self-signed certificate" in reason
        assert "the peer refused our certificate: it does not know who issued it" in await outcome(outcomes)


async def test_a_certificate_for_another_name_is_refused(site: Site) -> None:
    """The name checked is the one given, else the host connected to."""
    async with Bench() as bench, receiver(bench, site.acceptor) as (port, _):
        reason = await refused(site, port, server_hostname="other.example")
        assert "hostname mismatch" in reason
        assert "other.example" in reason


@pytest.mark.parametrize("name", [".pacs", "a..b", "x" * 64 + ".example", "pacs\0.example"])
async def test_a_name_that_is_none_is_told(site: Site, name: str) -> None:
    """What ssl cannot even encode is an error of the secure link like any other, and the socket is closed."""
    ours, theirs = tcp_pair()
    with closing(ours):
        end = End(Bench().near, requestor=True)
        with pytest.raises(TlsFailed, match="is no host name that a certificate could bear") as caught:
            await end.attach(theirs, context=site.requestor, server_hostname=name)
        assert repr(name) in str(caught.value)
        assert theirs.fileno() == -1
    assert end.user.closings == []


@pytest.mark.parametrize("server_side", [False, True])
async def test_a_context_of_the_other_role_is_told(site: Site, server_side: bool) -> None:
    """What ssl has against its arguments is an error of the secure link like any other, and the socket is closed."""
    ours, theirs = tcp_pair()
    with closing(ours):
        end = End(Bench().near, requestor=not server_side)
        context = site.requestor if server_side else site.acceptor
        with pytest.raises(TlsFailed, match="the settings are not for this role"):
            await end.attach(theirs, context=context, server_hostname="pacs.example")
        assert theirs.fileno() == -1


async def test_a_name_that_is_checked_has_to_be_given(site: Site) -> None:
    """Without one, a TLS object would take the certificate of anybody."""
    ours, theirs = tcp_pair()
    with closing(ours):
        end = End(Bench().near, requestor=True)
        with pytest.raises(TlsFailed, match="the name of the peer is to be checked, and there is none"):
            await end.attach(theirs, context=site.requestor)


async def test_a_plain_peer_at_a_tls_port_is_told_apart(site: Site) -> None:
    """The log of the receiver says what the peer got wrong, and the peer does not wait for its own timeout."""
    async with Bench() as bench, receiver(bench, site.acceptor) as (port, outcomes), connecting(port) as end:
        end.associate()
        assert "the peer does not speak TLS" in await outcome(outcomes)
        await end.wait_closed()


async def test_a_tls_peer_at_a_plain_port_is_told_apart(site: Site) -> None:
    """Both sides learn it at once."""
    async with Bench() as bench, receiver(bench) as (port, _):
        assert f"the peer at {V4}:{port} does not speak TLS (it speaks DICOM without TLS)" in await refused(site, port)
        (violation,) = [e for e in bench.ends[0].user.events if isinstance(e, ProtocolViolated)]
        assert "the peer wants TLS" in str(violation.error)
        await bench.ends[0].wait_closed()


@pytest.mark.parametrize("server_side", [False, True])
async def test_a_handshake_with_a_silent_peer_ends_in_time(site: Site, server_side: bool) -> None:
    """The time is a whole number of nothing: what counts is that it ends."""
    ours, theirs = tcp_pair()
    with closing(ours):
        end = End(Bench().near, requestor=not server_side)
        context = site.acceptor if server_side else site.requestor
        started = time.monotonic()
        with pytest.raises(TlsFailed, match=r"the handshake was not over within 0\.2 s"):
            await end.attach(theirs, context=context, server_hostname="pacs.example", handshake_timeout=0.2)
        assert time.monotonic() - started < 5
        assert theirs.fileno() == -1


@pytest.mark.parametrize("server_side", [False, True])
@pytest.mark.parametrize("leave", [socket.socket.close, reset])
async def test_a_peer_that_leaves_during_the_handshake_is_told(
    site: Site, server_side: bool, leave: Callable[[socket.socket], None]
) -> None:
    """In order or not; perhaps it does not speak TLS and thought the same of us."""
    ours, theirs = tcp_pair()
    end = End(Bench().near, requestor=not server_side)
    context = site.acceptor if server_side else site.requestor
    task = asyncio.ensure_future(end.attach(theirs, context=context, server_hostname="pacs.example"))
    await asyncio.sleep(0)
    leave(ours)
    async with asyncio.timeout(WAIT):
        with pytest.raises(TlsFailed, match="the peer closed the connection during the handshake"):
            await task


async def test_a_handshake_that_is_given_up_leaves_nothing_behind(site: Site) -> None:
    """Cancelling closes the socket, which the loop's own check sees too."""
    ours, theirs = tcp_pair()
    with closing(ours):
        end = End(Bench().near, requestor=True)
        task = asyncio.ensure_future(end.attach(theirs, context=site.requestor, server_hostname="pacs.example"))
        ours.setblocking(True)
        assert await asyncio.to_thread(ours.recv, 1) == b"\x16"
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        ours.settimeout(WAIT)
        while await asyncio.to_thread(ours.recv, 4096):
            pass
    assert end.user.closings == []


async def test_a_channel_that_holds_waits_for_proceed(site: Site) -> None:
    """So that whoever judges certificates has the last word: not a byte is read before, nor a deadline runs."""
    async with Bench() as bench:
        ours, theirs = tcp_pair()
        requestor, acceptor = bench.end(requestor=True), bench.end(requestor=False, hold=True)
        async with asyncio.timeout(WAIT):
            await asyncio.gather(
                requestor.attach(ours, context=site.requestor, server_hostname="pacs.example"),
                acceptor.attach(theirs, context=site.acceptor),
            )
        requestor.associate()
        await _turns(20)
        assert acceptor.user.events == []
        acceptor.channel.proceed()
        await requestor.until(lambda: requestor.saw(AssociateAccepted))


async def test_a_plain_channel_that_holds_loses_nothing() -> None:
    """uvloop begins to read whatever the protocol says; what comes then is kept for `proceed`."""
    async with Bench() as bench:
        ours, theirs = tcp_pair()
        requestor, acceptor = bench.end(requestor=True), bench.end(requestor=False, hold=True)
        await requestor.attach(ours)
        requestor.associate()
        await _turns(20)
        await acceptor.attach(theirs)
        await _turns(20)
        assert acceptor.user.events == []
        assert not acceptor.channel.transport.is_reading()  # type: ignore[union-attr]
        acceptor.channel.proceed()
        await requestor.until(lambda: requestor.saw(AssociateAccepted))


async def test_a_channel_that_holds_can_be_given_up(site: Site) -> None:
    """The certificate was refused: the peer learns of it by the end of the connection."""
    async with Bench() as bench:
        ours, theirs = tcp_pair()
        requestor, acceptor = bench.end(requestor=True), bench.end(requestor=False, hold=True)
        async with asyncio.timeout(WAIT):
            await asyncio.gather(
                requestor.attach(ours, context=site.requestor, server_hostname="pacs.example"),
                acceptor.attach(theirs, context=site.acceptor),
            )
        requestor.associate()
        acceptor.channel.abort_transport()
        await acceptor.wait_closed()
        await requestor.wait_closed()


async def _turns(count: int) -> None:
    """Lets the loop go round so often: all that could come has come, on loopback."""
    for _ in range(count):
        await asyncio.sleep(0)
