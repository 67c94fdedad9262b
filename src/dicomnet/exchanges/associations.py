"""The associations that one list of presentation contexts takes, and which of them a message or an instance goes on.

More than 128 contexts make several associations; the first is opened at once,
the others when something needs them, each in place of the one before it if
nobody uses that. Whoever uses them sees one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dicomnet.errors import ContextRefused, DicomNetError, InvalidValue, StateError, again
from dicomnet.exchanges.calls import settle
from dicomnet.exchanges.commitment import Transactions
from dicomnet.exchanges.contexts import (
    Wanted,
    association_request,
    find_context,
    for_instances,
    nothing_accepted,
    packs,
    store_context,
)
from dicomnet.exchanges.services import Verb
from dicomnet.exchanges.session import Provider, Session
from dicomnet.exchanges.settings import Settings
from dicomnet.exchanges.signal import Signal
from dicomnet.exchanges.steps import Connect, Script, Wait, Watch
from dicomnet.exchanges.store import Instance, Route, find_route, no_context
from dicomnet.types import UID
from dicomnet.uids import name
from dicomnet.ul.negotiation import Context, Terms

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


class Associations:
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
        self._between: list[Session] = []
        """Those that are being opened or released."""
        self._users: set[tuple[object, Session]] = set()
        """Who is at which association, if only between two messages of his."""
        self._replacing = False
        """Whether somebody opens an association in place of others; one at a time does."""
        self._replaced = Signal()
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
        self._route: tuple[tuple[str, str], Route] | None = None
        """The last way on which an instance went as it is, and of what kind that was: the next is nearly always of the same."""
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

    @property
    def contexts(self) -> tuple[Context, ...]:
        """What the peer has accepted on those that are open; raises what the association has ended with."""
        terms = [session.check() for session in self.sessions or [self.session]]
        return tuple(context for one in terms for context in one.contexts.values())

    @property
    def standing(self) -> list[Session]:
        """All that have not ended, also those that are being opened or released."""
        return [*self.sessions, *self._between]

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
        yield from self._take_turn()
        try:
            for session in self.standing:
                yield from _release(session)
        finally:
            self._end_turn()

    def abort(self, source: int = 0, reason: int = 0) -> None:
        """Ends all associations at once."""
        for session in self.standing:
            session.abort(source, reason)

    # As the routes of a store.

    def route(self, instance: Instance, *, decode: bool) -> Route | None:
        pair = (instance.sop_class_uid, instance.transfer_syntax_uid)
        known = self._route
        if known is not None and known[0] == pair and known[1].session in self.sessions and not known[1].session.over:
            return known[1]
        self._seen.pop(pair, None)  # the latest are the last
        self._seen[pair] = None
        routes = [find_route(session, instance, decode=decode) for session in self.sessions]
        found = next((one for one in routes if one is not None and not one.convert), None)
        if found is not None:
            self._route = pair, found
        else:
            found = next((one for one in routes if one is not None and self._must_convert(pair, one.session)), None)
        return found

    def _must_convert(self, pair: tuple[str, str], session: Session) -> bool:
        """Whether the peer was asked to take a kind of instances as it is, or cannot be asked any more."""
        if not self._flexible or self._failure is not None or pair in self._declined:
            return True
        return self._was_proposed(pair, session)

    def _was_proposed(self, pair: tuple[str, str], session: Session) -> bool:
        """Whether an association was opened with a context in which a kind of instances can go as it is."""
        return any(
            one.abstract_syntax == pair[0] and pair[1] in one.transfer_syntaxes for one in self._opened.get(session, ())
        )

    def open_for(self, instance: Instance, *, decode: bool) -> Script[bool]:
        if self._failure is not None:
            raise again(self._failure)
        if (yield from self._take_turn()):
            self._end_turn()
            return True  # somebody else has opened one
        try:
            pack = self._pack_for(instance, decode=decode)
            if pack is None:
                return False
            kinds: set[tuple[str, str]] = {(one.abstract_syntax, one.transfer_syntaxes[0]) for one in pack}
            terms = yield from self._open(pack)
        except ContextRefused:
            self._declined |= kinds
            return bool(self.sessions) or self._unopened(instance.sop_class_uid, ()) is not None
        except DicomNetError as error:
            self._failure = error
            raise
        finally:
            self._end_turn()
        assume = self.settings.tolerance.assume_roles
        self._declined |= {kind for kind in kinds if store_context(terms, *kind, assume_roles=assume) is None}
        return True

    def reopen(self, error: Exception) -> Script[bool]:  # noqa: ARG002
        return False
        yield

    def refusal(self, instance: Instance) -> str:
        return no_context(instance)

    # How.

    def _pack_for(self, instance: Instance, *, decode: bool) -> list[Wanted] | None:
        """The contexts to be proposed next for an instance that has no way."""
        pair = (instance.sop_class_uid, instance.transfer_syntax_uid)
        if any(self._was_proposed(pair, session) for session in self.sessions):
            self._declined.add(pair)  # or there would be a way, and it would be refused again
        if not self._flexible or pair in self._declined:
            if self._asked_for is None or self._asked_for[0] is not instance:
                self._asked_for = (instance, [])
            asked = self._asked_for[1]
            pack = self._unopened(pair[0], asked)
            if pack is not None:
                asked.append(pack)
            return pack
        # All that came so far at once, or instances of different kinds in turn would each have to open it anew.
        kinds = [one for one in [*list(self._seen)[-_MOST_SEEN:], pair] if one not in self._declined]
        return for_instances(kinds, decode=decode)

    def _open(self, pack: list[Wanted]) -> Script[Terms]:
        """Opens an association, in place of those that nobody uses: many peers take one at a time."""
        self._between += [session for session in self.sessions if not self._is_used(session)]
        self.sessions = [session for session in self.sessions if session not in self._between]
        self._opened = {session: self._opened[session] for session in self.sessions}
        while self._between:
            yield from _release(self._between[0])
            self._between.pop(0)
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
        self._between.append(session)
        try:
            session.associate(request)
            yield Wait(session, lambda: session.answered)
            terms = session.check()
        except BaseException as error:
            error.add_note(f"{settings.calling_ae} was calling {settings.address}")
            session.abort()
            raise
        finally:
            self._between.remove(session)
        if not terms.contexts:
            self._fruitless.append(pack)
            yield from _release(session)
            raise nothing_accepted(pack, session.accept_pdu)
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
            waited = yield from self._take_turn()
            try:
                if not waited:
                    pack = self._unopened(sop_class, tried)
                    if pack is None:
                        raise self._refused(sop_class, verb)
                    tried.append(pack)
                    yield from self._open(pack)
            finally:
                self._end_turn()
            self._check()
            found = self._context(sop_class, verb)
        return found

    def _call(self, sop_class: UID, verb: Verb, operation: Callable[[Session, Context], Script[T]]) -> Script[T]:
        """One operation, on an association that nobody replaces before it is over."""
        session, context = yield from self._way(sop_class, verb)
        user = (object(), session)
        self._users.add(user)
        try:
            return (yield from operation(session, context))
        finally:
            self._users.discard(user)

    def _take_turn(self) -> Script[bool]:
        """Waits until nobody else opens or releases associations; whether somebody has."""
        waited = False
        while self._replacing:
            waited = True
            yield Watch(self._replaced, lambda: not self._replacing)
        self._replacing = True
        return waited

    def _end_turn(self) -> None:
        self._replacing = False
        self._replaced.give()

    def _is_used(self, session: Session) -> bool:
        return any(one is session for _, one in tuple(self._users)) or any(each.held for each in session.unfinished)

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


class StoreRoutes:
    """The routes of one store: it uses the associations it was shown until it needs another one."""

    def __init__(self, associations: Associations) -> None:
        self._associations = associations

    def route(self, instance: Instance, *, decode: bool) -> Route | None:
        found = self._associations.route(instance, decode=decode)
        if found is not None:
            self._associations._users.add((self, found.session))
        return found

    def open_for(self, instance: Instance, *, decode: bool) -> Script[bool]:
        self.let_go()
        return (yield from self._associations.open_for(instance, decode=decode))

    def reopen(self, error: Exception) -> Script[bool]:
        return (yield from self._associations.reopen(error))

    def refusal(self, instance: Instance) -> str:
        return self._associations.refusal(instance)

    def let_go(self) -> None:
        users = self._associations._users
        users.difference_update([one for one in tuple(users) if one[0] is self])


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


_MOST_SEEN = 40  # with the two further contexts that each may get, they are less than 128
