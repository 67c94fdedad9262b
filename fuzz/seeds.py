"""Writes the files that the corpus begins with: `python -m fuzz.seeds`.

They are the vectors and the hostile PDUs of the tests, conversations that are
in order, command sets, files, data sets and a certificate. A file is named by
what is in it, so writing them again changes nothing; what fuzzing has found
stays beside them.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator
from pathlib import Path

from fuzz.targets import TARGETS
from reliability import streams
from reliability.hostile.corpus import FAMILIES, SERVICES

CORPUS = Path(__file__).parent / "corpus"


def main() -> None:
    """Writes them and says how much there is."""
    for target, files in (
        ("acceptor", _talks(requestor=False)),
        ("requestor", _talks(requestor=True)),
        ("pdus", _pdus()),
        ("command_set", streams.examples("read_command_set")),
        ("file_head", streams.examples("read_file_head")),
        ("data_set", _data_sets()),
        ("certificate", streams.examples("read_certificate")),
        ("proxy_header", streams.examples("read_proxy_header")),
    ):
        write(target, files)
    for target in TARGETS:
        sizes = [file.stat().st_size for file in (CORPUS / target).iterdir()]
        print(f"{target}: {len(sizes)} files, {sum(sizes)} bytes")


def write(target: str, files: Iterable[bytes]) -> None:
    """Adds files to the corpus of a target."""
    folder = CORPUS / target
    folder.mkdir(parents=True, exist_ok=True)
    for data in files:
        (folder / hashlib.sha1(data, usedforsecurity=False).hexdigest()[:16]).write_bytes(data)


def _talks(*, requestor: bool) -> Iterator[bytes]:
    """Each conversation whole, the end by silence or not; what vectors say at its beginning, and hostile callers."""
    for number, said in enumerate(streams.conversations(requestor=requestor)):
        yield bytes([number % 5, number % 8]) + b"".join(said)
    for number, data in enumerate([*_pdus(), *(() if requestor else _hostile())]):
        if len(data) < _SHORT:
            yield bytes([number % 5, number % 8]) + data


def _pdus() -> list[bytes]:
    from tests.pdu.vectors import REFUSED, VECTORS

    return [vector.data for vector in (*VECTORS.values(), *REFUSED.values())]


def _hostile() -> list[bytes]:
    return [case.sent for cases in (FAMILIES | SERVICES).values() for case in cases]


def _data_sets() -> Iterator[bytes]:
    for data in streams.examples("read_data_set"):
        yield data
        yield b"\1" + data[1:]
        yield b"\2" + data[1:]


_SHORT = 620
# Bytes of what is told an end: the corpus is to be small, and little is worth most to who mutates it.

if __name__ == "__main__":
    main()
