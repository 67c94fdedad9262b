"""The programs of docs/guide.md run as they stand there, but for addresses, against servers that have what they ask for."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

import dicomnet

REPOSITORY = Path(__file__).parent.parent
SOURCE = REPOSITORY / "src"
GUIDE = (REPOSITORY / "docs" / "guide.md").read_text()
PROGRAMS = re.findall(r"^```python\n(.*?)^```$", GUIDE, re.MULTILINE | re.DOTALL)
STUDY = str(dcmread(get_testdata_file("CT_small.dcm")).StudyInstanceUID)

Run = Callable[..., SimpleNamespace]


@pytest.fixture(autouse=True)
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The folder in which a program runs, with a study of a CT image in it."""
    (tmp_path / "study").mkdir()
    shutil.copy(str(get_testdata_file("CT_small.dcm")), tmp_path / "study")
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def names() -> dict[str, Any]:
    """Those of the program's module, while it runs and afterwards."""
    return {"__name__": "program"}


@pytest.fixture
def pacs(tmp_path: Path, names: dict[str, Any]) -> Iterator[dicomnet.Server]:
    """Keeps, finds, gives out and promises; it calls back whoever the program calls ``me``."""
    folder = tmp_path / "pacs"
    server = dicomnet.Server(
        "PACS",
        host="127.0.0.1",
        port=0,
        folder=folder,
        calling_ae=["DICOMNET", "ME", "ROUTER"],
        peers=lambda _: f"127.0.0.1:{names['me'].port}",
    )

    @server.on_find("study-root")
    def find(request: Any) -> Any:
        return request.match(
            {
                "PatientName": "DOE^JANE",
                "StudyDate": "20260203",
                "StudyDescription": "a head",
                "ModalitiesInStudy": "CT",
            }
            | {"StudyInstanceUID": one.StudyInstanceUID, "SeriesInstanceUID": one.SeriesInstanceUID}
            | {"SOPClassUID": one.SOPClassUID, "SOPInstanceUID": one.SOPInstanceUID}
            for one in map(dcmread, folder.glob("*.dcm"))
        )

    @server.on_get("study-root")
    @server.on_move("study-root")
    def give(request: Any) -> Any:
        return request.match(folder.glob("*.dcm"))

    @server.on_commit
    def commit(instances: Any) -> Any:
        return instances, []

    with server:
        yield server


@pytest.fixture
def ris() -> Iterator[SimpleNamespace]:
    """Has a worklist of two, and notes what is performed."""
    server = dicomnet.Server("RIS", host="127.0.0.1", port=0)
    performed: list[str] = []

    @server.on_find("worklist")
    def find(request: Any) -> Any:
        for number, modality in enumerate(("CT", "MR"), 1):
            item, step = Dataset(), Dataset()
            item.PatientName, item.AccessionNumber = "DOE^JANE", f"A{number}"
            step.Modality, step.ScheduledProcedureStepStartDate = modality, "20261120"
            step.ScheduledProcedureStepID = f"S{number}"
            item.ScheduledProcedureStepSequence = [step]
            yield from request.match([item])

    @server.on_n_create("mpps")
    @server.on_n_set("mpps")
    def note(request: Any) -> None:
        performed.append(request.dataset.PerformedProcedureStepStatus)

    with server:
        yield SimpleNamespace(port=server.port, performed=performed)


@pytest.fixture
def run(request: pytest.FixtureRequest, names: dict[str, Any]) -> Run:
    """Runs the one program that has a text in it; `drive` is called with its server, where it has one to run."""

    def start(text: str, drive: Callable[[dicomnet.Server], object] | None = None) -> SimpleNamespace:
        (program,) = (one for one in PROGRAMS if text in one)
        for place, fixture in (("10.0.0.5:104", "pacs"), ("10.0.0.8:104", "pacs"), ("10.0.0.6:104", "ris")):
            if place in program:
                program = program.replace(place, f"127.0.0.1:{request.getfixturevalue(fixture).port}")
        program = program.replace("BACKUP@", "PACS@").replace("1.2.826.1", STUDY)
        program = program.replace("port=11112", 'host="127.0.0.1", port=0')
        names["drive"] = drive
        exec(compile(re.sub(r"server\.run\(.*\)", "drive(server)", program), text, "exec"), names)
        return SimpleNamespace(**names)

    return start


@pytest.fixture
def kept(pacs: dicomnet.Server) -> None:
    """The archive has the study."""
    dicomnet.Peer(f"PACS@127.0.0.1:{pacs.port}").store("study")


@pytest.mark.usefixtures("kept")
def test_studies_are_found(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """A line for each, with what was asked for besides."""
    run("DOE^*")
    assert capsys.readouterr().out == f"DOE^JANE 20260203 a head {STUDY}\n"


def test_the_worklist_is_asked_for(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """The items of one modality alone."""
    run('"worklist"')
    assert capsys.readouterr().out == "DOE^JANE A1 S1\n"


@pytest.mark.usefixtures("kept")
def test_studies_are_fetched(run: Run, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Each into a folder of its own."""
    run("asyncio.Semaphore")
    assert len([*(here / "studies" / STUDY).glob("*.dcm")]) == 1
    assert capsys.readouterr().out == f"{STUDY} 1 received\n"


@pytest.mark.usefixtures("kept")
def test_a_study_is_moved_here(run: Run, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The archive calls our server, and the instance lies in the folder."""
    run("pacs.move(")
    assert len([*(here / "incoming").glob("*.dcm")]) == 1
    assert capsys.readouterr().out == "1 received\n"


def test_a_folder_is_sent(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """With a line for each step, and the report."""
    run('associations="auto"')
    *_, last = capsys.readouterr().out.splitlines()
    assert last == "1 stored"


def test_what_is_promised_is_deleted(run: Run, here: Path) -> None:
    """Nothing is left in the folder once the archive has answered."""
    run("result.path.unlink()")
    assert not [*(here / "study").iterdir()]
    assert [*(here / "pacs").glob("*.dcm")]


def test_a_refusal_is_told(run: Run, capsys: pytest.CaptureFixture[str]) -> None:
    """An archive that does not know us rejects us."""
    run("error.result")
    assert capsys.readouterr().out.startswith("refused (1/1/3): ")


def test_a_step_is_reported(run: Run, ris: SimpleNamespace) -> None:
    """From its beginning to its end."""
    run('"mpps"')
    assert ris.performed == ["IN PROGRESS", "COMPLETED"]


def test_instances_are_kept_in_folders(run: Run, here: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Named by what is in them."""
    run("layout=", drive=store)
    (path,) = (here / "incoming" / STUDY / "CT").glob("*.dcm")
    assert capsys.readouterr().out == f"kept {path}\n"


def test_an_archive_with_a_database(run: Run, here: Path) -> None:
    """Stores, finds by patient, and gives out."""

    def drive(server: dicomnet.Server) -> None:
        store(server)
        with server, dicomnet.Peer(f"ARCHIVE@127.0.0.1:{server.port}") as peer:
            assert [match.StudyInstanceUID for match in peer.find("STUDY", PatientID="1CT1")] == [STUDY]
            assert not list(peer.find("STUDY", PatientID="another"))
            assert len(peer.get("out", StudyInstanceUID=STUDY).received) == 1

    run("sqlite3", drive=drive)
    assert [*(here / "out").iterdir()]


def test_an_instance_is_passed_on(run: Run, here: Path) -> None:
    """By the time that we have our answer the targets have it."""
    run("targets", drive=store)
    assert [*(here / "pacs").glob("*.dcm")]


def test_a_fixture_for_tests(here: Path) -> None:
    """The test in the guide passes."""
    (program,) = (one for one in PROGRAMS if "@pytest.fixture" in one)
    (here / "test_program.py").write_text(program)
    tests = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "test_program.py"]
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    result = subprocess.run(tests, cwd=here, env=environment, capture_output=True, text=True, check=False, timeout=60)
    assert "1 passed" in result.stdout, result.stdout


def store(server: dicomnet.Server) -> None:
    """Runs a server for as long as it takes to send it the study."""
    with server:
        dicomnet.Peer(f"{server.title}@127.0.0.1:{server.port}").store("study")
