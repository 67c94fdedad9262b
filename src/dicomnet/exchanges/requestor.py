"""The requestor's side: the associations that one list of presentation contexts takes, and every operation on them.

More than 128 contexts make several associations; the first is opened at once,
the others when something needs them, each in place of the one before it if
nobody uses that. Whoever uses a requestor sees one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

from dicomnet.dimse.status import Status
from dicomnet.errors import ContextRefused, DicomNetError, InvalidValue, StateError
from dicomnet.exchanges import calls
from dicomnet.exchanges.calls import Answer, settle
from dicomnet.exchanges.commitment import Transactions, commit
from dicomnet.exchanges.contexts import (
    Wanted,
    association_request,
    find_context,
    for_instances,
    merge,
    packs,
    store_context,
)
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.keys import build_query, build_retrieve, model_of
from dicomnet.exchanges.reports import CommitReport, RetrieveReport, StoreReport
from dicomnet.exchanges.retrieve import Get, Inbox, Move
from dicomnet.exchanges.services import Verb, model_class, sop_classes, verbs
from dicomnet.exchanges.session import Provider, Session
from dicomnet.exchanges.settings import Settings
from dicomnet.exchanges.steps import Connect, Script, Wait, Work
from dicomnet.exchanges.store import Instance, Route, Source, Store, find_route, no_context
from dicomnet.exchanges.values import path_of
from dicomnet.types import UID, ae_title
from dicomnet.uids import STORAGE_CLASSES, StorageCommitmentPushModel, Verification, name
from dicomnet.ul.negotiation import Context, Terms

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")


class Requestor:
    """One or more associations with one peer.

    Args:
        settings: whom to call, and how.
        wanted: the presentation contexts.
        flexible: whether further contexts may be proposed, on an association of their own, for instances that need them.
        provider: performs what the peer asks for.
        transactions: requests for commitment whose answers may come here, or elsewhere.
    """

    def __init__(
        self,
        settings: Settings,
        wanted: Iterable[Wanted],
        *,
        flexible: bool = False,
        provider: Provider | None = None,
        transactions: Transactions | None = None,
    ) -> None:
        self.settings = settings
        self.sessions: list[Session] = []
        """Those that are open, nearly always one."""
        self._last: Session | None = None
        self._packs = packs(wanted)
        self._opened: dict[Session, list[Wanted]] = {}
        """What the open ones were opened with."""
        self._fruitless: list[list[Wanted]] = []
        """Packs of which the peer accepted nothing."""
        self._asked_for: tuple[Instance, list[list[Wanted]]] | None = None
        self._flexible = flexible
        self._provider = provider
        self._elsewhere = transactions is not None
        self._transactions = transactions or Transactions()
        self._seen: dict[tuple[str, str], None] = {}
        self._declined: set[tuple[str, str]] = set()
        """Kinds of instances that were proposed in vain."""
        self._failure: DicomNetError | None = None
        """Why a store could not open an association; it does not try again for each of its instances."""
        if not self._packs:
            raise InvalidValue("an association needs at least one presentation context")

    # Opening and closing.

    @property
    def session(self) -> Session:
        """The association that stands, or the last that did; raises `StateError` before there was one."""
        if self._last is None:
            raise StateError("there is no association yet")
        return self.sessions[0] if self.sessions else self._last

    @property
    def established(self) -> bool:
        """Whether there is an association to go on with."""
        return bool(self.sessions) and self.sessions[0].established

    def open(self) -> Script[None]:
        """Opens the first association.

        Raises:
            ConnectFailed, TlsFailed: the peer cannot be reached.
            AssociationRejected, AssociationAborted: it does not want to.
            ContextRefused: it does, but accepts none of the presentation contexts; the association is released.
            DicomTimeout: it does not answer.
        """
        yield from self._open(self._packs[0])

    def release(self) -> Script[None]:
        """Ends all associations in order. A peer that does not take part is aborted, which the log tells."""
        for session in self.sessions:
            yield from _release(session)

    def abort(self, source: int = 0, reason: int = 0) -> None:
        """Ends all associations at once."""
        for session in self.sessions:
            session.abort(source, reason)

    # Operations.

    def echo(self) -> Script[Status]:
        """C-ECHO."""
        session, context = yield from self._way(Verification, Verb.ECHO)
        return (yield from calls.echo(session, context))

    def store(self, source: Source, **options: Any) -> Script[StoreReport]:
        """C-STORE of whatever the source has; options as for `Store`."""
        self._check()
        self._failure = None
        return (yield from Store(self, source, **options).run())

    def find(
        self,
        what: str,
        keys: Mapping[Any, object] | Dataset,
        *,
        model: str | None = None,
        returning: Iterable[str | int] = (),
        charset: str | None = None,
        priority: int = 0,
    ) -> Script[Find]:
        """C-FIND: sends the query and gives what its matches are read from.

        Args:
            what: a level, or a model that has none.
            model: the model of a level; None is the study root, or the patient root at the PATIENT level.
        """
        sop_class, level = query_class(what, model)
        session, context = yield from self._way(sop_class, Verb.FIND)
        identifier = build_query(
            model_of(sop_class),
            level,
            keys,
            returning=returning,
            charset=charset,
            relational=_relational(session, sop_class),
        )
        find = Find(session, context, identifier, priority=priority)
        yield from find.begin()
        return find

    def get(
        self,
        destination: Any,
        keys: Mapping[Any, object] | Dataset,
        *,
        model: str = "study-root",
        level: str | None = None,
        **options: Any,
    ) -> Script[RetrieveReport]:
        """C-GET; options as for `Get`."""
        sop_class = model_class(model, Verb.GET)
        session, context = yield from self._way(sop_class, Verb.GET)
        _, identifier = build_retrieve(
            model_of(sop_class), keys, level=level, relational=_relational(session, sop_class)
        )
        keep: Callable[[Any], Any] = yield Work(lambda: session.shell.keeper(destination))
        return (yield from Get(session, context, identifier, keep, **options).run())

    def move(
        self,
        to: str,
        keys: Mapping[Any, object] | Dataset,
        *,
        model: str = "study-root",
        level: str | None = None,
        inbox: Inbox | None = None,
        **options: Any,
    ) -> Script[RetrieveReport]:
        """C-MOVE; options as for `Move`."""
        try:
            to = ae_title(to)
        except ValueError as error:
            raise InvalidValue(f"move destination: {error}") from error
        sop_class = model_class(model, Verb.MOVE)
        session, context = yield from self._way(sop_class, Verb.MOVE)
        _, identifier = build_retrieve(
            model_of(sop_class), keys, level=level, relational=_relational(session, sop_class)
        )
        return (yield from Move(session, context, identifier, to, inbox=inbox, **options).run())

    def commit(self, instances: Any, *, timeout: float | None) -> Script[CommitReport]:
        """Storage commitment; see `commitment.commit`."""
        session, context = yield from self._way(StorageCommitmentPushModel, Verb.N_ACTION)
        return (
            yield from commit(
                session,
                context,
                instances,
                transactions=self._transactions,
                transaction_uid=session.shell.new_uid(),
                timeout=timeout,
                elsewhere=self._elsewhere,
            )
        )

    def n_create(self, sop_class: str, instance: str | None, dataset: Dataset | None) -> Script[Answer]:
        """N-CREATE."""
        uid = one_class(sop_class)
        session, context = yield from self._way(uid, Verb.N_CREATE)
        return (yield from calls.n_create(session, context, uid, instance, dataset))

    def n_set(self, sop_class: str, instance: str, dataset: Dataset) -> Script[Answer]:
        """N-SET."""
        uid = one_class(sop_class)
        session, context = yield from self._way(uid, Verb.N_SET)
        return (yield from calls.n_set(session, context, uid, instance, dataset))

    def n_get(self, sop_class: str, instance: str, attributes: Iterable[str | int]) -> Script[Answer]:
        """N-GET; attributes by keyword or tag, none for all there are."""
        tags = [path_of(attribute)[0] for attribute in attributes]
        uid = one_class(sop_class)
        session, context = yield from self._way(uid, Verb.N_GET)
        return (yield from calls.n_get(session, context, uid, instance, tags))

    def n_action(self, sop_class: str, instance: str, action_type: int, dataset: Dataset | None) -> Script[Answer]:
        """N-ACTION."""
        uid = one_class(sop_class)
        session, context = yield from self._way(uid, Verb.N_ACTION)
        return (yield from calls.n_action(session, context, uid, instance, action_type, dataset))

    def n_delete(self, sop_class: str, instance: str) -> Script[Answer]:
        """N-DELETE."""
        uid = one_class(sop_class)
        session, context = yield from self._way(uid, Verb.N_DELETE)
        return (yield from calls.n_delete(session, context, uid, instance))

    def n_event_report(self, sop_class: str, instance: str, event_type: int, dataset: Dataset | None) -> Script[Answer]:
        """N-EVENT-REPORT, in the SCP role, which must have been offered and granted."""
        uid = one_class(sop_class)
        session, context = yield from self._way(uid, Verb.N_EVENT_REPORT)
        return (yield from calls.n_event_report(session, context, uid, instance, event_type, dataset))

    def wait(self, timeout: float | None = None) -> Script[bool]:
        """Performs what the peer asks for until it ends the association, or time is up; whether it has ended it."""
        session = self.session
        yield Wait(session, lambda: session.over, timeout)
        return session.over

    # As the routes of a store.

    def route(self, instance: Instance, *, decode: bool) -> Route | None:
        pair = (instance.sop_class_uid, instance.transfer_syntax_uid)
        self._seen.pop(pair, None)  # the latest are the last
        self._seen[pair] = None
        for session in self.sessions:
            found = find_route(session, instance, decode=decode)
            if found is not None:
                return found
        return None

    def open_for(self, instance: Instance) -> Script[bool]:
        if self._failure is not None:
            raise self._failure.with_traceback(None)
        pack = self._pack_for(instance)
        if pack is None:
            return False
        kinds: set[tuple[str, str]] = {(one.abstract_syntax, one.transfer_syntaxes[0]) for one in pack}
        try:
            terms = yield from self._open(pack)
        except ContextRefused:
            self._declined |= kinds
            return False
        except DicomNetError as error:
            self._failure = error
            raise
        assume = self.settings.tolerance.assume_roles
        self._declined |= {kind for kind in kinds if store_context(terms, *kind, assume_roles=assume) is None}
        return True

    def reopen(self, error: Exception) -> Script[bool]:  # noqa: ARG002
        return False
        yield

    def refusal(self, instance: Instance) -> str:
        return no_context(instance)

    # How.

    def _pack_for(self, instance: Instance) -> list[Wanted] | None:
        """The contexts to be proposed next for an instance that has no way."""
        pair = (instance.sop_class_uid, instance.transfer_syntax_uid)
        if not self._flexible:
            if self._asked_for is None or self._asked_for[0] is not instance:
                self._asked_for = (instance, [])
            asked = self._asked_for[1]
            pack = self._unopened(pair[0], asked)
            if pack is not None:
                asked.append(pack)
            return pack
        if pair in self._declined:
            return None
        # All that came so far at once, or instances of different kinds in turn would each have to open it anew.
        return for_instances(one for one in [*list(self._seen)[-_MOST_SEEN:], pair] if one not in self._declined)

    def _open(self, pack: list[Wanted]) -> Script[Terms]:
        """Opens an association, in place of those that nobody uses: many peers take one at a time."""
        for unused in [one for one in self.sessions if not any(each.held for each in one.unfinished)]:
            yield from _release(unused)
            self.sessions.remove(unused)
            self._opened.pop(unused, None)
        settings = self.settings
        request = association_request(
            pack,
            calling_ae=settings.calling_ae,
            called_ae=settings.called_ae,
            max_pdu_length=settings.limits.max_pdu_length,
            roles=settings.roles,
            extended=settings.extended,
            common_extended=settings.common_extended,
            user_identity=settings.user_identity,
            window=settings.window,
        )
        session: Session = yield Connect(settings, self._provider)
        try:
            session.associate(request)
            yield Wait(session, lambda: session.answered)
            terms = session.check()
        except BaseException:
            session.abort()
            raise
        if not terms.contexts:
            self._fruitless.append(pack)
            yield from _release(session)
            names = ", ".join(dict.fromkeys(name(one.abstract_syntax) for one in pack[:_MOST_NAMES]))
            more = " and others" if len(pack) > _MOST_NAMES else ""
            raise ContextRefused(
                pack[0].abstract_syntax, f"the peer accepted no presentation context: {names}{more} refused"
            )
        self._last = session
        self._opened[session] = pack
        self.sessions.append(session)
        return terms

    def _unopened(self, sop_class: str, tried: Sequence[list[Wanted]]) -> list[Wanted] | None:
        """A pack with the SOP class in it that might be opened for it."""
        gone = [*self._opened.values(), *self._fruitless, *tried]
        for pack in self._packs:
            if any(one.abstract_syntax == sop_class for one in pack) and not any(pack is one for one in gone):
                return pack
        return None

    def _check(self) -> None:
        """Raises what the association has ended with, if it has not made room for another one."""
        if self.sessions or self._last is None:
            self.session.check()

    def _way(self, sop_class: UID, verb: Verb) -> Script[tuple[Session, Context]]:
        """An association and a context for a request about a SOP class."""
        self._check()
        found = self._context(sop_class, verb)
        tried: list[list[Wanted]] = []
        while found is None:
            pack = self._unopened(sop_class, tried)
            if pack is None:
                raise self._refused(sop_class, verb)
            tried.append(pack)
            yield from self._open(pack)
            found = self._context(sop_class, verb)
        return found

    def _context(self, sop_class: UID, verb: Verb) -> tuple[Session, Context] | None:
        for session in self.sessions:
            if session.over or session.terms is None:
                continue
            try:
                return session, self._find_in(session, sop_class, verb)
            except ContextRefused:
                continue
        return None

    def _find_in(self, session: Session, sop_class: UID, verb: Verb) -> Context:
        return find_context(
            session.check(),
            sop_class,
            as_scu=verb is not Verb.N_EVENT_REPORT,
            assume_roles=session.tolerance.assume_roles,
            verb=verb,
            request=session.request,
            accept=session.accept_pdu,
        )

    def _refused(self, sop_class: UID, verb: Verb) -> DicomNetError:
        """Why there is no context, from the association that was asked for one."""
        errors = []
        for session in self.sessions:
            try:
                self._find_in(session, sop_class, verb)
            except ContextRefused as error:
                errors.append(error)
            except DicomNetError as error:
                return error
        if any(one.abstract_syntax == sop_class for pack in self._fruitless for one in pack):
            errors.append(ContextRefused(sop_class, f"{name(sop_class)} was proposed, but refused"))
        return next((error for error in errors if error.proposed), errors[0] if errors else _unknown(sop_class))


def wanted_for_retrieve(wanted: Sequence[Wanted]) -> list[Wanted]:
    """With a C-GET among the contexts, storage classes are wanted in the SCP role too (PS3.4 C.5.3)."""
    if not any(Verb.GET in verbs(one.abstract_syntax) and _is_known(one.abstract_syntax) for one in wanted):
        return list(wanted)
    return merge(
        Wanted(one.abstract_syntax, one.transfer_syntaxes, scu=one.scu, scp=True)
        if one.abstract_syntax in STORAGE_CLASSES
        else one
        for one in wanted
    )


def merged_keys(identifier: Mapping[Any, object] | Dataset | None, keys: Mapping[str, object]) -> Any:
    """The keys of a query from both ways to give them.

    Raises:
        InvalidValue: a data set and further keys.
    """
    if identifier is None:
        return keys
    if not keys:
        return identifier
    if not isinstance(identifier, Mapping):
        raise InvalidValue("give a data set or keys, not both")
    return {**identifier, **keys}


def query_class(what: str, model: str | None) -> tuple[UID, str | None]:
    """The SOP class and the level of a query for `what`.

    Raises:
        InvalidValue: it is neither a level nor a model.
    """
    level = what.upper()
    if level in _LEVELS:
        return model_class(model or ("patient-root" if level == "PATIENT" else "study-root"), Verb.FIND), level
    if model is not None:
        raise InvalidValue(f"{what!r} is no level; {', '.join(_LEVELS)} are")
    return model_class(what, Verb.FIND), None


def one_class(sop_class: str) -> UID:
    """The one SOP class behind a name; raises `InvalidValue` if there are several."""
    found = sop_classes(sop_class)
    if len(found) != 1:
        raise InvalidValue(f"{sop_class!r} is a service of {len(found)} SOP classes; say which one")
    return found[0]


def _release(session: Session) -> Script[None]:
    try:
        if not session.over:
            yield from settle(session, everything=True)
            session.release()
            yield Wait(session, lambda: session.over)
        if session.error is None:
            yield Wait(session, lambda: session.closed_down, to_the_end=True)
        elif not isinstance(session.error, StateError):
            log.debug("%s was over before its release: %s", session.id, session.error)
    except DicomNetError as error:
        log.warning("%s could not be released: %s", session.id, error)
        session.abort()


def _unknown(sop_class: UID) -> ContextRefused:
    return ContextRefused(sop_class, f"{name(sop_class)} was not proposed in this association", proposed=False)


def _relational(session: Session, sop_class: str) -> bool:
    """Whether relational queries were offered for the class and agreed to (PS3.4 C.5.1.1)."""
    accept = session.accept_pdu
    items = () if accept is None else accept.user_information.extended
    return any(item.sop_class == sop_class and item.application_information[:1] == b"\1" for item in items)


def _is_known(sop_class: str) -> bool:
    return name(sop_class) != sop_class


_LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
_MOST_SEEN = 60
_MOST_NAMES = 5
