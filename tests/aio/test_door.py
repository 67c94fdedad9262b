"""Hearing who is there, over real sockets: nothing more than that is taken from them."""

from __future__ import annotations

import asyncio
import socket
import ssl
import struct
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest

from aio.ends import Site
from dicomnet.aio.admission import Admission
from dicomnet.aio.door import Guest, TurnedAway
from dicomnet.errors import ConnectionLost, TlsFailed
from dicomnet.limits import Limits, Timeouts
from dicomnet.networks import is_loopback
from dicomnet.proxied import SIGNATURE
from raw import UNEXPECTED_MESSAGE, associate

LINE = b"PROXY TCP4 10.1.2.9 10.0.0.5 51234 104\r\n"
BINARY = SIGNATURE + struct.pack("!BBH", 0x21, 0x11, 15) + bytes([10, 1, 2, 9, 10, 0, 0, 5]) + b"\xc8\x22\0\x68TLV"
OWN = SIGNATURE + b"\x20\0\0\0"
HELLO = b"\x16\x03\x01\x00\x05\x01\x00\x00\x01\x03"
PATIENT = Timeouts(artim=10.0, handshake=10.0, proxy_header=10.0)
HASTY = Timeouts(artim=0.1, handshake=0.1, proxy_header=0.1)


class Visit:
    """A guest, and the peer whose connection it is."""

    def __init__(self, *, proxied: bool, limits: Limits, host: str) -> None:
        with socket.create_server((host, 0), family=socket.AF_INET6 if ":" in host else socket.AF_INET) as listening:
            self.peer = socket.create_connection(listening.getsockname()[:2], timeout=10)
            self.ours, (self.host, self.port, *_) = listening.accept()
        self.ours.setblocking(False)
        self.admission = Admission(limits)
        place = self.admission.enter(self.host, self.ours, proxied=proxied)
        assert place is not None
        now = asyncio.get_running_loop().time()
        self.guest = Guest(self.ours, self.host, self.port, place, now, proxied=proxied)

    async def left(self, count: int) -> bytes:
        """What is still in the socket."""
        return await asyncio.get_running_loop().sock_recv(self.ours, count)

    def close(self) -> None:
        self.peer.close()
        self.ours.close()


@contextmanager
def visit(*, proxied: bool = False, limits: Limits = Limits(), host: str = "127.0.0.1") -> Iterator[Visit]:  # noqa: B008
    made = Visit(proxied=proxied, limits=limits, host=host)
    try:
        yield made
    finally:
        made.close()


@pytest.mark.parametrize("secure", [False, True])
@pytest.mark.parametrize("late", [False, True])
async def test_a_first_byte_is_looked_at_and_left_where_it_is(secure: bool, late: bool) -> None:
    """Whether it is there already or comes later; whoever has spoken makes room for nobody."""
    said = HELLO if secure else associate()
    with visit() as one:
        if late:
            hearing = asyncio.create_task(one.guest.hear(PATIENT, secure=secure))
            await asyncio.sleep(0.01)
            assert not hearing.done()
            assert one.guest.place.silent
            one.peer.sendall(said)
            await hearing
        else:
            one.peer.sendall(said)
            await one.guest.hear(PATIENT, secure=secure)
        assert not one.guest.place.silent
        assert await one.left(1000) == said
        assert (str(one.guest), one.guest.address) == ("127.0.0.1", None)


async def test_a_byte_that_is_there_costs_no_round_of_the_loop() -> None:
    """The usual case: hearing it suspends nothing."""
    with visit() as one:
        one.peer.sendall(b"\x01")
        hearing = one.guest.hear(PATIENT, secure=False)
        with pytest.raises(StopIteration):
            hearing.send(None)


# Proxies.


@pytest.mark.parametrize("header", [LINE, BINARY], ids=["version 1", "version 2"])
@pytest.mark.parametrize("secure", [False, True])
async def test_a_proxy_says_for_whom_it_speaks(header: bytes, secure: bool) -> None:
    """From then on that is who is there; what comes behind the header is untouched."""
    said = HELLO if secure else associate()
    with visit(proxied=True) as one:
        one.peer.sendall(header + said)
        await one.guest.hear(PATIENT, secure=secure)
        assert (one.guest.host, one.guest.port, one.guest.via) == ("10.1.2.9", 51234, "127.0.0.1")
        assert (str(one.guest), one.guest.address) == ("10.1.2.9 via 127.0.0.1", ("10.1.2.9", 51234))
        assert one.guest.place.host == "10.1.2.9"
        assert await one.left(1000) == said


@pytest.mark.parametrize("header", [LINE, BINARY, OWN], ids=["version 1", "version 2", "its own"])
async def test_a_header_may_come_byte_by_byte(header: bytes) -> None:
    """And the first byte behind it later still."""
    with visit(proxied=True) as one:
        hearing = asyncio.create_task(one.guest.hear(PATIENT, secure=False))
        for byte in header:
            one.peer.sendall(bytes([byte]))
            await asyncio.sleep(0)
            assert not hearing.done()
        one.peer.sendall(b"\x01")
        await hearing
        assert one.guest.host == ("127.0.0.1" if header is OWN else "10.1.2.9")
        assert await one.left(1000) == b"\x01"


async def test_a_proxy_that_looks_whether_we_are_here_is_itself() -> None:
    """LOCAL: the connection is its own."""
    with visit(proxied=True) as one:
        one.peer.sendall(OWN)
        one.peer.shutdown(socket.SHUT_WR)
        await one.guest.hear(PATIENT, secure=False)
        assert (one.guest.host, one.guest.via) == ("127.0.0.1", "")


async def test_whom_a_proxy_does_not_know_nobody_knows() -> None:
    """He must not get the rights of the proxy's own address, which may be this machine's."""
    with visit(proxied=True) as one:
        one.peer.sendall(b"PROXY UNKNOWN\r\n\x01")
        await one.guest.hear(PATIENT, secure=False)
        assert str(one.guest) == "unknown via 127.0.0.1"


@pytest.mark.parametrize("told", [b"TCP4 127.0.0.1 10.0.0.5", b"TCP6 ::ffff:127.0.0.1 fd00::5", b"TCP6 ::1 fd00::5"])
@pytest.mark.parametrize(("proxy", "is_here"), [("10.0.0.9", False), ("fd00::9", False), ("127.0.0.1", True)])
async def test_who_calls_from_the_machine_of_a_proxy_is_not_on_ours(told: bytes, proxy: str, is_here: bool) -> None:
    """Unless both are the same: this machine may ask for what others may not."""
    with visit(proxied=True) as one:
        one.guest.host = proxy
        one.peer.sendall(b"PROXY " + told + b" 50000 104\r\n\x01")
        await one.guest.hear(PATIENT, secure=False)
        assert is_loopback(one.guest.host) is is_here
        assert (one.guest.via, one.guest.port) == (proxy, 50000)
        assert one.guest.place.host == one.guest.host


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        (associate(), "has sent no PROXY header: it begins like none"),
        (b"PROXY TCP4 10.1.2.9 10.0.0.5 x y\r\n", "has sent no PROXY header: its line makes no sense"),
        (SIGNATURE + b"\x21\x12\0\0", "its family and transport are 12H"),
        (b"PROXY T", "has sent no PROXY header within 0.1 s"),
        (b"", "has sent no PROXY header within 0.1 s"),
    ],
)
async def test_a_proxy_that_does_not_say_for_whom_it_speaks_is_turned_away(sent: bytes, says: str) -> None:
    """It has to, and in time."""
    with visit(proxied=True) as one:
        one.peer.sendall(sent)
        with pytest.raises(TurnedAway, match=says):
            await one.guest.hear(HASTY, secure=False)


async def test_a_proxy_may_close_before_it_says_anything() -> None:
    """As its health check does; in the middle of a header it is worth a word."""
    with visit(proxied=True) as one:
        one.peer.close()
        with pytest.raises(ConnectionLost) as lost:
            await one.guest.hear(PATIENT, secure=False)
        assert not isinstance(lost.value, TurnedAway)
    with visit(proxied=True) as one:
        one.peer.sendall(LINE[:20])
        one.peer.close()
        with pytest.raises(TurnedAway, match="within its PROXY header"):
            await one.guest.hear(PATIENT, secure=False)


@pytest.mark.parametrize("header", [LINE, BINARY], ids=["version 1", "version 2"])
async def test_nobody_else_is_believed(header: bytes) -> None:
    """A stranger's header is nothing but a reason to send him away."""
    with visit() as one:
        one.peer.sendall(header + associate())
        with pytest.raises(TurnedAway, match="none of our proxies"):
            await one.guest.hear(PATIENT, secure=False)
        assert one.guest.host == "127.0.0.1"


async def test_who_comes_too_fast_by_way_of_a_proxy_is_closed_unheard(caplog: pytest.LogCaptureFixture) -> None:
    """The rate is that of the address behind it, and the log names that."""
    limits = Limits(connections_per_second=0.001, connection_burst=1)
    with visit(proxied=True, limits=limits) as one:
        assert one.admission._comes_slowly("10.1.2.9")
        one.peer.sendall(LINE)
        with pytest.raises(ConnectionLost):
            await one.guest.hear(PATIENT, secure=False)
    assert "10.1.2.9 connects more than 0.001 times a second" in caplog.text


# What the port is not for.


@pytest.mark.parametrize(
    ("said", "says"),
    [
        (associate(), "does not speak TLS .it speaks DICOM without TLS"),
        (b"GET / HTTP/1.1\r\n", "does not speak TLS .it speaks HTTP"),
        (b"\0", "does not speak TLS"),
    ],
)
async def test_who_speaks_no_tls_on_a_port_for_it_is_named(said: bytes, says: str) -> None:
    """Before a handshake is begun."""
    with visit() as one:
        one.peer.sendall(said)
        with pytest.raises(TlsFailed, match=says):
            await one.guest.hear(PATIENT, secure=True)


async def test_who_speaks_tls_on_a_plain_port_gets_an_alert() -> None:
    """Behind which the connection ends in order, however much of his hello had come."""
    with visit() as one:
        one.peer.sendall(HELLO * 100)
        with pytest.raises(TlsFailed, match="speaks TLS, and this port does not"):
            await one.guest.hear(PATIENT, secure=False)
        one.ours.close()
        assert one.peer.recv(100) == UNEXPECTED_MESSAGE
        assert one.peer.recv(100) == b""


async def test_who_speaks_no_tls_on_a_port_for_it_gets_an_alert() -> None:
    """So that a DICOM requestor can tell what is missing."""
    with visit() as one:
        one.peer.sendall(bytes.fromhex("0100 000000CD 0001"))
        with pytest.raises(TlsFailed, match="speaks DICOM without TLS"):
            await one.guest.hear(PATIENT, secure=True)
        one.ours.close()
        assert one.peer.recv(100) == UNEXPECTED_MESSAGE
        assert one.peer.recv(100) == b""


async def test_a_tls_client_understands_the_alert(site: Site) -> None:
    """It fails at once, and in its own words."""
    with visit() as one:
        failing = asyncio.to_thread(_shake_hands, one.peer, site.requestor)
        hearing = asyncio.create_task(_heard_and_closed(one))
        assert "unexpected message" in (await failing).lower().replace("_", " ")
        with pytest.raises(TlsFailed):
            await hearing


def _shake_hands(peer: socket.socket, context: ssl.SSLContext) -> str:
    with pytest.raises(ssl.SSLError) as failure, suppress(ConnectionError):
        context.wrap_socket(peer.dup(), server_hostname="127.0.0.1").close()
    return str(failure.value)


async def _heard_and_closed(one: Visit) -> None:
    try:
        await one.guest.hear(PATIENT, secure=False)
    finally:
        one.ours.close()


# Who says nothing.


async def test_silence_where_a_handshake_is_due_ends_in_time() -> None:
    """A place among the handshakes is not taken for it."""
    with visit() as one:
        with pytest.raises(TlsFailed, match=r"not over within 0\.1 s"):
            await one.guest.hear(HASTY, secure=True)
        assert one.guest.place.silent


async def test_silence_where_dicom_is_due_is_for_the_core_to_end() -> None:
    """It knows since when its peer has been silent, and closes as the standard says (PS3.8 9.1.5)."""
    with visit() as one:
        await one.guest.hear(HASTY, secure=False)
        assert asyncio.get_running_loop().time() >= one.guest.since + 0.09


async def test_a_peer_that_closes_without_a_byte() -> None:
    """Is let through where the core tells of it, and is gone where a handshake was due; neither is a fault."""
    with visit() as one:
        one.peer.close()
        await one.guest.hear(PATIENT, secure=False)
        assert await one.left(1) == b""
    with visit() as one:
        hearing = asyncio.create_task(one.guest.hear(PATIENT, secure=True))
        await asyncio.sleep(0)
        one.peer.close()
        with pytest.raises(ConnectionLost):
            await hearing


async def test_a_connection_that_breaks_is_told_as_such() -> None:
    """By the system's own error."""
    with visit() as one:
        one.peer.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        one.peer.close()
        with pytest.raises(ConnectionResetError):
            await one.guest.hear(PATIENT, secure=True)


async def test_who_gives_up_hearing_leaves_nothing_behind() -> None:
    """The socket is watched no more."""
    with visit() as one:
        hearing = asyncio.create_task(one.guest.hear(PATIENT, secure=False))
        await asyncio.sleep(0.01)
        hearing.cancel()
        with pytest.raises(asyncio.CancelledError):
            await hearing
        one.peer.sendall(b"x")
        assert await one.left(1) == b"x"


async def test_a_loop_that_watches_no_descriptors_hears_what_is_there(monkeypatch: pytest.MonkeyPatch) -> None:
    """As the usual loop of Windows: what is not there yet is left to whoever reads next."""
    loop = asyncio.get_running_loop()
    if not isinstance(loop, asyncio.BaseEventLoop):
        pytest.skip("the loop's methods cannot be replaced")
    with visit() as one:
        with monkeypatch.context() as patch:
            patch.setattr(loop, "add_reader", _refuse)
            for secure in (False, True):
                await one.guest.hear(PATIENT, secure=secure)
            one.peer.sendall(b"GET")
            with pytest.raises(TlsFailed):
                await one.guest.hear(PATIENT, secure=True)
        assert await one.left(3) == b"GET"


def _refuse(*_: object) -> None:
    raise NotImplementedError


async def test_ipv6_is_heard_alike() -> None:
    """A proxy may have an address of one family and speak for one of the other."""
    with visit(proxied=True, host="::1") as one:
        one.peer.sendall(LINE + b"\x01")
        await one.guest.hear(PATIENT, secure=False)
        assert str(one.guest) == "10.1.2.9 via ::1"
