"""We ask, DCMTK's programs answer: every service they know, through both shells."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator
from io import BytesIO
from pathlib import Path
from typing import Any

import pydicom
import pytest

import dcmtk
import dicomnet
import peers
from archives import Archive
from bundled import bundled
from dcmtk import check_content, same_content, scheduled
from dicomnet import Status, TlsConfig
from dicomnet.cli._certificate import self_signed
from holdings import STUDY, archived, known
from matrix import DCMTK, cell
from services import picture
from shells import ASSOCIATES, SHELLS, associated, borrowing, check_levels, print_film, remote
from taps import Taps

Tap = Callable[[int], int]
Compared = Callable[[str], None]

IMPLICIT_LE = "1.2.840.10008.1.2"
COLOR_PALETTE_STORAGE = "1.2.840.10008.5.1.4.39.1"

both_shells = pytest.mark.parametrize("shell", SHELLS)
both_associates = pytest.mark.parametrize("shell", ASSOCIATES)


@pytest.fixture(scope="module")
def filled(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder of an archive of DCMTK's that DCMTK has filled."""
    folder = tmp_path_factory.mktemp("filled") / "archive"
    folder.mkdir()
    with dcmtk.archive(folder, "+B") as scp:
        reply = peers.run(dcmtk.STORESCU, "-aec", "ARCHIVE", "127.0.0.1", scp.port, *[i.path for i in archived()])
        assert reply.returncode == 0, reply.stdout
    return folder


@pytest.fixture
def archive_port(filled: Path, tap: Tap) -> Iterator[int]:
    """Where that archive is reached."""
    with dcmtk.archive(filled, "+B") as scp:
        yield tap(scp.port)


@both_shells
@cell("echo", "SCU", DCMTK, "storescp", through="Peer aio.Peer")
def test_we_echo_with_storescp(shell: str, tap: Tap, compared: Compared) -> None:
    """The answer is success, and DCMTK says that it was asked."""
    with peers.listening(dcmtk.STORESCP, "--verbose", "--ignore") as scp:
        assert remote(shell, tap(scp.port)).echo() == Status.SUCCESS
        assert "Received Echo Request" in scp.output()
    compared("the status, and what storescp logged")


@both_shells
@cell("echo", "SCU", DCMTK, "storescp", through="Peer aio.Peer", tls=True)
def test_we_echo_with_storescp_over_tls(shell: str, tmp_path: Path, compared: Compared) -> None:
    """Both sides show a certificate and verify the other's."""
    certificate, key = self_signed(tmp_path)
    tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)
    with peers.listening(dcmtk.STORESCP, "+tls", key, certificate, "+cf", certificate, "--ignore") as scp:
        assert remote(shell, scp.port, tls=tls).echo() == Status.SUCCESS
        with pytest.raises(dicomnet.DicomNetError):
            remote(shell, scp.port).echo()
    compared("the status, and that there is none without TLS")


@both_shells
@cell("store", "SCU", DCMTK, "storescp", through="Peer aio.Peer")
def test_we_store_with_storescp(shell: str, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """All that pydicom brings, in twelve transfer syntaxes, arrives bit for bit; the palettes storescp does not take."""
    sent = [i for i in bundled() if i.sop_class != COLOR_PALETTE_STORAGE]
    with peers.listening(dcmtk.STORESCP, "+B", "+xa", "-pm", "+uf", "-od", tmp_path) as scp:
        # One at a time, for instances of the same name would be taken for duplicates of each other.
        named: dict[str, list[Path]] = {}
        for instance in sent:
            named.setdefault(instance.sop_instance, []).append(instance.path)
        port = tap(scp.port)
        for turn in range(max(map(len, named.values()))):
            report = remote(shell, port).store([paths[turn] for paths in named.values() if len(paths) > turn])
            assert report.ok
    kept = [peers.instance(path) for path in tmp_path.iterdir()]
    assert Counter((i.sop_class, i.sop_instance, i.transfer_syntax, i.digest) for i in kept) == Counter(
        i.facts for i in sent
    )
    compared(f"{len(sent)} data sets bit for bit, in {len({i.transfer_syntax for i in sent})} transfer syntaxes")


@both_shells
@cell("store", "SCU", DCMTK, "storescp", through="Peer aio.Peer", tls=True)
def test_we_store_with_storescp_over_tls(shell: str, tmp_path: Path, compared: Compared) -> None:
    """Two patients arrive bit for bit over a secure link."""
    certificate, key = self_signed(tmp_path)
    (tmp_path / "kept").mkdir()
    tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)
    secured = ("+tls", key, certificate, "+cf", certificate)
    with peers.listening(dcmtk.STORESCP, *secured, "+B", "-od", tmp_path / "kept") as scp:
        assert remote(shell, scp.port, tls=tls).store([i.path for i in archived()]).ok
    assert digests((tmp_path / "kept").iterdir()) == {i.sop_instance: i.digest for i in archived()}
    compared(f"{len(archived())} data sets bit for bit")


@both_shells
@cell("store", "SCU", DCMTK, "storescp", through="Peer aio.Peer")
def test_we_convert_for_storescp(shell: str, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A peer that takes implicit VR only gets explicit ones converted: other bytes, the same data set."""
    with peers.listening(dcmtk.STORESCP, "+B", "+xi", "-od", tmp_path) as scp:
        report = remote(shell, tap(scp.port)).store([i.path for i in archived()])
    assert {result.transfer_syntax_uid for result in report} == {IMPLICIT_LE}
    kept = {peers.instance(path).sop_instance: path for path in tmp_path.iterdir()}
    for instance in archived():
        found = kept.pop(instance.sop_instance)
        assert peers.instance(found).transfer_syntax == IMPLICIT_LE
        assert same_content(pydicom.dcmread(found), implicit(instance))
    assert not kept
    compared(f"{len(archived())} data sets, converted, element by element with pydicom's conversion")


@both_shells
@cell("find patient", "SCU", DCMTK, "dcmqrscp", through="Peer aio.Peer")
def test_we_find_patients_with_dcmqrscp(shell: str, archive_port: int, compared: Compared) -> None:
    """At all four levels of the patient root, the matches are those that the files are."""
    check_levels(remote(shell, archive_port).find, "patient-root", compared, [i.path for i in archived()])


@both_shells
@cell("find study", "SCU", DCMTK, "dcmqrscp", through="Peer aio.Peer")
def test_we_find_studies_with_dcmqrscp(shell: str, archive_port: int, compared: Compared) -> None:
    """At all three levels of the study root."""
    check_levels(remote(shell, archive_port).find, "study-root", compared, [i.path for i in archived()])


@both_shells
@cell("worklist", "SCU", DCMTK, "wlmscpfs", through="Peer aio.Peer")
def test_we_find_the_worklist_with_wlmscpfs(shell: str, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """What is scheduled for one station, with names in Greek letters, as its files have it."""
    items = [scheduled(1, "CT", "Dionysios^Διονυσιος"), scheduled(2, "MR", "Doe^Jane"), scheduled(3, "CT", "Roe^Rita")]
    with dcmtk.worklist(tmp_path, items) as scp:
        peer = remote(shell, tap(scp.port), title="WORKLIST")
        station = {"ScheduledProcedureStepSequence.Modality": "CT"}
        matches = sorted(peer.find("worklist", station), key=lambda match: match.PatientID)
    assert [match.PatientID for match in matches] == ["1", "3"]
    for match, item in zip(matches, [items[0], items[2]], strict=True):
        assert match.PatientName == item.PatientName
        [step], [scheduled_step] = match.ScheduledProcedureStepSequence, item.ScheduledProcedureStepSequence
        for keyword in ("Modality", "ScheduledStationAETitle", "ScheduledProcedureStepStartDate"):
            assert step[keyword].value == scheduled_step[keyword].value
    compared("2 of 3 items, names and scheduled steps")


@both_shells
@pytest.mark.parametrize("model", ["patient-root", "study-root"])
@cell("get", "SCU", DCMTK, "dcmqrscp", through="Peer aio.Peer")
def test_we_get_from_dcmqrscp(shell: str, model: str, archive_port: int, tmp_path: Path, compared: Compared) -> None:
    """A study arrives whole; what DCMTK does not encode anew arrives bit for bit."""
    keys = {"StudyInstanceUID": STUDY}
    if model == "patient-root":
        keys["PatientID"] = "98890234"
    report = remote(shell, archive_port).get(tmp_path, keys, model=model)
    expected = known([i.path for i in archived()], StudyInstanceUID=STUDY)
    same = check_content(report.paths, expected)
    assert len(expected) == 11
    assert same >= 1
    compared(f"{len(expected)} data sets element by element, {same} of them bit for bit")


@both_shells
@cell("move", "SCU", DCMTK, "dcmqrscp", through="Peer aio.Peer")
def test_we_have_dcmqrscp_move_to_storescp(
    shell: str, filled: Path, tap: Tap, tmp_path: Path, compared: Compared
) -> None:
    """The series arrives at a third party, and the counts come to us."""
    keys = {"StudyInstanceUID": STUDY, "SeriesInstanceUID": STUDY[:-1] + "17"}
    with (
        peers.listening(dcmtk.STORESCP, "+B", "-od", tmp_path) as third,
        dcmtk.archive(filled, "+B", moves={"THIRD": third.port}) as scp,
    ):
        report = remote(shell, tap(scp.port)).move("THIRD", keys)
    expected = known([i.path for i in archived()], **keys)
    assert (report.completed, report.failed, report.warning) == (len(expected), 0, 0)
    check_content(tmp_path.iterdir(), expected)
    compared(f"{len(expected)} data sets element by element, and the counts")


@both_shells
@cell("move", "SCU", DCMTK, "dcmqrscp", through="Peer aio.Peer Server")
def test_we_have_dcmqrscp_move_to_us(shell: str, filled: Path, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A move to a folder: our server takes what comes, and nothing of it reaches the server's own handler."""
    with Archive(tmp_path / "own") as server:
        with dcmtk.archive(filled, "+B", moves={"OURS": tap(server.port)}) as scp:
            report = borrowing(shell, server, tap(scp.port), "move", tmp_path / "moved", StudyInstanceUID=STUDY)
        assert not server.paths()
    expected = known([i.path for i in archived()], StudyInstanceUID=STUDY)
    check_content(report.paths, expected)
    compared(f"{len(expected)} data sets element by element")


@both_associates
@cell("print", "SCU", DCMTK, "dcmprscp", through="associate aio.associate")
def test_we_print_with_dcmprscp(shell: str, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A film with a picture is printed: what dcmprscp keeps of the job has our pixels."""
    with dcmtk.printer(tmp_path) as scp, associated(shell, tap(scp.port), contexts=["print-grayscale"]) as line:
        print_film(line)
    [kept] = tmp_path.glob("HG_*.dcm")
    [sent] = picture().BasicGrayscaleImageSequence
    assert pydicom.dcmread(kept).PixelData == sent.PixelData
    assert list(tmp_path.glob("SP_*.dcm"))
    compared("the pixels of a picture")


def test_the_dissector_agrees_with_what_we_said(taps: Taps) -> None:
    """Wireshark reads every PDU of the tests above, ours and DCMTK's, as what it is, and finds none malformed."""
    assert taps.check("OFFIS_DCMTK") > len(taps.exchanges)


def digests(paths: Any) -> dict[str, str]:
    """Of each instance the digest of its data set."""
    return {instance.sop_instance: instance.digest for instance in map(peers.instance, paths)}


def implicit(instance: peers.Instance) -> pydicom.Dataset:
    """An instance as pydicom reads what it has written in implicit VR, where the VR of private elements is lost."""
    encoded, original = BytesIO(), pydicom.dcmread(instance.path)
    original.file_meta.TransferSyntaxUID = pydicom.uid.ImplicitVRLittleEndian
    original.save_as(encoded, implicit_vr=True, little_endian=True)
    encoded.seek(0)
    return pydicom.dcmread(encoded)
