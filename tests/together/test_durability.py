"""What was acknowledged is there, whatever happens to the server afterwards, and whatever happened to its disk."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import threading
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import pytest

import dicomnet
from both_shells.faces import Shell
from dicomnet import AssociationError, Outcome, Server
from dicomnet.uids import CTImageStorage
from together.serving import PATIENCE, data_of, instance

Serve = Callable[..., Server]
Call = Callable[..., Any]
Study = Callable[..., Path]

SOURCE = str(Path(dicomnet.__file__).parent.parent)
SIZE = 50_000

PROGRAM = """
import logging, sys, dicomnet
logging.basicConfig(format="%(message)s", level="INFO")
server = dicomnet.Server("ARCHIVE", port=0, host="127.0.0.1", folder=sys.argv[1])
sys.exit(server.run(workers=int(sys.argv[2])))
"""


class Program:
    """A server in a process of its own."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        self.process = process
        self.port = 0
        self.log: list[str] = []

    @property
    def address(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.port}"

    def read_until(self, pattern: str) -> str:
        assert self.process.stderr is not None
        for line in self.process.stderr:
            self.log.append(line)
            if (found := re.search(pattern, line)) is not None:
                return found[1]
        raise AssertionError(f"no {pattern} in the log: {self.log}")

    def workers(self) -> list[int]:
        """The processes that serve."""
        task = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children")
        return [int(one) for one in task.read_text().split()]


@contextmanager
def program(folder: Path, *, workers: int = 1) -> Iterator[Program]:
    with subprocess.Popen(
        [sys.executable, "-W", "error", "-c", PROGRAM, str(folder), str(workers)],
        stderr=subprocess.PIPE,
        text=True,
        env=os.environ | {"PYTHONPATH": SOURCE},
        start_new_session=True,
    ) as process:
        made = Program(process)
        try:
            made.port = int(made.read_until(r"listens on \S*:(\d+)"))
            yield made
        finally:
            with suppress(ProcessLookupError):  # its own session: the workers too
                os.killpg(process.pid, signal.SIGKILL)


def whole(folder: Path, uid: str, sent: dict[str, bytes]) -> bool:
    """Whether an instance is on the disk as it was sent."""
    path = folder / f"{uid}.dcm"
    return path.exists() and data_of(path) == sent[uid]


def contents(files: Path) -> dict[str, bytes]:
    """The data sets of a folder, by instance."""
    return {path.stem: data_of(path) for path in files.iterdir()}


def test_what_was_acknowledged_survives_a_kill(shell: Shell, window: int, study: Study, tmp_path: Path) -> None:
    """SIGKILL in the middle of two hundred; what was in flight is unknown, and nothing under its name is torn."""
    files, kept = study(200, size=SIZE), tmp_path / "kept"
    sent, acknowledged = contents(files), []
    with program(kept) as server:

        def note(result: Any) -> None:
            if result.ok:
                acknowledged.append(result.sop_instance_uid)
            if len(acknowledged) == 60:
                server.process.kill()

        association = shell.associate(server.address, contexts=[files], window=window if window > 1 else None)
        report = association.store(files, on_result=note, check=False)
    assert isinstance(report.error, AssociationError)
    assert 60 <= len(acknowledged) < 200
    assert all(whole(kept, uid, sent) for uid in acknowledged)
    assert all(whole(kept, path.stem, sent) for path in kept.glob("*.dcm"))
    assert 1 <= report.count(Outcome.UNKNOWN) <= window
    assert {result.outcome for result in report} == {Outcome.STORED, Outcome.UNKNOWN, Outcome.NOT_SENT}
    with program(kept) as server:  # what is there again is a success
        association = shell.associate(server.address, contexts=[files])
        assert association.store(files).ok
        association.release()
    assert sorted(path.stem for path in kept.glob("*.dcm")) == sorted(sent)


def test_a_killed_worker_takes_nothing_that_was_acknowledged(shell: Shell, study: Study, tmp_path: Path) -> None:
    """Eight peers store over two workers, of which one is killed; its peers know what they do not know."""
    files, kept = study(160, size=SIZE), tmp_path / "kept"
    sent, acknowledged = contents(files), []
    paths = sorted(files.iterdir())
    under_way = threading.Barrier(9)
    with program(kept, workers=2) as server:

        def store(number: int) -> Any:
            waited = False

            def note(result: Any) -> None:
                nonlocal waited
                if result.ok:
                    acknowledged.append(result.sop_instance_uid)
                if not waited:
                    waited = True
                    ready.release()

            association = shell.associate(server.address, contexts=["verification", CTImageStorage])
            under_way.wait(PATIENCE)
            report = association.store(paths[number::8], on_result=note, check=False)
            with suppress(AssociationError):
                association.release()
            return report

        ready = threading.Semaphore(0)
        with ThreadPoolExecutor(8) as pool:
            storing = [pool.submit(store, number) for number in range(8)]
            under_way.wait(PATIENCE)
            assert all(ready.acquire(timeout=PATIENCE) for _ in range(8))
            os.kill(server.workers()[0], signal.SIGKILL)
            reports = [one.result() for one in storing]
        hit = [report for report in reports if report.error is not None]
        assert hit
        for report in hit:
            assert isinstance(report.error, AssociationError)
            assert report.count(Outcome.UNKNOWN) <= 1
        assert all(report.ok for report in reports if report.error is None)
        assert all(whole(kept, uid, sent) for uid in acknowledged)
        server.read_until("ended by (SIGKILL)")
        association = shell.associate(server.address, contexts=[CTImageStorage])
        assert association.store(files).ok
        association.release()
    assert all(whole(kept, uid, sent) for uid in sent)


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """A file system of two MiB."""
    folder = tmp_path / "disk"
    folder.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(folder)]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("only root may mount a small disk")
    yield folder
    subprocess.run(["umount", "-l", str(folder)], check=True)


def test_a_full_disk_refuses_what_does_not_fit(
    small_disk: Path, serve: Serve, call: Call, window: int, study: Study
) -> None:
    """A700 for those (PS3.4 B.2.3); the association goes on, and so do stores when there is room again."""
    server, files = serve(folder=small_disk), study(40, size=100_000)
    sent = contents(files)
    with call(server, "verification", files, window=window) as association:
        report = association.store(files, check=False)
        assert association.echo() == 0
        refused = report.failed
        assert 10 <= len(report.stored) < 25
        assert {result.status for result in refused} == {0xA700}
        assert len(report.stored) + len(refused) == 40
        assert {path.stem for path in small_disk.glob("*.dcm")} == {one.sop_instance_uid for one in report.stored}
        assert all(whole(small_disk, str(result.sop_instance_uid), sent) for result in report.stored)
        assert list(small_disk.glob(".*")) == []
        for path in small_disk.iterdir():
            path.unlink()
        assert association.store([instance(50, size=100_000)]).ok
