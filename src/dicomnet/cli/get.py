"""`dicomnet get`: instances from a peer into a folder, on an association of ours."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from time import perf_counter

import click

from dicomnet.cli.progress import shown
from dicomnet.cli.requestor import Caller, check_keys
from dicomnet.cli.retrieved import Watch, conclude
from dicomnet.errors import DicomNetError
from dicomnet.exchanges.reports import RetrieveReport
from dicomnet.storage.folder import Folder
from dicomnet.sync.peer import Peer


def run(caller: Caller, folder: Path, keys: Mapping[str, str], *, model: str, level: str | None, durable: bool) -> bool:
    """Retrieves instances, keeps each as a file, and prints what came.

    Args:
        level: what to retrieve; the level of the lowest unique key if none is given.
        durable: whether to wait for the disk before an instance counts as received.

    Returns:
        Whether there was something, and all of it has come.

    Raises:
        ClickException: it was refused, or could not be asked.
    """
    begun = perf_counter()
    check_keys(keys)
    options = caller.options()
    watch = Watch()
    report: RetrieveReport | None = None
    try:
        place = Folder(folder, durable=durable)
        place.check_writable()
        with shown(None, None) as watch.display, Peer(caller.address, **options) as peer:
            report = peer.get(place, keys, model=model, level=level, on_instance=watch.take, check=False)
    except DicomNetError as error:
        raise caller.failure(error) from error
    finally:
        watch.tell()
        if report is not None or watch.received:
            click.echo(watch.line(perf_counter() - begun))
    return conclude(report, caller, "C-GET")
