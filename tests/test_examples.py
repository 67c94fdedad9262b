"""The programs in examples/ that use peers and servers, run as a user would: as processes, with each other."""

from __future__ import annotations

import ast
import json
import re
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom import Dataset, dcmread
from pydicom.data import get_testdata_file

import dicomnet
from test_object_examples import ENVIRONMENT, ROOT

EXAMPLES = ROOT / "examples"
CT = Path(str(get_testdata_file("CT_small.dcm", download=False)))
MR = Path(str(get_testdata_file("MR_small.dcm", download=False)))

# The program as it is, with the line in the log that says where it listens.
SERVE = """
import logging, runpy, sys
logging.basicConfig(level="INFO", format="%(message)s")
sys.argv = sys.argv[1:]
runpy.run_path(sys.argv[0])
"""


def run(name: str, *arguments: str) -> str:
    """What a program prints; it must end well, and say nothing else."""
    result = subprocess.run(
        [sys.executable, EXAMPLES / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
        timeout=60,
    )
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@contextmanager
def serving(name: str, *arguments: str, port: int = 0) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """A program that serves: its address for the others. SIGTERM ends it, with exit code 0."""
    command = [sys.executable, "-c", SERVE, str(EXAMPLES / name), str(port), *arguments]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True, env=ENVIRONMENT)
    try:
        assert process.stderr is not None
        for line in process.stderr:
            if said := re.search(r"^(\S+) listens on \S*:(\d+)$", line):
                break
        else:
            pytest.fail(f"{name} ended before it listened")
        yield f"{said[1]}@127.0.0.1:{said[2]}", process
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.communicate()


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two instances of two studies."""
    path = tmp_path / "instances"
    path.mkdir()
    for source in (CT, MR):
        path.joinpath(f"{dcmread(source).SOPInstanceUID}.dcm").write_bytes(source.read_bytes())
    return path


def test_an_echo() -> None:
    """The smallest pair there is."""
    with serving("echo_scp.py") as (address, _):
        assert run("echo.py", address) == "0000 success\n"


def test_a_folder_is_stored(folder: Path, tmp_path: Path) -> None:
    """The layout gives each study a folder."""
    with serving("store_scp.py", str(tmp_path / "kept")) as (address, _):
        assert run("store.py", address, str(folder)) == "2 stored\n"
    kept = [path.relative_to(tmp_path / "kept") for path in (tmp_path / "kept").rglob("*.dcm")]
    ct = dcmread(CT)
    assert len(kept) == 2
    assert Path(ct.PatientID, ct.StudyInstanceUID, f"{ct.SOPInstanceUID}.dcm") in kept


def test_studies_are_found(folder: Path) -> None:
    """Only those of the patient that was asked for."""
    ct = dcmread(CT)
    with serving("find_scp.py", str(folder)) as (address, _):
        assert run("find.py", address, ct.PatientID) == f"{ct.StudyInstanceUID} {ct.PatientName}\n"


def test_a_study_is_retrieved(folder: Path, tmp_path: Path) -> None:
    """By C-GET, as it is."""
    ct = dcmread(CT)
    with serving("retrieve_scp.py", str(folder)) as (address, _):
        assert run("get.py", address, str(tmp_path / "out"), ct.StudyInstanceUID) == "1 received\n"
    [path] = (tmp_path / "out").iterdir()
    assert dcmread(path) == ct


def test_a_study_is_sent_on(folder: Path, tmp_path: Path) -> None:
    """By C-MOVE, to another server."""
    ct = dcmread(CT)
    with dicomnet.Server("WS", host="127.0.0.1", port=0, folder=tmp_path / "ws") as workstation:
        table = f"WS=127.0.0.1:{workstation.port}"
        with serving("retrieve_scp.py", str(folder), table) as (address, _):
            assert run("move.py", address, "WS", ct.StudyInstanceUID) == "1 sent by the peer\n"
    [path] = (tmp_path / "ws").iterdir()
    assert dcmread(path) == ct


def test_what_is_stored_is_committed(folder: Path, tmp_path: Path) -> None:
    """The answer comes on the same association."""
    with serving("commit_scp.py", str(tmp_path / "kept")) as (address, _):
        assert run("commit.py", address, str(folder)) == "2 of 2 committed\n"


def test_a_worklist_is_served(tmp_path: Path) -> None:
    """Entries from JSON, matched as PS3.4 K says."""
    entries = []
    for modality in ("CT", "MR"):
        step, entry = Dataset(), Dataset()
        step.Modality, step.ScheduledStationAETitle = modality, "SCANNER"
        entry.PatientName, entry.PatientID, entry.ScheduledProcedureStepSequence = "Doe^Jane", modality, [step]
        entries.append(entry.to_json_dict())
    path = tmp_path / "worklist.json"
    path.write_text(json.dumps(entries))
    with serving("worklist_scp.py", str(path)) as (address, _):
        found = list(dicomnet.Peer(address).find("worklist", {"ScheduledProcedureStepSequence.Modality": "MR"}))
    assert [match.PatientID for match in found] == ["MR"]


def test_procedure_steps_are_noted() -> None:
    """One line for N-CREATE, one for N-SET."""
    with serving("mpps_scp.py") as (address, process), dicomnet.Peer(address) as ris:
        for call, status in ((ris.n_create, "IN PROGRESS"), (ris.n_set, "COMPLETED")):
            step = Dataset()
            step.PerformedProcedureStepStatus = status
            if call == ris.n_create:
                ris.n_create("mpps", step, instance="1.2.3")
            else:
                ris.n_set("mpps", "1.2.3", step)
            assert process.stdout is not None
            assert process.stdout.readline() == f"1.2.3 {status}\n"


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_they_are_as_short_as_they_can_be(path: Path) -> None:
    """Three lines to use a service, six to provide one; imports and the docstring not counted."""
    tree = ast.parse(path.read_text())
    kept = [node for node in tree.body[1:] if not isinstance(node, ast.Import | ast.ImportFrom)]
    lines = [line for line in ast.unparse(ast.Module(kept, [])).splitlines() if line.strip()]
    assert len(lines) <= (6 if path.stem.endswith("_scp") else 3)


@pytest.mark.parametrize("path", sorted(EXAMPLES.glob("*.py")), ids=lambda path: path.stem)
def test_each_says_how_it_is_used(path: Path) -> None:
    """The last line of each docstring is the command that runs it."""
    docstring = ast.get_docstring(ast.parse(path.read_text()))
    assert docstring is not None
    assert docstring.splitlines()[-1].startswith(f"python {path.name} ")
