"""python -m bench.install: peers from package registries, into ``.bench/`` of this checkout and nowhere else.

None of them is a dependency of the project. One that cannot be had is left out of what is measured.
"""

from __future__ import annotations

import shutil
import subprocess
import sys

from bench.cases import cases
from bench.peers.base import HOME, Absent, Peer


def main() -> None:
    """Installs what is missing, and says of every peer whether it is there."""
    HOME.mkdir(exist_ok=True)
    peers = {peer.name: peer for case in cases() for way in (case.ours, case.theirs) for peer in way.peers}
    for name, peer in peers.items():
        if _version(peer) is None or name == "pynetdicom":
            _install(name)
    for name, peer in peers.items():
        version = _version(peer)
        print(f"{name:12} {version or 'not there: ' + _ADVICE.get(name, 'see above')}")


def _version(peer: Peer) -> str | None:
    try:
        return peer.version()
    except Absent:
        return None


def _install(name: str) -> None:
    for command in _RECIPES.get(name, ()):
        if not shutil.which(command[0]):
            print(f"{name}: {command[0]} is not installed", file=sys.stderr)
            return
        print(f"{name}: {' '.join(command)}", file=sys.stderr, flush=True)
        if status := subprocess.run(command, check=False, stdout=sys.stderr).returncode:
            print(f"{name}: {command[0]} ended with {status}", file=sys.stderr)
            return


_PYTHON = str(HOME / "python" / "bin" / "python")
_RECIPES = {
    "pynetdicom": [
        [sys.executable, "-m", "venv", str(HOME / "python")],
        [_PYTHON, "-m", "pip", "install", "--quiet", "--disable-pip-version-check", "--upgrade", "pynetdicom"],
    ],
    "dicom-rs": [["cargo", "install", "--quiet", "--root", str(HOME / "rust"), "dicom-storescu", "dicom-storescp"]],
    "dcmjs-dimse": [
        ["npm", "install", "--silent", "--no-audit", "--no-fund", "--prefix", str(HOME / "node"), "dcmjs-dimse"]
    ],
}
_ADVICE = {
    "DCMTK": "apt install dcmtk",
    "Orthanc": "apt install orthanc, and stop the service that comes with it",
    "dcm4che": "no registry has its tools; unpack a release of its project as .bench/dcm4che, or set DCM4CHE_HOME",
}

if __name__ == "__main__":
    main()
