"""From an address to a running wire, plain and with TLS."""

from __future__ import annotations

import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from typing import Any

import pytest

from aio.ends import WAIT, Site, reset, tcp_pair
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.errors import ConnectFailed, TlsFailed
from dicomnet.limits import Timeouts
from dicomnet.sockets import IpType, SocketOptions
from dicomnet.sync import connect as module
from dicomnet.sync.connect import open_socket, open_wire
from dicomnet.sync.secure import secure
from listeners import V4, V6, infos, listening, port_of, silent_address
from pair import proposal
from sync.wires import Raw, User


@contextmanager
def opened(port: int, host: str = V4, *, timeouts: Timeouts = Timeouts(), **options: Any) -> Iterator[socket.socket]:  # noqa: B008
    """The socket of a wire made by `open_wire`."""
    user = User()
    user.wire = open_wire(host, port, Endpoint(requestor=True, timeouts=timeouts), user, **options)
    try:
        yield user.wire.sock
    finally:
        user.wire.abort_transport()


# Plain.


def test_a_wire_drives_a_core_over_a_new_connection() -> None:
    """An association asked for afterwards reaches the peer."""
    with listening() as sockets:
        user, core = User(), Endpoint(requestor=True)
        user.wire = wire = open_wire(V4, port_of(sockets), core, user)
        core.associate(proposal(), wire.now())
        wire.flush()
        sockets[0].setblocking(True)
        with closing(sockets[0].accept()[0]) as theirs:
            assert Raw(theirs).pdu()[0] == 1
        wire.abort_transport()


@pytest.fixture
def both(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver knows every name, and for each an address of either kind."""
    known = [(socket.AF_INET, (V4,)), (socket.AF_INET6, (V6,))]

    real = socket.getaddrinfo

    def answer(host: str, port: int, family: int, *rest: Any, flags: int = 0) -> list[tuple[Any, ...]]:
        if host in {V4, V6}:
            return real(host, port, family, *rest, flags=flags)
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "a name")
        return [(each, socket.SOCK_STREAM, 6, "", (*address, port)) for each, address in known if family in (0, each)]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


@pytest.mark.parametrize("host", [V4, V6, "localhost"])
def test_a_connection_is_made_to_an_address_or_a_name(host: str) -> None:
    """Its socket does not block, and has the options of every connection."""
    with listening("") as sockets, opened(port_of(sockets), host) as sock:
        assert sock.getpeername()[1] == port_of(sockets)
        assert sock.gettimeout() == 0
        assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)
        assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE)


@pytest.mark.parametrize(("ip_type", "host"), [(IpType.IPV4, V4), (IpType.IPV6, V6)])
def test_the_family_can_be_chosen(ip_type: IpType, host: str, both: None) -> None:
    """A name with addresses of both kinds is reached over the wanted one."""
    with listening("") as sockets, opened(port_of(sockets), "both.example", ip_type=ip_type) as sock:
        assert sock.getpeername()[0] == host


@pytest.mark.parametrize("host", [V4, V6])
def test_the_next_address_of_a_name_is_tried(host: str, both: None) -> None:
    """A service on one of the addresses is found, whichever the resolver names first."""
    with listening(host) as sockets, opened(port_of(sockets), "both.example") as sock:
        assert sock.getpeername()[0] == host


@pytest.mark.parametrize(("to", "local"), [(V4, ("127.0.0.5", 0)), (V6, (V6, 0)), (V4, ("", 0)), (V6, ("", 0))])
def test_a_connection_can_come_from_an_address_of_ours(to: str, local: tuple[str, int]) -> None:
    """Peers that know us by address must see the right one; nothing named is any."""
    with listening("") as sockets, opened(port_of(sockets), to, local=local) as sock:
        assert sock.getsockname()[0] == (local[0] or to)


def test_the_options_given_are_set() -> None:
    """Before the connection is made, when they still count."""
    with listening() as sockets, opened(port_of(sockets), options=SocketOptions(no_delay=False)) as sock:
        assert not sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY)


# What goes wrong, in plain words.


@pytest.mark.parametrize(("host", "place"), [(V4, "127.0.0.1"), (V6, "[::1]")])
def test_a_refusal_is_told(host: str, place: str) -> None:
    """Nobody listens there."""
    with listening(host) as sockets:
        port = port_of(sockets)
    with pytest.raises(ConnectFailed) as caught, opened(port, host):
        pass
    assert str(caught.value) == f"cannot connect to {place}:{port}: connection refused"


def test_silence_is_told_in_time() -> None:
    """A host that drops everything keeps nobody waiting beyond the time of the core."""
    started = time.monotonic()
    with silent_address() as port, pytest.raises(ConnectFailed, match=r": no answer within 0\.2 s$"):
        open_wire(V4, port, Endpoint(requestor=True, timeouts=Timeouts(connect=0.2)), User())
    assert time.monotonic() - started < 5


@pytest.fixture
def ports(monkeypatch: pytest.MonkeyPatch) -> None:
    """The resolver makes an address of every label of a name: that port of this machine."""

    real = socket.getaddrinfo

    def answer(host: str, *rest: Any, flags: int = 0) -> list[tuple[Any, ...]]:
        if host == V4:
            return real(host, *rest, flags=flags)
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "a name")
        return [infos(V4, port=int(each))[0] for each in host.split(".") if each]

    monkeypatch.setattr(socket, "getaddrinfo", answer)


def test_silent_addresses_leave_time_for_the_next(ports: None) -> None:
    """Each gets its share of what is left, so the last is reached though those before it never answer."""
    with silent_address() as silent, listening() as sockets:
        started = time.monotonic()
        with closing(open_socket(f"{silent}.{silent}.{port_of(sockets)}", 104, timeout=1.5)) as sock:
            assert sock.getpeername()[1] == port_of(sockets)
        assert time.monotonic() - started > 0.8  # two of three shares


def test_an_address_that_refuses_leaves_its_time_to_the_next(ports: None) -> None:
    """Time that is not needed is shared again, and silence at the end lasts as long as there is time."""
    with listening() as sockets:
        refusing = port_of(sockets)
    with silent_address() as silent:
        started = time.monotonic()
        with pytest.raises(ConnectFailed, match=r"no answer within 0\.3 s"):
            open_socket(f"{refusing}.{refusing}.{silent}", 104, timeout=0.3)
        assert time.monotonic() - started >= 0.25


def test_without_a_time_the_system_decides(ports: None) -> None:
    """The next address is tried when the one before it has failed, however long that took."""
    with listening() as sockets:
        refusing = port_of(sockets)
    with listening() as sockets, closing(open_socket(f"{refusing}.{port_of(sockets)}", 104)) as sock:
        assert sock.getpeername()[1] == port_of(sockets)


def test_a_name_without_addresses_is_told(ports: None) -> None:
    """A resolver may answer with nothing."""
    with pytest.raises(ConnectFailed, match="cannot assign requested address"):
        open_socket(".", 104, timeout=5)


@pytest.mark.parametrize("timeout", [10, None])
def test_an_unknown_name_is_told(timeout: float | None) -> None:
    """The resolver's number says nothing, its words do. RFC 6761 promises that this name does not exist."""
    with pytest.raises(ConnectFailed, match=r"nowhere\.invalid:104: the host name cannot be resolved \(.+\)"):
        open_socket("nowhere.invalid", 104, timeout=timeout)


@pytest.mark.parametrize("host", ["a" * 64 + ".example", "a..example"])
def test_a_name_that_is_none_is_told(host: str) -> None:
    """No resolver sees it."""
    with pytest.raises(ConnectFailed, match="it is none"):
        open_socket(host, 104, timeout=5)


def test_a_resolver_that_does_not_answer_has_the_same_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """It knows no timeout of its own."""
    over = threading.Event()

    def hang(*_: object, flags: int = 0) -> list[Any]:
        if flags:
            raise socket.gaierror(socket.EAI_NONAME, "a name")
        over.wait(WAIT)
        return []

    monkeypatch.setattr(socket, "getaddrinfo", hang)
    started = time.monotonic()
    with pytest.raises(ConnectFailed, match=r"slow\.example:104: no answer within 0\.1 s"):
        open_socket("slow.example", 104, timeout=0.1)
    assert time.monotonic() - started < 5
    over.set()


def test_a_program_at_its_end_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    """There are no threads to ask the resolver with."""

    def refuse(_: threading.Thread) -> None:
        raise RuntimeError("can't start new thread")

    monkeypatch.setattr(module.threading.Thread, "start", refuse)
    with pytest.raises(ConnectFailed, match="operation canceled"):
        open_socket("some.example", 104, timeout=1)


def test_a_local_address_that_is_not_ours_is_told() -> None:
    """192.0.2.1 is nobody's (RFC 5737)."""
    with listening() as sockets, pytest.raises(ConnectFailed, match="cannot assign requested address"):
        open_socket(V4, port_of(sockets), local=("192.0.2.1", 0), timeout=5)


def test_an_interrupt_while_connecting_closes_the_socket(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives up leaves no descriptor behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(socket.socket, "connect", interrupt)
    with pytest.raises(KeyboardInterrupt):
        open_socket(V4, 104, timeout=5)


# TLS.


@contextmanager
def tls_peer(context: ssl.SSLContext) -> Iterator[tuple[int, list[str]]]:
    """The port of an acceptor that makes one handshake, and what that came to."""
    outcomes: list[str] = []
    with listening() as sockets:
        sockets[0].setblocking(True)

        def serve() -> None:
            sock = sockets[0].accept()[0]
            sock.settimeout(WAIT)
            try:
                with context.wrap_socket(sock, server_side=True) as secured:
                    outcomes.append(secured.version() or "")
                    secured.recv(1)
            except OSError as error:
                outcomes.append(str(error))
                sock.close()

        thread = threading.Thread(target=serve)
        thread.start()
        yield port_of(sockets), outcomes
        thread.join(WAIT)


def test_a_wire_can_be_secure(site: Site) -> None:
    """The handshake is over when there is a wire; the name checked is the host connected to."""
    with tls_peer(site.acceptor) as (port, outcomes), opened(port, context=site.requestor) as sock:
        assert sock.gettimeout() == 0
    assert outcomes in (["TLSv1.2"], ["TLSv1.3"])


def test_a_certificate_of_an_unknown_authority_is_refused(site: Site) -> None:
    """The peer learns it, too."""
    with tls_peer(site.stranger) as (port, outcomes):
        with pytest.raises(TlsFailed) as caught, opened(port, context=site.requestor):
            pass
        assert f"the certificate of the peer at {V4}:{port} is signed by itself" in caught.value.detail
    assert "unknown ca" in outcomes[0].lower()


def test_a_certificate_for_another_name_is_refused(site: Site) -> None:
    """The name given counts, not the address."""
    with (
        tls_peer(site.acceptor) as (port, _),
        pytest.raises(TlsFailed, match=r"is not for 'other\.example', but for"),
        opened(port, context=site.requestor, server_hostname="other.example"),
    ):
        pass


@pytest.mark.parametrize("name", [".pacs", "a..b", "x" * 64 + ".example", "pacs\0.example"])
def test_a_name_that_no_certificate_could_bear_is_told(site: Site, name: str) -> None:
    """The socket is closed."""
    ours, theirs = tcp_pair()
    with theirs:
        with pytest.raises(TlsFailed, match="is no host name that a certificate could bear"):
            secure(ours, site.requestor, name, 5)
        assert ours.fileno() == -1


def test_a_context_of_the_other_role_is_told(site: Site) -> None:
    """What ssl has against its arguments is an error of the secure link like any other."""
    ours, theirs = tcp_pair()
    with theirs:
        with pytest.raises(TlsFailed):
            secure(ours, site.acceptor, "pacs.example", 5)
        assert ours.fileno() == -1


def test_a_handshake_with_a_silent_peer_ends_in_time(site: Site) -> None:
    """A whole handshake has the time, not each of its steps."""
    with listening() as sockets:
        started = time.monotonic()
        with (
            pytest.raises(TlsFailed, match=r"the handshake was not over within 0\.2 s"),
            opened(port_of(sockets), context=site.requestor, timeouts=Timeouts(handshake=0.2)),
        ):
            pass
        assert 0.15 <= time.monotonic() - started < 5


@pytest.mark.parametrize("leave", [socket.socket.close, reset])
def test_a_peer_that_leaves_during_the_handshake_is_told(site: Site, leave: Callable[[socket.socket], None]) -> None:
    """In order or not; perhaps it does not speak TLS and thought the same of us."""
    ours, theirs = tcp_pair()
    leave(theirs)
    with pytest.raises(TlsFailed, match="the peer closed the connection during the handshake"):
        secure(ours, site.requestor, "pacs.example", 5)


def test_a_plain_peer_is_told_apart(site: Site) -> None:
    """It answered, but not in TLS."""
    ours, theirs = tcp_pair()
    with theirs:
        theirs.send(b"\7\0\0\0\0\4\0\0\2\2")
        with pytest.raises(TlsFailed, match="the peer does not speak TLS"):
            secure(ours, site.requestor, "pacs.example", 5)


def test_an_interrupt_during_the_handshake_closes_the_socket(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Who gives up leaves no descriptor behind."""

    def interrupt(*_: object) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(ssl.SSLObject, "do_handshake", interrupt)
    ours, theirs = tcp_pair()
    with theirs, pytest.raises(KeyboardInterrupt):
        secure(ours, site.requestor, "pacs.example", 5)
