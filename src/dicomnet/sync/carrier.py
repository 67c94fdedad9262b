"""Carries sessions over wires, and performs the steps of their scripts in the thread that calls."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, TypeVar

from dicomnet.dimse.endpoint import Endpoint
from dicomnet.errors import AssociationAborted
from dicomnet.exchanges.ledger import Ledger
from dicomnet.exchanges.session import Provider, Session
from dicomnet.exchanges.settings import Settings
from dicomnet.exchanges.steps import Connect, Pause, Script, Step, Together, Wait, Watch, Work
from dicomnet.sockets import SocketOptions
from dicomnet.storage.destination import Places
from dicomnet.sync.connect import open_wire
from dicomnet.sync.wire import Wire
from dicomnet.types import UID

if TYPE_CHECKING:
    import ssl

    from dicomnet.tls import TlsFacts

T = TypeVar("T")


class Carrier(Places):
    """The shell of one session: `exchanges.session.Shell` on a wire. Bytes move while a script waits, and only then."""

    def __init__(self, session: Session) -> None:
        self.session = session
        session.shell = self
        self.wire: Wire | None = None

    @property
    def tls(self) -> TlsFacts | None:
        """The facts of the secure link, while it stands."""
        link = None if self.wire is None else self.wire.ssl_object
        if link is None:
            return None
        from dicomnet.tls import tls_facts

        return tls_facts(link)

    def now(self) -> float:
        return time.monotonic() if self.wire is None else self.wire.now()

    def flush(self) -> None:
        if self.wire is not None:
            self.wire.flush()

    def changed(self) -> None:
        """Whoever waits asks after every turn of the wire anyway."""

    def wake_soon(self) -> None:
        if self.wire is not None:
            self.wire.call_soon(self.changed)

    def work(self, function: Callable[[], T], then: Callable[[T | None, Exception | None], object]) -> None:
        """In this thread: there is nobody else to be stopped."""
        result, error = None, None
        try:
            result = function()
        except Exception as failure:  # noqa: BLE001 (whatever it is, who waits has to hear of it)
            error = failure
        then(result, error)

    def new_uid(self) -> UID:
        import uuid

        return UID(f"2.25.{uuid.uuid4().int}")

    def pause(self, reason: str) -> None:
        """Nobody reads between calls, and a call reads only as far as it needs to."""

    def resume(self, reason: str) -> None:
        """See `pause`."""

    def abort(self, source: int, reason: int) -> None:  # noqa: ARG002 (as the user of the service: 0, which has no reasons)
        if self.wire is not None:
            self.wire.abort()

    def abort_from_anywhere(self) -> None:
        """Ends the association from any thread; the one that is in a call is told."""
        session = self.session
        if not session.over:
            session.aborting = session.aborting or AssociationAborted(0, 0, by_peer=False)
        if self.wire is not None:
            self.wire.abort()

    def wait(self, step: Wait) -> bool:
        """Performs a `Wait`."""
        session, until = self.session, step.until
        assert self.wire is not None
        session.begin_waiting()
        try:
            if step.to_the_end:
                self.wire.run(lambda: until() or session.closed_down, step.timeout)
            else:
                self.wire.run(lambda: until() or session.over, step.timeout)
        finally:
            session.end_waiting()
        if session.over and session.error is not None and not session.closed_down:
            self.wire.abort()  # nobody may come again to see the connection to its end
        return until()


def perform(script: Script[T]) -> T:
    """Runs a script to its end and returns its result, or raises its error.

    Ctrl-C leaves the script where it is; see `exchanges.steps`.
    """
    result: Any = None
    error: Exception | None = None
    try:
        while True:
            step: Step = script.send(result) if error is None else script.throw(error)
            result = error = None
            try:
                result = _PERFORM[type(step)](step)
            except Exception as failure:  # noqa: BLE001 (whatever it is, the script has to hear of it)
                error = failure
    except StopIteration as stop:
        value: T = stop.value
        return value
    finally:
        script.close()


def open_session(settings: Settings, provider: Provider | None = None) -> Session:
    """Opens a connection, with TLS if the settings say so; the association is still to be asked for.

    Raises:
        ConnectFailed: nobody answers there.
        TlsFailed: somebody does, but there is no secure link.
    """
    ledger = Ledger(os.urandom(2).hex(), time.monotonic())
    ledger.peer = settings.host
    core = Endpoint(requestor=True, limits=settings.limits, timeouts=settings.timeouts, label=ledger.id)
    session = Session(core, ledger, provider=provider, tolerance=settings.tolerance)
    carrier = Carrier(session)
    context, name = _tls(settings)
    carrier.wire = open_wire(
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


def _tls(settings: Settings) -> tuple[ssl.SSLContext | None, str | None]:
    """The context and the name to check."""
    if settings.tls is None:
        return None, None
    from dicomnet.tls import TlsConfig

    if not isinstance(settings.tls, TlsConfig):
        return settings.tls, settings.host
    return settings.tls.requestor_context(), settings.tls.name_to_check(settings.host)


def _wait(step: Wait) -> bool:
    carrier = step.session.shell
    assert isinstance(carrier, Carrier)
    return carrier.wait(step)


def _work(step: Work) -> Any:
    return step.function()


def _connect(step: Connect) -> Session:
    return open_session(step.settings, step.provider)


def _pause(step: Pause) -> None:
    time.sleep(step.seconds)


def _watch(step: Watch) -> bool:
    happened = threading.Condition()

    def tell() -> None:
        with happened:
            happened.notify_all()

    key = step.signal.watch(tell)
    try:
        with happened:
            happened.wait_for(step.until, step.timeout)
    finally:
        step.signal.forget(key)
    return step.until()


def _together(step: Together) -> list[Any]:
    """A thread for each script but the first, which has this one."""
    results: list[Any] = [None] * len(step.scripts)

    def run(index: int) -> None:
        try:
            results[index] = perform(step.scripts[index])
        except Exception as error:  # noqa: BLE001 (told to whoever asked for it)
            results[index] = error
        except BaseException as error:
            if index == 0:
                raise
            results[index] = error

    threads: list[threading.Thread] = []
    try:
        for index in range(1, len(results)):
            thread = threading.Thread(target=run, args=(index,), daemon=True)
            thread.start()
            threads.append(thread)
        run(0)
        for thread in threads:
            thread.join()
    except BaseException:
        step.interrupt()
        for thread in threads:
            thread.join()
        raise
    for result in results:
        if isinstance(result, BaseException) and not isinstance(result, Exception):
            raise result  # a callback has asked to stop in another thread
    return results


_PERFORM: dict[type[Any], Callable[[Any], Any]] = {
    Wait: _wait,
    Work: _work,
    Connect: _connect,
    Pause: _pause,
    Watch: _watch,
    Together: _together,
}
