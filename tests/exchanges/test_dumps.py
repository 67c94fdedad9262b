"""Identifiers in the debug log: what is asked, and of whom only for who wants to know."""

from __future__ import annotations

import logging

import pytest
from pydicom import Dataset

from dicomnet.exchanges.dumps import MOST_LINES, dump_dataset, names_patient, tell_dataset


def identifier() -> Dataset:
    found = Dataset()
    found.QueryRetrieveLevel = "STUDY"
    found.PatientName = "DOE^JANE"
    found.PatientID = ""
    found.PatientBirthDate = "19700101"
    found.ReferringPhysicianName = "ROE^RICHARD"
    found.StudyInstanceUID = "1.2.3"
    found.add_new(0x00091010, "UN", b"secret")
    item = Dataset()
    item.PatientID = "4711"
    item.Modality = "CT\n2026 forged"
    found.ReferencedPatientSequence = [item]
    return found


def test_a_dump_has_a_line_for_each_element_and_no_patient() -> None:
    """What is empty is shown to be, for it says what was asked."""
    dump = dump_dataset(identifier())
    lines = dump.split("\n")
    assert lines[0] == ""
    assert "  (0008,0052) CS QueryRetrieveLevel: STUDY" in lines
    assert "  (0010,0010) PN PatientName: ***" in lines
    assert "  (0010,0020) LO PatientID: " in lines
    assert "  (0020,000D) UI StudyInstanceUID: 1.2.3" in lines
    assert "    (0010,0020) LO PatientID: ***" in lines
    assert "    (0008,0060) CS Modality: CT\\x0a2026 forged" in lines
    assert not any(secret in dump for secret in ("DOE", "19700101", "ROE", "4711", "secret", "6 bytes"))
    assert all(secret in dump.plain for secret in ("DOE^JANE", "19700101", "ROE^RICHARD", "4711", "6 bytes"))


def test_a_dump_is_bounded_and_never_fails() -> None:
    """A stranger wrote it: there may be any number of elements, and anything in them."""
    many = Dataset()
    for number in range(MOST_LINES + 10):
        many.add_new(0x00211000 + number, "LO", "x")
    assert dump_dataset(many).endswith("\n  ...")
    assert len(dump_dataset(many).split("\n")) == MOST_LINES + 2
    odd = Dataset()
    odd.add_new(0x00280010, "US", "x" * 5)
    odd._dict[0x00100030] = object()  # type: ignore[index,assignment]
    assert "cannot be read" in dump_dataset(odd)


@pytest.mark.parametrize(
    ("tag", "vr", "private"),
    [
        (0x00100020, "LO", True),
        (0x00104000, "LT", True),
        (0x00080090, "PN", True),
        (0x00091001, "LO", True),
        (0x0020000D, "UI", False),
        (0x00080050, "SH", False),
    ],
)
def test_what_names_a_patient(tag: int, vr: str, private: bool) -> None:
    """His module, every name of a person, and whatever is private."""
    assert names_patient(tag, vr) == private


def test_nothing_is_made_for_a_log_that_does_not_want_it(caplog: pytest.LogCaptureFixture) -> None:
    """A dump costs a look at every element."""
    tell_dataset("7f3a", "<", "C-FIND-RQ asks for", None)  # type: ignore[arg-type]
    caplog.set_level(logging.DEBUG, "dicomnet.association")
    tell_dataset("7f3a", "<", "C-FIND-RQ asks for", identifier())
    (told,) = [record.getMessage() for record in caplog.records if record.name.startswith("dicomnet")]
    assert told.startswith("7f3a < C-FIND-RQ asks for\n  (0008,0052)")
    assert "DOE" not in told
