"""python -m bench.install: peers from package registries, into ``.bench/`` of this checkout and nowhere else.

None of them is a dependency of the project. One that cannot be had is left out of what is measured.
"""

from __future__ import annotations

import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from bench.cases import cases
from bench.peers.base import HOME, Absent, Peer


def main() -> None:
    """Installs what is missing, and says of every peer whether it is there."""
    HOME.mkdir(exist_ok=True)
    peers = {peer.name: peer for case in cases() for way in (case.ours, case.theirs) for peer in way.peers}
    for name, recipe in _RECIPES.items():
        if not recipe.makes.exists():
            _install(name, recipe)
    for name, peer in peers.items():
        version = _version(peer)
        print(f"{name:12} {version or 'not there: ' + _ADVICE.get(name, 'see above')}")


def _version(peer: Peer) -> str | None:
    try:
        return peer.version()
    except Absent:
        return None


def _install(name: str, recipe: Recipe) -> None:
    for command in recipe.commands:
        if not shutil.which(command[0]):
            print(f"{name}: {command[0]} is not installed", file=sys.stderr)
            return
        print(f"{name}: {' '.join(command)}", file=sys.stderr, flush=True)
        if status := subprocess.run(command, check=False, stdout=sys.stderr).returncode:
            print(f"{name}: {command[0]} ended with {status}", file=sys.stderr)
            return


@dataclass(frozen=True, slots=True)
class Recipe:
    """How to install a peer."""

    makes: Path
    """Is there once it has been."""
    commands: Sequence[Sequence[str]]


_PYTHON = HOME / "python" / "bin" / "python"
_RUST = HOME / "rust"
_NODE = HOME / "node"
_RECIPES = {
    "pynetdicom": Recipe(
        _PYTHON.with_name("pydicom"),
        [
            [sys.executable, "-m", "venv", str(HOME / "python")],
            [str(_PYTHON), "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "pynetdicom"],
        ],
    ),
    "dicom-rs": Recipe(
        _RUST / "bin" / "dicom-storescp",
        [["cargo", "install", "--quiet", "--root", str(_RUST), "dicom-storescu", "dicom-storescp"]],
    ),
    "dcmjs-dimse": Recipe(
        _NODE / "node_modules" / "dcmjs-dimse",
        [["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(_NODE), "dcmjs-dimse"]],
    ),
}
_ADVICE = {
    "DCMTK": "apt install dcmtk",
    "Orthanc": "apt install orthanc, and stop the service that comes with it",
    "dcm4che": "no registry has its tools; unpack a release of its project as .bench/dcm4che, or set DCM4CHE_HOME",
}

if __name__ == "__main__":
    main()
