"""A store over the associations with one peer: one of them or several, with what a look ahead wants, and replaced when lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from dicomnet.errors import DicomNetError, InvalidValue
from dicomnet.exchanges.contexts import Wanted, for_instances
from dicomnet.exchanges.lines import Line, Lines
from dicomnet.exchanges.reports import StoreReport, add_report
from dicomnet.exchanges.steps import Script, Together, Work
from dicomnet.exchanges.store import Instance, Source, Store

log = logging.getLogger("dicomnet.association")


def store_over(
    lines: Lines,
    source: Source,
    *,
    associations: int | str = 1,
    progress: Callable[[Any], object] | None = None,
    **options: Any,
) -> Script[StoreReport]:
    """C-STORE, over one or several associations; other options as for `Store`.

    Args:
        associations: how many, or "auto": one where the peer takes several operations at a time or there is little to do,
            else `AUTO`.
    """
    ahead = _Ahead(source)
    first: Sequence[Any] = yield Work(lambda: ahead.look(_FEW if associations == "auto" else 1))
    known = [getattr(item, "copy", None) or item for item in first]
    pairs = [(item.sop_class_uid, item.transfer_syntax_uid) for item in known if hasattr(item, "sop_class_uid")]
    contexts = for_instances(pairs, decode=options.get("decode", False))
    if not contexts:  # nothing that could be sent; no association is opened for it
        return (yield from Store(_Nowhere(), ahead, progress=progress, **options).run())
    if associations == "auto":
        associations = yield from _auto(lines, contexts, len(first))
    if not isinstance(associations, int) or associations < 1:
        raise InvalidValue(f"{associations!r} associations; a number from 1 or 'auto' is needed")
    if associations == 1:
        return (yield from _store_on_one(lines, contexts, ahead, progress=progress, **options))
    spread = _Spread(lines, contexts, ahead, _Sum(progress), options)
    try:
        return (yield from spread.run(associations))
    except Exception as error:
        if spread.reports:
            add_report(error, spread.report)
        raise


def _store_on_one(lines: Lines, contexts: Sequence[Wanted], source: Source, **options: Any) -> Script[StoreReport]:
    line = yield from lines.take(contexts)
    routes = _Replaceable(lines, line, contexts)
    return (yield from _perform(Store(routes, source, **options), lines, routes))


def _perform(store: Store, lines: Lines, routes: _Replaceable) -> Script[StoreReport]:
    try:
        report = yield from store.run()
    except Exception:
        yield from lines.give_back(routes.line)
        raise
    except BaseException:
        lines.leave(routes.line)
        raise
    yield from lines.give_back(routes.line)
    return report


def _auto(lines: Lines, contexts: Sequence[Wanted], count: int) -> Script[int]:
    if count < _FEW:
        return 1
    line = yield from lines.take(contexts)
    window = line.requestor.session.check().operations_invoked
    lines.lay_by(line)
    return AUTO if window == 1 else 1


class _Spread:
    """A store over several associations, which share a source: what one of them leaves is for the others."""

    def __init__(
        self, lines: Lines, contexts: Sequence[Wanted], ahead: _Ahead, progress: _Sum, options: dict[str, Any]
    ) -> None:
        self.reports: list[StoreReport] = []
        """One of each association that there was."""
        self._lines = lines
        self._contexts = contexts
        self._ahead = ahead
        self._progress = progress
        self._options = options
        self._refusals: list[DicomNetError] = []
        """Why the others never were."""

    @property
    def report(self) -> StoreReport:
        """All of them as one. What ended a single one early has ended nothing if the others went on."""
        results = [result for report in self.reports for result in report.results]
        merged = StoreReport(sorted(results, key=lambda result: result.index))
        merged.stopped = any(report.stopped for report in self.reports)
        if self.reports and all(report.error is not None for report in self.reports):
            merged.error = self.reports[0].error
        return merged

    def run(self, associations: int) -> Script[StoreReport]:
        yield from self._share_out(associations)
        if not self.reports:
            raise self._refusals[0]
        for error in self._refusals:
            log.warning("one of %d associations could not be opened: %s", associations, error)
        if self._is_left and self.report.error is None:
            yield from self._share_out(1)  # the others were through by then
        if self._is_left or (self.report.error is not None and not self.report.stopped):
            return (yield from self._give_up())
        return self.report

    @property
    def _is_left(self) -> bool:
        """Whether something was given back that nobody has taken again, and is to be sent."""
        return self._ahead.has_some and not self.report.stopped

    def _give_up(self) -> Script[StoreReport]:
        """Nobody is left to send the rest."""
        error = next(report.error for report in self.reports if report.error is not None)
        rest = self._store(_Nowhere())
        self.reports.append(rest.report)
        yield from rest.skip(error)
        report = self.report
        if rest.report.results:
            report.error = error
        return report

    def _share_out(self, associations: int) -> Script[None]:
        parts = yield Together([self._store_a_share() for _ in range(associations)], self._ahead.end)
        for part in parts:
            if isinstance(part, BaseException):
                raise part

    def _store_a_share(self) -> Script[None]:
        try:
            line = yield from self._lines.take(self._contexts)
        except DicomNetError as error:
            self._refusals.append(error)
            return
        routes = _Replaceable(self._lines, line, self._contexts)
        store = self._store(routes, give_back=self._ahead.give_back)
        self.reports.append(store.report)
        try:
            yield from _perform(store, self._lines, routes)
        except BaseException:  # what a function of the caller has raised ends it all
            self._ahead.end()
            raise

    def _store(self, routes: Any, **options: Any) -> Store:
        return Store(routes, self._ahead, progress=self._progress.part(), **options, **self._options)


class _Replaceable:
    """Routes over one association of a remote, replaced if the peer ends it; a second time only if it was of some use."""

    def __init__(self, lines: Lines, line: Line, contexts: Sequence[Wanted]) -> None:
        self.line = line
        self._lines = lines
        self._contexts = contexts
        self._replaced = False

    def route(self, instance: Instance, *, decode: bool) -> Any:
        return self.line.requestor.route(instance, decode=decode)

    def open_for(self, instance: Instance, *, decode: bool) -> Script[bool]:
        return (yield from self.line.requestor.open_for(instance, decode=decode))

    def reopen(self, error: Exception) -> Script[bool]:
        if self._replaced and not self.line.requestor.session.ledger.stored:
            return False  # the new one was of no use either
        self._replaced = True
        log.info("%s ended the association (%s); going on with a new one", self._lines.settings.address, error)
        self.line.requestor.abort()
        self.line = yield from self._lines.take(self._contexts, new=True)
        return True

    def refusal(self, instance: Instance) -> str:
        return self.line.requestor.refusal(instance)


class _Nowhere:
    """Routes of a store in which nothing can be sent."""

    def route(self, instance: Instance, *, decode: bool) -> Any:  # noqa: ARG002
        return None

    def open_for(self, instance: Instance, *, decode: bool) -> Script[bool]:  # noqa: ARG002
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
        self._failure: Exception | None = None
        self._ended = False

    def end(self) -> None:
        """Gives out nothing more."""
        self._ended = True

    @property
    def has_some(self) -> bool:
        """Whether something is known that nobody has taken."""
        return bool(self._first)

    def give_back(self, items: Sequence[Any]) -> None:
        """Takes back what was not sent, for whoever asks next."""
        self._first.extendleft(reversed(items))

    def look(self, least: int) -> Sequence[Any]:
        """What comes first: all that the source gives at a time, and further on if that is too little."""
        self._first.extend(self._source.take(_LOOK_AHEAD))
        try:
            while self._first and len(self._first) < least and (more := self._source.take(least - len(self._first))):
                self._first.extend(more)
        except Exception as error:  # noqa: BLE001 (the caller's own; it has its turn after what came before)
            self._failure = error
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
        failure = self._failure
        if not taken and failure is not None:
            self._failure = None
            raise failure
        return taken or self._source.take(count)


class _Sum:
    """One progress of several associations'."""

    def __init__(self, told: Callable[[Any], object] | None) -> None:
        self._told = told
        self._parts: dict[object, Any] = {}

    def part(self) -> Callable[[Any], object] | None:
        told = self._told
        if told is None:
            return None
        part = object()

        def tell(progress: Any) -> None:
            self._parts[part] = progress
            known = list(self._parts.values())
            told(
                type(progress)(
                    sum(part.instances for part in known),
                    sum(part.failed for part in known),
                    sum(part.bytes for part in known),
                    progress.current,
                )
            )

        return tell


AUTO = 4
"""Associations that a store with "auto" spreads over, with a peer that performs one operation at a time."""

_LOOK_AHEAD = 256
_FEW = 16
