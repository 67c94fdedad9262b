"""`dicomnet move`: has a peer send instances somewhere else, or to a server of ours that keeps them as files."""

from __future__ import annotations

from collections.abc import Mapping
from contextlib import ExitStack
from pathlib import Path
from time import perf_counter

import click

from dicomnet.cli.progress import Display, shown
from dicomnet.cli.requestor import Caller, check_keys
from dicomnet.cli.retrieved import conclude
from dicomnet.cli.wording import size
from dicomnet.errors import DicomNetError
from dicomnet.exchanges.reports import RetrieveReport
from dicomnet.storage.folder import Folder
from dicomnet.sync.peer import Peer


def run(caller: Caller, to: str | Path, keys: Mapping[str, str], *, model: str, level: str | None, port: int) -> bool:
    """Has instances sent and prints what became of it.

    Args:
        to: an AE title that the peer knows; or a folder of ours.
        level: what to retrieve; the level of the lowest unique key if none is given.
        port: where we listen for a folder of ours.

    Returns:
        Whether there was something, and all of it has been sent, or has come.

    Raises:
        ClickException: it was refused, or could not be asked.
    """
    begun = perf_counter()
    check_keys(keys)
    options = caller.options()
    progress = _Progress()
    try:
        with ExitStack() as stack:
            if isinstance(to, Path):
                Folder(to).check_writable()
                from dicomnet.cli.local import borrowing_peer

                peer = stack.enter_context(borrowing_peer(caller, port, options))
            else:
                peer = stack.enter_context(Peer(caller.address, **options))
            progress.display = stack.enter_context(shown(None, None))
            report = peer.move(to, keys, model=model, level=level, progress=progress.take, check=False)
            progress.report = report
    except DicomNetError as error:
        raise caller.failure(error) from error
    finally:
        if progress.report is not None:
            click.echo(f"{_line(progress.report)}, {perf_counter() - begun:.1f} s")
    return conclude(report, caller, "C-MOVE")


class _Progress:
    """The report as it grows."""

    def __init__(self) -> None:
        self.display: Display | None = None
        self.report: RetrieveReport | None = None

    def take(self, report: RetrieveReport) -> None:
        self.report = report
        if self.display is not None:
            self.display.moved(report.completed + report.warning, sum(one.length for one in report.received))


def _line(report: RetrieveReport) -> str:
    if not report.arrived_here:
        return f"{report.completed + report.warning} sent by the peer"
    return f"{len(report.received)} received, {size(sum(one.length for one in report.received))}"
