"""The programs in examples/objects/, run as a user would: as processes, with a real file between them."""

from __future__ import annotations

import os
import re
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from pydicom.data import get_testdata_file

from dicomnet import Associate, DicomNet, runtime

ROOT = Path(__file__).parent.parent
ENVIRONMENT = os.environ | {"PYTHONPATH": str(ROOT / "src"), "PYTHONWARNINGS": "error"}


def outcome(name: str, *arguments: str) -> subprocess.CompletedProcess[str]:
    """How an example ends."""
    return subprocess.run(
        [sys.executable, ROOT / "examples" / "objects" / name, *arguments],
        capture_output=True,
        text=True,
        check=False,
        env=ENVIRONMENT,
        timeout=30,
    )


def run(name: str, *arguments: str) -> str:
    """What an example prints until it ends well."""
    result = outcome(name, *arguments)
    assert (result.returncode, result.stderr) == (0, "")
    return result.stdout


@contextmanager
def serving(name: str, *arguments: str) -> Iterator[tuple[str, subprocess.Popen[str]]]:
    """An example that listens, and the port it says it listens on; it must end in good order."""
    process = subprocess.Popen(
        [sys.executable, ROOT / "examples" / "objects" / name, *arguments],
        stdout=subprocess.PIPE,
        text=True,
        env=ENVIRONMENT,
    )
    try:
        assert process.stdout is not None
        said = re.fullmatch(r"listening on port (\d+)\n", process.stdout.readline())
        assert said is not None
        yield said[1], process
        process.terminate()
        assert process.wait(30) == 0
    finally:
        process.kill()
        process.wait()
        process.stdout.close()


def test_the_storage_pair_moves_a_file(tmp_path: Path) -> None:
    """What storage_scu sends, storage_scp keeps under its SOP instance UID, with the same data set."""
    path = get_testdata_file("CT_small.dcm", download=False)
    with serving("storage_scp.py", "0", str(tmp_path)) as (port, process):
        assert run("storage_scu.py", f"ARCHIVE@127.0.0.1:{port}", str(path)) == f"{path}: 0000 success\n"
        assert process.stdout is not None
        assert process.stdout.readline().endswith(".dcm\n")
    [kept] = tmp_path.iterdir()
    assert kept.read_bytes()[-30000:] == Path(str(path)).read_bytes()[-30000:]


def test_the_query_pair_finds_what_matches() -> None:
    """query_scu prints the studies of query_scp that match its pattern, then the final status."""
    with serving("query_scp.py", "0") as (port, _):
        answers = run("query_scu.py", f"ARCHIVE@127.0.0.1:{port}", "Doe*").splitlines()
    assert answers[:2] == ["1001 Doe^Jane 1.2.3.1", "1002 Doe^John 1.2.3.2"]
    assert answers[2].startswith("0000")
    assert len(answers) == 3


def test_the_gateway_sends_on_what_it_is_sent(tmp_path: Path) -> None:
    """What storage_scu sends it, storage_scp keeps; whoever hung up before did it no harm."""
    paths = [str(get_testdata_file(name, download=False)) for name in ("CT_small.dcm", "JPEG2000.dcm")]
    with (
        serving("storage_scp.py", "0", str(tmp_path)) as (archive, _),
        serving("gateway.py", "0", f"ARCHIVE@127.0.0.1:{archive}") as (port, _),
    ):
        socket.create_connection(("127.0.0.1", int(port))).close()
        said = run("storage_scu.py", f"GATEWAY@127.0.0.1:{port}", *paths)
        assert said.splitlines() == [f"{path}: 0000 success" for path in paths]
    assert len(list(tmp_path.iterdir())) == 2


def test_the_gateway_passes_on_that_nobody_is_there() -> None:
    """As a rejection that says to come again."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))
        with serving("gateway.py", "0", f"ARCHIVE@127.0.0.1:{nobody.getsockname()[1]}") as (port, _):
            path = str(get_testdata_file("CT_small.dcm", download=False))
            result = outcome("storage_scu.py", f"GATEWAY@127.0.0.1:{port}", path)
    assert result.returncode == 1
    assert result.stderr.startswith("association rejected (2/3/1)")


def test_every_example_says_how_it_is_used() -> None:
    """The last line of each docstring is the command that runs it."""
    for path in (ROOT / "examples" / "objects").glob("*.py"):
        docstring = path.read_text().split('"""')[1].strip()
        assert docstring.splitlines()[-1].startswith(f"python {path.name}")


@pytest.mark.parametrize("path", sorted((ROOT / "examples" / "objects").glob("*.py")), ids=lambda path: path.stem)
def test_without_arguments_they_say_how_they_are_used(path: Path) -> None:
    """One line and exit code 2, no traceback."""
    result = outcome(path.name)
    assert (result.returncode, result.stdout) == (2, "")
    assert result.stderr.startswith(f"usage: python {path.name} ")
    assert len(result.stderr.splitlines()) == 1


@pytest.mark.parametrize("name", ["storage_scu.py", "query_scu.py"])
@pytest.mark.parametrize("how", ["rejected", "refused", "lost", "nobody"])
def test_what_fails_is_one_line_and_exit_code_1(name: str, how: str) -> None:
    """Whoever copies them into a script can rely on the exit code."""

    class Peer(DicomNet):
        def on_accept(self, error: Exception | None) -> None:
            self.accept(Peer())

        def on_receive_associate_request(self, associate: Associate) -> None:
            if how == "rejected":
                self.send_associate_reject(1, 1, 7)
            elif how == "refused":
                self.send_associate_accept(associate.accept())
            else:
                self.close(force=True)

    path = str(get_testdata_file("CT_small.dcm", download=False))
    with runtime(), Peer() as listener:
        _, port = listener.listen("127.0.0.1", 0)
        if how == "nobody":
            listener.stop_listening()
        result = outcome(name, f"ARCHIVE@127.0.0.1:{port}", path if name == "storage_scu.py" else "Doe*")
    assert (result.returncode, result.stdout) == (1, "")
    assert "Traceback" not in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_file_that_is_no_instance_is_one_line() -> None:
    """The file is named, and nobody is called."""
    result = outcome("storage_scu.py", "ARCHIVE@127.0.0.1:1", __file__)
    assert (result.returncode, result.stdout) == (1, "")
    assert result.stderr.startswith(f"{__file__}: not an instance: ")
    assert len(result.stderr.splitlines()) == 1
