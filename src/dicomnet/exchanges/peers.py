"""One remote application entity, whatever associations it takes: contexts and roles chosen, associations kept and replaced.

A `Remote` lends its idle associations to one operation at a time. It knows
which contexts it has needed so far, so a new association has them all, and the
next operation of another kind finds one that will do.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING, Any, Protocol, TypeVar

from dicomnet.dimse.status import Status
from dicomnet.errors import (
    AssociationAborted,
    AssociationError,
    ConnectionLost,
    ContextRefused,
    DicomNetError,
    InvalidValue,
    StatusError,
)
from dicomnet.exchanges.commitment import Transactions
from dicomnet.exchanges.contexts import MOST_CONTEXTS, Wanted, for_instances, merge, wanted
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.keys import NotUnique, build_retrieve, model_of
from dicomnet.exchanges.reports import CommitReport, RetrieveReport, StoreReport
from dicomnet.exchanges.requestor import Requestor, query_class
from dicomnet.exchanges.retrieve import Inbox
from dicomnet.exchanges.services import Verb, carriers, model_class, sop_classes
from dicomnet.exchanges.session import Provider, Session
from dicomnet.exchanges.settings import Settings
from dicomnet.exchanges.steps import Script, Together, Wait, Work
from dicomnet.exchanges.store import Instance, Source, Store
from dicomnet.exchanges.values import dataset_of
from dicomnet.types import UID
from dicomnet.uids import (
    KEYWORDS,
    STORAGE_CLASSES,
    TRANSFER_SYNTAXES,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    StorageCommitmentPushModel,
)

if TYPE_CHECKING:
    from pydicom import Dataset

    from dicomnet.exchanges.matches import Match

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


class Host(Protocol):
    """A server of ours that takes what a peer sends on associations of its own."""

    @property
    def title(self) -> str:
        """The AE title that the peer knows it by."""

    @property
    def transactions(self) -> Transactions: ...

    def open_inbox(self, destination: Any) -> OpenInbox:
        """From now on what arrives from a C-MOVE of ours is kept here; may wait for a disk."""


class OpenInbox(Inbox, Protocol):
    def close(self) -> None: ...


class Remote:
    """See the head of this file.

    Args:
        settings: whom to call, and how.
        keep: whether associations are kept for the next operation.
        host: our own server, for results that come on associations of the peer's.
        provider: performs what the peer asks for on our associations.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        keep: bool,
        host: Host | None = None,
        provider: Provider | None = None,
    ) -> None:
        self.settings = settings
        self.keep = keep
        self._host = host
        self._provider = provider
        self._idle: deque[_Line] = deque()
        self._era = 0
        """Goes up when everything is to end; associations of an earlier one are not kept."""
        self._needed: list[Wanted] = wanted(["verification"])
        """What an association is opened with besides what is wanted now; storage not counted."""

    # Operations.

    def echo(self) -> Script[Status]:
        """C-ECHO."""
        return (yield from self._once(wanted(["verification"]), Requestor.echo))

    def n_call(
        self, sop_class: str, call: Callable[[Requestor], Script[T]], *, idempotent: bool = False, scp: bool = False
    ) -> Script[T]:
        """One request of an N-service; ``call`` makes it of a requestor.

        Args:
            idempotent: whether it may be repeated on another association.
            scp: whether it is ours to send as the SCP.
        """
        contexts = wanted(one for uid in sop_classes(sop_class) for one in carriers(uid))
        if scp:
            contexts = [replace(one, scu=False, scp=True) for one in contexts]
        return (yield from self._once(contexts, call, idempotent=idempotent))

    def find(self, what: str, keys: Any, *, model: str | None = None, **options: Any) -> Script[RemoteFind]:
        """C-FIND."""
        sop_class, _ = query_class(what, model)
        found = RemoteFind(self, sop_class, lambda line: line.find(what, keys, model=model, **options))
        yield from found.begin()
        return found

    def store(
        self,
        source: Source,
        *,
        associations: int | str = 1,
        progress: Callable[[Any], object] | None = None,
        **options: Any,
    ) -> Script[StoreReport]:
        """C-STORE, over one or several associations.

        Args:
            associations: how many, or "auto": one where the peer takes several operations at a time, else `AUTO`.
        """
        ahead = _Ahead(source)
        first: Sequence[Any] = yield Work(ahead.look)
        pairs = [(item.sop_class_uid, item.transfer_syntax_uid) for item in first if hasattr(item, "sop_class_uid")]
        contexts = for_instances(pairs)
        if not contexts:  # nothing that could be sent; no association is opened for it
            return (yield from Store(_Nowhere(), ahead, **options).run())
        if associations == "auto":
            associations = yield from self._auto(contexts, len(first))
        if not isinstance(associations, int) or associations < 1:
            raise InvalidValue(f"{associations!r} associations; a number from 1 or 'auto' is needed")
        if associations == 1:
            return (yield from self._store_on_one(contexts, ahead, progress=progress, **options))
        shared = _Sum(progress)
        scripts = [
            self._store_a_share(contexts, ahead, progress=shared.part() if progress else None, **options)
            for _ in range(associations)
        ]
        return _merged((yield Together(scripts, ahead.end)))

    def get(
        self, destination: Any, keys: Any, *, model: str = "study-root", level: str | None = None, **options: Any
    ) -> Script[RetrieveReport]:
        """C-GET: finds out which instances there are, and has them sent in the syntaxes they are kept in."""
        sop_class = model_class(model, Verb.GET)
        level, unique = yield from self._resolve(model, sop_class, keys, level)
        report = RetrieveReport()
        for one in unique:
            classes, count = yield from self._classes(model, one)
            part = yield from self._get_one(destination, one, model, level, sop_class, classes, options)
            if count is not None and not part.ok and not part.missing:
                part.expected = yield from self._instances(model, one)
            _add(report, part)
        return report

    def move(
        self,
        to: Any,
        keys: Any,
        *,
        model: str = "study-root",
        level: str | None = None,
        here: bool = False,
        **options: Any,
    ) -> Script[RetrieveReport]:
        """C-MOVE, to another application entity by title or, with ``here``, through our own server to a destination."""
        sop_class = model_class(model, Verb.MOVE)
        level, unique = yield from self._resolve(model, sop_class, keys, level)
        contexts = wanted([sop_class])
        report = RetrieveReport(arrived_here=here)
        for one in unique:
            if here:
                part = yield from self._move_here(to, contexts, one, model, level, options)
            else:
                call = partial(_move, to=to, keys=one, model=model, level=level, **options)
                part = yield from self._once(contexts, call, idempotent=False)
            _add(report, part)
        return report

    def commit(self, instances: Any, *, timeout: float | None) -> Script[CommitReport]:
        """Storage commitment; the result may also come to our server."""
        contexts = wanted([StorageCommitmentPushModel])
        return (yield from self._once(contexts, lambda line: line.commit(instances, timeout=timeout), idempotent=False))

    def drop(self) -> Script[None]:
        """Releases what is idle; what is lent at this moment is released when it comes back."""
        self._era += 1
        while (line := self._next_idle()) is not None:
            yield from _release(line)

    def abort(self) -> list[Session]:
        """Ends what is idle at once; returns the associations that this has ended."""
        self._era += 1
        ended: list[Session] = []
        while (line := self._next_idle()) is not None:
            ended += line.requestor.sessions
            line.requestor.abort()
        return ended

    # Associations.

    def _once(
        self, contexts: Sequence[Wanted], call: Callable[[Requestor], Script[T]], *, idempotent: bool = True
    ) -> Script[T]:
        """Runs one operation on an association of ours; once more on a new one if the peer had closed the first."""
        while True:
            line = yield from self._take(contexts)
            try:
                result = yield from call(line.requestor)
            except Exception as error:
                yield from self._give_back(line)
                if not idempotent or not line.was_closed_before(error):
                    raise
                log.info("%s is asked again: %s", self.settings.address, error)
                continue
            except BaseException:
                self._leave(line)
                raise
            yield from self._give_back(line)
            return result

    def _take(self, contexts: Sequence[Wanted], *, new: bool = False) -> Script[_Line]:
        """An idle association that has the contexts, or a new one; for this operation alone."""
        unfit: list[_Line] = []
        try:
            while not new and (line := self._next_idle()) is not None:
                if (yield from self._is_alive(line)):
                    if line.has(contexts):
                        line.used = True
                        return line
                    unfit.append(line)
        finally:
            self._idle.extend(unfit)
        asked = contexts
        if not any(one.abstract_syntax in STORAGE_CLASSES for one in contexts):
            self._needed = merge(self._needed, contexts)
        if len(contexts) + len(self._needed) <= MOST_CONTEXTS:
            asked = merge(contexts, self._needed)
        line = _Line(
            Requestor(
                self.settings,
                asked,
                flexible=True,
                provider=self._provider,
                transactions=None if self._host is None else self._host.transactions,
            ),
            asked,
            self._era,
        )
        yield from line.requestor.open()
        return line

    def keeps(self, line: _Line) -> bool:
        """Whether an association is to be kept for a next operation."""
        return self.keep and line.era == self._era

    def _next_idle(self) -> _Line | None:
        try:
            return self._idle.popleft()
        except IndexError:  # also when another thread was faster
            return None

    def _is_alive(self, line: _Line) -> Script[bool]:
        """Nobody has listened to an idle one since: whether the peer has ended it meanwhile is to be read first."""
        try:
            yield Wait(line.requestor.session, lambda: False, 0.0)
        except DicomNetError as error:  # it was left in such a state that it is of no use
            log.debug("%s: %s", self.settings.address, error)
            line.requestor.abort()
        except BaseException:
            self._leave(line)
            raise
        return line.requestor.established

    def _give_back(self, line: _Line) -> Script[None]:
        if not line.requestor.established:
            line.requestor.abort()  # whatever is left of it
            return
        if not self.keeps(line) or len(self._idle) >= _MOST_IDLE:
            yield from _release(line)
            return
        less = [one for one in tuple(self._idle) if line.has(one.contexts) and not one.has(line.contexts)]
        self._idle.append(line)
        for idle in less:  # what they can do, this one can do as well
            try:
                self._idle.remove(idle)
            except ValueError:  # another thread has taken it
                continue
            yield from _release(idle)

    def _leave(self, line: _Line) -> None:
        """Left in the middle of something: whoever takes it next settles that. If nobody will, it ends here."""
        if self.keeps(line):
            self._idle.append(line)
        else:
            line.requestor.abort()

    # Storing.

    def _store_on_one(self, contexts: Sequence[Wanted], source: Source, **options: Any) -> Script[StoreReport]:
        line = yield from self._take(contexts)
        routes = _Replaceable(self, line, contexts)
        try:
            report = yield from Store(routes, source, **options).run()
        except Exception:
            yield from self._give_back(routes.line)
            raise
        except BaseException:
            self._leave(routes.line)
            raise
        yield from self._give_back(routes.line)
        return report

    def _store_a_share(self, contexts: Sequence[Wanted], ahead: _Ahead, **options: Any) -> Script[StoreReport]:
        try:
            return (yield from self._store_on_one(contexts, ahead, **options))
        except DicomNetError:  # an association that could not be had
            raise
        except BaseException:  # whatever a callback of the caller has raised ends it all
            ahead.end()
            raise

    def _auto(self, contexts: Sequence[Wanted], count: int) -> Script[int]:
        if count < _FEW:
            return 1
        line = yield from self._take(contexts)
        window = line.requestor.session.check().operations_invoked
        if line.requestor.established:
            line.used = False
            self._idle.append(line)
        return AUTO if window == 1 else 1

    # Retrieving.

    def _resolve(
        self, model: str, sop_class: UID, keys: Any, level: str | None
    ) -> Script[tuple[str, list[Mapping[Any, object] | Dataset]]]:
        """The unique keys to retrieve by; a find says which, if others were given."""
        try:
            found, _ = build_retrieve(model_of(sop_class), keys, level=level)
        except NotUnique as problem:
            known = model_of(sop_class)
            rank = known.level(level or problem.level)
            if rank is None:
                raise
            uniques = [one.unique for one in (*known.above(rank), rank)]
        else:
            return found, [dataset_of(keys)]
        matches = yield from self.matches(rank.name, keys, model=model)
        resolved = [
            {key: str(match[key].value) for key in uniques if key in match and match[key].value} for match in matches
        ]
        return rank.name, [
            dict(one) for one in dict.fromkeys(tuple(one.items()) for one in resolved if uniques[-1] in one)
        ]

    def matches(self, what: str, keys: Any, **options: Any) -> Script[list[Match]]:
        """All matches of a query."""
        found = yield from self.find(what, keys, **options)
        matches = []
        try:
            while (match := (yield from found.next())) is not None:
                matches.append(match)
        finally:
            found.abandon()
        return matches

    def _classes(self, model: str, keys: Any) -> Script[tuple[list[UID], int | None]]:
        """The SOP classes in a study, and how many instances it has, as far as the peer tells."""
        study = _value(keys, "StudyInstanceUID")
        if not study or "\\" in study:
            return list(_USUAL_CLASSES), None
        upper = {"PatientID": _value(keys, "PatientID")} if model == "patient-root" else {}
        asked = ("SOPClassesInStudy", "ModalitiesInStudy", "NumberOfStudyRelatedInstances")
        classes: dict[UID, None] = {}
        modalities: set[str] = set()
        count: int | None = None
        try:
            for match in (
                yield from self.matches("STUDY", {**upper, "StudyInstanceUID": study}, model=model, returning=asked)
            ):
                classes.update(dict.fromkeys(UID(uid) for uid in _values(match, "SOPClassesInStudy")))
                modalities.update(_values(match, "ModalitiesInStudy"))
                number = str(match.get("NumberOfStudyRelatedInstances") or "")
                count = int(number) if number.isdecimal() else count
            if not classes and not modalities:
                for match in (yield from self.matches("SERIES", {**upper, "StudyInstanceUID": study}, model=model)):
                    modalities.update(_values(match, "Modality"))
        except (StatusError, ContextRefused) as error:
            log.info("%s does not tell which classes it will send: %s", self.settings.address, error)
        for modality in modalities if not classes else ():
            classes.update(dict.fromkeys(_CLASSES_OF.get(modality, ())))
        if not classes or not STORAGE_CLASSES.issuperset(classes) or modalities.difference(_CLASSES_OF):
            classes.update(dict.fromkeys(_USUAL_CLASSES))
        return list(classes), count

    def _get_one(
        self, destination: Any, keys: Any, model: str, level: str, sop_class: UID, classes: Sequence[UID], options: Any
    ) -> Script[RetrieveReport]:
        def call(line: Requestor) -> Script[RetrieveReport]:
            return line.get(destination, keys, model=model, level=level, **options)

        contexts = [*wanted([sop_class]), *_to_receive(classes)]
        while True:
            line = yield from self._take(contexts)
            try:
                report = yield from call(line.requestor)
            except Exception as error:
                yield from self._give_back(line)
                if not line.was_closed_before(error):
                    raise
                log.info("%s is asked again: %s", self.settings.address, error)
                continue
            except BaseException:
                self._leave(line)
                raise
            break
        refused = [one for one in classes if not line.may_receive(one)]
        yield from self._give_back(line)
        if report.missing_count and refused and not _ended_by_us(report):
            again = [*wanted([sop_class]), *_to_receive(refused, one_context=True)]
            log.info("%s is asked again for %d classes that it had refused", self.settings.address, len(refused))
            try:
                second = yield from self._once(again, call)
            except DicomNetError as error:
                log.warning("%s does not send them either: %s", self.settings.address, error)
            else:
                have = {instance.sop_instance_uid for instance in report.received}
                report.instances += [one for one in second.instances if one.sop_instance_uid not in have]
                report.status, report.failed_uids = second.status, second.failed_uids
        return report

    def _instances(self, model: str, keys: Any) -> Script[set[UID] | None]:
        """The instances that there should be, from queries down to the IMAGE level."""
        study = {key: _value(keys, key) for key in ("PatientID", "StudyInstanceUID") if _value(keys, key)}
        found: set[UID] = set()
        try:
            series = [_value(keys, "SeriesInstanceUID")]
            if not series[0]:
                matches = yield from self.matches("SERIES", study, model=model)
                series = [str(match.SeriesInstanceUID) for match in matches]
            for one in series:
                images = yield from self.matches("IMAGE", {**study, "SeriesInstanceUID": one}, model=model)
                found.update(UID(str(match.SOPInstanceUID)) for match in images if "SOPInstanceUID" in match)
        except DicomNetError as error:
            log.info("%s does not tell which instances there are: %s", self.settings.address, error)
            return None
        wanted_instances = _value(keys, "SOPInstanceUID")
        if wanted_instances:
            found.intersection_update(wanted_instances.split("\\"))
        return found

    def _move_here(
        self, destination: Any, contexts: Sequence[Wanted], keys: Any, model: str, level: str, options: Any
    ) -> Script[RetrieveReport]:
        host = self._host
        if host is None:
            raise InvalidValue("a move to a folder comes through a server of ours: use server.peer(...)")
        inbox: OpenInbox = yield Work(lambda: host.open_inbox(destination))
        try:
            return (
                yield from self._once(
                    contexts,
                    lambda line: line.move(host.title, keys, model=model, level=level, inbox=inbox, **options),
                    idempotent=False,
                )
            )
        finally:
            inbox.close()


class RemoteFind:
    """A query of a `Remote`; its association is lent to it until the last match was read or it is closed."""

    def __init__(self, remote: Remote, sop_class: UID, begin: Callable[[Requestor], Script[Find]]) -> None:
        self._remote = remote
        self._sop_class = sop_class
        self._begin = begin
        self._line: _Line | None = None
        self._find: Find | None = None

    @property
    def status(self) -> Status | None:
        """The final status, once all matches were read."""
        return None if self._find is None else self._find.status

    @property
    def is_kept(self) -> bool:
        """Whether there is somebody to end it if it is left early: its association is kept for a next operation."""
        return self._line is None or self._remote.keeps(self._line)

    def begin(self) -> Script[None]:
        """Sends the query."""
        remote = self._remote
        while True:
            line = yield from remote._take(wanted([self._sop_class]))
            try:
                self._find = yield from self._begin(line.requestor)
            except Exception as error:
                yield from remote._give_back(line)
                if not line.was_closed_before(error):
                    raise
                continue
            except BaseException:
                remote._leave(line)
                raise
            self._line = line
            return

    def next(self) -> Script[Match | None]:
        """See `Find.next`; a query whose association the peer had closed before is sent again."""
        while True:
            find, line = self._find, self._line
            if find is None or line is None:
                return None
            try:
                match = yield from find.next()
            except Exception as error:
                yield from self._end()
                if find.count or not line.was_closed_before(error):
                    raise
                log.info("%s is asked again: %s", self._remote.settings.address, error)
                yield from self.begin()
                continue
            if match is None:
                yield from self._end()
            return match

    def close(self) -> Script[None]:
        """Wants no more matches."""
        try:
            if self._find is not None and self._line is not None:
                yield from self._find.close()
        except BaseException:
            self.abandon()
            raise
        yield from self._end()

    def abandon(self) -> None:
        """Nobody will read on: whoever takes the association next ends the query first; if nobody will, it is aborted."""
        line, self._line = self._line, None
        if line is not None:
            self._remote._leave(line)

    def _end(self) -> Script[None]:
        line, self._line = self._line, None
        if line is not None:
            yield from self._remote._give_back(line)


class _Line:
    """One requestor of a remote, and what it was opened for."""

    def __init__(self, requestor: Requestor, contexts: Sequence[Wanted], era: int) -> None:
        self.requestor = requestor
        self.contexts = contexts
        self.era = era
        self.used = False
        """Whether it has served before, so that the peer may have had time to close it."""

    def has(self, contexts: Iterable[Wanted]) -> bool:
        """Whether it was opened with these contexts among others; some may have been refused, and would be again."""
        mine = {(one.abstract_syntax, one.transfer_syntaxes): one for one in self.contexts}
        for one in contexts:
            known = mine.get((one.abstract_syntax, one.transfer_syntaxes))
            if known is None or (one.scp and not known.scp) or (one.scu and not known.scu):
                return False
        return True

    def was_closed_before(self, error: Exception) -> bool:
        """Whether an error means that the peer has ended it while it was kept, rather than because of what was asked."""
        if isinstance(error, AssociationAborted):
            return self.used and error.by_peer
        return self.used and (isinstance(error, ConnectionLost) or type(error) is AssociationError)

    def may_receive(self, sop_class: UID) -> bool:
        """Whether instances of the class can come on it."""
        return any(
            context.abstract_syntax == sop_class and context.our_scp
            for session in self.requestor.sessions
            if session.terms is not None
            for context in session.terms.contexts.values()
        )


class _Replaceable:
    """Routes over one association of a remote, replaced if the peer ends it; a second time only if it was of some use."""

    def __init__(self, remote: Remote, line: _Line, contexts: Sequence[Wanted]) -> None:
        self.line = line
        self._remote = remote
        self._contexts = contexts
        self._replaced = False

    def route(self, instance: Instance, *, decode: bool) -> Any:
        return self.line.requestor.route(instance, decode=decode)

    def open_for(self, instance: Instance) -> Script[bool]:
        return (yield from self.line.requestor.open_for(instance))

    def reopen(self, error: Exception) -> Script[bool]:
        if self._replaced and not self.line.requestor.session.ledger.stored:
            return False  # the new one was of no use either
        self._replaced = True
        log.info("%s ended the association (%s); going on with a new one", self._remote.settings.address, error)
        self.line.requestor.abort()
        self.line = yield from self._remote._take(self._contexts, new=True)
        return True

    def refusal(self, instance: Instance) -> str:
        return self.line.requestor.refusal(instance)


class _Nowhere:
    """Routes of a store in which nothing can be sent."""

    def route(self, instance: Instance, *, decode: bool) -> Any:  # noqa: ARG002
        return None

    def open_for(self, instance: Instance) -> Script[bool]:  # noqa: ARG002
        return False
        yield

    def reopen(self, error: Exception) -> Script[bool]:  # noqa: ARG002
        return False
        yield

    def refusal(self, instance: Instance) -> str:  # noqa: ARG002
        return "no association was opened for it"


class _Ahead:
    """A source that was looked into: its first instances decide which contexts are proposed."""

    def __init__(self, source: Source) -> None:
        self._source = source
        self._first: deque[Any] = deque()
        self._ended = False

    def end(self) -> None:
        """Gives out nothing more."""
        self._ended = True

    def look(self) -> Sequence[Any]:
        self._first.extend(self._source.take(_LOOK_AHEAD))
        return list(self._first)

    def take(self, count: int) -> Sequence[Any]:
        if self._ended:
            return []
        taken: list[Any] = []
        while len(taken) < count:
            try:
                taken.append(self._first.popleft())
            except IndexError:  # also when another association was faster
                break
        return taken or self._source.take(count)


class _Sum:
    """One progress of several associations'."""

    def __init__(self, told: Callable[[Any], object] | None) -> None:
        self._told = told
        self._parts: list[Any] = []

    def part(self) -> Callable[[Any], object]:
        index = len(self._parts)
        self._parts.append(None)

        def tell(progress: Any) -> None:
            self._parts[index] = progress
            known = [part for part in self._parts if part is not None]
            assert self._told is not None
            self._told(
                type(progress)(
                    sum(part.instances for part in known),
                    sum(part.failed for part in known),
                    sum(part.bytes for part in known),
                    progress.current,
                )
            )

        return tell


def _merged(parts: Sequence[StoreReport | BaseException]) -> StoreReport:
    """The reports of several associations as one; an association that never was leaves its share to the others."""
    reports = [part for part in parts if isinstance(part, StoreReport)]
    errors = [part for part in parts if not isinstance(part, StoreReport)]
    for error in errors:
        if not isinstance(error, DicomNetError):
            raise error
    if not reports:
        raise errors[0]
    merged = StoreReport(sorted((r for report in reports for r in report.results), key=lambda r: r.index))
    merged.error = next((report.error for report in reports if report.error is not None), None)
    for error in errors:
        log.warning("one of %d associations could not be opened: %s", len(parts), error)
    return merged


def _release(line: _Line) -> Script[None]:
    try:
        yield from line.requestor.release()
    except BaseException:  # left in the middle, and nobody knows of it any more
        line.requestor.abort()
        raise


def _move(line: Requestor, **arguments: Any) -> Script[RetrieveReport]:
    return line.move(**arguments)


def _add(whole: RetrieveReport, part: RetrieveReport) -> None:
    """Adds the report of one of several retrieves."""
    if whole.status is None or (whole.status.is_success and part.status is not None):
        whole.status = part.status
    whole.completed += part.completed
    whole.failed += part.failed
    whole.warning += part.warning
    whole.error_comment = whole.error_comment or part.error_comment
    whole.instances += part.instances
    whole.failed_uids += part.failed_uids
    whole.error = whole.error or part.error
    if part.expected is not None:
        whole.expected = (whole.expected or set()) | part.expected


def _ended_by_us(report: RetrieveReport) -> bool:
    return report.status is not None and report.status.is_cancel


def _to_receive(classes: Sequence[UID], *, one_context: bool = False) -> list[Wanted]:
    """Contexts to receive classes on: one for what is uncompressed, and others so that nothing has to be decompressed."""
    plain = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
    if one_context:
        return [Wanted(uid, (*plain, *_NATIVE), scu=False, scp=True) for uid in classes]
    each = [(syntax,) for syntax in _NATIVE] if len(classes) * (1 + len(_NATIVE)) < MOST_CONTEXTS - 8 else [_NATIVE]
    return [Wanted(uid, syntaxes, scu=False, scp=True) for uid in classes for syntaxes in (plain, *each)]


def _value(keys: Any, keyword: str) -> str:
    """A key as text, several values with backslashes between them; empty if it is not there."""
    value = keys.get(keyword) or ""
    return value if isinstance(value, str) else "\\".join(map(str, value))


def _values(match: Match, keyword: str) -> list[str]:
    value = match.get(keyword)
    if value is None or value == "":
        return []
    return [str(value)] if isinstance(value, str) else [str(one) for one in value]


def _uids(keywords: str) -> tuple[UID, ...]:
    return tuple(KEYWORDS[keyword] for keyword in keywords.split())


AUTO = 4
"""Associations that a store with "auto" spreads over, with a peer that performs one operation at a time."""

_LOOK_AHEAD = 256
_FEW = 16
_MOST_IDLE = 4

# Compressed syntaxes in the order of how often archives keep images in them.
_NATIVE = tuple(
    KEYWORDS[keyword]
    for keyword in """JPEGLosslessSV1 JPEG2000Lossless JPEGBaseline8Bit RLELossless JPEGLSLossless JPEG2000
    JPEGExtended12Bit JPEGLSNearLossless JPEGLossless MPEG4HP41 MPEG2MPML HTJ2KLossless""".split()
    if KEYWORDS.get(keyword) in TRANSFER_SYNTAXES
)

_SECONDARY = """SecondaryCaptureImageStorage GrayscaleSoftcopyPresentationStateStorage BasicTextSRStorage EnhancedSRStorage
    ComprehensiveSRStorage KeyObjectSelectionDocumentStorage EncapsulatedPDFStorage"""

# What is in a series of a modality; the answer of a peer that tells no SOP classes is turned into contexts by this.
_CLASSES_OF: dict[str, tuple[UID, ...]] = {
    modality: _uids(keywords)
    for modality, keywords in {
        "CR": f"ComputedRadiographyImageStorage {_SECONDARY}",
        "CT": f"CTImageStorage EnhancedCTImageStorage {_SECONDARY} XRayRadiationDoseSRStorage",
        "DX": f"DigitalXRayImageStorageForPresentation DigitalXRayImageStorageForProcessing {_SECONDARY}",
        "ES": "VLEndoscopicImageStorage VideoEndoscopicImageStorage",
        "IO": "DigitalIntraOralXRayImageStorageForPresentation",
        "KO": "KeyObjectSelectionDocumentStorage",
        "MG": """DigitalMammographyXRayImageStorageForPresentation DigitalMammographyXRayImageStorageForProcessing
            BreastTomosynthesisImageStorage MammographyCADSRStorage""",
        "MR": f"MRImageStorage EnhancedMRImageStorage MRSpectroscopyStorage {_SECONDARY}",
        "NM": f"NuclearMedicineImageStorage {_SECONDARY}",
        "OT": _SECONDARY
        + " MultiFrameTrueColorSecondaryCaptureImageStorage MultiFrameGrayscaleByteSecondaryCaptureImageStorage",
        "DOC": "EncapsulatedPDFStorage EncapsulatedCDAStorage",
        "PR": """GrayscaleSoftcopyPresentationStateStorage ColorSoftcopyPresentationStateStorage
            PseudoColorSoftcopyPresentationStateStorage BlendingSoftcopyPresentationStateStorage""",
        "PT": f"PositronEmissionTomographyImageStorage EnhancedPETImageStorage {_SECONDARY}",
        "REG": "SpatialRegistrationStorage DeformableSpatialRegistrationStorage",
        "RF": f"XRayRadiofluoroscopicImageStorage EnhancedXRFImageStorage {_SECONDARY}",
        "RTDOSE": "RTDoseStorage",
        "RTIMAGE": "RTImageStorage",
        "RTPLAN": "RTPlanStorage RTIonPlanStorage",
        "RTSTRUCT": "RTStructureSetStorage",
        "SC": _SECONDARY,
        "SEG": "SegmentationStorage SurfaceSegmentationStorage",
        "SM": "VLWholeSlideMicroscopyImageStorage",
        "SR": """BasicTextSRStorage EnhancedSRStorage ComprehensiveSRStorage Comprehensive3DSRStorage
            XRayRadiationDoseSRStorage""",
        "US": f"UltrasoundImageStorage UltrasoundMultiFrameImageStorage {_SECONDARY}",
        "XA": f"XRayAngiographicImageStorage EnhancedXAImageStorage {_SECONDARY}",
        "XC": "VLPhotographicImageStorage VideoPhotographicImageStorage",
        "ECG": "TwelveLeadECGWaveformStorage GeneralECGWaveformStorage",
    }.items()
}

_USUAL_CLASSES = tuple(dict.fromkeys(uid for classes in _CLASSES_OF.values() for uid in classes))
"""What to be prepared for when the peer tells nothing."""
