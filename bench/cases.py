"""What is compared with what, and which ratio is aimed at."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

from bench.peers.base import Peer
from bench.peers.dcm4che import Dcm4che
from bench.peers.dcmjs import Dcmjs
from bench.peers.dcmtk import Dcmtk
from bench.peers.dicom_rs import DicomRs
from bench.peers.orthanc import Orthanc
from bench.peers.ours import Ours
from bench.peers.pynetdicom import Pynetdicom


@dataclass(frozen=True, slots=True)
class Way:
    """Who sends to whom."""

    sender: Peer
    receiver: Peer

    @property
    def peers(self) -> list[Peer]:
        return [self.sender, self.receiver]

    @property
    def title(self) -> str:
        return f"{self.sender.name} → {self.receiver.label}"


@dataclass(frozen=True, slots=True)
class Setting:
    """All but who: where and how transfers take place. What a peer does in one serves all cases that share it."""

    tls: bool = False
    on_disk: bool = False
    """Received to the disk of this checkout, not to memory."""
    parts: int = 1
    """Folders that the files are spread over, for those who open an association for each."""
    shares: Mapping[str, float] = field(default_factory=dict)
    """By set: how much of it is sent. A set that is not named here is left out."""

    @property
    def key(self) -> tuple[object, ...]:
        return (self.tls, self.on_disk, self.parts, *sorted(self.shares.items()))


@dataclass(frozen=True, slots=True, eq=False)
class Case:
    """One line of a table."""

    table: str
    title: str
    """What is ours, sender and receiver if nothing else is said."""
    ours: Way
    theirs: Way
    setting: Setting
    goals: Mapping[str, float] = field(default_factory=dict)
    """By set: the peer's wall time over ours that is aimed at."""

    @property
    def against(self) -> str:
        """What it is compared with."""
        return f"against {self.theirs.title}{', TLS' * self.setting.tls}"

    @property
    def words(self) -> str:
        """What ``--only`` looks into."""
        return f"{self.table} {self.title} {self.against}".lower()


def cases() -> list[Case]:
    """All of them, in the order in which they are printed."""
    return [*_one_association(), *_slow(), *_others(), *_disk(), *_four()]


def _goals(ct: float, mf: float, sr: float) -> dict[str, float]:
    return {"ct": ct, "mf": mf, "sr": sr}


def _one_association() -> list[Case]:
    def case(title: str, ours: Way, goals: Mapping[str, float], theirs: Way = DCMTK, setting: Setting = PLAIN) -> Case:
        return Case(MEMORY, title, ours, theirs, setting, goals)

    to_nowhere = Way(Dcmtk(), Dcmtk(discard=True))
    return [
        case("DCMTK → ours, bare", Way(Dcmtk(), BARE), _goals(1.1, 1.1, 1.0)),
        case("ours, bare", Way(Ours(), BARE), _goals(1.3, 1.3, 1.3)),
        case("ours, default", Way(Ours(), Ours()), _goals(1.1, 1.2, 0.9)),
        case("ours, window 16, bare", Way(Ours(window=16), BARE), _goals(1.6, 1.3, 4)),
        case("ours, window 16, default", Way(Ours(window=16), Ours()), _goals(1.4, 1.2, 2.5)),
        case("ours → DCMTK --ignore", Way(Ours(), Dcmtk(discard=True)), _goals(1.0, 1.2, 1.0), to_nowhere, PART),
        case("ours, bare", Way(Ours(), BARE), _goals(1.5, 1.3, 1.5), setting=TLS),
    ]


def _slow() -> list[Case]:
    documented, tuned = Pynetdicom(), Pynetdicom(nodelay=True)
    return [
        Case(
            MEMORY,
            "ours, default",
            Way(Ours(), Ours()),
            Way(documented, documented),
            Setting(shares={"ct": 0.3, "mf": 0.34, "sr": 0.02}),
            _goals(8, 6, 50),
        ),
        Case(
            MEMORY,
            "ours, default",
            Way(Ours(), Ours()),
            Way(tuned, tuned),
            Setting(shares={"sr": 0.05}),
        ),
    ]


def _others() -> list[Case]:
    return [
        Case(
            MEMORY,
            "ours, bare",
            Way(Ours(), BARE),
            Way(DicomRs(), DicomRs()),
            Setting(shares={"ct": 0.4, "mf": 0.34, "sr": 0.4}),
            _goals(1.0, 1.5, 1.0),
        ),
        Case(
            MEMORY,
            "ours, window 16, bare",
            Way(Ours(window=16), BARE),
            Way(Dcm4che(), Dcm4che()),
            PLAIN,
        ),
        Case(
            MEMORY,
            "ours, default",
            Way(Ours(), Ours()),
            Way(Dcmjs(), Dcmjs()),
            Setting(shares={"ct": 0.02, "sr": 0.01}),
        ),
    ]


def _disk() -> list[Case]:
    few = Setting(on_disk=True, shares={"ct": 0.2, "sr": 0.1})
    fewer = Setting(on_disk=True, shares={"ct": 0.1, "sr": 0.005})
    one, many = Way(Ours(), Ours()), Way(Ours(window=16), Ours())
    orthanc, fewest = Way(Dcmtk(), Orthanc()), Setting(on_disk=True, shares={"ct": 0.03, "sr": 0.01})
    return [
        Case(DISK, "ours, durable", one, DCMTK, few, {"ct": 0.6, "sr": 0.35}),
        Case(DISK, "ours, durable, window 16", many, DCMTK, few, {"ct": 1.0, "sr": 1.0}),
        Case(DISK, "ours, durable", one, Way(Pynetdicom(), Pynetdicom()), fewer),
        Case(DISK, "ours, durable, window 16", many, Way(Pynetdicom(), Pynetdicom()), fewer),
        Case(DISK, "DCMTK → ours, durable", Way(Dcmtk(), Ours()), orthanc, fewest),
        Case(DISK, "ours, durable, window 16", many, orthanc, fewest),
    ]


def _four() -> list[Case]:
    forks = Way(Dcmtk(associations=4), Dcmtk(associations=4))
    setting = Setting(parts=4, shares={"ct": 0.5, "mf": 0.67, "sr": 0.4})
    bare = Ours(bare=True, workers=2)
    return [
        Case(FOUR, "ours, recv --workers 2, bare", Way(Ours(associations=4), bare), forks, setting),
        Case(FOUR, "DCMTK → ours, recv --workers 2, bare", Way(Dcmtk(associations=4), bare), forks, setting),
    ]


MEMORY = "One association, files in memory"
DISK = "One association, received to the disk of this checkout"
FOUR = "Four associations at once, files in memory"

# As much as decides and no more, so that all cases with five pairs take about ten minutes.
PLAIN = Setting(shares={"ct": 1.0, "mf": 1.0, "sr": 0.6})
PART = Setting(shares={"ct": 0.5, "mf": 0.5, "sr": 0.4})
TLS = Setting(tls=True, shares=PART.shares)

BARE = Ours(bare=True)
DCMTK = Way(Dcmtk(), Dcmtk())
