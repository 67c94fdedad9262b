"""`dicomnet send`: files to a peer, on one association or several."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from itertools import islice
from pathlib import Path
from time import perf_counter
from types import FrameType
from typing import Any

import click

from dicomnet.cli.outcome import UNREADABLE, Report
from dicomnet.cli.progress import Plain, is_shown, shown
from dicomnet.cli.requestor import Caller
from dicomnet.cli.wording import explain
from dicomnet.errors import ContextRefused, DicomNetError, NotAnInstance, StorageError
from dicomnet.exchanges.peers import Remote
from dicomnet.exchanges.reports import Outcome, Progress, StoreResult
from dicomnet.exchanges.settings import settings_for
from dicomnet.storage.instances import Instances
from dicomnet.storage.source import InstanceFile, walk
from dicomnet.sync.carrier import perform
from dicomnet.types import UID


def run(
    caller: Caller, paths: Sequence[Path], *, window: int | None, associations: int | str, decode: bool = False
) -> bool:
    """Sends all instances under the paths and prints what became of them.

    Args:
        window: operations to propose as outstanding at a time; None proposes none.
        associations: how many, or "auto".
        decode: whether to decompress what the peer takes in no other way.

    Returns:
        Whether there was something to send, and all of it was stored.

    Raises:
        ClickException: our certificate, its key or the authorities cannot be used, and why.
    """
    begun = perf_counter()
    settings = settings_for(caller.address, **caller.options(window=window))
    report = Report(caller.verbose, decode=decode)
    files = gather(paths, report)
    # A bar needs to know how many there are; without one, the rest is looked at while the first are sent.
    first = list(files if is_shown() else islice(files, LOOK_AHEAD))
    is_all = is_shown() or len(first) < LOOK_AHEAD
    if is_all:
        report.tell_skipped()
    if not first and not report.failed:
        click.echo("nothing to send: no instance in what was given", err=True)
        return False
    failure: str | None = None
    interrupted = True
    sources: list[_Source] = []
    try:
        with shown(len(first), sum(file.data_length for file in first)) as report.display:
            while first:
                batches = _sources(first, files, report)
                sources += batches
                for source in batches:
                    error = _store(Remote(settings, keep=False), source, associations=associations, decode=decode)
                    if error is not None:
                        raise error
                first = list(islice(files, LOOK_AHEAD))  # of other kinds, where the first were refused as a whole
        interrupted = False
    except DicomNetError as error:
        failure = explain(error, caller.address, caller.aet)
        interrupted = False
    finally:
        report.display = Plain()
        for source in sources:
            source.conclude()
        report.leave(files, look=not interrupted)
        if not is_all:
            report.tell_skipped()
        report.tell_problems()
        if failure:
            report.display.say(f"Error: {failure}")
        click.echo(report.line(perf_counter() - begun))
    return report.is_success


def gather(paths: Sequence[Path], report: Report) -> Iterator[InstanceFile]:
    """The heads of all files that hold an instance; of files with the same data set of one instance, the first."""
    seen: dict[tuple[UID, UID], list[InstanceFile]] = {}
    for path in walk(paths, failed=lambda path, error: report.fail(path, UNREADABLE, str(error))):
        try:
            file = InstanceFile.open(path)
        except NotAnInstance as error:
            report.skip(path, f"not an instance: {error.detail}")
            continue
        except StorageError as error:
            report.fail(path, UNREADABLE, str(error))
            continue
        namesakes = seen.setdefault((file.sop_class_uid, file.sop_instance_uid), [])
        twin = next((other for other in namesakes if _is_same(file, other)), None)
        if twin is not None:
            report.skip(path, "the same instance as another file", f" ({twin.path})")
            continue
        namesakes.append(file)
        if file.difference:
            report.differ(path, file.difference)
        yield file


def split(files: Sequence[InstanceFile]) -> list[list[InstanceFile]]:
    """The files in batches of so few kinds that one association has room for all; as they came, if they are one batch."""
    kinds: dict[tuple[UID, UID], list[InstanceFile]] = {}
    for file in files:
        kinds.setdefault((file.sop_class_uid, file.transfer_syntax_uid), []).append(file)
    if len(kinds) <= MOST_KINDS:
        return [list(files)] if files else []
    groups = list(kinds.values())
    return [
        [file for group in groups[first : first + MOST_KINDS] for file in group]
        for first in range(0, len(groups), MOST_KINDS)
    ]


def _sources(first: list[InstanceFile], rest: Iterator[InstanceFile], report: Report) -> list[_Source]:
    """The files as they are to be sent, one after the other; of many kinds all have to be known before."""
    batches = split(first)
    if len(batches) == 1:
        return [_Source(first, rest, report)]
    return [_Source(batch, iter(()), report) for batch in split([*first, *rest])]


class _Source:
    """Gives the files out, and knows which are begun and which are done, so that it can tell when nobody else does.

    Args:
        files: those that are known.
        rest: those that are looked at when their turn comes.
    """

    def __init__(self, files: list[InstanceFile], rest: Iterator[InstanceFile], report: Report) -> None:
        self.files = files
        self._rest = rest
        self._items: Iterator[Any] = iter(Instances(files, skip_duplicates=False))
        self._taking = threading.Lock()
        self._left = dict(enumerate(files))
        self._begun: set[int] = set()
        self._report = report
        self._stopped = False

    # What a store asks and tells; in any thread.

    def take(self, count: int) -> Sequence[Any]:
        with self._taking:
            items = list(islice(self._items, count))
            if not items:
                self._look_further()
                items = list(islice(self._items, count))
            return items

    def _look_further(self) -> None:
        """Takes some more of the rest."""
        more = list(islice(self._rest, AT_A_TIME))
        number = len(self.files)
        self.files += more
        self._left.update(enumerate(more, number))
        items = Instances(more, skip_duplicates=False).take(len(more))
        for index, item in enumerate(items, number):
            item.index = index
        self._items = iter(items)

    def begun(self, result: StoreResult) -> None:
        self._begun.add(result.index)

    def stopped(self) -> bool:
        return self._stopped

    def done(self, result: StoreResult) -> None:
        if result.outcome is not Outcome.NOT_SENT and self._left.pop(result.index, None) is not None:
            self._report.take(result)

    def moved(self, progress: Progress) -> None:
        self._report.moved(progress.instances, progress.bytes)

    # How it ends.

    def refused(self) -> None:
        """The peer has accepted no presentation context at all."""
        self._report.refuse(self.files)
        self._left = {}

    def stop(self) -> None:
        """Nothing more is sent."""
        self._stopped = True

    def over(self) -> None:
        """Others follow."""
        self._report.add_up()

    def conclude(self) -> None:
        """Counts what was not sent, and tells what was sent and never answered because somebody was impatient."""
        left, self._left = self._left, {}
        for index, file in left.items():
            if index in self._begun:
                self._report.lose(file.path, "interrupted before its response came")
            else:
                self._report.unsent += 1


def _store(remote: Remote, source: _Source, **options: Any) -> Exception | None:
    """Sends one batch. Returns what ended it early."""
    script = remote.store(
        source,
        progress=source.moved,
        on_begin=source.begun,
        on_result=source.done,
        stop=source.stopped,
        **options,
    )
    with _signals_stop(source):
        try:
            error = perform(script).error
        except ContextRefused:
            source.refused()
            return None
        except (KeyboardInterrupt, SystemExit):
            remote.abort()
            raise
    source.over()
    return error


@contextmanager
def _signals_stop(source: _Source) -> Iterator[None]:
    """Before a signal does what it does anyway, sending stops; and while anything keeps us waiting it is as if it came again."""

    def stop(number: int, frame: FrameType | None) -> None:
        before = handlers[signal.Signals(number)]
        assert callable(before)
        source.stop()
        if hasattr(signal, "setitimer"):
            signal.signal(signal.SIGALRM, lambda _, frame: before(number, frame))
            signal.setitimer(signal.ITIMER_REAL, PATIENCE, PATIENCE)
        before(number, frame)

    handlers = {number: signal.getsignal(number) for number in (signal.SIGINT, signal.SIGTERM)}
    ours = [number for number, handler in handlers.items() if callable(handler)]
    for number in ours:
        signal.signal(number, stop)
    try:
        yield
    finally:
        if hasattr(signal, "setitimer"):
            signal.setitimer(signal.ITIMER_REAL, 0)
        for number in ours:
            signal.signal(number, handlers[number])


def _is_same(file: InstanceFile, other: InstanceFile) -> bool:
    """Whether two files of one identity hold the same; one may be a damaged copy, and which one only the peer can tell."""
    if (file.transfer_syntax_uid, file.data_length) != (other.transfer_syntax_uid, other.data_length):
        return False
    from dicomnet.cli.digest import data_set_digest

    try:
        return data_set_digest(file) == data_set_digest(other)
    except OSError:  # what is wrong shows when it is sent
        return False


MOST_KINDS = 40
"""With the two further contexts that each may get, and one for C-ECHO, they are less than the 128 of PS3.8 9.3.2.2."""

LOOK_AHEAD = 1000
"""Files that are looked at before the first is sent: enough to know which kinds there are, and done before anybody waits."""

AT_A_TIME = 64
"""The same from then on."""

PATIENCE = 1.0
"""Seconds after Ctrl-C for what other associations have in flight."""
