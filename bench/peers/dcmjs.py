"""dcmjs-dimse, by two small programs of ours for Node.js."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import ClassVar

from bench.peers.base import HOME, PROGRAMS, Absent, Peer, Spot, program
from bench.processes import Command


@dataclass(frozen=True)
class Dcmjs(Peer):
    """It parses what it sends and receives, and writes what it received anew."""

    name: ClassVar[str] = "dcmjs-dimse"
    settings: ClassVar[str] = "no logging, maximum PDU size 131072; it syncs nothing"
    copies: ClassVar[bool] = False

    def version(self) -> str:
        program("node")
        package = _MODULES / "node_modules" / "dcmjs-dimse" / "package.json"
        if not package.exists():
            raise Absent("dcmjs-dimse is not installed")
        return str(json.loads(package.read_text())["version"])

    def receiver(self, spot: Spot) -> Command:
        return self._command("dcmjs_scp.cjs", spot)

    def senders(self, spot: Spot) -> list[Command]:
        return [self._command("dcmjs_scu.cjs", spot)]

    def _command(self, script: str, spot: Spot) -> Command:
        arguments = [str(PROGRAMS / script), str(_MODULES), str(spot.port), str(spot.folder)]
        return Command([program("node"), "--max-old-space-size=8192", *arguments])


_MODULES = HOME / "node"
