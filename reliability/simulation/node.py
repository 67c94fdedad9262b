"""The server under test, with everything real but its sockets, its threads and its disk."""

from __future__ import annotations

import asyncio
import errno
import os
from collections.abc import Callable, Iterator
from random import Random
from typing import Any

from dicomnet.aio import hub
from dicomnet.aio.observe import Ended, Observed, RequestAnswered, RequestBegan
from dicomnet.limits import KIB, Limits, Timeouts
from dicomnet.server.running import Running, begin
from dicomnet.server.server import Server
from dicomnet.storage.folder import Folder
from dicomnet.storage.workers import Job
from dicomnet.ul.machine import State
from fuzz.conversation import holding
from reliability.disk import SimDisk
from reliability.seam import Call
from reliability.simulation.loop import SimLoop
from reliability.simulation.network import WINDOW, Network


class Threads:
    """Storage threads that take turns: each job runs as a whole, some time after it was submitted, on the loop.

    Args:
        delay: says how many seconds a job takes; None does it at once.
    """

    def __init__(self, loop: SimLoop, delay: Callable[[], float] | None) -> None:
        self.waiting = 0
        """Jobs that are not done."""
        self._loop = loop
        self._delay = delay

    def submit(self, job: Job) -> None:
        if self._delay is None:
            job()
            return
        self.waiting += 1
        self._loop.call_later(self._delay(), self._do, job)

    def offer(self, job: Job) -> bool:
        """One is always free."""
        self.submit(job)
        return True

    def close(self, *, wait: bool = True, timeout: float | None = None) -> None:
        """Nothing is left to itself here."""

    def _do(self, job: Job) -> None:
        self.waiting -= 1
        job()


class Node:
    """A server from its start to its end, or to a crash.

    Args:
        disk: where it keeps what it receives.
        watched: whether somebody observes it, which makes it go other ways.
        fault_rate: of calls of the disk, while `faulty`.
        slow: how long a job of a storage thread takes at most, in seconds.
    """

    def __init__(
        self,
        loop: SimLoop,
        network: Network,
        disk: SimDisk,
        random: Random,
        *,
        watched: bool,
        limits: Limits,
        fault_rate: float,
        slow: float,
    ) -> None:
        self.disk = disk
        self.faulty = fault_rate > 0
        self.faults = 0
        """Calls of the disk that have failed."""
        self.running: Running | None = None
        self._loop = loop
        self._network = network
        self._random = random
        self._watched = watched
        self._limits = limits
        self._fault_rate = fault_rate
        self._ended: set[str] = set()
        self._begun: dict[tuple[str, int], RequestBegan] = {}
        self._hub = hub.Hub(loop, buffers=2, buffer_size=64 * KIB)
        self.threads = Threads(loop, lambda: slow * random.random() ** 4)
        self._hub.workers = self.threads  # type: ignore[assignment]
        self._hub._syncers = Threads(loop, None)  # type: ignore[assignment]
        hub._hubs[loop] = self._hub
        disk.hook = self._call

    async def start(self) -> None:
        """Recovers what is on the disk and listens."""
        faulty, self.faulty = self.faulty, False  # one that cannot open its folder does not start at all
        server = Server(
            "NODE", folder=Folder(f"{self.disk.root}/kept", disk=self.disk), limits=self._limits, timeouts=TIMEOUTS
        )
        self.faulty = faulty
        if self._watched:
            server.observe(self._observe)
        server._site.entrances[0].sockets = [self._network.listen()]  # type: ignore[list-item]
        self.running = await begin(server._site)

    async def stop(self) -> None:
        """Ends in order."""
        assert self.running is not None
        await self.running.stop(5.0)
        while self.threads.waiting:
            await asyncio.sleep(1.0)
        self._hub.close()

    @property
    def connections(self) -> Iterator[Any]:
        """Those that it has."""
        if self.running is not None:
            yield from self.running._connections

    def check(self) -> None:
        """What must hold after every step."""
        for connection in self.connections:
            if connection.session is None:  # nobody has said a word yet, and the door keeps its own time
                continue
            core, channel = connection.session.core, connection._carrier.channel
            assert type(core.state) is State
            held, out = holding(core), sum([len(item) for item in core.connection._out if isinstance(item, bytes)])
            assert held <= self._limits.association_pdu + self._limits.command_set, f"{held} bytes are held"
            assert out <= MOST_ANSWERS, f"{out} bytes of answers wait for a peer that does not read"
            assert channel._held <= channel._hold_limit + 2 * self._hub.pool.size + WINDOW, (
                f"{channel._held} bytes wait for a sink"
            )
            if channel.transport is None or channel.ended:
                continue
            deadline = channel._deadline()
            busy = bool(core.operations.performing) or bool(channel._pauses)
            assert deadline is not None or busy, f"no deadline in {core.state.name}"
            if deadline is not None:
                assert channel.armed is not None, f"nobody keeps the deadline in {core.state.name}"
                assert channel.armed <= deadline, f"the deadline in {core.state.name} is kept too late"
        running = self.running
        if running is not None:
            # One that has made room is no longer counted, and about to end.
            assert running._admission.count <= len(running._connections)

    def check_end(self) -> None:
        """What must hold when it has stopped."""
        assert self.running is not None
        assert not self.running._connections
        assert self.running._admission.count == 0
        pool = self._hub.pool
        assert not any(buffer.lent for buffer in (*pool._free, pool.reserve, *filter(None, [pool._current])))
        assert pool._unmade + len(pool._free) + (pool._current is not None) == 2, "a buffer did not come back"
        assert not self._begun, f"{len(self._begun)} requests were never answered"
        assert self.disk.descriptors == 0, f"{self.disk.descriptors} files are open"

    def _call(self, call: Call) -> Any:
        if self.faulty and call.name in FAILING and self._random.random() < self._fault_rate:
            if call.name == "writev" and self._random.random() < 0.5:  # no fault, but seldom seen
                descriptor, views = call.arguments
                first = next((view for view in views if len(view)), views[0])
                return call.make(descriptor, [first[: (len(first) + 1) // 2]])
            self.faults += 1
            number = self._random.choice((errno.EIO, errno.ENOSPC))
            raise OSError(number, os.strerror(number))
        return call.make(*call.arguments)

    def _observe(self, event: Observed) -> None:
        """After the end of an association nothing of it begins; what had begun is still answered, once each."""
        if isinstance(event, RequestAnswered):
            begun = self._begun.pop((event.association, event.message_id), None)
            assert begun is not None, f"{event} answers nothing"
            return
        assert event.association not in self._ended, f"{event} after the end"
        if isinstance(event, Ended):
            self._ended.add(event.association)
        elif isinstance(event, RequestBegan):
            self._begun[event.association, event.message_id] = event


TIMEOUTS = Timeouts(idle=120.0)
MOST_ANSWERS = 64 * KIB
FAILING = frozenset("create create_unnamed writev fsync fsync_folder link link_unnamed".split())
