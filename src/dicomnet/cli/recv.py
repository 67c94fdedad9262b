"""`dicomnet recv`: an open receiver that keeps each instance as a file."""

from __future__ import annotations

import logging
import os
from contextlib import suppress
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

import click

from dicomnet.cli.alarm import Alarm
from dicomnet.cli.own_tls import read_once
from dicomnet.cli.wording import count_of
from dicomnet.dimse.commands import CEchoRequest, CStoreRequest
from dicomnet.dimse.status import Status
from dicomnet.errors import ConnectFailed, DicomNetError, RejectReason, RejectResult, StateError
from dicomnet.net import Associate, DicomNet, Message, runtime
from dicomnet.storage.folder import Folder
from dicomnet.types import printable

if TYPE_CHECKING:
    from dicomnet.tls import TlsConfig

log = logging.getLogger(__name__)


def run(
    host: str,
    port: int,
    output: Path,
    *,
    called_ae: str | None,
    durable: bool,
    tls: TlsConfig | None,
    verbose: bool,
) -> None:
    """Receives until Ctrl-C or SIGTERM.

    Raises:
        ClickException: the folder, the certificate or the port cannot be used, and why.
    """
    try:
        folder = _folder(output, durable=durable)
        acceptor_tls = None if tls is None else _acceptor(tls)
    except DicomNetError as error:
        raise click.ClickException(str(error)) from error
    with Alarm() as alarm, runtime(), Receiver(folder, called_ae, alarm, tls=acceptor_tls, verbose=verbose) as receiver:
        bound = _listen(receiver, host, port)
        click.echo(f"listening on {_where(host, bound)}, keeping instances in {output}")
        while not alarm.wait():
            pass  # somebody left
        receiver.finish()


class Receiver(DicomNet):
    """Listens, and makes a `Keeper` of each connection."""

    def __init__(
        self, folder: Folder, called_ae: str | None, alarm: Alarm, *, tls: TlsConfig | None, verbose: bool
    ) -> None:
        super().__init__(tls=tls)
        self.folder = folder
        self.called_ae = called_ae
        self.level = logging.INFO if verbose else logging.DEBUG
        """Of the log lines about single instances."""
        self._alarm = alarm

    def on_accept(self, error: Exception | None) -> None:
        if error is not None:
            log.error("no more connections: %s", error)
            return
        with suppress(StateError):  # we stopped listening meanwhile, and it was closed
            self.accept(Keeper(self))

    def on_close(self, error: Exception | None, net: Any) -> None:  # noqa: ARG002
        self._alarm.news()

    def finish(self) -> None:
        """Accepts nobody new, and gives those who are here a moment to finish; a second signal cuts that short."""
        self.stop_listening()
        until = monotonic() + GRACE
        if self.clients:
            log.info("stopping: %s may finish, for %g s", count_of(len(self.clients), "association"), GRACE)
        while self.clients and (rest := until - monotonic()) > 0:
            if self._alarm.wait(rest):
                break
        for client in self.clients:
            if client.is_associated:
                with suppress(StateError):
                    client.send_abort()


class Keeper(DicomNet):
    """One connection: says yes to all that is asked, and keeps what comes."""

    def __init__(self, receiver: Receiver) -> None:
        super().__init__(tls=receiver.tls, destination=receiver.folder)
        self._receiver = receiver

    def on_receive_associate_request(self, associate: Associate) -> None:
        ours = self._receiver.called_ae
        if ours is not None and associate.called_ae != ours:
            who = f"{printable(associate.calling_ae)}@{self.peer_address}"
            log.warning("%s calls %r, but this is %r: rejected", who, associate.called_ae, ours)
            reason = RejectReason.CALLED_AE_TITLE_NOT_RECOGNIZED
            self.send_associate_reject(RejectResult.PERMANENT, reason.source, reason.reason)
            return
        self.send_associate_accept(associate.accept_all())

    def on_receive_c_echo_request(self, message: Message[CEchoRequest]) -> None:
        self.send_c_echo_response(message, Status.SUCCESS)

    def on_receive_c_store_request(self, message: Message[CStoreRequest]) -> None:
        if message.data is None:
            self.send_c_store_response(message, Status.CANNOT_UNDERSTAND)
            return
        log.log(self._receiver.level, "%s %s", "had already" if message.data.duplicate else "kept", message.data.path)
        self.send_c_store_response(message, Status.SUCCESS)


def _folder(output: Path, *, durable: bool) -> Folder:
    folder = Folder(output, durable=durable)
    if not os.access(output, os.W_OK | os.X_OK):
        raise click.ClickException(f"cannot keep files in {output}: the folder is not writable")
    return folder


def _acceptor(tls: TlsConfig) -> TlsConfig:
    """Read once, so that what is wrong with a certificate shows now and not at the first connection."""
    from dataclasses import replace

    from dicomnet.tls import VerifyMode

    if tls.ca_file is not None:
        tls = replace(tls, verify=VerifyMode.REQUIRED)
    return read_once(tls.acceptor_context)


def _listen(receiver: Receiver, host: str, port: int) -> int:
    try:
        return receiver.listen(host, port)[1]
    except ConnectFailed as error:
        hint = "; ports below 1024 may need more rights" if 0 < port < 1024 else ""
        raise click.ClickException(f"cannot listen on {_where(host, port)}: {error.detail}{hint}") from error


def _where(host: str, port: int) -> str:
    return f"[{host}]:{port}" if ":" in host else f"{host or '*'}:{port}"


GRACE = 5.0
"""Seconds for running associations to finish; systemd and containers kill after ten or more."""
