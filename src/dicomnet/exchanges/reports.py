"""What became of many instances: one result for each, and the sum of them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple, Self

from dicomnet.dimse.status import Status
from dicomnet.errors import PartialFailure
from dicomnet.exchanges.contracts import Kept
from dicomnet.records import dataclass, field
from dicomnet.types import UID


class Outcome(Enum):
    """What became of one instance that was to be stored."""

    STORED = "stored"
    """Acknowledged with success."""
    WARNING = "stored with a warning"
    """Acknowledged; the peer may have changed or dropped something (PS3.4 B.2.3)."""
    FAILED = "failed"
    """Refused by the peer, or it could not be read or sent."""
    SKIPPED = "skipped"
    """No instance, or one that was there before; nothing was sent."""
    UNKNOWN = "unknown"
    """Sent, and the peer may have it or not: the association ended before the answer came, or the answer was a success that
    came before the peer could have all of it."""
    NOT_SENT = "not sent"
    """The association ended, or the caller stopped, before its turn."""


class InstanceRef(NamedTuple):
    """An instance by its identity."""

    sop_class_uid: UID
    sop_instance_uid: UID


@dataclass(slots=True)
class StoreResult:
    """One instance of a `StoreReport`."""

    name: str
    """The path, or what else it was given as."""
    outcome: Outcome
    path: Any = None
    sop_class_uid: UID | None = None
    sop_instance_uid: UID | None = None
    transfer_syntax_uid: UID | None = None
    """What it was sent in."""
    length: int = 0
    """Bytes of its data set as sent."""
    status: Status | None = None
    """Of the response, if there was one."""
    detail: str = ""
    """Why, in words; also what a warning said."""
    error: Exception | None = None
    index: int = 0
    """Its place among the instances as they were given."""

    @property
    def ok(self) -> bool:
        """Whether the peer has it."""
        return self.outcome in (Outcome.STORED, Outcome.WARNING)

    @property
    def failed(self) -> bool:
        """Whether the peer does not have it, or not for certain, and not because the caller has stopped."""
        return self.outcome in _FAILURES and not (self.outcome is Outcome.NOT_SENT and self.detail == STOPPED)

    def __str__(self) -> str:
        return f"{self.name}: {self.outcome.value}" + (f": {self.detail}" if self.detail else "")


@dataclass(slots=True)
class StoreReport:
    """What a `store` did, instance by instance, in the order they were given."""

    results: list[StoreResult] = field(default_factory=list)
    error: Exception | None = None
    """What ended it early, if something did."""
    stopped: bool = False
    """Whether the caller has stopped it: there are results of what was read by then, and of nothing that would have followed."""

    def __iter__(self) -> Iterator[StoreResult]:
        return iter(self.results)

    def __len__(self) -> int:
        return len(self.results)

    def count(self, *outcomes: Outcome) -> int:
        return sum(result.outcome in outcomes for result in self.results)

    def of(self, *outcomes: Outcome) -> list[StoreResult]:
        """The results with these outcomes."""
        return [result for result in self.results if result.outcome in outcomes]

    @property
    def stored(self) -> list[StoreResult]:
        """What the peer has, also with a warning."""
        return self.of(Outcome.STORED, Outcome.WARNING)

    @property
    def failed(self) -> list[StoreResult]:
        """What it does not have, or not for certain; but for what the caller did not want sent any more."""
        return [result for result in self.results if result.failed]

    @property
    def skipped(self) -> list[StoreResult]:
        return self.of(Outcome.SKIPPED)

    @property
    def ok(self) -> bool:
        """Whether everything that was an instance is there; of a store that was stopped nobody can say so."""
        return self.error is None and not self.stopped and not self.count(*_FAILURES)

    @property
    def bytes(self) -> int:
        """Bytes of the data sets that were acknowledged."""
        return sum(result.length for result in self.results if result.ok)

    @property
    def instances(self) -> list[InstanceRef]:
        """The instances that the peer has, as `commit` takes them."""
        return [
            InstanceRef(r.sop_class_uid, r.sop_instance_uid)
            for r in self.stored
            if r.sop_class_uid and r.sop_instance_uid
        ]

    def check(self) -> Self:
        """Returns the report itself if all is well.

        Raises:
            PartialFailure: it is not; the error carries the report.
        """
        if not self.ok:
            raise PartialFailure(self) from self.error
        return self

    def __str__(self) -> str:
        counts = Counter(result.outcome for result in self.results)
        parts = [f"{counts[outcome]} {outcome.value}" for outcome in Outcome if counts[outcome]]
        text = ", ".join(parts) or "nothing to store"
        first = next((result for result in self.results if result.failed), None)
        if first is not None:
            text += f"; first: {first}"
        if self.stopped:
            text += "; stopped"
        if self.error is not None:
            text += f"; ended early: {self.error}"
        return text


@dataclass(frozen=True, slots=True)
class Progress:
    """How far a `store` has come; what the progress callback is given."""

    instances: int
    """Instances that are done, whatever became of them."""
    failed: int
    bytes: int
    """Bytes of data sets that have left."""
    current: str
    """The instance that was done or is on its way."""


@dataclass(slots=True)
class Retrieved:
    """One instance that a C-GET brought, or a C-MOVE to a folder of our own."""

    sop_class_uid: UID
    sop_instance_uid: UID
    transfer_syntax_uid: UID
    length: int = 0
    path: Any = None
    """The file it was kept in."""
    data: Kept | None = None
    """What was kept, also if it went to memory: ``data.dataset()`` is it as a pydicom data set, ``data.bytes()`` as it came."""
    status: Status = Status.SUCCESS
    """What we answered."""
    error: Exception | None = None
    """Why it was not kept."""


@dataclass(slots=True)
class RetrieveReport:
    """What a `get` or `move` did: what the peer says, and what really arrived."""

    status: Status | None = None
    """The final status of the peer."""
    completed: int = 0
    """Sub-operations that the peer counts as completed."""
    failed: int = 0
    warning: int = 0
    error_comment: str | None = None
    instances: list[Retrieved] = field(default_factory=list)
    """What arrived here, in order; empty for a move to somebody else."""
    failed_uids: list[UID] = field(default_factory=list)
    """The instances that the peer says have failed (0008,0058)."""
    expected: set[UID] | None = None
    """The instances there are, where a query has told."""
    arrived_here: bool = True
    """Whether the instances were to come to us, so that counting them means something."""
    error: Exception | None = None
    """What ended it early, if something did."""
    found: bool = True
    """Whether there was anything to ask for: False if a query had to say which, and matched nothing."""

    @property
    def received(self) -> list[Retrieved]:
        """What arrived here and was kept."""
        return [instance for instance in self.instances if instance.error is None]

    @property
    def paths(self) -> list[Any]:
        """The files it was kept in."""
        return [instance.path for instance in self.received if instance.path is not None]

    @property
    def missing(self) -> list[UID]:
        """Instances known by name that did not arrive."""
        have = {instance.sop_instance_uid for instance in self.received}
        names = dict.fromkeys(self.failed_uids)
        names.update(dict.fromkeys(i.sop_instance_uid for i in self.instances if i.error is not None))
        names.update(dict.fromkeys(sorted(self.expected or ())))
        return [uid for uid in names if uid not in have]

    @property
    def missing_count(self) -> int:
        """How many instances did not arrive, as far as the counts and names tell."""
        if not self.arrived_here:
            return max(self.failed, len(self.failed_uids))
        return max(len(self.missing), self._claimed - len(self.received), 0)

    @property
    def ok(self) -> bool:
        """Whether everything arrived, be it nothing where there is nothing."""
        if not self.found:
            return True
        status = self.status
        if status is None or status.is_failure or status.is_cancel or self.error is not None or self.missing_count:
            return False
        return not status.is_warning or self._is_known_whole

    @property
    def _is_known_whole(self) -> bool:
        """Whether a warning (B000: some failed, or gave a warning) is explained by what is known besides."""
        if self.warning or not self.arrived_here:
            return bool(self.warning)
        return self.expected is not None or 0 < self._claimed <= len(self.received)

    @property
    def _claimed(self) -> int:
        """Sub-operations that the peer counts."""
        return self.completed + self.failed + self.warning

    def check(self) -> Self:
        """Returns the report itself if all is well; raises `PartialFailure` otherwise."""
        if not self.ok:
            raise PartialFailure(self) from self.error
        return self

    def __str__(self) -> str:
        if not self.found:
            return "nothing found: the query for the keys matched nothing"
        sent = self.completed + self.warning
        text = f"{len(self.received)} received" if self.arrived_here else f"{sent} sent by the peer"
        if self.missing_count:
            text += f", {self.missing_count} missing"
        if self.status is not None and not self.status.is_success:
            meaning = self.status.meaning(message="C-MOVE")  # which has all that C-GET has (PS3.4 C.4.3.1.4)
            text += f"; the peer ended with {self.status:04X}, {meaning}"
        if self.error_comment:
            text += f": {self.error_comment}"
        if self.error is not None:
            text += f"; ended early: {self.error}"
        return text


@dataclass(slots=True)
class CommitReport:
    """What a storage provider promises to keep, and what not (PS3.4 J.3.3)."""

    transaction_uid: UID
    requested: Sequence[InstanceRef]
    committed: list[InstanceRef] = field(default_factory=list)
    failed: list[tuple[InstanceRef, Status]] = field(default_factory=list)
    """Each with its failure reason (0008,1197)."""

    @property
    def missing(self) -> list[InstanceRef]:
        """What was asked for and stands in neither list."""
        told = {ref.sop_instance_uid for ref in self.committed} | {ref.sop_instance_uid for ref, _ in self.failed}
        return [ref for ref in self.requested if ref.sop_instance_uid not in told]

    @property
    def ok(self) -> bool:
        return not self.failed and not self.missing

    def check(self) -> Self:
        """Returns the report itself if all is committed; raises `PartialFailure` otherwise."""
        if not self.ok:
            raise PartialFailure(self)
        return self

    def __str__(self) -> str:
        text = f"{len(self.committed)} of {len(self.requested)} committed"
        if self.failed:
            ref, reason = self.failed[0]
            text += f", {len(self.failed)} refused; first: {ref.sop_instance_uid}: {reason.meaning()}"
        if self.missing:
            text += f", {len(self.missing)} not mentioned"
        return text


def add_report(error: Exception, report: StoreReport | RetrieveReport) -> None:
    """Gives what a function of the caller has raised the report of what was done until then, as its ``report``.

    Whoever sums up several reports replaces theirs; what means something else is left alone.
    """
    before = getattr(error, "report", None)
    if isinstance(error, PartialFailure) or not isinstance(before, StoreReport | RetrieveReport | None):
        return
    with suppress(AttributeError, TypeError):  # not every exception takes attributes
        error.report = report  # type: ignore[attr-defined]


STOPPED = "stopped"
"""The detail of what was read and not sent because the caller has stopped."""

_FAILURES = (Outcome.FAILED, Outcome.UNKNOWN, Outcome.NOT_SENT)
