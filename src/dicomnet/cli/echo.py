"""`dicomnet echo`: whether somebody is there, and answers."""

from __future__ import annotations

import logging
from contextlib import suppress
from typing import TYPE_CHECKING

import click

from dicomnet.cli.own_tls import read_once
from dicomnet.cli.requestor import Requestor
from dicomnet.cli.wording import explain, refusal
from dicomnet.dimse.status import Status
from dicomnet.errors import DicomNetError
from dicomnet.net import runtime
from dicomnet.types import Address
from dicomnet.uids import ImplicitVRLittleEndian, Verification

if TYPE_CHECKING:
    from dicomnet.tls import TlsConfig

log = logging.getLogger(__name__)


def run(address: Address, calling_ae: str, timeout: float | None, tls: TlsConfig | None) -> None:
    """Sends one C-ECHO and prints how long the answer took.

    Raises:
        ClickException: there was no good answer, and why.
    """
    own = None if tls is None else read_once(tls.requestor_context)
    with runtime(), Requestor(address, calling_ae, timeout=timeout, tls=own) as peer:
        try:
            status, seconds = _echo(peer)
        except DicomNetError as error:
            raise click.ClickException(explain(error, address, calling_ae)) from error
        if not status.is_success:
            raise click.ClickException(f"{address} answered the echo with {status:04X}, {status.meaning()}")
        click.echo(f"{address} answered in {seconds * 1000:.1f} ms")


def _echo(peer: Requestor) -> tuple[Status, float]:
    answer = peer.open([(Verification, ImplicitVRLittleEndian)])
    [context] = answer.contexts
    if not context.is_accepted:
        raise click.ClickException(f"{peer.address} does not accept C-ECHO: {refusal(context.result)}")
    response, seconds = peer.echo()
    with suppress(DicomNetError):  # it has answered; how it parts changes nothing
        peer.release()
    return response.status, seconds
