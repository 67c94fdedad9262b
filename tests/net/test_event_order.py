"""Which events an association leads to, on either side, in which order: whole lists, compared with what is promised."""

from __future__ import annotations

import socket
import threading

import pytest
from pydicom import Dataset

import dicomnet
from dicomnet import ConnectionLost, StateError, Status, Timeouts, TlsConfig
from net.recorder import CT, ECHO, PATIENCE, QUICK, Provider, Recorder, associated, at_once, connected, request, until

pytestmark = pytest.mark.usefixtures("network")

Link = dict[str, TlsConfig]

A_CLIENT = ["accept ok", "close ok of a client"]
"""What a listener is told of a connection, from beginning to end."""


def up(link: Link) -> list[str]:
    """What comes first on a secure connection."""
    return ["secure_link_ready ok"] if link else []


REQUESTED = ["receive 1", "receive_associate_request"]
ACCEPTED = ["receive 2", "receive_associate_accept"]
RELEASE_ASKED = ["receive 5", "receive_release_request"]
RELEASE_ANSWERED = ["receive 6", "receive_release_response"]


def instance() -> Dataset:
    """The smallest thing that can be stored."""
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID, dataset.PatientName = CT, "1.2.3.4", "Doe^Jane"
    return dataset


def test_an_association_from_connect_to_close(link: Link) -> None:
    """Request, acceptance, a message without and one with a data set, release: the whole diagram, row by row."""
    with associated(**link) as trio:
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        trio.scu.send_c_store_request(instance())
        trio.scu.wait("receive_c_store_response")
        trio.finish()
        listener, scp, scu = trio.told()
    assert listener == A_CLIENT
    assert scp == [
        *up(link),
        *REQUESTED,
        *["receive 4", "receive_data", "receive_c_echo_request", "before_send_command_set"],
        *["receive 4", "receive 4", "receive_data", "receive_c_store_request", "before_send_command_set"],
        *RELEASE_ASKED,
        "close ok",
    ]
    assert scu == [
        "connect ok",
        *up(link),
        *ACCEPTED,
        *["receive 4", "receive_data", "receive_c_echo_response"],
        *["receive 4", "receive_data", "receive_c_store_response"],
        *RELEASE_ANSWERED,
    ]
    assert trio.scu.sent == [(1, None), (4, None), (4, None), (5, None)]
    assert trio.scp.sent == [(2, None), (4, None), (4, None), (6, None)]


def test_a_rejected_association(link: Link) -> None:
    """The requestor is told the three numbers and nothing more; the acceptor hears the connection close."""
    with connected(**link) as trio:
        trio.scp.react("receive_associate_request", lambda asked: trio.scp.send_associate_reject(2, 3, 1))
        trio.scu.send_associate_request(request())
        trio.scu.wait("receive_associate_reject 2/3/1")
        trio.listener.wait("close ok of a client")
        listener, scp, scu = trio.told()
    assert listener == A_CLIENT
    assert scp == [*up(link), *REQUESTED, "close ok"]
    assert scu == ["connect ok", *up(link), "receive 3", "receive_associate_reject 2/3/1"]
    assert (trio.scu.sent, trio.scp.sent) == ([(1, None)], [(3, None)])


def test_a_release_by_the_acceptor(link: Link) -> None:
    """Either side may ask; who asked is not told of the close, the other one is, and the listener in any case."""
    with associated(**link) as trio:
        trio.scp.send_release_request()
        trio.scu.wait("close ok")
        trio.listener.wait("close ok of a client")
        listener, scp, scu = trio.told()
    assert listener == A_CLIENT
    assert scp == [*up(link), *REQUESTED, *RELEASE_ANSWERED]
    assert scu == ["connect ok", *up(link), *ACCEPTED, *RELEASE_ASKED, "close ok"]


def test_a_release_that_both_ask_for_at_once(link: Link) -> None:
    """The requestor answers first (PS3.8 7.2.2.7), then the acceptor, whose answer may have been given too early."""
    with associated(**link) as trio:
        with at_once(trio.scu):
            trio.scu.send_release_request()
            trio.scp.send_release_request()
        trio.listener.wait("close ok of a client")
        listener, scp, scu = trio.told()
    assert listener == A_CLIENT
    assert scp == [*up(link), *REQUESTED, *RELEASE_ASKED, *RELEASE_ANSWERED, "close ok"]
    assert scu == ["connect ok", *up(link), *ACCEPTED, *RELEASE_ASKED, *RELEASE_ANSWERED]


def test_a_release_collision_whose_answers_are_late() -> None:
    """The acceptor answers after the requestor has; no answer of either is asked for twice."""
    with associated() as trio:
        asked = [threading.Event(), threading.Event()]
        trio.scu.react("receive_release_request", asked[0].set)
        trio.scp.react("receive_release_request", asked[1].set)
        with at_once(trio.scu):
            trio.scu.send_release_request()
            trio.scp.send_release_request()
        assert all(event.wait(PATIENCE) for event in asked)
        trio.scu.send_release_response()
        trio.scp.wait("receive_release_response")
        assert "receive_release_response" not in trio.scu.told
        trio.scp.send_release_response()
        trio.scu.wait("receive_release_response")
        trio.listener.wait("close ok of a client")
        assert trio.scp.told[-1] == "close ok"
        with pytest.raises(StateError):
            trio.scp.send_release_response()


@pytest.mark.parametrize("source", [0, 2])
def test_an_abort_by_the_requestor(link: Link, source: int) -> None:
    """The acceptor is told source and reason, then of the close; who aborted hears the other one close."""
    with associated(**link) as trio:
        trio.scu.send_abort(source, 0)
        assert not trio.scu.is_associated
        trio.scu.wait("close ok")
        trio.listener.wait("close ok of a client")
        listener, scp, scu = trio.told()
    assert listener == A_CLIENT
    assert scp == [*up(link), *REQUESTED, "receive 7", f"receive_abort {source}/0", "close ok"]
    assert scu == ["connect ok", *up(link), *ACCEPTED, "close ok"]
    assert trio.scu.sent == [(1, None), (7, None)]


def test_an_abort_by_the_acceptor(link: Link) -> None:
    """The same the other way round."""
    with associated(**link) as trio:
        trio.scp.send_abort(2, 6)
        trio.scu.wait("close ok")
        trio.listener.wait("close ok of a client")
        listener, scp, scu = trio.told()
    assert listener == A_CLIENT
    assert scp == [*up(link), *REQUESTED, "close ok"]
    assert scu == ["connect ok", *up(link), *ACCEPTED, "receive 7", "receive_abort 2/6", "close ok"]


def test_an_abort_instead_of_an_answer(link: Link) -> None:
    """The acceptor may abort before it has accepted or rejected."""
    with connected(**link) as trio:
        trio.scp.react("receive_associate_request", lambda asked: trio.scp.send_abort())
        trio.scu.send_associate_request(request())
        trio.scu.wait("close ok")
        trio.listener.wait("close ok of a client")
        _, scp, scu = trio.told()
    assert scp == [*up(link), *REQUESTED, "close ok"]
    assert scu == ["connect ok", *up(link), "receive 7", "receive_abort 0/0", "close ok"]


def test_a_close_without_a_release(link: Link) -> None:
    """The other side and its listener hear of it, each once, child first; who closed hears nothing."""
    with associated(**link) as trio:
        order: list[str] = []
        trio.scp.react("close", lambda error, net: order.append("child"))
        trio.listener.react("close", lambda error, net: order.append("listener"))
        trio.scu.close()
        assert not trio.scu.is_connected
        assert trio.listener.wait("close ok of a client") is trio.scp
        listener, scp, scu = trio.told()
    assert listener == A_CLIENT
    assert scp == [*up(link), *REQUESTED, "close ok"]
    assert scu == ["connect ok", *up(link), *ACCEPTED]
    assert order == ["child", "listener"]


def test_a_close_by_the_acceptor(link: Link) -> None:
    """Neither the object that closed nor its listener is told; the other side is."""
    with associated(**link) as trio:
        trio.scp.close()
        assert trio.listener.clients == ()
        trio.scu.wait("close ok")
        listener, scp, scu = trio.told()
    assert listener == ["accept ok"]
    assert scp == [*up(link), *REQUESTED]
    assert scu == ["connect ok", *up(link), *ACCEPTED, "close ok"]


def test_a_close_in_the_middle_of_an_operation_is_an_error() -> None:
    """A connection that breaks off what was going on is lost, and `on_close` says so."""
    with associated() as trio:
        trio.scp.react("receive_c_echo_request", lambda message: trio.scp.close(force=True))
        trio.scu.send_c_echo_request()
        trio.scu.wait("close ConnectionLost")
        assert isinstance(trio.scu.events[-1][1][0], ConnectionLost)


def test_closing_a_listener_closes_its_clients() -> None:
    """Only the other ends are told."""
    with associated() as trio:
        trio.listener.close()
        trio.scu.wait("close ok")
        listener, scp, _ = trio.told()
    assert listener == ["accept ok"]
    assert "close ok" not in scp


def test_clients_outlive_a_listener_that_only_stops_listening() -> None:
    """`stop_listening` takes no more connections and leaves those there are alone."""
    with associated() as trio:
        port = trio.listener.host_port
        trio.listener.stop_listening()
        assert not trio.listener.is_activated
        with socket.socket() as late, pytest.raises(ConnectionRefusedError):
            late.connect(("127.0.0.1", port))
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        assert trio.listener.clients == (trio.scp,)
        trio.finish()


def test_receive_data_carries_what_the_message_does() -> None:
    """Context, command and data set are the same ones, told before the message's own event."""
    with associated() as trio:
        trio.scu.send_c_store_request(instance())
        trio.scu.wait("receive_c_store_response")
        [(context_id, command, data)] = [arguments for name, arguments in trio.scp.events if name == "receive_data"]
        message = trio.scp.all("receive_c_store_request")[0]
        assert (context_id, command, data) == (message.context_id, message.command, message.data)
        assert command.affected_sop_instance_uid == "1.2.3.4"


def test_on_receive_gets_each_pdu_as_it_was(link: Link) -> None:
    """The bytes are the PDU with its header, one PDU at a time."""
    with associated(**link) as trio:
        trio.scu.send_c_store_request(instance())
        trio.scu.wait("receive_c_store_response")
        trio.finish()
        pdus = [arguments for name, arguments in trio.scp.events if name == "receive"]
    assert [data[0] for _, _, data in pdus] == [pdu_type for _, pdu_type, _ in pdus] == [1, 4, 4, 5]
    for error, _, data in pdus:
        assert error is None
        assert len(data) == 6 + int.from_bytes(data[2:6])
    assert b"Doe^Jane" in pdus[2][2]


def test_connections_are_accepted_in_the_order_they_came() -> None:
    """Three wait; each `accept` takes the oldest, whoever asks for it."""
    with Recorder() as listener:
        address = listener.listen("127.0.0.1")
        callers = []
        for count in (1, 2, 3):
            callers.append(socket.create_connection(address))
            listener.wait("accept ok", count)
        accepted = [listener.accept(Recorder()) for _ in callers]
        assert [net.peer_port for net in accepted] == [caller.getsockname()[1] for caller in callers]
        assert [net.server for net in accepted] == [listener] * 3
        assert listener.clients == tuple(accepted)
        with pytest.raises(StateError, match="no connection is waiting"):
            listener.accept(Recorder())
        for caller in callers:
            caller.close()
        listener.wait("close ok of a client", 3)


def test_a_connection_that_is_not_accepted_stays_first() -> None:
    """A second caller does not overtake; the next `accept` takes the one that has waited longer."""
    with Recorder() as listener:
        address = listener.listen("127.0.0.1")
        listener.react("accept", lambda error: None)
        with socket.create_connection(address) as first:
            listener.wait("accept ok")
            listener.react("accept", lambda error: listener.accept(Recorder()))
            with socket.create_connection(address):
                listener.wait("accept ok", 2)
                until(lambda: len(listener.clients) == 1, "the accept")
                assert listener.clients[0].peer_port == first.getsockname()[1]


def test_a_connection_that_hung_up_before_it_was_accepted() -> None:
    """It is accepted as any other, and then found closed."""
    with Recorder() as listener:
        address = listener.listen("127.0.0.1")
        listener.react("accept", lambda error: None)
        with socket.create_connection(address):
            listener.wait("accept ok")
        gone = Recorder()
        listener.accept(gone)
        gone.wait("close ok")
        assert listener.wait("close ok of a client") is gone


def test_a_connection_that_nobody_accepts_is_closed_in_time() -> None:
    """After the time of the standard for those who ask for nothing; it can no longer be accepted then."""
    with Recorder(timeouts=QUICK) as listener:
        address = listener.listen("127.0.0.1")
        listener.react("accept", lambda error: None)
        with socket.create_connection(address) as caller:
            caller.settimeout(PATIENCE)
            assert caller.recv(1) == b""
        with pytest.raises(StateError, match="no connection is waiting"):
            listener.accept(Recorder())


def test_a_connection_whose_callback_raised_is_closed_at_once(caplog: pytest.LogCaptureFixture) -> None:
    """It does not wait in front of the next one, which is served; one that was accepted before is left alone."""
    with Recorder(timeouts=Timeouts(artim=600)) as listener:
        address = listener.listen("127.0.0.1")
        listener.react("accept", lambda error: 1 / 0)
        with socket.create_connection(address, timeout=PATIENCE) as caller:
            assert caller.recv(1) == b""
        scp = Provider()
        listener.react("accept", lambda error: (listener.accept(scp), 1 / 0))
        with Recorder() as scu:
            scu.connect(*address)
            scu.send_associate_request(request())
            scu.wait("receive_associate_accept")
    assert caplog.text.count("on_accept raised") == 2


def test_a_client_limit_of_ones_own() -> None:
    """Counting clients in the association request is how the described system limits them."""
    with Recorder() as listener, Recorder() as first, Recorder() as second:

        def accept(error: Exception | None) -> None:
            scp = Recorder()
            scp.react(
                "receive_associate_request",
                lambda asked: (
                    scp.send_associate_accept(asked.accept_all())
                    if len(listener.clients) < 2
                    else scp.send_associate_reject(2, 3, 2)
                ),
            )
            listener.accept(scp)

        listener.react("accept", accept)
        address = listener.listen("127.0.0.1")
        for net, answer in ((first, "receive_associate_accept"), (second, "receive_associate_reject 2/3/2")):
            net.connect(*address)
            net.send_associate_request(request())
            net.wait(answer)


def test_on_send_tells_how_many_bytes_have_left() -> None:
    """Of each PDU, and of a message all its PDUs together: as many as the other side is shown."""
    with associated() as trio:
        large = instance()
        large.EncapsulatedDocument = bytes(300_000)
        trio.scu.send_c_store_request(large)
        trio.scu.wait("receive_c_store_response")
        trio.finish()
        sent = {told[1]: told[2] for name, told in trio.scu.events if name == "send"}
        received = [(told[1], len(told[2])) for name, told in trio.scp.events if name == "receive"]
    assert sent == {kind: sum(length for each, length in received if each == kind) for kind in (1, 4, 5)}


def test_a_connection_that_asks_for_nothing_is_closed_in_time() -> None:
    """Accepted, but silent: the child is told why it was closed, and its listener too."""
    with Recorder() as listener, socket.socket() as caller:
        child = Recorder(timeouts=QUICK)
        listener.react("accept", lambda error: listener.accept(child))
        caller.settimeout(PATIENCE)
        caller.connect(listener.listen("127.0.0.1"))
        assert caller.recv(1) == b""
        listener.wait("close DicomTimeout of a client")
        assert child.told == ["close DicomTimeout"]


def test_close_drops_what_is_queued_and_flush_waits_for_it() -> None:
    """Without `flush`, what has not left is reported unsent; with it, everything arrives."""
    with associated(contexts=[ECHO]) as trio:
        held = threading.Event()
        trio.scp.react("receive_c_echo_request", lambda message: held.wait(PATIENCE))
        for _ in range(3):  # the window is one request, so two of them wait here
            trio.scu.send_c_echo_request()
        trio.scp.wait("receive_c_echo_request")
        trio.scu.wait_sent(4)
        trio.scu.close()
        trio.scu.wait_sent(4, 3)
        held.set()
        assert [error is None for kind, error in trio.scu.sent if kind == 4] == [True, False, False]

    with associated(contexts=[ECHO]) as trio:
        for _ in range(3):
            trio.scu.send_c_echo_request()
        trio.scu.flush(PATIENCE)
        trio.scu.close()
        trio.scp.wait("receive_c_echo_request", 3)
        assert trio.scu.send_queue_length == 0


def test_flush_that_takes_too_long_says_so() -> None:
    """It waits as long as it is told to, and for no longer."""
    with associated(contexts=[ECHO]) as trio:
        trio.scp.react("receive_c_echo_request", lambda message: None)
        trio.scu.send_c_echo_request()
        trio.scu.send_c_echo_request()
        with pytest.raises(dicomnet.DicomTimeout):
            trio.scu.flush(0.05)
        assert trio.scu.send_queue_length == 1


def test_flush_returns_when_the_connection_ends() -> None:
    """Nobody waits for what can no longer leave."""
    with associated(contexts=[ECHO]) as trio:
        trio.scp.react("receive_c_echo_request", lambda message: trio.scp.send_abort())
        with at_once(trio.scu):
            trio.scu.send_c_echo_request()
            trio.scu.send_c_echo_request()
        trio.scu.flush(PATIENCE)
        trio.scu.wait("receive_abort 0/0")
        trio.scu.wait_sent(4, 2)
        assert [error is None for kind, error in trio.scu.sent if kind == 4] == [True, False]


def test_messages_on_one_connection_are_sent_in_order() -> None:
    """`on_send` of one comes before `on_send` of the next."""
    with associated() as trio:
        sizes = [2 * number for number in range(1, 30)]
        for size in sizes:
            trio.scp.send_data(1, {0x0100: 0x8FF0, 0x0120: size, 0x0900: 0, 0x1000: "1" * size})
        trio.scp.flush(PATIENCE)
        assert dicomnet.breathe(PATIENCE)
        lengths = [arguments[2] for name, arguments in trio.scp.events if name == "send" and arguments[1] == 4]
        assert len(lengths) == len(sizes)
        assert lengths == sorted(lengths)
        trio.scu.wait("receive_unknown", len(sizes))


def test_objects_may_be_made_before_startup_and_after() -> None:
    """The order of the two does not matter; what was made before works after."""
    early = Provider()
    dicomnet.startup()
    try:
        late = Recorder()
        with associated(early, late) as trio:
            trio.finish()
    finally:
        dicomnet.shutdown()


def test_release_waits_for_the_answers_that_are_due() -> None:
    """A release asked for right behind requests leaves after their responses (PS3.7 A.5)."""
    with associated(contexts=[ECHO]) as trio:
        for _ in range(2):
            trio.scu.send_c_echo_request()
        trio.finish()
        echoed = ["receive 4", "receive_data", "receive_c_echo_response"]
        assert trio.told()[2] == ["connect ok", *ACCEPTED, *echoed, *echoed, *RELEASE_ANSWERED]


def test_a_peer_that_never_answers_a_release_is_given_up() -> None:
    """After the time for it the requestor aborts, and is told why the connection ended."""
    with associated(timeouts=Timeouts(release=0.2)) as trio:
        trio.scp.react("receive_release_request", lambda: None)
        trio.scu.send_release_request()
        trio.scu.wait("close DicomTimeout")
        trio.scp.wait("receive_abort 0/0")


def test_statuses_are_what_the_enumeration_says() -> None:
    """What a callback gets is a `Status`, not just a number."""
    with associated() as trio:
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        status = trio.scu.all("receive_c_echo_response")[0].status
        assert isinstance(status, Status)
        assert status.is_success
        trio.finish()
