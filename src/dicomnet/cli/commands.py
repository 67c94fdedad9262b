"""The `dicomnet` command: what it takes.

What a command does stands in the file of its name, which is imported when it
runs: help and mistakes in typing are answered without the network's modules.
"""

from __future__ import annotations

import logging
import os
import signal
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, NoReturn

import click

from dicomnet import __version__
from dicomnet.cli.codes import FAILED, INTERRUPTED, TERMINATED
from dicomnet.cli.help import SectionedGroup
from dicomnet.cli.logs import log_to_stderr
from dicomnet.cli.numbers import Seconds, Whole
from dicomnet.cli.requestor import Caller, calls_peer, checked_title, common_options, takes_keys, title_option

if TYPE_CHECKING:
    from dicomnet.storage.twins import Duplicates
    from dicomnet.storage.walk import Check
    from dicomnet.tls import TlsConfig

_EXIT_CODES = """Exit codes: 0 done; 1 the peer refused or something failed, said on stderr; 2 wrong usage;
130 interrupted."""


def _associations(_: click.Context, __: click.Parameter, text: str) -> int | str:
    if text == "auto" or (text.isdecimal() and 1 <= int(text) <= MOST_ASSOCIATIONS):
        return text if text == "auto" else int(text)
    raise click.BadParameter(f"{text!r} is neither auto nor a number from 1 to {MOST_ASSOCIATIONS}")


def _certificates(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> Mapping[str, list[str]]:
    """By title; of several for one title any will do."""
    found: dict[str, list[str]] = {}
    for text in texts:
        title, equals, wanted = text.partition("=")
        if not (title and equals and wanted):
            raise click.BadParameter(f"{text!r} is not of the form TITLE=CERTIFICATE, such as CT1=CN=ct1.example")
        found.setdefault(title, []).append(wanted)
    return found


_FOLDER = click.Path(file_okay=False, path_type=Path)
_LEVEL_OPTION = click.option(
    "--level", metavar="NAME", help="What to retrieve.  [default: the level of the lowest unique key]"
)
_DURABLE_OPTION = click.option(
    "--durable/--no-durable",
    default=True,
    show_default=True,
    help="Wait for the disk before an instance counts as stored.",
)


@click.group(
    cls=SectionedGroup,
    epilog=_EXIT_CODES,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(__version__, prog_name="dicomnet")
def cli() -> None:
    """DICOM networking: try a peer, query it, send and retrieve instances, receive them."""


@cli.command(cls=click.Command, short_help="Show both sides at work, message by message.", epilog=_EXIT_CODES)
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
@calls_peer
def echo(*, caller: Caller) -> None:
    """Ask a peer whether it is there (C-ECHO), and how long it takes to say so.

    Example: dicomnet echo ARCHIVE@10.0.0.5:104
    """
    from dicomnet.cli import echo

    echo.run(caller)


@cli.command(short_help="Send files to a peer.", epilog=_EXIT_CODES)
@calls_peer
@click.argument("paths", type=click.Path(exists=True, path_type=Path), nargs=-1, required=True, metavar="PATH...")
@click.option(
    "--window",
    type=Whole(min=1),
    metavar="N",
    help="Operations to have outstanding at a time, if the peer agrees.  [default: one, and nothing is proposed]",
)
@click.option(
    "--associations",
    callback=_associations,
    metavar="N|auto",
    default="1",
    show_default=True,
    help="How many to spread the files over; auto takes several where the peer does one thing at a time.",
)
@click.option("--decode", is_flag=True, help="Decompress pixel data that the peer takes in no other way.")
def send(*, caller: Caller, paths: tuple[Path, ...], window: int | None, associations: int | str, decode: bool) -> None:
    """Send instances to a peer (C-STORE): files, and all that is in folders.

    What is no instance is skipped, and so is a second file with the same data set of an instance. The bytes of a file go as
    they are; uncompressed ones are converted where the peer takes only another uncompressed transfer syntax. If the peer
    ends the association, the rest goes on another one.

    Exits with 0 only if everything there was to send has been stored.

    Example: dicomnet send ARCHIVE@10.0.0.5:104 study/ --associations auto
    """
    from dicomnet.cli import send

    if not send.run(caller, paths, window=window, associations=associations, decode=decode):
        raise click.exceptions.Exit(FAILED)


@cli.command(short_help="Query a peer.", epilog=_EXIT_CODES)
@calls_peer
@click.argument("what", metavar="LEVEL")
@takes_keys("Information model of a level.  [default: study-root, and patient-root for PATIENT]")
@click.option(
    "--returning", multiple=True, metavar="KEY", help="Further attribute to ask for; may be given several times."
)
@click.option(
    "--charset", metavar="TERM", help="Character set of the query.  [default: the least that its values need]"
)
@click.option("--limit", type=Whole(min=1), metavar="N", help="Cancel the query after so many matches.")
@click.option("--json", "as_json", is_flag=True, help="Print one object of the DICOM JSON model in each line.")
@click.option(
    "--csv", "as_csv", is_flag=True, help="Print comma-separated values, with the keywords in the first line."
)
def find(
    *,
    caller: Caller,
    what: str,
    keys: Mapping[str, str],
    model: str | None,
    returning: tuple[str, ...],
    charset: str | None,
    limit: int | None,
    as_json: bool,
    as_csv: bool,
) -> None:
    """Query a peer (C-FIND) at a LEVEL, which is PATIENT, STUDY, SERIES or IMAGE; or a model without levels: worklist, ups.

    A KEY is a keyword or a tag, with dots for what is in a sequence. Wildcards and ranges are the standard's; a key without
    a value is asked for and matches everything. What a level or a worklist must have is always asked for.

    On a terminal the matches are a table, elsewhere lines with tabs. No match is no failure.

    Example: dicomnet find ARCHIVE@10.0.0.5:104 STUDY PatientName='DOE^*' StudyDate=20260101-
    """
    if as_json and as_csv:
        raise click.UsageError("--json and --csv are two forms; give one")
    if "=" in what:
        raise click.UsageError(f"{what!r} stands where the LEVEL belongs, as in: STUDY {what}")
    from dicomnet.cli import find

    form = find.form_for(as_json=as_json, as_csv=as_csv)
    find.run(caller, what, keys, form=form, model=model, returning=returning, charset=charset, limit=limit)


@cli.command(short_help="Retrieve instances into a folder.", epilog=_EXIT_CODES)
@calls_peer
@click.argument("folder", type=_FOLDER, metavar="DIR")
@takes_keys("Information model.", default="study-root")
@_LEVEL_OPTION
@_DURABLE_OPTION
def get(*, caller: Caller, folder: Path, keys: Mapping[str, str], model: str, level: str | None, durable: bool) -> None:
    """Retrieve instances from a peer (C-GET) and keep each as a file in DIR.

    Keys that are not unique, such as an accession number, are resolved by a query. What is missing in the end is named.

    Exits with 0 only if there was something, and all of it has come.

    Example: dicomnet get ARCHIVE@10.0.0.5:104 incoming/ StudyInstanceUID=1.2.3.4
    """
    if not keys and "=" in folder.name:
        raise click.UsageError(f"'{folder}' stands where DIR belongs, as in: incoming/ {folder}")
    from dicomnet.cli import get

    if not get.run(caller, folder, keys, model=model, level=level, durable=durable):
        raise click.exceptions.Exit(FAILED)


@cli.command(short_help="Have a peer send instances somewhere.", epilog=_EXIT_CODES)
@calls_peer
@takes_keys("Information model.", default="study-root")
@_LEVEL_OPTION
@click.option(
    "--to", callback=checked_title, metavar="TITLE", help="AE title of the receiver, which the peer must know."
)
@click.option("--into", type=_FOLDER, metavar="DIR", help="Receive them here, as our own AE title.")
@click.option(
    "--port",
    type=Whole(0, 65535),
    metavar="N",
    help="Where we listen with --into: what the peer has for our AE title.  [default: 11112]",
)
def move(
    *,
    caller: Caller,
    keys: Mapping[str, str],
    model: str,
    level: str | None,
    to: str | None,
    into: Path | None,
    port: int | None,
) -> None:
    """Have a peer send instances to another application entity (C-MOVE); or to us, which keeps each as a file.

    Keys that are not unique, such as an accession number, are resolved by a query.

    Exits with 0 only if there was something, and all of it has been sent, or has come.

    Example: dicomnet move ARCHIVE@10.0.0.5:104 --to WORKSTATION StudyInstanceUID=1.2.3.4
    """
    if (to is None) == (into is None):
        raise click.UsageError("give one of --to and --into")
    if port is not None and into is None:
        raise click.UsageError("--port is where we listen with --into")
    from dicomnet.cli import move

    place = into or to
    assert place is not None
    if not move.run(caller, place, keys, model=model, level=level, port=OUR_PORT if port is None else port):
        raise click.exceptions.Exit(FAILED)


@cli.command(short_help="Have a peer promise to keep instances.", epilog=_EXIT_CODES)
@calls_peer
@click.argument("instances", nargs=-1, required=True, metavar="PATH|CLASS:UID...")
@click.option(
    "--port",
    type=Whole(0, 65535),
    metavar="N",
    help="Listen here for an answer on an association of the peer's: what it has for our AE title.",
)
@click.option("--wait", type=Seconds(), metavar="SECONDS", help="For the answer.  [default: 300]")
def commit(*, caller: Caller, instances: tuple[str, ...], port: int | None, wait: float | None) -> None:
    """Have a peer promise to keep instances (storage commitment): those in files and folders, or by SOP class and UID.

    Exits with 0 only if all are committed.

    Example: dicomnet commit ARCHIVE@10.0.0.5:104 study/ --port 11112
    """
    from dicomnet.cli import commit

    if not commit.run(caller, instances, port=port, wait=wait):
        raise click.exceptions.Exit(FAILED)


@cli.command(short_help="Receive instances and keep them as files.", epilog=_EXIT_CODES)
@click.option(
    "--port", type=Whole(0, 65535), metavar="N", required=True, help="0 is the first free one; it is printed."
)
@click.option(
    "--output",
    type=_FOLDER,
    metavar="DIR",
    required=True,
    help="Folder for the instances.",
)
@title_option("called_ae", "Our AE title; who calls another is rejected.  [default: any]")
@click.option(
    "--host", default="", metavar="ADDRESS", help="Where to listen.  [default: every address of this machine]"
)
@_DURABLE_OPTION
@click.option(
    "--check",
    type=click.Choice(["refuse", "warn", "off"]),
    default="refuse",
    show_default=True,
    help="What becomes of an instance that is not the one it was announced as, or is cut off: it is refused, or kept with a "
    "warning. off does not look.",
)
@click.option("--no-check", "check", flag_value="off", help="The same as --check off.")
@click.option(
    "--duplicates",
    type=click.Choice(["keep-both", "replace", "refuse"]),
    default="keep-both",
    show_default=True,
    help="What becomes of an instance that is kept already with other content: it is kept beside the first as UID~2.dcm, or in "
    "its place, or refused. The same content is no error in any case.",
)
@click.option(
    "--strict-uids", is_flag=True, help="Refuse instances whose UID is none; otherwise a digest names the file."
)
@click.option(
    "--reserve",
    metavar="SIZE",
    help="What stays free on the disk, as in 5% or 20GB; below that instances are refused. 0 is nothing.  [default: 5% or "
    "2GB, whichever is less]",
)
@click.option(
    "--layout",
    metavar="TEXT",
    help="Path of each file below DIR, with keywords in braces, as in {PatientID}/{StudyInstanceUID}/{instance}.dcm.  "
    "[default: {instance}.dcm]",
)
@click.option(
    "--workers",
    type=Whole(min=1),
    metavar="N",
    default=1,
    show_default=True,
    help="Processes; several receive more than one processor can.",
)
@click.option(
    "--calling-ae",
    metavar="TITLE",
    multiple=True,
    help="Who may call; several are given one by one.  [default: anybody]",
)
@click.option(
    "--network",
    "networks",
    metavar="NETWORK",
    multiple=True,
    help="Where calls may come from, as in 10.1.0.0/16.  [default: anywhere]",
)
@click.option(
    "--trusted-proxy",
    "proxies",
    metavar="NETWORK",
    multiple=True,
    help="Where proxies are that say for whom they speak (PROXY protocol), and must; such as a load balancer's address.",
)
@click.option(
    "--require-certificate",
    "certificates",
    metavar="TITLE=CERTIFICATE",
    multiple=True,
    callback=_certificates,
    help="The certificate that a title must come with: its subject (CN=ct1.example), a name in it (ct1.example) or its "
    "fingerprint (sha256:...). The title * is everybody else.",
)
@click.option(
    "--audit",
    type=click.Path(dir_okay=False, path_type=Path),
    metavar="FILE",
    help="Add a line to it, in JSON, for everything that somebody does or is refused.",
)
@common_options(ca_help="Clients must have a certificate issued by one of these, PEM.", level=logging.INFO)
def recv(
    *,
    port: int,
    output: Path,
    called_ae: str | None,
    host: str,
    durable: bool,
    check: Check,
    duplicates: Duplicates,
    strict_uids: bool,
    reserve: str | None,
    layout: str | None,
    workers: int,
    calling_ae: tuple[str, ...],
    networks: tuple[str, ...],
    proxies: tuple[str, ...],
    certificates: Mapping[str, list[str]],
    audit: Path | None,
    tls: TlsConfig | None,
    verbose: bool,
) -> None:
    """Receive instances (C-STORE) from anybody, and keep each as a file; private SOP classes, too.

    Prints "listening on host:port" when it does, and logs a line for each association. Ctrl-C and SIGTERM end it: it
    accepts nobody new, gives running associations a few seconds to finish, and exits with 0; a second one ends it at once.

    Example: dicomnet recv --port 11112 --output incoming/ --layout '{PatientID}/{instance}.dcm'
    """
    from dicomnet.cli import recv

    if tls is not None and tls.certificate is None:
        raise click.UsageError("with TLS a receiver needs --tls-cert, because its peers verify it")
    if certificates and (tls is None or tls.ca_file is None):
        raise click.UsageError("--require-certificate needs --tls-ca, or nobody could show one that is believed")
    code = recv.run(
        host,
        port,
        output,
        called_ae=called_ae,
        layout=layout,
        workers=workers,
        durable=durable,
        check=check,
        duplicates=duplicates,
        strict_uids=strict_uids,
        reserve=reserve,
        tls=tls,
        verbose=verbose,
        audit=audit,
        calling_ae=calling_ae or None,
        networks=networks or None,
        proxies=proxies,
        certificates=certificates or None,
    )
    if code:
        raise click.exceptions.Exit(code)


def run() -> int:
    """Does what the command line says, and gives the exit code."""
    signal.signal(signal.SIGTERM, _terminate)  # so that temporary folders go
    try:
        code = cli.main(prog_name="dicomnet", standalone_mode=False) or 0
        sys.stdout.flush()
    except click.ClickException as error:
        error.show()
        code = error.exit_code
    except click.Abort:
        click.echo("interrupted", err=True)
        code = INTERRUPTED
    except OSError as error:
        if not isinstance(error, BrokenPipeError):  # whoever read the output has seen enough
            where = "" if error.filename is None else f"{error.filename}: "
            click.echo(f"Error: {where}{error.strerror or error}", err=True)
        code = FAILED
    try:
        sys.stdout.flush()
    except OSError:  # Python must not try again at exit
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    return code


def _terminate(*_: object) -> NoReturn:
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN
    )  # `timeout` sends it twice, and the second would disturb the cleaning up
    sys.exit(TERMINATED)


OUR_PORT = 11112
"""The port that IANA has for DICOM and that needs no rights."""

MOST_ASSOCIATIONS = 32
"""More than that a peer takes for an attack."""
