"""A query: its matches one by one, and every way in which it can end."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import Any

import pytest
from pydicom import Dataset

from dicomnet.datasets import encode_dataset
from dicomnet.dimse.commands import CFindRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationAborted, ConnectionLost, StateError, StatusError, StorageError
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.matches import Match
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.steps import Script, Wait
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import MIB, Limits
from dicomnet.types import Priority
from exchanges.stage import Scp, Stage, context_of, dataset, decoded, respond_anyway
from pair import EXPLICIT_LE, MemoryBody

BROKEN = b"\x10\x00\x10\x00PN\xff\x7fA^B\x00"
"""An element that is longer than the bytes there are."""


def identifier(**keys: Any) -> Dataset:
    return dataset(QueryRetrieveLevel="STUDY", **keys)


def encoded(**keys: Any) -> bytes:
    return encode_dataset(identifier(**keys), EXPLICIT_LE)


def query(session: Session, **options: Any) -> Find:
    return Find(session, context_of(session, "study-root-find"), identifier(PatientID="1*"), **options)


def matches(find: Find) -> Script[list[Match]]:
    """All of them."""
    yield from find.begin()
    found = []
    while (one := (yield from find.next())) is not None:
        found.append(one)
    return found


def answering(*responses: tuple[int, bytes | None]) -> Callable[[Inbound, bytes | None], None]:
    def handler(inbound: Inbound, _: bytes | None) -> None:
        for status, data in responses:
            respond_anyway(inbound, status, data)

    return handler


def ask(*responses: tuple[int, bytes | None], **settings: Any) -> tuple[list[Match], Find]:
    """The matches that these responses make."""
    stage = Stage(Scp(find=answering(*responses)))
    session = stage.associate(["study-root-find"], **settings)
    find = query(session)
    return stage.run(matches(find)), find


def test_what_is_asked_and_found_is_in_the_debug_log(caplog: pytest.LogCaptureFixture) -> None:
    """In the order in which it goes over the wire, with the association that it belongs to; patients are masked."""
    caplog.set_level(logging.DEBUG, "dicomnet")
    _, find = ask((Status.PENDING, encoded(PatientID="17", StudyDescription="KNEE")), (Status.SUCCESS, None))
    told = [
        one.getMessage() for one in caplog.records if "\n" in one.getMessage() and find.session.id in one.getMessage()
    ]
    assert [text.split("\n")[0] for text in told] == [
        f"{find.session.id} > C-FIND-RQ asks for",
        f"{find.session.id} < C-FIND-RSP",
    ]
    assert "KNEE" in told[1]
    assert "17" not in told[1].replace(find.session.id, "")


def test_matches_come_in_their_order_and_then_the_status() -> None:
    """None says that there are no more, however often it is asked."""
    found, find = ask(*((Status.PENDING, encoded(PatientID=str(n))) for n in range(5)), (Status.SUCCESS, None))
    assert [match.PatientID for match in found] == list("01234")
    assert (find.status, find.count) == (Status.SUCCESS, 5)
    assert not list(find.next())


def test_a_match_without_end_ends_the_association() -> None:
    """Nobody can refuse a response: the caller is told, the peer aborted, and no more of it is held than the limit says."""

    def handler(inbound: Inbound, _: bytes | None) -> None:
        inbound.respond(Status.PENDING, MemoryBody(bytes(10 * MIB)))

    stage = Stage(scp := Scp(find=handler))
    session = stage.associate(["study-root-find"], limits=Limits(response_data=100_000))
    with pytest.raises(StorageError, match="more than the 100000 bytes"):
        stage.run(matches(query(session)))
    stage.rest()
    assert stage.peer.over
    assert len(scp.ends) == 1
    with pytest.raises(AssociationAborted, match=r"by this side .* more than the 100000 bytes"):
        session.check()


@pytest.mark.parametrize("excess", [0, 2])
def test_a_match_may_be_as_large_as_the_limit(excess: int) -> None:
    """Not a byte more, also where the whole of it comes in one PDU."""
    data = b"\x10\x00\x10\x00LT" + (1000 + excess).to_bytes(2, "little") + b" " * (1000 + excess)
    responses = (Status.PENDING, data), (Status.SUCCESS, None)
    if excess:
        with pytest.raises(StorageError):
            ask(*responses, limits=Limits(response_data=1008))
    else:
        found, _ = ask(*responses, limits=Limits(response_data=1008))
        assert len(found) == 1


def test_the_query_goes_out_as_it_was_given() -> None:
    """In the syntax of its context, with its priority."""
    scp = Scp()
    stage = Stage(scp)
    session = stage.associate(["study-root-find"])
    assert stage.run(matches(query(session, priority=Priority.HIGH))) == []
    (command,) = scp.commands
    assert isinstance(command, CFindRequest)
    assert command.priority == Priority.HIGH
    assert decoded(scp.data[0]).PatientID == "1*"


def test_a_match_tells_whether_keys_were_not_supported() -> None:
    """FF01 told apart from FF00 (PS3.4 C.4.1.1.4)."""
    found, _ = ask(
        (Status.PENDING, encoded(PatientID="1")),
        (Status.PENDING_WARNING, encoded(PatientID="2")),
        (Status.SUCCESS, None),
    )
    assert [(match.status, match.unsupported_keys) for match in found] == [(0xFF00, False), (0xFF01, True)]


def test_a_failure_after_matches_is_raised_with_its_comment() -> None:
    """What came before it was given; afterwards there is nothing more."""

    def fail(inbound: Inbound, _: bytes | None) -> None:
        inbound.respond(Status.PENDING, encoded(PatientID="1"))
        inbound.respond(0xA700, error_comment="too many")

    stage = Stage(Scp(find=fail))
    session = stage.associate(["study-root-find"])
    find = query(session)
    stage.run(find.begin())
    assert stage.run(find.next()) is not None
    with pytest.raises(StatusError, match=r"C-FIND failed with status A700.*too many") as caught:
        stage.run(find.next())
    assert caught.value.error_comment == "too many"
    assert find.status == 0xA700
    assert stage.run(find.next()) is None
    assert not session.unfinished


def test_a_pending_response_without_an_identifier_is_no_match() -> None:
    """There is nothing in it; the query goes on."""
    found, find = ask(
        (Status.PENDING, None), (Status.PENDING, encoded(PatientID="1")), (Status.PENDING, None), (Status.SUCCESS, None)
    )
    assert [match.PatientID for match in found] == ["1"]
    assert find.count == 1


def test_an_identifier_with_a_final_response_is_not_a_match() -> None:
    """Some peers send one; PS3.7 9.1.2.1.5 knows none there."""
    found, find = ask((Status.PENDING, encoded(PatientID="1")), (Status.SUCCESS, encoded(PatientID="2")))
    assert [match.PatientID for match in found] == ["1"]
    assert find.status == Status.SUCCESS


def test_an_identifier_that_cannot_be_decoded_is_still_a_match() -> None:
    """With its bytes, and what is wrong with them; those around it are not touched."""
    found, find = ask(
        (Status.PENDING, encoded(PatientID="1")),
        (Status.PENDING, BROKEN),
        (Status.PENDING, encoded(PatientID="2")),
        (Status.SUCCESS, None),
    )
    assert len(found) == find.count == 3
    assert found[1].raw == BROKEN
    assert found[1].problem
    assert found[2].problem is None


def test_text_without_a_character_set_is_taken_as_the_tolerance_says() -> None:
    """For peers that never declare theirs."""
    name = "Müller".encode("iso8859-1")
    raw = b"\x10\x00\x10\x00PN" + len(name).to_bytes(2, "little") + name
    greek, _ = ask((Status.PENDING, raw), (Status.SUCCESS, None), tolerance=Tolerance(fallback_charset="ISO_IR 126"))
    latin, _ = ask((Status.PENDING, raw), (Status.SUCCESS, None))
    assert str(latin[0].PatientName) == "Müller"
    assert str(greek[0].PatientName) != "Müller"


def test_a_lost_association_is_raised_after_the_matches_that_came() -> None:
    """None of them is lost with it."""

    def vanish(inbound: Inbound, _: bytes | None) -> Script[None]:
        for number in range(3):
            inbound.respond(Status.PENDING, encoded(PatientID=str(number)))
        yield Wait(inbound.session, lambda: not inbound.session.crowded, 1.0)
        yield Wait(inbound.session, lambda: False, 1.0)
        stage.hang_up(inbound.session)

    stage = Stage(Scp(find=vanish))
    session = stage.associate(["study-root-find"])
    find = query(session)
    stage.run(find.begin())
    stage.advance(5)
    for _ in range(3):
        assert stage.run(find.next()) is not None
    with pytest.raises(ConnectionLost):
        stage.run(find.next())


def until_cancelled(inbound: Inbound, _: bytes | None) -> Script[None]:
    while not inbound.cancelled:
        inbound.respond(Status.PENDING, encoded(PatientID="1"))
        yield Wait(inbound.session, lambda: inbound.cancelled, 1.0)
    inbound.respond(Status.CANCEL)


def test_closing_cancels_and_waits_for_the_end() -> None:
    """Once; what comes meanwhile is thrown away."""
    scp = Scp(find=until_cancelled)
    stage = Stage(scp)
    session = stage.associate(["study-root-find"])
    find = query(session)
    stage.run(find.begin())
    stage.run(find.next())
    stage.advance(5)
    stage.run(find.close())
    assert not session.unfinished
    assert stage.run(find.next()) is None
    stage.run(find.close())
    assert len(scp.cancels) == 1
    assert session.established


def test_closing_a_query_that_is_over_cancels_nothing() -> None:
    """Its last matches are thrown away, and that is all."""
    scp = Scp(find=answering((Status.PENDING, encoded()), (Status.PENDING, encoded()), (Status.SUCCESS, None)))
    stage = Stage(scp)
    session = stage.associate(["study-root-find"])
    find = query(session)
    stage.run(find.begin())
    stage.run(find.next())
    stage.rest()
    stage.run(find.close())
    assert not scp.cancels
    assert not session.unfinished


def test_closing_one_of_two_queries_leaves_the_other() -> None:
    """Both have room in the window, so each is its own."""
    scp = Scp(find=until_cancelled)
    stage = Stage(scp)
    session = stage.associate(["study-root-find"], window=4)
    first, second = query(session), query(session)
    for find in (first, second):
        stage.run(find.begin())
        stage.run(find.next())
    stage.run(first.close())
    assert len(scp.cancels) == 1
    assert stage.run(second.next()) is not None


def test_a_query_that_was_never_begun_has_no_matches() -> None:
    """And nothing to be closed."""
    stage = Stage(Scp())
    session = stage.associate(["study-root-find"])
    find = query(session)
    assert stage.run(find.next()) is None
    stage.run(find.close())
    assert session.established


def test_a_query_left_by_its_script_may_be_read_on() -> None:
    """Whoever waited was interrupted; the match that came meanwhile is not lost."""
    scp = Scp(find=until_cancelled)
    stage = Stage(scp)
    session = stage.associate(["study-root-find"])
    find = query(session)
    stage.run(find.begin())
    stage.run(find.next())
    task = stage.start(find.next())
    task.leave()
    assert stage.run(find.next()) is not None
    assert find.count == 2


def test_a_second_query_ends_the_first() -> None:
    """One at a time without a window (PS3.7 D.3.3.3)."""
    scp = Scp(find=until_cancelled)
    stage = Stage(scp)
    session = stage.associate(["study-root-find"])
    first, second = query(session), query(session)
    stage.run(first.begin())
    stage.run(first.next())
    stage.run(second.begin())
    assert stage.run(second.next()) is not None
    assert len(scp.cancels) == 1
    with pytest.raises(StateError):
        stage.run(first.next())
