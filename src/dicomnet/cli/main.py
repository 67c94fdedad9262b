"""The `dicomnet` command: what it takes.

What a command does stands in the file of its name, which is imported when it
runs: help and mistakes in typing are answered without the network's modules.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

import click

from dicomnet import __version__
from dicomnet.cli.logs import log_to_stderr
from dicomnet.types import Address, ae_title

if TYPE_CHECKING:
    from dicomnet.tls import TlsConfig

_EXIT_CODES = """Exit codes: 0 done; 1 the peer refused or something failed, said on stderr; 2 wrong usage;
130 interrupted."""

_TITLE = "DICOMNET"


def _peer(_: click.Context, __: click.Parameter, text: str) -> Address:
    try:
        address = Address.parse(text)
    except ValueError as error:
        raise click.BadParameter(f"{error}; for example {_EXAMPLE}") from None
    if address.aet is None:
        raise click.BadParameter(f"{text!r} does not say which AE title to call; for example {_EXAMPLE}")
    if not address.port:
        raise click.BadParameter(f"nobody can be reached at port 0; for example {_EXAMPLE}")
    return address


def _title(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    try:
        return None if text is None else ae_title(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


_EXAMPLE = "ARCHIVE@10.0.0.5:104"
_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)


def _peer_options(command: Callable[..., None]) -> Callable[..., None]:
    """What commands that call somebody have in common."""
    command = click.option(
        "--timeout",
        type=click.FloatRange(min=0, min_open=True),
        metavar="SECONDS",
        help="For each wait for the peer.  [default: 10 to connect, 30 to associate, 60 for an echo, 300 for a store]",
    )(command)
    return click.option(
        "--aet",
        "calling_ae",
        callback=_title,
        metavar="TITLE",
        default=_TITLE,
        show_default=True,
        help="Our own AE title.",
    )(command)


def _common_options(*, ca_help: str, level: int) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """TLS and logging: the command gets `tls`, the settings or None, and `verbose`."""

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.option("--tls", "use_tls", is_flag=True, help="Speak TLS; each of the following implies it.")
        @click.option("--tls-ca", type=_FILE, help=ca_help)
        @click.option("--tls-cert", type=_FILE, help="Our own certificate, PEM.")
        @click.option("--tls-key", type=_FILE, help="Its private key, PEM.  [default: in the file of the certificate]")
        @click.option("-v", "--verbose", is_flag=True, help="Say more.")
        @click.option("--debug", is_flag=True, help="Say everything.")
        @wraps(command)
        def wrapped(
            *,
            use_tls: bool,
            tls_ca: Path | None,
            tls_cert: Path | None,
            tls_key: Path | None,
            verbose: bool,
            debug: bool,
            **options: Any,
        ) -> None:
            if tls_key is not None and tls_cert is None:
                raise click.UsageError("--tls-key needs its --tls-cert")
            tls = _tls(tls_ca, tls_cert, tls_key) if use_tls or tls_ca or tls_cert else None
            wanted = logging.DEBUG if debug else logging.INFO if verbose else level
            click.get_current_context().with_resource(log_to_stderr(wanted))
            command(tls=tls, verbose=verbose or debug, **options)

        return wrapped

    return decorate


def _tls(authorities: Path | None, certificate: Path | None, key: Path | None) -> TlsConfig:
    from dicomnet.tls import TlsConfig

    return TlsConfig(ca_file=authorities, certificate=certificate, private_key=key)


@click.group(epilog=_EXIT_CODES, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(__version__, prog_name="dicomnet")
def cli() -> None:
    """DICOM networking: see it, try a peer, send files, receive them."""


@cli.command(short_help="Show both sides at work, message by message.", epilog=_EXIT_CODES)
@click.option("--tls", "use_tls", is_flag=True, help="Over TLS, with a certificate made for the occasion.")
@click.option("--reject", is_flag=True, help="The SCP rejects the association.")
@click.option("--abort", is_flag=True, help="The SCU aborts in the middle of a data set.")
def demo(*, use_tls: bool, reject: bool, abort: bool) -> None:
    """Show an SCU and an SCP at work in one process, message by message.

    Sends real instances and one object of 64 MiB over 127.0.0.1, and compares every byte that arrived.
    """
    if reject and abort:
        raise click.UsageError("--reject and --abort are two endings; give one")
    from dicomnet.cli import demo

    ending = demo.Ending.REJECT if reject else demo.Ending.ABORT if abort else demo.Ending.RELEASE
    with log_to_stderr(logging.ERROR):
        demo.run(use_tls=use_tls, ending=ending)


@cli.command(short_help="Ask a peer whether it is there.", epilog=_EXIT_CODES)
@click.argument("peer", callback=_peer, metavar="AET@host:port")
@_peer_options
@_common_options(ca_help="Who may issue the peer's certificate, PEM.  [default: the system's]", level=logging.CRITICAL)
def echo(
    *,
    peer: Address,
    calling_ae: str,
    timeout: float | None,
    tls: TlsConfig | None,
    verbose: bool,  # noqa: ARG001
) -> None:
    """Ask a peer whether it is there (C-ECHO), and how long it takes to say so."""
    from dicomnet.cli import echo

    echo.run(peer, calling_ae, timeout, tls)


@cli.command(short_help="Send files to a peer.", epilog=_EXIT_CODES)
@click.argument("peer", callback=_peer, metavar="AET@host:port")
@click.argument("paths", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True, metavar="PATH...")
@_peer_options
@_common_options(ca_help="Who may issue the peer's certificate, PEM.  [default: the system's]", level=logging.CRITICAL)
def send(
    *,
    peer: Address,
    paths: tuple[Path, ...],
    calling_ae: str,
    timeout: float | None,
    tls: TlsConfig | None,
    verbose: bool,
) -> None:
    """Send instances to a peer (C-STORE): files, and all that is in folders.

    What is no instance is skipped, and so is a second file with the same data set of an instance. Nothing is
    converted: each file goes in the transfer syntax it is in, or fails if the peer does not take that.

    Exits with 0 only if everything there was to send has been stored.
    """
    from dicomnet.cli import send

    if not send.run(peer, paths, calling_ae, timeout, tls, verbose=verbose):
        raise click.exceptions.Exit(1)


@cli.command(short_help="Receive instances and keep them as files.", epilog=_EXIT_CODES)
@click.option(
    "--port", type=click.IntRange(0, 65535), metavar="N", required=True, help="0 is the first free one; it is printed."
)
@click.option(
    "--output",
    type=click.Path(file_okay=False, path_type=Path),
    metavar="DIR",
    required=True,
    help="Folder for the instances.",
)
@click.option(
    "--aet",
    "called_ae",
    callback=_title,
    metavar="TITLE",
    help="Our AE title; who calls another is rejected.  [default: any]",
)
@click.option(
    "--host", default="", metavar="ADDRESS", help="Where to listen.  [default: every address of this machine]"
)
@click.option(
    "--durable/--no-durable",
    default=True,
    show_default=True,
    help="Wait for the disk before an instance counts as stored.",
)
@_common_options(ca_help="Clients must have a certificate issued by one of these, PEM.", level=logging.INFO)
def recv(
    *,
    port: int,
    output: Path,
    called_ae: str | None,
    host: str,
    durable: bool,
    tls: TlsConfig | None,
    verbose: bool,
) -> None:
    """Receive instances (C-STORE) from anybody, and keep each as a file.

    Prints "listening on host:port" when it does. Ctrl-C and SIGTERM end it: it accepts nobody new, gives running
    associations a few seconds to finish, and exits with 0.
    """
    from dicomnet.cli import recv

    if tls is not None and tls.certificate is None:
        raise click.UsageError("with TLS a receiver needs --tls-cert, because its peers verify it")
    recv.run(host, port, output, called_ae=called_ae, durable=durable, tls=tls, verbose=verbose)


def main() -> NoReturn:
    """The entry point."""
    signal.signal(signal.SIGTERM, _terminate)  # so that temporary folders go
    try:
        code = cli.main(prog_name="dicomnet", standalone_mode=False) or 0
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        code = _INTERRUPTED
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # whoever read the output has seen enough
            where = "" if error.filename is None else f"{error.filename}: "
            click.echo(f"Error: {where}{error.strerror or error}", err=True)
        code = 1
    try:
        sys.stdout.flush()
    except OSError:  # Python must not try again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    sys.exit(code)


def _terminate(*_: object) -> NoReturn:
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN
    )  # `timeout` sends it twice, and the second would disturb the cleaning up
    sys.exit(_TERMINATED)


_INTERRUPTED = 128 + 2
_TERMINATED = 128 + 15
