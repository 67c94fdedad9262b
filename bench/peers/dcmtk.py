"""DCMTK's storescu and storescp."""

from __future__ import annotations

import re
import subprocess
from dataclasses import dataclass
from typing import ClassVar

from bench.peers.base import Absent, Peer, Spot, program
from bench.processes import Command


@dataclass(frozen=True)
class Dcmtk(Peer):
    """At its best: without TCP_NODELAY it waits about 45 ms in each message.

    Args:
        discard: receives and keeps nothing (`--ignore`).
        associations: over how many to send, by as many processes; the receiver forks one for each.
    """

    name: ClassVar[str] = "DCMTK"
    settings: ClassVar[str] = "TCP_NODELAY=1, -pdu 131072, storescp +B; it syncs nothing"
    discard: bool = False
    associations: int = 1

    def version(self) -> str:
        program("storescp")
        said = subprocess.run([program("storescu"), "--version"], capture_output=True, text=True, check=True)
        if found := re.search(r"v(\d+\.\d+\.\d+)", said.stdout):
            return found[1]
        raise Absent("the storescu that is installed is not DCMTK's")

    @property
    def label(self) -> str:
        return f"{self.name} --ignore" if self.discard else self.name

    @property
    def keeps(self) -> bool:
        return not self.discard

    def receiver(self, spot: Spot) -> Command:
        options = ["--ignore"] if self.discard else ["+B", "-od", str(spot.folder)]
        if self.associations > 1:
            options += ["--fork"]
        if spot.tls:
            options += ["+tls", str(spot.tls.key), str(spot.tls.certificate), "-ic"]
        return Command([program("storescp"), *_PDU, *options, str(spot.port)], _ENVIRONMENT)

    def senders(self, spot: Spot) -> list[Command]:
        options = ["+tla", "+cf", str(spot.tls.certificate)] if spot.tls else []
        to = ["127.0.0.1", str(spot.port)]
        folders = spot.parts if self.associations > 1 else [spot.folder]
        return [
            Command([program("storescu"), *_PDU, *options, "+sd", *to, str(folder)], _ENVIRONMENT) for folder in folders
        ]


_PDU = ("-pdu", "131072")
_ENVIRONMENT = {"TCP_NODELAY": "1"}
