"""A store over the associations with one peer: one of them or several, with what a look ahead wants, and replaced when lost."""

from __future__ import annotations

import logging
from collections import deque
from collections.abc import Callable, Sequence
from typing import Any

from dicomnet.errors import DicomNetError, InvalidValue
from dicomnet.exchanges.contexts import Wanted, for_instances
from dicomnet.exchanges.lines import Line, Lines
from dicomnet.exchanges.reports import StoreReport
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
        associations: how many, or "auto": one where the peer takes several operations at a time, else `AUTO`.
    """
    ahead = _Ahead(source)
    first: Sequence[Any] = yield Work(ahead.look)
    known = [getattr(item, "copy", None) or item for item in first]
    pairs = [(item.sop_class_uid, item.transfer_syntax_uid) for item in known if hasattr(item, "sop_class_uid")]
    contexts = for_instances(pairs)
    if not contexts:  # nothing that could be sent; no association is opened for it
        return (yield from Store(_Nowhere(), ahead, **options).run())
    if associations == "auto":
        associations = yield from _auto(lines, contexts, len(first))
    if not isinstance(associations, int) or associations < 1:
        raise InvalidValue(f"{associations!r} associations; a number from 1 or 'auto' is needed")
    if associations == 1:
        return (yield from _store_on_one(lines, contexts, ahead, progress=progress, **options))
    shared = _Sum(progress)
    scripts = [
        _store_a_share(lines, contexts, ahead, progress=shared.part() if progress else None, **options)
        for _ in range(associations)
    ]
    return _merged((yield Together(scripts, ahead.end)))


def _store_on_one(lines: Lines, contexts: Sequence[Wanted], source: Source, **options: Any) -> Script[StoreReport]:
    line = yield from lines.take(contexts)
    routes = _Replaceable(lines, line, contexts)
    try:
        report = yield from Store(routes, source, **options).run()
    except Exception:
        yield from lines.give_back(routes.line)
        raise
    except BaseException:
        lines.leave(routes.line)
        raise
    yield from lines.give_back(routes.line)
    return report


def _store_a_share(lines: Lines, contexts: Sequence[Wanted], ahead: _Ahead, **options: Any) -> Script[StoreReport]:
    try:
        return (yield from _store_on_one(lines, contexts, ahead, **options))
    except DicomNetError:  # an association that could not be had
        raise
    except BaseException:  # whatever a callback of the caller has raised ends it all
        ahead.end()
        raise


def _auto(lines: Lines, contexts: Sequence[Wanted], count: int) -> Script[int]:
    if count < _FEW:
        return 1
    line = yield from lines.take(contexts)
    window = line.requestor.session.check().operations_invoked
    lines.lay_by(line)
    return AUTO if window == 1 else 1


class _Replaceable:
    """Routes over one association of a remote, replaced if the peer ends it; a second time only if it was of some use."""

    def __init__(self, lines: Lines, line: Line, contexts: Sequence[Wanted]) -> None:
        self.line = line
        self._lines = lines
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


AUTO = 4
"""Associations that a store with "auto" spreads over, with a peer that performs one operation at a time."""

_LOOK_AHEAD = 256
_FEW = 16
