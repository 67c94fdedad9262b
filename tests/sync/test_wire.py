"""What a wire does with one connection: sending, receiving, waiting and ending."""

from __future__ import annotations

import errno
import os
import selectors
import signal
import threading
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from aio.ends import CountedBody, Site, WatchedSink, pattern, reset, store, tcp_pair
from dicomnet.dimse.codec import encode
from dicomnet.dimse.fragments import command_pdus, data_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import ConnectionLost, StateError, StorageError
from dicomnet.limits import KIB, MIB, Timeouts
from dicomnet.pdu import PduType
from dicomnet.storage.held import MemorySink
from dicomnet.sync import wire as wire_module
from dicomnet.ul.events import Aborted, ReleaseConfirmed, TimedOut, TransportClosed
from pair import CT, MemoryBody, echo, proposal
from sync.wires import CountingSocket, Near, Raw, associate, count_waits, ending, near_and_far, near_and_raw

ABORT = b"\7\0\0\0\0\4\0\0\0\0"

QUICK = Timeouts(artim=0.1, stall=0.1, response=0.1, release=0.1)

PDU = 16 * KIB


# A whole life.


def test_an_association_is_made_used_and_released() -> None:
    """From request to the close of the transport on both ends."""
    with near_and_far() as (near, far):
        assert near.echo(1) == Status.SUCCESS
        near.store(2, pattern(100 * KIB))
        assert near.response(2) == Status.SUCCESS
        near.released()
        near.run()
        assert near.user.closings == [None]
        assert far.wait_closed() is None
        assert far.end.data == [pattern(100 * KIB)]


def test_files_travel_both_ways_at_once(tmp_path: Path) -> None:
    """Neither waits for the other, though both have more to send than all buffers between them hold."""
    source = tmp_path / "source"
    source.write_bytes(pattern(64 * MIB))
    with near_and_far() as (near, far):
        far.end.user.sink = lambda _: WatchedSink(tmp_path / "far.dcm")
        near.user.sink = lambda _: WatchedSink(tmp_path / "near.dcm")
        far.do(lambda: far.end.store(1, CountedBody(source)))
        near.store(1, CountedBody(source))
        assert near.response(1) == Status.SUCCESS
        near.until(lambda: len(near.user.messages) == 2)
        far.until(lambda: far.end.answered(1) is not None)
        for (data,) in (near.data, far.end.data):
            assert data == pattern(64 * MIB)


def test_messages_leave_in_the_order_they_were_sent(file: Path) -> None:
    """Small ones do not overtake a file that is being read."""
    with near_and_far(request=proposal(window=(0, 0), max_pdu_length=PDU)) as (near, far):
        near.send(echo(1))
        near.store(2, CountedBody(file))
        near.send(echo(3), ticket="echo")
        near.store(4, MemoryBody(pattern(MIB)))
        near.response(4)
        assert [command.message_id for command in far.end.commands] == [1, 2, 3, 4]  # type: ignore[attr-defined]
        assert [sent.ticket for sent in near.user.departed if sent.ticket] == ["echo"]


def test_what_was_asked_for_before_the_connection_is_sent_with_it() -> None:
    """A core may have its request already when it is given a socket."""
    ours, theirs = tcp_pair()
    with theirs, ending(Near(ours)) as near:
        near.core.associate(proposal(), near.wire.now())
        assert not near.wire.run(lambda: False, 0)
        assert Raw(theirs).pdu()[0] == PduType.ASSOCIATE_RQ


# What it costs.


def counted(near: Near, raw: Raw) -> list[str]:
    """An association over a socket that writes down what is asked of it."""
    associate(near, raw)
    assert isinstance(near.wire.sock, CountingSocket)
    calls = near.wire.sock.calls
    count_waits(near.wire, calls)
    calls.clear()
    return calls


def test_a_small_request_and_its_response_cost_three_system_calls() -> None:
    """One write, one wait, one read."""
    ours, theirs = tcp_pair()
    with theirs, ending(Near(CountingSocket.over(ours))) as near:
        raw = Raw(theirs)
        calls = counted(near, raw)
        near.send(echo(1))
        raw.pdu()
        raw.write(command_pdus(1, encode(echo(1).respond(Status.SUCCESS)), PDU))
        assert near.response(1) == Status.SUCCESS
        assert calls == ["send", "wait", "receive"]


def test_a_small_message_leaves_in_one_write() -> None:
    """Command and data together: two writes would be two packets, and perhaps a wait for an acknowledgement."""
    ours, theirs = tcp_pair()
    with theirs, ending(Near(CountingSocket.over(ours))) as near:
        raw = Raw(theirs)
        calls = counted(near, raw)
        near.store(1, MemoryBody(pattern(5 * KIB)))
        assert calls == ["send"]
        whole = command_pdus(CT, encode(store(1)), PDU) + data_pdus(CT, pattern(5 * KIB), PDU)
        assert raw.read(len(whole)) == whole


def test_waiting_asks_the_system_once() -> None:
    """Nothing polls, whether or not the socket takes more."""
    ours, theirs = tcp_pair(small=True)
    with theirs, ending(Near(CountingSocket.over(ours))) as near:
        calls = counted(near, Raw(theirs))
        assert not near.wire.run(lambda: False, 0.1)
        assert calls == ["wait"]
        near.store(1, MemoryBody(pattern(8 * MIB)))
        near.wire.run(lambda: False, 0.1)
        calls.clear()
        started = time.monotonic()
        assert not near.wire.run(lambda: False, 0.2)
        assert time.monotonic() - started >= 0.2
        assert calls.count("wait") <= 4  # the system may make room in its buffers on its own
        assert len(calls) <= 12


def test_a_condition_that_holds_is_not_waited_for() -> None:
    """It is asked at once; what is queued leaves all the same."""
    ours, theirs = tcp_pair()
    with theirs, ending(Near(CountingSocket.over(ours))) as near:
        calls = counted(near, Raw(theirs))
        near.core.send(1, echo(1), near.wire.now())
        assert near.wire.run(lambda: True)
        assert calls == ["send"]


# Deadlines.


def waits(near: Near) -> list[str]:
    return [event.waiting_for for event in near.user.events if isinstance(event, TimedOut)]


def test_a_peer_that_never_answers_is_given_up() -> None:
    """The core's deadline counts however long the caller would wait."""
    with near_and_raw(timeouts=QUICK) as (near, raw):
        near.send(echo(1))
        near.run()
        assert waits(near)[0].startswith("the response to C-ECHO-RQ")
        assert raw.rest().endswith(ABORT)


def test_a_peer_that_stops_reading_is_given_up(file: Path) -> None:
    """After the stall time an A-ABORT is queued behind what is stuck; after the ARTIM time the end does not wait."""
    with near_and_raw(small=True, timeouts=Timeouts(artim=0.1, stall=0.1)) as (near, _):
        near.store(1, CountedBody(file))
        near.run()
        assert waits(near) == ["the peer to take what we send", "the peer to close"]


def test_the_callers_time_ends_the_wait_and_nothing_else() -> None:
    """The association goes on."""
    with near_and_far() as (near, _):
        started = time.monotonic()
        assert not near.wire.run(lambda: False, 0.05)
        assert time.monotonic() - started >= 0.05
        assert near.echo(1) == Status.SUCCESS


class Skew:
    """A clock that can be put forward."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.ahead = 0.0
        monkeypatch.setattr(wire_module, "_clock", lambda: time.monotonic() + self.ahead)


def test_no_deadline_runs_between_calls(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nobody reads then, so neither an idle association nor an unread response is the peer's fault."""
    clock = Skew(monkeypatch)
    with near_and_far() as (near, _):
        near.send(echo(1))
        clock.ahead += 3600
        assert near.response(1) == Status.SUCCESS
        clock.ahead += 3600
        assert near.echo(2) == Status.SUCCESS
        assert not near.saw(TimedOut)


def test_a_request_after_a_long_silence_gets_no_more_than_its_time(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is excused is the time before it."""
    clock = Skew(monkeypatch)
    with near_and_raw(timeouts=QUICK) as (near, _):
        clock.ahead += 3600
        near.release()
        near.run()
        assert waits(near)[0] == "the answer to the release request"


# Ends.


def test_a_reset_in_the_middle_of_a_data_set_leaves_nothing_behind(file: Path, tmp_path: Path) -> None:
    """Neither the file that was begun nor an open one that was being sent."""
    sink = WatchedSink(tmp_path / "kept.dcm")
    with near_and_raw(small=True) as (near, raw):
        near.user.sink = lambda _: sink
        raw.write(command_pdus(CT, encode(store(1)), PDU) + data_pdus(CT, pattern(8 * KIB), PDU)[:700])
        near.store(1, CountedBody(file))
        near.until(lambda: near.user.arrivals)
        raw.reset()
        near.run()
        (error,) = near.user.closings
        assert isinstance(error, ConnectionLost)
        assert str(error) == "the connection broke: connection reset by peer"
        assert near.user.messages == []
        assert near.saw(TransportClosed)
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


def test_the_last_words_of_a_peer_are_heard(file: Path) -> None:
    """It aborts and closes with bytes of ours unread, so the next write fails; the A-ABORT counts for more than that."""
    with near_and_raw() as (near, raw):
        near.store(1, CountedBody(file))
        raw.write(ABORT)
        reset(raw.sock)
        near.run()
        assert near.saw(Aborted)
        assert near.user.closings == [None]


CONVERSATION = command_pdus(CT, encode(store(1)), PDU) + data_pdus(CT, pattern(700), 256)


@pytest.mark.parametrize("leave", [Raw.reset, lambda raw: raw.sock.close()], ids=["reset", "close"])
def test_a_peer_may_leave_after_any_byte(leave: Callable[[Raw], None], tmp_path: Path) -> None:
    """Each time the wire ends, and nothing is left in the folder but what came whole."""
    for offset in [*range(0, len(CONVERSATION), 23), len(CONVERSATION)]:
        with near_and_raw() as (near, raw):
            near.user.sink = lambda _, offset=offset: WatchedSink(tmp_path / f"{offset}.dcm")  # type: ignore[misc]
            raw.write(CONVERSATION[:offset])
            near.wire.run(lambda: False, 0)
            leave(raw)
            near.run()
    assert [path.name for path in tmp_path.iterdir()] == [f"{len(CONVERSATION)}.dcm"]


def test_closing_lets_out_what_was_taken(file: Path) -> None:
    """Whole PDUs up to some point, then the end of the stream."""
    with near_and_raw(small=True) as (near, raw):
        near.store(1, CountedBody(file))
        sizes: list[int] = []
        reader = threading.Thread(target=lambda: sizes.extend(iter(lambda: len(raw.pdu()), 0)))
        reader.start()
        near.wire.close_transport()
        reader.join()
        assert MIB // 2 < sum(sizes) < 2 * MIB
        assert near.user.closings == [None]


def test_closing_waits_no_longer_than_the_artim_time(file: Path) -> None:
    """What the peer does not take is lost."""
    with near_and_raw(small=True, timeouts=Timeouts(artim=0.2)) as (near, _):
        near.store(1, CountedBody(file))
        started = time.monotonic()
        near.wire.close_transport()
        assert 0.15 <= time.monotonic() - started < 5
        assert near.user.closings == [None]


def test_what_is_done_to_an_ended_wire_has_no_effect() -> None:
    """Its user may be late."""
    with near_and_raw() as (near, raw):
        raw.sock.close()
        near.run()
        near.wire.flush()
        near.wire.abort()
        near.wire.close_transport()
        near.wire.abort_transport()
        near.wire.call_soon(list)
        assert not near.wire.run(lambda: False)
        assert near.wire.run(lambda: True)


# Aborting.


def test_an_abort_tells_the_peer_and_closes() -> None:
    """When it returns, the socket is closed; the peer closing is not waited for any longer than a moment."""
    with near_and_far() as (near, far):
        near.wire.abort()
        assert near.user.closings == [None]
        assert near.wire.aborted
        far.until(lambda: far.end.saw(Aborted))


def test_an_abort_does_not_wait_long_for_the_peer(monkeypatch: pytest.MonkeyPatch) -> None:
    """A program that gives up should not hang because its peer does."""
    monkeypatch.setattr(wire_module, "ABORT_LINGER", 0.1)
    with near_and_raw() as (near, raw):
        near.wire.abort()
        assert near.wire.ended
        assert raw.rest() == ABORT


def test_an_abort_follows_the_pdus_that_were_begun(file: Path) -> None:
    """However much of a data set is on its way, the peer can read the A-ABORT behind it."""
    with near_and_raw(small=True) as (near, raw):
        near.store(1, CountedBody(file))
        pdus: list[bytes] = []

        def read() -> None:
            pdus.extend(iter(raw.pdu, b""))
            raw.sock.close()

        reader = threading.Thread(target=read)
        reader.start()
        near.wire.abort()
        reader.join()
        assert pdus[-1] == ABORT
        assert {pdu[0] for pdu in pdus[:-1]} == {4}


@pytest.mark.parametrize("how", ["abort", "abort_transport"])
def test_another_thread_may_abort_a_wait(how: str) -> None:
    """The call that waits ends; nobody calls back in the thread that aborts."""
    with near_and_far() as (near, _):
        threads: list[int] = []
        near.user.on["closed"] = lambda _: threads.append(threading.get_ident())
        waiting = threading.Event()

        def abort() -> None:
            waiting.wait()
            getattr(near.wire, how)()

        other = threading.Thread(target=abort)
        other.start()
        assert not near.wire.run(lambda: waiting.set() or False)  # type: ignore[func-returns-value]
        other.join()
        assert near.wire.ended
        assert threads == [threading.get_ident()]


def test_aborts_from_many_threads_are_one() -> None:
    """Whoever of them finds nobody in a call does it."""
    for _ in range(20):
        with near_and_far() as (near, _far):
            others = [threading.Thread(target=near.wire.abort) for _ in range(4)]
            for other in others:
                other.start()
            near.wire.run(lambda: near.wire.ended)
            for other in others:
                other.join()
            assert near.wire.ended


def test_a_callback_may_abort() -> None:
    """It takes effect when the callback has returned."""
    with near_and_far() as (near, far):
        near.user.on["message"] = lambda _: near.wire.abort()
        near.send(echo(1))
        near.run()
        far.until(lambda: far.end.saw(Aborted))


# Threads.


def test_only_one_thread_at_a_time_is_served() -> None:
    """The others are told so at once; the one that waits is not disturbed."""
    with near_and_far() as (near, _):
        waiting = threading.Event()
        release = threading.Event()
        other = threading.Thread(
            target=lambda: near.wire.run(lambda: waiting.set() or release.is_set())  # type: ignore[func-returns-value]
        )
        other.start()
        assert waiting.wait(5)
        for call in (near.wire.flush, lambda: near.wire.run(lambda: True), near.wire.close_transport):
            with pytest.raises(StateError, match="in use by another thread"):
                call()
        near.wire.call_soon(release.set)
        other.join()
        assert near.echo(1) == Status.SUCCESS


def test_a_callback_cannot_wait() -> None:
    """It is within a call; what it flushes leaves with that."""
    with near_and_far() as (near, _):
        errors: list[StateError] = []

        def run(_: object) -> None:
            with pytest.raises(StateError, match="in use by a callback of its own") as caught:
                near.wire.run(lambda: True)
            errors.append(caught.value)

        near.user.on["message"] = run
        assert near.echo(1) == Status.SUCCESS
        assert len(errors) == 1


def test_what_is_to_be_called_soon_is_called_in_the_thread_of_a_call() -> None:
    """Of the one that waits, or of the next."""
    with near_and_far() as (near, _):
        threads: list[int] = []
        near.wire.call_soon(lambda: threads.append(threading.get_ident()))
        assert threads == []
        near.wire.flush()
        assert threads == [threading.get_ident()]
        other = threading.Thread(target=near.wire.call_soon, args=(lambda: threads.append(threading.get_ident()),))
        other.start()
        near.until(lambda: len(threads) == 2)
        other.join()
        assert threads[1] == threading.get_ident()


def test_a_signal_handler_may_abort_the_wait_it_interrupts() -> None:
    """It runs in the thread that waits, in the middle of anything.

    Python runs it between two of its instructions: a signal that comes just before the wait itself shows only after
    it, so that there have to be more of them.
    """
    with near_and_far() as (near, far):
        before = signal.signal(signal.SIGUSR1, lambda *_: near.wire.abort())
        try:
            waiting, over = threading.Event(), threading.Event()
            main = threading.get_ident()

            def interrupt() -> None:
                waiting.wait()
                while not over.wait(0.02):
                    signal.pthread_kill(main, signal.SIGUSR1)

            other = threading.Thread(target=interrupt)
            other.start()
            try:
                assert not near.wire.run(lambda: waiting.set() or False)  # type: ignore[func-returns-value]
            finally:
                over.set()
                other.join()
        finally:
            signal.signal(signal.SIGUSR1, before)
        far.until(lambda: far.end.saw(Aborted))


def test_a_callback_that_raises_after_the_call_aborts_too() -> None:
    """A sink may be chosen between calls, and the message that it completes is told there."""
    with near_and_raw() as (near, raw):
        near.user.sink = lambda _: None
        raw.write(CONVERSATION)
        near.until(lambda: near.user.arrivals and near.user.arrivals[0].completed)

        def fail(_: object) -> None:
            raise RuntimeError("a bug")

        near.user.on["message"] = fail
        near.user.arrivals[0].use(MemorySink())
        assert [str(error) for error in near.user.failures] == ["a bug"]
        assert raw.rest() == ABORT


def test_a_system_with_less_to_offer_will_do(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without poll and without event descriptors."""
    monkeypatch.setattr(wire_module, "_Selector", selectors.SelectSelector)
    monkeypatch.delattr(os, "eventfd")
    with near_and_far() as (near, far):
        near.store(1, MemoryBody(pattern(8 * MIB)))
        assert near.response(1) == Status.SUCCESS
        assert far.end.data == [pattern(8 * MIB)]
        called: list[int] = []
        other = threading.Thread(target=near.wire.call_soon, args=(lambda: called.append(1),))
        other.start()
        near.until(lambda: called)
        other.join()


# Interrupts.


def test_an_interrupted_wait_can_be_taken_up_again(monkeypatch: pytest.MonkeyPatch) -> None:
    """Nothing was being moved, so nothing is lost."""
    with near_and_far() as (near, _):
        near.send(echo(1))
        with monkeypatch.context() as patch:

            def interrupt(_: object = None) -> Any:
                raise KeyboardInterrupt

            patch.setattr(near.wire._selector, "select", interrupt)
            with pytest.raises(KeyboardInterrupt):
                near.response(1)
        assert near.response(1) == Status.SUCCESS


class Interrupting:
    """A body whose reading Ctrl-C hits."""

    blocking = True
    length = 10 * MIB

    def __init__(self) -> None:
        self.reads = 0
        self.closed = 0

    def read_into(self, _: object) -> None:
        self.reads += 1
        if self.reads == 3:
            raise KeyboardInterrupt

    def close(self) -> None:
        self.closed += 1


def test_an_interrupt_in_the_middle_of_a_transfer_leaves_only_the_abort() -> None:
    """The body is closed, the peer hears of it behind whole PDUs, and the socket is closed at once."""
    body = Interrupting()
    with near_and_far() as (near, far):
        near.store(1, body)
        with pytest.raises(KeyboardInterrupt):
            near.response(1)
        with pytest.raises(StateError, match="broken off"):
            near.wire.run(lambda: True)
        started = time.monotonic()
        near.wire.abort()
        assert time.monotonic() - started < 5
        assert near.wire.ended
        assert body.closed == 1
        far.until(lambda: far.end.saw(Aborted))


def test_an_interrupt_within_a_write_leaves_only_the_end(monkeypatch: pytest.MonkeyPatch) -> None:
    """How much of it has left nobody knows, so no A-ABORT can follow."""
    with near_and_raw() as (near, raw):

        def interrupt(_: object) -> int:
            raise KeyboardInterrupt

        with monkeypatch.context() as patch:
            patch.setattr(near.wire._stream, "send", interrupt)
            with pytest.raises(KeyboardInterrupt):
                near.send(echo(1))
        near.wire.abort()
        assert near.wire.ended
        assert raw.rest() == b""


def test_an_interrupted_abort_closes_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Who presses Ctrl-C twice does not wait for the peer."""
    with near_and_raw() as (near, _):

        def interrupt(_: object = None) -> Any:
            raise KeyboardInterrupt

        monkeypatch.setattr(near.wire._selector, "select", interrupt)
        with pytest.raises(KeyboardInterrupt):
            near.wire.abort()
        assert near.wire.ended


# Failures of this side.


def test_a_body_that_fails_aborts_the_association() -> None:
    """Half a data set is out and the rest cannot follow."""

    class Failing(MemoryBody):
        def read_into(self, views: Any) -> None:
            if self.position:
                raise StorageError("the disk is gone")
            super().read_into(views)

    with near_and_far() as (near, far):
        near.store(1, Failing(pattern(4 * MIB)))
        near.run()
        assert [str(error) for error in near.user.failures] == ["the disk is gone"]
        far.until(lambda: far.end.saw(Aborted))


@pytest.mark.parametrize("method", ["handle", "choose", "message", "sent"])
def test_a_callback_that_raises_aborts_the_association(method: str) -> None:
    """And no other; the user is told what it was."""
    error = RuntimeError("a bug")

    def fail(_: object) -> None:
        near.user.on.clear()
        raise error

    with near_and_far() as (near, far):
        near.user.on[method] = fail
        if method == "choose":
            far.do(lambda: far.end.store(1, pattern(100)))
        elif method == "handle":
            near.release()
        else:
            near.send(echo(1))
        near.run()
        assert near.user.failures == [error]
        assert far.wait_closed() is None


def test_a_refusal_that_comes_early_ends_the_message(file: Path) -> None:
    """PS3.7 9.3.1.3: what is received while we send counts at once."""
    with near_and_raw(small=True) as (near, raw):
        near.store(1, CountedBody(file))
        raw.write(command_pdus(CT, encode(store(1).respond(Status(0xA700))), PDU))
        near.response(1)
        sizes: list[int] = []
        reader = threading.Thread(target=lambda: sizes.extend(iter(lambda: len(raw.pdu()), 0)))
        reader.start()
        near.until(lambda: len(near.user.departed) == 2)
        near.wire.abort_transport()
        reader.join()
        assert sum(sizes) < 4 * MIB


def test_a_socket_that_fails_is_told() -> None:
    """Whatever the system has against it."""

    class Failing(CountingSocket):
        def recv_into(self, *_: Any) -> int:
            raise OSError(errno.EHOSTUNREACH, "No route to host")

    ours, theirs = tcp_pair()
    with theirs, ending(Near(Failing.over(ours))) as near:
        theirs.send(b"\0")
        near.run()
        assert [str(error) for error in near.user.closings] == ["the connection broke: no route to host"]


# Over TLS.


def test_over_tls_an_association_is_made_used_and_released(site: Site) -> None:
    """The same, and neither side calls the end a broken connection."""
    with near_and_far(tls=site) as (near, far):
        assert near.echo(1) == Status.SUCCESS
        near.released()
        near.run()
        assert near.user.closings == [None]
        assert far.wait_closed() is None


def test_over_tls_files_travel_both_ways_at_once(site: Site, file: Path, tmp_path: Path) -> None:
    """Records are read until the TLS object holds nothing back, which would wake nobody."""
    with near_and_far(tls=site) as (near, far):
        near.user.sink = lambda _: WatchedSink(tmp_path / "near.dcm")
        far.do(lambda: far.end.store(1, CountedBody(file)))
        near.store(1, CountedBody(file))
        assert near.response(1) == Status.SUCCESS
        near.until(lambda: len(near.user.messages) == 2)
        assert near.data == [pattern(10 * MIB)]
        assert far.end.data == [pattern(10 * MIB)]


def test_over_tls_an_abort_reaches_the_peer(site: Site) -> None:
    """And the connection ends at once."""
    with near_and_far(tls=site) as (near, far):
        near.wire.abort()
        assert near.wire.ended
        far.until(lambda: far.end.saw(Aborted))


@pytest.mark.parametrize("how", ["abort", "abort_transport"])
def test_over_tls_the_end_of_a_peer_is_an_end(site: Site, how: str) -> None:
    """With or without a goodbye of TLS."""
    with near_and_far(tls=site) as (near, far):
        far.do(far.end.abort if how == "abort" else far.end.channel.abort_transport)
        near.run()
        assert near.saw(Aborted if how == "abort" else TransportClosed)
        assert not near.saw(ReleaseConfirmed)


def test_over_tls_a_peer_that_stops_reading_is_given_up(site: Site, file: Path) -> None:
    """A write that TLS holds on to is seen not to move."""
    with near_and_far(tls=site, timeouts=Timeouts(artim=0.1, stall=0.2)) as (near, far):
        far.do(lambda: far.end.channel.pause("test"))
        near.store(1, CountedBody(file))
        near.run()
        assert waits(near)[0] == "the peer to take what we send"
