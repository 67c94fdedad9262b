"""Room on a disk: instances are refused before the last of it is gone.

A disk that is full to the last byte stops everybody who writes to it, and what
an association had begun is sent in vain. So a part of it stays free, and the
peer hears A700 while there is still room for the log, and for whoever clears up.

Looking costs a system call. So one look serves for all that this process writes
to a file system, until it has written a good part of what it found, or a moment
has passed in which others may have written:

    look       found - reserve = 100          |  what is written meanwhile, by
    write      -5  -1  -7 ...                 |  whichever association, is counted
    look again when 20 are written, or after a quarter of a second
"""

from __future__ import annotations

import logging
import re
import threading
from time import monotonic
from weakref import WeakKeyDictionary

from dicomnet.errors import InvalidValue, StorageError
from dicomnet.limits import MIB, RESERVED_BYTES, RESERVED_FILES, RESERVED_SHARE
from dicomnet.records import dataclass
from dicomnet.storage.disk import Disk
from dicomnet.storage.platform import OpenFolder, Space

logger = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class Reserve:
    """What is to stay free of a file system: so many bytes or such a share of it, whichever is less."""

    bytes: int | None = RESERVED_BYTES
    share: float | None = RESERVED_SHARE
    """Between 0 and 1."""

    @classmethod
    def of(cls, given: Reserve | int | str | None) -> Reserve:
        """Reads what a user says.

        Args:
            given: bytes; a text such as "5%" or "20 GB"; 0 keeps nothing free; None is the default.

        Raises:
            InvalidValue: it is none of these.
        """
        if given is None:
            return cls()
        if isinstance(given, Reserve):
            return given
        match = _AMOUNT.fullmatch(str(given))
        if match is None:
            raise InvalidValue(f'a reserve is a number of bytes, or a text such as "5%" or "20 GB", not {given!r}')
        number, unit = float(match["number"]), match["unit"].upper()
        if unit == "%":
            if number >= 100:
                raise InvalidValue(f"a reserve of {given} leaves no room for anything")
            return cls(None, number / 100)
        return cls(int(number * 1024 ** _UNITS.index(unit)), None)

    def __bool__(self) -> bool:
        return self.bytes != 0 and self.share != 0

    def of_bytes(self, space: Space) -> int:
        """How many bytes of a file system stay free."""
        if self.share is None:
            return self.bytes or 0
        share = int(self.share * space.total)
        return share if self.bytes is None else min(self.bytes, share)

    def of_files(self, space: Space) -> int:
        """How many files it could still take then; the same share of them, where none is set that by default."""
        return min(int((self.share or RESERVED_SHARE) * space.files), RESERVED_FILES)


class Room:
    """What may still be written where a folder is; asked before each write, by any thread.

    What is just being written at the moment of a look may be counted neither by
    it nor after it: less than 2 MiB an association, which the reserve has room for.
    """

    __slots__ = ("_disk", "_folder", "_name", "_volume")

    def __init__(self, disk: Disk, folder: OpenFolder, volume: _Volume, name: str) -> None:
        self._disk = disk
        self._folder = folder
        self._volume = volume
        self._name = name

    def take(self, count: int = 0, files: int = 0) -> None:
        """Counts what is about to be written, as this process does for all of its folders there.

        Args:
            count: bytes.
            files: files to be made.

        Raises:
            StorageError: less than the reserve would stay free (A700).
        """
        volume = self._volume
        if volume.bytes >= count and volume.files >= files and monotonic() < volume.until:
            # Without a lock, which would cost more than a count that is lost once in a million.
            volume.bytes -= count
            volume.files -= files
            return
        lacking = volume.look(self._disk, self._folder, count, files, self._name)
        if lacking:
            raise StorageError(f"no room in {self._name}: {lacking}", comment=_COMMENT, told=True)


def room_in(disk: Disk, folder: OpenFolder, reserve: Reserve, *, name: str | None = None) -> Room | None:
    """What to ask for room in a folder; None if nothing is to stay free.

    Args:
        name: what the log is to call it; None is its path.

    Raises:
        OSError: it is gone.
    """
    if not reserve:
        return None
    key = (disk.device(folder), reserve)
    with _LOCK:
        volumes = _VOLUMES.setdefault(disk, {})
        volume = volumes.get(key) or volumes.setdefault(key, _Volume(reserve))
    return Room(disk, folder, volume, name or folder.path)


class _Volume:
    """One file system, as this process knows it."""

    def __init__(self, reserve: Reserve) -> None:
        self.bytes = 0
        """What may be written before the next look."""
        self.files = 0
        """What may be made until then."""
        self.until = 0.0
        """When it has to come in any case."""
        self._reserve = reserve
        self._lock = threading.Lock()
        self._full = False
        """Whether the log has said so."""
        self._refused = 0.0
        """When something was refused at last."""

    def look(self, disk: Disk, folder: OpenFolder, count: int, files: int, name: str) -> str:
        """Looks, counts what is about to be written, or says what it lacks; the log is told of changes."""
        now = monotonic()
        space = _space(disk, folder, name)
        if space is None:  # who writes will hear of what is wrong
            self.until, self.bytes, self.files = now + _LOOK_INTERVAL, _MOST_SPENT, _MOST_MADE
            return ""
        wanted, wanted_files = self._reserve.of_bytes(space), self._reserve.of_files(space)
        left, left_files = space.free - wanted - count, space.free_files - wanted_files - files
        lacking = ""
        if left < 0:
            lacking = f"{_size(left + wanted)} would be free, and {_size(wanted)} stay so"
        elif space.files and left_files < 0:
            lacking = (
                f"{max(0, left_files + wanted_files)} more files would fit, and room for {wanted_files} stays free"
            )
        with self._lock:
            self.until = now + _LOOK_INTERVAL
            self.bytes = 0 if lacking else min(left // _PART, _MOST_SPENT)
            self.files = 0 if lacking else left_files // _PART if space.files else _MOST_MADE
            if lacking or self._full:
                self._tell(name, lacking, space, now)
        return lacking

    def _tell(self, name: str, lacking: str, space: Space, now: float) -> None:
        """Once for each change: small ones that fit between large ones that do not are none."""
        if lacking:
            self._refused = now
            if not self._full:
                self._full = True
                logger.warning("no room in %s: %s; instances are refused (A700) until there is more", name, lacking)
        elif now >= self._refused + _QUIET:
            self._full = False
            logger.warning("there is room in %s again: %s are free", name, _size(space.free))


def _space(disk: Disk, folder: OpenFolder, name: str) -> Space | None:
    """How full it is; None if it does not say, as many file systems of user space do with zeros."""
    try:
        space = disk.space(folder)
    except OSError as error:
        logger.debug("cannot tell how much room there is in %s: %s", name, error.strerror)
        return None
    return space if space.total else None


def _size(count: int) -> str:
    return f"{max(0, count) / MIB:.4g} MiB"


_LOCK = threading.Lock()
_VOLUMES: WeakKeyDictionary[Disk, dict[tuple[int, Reserve], _Volume]] = WeakKeyDictionary()

_AMOUNT = re.compile(r"(?P<number>[0-9]{1,15}(?:\.[0-9]+)?) ?(?P<unit>%|[KMGT]?(?=i?B?$))(?:i?B)?", re.IGNORECASE)
_UNITS = ("", "K", "M", "G", "T")

_LOOK_INTERVAL = 0.25
# Seconds: what a fast disk takes from somebody else meanwhile is a tenth of the reserve.
_MOST_SPENT = 64 * MIB
_MOST_MADE = 1 << 30
_PART = 5
# What is written until the next look is at most this part of what there is.
_QUIET = 10.0
# Seconds without a refusal, for the log to speak of room again.
_COMMENT = "the disk is full but for what is to stay free"
