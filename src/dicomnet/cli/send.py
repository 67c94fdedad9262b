"""`dicomnet send`: files to a peer, on as few associations as their presentation contexts need."""

from __future__ import annotations

import logging
import sys
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter
from typing import TYPE_CHECKING, Any, Protocol, TypeAlias

import click

from dicomnet.cli.digest import data_set_digest
from dicomnet.cli.own_tls import read_once
from dicomnet.cli.requestor import Requestor
from dicomnet.cli.wording import count_of, explain, refusal, size
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError, InvalidValue, NotAnInstance, StateError, StorageError
from dicomnet.net import Message, runtime
from dicomnet.storage.source import InstanceFile, walk
from dicomnet.types import UID, Address
from dicomnet.uids import name

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from dicomnet.tls import TlsConfig

log = logging.getLogger(__name__)

Kind: TypeAlias = tuple[UID, UID]
"""SOP class and transfer syntax: what a presentation context is for."""


def run(
    address: Address,
    paths: Sequence[Path],
    calling_ae: str,
    timeout: float | None,
    tls: TlsConfig | None,
    *,
    verbose: bool,
) -> bool:
    """Sends all instances under the paths and prints what became of them.

    Returns:
        Whether there was something to send, and all of it was stored.

    Raises:
        ClickException: our certificate, its key or the authorities cannot be used, and why.
    """
    begun = perf_counter()
    own = None if tls is None else read_once(tls.requestor_context)
    report = Report(verbose=verbose)
    files = gather(paths, report)
    report.tell_skipped()
    if not files and not report.failed:
        click.echo("nothing to send: no instance in what was given", err=True)
        return False
    connect = partial(Requestor, address, calling_ae, timeout=timeout, tls=own)
    batches = deque(split(files))
    try:
        with runtime(), _progress(files) as report.display:
            while batches:
                Delivery(connect, report).deliver(batches[0])
                batches.popleft()
    except _Over as over:
        report.display.say(f"Error: {explain(over.cause, address, calling_ae)}")
    finally:
        report.unsent = sum(map(len, batches))
        report.display = Plain()
        click.echo(report.line(perf_counter() - begun))
    return report.is_success


def gather(paths: Sequence[Path], report: Report) -> list[InstanceFile]:
    """The heads of all files that hold an instance; of files with the same data set of one instance, the first."""
    seen: dict[tuple[UID, UID], list[InstanceFile]] = {}
    files: list[InstanceFile] = []
    for path in walk(paths, failed=lambda path, error: report.fail(path, "unreadable", str(error))):
        try:
            file = InstanceFile.open(path)
        except NotAnInstance as error:
            report.skip(path, f"not an instance: {error.detail}")
            continue
        except StorageError as error:
            report.fail(path, "unreadable", str(error))
            continue
        namesakes = seen.setdefault((file.sop_class_uid, file.sop_instance_uid), [])
        twin = next((other for other in namesakes if _is_same(file, other)), None)
        if twin is not None:
            report.skip(path, "the same instance as another file", f" ({twin.path})")
            continue
        namesakes.append(file)
        if file.difference:
            report.differ(path, file.difference)
        files.append(file)
    return files


def split(files: Sequence[InstanceFile]) -> list[deque[InstanceFile]]:
    """The files in batches whose kinds have room on one association; files of a kind stay together, in order."""
    kinds: dict[Kind, list[InstanceFile]] = {}
    for file in files:
        kinds.setdefault(_kind(file), []).append(file)
    groups = list(kinds.values())
    # PS3.8 9.3.2.2: the IDs are the odd numbers from 1 to 255.
    return [
        deque(file for group in groups[first : first + 128] for file in group) for first in range(0, len(groups), 128)
    ]


class Delivery:
    """Sends one batch of files; again on a new association, where the last one ended for a file that could not be read."""

    def __init__(self, connect: Callable[[], Requestor], report: Report) -> None:
        self._connect = connect
        self._report = report
        self._outstanding: dict[int, InstanceFile] = {}
        """By message ID, in the order sent: the first is on its way, the others wait on this side."""

    def deliver(self, waiting: deque[InstanceFile]) -> None:
        """Takes the files out of the batch until there are none.

        Raises:
            _Over: there is no association, or no longer; the files that nobody tried are still in the batch.
        """
        while waiting:
            with self._connect() as peer:
                try:
                    accepted = self._open(peer, waiting)
                    self._send_all(peer, waiting, accepted)
                except DicomNetError as error:
                    self._take_back(waiting, error)
                except KeyboardInterrupt:
                    for response in peer.responses_so_far():
                        self._answered(response)
                    self._lose_first(waiting)
                    raise

    def _open(self, peer: Requestor, waiting: deque[InstanceFile]) -> dict[Kind, int]:
        """Presentation context IDs by kind; files of kinds that the peer refuses fail here."""
        kinds = list(dict.fromkeys(map(_kind, waiting)))
        answer = peer.open(kinds)
        accepted: dict[Kind, int] = {}
        for kind, context in zip(kinds, answer.contexts, strict=True):
            if context.is_accepted:
                accepted[kind] = context.context_id
                continue
            refused = [file for file in waiting if _kind(file) == kind]
            for file in refused:
                waiting.remove(file)
            self._report.refuse(
                refused, f"{name(kind[0])} in {name(kind[1])} is not accepted: {refusal(context.result)}"
            )
        return accepted

    def _send_all(self, peer: Requestor, waiting: deque[InstanceFile], accepted: dict[Kind, int]) -> None:
        while waiting or self._outstanding:
            while waiting and len(self._outstanding) < QUEUED:
                file = waiting[0]
                try:
                    message_id = peer.store(file, accepted[_kind(file)])
                except (StorageError, InvalidValue) as error:
                    waiting.popleft()
                    self._report.fail(file.path, "unreadable", str(error), file.data_length)
                    continue
                except StateError:
                    if not self._outstanding:
                        raise peer.ending() from None
                    break  # the next response, or how the association ended, is still to be heard
                waiting.popleft()
                self._outstanding[message_id] = file
            if self._outstanding:
                self._answered(peer.response())
        with suppress(DicomNetError):  # all is answered; how they part changes nothing
            peer.release()

    def _answered(self, response: Message[Any]) -> None:
        file = self._outstanding.pop(response.message_id_being_responded_to, None)
        if file is not None:
            self._report.answered(file, response.status, response.error_comment)

    def _take_back(self, waiting: deque[InstanceFile], error: DicomNetError) -> None:
        """The association ended. If it was for a file of ours, that file fails and the others still go."""
        if not isinstance(error, StorageError) or not self._outstanding:
            self._lose_first(waiting)
            raise _Over(error)
        file, *others = self._outstanding.values()
        self._outstanding.clear()
        waiting.extendleft(reversed(others))
        self._report.fail(file.path, "unreadable", str(error), file.data_length)

    def _lose_first(self, waiting: deque[InstanceFile]) -> None:
        """Of the files without a response, the first is the only one that the peer may have."""
        outstanding = list(self._outstanding.values())
        self._outstanding.clear()
        waiting.extendleft(reversed(outstanding[1:]))
        for file in outstanding[:1]:
            self._report.lose(file)


class _Over(Exception):
    """Nothing more can be sent."""

    def __init__(self, cause: DicomNetError) -> None:
        super().__init__(cause)
        self.cause = cause


class Display(Protocol):
    """Where a person sees how far it is."""

    def say(self, text: str) -> None: ...
    def advance(self, files: int, count: int) -> None: ...


class Plain:
    """No terminal: lines on stderr."""

    def say(self, text: str) -> None:
        click.echo(text, err=True)

    def advance(self, files: int, count: int) -> None:
        """A log file needs no bar."""


@dataclass
class Report:
    """What became of each file."""

    verbose: bool = False
    display: Display = field(default_factory=Plain)
    stored: int = 0
    bytes: int = 0
    warnings: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    """By a word: a status, or what else stood in the way."""
    unsent: int = 0
    unconfirmed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """By reason."""
    different: int = 0

    @property
    def is_success(self) -> bool:
        return bool(self.stored) and not (self.failed or self.unsent or self.unconfirmed)

    def skip(self, path: Path, reason: str, detail: str = "") -> None:
        self.skipped[reason] += 1
        if self.verbose:
            self.display.say(f"{path}: skipped, {reason}{detail}")

    def differ(self, path: Path, difference: str) -> None:
        self.different += 1
        if self.verbose:
            self.display.say(f"{path}: {difference}; what the data set says is sent")

    def tell_skipped(self) -> None:
        """The reasons in short, where they were not told one by one."""
        if self.verbose:
            return
        for reason, number in self.skipped.most_common(MOST_REASONS):
            self.display.say(f"skipped {count_of(number, 'file')}: {reason}")
        others = self.skipped.total() - sum(number for _, number in self.skipped.most_common(MOST_REASONS))
        if others:
            self.display.say(f"skipped {count_of(others, 'file')} for other reasons (-v tells each)")
        if self.different:
            self.display.say(
                f"{count_of(self.different, 'file')}: group 0002 and the data set disagree on the identity; what the "
                "data set says is sent (-v tells each)"
            )

    def answered(self, file: InstanceFile, status: Status, comment: str | None) -> None:
        code = f"{status:04X}"
        said = f" ({comment})" if comment else ""
        text = f"{code}, {status.meaning('storage', 'C-STORE')}{said}"
        if not (status.is_success or status.is_warning):
            self.fail(file.path, code, text, file.data_length)
            return
        self.stored += 1
        self.bytes += file.data_length
        if status.is_warning:
            self.warnings[code] += 1
            self.display.say(f"{file.path}: stored with a warning: {text}")
        else:
            log.info("%s: stored", file.path)
        self.display.advance(1, file.data_length)

    def fail(self, path: Path, word: str, text: str, count: int = 0) -> None:
        self.failed[word] += 1
        self.display.say(f"{path}: failed: {text.removeprefix(f'{path}: ')}")
        self.display.advance(1, count)

    def refuse(self, files: Sequence[InstanceFile], reason: str) -> None:
        """The files of one kind, which the peer does not take; in one line, unless each was asked for."""
        if self.verbose or len(files) == 1:
            for file in files:
                self.fail(file.path, "not accepted", reason, file.data_length)
            return
        self.failed["not accepted"] += len(files)
        self.display.say(f"{count_of(len(files), 'file')} failed: {reason} (-v tells each)")
        self.display.advance(len(files), sum(file.data_length for file in files))

    def lose(self, file: InstanceFile) -> None:
        self.unconfirmed += 1
        self.display.say(f"{file.path}: not confirmed: the association ended before its response came")

    def line(self, seconds: float) -> str:
        """All of it in one line."""
        parts = [f"{self.stored} stored{_in_brackets(self.warnings, 'warning')}"]
        if self.failed:
            parts.append(f"{self.failed.total()} failed{_in_brackets(self.failed)}")
        if self.unconfirmed:
            parts.append(f"{self.unconfirmed} not confirmed")
        if self.unsent:
            parts.append(f"{self.unsent} not sent")
        if self.skipped:
            parts.append(f"{self.skipped.total()} skipped")
        return ", ".join((*parts, size(self.bytes), f"{seconds:.1f} s"))


def _in_brackets(words: Counter[str], noun: str = "") -> str:
    if not words:
        return ""
    return f" ({', '.join(f'{noun} {word}'.strip() for word in words)})"


@contextmanager
def _progress(files: Sequence[InstanceFile]) -> Iterator[Display]:
    if not files or not sys.stderr.isatty():
        yield Plain()
        return
    from rich import progress
    from rich.console import Console

    console = Console(stderr=True)
    columns = (
        progress.TextColumn("{task.fields[done]}/{task.fields[files]} files"),
        progress.BarColumn(),
        progress.DownloadColumn(),
        progress.TransferSpeedColumn(),
        progress.TimeRemainingColumn(),
    )

    with progress.Progress(*columns, console=console, transient=True) as shown:
        task = shown.add_task("", total=sum(file.data_length for file in files), done=0, files=len(files))
        yield _Bar(shown, task)


class _Bar:
    """A terminal: a bar below what is said."""

    def __init__(self, shown: Progress, task: TaskID) -> None:
        self._shown = shown
        self._task = task
        self._done = 0

    def say(self, text: str) -> None:
        self._shown.console.print(text, markup=False, highlight=False, soft_wrap=True)

    def advance(self, files: int, count: int) -> None:
        self._done += files
        self._shown.update(self._task, advance=count, done=self._done)


def _is_same(file: InstanceFile, other: InstanceFile) -> bool:
    """Whether two files of one identity hold the same; one may be a damaged copy, and which one only the peer can tell."""
    if (file.transfer_syntax_uid, file.data_length) != (other.transfer_syntax_uid, other.data_length):
        return False
    try:
        return data_set_digest(file) == data_set_digest(other)
    except OSError:  # what is wrong shows when it is sent
        return False


def _kind(file: InstanceFile) -> Kind:
    return file.sop_class_uid, file.transfer_syntax_uid


QUEUED = 3
"""Requests handed to the library at a time: the next is read while the response to the last is awaited."""

MOST_REASONS = 5
"""Reasons that a summary lists."""
