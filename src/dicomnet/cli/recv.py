"""`dicomnet recv`: an open receiver that keeps each instance as a file."""

from __future__ import annotations

import errno
import logging
import signal
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dicomnet.aio.keeping import Keep
from dicomnet.cli.own_tls import check_readable
from dicomnet.errors import DicomNetError, InvalidValue, ListenFailed
from dicomnet.server.server import Server
from dicomnet.storage.folder import Folder
from dicomnet.storage.received import ReceivedData
from dicomnet.storage.twins import Duplicates
from dicomnet.storage.walk import Check

if TYPE_CHECKING:
    from dicomnet.tls import TlsConfig

log = logging.getLogger(__name__)


def run(
    host: str,
    port: int,
    output: Path,
    *,
    called_ae: str | None,
    layout: str | None,
    workers: int,
    durable: bool,
    check: Check,
    duplicates: Duplicates,
    strict_uids: bool,
    reserve: str | None,
    tls: TlsConfig | None,
    verbose: bool,
    audit: Path | None = None,
    **who: Any,
) -> int:
    """Receives until Ctrl-C or SIGTERM.

    Args:
        called_ae: the only title that is answered to; None is any.
        layout: which file below the folder an instance becomes, see `dicomnet.server.layout`.
        workers: processes.
        check, duplicates, strict_uids, reserve: see `Server`.
        audit: the file that is added to, see `Server.audit`.
        who: may call, and who speaks for others: what `Server` takes of ``calling_ae``, ``networks``, ``proxies`` and
            ``certificates``.

    Returns:
        The exit code.

    Raises:
        ClickException: the folder, the layout, the certificate or the port cannot be used, and why.
    """
    try:
        kept: dict[str, Any] = {
            "durable": durable,
            "duplicates": duplicates,
            "strict_uids": strict_uids,
            "reserve": reserve,
        }
        server = Receiver(
            called_ae,
            host=host,
            port=port,
            tls=None if tls is None else _acceptor(tls),
            place=Folder(output, **kept),
            layout=layout,
            check=check,
            **kept,
            level=logging.INFO if verbose else logging.DEBUG,
            **who,
        )
        if audit is not None:
            server.audit(audit)
        return _until_signal(
            server,
            workers,
            lambda: click.echo(f"listening on {_where(host, server.port)}, keeping instances in {output}"),
        )
    except ListenFailed as error:
        raise click.ClickException(f"cannot listen on {_where(host, port)}: {error.detail}{_advice(error)}") from error
    except InvalidValue as error:
        raise click.UsageError(str(error)) from error
    except DicomNetError as error:
        raise click.ClickException(str(error)) from error


class Receiver(Server):
    """Takes everything that can be stored, from anybody."""

    def __init__(self, aet: str | None, *, place: Folder, level: int, **options: Any) -> None:
        super().__init__(aet, folder=place.root, unrestricted=True, grace=GRACE, **options)
        self._level = level
        """Of the log lines about single instances."""
        self.handle("store", Keep(place if self.layout is None else place.root, layout=self.layout, told=self._note))

    def _note(self, data: ReceivedData) -> None:
        if log.isEnabledFor(self._level):
            log.log(self._level, "%s %s", "had already" if data.duplicate else "kept", data.path)


def _until_signal(server: Server, workers: int, ready: Callable[[], object]) -> int:
    """Signals are how it ends, also one that comes before the server has begun to hear them."""
    before = signal.signal(signal.SIGTERM, signal.default_int_handler)
    try:
        return server.run(workers=workers, ready=ready)
    except KeyboardInterrupt:
        return 0
    finally:
        signal.signal(signal.SIGTERM, before)


def _acceptor(tls: TlsConfig) -> TlsConfig:
    """Read once here, so that what is wrong with a certificate shows now; the server reads it again when it is renewed."""
    from dicomnet.tls import VerifyMode

    if tls.ca_file is not None:
        tls = replace(tls, verify=VerifyMode.REQUIRED)
    check_readable(tls.acceptor_context)
    return tls


def _advice(error: ListenFailed) -> str:
    cause = error.__cause__
    number = cause.errno if isinstance(cause, OSError) else None
    advice = _ADVICE.get(number or 0)
    return f"; {advice}" if advice else ""


def _where(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"


_ADVICE = {
    errno.EADDRINUSE: "another program has this port: end it, or take another with --port",
    errno.EADDRNOTAVAIL: "--host must be an address of this machine",
    errno.EACCES: "ports below 1024 need more rights; take another with --port",
}

GRACE = 5.0
"""Seconds for running associations to finish; systemd and containers kill after ten or more."""
