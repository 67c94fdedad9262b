"""One remote application entity for blocking programs; `dicomnet.aio.peer` is the same on an event loop."""

from __future__ import annotations

import _thread
import logging
import os
import threading
import weakref
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self

from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError
from dicomnet.exchanges.calls import Answer, Attributes
from dicomnet.exchanges.fetching import Host
from dicomnet.exchanges.peers import Remote, RemoteFind
from dicomnet.exchanges.reports import CommitReport, Progress, Retrieved, RetrieveReport, StoreReport, StoreResult
from dicomnet.exchanges.requestor import merged_keys
from dicomnet.exchanges.settings import settings_for
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.exchanges.values import several
from dicomnet.limits import Limits, Timeouts
from dicomnet.pdu import CommonExtendedNegotiation, ExtendedNegotiation, RoleSelection, UserIdentity
from dicomnet.sockets import SocketOptions
from dicomnet.sync.carrier import perform
from dicomnet.sync.provider import provider_for
from dicomnet.types import Address, Priority

if TYPE_CHECKING:
    import ssl

    from pydicom import Dataset

    from dicomnet.exchanges.matches import Match
    from dicomnet.tls import TlsConfig

log = logging.getLogger("dicomnet.association")


class Peer:
    """A remote application entity, and what can be asked of it.

    Presentation contexts and roles are chosen for each operation. Within a
    ``with`` block associations are kept for the next operation and released at
    its end; without one, each operation has its own. One that lacks a context
    that is needed next is released before another one is opened. Several
    threads may use a peer; each gets an association of its own.

    An idempotent request is repeated once if the peer had closed the kept
    association meanwhile.

    Args:
        address: ``AET@host:port``.
        aet: our own AE title.
        window: operations outstanding at a time, if the peer agrees (PS3.7 D.3.3.3); without it one.
        server: a `Server` of ours, for `move` to a folder and for commitment results on associations of the peer's.

    The others are those of `associate`.
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
        self._lock = threading.Lock()

    def __repr__(self) -> str:
        return f"<Peer {self.settings.address}>"

    def __enter__(self) -> Self:
        with self._lock:
            self._entered += 1
            self._remote.keep = True
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        with self._lock:
            self._entered -= 1
            last = not self._entered
            self._remote.keep = not last
        if not last:
            return
        if error is None or isinstance(error, Exception):
            self.close()
        else:
            self._remote.abort()

    def close(self) -> None:
        """Releases the associations that are kept, and those in use when they are given back.

        Within a ``with`` block a next operation opens one anew. Ctrl-C aborts what is not released by then.
        """
        try:
            perform(self._remote.drop())
        except BaseException:
            self._remote.abort()
            raise

    def echo(self) -> Status:
        """Asks whether the peer is there; see `Association.echo`."""
        return perform(self._remote.echo())

    def store(
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
        """Stores instances with the peer; see `Association.store`.

        If the association is lost, another one goes on; what was in flight then
        is ``UNKNOWN`` in the report, for the peer may have it or not.

        Args:
            associations: how many to spread them over; ``"auto"`` takes several where the peer performs only one operation
                at a time. Callbacks are then called from several threads.
        """
        from dicomnet.storage.instances import Instances

        script = self._remote.store(
            Instances(what),
            associations=associations,
            window=window,
            priority=priority,
            decode=decode,
            progress=progress,
            on_result=on_result,
            stop=stop,
        )
        report = perform(script)
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
        """Queries the peer; see `Association.find`."""
        merged = merged_keys(identifier, keys)
        script = self._remote.find(what, merged, model=model, returning=returning, charset=charset, priority=priority)
        return PeerMatches(perform(script))

    def get(
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
        """Retrieves instances over an association of ours; see `Association.get`.

        Queries find out which instances a study has, and resolve keys that are
        not unique, such as an accession number.
        """
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
        report = perform(script)
        return report.check() if check else report

    def move(
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
        """Has the peer send instances somewhere; see `Association.move`.

        Args:
            to: the AE title of the receiver; or, for a peer that has a server of ours, a folder: then the peer is told to
                send them to that server. A path is told from a title by a separator, or by being a ``Path``.

        Raises:
            NothingArrived: the peer reports success, but nothing came to our server.
            PartialFailure: also if the association ended when something had come to our server; ``report.error`` says why.
        """
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
        report = perform(script)
        return report.check() if check else report

    def commit(self, instances: Any, *, timeout: float | None = None, check: bool = True) -> CommitReport:
        """Asks the peer to commit itself to keeping instances; see `Association.commit`.

        With a server of ours the answer may come on an association of the peer's.
        """
        timeout = self.settings.timeouts.commitment if timeout is None else timeout
        report = perform(self._remote.commit(instances, timeout=timeout))
        return report.check() if check else report

    def n_create(self, sop_class: str, dataset: Attributes | None = None, *, instance: str | None = None) -> Answer:
        """See `Association.n_create`."""
        return perform(self._remote.n_call(sop_class, lambda line: line.n_create(sop_class, instance, dataset)))

    def n_set(self, sop_class: str, instance: str, dataset: Attributes) -> Answer:
        """See `Association.n_set`."""
        return perform(self._remote.n_call(sop_class, lambda line: line.n_set(sop_class, instance, dataset)))

    def n_get(self, sop_class: str, instance: str, attributes: Iterable[str | int] = ()) -> Answer:
        """See `Association.n_get`."""
        wanted = several(attributes)
        return perform(
            self._remote.n_call(sop_class, lambda line: line.n_get(sop_class, instance, wanted), idempotent=True)
        )

    def n_action(self, sop_class: str, instance: str, action_type: int, dataset: Attributes | None = None) -> Answer:
        """See `Association.n_action`."""
        return perform(
            self._remote.n_call(sop_class, lambda line: line.n_action(sop_class, instance, action_type, dataset))
        )

    def n_delete(self, sop_class: str, instance: str) -> Answer:
        """See `Association.n_delete`."""
        return perform(self._remote.n_call(sop_class, lambda line: line.n_delete(sop_class, instance)))

    def n_event_report(
        self, sop_class: str, instance: str, event_type: int, dataset: Attributes | None = None
    ) -> Answer:
        """See `Association.n_event_report`; the SCP role is offered."""
        return perform(
            self._remote.n_call(
                sop_class, lambda line: line.n_event_report(sop_class, instance, event_type, dataset), scp=True
            )
        )


class PeerMatches:
    """The matches of a query of a `Peer`, read by iterating; a loop may be left at any time."""

    def __init__(self, find: RemoteFind) -> None:
        self._find = find
        self._abandon = weakref.finalize(self, _abandon, find)
        self._abandon.atexit = False

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Match:
        match = perform(self._find.next())
        if match is None:
            raise StopIteration
        return match

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Wants no more matches; cancels the query if it is not over."""
        perform(self._find.close())

    def all(self) -> list[Match]:
        """The matches that are left, as a list."""
        return list(self)

    @property
    def status(self) -> Status | None:
        """The final status of the peer, once all matches were read."""
        return self._find.status


def _abandon(find: RemoteFind) -> None:
    """A loop was left early: whoever uses the association next settles that; if nobody will, a thread does now."""
    if find.is_kept:
        find.abandon()
        return
    try:
        # Not as a threading.Thread: the collector may call this in the middle of that module, whose lock would be held.
        _thread.start_new_thread(_start_closing, (find,))
    except RuntimeError:  # the program is ending, or has no thread to spare
        find.abandon()


def _start_closing(find: RemoteFind) -> None:
    threading.Thread(target=_close, args=(find,), name="dicomnet query left early", daemon=True).start()


def _close(find: RemoteFind) -> None:
    try:
        perform(find.close())
    except DicomNetError as error:
        log.info("a query that was left early did not end well: %s", error)
