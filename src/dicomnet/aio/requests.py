"""What handlers get: a request of a peer, with whatever it takes to perform it.

Methods that wait are coroutines; handlers that run in threads get a twin on
which they are plain methods (`dicomnet.aio.twin`).
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from dicomnet.aio.carrier import perform
from dicomnet.aio.info import AssociationInfo
from dicomnet.aio.places import Pipe, Places, pour
from dicomnet.dimse import commands
from dicomnet.dimse.status import Status
from dicomnet.errors import AssociationError, StateError, again
from dicomnet.exchanges.models import model_of
from dicomnet.exchanges.services import MODELS
from dicomnet.exchanges.session import Inbound, Session
from dicomnet.exchanges.steps import Script, Work
from dicomnet.exchanges.values import record_of
from dicomnet.limits import KIB
from dicomnet.records import dataclass, field
from dicomnet.storage.held import MemorySink, SpoolSink
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.sinks import Incoming, NullSink, Sink
from dicomnet.storage.twins import Duplicates
from dicomnet.storage.walk import Check, Problem
from dicomnet.types import UID
from dicomnet.uids import name as name_of
from dicomnet.ul.negotiation import Context

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")
Bytes = bytes


@dataclass(frozen=True, slots=True)
class Reply:
    """The whole of a final response, for handlers that say more than a status; see `Request.reply`."""

    status: Status
    dataset: Dataset | None = None
    fields: dict[str, Any] = field(default_factory=dict)
    """Further attributes of the response, named as in `dicomnet.dimse.commands`."""


class Request:
    """What every request has."""

    def __init__(self, inbound: Inbound, association: AssociationInfo) -> None:
        self._inbound = inbound
        self.association = association
        self.cancelled = False
        """Whether the peer wants no more of it (PS3.7 9.3.2.3); C-FIND, C-GET and C-MOVE only."""
        self._error: Exception | None = None
        """What ends everything that waits for the request."""
        self._interruptible: asyncio.Task[Any] | None = None
        """What a C-CANCEL-RQ may cancel at this moment."""
        self._interrupted = False

    def __repr__(self) -> str:
        return f"<{self.message.name} {self.message_id} from {self.calling_ae}>"

    @property
    def message(self) -> commands.Request:
        """The command as it came."""
        return self._inbound.command

    @property
    def message_id(self) -> int:
        return self.message.message_id or 0

    @property
    def context(self) -> Context:
        """The presentation context that it came in."""
        return self._inbound.context

    @property
    def calling_ae(self) -> str:
        return self.association.calling_ae

    @property
    def called_ae(self) -> str:
        return self.association.called_ae

    @property
    def sop_class_uid(self) -> UID:
        return UID(self.message.sop_class_uid or self.context.abstract_syntax)

    @property
    def sop_instance_uid(self) -> UID | None:
        uid = self.message.sop_instance_uid
        return None if uid is None else UID(uid)

    @property
    def priority(self) -> int:
        """See `dicomnet.types.Priority`; N-services and C-ECHO have none, which is MEDIUM."""
        return getattr(self.message, "priority", None) or 0

    def reply(self, status: int = 0, dataset: Dataset | None = None, **fields: Any) -> Reply:
        """What a handler returns to say everything about the response.

        Args:
            fields: such as ``error_comment``, ``affected_sop_instance_uid``, ``attribute_identifier_list``.
        """
        return Reply(Status(status), dataset, fields)

    def _fail(self, error: Exception) -> None:
        """The association is over."""
        self._error = self._error or error


class EchoRequest(Request):
    """A C-ECHO (PS3.7 9.1.5)."""


class StoreRequest(Request):
    """A C-STORE whose data set is still to come: the handler decides where it goes (PS3.4 B.2).

    One of `save`, `received`, `bytes`, `dataset`, `stream` and `discard` takes
    the data set. What is kept by the first can be read or saved again by
    others; what was streamed or discarded is gone.

    Each of them raises `StorageError` when it cannot be kept, and the error of
    the association when that ends first; what had come by then leaves no trace.
    """

    def __init__(self, inbound: Inbound, association: AssociationInfo, places: Places) -> None:
        super().__init__(inbound, association)
        self._places = places
        self._claimed = False
        self._complete = asyncio.Event()
        self._data: ReceivedData | None = None
        self._pipe: Pipe | None = None
        self._dataset: Dataset | None = None
        self._waits = 0
        self.taken = False
        """Whether the data set was saved, read to its end, or discarded on purpose: what success may be said of."""
        self.problem: Problem | None = None
        """What is wrong with the data set, where it was saved all the same."""

    @property
    def transfer_syntax_uid(self) -> UID:
        """What the data set is in."""
        return self.context.transfer_syntax

    @property
    def incoming(self) -> Incoming:
        """What a sink is told of the data set."""
        incoming: Incoming = self._inbound.arrival.incoming
        return incoming

    async def save(
        self,
        destination: Any,
        *,
        durable: bool | None = None,
        check: Check | None = None,
        duplicates: Duplicates | None = None,
        layout: Any = None,
    ) -> ReceivedData:
        """Keeps the data set, and returns once it is kept.

        Args:
            destination: a folder, which is made if it is not there; a `Folder`; a function that is given the `Incoming`
                and returns a path; MEMORY, SPOOL; or a `Sink`.
            durable: whether to wait for the disk, so that even a power cut takes nothing that was acknowledged; None is
                what the server was told, which is to wait unless it was told otherwise.
            check: of what becomes a file: "refuse" does not keep a data set that is not the instance of its command (A900)
                or not whole (C000); "warn" keeps it, and success becomes B007; "off" does not look. None is what the server
                was told, which is to refuse unless it was told otherwise.
            duplicates: what becomes of another data set of an instance that is kept already: "keep-both" keeps it beside the
                first, as ``UID~2.dcm``, "replace" in its place, "refuse" not (0111); the same one is success in any case.
                None is what the server was told, or the `Folder`, which is to keep both unless it was told otherwise.
            layout: where below the folder, see `dicomnet.server.layout`.

        Raises:
            StorageError: it cannot be kept.
            TypeError: this is no destination.
            InvalidValue: ``check`` or ``duplicates`` is none of these words.
        """
        rules = self._places.rules.but(durable=durable, check=check, duplicates=duplicates)
        sink = self._places.sink(destination, rules, duplicates=duplicates, layout=layout)
        if self._data is None:
            saved = await self._take(sink)
        else:
            saved = await off_loop(partial(pour, self._data, self.incoming, sink))
        self.problem = self.problem or saved.problem
        return saved

    async def received(self) -> ReceivedData:
        """The data set in memory, or in a temporary file if it is larger than a MiB; or where it was kept before."""
        return self._data or await self._take(SpoolSink())

    async def discard(self) -> None:
        """Reads the data set to its end and throws it away."""
        if self._data is None:
            await self._take(NullSink())

    async def dataset(self) -> Dataset:
        """The data set, decoded by pydicom in a storage thread; the same object each time."""
        if self._dataset is None:
            data = await self.received()
            self._dataset = await off_loop(data.dataset)
        return self._dataset

    async def stream(self) -> AsyncIterator[Bytes]:
        """The data set piece by piece, as it comes; while the handler is slow, reading from the peer pauses."""
        if self._data is not None:
            async for piece in _pieces(self._data):
                yield piece
            return
        self._claim()
        session, reason = self._inbound.session, f"stream {self.message_id}"
        pipe = self._pipe = Pipe(partial(session.shell.pause, reason), partial(session.shell.resume, reason))
        self._inbound.use(pipe)
        try:
            while (some := await self._next(pipe)) is not None:
                yield some
            self.taken = True
        finally:
            pipe.close()

    async def bytes(self) -> Bytes:
        """The data set as it came, in memory."""
        kept = self._data
        if kept is not None:
            return await off_loop(kept.bytes)
        return (await self._take(MemorySink())).bytes()

    # What the provider calls.

    def _arrived(self, data: ReceivedData | None, error: Exception | None) -> None:
        """The data set is kept, or not."""
        if self._error is not None or self._complete.is_set():
            if data is not None:
                data.close()
            return
        self._data = None if self._pipe is not None else data
        self._error = error
        self._finish()

    def _fail(self, error: Exception) -> None:
        if not self._complete.is_set():
            super()._fail(error)
            self._finish()

    def _let_go(self) -> None:
        """The handler is through: what it has not taken goes nowhere."""
        if not self._claimed:
            self._claimed = True
            self._inbound.use(NullSink())
        self._fail(StateError("the request was answered before its data set was there"))
        if self._pipe is not None:
            self._pipe.close()

    # How.

    def _finish(self) -> None:
        self._complete.set()
        if self._pipe is not None:
            self._pipe.wake()

    def _claim(self) -> None:
        if self._error is not None:
            raise again(self._error)
        if self._claimed:
            raise StateError("the data set was taken already, and not kept")
        self._claimed = True

    async def _take(self, sink: Sink) -> ReceivedData:
        self._claim()
        self._inbound.use(sink)
        with self._waiting():
            await self._complete.wait()
        self._check()
        assert self._data is not None
        self.taken = True
        return self._data

    def _check(self) -> None:
        if self._error is not None:
            raise again(self._error)

    async def _next(self, pipe: Pipe) -> Bytes | None:
        with self._waiting():
            piece = await pipe.next(self._complete.is_set)
        self._check()
        return piece

    @contextmanager
    def _waiting(self) -> Iterator[None]:
        """While the handler waits here, the end of the association reaches it as an error."""
        self._waits += 1
        try:
            yield
        finally:
            self._waits -= 1


class IdentifierRequest(Request):
    """What C-FIND, C-GET and C-MOVE share: an identifier (PS3.4 C.2)."""

    def __init__(
        self, inbound: Inbound, association: AssociationInfo, identifier: Dataset, identifier_bytes: Bytes
    ) -> None:
        super().__init__(inbound, association)
        self.identifier = identifier
        """The keys."""
        self.identifier_bytes = identifier_bytes
        """The same as it came, in the transfer syntax of the context."""
        self._warned: set[str] = set()

    @property
    def level(self) -> str | None:
        """QueryRetrieveLevel (0008,0052) in capitals; None if there is none."""
        level = self.identifier.get("QueryRetrieveLevel")
        return str(level).strip().upper() or None if level else None

    @property
    def model(self) -> str:
        """The information model by its name, such as "study-root"; the name of the SOP class if it has none."""
        sop_class = self.sop_class_uid
        return next((model for model, known in MODELS.items() if sop_class in known.values()), name_of(sop_class))

    def _warn_once(self, text: str) -> None:
        """A line in the log, and not one for each of a thousand records."""
        if text not in self._warned:
            self._warned.add(text)
            log.warning("%s %s", self.association.id, text)


class FindRequest(IdentifierRequest):
    """A C-FIND: the handler returns or yields what matches (PS3.4 C.4.1)."""

    def match(self, datasets: Iterable[Dataset | Mapping[Any, Any]]) -> Iterator[Dataset]:
        """Those that match, each reduced to what was asked for, so that a handler may be ``yield from request.match(all)``.

        The data sets are looked at one by one as the answers are taken, and no
        more of them once the peer has cancelled. They may be instances: their
        patient, study or series is then answered once. It is for lists that are
        read in a moment; an archive asks its database instead.

        Args:
            datasets: data sets, or mappings of keywords, tags or paths such as
                ``{"PatientID": "1", "ScheduledProcedureStepSequence.Modality": "CT"}``. What is no value of its attribute in
                one of these is passed over, as if it were not known, and the log has the attribute.

        Raises:
            StatusError: the identifier has no level of its model; answered with A900.
            InvalidValue: a mapping names an attribute that there is not.
        """
        from dicomnet.exchanges.selection import find_matches

        model = model_of(self.context.abstract_syntax)
        return find_matches(model, self.level, self.identifier, self._records(datasets))

    def _records(self, given: Iterable[Dataset | Mapping[Any, Any]]) -> Iterator[Dataset]:
        """The data sets of these, as long as the peer wants more."""
        for each in given:
            if self.cancelled:
                return
            if isinstance(each, Mapping):
                dataset, left_out = record_of(each)
                if left_out:
                    self._warn_once(f"a record is looked at without {', '.join(left_out)}")
                yield dataset
            else:
                yield each


class RetrieveRequest(IdentifierRequest):
    """A C-GET or C-MOVE: the handler returns or yields the instances (PS3.4 C.4.2, C.4.3)."""

    def match(self, instances: Any) -> Iterator[Any]:
        """Those that the unique keys name, so that a handler may be ``yield from request.match("archive/")``.

        Of a file no more is read than its first elements, and nothing is looked
        at before it is asked for, nor once the peer has cancelled. As it waits
        for the disk, an asynchronous handler returns it rather than iterates.
        An archive with more than a folder of files asks its database instead.

        Args:
            instances: a path, a folder, bytes, a data set, an `InstanceFile`, a `ReceivedData`, or an iterable of these.
                Each comes back as it was given, a folder as the paths in it.

        Raises:
            StatusError: the identifier has no level of its model, or names nothing at it; answered with A900.
            StorageError: a path that was given alone leads nowhere.
            InvalidValue: one of them cannot be an instance.
        """
        from dicomnet.exchanges.selection import Named
        from dicomnet.storage.heads import choose

        named = Named.by(model_of(self.context.abstract_syntax), self.level, self.identifier)
        return choose(instances, named.has, named.keys, stop=lambda: self.cancelled)

    @property
    def destination(self) -> str | None:
        """The title that a C-MOVE names; None of a C-GET."""
        title: str | None = getattr(self.message, "move_destination", None)
        return None if title is None else title.strip()


class NRequest(Request):
    """A request of an N-service (PS3.7 10.1)."""

    def __init__(
        self, inbound: Inbound, association: AssociationInfo, dataset: Dataset | None, data: ReceivedData | None
    ) -> None:
        super().__init__(inbound, association)
        self.dataset = dataset
        """The attributes, the event or action information; None without a data set."""
        self._data = data
        self._new_uid: UID | None = None

    @property
    def bytes(self) -> Bytes | None:
        """The same as it came, in the transfer syntax of the context; until the request is answered.

        Of more than a MiB it is read from a temporary file.
        """
        return None if self._data is None else self._data.bytes()

    @property
    def sop_instance_uid(self) -> UID | None:
        """The instance; of an N-CREATE that names none a new UID, which is answered unless the handler names another."""
        uid = super().sop_instance_uid
        if uid is None and isinstance(self.message, commands.NCreateRequest):
            if self._new_uid is None:
                self._new_uid = self._inbound.session.shell.new_uid()
            return self._new_uid
        return uid

    @property
    def event_type(self) -> int | None:
        """Of an N-EVENT-REPORT."""
        return getattr(self.message, "event_type_id", None)

    @property
    def action_type(self) -> int | None:
        """Of an N-ACTION."""
        return getattr(self.message, "action_type_id", None)

    @property
    def attributes(self) -> tuple[int, ...]:
        """The tags that an N-GET asks for; none are all there are (PS3.7 10.1.2)."""
        return tuple(getattr(self.message, "attribute_identifier_list", None) or ())


async def off_loop(function: Callable[[], T]) -> T:
    """Calls something that may wait for a disk, or takes its time, in a storage thread."""
    return await perform(_work(function))


def ended(session: Session) -> Exception:
    """Why an association is over, as an error for those who still wait for something of it."""
    return session.error or AssociationError("the association was released")


def _work(function: Callable[[], T]) -> Script[T]:
    result: T = yield Work(function)
    return result


async def _pieces(data: ReceivedData) -> AsyncIterator[Bytes]:
    file = await off_loop(data.open)
    try:
        while piece := await off_loop(partial(file.read, _PIECE)):
            yield piece
    finally:
        file.close()


_PIECE = 256 * KIB
