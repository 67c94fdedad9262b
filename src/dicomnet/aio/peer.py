"""One remote application entity on an event loop; `dicomnet.sync.peer` is the same for blocking programs."""

from __future__ import annotations

import asyncio
import logging
import os
import weakref
from collections.abc import Callable, Iterable, Mapping
from contextlib import suppress
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dicomnet.aio.carrier import Carrier, perform, work
from dicomnet.aio.provider import provider_for
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError
from dicomnet.exchanges.calls import Answer, Attributes
from dicomnet.exchanges.fetching import Host
from dicomnet.exchanges.peers import Remote, RemoteFind
from dicomnet.exchanges.reports import CommitReport, Progress, Retrieved, RetrieveReport, StoreReport, StoreResult
from dicomnet.exchanges.requestor import merged_keys
from dicomnet.exchanges.settings import settings_for
from dicomnet.exchanges.steps import Script
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.exchanges.values import several
from dicomnet.limits import Limits, Timeouts
from dicomnet.pdu import CommonExtendedNegotiation, ExtendedNegotiation, RoleSelection, UserIdentity
from dicomnet.sockets import SocketOptions
from dicomnet.storage.instances import Instances
from dicomnet.types import Address, Priority

if TYPE_CHECKING:
    import ssl

    from pydicom import Dataset

    from dicomnet.exchanges.matches import Match
    from dicomnet.tls import TlsConfig

log = logging.getLogger("dicomnet.association")


class Peer:
    """A remote application entity, and what can be asked of it; arguments as for `dicomnet.sync.Peer`.

    Within an ``async with`` block associations are kept for the next operation
    and released at its end; without one, each operation has its own. Several
    tasks may use it, each of which gets an association of its own.
    """

    def __init__(
        self,
        address: str | Address,
        *,
        aet: str | None = None,
        tls: TlsConfig | ssl.SSLContext | None = None,
        user_identity: UserIdentity | None = None,
        roles: Mapping[str, str] | Iterable[RoleSelection] = (),
        extended: Mapping[str, bytes] | Iterable[ExtendedNegotiation] = (),
        common_extended: Iterable[CommonExtendedNegotiation] = (),
        window: int | tuple[int, int] | None = None,
        max_pdu_length: int | None = None,
        timeouts: Timeouts | None = None,
        limits: Limits | None = None,
        tolerance: Tolerance | None = None,
        handlers: Mapping[str, Callable[..., Any]] | None = None,
        local: tuple[str, int] | None = None,
        socket_options: SocketOptions | None = None,
        server: Host | None = None,
    ) -> None:
        self.settings = settings_for(
            address,
            aet=aet,
            tls=tls,
            user_identity=user_identity,
            roles=roles,
            extended=extended,
            common_extended=common_extended,
            window=window,
            max_pdu_length=max_pdu_length,
            timeouts=timeouts,
            limits=limits,
            tolerance=tolerance,
            local=local,
            socket_options=socket_options,
        )
        self._remote = Remote(self.settings, keep=False, host=server, provider=provider_for(handlers))
        self._entered = 0

    def __repr__(self) -> str:
        return f"<Peer {self.settings.address}>"

    async def __aenter__(self) -> Self:
        self._entered += 1
        self._remote.keep = True
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self._entered -= 1
        if self._entered:
            return
        self._remote.keep = False
        if error is None or isinstance(error, Exception):
            await self.close()
        else:
            await self._abort()

    async def close(self) -> None:
        """Releases the associations that are kept, and those in use when they are given back.

        Within an ``async with`` block a next operation opens one anew. A cancellation aborts what is not released by then.
        """
        try:
            await perform(self._remote.drop())
        except BaseException:
            await self._abort()
            raise

    async def echo(self) -> Status:
        """Asks whether the peer is there; see `dicomnet.sync.Association.echo`."""
        return await perform(self._remote.echo())

    async def store(
        self,
        what: Any,
        *,
        associations: int | str = 1,
        window: int | None = None,
        priority: int = Priority.MEDIUM,
        decode: bool = False,
        progress: Callable[[Progress], object] | None = None,
        on_result: Callable[[StoreResult], object] | None = None,
        stop: Callable[[], bool] | None = None,
        check: bool = True,
    ) -> StoreReport:
        """Stores instances with the peer; see `dicomnet.sync.Peer.store`."""
        script = self._remote.store(
            await work(lambda: Instances(what)),
            associations=associations,
            window=window,
            priority=priority,
            decode=decode,
            progress=progress,
            on_result=on_result,
            stop=stop,
        )
        report = await perform(script)
        return report.check() if check else report

    def find(
        self,
        what: str = "STUDY",
        identifier: Mapping[Any, object] | Dataset | None = None,
        *,
        model: str | None = None,
        returning: Iterable[str | int] = (),
        charset: str | None = None,
        priority: int = Priority.MEDIUM,
        **keys: object,
    ) -> PeerMatches:
        """Queries the peer; the matches are read with ``async for``. See `dicomnet.sync.Association.find`."""
        merged = merged_keys(identifier, keys)
        script = self._remote.find(what, merged, model=model, returning=returning, charset=charset, priority=priority)
        return PeerMatches(script)

    async def get(
        self,
        destination: Any = None,
        identifier: Mapping[Any, object] | Dataset | None = None,
        *,
        model: str = "study-root",
        level: str | None = None,
        on_instance: Callable[[Retrieved], object] | None = None,
        progress: Callable[[RetrieveReport], object] | None = None,
        stop: Callable[[], bool] | None = None,
        priority: int = Priority.MEDIUM,
        check: bool = True,
        **keys: object,
    ) -> RetrieveReport:
        """Retrieves instances over an association of ours; see `dicomnet.sync.Peer.get`."""
        script = self._remote.get(
            destination,
            merged_keys(identifier, keys),
            model=model,
            level=level,
            on_instance=on_instance,
            progress=progress,
            stop=stop,
            priority=priority,
        )
        report = await perform(script)
        return report.check() if check else report

    async def move(
        self,
        to: Any,
        identifier: Mapping[Any, object] | Dataset | None = None,
        *,
        model: str = "study-root",
        level: str | None = None,
        progress: Callable[[RetrieveReport], object] | None = None,
        stop: Callable[[], bool] | None = None,
        priority: int = Priority.MEDIUM,
        check: bool = True,
        **keys: object,
    ) -> RetrieveReport:
        """Has the peer send instances somewhere; see `dicomnet.sync.Peer.move`."""
        here = isinstance(to, os.PathLike) or callable(to) or (isinstance(to, str) and ("/" in to or os.sep in to))
        script = self._remote.move(
            to,
            merged_keys(identifier, keys),
            model=model,
            level=level,
            here=here,
            progress=progress,
            stop=stop,
            priority=priority,
        )
        report = await perform(script)
        return report.check() if check else report

    async def commit(self, instances: Any, *, timeout: float | None = None, check: bool = True) -> CommitReport:
        """Asks the peer to commit itself to keeping instances; see `dicomnet.sync.Peer.commit`."""
        timeout = self.settings.timeouts.commitment if timeout is None else timeout
        report = await perform(self._remote.commit(instances, timeout=timeout))
        return report.check() if check else report

    async def n_create(
        self, sop_class: str, dataset: Attributes | None = None, *, instance: str | None = None
    ) -> Answer:
        """See `dicomnet.sync.Association.n_create`."""
        return await perform(self._remote.n_call(sop_class, lambda line: line.n_create(sop_class, instance, dataset)))

    async def n_set(self, sop_class: str, instance: str, dataset: Attributes) -> Answer:
        """See `dicomnet.sync.Association.n_set`."""
        return await perform(self._remote.n_call(sop_class, lambda line: line.n_set(sop_class, instance, dataset)))

    async def n_get(self, sop_class: str, instance: str, attributes: Iterable[str | int] = ()) -> Answer:
        """See `dicomnet.sync.Association.n_get`."""
        wanted = several(attributes)
        return await perform(
            self._remote.n_call(sop_class, lambda line: line.n_get(sop_class, instance, wanted), idempotent=True)
        )

    async def n_action(
        self, sop_class: str, instance: str, action_type: int, dataset: Attributes | None = None
    ) -> Answer:
        """See `dicomnet.sync.Association.n_action`."""
        return await perform(
            self._remote.n_call(sop_class, lambda line: line.n_action(sop_class, instance, action_type, dataset))
        )

    async def n_delete(self, sop_class: str, instance: str) -> Answer:
        """See `dicomnet.sync.Association.n_delete`."""
        return await perform(self._remote.n_call(sop_class, lambda line: line.n_delete(sop_class, instance)))

    async def n_event_report(
        self, sop_class: str, instance: str, event_type: int, dataset: Attributes | None = None
    ) -> Answer:
        """See `dicomnet.sync.Association.n_event_report`; the SCP role is offered."""
        return await perform(
            self._remote.n_call(
                sop_class, lambda line: line.n_event_report(sop_class, instance, event_type, dataset), scp=True
            )
        )

    async def _abort(self) -> None:
        for session in self._remote.abort():
            carrier = session.shell
            assert isinstance(carrier, Carrier)
            await carrier.gone()


class PeerMatches:
    """The matches of a query of a `Peer`, read with ``async for``; a loop may be left at any time."""

    def __init__(self, begin: Script[RemoteFind]) -> None:
        self._begin: Script[RemoteFind] | None = begin
        self._find: RemoteFind | None = None
        self._abandon: weakref.finalize[Any, Any] | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Match:
        find = await self._started()
        match = None if find is None else await perform(find.next())
        if match is None:
            raise StopAsyncIteration
        return match

    async def __aenter__(self) -> Self:
        await self._started()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Wants no more matches; cancels the query if it is not over."""
        if self._find is not None:
            await perform(self._find.close())
        elif self._begin is not None:
            self._begin.close()
            self._begin = None

    async def all(self) -> list[Match]:
        """The matches that are left, as a list."""
        return [match async for match in self]

    @property
    def status(self) -> Status | None:
        """The final status of the peer, once all matches were read."""
        return None if self._find is None else self._find.status

    async def _started(self) -> RemoteFind | None:
        if self._find is None and self._begin is not None:
            begin, self._begin = self._begin, None
            self._find = await perform(begin)
            self._abandon = weakref.finalize(self, _abandon, self._find, asyncio.get_running_loop())
            self._abandon.atexit = False
        return self._find


def _abandon(find: RemoteFind, loop: asyncio.AbstractEventLoop) -> None:
    """A loop was left early: whoever uses the association next settles that; if nobody will, a task does now."""
    if find.is_kept:
        find.abandon()
        return
    with suppress(RuntimeError):  # the loop is closed, and everything on it
        loop.call_soon_threadsafe(_start_closing, find, loop)  # the collector may call this in any thread


def _start_closing(find: RemoteFind, loop: asyncio.AbstractEventLoop) -> None:
    task = loop.create_task(_close(find), name="dicomnet query left early")
    _closing.add(task)
    task.add_done_callback(_closing.discard)


async def _close(find: RemoteFind) -> None:
    try:
        await perform(find.close())
    except DicomNetError as error:
        log.info("a query that was left early did not end well: %s", error)


_closing: set[asyncio.Task[None]] = set()
"""A loop holds its tasks weakly only."""
