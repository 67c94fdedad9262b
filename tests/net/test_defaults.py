"""What an object does that nobody has told anything, and what it refuses to do."""

from __future__ import annotations

import logging
import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet import (
    Associate,
    ConnectFailed,
    DicomNet,
    InvalidValue,
    IpType,
    Limits,
    ListenFailed,
    Priority,
    SecurityMode,
    SocketOptions,
    StateError,
    Timeouts,
    TlsConfig,
    Unsupported,
    breathe,
)
from net.recorder import (
    COMMITMENT,
    CT,
    FIND,
    GET,
    MOVE,
    MPPS,
    PATIENCE,
    QUICK,
    Provider,
    Recorder,
    associated,
    connected,
    request,
    silent_address,
    until,
)

pytestmark = pytest.mark.usefixtures("network")

INSTANCE = "1.2.3.4"


def dataset() -> Dataset:
    """Enough to be sent as anything."""
    made = Dataset()
    made.SOPClassUID, made.SOPInstanceUID, made.PatientID = CT, INSTANCE, "1"
    return made


# Without a single override.


def test_an_association_request_is_rejected() -> None:
    """Permanently, by the user, without a reason."""
    plain = DicomNet()
    with connected(scp=plain) as trio:  # type: ignore[arg-type]
        trio.scu.send_associate_request(request())
        trio.scu.wait("receive_associate_reject 1/1/1")


class Accepting(DicomNet):
    """All it does is to accept, because there is nothing to see otherwise."""

    def on_receive_associate_request(self, associate: Associate) -> None:
        self.send_associate_accept(associate.accept_all())


REQUESTS: list[tuple[str, int, Callable[[DicomNet], object]]] = [
    ("c_store", 0x0211, lambda n: n.send_c_store_request(dataset())),
    ("c_find", 0x0122, lambda n: n.send_c_find_request(FIND, dataset())),
    ("c_get", 0x0211, lambda n: n.send_c_get_request(GET, dataset())),
    ("c_move", 0x0211, lambda n: n.send_c_move_request(MOVE, "X", dataset())),
    ("c_echo", 0x0211, lambda n: n.send_c_echo_request()),
    ("n_event_report", 0x0211, lambda n: n.send_n_event_report_request(COMMITMENT, INSTANCE, 1)),
    ("n_get", 0x0211, lambda n: n.send_n_get_request(MPPS, INSTANCE)),
    ("n_set", 0x0211, lambda n: n.send_n_set_request(MPPS, INSTANCE, dataset())),
    ("n_action", 0x0211, lambda n: n.send_n_action_request(COMMITMENT, INSTANCE, 1)),
    ("n_create", 0x0211, lambda n: n.send_n_create_request(MPPS)),
    ("n_delete", 0x0211, lambda n: n.send_n_delete_request(MPPS, INSTANCE)),
]


@pytest.mark.parametrize(("service", "status", "send"), REQUESTS, ids=[row[0] for row in REQUESTS])
def test_a_request_is_answered_that_nobody_does_this(
    service: str, status: int, send: Callable[[DicomNet], object]
) -> None:
    """0211, or for C-FIND the only status it has for this; then a release is answered."""
    with associated(scp=Accepting()) as trio:  # type: ignore[arg-type]
        send(trio.scu)
        trio.scu.wait(f"receive_{service}_response")
        assert trio.scu.all(f"receive_{service}_response")[0].status == status
        trio.finish()


def test_an_unknown_command_is_refused() -> None:
    """With its own field and bit 8000H, 0211, and the message ID."""
    with associated(scp=Accepting()) as trio:  # type: ignore[arg-type]
        trio.scu.send_data(1, {0x0100: 0x0777, 0x0110: 9})
        trio.scu.wait("receive_unknown")
        command = trio.scu.events[-1][1][1]
        assert (command.command_field, command.message_id_being_responded_to, command.status) == (0x8777, 9, 0x0211)


def test_a_cancel_and_an_unknown_response_are_taken_note_of_in_silence() -> None:
    """Neither has an answer of its own."""
    with associated(scp=Accepting()) as trio:  # type: ignore[arg-type]
        trio.scu.send_c_cancel_request(1, context_id=1)
        trio.scu.send_data(1, {0x0100: 0x8777, 0x0120: 9, 0x0900: 0})
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        assert trio.scu.told.count("receive_data") == 1


def test_there_is_no_password() -> None:
    """Asked for one, the default has none; and every certificate that verified will do."""
    assert DicomNet().on_private_key_password() is None


def test_the_others_do_nothing() -> None:
    """They may be called through `super` by whoever overrides them."""
    net: Any = DicomNet()
    for name in ("accept", "connect", "secure_link_ready", "before_send_command_set", "receive_associate_accept"):
        assert getattr(net, f"on_{name}")(None) is None
    for name in (
        "c_store",
        "c_find",
        "c_get",
        "c_move",
        "c_echo",
        "n_get",
        "n_set",
        "n_action",
        "n_create",
        "n_delete",
    ):
        assert getattr(net, f"on_receive_{name}_response")(None) is None


# What there is not.


@pytest.mark.parametrize("mode", [SecurityMode.ISCL, "iscl"])
def test_iscl_is_refused(mode: SecurityMode | str) -> None:
    """With an error that says why and names the way out."""
    with pytest.raises(Unsupported, match=r"ISCL rests on DES and MD5.*SecurityMode\.TLS"):
        DicomNet(security=mode)


def test_a_mode_that_does_not_exist_is_refused() -> None:
    """It does not silently mean none at all."""
    with pytest.raises(ValueError, match="rot13"):
        DicomNet(security="rot13")


def test_the_security_mode_is_what_was_asked_for() -> None:
    """In words or as a member; settings for TLS alone ask for it."""
    assert DicomNet().security_mode is SecurityMode.NONE
    assert DicomNet(security="tls").security_mode is SecurityMode.TLS
    assert DicomNet(tls=TlsConfig()).security_mode is SecurityMode.TLS
    with pytest.raises(InvalidValue, match="'both' is no security mode"):
        DicomNet(security="both")


def test_settings_for_tls_are_never_passed_over() -> None:
    """Who gives them does not get a plain connection: neither with the mode NONE, nor later to an object of that mode."""
    with pytest.raises(StateError, match="plain"):
        DicomNet(security=SecurityMode.NONE, tls=TlsConfig())
    net = DicomNet()
    with pytest.raises(StateError, match="plain"):
        net.tls = TlsConfig()
    assert net.tls is None
    secure = DicomNet(security="tls")
    secure.tls = TlsConfig()
    assert secure.tls is not None


@pytest.mark.parametrize(
    "option", [{"limits": 5}, {"timeouts": 5.0}, {"socket_options": {}}, {"tls": ssl.create_default_context()}]
)
def test_an_option_that_is_not_of_its_kind_is_refused(option: dict[str, Any]) -> None:
    """At once, and not when a connection first asks it for something."""
    with pytest.raises(InvalidValue, match=f"{next(iter(option))}=.* is no "):
        DicomNet(**option)


def test_nobody_listens_on_port_0() -> None:
    """To connect there is a mistake that need not wait for the network to say so."""
    with pytest.raises(InvalidValue, match="port 0"):
        DicomNet().connect("127.0.0.1", 0)


def test_a_listener_accepts_into_objects_of_its_own_mode(tls: TlsConfig) -> None:
    """A secure connection does not end up in a plain object; it stays first in line."""
    with Recorder(tls=tls) as listener, socket.socket() as caller:
        listener.react("accept", lambda error: None)
        caller.connect(listener.listen("127.0.0.1"))
        listener.wait("accept ok")
        with pytest.raises(
            StateError, match="a TLS listener cannot accept into a NONE object; make that with security='tls'"
        ):
            listener.accept(Recorder())
        accepted = listener.accept(Recorder(security="tls"))
        assert accepted.peer_port == caller.getsockname()[1]
        assert accepted.tls is tls
    with Recorder() as plain:
        plain.listen("127.0.0.1")
        with pytest.raises(StateError, match="a NONE listener cannot accept into a TLS object"):
            plain.accept(Recorder(tls=tls))


def test_an_object_that_is_not_given_is_made_like_the_listener() -> None:
    """Of its class and with its settings."""

    class Archive(Provider):
        pass

    with Archive(destination="somewhere", limits=Limits(send_queue=7), timeouts=QUICK) as listener:
        listener.react("accept", lambda error: listener.accept())
        address = listener.listen("127.0.0.1")
        with Recorder() as scu:
            scu.connect(*address)
            scu.wait("connect ok")
            until(lambda: bool(listener.clients), "the accept")
            [made] = listener.clients
            assert type(made) is Archive
            assert (made.destination, made.limits, made.timeouts) == ("somewhere", listener.limits, QUICK)


# Addresses.


@pytest.mark.parametrize(("peer", "local"), [("127.0.0.1", "::1"), ("::1", "127.0.0.1")])
def test_ipv4_and_ipv6_cannot_be_mixed(peer: str, local: str) -> None:
    """One connection has one kind of address; it is said before anything is tried."""
    with pytest.raises(InvalidValue, match="different IP versions"):
        DicomNet().connect(peer, 104, local=(local, 0))


@pytest.mark.parametrize("port", [-1, 65536])
def test_ports_that_do_not_exist_are_refused(port: int) -> None:
    """In the caller's thread, and the object stays free."""
    net = DicomNet()
    for begin in (
        lambda: net.connect("127.0.0.1", port),
        lambda: net.connect("127.0.0.1", 104, local=("", port)),
        lambda: net.listen("127.0.0.1", port),
    ):
        with pytest.raises(InvalidValue, match=f"port {port}"):
            begin()
    assert not net.is_activated


def has_ipv6() -> bool:
    try:
        with socket.socket(socket.AF_INET6) as sock:
            sock.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no IPv6")
@pytest.mark.parametrize("host", ["", "*"])
@pytest.mark.parametrize(
    ("ip_type", "reached"),
    [(IpType.IPV4_OR_IPV6, {"127.0.0.1", "::1"}), (IpType.IPV4, {"127.0.0.1"}), (IpType.IPV6, {"::1"})],
)
def test_a_listener_without_a_host_listens_everywhere(host: str, ip_type: IpType, reached: set[str]) -> None:
    """On every address of the kinds that are wanted."""
    with Recorder() as listener:
        listener.react("accept", lambda error: listener.accept(Recorder()))
        _, port = listener.listen(host, ip_type=ip_type)
        found = set()
        for address in ("127.0.0.1", "::1"):
            with Recorder() as scu:
                scu.connect(address, port)
                until(lambda scu=scu: bool(scu.events), "an outcome")
                if scu.told == ["connect ok"]:
                    found.add(address)
                    assert (scu.peer_address, scu.peer_port) == (address, port)
        assert found == reached
        assert listener.ip_type is ip_type
        until(lambda: len(listener.events) >= len(reached), "the accepts")


def test_a_port_in_use_is_an_error() -> None:
    """At once, with the address and what the system says."""
    with Recorder() as first, Recorder() as second:
        _, port = first.listen("127.0.0.1")
        with pytest.raises(ListenFailed) as caught:
            second.listen("127.0.0.1", port)
        assert str(caught.value) == f"cannot listen at 127.0.0.1:{port}: address already in use"
        assert not second.is_activated
        second.listen("127.0.0.1")


def test_a_port_can_be_listened_on_again_after_close() -> None:
    """At once, also with a connection that has just ended."""
    with associated() as trio:
        port = trio.listener.host_port
        trio.finish()
        trio.listener.close()
        assert trio.listener.listen("127.0.0.1", port) == ("127.0.0.1", port)


@pytest.mark.parametrize("host", ["198.51.100.7", "no such host", "a" * 70])
def test_listening_where_we_are_not_is_an_error(host: str) -> None:
    """An address of somebody else, or none at all."""
    with pytest.raises(ListenFailed):
        DicomNet().listen(host)


def free_port() -> int:
    """A port that nobody listens on."""
    with socket.socket() as sock:
        sock.bind(("127.0.0.1", 0))
        return int(sock.getsockname()[1])


def failure(host: str, port: int, timeouts: Timeouts) -> str:
    """What `on_connect` is told, and nothing else is."""
    scu = Recorder(timeouts=timeouts)
    scu.connect(host, port)
    until(lambda: bool(scu.events), "an outcome")
    assert not scu.is_activated
    assert breathe(PATIENCE)
    [(name, (error,))] = scu.events
    assert name == "connect"
    assert isinstance(error, ConnectFailed)
    return str(error)


@pytest.mark.parametrize("host", ["no.such.host.invalid", "a" * 70, ".", ""])
def test_a_host_that_does_not_exist_is_told_once(host: str) -> None:
    """`on_connect` gets the error; there is no connection to close, so `on_close` is not told."""
    assert "cannot" in failure(host, free_port(), Timeouts(connect=5.0))


def test_a_port_that_nobody_listens_on_is_told_once() -> None:
    """With address and reason."""
    port = free_port()
    assert failure("127.0.0.1", port, Timeouts()) == f"cannot connect to 127.0.0.1:{port}: connection refused"


def test_a_peer_that_does_not_answer_is_told_once() -> None:
    """After the time for it."""
    with silent_address() as (host, port):
        told = failure(host, port, Timeouts(connect=0.2))
    assert told == f"cannot connect to {host}:{port}: no answer within 0.2 s"


def test_trying_again_when_a_connection_failed() -> None:
    """From within `on_connect`: the object is free by then."""
    with Recorder() as listener, Recorder() as scu:
        listener.react("accept", lambda error: listener.accept(Recorder()))
        _, port = listener.listen("127.0.0.1")
        scu.react("connect", lambda error: error and scu.connect("127.0.0.1", port))
        scu.connect("127.0.0.1", free_port())
        scu.wait("connect ok")
        assert scu.told == ["connect ConnectFailed", "connect ok"]


def test_a_local_port_may_be_chosen() -> None:
    """For peers that look at it."""
    port = free_port()
    with Recorder() as listener, Recorder() as scu:
        address = listener.listen("127.0.0.1")
        scu.connect(*address, local=("127.0.0.1", port))
        scu.wait("connect ok")
        assert (scu.host_address, scu.host_port) == ("127.0.0.1", port)


def test_close_while_connecting() -> None:
    """Nobody is told anything any more, and the object is free at once."""
    with Recorder() as listener, silent_address() as nowhere:
        address = listener.listen("127.0.0.1")
        scu = Recorder()
        for _ in range(30):
            scu.connect(*nowhere)
            scu.close()
            scu.connect(*address)
            scu.close()
        scu.connect(*address)
        scu.wait("connect ok")
        scu.close()
    assert scu.told.count("connect ok") <= 31
    assert set(scu.told) == {"connect ok"}


# Limits.


@pytest.mark.parametrize(
    "limits", [Limits(associations=2), Limits(associations_per_address=2)], ids=["in all", "per address"]
)
def test_one_association_too_many_is_rejected(
    link: dict[str, TlsConfig], limits: Limits, caplog: pytest.LogCaptureFixture
) -> None:
    """Transiently, by the provider, as a local limit (PS3.8 Table 9-21); with one less there is room again."""
    with Recorder(limits=limits, **link) as listener, ExitStack() as stack:
        listener.react("accept", lambda error: listener.accept(Provider(**link)))
        address = listener.listen("127.0.0.1")

        def ask() -> Recorder:
            scu = stack.enter_context(Recorder(**link))
            scu.connect(*address)
            scu.send_associate_request(request())
            until(lambda: any(name.startswith("receive_associate") for name, _ in scu.events), "an answer")
            return scu

        first, second, third = ask(), ask(), ask()
        assert [net.is_associated for net in (first, second, third)] == [True, True, False]
        assert third.told[-1] == "receive_associate_reject 2/3/2"
        assert len(listener.clients) == 2
        assert listener.told.count("accept ok") == 2
        first.close()
        listener.wait("close ok of a client")
        until(lambda: listener._admission.count == 1, "room")
        assert ask().is_associated
    assert any("local limit exceeded" in record.getMessage() for record in caplog.records)


def test_far_too_many_are_dropped_unheard() -> None:
    """Beyond twice the limit a connection is closed without a word: hearing it out would cost too much."""
    with Recorder(limits=Limits(associations=1)) as listener, ExitStack() as stack:
        listener.react("accept", lambda error: listener.accept(Recorder()))
        address = listener.listen("127.0.0.1")
        callers = [stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(3)]
        assert callers[-1].recv(1) == b""
        until(lambda: listener._admission.count == 2, "two of them")


def test_a_refused_stranger_who_says_nothing_is_closed_in_time() -> None:
    """And its place is free again."""
    with Recorder(limits=Limits(associations=1), timeouts=QUICK) as listener, ExitStack() as stack:
        listener.react("accept", lambda error: listener.accept(Recorder()))
        address = listener.listen("127.0.0.1")
        _, second = (stack.enter_context(socket.create_connection(address, timeout=PATIENCE)) for _ in range(2))
        assert second.recv(1) == b""
        until(lambda: listener._admission.count == 1, "room")


# Properties.


def test_properties_before_during_and_after() -> None:
    """Of both ends and the listener, as things go on."""
    listener, scp, scu = Recorder(), Provider(), Recorder()

    def states(net: DicomNet) -> tuple[bool, bool, bool]:
        return net.is_activated, net.is_connected, net.is_associated

    for net in (listener, scp, scu):
        assert states(net) == (False, False, False)
        assert (net.host_address, net.host_port, net.peer_address, net.peer_port) == ("", 0, "", 0)
        assert (net.server, net.clients, net.association, net.current_command) == (None, (), None, None)
        assert (net.send_queue_length, net.is_secure, net.cipher) == (0, False, None)
        assert repr(net) == f"<{type(net).__name__} closed>"
    with connected(scp, scu, listener) as trio:
        until(lambda: scp.is_connected, "the accept")
        assert states(listener) == (True, False, False)
        assert states(scp) == states(scu) == (True, True, False)
        assert (listener.host_address, listener.host_port) == (scu.peer_address, scu.peer_port)
        assert (scp.host_address, scp.host_port) == (scu.peer_address, scu.peer_port)
        assert (scp.peer_address, scp.peer_port) == (scu.host_address, scu.host_port)
        assert (scp.server, scu.server, listener.clients) == (listener, None, (scp,))
        assert repr(listener) == f"<Recorder listening on 127.0.0.1:{listener.host_port}, 1 clients>"
        scu.send_associate_request(request())
        scu.wait("receive_associate_accept")
        assert states(scp) == states(scu) == (True, True, True)
        assert "associated" in repr(scu)
        assert scu.association is not None
        assert scp.association is not None
        assert [context.transfer_syntaxes for context in scu.association.contexts] == [
            context.transfer_syntaxes for context in scp.association.contexts
        ]
        assert (scu.association.called_ae, scu.association.calling_ae) == ("SCP", "SCU")
        assert scu.security_mode is SecurityMode.NONE
        trio.finish()
        assert states(scp) == states(scu) == (False, False, False)
        assert states(listener) == (True, False, False)
        assert listener.clients == ()
        assert scp.server is listener
    assert states(listener) == (False, False, False)


def test_an_object_may_be_used_again_after_close() -> None:
    """As requestor, as listener and as acceptor, one after the other, without waiting in between."""
    with Recorder() as other:
        other.react("accept", lambda error: other.accept(Provider()))
        address = other.listen("127.0.0.1")
        net = Provider()
        for count in (1, 2, 3):
            net.connect(*address)
            net.send_associate_request(request())
            net.wait("receive_associate_accept", count)
            net.close()
        mine = net.listen("127.0.0.1")
        assert (net.host_address, net.host_port) == mine
        assert net.peer_address == ""
        net.react("accept", lambda error: net.accept(Provider()))
        with Recorder() as scu:
            scu.connect(*mine)
            scu.send_associate_request(request())
            scu.wait("receive_associate_accept")
        net.close()
        other.react("accept", lambda error: other.accept(net))
        with Recorder() as scu:
            scu.connect(*address)
            scu.send_associate_request(request())
            scu.wait("receive_associate_accept")
            assert net.server is other
        assert "close ok" in (net.told if net.wait("close ok") else [])


def test_an_answer_to_a_rejection_may_be_another_attempt() -> None:
    """Connecting again from within `on_receive_associate_reject`: the first connection has served."""
    with Recorder() as listener, Recorder() as scu:
        answers: Iterator[Recorder] = iter((Recorder(), Provider()))
        listener.react("accept", lambda error: listener.accept(next(answers)))
        address = listener.listen("127.0.0.1")

        def again(*_: object) -> None:
            scu.connect(*address)
            scu.send_associate_request(request())

        scu.react("receive_associate_reject", again)
        again()
        scu.wait("receive_associate_accept")


def test_an_answer_to_a_message_of_an_earlier_connection_is_refused() -> None:
    """It must not go out on the one that the object has now."""
    with associated() as trio:
        trio.scp.react("receive_c_echo_request", lambda message: None)
        trio.scu.send_c_echo_request()
        trio.scp.wait("receive_c_echo_request")
        [message] = trio.scp.all("receive_c_echo_request")
        trio.scp.close()
        with associated(scp=trio.scp) as later:
            with pytest.raises(StateError, match="the connection that the request came on is closed"):
                trio.scp.send_c_echo_response(message)
            later.finish()


def test_an_object_in_use_cannot_be_used_twice() -> None:
    """Not as both ends, not for two connections."""
    with associated() as trio:
        for net in (trio.listener, trio.scp, trio.scu):
            for begin in (
                lambda net=net: net.listen("127.0.0.1"),
                lambda net=net: net.connect("127.0.0.1", 104),
                lambda net=net: trio.listener.accept(net),
            ):
                with pytest.raises(StateError, match="the object is in use"):
                    begin()
        trio.finish()


# The wrong moment.


SENDS: dict[str, Callable[[DicomNet], object]] = {
    "associate request": lambda n: n.send_associate_request(request()),
    "associate reject": lambda n: n.send_associate_reject(1, 1, 1),
    "release request": lambda n: n.send_release_request(),
    "release response": lambda n: n.send_release_response(),
    "abort": lambda n: n.send_abort(),
    "echo": lambda n: n.send_c_echo_request(),
    "store": lambda n: n.send_c_store_request(dataset(), priority=Priority.LOW),
    "echo response": lambda n: n.send_c_echo_response(None, context_id=1, message_id=1),
    "data": lambda n: n.send_data(1, {0x0100: 0x0777, 0x0110: 9}),
    "cancel": lambda n: n.send_c_cancel_request(1),
}


def refused(net: DicomNet, *names: str) -> None:
    """Each of these raises, and nothing is queued."""
    net.flush(PATIENCE)
    for name in names:
        with pytest.raises(StateError):
            SENDS[name](net)
    assert net.send_queue_length == 0


def test_nothing_can_be_sent_without_a_connection() -> None:
    """Neither before one nor after it."""
    refused(Recorder(), *SENDS)
    with associated() as trio:
        trio.finish()
        refused(trio.scu, *SENDS)
        refused(trio.scp, *SENDS)


def test_nothing_but_a_request_can_be_sent_before_an_association() -> None:
    """And that by the side that connected, once."""
    messages = ("release request", "release response", "echo", "store", "echo response", "data", "cancel")
    with connected() as trio:
        trio.scp.react("receive_associate_request", lambda asked: None)
        refused(trio.scu, *messages, "associate reject")
        refused(trio.scp, *messages, "associate reject", "associate request")
        trio.scu.send_associate_request(request())
        trio.scp.wait("receive_associate_request")
        refused(trio.scu, *messages, "associate reject", "associate request")
        asked = trio.scp.all("receive_associate_request")[0]
        with pytest.raises(StateError, match="make its answer with accept"):
            trio.scp.send_associate_accept(asked)
        with pytest.raises(StateError, match="the answer to a request"):
            trio.scu.send_associate_request(asked.accept_all())
        trio.scp.send_associate_accept(asked.accept_all())
        refused(trio.scp, "associate reject", "associate request")
        with pytest.raises(StateError, match="no association request to answer"):
            trio.scp.send_associate_accept(asked.accept_all())
        trio.scu.wait("receive_associate_accept")


def test_nothing_can_be_asked_for_after_a_release() -> None:
    """Neither by the side that asked for it nor, once it has answered, by the other."""
    with associated() as trio:
        refused(trio.scu, "release response", "associate request", "cancel")
        trio.scp.react("receive_release_request", lambda: None)
        trio.scu.send_release_request()
        trio.scp.wait("receive_release_request")
        until(lambda: trio.scu.send_queue_length == 0, "the request to leave")
        refused(trio.scu, "echo", "store", "release request", "release response", "echo response", "data")
        refused(trio.scp, "release request")
        trio.scp.send_release_response()
        assert not trio.scp.is_associated
        with pytest.raises(StateError):
            trio.scp.send_release_response()
        trio.scu.wait("receive_release_response")


def test_nothing_can_be_sent_after_an_abort() -> None:
    """By neither side; a second abort is not sent."""
    with associated() as trio:
        trio.scu.send_abort()
        with pytest.raises(StateError):
            trio.scu.send_c_echo_request()
        trio.scu.wait("close ok")
        trio.listener.wait("close ok of a client")
        refused(trio.scu, *SENDS)
        refused(trio.scp, *SENDS)


def test_numbers_that_the_standard_does_not_have_are_refused() -> None:
    """Of rejections and aborts."""
    with associated() as trio:
        for send in (
            lambda: trio.scu.send_abort(1, 0),
            lambda: trio.scu.send_abort(2, 3),
            lambda: trio.scp.send_associate_reject(3, 1, 1),
            lambda: trio.scp.send_associate_reject(1, 2, 7),
        ):
            with pytest.raises(InvalidValue):
                send()
        trio.finish()


# The rest.


def test_socket_options_are_set_on_the_sockets() -> None:
    """Of connections that are made, and of those that are accepted."""
    options = SocketOptions(no_delay=False, keep_alive=None, receive_buffer_size=20_000)
    assert SocketOptions.defaults() == SocketOptions()
    with associated(socket_options=options) as trio, associated() as other:
        for net in (trio.scp, trio.scu):
            sock = net._extra("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) == 0
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) == 0
        for net in (other.scp, other.scu):
            sock = net._extra("socket")
            assert sock.getsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY) != 0
            assert sock.getsockopt(socket.SOL_SOCKET, socket.SO_KEEPALIVE) != 0


def test_each_association_ends_in_one_line(caplog: pytest.LogCaptureFixture) -> None:
    """On either side, with what was done; a connection without one is not worth a line."""
    caplog.set_level(logging.INFO, logger="dicomnet")
    with associated() as trio:
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        trio.finish()
    with connected() as trio:
        trio.scu.close()
        trio.listener.wait("close ok of a client")
    lines = [record.getMessage() for record in caplog.records if record.levelno == logging.INFO]
    assert len(lines) == 2
    for line in lines:
        assert "SCU@127.0.0.1 -> SCP released: 1 C-ECHO" in line


def test_closing_twice_or_without_a_connection_is_harmless() -> None:
    """As is flushing what is not there."""
    net = DicomNet()
    net.close()
    net.flush()
    net.stop_listening()
    with associated() as trio:
        closing = [threading.Thread(target=trio.scu.close) for _ in range(4)]
        for thread in closing:
            thread.start()
        for thread in closing:
            thread.join(PATIENCE)
        trio.listener.wait("close ok of a client")
        assert trio.scp.told.count("close ok") == 1
        trio.scu.close(force=True)
