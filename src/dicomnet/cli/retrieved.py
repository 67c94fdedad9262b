"""What `get` and `move` say about the instances that came, and about those that did not."""

from __future__ import annotations

import logging
from collections import Counter
from typing import Any

import click

from dicomnet.cli.progress import Display, Plain
from dicomnet.cli.requestor import Caller
from dicomnet.cli.wording import count_of, explain, size, status_advice
from dicomnet.errors import DicomNetError
from dicomnet.exchanges.reports import Retrieved, RetrieveReport

log = logging.getLogger(__name__)


class Watch:
    """Counts what comes here."""

    def __init__(self) -> None:
        self.display: Display = Plain()
        self.received = 0
        self._bytes = 0
        self._unkept: Counter[str] = Counter()

    def take(self, instance: Retrieved) -> None:
        """One has come."""
        if instance.error is None:
            self.received += 1
            self._bytes += instance.length
            log.info("%s: received", instance.path)
        else:
            self._unkept[str(instance.error)] += 1
        self.display.moved(self.received, self._bytes)

    def tell(self) -> None:
        """What came and was not kept, by reason: that is our own doing."""
        self.display = Plain()
        for reason, number in self._unkept.items():
            self.display.say(f"{count_of(number, 'instance')} not kept: {reason}")

    def line(self, seconds: float) -> str:
        """All of it in one line."""
        return f"{self.received} received, {size(self._bytes)}, {seconds:.1f} s"


def conclude(report: RetrieveReport, caller: Caller, operation: str) -> bool:
    """Says on stderr what is missing and why. Returns whether nothing is.

    Args:
        operation: "C-GET" or "C-MOVE".
    """
    if report.status is None and report.error is None and not report.instances:
        click.echo("nothing matches these keys", err=True)
        return False
    for uid in report.missing if caller.verbose else report.missing[:MOST_UIDS]:
        click.echo(f"{uid}: missing", err=True)
    if report.missing_count:
        click.echo(f"{count_of(report.missing_count, 'instance')} missing{_counted(report, caller)}", err=True)
    if report.status is not None and not report.status.is_success:
        said = f": {report.error_comment}" if report.error_comment else ""
        meaning = report.status.meaning(message=operation)
        text = f"{caller.address} ended with {report.status:04X}, {meaning}{said}"
        click.echo(f"{text}; {status_advice(report.status)}" if report.status.is_failure else text, err=True)
    if report.error is not None:
        error: Any = report.error
        why = explain(error, caller.address, caller.aet) if isinstance(error, DicomNetError) else str(error)
        click.echo(f"Error: {why}", err=True)
    return report.ok


def _counted(report: RetrieveReport, caller: Caller) -> str:
    more = "" if caller.verbose or len(report.missing) <= MOST_UIDS else "-v tells each; "
    return f" ({more}the peer counts {report.completed} sent, {report.warning} with a warning, {report.failed} failed)"


MOST_UIDS = 10
"""UIDs that are told without -v."""
