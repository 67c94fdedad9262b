"""What `get` and `move` say about the instances that came, and about those that did not."""

from __future__ import annotations

import logging
from typing import Any

import click

from dicomnet.cli.progress import Display, Plain
from dicomnet.cli.requestor import Caller
from dicomnet.cli.wording import count_of, explain, size, status_advice
from dicomnet.errors import DicomNetError, StorageError
from dicomnet.exchanges.reports import Retrieved, RetrieveReport
from dicomnet.types import printable

log = logging.getLogger(__name__)


class Watch:
    """Counts what comes here."""

    def __init__(self) -> None:
        self.display: Display = Plain()
        self.received = 0
        self._bytes = 0
        self._unkept: dict[str, list[str]] = {}
        """By reason, which the texts tell of one file each."""

    def take(self, instance: Retrieved) -> None:
        """One has come."""
        if instance.error is None:
            self.received += 1
            self._bytes += instance.length
            log.info("%s: received", instance.path)
        else:
            reason = instance.error.comment if isinstance(instance.error, StorageError) else str(instance.error)
            self._unkept.setdefault(reason, []).append(str(instance.error))
        self.display.moved(self.received, self._bytes)

    def tell(self) -> None:
        """What came and was not kept, by reason: that is our own doing."""
        self.display = Plain()
        for texts in self._unkept.values():
            of_several = ", the first" if len(texts) > 1 else ""
            self.display.say(f"{count_of(len(texts), 'instance')} not kept{of_several}: {texts[0]}")

    def line(self, seconds: float) -> str:
        """All of it in one line."""
        return f"{self.received} received, {size(self._bytes)}, {seconds:.1f} s"


def conclude(report: RetrieveReport, caller: Caller, operation: str) -> bool:
    """Says on stderr what is missing and why. Returns whether nothing is, and there was something to be had.

    Args:
        operation: "C-GET" or "C-MOVE".
    """
    if _is_nothing(report):
        click.echo("nothing matches these keys", err=True)
        return False
    for uid in report.missing if caller.verbose else report.missing[:MOST_UIDS]:
        click.echo(f"{printable(uid)}: missing", err=True)
    if report.missing_count:
        click.echo(f"{count_of(report.missing_count, 'instance')} missing{_counted(report, caller)}", err=True)
    if report.status is not None and not report.status.is_success:
        said = f": {report.error_comment}" if report.error_comment else ""
        meaning = report.status.meaning(message=operation)
        text = f"{caller.address} ended with {report.status:04X}, {meaning}{said}"
        blames_peer = report.status.is_failure and not any(one.error for one in report.instances)
        click.echo(f"{text}; {status_advice(report.status)}" if blames_peer else text, err=True)
    if report.error is not None:
        error: Any = report.error
        why = explain(error, caller.address, caller.aet) if isinstance(error, DicomNetError) else str(error)
        click.echo(f"Error: {why}", err=True)
    return report.ok


def _is_nothing(report: RetrieveReport) -> bool:
    """Whether the peer has nothing of the kind: no query found it, or it had nothing to send."""
    moved = report.completed or report.failed or report.warning or report.instances
    return report.error is None and not moved and (report.status is None or report.status.is_success)


def _counted(report: RetrieveReport, caller: Caller) -> str:
    more = "" if caller.verbose or len(report.missing) <= MOST_UIDS else "-v tells each; "
    return f" ({more}the peer counts {report.completed} sent, {report.warning} with a warning, {report.failed} failed)"


MOST_UIDS = 10
"""UIDs that are told without -v."""
