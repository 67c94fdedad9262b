"""A disk in memory that can lose its power: every state that it may be in then, as a disk of its own.

What a real one promises is taken at its word, and nothing more is believed:

    names     those that were changed since the last sync of their folder are as before or as after, each for itself;
              a rename may also leave both
    bytes     those that were written since the last sync of their file are there, or not, or half, or are zeros
    syncs     one that has failed has lost what was to be synced: the next one says nothing of it
    no name   a file without a name is gone
    locks     nobody has any

Nothing here follows a link or forgets a call; there is no clock but a count of writes.
"""

from __future__ import annotations

import errno
import os
import threading
from collections.abc import Callable, Iterator, Sequence
from itertools import count, islice
from pathlib import PurePosixPath
from random import Random
from typing import Any

from dicomnet.storage.disk import FileState
from dicomnet.storage.platform import OpenFolder, Space
from reliability.seam import Call, Hook, HookedDisk, unhindered

Choose = Callable[[int], int]
"""Decides one thing of what the power has left: a number below the one given. 0 is always the least, the last one the most."""


class SimDisk(HookedDisk):
    """A file system in memory; see the head of this file.

    Args:
        links: whether a file can have two names.
        unnamed: whether it can have none.
        capacity: bytes that fit on it; None is any number.
        hook: asked for each call, see `HookedDisk`.
    """

    def __init__(
        self, *, links: bool = True, unnamed: bool = True, capacity: int | None = None, hook: Hook | None = None
    ) -> None:
        super().__init__()
        self.links = links
        self.unnamed = unnamed
        self.capacity = capacity
        self.root = f"/sim-{next(_NUMBERS)}"
        """The folder that is there from the beginning; no two disks have the same one."""
        self._top = _Folder()
        self._lock = threading.RLock()
        self._open: dict[int, _Description] = {}
        self._descriptors = count(_FIRST_DESCRIPTOR)
        self._clock = count(1)
        self.hook = hook or unhindered  # some hook always: a call takes the lock

    # What the power leaves.

    def crash(self, choose: Choose) -> SimDisk:
        """One of the disks that it may be after the power was cut now."""
        image = self._like()
        image._top = self._top.survivor(choose, {})
        return image

    def images(self, rng: Random, most: int = 256) -> Iterator[SimDisk]:
        """All that it may be after the power was cut now; of more than so many the least, the most and some between."""
        if len(list(islice(_every(self.crash), most + 1))) <= most:
            yield from _every(self.crash)
            return
        yield self.crash(lambda _: 0)
        yield self.crash(lambda most: most - 1)
        for _ in range(most - 2):
            yield self.crash(rng.randrange)

    def killed(self) -> SimDisk:
        """What it is for the next process, when this one has died and the system has not."""
        image = self._like()
        image._top = self._top.copy({})
        return image

    def files(self) -> dict[str, bytes]:
        """What is on it for whoever looks now: path below the root, bytes. Folders end in ``/``."""
        with self._lock:
            return dict(self._top.walk(""))

    @property
    def descriptors(self) -> int:
        """How many are open."""
        return len(self._open)

    # The seam.

    def make_folder(self, path: str) -> list[str]:
        folder, changed = self._top, []
        inside = PurePosixPath(path).relative_to(self.root)
        for depth, name in enumerate(inside.parts):
            if name not in folder.names:
                folder.change(made=name, node=_Folder())
                changed.append(str(PurePosixPath(self.root, *inside.parts[:depth])))
            folder = _folder_of(folder.names[name])
        return changed[::-1]

    def make_folder_in(self, folder: OpenFolder, name: str) -> None:
        _node(folder).must_not_have(name)
        _node(folder).change(made=name, node=_Folder())

    def remove_folder_in(self, folder: OpenFolder, name: str) -> None:
        if _folder_of(_node(folder).get(name)).names:
            raise _error(errno.ENOTEMPTY)
        _node(folder).change(gone=name)

    def open_folder(self, path: str) -> OpenFolder:
        return _Opened(path, self._find(path))

    def open_folder_in(self, folder: OpenFolder, name: str) -> OpenFolder:
        opened = _Opened(f"{folder.path}/{name}", _folder_of(_node(folder).get(name)))
        opened.takes_unnamed = folder.takes_unnamed
        return opened

    def open_folder_again(self, folder: OpenFolder) -> OpenFolder:
        opened = _Opened(folder.path, _node(folder))
        opened.takes_unnamed = folder.takes_unnamed
        return opened

    def is_still_there(self, folder: OpenFolder) -> bool:
        try:
            return self._find(folder.path) is _node(folder)
        except OSError:
            return False

    def is_gone(self, folder: OpenFolder) -> bool:
        return not self.is_still_there(folder)

    def device(self, folder: OpenFolder) -> int:
        return _DEVICE

    def space(self, folder: OpenFolder) -> Space:
        total = _ROOM if self.capacity is None else self.capacity
        return Space(total, max(0, total - self._used()))

    def create(self, folder: OpenFolder, name: str) -> int:
        _node(folder).must_not_have(name)
        file = _File(next(self._clock))
        _node(folder).change(made=name, node=file)
        return self._opened(file)

    def create_unnamed(self, folder: OpenFolder, mode: int) -> int:
        if not self.unnamed:
            raise _error(errno.EOPNOTSUPP)
        return self._opened(_File(next(self._clock)))

    def try_unnamed(self, folder: OpenFolder, name: str) -> None:
        folder.takes_unnamed = self.unnamed and self.links

    def open_read(self, folder: OpenFolder, name: str) -> int:
        return self._opened(_file_of(_node(folder).get(name)))

    def open_again(self, folder: OpenFolder, name: str) -> int:
        return self._opened(_file_of(_node(folder).get(name)))

    def open_path(self, path: str) -> int:
        parent, _, name = path.rpartition("/")
        return self._opened(_file_of(self._find(parent).get(name)))

    def state(self, descriptor: int) -> FileState | None:
        return self._description(descriptor).file.state()

    def state_in(self, folder: OpenFolder, name: str) -> FileState | None:
        node = _node(folder).get(name)
        return node.state() if isinstance(node, _File) else None

    def seek(self, descriptor: int, offset: int) -> None:
        self._description(descriptor).offset = offset

    def readv(self, descriptor: int, views: Sequence[memoryview]) -> int:
        opened, total = self._description(descriptor), 0
        for view in views:
            piece = opened.file.data[opened.offset : opened.offset + len(view)]
            view[: len(piece)] = piece
            opened.offset += len(piece)
            total += len(piece)
        return total

    def writev(self, descriptor: int, views: Sequence[memoryview | bytes]) -> int:
        opened, data = self._description(descriptor), b"".join(views)
        if self.capacity is not None:
            room = max(0, self.capacity - self._used())
            if data and not room:
                raise _error(errno.ENOSPC)
            data = data[:room]
        file = opened.file
        file.data[opened.offset : opened.offset + len(data)] = data
        opened.offset += len(data)
        file.modified = next(self._clock)
        return len(data)

    def lock(self, descriptor: int) -> bool | None:
        opened = self._description(descriptor)
        if opened.file.owner not in (None, opened):
            return False
        opened.file.owner = opened
        return True

    def duplicate(self, descriptor: int) -> int:
        opened = self._description(descriptor)
        opened.users += 1
        copy = next(self._descriptors)
        self._open[copy] = opened
        return copy

    def set_mode(self, descriptor: int, mode: int) -> None:
        self._description(descriptor)

    def fsync(self, descriptor: int) -> None:
        file = self._description(descriptor).file
        if not file.lost:
            file.synced = bytes(file.data)

    def close(self, descriptor: int) -> None:
        opened = self._description(descriptor)
        del self._open[descriptor]
        opened.users -= 1
        if not opened.users and opened.file.owner is opened:
            opened.file.owner = None

    def link(self, folder: OpenFolder, old: str, new: str) -> None:
        node = _node(folder)
        if not self.links:
            raise _error(errno.EPERM)
        file = _file_of(node.get(old))
        node.must_not_have(new)
        node.change(made=new, node=file)

    def link_unnamed(self, folder: OpenFolder, descriptor: int, name: str) -> None:
        if not self.links:
            raise _error(errno.EPERM)
        _node(folder).must_not_have(name)
        _node(folder).change(made=name, node=self._description(descriptor).file)

    def replace(self, folder: OpenFolder, old: str, new: str) -> None:
        file = _file_of(_node(folder).get(old))
        if old != new and _node(folder).names.get(new) is not file:  # two names of one file: POSIX does nothing then
            _node(folder).change(gone=old, made=new, node=file)

    def unlink(self, folder: OpenFolder, name: str) -> None:
        _file_of(_node(folder).get(name))
        _node(folder).change(gone=name)

    def fsync_folder(self, folder: OpenFolder) -> None:
        _node(folder).sync()

    def hidden_names(self, folder: OpenFolder) -> list[str]:
        return [name for name in _node(folder).names if name.startswith(".")]

    def folders_in(self, folder: OpenFolder) -> list[str]:
        return [name for name, node in _node(folder).names.items() if isinstance(node, _Folder)]

    def _call(self, call: Call) -> Any:
        def make(*arguments: Any) -> Any:
            with self._lock:
                return call.make(*arguments)

        return super()._call(call._replace(make=make))

    def _lose(self, call: Call) -> None:
        if call.name == "fsync":
            self._description(call.arguments[0]).file.lost = True
        else:
            _node(call.arguments[0]).lose()

    def _like(self) -> SimDisk:
        image = SimDisk(links=self.links, unnamed=self.unnamed, capacity=self.capacity)
        image._clock = count(next(self._clock))
        return image

    def _opened(self, file: _File) -> int:
        descriptor = next(self._descriptors)
        self._open[descriptor] = _Description(file)
        return descriptor

    def _description(self, descriptor: int) -> _Description:
        try:
            return self._open[descriptor]
        except KeyError:
            raise _error(errno.EBADF) from None

    def _find(self, path: str) -> _Folder:
        folder = self._top
        for name in PurePosixPath(path).relative_to(self.root).parts:
            folder = _folder_of(folder.get(name))
        return folder

    def _used(self) -> int:
        return self._top.size() + sum(self._unnamed_sizes())

    def _unnamed_sizes(self) -> Iterator[int]:
        named = {id(node) for node in self._top.nodes()}
        for file in {id(one.file): one.file for one in self._open.values()}.values():
            if id(file) not in named:
                yield len(file.data)


class _Description:
    """What descriptors stand for: an open file, and where one is in it."""

    def __init__(self, file: _File) -> None:
        self.file = file
        self.offset = 0
        self.users = 1


class _File:
    def __init__(self, modified: int, data: bytes = b"") -> None:
        self.number = next(_NUMBERS)
        self.modified = modified
        self.data = bytearray(data)
        self.synced = data
        self.lost = False
        """Whether a sync has failed: what it was to keep is never synced any more."""
        self.owner: _Description | None = None
        """Who has it locked."""

    def state(self) -> FileState:
        return FileState(_DEVICE, self.number, len(self.data), self.modified)

    def survivor(self, choose: Choose, known: dict[int, _File]) -> _File:
        if self.number not in known:
            data = self.synced
            if data != self.data:
                rest = bytes(self.data[len(data) :])
                data += (b"", rest[: len(rest) // 2], bytes(len(rest)), rest)[choose(4)]
            known[self.number] = _File(self.modified, data)
        return known[self.number]

    def copy(self, known: dict[int, _File]) -> _File:
        if self.number not in known:
            made = known[self.number] = _File(self.modified, bytes(self.data))
            made.synced, made.lost = self.synced, self.lost
        return known[self.number]


class _Folder:
    def __init__(self) -> None:
        self.names: dict[str, _Node] = {}
        self._durable: dict[str, _Node] = {}
        self._changes: list[_Change] = []
        """Since the last sync."""

    def get(self, name: str) -> _Node:
        if name not in self.names:
            raise _error(errno.ENOENT, name)
        return self.names[name]

    def must_not_have(self, name: str) -> None:
        if name in self.names:
            raise _error(errno.EEXIST, name)

    def change(self, *, gone: str | None = None, made: str | None = None, node: _Node | None = None) -> None:
        change = _Change(gone, made, node)
        change.apply(self.names)
        self._changes.append(change)

    def sync(self) -> None:
        later: set[str | None] = set()
        kept = []
        for change in reversed(self._changes):
            if not change.lost:
                later |= {change.gone, change.made}
            elif not later & {change.gone, change.made} - {None}:  # otherwise what is synced says what became of it
                kept.append(change)
        for change in self._changes:
            if not change.lost:
                change.apply(self._durable)
        self._changes = kept[::-1]

    def lose(self) -> None:
        for change in self._changes:
            change.lost = True

    def survivor(self, choose: Choose, known: dict[int, _File]) -> _Folder:
        names = dict(self._durable)
        for change in self._changes:
            change.survive(names, choose)
        return self._made_of({name: node.survivor(choose, known) for name, node in names.items()})

    def copy(self, known: dict[int, _File]) -> _Folder:
        made = _Folder()
        made.names = {name: node.copy(known) for name, node in self.names.items()}
        nodes: dict[int, _Node] = {id(node): made.names[name] for name, node in self.names.items()}

        def twin(node: _Node | None) -> _Node | None:
            if node is None or id(node) in nodes:
                return None if node is None else nodes[id(node)]
            return nodes.setdefault(id(node), node.copy(known))

        made._durable = {name: copy for name, node in self._durable.items() if (copy := twin(node)) is not None}
        for change in self._changes:
            made._changes.append(_Change(change.gone, change.made, twin(change.node), lost=change.lost))
        return made

    def walk(self, prefix: str) -> Iterator[tuple[str, bytes]]:
        for name, node in self.names.items():
            if isinstance(node, _Folder):
                yield f"{prefix}{name}/", b""
                yield from node.walk(f"{prefix}{name}/")
            else:
                yield f"{prefix}{name}", bytes(node.data)

    def nodes(self) -> Iterator[_File]:
        for node in self.names.values():
            if isinstance(node, _Folder):
                yield from node.nodes()
            else:
                yield node

    def size(self) -> int:
        return sum(len(file.data) for file in {id(file): file for file in self.nodes()}.values())

    @staticmethod
    def _made_of(names: dict[str, _Node]) -> _Folder:
        made = _Folder()
        made.names, made._durable = names, dict(names)
        return made


_Node = _File | _Folder


class _Change:
    """Of the names in a folder: one that is gone, one that was made, or both at once."""

    def __init__(self, gone: str | None, made: str | None, node: _Node | None, *, lost: bool = False) -> None:
        self.gone = gone
        self.made = made
        self.node = node
        self.lost = lost

    def apply(self, names: dict[str, _Node]) -> None:
        if self.gone is not None:
            names.pop(self.gone, None)
        if self.made is not None:
            assert self.node is not None
            names[self.made] = self.node

    def survive(self, names: dict[str, _Node], choose: Choose) -> None:
        both = self.gone is not None and self.made is not None
        chosen = choose(3 if both else 2)
        if chosen == 1 and both:  # the new name is on the disk, the old one not yet off it
            _Change(None, self.made, self.node).apply(names)
        elif chosen:
            self.apply(names)


class _Opened(OpenFolder):
    __slots__ = ("node",)

    def __init__(self, path: str, node: _Folder) -> None:
        self.path = path
        self.descriptor = None
        self.takes_unnamed = False
        self.node = node


def _every(make: Callable[[Choose], SimDisk]) -> Iterator[SimDisk]:
    """What it makes of all the decisions that it asks for."""
    wanted: list[int] = []
    while True:
        made: list[tuple[int, int]] = []

        def choose(most: int, made: list[tuple[int, int]] = made, wanted: list[int] = wanted) -> int:
            chosen = wanted[len(made)] if len(made) < len(wanted) else 0
            made.append((chosen, most))
            return chosen

        yield make(choose)
        while made and made[-1][0] + 1 == made[-1][1]:
            made.pop()
        if not made:
            return
        wanted = [chosen for chosen, _ in made]
        wanted[-1] += 1


def _node(folder: OpenFolder) -> _Folder:
    assert isinstance(folder, _Opened)
    return folder.node


def _file_of(node: _Node) -> _File:
    if isinstance(node, _Folder):
        raise _error(errno.EISDIR)
    return node


def _folder_of(node: _Node) -> _Folder:
    if isinstance(node, _File):
        raise _error(errno.ENOTDIR)
    return node


def _error(number: int, name: str | None = None) -> OSError:
    return OSError(number, os.strerror(number), name)


_NUMBERS = count(1)
# Of disks and files: two with the same would be taken for one another by what the process remembers.
_DEVICE = -1
_ROOM = 1 << 40
# Bytes of a disk without a capacity.
_FIRST_DESCRIPTOR = 1 << 20
# So that none is taken for a real one.
