"""One remote application entity, whatever associations it takes: every operation, with contexts and roles chosen for it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeVar

from dicomnet.dimse.status import Status
from dicomnet.exchanges import fetching
from dicomnet.exchanges.commitment import instance_refs
from dicomnet.exchanges.contexts import wanted
from dicomnet.exchanges.fetching import Asker, Host
from dicomnet.exchanges.find import Find
from dicomnet.exchanges.keys import build_query, model_of
from dicomnet.exchanges.lines import Line
from dicomnet.exchanges.reports import CommitReport, RetrieveReport, StoreReport
from dicomnet.exchanges.requestor import Requestor, query_class
from dicomnet.exchanges.services import carriers, of_n_service
from dicomnet.exchanges.session import Provider
from dicomnet.exchanges.settings import Settings
from dicomnet.exchanges.spreading import store_over
from dicomnet.exchanges.steps import Script
from dicomnet.exchanges.store import Source
from dicomnet.exchanges.values import several
from dicomnet.types import UID
from dicomnet.uids import StorageCommitmentPushModel

if TYPE_CHECKING:
    from dicomnet.exchanges.matches import Match

log = logging.getLogger("dicomnet.association")

T = TypeVar("T")


class Remote(Asker):
    """See the head of this file.

    Args:
        settings: whom to call, and how.
        keep: whether associations are kept for the next operation.
        host: our own server, for what comes on associations of the peer's.
        provider: performs what the peer asks for on our associations.
    """

    def __init__(
        self, settings: Settings, *, keep: bool, host: Host | None = None, provider: Provider | None = None
    ) -> None:
        super().__init__(
            settings, keep=keep, transactions=None if host is None else host.transactions, provider=provider
        )
        self._host = host

    def echo(self) -> Script[Status]:
        """C-ECHO."""
        return (yield from self.once(wanted(["verification"]), Requestor.echo))

    def n_call(
        self, sop_class: str, call: Callable[[Requestor], Script[T]], *, idempotent: bool = False, scp: bool = False
    ) -> Script[T]:
        """One request of an N-service; ``call`` makes it of a requestor.

        Args:
            idempotent: whether it may be repeated on another association.
            scp: whether it is ours to send as the SCP.
        """
        syntax, _ = of_n_service(sop_class)
        contexts = wanted(carriers(syntax))
        if scp:
            contexts = [replace(one, scu=False, scp=True) for one in contexts]
        return (yield from self.once(contexts, call, idempotent=idempotent))

    def find(
        self,
        what: str,
        keys: Any,
        *,
        model: str | None = None,
        returning: Iterable[str | int] = (),
        **options: Any,
    ) -> Script[RemoteFind]:
        """C-FIND; what cannot be asked is told before anything is opened for it."""
        sop_class, level = query_class(what, model)
        asked, charset = several(returning), options.get("charset")
        may_be_relational = self.settings.tolerance.relational_queries or any(
            item.sop_class == sop_class for item in self.settings.extended
        )
        build_query(model_of(sop_class), level, keys, returning=asked, charset=charset, relational=may_be_relational)
        found = RemoteFind(self, sop_class, lambda line: line.find(what, keys, model=model, returning=asked, **options))
        yield from found.begin()
        return found

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

    def store(self, source: Source, **options: Any) -> Script[StoreReport]:
        """C-STORE, over one or several associations; options as for `spreading.store_over`."""
        return (yield from store_over(self, source, **options))

    def get(self, destination: Any, keys: Any, **options: Any) -> Script[RetrieveReport]:
        """C-GET; options as for `fetching.get`."""
        return (yield from fetching.get(self, destination, keys, **options))

    def move(self, to: Any, keys: Any, **options: Any) -> Script[RetrieveReport]:
        """C-MOVE; options as for `fetching.move`."""
        return (yield from fetching.move(self, self._host, to, keys, **options))

    def commit(self, instances: Any, *, timeout: float | None) -> Script[CommitReport]:
        """Storage commitment; the result may also come to our server."""
        refs = instance_refs(instances)
        contexts = wanted([StorageCommitmentPushModel])
        return (yield from self.once(contexts, lambda line: line.commit(refs, timeout=timeout), idempotent=False))


class RemoteFind:
    """A query of a `Remote`; its association is lent to it until the last match was read or it is closed."""

    def __init__(self, remote: Remote, sop_class: UID, begin: Callable[[Requestor], Script[Find]]) -> None:
        self._remote = remote
        self._sop_class = sop_class
        self._begin = begin
        self._line: Line | None = None
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
            line = yield from remote.take(wanted([self._sop_class]))
            try:
                self._find = yield from self._begin(line.requestor)
            except Exception as error:
                yield from remote.give_back(line)
                if not line.was_closed_before(error):
                    raise
                continue
            except BaseException:
                remote.leave(line)
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
            self._remote.leave(line)

    def _end(self) -> Script[None]:
        line, self._line = self._line, None
        if line is not None:
            yield from self._remote.give_back(line)
