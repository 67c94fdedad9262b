"""One run: a node, its callers, what goes wrong, and what must be true nevertheless."""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from itertools import count
from random import Random
from unittest.mock import patch

from dicomnet import part10
from dicomnet.limits import Limits
from dicomnet.storage import room, syncs, temporary
from dicomnet.storage.folder import file_name
from dicomnet.storage.walk import Walk
from dicomnet.types import UID
from reliability.disk import SimDisk
from reliability.simulation import peers
from reliability.simulation.loop import SimLoop
from reliability.simulation.network import Network
from reliability.simulation.node import Node
from reliability.simulation.peers import Caller, Honest, Surroundings


class Failed(AssertionError):
    """A seed for which something does not hold; the trace is what happened before."""

    def __init__(self, seed: int, trace: list[str], reason: str) -> None:
        super().__init__(f"seed {seed}: {reason}\n  again: python -m reliability.simulation {seed}")
        self.seed = seed
        self.trace = trace


class _AnyPace(syncs._Pace):
    """Of a disk that is now slow and now not, so that syncs overlap now and then."""

    def __init__(self, random: Random) -> None:
        self._random = random

    @property
    def slow(self) -> bool:  # type: ignore[override]
        return self._random.random() < 0.5

    @slow.setter
    def slow(self, value: bool) -> None:
        """What is measured here says nothing."""


class World(Surroundings):
    """Everything that a seed decides.

    Args:
        seed: the same one makes the same world.
    """

    def __init__(self, seed: int) -> None:
        self.seed = seed
        self.trace: list[str] = []
        self.steps = 0
        self.stored = 0
        """Instances that were acknowledged."""
        self.crashes = 0
        self.disk_faults = 0
        self.random = Random(seed)
        self.loop = SimLoop(self._step)
        self.network = Network(self.loop, self.random)
        self.callers: list[Caller] = []
        self.node: Node | None = None
        self._known: dict[str, set[bytes]] = {}
        """By the name of its file, what an instance may consist of."""
        self._links, self._unnamed = self.random.choice(((True, True), (True, True), (True, False), (False, False)))
        self._fault_rate = self.random.choice((0.0, 0.0, 0.0, 0.02, 0.2))
        self._slow = self.random.choice((0.0, 0.01, 0.01, 3.0))
        self._watched = self.random.random() < 0.5
        most = self.random.choice((256, 256, 3))
        rate = Random(~seed).choice(
            (None, None, None, 20_000)
        )  # of its own, so that seeds of before stay what they were
        self._limits = Limits(associations=most, bytes_per_second=rate)
        self._crowded = most == 3
        self._people()

    @property
    def digest(self) -> str:
        """Of all that has happened."""
        return hashlib.sha256("\n".join(self.trace).encode()).hexdigest()

    def tell(self, who: str, what: str) -> None:
        self.trace.append(f"{self.loop.now - 1000:.6f} {who}: {what}")

    def run(self) -> None:
        """Lets it all happen.

        Raises:
            Failed: something did not hold.
        """
        errors = _Errors()
        log = logging.getLogger("dicomnet")
        level = log.level
        log.addHandler(errors)
        log.setLevel(logging.ERROR)
        try:
            with self._one_clock():
                self.loop.run_until_complete(self._happen())
            assert not self.loop.failures, self.loop.failures[0]
            assert not errors.told, errors.told[0]
            assert self.network.open == 0, f"{self.network.open} sockets are open"
        except Exception as error:
            raise Failed(self.seed, self.trace, f"{type(error).__name__}: {error}") from error
        finally:
            log.setLevel(level)
            log.removeHandler(errors)
            self.loop.close()

    @contextmanager
    def _one_clock(self) -> Iterator[None]:
        """What storage would ask the machine's own clock is of this world, too, and begins with nothing known."""
        with ExitStack() as stack:
            for module in (room, syncs, temporary):
                stack.enter_context(patch.object(module, "monotonic", self.loop.time))
            stack.enter_context(patch.object(syncs, "_PACE", _AnyPace(Random(self.seed))))
            # Of two bytes that the system draws, two can be the same, and whoever watches takes one for the other.
            numbers = count(1)
            stack.enter_context(patch.object(os, "urandom", lambda size: next(numbers).to_bytes(size)))
            yield

    async def _happen(self) -> None:
        disk = SimDisk(links=self._links, unnamed=self._unnamed)
        await self._start(disk)
        for caller in self.callers:
            caller.start(self.random.uniform(0, 2))
        if self.random.random() < 0.35:
            await asyncio.sleep(self.random.uniform(0, 3))
            await self._crash()
        await asyncio.sleep(self.random.uniform(1, 30))
        self.tell("world", "no more faults")
        assert self.node is not None
        self.faults = self.node.faulty = False
        await self._until(lambda: all(caller.finished for caller in self.callers if caller.must_finish), "callers wait")
        await self._until(lambda: not list(self.node.connections), "connections stay")  # type: ignore[union-attr]
        await self.node.stop()
        self.node.check_end()
        self.disk_faults += self.node.faults
        self._check_files(self.node.disk, clean=not self.node.faults)
        self._check_honest()
        self.tell("world", "over")

    async def _start(self, disk: SimDisk) -> None:
        self.node = Node(
            self.loop,
            self.network,
            disk,
            self.random,
            watched=self._watched,
            limits=self._limits,
            fault_rate=self._fault_rate,
            slow=self._slow,
        )
        await self.node.start()
        self.tell("node", "listens")

    async def _crash(self) -> None:
        """The power goes; what the disk has kept is one of the legal states. What was the node ends unseen."""
        node = self.node
        assert node is not None
        self.crashes += 1
        self.tell("node", "crashes")
        image = node.disk.crash(self.random.randrange)
        self._check_files(image, clean=False)
        self.disk_faults += node.faults
        node.faulty = False
        self.network.unplug()
        await node.stop()
        node.check_end()
        await asyncio.sleep(self.random.uniform(0, 3))
        await self._start(image)

    async def _until(self, holds: Callable[[], bool], trouble: str) -> None:
        end = self.loop.now + PATIENCE
        while not holds():
            assert self.loop.now < end, f"{trouble}: {[one.name for one in self.callers if not one.finished]}"
            await asyncio.sleep(1.0)

    # Who is there.

    def _people(self) -> None:
        kinds = [peers.Honest, *(self.random.choice(KINDS) for _ in range(self.random.randint(1, 4)))]
        for number, kind in enumerate(kinds, 1):
            if kind is peers.Stranger:
                self.callers.append(peers.Stranger(self, number, self.random))
                continue
            instances = [self._instance(number, n) for n in range(self.random.randint(0, 4))]
            assert issubclass(kind, Honest)
            self.callers.append(kind(self, number, self.random, instances))

    def _instance(self, number: int, n: int) -> tuple[UID, bytes]:
        uid = UID(f"1.2.826.{self.random.randrange(10**14)}.{number}.{n}")
        data = peers.data_set(self.random, uid)
        self._known.setdefault(file_name(uid), set()).add(data)
        return uid, data

    # What must hold.

    def _step(self) -> None:
        self.steps += 1
        assert self.steps < MOST_STEPS, "it never comes to rest"
        if self.node is not None:
            self.node.check()

    def _check_files(self, disk: SimDisk, *, clean: bool) -> None:
        """Every acknowledged instance is there, and nothing that is seen is torn; when clean, nothing else is there."""
        files = {path.rpartition("/")[2]: data for path, data in disk.files().items() if not path.endswith("/")}
        whole: dict[str, set[bytes]] = {}
        for name, data in files.items():
            if name.startswith("."):
                assert not clean or not name.endswith(".part"), f"{name} is left"
                continue
            head = part10.read_head(data, complete=True)
            assert head is not None
            body = data[head.data_offset :]
            walk = Walk(head.transfer_syntax_uid, head.meta_sop_class_uid, head.meta_sop_instance_uid)
            walk.feed([memoryview(body)])
            assert walk.end() is None, f"{name} is torn: {walk.end()}"
            whole.setdefault(file_name(str(head.sop_instance_uid)), set()).add(body)
        self.stored = 0
        for caller in self.callers:
            if isinstance(caller, Honest) and not isinstance(caller, peers.Hostile):
                for uid in caller.acknowledged:
                    assert caller.instances[uid] in whole.get(file_name(uid), set()), f"{uid} of {caller.name} is lost"
                    self.stored += 1

    def _check_honest(self) -> None:
        """Whoever had no trouble of its own making, nor of the node's, was served at once."""
        assert self.node is not None
        for caller in self.callers:
            if type(caller) is peers.Honest and not (self.crashes or self.node.faults or self._crowded):
                assert caller.attempts == 1, f"{caller.name} had to come {caller.attempts} times"
                assert caller.took < AT_ONCE, f"{caller.name} took {caller.took:.1f} s"


class _Errors(logging.Handler):
    """What the node calls an error is one here, unless its disk has failed."""

    def __init__(self) -> None:
        super().__init__(logging.ERROR)
        self.told: list[str] = []

    def emit(self, record: logging.LogRecord) -> None:
        self.told.append(record.getMessage())


KINDS: tuple[type[Caller], ...] = (
    peers.Honest,
    peers.Slow,
    peers.Unlucky,
    peers.Unlucky,
    peers.Hasty,
    peers.Hostile,
    peers.Hostile,
    peers.Hostile,
    peers.Stranger,
    peers.Mute,
    peers.Idle,
)
PATIENCE = 3600.0
"""Seconds until everybody is done: what is silent has met its deadlines long before."""
AT_ONCE = 60.0
"""Seconds for four instances where each job of a thread may take three, and an address has 20 KB a second."""
MOST_STEPS = 200_000
