"""Whether a receiver holds what was sent: a transfer that lost something took no time worth printing."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path


class NotKept(Exception):
    """What a receiver holds is not what was sent."""


@dataclass(frozen=True, slots=True)
class Instance:
    """A file with a data set."""

    path: Path
    uid: str
    start: int
    """Where the data set begins, behind the header of PS3.10."""
    length: int
    """Bytes of the data set."""


def compare(sent: Path, kept: Path, *, copies: bool) -> int:
    """Compares the instances below two folders.

    Args:
        copies: what is kept must be the very data sets, and nothing beside them; otherwise only their UIDs are
            compared, because the receiver writes them anew, or has an index and other files around them.

    Returns:
        How many there are.

    Raises:
        NotKept: they are not the same.
    """
    expected = {instance.uid: instance for instance in instances(sent)}
    found = list(instances(kept, all_files=copies))
    if missing := expected.keys() - {instance.uid for instance in found}:
        raise NotKept(f"{len(missing)} of {len(expected)} instances are missing, {min(missing)} among them")
    if len({instance.uid for instance in found}) > len(expected):
        raise NotKept("there are instances that nobody sent")
    if copies:
        if len(found) > len(expected):
            raise NotKept(f"there are {len(found)} files of {len(expected)} instances")
        for instance in found:
            if instance.length != expected[instance.uid].length:
                raise NotKept(f"{instance.path.name} has {instance.length} bytes, not {expected[instance.uid].length}")
        for instance in found[:: len(found) // _SAMPLE + 1]:
            if not _same(instance, expected[instance.uid]):
                raise NotKept(f"{instance.path.name} has other bytes than were sent")
    return len(expected)


def instances(folder: Path, *, all_files: bool = True) -> Iterator[Instance]:
    """What is anywhere below a folder.

    Args:
        all_files: each file has to be an instance; otherwise others are passed over.

    Raises:
        NotKept: one is not.
    """
    for path in folder.rglob("*"):
        if not path.is_file():
            continue
        with path.open("rb", buffering=0) as file:
            head = file.read(_HEAD)
        at = head.find(_SOP_INSTANCE)
        if head[128:132] == b"DICM" and at > 0:
            length = int.from_bytes(head[at + 6 : at + 8], "little")
            uid = head[at + 8 : at + 8 + length].rstrip(b"\0").decode()
            start = 144 + int.from_bytes(head[140:144], "little")  # the group's length stands first (PS3.10 7.1)
            yield Instance(path, uid, start, path.stat().st_size - start)
        elif all_files:
            raise NotKept(f"{path.name} is no instance")


def _same(one: Instance, other: Instance) -> bool:
    with one.path.open("rb") as left, other.path.open("rb") as right:
        left.seek(one.start)
        right.seek(other.start)
        while True:
            block = left.read(1 << 20)
            if block != right.read(1 << 20):
                return False
            if not block:
                return True


_HEAD = 1024  # bytes in which the header ends that we know from any peer
_SOP_INSTANCE = b"\x02\x00\x03\x00UI"
_SAMPLE = 8  # files whose every byte is compared; of the others the length
