"""DCMTK's programs ask, our server answers: every service they know."""

from __future__ import annotations

import re
import struct
import subprocess
from collections.abc import Callable
from pathlib import Path

import pydicom
import pytest

import dcmtk
import peers
from archives import Archive, Department
from dcmtk import OPTION_OF, check_content, keys, scheduled
from dicomnet import TlsConfig
from dicomnet.cli._certificate import self_signed
from dicomnet.tls import VerifyMode
from dicomnet.uids import BasicFilmBox, BasicGrayscaleImageBox
from holdings import LEVELS, STUDY, UNIQUE, archived, find, known
from matrix import DCMTK, cell
from services import FILM_SESSION, PRINTER, PRINTER_INSTANCE, data_of, dataset, picture
from shells import associated, print_film
from taps import Taps

Tap = Callable[[int], int]
Compared = Callable[[str], None]

PATHS = [i.path for i in archived()]


def ask(program: str, *arguments: str | Path | int) -> subprocess.CompletedProcess[str]:
    """Runs one of DCMTK's requestors against our server."""
    return peers.run(program, "-aec", "OURS", *arguments)


@cell("echo", "SCP", DCMTK, "echoscu", through="Server")
def test_echoscu_echoes_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """Five echoes with each of its transfer syntaxes."""
    with Archive(tmp_path) as server:
        reply = ask(dcmtk.ECHOSCU, "--verbose", "--repeat", 5, "-pts", 38, "127.0.0.1", tap(server.port))
    assert reply.returncode == 0, reply.stdout
    assert len(re.findall("Received Echo Response.*Success", reply.stdout)) == 5
    compared("5 statuses")


@cell("echo", "SCP", DCMTK, "echoscu", through="Server", tls=True)
def test_echoscu_echoes_with_our_server_over_tls(tmp_path: Path, compared: Compared) -> None:
    """It verifies our certificate; without TLS it is not served."""
    certificate, key = self_signed(tmp_path)
    with Archive(tmp_path / "kept", tls=TlsConfig(certificate=certificate, private_key=key)) as server:
        secured = ("--anonymous-tls", "--add-cert-file", certificate)
        reply = ask(dcmtk.ECHOSCU, *secured, "127.0.0.1", server.port)
        assert reply.returncode == 0, reply.stdout
        assert ask(dcmtk.ECHOSCU, "127.0.0.1", server.port).returncode != 0
    compared("the status, and that there is none without TLS")


@pytest.mark.parametrize("syntax", OPTION_OF)
@cell("store", "SCP", DCMTK, "storescu", through="Server")
def test_storescu_stores_with_our_server(syntax: str, taps: Taps, tmp_path: Path, compared: Compared) -> None:
    """In each transfer syntax, what it sends is kept bit for bit; it encodes some anew, so the bytes are those on the wire."""
    sent = dcmtk.sendable(syntax)
    with Archive(tmp_path) as server, taps.test(f"storescu {syntax}") as tap:
        option = "-x" + OPTION_OF[syntax]
        reply = ask(dcmtk.STORESCU, "-R", option, "127.0.0.1", tap(server.port), *[i.path for i in sent])
        assert reply.returncode == 0, reply.stdout
        kept = [peers.instance(path) for path in server.paths()]
    check_content([instance.path for instance in kept], sent)
    _, exchange = taps.exchanges[-1]
    assert sorted(data for _, data in exchange.messages()) == sorted(data_of(instance) for instance in kept)
    assert {instance.transfer_syntax for instance in kept} == {syntax}
    compared(f"{len(sent)} data sets bit for bit with those on the wire, and element by element with the files")


@cell("store", "SCP", DCMTK, "storescu", through="Server", tls=True)
def test_storescu_stores_with_our_server_over_tls(tmp_path: Path, compared: Compared) -> None:
    """It shows its certificate, which our server demands."""
    certificate, key = self_signed(tmp_path)
    tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate, verify=VerifyMode.REQUIRED)
    with Archive(tmp_path / "kept", tls=tls) as server:
        secured = ("+tls", key, certificate, "+cf", certificate)
        reply = ask(dcmtk.STORESCU, *secured, "127.0.0.1", server.port, *PATHS)
        assert reply.returncode == 0, reply.stdout
        same = check_content(server.paths(), archived())
    compared(f"{len(archived())} data sets element by element, {same} of them bit for bit")


def check_levels(option: str, port: int, folder: Path, compared: Compared, *secured: str | Path) -> None:
    """Has findscu ask at every level of a model, and compares what it writes with what is in the files."""
    for level, values in LEVELS["patient-root" if option == "-P" else "study-root"].items():
        (folder / level).mkdir(parents=True)
        asked = {"QueryRetrieveLevel": level, UNIQUE[level]: "", **values}
        reply = ask(dcmtk.FINDSCU, option, *secured, *keys(**asked), "-X", "-od", folder / level, "127.0.0.1", port)
        assert reply.returncode == 0, reply.stdout
        matches = [pydicom.dcmread(path, force=True) for path in sorted((folder / level).iterdir())]
        expected = find(PATHS, dataset(**asked))
        for match in expected:
            match.RetrieveAETitle = "OURS"  # added by the server: where they can be retrieved from
        assert expected
        assert matches == expected
        compared(f"{len(expected)} at {level}")


@cell("find patient", "SCP", DCMTK, "findscu", through="Server")
def test_findscu_finds_patients_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """At all four levels of the patient root, every match arrives in order with every element."""
    with Archive(tmp_path / "none", given=PATHS) as server:
        check_levels("-P", tap(server.port), tmp_path / "found", compared)


@cell("find study", "SCP", DCMTK, "findscu", through="Server")
def test_findscu_finds_studies_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """At all three levels of the study root."""
    with Archive(tmp_path / "none", given=PATHS) as server:
        check_levels("-S", tap(server.port), tmp_path / "found", compared)


@cell("find study", "SCP", DCMTK, "findscu", through="Server", tls=True)
def test_findscu_finds_studies_with_our_server_over_tls(tmp_path: Path, compared: Compared) -> None:
    """The same over a secure link."""
    certificate, key = self_signed(tmp_path)
    tls = TlsConfig(certificate=certificate, private_key=key)
    with Archive(tmp_path / "none", given=PATHS, tls=tls) as server:
        secured = ("--anonymous-tls", "--add-cert-file", certificate)
        check_levels("-S", server.port, tmp_path / "found", compared, *secured)


@cell("worklist", "SCP", DCMTK, "findscu", through="Server")
def test_findscu_finds_the_worklist_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """Nested sequences and names in other letters arrive as they were given."""
    items = [scheduled(1, "CT", "Dionysios^Διονυσιος"), scheduled(2, "MR", "Doe^Jane")]
    (tmp_path / "found").mkdir()
    with Archive(tmp_path / "none", worklist=items) as server:
        asked = keys(PatientName="", **{"ScheduledProcedureStepSequence[0].Modality": ""})
        reply = ask(dcmtk.FINDSCU, "-W", *asked, "-X", "-od", tmp_path / "found", "127.0.0.1", tap(server.port))
    assert reply.returncode == 0, reply.stdout
    found = [pydicom.dcmread(path, force=True) for path in sorted((tmp_path / "found").iterdir())]
    assert found == items
    compared(f"{len(items)} items, all elements")


@pytest.mark.parametrize("option", ["-P", "-S"])
@cell("get", "SCP", DCMTK, "getscu", through="Server")
def test_getscu_gets_from_our_server(option: str, tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A study arrives bit for bit, and the counts are right."""
    asked = {"QueryRetrieveLevel": "STUDY", "StudyInstanceUID": STUDY}
    if option == "-P":
        asked["PatientID"] = "98890234"
    (tmp_path / "got").mkdir()
    with Archive(tmp_path / "none", given=PATHS) as server:
        reply = ask(
            dcmtk.GETSCU, "-v", option, *keys(**asked), "+B", "-od", tmp_path / "got", "127.0.0.1", tap(server.port)
        )
    assert reply.returncode == 0, reply.stdout
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert check_content((tmp_path / "got").iterdir(), expected) == len(expected)
    compared(f"{len(expected)} data sets bit for bit")


@cell("move", "SCP", DCMTK, "movescu", through="Server")
def test_movescu_has_our_server_move_to_it(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """Our server stores with the SCP that movescu runs itself while it waits; it encodes anew."""
    (tmp_path / "moved").mkdir()
    own = peers.unused_port()
    with Archive(tmp_path / "none", given=PATHS, peers={"MOVESCU": f"127.0.0.1:{own}"}) as server:
        asked = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=STUDY)
        arguments = ("-S", *asked, "-aem", "MOVESCU", "+P", own, "-od", tmp_path / "moved")
        reply = ask(dcmtk.MOVESCU, "-v", *arguments, "127.0.0.1", tap(server.port))
    assert reply.returncode == 0, reply.stdout
    expected = known(PATHS, StudyInstanceUID=STUDY)
    check_content((tmp_path / "moved").iterdir(), expected)
    compared(f"{len(expected)} data sets element by element")


@cell("move", "SCP", DCMTK, "movescu", through="Server")
def test_movescu_has_our_server_move_to_storescp(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """What a third party gets is bit for bit what we have; a destination that we do not know is refused."""
    (tmp_path / "moved").mkdir()
    with peers.listening(dcmtk.STORESCP, "+B", "-od", tmp_path / "moved") as third:
        book = {"THIRD": f"127.0.0.1:{tap(third.port)}"}
        with Archive(tmp_path / "none", given=PATHS, peers=book) as server:
            asked = keys(QueryRetrieveLevel="STUDY", StudyInstanceUID=STUDY)
            port = tap(server.port)
            reply = ask(dcmtk.MOVESCU, "-v", "-S", *asked, "-aem", "THIRD", "127.0.0.1", port)
            unknown = ask(dcmtk.MOVESCU, "-v", "-S", *asked, "-aem", "NOBODY", "127.0.0.1", port)
    assert reply.returncode == 0, reply.stdout
    expected = known(PATHS, StudyInstanceUID=STUDY)
    assert check_content((tmp_path / "moved").iterdir(), expected) == len(expected)
    assert "MoveDestinationUnknown" in unknown.stdout.replace(" ", ""), unknown.stdout
    compared(f"{len(expected)} data sets bit for bit, and the refusal of an unknown destination")


@cell("print", "SCP", DCMTK, "dcmprscu", through="Server")
def test_dcmprscu_prints_with_our_server(tap: Tap, tmp_path: Path, compared: Compared) -> None:
    """A job that dcmprscp has kept is printed once more by dcmprscu, with us: the pixels arrive."""
    with dcmtk.printer(tmp_path) as scp, associated("associate", scp.port, contexts=["print-grayscale"]) as line:
        print_film(line)
    [job] = tmp_path.glob("SP_*.dcm")
    with Department() as server:
        server.instances[PRINTER_INSTANCE] = dataset(PrinterStatus="NORMAL", PrinterStatusInfo="NORMAL")
        config = dcmtk.print_config(tmp_path, tap(server.port))
        reply = peers.run(dcmtk.DCMPRSCU, "-v", "-c", config, "-p", "REMOTE", job)
    assert reply.returncode == 0, reply.stdout
    steps = [(verb, sop_class) for verb, sop_class, *_ in server.asked]
    assert steps == [
        ("n-get", PRINTER),
        ("n-create", FILM_SESSION),
        ("n-create", BasicFilmBox),
        ("n-set", BasicGrayscaleImageBox),
        ("n-action", BasicFilmBox),
        ("n-delete", BasicFilmBox),
        ("n-delete", FILM_SESSION),
    ]
    [box] = [given for verb, *_, given in server.asked if verb == "n-set"]
    [came], [sent] = box.BasicGrayscaleImageSequence, picture().BasicGrayscaleImageSequence
    # dcmprscu makes 12 bits of what were 8, and its versions fill the lower four differently.
    assert (came.Rows, came.Columns, came.BitsStored) == (8, 8, 12)
    assert bytes(value >> 4 for value in struct.unpack("<64H", came.PixelData)) == sent.PixelData
    compared("7 requests, the pixels of a picture")


def test_the_dissector_agrees_with_what_dcmtk_was_answered(taps: Taps) -> None:
    """Wireshark reads every PDU of the tests above as what it is, and finds none malformed."""
    assert taps.check("OFFIS_DCMTK") > len(taps.exchanges)
