"""Functions that perform what peers ask for, found by operation and SOP class."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Mapping
from typing import Any, Self, TypeAlias

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.services import MODELS, SERVICES, Verb, carries, model_class, sop_classes, verbs
from dicomnet.types import UID
from dicomnet.uids import (
    RETIRED,
    SERVICE_CLASSES,
    STORAGE_CLASSES,
    BasicColorPrintManagementMeta,
    BasicGrayscalePrintManagementMeta,
    ModalityPerformedProcedureStep,
    ModalityPerformedProcedureStepNotification,
    UnifiedProcedureStepEvent,
    UnifiedProcedureStepPull,
    UnifiedProcedureStepPush,
    UnifiedProcedureStepWatch,
    Verification,
    name as name_of,
)

Handler: TypeAlias = Callable[..., Any]
"""Called with a request of `dicomnet.aio.requests`, or with its blocking twin if it is no ``async def``."""


class Handlers:
    """Who performs what.

    A function is added for an operation, and for all of its SOP classes or for
    some. What it is added for without names is what people mean by the word:
    every storage class, the study root and the patient root, every class that
    knows the N-service.
    """

    def __init__(self) -> None:
        self._functions: dict[tuple[Verb, UID | None], Handler] = {}
        self._stand_ins: set[Verb] = set()
        """The operations of which the general function gives way to another one."""
        self._found: dict[tuple[Verb, str, str | None], Handler | None] = {}
        self._served: Mapping[UID, frozenset[Verb]] | None = None

    @classmethod
    def of(cls, mapping: Mapping[str, Handler]) -> Self:
        """The handlers of a mapping such as ``{"store": keep, "n_event_report": note}``.

        Raises:
            InvalidValue: a key is no operation; the text names the nearest.
        """
        handlers = cls()
        for verb, function in mapping.items():
            handlers.add(verb, function)
        return handlers

    def add(self, verb: str, function: Handler, *names: str, stand_in: bool = False) -> None:
        """Has a function perform an operation.

        Args:
            verb: "store", "n-create", also written "n_create".
            function: see `Handler`.
            names: services, information models, keywords or UIDs of SOP classes; none is all that the word means.
            stand_in: whether it is for what nobody else performs, and gives way to one that is added later.

        Raises:
            InvalidValue: a name means nothing, or nothing that knows the operation; or there is a function for it already.
        """
        found = verb_named(verb)
        if not callable(function):
            raise InvalidValue(f"a handler of {found} is a function, not {function!r}")
        classes: list[UID | None] = [None] if not names else []
        for name in names:
            classes += _classes(found, name)
        if None in classes and found in self._stand_ins:
            self._stand_ins.discard(found)
            del self._functions[found, None]
        for sop_class in classes:
            if (found, sop_class) in self._functions:
                what = "" if sop_class is None else f" {name_of(sop_class)}"
                raise InvalidValue(f"there is a handler of {found}{what} already")
            self._functions[found, sop_class] = function
        if stand_in:
            self._stand_ins.add(found)
        self._found.clear()
        self._served = None

    def find(self, verb: Verb, sop_class: str, abstract_syntax: str | None = None) -> Handler | None:
        """The function for a request: that of its SOP class, else of its presentation context, else the general one.

        Requests about procedure steps all name one SOP class, so there the context comes first.

        Args:
            sop_class: of the request.
            abstract_syntax: of the context it came in, where that is another one: a meta SOP class (PS3.4 H.3.2), or
                one of the unified procedure step (PS3.4 CC.3.1).
        """
        key = (verb, sop_class, abstract_syntax)
        if key not in self._found:
            if len(self._found) >= _MOST_FOUND:  # peers name what they like
                self._found.clear()
            asked = [UID(one) for one in (sop_class, abstract_syntax) if one]
            self._found[key] = self._find(verb, asked[::-1] if sop_class == UnifiedProcedureStepPush else asked)
        return self._found[key]

    def _find(self, verb: Verb, asked: list[UID]) -> Handler | None:
        for one in asked:
            if (verb, one) in self._functions:
                return self._functions[verb, one]
        general = self._functions.get((verb, None))
        if general is not None and any(_is_meant(verb, one) for one in asked):
            return general
        return None

    @property
    def functions(self) -> Collection[Handler]:
        """All that were added."""
        return self._functions.values()

    @property
    def verbs(self) -> frozenset[Verb]:
        """The operations that have a function."""
        return frozenset(verb for verb, _ in self._functions)

    def knows(self, sop_class: str, abstract_syntax: str | None = None) -> bool:
        """Whether anything about a SOP class is performed here."""
        return any(self.find(verb, sop_class, abstract_syntax) for verb in self.verbs)

    def abstract_syntaxes(self) -> Mapping[UID, frozenset[Verb]]:
        """The SOP classes to be accepted, each with the operations performed in it.

        Verification is always among them (PS3.4 A.4). A storage class without
        an operation is one that C-GET sends its instances in, for which the
        peer has to be SCP (PS3.4 C.5.3). Of every member of a meta SOP class
        follows the meta SOP class, and of who makes steps or takes
        subscriptions that there are events about them.
        """
        if self._served is None:  # every association asks
            self._served = {one: frozenset(performed) for one, performed in self._find_served().items()}
        return self._served

    def _find_served(self) -> dict[UID, set[Verb]]:
        found: dict[UID, set[Verb]] = {Verification: {Verb.ECHO}}
        for verb, sop_class in self._functions:
            for one in _usual(verb) if sop_class is None else [sop_class]:
                found.setdefault(one, set()).add(verb)
        if Verb.GET in self.verbs:
            for one in _usual(Verb.STORE):
                found.setdefault(one, set())
        for meta, members in _METAS.items():
            if all(member in found for member in members):
                found.setdefault(meta, set()).update(*(found[member] for member in members))
        for notification, told_by in _NOTIFICATIONS.items():
            if any(told_by[one] in found.get(one, ()) for one in told_by):
                found.setdefault(notification, set()).add(Verb.N_EVENT_REPORT)
        return found


def verb_named(text: str) -> Verb:
    """The operation of a name such as "store" or "n_create".

    Raises:
        InvalidValue: there is none; the text names the nearest.
    """
    try:
        return Verb(text.lower().replace("_", "-"))
    except ValueError:
        from difflib import get_close_matches

        near = get_close_matches(text.lower().replace("_", "-"), list(Verb))
        known = f"did you mean {near[0]}?" if near else f"known are {', '.join(Verb)}"
        raise InvalidValue(f"{text!r} is no operation; {known}") from None


def _classes(verb: Verb, name: str) -> list[UID]:
    """The SOP classes of a name that know the operation."""
    if not isinstance(name, str):
        raise InvalidValue(f"a handler of {verb} is for services or SOP classes by name, not for {name!r}")
    if name in MODELS and name not in SERVICES:
        return [model_class(name, verb)]
    found = [one for one in sop_classes(name) if verb in verbs(one)]
    if not found:
        raise InvalidValue(f"{name!r} knows no {verb}")
    return found


def _usual(verb: Verb) -> Iterator[UID]:
    """What an operation is performed in if nobody says otherwise."""
    if verb is Verb.ECHO:
        yield Verification
    elif verb is Verb.STORE:
        yield from SERVICES["storage"].sop_classes
    elif verb in _RETRIEVAL:
        yield from (MODELS[root][verb] for root in _ROOTS)
    else:
        yield from (UID(one) for one in SERVICE_CLASSES if one not in RETIRED and verb in verbs(one))


def _is_meant(verb: Verb, sop_class: UID) -> bool:
    """Whether a function without names is for this class: also for one that nobody knows, if it was accepted."""
    if verb in _RETRIEVAL:
        return any(MODELS[root][verb] == sop_class for root in _ROOTS)
    return verb in verbs(sop_class) or (verb is Verb.STORE and sop_class in STORAGE_CLASSES)


_RETRIEVAL = (Verb.FIND, Verb.GET, Verb.MOVE)
_ROOTS = ("study-root", "patient-root")

_METAS = {
    meta: tuple(UID(one) for one in SERVICE_CLASSES if one != meta and carries(meta, one))
    for meta in (BasicGrayscalePrintManagementMeta, BasicColorPrintManagementMeta)
}

_NOTIFICATIONS: dict[UID, dict[UID, Verb]] = {
    UnifiedProcedureStepEvent: dict.fromkeys(
        (UnifiedProcedureStepPush, UnifiedProcedureStepPull, UnifiedProcedureStepWatch), Verb.N_ACTION
    ),
    ModalityPerformedProcedureStepNotification: {ModalityPerformedProcedureStep: Verb.N_CREATE},
}
# Classes of which there is nothing but N-EVENT-REPORT, and who has something to report (PS3.4 CC.2.4, F.9).

_MOST_FOUND = 1024
"""Answers that are remembered."""
