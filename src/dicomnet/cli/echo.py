"""`dicomnet echo`: whether somebody is there, and answers."""

from __future__ import annotations

from time import perf_counter

import click

from dicomnet.cli.requestor import Caller
from dicomnet.dimse.status import Status
from dicomnet.errors import ContextRefused, DicomNetError, StatusError
from dicomnet.sync.association import associate


def run(caller: Caller) -> None:
    """Sends one C-ECHO and prints how long the answer took.

    Raises:
        ClickException: there was no good answer, and why.
    """
    address, options = caller.address, caller.options()
    try:
        with associate(address, contexts=["verification"], **options) as association:
            begun = perf_counter()
            status = association.echo()
            seconds = perf_counter() - begun
    except ContextRefused as error:
        raise click.ClickException(f"{address} does not accept C-ECHO: {error}") from error
    except StatusError as error:
        status = Status(error.status)
        raise click.ClickException(f"{address} answered the echo with {status:04X}, {status.meaning()}") from error
    except DicomNetError as error:
        raise caller.failure(error) from error
    if not status.is_success:
        raise click.ClickException(f"{address} answered the echo with {status:04X}, {status.meaning()}")
    click.echo(f"{address} answered in {seconds * 1000:.1f} ms")
