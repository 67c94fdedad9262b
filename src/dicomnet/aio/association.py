"""Associations on an event loop, as the requestor; `dicomnet.sync.association` is the same without one."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

from dicomnet.aio.carrier import Carrier, perform, work
from dicomnet.aio.provider import provider_for
from dicomnet.dimse.status import Status
from dicomnet.errors import StateError
from dicomnet.exchanges.calls import Answer, Attributes
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.reports import CommitReport, Progress, Retrieved, RetrieveReport, StoreReport, StoreResult
from dicomnet.exchanges.requestor import Requestor, merged_keys, wanted_for_retrieve
from dicomnet.exchanges.session import Session
from dicomnet.exchanges.settings import Settings, settings_for
from dicomnet.exchanges.steps import Script
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Limits, Timeouts
from dicomnet.pdu import CommonExtendedNegotiation, ExtendedNegotiation, RoleSelection, UserIdentity
from dicomnet.sockets import SocketOptions
from dicomnet.storage.instances import Instances
from dicomnet.storage.proposals import proposals
from dicomnet.types import Address, Priority
from dicomnet.ul.negotiation import Context, Terms

if TYPE_CHECKING:
    import ssl

    from pydicom import Dataset

    from dicomnet.exchanges.matches import Match
    from dicomnet.tls import TlsConfig, TlsFacts

T = TypeVar("T")


def associate(
    address: str | Address,
    *,
    aet: str | None = None,
    contexts: Iterable[Any] = ("verification",),
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
) -> Association:
    """An association to be opened by ``async with`` or ``await``; arguments and errors as for `dicomnet.sync.associate`.

    With ``async with`` it is released at the end, and aborted if an exception
    leaves the block. Handlers may be ``async def``; plain functions run in
    threads.
    """
    settings = settings_for(
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
    return Association(settings, contexts, handlers)


class Association:
    """One association with a peer, on the running loop; made by `associate`.

    Its methods may be called by several tasks; beyond the negotiated window
    their requests wait for each other.
    """

    def __init__(
        self,
        settings: Settings,
        contexts: Iterable[Any],
        handlers: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        self.settings = settings
        self._contexts = contexts
        self._handlers = handlers
        self._requestor: Requestor | None = None

    def __repr__(self) -> str:
        return f"<Association {self.settings.calling_ae} -> {self.settings.address}>"

    def __await__(self) -> Generator[Any, None, Self]:
        return self._opened().__await__()

    async def __aenter__(self) -> Self:
        return await self._opened()

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            await self.release()
        else:
            self.abort()
            await self._gone()

    # What was agreed on.

    @property
    def id(self) -> str:
        """Names the association in the log."""
        return self._session.id

    @property
    def is_established(self) -> bool:
        """Whether it stands: accepted, and neither released nor aborted by anybody."""
        return self._requestor is not None and self._requestor.established

    @property
    def terms(self) -> Terms:
        """What both sides agreed on: contexts, roles, maximum length, window."""
        return self._session.check()

    @property
    def contexts(self) -> tuple[Context, ...]:
        """The presentation contexts that the peer has accepted; see `dicomnet.sync.Association.contexts`."""
        return self._open.contexts

    @property
    def is_secure(self) -> bool:
        """Whether it is over TLS."""
        return self.settings.tls is not None

    @property
    def tls(self) -> TlsFacts | None:
        """The facts of the secure link: version, suite, and the peer's certificate; None on a plain one, and after its end."""
        return cast("Carrier", self._session.shell).tls

    @property
    def calling_ae(self) -> str:
        return self.settings.calling_ae

    @property
    def called_ae(self) -> str:
        return self.settings.called_ae

    # Operations.

    async def echo(self) -> Status:
        """Asks whether the peer is there; see `dicomnet.sync.Association.echo`."""
        return await self._perform(self._open.echo())

    async def store(
        self,
        what: Any,
        *,
        window: int | None = None,
        priority: int = Priority.MEDIUM,
        decode: bool = False,
        progress: Callable[[Progress], object] | None = None,
        on_result: Callable[[StoreResult], object] | None = None,
        stop: Callable[[], bool] | None = None,
        check: bool = True,
    ) -> StoreReport:
        """Stores instances; see `dicomnet.sync.Association.store`."""
        source = await work(lambda: Instances(what))
        script = self._open.store(
            source, window=window, priority=priority, decode=decode, progress=progress, on_result=on_result, stop=stop
        )
        report = await self._perform(script)
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
    ) -> Matches:
        """Queries; the matches are read with ``async for``. See `dicomnet.sync.Association.find`."""
        merged = merged_keys(identifier, keys)
        return Matches(
            self._open.find(what, merged, model=model, returning=returning, charset=charset, priority=priority)
        )

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
        """Retrieves instances over this association; see `dicomnet.sync.Association.get`."""
        script = self._open.get(
            destination,
            merged_keys(identifier, keys),
            model=model,
            level=level,
            on_instance=on_instance,
            progress=progress,
            stop=stop,
            priority=priority,
        )
        report = await self._perform(script)
        return report.check() if check else report

    async def move(
        self,
        to: str,
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
        """Has the peer send instances to another application entity; see `dicomnet.sync.Association.move`."""
        script = self._open.move(
            to,
            merged_keys(identifier, keys),
            model=model,
            level=level,
            progress=progress,
            stop=stop,
            priority=priority,
        )
        report = await self._perform(script)
        return report.check() if check else report

    async def commit(self, instances: Any, *, timeout: float | None = None, check: bool = True) -> CommitReport:
        """Asks the peer to commit itself to keeping instances; see `dicomnet.sync.Association.commit`."""
        timeout = self.settings.timeouts.commitment if timeout is None else timeout
        report = await self._perform(self._open.commit(instances, timeout=timeout))
        return report.check() if check else report

    async def n_create(
        self, sop_class: str, dataset: Attributes | None = None, *, instance: str | None = None
    ) -> Answer:
        """See `dicomnet.sync.Association.n_create`."""
        return await self._perform(self._open.n_create(sop_class, instance, dataset))

    async def n_set(self, sop_class: str, instance: str, dataset: Attributes) -> Answer:
        """See `dicomnet.sync.Association.n_set`."""
        return await self._perform(self._open.n_set(sop_class, instance, dataset))

    async def n_get(self, sop_class: str, instance: str, attributes: Iterable[str | int] = ()) -> Answer:
        """See `dicomnet.sync.Association.n_get`."""
        return await self._perform(self._open.n_get(sop_class, instance, attributes))

    async def n_action(
        self, sop_class: str, instance: str, action_type: int, dataset: Attributes | None = None
    ) -> Answer:
        """See `dicomnet.sync.Association.n_action`."""
        return await self._perform(self._open.n_action(sop_class, instance, action_type, dataset))

    async def n_delete(self, sop_class: str, instance: str) -> Answer:
        """See `dicomnet.sync.Association.n_delete`."""
        return await self._perform(self._open.n_delete(sop_class, instance))

    async def n_event_report(
        self, sop_class: str, instance: str, event_type: int, dataset: Attributes | None = None
    ) -> Answer:
        """See `dicomnet.sync.Association.n_event_report`."""
        return await self._perform(self._open.n_event_report(sop_class, instance, event_type, dataset))

    async def wait(self, timeout: float | None = None) -> bool:
        """Waits until the peer ends the association; see `dicomnet.sync.Association.wait`."""
        return await self._perform(self._open.wait(timeout))

    async def release(self) -> None:
        """Ends the association in order; see `dicomnet.sync.Association.release`."""
        if self._requestor is not None:
            await self._perform(self._requestor.release())
            await self._gone()

    def abort(self) -> None:
        """Ends the association at once; see `dicomnet.sync.Association.abort`."""
        if self._requestor is not None:
            self._requestor.abort()

    # How.

    @property
    def _open(self) -> Requestor:
        if self._requestor is None:
            raise StateError("the association is not open: use 'async with' or 'await'")
        return self._requestor

    @property
    def _session(self) -> Session:
        return self._open.session

    async def _opened(self) -> Self:
        if self._requestor is None:
            wanted, flexible = await work(lambda: proposals(self._contexts))
            self._requestor = Requestor(
                self.settings, wanted_for_retrieve(wanted), flexible=flexible, provider=provider_for(self._handlers)
            )
            try:
                await self._perform(self._requestor.open())
            except BaseException:
                self._requestor = None
                raise
        return self

    async def _gone(self) -> None:
        """The transports follow, which takes a moment."""
        for session in self._requestor.standing if self._requestor is not None else ():
            carrier = session.shell
            assert isinstance(carrier, Carrier)
            await carrier.gone()

    async def _perform(self, script: Script[T]) -> T:
        return await perform(script)


class Matches:
    """The matches of a query, read with ``async for``; the query is sent when the first one is asked for.

    A loop may be left at any time: the next operation of the association
    cancels what is left. ``async with`` does so at once.
    """

    def __init__(self, begin: Script[Find]) -> None:
        self._begin: Script[Find] | None = begin
        self._find: Find | None = None

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> Match:
        find = await self._started()
        match = await perform(find.next())
        if match is None:
            raise StopAsyncIteration
        return match

    async def __aenter__(self) -> Self:
        if self._begin is not None:
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

    async def _started(self) -> Find:
        if self._find is None:
            if self._begin is None:
                raise StopAsyncIteration
            begin, self._begin = self._begin, None
            self._find = await perform(begin)
        return self._find
