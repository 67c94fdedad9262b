"""What a channel does with one connection: sending, receiving, waiting and ending."""

from __future__ import annotations

import asyncio
import os
import socket
import time
import tracemalloc
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from aio.ends import MAX_PDU, Bench, Clock, CountedBody, End, Gate, Raw, Site, WatchedSink, pattern, store
from dicomnet.aio.deadlines import Deadlines
from dicomnet.aio.hub import Hub
from dicomnet.dimse.codec import encode
from dicomnet.dimse.fragments import command_pdus, data_pdus
from dicomnet.dimse.status import Status
from dicomnet.errors import ConnectionLost, StateError, StorageError
from dicomnet.limits import KIB, MIB, Limits, Timeouts
from dicomnet.pdu import AssociateAccept, ReleaseRequest
from dicomnet.pdu.write import push_pdu
from dicomnet.storage.held import MemorySink
from dicomnet.storage.sinks import Sink
from dicomnet.ul.events import Aborted, AssociateAccepted, ReleaseRequested, TimedOut, TransportClosed
from dicomnet.ul.negotiation import Policy, negotiate
from pair import CT, MemoryBody, echo, proposal

ABORT = b"\7\0\0\0\0\4\0\0\0\0"


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten MiB to be sent."""
    path = tmp_path / "source"
    path.write_bytes(pattern(10 * MIB))
    return path


# A whole life.


async def test_an_association_is_made_used_and_released() -> None:
    """From request to the close of the transport on both ends, nobody having to close anything."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        assert await requestor.echo(1) == Status.SUCCESS
        await requestor.released()
        assert await requestor.wait_closed() is None
        assert await acceptor.wait_closed() is None


@pytest.mark.parametrize("make", [bytes, MemoryBody])
async def test_data_sets_from_memory_arrive(make: Callable[[bytes], Any]) -> None:
    """Whatever their sizes are to those of a PDU and of a buffer."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        sizes = [2, MAX_PDU - 12, MAX_PDU, MIB - 2, 3 * MIB + 2]
        for number, size in enumerate(sizes, 1):
            requestor.store(number, make(pattern(size)))
        for number in range(1, len(sizes) + 1):
            assert await requestor.response(number) == Status.SUCCESS
        assert acceptor.data == [pattern(size) for size in sizes]


@pytest.mark.parametrize("size", [2, 100 * KIB, 10 * MIB])
async def test_a_file_is_sent_to_a_file(tmp_path: Path, size: int) -> None:
    """Read in a storage thread here, written in one there."""
    source = tmp_path / "source"
    source.write_bytes(pattern(size))
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        acceptor.user.sink = lambda _: WatchedSink(tmp_path / "kept.dcm")
        requestor.store(1, CountedBody(source))
        assert await requestor.response(1) == Status.SUCCESS
        assert acceptor.data == [pattern(size)]
        assert acceptor.user.messages[0][1].path == tmp_path / "kept.dcm"  # type: ignore[union-attr]


async def test_messages_leave_in_the_order_they_were_sent(file: Path) -> None:
    """Small ones do not overtake a file that is being read."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(request=proposal(window=(0, 0), max_pdu_length=MAX_PDU))
        requestor.send(echo(1))
        requestor.store(2, CountedBody(file))
        requestor.send(echo(3))
        requestor.store(4, MemoryBody(pattern(MIB)))
        requestor.store(5, pattern(100))
        await requestor.response(5)
        assert [command.message_id for command in acceptor.commands] == [1, 2, 3, 4, 5]


async def test_both_directions_carry_data_at_once(file: Path) -> None:
    """Neither waits for the other, though both have more to send than all buffers between them hold."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        for end in (requestor, acceptor):
            end.store(1, CountedBody(file))
            end.store(2, MemoryBody(pattern(4 * MIB)))
        for end in (requestor, acceptor):
            assert await end.response(2) == Status.SUCCESS
        for end in (requestor, acceptor):
            assert end.data == [pattern(10 * MIB), pattern(4 * MIB)]


async def test_a_hundred_associations_share_the_buffers() -> None:
    """Each gets what was sent to it."""
    async with Bench() as bench:
        pairs = [await bench.pair() for _ in range(100)]
        for number, (requestor, _) in enumerate(pairs):
            requestor.store(1, number.to_bytes(4, "little") * (10 * KIB))
        for number, (requestor, acceptor) in enumerate(pairs):
            assert await requestor.response(1) == Status.SUCCESS
            assert acceptor.data == [number.to_bytes(4, "little") * (10 * KIB)]


async def test_what_has_left_is_told_with_its_ticket(file: Path) -> None:
    """Once, in order, with the bytes on the wire; a body is told when it is out as a whole."""
    async with Bench() as bench:
        requestor, _ = await bench.pair(request=proposal(window=(0, 0), max_pdu_length=MAX_PDU))
        requestor.send(store(1), CountedBody(file), context_id=CT, ticket="file")
        requestor.send(echo(2), ticket="echo")
        await requestor.response(2)
        told = [(sent.ticket, sent.length) for sent in requestor.user.departed if sent.ticket]
        assert [ticket for ticket, _ in told] == ["file", "echo"]
        assert told[0][1] > 10 * MIB


async def test_what_a_user_sends_when_something_has_left_goes_out_too() -> None:
    """A user may send and flush from within `sent`; nothing is lost or sent twice."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(request=proposal(window=(0, 0), max_pdu_length=MAX_PDU))

        def send_next(sent: Any) -> None:
            if sent.ticket in range(1, 50):
                requestor.send(echo(sent.ticket + 1), ticket=sent.ticket + 1)

        requestor.user.on["sent"] = send_next
        requestor.send(echo(1), ticket=1)
        await requestor.response(50)
        assert [command.message_id for command in acceptor.commands] == list(range(1, 51))


async def test_what_a_user_sends_when_something_has_left_does_not_overtake() -> None:
    """Of two messages taken together the first is out, and the second goes before whatever is sent now."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(request=proposal(window=(0, 0), max_pdu_length=MAX_PDU))
        requestor.user.on["sent"] = lambda sent: requestor.send(echo(3)) if sent.ticket == "first" else None
        requestor.core.send(1, echo(1), requestor.user.now, ticket="first")
        requestor.store(2, MemoryBody(pattern(100)))
        assert await requestor.response(3) == Status.SUCCESS
        assert [command.message_id for command in acceptor.commands] == [1, 2, 3]


# Small messages, and the cost of idleness, on a transport without a network.


class FakeTransport(asyncio.Transport):
    """Takes everything at once."""

    def __init__(self) -> None:
        super().__init__()
        self.writes: list[bytes] = []
        self.closing = False

    def write(self, data: Any) -> None:
        self.writes.append(bytes(data))

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        pass

    def is_closing(self) -> bool:
        return self.closing

    def close(self) -> None:
        self.closing = True


def fake_requestor(hub: Hub, **options: Any) -> tuple[End, FakeTransport]:
    """An end that believes to have an association."""
    end = End(hub, requestor=True, **options)
    transport = FakeTransport()
    end.channel.connection_made(transport)
    request = proposal(max_pdu_length=MAX_PDU)
    end.associate(request)
    accept = negotiate(request, Policy(max_pdu_length=MAX_PDU))
    assert isinstance(accept, AssociateAccept)
    receive(end, push_pdu(accept))
    assert end.saw(AssociateAccepted)
    transport.writes.clear()
    return end, transport


def receive(end: End, data: bytes) -> None:
    end.channel.get_buffer(-1)[: len(data)] = data
    end.channel.buffer_updated(len(data))


@pytest.mark.parametrize("make", [bytes, MemoryBody])
async def test_a_small_message_leaves_in_one_write(make: Callable[[bytes], Any]) -> None:
    """Command and data together: two writes would be two packets, and perhaps a wait for an acknowledgement."""
    bench = Bench()
    end, transport = fake_requestor(bench.near)
    end.store(1, make(pattern(5 * KIB)))
    (written,) = transport.writes
    assert written == command_pdus(CT, encode(store(1)), MAX_PDU) + data_pdus(CT, pattern(5 * KIB), MAX_PDU)
    bench.near.close()
    bench.far.close()


async def test_small_messages_that_wait_leave_in_one_write() -> None:
    """Whatever is queued by the time of a flush is joined."""
    bench = Bench()
    end, transport = fake_requestor(bench.near)
    for number in range(1, 4):
        end.core.send(1, echo(number), end.user.now)
    end.channel.flush()
    assert len(transport.writes) == 1
    bench.near.close()
    bench.far.close()


async def test_a_body_is_not_read_on_for_a_transport_that_is_closing() -> None:
    """The connection broke under a write: the rest of the data set is nobody's any more."""

    class Breaking(FakeTransport):
        def write(self, data: Any) -> None:
            super().write(data)
            self.closing = True

    bench = Bench()
    end, transport = fake_requestor(bench.near)
    transport.__class__ = Breaking
    body = MemoryBody(pattern(8 * MIB))
    end.store(1, body)
    assert len(transport.writes) == 1
    assert body.position < MIB
    end.channel.connection_lost(None)
    assert body.closed == 1
    bench.near.close()
    bench.far.close()


async def test_a_small_file_leaves_in_one_write(tmp_path: Path) -> None:
    """Its command waits for the storage thread that reads it."""
    path = tmp_path / "small"
    path.write_bytes(pattern(5 * KIB))
    bench = Bench()
    end, transport = fake_requestor(bench.near)
    end.store(1, CountedBody(path))
    assert transport.writes == []
    await end.until(lambda: len(end.user.departed) == 2)
    (written,) = transport.writes
    assert written == command_pdus(CT, encode(store(1)), MAX_PDU) + data_pdus(CT, pattern(5 * KIB), MAX_PDU)
    assert [body.closed for body in end.bodies] == [1]
    bench.near.close()
    bench.far.close()


async def test_a_large_file_leaves_in_the_buffer_it_is_read_into(tmp_path: Path) -> None:
    """Nothing is made of its bytes on the way, not even for a moment; what the transport does with them is its own affair."""
    path = tmp_path / "large"
    path.write_bytes(pattern(8 * MIB))
    bench = Bench()
    end, transport = fake_requestor(bench.near)
    buffer = bench.near.take_send_buffer()
    bench.near.give_send_buffer(buffer)
    written: list[tuple[bool, int]] = []
    made: list[int] = []

    def write(data: Any) -> None:
        written.append((isinstance(data, memoryview) and data.obj is buffer.obj, len(data)))
        made.append(tracemalloc.get_traced_memory()[1])
        tracemalloc.clear_traces()
        tracemalloc.reset_peak()

    transport.write = write  # type: ignore[method-assign]
    tracemalloc.start()
    try:
        end.store(1, CountedBody(path))
        await end.until(lambda: len(end.user.departed) == 2)
    finally:
        tracemalloc.stop()
    assert all(own for own, _ in written)
    request = command_pdus(CT, encode(store(1)), MAX_PDU) + data_pdus(CT, pattern(8 * MIB), MAX_PDU)
    assert sum(size for _, size in written) == len(request)
    assert max(made) < 32 * KIB  # a dozen KiB of small things
    bench.near.close()
    bench.far.close()


async def test_a_thousand_idle_channels_use_one_timer() -> None:
    """A byte received moves a deadline away and costs the loop nothing."""
    bench = Bench()
    clock: Any = Clock()
    bench.near.deadlines = Deadlines(clock)
    made = [fake_requestor(bench.near, timeouts=Timeouts(idle=60.0)) for _ in range(1000)]
    assert len(clock.timers) == 1
    for end, _ in made:
        end.core.send(1, echo(1), end.user.now)
        end.channel.flush()
    assert len(clock.timers) == 1
    bench.near.close()
    bench.far.close()


# Many messages in one read.


async def crowd(bench: Bench, count: int) -> End:
    """An acceptor to whom so many messages come at once, and whose user pauses reading with the tenth and each tenth."""
    raw, acceptor = await bench.raw()
    await raw.write(push_pdu(proposal(window=(0, 0), max_pdu_length=MAX_PDU)))
    assert (await raw.pdu())[0] == 2

    def pause(_: object) -> None:
        if len(acceptor.user.messages) % 10 == 0:
            acceptor.channel.pause("test")

    acceptor.user.on["message"] = pause
    acceptor.channel.pause("crowd")
    stream = b"".join(
        command_pdus(CT, encode(store(number)), MAX_PDU) + data_pdus(CT, pattern(number * 4), MAX_PDU)
        for number in range(1, count + 1)
    )
    await raw.write(stream + push_pdu(ReleaseRequest()))
    raw.sock.shutdown(socket.SHUT_WR)
    acceptor.channel.resume("crowd")
    await acceptor.until(lambda: acceptor.user.messages)
    return acceptor


async def test_of_a_peer_who_sends_headers_less_is_read_at_a_time() -> None:
    """And others have their turn in between; whoever sends data has more of them read again."""
    size = 4 * KIB
    async with Bench() as bench:
        raw, acceptor = await bench.raw()
        await raw.write(push_pdu(proposal(max_pdu_length=MAX_PDU)))
        assert (await raw.pdu())[0] == 2
        transport = acceptor.channel.transport
        assert transport is not None
        receive(acceptor, bytes.fromhex("0400 00000006 00000002 0101") * 20_000)
        assert not transport.is_reading()
        assert len(acceptor.channel.get_buffer(-1)) == size
        await asyncio.sleep(0)
        assert transport.is_reading()
        receive(acceptor, bytes.fromhex("0400 00000FFA 00000FF6 0101") + bytes(size - 12))
        assert transport.is_reading()
        assert len(acceptor.channel.get_buffer(-1)) == MIB


async def test_a_pause_counts_within_a_read() -> None:
    """What came with the message that pauses waits, in order, with its bytes, and the end of the stream behind it."""
    count = 30  # more than that unanswered the core would not have
    async with Bench() as bench:
        acceptor = await crowd(bench, count)
        for told in range(10, count + 1, 10):
            for _ in range(5):
                await asyncio.sleep(0)
            assert len(acceptor.user.messages) == told
            assert not acceptor.saw(ReleaseRequested)
            assert not acceptor.channel.transport.is_reading()  # type: ignore[union-attr]
            assert len(bench.pool.lent) == 1
            acceptor.channel.resume("test")
        await acceptor.wait_closed()
        assert acceptor.data == [pattern(number * 4) for number in range(1, count + 1)]
        assert acceptor.saw(ReleaseRequested)


async def test_what_waits_within_a_read_is_told_before_the_end() -> None:
    """A connection that ends meanwhile has brought its messages all the same, and gives its buffer back."""
    async with Bench() as bench:
        acceptor = await crowd(bench, 30)
        assert len(acceptor.user.messages) == 10
        acceptor.channel.abort_transport()
        await acceptor.wait_closed()
        assert acceptor.data == [pattern(number * 4) for number in range(1, 31)]
        assert bench.pool.lent == []


async def test_a_user_that_raises_is_not_told_what_waits() -> None:
    """Its association ends there."""
    async with Bench() as bench:
        acceptor = await crowd(bench, 30)

        def fail(_: object) -> None:
            raise ValueError("no")

        acceptor.user.on["choose"] = fail
        acceptor.channel.resume("test")
        await acceptor.wait_closed()
        assert len(acceptor.user.messages) == 10
        assert bench.pool.lent == []


# A user that fails harms its own association.


@pytest.mark.parametrize("method", ["handle", "choose", "message", "sent"])
@pytest.mark.parametrize("blocking", [False, True])
async def test_a_user_that_raises_loses_its_own_association(
    method: str, blocking: bool, tmp_path: Path, caplog: pytest.LogCaptureFixture
) -> None:
    """The peer gets an A-ABORT, the user is told once why, the log has it, and the neighbour serves on."""
    error = ValueError("a mistake of the user")

    def fail(_: object) -> None:
        acceptor.user.on.clear()
        raise error

    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        neighbour, _ = await bench.pair()
        acceptor.user.sink = lambda _: WatchedSink(tmp_path / "kept.dcm") if blocking else MemorySink()
        acceptor.user.on[method] = fail
        if method == "handle":
            requestor.release()
        else:
            requestor.store(1, pattern(2 * MIB))
        await requestor.until(lambda: requestor.saw(Aborted))
        await acceptor.wait_closed()
        assert acceptor.user.failures == [error]
        assert len(acceptor.user.messages) == (method in ("message", "sent"))
        assert "a mistake of the user" in caplog.text
        assert await neighbour.echo(1) == Status.SUCCESS


async def test_a_user_that_cannot_even_be_told_harms_nobody(caplog: pytest.LogCaptureFixture) -> None:
    """An error within the report of an error ends the association all the same."""

    def fail(_: object) -> None:
        raise ValueError("no")

    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        acceptor.user.on.update(choose=fail, failed=fail)
        requestor.store(1, pattern(100))
        await requestor.until(lambda: requestor.saw(Aborted))
        await acceptor.wait_closed()
    assert "a failure could not be told" in caplog.text


# Bodies that fail.


async def test_a_file_that_shrinks_while_it_is_sent_ends_in_an_abort(file: Path, tmp_path: Path) -> None:
    """Half a data set is out: only an A-ABORT tells the peer that the rest will not come."""

    def shrink(number: int) -> None:
        if number == 3:
            os.truncate(file, 2 * MIB)

    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        sinks: list[WatchedSink] = []
        acceptor.user.sink = lambda _: sinks.append(WatchedSink(tmp_path / "kept.dcm")) or sinks[-1]
        body = CountedBody(file)
        body.before_read = shrink
        requestor.store(1, body)
        await acceptor.until(lambda: acceptor.saw(Aborted))
        await requestor.wait_closed()
        await acceptor.wait_closed()
        (error,) = requestor.user.failures
        assert isinstance(error, StorageError)
        assert "has become shorter" in str(error)
        assert acceptor.user.messages == []
    assert [sink.finished for sink in sinks] == [0]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["source"]


@pytest.mark.parametrize("blocking", [False, True])
async def test_a_body_that_raises_ends_in_an_abort(blocking: bool) -> None:
    """A body of the user's own may raise anything, on the loop's thread or in a storage thread."""
    error = ZeroDivisionError("no")

    class Broken(MemoryBody):
        def read_into(self, views: Sequence[memoryview]) -> None:
            if self.position:
                raise error
            super().read_into(views)

    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        requestor.store(1, Broken(pattern(4 * MIB), blocking=blocking))
        await acceptor.until(lambda: acceptor.saw(Aborted))
        await requestor.wait_closed()
        assert requestor.user.failures == [error]


async def test_a_body_that_ends_its_thread_ends_in_an_abort() -> None:
    """``sys.exit`` in a storage thread ends no program; the association learns of it like of any other failure."""

    class Leaving(MemoryBody):
        def read_into(self, views: Sequence[memoryview]) -> None:
            raise SystemExit("enough")

    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        requestor.store(1, Leaving(pattern(4 * MIB), blocking=True))
        await acceptor.until(lambda: acceptor.saw(Aborted))
        await requestor.wait_closed()
        (error,) = requestor.user.failures
        assert str(error) == "the body failed: SystemExit: enough"
        assert isinstance(error.__cause__, SystemExit)


async def test_without_storage_threads_a_file_cannot_be_sent(file: Path) -> None:
    """At shutdown, or on a machine without a thread to spare: told like any other failure to read."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        bench.near.workers.close()
        requestor.store(1, CountedBody(file))
        await acceptor.until(lambda: acceptor.saw(Aborted))
        assert [type(error) for error in requestor.user.failures] == [StateError]


# Ends in the middle.


@pytest.fixture(params=["the sender aborts", "the receiver aborts", "the sender resets", "the receiver resets"])
def end_it(request: pytest.FixtureRequest) -> Callable[[End, End], None]:
    """Ends an association from one side or the other, in order or not."""

    def end(sender: End, receiver: End) -> None:
        who = sender if "sender" in request.param else receiver
        if "aborts" in request.param:
            who.abort()
        else:
            linger = b"\1\0\0\0\0\0\0\0"
            who.channel.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
            who.channel.abort_transport()

    return end


async def test_an_end_in_the_middle_of_a_data_set_leaves_nothing_behind(
    end_it: Callable[[End, End], None], file: Path, tmp_path: Path
) -> None:
    """The sink is discarded once, the body closed once, and all buffers come back, which the bench sees."""
    os.truncate(file, 64 * MIB)  # more than all buffers on the way hold
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        sinks: list[WatchedSink] = []

        def sink(_: object) -> Sink:
            sinks.append(WatchedSink(tmp_path / "kept.dcm"))
            sinks[-1].before_write = gate.pass_through
            return sinks[-1]

        acceptor.user.sink = sink
        with Gate() as gate:
            requestor.store(1, CountedBody(file))
            requestor.store(2, CountedBody(file))
            await gate.reached()
            end_it(requestor, acceptor)
        await requestor.wait_closed()
        await acceptor.wait_closed()
        assert acceptor.user.messages == []
    assert [(sink.finished, sink.discarded) for sink in sinks] == [(0, 1)]
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


async def test_an_end_while_a_storage_thread_reads_closes_the_body_when_it_is_done(
    end_it: Callable[[End, End], None], file: Path
) -> None:
    """Closing it under the thread's hands would read from a descriptor that may be somebody else's by then."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        with Gate() as gate:
            body = CountedBody(file)
            body.before_read = lambda number: gate.pass_through() if number == 2 else None
            requestor.store(1, body)
            await gate.reached()
            end_it(requestor, acceptor)
            async with asyncio.timeout(5):  # the peer hears of it now, not when the disk is done
                await acceptor.until(lambda: acceptor.saw(Aborted) or acceptor.closed)
            assert body.closed == 0
        await requestor.wait_closed()
        await acceptor.wait_closed()


async def test_after_an_abort_the_peer_sees_the_end_of_the_stream() -> None:
    """PS3.8 9.1.4: the A-ABORT could be destroyed on its way by closing at once; so we stop writing and wait."""
    async with Bench() as bench:
        raw, acceptor = await bench.raw_requestor()
        acceptor.abort()
        assert await raw.rest() == ABORT
        assert not acceptor.closed
        raw.sock.close()
        await acceptor.wait_closed()


async def test_an_abort_follows_the_pdus_that_were_begun(file: Path) -> None:
    """However much of a data set is on its way, the peer can read the A-ABORT behind it."""
    async with Bench() as bench:
        raw, requestor = await bench.raw_acceptor()
        requestor.store(1, CountedBody(file))
        received = len(await raw.pdu()) + len(await raw.pdu())
        requestor.abort()
        pdus = []
        while pdu := await raw.pdu():
            pdus.append(pdu)
        assert pdus[-1] == ABORT
        assert {pdu[0] for pdu in pdus[:-1]} <= {4}
        assert received + sum(map(len, pdus)) < 10 * MIB
        raw.sock.close()
        await requestor.wait_closed()


async def test_a_broken_connection_is_told_in_words() -> None:
    """A reset is no end in order."""
    async with Bench() as bench:
        raw, acceptor = await bench.raw_requestor()
        raw.reset()
        error = await acceptor.wait_closed()
        assert isinstance(error, ConnectionLost)
        assert str(error) == "the connection broke: connection reset by peer"


CONVERSATION = (
    push_pdu(proposal(max_pdu_length=MAX_PDU))
    + command_pdus(CT, encode(store(1)), MAX_PDU)
    + data_pdus(CT, pattern(700), 256)
    + push_pdu(ReleaseRequest())
)


@pytest.mark.parametrize("leave", [Raw.reset, lambda raw: raw.sock.close()], ids=["reset", "close"])
async def test_a_peer_may_leave_after_any_byte(leave: Callable[[Raw], None], tmp_path: Path) -> None:
    """Each time the channel ends, nothing is left in the folder but what came whole, and no buffer stays lent."""
    offsets = [*range(30), *range(30, len(CONVERSATION), 23), len(CONVERSATION)]
    async with Bench() as bench:
        for offset in offsets:
            sink = WatchedSink(tmp_path / f"{offset}.dcm")
            raw, acceptor = await bench.raw()
            acceptor.user.sink = lambda _, sink=sink: sink
            await raw.write(CONVERSATION[:offset])
            leave(raw)
            await acceptor.wait_closed()
    for path in tmp_path.iterdir():
        assert path.suffix == ".dcm"
        assert path.read_bytes().endswith(pattern(700))


# Peers that do not read.

QUICK = Timeouts(artim=0.1, stall=0.1)


async def test_a_peer_that_stops_reading_is_given_up(file: Path) -> None:
    """After the stall time an A-ABORT is queued behind what is stuck; after the ARTIM time the end does not wait."""
    async with Bench() as bench:
        _, requestor = await bench.raw_acceptor(small=True, timeouts=QUICK)
        started = time.monotonic()
        requestor.store(1, CountedBody(file))
        await requestor.wait_closed()
        assert [event.waiting_for for event in requestor.user.events if isinstance(event, TimedOut)] == [
            "the peer to take what we send",
            "the peer to close",
        ]
        assert time.monotonic() - started < 5


async def test_a_peer_that_reads_slowly_is_not_given_up(file: Path) -> None:
    """What leaves the transport's own buffer is progress, long before all of a chunk is out."""
    async with Bench() as bench:
        timeouts = Timeouts(artim=0.1, stall=1.0)
        raw, requestor = await bench.raw_acceptor(small=True, timeouts=timeouts, limits=Limits(minimum_progress=16))
        requestor.store(1, CountedBody(file))
        for _ in range(5):
            await asyncio.sleep(0.25)  # the peer's own slowness
            assert await raw.read(64 * KIB)
        assert not requestor.closed
        assert not requestor.saw(TimedOut)


async def test_closing_waits_for_a_peer_that_does_not_read_no_longer_than_the_artim_time(file: Path) -> None:
    """What the transport holds may leave; if it does not, it is lost."""
    async with Bench() as bench:
        _, requestor = await bench.raw_acceptor(small=True, timeouts=Timeouts(artim=0.2))
        requestor.store(1, MemoryBody(pattern(4 * MIB)))
        started = time.monotonic()
        requestor.channel.close_transport()
        await requestor.wait_closed()
        assert 0.15 <= time.monotonic() - started < 5


async def test_a_peer_that_ends_its_stream_and_does_not_read_is_given_up(file: Path) -> None:
    """Its end of file ends the association, and the bytes in the transport do not keep the connection for ever."""
    async with Bench() as bench:
        raw, requestor = await bench.raw_acceptor(small=True, timeouts=Timeouts(artim=0.2))
        requestor.store(1, CountedBody(file))
        await raw.pdu()
        raw.sock.shutdown(socket.SHUT_WR)
        await requestor.until(lambda: requestor.saw(TransportClosed))
        await requestor.wait_closed()


async def test_closing_lets_out_what_the_transport_holds(file: Path) -> None:
    """Whole PDUs up to some point, then the end of the stream."""
    async with Bench() as bench:
        raw, requestor = await bench.raw_acceptor(small=True)
        requestor.store(1, MemoryBody(pattern(4 * MIB)))
        requestor.channel.close_transport()
        size = 0
        while pdu := await raw.pdu():
            assert len(pdu) == 6 + int.from_bytes(pdu[2:6], "big")
            size += len(pdu)
        assert MIB // 2 < size < 2 * MIB
        await requestor.wait_closed()


async def test_a_peer_that_says_nothing_is_given_up_after_the_artim_time() -> None:
    """PS3.8 9.1.5: from the connection to a complete A-ASSOCIATE-RQ."""
    async with Bench() as bench:
        raw, acceptor = await bench.raw(timeouts=QUICK)
        await acceptor.wait_closed()
        assert acceptor.saw(TimedOut)
        assert await raw.rest() == b""


async def test_an_idle_association_is_ended(file: Path) -> None:
    """Each side has its own idea of how long is too long."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(far={"timeouts": Timeouts(idle=0.1)})
        await requestor.until(lambda: requestor.saw(Aborted))
        await requestor.wait_closed()
        await acceptor.wait_closed()
        assert acceptor.saw(TimedOut)


async def test_a_peer_that_stops_in_the_middle_of_a_message_is_given_up(tmp_path: Path) -> None:
    """The file that was begun goes, and the peer is told."""
    async with Bench() as bench:
        raw, acceptor = await bench.raw_requestor(timeouts=QUICK)
        sink = WatchedSink(tmp_path / "kept.dcm")
        acceptor.user.sink = lambda _: sink
        await raw.write(CONVERSATION[len(push_pdu(proposal(max_pdu_length=MAX_PDU))) :][:400])
        assert (await raw.rest()).endswith(b"\0\0")
        raw.sock.close()
        await acceptor.wait_closed()
    assert sink.discarded == 1
    assert list(tmp_path.iterdir()) == []


async def test_the_send_buffer_of_a_broken_connection_is_used_again() -> None:
    """No transport looks into it once it has told of its end."""
    async with Bench() as bench:
        for _ in range(3):
            raw, requestor = await bench.raw_acceptor(small=True)
            requestor.store(1, MemoryBody(pattern(4 * MIB)))
            assert bench.near._send_buffers == []
            raw.reset()
            await requestor.wait_closed()
            assert len(bench.near._send_buffers) == 1


# Over TLS.


async def test_over_tls_what_has_left_is_told_at_once(site: Site) -> None:
    """A transport that is empty does not ask to wait, though the peer says nothing that could wake it."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(tls=site)
        acceptor.channel.pause("test")
        requestor.send(echo(1), ticket="echo")
        assert requestor.user.departed[-1].ticket == "echo"
        acceptor.channel.resume("test")
        assert await requestor.response(1) == Status.SUCCESS


async def test_over_tls_both_directions_carry_files_at_once(site: Site, file: Path, tmp_path: Path) -> None:
    """The same path, with the same buffers."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(tls=site)
        for name, end in (("near", requestor), ("far", acceptor)):
            end.user.sink = lambda _, name=name: WatchedSink(tmp_path / f"{name}.dcm")
            end.store(1, CountedBody(file))
        for end in (requestor, acceptor):
            assert await end.response(1) == Status.SUCCESS
        for end in (requestor, acceptor):
            assert end.data == [pattern(10 * MIB)]
        await requestor.released()
        await requestor.wait_closed()
        await acceptor.wait_closed()


async def test_over_tls_an_end_in_the_middle_leaves_nothing_behind(
    site: Site, end_it: Callable[[End, End], None], file: Path, tmp_path: Path
) -> None:
    """Neither a file nor a buffer nor a body."""
    os.truncate(file, 64 * MIB)  # more than all buffers on the way hold
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(tls=site)
        with Gate() as gate:

            def sink(_: object) -> Sink:
                made = WatchedSink(tmp_path / "kept.dcm")
                made.before_write = gate.pass_through
                return made

            acceptor.user.sink = sink
            requestor.store(1, CountedBody(file))
            await gate.reached()
            end_it(requestor, acceptor)
        await requestor.wait_closed()
        await acceptor.wait_closed()
    assert [path.name for path in tmp_path.iterdir()] == ["source"]


async def test_over_tls_a_peer_that_stops_reading_is_given_up(site: Site, file: Path) -> None:
    """However many layers of buffers are stuck, the end comes after stall and ARTIM time."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair(tls=site, near={"timeouts": QUICK})
        acceptor.channel.pause("test")
        requestor.store(1, CountedBody(file))
        await requestor.wait_closed()
        assert requestor.saw(TimedOut)


# From outside.


async def test_aborting_the_transport_loses_everything_at_once(file: Path) -> None:
    """No waiting, whatever is queued."""
    async with Bench() as bench:
        _, requestor = await bench.raw_acceptor(small=True)
        requestor.store(1, CountedBody(file))
        requestor.channel.abort_transport()
        assert await requestor.wait_closed() is None
        assert not requestor.core.is_associated


async def test_a_channel_without_a_transport_does_nothing() -> None:
    """Before it is attached it may be flushed, closed and asked, and keeps what it has to send."""
    bench = Bench()
    end = bench.end(requestor=True)
    end.associate()
    end.channel.abort_transport()
    assert end.channel.get_extra_info("peername") is None
    transport = FakeTransport()
    end.channel.connection_made(transport)
    assert transport.writes[0][0] == 1
    end.channel.connection_lost(None)
    end.channel.flush()
    assert end.user.closings == [None]
    bench.near.close()
    bench.far.close()


async def test_what_is_done_to_an_ended_channel_has_no_effect() -> None:
    """Its user may be late."""
    async with Bench() as bench:
        requestor, acceptor = await bench.pair()
        acceptor.abort()
        await requestor.wait_closed()
        for end in (requestor, acceptor):
            await end.wait_closed()
            end.channel.pause("test")
            end.channel.resume("test")
            end.channel.proceed()
            end.channel.close_transport()
            end.channel.abort_transport()
            end.abort()
