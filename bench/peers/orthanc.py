"""Orthanc, as a receiver."""

from __future__ import annotations

import json
import subprocess
from dataclasses import dataclass
from typing import ClassVar

from bench.peers.base import Peer, Spot, program
from bench.processes import Command, free_port


@dataclass(frozen=True)
class Orthanc(Peer):
    """An archive with an index: more work than a receiver has, for the sake of one who syncs as ours does."""

    name: ClassVar[str] = "Orthanc"
    settings: ClassVar[str] = (
        "SyncStorageArea on, as it comes; no compression, no plugins, its index (SQLite) on the same file system"
    )
    copies: ClassVar[bool] = False

    def version(self) -> str:
        said = subprocess.run([_program(), "--version"], capture_output=True, text=True, check=True)
        return said.stdout.split()[1]

    def receiver(self, spot: Spot) -> Command:
        settings = {
            "Name": "BENCH",
            "DicomAet": "BENCH",
            "DicomPort": spot.port,
            "HttpPort": free_port(),
            "StorageDirectory": str(spot.folder),
            "IndexDirectory": str(spot.folder),
            "StorageCompression": False,
            "SyncStorageArea": True,
            "DicomCheckCalledAet": False,
            "RemoteAccessAllowed": False,
            "Plugins": [],
        }
        file = spot.folder / "orthanc.json"
        file.write_text(json.dumps(settings))
        return Command([_program(), str(file)])

    def senders(self, spot: Spot) -> list[Command]:
        raise NotImplementedError("it is measured as a receiver only")


def _program() -> str:
    return program("Orthanc")
