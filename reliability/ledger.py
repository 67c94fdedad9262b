"""What was sent and what was acknowledged, kept by whoever does not die; and whether a folder agrees with it."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from hashlib import blake2b
from pathlib import Path

from dicomnet.storage.temporary import MARK


class Ledger:
    """Judges a folder of received instances by what was sent to it."""

    def __init__(self) -> None:
        self.one_of_them = False
        """Whether one data set of an instance may stand for another one that was acknowledged: it has replaced it."""
        self._sent: dict[str, set[bytes]] = {}
        self.acknowledged: list[tuple[str, bytes]] = []
        """Instance, and the digest of its data set."""
        self._known: dict[tuple[int, int, int], bytes] = {}
        """Digests of files by number, size and time."""

    def send(self, instance: str, data: bytes) -> None:
        """A data set is about to leave."""
        self._sent.setdefault(instance, set()).add(digest(data))

    def acknowledge(self, instance: str, data: bytes) -> None:
        """Its success was read whole."""
        self.acknowledged.append((instance, digest(data)))

    def copy(self) -> Ledger:
        """One for another course of events."""
        made = Ledger()
        made.one_of_them = self.one_of_them
        made._sent = {instance: set(digests) for instance, digests in self._sent.items()}
        made.acknowledged = list(self.acknowledged)
        return made

    def problems(self, files: Mapping[str, bytes], *, settled: bool = True) -> list[str]:
        """What is wrong with files by their paths; see `problems_in`."""
        return self._judge({name: digest(data_of(data)) for name, data in files.items()}, settled=settled)

    def problems_in(self, folder: Path, *, settled: bool = True) -> list[str]:
        """What is wrong with a folder: LOST, TORN, STRANGE or LEFT, each with a name.

        Args:
            settled: whether temporary files must be gone, as they are after a start.
        """
        files = {}
        for path in sorted(folder.rglob("*")):
            name, state = path.relative_to(folder).as_posix(), path.lstat()
            if path.is_dir():
                files[f"{name}/"] = b""
                continue
            known = (state.st_ino, state.st_size, state.st_mtime_ns)
            if known not in self._known:
                self._known[known] = digest(data_of(path.read_bytes()))
            files[name] = self._known[known]
        return self._judge(files, settled=settled)

    def _judge(self, files: Mapping[str, bytes], *, settled: bool) -> list[str]:
        return list(self._complaints(files, settled=settled))

    def _complaints(self, files: Mapping[str, bytes], *, settled: bool) -> Iterator[str]:
        found: dict[str, set[bytes]] = {}
        for name, found_digest in files.items():
            last = name.rpartition("/")[2]
            if name.endswith("/"):
                continue
            if last.startswith("."):
                if settled and last != MARK:  # which stays where there are no links
                    yield f"LEFT {name}"
                continue
            instance = re.sub(r"(~\d+)?\.dcm$", "", last)
            if instance not in self._sent:
                yield f"STRANGE {name}"
            elif found_digest not in self._sent[instance]:
                yield f"TORN {name}"
            found.setdefault(instance, set()).add(found_digest)
        for instance, wanted in self.acknowledged:
            if wanted not in found.get(instance, ()) and not (self.one_of_them and found.get(instance)):
                yield f"LOST {instance}"


def digest(data: bytes) -> bytes:
    """Of a data set."""
    return blake2b(data, digest_size=16).digest()


def data_of(file: bytes) -> bytes:
    """The data set of a file, as it stands there behind group 0002 (PS3.10 7.1); something else if it is no such file."""
    if len(file) < 144 or file[128:140] != b"DICM" + bytes.fromhex("02000000") + b"UL\4\0":
        return b"no file: " + file
    return file[144 + int.from_bytes(file[140:144], "little") :]
