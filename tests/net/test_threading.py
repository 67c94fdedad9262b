"""Callbacks and threads: who runs when, what waits for whom, and how everything ends."""

from __future__ import annotations

import logging
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from time import monotonic
from typing import Any, Self

import pytest
from pydicom import Dataset

import dicomnet
from dicomnet import (
    MEMORY,
    DicomNet,
    InvalidValue,
    Limits,
    SendQueueFull,
    SocketOptions,
    StateError,
    Status,
    StorageError,
)
from dicomnet.net.callbacks import FAILED
from dicomnet.net.engine import running
from net.recorder import (
    CT,
    ECHO,
    FIND,
    PATIENCE,
    Provider,
    Recorder,
    associated,
    connected,
    request,
    silent_address,
    until,
)

NARROW = SocketOptions(send_buffer_size=8192, receive_buffer_size=8192)
"""So that a connection is full soon."""


@pytest.fixture(autouse=True)
def down_after_all() -> Iterator[None]:
    """No test leaves the network up."""
    yield
    dicomnet.shutdown()


def _patient(identifier: str) -> Dataset:
    """The smallest identifier."""
    dataset = Dataset()
    dataset.PatientID = identifier
    return dataset


class Gate:
    """Holds callbacks until it is opened; says how many wait."""

    def __init__(self) -> None:
        self._changed = threading.Condition()
        self._open = False
        self.waiting = 0

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.open()

    def open(self) -> None:
        with self._changed:
            self._open = True
            self._changed.notify_all()

    def hold(self, *_: object) -> None:
        with self._changed:
            self.waiting += 1
            self._changed.notify_all()
            assert self._changed.wait_for(lambda: self._open, PATIENCE)

    def await_callers(self, count: int) -> None:
        with self._changed:
            assert self._changed.wait_for(lambda: self.waiting >= count, PATIENCE), self.waiting


def _with_status(status: object) -> Exception:
    """An error of somebody else's, who means something else by `status`."""
    error = ValueError("foreign")
    error.status = status  # type: ignore[attr-defined]
    return error


def echo(number: int) -> dict[int, object]:
    """An echo request as elements: not held back by the window, because it is no typed request."""
    return {0x0100: 0x0F01, 0x0110: number, 0x0002: ECHO}


# Serial, and on threads of ours.


def test_callbacks_of_one_object_never_overlap() -> None:
    """However many messages come, the next callback begins when the last has returned, in the order of the messages."""
    running: list[int] = []
    with dicomnet.runtime(), associated() as trio:

        def note(context_id: int, command: Any, dataset: Any) -> None:
            running.append(command.message_id)
            threading.Event().wait(0.001)
            running.append(command.message_id)

        trio.scp.react("receive_unknown", note)
        for number in range(100):
            trio.scu.send_data(1, echo(number))
        trio.scp.wait("receive_unknown", 100)
        assert dicomnet.breathe(PATIENCE)
    assert running == [number for number in range(100) for _ in range(2)]


def test_callbacks_run_on_worker_threads() -> None:
    """Neither on the thread that called, nor on the one of the network."""
    with dicomnet.runtime(), associated() as trio:
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        trio.finish()
        used = {thread.name for net in (trio.listener, trio.scp, trio.scu) for thread in net.threads}
        caller = threading.current_thread().name  # on_before_send_command_set would be told here, if we answered
        assert used
        assert all(name.startswith("dicomnet-callback") for name in used - {caller})


def test_a_callback_that_waits_holds_up_no_other_object() -> None:
    """One connection's handler sleeps, the other connection is served."""
    with dicomnet.runtime(), Gate() as gate, associated() as slow, associated() as quick:
        slow.scp.react("receive_c_echo_request", gate.hold)
        slow.scu.send_c_echo_request()
        gate.await_callers(1)
        quick.scu.send_c_echo_request()
        quick.scu.wait("receive_c_echo_response")
        gate.open()


def test_sixty_four_objects_run_at_a_time_and_the_rest_wait_in_order() -> None:
    """Of seventy blocked callbacks the first 64 run; the others run, oldest first, once there is room."""
    began: list[int] = []
    with dicomnet.runtime(), Gate() as gate:
        nets = [Recorder() for _ in range(70)]

        def hold(number: int, error: Exception | None) -> None:
            began.append(number)
            gate.hold()

        for number, net in enumerate(nets):
            net.react("connect", lambda error, number=number: hold(number, error))
        with socket.socket() as free:  # nobody listens there
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
            for number, net in enumerate(nets):
                net.connect("127.0.0.1", port)
                gate.await_callers(min(number + 1, 64))
            until(lambda: all(net.events or number >= 64 for number, net in enumerate(nets)), "64 callbacks")
            assert sorted(began) == list(range(64))
            assert gate.waiting == 64
            gate.open()
            for net in nets:
                net.wait("connect ConnectFailed")
        assert sorted(began) == list(range(70))


# What takes effect at once.


def test_an_abort_is_seen_while_a_callback_runs() -> None:
    """`is_associated` turns false under a handler's feet, and what it sends then raises."""
    with dicomnet.runtime(), associated() as trio:
        seen: list[object] = []

        def handle(message: Any) -> None:
            trio.scu.send_abort()
            until(lambda: not trio.scp.is_associated, "the abort")
            try:
                trio.scp.send_c_echo_response(message)
            except StateError as error:
                seen.append(error)

        trio.scp.react("receive_c_echo_request", handle)
        trio.scu.send_c_echo_request()
        trio.scp.wait("receive_abort 0/0")
        assert len(seen) == 1
        assert "receive_abort 0/0" in trio.scp.told[trio.scp.told.index("receive_c_echo_request") :]


def test_a_close_of_the_peer_is_seen_while_a_callback_runs() -> None:
    """The same for a connection that ends."""
    with dicomnet.runtime(), associated() as trio:

        def handle(message: Any) -> None:
            trio.scu.close()
            until(lambda: not trio.scp.is_connected, "the close")

        trio.scp.react("receive_c_echo_request", handle)
        trio.scu.send_c_echo_request()
        trio.scp.wait("close ConnectionLost")
        assert not trio.scp.is_activated


def test_a_cancel_is_seen_while_a_callback_runs() -> None:
    """A handler that produces matches asks `is_cancelled` between two of them."""
    with dicomnet.runtime(), associated() as trio:

        def find(message: Any) -> None:
            matches = 0
            while not trio.scp.is_cancelled(message.message_id):
                matches += 1
                if matches <= 5:
                    trio.scp.send_c_find_response(message, Status.PENDING, _patient("1"))
                threading.Event().wait(0.001)
            trio.scp.send_c_find_response(message, Status.CANCEL)

        trio.scp.react("receive_c_find_request", find)
        message_id = trio.scu.send_c_find_request(FIND, _patient(""))
        trio.scu.wait("receive_c_find_response")
        trio.scu.send_c_cancel_request(message_id)
        until(lambda: trio.scu.all("receive_c_find_response")[-1].status == Status.CANCEL, "the end")
        trio.scp.wait("receive_c_cancel_request")
        order = trio.scp.told
        assert order.index("receive_c_find_request") < order.index("receive_c_cancel_request")


def test_close_from_a_callback() -> None:
    """An object may close itself while it is being told something; then nothing more of it is told to it."""
    with dicomnet.runtime(), associated() as trio:
        trio.scp.react("receive_c_echo_request", lambda message: trio.scp.close())
        trio.scu.send_c_echo_request()
        trio.scu.wait("close ConnectionLost")
        assert dicomnet.breathe(PATIENCE)
        assert trio.scp.told[-1] == "receive_c_echo_request"


# Back-pressure.


def pause_of(net: Recorder) -> None:
    """Waits until an object reads no more."""

    def paused() -> bool:
        link = net._link
        return link is not None and not link.channel.transport.is_reading()

    until(paused, "the pause")


@pytest.mark.parametrize(
    ("limits", "size", "most"),
    [
        pytest.param(Limits(undelivered_bytes=1 << 40), 8000, 16 + 4, id="sixteen messages"),
        pytest.param(Limits(undelivered_messages=1 << 40), 300_000, 4 + 1, id="one MiB"),
        pytest.param(Limits(undelivered_messages=1, undelivered_bytes=1 << 40), 300_000, 1 + 1, id="one message"),
    ],
)
def test_reading_pauses_while_a_callback_holds_on(limits: Limits, size: int, most: int) -> None:
    """Undelivered messages, and their bytes, have a bound; the rest waits on the sending side, and nothing is lost."""
    with dicomnet.runtime(), Gate() as gate, associated(limits=limits, socket_options=NARROW) as trio:
        trio.scp.react("receive_unknown", gate.hold)
        count = 24_000_000 // size
        for number in range(count):
            trio.scu.send_data(1, echo(number), b"\0" * size)
        pause_of(trio.scp)
        assert trio.scp._link is not None
        assert trio.scp._link._backlog._messages <= most
        assert trio.scu.send_queue_length > count // 2
        gate.open()
        trio.scu.flush(PATIENCE)
        trio.scp.wait("receive_unknown", count)
        numbers = [arguments[1].message_id for name, arguments in trio.scp.events if name == "receive_unknown"]
        assert numbers == list(range(count))


def test_two_ends_that_send_until_they_are_full_come_through() -> None:
    """Both sides send within callbacks, each until `SendQueueFull`; no deadlock, and every message that was taken comes."""
    with dicomnet.runtime(), associated(limits=Limits(send_queue=500_000), socket_options=NARROW) as trio:
        both = threading.Barrier(2, timeout=PATIENCE)
        taken: dict[Recorder, int] = {}

        def send_until_full(net: Recorder) -> None:
            both.wait()
            number = 0
            try:
                while True:
                    net.send_data(3, echo(number), b"\0" * 8000)
                    number += 1
            except SendQueueFull:
                taken[net] = number
            both.wait()

        for net, peer in ((trio.scu, trio.scp), (trio.scp, trio.scu)):
            net.react("receive_c_cancel_request", lambda message, net=net: send_until_full(net))
            net.react("receive_unknown", lambda *_: None)
            peer.send_c_cancel_request(1, context_id=1)
        until(lambda: len(taken) == 2, "full queues")
        assert min(taken.values()) > 50
        trio.scu.wait("receive_unknown", taken[trio.scp])
        trio.scp.wait("receive_unknown", taken[trio.scu])
        trio.finish()


def test_flush_from_a_callback() -> None:
    """It waits for the socket, not for callbacks."""
    with dicomnet.runtime(), associated() as trio:
        left: list[int] = []

        def answer(message: Any) -> None:
            trio.scp.send_c_echo_response(message)
            trio.scp.flush(PATIENCE)
            left.append(trio.scp.send_queue_length)

        trio.scp.react("receive_c_echo_request", answer)
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        assert dicomnet.breathe(PATIENCE)
        assert left == [0]


@pytest.mark.parametrize("limits", [Limits(), Limits(undelivered_messages=1)])
def test_flush_from_a_callback_that_answers_wait_for_says_so(limits: Limits) -> None:
    """Requests beyond the window leave when earlier ones are answered, and only so many answers wait for a callback."""
    with dicomnet.runtime():
        scu = Recorder(limits=limits)
        raised: list[StateError] = []

        def ask(associate: object) -> None:
            for _ in range(50):
                scu.send_c_echo_request()
            scu.send_release_request()
            with pytest.raises(StateError, match="wait for this callback to return") as caught:
                scu.flush()
            raised.append(caught.value)

        scu.react("receive_associate_accept", ask)
        with associated(scu=scu) as trio:
            scu.wait("receive_release_response")
            trio.listener.wait("close ok of a client")
        assert len(raised) == 1
        assert scu.told.count("receive_c_echo_response") == 50


def test_flush_from_a_callback_waits_for_what_can_leave() -> None:
    """Reading has stopped; what needs no answer leaves all the same, and is waited for."""
    with dicomnet.runtime(), associated(limits=Limits(undelivered_messages=1), socket_options=NARROW) as trio:
        left: list[int] = []

        def send_much(*_: object) -> None:
            pause_of(trio.scp)
            for number in range(20):
                trio.scp.send_data(1, echo(number), b"\0" * 500_000)
            trio.scp.flush()
            left.append(trio.scp.send_queue_length)

        trio.scp.react("receive_c_cancel_request", send_much)
        trio.scp.react("receive_unknown", lambda *_: None)
        trio.scu.react("receive_unknown", lambda *_: None)
        trio.scu.send_c_cancel_request(1, context_id=1)
        for number in range(5):
            trio.scu.send_data(1, echo(number))
        trio.scu.wait("receive_unknown", 20)
        until(lambda: bool(left), "the end of the callback")
        assert left == [0]


def test_messages_may_be_sent_from_many_threads() -> None:
    """Each request has an ID of its own, all are answered, and those of one thread stay in order."""
    with dicomnet.runtime(), associated(destination=MEMORY) as trio:
        ids: dict[int, list[int]] = {number: [] for number in range(8)}

        def send(number: int) -> None:
            for _ in range(25):
                ids[number].append(trio.scu.send_c_echo_request())

        threads = [threading.Thread(target=send, args=(number,)) for number in ids]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join(PATIENCE)
        trio.scu.wait("receive_c_echo_response", 200)
        arrived = [message.message_id for message in trio.scp.all("receive_c_echo_request")]
        assert sorted(arrived) == list(range(1, 201))
        for mine in ids.values():
            places = [arrived.index(message_id) for message_id in mine]
            assert all(one < other for one, other in pairwise(places))


# Callbacks that raise.


@pytest.mark.parametrize(
    ("error", "status", "comment"),
    [
        pytest.param(ValueError("a bug"), 0x0110, FAILED, id="any"),
        pytest.param(StorageError("disk full"), 0xA700, "disk full", id="with a status"),
        pytest.param(StorageError("broken", status=0xC001), 0xC001, "broken", id="with another"),
        pytest.param(_with_status("teapot"), 0x0110, FAILED, id="not ours"),
        pytest.param(_with_status(0), 0x0110, FAILED, id="not a failure"),
    ],
)
def test_a_callback_that_raises_fails_its_request_alone(
    error: Exception, status: int, comment: str, caplog: pytest.LogCaptureFixture
) -> None:
    """The peer gets the status of the error, or 0110; the log gets the traceback; the association goes on."""

    def fail(message: Any) -> None:
        raise error

    with dicomnet.runtime(), associated() as trio:
        trio.scp.react("receive_c_store_request", fail)
        instance = Dataset()
        instance.SOPClassUID, instance.SOPInstanceUID = CT, "1.2.3"
        trio.scu.send_c_store_request(instance)
        trio.scu.wait("receive_c_store_response")
        [answer] = trio.scu.all("receive_c_store_response")
        assert (answer.status, answer.error_comment) == (status, comment)
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        trio.finish()
    [record] = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert "on_receive_c_store_request raised" in record.getMessage()
    assert record.exc_info is not None
    assert record.exc_info[1] is error


def test_a_callback_that_answered_and_then_raises_does_not_answer_twice() -> None:
    """The request is done; only the log hears of it."""

    def answer_and_fail(message: Any) -> None:
        trio.scp.send_c_echo_response(message)
        trio.scp.flush(PATIENCE)
        raise ValueError("too late")

    with dicomnet.runtime(), associated() as trio:
        trio.scp.react("receive_c_echo_request", answer_and_fail)
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        trio.finish()
        assert trio.scu.told.count("receive_c_echo_response") == 1


@pytest.mark.parametrize(
    "event", ["connect", "receive", "send", "receive_associate_accept", "receive_data", "receive_c_echo_response"]
)
def test_no_callback_that_raises_ends_anything(event: str, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever it was told, the next thing is told all the same."""

    def fail(*_: object) -> None:
        raise ValueError("a bug")

    scu = Recorder()
    scu.react(event, fail)
    with dicomnet.runtime(), associated(scu=scu) as trio:
        for count in (1, 2):
            scu.send_c_echo_request()
            scu.wait("receive_c_echo_response", count)
        trio.finish()
    assert any(f"on_{event} raised" in record.getMessage() for record in caplog.records)


def test_an_association_request_whose_callback_raises_is_rejected() -> None:
    """And a release request is answered: no peer is left waiting."""

    def fail(*_: object) -> None:
        raise ValueError("a bug")

    with dicomnet.runtime():
        with connected() as trio:
            trio.scp.react("receive_associate_request", fail)
            trio.scu.send_associate_request(request())
            trio.scu.wait("receive_associate_reject 1/1/1")
        with associated() as trio:
            trio.scp.react("receive_release_request", fail)
            trio.finish()


def test_an_unknown_command_whose_callback_raises_is_refused() -> None:
    """With the status for it."""

    def fail(*_: object) -> None:
        raise ValueError("a bug")

    with dicomnet.runtime(), associated() as trio:
        trio.scp.react("receive_unknown", fail)
        trio.scu.send_data(1, echo(3))
        trio.scu.wait("receive_unknown")
        assert trio.scu.events[-1][1][1].status == 0x0211


# The life of the network.


def network_threads() -> list[str]:
    return [thread.name for thread in threading.enumerate() if thread.name.startswith("dicomnet-network")]


def test_breathe_waits_for_callbacks() -> None:
    """Not while one runs; in a callback, for the others only."""
    assert dicomnet.breathe(), "nothing runs, so nothing is waited for"
    with dicomnet.runtime(), Gate() as gate, associated() as trio:
        assert dicomnet.breathe(PATIENCE)
        trio.scp.react("receive_c_echo_request", gate.hold)
        trio.scu.send_c_echo_request()
        gate.await_callers(1)
        assert not dicomnet.breathe()
        assert not dicomnet.breathe(0.01)
        gate.open()
        assert dicomnet.breathe(PATIENCE)
        inside: list[bool] = []
        trio.scp.react("receive_c_echo_request", lambda message: inside.append(dicomnet.breathe(PATIENCE)))
        trio.scu.send_c_cancel_request(1, context_id=1)
        trio.scu.send_data(1, echo(1))
        trio.scu.wait("receive_unknown")
        trio.scp.react("receive_unknown", lambda *_: inside.append(dicomnet.breathe(PATIENCE)))
        trio.scu.send_data(1, echo(2))
        until(lambda: bool(inside), "the callback")
        assert inside == [True]


def test_startup_and_shutdown_are_counted() -> None:
    """The network goes with the last of them; once more does no harm."""
    dicomnet.startup()
    dicomnet.startup()
    assert len(network_threads()) == 1
    dicomnet.shutdown()
    assert len(network_threads()) == 1
    dicomnet.shutdown()
    assert network_threads() == []
    dicomnet.shutdown()
    assert network_threads() == []


def test_the_first_use_starts_the_network() -> None:
    """An object is enough, and one `shutdown` ends it."""
    with associated() as trio:
        trio.finish()
    assert len(network_threads()) == 1
    dicomnet.shutdown()
    assert network_threads() == []


def test_an_object_outlives_the_network() -> None:
    """After a shutdown it is closed; when it is used again, the network starts again."""
    listener, scp, scu = Recorder(), Provider(), Recorder()
    for _ in range(2):
        with dicomnet.runtime():
            with associated(scp, scu, listener) as trio:
                trio.finish()
            listener.listen("127.0.0.1")
        assert not listener.is_activated
        for net in (scp, scu, listener):
            net.events.clear()
    assert network_threads() == []


def test_a_closed_network_refuses_what_is_sent() -> None:
    """Everything raises `StateError` then, and closing again does no harm."""
    with dicomnet.runtime(), associated() as trio:
        pass
    for send in (trio.scu.send_c_echo_request, trio.scu.send_release_request, trio.scu.send_abort):
        with pytest.raises(StateError):
            send()
    trio.scu.close()
    trio.listener.close()
    trio.scu.flush(PATIENCE)


class Peer:
    """The other end of an association, on a socket that the network knows nothing of."""

    def __init__(self, listener: Recorder) -> None:
        self.socket = socket.create_connection(listener.listen("127.0.0.1"), timeout=PATIENCE)
        from dicomnet.pdu.write import push_pdu

        self.socket.sendall(push_pdu(request().to_request()))
        assert self.read() == 2

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.socket.close()

    def read(self) -> int | None:
        """The type of the next PDU, or None for the end of file."""
        header = self.socket.recv(6, socket.MSG_WAITALL)
        if not header:
            return None
        length = int.from_bytes(header[2:])
        assert len(self.socket.recv(length, socket.MSG_WAITALL)) == length
        return header[0]


def archive(**settings: Any) -> tuple[Recorder, Provider]:
    """A listener, and the object that it gives its connection to."""
    listener, child = Recorder(**settings), Provider(**settings)
    listener.react("accept", lambda error: listener.accept(child))
    return listener, child


@pytest.mark.parametrize(("closes", "stop_time"), [(True, 2 * PATIENCE), (False, 0.1)], ids=["polite", "deaf"])
def test_shutdown_aborts_associations(closes: bool, stop_time: float, monkeypatch: pytest.MonkeyPatch) -> None:
    """The peer gets an A-ABORT; one that closes is waited for no longer, and one that does not is left."""
    monkeypatch.setattr("dicomnet.net.link.STOP_TIME", stop_time)
    dicomnet.startup()
    listener, _ = archive()
    with Peer(listener) as peer:
        ending = threading.Thread(target=dicomnet.shutdown)
        began = monotonic()
        ending.start()
        assert peer.read() == 7
        if closes:
            assert peer.read() is None
            peer.socket.close()
        ending.join(PATIENCE)
        assert monotonic() - began < PATIENCE / 2
    assert network_threads() == []
    assert listener.clients == ()


def test_shutdown_while_sending() -> None:
    """A peer that takes nothing does not hold it up."""
    dicomnet.startup()
    listener, child = archive()
    with Peer(listener):
        for number in range(2000):
            child.send_data(1, echo(number), b"\0" * 10_000)
        until(lambda: child.sent[-1:] != [], "the first to leave")
        began = monotonic()
        dicomnet.shutdown()
        assert monotonic() - began < PATIENCE / 2
    assert not child.is_activated
    assert {type(error) for kind, error in child.sent if kind == 4 and error} == {dicomnet.ConnectionLost}


def test_shutdown_does_not_wait_for_a_disk_that_hangs(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """What is not on the disk after a while is given up, with one warning."""
    monkeypatch.setattr("dicomnet.aio.hub.LAST_WRITES", 0.1)
    dicomnet.startup()
    go_on, hangs = threading.Event(), threading.Event()
    running().hub.workers.submit(lambda: (hangs.set(), go_on.wait(PATIENCE)))
    assert hangs.wait(PATIENCE)
    began = monotonic()
    dicomnet.shutdown()
    assert monotonic() - began < PATIENCE / 2
    go_on.set()
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "1 threads (dicomnet-storage) still work after 0.1 s" in caplog.text


def test_shutdown_while_receiving_more_than_is_taken(monkeypatch: pytest.MonkeyPatch) -> None:
    """Reading has paused; the end is seen all the same."""
    monkeypatch.setattr("dicomnet.net.link.STOP_TIME", 2 * PATIENCE)
    dicomnet.startup()
    with Gate() as gate, associated(limits=Limits(undelivered_messages=2)) as trio:
        trio.scp.react("receive_unknown", gate.hold)
        for number in range(50):
            trio.scu.send_data(1, echo(number))
        pause_of(trio.scp)
        began = monotonic()
        ending = threading.Thread(target=dicomnet.shutdown)
        ending.start()
        until(lambda: not trio.scp.is_associated and trio.scp._link._ended, "the end of the connection")
        assert monotonic() - began < PATIENCE / 2
        gate.open()
        ending.join(PATIENCE)
    assert network_threads() == []


def test_shutdown_in_the_middle_of_connecting_and_of_handshakes(
    tls: dicomnet.TlsConfig, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither a peer that does not answer nor one that is silent in the handshake is waited for."""
    monkeypatch.setattr("dicomnet.net.link.STOP_TIME", 2 * PATIENCE)
    with socket.create_server(("127.0.0.1", 0)) as silent, silent_address() as nowhere:
        dicomnet.startup()
        scu = Recorder(tls=tls)
        scu.connect(*silent.getsockname())
        scu.wait("connect ok")
        far = Recorder()
        far.connect(*nowhere)
        listener, child = archive(tls=tls)
        with socket.create_connection(listener.listen("127.0.0.1")):
            listener.wait("accept ok")
            began = monotonic()
            dicomnet.shutdown()
            assert monotonic() - began < PATIENCE / 2
    assert scu.told == ["connect ok"]
    assert child.told == []


def test_shutdown_from_a_callback() -> None:
    """The callback goes on when everything else has ended."""
    dicomnet.startup()
    over = threading.Event()

    def end(message: Any) -> None:
        dicomnet.shutdown()
        over.set()

    with associated() as trio:
        trio.scp.react("receive_c_echo_request", end)
        trio.scu.send_c_echo_request()
        assert over.wait(PATIENCE)
        assert network_threads() == []
        assert not trio.scu.is_connected


def test_shutdown_runs_the_callbacks_that_are_queued() -> None:
    """All of them, also more than one turn of an object's; and those they lead to."""
    dicomnet.startup()
    with Gate() as gate, associated(limits=Limits(undelivered_messages=1000)) as trio:
        first = threading.Event()

        def hold_once(*_: object) -> None:
            if not first.is_set():
                first.set()
                gate.hold()

        trio.scp.react("receive_unknown", hold_once)
        for number in range(60):
            trio.scu.send_data(1, echo(number))
        trio.scu.flush(PATIENCE)
        until(lambda: trio.scp._link is not None and trio.scp._link._backlog._messages == 60, "sixty messages")
        ending = threading.Thread(target=dicomnet.shutdown)
        ending.start()
        until(lambda: not trio.scp.is_connected, "the end")
        gate.open()
        ending.join(PATIENCE)
        assert trio.scp.told.count("receive_unknown") == 60


def test_a_callback_during_shutdown_starts_nothing_new(caplog: pytest.LogCaptureFixture) -> None:
    """Objects made in it belong to the network that ends, and cannot be used."""
    dicomnet.startup()
    refused: list[Exception] = []

    def begin_anew(message: Any) -> None:
        until(lambda: not trio.scp.is_connected, "the shutdown")
        for begin in (lambda: Recorder().listen("127.0.0.1"), lambda: Recorder().connect("127.0.0.1", 104)):
            with pytest.raises(StateError) as caught:
                begin()
            refused.append(caught.value)

    with associated() as trio:
        trio.scp.react("receive_c_echo_request", begin_anew)
        trio.scu.send_c_echo_request()
        trio.scp.wait("receive_c_echo_request")
        dicomnet.shutdown()
        assert len(refused) == 2
        assert network_threads() == []
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_a_callback_that_never_returns_is_left_behind(
    monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Shutdown waits for callbacks a while, says so, and goes on without them."""
    monkeypatch.setattr(sys.modules["dicomnet.net.engine"], "LAST_CALLBACKS", 0.1)
    dicomnet.startup()
    with Gate() as gate, associated() as trio:
        trio.scp.react("receive_c_echo_request", gate.hold)
        trio.scu.send_c_echo_request()
        gate.await_callers(1)
        began = monotonic()
        dicomnet.shutdown()
        assert monotonic() - began < PATIENCE / 2
        assert network_threads() == []
        assert any("callbacks still run" in record.getMessage() for record in caplog.records)


def test_the_network_thread_cannot_shut_itself_down() -> None:
    """It would wait for itself; whoever tries is told."""
    with dicomnet.runtime():
        caught: list[Exception] = []
        done = threading.Event()

        def attempt() -> None:
            try:
                net._runtime.stop()
            except StateError as error:
                caught.append(error)
            done.set()

        net = Recorder()
        net._runtime.post(attempt)
        assert done.wait(PATIENCE)
        assert len(caught) == 1


@pytest.mark.parametrize("starts_threads", [True, False])
def test_a_program_that_just_ends(tmp_path: Path, starts_threads: bool) -> None:
    """Without close or shutdown, with an association open: it ends soon, quietly, and the peer is told.

    Python 3.12 starts no thread any more by then; the last callbacks are made all the same.
    """
    program = tmp_path / "program.py"
    program.write_text(
        """
import atexit, sys, threading
from dicomnet import Associate, DicomNet
class Scu(DicomNet):
    def on_connect(self, error):
        self.send_associate_request(Associate.request(contexts=["1.2.840.10008.1.1"]))
    def on_receive_associate_accept(self, associate):
        accepted.set()
    def on_send(self, error, pdu_type, length):
        print(pdu_type)
accepted = threading.Event()
scu = Scu()
scu._runtime._callbacks._idle_time = 0.01
scu.connect("127.0.0.1", int(sys.argv[1]))
assert accepted.wait(10)
def refuse(thread):
    raise RuntimeError("can't create new thread at interpreter shutdown")
def end():
    threading.Thread.start = refuse
for thread in threading.enumerate():
    if thread.name.startswith("dicomnet-callback"):
        thread.join(10)
if sys.argv[2] == "False":
    atexit.register(end)
"""
    )
    with dicomnet.runtime():
        listener, child = archive()
        _, port = listener.listen("127.0.0.1")
        command = [sys.executable, "-W", "error", str(program), str(port), str(starts_threads)]
        ended = subprocess.run(
            command,
            capture_output=True,
            text=True,
            check=False,
            timeout=PATIENCE,
            env={"PYTHONPATH": str(Path(dicomnet.__file__).parent.parent)},
        )
        assert (ended.returncode, ended.stdout, ended.stderr) == (0, "1\n7\n", "")
        child.wait("receive_abort 0/0")
        listener.close()


def test_names_of_events_are_checked() -> None:
    """A misspelt registration is an error, not a callback that is never called."""
    net = DicomNet()
    with pytest.raises(InvalidValue, match="there is no event 'receive_c_strore_request'"):
        net.on("receive_c_strore_request", print)


def test_functions_may_be_registered_with_and_without_prefix_and_as_decorators() -> None:
    """Three ways to say the same; the last one counts."""
    heard: list[str] = []
    with dicomnet.runtime(), associated() as trio:
        scu = DicomNet()
        scu.on("on_connect", lambda error: heard.append("replaced"))

        @scu.on("connect")
        def connected(error: Exception | None) -> None:
            heard.append("connected")

        scu.connect("127.0.0.1", trio.listener.host_port)
        until(lambda: bool(heard), "the event")
        scu.close()
    assert heard == ["connected"]
