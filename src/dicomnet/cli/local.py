"""A server of ours, for as long as a command waits for what a peer sends on associations of its own."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from typing import Any

import click

from dicomnet.cli.own_tls import check_readable
from dicomnet.cli.requestor import Caller
from dicomnet.errors import ListenFailed
from dicomnet.server.server import Server
from dicomnet.sync.peer import Peer


@contextmanager
def borrowing_peer(caller: Caller, port: int, options: dict[str, Any]) -> Iterator[Peer]:
    """A `Peer` that borrows a server under our own title; with a certificate of ours, the server speaks TLS too.

    Args:
        port: where it listens, on every address; 0 is a free one.
        options: those of the peer.

    Raises:
        ClickException: the port cannot be had.
    """
    tls = None
    if caller.tls is not None and caller.tls.certificate is not None:
        tls = replace(caller.tls, pin=None, crl_file=None)  # those are about the peer as it answers our calls
        check_readable(tls.acceptor_context)
    try:
        with Server(caller.aet, port=port, tls=tls) as server:
            if not port:
                click.echo(f"listening on port {server.port}", err=True)
            with server.peer(caller.address, **options) as peer:
                yield peer
    except ListenFailed as error:
        raise click.ClickException(f"{error}; choose another with --port") from error
