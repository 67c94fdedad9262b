"""C-GET and C-MOVE: what arrived counts, whatever the peer says of it."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dicomnet.dimse.codec import elements, encode, encode_elements
from dicomnet.dimse.commands import CMoveRequest, CStoreRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationAborted, ConnectionLost, InvalidValue, NothingArrived, StatusError, StorageError
from dicomnet.exchanges.calls import echo, next_reply
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.reports import Retrieved, RetrieveReport
from dicomnet.exchanges.retrieve import QUIET_TIME, Get, Move
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.signal import Signal
from dicomnet.exchanges.steps import Pause, Script, Wait
from dicomnet.storage.held import MemorySink
from dicomnet.types import UID
from exchanges.stage import Scp, Stage, context_of, dataset, decoded, respond_anyway
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE

RECEIVING = Wanted(CT_IMAGE_STORAGE, (EXPLICIT_LE,), scu=False, scp=True)
CONTEXTS = ["verification", "study-root-get", "study-root-move", RECEIVING]
FAILED_LIST = b"\x08\x00\x58\x00UI\x08\x001.2.3.7\x00"


def uid(number: int) -> UID:
    return UID(f"1.2.3.{number}")


def send(inbound: Inbound, number: int, data: bytes | None = b"1234") -> Any:
    """A sub-operation of the peer: an instance on the association of the request."""
    session = inbound.session
    request = CStoreRequest(affected_sop_class_uid=CT_IMAGE_STORAGE, affected_sop_instance_uid=uid(number))
    return session.send(context_of(session, "CTImageStorage"), request, data)


def pending(inbound: Inbound, completed: int = 0, remaining: int = 0) -> None:
    """A pending response; all four counts are required in one (PS3.7 Table 9.3-7)."""
    inbound.respond(
        Status.PENDING,
        number_of_remaining_suboperations=remaining,
        number_of_completed_suboperations=completed,
        number_of_failed_suboperations=0,
        number_of_warning_suboperations=0,
    )


class Counting:
    """An SCP of C-GET that sends instances one by one and counts their statuses."""

    def __init__(self, count: int, *, final: int | None = None, pending: bool = True) -> None:
        self.count = count
        self.final = final
        self.pending = pending
        self.statuses: list[Status] = []
        self.comments: list[str | None] = []
        self.ids: list[tuple[int | None, int | None]] = []

    def __call__(self, inbound: Inbound, _: bytes | None) -> Script[None]:
        for number in range(self.count):
            if inbound.cancelled:
                break
            operation = send(inbound, number)
            self.ids.append((operation.request.message_id, inbound.command.message_id))
            reply = yield from next_reply(operation)
            self.statuses.append(reply.status)
            self.comments.append(reply.response.error_comment)
            if self.pending:
                left = self.count - number - 1
                inbound.respond(Status.PENDING, number_of_remaining_suboperations=left, **self._counts())
        status = self.final
        if status is None:
            status = Status.CANCEL if inbound.cancelled else 0xB000 if self.failed else 0x0000
        inbound.respond(status, FAILED_LIST if self.failed and status == 0xB000 else None, **self._counts())

    @property
    def failed(self) -> int:
        return sum(status.is_failure for status in self.statuses)

    def _counts(self) -> dict[str, int]:
        return {
            "number_of_completed_suboperations": len(self.statuses) - self.failed,
            "number_of_failed_suboperations": self.failed,
            "number_of_warning_suboperations": 0,
        }


def memory(_: Any) -> MemorySink:
    return MemorySink()


def start(handler: Any, **options: Any) -> tuple[Stage, Session, Scp]:
    scp = Scp(get=handler, move=handler)
    stage = Stage(scp)
    return stage, stage.associate(CONTEXTS, **options), scp


def get(session: Session, keep: Callable[[Any], Any] = memory, **options: Any) -> Get:
    keys = dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2")
    return Get(session, context_of(session, "study-root-get"), keys, keep, **options)


# C-GET.


def test_a_get_brings_what_it_asked_for() -> None:
    """Counted by the peer and by us; each instance with its bytes and its syntax."""
    told: list[Retrieved] = []
    counts: list[tuple[int, int]] = []
    stage, session, scp = start(Counting(3))
    report = stage.run(
        get(
            session,
            on_instance=told.append,
            progress=lambda report: counts.append((report.completed, len(report.instances))),
        ).run()
    )
    assert (report.status, report.completed, report.failed, report.ok) == (0, 3, 0, True)
    assert [one.sop_instance_uid for one in report.received] == [uid(0), uid(1), uid(2)]
    assert [one.data.bytes() for one in told] == [b"1234"] * 3
    assert report.instances == told
    assert report.instances[0].transfer_syntax_uid == EXPLICIT_LE
    assert counts == sorted(counts)
    assert counts[-1] == (3, 3)
    assert decoded(scp.data[0]).StudyInstanceUID == "1.2"
    assert not session.receivers


def test_the_peer_numbers_its_requests_as_it_likes() -> None:
    """Its C-STORE may have the message ID of our C-GET: each side has its own numbers (PS3.7 9.1.1.1.1)."""
    counting = Counting(3)
    stage, session, _ = start(counting)
    assert stage.run(get(session).run()).ok
    assert any(theirs == ours for theirs, ours in counting.ids)


def test_a_peer_may_stay_without_pending_responses() -> None:
    """They are optional (PS3.4 C.4.3.1.4)."""
    stage, session, _ = start(Counting(3, pending=False))
    assert stage.run(get(session).run()).ok


def test_an_instance_that_cannot_be_kept_is_refused_and_missing(caplog: pytest.LogCaptureFixture) -> None:
    """The peer hears of it, and so does the log; the others are kept."""

    def keep(incoming: Any) -> MemorySink:
        if incoming.sop_instance_uid == uid(1):
            raise StorageError("the disk is full")
        return MemorySink()

    counting = Counting(3)
    stage, session, _ = start(counting)
    report = stage.run(get(session, keep).run())
    assert counting.statuses == [0, 0xA700, 0]
    assert counting.comments[1] == "the disk is full"
    assert (report.completed, report.failed, report.status) == (2, 1, 0xB000)
    assert report.missing == [UID("1.2.3.7"), uid(1)]  # what the peer names, then what we refused
    assert [one.sop_instance_uid for one in report.received] == [uid(0), uid(2)]
    assert not report.ok
    assert f"{session.id} an instance cannot be kept: the disk is full" in caplog.text


@pytest.mark.parametrize(
    ("error", "status"),
    [(OSError("no space"), 0x0110), (KeyError("a mistake"), 0x0110), (StatusError(0xA900, "not that"), 0xA900)],
)
def test_whatever_keep_raises_harms_its_own_instance_only(error: Exception, status: int) -> None:
    """It may be a function of the caller."""

    def keep(_: Any) -> MemorySink:
        raise error

    counting = Counting(2)
    stage, session, _ = start(counting)
    report = stage.run(get(session, keep).run())
    assert counting.statuses == [status] * 2
    assert [one.error for one in report.instances] == [error] * 2
    assert report.missing_count >= 2
    assert session.established


def test_a_sink_that_fails_at_the_end_is_told_to_the_peer() -> None:
    """Success is said after it was kept, and not before."""

    class Failing(MemorySink):
        def finish(self) -> Any:
            raise StorageError("the sync failed", comment="try again")

    counting = Counting(1)
    stage, session, _ = start(counting)
    report = stage.run(get(session, lambda _: Failing()).run())
    assert counting.statuses == [0xA700]
    assert counting.comments == ["try again"]
    assert not report.received


def test_a_success_that_contradicts_the_counts_is_none() -> None:
    """What arrived counts (PS3.4 C.4.3)."""

    def lie(inbound: Inbound, _: bytes | None) -> Script[None]:
        yield from next_reply(send(inbound, 0))
        inbound.respond(Status.SUCCESS, number_of_completed_suboperations=3)

    stage, session, _ = start(lie)
    report = stage.run(get(session).run())
    assert report.status == Status.SUCCESS
    assert (report.missing_count, report.ok) == (2, False)


def test_a_success_without_counts_is_judged_by_what_arrived() -> None:
    """Many peers leave them out of the final response."""

    def brief(inbound: Inbound, _: bytes | None) -> Script[None]:
        yield from next_reply(send(inbound, 0))
        inbound.respond(Status.SUCCESS)

    stage, session, _ = start(brief)
    report = stage.run(get(session).run())
    assert (report.ok, report.missing_count, len(report.received)) == (True, 0, 1)


def test_a_failure_is_in_the_report_and_not_raised(monkeypatch: pytest.MonkeyPatch) -> None:
    """What came before it is there, and the comment as it may be shown to people."""
    monkeypatch.setattr("dicomnet.dimse.codec._NOT_IN_LO", {})  # peers have other encoders

    def fail(inbound: Inbound, _: bytes | None) -> Script[None]:
        yield from next_reply(send(inbound, 0))
        inbound.respond(0xA702, error_comment="tape\x1b[2J", number_of_completed_suboperations=1)

    stage, session, _ = start(fail)
    report = stage.run(get(session).run())
    assert (report.status, report.error_comment, report.ok) == (0xA702, "tape\\x1b[2J", False)
    assert len(report.received) == 1


@pytest.mark.parametrize("window", [None, 4])
def test_instances_may_come_between_and_after_the_pending_responses(window: int | None) -> None:
    """Also several at a time, and a response in the middle of them."""

    def mixed(inbound: Inbound, _: bytes | None) -> Script[None]:
        pending(inbound, remaining=4)
        pending(inbound, remaining=4)
        operations = [send(inbound, number) for number in range(2)]
        pending(inbound, remaining=2)
        operations += [send(inbound, number) for number in (2, 3)]
        for operation in operations:
            assert (yield from next_reply(operation)).status == 0
        inbound.respond(Status.SUCCESS, number_of_completed_suboperations=4)

    stage, session, _ = start(mixed, window=window)
    report = stage.run(get(session).run())
    assert report.ok
    assert len(report.received) == 4


def test_what_is_still_being_kept_when_the_final_response_comes_is_waited_for() -> None:
    """Some peers do not wait for our last responses."""
    late: list[Inbound] = []

    def keep(incoming: Any) -> None:
        return None  # decided later

    def hasty(inbound: Inbound, _: bytes | None) -> None:
        late.append(inbound)
        send(inbound, 0)
        inbound.respond(Status.SUCCESS, number_of_completed_suboperations=1)

    stage, session, _ = start(hasty, window=2)
    script = get(session, keep)
    place, arrivals = script.place, []
    script.place = lambda inbound: (arrivals.append(inbound), place(inbound))[1]  # type: ignore[method-assign, func-returns-value]
    task = stage.start(script.run())
    stage.rest()
    assert not task.done
    arrivals[0].use(MemorySink())
    stage.rest()
    assert task.outcome().ok
    assert len(task.outcome().received) == 1


def test_a_store_request_without_a_data_set_is_refused() -> None:
    """There is nothing to keep; it is not counted as received."""

    def empty(inbound: Inbound, _: bytes | None) -> Script[None]:
        request = CStoreRequest(
            message_id=77, affected_sop_class_uid=CT_IMAGE_STORAGE, affected_sop_instance_uid=uid(1), has_data_set=True
        )
        values = {**elements(encode(request)), 0x0800: 0x0101}
        context = context_of(inbound.session, "CTImageStorage")
        inbound.session.core.send(context.context_id, request, 0.0, command_set=encode_elements(values))
        yield Pause(1.0)
        inbound.respond(Status.SUCCESS)

    stage, session, _ = start(empty)
    report = stage.run(get(session).run())
    (instance,) = report.instances
    assert (instance.status, report.received) == (0xC000, [])
    assert instance.error is not None


def test_a_store_request_after_the_end_is_refused() -> None:
    """Nobody asked for it any more; the association stands."""

    def late(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbound.respond(Status.SUCCESS)
        yield Pause(5.0)
        reply = yield from next_reply(send(inbound, 0))
        answers.append(reply.status)

    answers: list[Status] = []
    stage, session, _ = start(late)
    report = stage.run(get(session).run())
    stage.advance(10)
    assert answers == [Status.PROCESSING_FAILURE]
    assert not report.instances
    assert session.established


@pytest.mark.parametrize("error", [KeyError("a mistake"), InvalidValue("a mistake"), ConnectionLost()])
@pytest.mark.parametrize("callback", ["on_instance", "progress", "stop"])
def test_what_a_callback_raises_comes_through_with_the_report(callback: str, error: Exception) -> None:
    """Whatever it is; the association goes on, where the next operation cancels what is left."""
    told: list[Any] = []

    def fail(*arguments: Any) -> None:
        told.append(arguments)
        if len(told) == 3:
            raise error

    stage, session, scp = start(Counting(20))
    options: dict[str, Any] = {callback: fail}
    with pytest.raises(type(error)) as caught:
        stage.run(get(session, **options).run())
    assert caught.value is error
    report: RetrieveReport = caught.value.report  # type: ignore[attr-defined]
    assert 1 <= len(report.received) < 20
    assert len(told) == 3
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert len(scp.cancels) == 1
    assert not session.receivers


def test_what_is_raised_over_the_last_instance_comes_through() -> None:
    """It comes after the final response."""
    arrivals: list[Inbound] = []

    def hasty(inbound: Inbound, _: bytes | None) -> None:
        send(inbound, 0)
        inbound.respond(Status.SUCCESS, number_of_completed_suboperations=1)

    def fail(_: Retrieved) -> None:
        raise InvalidValue("a mistake")

    stage, session, _ = start(hasty, window=2)
    script = get(session, lambda incoming: None, on_instance=fail)
    place = script.place
    script.place = lambda inbound: (arrivals.append(inbound), place(inbound))[1]  # type: ignore[method-assign, func-returns-value]
    task = stage.start(script.run())
    stage.rest()
    arrivals[0].use(MemorySink())
    stage.rest()
    with pytest.raises(InvalidValue):
        task.outcome()


def test_a_stop_is_asked_while_nothing_comes() -> None:
    """Each second, and nobody hears of any progress meanwhile; after the cancel not any more."""

    def silent(inbound: Inbound, _: bytes | None) -> Script[None]:
        yield Wait(inbound.session, lambda: inbound.cancelled)
        yield Pause(20.0)
        inbound.respond(Status.CANCEL)

    asked: list[float] = []
    told: list[Any] = []

    def stop() -> bool:
        asked.append(stage.now)
        return len(asked) == 5

    stage, session, _ = start(silent)
    began = stage.now
    report = stage.run(get(session, stop=stop, progress=told.append).run())
    assert report.status == Status.CANCEL
    assert [when - began for when in asked] == [1.0, 2.0, 3.0, 4.0, 5.0]
    assert len(told) == 1


def test_a_stop_cancels_once_and_keeps_what_came() -> None:
    """The final status tells that it was cancelled."""
    stage, session, scp = start(Counting(100))
    report = stage.run(get(session, stop=lambda: len(scp.stage.sessions[0].receivers[0].report.received) >= 3).run())  # type: ignore[union-attr, attr-defined]
    assert len(scp.cancels) == 1
    assert report.status == Status.CANCEL
    assert 3 <= len(report.received) < 10
    assert not report.ok
    assert session.established


def test_an_association_lost_in_the_middle_reports_what_came() -> None:
    """It is kept, after all; what ended it is in the report."""

    def vanish(inbound: Inbound, _: bytes | None) -> Script[None]:
        for number in range(2):
            yield from next_reply(send(inbound, number))
        stage.hang_up(inbound.session)

    stage, session, _ = start(vanish)
    report = stage.run(get(session).run())
    assert len(report.received) == 2
    assert isinstance(report.error, ConnectionLost)
    assert (report.status, report.ok) == (None, False)
    assert "ended early" in str(report)


def test_an_association_lost_before_anything_came_is_raised() -> None:
    """There is nothing to report."""

    def vanish(inbound: Inbound, _: bytes | None) -> None:
        inbound.session.abort()

    stage, session, _ = start(vanish)
    with pytest.raises(AssociationAborted):
        stage.run(get(session).run())
    assert not session.receivers


def test_an_instance_that_was_half_sent_at_the_end_is_not_reported() -> None:
    """It was never whole."""

    def break_off(inbound: Inbound, _: bytes | None) -> Script[None]:
        yield from next_reply(send(inbound, 0))
        peer = stage.actor_of(inbound.session)
        peer.buffers_per_pump = 0
        send(inbound, 1, bytes(100_000))
        yield Pause(1.0)
        (whole,) = peer.endpoint.data_to_send()
        assert isinstance(whole, bytes)
        peer.outgoing.write(whole[:50_000], stage.now)
        yield Pause(1.0)
        peer.finish()

    stage, session, _ = start(break_off)
    report = stage.run(get(session).run())
    assert [one.sop_instance_uid for one in report.instances] == [uid(0)]
    assert isinstance(report.error, ConnectionLost)
    assert "in the middle of" in str(report.error)


def test_a_get_left_in_the_middle_is_cancelled_by_the_next_operation() -> None:
    """What still comes is refused; then the association is free."""

    def slowly(inbound: Inbound, _: bytes | None) -> Script[None]:
        for number in range(100):
            if inbound.cancelled:
                break
            yield from next_reply(send(inbound, number))
            yield Pause(1.0)
        inbound.respond(Status.CANCEL if inbound.cancelled else Status.SUCCESS)

    stage, session, scp = start(slowly)
    task = stage.start(get(session).run())
    stage.advance(3.5)
    task.leave()
    assert not session.receivers
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert len(scp.cancels) == 1
    assert not session.unfinished


def test_a_get_left_in_the_middle_is_cancelled_also_with_room_in_the_window() -> None:
    """Nobody will ever read on; but the next operation does not wait for its end."""

    def patient(inbound: Inbound, _: bytes | None) -> Script[None]:
        yield Wait(inbound.session, lambda: inbound.cancelled)
        yield Pause(5.0)
        inbound.respond(Status.CANCEL)

    stage, session, scp = start(patient, window=4)
    task = stage.start(get(session).run())
    stage.rest()
    task.leave()
    began = stage.now
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert stage.now == began
    stage.advance(10)
    assert len(scp.cancels) == 1
    assert not session.unfinished


def test_an_instance_that_comes_whole_after_its_get_was_left_is_not_acknowledged() -> None:
    """An acknowledgement means kept, and here is nobody to keep it."""
    answers: list[Status] = []

    def handler(inbound: Inbound, _: bytes | None) -> Script[None]:
        answers.append((yield from next_reply(send(inbound, 0))).status)
        inbound.respond(Status.CANCEL)

    stage, session, _ = start(handler)
    arrivals: list[Inbound] = []
    script = get(session)
    script.place = arrivals.append  # type: ignore[method-assign]
    task = stage.start(script.run())
    stage.rest()
    task.leave()
    arrivals[0].use(MemorySink())
    stage.rest()
    assert answers == [Status.PROCESSING_FAILURE]


def test_a_callback_that_raises_is_the_reason_of_the_end() -> None:
    """The caller's own mistake comes back to him, and not as a riddle of the network."""

    def fail(_: Any) -> None:
        raise KeyError("the caller's own")

    stage, session, _ = start(Counting(2))
    with pytest.raises(KeyError, match="own"):
        stage.run(get(session, on_instance=fail).run())


@pytest.mark.parametrize(
    ("data", "uids"),
    [
        (FAILED_LIST, ["1.2.3.7"]),
        (b"\x08\x00\x58\x00UI\x0c\x001.2.3\\1.2.4\x00", ["1.2.3", "1.2.4"]),
        (b"\x08\x00\x58\x00UI\x06\x00no uid", []),
        (b"\x08\x00\x58\x00UI\xff\xff", []),
        (b"\xff" * 12, []),
        (None, []),
    ],
    ids=["one", "two", "none", "cut", "garbage", "absent"],
)
def test_the_list_of_failed_instances_is_read_as_far_as_it_can_be(
    data: bytes | None, uids: list[str], caplog: pytest.LogCaptureFixture
) -> None:
    """What cannot be read is no reason to lose the report; the log says what is wrong with it."""
    stage, session, _ = start(
        lambda inbound, _: respond_anyway(inbound, 0xB000, data, number_of_failed_suboperations=2)
    )
    report = stage.run(get(session).run())
    assert report.failed_uids == uids
    assert (report.failed, report.ok) == (2, False)
    broken = data is not None and data.endswith(b"\xff")
    assert ("the list of failed instances cannot be read" in caplog.text) == broken


# C-MOVE.


class Inbox:
    """Where a move to ourselves arrives, as a server of ours would have it."""

    address = "ME:11112"

    def __init__(self) -> None:
        self.arrived: list[Retrieved] = []
        self.request: CMoveRequest | None = None
        self.connected = False
        self.signal = Signal()

    def put(self, count: int) -> None:
        self.connected = True
        for _ in range(count):
            self.arrived.append(Retrieved(CT_IMAGE_STORAGE, uid(len(self.arrived)), EXPLICIT_LE))
        self.signal.give()


def move(session: Session, **options: Any) -> Move:
    keys = dataset(QueryRetrieveLevel="STUDY", StudyInstanceUID="1.2")
    return Move(session, context_of(session, "study-root-move"), keys, "ELSEWHERE", **options)


def reporting(status: int, **counts: int) -> Callable[[Inbound, bytes | None], None]:
    def handler(inbound: Inbound, _: bytes | None) -> None:
        names = {f"number_of_{name}_suboperations": count for name, count in counts.items()}
        inbound.respond(status, **names)

    return handler


def test_a_move_elsewhere_is_what_the_peer_says_of_it() -> None:
    """Nothing can be counted here."""
    stage, session, scp = start(reporting(0, completed=7))
    report = stage.run(move(session).run())
    (command,) = scp.commands
    assert isinstance(command, CMoveRequest)
    assert command.move_destination == "ELSEWHERE"
    assert (report.completed, report.arrived_here, report.ok, report.missing_count) == (7, False, True, 0)


def test_failed_sub_operations_of_a_move_are_missing() -> None:
    """As many as the peer says."""
    stage, session, _ = start(reporting(0xA702, completed=3, failed=2, warning=1))
    report = stage.run(move(session).run())
    assert (report.ok, report.missing_count, report.warning) == (False, 2, 1)


def test_an_unknown_destination_is_told() -> None:
    """A801 is the most common mistake there is."""
    stage, session, _ = start(reporting(0xA801))
    report = stage.run(move(session).run())
    assert report.status == Status.MOVE_DESTINATION_UNKNOWN
    assert "A801" in str(report)


def test_a_move_to_ourselves_waits_for_what_was_counted() -> None:
    """The final response may overtake the last instances (PS3.4 C.4.2.2)."""
    inbox = Inbox()

    def moving(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbox.put(1)
        inbound.respond(Status.SUCCESS, number_of_completed_suboperations=3)
        for _ in range(2):
            yield Pause(QUIET_TIME - 1)
            inbox.put(1)

    stage, session, scp = start(moving)
    began = stage.now
    report = stage.run(move(session, inbox=inbox).run())
    assert inbox.request is not None
    assert [command.message_id for command in scp.commands] == [inbox.request.message_id]  # so that it knows them
    assert len(report.received) == 3
    assert report.ok
    assert stage.now - began == pytest.approx(2 * (QUIET_TIME - 1))


def test_what_does_not_arrive_is_not_waited_for_for_ever() -> None:
    """Ten quiet seconds, and what is not there is missing."""
    inbox = Inbox()

    def moving(inbound: Inbound, _: bytes | None) -> None:
        inbox.put(1)
        inbound.respond(Status.SUCCESS, number_of_completed_suboperations=3)

    stage, session, _ = start(moving)
    began = stage.now
    report = stage.run(move(session, inbox=inbox).run())
    assert stage.now - began == pytest.approx(QUIET_TIME)
    assert (report.missing_count, report.ok) == (2, False)


def test_where_the_peer_counts_nothing_quiet_alone_tells_that_all_is_there() -> None:
    """The counts of a final response are optional (PS3.7 9.1.4.1)."""
    inbox = Inbox()

    def moving(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbound.respond(Status.SUCCESS)
        for _ in range(2):
            yield Pause(QUIET_TIME - 1)
            inbox.put(1)

    stage, session, _ = start(moving)
    began = stage.now
    report = stage.run(move(session, inbox=inbox).run())
    assert len(report.received) == 2
    assert report.ok
    assert stage.now - began == pytest.approx(2 * (QUIET_TIME - 1) + QUIET_TIME)


def test_what_was_refused_here_is_none_of_those_that_are_waited_for() -> None:
    """The peer has not counted it as completed."""
    inbox = Inbox()

    def moving(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbox.put(1)
        inbox.arrived[0].error = StorageError("full")
        inbound.respond(0xB000, number_of_completed_suboperations=1, number_of_failed_suboperations=1)
        yield Pause(1.0)
        inbox.put(1)

    stage, session, _ = start(moving)
    report = stage.run(move(session, inbox=inbox).run())
    assert (len(report.received), report.missing_count) == (1, 1)


@pytest.mark.parametrize("connected", [True, False])
def test_a_success_that_brought_nothing_is_an_error(connected: bool) -> None:
    """It says whether anybody connected at all: if not, the peer has another address for us."""
    inbox = Inbox()
    inbox.connected = connected
    stage, session, _ = start(reporting(0, completed=3))
    with pytest.raises(NothingArrived) as caught:
        stage.run(move(session, inbox=inbox).run())
    assert (caught.value.destination, caught.value.expected, caught.value.connected) == ("ME:11112", 3, connected)


def test_a_success_that_counted_nothing_is_none() -> None:
    """There was nothing to move."""
    stage, session, _ = start(reporting(0, completed=0))
    report = stage.run(move(session, inbox=Inbox()).run())
    assert (report.ok, report.received) == (True, [])


def test_a_move_whose_association_is_lost_reports_what_arrived() -> None:
    """On the other association, and kept."""
    inbox = Inbox()

    def vanish(inbound: Inbound, _: bytes | None) -> None:
        inbox.put(2)
        inbound.session.abort()

    stage, session, _ = start(vanish)
    report = stage.run(move(session, inbox=inbox).run())
    assert len(report.received) == 2
    assert isinstance(report.error, AssociationAborted)
    with pytest.raises(AssociationAborted):
        stage.run(move(session, inbox=Inbox()).run())


def test_the_stop_of_a_move_cancels_it() -> None:
    """Asked whenever a pending response comes."""

    def moving(inbound: Inbound, _: bytes | None) -> Script[None]:
        for number in range(100):
            if inbound.cancelled:
                break
            pending(inbound, completed=number)
            yield Pause(1.0)
        inbound.respond(Status.CANCEL, number_of_completed_suboperations=2)

    stage, session, scp = start(moving)
    seen: list[int] = []
    report: RetrieveReport = stage.run(
        move(session, progress=lambda report: seen.append(report.completed), stop=lambda: len(seen) > 2).run()
    )
    assert report.status == Status.CANCEL
    assert len(scp.cancels) == 1
    assert len(seen) < 6
