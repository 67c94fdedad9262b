"""The requestor's side: every operation on the associations with one peer, and what the arguments of operations mean."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, Any, TypeVar

from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue
from dicomnet.exchanges import calls
from dicomnet.exchanges.associations import Associations, StoreRoutes
from dicomnet.exchanges.calls import Answer, Attributes
from dicomnet.exchanges.commitment import commit, instance_refs
from dicomnet.exchanges.contexts import (
    Wanted,
    merge,
)
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.keys import build_query, build_retrieve, model_of
from dicomnet.exchanges.reports import CommitReport, RetrieveReport, StoreReport
from dicomnet.exchanges.retrieve import Get, Inbox, Move
from dicomnet.exchanges.services import Verb, model_class, of_n_service, sop_classes, verbs
from dicomnet.exchanges.session import Session
from dicomnet.exchanges.steps import Script, Wait, Work
from dicomnet.exchanges.store import Source, Store
from dicomnet.exchanges.values import path_of, several
from dicomnet.types import UID, ae_title
from dicomnet.uids import (
    STORAGE_CLASSES,
    ModalityPerformedProcedureStep,
    StorageCommitmentPushModel,
    UnifiedProcedureStepPush,
    Verification,
    name,
)
from dicomnet.ul.negotiation import Context

if TYPE_CHECKING:
    from pydicom import Dataset

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


class Requestor(Associations):
    """One or more associations with one peer, and every operation on them; arguments as for `Associations`."""

    def echo(self) -> Script[Status]:
        """C-ECHO."""
        return (yield from self._call(Verification, Verb.ECHO, calls.echo))

    def store(self, source: Source, **options: Any) -> Script[StoreReport]:
        """C-STORE of whatever the source has; options as for `Store`."""
        self._check()
        self._failure = None
        routes = StoreRoutes(self)
        try:
            return (yield from Store(routes, source, **options).run())
        finally:
            routes.let_go()

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
        asked = several(returning)

        def begin(session: Session, context: Context) -> Script[Find]:
            build = partial(build_query, model_of(sop_class), level, keys, returning=asked, charset=charset)
            identifier = _identifier(session, sop_class, build)
            find = Find(session, context, identifier, priority=priority)
            yield from find.begin()
            return find

        return (yield from self._call(sop_class, Verb.FIND, begin))

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

        def run(session: Session, context: Context) -> Script[RetrieveReport]:
            build = partial(build_retrieve, model_of(sop_class), keys, level=level)
            _, identifier = _identifier(session, sop_class, build)
            keep: Callable[[Any], Any] = yield Work(lambda: session.shell.keeper(destination))
            return (yield from Get(session, context, identifier, keep, **options).run())

        return (yield from self._call(sop_class, Verb.GET, run))

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

        def run(session: Session, context: Context) -> Script[RetrieveReport]:
            build = partial(build_retrieve, model_of(sop_class), keys, level=level)
            _, identifier = _identifier(session, sop_class, build)
            return (yield from Move(session, context, identifier, to, inbox=inbox, **options).run())

        return (yield from self._call(sop_class, Verb.MOVE, run))

    def commit(self, instances: Any, *, timeout: float | None) -> Script[CommitReport]:
        """Storage commitment; see `commitment.commit`."""
        refs = instance_refs(instances)

        def run(session: Session, context: Context) -> Script[CommitReport]:
            return commit(
                session,
                context,
                refs,
                transactions=self._transactions,
                transaction_uid=session.shell.new_uid(),
                timeout=timeout,
                elsewhere=self._elsewhere,
            )

        return (yield from self._call(StorageCommitmentPushModel, Verb.N_ACTION, run))

    def n_create(self, sop_class: str, instance: str | None, dataset: Attributes | None) -> Script[Answer]:
        """N-CREATE."""
        syntax, uid = of_n_service(sop_class)

        def create(session: Session, context: Context) -> Script[Answer]:
            named = instance or (session.shell.new_uid() if uid in _NAMED_BY_SCU else None)
            return calls.n_create(session, context, uid, named, dataset)

        return (yield from self._call(syntax, Verb.N_CREATE, create))

    def n_set(self, sop_class: str, instance: str, dataset: Attributes) -> Script[Answer]:
        """N-SET."""
        syntax, uid = of_n_service(sop_class)
        call = partial(calls.n_set, sop_class=uid, instance=instance, dataset=dataset)
        return (yield from self._call(syntax, Verb.N_SET, call))

    def n_get(self, sop_class: str, instance: str, attributes: Iterable[str | int]) -> Script[Answer]:
        """N-GET; attributes by keyword or tag, none for all there are."""
        tags = [path_of(attribute)[0] for attribute in several(attributes)]
        syntax, uid = of_n_service(sop_class)
        call = partial(calls.n_get, sop_class=uid, instance=instance, tags=tags)
        return (yield from self._call(syntax, Verb.N_GET, call))

    def n_action(self, sop_class: str, instance: str, action_type: int, dataset: Attributes | None) -> Script[Answer]:
        """N-ACTION."""
        syntax, uid = of_n_service(sop_class)
        call = partial(calls.n_action, sop_class=uid, instance=instance, action_type=action_type, dataset=dataset)
        return (yield from self._call(syntax, Verb.N_ACTION, call))

    def n_delete(self, sop_class: str, instance: str) -> Script[Answer]:
        """N-DELETE."""
        syntax, uid = of_n_service(sop_class)
        call = partial(calls.n_delete, sop_class=uid, instance=instance)
        return (yield from self._call(syntax, Verb.N_DELETE, call))

    def n_event_report(
        self, sop_class: str, instance: str, event_type: int, dataset: Attributes | None
    ) -> Script[Answer]:
        """N-EVENT-REPORT, in the SCP role, which must have been offered and granted."""
        syntax, uid = of_n_service(sop_class)
        call = partial(calls.n_event_report, sop_class=uid, instance=instance, event_type=event_type, dataset=dataset)
        return (yield from self._call(syntax, Verb.N_EVENT_REPORT, call))

    def wait(self, timeout: float | None = None) -> Script[bool]:
        """Performs what the peer asks for until it ends the association, or time is up; whether it has ended it."""
        session = self.session
        yield Wait(session, lambda: session.over, timeout)
        return session.over


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
    return model_class(what, Verb.FIND, levels=_LEVELS), None


def one_class(sop_class: str) -> UID:
    """The one SOP class behind a name; raises `InvalidValue` if there are several."""
    found = sop_classes(sop_class)
    if len(found) != 1:
        raise InvalidValue(f"{sop_class!r} is a service of {len(found)} SOP classes; say which one")
    return found[0]


def _identifier(session: Session, sop_class: UID, build: Callable[..., T]) -> T:
    """An identifier as it was agreed on, or as the peer is said to take it all the same."""
    relational = _relational(session, sop_class)
    try:
        return build(relational=relational)
    except InvalidValue:
        if relational or not session.tolerance.relational_queries:
            raise
    identifier = build(relational=True)
    session.tolerate("relational", f"{name(sop_class)} without the keys of the levels above")
    return identifier


def _relational(session: Session, sop_class: UID) -> bool:
    """Whether relational queries were offered for the class and agreed to (PS3.4 C.5.1.1)."""
    request = session.request
    assert request is not None
    offers = {item.sop_class: item.application_information for item in request.user_information.extended}
    answers = session.check().extended
    return all(items.get(sop_class, b"")[:1] == b"\1" for items in (offers, answers))


def _is_known(sop_class: str) -> bool:
    return name(sop_class) != sop_class


_LEVELS = ("PATIENT", "STUDY", "SERIES", "IMAGE")
_NAMED_BY_SCU = (ModalityPerformedProcedureStep, UnifiedProcedureStepPush)
"""Classes whose instances get their UID from who has them made (PS3.4 F.7.2.1, CC.2.5.2)."""
