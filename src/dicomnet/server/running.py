"""A server on a running loop: connections become sessions, and end with it."""

from __future__ import annotations

import asyncio
import logging
import socket
import threading
from collections.abc import Awaitable, Callable, Coroutine, Generator
from contextlib import suppress
from functools import partial
from inspect import isawaitable, iscoroutinefunction
from typing import Any

from dicomnet.aio.admission import TOO_MANY, Admission
from dicomnet.aio.carrier import perform
from dicomnet.aio.crew import Crew
from dicomnet.aio.door import Guest
from dicomnet.aio.handshakes import Handshakes
from dicomnet.aio.info import AssociationInfo, observed
from dicomnet.aio.listen import Listener
from dicomnet.aio.observe import Cause, ConnectionRefused, Observed, Observer, Observers, Refusal
from dicomnet.aio.provider import HandlerProvider
from dicomnet.aio.throttle import Throttle
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.calls import Answer
from dicomnet.exchanges.contexts import Wanted
from dicomnet.exchanges.requestor import Requestor, one_class
from dicomnet.exchanges.session import Provider, Session
from dicomnet.exchanges.settings import ANY_TITLE, Settings
from dicomnet.exchanges.steps import Script, Work
from dicomnet.networks import within
from dicomnet.pdu import AssociateAccept, AssociateRequest
from dicomnet.server.callers import Callers
from dicomnet.server.commitment import Commitments
from dicomnet.server.connection import Connection, Passed
from dicomnet.server.credentials import Contexts, Credentials
from dicomnet.server.entity import Entity
from dicomnet.server.policy import settings_at
from dicomnet.server.reception import Reception
from dicomnet.server.site import Entrance, Site
from dicomnet.types import UID, printable
from dicomnet.uids import ExplicitVRLittleEndian, ImplicitVRLittleEndian

log = logging.getLogger("dicomnet.server")


class Running:
    """From the start of a server to its end, on one loop.

    Args:
        site: what to serve.
        contexts: what `contexts_of` has made, if it was done before; else `prepare` does it.
    """

    def __init__(self, site: Site, contexts: Contexts | None = None) -> None:
        self.site = site
        self.transactions = site.transactions
        self.inboxes = site.inboxes
        self.commitments = Commitments(site.limits)
        self.stopping = False
        """Whether no more connections are accepted."""
        self.loop = asyncio.get_running_loop()
        self.thread = threading.get_ident()
        """Whose loop it is."""
        self._crew = Crew(site.handler_threads)
        self._admission = Admission(site.limits, tell=self._tell_dropped, clock=self.loop.time)
        self.callers = Callers(site.limits.associations_per_ae)
        self.throttle = Throttle(site.limits.bytes_per_second)
        self.observers = Observers(site.observers)
        self.handshakes = Handshakes(site.limits.handshakes)
        self.credentials = Credentials(site, self._off_loop, contexts)
        self._listeners: list[tuple[Listener, bool]] = []
        """Each with whether its sockets are another's too."""
        self._connections: dict[Connection, None] = {}  # in order of arrival
        self._providers: dict[Entity, HandlerProvider] = {}
        self._tasks: set[asyncio.Task[Any]] = set()
        self._end: asyncio.Task[None] | None = None
        self._nobody_left = asyncio.Event()
        self._ending = asyncio.Event()
        self._hurry = asyncio.Event()
        self.over = asyncio.Event()
        """Set at the end of `stop`."""

    # Beginning and end.

    async def prepare(self) -> None:
        """Makes the TLS contexts, which reads files, off the loop.

        Raises:
            InvalidValue, TlsFailed: see `contexts_of`.
        """
        await self.credentials.prepare()

    async def renew(self) -> None:
        """Reads certificates anew, off the loop; raises `TlsFailed` if that cannot be done, and those in use stay."""
        await self._off_loop(self.credentials.renew)

    def listen(self) -> None:
        """Accepts from now on."""
        for entrance in self.site.entrances:
            take = partial(self.take, entrance)
            listener = Listener(entrance.sockets, take, self.site.socket_options)
            self._listeners.append((listener, entrance.shared))

    async def stop(self, grace: float) -> None:
        """Ends in order: nothing new is accepted, what runs is finished, and peers may release.

        Args:
            grace: seconds until the associations that are left are aborted; `hurry` makes it none. Of several calls
                the first one counts.
        """
        if self._end is None:
            self._end = self.loop.create_task(self._stop(grace), name="the server ends")
        await asyncio.shield(self._end)  # who does not want to wait any longer does not keep it from ending

    def hurry(self) -> None:
        """Whoever stops waits for nobody any more."""
        self._hurry.set()

    def start_task(self, work: Coroutine[Any, Any, Any]) -> None:
        """Runs something beside the associations; at the end of the server it has the same time as they have."""
        task = self.loop.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._task_done)

    async def pause(self, seconds: float) -> bool:
        """Lets time pass for such a task, unless the server comes to its end; whether it goes on."""
        with suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ending.wait()
        return not self.stopping

    # Connections.

    def take(
        self,
        entrance: Entrance,
        sock: socket.socket,
        host: str,
        port: int,
        *,
        passed_on: Passed | None = None,
    ) -> None:
        """Serves a connection that was accepted.

        Args:
            passed_on: what becomes of it where another process has accepted and counted it.
        """
        proxied = within(host, entrance.proxies)
        place = self._admission.enter(host, sock, proxied=proxied, rated=passed_on is None)
        if place is None:
            sock.close()
            if passed_on is not None:
                passed_on.gone()
            return
        if passed_on is not None and passed_on.refuse:
            place.refuse = TOO_MANY
        self.inboxes.connected()
        guest = Guest(sock, host, port, place, self.loop.time(), proxied=proxied)
        connection = Connection(self, entrance, guest, passed_on)
        place.drop = connection.drop
        self._connections[connection] = None
        self._nobody_left.clear()
        connection.begin()

    def gone(self, connection: Connection) -> None:
        """A connection is over."""
        if connection not in self._connections:
            return
        del self._connections[connection]
        connection.gone()
        if not self._connections:
            self._nobody_left.set()

    def _tell_dropped(self, host: str, why: str) -> None:
        self.observers.tell(
            ConnectionRefused(
                association="", calling_ae="", called_ae="", peer_address=(host, 0), cause=Cause.LIMIT, detail=why
            )
        )

    # For the reception and the handlers.

    def provider_of(self, entity: Entity) -> Provider:
        provider = self._providers.get(entity)
        if provider is None:
            entity.running = self
            provider = self._providers[entity] = HandlerProvider(
                entity.handlers,
                crew=self._crew,
                associate=_Decision,
                destinations=partial(self._destination, entity),
                associations_per_destination=self.site.destination_associations,
                observers=self.observers,
                layout_sink=entity.layout_sink,
                files=entity.files,
            )
        return provider

    def observe(self, function: Observer) -> None:
        """One more function is told from now on."""
        self.observers.add(function)

    def tell(self, session: Session, kind: Callable[..., Observed], **facts: Any) -> None:
        if self.observers:
            self.observers.tell(observed(AssociationInfo(session), kind, **facts))

    async def ask(self, function: Callable[..., Any], *arguments: Any) -> Any:
        """Calls a function of the user's: in a thread unless it is ``async``."""
        if iscoroutinefunction(function):
            return await function(*arguments)
        found = await self._off_loop(partial(function, *arguments))
        return await found if isawaitable(found) else found

    # Reports of our own.

    async def event_report(
        self, to: str, sop_class: str, instance: str, event_type: int, dataset: Any, *, aet: str | None = None
    ) -> Answer:
        """N-EVENT-REPORT on an association of our own, in the SCP role; arguments and errors as for `Server.event_report`."""
        main, uid = self.site.entities[0], one_class(sop_class)
        place = await main.rules.place_of(to, self.ask)
        if place is None and (":" in to or "@" in to):
            to, place = ANY_TITLE, to
        return await self._report(self._settings(to, place, aet or self.site.title), uid, instance, event_type, dataset)

    async def report_to_title(
        self, entity: Entity, title: str, sop_class: UID, instance: str, event_type: int, dataset: Any, *, aet: str
    ) -> Answer:
        """The same to a title of an entity's address book: to nowhere else, for a title is what a stranger says it is.

        Raises:
            InvalidValue: the title is not in the book.
        """
        place = await entity.rules.place_of(title, self.ask)
        return await self._report(self._settings(title, place, aet), sop_class, instance, event_type, dataset)

    async def _report(self, settings: Settings, sop_class: UID, instance: str, event_type: int, dataset: Any) -> Answer:
        wanted = Wanted(sop_class, (ExplicitVRLittleEndian, ImplicitVRLittleEndian), scu=False, scp=True)
        requestor = Requestor(settings, [wanted])
        try:
            await perform(requestor.open())
            answer = await perform(requestor.n_event_report(sop_class, instance, event_type, dataset))
            await perform(requestor.release())
        except BaseException:
            requestor.abort()
            raise
        return answer

    def _settings(self, title: str, place: Any, aet: str | None = None) -> Settings:
        """How to call a title at its place in the address book; raises `InvalidValue`."""
        if place is None:
            raise InvalidValue(f"{printable(title)} is not in the address book")
        site = self.site
        return settings_at(title, place, aet=aet, limits=site.limits, timeouts=site.timeouts, tolerance=site.tolerance)

    async def _destination(self, entity: Entity, title: str) -> Any:
        """How a C-MOVE calls where it sends to; None if the book does not have it."""
        place = await entity.rules.place_of(title, self.ask)
        return None if place is None else self._settings(title, place)

    # How.

    async def _stop(self, grace: float) -> None:
        self.stopping = True
        self._ending.set()
        for listener, shared in self._listeners:
            await listener.close(last=not shared)
        log.info("no more connections are accepted; %d are served to their end", len(self._connections))
        # Who has connected before the end is served; who has nothing to say does not hold it up.
        silence = self.loop.create_task(self._drop_silent(min(grace, FIRST_WORDS)))
        with suppress(TimeoutError):
            async with asyncio.timeout(grace):
                await self._until_nobody_is_left(self._hurry)
                await self._until_tasks_are_over()
        silence.cancel()
        for connection in list(self._connections):
            connection.abort()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_BYTES):
                await self._until_nobody_is_left()
        for connection in list(self._connections):
            connection.drop()
        with suppress(TimeoutError):
            async with asyncio.timeout(LAST_BYTES):
                await self._until_nobody_is_left()
        await self._end_tasks()
        await self.loop.run_in_executor(None, partial(self._crew.close, timeout=self._last_time))
        for entity, provider in self._providers.items():
            entity.running = None
            provider.close()
        for audit in self.site.audits:
            audit.stopped()
            await self.loop.run_in_executor(None, audit.close)
        self.site.running = None
        self.site.close_sockets()
        self.over.set()

    async def _drop_silent(self, after: float) -> None:
        # In steps: while this process did not run, time went by and nobody could be heard.
        for _ in range(_STEPS):
            await asyncio.sleep(after / _STEPS)
        for connection in list(self._connections):
            if not connection.has_asked:
                connection.drop()

    async def _until_nobody_is_left(self, or_else: asyncio.Event | None = None) -> None:
        if self._connections:
            await self._first(self._nobody_left.wait(), *(() if or_else is None else (or_else.wait(),)))

    async def _until_tasks_are_over(self) -> None:
        while self._tasks and not self._hurry.is_set():
            await self._first(asyncio.wait(self._tasks), self._hurry.wait())

    async def _first(self, *works: Coroutine[Any, Any, Any]) -> None:
        waits = [self.loop.create_task(one) for one in works]
        try:
            await asyncio.wait(waits, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for wait in waits:
                wait.cancel()

    @property
    def _last_time(self) -> float:
        return LAST_BYTES if self._hurry.is_set() else LAST_HANDLERS

    async def _end_tasks(self) -> None:
        if self._tasks and not self._hurry.is_set():  # one that is in the middle of a report may say goodbye
            await asyncio.wait(self._tasks, timeout=LAST_BYTES)
        for task in list(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _task_done(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            log.error("something of the server failed", exc_info=error)

    def _off_loop(self, function: Callable[[], Any]) -> Awaitable[Any]:
        """In a storage thread: there are enough of them, so that one that hangs keeps nobody else waiting."""
        return perform(_work(function))


class _Decision:
    """That of a reception, made when it is waited for: of a task that is cancelled before it begins nothing is left over."""

    def __init__(self, session: Session, request: AssociateRequest) -> None:
        self._session = session
        self._request = request

    def __await__(self) -> Generator[Any, None, AssociateAccept | Refusal]:
        reception = self._session.provider
        assert isinstance(reception, Reception)
        return reception.decide(self._session, self._request).__await__()


async def begin(site: Site) -> Running:
    """Serves on the running loop what the site has bound.

    Raises:
        InvalidValue, TlsFailed: see `contexts_of`.
    """
    running = Running(site)
    await running.prepare()
    site.running = running
    running.listen()
    site.tell_audits_of_start()
    return running


def _work(function: Callable[[], Any]) -> Script[Any]:
    return (yield Work(function))


FIRST_WORDS = 3.0
"""Seconds that who has connected just before the end gets to ask for an association."""

LAST_BYTES = 1.0
"""Seconds that an abort gets to reach the peer at the end."""

LAST_HANDLERS = 5.0
"""Seconds that handlers in threads get to return when every association is over."""

_STEPS = 12
"""Of the time for first words: a process that stood still has lost one of them, and not all of it."""
