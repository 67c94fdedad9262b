"""What became of many instances: sums that cannot say more than their parts."""

from __future__ import annotations

import pytest

from dicomnet.dimse.status import Status
from dicomnet.errors import ConnectionLost, PartialFailure
from dicomnet.exchanges.reports import (
    CommitReport,
    InstanceRef,
    Outcome,
    Retrieved,
    RetrieveReport,
    StoreReport,
    StoreResult,
    add_report,
)
from dicomnet.types import UID
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE


def result(outcome: Outcome, *, length: int = 10, detail: str = "", number: int = 1) -> StoreResult:
    return StoreResult(
        outcome.value, outcome, None, CT_IMAGE_STORAGE, UID(f"1.2.3.{number}"), length=length, detail=detail
    )


def kept(number: int, *, path: str | None = None, error: Exception | None = None) -> Retrieved:
    return Retrieved(CT_IMAGE_STORAGE, UID(f"1.2.3.{number}"), EXPLICIT_LE, path=path, error=error)


# Storing.


@pytest.mark.parametrize("outcome", list(Outcome))
def test_a_report_is_well_if_everything_that_was_an_instance_is_there(outcome: Outcome) -> None:
    """A warning is, and what was skipped was none; all else fails the whole."""
    report = StoreReport([result(Outcome.STORED), result(outcome)])
    well = outcome in (Outcome.STORED, Outcome.WARNING, Outcome.SKIPPED)
    assert report.ok == well
    assert len(report.failed) == (not well)
    if well:
        assert report.check() is report
    else:
        with pytest.raises(PartialFailure) as caught:
            report.check()
        assert caught.value.report is report


def test_each_result_is_in_one_of_three_lists() -> None:
    """Stored, failed or skipped."""
    report = StoreReport([result(outcome, length=1 << index) for index, outcome in enumerate(Outcome)])
    assert len(report.stored) + len(report.failed) + len(report.skipped) == len(report) == len(Outcome)
    assert list(report) == report.results
    assert report.bytes == 0b11
    assert report.count(Outcome.STORED, Outcome.SKIPPED) == 2


def test_only_what_the_peer_has_can_be_committed() -> None:
    """And only what has an identity."""
    unnamed = StoreResult("x", Outcome.STORED)
    report = StoreReport([result(Outcome.STORED), result(Outcome.UNKNOWN, number=2), unnamed])
    assert report.instances == [InstanceRef(CT_IMAGE_STORAGE, UID("1.2.3.1"))]


def test_a_report_that_ended_early_is_not_well() -> None:
    """Even if nothing was left; the reason is the cause of what is raised."""
    error = ConnectionLost()
    report = StoreReport([result(Outcome.STORED)], error)
    assert not report.ok
    with pytest.raises(PartialFailure) as caught:
        report.check()
    assert caught.value.__cause__ is error


def test_a_report_says_in_a_line_what_happened() -> None:
    """Counts, the first failure, and what ended it."""
    report = StoreReport(
        [result(Outcome.STORED), result(Outcome.STORED), result(Outcome.FAILED, detail="no room")], ConnectionLost()
    )
    text = "2 stored, 1 failed; first: failed: failed: no room; ended early: the peer closed the connection"
    assert str(report) == text
    assert str(PartialFailure(report)) == text
    assert str(StoreReport()) == "nothing to store"


def test_what_a_callback_raises_has_the_report() -> None:
    """That of a part is replaced by that of the whole; what is its own is not."""
    part, whole, other = StoreReport(), StoreReport(), StoreReport()
    error = KeyError()
    add_report(error, part)
    assert error.report is part  # type: ignore[attr-defined]
    add_report(error, whole)
    assert error.report is whole  # type: ignore[attr-defined]
    failure = PartialFailure(other)
    add_report(failure, whole)
    assert failure.report is other
    error.report = "a page"  # type: ignore[attr-defined]
    add_report(error, whole)
    assert error.report == "a page"  # type: ignore[attr-defined]


def test_an_exception_that_takes_no_attributes_stays_as_it_is() -> None:
    """What it says is more than what was done until then."""

    class Closed(Exception):
        @property
        def report(self) -> None:
            return None

    add_report(Closed(), StoreReport())


# Retrieving.


@pytest.mark.parametrize(
    ("report", "missing"),
    [
        (RetrieveReport(Status(0), completed=2, instances=[kept(1), kept(2)]), 0),
        (RetrieveReport(Status(0), instances=[kept(1)]), 0),
        (RetrieveReport(Status(0), completed=3, instances=[kept(1)]), 2),
        (RetrieveReport(Status(0xB000), completed=1, failed=1, warning=1, instances=[kept(1)]), 2),
        (RetrieveReport(Status(0), completed=1, instances=[kept(1), kept(2, error=OSError())]), 1),
        (RetrieveReport(Status(0), completed=1, instances=[kept(1)], failed_uids=[UID("1.2.3.8")]), 1),
        (RetrieveReport(Status(0), completed=1, instances=[kept(1)], failed_uids=[UID("1.2.3.1")]), 0),
        (RetrieveReport(Status(0), completed=1, instances=[kept(1)], expected={UID("1.2.3.1"), UID("1.2.3.9")}), 1),
        (RetrieveReport(Status(0), completed=7, arrived_here=False), 0),
        (RetrieveReport(Status(0xB000), completed=7, failed=2, arrived_here=False), 2),
        (RetrieveReport(Status(0xB000), arrived_here=False, failed_uids=[UID("1.2.3")]), 1),
    ],
)
def test_what_is_missing_is_counted_by_what_arrived(report: RetrieveReport, missing: int) -> None:
    """Never by the word of the peer alone, unless it went elsewhere."""
    assert report.missing_count == missing
    assert report.ok == (not missing)


@pytest.mark.parametrize(
    ("report", "ok"),
    [
        (RetrieveReport(Status(0xB000), instances=[kept(1)]), False),
        (RetrieveReport(Status(0xB000), completed=3, arrived_here=False), False),
        (RetrieveReport(Status(0xB000), completed=3, warning=1, arrived_here=False), True),
        (RetrieveReport(Status(0xB000), completed=1, instances=[kept(1)]), True),
        (RetrieveReport(Status(0xB000), failed=1, instances=[kept(1)]), True),
        (RetrieveReport(Status(0xB000), instances=[kept(1)], expected={UID("1.2.3.1")}), True),
    ],
)
def test_a_warning_that_nothing_explains_is_no_success(report: RetrieveReport, ok: bool) -> None:
    """Some failed, says the peer, and not which: only what has arrived, or was counted as a warning, can contradict it."""
    assert report.missing_count == 0
    assert report.ok == ok


@pytest.mark.parametrize("status", [None, Status(0xA702), Status(0xC000), Status(0xFE00)])
def test_a_retrieve_that_failed_is_not_well_although_nothing_is_missing(status: Status | None) -> None:
    """Nobody knows what there would have been."""
    report = RetrieveReport(status)
    assert not report.ok
    with pytest.raises(PartialFailure):
        report.check()


def test_what_is_missing_has_its_names_once() -> None:
    """Those of the peer first, then what we could not keep, then what was expected; not what arrived after all."""
    report = RetrieveReport(
        Status(0xB000),
        instances=[kept(1), kept(2, error=OSError()), kept(3, error=OSError()), kept(3)],
        failed_uids=[UID("1.2.3.4"), UID("1.2.3.2")],
        expected={UID("1.2.3.1"), UID("1.2.3.5"), UID("1.2.3.4")},
    )
    assert report.missing == ["1.2.3.4", "1.2.3.2", "1.2.3.5"]


def test_paths_are_those_of_what_was_kept() -> None:
    """What went to memory has none."""
    instances = [kept(1, path="a"), kept(2), kept(3, path="c", error=OSError())]
    assert RetrieveReport(Status(0), instances=instances).paths == ["a"]


def test_a_retrieve_says_in_a_line_what_happened() -> None:
    """Both what arrived and what the peer says of it."""
    here = RetrieveReport(Status(0xB000), completed=1, failed=2, error_comment="tape", instances=[kept(1)])
    meaning = "sub-operations complete, one or more failed or gave a warning"
    assert str(here) == f"1 received, 2 missing; the peer ended with B000, {meaning}: tape"
    assert str(RetrieveReport(Status(0xA801))).endswith("A801, refused: move destination unknown")
    assert str(RetrieveReport(Status(0), completed=5, warning=1, arrived_here=False)) == "6 sent by the peer"
    early = RetrieveReport(None, instances=[kept(1)], error=ConnectionLost())
    assert str(early) == "1 received; ended early: the peer closed the connection"


# Commitment.


def test_a_commitment_is_whole_only_if_nothing_is_left_out() -> None:
    """What stands in neither list was not promised."""
    refs = [InstanceRef(CT_IMAGE_STORAGE, UID(f"1.2.3.{number}")) for number in range(3)]
    report = CommitReport(UID("2.25.1"), refs, committed=refs[:2])
    assert (report.ok, report.missing) == (False, refs[2:])
    assert str(report) == "2 of 3 committed, 1 not mentioned"
    report.failed.append((refs[2], Status(0x0112)))
    assert (report.ok, report.missing) == (False, [])
    assert str(report).startswith("2 of 3 committed, 1 refused; first: 1.2.3.2: ")
    with pytest.raises(PartialFailure):
        report.check()
    assert CommitReport(UID("2.25.1"), refs, committed=refs).check().ok
