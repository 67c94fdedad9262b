"""Which requests are outstanding, and until when."""

from __future__ import annotations

import pytest

from dicomnet.dimse.commands import (
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CMoveRequest,
    CStoreRequest,
    CStoreResponse,
    NActionRequest,
    Request,
    Response,
)
from dicomnet.dimse.operations import Operations
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidMessage, StateError
from dicomnet.limits import Timeouts
from pair import STUDY_ROOT_GET, echo

NOW = 100.0
TIMES = Timeouts(response=60.0, store_response=300.0, retrieve_response=1800.0)


def answer(message_id: int, status: int = Status.SUCCESS, made: type[Response] = CEchoResponse) -> Response:
    return made(message_id_being_responded_to=message_id, status=Status(status))


class TestMessageIds:
    def test_they_count_from_one(self) -> None:
        """Zero is not forbidden, but not worth the surprise."""
        operations = Operations(TIMES)
        assert [operations.next_message_id() for _ in range(3)] == [1, 2, 3]

    def test_they_begin_anew_after_the_last(self) -> None:
        """65535 is followed by 1, and not by one that is still outstanding."""
        operations = Operations(TIMES)
        for _ in range(0xFFFF):
            last = operations.next_message_id()
        assert last == 0xFFFF
        operations.invoke(echo(1), 1)
        operations.invoke(echo(2), 1)
        assert operations.next_message_id() == 3

    def test_they_can_be_used_up(self) -> None:
        """With every one of them outstanding there is none to give."""
        operations = Operations(TIMES)
        for message_id in range(1, 0x10000):
            operations.invoke(echo(message_id), 1)
        with pytest.raises(StateError):
            operations.next_message_id()

    def test_one_that_waits_is_not_given_again(self) -> None:
        """A request that has no place in the window yet keeps its ID, and nobody else may use it."""
        operations = Operations(TIMES)
        operations.waiting.add(1)
        assert operations.next_message_id() == 2
        for refuse in operations.check_unused, lambda message_id: operations.invoke(echo(message_id), 1):
            with pytest.raises(StateError, match="1 is still outstanding"):
                refuse(1)
        operations.clear()
        operations.check_unused(1)

    def test_an_outstanding_one_is_not_used_again(self) -> None:
        """Until its final response has come."""
        operations = Operations(TIMES)
        operations.invoke(echo(7), 1)
        with pytest.raises(StateError):
            operations.invoke(echo(7), 1)
        operations.answered(answer(7), 1, NOW)
        operations.invoke(echo(7), 1)

    def test_both_sides_number_for_themselves(self) -> None:
        """The same ID in both directions is two operations."""
        operations = Operations(TIMES)
        operations.invoke(echo(7), 1)
        assert operations.perform(echo(7), 1)
        operations.answered(answer(7), 1, NOW)
        assert not operations.invoked
        assert 7 in operations.performing


class TestInvoked:
    def test_a_final_response_ends_it(self) -> None:
        """Whatever the status, if it is not pending."""
        for status in Status.SUCCESS, Status.PROCESSING_FAILURE, Status.CANCEL, Status.COERCION, 0x1234:
            operations = Operations(TIMES)
            operation = operations.invoke(echo(1), 1, "ticket")
            assert operations.answered(answer(1, status), 1, NOW) is operation
            assert operation.ticket == "ticket"
            assert not operations

    def test_a_pending_response_does_not(self) -> None:
        """More follows."""
        operations = Operations(TIMES)
        operation = operations.invoke(CFindRequest(message_id=1), 1)
        for status in Status.PENDING, Status.PENDING_WARNING:
            assert operations.answered(answer(1, status, CFindResponse), 1, NOW) is operation
            assert 1 in operations.invoked

    def test_a_response_to_nothing(self) -> None:
        """Neither one with another ID, nor one of another message, nor one on another context, is ours."""
        operations = Operations(TIMES)
        operations.invoke(echo(1), 1)
        assert operations.answered(answer(2), 1, NOW) is None
        assert operations.answered(answer(1, made=CStoreResponse), 1, NOW) is None
        assert operations.answered(answer(1), 3, NOW) is None
        assert 1 in operations.invoked

    @pytest.mark.parametrize("status", [Status.PENDING, Status.PENDING_WARNING])
    def test_a_pending_response_where_none_may_be(self, status: Status) -> None:
        """It would never end, so it is refused, and the operation is not over."""
        operations = Operations(TIMES)
        operations.invoke(echo(1), 1)
        with pytest.raises(InvalidMessage, match="C-ECHO-RSP that is pending"):
            operations.answered(answer(1, status), 1, NOW)
        assert 1 in operations.invoked

    def test_the_end_of_the_association_ends_all(self) -> None:
        """In both directions."""
        operations = Operations(TIMES)
        operations.request_sent(operations.invoke(echo(1), 1), NOW)
        operations.perform(echo(1), 1)
        assert operations
        operations.clear()
        assert not operations
        assert operations.deadline is None


class TestDeadlines:
    @pytest.mark.parametrize(
        ("request_", "seconds"),
        [
            (echo(1), 60.0),
            (CFindRequest(message_id=1), 60.0),
            (NActionRequest(message_id=1), 60.0),
            (CStoreRequest(message_id=1), 300.0),
            (CGetRequest(message_id=1), 1800.0),
            (CMoveRequest(message_id=1), 1800.0),
        ],
    )
    def test_each_kind_of_request_has_its_own(self, request_: Request, seconds: float) -> None:
        """It runs from the moment the request has left as a whole."""
        operations = Operations(TIMES)
        operation = operations.invoke(request_, 1)
        assert operations.deadline is None
        operations.request_sent(operation, NOW)
        assert operations.deadline == NOW + seconds
        assert operations.overdue() is operation

    def test_the_first_one_counts(self) -> None:
        """Of several outstanding operations the one that is due first is asked for."""
        operations = Operations(TIMES)
        store, first, second = (
            operations.invoke(CStoreRequest(message_id=1), 1),
            operations.invoke(echo(2), 1),
            operations.invoke(echo(3), 1),
        )
        for at, operation in enumerate([store, first, second]):
            operations.request_sent(operation, NOW + at)
        assert operations.overdue() is first
        operations.answered(answer(2), 1, NOW)
        assert operations.overdue() is second
        operations.answered(answer(3), 1, NOW)
        assert operations.overdue() is store

    def test_a_pending_response_begins_it_anew(self) -> None:
        """Each match gives the peer the whole time for the next."""
        operations = Operations(TIMES)
        operations.request_sent(operations.invoke(CFindRequest(message_id=1), 1), NOW)
        operations.answered(answer(1, Status.PENDING, CFindResponse), 1, NOW + 50)
        assert operations.deadline == NOW + 110

    def test_a_retrieval_lives_while_anything_comes(self) -> None:
        """C-GET and C-MOVE are silent while their sub-operations run; other operations are not kept alive by them."""
        operations = Operations(TIMES)
        operations.request_sent(operations.invoke(CGetRequest(message_id=1), 1), NOW)
        operations.request_sent(operations.invoke(CMoveRequest(message_id=2), 1), NOW)
        operations.request_sent(operations.invoke(CStoreRequest(message_id=3), 1), NOW)
        operations.invoke(CGetRequest(message_id=4), 1)
        operations.sign_of_life(NOW + 1000)
        deadlines = [operation.deadline for operation in operations.invoked.values()]
        assert deadlines == [NOW + 2800, NOW + 2800, NOW + 300, None]

    def test_a_retrieval_that_is_over_is_forgotten(self) -> None:
        """An association may see any number of them."""
        operations = Operations(TIMES)
        request = CGetRequest(message_id=1, affected_sop_class_uid=STUDY_ROOT_GET)
        over = operations.invoke(request, 1)
        operations.request_sent(over, NOW)
        assert operations.answered(request.respond(Status.SUCCESS), 1, NOW) is over
        operations.sign_of_life(NOW + 1000)
        assert over.deadline == NOW + 1800

    def test_what_we_did_not_read_is_not_overdue(self) -> None:
        """All deadlines move by the time in which we could not have seen the answer."""
        operations = Operations(TIMES)
        operations.request_sent(operations.invoke(echo(1), 1), NOW)
        operations.invoke(echo(2), 1)
        operations.postpone(1000.0, NOW + 1010)
        assert [operation.deadline for operation in operations.invoked.values()] == [NOW + 1060, None]

    def test_a_pause_moves_only_what_ran_during_it(self) -> None:
        """A request that left while we did not read has its whole time from then on, and not the pause on top."""
        operations = Operations(TIMES)
        operations.request_sent(operations.invoke(echo(1), 1), NOW)
        operations.request_sent(operations.invoke(echo(2), 1), NOW + 30)
        operations.request_sent(operations.invoke(echo(3), 1), NOW + 50)
        operations.postpone(40.0, NOW + 50)
        assert [operation.deadline for operation in operations.invoked.values()] == [NOW + 100, NOW + 110, NOW + 110]

    def test_they_can_be_switched_off(self) -> None:
        """Then nothing is overdue, however often the peer gives a sign of life."""
        operations = Operations(Timeouts(response=None, store_response=None, retrieve_response=None))
        for request in echo(1), CStoreRequest(message_id=2), CGetRequest(message_id=3):
            operations.request_sent(operations.invoke(request, 1), NOW)
        operations.invoke(CFindRequest(message_id=4), 1)
        operations.answered(answer(4, Status.PENDING, CFindResponse), 1, NOW)
        operations.sign_of_life(NOW)
        operations.postpone(5.0, NOW + 5)
        assert operations.deadline is None
        assert operations.overdue() is None


class TestPerforming:
    def test_an_outstanding_id_is_a_duplicate(self) -> None:
        """Until the final response: a pending one does not end it."""
        operations = Operations(TIMES)
        assert operations.perform(CFindRequest(message_id=5), 3)
        assert not operations.perform(echo(5), 1)
        operations.responded(answer(5, Status.PENDING, CFindResponse))
        assert not operations.perform(echo(5), 1)
        operations.responded(answer(5, Status.SUCCESS, CFindResponse))
        assert operations.perform(echo(5), 1)

    def test_an_operation_is_cancelled(self) -> None:
        """It is marked, and stays until it is answered."""
        operations = Operations(TIMES)
        operations.perform(CFindRequest(message_id=5), 3)
        assert not operations.performing[5].cancelled
        operations.cancelled(6)
        assert not operations.performing[5].cancelled
        operations.cancelled(5)
        assert operations.performing[5].cancelled
        operations.responded(answer(5, Status.CANCEL, CFindResponse))
        operations.cancelled(5)
        assert not operations.performing

    def test_an_answer_to_nobody_is_no_mistake(self) -> None:
        """An association may have ended while a response was being made."""
        operations = Operations(TIMES)
        operations.responded(answer(1))
        assert not operations
