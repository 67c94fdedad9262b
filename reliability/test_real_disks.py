"""Disks that are really full, read-only, gone or slow, and a process that really has no more descriptors."""

from __future__ import annotations

import resource
import shutil
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Self

import pytest

from dicomnet import sync
from dicomnet.errors import DicomNetError
from dicomnet.uids import CTImageStorage
from reliability import figures, scale
from reliability.ledger import Ledger
from reliability.mounts import Refused, Volume, in_memory
from reliability.node import PATIENCE, Node
from reliability.programs import recv
from reliability.stores import Store, file_of

NO_ROOM = 0xA700


class Sender:
    """One association with a receiver, which must last whatever its disk does."""

    def __init__(self, node: Node, source: Path, ledger: Ledger) -> None:
        self._association = sync.associate(node.address, contexts=["verification", CTImageStorage])
        self._source = source
        self._ledger = ledger

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._association.release()

    def store(self, number: int, *, size: int = 60_000) -> int:
        """Stores an instance; returns the status of the answer."""
        store = Store(number, size=size)
        self._source.write_bytes(file_of(store))
        self._ledger.send(store.instance, store.data)
        (result,) = self._association.store([self._source], check=False)
        assert self._association.echo() == 0
        if result.ok:
            self._ledger.acknowledge(store.instance, store.data)
        return int(result.status)


@pytest.fixture
def ledger() -> Ledger:
    return Ledger()


@pytest.fixture
def tiny(tmp_path: Path) -> Iterator[Callable[[str], Path]]:
    """Mounts a file system in memory."""
    mounts = []

    def mount(options: str) -> Path:
        mounts.append(in_memory(tmp_path / "tiny", options))
        try:
            return mounts[-1].__enter__()
        except Refused as refused:
            mounts.pop()
            pytest.skip(str(refused))

    yield mount
    for one in mounts:
        one.__exit__(None, None, None)


@pytest.mark.parametrize(("options", "most"), [("size=1m", 17), ("nr_inodes=6,size=10m", 5)], ids=["bytes", "files"])
def test_a_disk_that_is_full(
    tiny: Callable[[str], Path], options: str, most: int, tmp_path: Path, ledger: Ledger
) -> None:
    """Of thirty that do not all fit each is kept whole or refused; when there is room again the next one is kept."""
    kept = tiny(options) / "kept"
    log = tmp_path / "node"
    with Node(log, program=recv(kept, "--reserve", "0")) as node, Sender(node, tmp_path / "one.dcm", ledger) as sender:
        statuses = [sender.store(number) for number in range(30)]
        assert set(statuses) == {0, NO_ROOM}
        assert 1 <= statuses.count(0) <= most
        assert ledger.problems_in(kept) == []
        for path in kept.iterdir():
            path.unlink()
        ledger.acknowledged.clear()
        assert sender.store(99) == 0
        assert ledger.problems_in(kept) == []
    figures.tell(
        f"a disk that is full ({options}), 30 instances", f"{statuses.count(0)} kept whole, the others A700, 0 torn"
    )


def test_a_disk_that_becomes_read_only(tmp_path: Path, ledger: Ledger) -> None:
    """In the middle of a run: A700 until it can be written to again."""
    try:
        with Volume(tmp_path / "disk", size=32) as volume:
            kept = volume.path / "kept"
            with (
                Node(tmp_path / "node", program=recv(kept)) as node,
                Sender(node, tmp_path / "one.dcm", ledger) as sender,
            ):
                statuses = [sender.store(number) for number in range(3)]
                volume.mount_again("ro")
                statuses += [sender.store(number) for number in range(3, 6)]
                volume.mount_again("rw")
                statuses += [sender.store(number) for number in range(3, 6)]
            assert statuses == [0] * 3 + [NO_ROOM] * 3 + [0] * 3
            assert ledger.problems_in(kept) == []
    except Refused as refused:
        pytest.skip(str(refused))
    figures.tell("a disk that becomes read-only and back", "A700 meanwhile, 0 lost, no start needed")


@pytest.mark.parametrize("layout", [(), ("--layout", "{calling}/{instance}.dcm")], ids=["flat", "folders"])
def test_a_folder_in_whose_place_comes_a_link_to_a_trap(
    layout: tuple[str, ...], tmp_path: Path, ledger: Ledger
) -> None:
    """Between two stores: nothing ever appears in the trap."""
    kept, trap = tmp_path / "kept", tmp_path / "trap"
    trap.mkdir()
    with (
        Node(tmp_path / "node", program=recv(kept, *layout)) as node,
        Sender(node, tmp_path / "one.dcm", ledger) as sender,
    ):
        assert sender.store(1) == 0
        place = next(path for path in kept.iterdir() if path.is_dir()) if layout else kept
        place.rename(tmp_path / "aside")
        place.symlink_to(trap)
        status = sender.store(2)
        assert list(trap.iterdir()) == []
        place.unlink()
        (tmp_path / "aside").rename(place)
        assert sender.store(3) == 0
        assert ledger.problems_in(kept) == []
    assert status in (0, 0x0110, NO_ROOM)


def test_no_more_descriptors(tmp_path: Path, ledger: Ledger) -> None:
    """With 64 of them and 200 peers that say nothing: the peer that came first is served, and all are when they have gone."""
    count = 200
    with Node(tmp_path / "kept") as node, Sender(node, tmp_path / "one.dcm", ledger) as sender:
        resource.prlimit(node.process.pid, resource.RLIMIT_NOFILE, (64, 64))
        peers = []
        try:
            for _ in range(count):
                peer = socket.socket()
                peer.setblocking(False)  # the backlog takes not all of them
                peer.connect_ex(("127.0.0.1", node.port))
                peers.append(peer)
            statuses = {sender.store(number) for number in range(scale.of(5, 50))}
            assert statuses <= {0, NO_ROOM}
        finally:
            for peer in peers:
                peer.close()
        seconds = _served_again(node)
        assert sender.store(99) == 0
        assert ledger.problems_in(tmp_path / "kept") == []
    figures.tell(
        f"64 descriptors and {count} peers that say nothing", f"serves again {seconds:.2f} s after they have gone"
    )


def test_a_folder_that_is_removed(tmp_path: Path, ledger: Ledger) -> None:
    """And everything in it: what comes next is kept in a new one."""
    kept = tmp_path / "kept"
    with Node(kept) as node, Sender(node, tmp_path / "one.dcm", ledger) as sender:
        assert sender.store(1) == 0
        shutil.rmtree(kept)
        ledger.acknowledged.clear()
        assert sender.store(2) == 0
        assert ledger.problems_in(kept) == []


def _served_again(node: Node) -> float:
    began = time.monotonic()
    while True:
        try:
            node.echo()
        except DicomNetError:  # as long as there are no descriptors
            assert time.monotonic() < began + PATIENCE, node.log
        else:
            return time.monotonic() - began
