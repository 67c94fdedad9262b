"""Several processes behind the same listening sockets, for more than one processor can serve.

One process accepts and serves nobody; it passes each connection on to the
worker with the fewest. So limits hold over all of them, the load is even, and
who waits for a worker that dies is served by another one.

    Crew   the process that accepts:   fork, accept, pass on, restart, signals
    Post   a worker's end:             receive, acknowledge, gone

Both ends are a stream of records of one size. Towards the worker each carries
a descriptor, and the accepting process keeps its own copy until the worker says
that the peer has spoken, or is gone: who waits silently in a worker that dies is
served by another one, and makes room when there are too many like him. Only who
comes by a proxy is closed then: its header is read, and one that another worker
would read could be anybody's.

    Crew -> Post   number, endpoint, port, whether to refuse, host (80 bytes) + descriptor
    Post -> Crew   TAKEN number | MISSED number (no descriptor came with it) | HEARD number | GONE number

The accepting process has no event loop and no thread, ever: it forks again when
a worker has died, and a fork takes nothing along but the thread that calls it.
"""

from __future__ import annotations

import errno
import logging
import os
import selectors
import signal
import socket
import sys
import threading
import time
from collections import deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager, suppress
from struct import Struct
from typing import Self

from dicomnet.aio.admission import Admission, Place
from dicomnet.aio.listen import AT_ONCE, RETRY_ACCEPT
from dicomnet.errors import InvalidValue, StateError, Unsupported
from dicomnet.limits import Limits
from dicomnet.networks import Network, within
from dicomnet.records import dataclass, field
from dicomnet.sockets import BACKLOG, address_text

log = logging.getLogger("dicomnet.server")


@dataclass(eq=False, frozen=True, slots=True)
class Listening:
    """A socket to accept from."""

    sock: socket.socket
    proxies: tuple[Network, ...] = ()
    """Of which the connections are others', and counted where those are known."""
    shared: bool = False
    """Whether another process has it too, so that who waits there at our end is left to that one."""


class Crew:
    """The accepting process and its workers."""

    def __init__(
        self,
        count: int,
        listening: Sequence[Listening],
        serve: Callable[[Post], None],
        *,
        ready: Callable[[], object] = lambda: None,
        limits: Limits = Limits(),  # noqa: B008 (frozen)
        grace: float = 5.0,
    ) -> None:
        """Nothing is forked before `run`.

        Args:
            count: how many workers.
            listening: where to accept from, one or more; the sockets are closed when the crew stops.
            serve: what a worker does, from the fork to its end. SIGTERM means to take what has been passed on by then,
                and to return when all is served; a second one means to return at once. Until it installs handlers of
                its own, SIGTERM ends it, and SIGINT and SIGHUP do nothing.
            ready: called when signals are heard, before the first fork; it must leave no thread behind.
            limits: on the connections of all workers together.
            grace: seconds that workers get after a second SIGTERM before they are killed.

        Raises:
            InvalidValue: there would be no worker.
            Unsupported: this system cannot fork, or cannot pass sockets on.
        """
        if not (hasattr(os, "fork") and hasattr(socket, "send_fds") and hasattr(signal, "pthread_sigmask")):
            raise Unsupported("several workers need a system that forks and passes sockets on; use one here")
        if count < 1:
            raise InvalidValue(f"{count} workers can serve nobody")
        self._listening = tuple(listening)
        self._serve = serve
        self._ready = ready
        self._limits = limits
        self._grace = grace
        self._admission = Admission(limits)
        self._workers = [_Worker(index) for index in range(count)]
        self._queue: deque[_Connection] = deque()
        self._numbers = 0
        self._again: dict[Listening, float] = {}  # when to accept again from those that had trouble
        self._stopping = False
        self._end_at: float | None = None
        self._kill_at: float | None = None
        self._urge_at = 0.0
        self._orderly = True

    def run(self) -> int:
        """Forks the workers and serves until SIGTERM or SIGINT; to be called in the main thread.

        The first signal ends the accepting and lets the workers finish what they
        have; a second one ends them at once. SIGHUP is passed on.

        Returns:
            The exit code for the process: 0 if every worker came to an orderly end.

        Raises:
            StateError: there are other threads, which a fork would leave behind in any state.
        """
        if threading.active_count() != 1 or threading.current_thread() is not threading.main_thread():
            raise StateError("workers are forked before there is any thread, and from the main one")
        with ExitStack() as stack:
            self._selector = stack.enter_context(selectors.DefaultSelector())
            self._wakeup, self._wakeup_end = stack.enter_context(_signals_as_bytes())
            stack.callback(self._end)
            self._selector.register(self._wakeup, selectors.EVENT_READ, self._take_signals)
            for listening in self._listening:
                listening.sock.setblocking(False)
                self._watch(listening)
            self._ready()
            while not (self._stopping and all(worker.pid is None for worker in self._workers)):
                self._do_what_is_due()
                self._pass_on()
                self._end_workers()
                for key, _ in self._selector.select(self._timeout()):
                    if isinstance(key.fileobj, socket.socket) and key.fileobj.fileno() != -1:  # one before may close it
                        key.data()
        return 0 if self._orderly else 1

    # Time

    def _timeout(self) -> float | None:
        moments = [*self._again.values()]
        moments += [worker.again_at for worker in self._workers if not self._stopping and worker.pid is None]
        moments += [worker.full_until for worker in self._workers if self._queue and worker.full_until]
        if self._end_at is not None:
            moments.append(self._end_at)
        if self._kill_at is not None:
            moments.append(min(self._kill_at, self._urge_at))
        return max(0.0, min(moments) - time.monotonic()) if moments else None

    def _do_what_is_due(self) -> None:
        now = time.monotonic()
        for listening, moment in list(self._again.items()):
            if moment <= now:
                del self._again[listening]
                self._watch(listening)
        for worker in self._workers:
            if worker.full_until <= now:
                worker.full_until = 0.0
            if worker.pid is None and worker.again_at <= now and not self._stopping:
                self._start(worker)
        if self._kill_at is not None and self._kill_at <= now:
            self._kill_at = None
            self._signal(signal.SIGKILL)
        elif self._kill_at is not None and self._urge_at <= now:
            # More than once: two signals that come close to each other may be one for who takes them.
            self._urge_at = now + _URGE
            self._signal(signal.SIGTERM)

    # Connections

    def _watch(self, listening: Listening) -> None:
        self._selector.register(listening.sock, selectors.EVENT_READ, lambda: self._accept(listening))

    def _accept(self, listening: Listening, most: int = AT_ONCE) -> None:
        for _ in range(most):
            try:
                sock, address = listening.sock.accept()
            except (BlockingIOError, InterruptedError):
                return
            except OSError as error:
                if error.errno in _PEER_GONE:
                    continue
                # Nothing tells when the system has descriptors again; who waits stays in the backlog.
                log.warning("cannot accept connections at the moment: %s", error.strerror)
                self._selector.unregister(listening.sock)
                self._again[listening] = time.monotonic() + RETRY_ACCEPT
                return
            for worker in self._workers:  # an end that was reported before this one came makes room for it
                while self._hear(worker):
                    pass
            self._admit(sock, *address_text(address), listening)

    def _admit(self, sock: socket.socket, host: str, port: int, listening: Listening) -> None:
        sock.setblocking(False)
        proxied = within(host, listening.proxies)
        place = self._admission.enter(host, sock, proxied=proxied)
        if place is None:
            sock.close()
            return
        self._numbers = (self._numbers + 1) % (1 << 32)
        endpoint = self._listening.index(listening)
        connection = _Connection(self._numbers, sock, endpoint, host, port, place, proxied)
        place.drop = lambda: self._drop(connection)
        self._queue.append(connection)

    def _drop(self, connection: _Connection) -> None:
        """Ends one that has said nothing; the worker that has it, if one has, sees its end."""
        if connection in self._queue:
            self._queue.remove(connection)
            connection.sock.close()
            return
        with suppress(OSError):
            connection.sock.shutdown(socket.SHUT_RDWR)

    def _pass_on(self) -> None:
        """Gives what waits to the workers, each connection to the one that has the fewest."""
        while self._queue:
            ready = [worker for worker in self._workers if worker.ready]
            if not ready:
                return
            worker = min(ready, key=lambda worker: (worker.load, worker.last_given))
            connection = self._queue[0]
            assert worker.sock is not None
            try:
                sent = socket.send_fds(worker.sock, [connection.record()], [connection.sock.fileno()])
            except OSError as error:
                if error.errno in _NO_ROOM:  # until it takes what it has
                    worker.full_until = time.monotonic() + RETRY_ACCEPT
                else:
                    self._hang_up(worker)
                continue
            if sent < _DELIVERY.size:
                self._hang_up(worker)  # a record cut in two cannot be mended, and with few on their way is never cut
                continue
            self._queue.popleft()
            worker.untaken[connection.number] = connection
            worker.last_given = self._numbers

    def _hear(self, worker: _Worker) -> bool:
        """Takes a worker's reports; whether there were any."""
        if worker.sock is None:
            return False
        try:
            data = worker.sock.recv(64 * 1024)
        except (BlockingIOError, InterruptedError):
            return False
        except OSError:  # it has closed its end without reading all
            data = b""
        if not data:
            self._hang_up(worker)
            return False
        worker.reports += data
        whole = len(worker.reports) - len(worker.reports) % _REPORT.size
        for kind, number in _REPORT.iter_unpack(bytes(worker.reports[:whole])):
            self._note(worker, kind, number)
        del worker.reports[:whole]
        return True

    def _note(self, worker: _Worker, kind: int, number: int) -> None:
        connection = worker.untaken.pop(number, None) or worker.silent.pop(number, None)
        if connection is not None and kind == _MISSED:
            self._queue.appendleft(connection)
            worker.full_until = time.monotonic() + RETRY_ACCEPT
        elif connection is not None and kind == _TAKEN:
            worker.silent[number] = connection
        elif connection is not None:
            connection.sock.close()
            connection.place.heard()
            worker.heard[number] = connection.place
        if kind == _GONE and (place := worker.heard.pop(number, None)) is not None:
            place.leave()

    # Workers

    def _start(self, worker: _Worker) -> None:
        worker.started = time.monotonic()
        try:
            ours, theirs = socket.socketpair()
        except OSError as error:
            self._put_off(worker, error)
            return
        _flush_output()  # or the child would write it once more
        # A signal between the fork and the child's own handlers would be taken by ours, which are not the child's.
        blocked = signal.pthread_sigmask(signal.SIG_BLOCK, _SIGNALS)
        try:
            pid = os.fork()
            if pid == 0:
                self._be_worker(worker, ours, theirs, blocked)
        except OSError as error:
            ours.close()
            self._put_off(worker, error)
            return
        finally:
            signal.pthread_sigmask(signal.SIG_SETMASK, blocked)
            theirs.close()
        ours.setblocking(False)
        worker.pid, worker.sock = pid, ours
        self._selector.register(ours, selectors.EVENT_READ, lambda: self._hear(worker))
        log.info("worker %d is process %d", worker.index, pid)

    def _put_off(self, worker: _Worker, error: OSError) -> None:
        worker.rest()
        log.error("worker %d cannot be started at the moment: %s", worker.index, error.strerror)

    def _be_worker(
        self, worker: _Worker, ours: socket.socket, theirs: socket.socket, mask: set[int | signal.Signals]
    ) -> None:
        """The child's whole life; it does not return, for what is on the stack here belongs to the parent."""
        code = 1
        try:
            signal.set_wakeup_fd(-1)
            for number in _SIGNALS:
                signal.signal(number, signal.SIG_IGN if number in _FOR_THE_PARENT else signal.SIG_DFL)
            self._selector.close()
            kept = [one.sock for other in self._workers for one in (*other.untaken.values(), *other.silent.values())]
            ends = [other.sock for other in self._workers if other.sock is not None]
            waiting = [one.sock for one in self._queue]
            listening = [one.sock for one in self._listening]
            for sock in (*listening, *kept, *waiting, *ends, ours, self._wakeup, self._wakeup_end):
                sock.close()
            signal.pthread_sigmask(signal.SIG_SETMASK, mask)
            with Post(theirs, worker.index) as post:
                self._serve(post)
            code = 0
        except SystemExit as end:
            code = end.code if isinstance(end.code, int) else int(end.code is not None)
        except BaseException:  # nobody else is there to tell
            log.exception("worker %d failed", worker.index)
        finally:
            _flush_output()
            os._exit(code)

    def _hang_up(self, worker: _Worker) -> None:
        """The worker listens no more: what it has not taken or heard goes to others, in the order in which it came."""
        if worker.sock is not None:
            self._selector.unregister(worker.sock)
            worker.sock.close()
            worker.sock = None
        for number in [number for number, one in worker.silent.items() if one.proxied]:
            connection = worker.silent.pop(number)
            connection.sock.close()
            worker.heard[number] = connection.place  # lost with the worker
        self._queue.extendleft(reversed([*worker.silent.values(), *worker.untaken.values()]))
        worker.silent.clear()
        worker.untaken.clear()

    def _reap(self) -> None:
        for worker in self._workers:
            if worker.pid is None:
                continue
            # Each by its number: other children of this program are not ours to wait for.
            pid, status = os.waitpid(worker.pid, os.WNOHANG)
            if pid == 0:
                continue
            while self._hear(worker):  # what it said before it died: a connection that it took is no other's
                pass
            self._hang_up(worker)
            for place in worker.heard.values():
                place.leave()
            self._bury(worker, os.waitstatus_to_exitcode(status))

    def _bury(self, worker: _Worker, code: int) -> None:
        lost, pid = len(worker.heard), worker.pid
        worker.heard.clear()
        worker.reports.clear()
        worker.pid = None
        how = f"by {signal.Signals(-code).name}" if code < 0 else f"with exit status {code}"
        if self._stopping:
            self._orderly = self._orderly and code in (0, -signal.SIGTERM)
            level = logging.INFO if code in (0, -signal.SIGTERM) else logging.ERROR
            log.log(level, "worker %d, process %d, has ended %s", worker.index, pid, how)
            return
        worker.rest()
        text = "worker %d, process %d, ended %s with %d connections; another one comes in %.1f s"
        log.error(text, worker.index, pid, how, lost, max(0.0, worker.again_at - time.monotonic()))

    # Signals and the end

    def _take_signals(self) -> None:
        with suppress(BlockingIOError):
            for number in self._wakeup.recv(4096):
                if number == signal.SIGCHLD:
                    self._reap()
                elif number == signal.SIGHUP:
                    self._signal(signal.SIGHUP)
                elif number in (signal.SIGTERM, signal.SIGINT):
                    self._stop()

    def _stop(self) -> None:
        if self._stopping:
            if self._kill_at is None:
                self._kill_at = time.monotonic() + self._grace
            return
        self._stopping = True
        for listening in self._listening:
            if not listening.shared and listening not in self._again:
                self._accept(listening, BACKLOG)
        self._close_listening()
        log.info("no more connections are accepted; the workers finish what they have")
        self._end_at = time.monotonic() + _LAST_PASSES

    def _end_workers(self) -> None:
        """Once they have got all that was accepted, or do not take it."""
        if self._end_at is None or (self._queue and self._end_at > time.monotonic() and self._kill_at is None):
            return
        self._end_at = None
        self._signal(signal.SIGTERM)

    def _close_listening(self) -> None:
        for listening in self._listening:
            if listening.sock.fileno() != -1 and listening not in self._again:
                self._selector.unregister(listening.sock)
            listening.sock.close()
        self._again.clear()

    def _signal(self, number: signal.Signals) -> None:
        for worker in self._workers:
            if worker.pid is not None:  # not waited for yet, so the number is nobody else's
                os.kill(worker.pid, number)

    def _end(self) -> None:
        """Leaves nothing: after an orderly run there is nothing left but the queue."""
        self._close_listening()
        for worker in self._workers:
            if worker.pid is not None:
                os.kill(worker.pid, signal.SIGKILL)
                os.waitpid(worker.pid, 0)
                worker.pid = None
            self._hang_up(worker)
        while self._queue:
            self._queue.popleft().sock.close()


@dataclass(frozen=True, slots=True)
class Delivered:
    """A connection that was accepted for this worker."""

    sock: socket.socket
    """Not blocking; its options are yet to be set."""
    endpoint: int
    """Which of the listening sockets it came from."""
    host: str
    port: int
    refuse: bool
    """One too many over all workers: to be rejected with 2/3/2 (PS3.8 9.3.4)."""
    number: int
    """What it is called towards the accepting process."""


class Post:
    """A worker's end: connections come in, and reports go out, with `flush`.

    All methods are called from one thread, and none waits.
    """

    def __init__(self, sock: socket.socket, index: int) -> None:
        sock.setblocking(False)
        self._sock = sock
        self.index = index
        """Which worker this is, from 0."""
        self.closed = False
        """Whether the accepting process is gone: wait for `fileno` no more, finish what there is, and return."""
        self._record = bytearray()
        self._descriptors: list[int] = []
        self._reports = bytearray()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def fileno(self) -> int:
        """What to wait for: it is readable when `receive` has something to return."""
        return self._sock.fileno()

    def receive(self) -> list[Delivered]:
        """The connections that have come; `acknowledge` each once it is in good hands."""
        self.flush()
        found: list[Delivered] = []
        while not self.closed and len(found) < AT_ONCE:
            try:
                # Never across the end of a record, so that a descriptor cannot be taken for another's.
                wanted = _DELIVERY.size - len(self._record)
                data, descriptors, _, _ = socket.recv_fds(self._sock, wanted, 1, _CLOSE_ON_EXEC)
            except (BlockingIOError, InterruptedError):
                break
            except OSError:
                data, descriptors = b"", []
            self._descriptors += descriptors
            self.closed = not data
            self._record += data
            if len(self._record) == _DELIVERY.size:
                found += self._take_record()
        return found

    def acknowledge(self, delivered: Delivered) -> None:
        """The connection is in good hands; there is room for another one on its way."""
        self._report(_TAKEN, delivered.number)

    def heard(self, delivered: Delivered) -> None:
        """Its peer has spoken: what it said is lost with this process, so the accepting one forgets its copy."""
        self._report(_HEARD, delivered.number)

    def gone(self, delivered: Delivered) -> None:
        """The connection is over, and counts no more."""
        self._report(_GONE, delivered.number)

    @property
    def pending(self) -> bool:
        """Whether reports wait; after a `flush` they do for room, and there is some when `fileno` is writable."""
        return bool(self._reports)

    def flush(self) -> None:
        """Sends what reports there are, as far as there is room."""
        while self._reports:
            try:
                del self._reports[: self._sock.send(self._reports)]
            except (BlockingIOError, InterruptedError):
                return
            except OSError:  # there is nobody left to tell; `receive` says so
                self._reports.clear()

    def close(self) -> None:
        """Takes no more connections; what has not been acknowledged goes to another worker. May be called twice."""
        self.flush()
        self.closed = True
        for descriptor in self._descriptors:
            os.close(descriptor)
        self._descriptors.clear()
        self._sock.close()

    def _report(self, kind: int, number: int) -> None:
        self._reports += _REPORT.pack(kind, number)

    def _take_record(self) -> Iterator[Delivered]:
        number, endpoint, port, refuse, host = _DELIVERY.unpack(bytes(self._record))
        self._record.clear()
        if not self._descriptors:  # the system had none left for us
            log.warning("no descriptor left for a connection")
            self._report(_MISSED, number)
            self.flush()
            return
        sock = socket.socket(fileno=self._descriptors.pop())
        sock.set_inheritable(False)
        sock.setblocking(False)
        yield Delivered(sock, endpoint, host.rstrip(b"\0").decode(), port, refuse, number)


@dataclass(eq=False, slots=True)
class _Connection:
    """One that was accepted and has said nothing yet."""

    number: int
    sock: socket.socket
    endpoint: int
    host: str
    port: int
    place: Place
    proxied: bool
    """Whether it begins with a header that is read once and believed."""

    def record(self) -> bytes:
        refuse = self.place.refuse is not None
        return _DELIVERY.pack(self.number, self.endpoint, self.port, refuse, self.host.encode())


@dataclass(slots=True)
class _Worker:
    """What the accepting process knows of a worker, and of the one that takes its place."""

    index: int
    pid: int | None = None
    sock: socket.socket | None = None
    untaken: dict[int, _Connection] = field(default_factory=dict)
    silent: dict[int, _Connection] = field(default_factory=dict)
    """Those that it has taken and whose peers have said nothing."""
    heard: dict[int, Place] = field(default_factory=dict)
    """The places of the others, by the numbers of their connections."""
    reports: bytearray = field(default_factory=bytearray)
    last_given: int = 0
    started: float = 0.0
    quick: int = 0
    """How many have died one after the other, each soon after its start."""
    again_at: float = 0.0
    full_until: float = 0.0

    @property
    def load(self) -> int:
        return len(self.untaken) + len(self.silent) + len(self.heard)

    @property
    def ready(self) -> bool:
        return self.sock is not None and not self.full_until and len(self.untaken) < _ON_THEIR_WAY

    def rest(self) -> None:
        """Sets when the next one is to be started: at once after a good life, later and later otherwise."""
        now = time.monotonic()
        self.quick = self.quick + 1 if now - self.started < _GOOD_LIFE else 0
        self.again_at = now + (min(FIRST_PAUSE * 2 ** (self.quick - 2), LONGEST_PAUSE) if self.quick > 1 else 0.0)
        self.full_until = 0.0


def _flush_output() -> None:
    for stream in (sys.stdout, sys.stderr):
        with suppress(Exception):  # it may be None, closed, or a pipe that nobody reads
            stream.flush()


@contextmanager
def _signals_as_bytes() -> Iterator[tuple[socket.socket, socket.socket]]:
    """A pair of sockets, the first to read the numbers of signals from; handlers are as before at the end."""
    with ExitStack() as stack:
        reading, writing = socket.socketpair()
        for sock in (reading, writing):
            stack.enter_context(sock)
            sock.setblocking(False)
        before = signal.set_wakeup_fd(writing.fileno(), warn_on_full_buffer=False)
        stack.callback(signal.set_wakeup_fd, before)
        for number in _SIGNALS:
            if number == signal.SIGINT and signal.getsignal(number) is signal.SIG_IGN:
                continue  # so are programs started that a terminal's Ctrl-C is not for
            # What somebody has installed below Python's level reads as None, and cannot be put back.
            stack.callback(signal.signal, number, signal.getsignal(number) or signal.SIG_DFL)
            signal.signal(number, lambda *_: None)
        yield reading, writing


FIRST_PAUSE = 0.25
"""Seconds before a worker is started again when the second one in succession has died soon; doubled each time."""

LONGEST_PAUSE = 30.0

_URGE = 0.2
# Seconds between the signals to those that are to end at once.
_LAST_PASSES = 2.0
# Seconds in which workers take what was accepted before the end.
_GOOD_LIFE = 10.0
# Seconds; who lives longer has not died of how it starts.
_ON_THEIR_WAY = 16
# Connections that a worker has not taken: more in a worker that stands still would wait for nothing.

_SIGNALS = frozenset(
    number for name in ("SIGTERM", "SIGINT", "SIGHUP", "SIGCHLD") if (number := getattr(signal, name, None)) is not None
)
_FOR_THE_PARENT = frozenset({signal.SIGINT, getattr(signal, "SIGHUP", None)})
# A terminal sends SIGINT to the whole group, but each worker is told once, by the parent.
_CLOSE_ON_EXEC = getattr(socket, "MSG_CMSG_CLOEXEC", 0)
_PEER_GONE = frozenset({errno.ECONNABORTED, errno.EPROTO, errno.EPERM})
_NO_ROOM = frozenset({errno.EAGAIN, errno.EWOULDBLOCK, errno.ENOBUFS, errno.ETOOMANYREFS, errno.EINTR})

_DELIVERY = Struct("!IHH?80s")
_REPORT = Struct("!BI")
_TAKEN, _MISSED, _GONE, _HEARD = 1, 2, 3, 4
