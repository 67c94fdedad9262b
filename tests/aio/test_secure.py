"""Secure transports on both loops: what they hold back, what they keep, and how they end."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from aio.ends import MAX_PDU, WAIT, Bench, End, Site, pattern, store, tcp_pair
from dicomnet.aio.channel import Channel
from dicomnet.aio.secure import SecureTransport
from dicomnet.cli._certificate import self_signed
from dicomnet.dimse import codec
from dicomnet.dimse.fragments import command_pdus, data_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import ConnectionLost, TlsFailed
from dicomnet.limits import KIB, MIB
from dicomnet.pdu.write import push_pdu
from dicomnet.tls import TlsConfig, VerifyMode
from dicomnet.ul.events import Aborted
from pair import CT, proposal


@pytest.fixture
def ticketless(tmp_path: Path) -> Site:
    """Of TLS 1.2: a peer that closes with the tickets of 1.3 unread resets the connection."""
    certificate, key = self_signed(tmp_path, ["pacs.example"])
    acceptor = TlsConfig(certificate=certificate, private_key=key, maximum_version="TLSv1.2").acceptor_context()
    return Site(TlsConfig(ca_file=certificate).requestor_context(), acceptor, acceptor)


async def plain_peer(
    bench: Bench, site: Site, script: Callable[[ssl.SSLSocket], Any], **options: Any
) -> tuple[End, Any]:
    """An acceptor of ours, and in a thread a requestor made of Python's own TLS; its end comes with the script's result."""
    ours, theirs = tcp_pair()
    acceptor = bench.end(requestor=False, **options)

    def run() -> Any:
        theirs.settimeout(WAIT)
        with site.requestor.wrap_socket(theirs, server_hostname="pacs.example", suppress_ragged_eofs=False) as secured:
            return script(secured)

    peer = asyncio.get_running_loop().run_in_executor(None, run)
    await acceptor.attach(ours, context=site.acceptor)
    return acceptor, peer


def transport_of(end: End) -> SecureTransport:
    assert isinstance(end.channel.transport, SecureTransport)
    return end.channel.transport


async def test_an_orderly_end_is_told_with_a_close_notify(site: Site) -> None:
    """So that the peer knows that nothing is missing; its own is not waited for."""
    async with Bench() as bench:
        acceptor, peer = await plain_peer(bench, site, lambda secured: secured.recv(1))
        acceptor.channel.close_transport()
        assert await peer == b""
        await acceptor.wait_closed()


@pytest.mark.parametrize("orderly", [True, False])
async def test_the_end_of_a_peer_is_an_end_with_and_without_a_close_notify(ticketless: Site, orderly: bool) -> None:
    """Many close the socket and nothing else."""

    def leave(secured: ssl.SSLSocket) -> None:
        if orderly:
            secured.unwrap()

    async with Bench() as bench:
        acceptor, peer = await plain_peer(bench, ticketless, leave)
        assert await acceptor.wait_closed() is None
        await peer


async def test_who_is_refused_hears_why_also_behind_much_that_was_sent(site: Site, tmp_path: Path) -> None:
    """TLS 1.3 lets a requestor send before it is judged: to close with that unread would take the alert away."""
    certificate, key = self_signed(tmp_path, ["pacs.example"])
    demanding = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate, verify=VerifyMode.REQUIRED)
    trusting = TlsConfig(ca_file=certificate).requestor_context()
    ours, theirs = tcp_pair()

    def hurry() -> str:
        theirs.settimeout(WAIT)
        with trusting.wrap_socket(theirs, server_hostname="pacs.example") as secured:
            try:
                secured.sendall(bytes(4 * MIB))
                return repr(secured.recv(1))
            except ssl.SSLError as error:
                return str(error.reason)

    peer = asyncio.get_running_loop().run_in_executor(None, hurry)
    with pytest.raises(TlsFailed, match="has shown no certificate, and one is required"):
        await End(Bench().far, requestor=False).attach(ours, context=demanding.acceptor_context())
    assert await peer == "TLSV13_ALERT_CERTIFICATE_REQUIRED"


async def test_a_reader_that_pauses_stops_its_peer_and_loses_nothing(site: Site, tmp_path: Path) -> None:
    """Neither what was decrypted nor what was not, and the end comes behind it."""
    data = pattern(24 * MIB)
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(tls=site)
        acceptor.channel.pause("test")
        requestor.store(1, data)
        await requestor.until(lambda: transport_of(requestor).get_write_buffer_size() > 0)
        await _turns(50)
        assert acceptor.data == []
        assert not transport_of(acceptor).is_reading()
        assert transport_of(requestor).get_write_buffer_size() > 0
        acceptor.channel.resume("test")
        assert await requestor.response(1) == Status.SUCCESS
        assert acceptor.data == [data]


async def test_an_end_that_comes_while_reading_is_paused_comes_last(ticketless: Site) -> None:
    """What was sent before it is handed out first."""

    def speak(secured: ssl.SSLSocket) -> None:
        secured.sendall(push_pdu(proposal()))
        secured.setblocking(False)
        with suppress(ssl.SSLWantReadError):  # nobody answers yet
            secured.unwrap()

    async with Bench() as bench:
        acceptor, peer = await plain_peer(bench, ticketless, speak, hold=True)
        await peer
        await _turns(50)
        assert acceptor.user.events == []
        acceptor.channel.proceed()
        await acceptor.wait_closed()
        assert [type(event).__name__ for event in acceptor.user.events] == ["AssociateRequested", "TransportClosed"]


async def test_what_is_written_over_a_full_line_waits_without_a_copy(site: Site) -> None:
    """And is counted; when it has left, the channel may write again."""
    ours, theirs = tcp_pair(small=True)
    async with Bench() as bench:
        requestor, acceptor = bench.end(requestor=True), bench.end(requestor=False)
        async with asyncio.timeout(WAIT):
            await asyncio.gather(
                requestor.attach(ours, context=site.requestor, server_hostname="pacs.example"),
                acceptor.attach(theirs, context=site.acceptor),
            )
        transport, resumed = transport_of(requestor), asyncio.Event()
        transport._channel = Writer(resumed)
        transport_of(acceptor)._channel = reader = Reader()
        transport.write(b"x" * MIB)
        assert transport._full
        assert MIB // 2 < transport.get_write_buffer_size() <= MIB + 1000 + transport._below.get_write_buffer_size()  # type: ignore[union-attr]
        async with asyncio.timeout(WAIT):
            await resumed.wait()
            assert transport.get_write_buffer_size() == 0
            while reader.count < MIB:
                await asyncio.sleep(0)
        transport._channel, transport_of(acceptor)._channel = requestor.channel, acceptor.channel


class Writer(asyncio.BufferedProtocol):
    """Notes that it may write again."""

    def __init__(self, resumed: asyncio.Event) -> None:
        self._resumed = resumed

    def pause_writing(self) -> None:
        pass

    def resume_writing(self) -> None:
        self._resumed.set()


class Reader(asyncio.BufferedProtocol):
    """Counts what it gets, a little at a time."""

    count = 0
    memory = memoryview(bytearray(5000))

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.memory

    def buffer_updated(self, nbytes: int) -> None:
        self.count += nbytes


async def test_all_connections_of_a_loop_read_into_one_buffer(site: Site) -> None:
    """An idle one keeps none; what a read leaves over is kept apart."""
    async with Bench() as bench:
        pairs = [await bench.pair(tls=site) for _ in range(4)]
        buffers = {id(transport_of(acceptor).get_buffer(-1).obj) for _, acceptor in pairs}
        assert len(buffers) == 1
        for _, acceptor in pairs:
            assert not transport_of(acceptor).link.pending


async def test_what_is_asked_about_a_link_is_answered(site: Site) -> None:
    """Of TLS here, and of the socket below."""
    async with Bench() as bench:
        requestor, _ = await bench.pair(tls=site)
        ask = requestor.channel.get_extra_info
        assert ask("ssl_object").version() == "TLSv1.3"
        assert ask("sslcontext") is site.requestor
        assert ask("cipher")[1] == "TLSv1.3"
        assert dict(ask("peercert")["subject"][0])["commonName"] == "pacs.example"
        assert ask("socket").family == socket.AF_INET
        assert not transport_of(requestor).can_write_eof()


async def test_a_broken_record_ends_the_association_and_not_the_handshake(site: Site) -> None:
    """Somebody on the way has changed a byte."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(tls=site)
        transport_of(requestor)._below.write(bytes.fromhex("17 0303 0020") + bytes(32))  # type: ignore[union-attr]
        error = await acceptor.wait_closed()
        assert isinstance(error, ConnectionLost)
        assert "the secure link broke" in str(error)
        error = await requestor.wait_closed()
        assert isinstance(error, ConnectionLost)
        assert "the peer ended the secure link (bad record mac)" in str(error)


async def test_of_records_with_next_to_nothing_in_them_little_is_read_at_a_time(site: Site) -> None:
    """They are a hundred times the work, and others wait meanwhile; nothing is lost."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(tls=site)
        sending, receiving = transport_of(requestor), transport_of(acceptor)
        portions, deliver = [], receiving._deliver

        def note() -> int:
            portions.append(len(receiving.get_buffer(-1)))
            return deliver()

        receiving._deliver = note  # type: ignore[method-assign]
        below, data = sending._below, pattern(64 * KIB)
        assert below is not None
        message = command_pdus(CT, codec.encode(store(1)), MAX_PDU) + data_pdus(CT, data, MAX_PDU)
        below.write(b"".join(sending.link.write(memoryview(message)[at : at + 1]) or b"" for at in range(len(message))))
        await acceptor.until(lambda: acceptor.data)
        assert acceptor.data == [data]
        assert min(portions) == 32 * KIB < max(portions)
        requestor.abort()
        await acceptor.until(lambda: acceptor.saw(Aborted))
        assert len(receiving.get_buffer(-1)) > 32 * KIB


async def test_a_pause_leaves_no_more_than_a_record_in_the_link(site: Site) -> None:
    """No more is read than the channel has room for, or each connection that waits for its disk would keep a megabyte."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(tls=site)
        receiving = transport_of(acceptor)
        deliver, left = receiving._deliver, []

        def note() -> int:
            delivered = deliver()
            left.append(len(receiving.link._rest))
            return delivered

        receiving._deliver = note  # type: ignore[method-assign]
        receiving._channel = Pausing(acceptor.channel)  # type: ignore[assignment]
        data = pattern(MIB)
        requestor.store(1, data)
        await acceptor.until(lambda: acceptor.data)
        assert acceptor.data == [data]
        assert max(left) <= 5 + 16 * KIB + 256


class Pausing:
    """A channel with little room that stops reading after each piece, and goes on at once."""

    def __init__(self, channel: Channel) -> None:
        self.channel = channel

    def __getattr__(self, name: str) -> Any:
        return getattr(self.channel, name)

    def get_buffer(self, sizehint: int) -> memoryview:
        return self.channel.get_buffer(sizehint)[: 20 * KIB]

    def buffer_updated(self, nbytes: int) -> None:
        self.channel.buffer_updated(nbytes)
        self.channel.pause("test")
        asyncio.get_running_loop().call_soon(self.channel.resume, "test")


@pytest.mark.parametrize("size", [60 * KIB, 8 * MIB])
async def test_a_link_that_breaks_while_much_waits_to_be_sent_ends_once(site: Site, size: int) -> None:
    """What waits is not sent any more, behind an end that the peer has been told of, when the line is free again."""
    ours, theirs = tcp_pair(small=True)
    sent = threading.Event()

    def speak_nonsense_and_listen() -> None:
        theirs.settimeout(WAIT)
        with site.requestor.wrap_socket(theirs, server_hostname="pacs.example") as secured:
            raw = socket.socket(fileno=os.dup(secured.fileno()))
            with raw:
                raw.settimeout(WAIT)
                assert sent.wait(WAIT)
                raw.sendall(bytes.fromhex("17 0303 0020") + bytes(32))
                with suppress(OSError):
                    while raw.recv(4096):
                        pass

    async with Bench() as bench:
        acceptor = bench.end(requestor=False)
        peer = asyncio.get_running_loop().run_in_executor(None, speak_nonsense_and_listen)
        await acceptor.attach(ours, context=site.acceptor)
        transport_of(acceptor).write(bytes(size))
        sent.set()
        error = await acceptor.wait_closed()
        assert "the secure link broke" in str(error)
        await peer


async def _turns(count: int) -> None:
    """Lets the loop go round so often: all that could come has come, on loopback."""
    for _ in range(count):
        await asyncio.sleep(0)
