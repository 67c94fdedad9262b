"""A peer: which associations it opens, keeps, replaces and ends, and what it finds out before it retrieves."""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from both_shells.archive import CT, EXPLICIT_LE, MR, PATIENCE, Archive, Line, answer_find, find_without_end, study
from both_shells.conftest import instance
from both_shells.faces import Shell
from dicomnet import ConnectionLost, InvalidValue, PartialFailure, Status, StatusError, sync
from dicomnet.aio.peer import _closing
from dicomnet.exchanges.reports import Outcome
from raw import eventually

STUDY = "1.2.9"


def opened(archive: Archive) -> int:
    return archive.log.count("associated")


def hang_up(archive: Archive) -> None:
    """The peer closes what it has, and is known to have done so."""
    for line in list(archive.lines):
        line.close(force=True)
    archive.wait_for(lambda: not any(line.is_connected for line in archive.lines))


# Keeping.


def test_within_a_block_an_association_is_kept(shell: Shell, archive: Archive) -> None:
    """And released at its end."""
    with shell.peer(archive.address) as peer:
        for _ in range(3):
            assert peer.echo() == Status.SUCCESS
        assert opened(archive) == 1
        assert "released" not in archive.log
    archive.expect("released")


def test_without_a_block_each_operation_has_its_own(shell: Shell, archive: Archive) -> None:
    """Nothing is left open in between."""
    peer = shell.peer(archive.address)
    peer.echo()
    archive.expect("released")
    peer.echo()
    archive.expect("released", 2)
    assert opened(archive) == 2


def test_blocks_may_lie_in_one_another(shell: Shell, archive: Archive) -> None:
    """The outer one keeps what there is."""
    with shell.peer(archive.address) as peer:
        with peer:
            peer.echo()
        peer.echo()
        assert opened(archive) == 1
        assert "released" not in archive.log
    archive.expect("released")


def test_a_peer_may_be_closed_and_used_again(shell: Shell, archive: Archive) -> None:
    """In its block and after it; what is kept is released at once."""
    with shell.peer(archive.address) as peer:
        peer.echo()
        peer.close()
        archive.expect("released")
        peer.echo()
    archive.expect("released", 2)
    peer.echo()
    archive.expect("released", 3)
    peer.close()
    assert opened(archive) == 3


def test_an_association_that_lacks_a_context_is_replaced_by_one_that_has_all(shell: Shell, archive: Archive) -> None:
    """So that in the end one serves for everything."""
    with shell.peer(archive.address) as peer:
        peer.echo()
        peer.find("STUDY", PatientID="1").all()
        archive.expect("released")
        peer.echo()
        peer.find("STUDY", PatientID="1").all()
        peer.echo()
        assert opened(archive) == 2


def test_several_threads_have_an_association_each(shell: Shell, archive: Archive) -> None:
    """And leave none behind."""
    with shell.peer(archive.address) as peer, ThreadPoolExecutor(8) as pool:
        found = list(
            pool.map(lambda number: (peer.echo(), len(peer.find("STUDY", PatientID=str(number)).all())), range(60))
        )
        assert found == [(Status.SUCCESS, 0)] * 60
    archive.wait_for(lambda: archive.log.count("released") == opened(archive))
    assert "aborted" not in archive.log


def test_a_peer_that_refuses_an_operation_keeps_its_association(shell: Shell, archive: Archive) -> None:
    """A status is no reason to open another one."""
    archive.reactions["echo"] = lambda line, message: line.send_c_echo_response(message, 0x0122)
    with shell.peer(archive.address) as peer:
        for _ in range(2):
            with pytest.raises(StatusError):
                peer.echo()
        assert opened(archive) == 1


# Replacing.


def test_an_echo_is_repeated_if_the_peer_had_closed(shell: Shell, archive: Archive) -> None:
    """On a new association, and nobody notices."""
    with shell.peer(archive.address) as peer:
        peer.echo()
        hang_up(archive)
        assert peer.echo() == Status.SUCCESS
        assert opened(archive) == 2


def test_an_echo_is_repeated_once_if_the_peer_closes_at_the_question(shell: Shell, archive: Archive) -> None:
    """The second association is new, so its end is an answer."""
    with shell.peer(archive.address) as peer:
        peer.echo()
        archive.reactions["echo"] = lambda line, message: line.close(force=True)
        with pytest.raises(ConnectionLost):
            peer.echo()
        assert opened(archive) == 2


def test_a_query_is_repeated_if_the_peer_closes_before_the_first_match(shell: Shell, archive: Archive) -> None:
    """Only where the association was an old one."""
    asked: list[Any] = []

    def find(line: Line, message: Any) -> None:
        asked.append(message)
        if len(asked) == 2:
            line.close(force=True)
        else:
            answer_find(line, message, [study("1.2.1")])

    archive.reactions["find"] = find
    with shell.peer(archive.address) as peer:
        for _ in range(2):
            assert [match.StudyInstanceUID for match in peer.find("STUDY", PatientID="1")] == ["1.2.1"]
    assert len(asked) == 3
    assert opened(archive) == 2


def test_what_changes_something_is_not_repeated(shell: Shell, archive: Archive) -> None:
    """The peer may have done it."""
    with shell.peer(archive.address) as peer:
        peer.n_create("mpps", instance="1.2.3")
        archive.reactions["n-create"] = lambda line, message: line.close(force=True)
        with pytest.raises(ConnectionLost):
            peer.n_create("mpps", instance="1.2.4")
        assert opened(archive) == 1


def test_a_store_goes_on_with_a_new_association(shell: Shell, archive: Archive) -> None:
    """What was in flight is unknown, everything else is there."""

    def once(line: Line, message: Any) -> None:
        if message.affected_sop_instance_uid == "1.2.3.3" and len(archive.lines) == 1:
            line.close(force=True)
        else:
            line.send_c_store_response(message, Status.SUCCESS)

    archive.reactions["store"] = once
    with shell.peer(archive.address) as peer:
        report = peer.store([instance(number) for number in range(1, 7)], check=False)
    outcomes = [result.outcome for result in report]
    assert outcomes == [Outcome.STORED] * 2 + [Outcome.UNKNOWN] + [Outcome.STORED] * 3
    assert not report.ok
    assert opened(archive) == 2


def test_a_store_gives_up_on_a_peer_that_always_closes(shell: Shell, archive: Archive) -> None:
    """After a second association that was of no use."""
    archive.reactions["store"] = lambda line, message: line.close(force=True)
    with shell.peer(archive.address) as peer:
        report = peer.store([instance(number) for number in range(1, 7)], check=False)
    assert [result.outcome for result in report] == [Outcome.UNKNOWN] * 2 + [Outcome.NOT_SENT] * 4
    assert isinstance(report.error, ConnectionLost)
    assert opened(archive) == 2


def test_a_second_copy_is_stored_where_the_peer_does_not_take_the_first(shell: Shell, archive: Archive) -> None:
    """The one that is compressed fails, the other is no duplicate of anything."""
    archive.syntax = EXPLICIT_LE
    compressed, plain = instance(1, syntax="1.2.840.10008.1.2.4.70"), instance(1)
    with shell.peer(archive.address) as peer:
        report = peer.store([compressed, plain, plain], check=False)
    assert [result.outcome for result in report] == [Outcome.FAILED, Outcome.STORED, Outcome.SKIPPED]
    assert archive.stored == ["1.2.3.1"]


def test_a_class_that_the_peer_refuses_is_not_asked_for_again(shell: Shell, archive: Archive) -> None:
    """What it said once it would say again, of both instances: the report has its reason, and not that of a second try."""
    archive.refused.add(CT)
    report = shell.peer(archive.address).store([instance(1), instance(2)], check=False)
    assert {result.detail for result in report} == {
        "the peer accepted no presentation context for CT Image Storage in Explicit VR Little Endian"
    }
    assert opened(archive) == 1


# Several associations for one store.


def together(archive: Archive, count: int) -> None:
    """From now on a C-STORE is answered when so many lines have one, as long as there are fewer."""
    barrier = threading.Barrier(count)

    def meet(line: Line, message: Any) -> None:
        if not line.clients and not getattr(line, "met", False):
            line.met = True  # type: ignore[attr-defined]
            barrier.wait(PATIENCE)
        line.send_c_store_response(message, Status.SUCCESS)

    archive.reactions["store"] = meet


def test_a_store_over_four_associations_uses_four_and_sends_everything_once(shell: Shell, archive: Archive) -> None:
    """Four are at work at the same time, and the report is in the order of what was given."""
    together(archive, 4)
    with shell.peer(archive.address) as peer:
        report = peer.store([instance(number) for number in range(1, 101)], associations=4)
    assert opened(archive) == 4
    assert [result.sop_instance_uid for result in report] == [f"1.2.3.{number}" for number in range(1, 101)]
    assert set(Counter(archive.stored).values()) == {1}
    assert report.ok


def test_auto_takes_several_associations_where_the_peer_has_no_window(shell: Shell, archive: Archive) -> None:
    """And one where there is little to do."""
    with shell.peer(archive.address) as peer:
        assert peer.store([instance(1), instance(2)], associations="auto").ok
        assert opened(archive) == 1
    together(archive, 4)
    with shell.peer(archive.address) as peer:
        assert peer.store([instance(number) for number in range(1, 41)], associations="auto").ok
    assert opened(archive) == 5


def test_auto_takes_one_association_where_the_peer_has_a_window(shell: Shell, archive: Archive) -> None:
    """Sixteen in flight on one are as good."""
    with shell.peer(archive.address, window=16) as peer:
        assert peer.store([instance(number) for number in range(1, 41)], associations="auto").ok
    assert opened(archive) == 1


def test_associations_that_the_peer_does_not_grant_leave_their_share_to_the_others(
    shell: Shell, archive: Archive
) -> None:
    """Everything is stored by those that it does."""
    archive.most_lines = 2
    with shell.peer(archive.address) as peer:
        report = peer.store([instance(number) for number in range(1, 31)], associations=4)
    assert report.ok
    assert len(set(archive.stored)) == len(archive.stored) == 30
    assert "rejected" in archive.log


def test_what_a_callback_raises_ends_a_store_over_several_associations(shell: Shell, archive: Archive) -> None:
    """And comes out, whichever of them it was called for."""

    def fail(result: Any) -> None:
        if result.sop_instance_uid == "1.2.3.9":
            raise ZeroDivisionError

    with shell.peer(archive.address) as peer, pytest.raises(ZeroDivisionError):
        peer.store([instance(number) for number in range(1, 1001)], associations=4, on_result=fail)
    assert len(archive.stored) < 500


def test_an_interruption_ends_a_store_over_several_associations(shell: Shell, archive: Archive) -> None:
    """What is in flight is settled by what follows."""

    def interrupt(result: Any) -> None:
        if result.sop_instance_uid == "1.2.3.9":
            shell.interrupt()

    with shell.peer(archive.address) as peer:
        with pytest.raises(shell.Interrupted):
            peer.store([instance(number) for number in range(1, 1001)], associations=4, on_result=interrupt)
        assert peer.echo() == Status.SUCCESS
    assert len(archive.stored) < 500


@pytest.mark.parametrize("associations", [0, -1, "many"])
def test_a_number_of_associations_that_is_none_is_told(shell: Shell, archive: Archive, associations: Any) -> None:
    """Before anything is opened."""
    with shell.peer(archive.address) as peer, pytest.raises(InvalidValue, match="associations"):
        peer.store([instance(1)], associations=associations)
    assert archive.lines == []


# Loops that are left early.


def test_within_a_block_a_query_left_early_is_cancelled_by_what_follows(shell: Shell, archive: Archive) -> None:
    """On the same association."""
    find_without_end(archive)
    with shell.peer(archive.address) as peer:
        peer.echo()
        for _ in peer.find("STUDY", PatientID="1"):
            break
        assert peer.echo() == Status.SUCCESS
    archive.expect("cancel")
    archive.expect("released", opened(archive))
    assert "aborted" not in archive.log
    assert opened(archive) == 2


def test_without_a_block_a_query_left_early_is_cancelled_and_its_association_released(
    shell: Shell, archive: Archive
) -> None:
    """Nothing else has to be asked for that."""
    find_without_end(archive)
    for _ in shell.peer(archive.address).find("STUDY", PatientID="1"):
        break
    archive.expect("released")
    assert archive.log[:4] == ["associated", "find", "cancel", "released"]
    eventually(lambda: "query left early" not in "".join(t.name for t in threading.enumerate()), "the thread lives")
    eventually(lambda: not _closing, "the task lives")


def test_a_query_left_early_in_a_block_that_ends_is_released(shell: Shell, archive: Archive) -> None:
    """Whether the matches are still there or not."""
    find_without_end(archive)
    with shell.peer(archive.address) as peer:
        found = peer.find("STUDY", PatientID="1")
        next(found)
    found.close()
    eventually(lambda: "released" in archive.log, "it is still open")
    archive.expect("cancel")


def test_an_interrupted_operation_of_a_blocking_peer_leaves_no_association(
    network: None, nothing_left: None, make_archive: Callable[..., Archive]
) -> None:
    """Without a block nobody else could end it."""
    archive = make_archive()

    def interrupt(result: Any) -> None:
        raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        sync.Peer(archive.address).store([instance(1), instance(2)], on_result=interrupt)
    archive.expect("aborted")


def test_an_interrupted_operation_within_a_block_is_settled_by_what_follows(shell: Shell, archive: Archive) -> None:
    """The association is kept."""
    with shell.peer(archive.address) as peer:
        with pytest.raises(shell.Interrupted):
            peer.store([instance(1), instance(2)], on_result=lambda result: shell.interrupt())
        assert peer.echo() == Status.SUCCESS
    archive.expect("released", opened(archive))
    assert "aborted" not in archive.log


def test_an_interrupted_block_aborts_what_was_kept(shell: Shell, archive: Archive) -> None:
    """It does not wait for anybody."""
    with pytest.raises(shell.Interrupted), shell.peer(archive.address) as peer:
        peer.store([instance(1), instance(2)], on_result=lambda result: shell.interrupt())
    archive.expect("aborted")


# Retrieving.


def answer_studies(archive: Archive, *matches: Any) -> None:
    def find(line: Line, message: Any) -> None:
        wanted = message.dataset.get("StudyInstanceUID") or ""
        level = message.dataset.QueryRetrieveLevel
        found = [match for match in matches if match.QueryRetrieveLevel == level]
        answer_find(line, message, [match for match in found if not wanted or match.StudyInstanceUID == wanted])

    archive.reactions["find"] = find


def test_a_get_resolves_keys_that_are_not_unique(shell: Shell, archive: Archive, tmp_path: Path) -> None:
    """By a query, whose answers say which classes will come."""
    archive.instances = [instance(1), instance(2, sop_class=MR)]
    answer_studies(archive, study(STUDY, AccessionNumber="A1", SOPClassesInStudy=[CT, MR]))
    with shell.peer(archive.address) as peer:
        report = peer.get(tmp_path / "out", AccessionNumber="A1")
    assert report.ok
    assert len(report.paths) == 2
    assert archive.identifiers[0].AccessionNumber == "A1"
    proposed = {context.abstract_syntax for line in archive.lines for context in line.association.contexts}  # type: ignore[union-attr]
    assert {CT, MR} <= proposed


def test_classes_that_one_association_does_not_take_come_on_a_second(shell: Shell, archive: Archive) -> None:
    """Where the peer had refused their contexts."""
    archive.instances = [instance(1), instance(2, sop_class=MR)]
    archive.most_scp_roles = 13  # one class of two, each in uncompressed and in a dozen compressed syntaxes
    answer_studies(archive, study(STUDY, SOPClassesInStudy=[CT, MR]))
    with shell.peer(archive.address) as peer:
        report = peer.get(None, StudyInstanceUID=STUDY)
    assert sorted(one.sop_instance_uid for one in report.received) == ["1.2.3.1", "1.2.3.2"]
    assert report.ok


def test_what_a_get_does_not_bring_is_missing_by_name(shell: Shell, archive: Archive) -> None:
    """Queries down to the instances tell the names that the peer does not."""
    archive.instances = [instance(1)]
    series = study(STUDY, SeriesInstanceUID="1.2.9.1")
    series.QueryRetrieveLevel = "SERIES"
    images = [study(STUDY, SeriesInstanceUID="1.2.9.1", SOPInstanceUID=f"1.2.3.{number}") for number in (1, 2)]
    for image in images:
        image.QueryRetrieveLevel = "IMAGE"
    answer_studies(archive, study(STUDY, SOPClassesInStudy=[CT], NumberOfStudyRelatedInstances=2), series, *images)

    def give_less(line: Line, message: Any) -> None:
        line._retrieve = message
        line.send_c_get_response(message, 0xB000, completed=0, failed=2, warning=0)

    archive.reactions["get"] = give_less
    with shell.peer(archive.address) as peer, pytest.raises(PartialFailure) as caught:
        peer.get(None, StudyInstanceUID=STUDY)
    report: Any = caught.value.report
    assert report.missing == ["1.2.3.1", "1.2.3.2"]


def test_a_success_that_brings_less_than_there_is_is_not_believed(shell: Shell, archive: Archive) -> None:
    """The peer has said how many instances the study has; which they are, a query tells."""
    archive.instances = [instance(1)]
    series = study(STUDY, SeriesInstanceUID="1.2.9.1")
    series.QueryRetrieveLevel = "SERIES"
    images = [study(STUDY, SeriesInstanceUID="1.2.9.1", SOPInstanceUID=f"1.2.3.{number}") for number in (1, 2)]
    for image in images:
        image.QueryRetrieveLevel = "IMAGE"
    answer_studies(archive, study(STUDY, SOPClassesInStudy=[CT], NumberOfStudyRelatedInstances=2), series, *images)
    with shell.peer(archive.address) as peer:
        report = peer.get(None, StudyInstanceUID=STUDY, check=False)
        assert report.status == Status.SUCCESS
        assert (report.ok, report.missing) == (False, ["1.2.3.2"])
        archive.instances.append(instance(2))
        assert peer.get(None, StudyInstanceUID=STUDY).ok


def test_a_get_that_we_have_stopped_asks_for_nothing_more(shell: Shell, archive: Archive) -> None:
    """What has not come then is what nobody wants."""
    archive.instances = [instance(1), instance(2), instance(3)]
    answer_studies(archive, study(STUDY, SOPClassesInStudy=[CT], NumberOfStudyRelatedInstances=3))
    with shell.peer(archive.address) as peer:
        report = peer.get(None, StudyInstanceUID=STUDY, stop=lambda: True, check=False)
    assert report.status == Status.CANCEL
    assert len(archive.identifiers) == 2  # of the query for the classes, and of the retrieve


def test_what_cannot_be_asked_opens_no_association(shell: Shell, archive: Archive) -> None:
    """A wrong key or a wrong list is told at once, whatever the peer is like."""
    peer = shell.peer(archive.address)
    for wrong in ({"PatientsName": "x"}, {"SeriesInstanceUID": "1.2"}, {"returning": ["Nothing"]}):
        with pytest.raises(InvalidValue):
            list(peer.find("STUDY", **wrong))
    with pytest.raises(InvalidValue, match="StudyInstanceUID is missing"):
        list(peer.find("SERIES"))
    for nothing in ([], "a/folder", [("1.2",)], 5):
        with pytest.raises(InvalidValue):
            peer.commit(nothing)
    for several in ("print", "print-grayscale", "relevant-patient"):
        with pytest.raises(InvalidValue, match="say which one"):
            peer.n_create(several, {"PatientID": "1"})
    assert archive.lines == []


def test_attributes_to_be_returned_are_asked_for_again(shell: Shell, archive: Archive) -> None:
    """Also one alone, and those of a generator, when a query is repeated on a new association."""
    with shell.peer(archive.address) as peer:
        list(peer.find("STUDY", returning="StudyDescription"))

        def hang_up_once(line: Line, message: Any) -> None:
            archive.reactions.clear()
            line.close(force=True)

        archive.reactions["find"] = hang_up_once
        list(peer.find("STUDY", returning=(one for one in ("StudyDescription", "PatientAge"))))
    assert opened(archive) == 2
    assert all("StudyDescription" in one for one in archive.identifiers)
    assert ["PatientAge" in one for one in archive.identifiers] == [False, True, True]


def test_a_get_that_finds_nothing_brings_nothing(shell: Shell, archive: Archive) -> None:
    """Nor is anything retrieved."""
    answer_studies(archive)
    with shell.peer(archive.address) as peer:
        report = peer.get(None, AccessionNumber="A1", check=False)
    assert report.received == []
    assert "get" not in archive.log


def test_a_move_resolves_keys_as_well(shell: Shell, archive: Archive) -> None:
    """And goes where it is told."""
    answer_studies(archive, study(STUDY, AccessionNumber="A1"))
    archive.reactions["move"] = lambda line, message: line.send_c_move_response(
        message, Status.SUCCESS, completed=3, failed=0, warning=0
    )
    with shell.peer(archive.address) as peer:
        report = peer.move("ELSEWHERE", AccessionNumber="A1")
    assert report.completed == 3
    assert archive.identifiers[-1].StudyInstanceUID == STUDY


@pytest.mark.parametrize(
    ("model", "keys"),
    [
        ("StudyRootQueryRetrieveInformationModelGet", {}),
        ("PatientRootQueryRetrieveInformationModelGet", {"PatientID": "7"}),
        ("1.2.840.10008.5.1.4.1.2.2.3", {}),
        ("patient-study-only", {"PatientID": "7"}),
    ],
)
def test_a_get_by_any_model(shell: Shell, archive: Archive, model: str, keys: dict[str, str], tmp_path: Path) -> None:
    """A model may be called by its SOP class, and what is asked on the way is what that model knows."""
    archive.instances = [instance(1)]
    answer_studies(archive, study(STUDY, PatientID="7", SOPClassesInStudy=[CT]))
    with shell.peer(archive.address) as peer:
        assert len(peer.get(tmp_path / "out", StudyInstanceUID=STUDY, **keys, model=model).paths) == 1
        assert len(peer.get(tmp_path / "more", StudyDate="20260101-", **keys, model=model).paths) == 1


def test_who_retrieves_may_query_as_well(shell: Shell, archive: Archive) -> None:
    """A move and a get are proposed together with the query of their model: some archives accept none without it."""
    archive.reactions["move"] = lambda line, message: line.send_c_move_response(
        message, Status.SUCCESS, completed=0, failed=0, warning=0
    )
    peer = shell.peer(archive.address)
    peer.move("ELSEWHERE", StudyInstanceUID=STUDY)
    assert accepted_last(archive) >= {"1.2.840.10008.5.1.4.1.2.2.1", "1.2.840.10008.5.1.4.1.2.2.2"}
    peer.get(None, {"PatientID": "1"}, model="patient-root", check=False)
    assert accepted_last(archive) >= {"1.2.840.10008.5.1.4.1.2.1.1", "1.2.840.10008.5.1.4.1.2.1.3"}


def accepted_last(archive: Archive) -> set[str]:
    association = archive.lines[-1].association
    assert association is not None
    return {context.abstract_syntax for context in association.contexts}


def test_a_move_to_a_folder_needs_a_server_of_ours(shell: Shell, archive: Archive, tmp_path: Path) -> None:
    """The error says how to get one."""
    with shell.peer(archive.address) as peer, pytest.raises(InvalidValue, match="server"):
        peer.move(tmp_path, StudyInstanceUID=STUDY)
    assert "move" not in archive.log


def test_what_was_stored_can_be_committed(shell: Shell, archive: Archive) -> None:
    """In one line."""
    with shell.peer(archive.address) as peer:
        report = peer.store([instance(1)])
        assert peer.commit(report).ok
