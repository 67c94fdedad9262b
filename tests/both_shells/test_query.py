"""Queries: matches one by one, and loops that are left early."""

from __future__ import annotations

from typing import Any

import pytest

from both_shells.archive import Archive, Line, answer_find, find_without_end, study
from both_shells.faces import Shell
from dicomnet import (
    AssociationAborted,
    ContextRefused,
    DicomTimeout,
    InvalidValue,
    StateError,
    Status,
    StatusError,
    StorageError,
    Timeouts,
)
from dicomnet.dimse.commands import CFindResponse
from dicomnet.limits import Limits

CONTEXTS = ["verification", "study-root-find"]


def fail_at_the_first(found: Any) -> None:
    for _ in found:
        raise ZeroDivisionError


def test_matches_come_one_by_one(shell: Shell, archive: Archive) -> None:
    """And the status after the last."""
    matches = [study(f"1.2.{number}", PatientName="Doe^Jane") for number in range(3)]
    archive.reactions["find"] = lambda line, message: answer_find(line, message, matches)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        found = association.find("STUDY", PatientID="1*")
        assert [match.StudyInstanceUID for match in found] == ["1.2.0", "1.2.1", "1.2.2"]
        assert found.status == Status.SUCCESS
        assert found.all() == []
    (identifier,) = archive.identifiers
    assert identifier.PatientID == "1*"
    assert "StudyInstanceUID" in identifier


def test_a_loop_may_be_left_and_the_association_go_on(shell: Shell, archive: Archive) -> None:
    """The next operation has the query cancelled first."""
    find_without_end(archive)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        for match in association.find("STUDY", PatientID="1"):
            assert match.StudyInstanceUID == "1.2.1"
            break
        assert association.echo() == Status.SUCCESS
    assert archive.log[:4] == ["associated", "find", "cancel", "echo"]


def test_a_loop_that_raises_leaves_the_association_whole(shell: Shell, archive: Archive) -> None:
    """As one that was left by break."""
    find_without_end(archive)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        with pytest.raises(ZeroDivisionError):
            fail_at_the_first(association.find("STUDY", PatientID="1"))
        assert association.echo() == Status.SUCCESS
    archive.expect("cancel")


def test_a_match_that_is_too_large_ends_the_association(shell: Shell, archive: Archive) -> None:
    """Its bytes are not collected without a bound; the peer is aborted and the caller told."""
    archive.reactions["find"] = lambda line, message: answer_find(
        line, message, [study("1.2", PatientComments="x" * 5000)]
    )
    with shell.associate(archive.address, contexts=CONTEXTS, limits=Limits(response_data=4096)) as association:
        with pytest.raises(StorageError, match="4096 bytes"):
            association.find("STUDY", PatientID="1").all()
        with pytest.raises(AssociationAborted, match="4096 bytes"):
            association.echo()
    archive.expect("aborted")


def test_close_cancels_at_once(shell: Shell, archive: Archive) -> None:
    """And there are no more matches."""
    find_without_end(archive)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        found = association.find("STUDY", PatientID="1")
        next(found)
        found.close()
        assert "cancel" in archive.log
        assert found.all() == []
        found.close()
        assert association.echo() == Status.SUCCESS


def test_a_block_around_the_matches_cancels_at_its_end(shell: Shell, archive: Archive) -> None:
    """Also when it is left by an exception."""
    find_without_end(archive)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        with pytest.raises(ZeroDivisionError), association.find("STUDY", PatientID="1") as found:
            fail_at_the_first(found)
        assert "cancel" in archive.log
        assert association.echo() == Status.SUCCESS


def test_a_release_cancels_what_was_left(shell: Shell, archive: Archive) -> None:
    """It is released all the same, and not aborted."""
    find_without_end(archive)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        next(association.find("STUDY", PatientID="1"))
    archive.expect("released")
    assert archive.log[:4] == ["associated", "find", "cancel", "released"]


def test_a_query_that_another_operation_has_ended_says_so(shell: Shell, archive: Archive) -> None:
    """Its loop cannot go on."""
    find_without_end(archive)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        found = association.find("STUDY", PatientID="1")
        next(found)
        association.echo()
        with pytest.raises(StateError):
            found.all()


def test_many_matches_that_nobody_reads_are_no_harm(shell: Shell, archive: Archive) -> None:
    """Two thousand of them, and the association goes on."""
    matches = [study(f"1.2.{number}", PatientComments="x" * 500) for number in range(2000)]
    archive.reactions["find"] = lambda line, message: answer_find(line, message, matches)
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        next(association.find("STUDY", PatientID="1"))
        assert association.echo() == Status.SUCCESS
        assert len(association.find("STUDY", PatientID="1").all()) == 2000


def test_a_failed_query_raises_what_the_peer_says(shell: Shell, archive: Archive) -> None:
    """The matches before are there."""

    def fail(line: Line, message: Any) -> None:
        line.send_c_find_response(message, Status.PENDING, study("1.2.1"))
        response = CFindResponse(
            message_id_being_responded_to=message.message_id, status=Status(0xA700), error_comment="disk full"
        )
        line.send_data(message.context_id, response)

    archive.reactions["find"] = fail
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        found = association.find("STUDY", PatientID="1")
        assert next(found).StudyInstanceUID == "1.2.1"
        with pytest.raises(StatusError) as caught:
            next(found)
        assert (caught.value.status, caught.value.error_comment) == (0xA700, "disk full")
        assert found.all() == []
        assert association.echo() == Status.SUCCESS


def test_a_peer_that_stops_in_the_middle_of_its_matches_is_left(shell: Shell, archive: Archive) -> None:
    """After the time for a response, again after each."""
    archive.reactions["find"] = lambda line, message: line.send_c_find_response(message, Status.PENDING, study("1.2.1"))
    with shell.associate(archive.address, contexts=CONTEXTS, timeouts=Timeouts(response=0.3)) as association:
        found = association.find("STUDY", PatientID="1")
        next(found)
        with pytest.raises(DicomTimeout) as caught:
            next(found)
        assert caught.value.seconds == 0.3
    archive.expect("aborted")


def test_a_query_that_cannot_be_asked_is_told_before(shell: Shell, archive: Archive) -> None:
    """A level without context, a key without such a name."""
    with shell.associate(archive.address) as association, pytest.raises(ContextRefused):
        association.find("STUDY", PatientID="1").all()
    with shell.associate(archive.address, contexts=CONTEXTS) as association:
        with pytest.raises(InvalidValue):
            association.find("STUDY", PatentID="1").all()
        assert association.echo() == Status.SUCCESS
    assert "find" not in archive.log
