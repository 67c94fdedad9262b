"""What the tests of the commands share."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

import dicomnet
from cli.helpers import CT, EXPLICIT, Listener, Outcome, Peer, element, environment
from dicomnet.cli.commands import cli
from dicomnet.part10 import file_header


@pytest.fixture
def command() -> Callable[..., Outcome]:
    """Runs a command in this process."""

    def run(*arguments: object) -> Outcome:
        result = CliRunner().invoke(cli, [str(argument) for argument in arguments])
        if result.exception is not None and not isinstance(result.exception, SystemExit):
            raise result.exception
        return Outcome(result.exit_code, result.stdout, result.stderr)

    return run


@pytest.fixture
def program() -> Callable[..., Outcome]:
    """Runs a command in a process of its own, piped."""

    def run(*arguments: object, timeout: float = 30.0, **extra: str) -> Outcome:
        line = [sys.executable, "-m", "dicomnet", *map(str, arguments)]
        done = subprocess.run(line, capture_output=True, check=False, timeout=timeout, env=environment(**extra))
        return Outcome(done.returncode, done.stdout.decode(), done.stderr.decode())

    return run


@pytest.fixture
def started() -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command in a process of its own, and ends it with the test."""
    running: list[subprocess.Popen[str]] = []

    def start(
        *arguments: object, stdout: int = subprocess.PIPE, stderr: int = subprocess.PIPE, **extra: str
    ) -> subprocess.Popen[str]:
        line = [sys.executable, "-m", "dicomnet", *map(str, arguments)]
        process = subprocess.Popen(line, stdout=stdout, stderr=stderr, text=True, env=environment(**extra))
        running.append(process)
        return process

    yield start
    for process in running:
        if process.poll() is None:
            process.kill()
        process.communicate()


@pytest.fixture
def instance(tmp_path: Path) -> Callable[..., Path]:
    """Writes a file with an instance of so many bytes of pixels."""

    def write(
        name: str,
        *,
        number: int | str,
        sop_class: str = CT,
        syntax: str = EXPLICIT,
        size: int = 100,
        meta_number: int | str | None = None,
    ) -> Path:
        uid = f"1.2.3.{number}"
        header = file_header(
            sop_class_uid=sop_class,
            sop_instance_uid=uid if meta_number is None else f"1.2.3.{meta_number}",
            transfer_syntax_uid=syntax,
        )
        identity = element(0x0008, 0x0016, "UI", sop_class) + element(0x0008, 0x0018, "UI", uid)
        pixels = b"\xe0\x7f\x10\x00OB\0\0" + size.to_bytes(4, "little")
        path = tmp_path / "files" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(header + identity + pixels)
        with path.open("ab") as file:
            file.truncate(path.stat().st_size + size)  # sparse, where that can be
        return path

    return write


@pytest.fixture
def peer() -> Iterator[Callable[..., Peer]]:
    """Makes peers that listen on a free port."""
    with dicomnet.runtime():

        def listen(**behaviour: Any) -> Peer:
            made = Peer(**behaviour)
            _, made.port = Listener(made).listen("127.0.0.1", 0)
            return made

        yield listen
