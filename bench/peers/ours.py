"""dicomnet: the command as it is installed beside the Python that runs the bench."""

from __future__ import annotations

import subprocess
import sys
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import ClassVar

from bench.peers.base import Peer, Spot, program
from bench.processes import Command


@dataclass(frozen=True)
class Ours(Peer):
    """Our `send` and `recv`.

    Args:
        bare: receives without waiting for the disk and without looking at the data, as the peers do.
        window: operations outstanding at a time.
        associations: over how many to send.
        workers: processes that receive.
    """

    name: ClassVar[str] = "dicomnet"
    settings: ClassVar[str] = (
        "as installed; bare: recv --no-durable --no-check, so it syncs and checks as little as the peers; default: as a "
        "user gets it"
    )
    bare: bool = False
    window: int = 1
    associations: int = 1
    workers: int = 1

    def version(self) -> str:
        return _run("--version").split()[-1]

    def receiver(self, spot: Spot) -> Command:
        options = ["--host", "127.0.0.1", "--port", str(spot.port), "--output", str(spot.folder)]
        if self.bare:
            options += [option for option in ("--no-durable", "--no-check") if _knows("recv", option)]
        if self.workers > 1:
            options += ["--workers", str(self.workers)]
        if spot.tls:
            options += ["--tls-cert", str(spot.tls.certificate), "--tls-key", str(spot.tls.key)]
        return Command([_program(), "recv", *options])

    def senders(self, spot: Spot) -> list[Command]:
        options = ["--window", str(self.window)] if self.window > 1 else []
        if self.associations > 1:
            options += ["--associations", str(self.associations)]
        if spot.tls:
            options += ["--tls-ca", str(spot.tls.certificate)]
        return [Command([_program(), "send", f"BENCH@127.0.0.1:{spot.port}", str(spot.folder), *options])]


def _program() -> str:
    return program("dicomnet", Path(sys.executable).parent)


@cache
def _knows(command: str, option: str) -> bool:
    """Whether there is such an option yet, so that older versions can be measured, too."""
    return option in _run(command, "--help")


def _run(*arguments: str) -> str:
    return subprocess.run([_program(), *arguments], capture_output=True, text=True, check=True).stdout
