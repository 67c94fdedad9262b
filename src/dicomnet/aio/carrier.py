"""Carries sessions over the loop's channels, and performs the steps of their scripts."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from dicomnet.aio.channel import Channel
from dicomnet.aio.connect import connect
from dicomnet.aio.hub import hub
from dicomnet.dimse.endpoint import Endpoint
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.session import Provider, Session
from dicomnet.exchanges.settings import Settings
from dicomnet.exchanges.steps import Connect, Pause, Script, Step, Together, Wait, Watch, Work
from dicomnet.sockets import SocketOptions
from dicomnet.storage.destination import Places
from dicomnet.types import UID

if TYPE_CHECKING:
    import ssl

    from dicomnet.tls import TlsFacts

T = TypeVar("T")


class Carrier(Places):
    """The shell of one session: `exchanges.session.Shell` on a channel of the running loop."""

    def __init__(self, session: Session) -> None:
        self.session = session
        session.shell = self
        self.channel: Channel | None = None
        self._loop = asyncio.get_running_loop()
        self._waiters: list[_Waiter] = []
        self._wake_posted = False

    @property
    def tls(self) -> TlsFacts | None:
        """The facts of the secure link, while it stands."""
        link = None if self.channel is None else self.channel.get_extra_info("ssl_object")
        if link is None:
            return None
        from dicomnet.tls import tls_facts

        return tls_facts(link)

    def now(self) -> float:
        return self._loop.time()

    def flush(self) -> None:
        if self.channel is not None:
            self.channel.flush()

    def changed(self) -> None:
        for waiter in self._waiters:
            waiter.look()

    def wake_soon(self) -> None:
        if not self._wake_posted:
            self._wake_posted = True
            self._loop.call_soon_threadsafe(self._wake)

    def work(self, function: Callable[[], T], then: Callable[[T | None, Exception | None], object]) -> None:
        _in_thread(function, then)

    def new_uid(self) -> UID:
        import uuid

        return UID(f"2.25.{uuid.uuid4().int}")

    def pause(self, reason: str) -> None:
        if self.channel is not None:
            self.channel.pause(reason)

    def resume(self, reason: str) -> None:
        if self.channel is not None:
            self.channel.resume(reason)

    def abort(self, source: int, reason: int) -> None:
        self.session.core.abort(self.now(), source, reason)
        self.flush()

    async def wait(self, step: Wait) -> bool:
        """Performs a `Wait`."""
        session = self.session
        waiter = _Waiter(session, step, self._loop)
        waiter.look()
        if not waiter.future.done():
            session.begin_waiting()
            self._waiters.append(waiter)
            try:
                async with asyncio.timeout(step.timeout):
                    await waiter.future
            except TimeoutError:
                pass
            finally:
                self._waiters.remove(waiter)
                session.end_waiting()
        if session.over and session.error is not None and session.ledger.requestor:
            await self.gone()
        return step.until()

    async def gone(self) -> None:
        """Waits for the end of the transport after that of the association, for which the peer gets `LINGER` seconds.

        So nothing is left to a loop that may be closed next.
        """
        session = self.session
        if self.channel is None or not session.over or session.closed_down:
            return
        waiter = _Waiter(session, Wait(session, lambda: session.closed_down, to_the_end=True), self._loop)
        self._waiters.append(waiter)
        try:
            await asyncio.wait([waiter.future], timeout=LINGER)
            if not waiter.future.done():
                self.channel.abort_transport()
                await waiter.future
        finally:
            self._waiters.remove(waiter)

    def _wake(self) -> None:
        self._wake_posted = False
        self.changed()


class _Waiter:
    """A script that waits for something to become true."""

    __slots__ = ("_session", "_step", "future")

    def __init__(self, session: Session, step: Wait, loop: asyncio.AbstractEventLoop) -> None:
        self._session = session
        self._step = step
        self.future: asyncio.Future[None] = loop.create_future()

    def look(self) -> None:
        if self.future.done():
            return
        session = self._session
        if self._step.until() or (session.closed_down if self._step.to_the_end else session.over):
            self.future.set_result(None)


async def perform(script: Script[T]) -> T:
    """Runs a script to its end and returns its result, or raises its error.

    A task that is cancelled leaves the script where it is; see `exchanges.steps`.
    """
    result: Any = None
    error: Exception | None = None
    try:
        while True:
            step: Step = script.send(result) if error is None else script.throw(error)
            result = error = None
            try:
                result = await _PERFORM[type(step)](step)
            except Exception as failure:  # noqa: BLE001 (whatever it is, the script has to hear of it)
                error = failure
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        script.close()


async def work(function: Callable[[], T]) -> T:
    """Calls a function that may wait for a disk in a storage thread of the loop."""
    result: T = await _work(Work(function))
    return result


async def open_session(settings: Settings, provider: Provider | None = None) -> Session:
    """Opens a connection, with TLS if the settings say so; the association is still to be asked for.

    Raises:
        ConnectFailed: nobody answers there.
        TlsFailed: somebody does, but there is no secure link.
    """
    loop = asyncio.get_running_loop()
    ledger = Ledger(os.urandom(2).hex(), loop.time())
    ledger.peer = settings.host
    core = Endpoint(requestor=True, limits=settings.limits, timeouts=settings.timeouts, label=ledger.id)
    session = Session(core, ledger, provider=provider, tolerance=settings.tolerance)
    carrier = Carrier(session)
    context, name = await _tls(settings)
    carrier.channel = await connect(
        settings.host,
        settings.port,
        core,
        session,
        local=settings.local,
        options=settings.socket_options or SocketOptions(),
        context=context,
        server_hostname=name,
    )
    return session


async def _tls(settings: Settings) -> tuple[ssl.SSLContext | None, str | None]:
    """The context and the name to check; made in a thread, because it reads files."""
    if settings.tls is None:
        return None, None
    from dicomnet.tls import TlsConfig

    if not isinstance(settings.tls, TlsConfig):
        return settings.tls, settings.host
    context = await asyncio.get_running_loop().run_in_executor(None, settings.tls.requestor_context)
    return context, settings.tls.name_to_check(settings.host)


async def _wait(step: Wait) -> bool:
    carrier = step.session.shell
    assert isinstance(carrier, Carrier)
    return await carrier.wait(step)


async def _work(step: Work) -> Any:
    """In a storage thread of the loop, so that a disk that stands still stops nobody else."""
    loop = asyncio.get_running_loop()
    future: asyncio.Future[Any] = loop.create_future()

    def tell(result: Any, error: Exception | None) -> None:
        if future.cancelled():
            _close(result)
        elif error is not None:
            future.set_exception(error)
        else:
            future.set_result(result)

    _in_thread(step.function, tell)
    try:
        return await future
    except asyncio.CancelledError:
        if (
            future.done() and not future.cancelled() and future.exception() is None
        ):  # cancelled when it was there already
            _close(future.result())
        raise


def _in_thread(function: Callable[[], T], then: Callable[[T | None, Exception | None], object]) -> None:
    """Calls a function in a storage thread, and then another one on the loop."""
    loop = asyncio.get_running_loop()

    def job() -> None:
        result, error = None, None
        try:
            result = function()
        except Exception as failure:  # noqa: BLE001 (whatever it is, who waits has to hear of it)
            error = failure
        loop.call_soon_threadsafe(then, result, error)

    hub().workers.submit(job)


def _close(result: Any) -> None:
    """Whoever has asked for it has left: what holds something of the system gives it back."""
    if hasattr(result, "close"):
        result.close()


async def _connect(step: Connect) -> Session:
    return await open_session(step.settings, step.provider)


async def _pause(step: Pause) -> None:
    await asyncio.sleep(step.seconds)


async def _watch(step: Watch) -> bool:
    loop = asyncio.get_running_loop()
    happened = asyncio.Event()
    key = step.signal.watch(lambda: loop.call_soon_threadsafe(happened.set))
    try:
        async with asyncio.timeout(step.timeout):
            while not step.until():
                happened.clear()
                await happened.wait()
    except TimeoutError:
        pass
    finally:
        step.signal.forget(key)
    return step.until()


async def _together(step: Together) -> list[Any]:
    return await asyncio.gather(*(perform(script) for script in step.scripts), return_exceptions=True)


LINGER = 2.0
"""Seconds for the peer to close after an association has failed; a program that gives up should not wait for the ARTIM time."""

_PERFORM: dict[type[Any], Callable[[Any], Any]] = {
    Wait: _wait,
    Work: _work,
    Connect: _connect,
    Pause: _pause,
    Watch: _watch,
    Together: _together,
}
