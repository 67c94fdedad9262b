from __future__ import annotations

import csv
import io
import json
import os
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from pydicom import Dataset

from cli.helpers import Outcome, assert_plain, read_all
from dicomnet import StatusError
from dicomnet.server.server import Server

Command = Callable[..., Outcome]


class Archive(Server):
    """Knows three studies, and a worklist with one entry."""

    def __init__(self) -> None:
        super().__init__("ARCHIVE", port=0, host="127.0.0.1")
        self.asked: list[Dataset] = []
        self.cancelled = False
        self.refusal: int | None = None
        self.studies = 3
        self.failing = False
        self.handle("find", self.matches, "study-root", "patient-root", "worklist")

    @property
    def address(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.port}"

    def matches(self, request: Any) -> Iterator[Dataset]:
        self.asked.append(request.identifier)
        if self.refusal is not None:
            raise StatusError(self.refusal, "not today")
        if "ScheduledProcedureStepSequence" in request.identifier:
            yield worklist_entry()
            return
        for number in range(self.studies):
            if request.cancelled:
                self.cancelled = True
                return
            yield study(number)
        if self.failing:
            raise StatusError(0xC001)


OF_ESCAPES = (
    "of 1 match something cannot be read: some text has escape sequences that its character set does not have\n"
)
"""What is said of the first study."""


def study(number: int) -> Dataset:
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.PatientName = "M\u00fcller^Jo" if number else "EVIL\x1b[2J"
    dataset.StudyInstanceUID = f"1.2.3.{number}"
    dataset.ModalitiesInStudy = ["CT", "SR"]
    dataset.StudyID = ""
    return dataset


def worklist_entry() -> Dataset:
    step = Dataset()
    step.Modality = "MR"
    entry = Dataset()
    entry.PatientID = "4711"
    entry.ScheduledProcedureStepSequence = [step]
    return entry


@pytest.fixture
def archive() -> Iterator[Archive]:
    with Archive() as server:
        yield server


def test_matches_are_lines_with_tabs_where_nobody_looks(command: Command, archive: Archive) -> None:
    """The keywords first; columns without a value anywhere are left out, and a name cannot write to the terminal."""
    outcome = command("find", archive.address, "study", "PatientName=M*", "StudyDate=20260101-", "--aet", "ME")
    assert outcome.code == 0
    assert outcome.err == OF_ESCAPES
    assert outcome.out.splitlines() == [
        "ModalitiesInStudy\tPatientName\tStudyInstanceUID",
        "CT\\SR\tEVIL\\x1b[2J\t1.2.3.0",
        "CT\\SR\tM\u00fcller^Jo\t1.2.3.1",
        "CT\\SR\tM\u00fcller^Jo\t1.2.3.2",
    ]
    [asked] = archive.asked
    assert (asked.QueryRetrieveLevel, asked.PatientName, asked.StudyDate) == ("STUDY", "M*", "20260101-")
    assert_plain(outcome.out)


def test_json_lines(command: Command, archive: Archive) -> None:
    """One object of the DICOM JSON model in each line, in ASCII whatever the names."""
    outcome = command("find", archive.address, "STUDY", "PatientID=1", "--json")
    assert (outcome.code, outcome.err) == (0, OF_ESCAPES)
    objects = [json.loads(line) for line in outcome.out.splitlines()]
    assert [one["0020000D"]["Value"] for one in objects] == [["1.2.3.0"], ["1.2.3.1"], ["1.2.3.2"]]
    assert objects[1]["00100010"]["Value"] == [{"Alphabetic": "M\u00fcller^Jo"}]
    assert outcome.out.isascii()


def test_comma_separated_values(command: Command, archive: Archive) -> None:
    """A header and a row for each match, as spreadsheets read them."""
    outcome = command("find", archive.address, "STUDY", "PatientID=1", "--csv")
    rows = list(csv.DictReader(io.StringIO(outcome.out)))
    assert [row["PatientName"] for row in rows][1:] == ["M\u00fcller^Jo"] * 2
    assert rows[0]["ModalitiesInStudy"] == "CT\\SR"


def test_a_worklist_with_keys_in_a_sequence(command: Command, archive: Archive) -> None:
    """Dotted keys reach into the scheduled step, and its values come back under dotted names."""
    outcome = command("find", archive.address, "worklist", "ScheduledProcedureStepSequence.Modality=MR", "PatientID=")
    assert (outcome.code, outcome.err) == (0, "")
    assert outcome.out.splitlines() == ["PatientID\tScheduledProcedureStepSequence.Modality", "4711\tMR"]
    assert archive.asked[0].ScheduledProcedureStepSequence[0].Modality == "MR"


def test_what_is_to_be_returned_is_asked_for(command: Command, archive: Archive) -> None:
    """--returning adds attributes, and a key that is given twice has two values."""
    command(
        "find",
        archive.address,
        "STUDY",
        *("StudyInstanceUID=1.2", "StudyInstanceUID=1.3", "--returning", "StudyDescription", "--charset", "ISO_IR 192"),
    )
    [asked] = archive.asked
    assert asked.StudyDescription == ""
    assert list(asked.StudyInstanceUID) == ["1.2", "1.3"]
    assert asked.SpecificCharacterSet == "ISO_IR 192"


def test_a_limit_cancels_the_rest(command: Command, archive: Archive) -> None:
    """Who wants ten does not wait for a million."""
    archive.studies = 1_000_000
    outcome = command("find", archive.address, "STUDY", "PatientID=*", "--limit", 2, "--json")
    assert outcome.code == 0
    assert len(outcome.out.splitlines()) == 2
    assert outcome.err == "stopped after 2 matches (--limit)\n" + OF_ESCAPES


def test_no_match_is_no_failure(command: Command, archive: Archive) -> None:
    """A peer that knows nothing has answered all the same; stderr says so."""
    archive.studies = 0
    outcome = command("find", archive.address, "STUDY", "PatientID=nobody")
    assert (outcome.code, outcome.out, outcome.err) == (0, "", "no match\n")


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("STUDY", "PatientNam=X"), "did you mean PatientName?"),
        (("STUDY", "Modality=CT"), "Modality is a key of the SERIES level"),
        (("SERIES", "Modality=CT"), "StudyInstanceUID is missing"),
        (("STUDYS", "PatientID=1"), "'STUDYS' is neither a level, an information model nor the keyword"),
        (("STUDYS", "PatientID=1"), "did you mean STUDY or"),
        (("PatientID=1",), "'PatientID=1' stands where the LEVEL belongs, as in: STUDY PatientID=1"),
        (("STUDY", "StudyDate=yesterday"), "neither a value nor a range"),
        (("STUDY", "PatientID"), "not of the form KEY=VALUE"),
        (("STUDY", "PatientID=1", "--json", "--csv"), "two forms"),
    ],
)
def test_a_question_that_cannot_be_asked_is_wrong_usage(
    command: Command, archive: Archive, arguments: tuple[str, ...], said: str
) -> None:
    """What is wrong with the keys is said before the peer could guess."""
    outcome = command("find", archive.address, *arguments)
    assert (outcome.code, outcome.out) == (2, "")
    assert said in " ".join(outcome.err.split())
    assert archive.asked == []


def test_a_key_is_looked_at_before_anybody_is_called(command: Command) -> None:
    """What is misspelt is told though nobody listens at the address."""
    for arguments in (("PatientNam=X",), ("PatientID=1", "--returning", "PatientNam")):
        outcome = command("find", "ARCHIVE@127.0.0.1:1", "STUDY", *arguments)
        assert (outcome.code, outcome.out) == (2, "")
        assert "there is no attribute 'PatientNam'; did you mean PatientName?" in outcome.err


def test_a_refusal_is_told_with_what_to_try(command: Command, archive: Archive) -> None:
    """Status, meaning, the peer's comment, and a way on; exit code 1."""
    archive.refusal = 0xA900
    outcome = command("find", archive.address, "STUDY", "PatientID=1")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"Error: {archive.address}: C-FIND failed with status A900 (")
    assert "not today" in outcome.err
    assert outcome.err.endswith("try others, or another --model\n")


@pytest.mark.parametrize("form", ["", "--csv", "--json"])
def test_what_came_before_a_failure_is_printed(command: Command, archive: Archive, form: str) -> None:
    """Two matches and an error are more than an error."""
    archive.failing = True
    outcome = command("find", archive.address, "STUDY", "PatientID=1", *filter(None, [form]))
    assert outcome.code == 1
    assert "1.2.3.2" in outcome.out
    assert f"{archive.address}: C-FIND failed with status C001 (" in outcome.err


def test_a_peer_without_the_service(command: Command) -> None:
    """No presentation context is no answer, and the line says what it may mean."""
    with Server("ARCHIVE", port=0, host="127.0.0.1") as server:
        outcome = command("find", f"ARCHIVE@127.0.0.1:{server.port}", "STUDY", "PatientID=1")
    assert (outcome.code, outcome.out) == (1, "")
    assert "it does not provide this service, or not to 'DICOMNET'" in outcome.err


def test_piped_output_is_plain(program: Command, archive: Archive) -> None:
    """In a process of its own: lines, no control codes, no warnings of a library."""
    outcome = program("find", archive.address, "STUDY", "PatientID=1")
    assert (outcome.code, outcome.err) == (0, OF_ESCAPES)
    assert len(outcome.out.splitlines()) == 4
    assert_plain(outcome.out)


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="the system has no pseudo-terminals")
def test_characters_that_the_output_lacks_are_written_as_numbers(program: Command, archive: Archive) -> None:
    """No match is lost because a terminal, or a file of Windows, has an encoding of its own."""
    for form in (), ("--csv",):
        outcome = program("find", archive.address, "STUDY", *form, PYTHONIOENCODING="iso8859-5")
        assert outcome.code == 0
        assert outcome.out.count("M\\xfcller^Jo") == 2


def test_a_terminal_shows_a_table(archive: Archive, started: Callable[..., Any]) -> None:
    """Columns under their keywords, and the number of matches."""
    master, slave = os.openpty()
    process = started("find", archive.address, "STUDY", "PatientID=1", stdout=slave, TERM="xterm", COLUMNS="100")
    os.close(slave)
    seen = read_all(master)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "3 matches\n" + OF_ESCAPES)
    assert "StudyInstanceUID" in seen
    assert "1.2.3.2" in seen
    assert "\\x1b[2J" in seen
    assert "\x1b[2J" not in seen


@pytest.mark.skipif(not hasattr(os, "openpty"), reason="the system has no pseudo-terminals")
def test_a_terminal_that_is_too_narrow_for_a_table_shows_one_match_below_the_other(
    archive: Archive, started: Callable[..., Any]
) -> None:
    """Each value in a line of its own, whole, so that it can be copied."""
    master, slave = os.openpty()
    process = started("find", archive.address, "STUDY", "PatientID=1", stdout=slave, TERM="xterm", COLUMNS="20")
    os.close(slave)
    seen = read_all(master)
    _, err = process.communicate(timeout=20)
    assert (process.returncode, err) == (0, "3 matches\n" + OF_ESCAPES)
    assert "\r\nStudyInstanceUID   1.2.3.2\r\n\r\n" in seen
