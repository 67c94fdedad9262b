"""The send queue of a connection: tickets, their bound, and the message IDs they hold."""

from __future__ import annotations

import threading

import pytest

from dicomnet.dimse.commands import CCancelRequest, CEchoRequest, CFindRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomTimeout, SendQueueFull, StateError
from dicomnet.net.queue import OVERHEAD, PATH_COST, SendQueue, Ticket, ticket_for
from dicomnet.pdu import PduType
from dicomnet.storage.source import BytesBody
from net.recorder import PATIENCE


class File(BytesBody):
    """A body that says it is read from a disk, and whether it was closed."""

    blocking = True
    closed = False

    def close(self) -> None:
        self.closed = True


def data(cost: int) -> Ticket:
    return Ticket(PduType.P_DATA_TF, cost)


def test_the_bound_counts_bytes_and_one_thing_always_fits() -> None:
    """What would exceed the limit is kept out until something has left."""
    queue = SendQueue(100)
    large, small = data(500), data(1)
    queue.enter(large)
    with pytest.raises(SendQueueFull) as full:
        queue.enter(small)
    assert (full.value.queued, full.value.limit) == (500, 100)
    assert queue.leave(large, sent=True)
    queue.enter(small)
    assert len(queue) == 1
    assert small in queue


def test_what_costs_nothing_is_never_kept_out() -> None:
    """A release or an abort finds its way into a full queue."""
    queue = SendQueue(100)
    queue.enter(data(100))
    queue.enter(Ticket(PduType.ABORT))
    assert len(queue) == 2


def test_a_refused_ticket_leaves_no_trace() -> None:
    """If `register` raises, nothing is queued and nothing counted."""
    queue = SendQueue(100)

    def refuse() -> None:
        raise StateError("no")

    with pytest.raises(StateError, match="no"):
        queue.enter(data(100), refuse)
    assert not len(queue)
    queue.enter(data(100))


def test_a_ticket_leaves_once() -> None:
    """Whoever comes second is told so."""
    queue = SendQueue(100)
    ticket = data(10)
    queue.enter(ticket)
    assert queue.leave(ticket, sent=True)
    assert not queue.leave(ticket, sent=True)


def test_all_leave_when_nothing_can_be_sent() -> None:
    """Each ticket is given back once."""
    queue = SendQueue(100)
    tickets = [data(10), Ticket(PduType.RELEASE_RQ)]
    for ticket in tickets:
        queue.enter(ticket)
    assert list(queue.leave_all()) == tickets
    assert list(queue.leave_all()) == []


def test_a_pdu_finds_its_ticket_by_its_type() -> None:
    """Data have tickets of their own, and the provider's PDUs none."""
    queue = SendQueue(100)
    release = Ticket(PduType.RELEASE_RQ)
    queue.enter(data(10))
    queue.enter(release)
    assert queue.ticket_of(PduType.RELEASE_RQ) is release
    assert queue.ticket_of(PduType.P_DATA_TF) is None
    assert queue.ticket_of(PduType.ABORT) is None


def test_waiting_ends_with_the_last_ticket() -> None:
    """Another thread that waits goes on once the queue is empty."""
    queue = SendQueue(100)
    ticket = data(10)
    queue.enter(ticket)
    waiting = threading.Thread(target=queue.wait, args=(10,))
    waiting.start()
    queue.leave(ticket, sent=True)
    waiting.join(10)
    assert not waiting.is_alive()


def test_waiting_ends_with_the_queue() -> None:
    """What will never leave is not waited for."""
    queue = SendQueue(100)
    queue.enter(data(10))
    queue.end()
    queue.wait(0)


def test_waiting_ends_when_it_is_of_no_use() -> None:
    """Whoever can tell that nothing will leave is asked again when something may have changed, or has left."""
    queue, stuck = SendQueue(100), False
    first, second = data(10), data(10)
    queue.enter(first)
    queue.enter(second)
    asked = threading.Semaphore(0)
    raised: list[StateError] = []

    def is_stuck() -> bool:
        asked.release()
        return stuck

    def wait() -> None:
        with pytest.raises(StateError, match="wait for this callback") as caught:
            queue.wait(PATIENCE, is_stuck)
        raised.append(caught.value)

    waiting = threading.Thread(target=wait)
    waiting.start()
    for change in (lambda: queue.leave(first, sent=True), queue.look_again):
        assert asked.acquire(timeout=PATIENCE)
        change()
    assert asked.acquire(timeout=PATIENCE)
    stuck = True
    queue.look_again()
    waiting.join(PATIENCE)
    assert len(raised) == 1
    queue.leave(second, sent=True)
    queue.wait(0, is_stuck)


def test_waiting_has_a_bound() -> None:
    """The error says for what and how long was waited."""
    queue = SendQueue(100)
    queue.enter(data(10))
    with pytest.raises(DicomTimeout) as late:
        queue.wait(0)
    assert late.value.waiting_for == "the send queue to empty"


def test_a_message_id_is_free_again_after_its_final_response() -> None:
    """A pending response does not free it."""
    queue = SendQueue(100)
    request = CFindRequest(message_id=1, affected_sop_class_uid="1.2")
    queue.remember(request, 3)
    assert queue.context_of(1) == 3
    with pytest.raises(StateError, match="message ID 1 is still outstanding"):
        queue.remember(request, 3)
    assert queue.next_message_id() == 2
    queue.settle(request.respond(Status.PENDING))
    assert queue.context_of(1) == 3
    queue.settle(request.respond(Status.SUCCESS))
    with pytest.raises(StateError, match="no request 1"):
        queue.context_of(1)


def test_a_message_id_is_free_again_if_its_request_is_not_sent() -> None:
    """Nobody will answer what never left; what has left keeps its ID."""
    queue = SendQueue(10_000)
    for sent in (True, False):
        request = CEchoRequest(message_id=7, affected_sop_class_uid="1.2")
        ticket = ticket_for(request, b"x" * 10, None)
        queue.enter(ticket, lambda: queue.remember(request, 1))  # noqa: B023 (called at once)
        queue.leave(ticket, sent=sent)
        if sent:
            assert queue.context_of(7) == 1
            queue.settle(request.respond(Status.SUCCESS))
    with pytest.raises(StateError):
        queue.context_of(7)


def test_message_ids_begin_again_after_the_last() -> None:
    """They run from 1 to 65535 and skip those in use."""
    queue = SendQueue(100)
    queue.remember(CEchoRequest(message_id=1, affected_sop_class_uid="1.2"), 1)
    ids = [queue.next_message_id() for _ in range(0xFFFF)]
    assert ids[:2] == [2, 3]
    assert ids[-2:] == [0xFFFF, 2]


def test_a_message_counts_with_its_bytes_but_a_file_with_its_path() -> None:
    """Data in memory are held by the queue, those on a disk are not."""
    request = CEchoRequest(message_id=1, affected_sop_class_uid="1.2")
    assert ticket_for(request, b"x" * 10, None).cost == OVERHEAD + 10
    assert ticket_for(request, b"x" * 10, b"y" * 20).cost == OVERHEAD + 30
    assert ticket_for(request, b"x" * 10, BytesBody(b"y" * 20)).cost == OVERHEAD + 30
    file = File(b"y" * 20000)
    ticket = ticket_for(request, b"x" * 10, file)
    assert ticket.cost == OVERHEAD + 10 + PATH_COST
    ticket.close_body()
    assert file.closed


def test_only_requests_hold_message_ids() -> None:
    """A C-CANCEL names the request it cancels, it has no ID of its own."""
    request = CEchoRequest(message_id=5, affected_sop_class_uid="1.2")
    assert ticket_for(request, b"", None).message_id == 5
    assert ticket_for(CCancelRequest(message_id_being_responded_to=5), b"", None).message_id is None
    assert ticket_for(request.respond(Status.SUCCESS), b"", None).message_id is None
