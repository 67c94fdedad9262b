"""Associations that block, as the requestor; `dicomnet.aio.association` is the same on an event loop."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable, Mapping
from types import TracebackType
from typing import TYPE_CHECKING, Any, Self, TypeVar, cast

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
from dicomnet.storage.proposals import proposals
from dicomnet.sync.carrier import Carrier, perform
from dicomnet.sync.provider import provider_for
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
    """Opens an association with a peer, to be used in a ``with`` block.

    At the end of the block it is released; an exception that leaves the block
    aborts it.

    Args:
        address: ``AET@host:port``.
        aet: our own AE title, ``DICOMNET`` if none is given.
        contexts: what the association is for: names of services (``"verification"``, ``"study-root-find"``,
            ``"storage"``, ``"worklist"``, ``"mpps"``), keywords or UIDs of SOP classes, files and folders that are to
            be stored, or a `Wanted` context where it matters which transfer syntaxes are proposed for a class. More
            than 128 presentation contexts are split over several associations, which are opened when they are needed.
        tls: settings for a secure link, or an ``ssl.SSLContext``.
        user_identity: who asks (PS3.7 D.3.3.7); `Association.terms` has the answer, if one was asked for and given.
        roles: the role we want by service or SOP class, ``"scu"``, ``"scp"`` or ``"both"`` (PS3.7 D.3.3.4).
        extended: application information by service or SOP class (PS3.7 D.3.3.5); `Association.terms` has the answers.
        common_extended: service classes of private SOP classes (PS3.7 D.3.3.6).
        window: operations outstanding at a time, both ways or as invoked and performed (PS3.7 D.3.3.3); without it one.
        max_pdu_length: the largest PDU that we want to receive, in bytes.
        timeouts: how long each wait may last.
        limits: what we take from the peer.
        tolerance: what this peer may do against the standard.
        handlers: functions for requests of the peer, by operation: ``{"n-event-report": function}``.
        local: our own address and port to connect from.
        socket_options: how the socket is opened.

    Raises:
        ConnectFailed: nobody answers there.
        TlsFailed: somebody does, but there is no secure link.
        AssociationRejected: the peer does not want to; the error says why.
        ContextRefused: it accepts none of the presentation contexts.
        DicomTimeout: it does not answer in time.
        InvalidValue: an argument is not what it should be.
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
    association = Association(settings, contexts, handlers)
    association._begin()
    return association


class Association:
    """One association with a peer; made by `associate`.

    One thread at a time may use it, and others get a `StateError`; `abort` is
    for any thread. Between calls nobody reads: that the peer has aborted shows
    at the next call, and what it asks for is performed then, or in `wait`.
    """

    def __init__(
        self,
        settings: Settings,
        contexts: Iterable[Any],
        handlers: Mapping[str, Callable[..., Any]] | None = None,
    ) -> None:
        wanted, flexible = proposals(contexts)
        self.settings = settings
        self._requestor = Requestor(
            settings, wanted_for_retrieve(wanted), flexible=flexible, provider=provider_for(handlers)
        )
        self._in_use = threading.Lock()

    def __repr__(self) -> str:
        return f"<Association {self.settings.calling_ae} -> {self.settings.address}>"

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        if error is None:
            self.release()
        else:
            self.abort()

    # What was agreed on.

    @property
    def id(self) -> str:
        """Names the association in the log."""
        return self._session.id

    @property
    def is_established(self) -> bool:
        """Whether it stands, as far as the last call has told: accepted, and neither released nor aborted by anybody."""
        return self._requestor.established

    @property
    def terms(self) -> Terms:
        """What both sides agreed on: contexts, roles, maximum length, window, extended negotiation; raises if it is over."""
        return self._session.check()

    @property
    def contexts(self) -> tuple[Context, ...]:
        """The presentation contexts that the peer has accepted, each with its transfer syntax and roles.

        More than 128 that were asked for take several associations; these are the contexts of those that stand now.
        Raises if the association is over.
        """
        return self._requestor.contexts

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

    def echo(self) -> Status:
        """Asks whether the peer is there (C-ECHO, PS3.4 A).

        Raises:
            StatusError: it is, and refuses to say so.
            AssociationError: the association is over; the error says why.
            DicomTimeout: the peer did not answer in time.
        """
        return self._perform(self._requestor.echo())

    def store(
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
        """Stores instances with the peer (C-STORE, PS3.4 B), all of them, whatever happens to some.

        The bytes of a file go out as they are. Uncompressed ones are converted
        where the peer has accepted only another uncompressed transfer syntax. A
        second file of an instance that is stored, a DICOMDIR, and what is no
        instance are skipped.

        Args:
            what: a path, a folder, the bytes of a file, a pydicom data set, or an iterable of these.
            window: instances in flight at a time, at most as many as were negotiated, which is the default.
            priority: of the requests.
            decode: decompress pixel data where the peer takes no other.
            progress: called as bytes leave and instances are done.
            on_result: called with the result of each instance.
            stop: asked before each instance; True sends no more, and waits for what is in flight. The report is then
                ``stopped``; it has nothing of what was not read by then.
            check: raise if something failed; otherwise the report is returned in any case.

        Returns:
            One result per instance, in the order they were given.

        Raises:
            PartialFailure: something failed, or it was stopped; its ``report`` tells what.
            StorageError: the only path that was given does not exist.

        What a callback or an iterable of the caller raises comes through; its
        ``report`` is then that of what was done until then, as for `get` and `move`.
        """
        from dicomnet.storage.instances import Instances

        script = self._requestor.store(
            Instances(what),
            window=window,
            priority=priority,
            decode=decode,
            progress=progress,
            on_result=on_result,
            stop=stop,
        )
        report = self._perform(script)
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
        """Queries the peer (C-FIND, PS3.4 C.4.1).

        The unique and required keys of the level are always asked for.

        Args:
            what: a level (``"PATIENT"``, ``"STUDY"``, ``"SERIES"``, ``"IMAGE"``), or a model without levels
                (``"worklist"``, ``"ups"``).
            identifier: keys as a data set, or by keyword, tag, or several of them joined by dots for what is in a
                sequence.
            model: of a level: ``"study-root"`` or ``"patient-root"``.
            returning: further attributes to ask for, one or several.
            charset: character set of the query; without it, the least that its values need.
            priority: of the request.
            keys: keys by keyword.

        Returns:
            The matches, to be iterated over; the loop may be left at any time.

        Raises:
            InvalidValue: the model has no such key, or needs another one.
            ContextRefused: the association is not for this.
        """
        merged = merged_keys(identifier, keys)
        script = self._requestor.find(
            what, merged, model=model, returning=returning, charset=charset, priority=priority
        )
        return Matches(self, self._perform(script))

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
        """Retrieves instances over this association (C-GET, PS3.4 C.4.3).

        What counts is what has arrived, whatever the final status says.

        Args:
            destination: a folder, None for memory (see `Retrieved.data`), or a function that is given an `Incoming` and returns a
                path or a sink. Files are made only of what is whole and the instance it is said to be; the rest is refused and
                reported.
            identifier: unique keys as a data set or mapping.
            model: the information model.
            level: what to retrieve; the level of the lowest unique key if none is given.
            on_instance: told of each instance as it has arrived.
            progress: told of the report as it grows.
            stop: asked as instances come, and at least every second; True cancels the rest.
            priority: of the request.
            check: raise if something is missing; otherwise the report is returned in any case.
            keys: unique keys by keyword.

        Raises:
            PartialFailure: something is missing, or the association ended when something had come; its ``report`` tells what,
                and ``report.error`` why.
            InvalidValue: a key that is not unique: a find has to resolve it first, which `Peer.get` does.
            AssociationError, DicomTimeout: the association ended before anything came.
        """
        script = self._requestor.get(
            destination,
            merged_keys(identifier, keys),
            model=model,
            level=level,
            on_instance=on_instance,
            progress=progress,
            stop=stop,
            priority=priority,
        )
        report = self._perform(script)
        return report.check() if check else report

    def move(
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
        """Has the peer send instances to another application entity (C-MOVE, PS3.4 C.4.2).

        Args:
            to: its AE title, which the peer must know.
            identifier: as for `get`, and so are the others.

        Raises:
            PartialFailure: the peer counts failures; its ``report`` tells what.
            InvalidValue: a key that is not unique, or no AE title.
            AssociationError, DicomTimeout: the association ended early; what the peer has sent by then nobody can tell.
        """
        script = self._requestor.move(
            to,
            merged_keys(identifier, keys),
            model=model,
            level=level,
            progress=progress,
            stop=stop,
            priority=priority,
        )
        report = self._perform(script)
        return report.check() if check else report

    def commit(self, instances: Any, *, timeout: float | None = None, check: bool = True) -> CommitReport:
        """Asks the peer to commit itself to keeping instances, and waits for its answer here (PS3.4 J).

        Args:
            instances: a `StoreReport`, or pairs of SOP class and instance UID, or data sets.
            timeout: seconds to wait for the answer; ``Timeouts.commitment`` if none is given.
            check: raise if something is not committed.

        Raises:
            PartialFailure: not everything is committed; its ``report`` tells what.
            DicomTimeout: no answer came on this association.
            StatusError: the request was refused.
        """
        timeout = self.settings.timeouts.commitment if timeout is None else timeout
        report = self._perform(self._requestor.commit(instances, timeout=timeout))
        return report.check() if check else report

    def n_create(self, sop_class: str, dataset: Attributes | None = None, *, instance: str | None = None) -> Answer:
        """Has the peer make an instance (N-CREATE, PS3.7 10.1.5).

        Args:
            sop_class: service, keyword or UID of one SOP class. Of "ups-pull" and its like the message goes in that context,
                and names UPS Push as the standard has it; "ups" leaves the context to us.
            dataset: its attributes: a data set, or values by keyword or tag as for `find`.
            instance: its UID; without one a procedure step, performed or unified, gets a new one, and for others the peer
                may choose.

        Returns:
            Status, attributes, and the UID of the instance.

        Raises:
            StatusError: the peer answered with a failure, as for all N-services.
            ContextRefused: the association is not for this SOP class.
            InvalidValue: the data set cannot be encoded.
        """
        return self._perform(self._requestor.n_create(sop_class, instance, dataset))

    def n_set(self, sop_class: str, instance: str, dataset: Attributes) -> Answer:
        """Changes attributes of an instance (N-SET, PS3.7 10.1.3); see `n_create`."""
        return self._perform(self._requestor.n_set(sop_class, instance, dataset))

    def n_get(self, sop_class: str, instance: str, attributes: Iterable[str | int] = ()) -> Answer:
        """Asks for attributes of an instance, by keyword or tag; none asks for all (N-GET, PS3.7 10.1.2); see `n_create`."""
        return self._perform(self._requestor.n_get(sop_class, instance, attributes))

    def n_action(self, sop_class: str, instance: str, action_type: int, dataset: Attributes | None = None) -> Answer:
        """Asks for an action on an instance (N-ACTION, PS3.7 10.1.4); see `n_create`."""
        return self._perform(self._requestor.n_action(sop_class, instance, action_type, dataset))

    def n_delete(self, sop_class: str, instance: str) -> Answer:
        """Deletes an instance (N-DELETE, PS3.7 10.1.6); see `n_create`."""
        return self._perform(self._requestor.n_delete(sop_class, instance))

    def n_event_report(
        self, sop_class: str, instance: str, event_type: int, dataset: Attributes | None = None
    ) -> Answer:
        """Reports an event to the peer (N-EVENT-REPORT, PS3.7 10.1.1), for which we need the SCP role; see `n_create`."""
        return self._perform(self._requestor.n_event_report(sop_class, instance, event_type, dataset))

    def wait(self, timeout: float | None = None) -> bool:
        """Performs what the peer asks for, by the handlers, until it ends the association or time is up.

        Args:
            timeout: in seconds.

        Returns:
            Whether the association is over.
        """
        return self._perform(self._requestor.wait(timeout))

    def release(self) -> None:
        """Ends the association in order (PS3.8 7.2); queries that were left early are cancelled first.

        Does nothing if it is over. A peer that does not answer is aborted, and the log tells.
        """
        self._perform(self._requestor.release())

    def abort(self) -> None:
        """Ends the association at once (PS3.8 7.3), from any thread; one that is in a call gets an `AssociationAborted`."""
        for session in self._requestor.standing:
            carrier = session.shell
            assert isinstance(carrier, Carrier)
            carrier.abort_from_anywhere()

    # How.

    @property
    def _session(self) -> Session:
        return self._requestor.session

    def _begin(self) -> None:
        self._perform(self._requestor.open())

    def _perform(self, script: Script[T]) -> T:
        if not self._in_use.acquire(blocking=False):
            script.close()
            raise StateError("the association is in use by another thread, or by the handler or callback that calls")
        try:
            return perform(script)
        finally:
            self._in_use.release()


class Matches:
    """The matches of a query, read by iterating.

    A loop may be left at any time: the next operation of the association
    cancels what is left. A ``with`` block does so at its end.
    """

    def __init__(self, association: Association, find: Find) -> None:
        self._association = association
        self._find = find

    def __iter__(self) -> Self:
        return self

    def __next__(self) -> Match:
        match = self._association._perform(self._find.next())
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
        self._association._perform(self._find.close())

    def all(self) -> list[Match]:
        """The matches that are left, as a list."""
        return list(self)

    @property
    def status(self) -> Status | None:
        """The final status of the peer, once all matches were read."""
        return self._find.status
