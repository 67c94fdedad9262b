"""What `dicomnet send` says about the files: as they go if asked to, and at the end by reason."""

from __future__ import annotations

import logging
import re
import threading
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from dicomnet.cli.progress import Display, Plain
from dicomnet.cli.wording import count_of, size
from dicomnet.errors import StatusError
from dicomnet.exchanges.reports import Outcome, StoreResult
from dicomnet.exchanges.store import is_compressed, no_context
from dicomnet.storage.source import InstanceFile

log = logging.getLogger(__name__)


@dataclass
class Report:
    """What became of each file; several threads may tell."""

    verbose: bool = False
    decode: bool = False
    """Whether what is compressed is decompressed where it must be."""
    display: Display = field(default_factory=Plain)
    stored: int = 0
    bytes: int = 0
    warnings: Counter[str] = field(default_factory=Counter)
    failed: Counter[str] = field(default_factory=Counter)
    """By a word: a status, or what else stood in the way."""
    unsent: int = 0
    unseen: bool = False
    """Whether there are files that nobody has looked at."""
    unconfirmed: int = 0
    skipped: Counter[str] = field(default_factory=Counter)
    """By reason."""
    different: int = 0
    _problems: dict[tuple[str, str], list[Path]] = field(default_factory=dict)
    """By what happened and why: the files that are told about at the end."""
    _before: tuple[int, int] = (0, 0)
    _here: tuple[int, int] = (0, 0)
    """Instances and bytes: in earlier batches, and in this one."""
    _lock: threading.RLock = field(default_factory=threading.RLock)

    @property
    def is_success(self) -> bool:
        """Whether there was something to send, and all of it was stored."""
        return bool(self.stored) and not (self.failed or self.unsent or self.unconfirmed)

    # Before anything is sent.

    def skip(self, path: Path, reason: str, detail: str = "") -> None:
        with self._lock:
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
                f"{count_of(self.different, 'file')}: group 0002 and the data set disagree; what the data set "
                "says is sent (-v tells each)"
            )

    # While it is sent.

    def take(self, result: StoreResult) -> None:
        """What became of one file."""
        with self._lock:
            if result.ok:
                self._stored(result)
            elif result.outcome is Outcome.UNKNOWN:
                self.lose(result.path, result.detail)
            elif result.outcome is Outcome.FAILED:
                self.fail(result.path, *self._failure(result))
            # What is not sent is counted at the end: it is what is left.

    def moved(self, instances: int, count: int) -> None:
        """How far the present batch is."""
        self._here = instances, count
        self.display.moved(self._before[0] + instances, self._before[1] + count)

    def add_up(self) -> None:
        """A batch is over; the next begins at zero."""
        self._before = self._before[0] + self._here[0], self._before[1] + self._here[1]
        self._here = 0, 0

    def fail(self, path: Path, word: str, reason: str) -> None:
        with self._lock:
            self.failed[word] += 1
            self._problem(path, "failed", _without(path, reason))

    def lose(self, path: Path, reason: str) -> None:
        """Sent, and nobody can say whether the peer has it."""
        self.unconfirmed += 1
        self._problem(path, "not confirmed", reason)

    def leave(self, files: Iterator[InstanceFile], *, look: bool) -> None:
        """What nobody has asked for is not sent; without a look at it nobody knows how many that are."""
        if look:
            self.unsent += sum(1 for _ in files)
        else:
            self.unseen = next(files, None) is not None
            self.unsent += self.unseen

    def refuse(self, files: Sequence[InstanceFile]) -> None:
        """All of them, since the peer accepted no presentation context at all."""
        for file in files:
            self.fail(file.path, NOT_ACCEPTED, self._not_accepted(file))

    def _stored(self, result: StoreResult) -> None:
        self.stored += 1
        self.bytes += result.length
        if result.outcome is Outcome.WARNING:
            self.warnings[f"{result.status:04X}"] += 1
            self._problem(result.path, "stored with a warning", _status_text(result, _comment(result)))
        else:
            log.info("%s: stored", result.path)

    def _failure(self, result: StoreResult) -> tuple[str, str]:
        """The word that it is counted under, and the reason."""
        if result.status is not None:
            comment = result.error.error_comment if isinstance(result.error, StatusError) else None
            return f"{result.status:04X}", _status_text(result, comment)
        if result.detail == no_context(result):  # type: ignore[arg-type]  # it reads the UIDs alone
            return NOT_ACCEPTED, self._not_accepted(result)
        return UNREADABLE, result.detail

    def _not_accepted(self, what: Any) -> str:
        """No context for what has these UIDs, and what could be tried."""
        can_be_decoded = is_compressed(what.transfer_syntax_uid) and not self.decode
        return no_context(what) + ("; with --decode it is tried uncompressed" if can_be_decoded else "")

    def _problem(self, path: Path, what: str, reason: str) -> None:
        if self.verbose:
            self.display.say(f"{path}: {what}: {reason}")
        else:
            self._problems.setdefault((what, reason), []).append(path)

    # At the end.

    def tell_problems(self) -> None:
        """A line for each reason, with the file it was if there is but one."""
        for (what, reason), paths in self._problems.items():
            if len(paths) == 1:
                self.display.say(f"{paths[0]}: {what}: {reason}")
            else:
                self.display.say(
                    f"{count_of(len(paths), 'file')} {what}: {reason} (the first: {paths[0]}; -v tells each)"
                )
        self._problems.clear()

    def line(self, seconds: float) -> str:
        """All of it in one line."""
        parts = [f"{self.stored} stored{_in_brackets(self.warnings, 'warning')}"]
        if self.failed:
            parts.append(f"{self.failed.total()} failed{_in_brackets(self.failed)}")
        if self.unconfirmed:
            parts.append(f"{self.unconfirmed} not confirmed")
        if self.unsent:
            parts.append(f"{self.unsent} not sent{' and others not looked at' if self.unseen else ''}")
        if self.skipped:
            parts.append(f"{self.skipped.total()} skipped")
        return ", ".join((*parts, size(self.bytes), f"{seconds:.1f} s"))


def _without(path: Path, reason: str) -> str:
    """A reason that names no file, so that others may have the same."""
    named = rf"(?<!\S){re.escape(str(path))}(?=[:\s])"
    return re.sub(named, "it", reason.removeprefix(f"{path}: "), count=1)


def _status_text(result: StoreResult, comment: str | None) -> str:
    assert result.status is not None
    said = f" ({comment})" if comment else ""
    return f"{result.status:04X}, {result.status.meaning('storage', 'C-STORE')}{said}"


def _comment(result: StoreResult) -> str | None:
    """What the peer said of a warning, which stands at the end of the detail."""
    assert result.status is not None
    meaning = result.status.meaning(message="C-STORE")
    return result.detail.rpartition(f"({meaning})")[2].removeprefix(": ") or None


def _in_brackets(words: Counter[str], noun: str = "") -> str:
    if not words:
        return ""
    return f" ({', '.join(f'{noun} {word}'.strip() for word in words)})"


UNREADABLE = "unreadable"
NOT_ACCEPTED = "not accepted"

MOST_REASONS = 5
"""Reasons that a summary lists."""
