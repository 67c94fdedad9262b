"""Orthanc asks, our server answers: it is told by HTTP what to ask for."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.error import HTTPError

import pytest

import peers
from archives import Archive
from dcmtk import check_content, scheduled
from dicomnet import TlsConfig
from dicomnet.cli._certificate import self_signed
from dicomnet.tls import VerifyMode
from holdings import LEVELS, STUDY, UNIQUE, archived, find, known
from matrix import ORTHANC, cell
from net.applications import PATIENCE
from orthanc import Orthanc, running, tls_settings
from services import dataset
from taps import Taps

Tap = Callable[[int], int]
Compared = Callable[[str], None]

PATHS = [i.path for i in archived()]


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """One that has two patients."""
    with running(tmp_path_factory.mktemp("orthanc")) as orthanc:
        orthanc.take(PATHS)
        yield orthanc


def store(orthanc: Orthanc, place: str, uid: str, **more: bool) -> dict[str, object]:
    """Has it store a study."""
    what = {"Resources": orthanc.studies(uid), "Synchronous": True, **more}
    told: dict[str, object] = orthanc.ask(f"{place}/store", what)
    return told


@cell("echo", "SCP", ORTHANC, through="Server")
def test_orthanc_echoes_with_our_server(filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """It is content; where nobody listens it is not."""
    with Archive(tmp_path) as server:
        place = filled.know("OURS", tap(server.port))
        assert filled.ask(f"{place}/echo", b"") == {}
    with pytest.raises(HTTPError):
        filled.ask(f"{filled.know('NOBODY', peers.unused_port())}/echo", b"")
    compared("the status")


@cell("store", "SCP", ORTHANC, through="Server")
def test_orthanc_stores_with_our_server(filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A study is kept as it was sent."""
    with Archive(tmp_path) as server:
        told = store(filled, filled.know("OURS", tap(server.port)), STUDY)
        kept = server.paths()
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert (told["InstancesCount"], told["FailedInstancesCount"]) == (len(expected), 0)
    same = check_content(kept, expected)
    compared(f"{len(expected)} data sets element by element, {same} of them bit for bit, and the counts")


@cell("store", "SCP", ORTHANC, through="Server", tls=True)
def test_orthanc_stores_with_our_server_over_tls(tmp_path: Path, compared: Compared) -> None:
    """It shows its certificate, which our server demands."""
    certificate, key = self_signed(tmp_path)
    tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate, verify=VerifyMode.REQUIRED)
    with running(tmp_path, tls=tls_settings(certificate, key)) as orthanc, Archive(tmp_path / "own", tls=tls) as server:
        orthanc.take(PATHS)
        store(orthanc, orthanc.know("OURS", server.port, tls=True), STUDY)
        with pytest.raises(HTTPError):
            store(orthanc, orthanc.know("OURS", server.port), STUDY)
        kept = server.paths()
    same = check_content(kept, known(PATHS, StudyInstanceUID=STUDY))
    compared(f"{len(kept)} data sets element by element, {same} of them bit for bit")


def check_level(orthanc: Orthanc, place: str, model: str, level: str, compared: Compared) -> None:
    """Has it ask at one level, and compares what it was told with what is in the files."""
    asked = {**LEVELS[model][level], UNIQUE[level]: ""}
    query = orthanc.ask(f"{place}/query", {"Level": _ITS[level], "Query": asked})
    answers = [
        orthanc.ask(f"{query['Path']}/answers/{number}/content?simplify")
        for number in orthanc.ask(f"{query['Path']}/answers")
    ]
    expected = find(PATHS, dataset(QueryRetrieveLevel=level, **asked))
    assert expected
    for answer, match in zip(answers, expected, strict=True):
        for keyword in (*asked, "QueryRetrieveLevel"):
            assert answer[keyword] == str(match[keyword].value)
    compared(f"{len(expected)} at {level}")


@cell("find patient", "SCP", ORTHANC, through="Server")
def test_orthanc_finds_patients_with_our_server(filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """At the one level at which it asks by the patient root."""
    with Archive(tmp_path, given=PATHS) as server:
        check_level(filled, filled.know("OURS", tap(server.port)), "patient-root", "PATIENT", compared)


@cell("find study", "SCP", ORTHANC, through="Server")
def test_orthanc_finds_studies_with_our_server(filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """At all three levels of the study root."""
    with Archive(tmp_path, given=PATHS) as server:
        place = filled.know("OURS", tap(server.port))
        for level in LEVELS["study-root"]:
            check_level(filled, place, "study-root", level, compared)


@cell("worklist", "SCP", ORTHANC, through="Server")
def test_orthanc_finds_the_worklist_with_our_server(
    filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared
) -> None:
    """Nested sequences and names in other letters arrive as they were given."""
    items = [scheduled(1, "CT", "Dionysios^Διονυσιος"), scheduled(2, "MR", "Doe^Jane")]
    with Archive(tmp_path, worklist=items) as server:
        place = filled.know("OURS", tap(server.port))
        found = filled.ask(f"{place}/find-worklist", {"PatientName": "", "ScheduledProcedureStepSequence": []})
    for answer, item in zip(found, items, strict=True):
        assert (answer["PatientName"], answer["PatientID"]) == (str(item.PatientName), item.PatientID)
        [step], [given] = answer["ScheduledProcedureStepSequence"], item.ScheduledProcedureStepSequence
        assert step == {element.keyword: str(element.value) for element in given}
    compared(f"{len(items)} items, names and scheduled steps")


@cell("move", "SCP", ORTHANC, through="Server")
def test_orthanc_has_our_server_move_to_it(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """It asks for what it has found, and our server stores that with it."""
    (tmp_path / "orthanc").mkdir()
    with running(tmp_path / "orthanc") as orthanc:
        book = {"ORTHANC": f"127.0.0.1:{tap(orthanc.port)}"}
        with Archive(tmp_path / "none", given=PATHS, peers=book) as server:
            place = orthanc.know("OURS", tap(server.port))
            query = orthanc.ask(f"{place}/query", {"Level": "Study", "Query": {"StudyInstanceUID": STUDY}})
            orthanc.ask(f"{query['Path']}/retrieve", {"TargetAet": "ORTHANC", "Synchronous": True})
        kept = orthanc.kept(tmp_path / "out")
    same = check_content(kept, known(PATHS, StudyInstanceUID=STUDY))
    compared(f"{len(kept)} data sets element by element, {same} of them bit for bit")


@cell("commit reverse", "SCP", ORTHANC, through="Server")
def test_our_server_commits_itself_to_orthanc(filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """Orthanc stores a study, asks whether that is kept, and is called back."""
    with Archive(tmp_path, peers={"ORTHANC": f"127.0.0.1:{tap(filled.port)}"}) as server:
        told = store(filled, filled.know("OURS", tap(server.port)), STUDY, StorageCommitment=True)
        path = f"/storage-commitment/{told['StorageCommitmentTransactionUID']}"
        deadline = time.monotonic() + PATIENCE
        while (report := filled.ask(path))["Status"] == "Pending" and time.monotonic() < deadline:
            time.sleep(0.02)
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert (report["Status"], report["RemoteAET"], report["Failures"]) == ("Success", "OURS", [])
    assert {one["SOPInstanceUID"] for one in report["Success"]} == {i.sop_instance for i in expected}
    compared(f"{len(expected)} committed")


def test_the_dissector_agrees_with_what_orthanc_was_answered(taps: Taps) -> None:
    """Wireshark reads every PDU of the tests above as what it is, and finds none malformed."""
    assert taps.check("OFFIS_DCMTK") > len(taps.exchanges)


_ITS = {"PATIENT": "Patient", "STUDY": "Study", "SERIES": "Series", "IMAGE": "Instance"}
"""How Orthanc calls the levels."""
