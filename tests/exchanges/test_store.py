"""Storing many instances: how many are in flight, what becomes of each, and what is left when it is broken off."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from itertools import pairwise
from typing import Any, cast

import pytest
from hypothesis import given, strategies as st

from dicomnet.dimse.commands import CStoreRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    AssociationError,
    ConnectFailed,
    ConnectionLost,
    DicomTimeout,
    InvalidValue,
    StatusError,
    StorageError,
)
from dicomnet.exchanges.calls import echo
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.reports import Outcome, Progress, StoreReport, StoreResult
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.steps import Pause, Script, Wait, Work
from dicomnet.exchanges.store import OneAssociation, Store, find_route, is_compressed
from dicomnet.limits import KIB, MIB, Limits
from dicomnet.types import UID, Priority
from dicomnet.uids import ExplicitVRBigEndian
from dicomnet.ul.negotiation import Policy
from exchanges.stage import (
    JPEG,
    MR_IMAGE_STORAGE,
    Failing,
    Item,
    Items,
    Scp,
    Skipped,
    Stage,
    Unreadable,
    context_of,
    dataset,
    respond_anyway,
)
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE, IMPLICIT_LE, MemoryBody

CT_NAMES = ["CTImageStorage", "verification"]


class Archive(Scp):
    """Holds every request until it is told to answer, and remembers how many it held at a time."""

    def __init__(self, **options: Any) -> None:
        super().__init__(store=self._hold, **options)
        self.held: list[Inbound] = []
        self.most = 0

    def _hold(self, inbound: Inbound, _: bytes | None) -> None:
        self.held.append(inbound)
        self.most = max(self.most, len(self.held))

    def answer(self, index: int = 0, status: int = Status.SUCCESS, **fields: Any) -> None:
        self.held.pop(index).respond(status, **fields)


def start(
    scp: Scp | None = None, *, window: int | None = None, names: Any = CT_NAMES, **stage_options: Any
) -> tuple[Stage, Session]:
    stage = Stage(scp or Scp(), **stage_options)
    return stage, stage.associate(names, window=window)


def store(session: Session, items: Items, **options: Any) -> Store:
    return Store(OneAssociation(session), items, **options)


def working_slowly(script: Script[Any]) -> Script[Any]:
    """Each work of a script takes a second."""
    result = None
    while True:
        try:
            step = script.send(result)
        except StopIteration as end:
            return end.value
        result = yield step
        if isinstance(step, Work):
            yield Pause(1.0)


def outcomes(report: StoreReport) -> list[Outcome]:
    return [result.outcome for result in report]


# How many at a time.


@pytest.mark.parametrize(
    ("negotiated", "asked", "most"),
    [
        (None, None, 1),
        (1, None, 1),
        (4, None, 4),
        (16, None, 16),
        (0, None, 64),
        (16, 4, 4),
        (4, 16, 4),
        (None, 16, 1),
    ],
)
def test_the_window_is_filled_and_never_exceeded(negotiated: int | None, asked: int | None, most: int) -> None:
    """As many as were negotiated, fewer if the caller wants so; 64 where the peer takes any number."""
    archive = Archive(policy=Policy(asynchronous_window=0 if negotiated == 0 else 16))
    stage, session = start(archive, window=negotiated)
    items = Items(100)
    task = stage.start(store(session, items, window=asked).run())
    while True:
        stage.rest()
        if task.done:
            break
        assert len(archive.held) == min(most, 100 - len(archive.requests) + len(archive.held))
        archive.answer()
    assert archive.most == most
    assert outcomes(task.outcome()) == [Outcome.STORED] * 100
    assert items.all_closed()


def test_the_next_ones_are_read_while_the_first_are_answered() -> None:
    """Its bytes are ready when its turn comes, and no more than its turn needs."""
    archive = Archive()
    stage, session = start(archive)
    items = Items(10)
    stage.start(store(session, items).run())
    stage.rest()
    assert len(archive.held) == 1
    assert len(items.given) == 2
    assert items.given[1].bodies


@pytest.mark.parametrize("order", [(0, 1, 2, 3), (3, 2, 1, 0), (2, 0, 3, 1)])
def test_answers_may_come_in_any_order(order: tuple[int, ...]) -> None:
    """Each instance gets its own; the results keep the order in which the instances were given."""
    archive = Archive()
    stage, session = start(archive, window=4)
    told: list[StoreResult] = []
    task = stage.start(store(session, Items(4), on_result=told.append).run())
    stage.rest()
    inbounds = list(archive.held)
    for index in order:
        inbounds[index].respond(Status(0xC000 + index))
        stage.rest()
    report = task.outcome()
    assert [result.index for result in report] == [0, 1, 2, 3]
    assert [result.status for result in report] == [0xC000, 0xC001, 0xC002, 0xC003]
    assert [result.index for result in told] == list(order)


def test_what_is_on_its_way_is_told_before_its_result() -> None:
    """Of each that is sent, once its request is with the association, and of nothing else."""
    archive = Archive()
    stage, session = start(archive, window=2)
    begun: list[int] = []
    items = [Item(0), Skipped(1, "no instance"), Item(2), Item(3)]
    task = stage.start(store(session, Items(items), on_begin=lambda result: begun.append(result.index)).run())
    stage.rest()
    assert begun == [0, 2]
    while archive.held:
        archive.answer()
        stage.rest()
    assert begun == [0, 2, 3]
    assert task.outcome().count(Outcome.STORED) == 3


def test_a_request_says_what_it_is_for() -> None:
    """Class, instance, priority, and the C-MOVE it is done for (PS3.7 9.1.1.1)."""
    scp = Scp()
    stage, session = start(scp)
    stage.run(store(session, Items(1), priority=Priority.LOW, originator=("MOVER", 17)).run())
    (command,) = scp.commands
    assert isinstance(command, CStoreRequest)
    assert (command.affected_sop_class_uid, command.affected_sop_instance_uid) == (CT_IMAGE_STORAGE, "1.2.3.1")
    assert command.priority == Priority.LOW
    assert command.move_originator_application_entity_title == "MOVER"
    assert command.move_originator_message_id == 17


# What the peer says of each.


@pytest.mark.parametrize("status", [0xB000, 0xB006, 0xB007])
def test_a_warning_is_stored(status: int) -> None:
    """PS3.4 B.2.3: acknowledged, and the words are kept."""
    stage, session = start(Scp(store=lambda inbound, _: inbound.respond(status, error_comment="patient name changed")))
    report = stage.run(store(session, Items(2)).run())
    assert outcomes(report) == [Outcome.WARNING] * 2
    assert report.ok
    assert len(report.instances) == 2
    assert "succeeded with" in report.results[0].detail
    assert "patient name changed" in report.results[0].detail
    assert session.ledger.stored == 2


@pytest.mark.parametrize("status", [0xA700, 0xA900, 0xC123, 0x0117, 0x0122, 0x0124, 0x0210])
def test_a_failure_fails_alone(status: int) -> None:
    """Its result carries the status and the comment; the others go on."""

    def answer(inbound: Inbound, _: bytes | None) -> None:
        bad = inbound.command.sop_instance_uid == "1.2.3.2"
        inbound.respond(status if bad else Status.SUCCESS, error_comment="no" if bad else None)

    stage, session = start(Scp(store=answer))
    report = stage.run(store(session, Items(3)).run())
    assert outcomes(report) == [Outcome.STORED, Outcome.FAILED, Outcome.STORED]
    error = report.results[1].error
    assert isinstance(error, StatusError)
    assert (error.status, error.error_comment, report.results[1].status) == (status, "no", status)
    assert report.error is None
    assert [ref.sop_instance_uid for ref in report.instances] == ["1.2.3.1", "1.2.3.3"]


def test_a_failure_that_comes_before_the_end_of_the_request_ends_it() -> None:
    """PS3.7 9.3.1.3: the rest would only be thrown away; the next instance goes out as ever."""

    class Refusing(Scp):
        def choose(self, inbound: Inbound) -> Any:
            if inbound.command.sop_instance_uid == "1.2.3.1":
                inbound.respond(0xA700)
                return inbound.session.shell.nowhere()
            return super().choose(inbound)

    stage, session = start(Refusing(), buffer_size=64 * KIB)
    big = Item(0, length=8 * MIB)
    report = stage.run(store(session, Items([big, Item(1)])).run())
    assert outcomes(report) == [Outcome.FAILED, Outcome.STORED]
    assert report.results[0].status == 0xA700
    assert big.bodies[0].position < MIB
    assert session.established


# Contexts.


def names(*contexts: tuple[str, str]) -> list[Wanted]:
    return [Wanted(UID(abstract), (UID(syntax),)) for abstract, syntax in contexts]


@pytest.mark.parametrize(
    ("accepted", "syntax", "asked"),
    [
        ((EXPLICIT_LE, IMPLICIT_LE), EXPLICIT_LE, "as it is"),
        ((EXPLICIT_LE, IMPLICIT_LE), IMPLICIT_LE, "as it is"),
        ((EXPLICIT_LE, IMPLICIT_LE), ExplicitVRBigEndian, f"converted to {EXPLICIT_LE}"),
        ((IMPLICIT_LE,), EXPLICIT_LE, f"converted to {IMPLICIT_LE}"),
        ((EXPLICIT_LE, JPEG), JPEG, "as it is"),
    ],
)
def test_an_instance_is_converted_only_where_it_must_be(accepted: tuple[str, ...], syntax: str, asked: str) -> None:
    """Best is what it is in; the result tells what it was sent in."""
    stage, session = start(names=names(*((CT_IMAGE_STORAGE, one) for one in accepted)))
    item = Item(0, syntax=syntax)
    report = stage.run(store(session, Items([item])).run())
    assert item.asked == [asked]
    assert report.results[0].transfer_syntax_uid == (syntax if asked == "as it is" else asked.split()[-1])
    assert report.ok


def test_compressed_pixel_data_is_decoded_only_if_somebody_says_so() -> None:
    """Otherwise there is no way for it, and the result says why."""
    stage, session = start(names=names((CT_IMAGE_STORAGE, EXPLICIT_LE)))
    refused, taken = Item(0, syntax=JPEG), Item(0, syntax=JPEG)
    report = stage.run(store(session, Items([refused])).run())
    assert outcomes(report) == [Outcome.FAILED]
    assert "accepted no presentation context for CT Image Storage in JPEG Baseline" in report.results[0].detail
    assert not refused.asked
    report = stage.run(store(session, Items([taken]), decode=True).run())
    assert outcomes(report) == [Outcome.STORED]
    assert taken.asked == [f"decoded to {EXPLICIT_LE}"]
    assert report.results[0].transfer_syntax_uid == EXPLICIT_LE


def test_a_context_of_another_class_is_never_used() -> None:
    """An MR image does not travel as CT; the CT images beside it do."""
    stage, session = start()
    items = Items([Item(0), Item(1, sop_class=MR_IMAGE_STORAGE), Item(2)])
    report = stage.run(store(session, items).run())
    assert outcomes(report) == [Outcome.STORED, Outcome.FAILED, Outcome.STORED]
    assert isinstance(report.results[1].error, StorageError)
    assert report.error is None


def test_there_is_no_route_on_an_association_that_is_over() -> None:
    """Nor before it is."""
    stage, session = start()
    assert find_route(session, Item(0)) is not None
    session.abort()
    assert find_route(session, Item(0)) is None
    assert find_route(stage.connect(), Item(0)) is None


def test_an_unknown_transfer_syntax_counts_as_compressed() -> None:
    """Nobody knows how to convert it."""
    assert is_compressed("1.2.3.4.5")
    assert is_compressed(JPEG)
    assert not is_compressed(EXPLICIT_LE)


# Copies of one instance.


class Copy(Item):
    """One of several under the same UID; which of them is stored stands in a list that they share."""

    def __init__(self, index: int, holder: list[Item], **kind: Any) -> None:
        super().__init__(index, **kind)
        self.sop_instance_uid = UID("1.2.3")
        self._holder = holder
        self.claim()

    def claim(self) -> str | None:
        if not self._holder:
            self._holder.append(self)
        return None if self._holder[0] is self else f"the same as {self._holder[0].name}"

    def disclaim(self) -> None:
        if self._holder == [self]:
            self._holder.clear()


class Spare:
    """A second copy as a source has it."""

    def __init__(self, copy: Copy) -> None:
        self.name, self.path, self.index, self.reason, self.copy = copy.name, None, copy.index, "the same", copy


@pytest.mark.parametrize("window", [1, 4])
def test_a_second_copy_is_stored_where_the_first_has_no_way(window: int) -> None:
    """The third is then skipped, for the second is there."""
    scp, holder = Scp(), list[Item]()
    stage, session = start(scp, names=names((CT_IMAGE_STORAGE, EXPLICIT_LE)), window=window)
    items = Items(
        [Copy(0, holder, syntax=JPEG), Item(1), Spare(Copy(2, holder)), Spare(Copy(3, holder)), Item(4)],
    )
    report = stage.run(store(session, items).run())
    assert outcomes(report) == [
        Outcome.FAILED,
        Outcome.STORED,
        Outcome.STORED,
        Outcome.SKIPPED,
        Outcome.STORED,
    ]
    assert report.results[3].detail == "the same as item2"
    assert len(scp.requests) == 3


@pytest.mark.parametrize("window", [1, 4])
@pytest.mark.parametrize(
    ("status", "second"), [(Status.SUCCESS, Outcome.SKIPPED), (0xB000, Outcome.SKIPPED), (0xA700, Outcome.STORED)]
)
def test_a_second_copy_waits_for_what_becomes_of_the_first(window: int, status: int, second: Outcome) -> None:
    """The others do not wait with it."""
    archive, holder = Archive(), list[Item]()
    stage, session = start(archive, window=window)
    items = Items([Copy(0, holder), Spare(Copy(1, holder)), Item(2)])
    task = stage.start(store(session, items).run())
    stage.rest()
    assert len(archive.held) == 1
    archive.answer(status=status)
    stage.rest()
    while not task.done:
        archive.answer()
        stage.rest()
    assert task.outcome().results[1].outcome is second
    assert items.all_closed()


def test_a_second_copy_of_what_is_lost_on_its_way_is_skipped() -> None:
    """The peer may have it; what was not sent was not."""
    archive, holder = Archive(), list[Item]()
    stage, session = start(archive)
    other = list[Item]()
    items = Items([Copy(0, holder), Spare(Copy(1, holder)), Copy(2, other), Spare(Copy(3, other))])
    task = stage.start(store(session, items).run())
    stage.rest()
    stage.hang_up(stage.peer)
    stage.rest()
    assert outcomes(task.outcome()) == [Outcome.UNKNOWN, Outcome.SKIPPED, Outcome.NOT_SENT, Outcome.NOT_SENT]


# What cannot be read.


def test_what_is_no_instance_is_skipped_and_what_cannot_be_read_has_failed() -> None:
    """Each with its reason, and in its place."""
    scp = Scp()
    stage, session = start(scp)
    unreadable = Unreadable(2, StorageError("permission denied"))
    items = Items([Item(0), Skipped(1, "a DICOMDIR"), unreadable, Failing(3, in_the_middle=False), Item(4)])
    report = stage.run(store(session, items).run())
    assert outcomes(report) == [Outcome.STORED, Outcome.SKIPPED, Outcome.FAILED, Outcome.FAILED, Outcome.STORED]
    assert [result.detail for result in report] == ["", "a DICOMDIR", "permission denied", "the disk is gone", ""]
    assert report.results[2].error is unreadable.error
    assert len(scp.requests) == 2
    assert not report.ok


def test_an_instance_that_cannot_be_sent_fails_alone() -> None:
    """A data set of no bytes does not exist on the wire, and an odd one is against PS3.5."""
    stage, session = start()
    items = Items([Item(0, length=0), Item(1, length=3), Item(2)])
    report = stage.run(store(session, items).run())
    assert outcomes(report) == [Outcome.FAILED, Outcome.FAILED, Outcome.STORED]
    assert "even number above 0" in report.results[0].detail
    assert items.all_closed()


def test_nothing_to_store_is_a_report_of_nothing() -> None:
    """Without a byte on the wire."""
    scp = Scp()
    stage, session = start(scp)
    report = stage.run(store(session, Items(0)).run())
    assert (len(report), report.ok, str(report)) == (0, True, "nothing to store")
    assert not scp.requests


class Breaking(Items):
    """An iterable that raises in the middle: after what it gave, as `Instances` has it."""

    def take(self, count: int) -> list[Any]:
        taken = super().take(count)
        if not taken:
            raise KeyError("the caller's own")
        return taken


@pytest.mark.parametrize("window", [1, 4])
def test_an_iterable_that_raises_ends_the_store_and_not_the_association(window: int) -> None:
    """Its error comes through when all that came before it is stored, and has the report of that."""
    scp = Scp()
    stage, session = start(scp, window=window)
    items = Breaking(6)
    with pytest.raises(KeyError, match="own") as caught:
        stage.run(store(session, items).run())
    assert outcomes(caught.value.report) == [Outcome.STORED] * 6  # type: ignore[attr-defined]
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert stage.run(store(session, Items(2)).run()).ok
    stage.rest()
    assert not session.unfinished
    assert items.all_closed()


@pytest.mark.parametrize("callback", ["on_result", "progress"])
def test_a_callback_that_raises_ends_the_store_and_not_the_association(callback: str) -> None:
    """The caller's own mistake."""

    def fail(_: Any) -> None:
        raise KeyError("the caller's own")

    stage, session = start(window=4)
    items = Items(20)
    with pytest.raises(KeyError) as caught:
        stage.run(store(session, items, **{callback: fail}).run())
    report: StoreReport = caught.value.report  # type: ignore[attr-defined]
    assert report.results[0].outcome is Outcome.STORED
    assert report.count(Outcome.UNKNOWN) == len(session.unfinished)
    assert stage.run(echo(session, context_of(session, "verification"))) == Status.SUCCESS
    assert items.all_closed()


def test_what_was_answered_before_a_callback_raised_is_known() -> None:
    """Though nobody had looked at it yet."""

    def fail(_: Any) -> None:
        raise KeyError("the caller's own")

    archive = Archive()
    stage, session = start(archive, window=16)
    task = stage.start(working_slowly(store(session, Items(10), on_result=fail).run()))
    stage.advance(2.5)  # all are out, and whether there are more is being looked at
    for _ in range(3):
        archive.answer()
    stage.advance(1.0)
    with pytest.raises(KeyError) as caught:
        task.outcome()
    report: StoreReport = caught.value.report  # type: ignore[attr-defined]
    assert outcomes(report) == [Outcome.STORED] * 3 + [Outcome.UNKNOWN] * 7


# The end of the association.


def test_a_body_that_fails_in_the_middle_fails_its_instance_and_ends_the_association() -> None:
    """Half a data set is out and the rest cannot follow."""
    stage, session = start()
    items = Items([Item(0), Failing(1), Item(2)])
    report = stage.run(store(session, items).run())
    assert outcomes(report) == [Outcome.STORED, Outcome.FAILED, Outcome.NOT_SENT]
    assert isinstance(report.error, StorageError)
    assert report.results[1].detail == "the disk broke"
    assert items.all_closed()
    stage.rest()
    assert isinstance(stage.peer.error, AssociationAborted)


def test_what_was_in_flight_beside_a_body_that_failed_is_unknown() -> None:
    """Nobody will tell what became of it."""
    archive = Archive()
    stage, session = start(archive, window=4)
    items = Items([Item(0), Item(1), Failing(2), Item(3), Item(4)])
    report = stage.run(store(session, items).run())
    assert outcomes(report) == [Outcome.UNKNOWN] * 4 + [Outcome.NOT_SENT]
    assert items.all_closed()


@pytest.mark.parametrize("window", [1, 4])
def test_an_association_lost_in_the_middle_leaves_the_unknown_and_the_unsent(window: int) -> None:
    """Each instance is told apart, and the report says why."""
    archive = Archive()
    stage, session = start(archive, window=window)
    items = Items(10)
    task = stage.start(store(session, items).run())
    stage.rest()
    archive.answer()
    archive.answer(status=0xA700) if archive.held else None
    stage.rest()
    answered = len(archive.requests) - len(archive.held)
    stage.hang_up(stage.peer)
    stage.rest()
    report = task.outcome()
    done = [Outcome.STORED, Outcome.FAILED][:answered]
    assert outcomes(report) == done + [Outcome.UNKNOWN] * window + [Outcome.NOT_SENT] * (10 - window - answered)
    assert isinstance(report.error, ConnectionLost)
    assert all(result.error is report.error for result in report.of(Outcome.UNKNOWN, Outcome.NOT_SENT))
    assert not report.ok
    assert items.all_closed()


def test_answers_of_the_last_moment_are_read() -> None:
    """They came before the end, so what they say is known."""
    archive = Archive()
    stage, session = start(archive, window=4)
    stage.peers[0].buffers_per_pump = None  # all in one piece
    task = stage.start(store(session, Items(6)).run())
    stage.rest()
    while archive.held:
        archive.answer()
    stage.peer.release()
    stage.rest()
    report = task.outcome()
    assert outcomes(report) == [Outcome.STORED] * 4 + [Outcome.NOT_SENT] * 2
    assert type(report.error) is AssociationError


@pytest.mark.parametrize(("window", "stored"), [(1, 4), (4, 1)])  # one is read at first, then as many as may go
def test_an_association_lost_between_two_requests_is_not_taken_for_a_refused_context(window: int, stored: int) -> None:
    """Everything was answered, then it ended: the rest was not sent, and that is why."""

    def answer(inbound: Inbound, _: bytes | None) -> None:
        inbound.respond(Status.SUCCESS)

    def take_then_end() -> Iterator[Item]:
        for index in range(8):
            if index == 4:
                stage.rest()  # all answers come
                session.abort()
            yield Item(index)

    stage, session = start(Scp(store=answer), window=window)
    items = Items(take_then_end())
    report = stage.run(store(session, items).run())
    assert isinstance(report.error, AssociationAborted)
    assert outcomes(report) == [Outcome.STORED] * stored + [Outcome.NOT_SENT] * (8 - stored)
    assert items.all_closed()


def test_an_association_lost_while_the_next_were_read_keeps_what_was_answered() -> None:
    """The answer had come, and only then the end; those that were read have a way that is none any more."""
    stage, session = start(window=4)

    class Slow(Item):
        def body(self, read_ahead: int = 0) -> MemoryBody:
            stage.rest()
            session.abort()
            return super().body()

    items = Items([Item(0), Item(1), Slow(2), Item(3), Item(4)])
    report = stage.run(store(session, items).run())
    assert outcomes(report) == [Outcome.STORED] + [Outcome.NOT_SENT] * 4
    assert isinstance(report.error, AssociationAborted)
    assert items.all_closed()


class Two(OneAssociation):
    """Has a second association when the first is lost."""

    def __init__(self, session: Session, second: Session) -> None:
        super().__init__(session)
        self.second = second

    def reopen(self, error: Exception) -> Script[bool]:
        if self.session is self.second:
            return False
        self.session = self.second
        yield Wait(self.second, lambda: True)
        return True


def test_a_store_goes_on_over_a_new_association() -> None:
    """If its routes have one: what was in flight stays unknown, the rest is sent."""
    archive = Archive()
    stage, session = start(archive, window=2)
    second = stage.associate(CT_NAMES, window=2)
    items = Items(8)
    task = stage.start(Store(Two(session, second), items).run())
    stage.rest()
    stage.hang_up(stage.peers[0].session)  # type: ignore[arg-type]
    stage.rest()
    archive.held[:2] = []
    while not task.done:
        archive.answer()
        stage.rest()
    report = task.outcome()
    assert outcomes(report) == [Outcome.UNKNOWN] * 2 + [Outcome.STORED] * 6
    assert report.error is None
    assert items.all_closed()


def test_a_find_that_was_left_is_settled_first() -> None:
    """Then the instances go out as ever."""

    def until_cancelled(inbound: Inbound, _: bytes | None) -> Script[None]:
        inbound.respond(Status.PENDING, b"\x08\x00\x05\x00\x00\x00\x00\x00")
        yield Wait(inbound.session, lambda: inbound.cancelled)
        inbound.respond(Status.CANCEL)

    scp = Scp(find=until_cancelled)
    stage, session = start(scp, names=[*CT_NAMES, "study-root-find"])
    find = Find(session, context_of(session, "study-root-find"), dataset(QueryRetrieveLevel="STUDY"))
    stage.run(find.begin())
    stage.run(find.next())
    assert stage.run(store(session, Items(3)).run()).ok
    assert len(scp.cancels) == 1


def test_a_find_that_cannot_be_settled_ends_the_store_with_a_report() -> None:
    """Nothing was sent, and nothing is left open."""
    scp = Scp(find=lambda inbound, _: inbound.respond(Status.PENDING, b"\x08\x00\x05\x00\x00\x00\x00\x00"))
    stage, session = start(scp, names=[*CT_NAMES, "study-root-find"])
    find = Find(session, context_of(session, "study-root-find"), dataset(QueryRetrieveLevel="STUDY"))
    stage.run(find.begin())
    stage.run(find.next())
    items = Items(3)
    report = stage.run(store(session, items).run())
    assert outcomes(report) == [Outcome.NOT_SENT] * 3
    assert isinstance(report.error, DicomTimeout)
    assert items.all_closed()


def test_after_a_find_that_cannot_be_settled_all_go_over_a_new_association() -> None:
    """That one, too, which was about to be sent on the first."""
    scp = Scp(find=lambda inbound, _: inbound.respond(Status.PENDING, b"\x08\x00\x05\x00\x00\x00\x00\x00"))
    stage, session = start(scp, names=[*CT_NAMES, "study-root-find"])
    second = stage.associate(CT_NAMES)
    find = Find(session, context_of(session, "study-root-find"), dataset(QueryRetrieveLevel="STUDY"))
    stage.run(find.begin())
    stage.run(find.next())
    items = Items(3)
    report = stage.run(Store(Two(session, second), items).run())
    assert outcomes(report) == [Outcome.STORED] * 3
    assert items.all_closed()


def test_a_store_left_while_it_settles_leaves_no_body_open() -> None:
    """Nothing of it was sent yet."""
    scp = Scp(find=lambda inbound, _: inbound.respond(Status.PENDING, b"\x08\x00\x05\x00\x00\x00\x00\x00"))
    stage, session = start(scp, names=[*CT_NAMES, "study-root-find"])
    find = Find(session, context_of(session, "study-root-find"), dataset(QueryRetrieveLevel="STUDY"))
    stage.run(find.begin())
    stage.run(find.next())
    items = Items(3)
    task = stage.start(store(session, items).run())
    stage.rest()
    task.leave()
    assert items.given[0].bodies
    assert items.all_closed()
    stage.rest()
    assert not any(isinstance(command, CStoreRequest) for command in scp.commands)


def test_what_was_read_for_nobody_is_closed() -> None:
    """A shell whose task was cancelled while a thread reads closes what the thread brings."""
    _, session = start()
    items = Items(3)
    script = store(session, items).run()
    step = next(script)
    assert isinstance(step, Work)
    batch = step.function()
    script.close()
    batch.close()
    assert items.given[0].bodies
    assert items.all_closed()


def test_a_new_association_that_cannot_be_had_is_why_the_store_ended() -> None:
    """The first loss is told of what was in flight."""

    class Unreachable(OneAssociation):
        def reopen(self, error: Exception) -> Script[bool]:
            yield Wait(self.session, lambda: True)
            raise ConnectFailed("ACCEPTOR@peer:104", "connection refused")

    archive = Archive()
    stage, session = start(archive)
    task = stage.start(Store(Unreachable(session), Items(3)).run())
    stage.rest()
    stage.hang_up(stage.peer)
    stage.rest()
    report = task.outcome()
    assert [type(result.error) for result in report] == [ConnectionLost, ConnectFailed, ConnectFailed]
    assert isinstance(report.error, ConnectFailed)


def test_a_response_with_a_data_set_is_a_response() -> None:
    """PS3.7 9.1.1 knows none there; it is thrown away."""
    stage, session = start(Scp(store=lambda inbound, _: respond_anyway(inbound, 0x0000, b"12")))
    assert stage.run(store(session, Items(2)).run()).ok


# Stopping, leaving, telling.


def test_a_stop_sends_no_more_and_waits_for_what_is_out() -> None:
    """Its results are known; those that were read and not sent are told as such."""
    archive = Archive()
    stage, session = start(archive, window=2)
    stopped = False
    items = Items(20)
    told: list[StoreResult] = []
    task = stage.start(store(session, items, stop=lambda: stopped, on_result=told.append).run())
    stage.rest()
    stopped = True
    archive.answer()
    archive.answer()
    stage.rest()
    report = task.outcome()
    assert outcomes(report)[:2] == [Outcome.STORED] * 2
    assert set(outcomes(report)[2:]) == {Outcome.NOT_SENT}
    assert (report.stopped, report.ok, report.failed) == (True, False, [])
    assert str(report) == f"2 stored, {len(report) - 2} not sent; stopped"
    assert len(archive.requests) == 2
    assert sorted(result.index for result in told) == [result.index for result in report]
    assert report.error is None
    assert len(items.given) < 20
    assert items.all_closed()
    assert session.established


@pytest.mark.parametrize("window", [1, 4])
def test_a_store_left_in_the_middle_leaves_the_association_usable(window: int) -> None:
    """As Ctrl-C does: what was in flight is settled by the next operation, and nothing stays open."""
    archive = Archive()
    stage, session = start(archive, window=window)
    items = Items(20)
    task = stage.start(store(session, items).run())
    stage.rest()
    task.leave()
    assert len(session.unfinished) == window
    ping = stage.start(echo(session, context_of(session, "verification")))
    stage.rest()
    assert not ping.done
    while archive.held:
        archive.answer()
    stage.rest()
    assert ping.outcome() == Status.SUCCESS
    assert not session.unfinished
    assert items.all_closed()


def test_the_late_answers_of_a_store_that_was_left_are_thrown_away() -> None:
    """Also if nothing follows; the log still counts them."""
    archive = Archive()
    stage, session = start(archive, window=16)
    task = stage.start(store(session, Items(4)).run())
    stage.rest()
    task.leave()
    while archive.held:
        archive.answer()
    stage.rest()
    assert not session.unfinished
    assert session.ledger.stored == 4


def test_progress_only_grows_and_ends_with_everything() -> None:
    """A large instance is counted as it leaves, a small one when it is done."""
    told: list[Progress] = []
    sizes = [100, 3 * MIB, 200, 2 * MIB, 300]
    stage, session = start(buffer_size=64 * KIB, window=2)
    items = Items([Item(index, length=size) for index, size in enumerate(sizes)])
    stage.run(store(session, items, progress=told.append).run())
    for before, after in pairwise(told):
        assert before.bytes <= after.bytes
        assert before.instances <= after.instances
    assert (told[-1].instances, told[-1].failed, told[-1].bytes) == (5, 0, sum(sizes))
    assert len({progress.bytes for progress in told}) > 20
    assert items.all_closed()


def test_a_large_instance_moves_before_it_is_done() -> None:
    """Also one that was answered while the next was looked at, before anybody waited for it."""
    told: list[Progress] = []
    stage, session = start(buffer_size=8 * MIB)
    items = Items([Item(0, length=3 * MIB), Item(1)])
    stage.run(working_slowly(store(session, items, progress=told.append).run()))
    assert [(step.instances, step.bytes) for step in told] == [(0, 3 * MIB), (1, 3 * MIB), (2, 3 * MIB + 100)]


def test_progress_counts_failures() -> None:
    """What was skipped is none."""
    told: list[Progress] = []
    full = {"1.2.3.5": Status(0xA700)}
    scp = Scp(
        store=lambda inbound, _: inbound.respond(full.get(inbound.command.sop_instance_uid or "", Status.SUCCESS))
    )
    stage, session = start(scp)
    others = [Skipped(1, "text"), Unreadable(2, StorageError("no")), Item(3, sop_class=MR_IMAGE_STORAGE), Item(4)]
    stage.run(store(session, Items([Item(0), *others]), progress=told.append).run())
    assert (told[-1].instances, told[-1].failed, told[-1].bytes) == (5, 3, 100)


def test_each_result_is_told_once_when_it_is_final() -> None:
    """Whatever became of it."""
    told: list[StoreResult] = []
    stage, session = start(Scp(store=lambda inbound, _: inbound.respond(0xB000)))
    items = Items([Item(0), Skipped(1, "text"), Unreadable(2, StorageError("no")), Item(3)])
    report = stage.run(store(session, items, on_result=told.append).run())
    assert sorted(result.index for result in told) == [0, 1, 2, 3]
    assert {id(result) for result in told} == {id(result) for result in report}
    assert [result.transfer_syntax_uid for result in report] == [EXPLICIT_LE, None, None, EXPLICIT_LE]


def test_the_bytes_of_a_report_are_those_that_were_acknowledged() -> None:
    """As they were sent."""

    def answer(inbound: Inbound, _: bytes | None) -> None:
        inbound.respond(0xA700 if inbound.command.sop_instance_uid == "1.2.3.2" else 0x0000)

    stage, session = start(Scp(store=answer))
    items = Items([Item(0, length=10), Item(1, length=1000), Item(2, length=20)])
    assert stage.run(store(session, items).run()).bytes == 30


# Everything at once.

KINDS: dict[str, Callable[[int], Any]] = {
    "instance": Item,
    "foreign": lambda index: Item(index, sop_class=MR_IMAGE_STORAGE),
    "skipped": lambda index: Skipped(index, "text"),
    "unreadable": lambda index: Unreadable(index, StorageError("no")),
    "gone": lambda index: Failing(index, in_the_middle=False),
    "breaking": Failing,
}


@given(
    kinds=st.lists(
        st.sampled_from(["instance"] * 8 + ["foreign", "skipped", "unreadable", "gone", "breaking"]), max_size=30
    ),
    statuses=st.lists(st.sampled_from([0, 0, 0, 0xB000, 0xB007, 0xA700, 0xC001]), min_size=30, max_size=30),
    negotiated=st.sampled_from([None, 1, 2, 5, 16]),
    asked=st.sampled_from([None, 1, 3, 20]),
    lost_after=st.none() | st.integers(0, 12),
    data=st.data(),
)
def test_every_instance_has_one_result_and_every_acknowledgement_is_counted_once(
    kinds: list[str],
    statuses: list[int],
    negotiated: int | None,
    asked: int | None,
    lost_after: int | None,
    data: st.DataObject,
) -> None:
    """Whatever they are, in whatever order they are answered, and wherever the association is lost."""
    archive = Archive()
    stage, session = start(archive, window=negotiated, limits=Limits(asynchronous_window=16))
    items = Items([KINDS[kind](index) for index, kind in enumerate(kinds)])
    told: list[StoreResult] = []
    task = stage.start(store(session, items, window=asked, on_result=told.append).run())
    answered: dict[str, int] = {}
    while True:
        stage.rest()
        if task.done or session.over:
            break
        limit = min(negotiated or 1, asked or 16)
        assert 1 <= len(archive.held) <= limit
        if lost_after == len(answered):
            stage.hang_up(stage.peer)
            continue
        index = data.draw(st.integers(0, len(archive.held) - 1))
        inbound = archive.held[index]
        assert inbound.command.sop_instance_uid is not None
        answered[inbound.command.sop_instance_uid] = statuses[len(answered)]
        archive.answer(index, answered[inbound.command.sop_instance_uid])
    stage.rest()
    report = task.outcome()

    assert [result.index for result in report] == list(range(len(kinds)))
    assert sorted(result.index for result in told) == list(range(len(kinds)))
    for kind, result in zip(kinds, report, strict=True):
        status = answered.get(result.sop_instance_uid or "")
        if status is not None:
            expected = {0: Outcome.STORED, 0xB: Outcome.WARNING}.get(status >> 12, Outcome.FAILED)
            assert (result.outcome, result.status) == (expected, status)
        else:
            assert not result.ok
            assert kind != "skipped" or result.outcome in (Outcome.SKIPPED, Outcome.NOT_SENT)
    acknowledged = sum(status in (0, 0xB000, 0xB007) for status in answered.values())
    assert len(report.stored) == len(report.instances) == acknowledged == session.ledger.stored
    assert (report.error is not None) == session.over
    assert items.all_closed()


@pytest.mark.parametrize("window", [0, -1])
def test_a_window_that_sends_nothing_is_refused(window: int) -> None:
    """At once, not by waiting for ever."""
    with pytest.raises(InvalidValue, match=f"a window of {window} operations"):
        Store(cast("Any", None), cast("Any", None), window=window)
