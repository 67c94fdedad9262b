"""Where a server runs: in this process under signals, in several ones, or on a loop in a thread."""

from __future__ import annotations

import asyncio
import logging
import signal
import threading
from collections.abc import Callable, Coroutine
from contextlib import suppress
from functools import partial
from typing import Any, Self

from dicomnet.aio.hub import close_hub, hub
from dicomnet.errors import DicomNetError, InvalidValue, StateError
from dicomnet.server.credentials import Contexts, contexts_of
from dicomnet.server.inherited import inherited_sockets
from dicomnet.server.running import Running, begin
from dicomnet.server.site import Entrance, Site
from dicomnet.server.workers import Crew, Delivered, Listening, Post

log = logging.getLogger("dicomnet.server")


def run(site: Site, workers: int, ready: Callable[[], object] | None = None) -> int:
    """See `Server.run`."""
    tell = ready or site.announce
    if workers < 1:
        raise InvalidValue(f"{workers} workers can serve nobody")
    site.check_at_rest()
    try:
        asyncio.get_running_loop()
    except RuntimeError:
        pass
    else:
        raise StateError("there is a loop in this thread already; serve on it with 'async with server:'")
    site.bind(inherited_sockets())
    try:
        if workers == 1:
            with asyncio.Runner(loop_factory=new_loop()) as runner:
                runner.run(_serve(site, tell))
            return 0
        listening = [(entrance, sock) for entrance in site.entrances for sock in entrance.sockets]
        contexts = contexts_of(site)  # here, where somebody hears of what is wrong with them
        serve = partial(_serve_post, site, contexts, [entrance for entrance, _ in listening])
        endpoints = [Listening(sock, entrance.proxies, shared=entrance.shared) for entrance, sock in listening]
        return Crew(workers, endpoints, serve, ready=tell, limits=site.limits).run()
    finally:
        site.close_sockets()


def new_loop() -> Callable[[], asyncio.AbstractEventLoop] | None:
    """What makes the loops of servers: uvloop's if it is installed, because it is faster."""
    try:
        import uvloop
    except ImportError:
        return None
    factory: Callable[[], asyncio.AbstractEventLoop] = uvloop.new_event_loop
    return factory


class Background:
    """A loop in a thread of its own, with the server on it."""

    def __init__(self, site: Site) -> None:
        self._site = site
        self._begun = threading.Event()
        self._error: BaseException | None = None
        self._thread = threading.Thread(target=self._run, name="dicomnet-server", daemon=True)

    def start(self) -> None:
        """Returns when the server listens; raises what has kept it from doing so."""
        self._thread.start()
        self._begun.wait()
        if self._error is not None:
            self._thread.join()
            raise self._error

    def join(self) -> None:
        """Waits for the thread to end, which it does soon after the server was stopped."""
        self._thread.join()

    def _run(self) -> None:
        try:
            with asyncio.Runner(loop_factory=new_loop()) as runner:
                runner.run(self._serve())
        except BaseException as error:
            self._error = error  # of which who has started the thread is told
            if self._begun.is_set():
                log.exception("the server has failed")
        finally:
            self._site.running = None
            self._site.close_sockets()
            self._begun.set()

    async def _serve(self) -> None:
        try:
            running = await begin(self._site)
            self._site.announce()
            self._begun.set()
            await running.over.wait()
        finally:
            await _close_hub()


async def _serve(site: Site, tell: Callable[[], object]) -> None:
    """In this process, until a signal or `Server.close`."""
    try:
        running = await begin(site)
        with _Signals(running, partial(running.stop, site.grace)):
            tell()
            await running.over.wait()
    finally:
        site.running = None
        await _close_hub()


def _serve_post(site: Site, contexts: Contexts, entrances: list[Entrance], post: Post) -> None:
    """A worker's whole life."""
    with asyncio.Runner(loop_factory=new_loop()) as runner:
        runner.run(_Worker(site, contexts, entrances, post).serve())


class _Worker:
    """Serves what the accepting process passes on."""

    def __init__(self, site: Site, contexts: Contexts, entrances: list[Entrance], post: Post) -> None:
        self._site = site
        self._contexts = contexts
        self._entrances = entrances
        self.post = post
        self._flushing = False
        self._writing = False
        self._ending: asyncio.Task[None] | None = None

    async def serve(self) -> None:
        site, loop = self._site, asyncio.get_running_loop()
        self._loop = loop
        try:
            for entrance in site.entrances:
                entrance.sockets = []  # they are the accepting process's
            running = self._running = Running(site, self._contexts)
            await running.prepare()  # it may be one that takes the place of another, much later
            site.running = running
            site.tell_audits_of_start()
            loop.add_reader(self.post.fileno(), self._receive)
            with _Signals(running, self._finish):
                await running.over.wait()
            self.post.flush()
        finally:
            site.running = None
            await _close_hub()

    async def _finish(self) -> None:
        """Takes what was passed on by now, and ends in order."""
        if not self.post.closed:
            self._receive()
        self._loop.remove_reader(self.post.fileno())
        await self._running.stop(self._site.grace)

    def _receive(self) -> None:
        for delivered in self.post.receive():
            passed = _Passed(self, delivered)
            try:
                self._site.socket_options.apply(delivered.sock)
                entrance = self._entrances[delivered.endpoint]
                self._running.take(entrance, delivered.sock, delivered.host, delivered.port, passed_on=passed)
            except OSError as error:
                log.debug("a connection was gone before it was served: %s", error)
                delivered.sock.close()
                passed.gone()
            self.report(self.post.acknowledge, delivered)
        self.post.flush()  # before a byte of them is read: should we die, nobody else reads a proxy's header
        if self.post.closed and self._ending is None and not self._running.stopping:
            log.error("the accepting process is gone; what is being served is finished")
            self._ending = self._loop.create_task(self._finish())

    def report(self, report: Callable[[Delivered], None], delivered: Delivered) -> None:
        """Tells the accepting process, all that happens in one round of the loop at once; before more is read, at any rate."""
        report(delivered)
        if not self._flushing:
            self._flushing = True
            self._loop.call_soon(self._flush)

    def _flush(self) -> None:
        self._flushing = False
        self.post.flush()
        waits = self.post.pending and not self.post.closed
        if waits and not self._writing:
            self._loop.add_writer(self.post.fileno(), self._flush)
        elif self._writing and not waits:
            self._loop.remove_writer(self.post.fileno())
        self._writing = waits


class _Passed:
    """Tells the accepting process what becomes of a connection."""

    def __init__(self, worker: _Worker, delivered: Delivered) -> None:
        self._worker = worker
        self._delivered = delivered
        self.refuse = delivered.refuse

    def heard(self) -> None:
        self._worker.report(self._worker.post.heard, self._delivered)

    def gone(self) -> None:
        self._worker.report(self._worker.post.gone, self._delivered)


class _Signals:
    """SIGTERM and SIGINT end the server, at once when they come again; SIGHUP reads certificates anew."""

    def __init__(self, running: Running, stop: Callable[[], Coroutine[Any, Any, None]]) -> None:
        self._running = running
        self._stop = stop
        self._tasks: list[asyncio.Task[None]] = []
        self._before: dict[int, Any] = {}

    def __enter__(self) -> Self:
        if threading.current_thread() is not threading.main_thread():  # no other one can hear them
            return self
        for name, react in (("SIGTERM", self._end), ("SIGINT", self._end), ("SIGHUP", self._reload)):
            if hasattr(signal, name):
                self._hear(getattr(signal, name), react)
        return self

    def __exit__(self, *_: object) -> None:
        for number, before in self._before.items():
            with suppress(NotImplementedError):
                self._running.loop.remove_signal_handler(number)
            # What somebody has installed below Python's level reads as None, and cannot be put back.
            signal.signal(number, before or signal.SIG_DFL)

    def _hear(self, number: int, react: Callable[[], None]) -> None:
        loop, before = self._running.loop, signal.getsignal(number)
        if number == signal.SIGINT and before is signal.SIG_IGN:
            return  # so are programs started that a terminal's Ctrl-C is not for, and so are our workers
        self._before[number] = before
        try:
            loop.add_signal_handler(number, react)
        except NotImplementedError:  # the usual loop of Windows
            signal.signal(number, lambda *_: loop.call_soon_threadsafe(react))

    def _end(self) -> None:
        if self._running.stopping:
            self._running.hurry()
        else:
            self._tasks.append(self._running.loop.create_task(self._stop()))

    def _reload(self) -> None:
        for audit in self._running.site.audits:
            audit.reopen()
        self._tasks.append(self._running.loop.create_task(self._renew()))

    async def _renew(self) -> None:
        try:
            await self._running.renew()
        except DicomNetError as error:
            log.warning("certificates cannot be read anew, those in use stay: %s", error)
        else:
            log.info("certificates, if there are any, were read anew")


async def _close_hub() -> None:
    # Storage threads report to the loop, so they end first.
    await asyncio.get_running_loop().run_in_executor(None, hub().close_workers)
    await asyncio.sleep(0)
    close_hub()
