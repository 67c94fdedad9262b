"""One application entity of a server: a title, its handlers, and who may call it."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping, Sequence
from functools import cache
from typing import Any

from dicomnet.aio.handlers import Handlers
from dicomnet.aio.keeping import Keep
from dicomnet.errors import InvalidValue
from dicomnet.exchanges.services import Verb, verbs
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Limits
from dicomnet.pdu import AssociateRequest, ExtendedNegotiation
from dicomnet.server.answer import Abilities, Extended, checked_extended, checked_syntaxes
from dicomnet.server.commitment import CommitFunction, Reporter, commitment_handler
from dicomnet.server.layout import Layout, LayoutSink, mask_patients
from dicomnet.server.policy import GIVING_OUT, Rules, title_of
from dicomnet.storage.folder import Folder
from dicomnet.storage.rules import FileRules
from dicomnet.storage.sinks import Sink
from dicomnet.types import UID
from dicomnet.uids import StorageCommitmentPushModel


class Entity:
    """What is called by one title; a `Server` is one itself, and makes others with `Server.ae`.

    Handlers are registered with the decorators ``on_...``, with names of
    services, models, SOP class keywords or UIDs, or without for all that the
    operation is meant for. Which presentation contexts are accepted follows
    from them.
    """

    def __init__(
        self,
        aet: str | None,
        *,
        rules: Rules,
        folder: str | os.PathLike[str] | None = None,
        layout: str | Layout | None = None,
        unrestricted: bool = False,
        transfer_syntaxes: Sequence[str] | None = None,
        extended: Extended | None = None,
        tolerance: Tolerance | None = None,
        limits: Limits | None = None,
        files: FileRules | None = None,
    ) -> None:
        self.aet: str | None = None if aet is None else title_of(aet)
        """The title; None is any that no other one has."""
        self.rules = rules
        self.tolerance = tolerance or Tolerance()
        self.limits = limits or Limits()
        self.files = files or FileRules()
        """How instances become files, where a handler does not say so itself."""
        self.folder = folder
        self.layout = Layout(layout) if isinstance(layout, str) else layout
        self.handlers = Handlers()
        self.running: Reporter | None = None
        """What serves it, while there is something."""
        self._unrestricted = unrestricted
        self._transfer_syntaxes = checked_syntaxes(transfer_syntaxes)
        self.extended = checked_extended(extended)
        self._take_methods()
        if folder is None and layout is not None:
            raise InvalidValue(
                "a layout without a folder; of what a handler saves it is request.save(folder, layout=...)"
            )
        if folder is not None and Verb.STORE not in self.handlers.verbs:
            self.handlers.add(Verb.STORE, Keep(folder, layout=self.layout), stand_in=True)

    def __repr__(self) -> str:
        return f"<{type(self).__name__} {self.aet or 'with any title'}>"

    # Handlers.

    def handle(self, verb: str, function: Callable[..., Any], *names: str) -> None:
        """Registers a handler.

        Args:
            verb: the operation, such as "find" or "n-create".
            function: plain functions run in threads, ``async`` ones on the loop. It is called with the request.
            names: what it is for: services, models, keywords or UIDs of SOP classes; none is every class of the
                operation.

        Raises:
            InvalidValue: a name means nothing, or has no such operation.
        """
        self.handlers.add(verb, function, *names)

    def on_echo(self, *what: Any) -> Any:
        """C-ECHO; it is answered without a handler, too."""
        return self._on(Verb.ECHO, what)

    def on_store(self, *what: Any) -> Any:
        """C-STORE: called when the command has come, before the data; see `dicomnet.aio.requests.StoreRequest`."""
        return self._on(Verb.STORE, what)

    def on_find(self, *what: Any) -> Any:
        """C-FIND: returns or yields the matches, data sets or mappings of keywords; a status in place of one ends the query."""
        return self._on(Verb.FIND, what)

    def on_get(self, *what: Any) -> Any:
        """C-GET: returns or yields the instances to send, as `store` takes them; a status in place of one is the answer."""
        return self._on(Verb.GET, what)

    def on_move(self, *what: Any) -> Any:
        """C-MOVE: the same; they go to the destination, which must be in the address book ``peers``."""
        return self._on(Verb.MOVE, what)

    def on_n_create(self, *what: Any) -> Any:
        """N-CREATE."""
        return self._on(Verb.N_CREATE, what)

    def on_n_set(self, *what: Any) -> Any:
        """N-SET."""
        return self._on(Verb.N_SET, what)

    def on_n_get(self, *what: Any) -> Any:
        """N-GET."""
        return self._on(Verb.N_GET, what)

    def on_n_action(self, *what: Any) -> Any:
        """N-ACTION."""
        return self._on(Verb.N_ACTION, what)

    def on_n_delete(self, *what: Any) -> Any:
        """N-DELETE."""
        return self._on(Verb.N_DELETE, what)

    def on_n_event_report(self, *what: Any) -> Any:
        """N-EVENT-REPORT, of a peer that provides a service to us."""
        return self._on(Verb.N_EVENT_REPORT, what)

    def on_commit(self, function: CommitFunction) -> CommitFunction:
        """Storage commitment as a whole (PS3.4 J): the function says which instances are kept for certain.

        It is given a list of `InstanceRef` and returns those that are committed
        and those that are not; the latter may be pairs with a failure reason
        (0008,1197). It may take its time: the request is answered at once, and
        the result is reported on the same association if that still stands, or
        on one of our own to the address book's entry of the peer, which is
        tried several times.
        """
        self.handlers.add(Verb.N_ACTION, commitment_handler(self, function), StorageCommitmentPushModel)
        return function

    # For the server.

    def handles(self, verb: Verb, sop_class: str) -> bool:
        """Whether there is a handler."""
        return self.handlers.find(verb, sop_class) is not None

    def check_folder(self) -> None:
        """Makes the folder if it is not there; raises `StorageError` if nothing could be kept in it."""
        kept = any(isinstance(function, Keep) for function in self.handlers.functions)
        if kept and isinstance(self.folder, str | os.PathLike):
            Folder(self.folder).check_writable()

    def gives_out(self, request: AssociateRequest) -> bool:
        """Whether a request proposes anything that strangers may not ask for."""
        served = self.handlers.abstract_syntaxes()
        return any(GIVING_OUT & served.get(one.abstract_syntax, set()) for one in request.contexts)

    def abilities(
        self,
        request: AssociateRequest,
        granted: frozenset[Verb],
        *,
        extended: Mapping[UID, ExtendedNegotiation],
        awaits_results: bool,
        awaits_instances: bool,
    ) -> Abilities:
        """What an association may be agreed on with a peer.

        Args:
            request: what it asks for.
            granted: the operations that it may ask for.
            extended: the answers to its extended negotiation.
            awaits_results: whether somebody of ours may be waiting for the result of a storage commitment.
            awaits_instances: whether a C-MOVE to ourselves is going on.
        """
        served = self.handlers.abstract_syntaxes()

        def verbs_of(sop_class: str) -> frozenset[Verb]:
            found = frozenset(served.get(sop_class, ()))  # type: ignore[call-overload]
            if awaits_results and sop_class == StorageCommitmentPushModel:
                found |= {Verb.N_EVENT_REPORT}
            return found

        def hears(sop_class: str) -> bool:
            return verbs(sop_class) != {Verb.N_EVENT_REPORT} or self.handles(Verb.N_EVENT_REPORT, sop_class)

        return Abilities(
            verbs_of=verbs_of,
            hears=hears,
            stores=lambda sop_class: awaits_instances or self.handles(Verb.STORE, sop_class),
            gives=any(Verb.GET in served.get(one.abstract_syntax, ()) for one in request.contexts),
            granted=granted,
            unrestricted=self._unrestricted,
            assume_roles=self.tolerance.assume_roles,
            report_without_role=self.tolerance.event_report_without_role,
            transfer_syntaxes=self._transfer_syntaxes,
            extended=extended,
            max_pdu_length=self.limits.max_pdu_length,
            window=self.limits.asynchronous_window,
        )

    @staticmethod
    def layout_sink(folder: Folder, layout: str | Layout, rules: FileRules) -> Sink:
        """Where an instance goes that a handler saves with a layout."""
        known = _layout(layout) if isinstance(layout, str) else layout
        mask_patients(folder, known)
        return LayoutSink(folder, known, check=rules.check, duplicates=rules.duplicates)

    # How.

    def _on(self, verb: Verb, what: tuple[Any, ...]) -> Any:
        """Both forms of a decorator: bare, or with names."""
        if len(what) == 1 and callable(what[0]):
            self.handlers.add(verb, what[0])
            return what[0]

        def register(function: Callable[..., Any]) -> Callable[..., Any]:
            self.handlers.add(verb, function, *what)
            return function

        return register

    def _take_methods(self) -> None:
        """Methods of a subclass that are named like the decorators are handlers."""
        for name in dir(type(self)):
            method = getattr(type(self), name)
            if not name.startswith("on_") or method is getattr(Entity, name, None):
                continue
            if name == "on_commit":
                Entity.on_commit(self, getattr(self, name))
            elif name in _VERBS:
                self.handlers.add(_VERBS[name], getattr(self, name))
            else:
                from difflib import get_close_matches

                near = get_close_matches(name, [*_VERBS, "on_commit"], n=1)
                hint = f"did you mean {near[0]}?" if near else f"there are {', '.join(_VERBS)} and on_commit"
                raise InvalidValue(f"{type(self).__name__}.{name} would never be called; {hint}")


_layout = cache(Layout)  # one that was written into a handler is looked up once

_VERBS = {f"on_{verb.replace('-', '_')}": verb for verb in Verb}
