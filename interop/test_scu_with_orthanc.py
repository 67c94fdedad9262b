"""We ask, Orthanc answers: what an archive does, through both shells."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pydicom
import pytest

import dcmtk
import dicomnet
import peers
from archives import Archive
from dcmtk import check_content, scheduled
from dicomnet import Status, TlsConfig
from dicomnet.cli._certificate import self_signed
from holdings import STUDY, archived, known
from matrix import ORTHANC, cell
from orthanc import Orthanc, running, tls_settings
from shells import SHELLS, borrowing, check_levels, remote
from taps import Taps

Tap = Callable[[int], int]
Compared = Callable[[str], None]

TITLE = "ORTHANC"
PATHS = [i.path for i in archived()]
ITEMS = [scheduled(1, "CT", "Dionysios^Διονυσιος"), scheduled(2, "MR", "Doe^Jane"), scheduled(3, "CT", "Roe^Rita")]

both_shells = pytest.mark.parametrize("shell", SHELLS)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Orthanc]:
    """One that has two patients, which it was given without DICOM, and a worklist."""
    with running(tmp_path_factory.mktemp("orthanc"), worklist=ITEMS) as orthanc:
        orthanc.take(PATHS)
        yield orthanc


@both_shells
@cell("echo", "SCU", ORTHANC, through="Peer aio.Peer")
def test_we_echo_with_orthanc(shell: str, filled: Orthanc, tap: Tap, compared: Compared) -> None:
    """The answer is success."""
    assert remote(shell, tap(filled.port), title=TITLE).echo() == Status.SUCCESS
    compared("the status")


@both_shells
@cell("store", "SCU", ORTHANC, through="Peer aio.Peer")
def test_we_store_with_orthanc(shell: str, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """In twelve transfer syntaxes: what it gives out again by HTTP is what was sent; it encodes some anew."""
    sent = {i.sop_instance: i for syntax in dcmtk.OPTION_OF for i in dcmtk.sendable(syntax) if _is_filed(i)}
    with running(tmp_path) as orthanc:
        report = remote(shell, tap(orthanc.port), title=TITLE).store([i.path for i in sent.values()])
        kept = orthanc.kept(tmp_path / "out")
    assert len(report.stored) == len(sent)
    same = check_content(kept, list(sent.values()))
    syntaxes = {i.sop_instance: i.transfer_syntax for i in map(peers.instance, kept)}
    assert syntaxes == {uid: i.transfer_syntax for uid, i in sent.items()}
    compared(
        f"{len(sent)} data sets element by element, {same} of them bit for bit, in {len(dcmtk.OPTION_OF)} syntaxes"
    )


@both_shells
@cell("store", "SCU", ORTHANC, through="Peer aio.Peer", tls=True)
def test_we_store_with_orthanc_over_tls(shell: str, tmp_path: Path, compared: Compared) -> None:
    """Both sides show a certificate and verify the other's; without ours nothing is taken."""
    certificate, key = self_signed(tmp_path)
    with running(tmp_path, tls=tls_settings(certificate, key)) as orthanc:
        ours = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)
        for insecure in (None, TlsConfig(ca_file=certificate)):
            with pytest.raises(dicomnet.DicomNetError):
                remote(shell, orthanc.port, title=TITLE, tls=insecure).store(PATHS)
        assert remote(shell, orthanc.port, title=TITLE, tls=ours).store(PATHS).ok
        same = check_content(orthanc.kept(tmp_path / "out"), archived())
    compared(f"{len(PATHS)} data sets element by element, {same} of them bit for bit")


@both_shells
@cell("find patient", "SCU", ORTHANC, through="Peer aio.Peer")
def test_we_find_patients_with_orthanc(shell: str, filled: Orthanc, tap: Tap, compared: Compared) -> None:
    """At all four levels of the patient root, the matches are those that the files are."""
    check_levels(remote(shell, tap(filled.port), title=TITLE).find, "patient-root", compared, PATHS)


@both_shells
@cell("find study", "SCU", ORTHANC, through="Peer aio.Peer")
def test_we_find_studies_with_orthanc(shell: str, filled: Orthanc, tap: Tap, compared: Compared) -> None:
    """At all three levels of the study root."""
    check_levels(remote(shell, tap(filled.port), title=TITLE).find, "study-root", compared, PATHS)


@both_shells
@cell("worklist", "SCU", ORTHANC, through="Peer aio.Peer")
def test_we_find_the_worklist_with_orthanc(shell: str, filled: Orthanc, tap: Tap, compared: Compared) -> None:
    """What is scheduled for one modality, with names in Greek letters."""
    peer = remote(shell, tap(filled.port), title=TITLE)
    matches = peer.find("worklist", {"ScheduledProcedureStepSequence.Modality": "CT"})
    found = {match.PatientID: match for match in matches}
    assert found.keys() == {"1", "3"}
    for item in (ITEMS[0], ITEMS[2]):
        match = found[item.PatientID]
        assert (match.PatientName, match.AccessionNumber) == (item.PatientName, item.AccessionNumber)
        [step], [scheduled_step] = match.ScheduledProcedureStepSequence, item.ScheduledProcedureStepSequence
        assert step.ScheduledStationAETitle == scheduled_step.ScheduledStationAETitle
    compared("2 of 3 items, names and scheduled steps")


@both_shells
@pytest.mark.parametrize("model", ["patient-root", "study-root"])
@cell("get", "SCU", ORTHANC, through="Peer aio.Peer")
def test_we_get_from_orthanc(
    shell: str, model: str, filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared
) -> None:
    """A study arrives bit for bit."""
    keys = {"StudyInstanceUID": STUDY, **({"PatientID": "98890234"} if model == "patient-root" else {})}
    report = remote(shell, tap(filled.port), title=TITLE).get(tmp_path, keys, model=model)
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert check_content(report.paths, expected) == len(expected) == 11
    compared(f"{len(expected)} data sets bit for bit")


@both_shells
@cell("move", "SCU", ORTHANC, through="Peer aio.Peer Server")
def test_we_have_orthanc_move_to_us(shell: str, filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A move to a folder, by way of our server."""
    with Archive(tmp_path / "own") as server:
        filled.know("OURS", tap(server.port))
        moving = {"title": TITLE, "StudyInstanceUID": STUDY}
        report = borrowing(shell, server, tap(filled.port), "move", tmp_path / "moved", **moving)
        assert not server.paths()
    expected = known(PATHS, StudyInstanceUID=STUDY)
    same = check_content(report.paths, expected)
    compared(f"{len(expected)} data sets element by element, {same} of them bit for bit")


@both_shells
@cell("move", "SCU", ORTHANC, "and storescp", through="Peer aio.Peer")
def test_we_have_orthanc_move_to_storescp(
    shell: str, filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared
) -> None:
    """A third party gets the study; one that is not known gets nothing, and the report says so."""
    peer = remote(shell, tap(filled.port), title=TITLE)
    with peers.listening(dcmtk.STORESCP, "+B", "-od", tmp_path) as third:
        filled.know("THIRD", third.port)
        report = peer.move("THIRD", StudyInstanceUID=STUDY)
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert (report.completed, report.failed) == (len(expected), 0)
    same = check_content(tmp_path.iterdir(), expected)
    assert not peer.move("NOBODY", StudyInstanceUID=STUDY, check=False).ok
    compared(f"{len(expected)} data sets element by element, {same} of them bit for bit, and the counts")


@both_shells
@cell("commit reverse", "SCU", ORTHANC, through="Peer aio.Peer Server")
def test_orthanc_commits_itself_on_its_own_association(
    shell: str, filled: Orthanc, tap: Tap, tmp_path: Path, compared: Compared
) -> None:
    """Of three instances it has two, and says so to our server."""
    asked = [(i.sop_class, i.sop_instance) for i in archived()[:2]] + [(archived()[0].sop_class, "1.2.3")]
    with Archive(tmp_path) as server:
        filled.know("OURS", tap(server.port))
        report = borrowing(shell, server, tap(filled.port), "commit", asked, title=TITLE, check=False)
    assert {ref.sop_instance_uid for ref in report.committed} == {uid for _, uid in asked[:2]}
    assert {ref.sop_instance_uid for ref, _ in report.failed} == {"1.2.3"}
    compared("2 committed, 1 not")


def test_the_dissector_agrees_with_what_we_said(taps: Taps) -> None:
    """Wireshark reads every PDU of the tests above, ours and Orthanc's, as what it is, and finds none malformed."""
    assert taps.check("OFFIS_DCMTK") > len(taps.exchanges)


def _is_filed(instance: peers.Instance) -> bool:
    """Whether Orthanc knows where to put it; it refuses with A700 what says of no patient, study or series."""
    dataset = pydicom.dcmread(instance.path, stop_before_pixels=True)
    return all(keyword in dataset for keyword in ("PatientID", "StudyInstanceUID", "SeriesInstanceUID"))
