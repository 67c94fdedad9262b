"""File systems of our own, for root: a small one in memory, and one whose power can be cut. Nothing of them is left behind."""

from __future__ import annotations

import fcntl
import os
import shutil
import struct
import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Self

from reliability import scale


class Refused(Exception):
    """This machine does not let us, and why."""


@contextmanager
def in_memory(place: Path, options: str) -> Iterator[Path]:
    """A tmpfs with these options, such as ``size=1m``; raises `Refused`."""
    if (problem := scale.needs_root()) is not None:
        raise Refused(problem)
    place.mkdir()
    _run("mount", "-t", "tmpfs", "-o", options, "tmpfs", str(place))
    try:
        yield place
    finally:
        _run("umount", "-l", str(place))


class Volume:
    """A file system on a loop device, mounted while this is entered.

    Args:
        place: an empty place for its image and its mount point.
        kind: ``ext4`` or another one that there is a ``mkfs`` for.
        options: of the mount.
        size: MiB.
    """

    def __init__(self, place: Path, kind: str = "ext4", *, options: str = "", size: int = 128) -> None:
        self._image = place / "image"
        self._options = options
        self._kind = kind
        self._size = size
        self._device = ""
        self.path = place / "volume"
        """Where it is mounted."""

    def __enter__(self) -> Self:
        if (problem := scale.needs_root()) is not None:
            raise Refused(problem)
        if shutil.which(f"mkfs.{self._kind}") is None:
            raise Refused(f"there is no mkfs.{self._kind}")
        self.path.mkdir(parents=True)
        with self._image.open("wb") as image:
            image.truncate(self._size << 20)
        _run(f"mkfs.{self._kind}", "-q", str(self._image))
        self._device = _run("losetup", "-f", "--show", str(self._image)).strip()
        try:
            self._mount()
        except Refused:
            _run("losetup", "-d", self._device)
            raise
        return self

    def __exit__(self, *_: object) -> None:
        try:
            if self.path.is_mount():
                _run("umount", "-l", str(self.path))
        finally:
            _run("losetup", "-d", self._device)

    def sync(self) -> None:
        """All that was written so far is not at stake."""
        os.sync()

    def cut(self) -> None:
        """Cuts the power: from now on every call fails, and nothing that has not reached the journal on the disk ever does."""
        descriptor = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY)
        try:
            fcntl.ioctl(descriptor, _SHUTDOWN, struct.pack("I", _WITHOUT_LOG))
        finally:
            os.close(descriptor)

    def come_back(self) -> None:
        """The power is there again; nobody may have a file open. The journal is played back."""
        _run("umount", str(self.path))
        self._mount()

    def mount_again(self, options: str) -> None:
        """Changes it as it is, ``ro`` to ``rw`` for example."""
        _run("mount", "-o", f"remount,{options}", str(self.path))

    def _mount(self) -> None:
        options = ["-o", self._options] if self._options else []
        _run("mount", "-t", self._kind, *options, self._device, str(self.path))


def _run(*command: str) -> str:
    try:
        done = subprocess.run(command, capture_output=True, text=True, check=False)
    except FileNotFoundError as error:
        raise Refused(f"there is no {command[0]}") from error
    if done.returncode:
        raise Refused(f"{' '.join(command)}: {done.stderr.strip()}")
    return done.stdout


_SHUTDOWN = 0x8004587D
# FS_IOC_SHUTDOWN of Linux, which ext4, xfs and f2fs know.
_WITHOUT_LOG = 2
