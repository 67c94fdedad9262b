"""dicom-rs: dicom-storescu and dicom-storescp, built by cargo."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from typing import ClassVar

from bench.peers.base import HOME, Peer, Spot, program
from bench.processes import Command


@dataclass(frozen=True)
class DicomRs(Peer):
    """It parses what it sends and receives, and writes what it received anew."""

    name: ClassVar[str] = "dicom-rs"
    settings: ClassVar[str] = (
        "release build, --max-pdu-length 131072, --never-transcode, storescp --non-blocking; it syncs nothing"
    )
    copies: ClassVar[bool] = False

    def version(self) -> str:
        program("dicom-storescp", _BIN)
        said = subprocess.run([_storescu(), "--version"], capture_output=True, text=True, check=True)
        return said.stdout.split()[-1]

    def receiver(self, spot: Spot) -> Command:
        storescp = program("dicom-storescp", _BIN)
        return Command([storescp, "--non-blocking", *_PDU, "-o", str(spot.folder), "-p", str(spot.port)])

    def senders(self, spot: Spot) -> list[Command]:
        to = f"BENCH@127.0.0.1:{spot.port}"
        return [Command([_storescu(), *_PDU, "--fail-first", "--never-transcode", to, str(spot.folder)])]


def _storescu() -> str:
    return program("dicom-storescu", _BIN)


_BIN = HOME / "rust" / "bin"
_PDU = ("--max-pdu-length", "131072")
