"""Measures cases: in turn the peer, ours, the peer, ours, and so on; and after each run looks at what has arrived."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from itertools import groupby

from bench import data, handshake, kept
from bench.cases import Case, Setting, Way
from bench.data import Kind
from bench.peers.base import Absent, Spot
from bench.processes import CommandFailed, Run, free_port, least_peak, transfer
from bench.results import Result
from bench.stage import Files, Stage

Tell = Callable[[str, float], None]
"""Is told what is being done, and how much of all is done, up to 1."""


class Bench:
    """Measures cases on a stage. What has been measured is in `results`, also after an interruption.

    Args:
        pairs: how often each case is run.
        scale: how much of the whole sets is sent.
    """

    def __init__(self, cases: Sequence[Case], stage: Stage, *, pairs: int = 5, scale: float = 1.0) -> None:
        self.results: list[Result] = []
        self.versions: dict[str, str] = {}
        """Of the peers that take part."""
        self.settings: dict[str, str] = {}
        """How they are run."""
        self.absent: dict[str, str] = {}
        """Why others don't; the cases that need them are left out."""
        self.ciphers: dict[str, str] = {}
        """What each peer agrees on with itself when it speaks TLS."""
        self.remarks: list[str] = []
        """What the reader should know besides."""
        self.pairs = pairs
        self.floor = least_peak()
        """Bytes of memory below which no peak can be told."""
        self._stage = stage
        self._cases = [case for case in cases if self._present(case)]
        self.scale = self._fitting(scale)

    def run(self, tell: Tell = lambda *_: None) -> None:
        """Runs everything. A case that fails says so in its result, and keeps none of the others from being measured."""
        work = [
            (kind, block)
            for kind in data.KINDS.values()
            for block in self._blocks()
            if kind.key in block.setting.shares
        ]
        for kind, group in groupby(enumerate(work), key=lambda item: item[1][0]):
            blocks = [(number, block) for number, (_, block) in group]
            tell(f"writing {kind.title}", blocks[0][0] / len(work))
            self._stage.files(kind, max(self._count(kind, block.setting) for _, block in blocks))
            for number, block in blocks:
                self._measure(kind, block, partial(_within, tell, number, len(work)))
            self._stage.drop(kind)
        self.results.sort(key=lambda result: self._cases.index(result.case))

    def _blocks(self) -> list[Block]:
        blocks: dict[tuple[object, ...], Block] = {}
        for case in self._cases:
            block = blocks.setdefault((case.theirs, *case.setting.key), Block(case.theirs, case.setting, []))
            block.cases.append(case)
        return list(blocks.values())

    def _measure(self, kind: Kind, block: Block, tell: Tell) -> None:
        count = self._count(kind, block.setting)
        files = self._stage.files(kind, count, block.setting.parts)
        results = [Result(case, kind, count, files.size) for case in block.cases]
        self.results += results
        for way in [block.theirs, *(case.ours for case in block.cases)] if block.setting.tls else []:
            self._agree(way)
        for number in range(self.pairs):
            going = [result for result in results if not result.trouble]
            if not going:
                return
            steps = 1 + len(going)
            said = f"{kind.title}, pair {number + 1} of {self.pairs}: "
            tell(said + block.theirs.title, number / self.pairs)
            try:
                theirs = self._transfer(block.theirs, block.setting, files)
            except (CommandFailed, kept.NotKept) as error:
                for result in going:
                    result.trouble = f"{block.cases[0].against}: {error}"
                return
            for place, result in enumerate(going, 1):
                tell(said + result.case.title, (number + place / steps) / self.pairs)
                try:
                    ours = self._transfer(result.case.ours, block.setting, files)
                except (CommandFailed, kept.NotKept) as error:
                    result.trouble = f"{result.case.ours.title}: {error}"
                else:
                    result.theirs.append(theirs)
                    result.ours.append(ours)

    def _transfer(self, way: Way, setting: Setting, files: Files) -> Run:
        output = self._stage.output(on_disk=setting.on_disk)
        port = free_port()
        tls = self._stage.certificate if setting.tls else None
        receiver = way.receiver.receiver(Spot(port, output, tls=tls))
        run = transfer(receiver, way.sender.senders(Spot(port, files.folder, files.parts, tls)), port)
        if way.receiver.keeps:
            kept.compare(files.folder, output, copies=way.receiver.copies)
        return run

    def _agree(self, way: Way) -> None:
        """Sends one report through a relay that looks at the handshake."""
        if way.sender.name in self.ciphers or way.sender.name != way.receiver.name:
            return
        folder = self._stage.one()
        output, port, tls = self._stage.output(on_disk=False), free_port(), self._stage.certificate
        with handshake.Relay(port) as relay:
            receiver = way.receiver.receiver(Spot(port, output, tls=tls))
            try:
                transfer(receiver, way.sender.senders(Spot(relay.port, folder, [folder], tls)), port)
                self.ciphers[way.sender.name] = relay.cipher()
            except (CommandFailed, ValueError) as error:
                self.remarks.append(f"Which cipher {way.sender.name} uses could not be seen: {error}")

    def _present(self, case: Case) -> bool:
        for peer in (*case.theirs.peers, *case.ours.peers):
            try:
                if peer.name not in self.versions and peer.name not in self.absent:
                    self.versions[peer.name] = peer.version()
                    self.settings[peer.name] = peer.settings
            except Absent as reason:
                self.absent[peer.name] = str(reason)
        return not any(peer.name in self.absent for peer in (*case.theirs.peers, *case.ours.peers))

    def _count(self, kind: Kind, setting: Setting) -> int:
        return max(setting.parts, round(kind.count * setting.shares[kind.key] * self.scale))

    def _fitting(self, scale: float) -> float:
        """The scale, or a smaller one where input and output would not fit."""
        if not self._stage.in_memory:
            self.remarks.append("There is no file system in memory: all was read from disk and written to it.")
        shares = [(data.KINDS[key], share) for case in self._cases for key, share in case.setting.shares.items()]
        needed = 2 * max((kind.count * kind.size * share * scale for kind, share in shares), default=0)
        room = self._stage.room()
        if needed <= room:
            return scale
        self.remarks.append(
            f"Input and output of {needed / 1e9:.1f} GB do not fit into the {room / 1e9:.1f} GB there are: "
            f"the sets were cut to {room / needed:.0%}."
        )
        return scale * room / needed


def _within(tell: Tell, number: int, total: int, what: str, done: float) -> None:
    """Tells how much of all is done, of how much of one of several parts is."""
    tell(what, (number + done) / total)


@dataclass(frozen=True, slots=True)
class Block:
    """Cases of the same setting and the same peer, whose run is the first of each round and stands beside each of ours."""

    theirs: Way
    setting: Setting
    cases: list[Case]
