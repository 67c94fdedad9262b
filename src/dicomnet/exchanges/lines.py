"""The associations with one peer, kept for the next operation and replaced when the peer ends them.

Each is lent to one operation at a time. A new one has all contexts that were
needed so far, so the next operation of another kind finds one that will do. It
takes the place of idle ones that will not, since many peers take one at a time,
unless the others that are lent show that this one takes several.
"""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Iterable, Sequence
from typing import TypeVar

from dicomnet.errors import AssociationAborted, AssociationError, ConnectionLost, DicomNetError
from dicomnet.exchanges.commitment import Transactions
from dicomnet.exchanges.contexts import MOST_CONTEXTS, Wanted, merge, wanted
from dicomnet.exchanges.requestor import Requestor
from dicomnet.exchanges.session import Provider, Session
from dicomnet.exchanges.settings import Settings
from dicomnet.exchanges.steps import Script, Wait
from dicomnet.types import UID
from dicomnet.uids import STORAGE_CLASSES

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


class Lines:
    """See the head of this file; several threads may use it.

    Args:
        settings: whom to call, and how.
        keep: whether associations are kept for the next operation.
        transactions: where results of storage commitments may come, besides to the association that asks.
        provider: performs what the peer asks for on our associations.
    """

    def __init__(
        self,
        settings: Settings,
        *,
        keep: bool,
        transactions: Transactions | None = None,
        provider: Provider | None = None,
    ) -> None:
        self.settings = settings
        self.keep = keep
        self._transactions = transactions
        self._provider = provider
        self._idle: deque[Line] = deque()
        self._lent: set[Line] = set()
        self._era = 0
        """Goes up when everything is to end; associations of an earlier one are not kept."""
        self._needed: list[Wanted] = wanted(["verification"])
        """What an association is opened with besides what is wanted now; storage not counted."""

    def once(
        self, contexts: Sequence[Wanted], call: Callable[[Requestor], Script[T]], *, idempotent: bool = True
    ) -> Script[T]:
        """Runs one operation on an association of ours; once more on a new one if the peer had closed the first."""
        while True:
            line = yield from self.take(contexts)
            try:
                result = yield from call(line.requestor)
            except Exception as error:
                yield from self.give_back(line)
                if not idempotent or not line.was_closed_before(error):
                    raise
                log.info("%s is asked again: %s", self.settings.address, error)
                continue
            except BaseException:
                self.leave(line)
                raise
            yield from self.give_back(line)
            return result

    def take(self, contexts: Sequence[Wanted], *, new: bool = False) -> Script[Line]:
        """An idle association that has the contexts, or a new one; for this operation alone."""
        unfit: list[Line] = []
        try:
            while not new and (line := self._next_idle()) is not None:
                if (yield from self._is_alive(line)):
                    if line.has(contexts):
                        line.used = True
                        self._lent.add(line)
                        return line
                    unfit.append(line)
            asked = self._to_ask_for(contexts, unfit)
            while unfit and not self._others_at_work():
                yield from _release(unfit.pop())
        finally:
            self._idle.extend(unfit)
        line = Line(
            Requestor(
                self.settings,
                asked,
                flexible=True,
                provider=self._provider,
                transactions=self._transactions,
            ),
            asked,
            self._era,
        )
        yield from line.requestor.open()
        self._lent.add(line)
        return line

    def keeps(self, line: Line) -> bool:
        """Whether an association is to be kept for a next operation."""
        return self.keep and line.era == self._era

    def _to_ask_for(self, contexts: Sequence[Wanted], unfit: Iterable[Line]) -> Sequence[Wanted]:
        """What a new association is opened with: what is wanted now, and before, as far as it has room for that."""
        if not any(one.abstract_syntax in STORAGE_CLASSES for one in contexts):
            self._needed = merge(self._needed, contexts)
        all_needed = merge(contexts, self._needed)
        # To receive takes other roles than to store, and one association has one of them for a class.
        senders = [line.contexts for line in unfit if not any(one.scp for one in (*line.contexts, *contexts))]
        for asked in (merge(all_needed, *senders), all_needed):
            if len(asked) <= MOST_CONTEXTS:
                return asked
        return contexts

    def _others_at_work(self) -> bool:
        """Whether associations are lent at this moment."""
        for line in tuple(self._lent):
            if not line.requestor.established:  # lost, and given up by the one who had it
                self._lent.discard(line)
        return bool(self._lent)

    def _next_idle(self) -> Line | None:
        try:
            return self._idle.popleft()
        except IndexError:  # also when another thread was faster
            return None

    def _is_alive(self, line: Line) -> Script[bool]:
        """Nobody has listened to an idle one since: whether the peer has ended it meanwhile is to be read first."""
        try:
            yield Wait(line.requestor.session, lambda: False, 0.0)
        except DicomNetError as error:  # it was left in such a state that it is of no use
            log.debug("%s: %s", self.settings.address, error)
            line.requestor.abort()
        except BaseException:
            self.leave(line)
            raise
        return line.requestor.established

    def give_back(self, line: Line) -> Script[None]:
        self._lent.discard(line)
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

    def leave(self, line: Line) -> None:
        """Left in the middle of something: whoever takes it next settles that. If nobody will, it ends here."""
        self._lent.discard(line)
        if self.keeps(line):
            self._idle.append(line)
        else:
            line.requestor.abort()

    def lay_by(self, line: Line) -> None:
        """Keeps one that has not served yet for the operation that follows."""
        self._lent.discard(line)
        if line.requestor.established:
            line.used = False
            self._idle.append(line)

    def drop(self) -> Script[None]:
        """Releases what is idle; what is lent at this moment is released when it comes back.

        Left in the middle, it leaves the rest to `abort`.
        """
        self._era += 1
        while (line := self._next_idle()) is not None:
            try:
                yield from line.requestor.release()
            except BaseException:
                self._idle.append(line)
                raise

    def abort(self) -> list[Session]:
        """Ends what is idle at once; returns the associations that this has ended."""
        self._era += 1
        ended: list[Session] = []
        while (line := self._next_idle()) is not None:
            ended += line.requestor.standing
            line.requestor.abort()
        return ended


class Line:
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


def _release(line: Line) -> Script[None]:
    try:
        yield from line.requestor.release()
    except BaseException:  # left in the middle, and nobody knows of it any more
        line.requestor.abort()
        raise


_MOST_IDLE = 4
