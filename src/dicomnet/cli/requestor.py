"""What the commands that call a peer have in common: whom they call and how, TLS, and the log."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping
from dataclasses import replace
from functools import wraps
from typing import TYPE_CHECKING, Any

import click

from dicomnet.cli.logs import log_to_stderr
from dicomnet.cli.numbers import Seconds
from dicomnet.cli.own_tls import check_readable, tls_options
from dicomnet.errors import DicomNetError, InvalidValue
from dicomnet.records import dataclass
from dicomnet.types import Address, ae_title

if TYPE_CHECKING:
    from dicomnet.limits import Timeouts
    from dicomnet.tls import TlsConfig


@dataclass(frozen=True, slots=True, kw_only=True)
class Caller:
    """Whom a command calls, as whom, and under which terms."""

    address: Address
    aet: str
    timeout: float | None
    """Seconds for each wait for the peer; None takes the library's."""
    tls: TlsConfig | None
    verbose: bool

    def options(self, **others: Any) -> dict[str, Any]:
        """The arguments of `associate`, `Peer` and `settings_for` besides the address.

        Raises:
            ClickException: our certificate, its key or the authorities cannot be used, and why.
        """
        if self.tls is not None:
            check_readable(self.tls.requestor_context)
        return {"aet": self.aet, "tls": self.tls, "timeouts": self._timeouts(), **others}

    def failure(self, error: DicomNetError) -> click.ClickException:
        """An error as the end of the command: what we were told to do cannot be asked for, or the peer did not do it."""
        from dicomnet.cli.wording import explain

        if isinstance(error, InvalidValue):
            return click.UsageError(str(error))
        return click.ClickException(explain(error, self.address, self.aet))

    def _timeouts(self) -> Timeouts:
        from dicomnet.limits import Timeouts

        timeouts, seconds = Timeouts(artim=CLOSING), self.timeout
        if seconds is None:
            return timeouts
        return replace(
            timeouts,
            connect=seconds,
            handshake=seconds,
            artim=min(seconds, CLOSING),
            associate=seconds,
            release=seconds,
            response=seconds,
            store_response=seconds,
            retrieve_response=seconds,
            commitment=seconds,
        )


def calls_peer(command: Callable[..., None]) -> Callable[..., None]:
    """The argument and the options of a command that calls a peer; it gets a `Caller` in their place."""

    @click.argument("address", callback=_peer, metavar="AET@host:port")
    @click.option(
        "--timeout",
        type=Seconds(),
        metavar="SECONDS",
        help="For each wait for the peer.  [default: 10 to connect, 30 to associate, 60 for an echo or a match, 300 for a "
        "store, 1800 for a retrieve]",
    )
    @title_option("aet", "Our own AE title.", default=OUR_TITLE)
    @common_options(
        ca_help="Who may issue the peer's certificate, PEM.  [default: the system's]",
        level=logging.CRITICAL,
        calls=True,
    )
    @wraps(command)
    def wrapped(
        *, address: Address, aet: str, timeout: float | None, tls: TlsConfig | None, verbose: bool, **options: Any
    ) -> None:
        command(caller=Caller(address=address, aet=aet, timeout=timeout, tls=tls, verbose=verbose), **options)

    return wrapped


def takes_keys(text: str, *, default: str | None = None) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The argument and the option of a command that has keys; it gets `keys`, a mapping, and `model`.

    Args:
        text: the help for the model.
        default: the model if none is given.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        model = click.option("--model", metavar="NAME", default=default, show_default=default is not None, help=text)
        argument: Callable[[Callable[..., None]], Callable[..., None]] = click.argument(
            "keys", nargs=-1, callback=_keys, metavar="KEY=VALUE..."
        )
        return argument(model(command))

    return decorate


def check_keys(keys: Mapping[str, str], *returning: str) -> None:
    """Looks at the keys before anybody is called, who may refuse what was misspelt.

    Args:
        returning: further attributes, without values.

    Raises:
        UsageError: an attribute is not known, or a value does not suit it.
    """
    from dicomnet.exchanges.values import dataset_of, path_of

    try:
        dataset_of(keys)
        for key in returning:
            path_of(key)
    except InvalidValue as error:
        raise click.UsageError(str(error)) from error


def title_option(
    name: str, text: str, *, default: str | None = None
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """``--aet``, an AE title of ours, with this help text."""
    return click.option(
        "--aet",
        name,
        callback=checked_title,
        metavar="TITLE",
        default=default,
        show_default=default is not None,
        help=text,
    )


def common_options(
    *, ca_help: str, level: int, calls: bool = False
) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """TLS and logging: the command gets `tls`, the settings or None, and `verbose`.

    Args:
        ca_help: what the authorities are for.
        level: from which on the library's log is shown if nobody asks for more.
        calls: whether the command calls a peer.
    """

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @tls_options(ca_help=ca_help, calls=calls)
        @click.option("-v", "--verbose", is_flag=True, help="Say more.")
        @click.option("-d", "--debug", is_flag=True, help="Say everything.")
        @click.option("--show-patients", is_flag=True, help="Name patients in what is said; else *** stands for them.")
        @wraps(command)
        def wrapped(*, verbose: bool, debug: bool, show_patients: bool, **options: Any) -> None:
            wanted = logging.DEBUG if debug else logging.INFO if verbose else level
            click.get_current_context().with_resource(log_to_stderr(wanted, patients=show_patients))
            command(verbose=verbose or debug, **options)

        return wrapped

    return decorate


def checked_title(_: click.Context, __: click.Parameter, text: str | None) -> str | None:
    """The callback of an option that is an AE title."""
    try:
        return None if text is None else ae_title(text)
    except ValueError as error:
        raise click.BadParameter(str(error)) from None


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


def _keys(_: click.Context, __: click.Parameter, texts: tuple[str, ...]) -> Mapping[str, str]:
    """A key that is given twice has several values (PS3.4 C.2.2.2.2)."""
    keys: dict[str, str] = {}
    for text in texts:
        key, equals, value = text.partition("=")
        if not key or not equals:
            raise click.BadParameter(f"{text!r} is not of the form KEY=VALUE; for example PatientID=1234")
        keys[key] = f"{keys[key]}\\{value}" if key in keys else value
    return keys


OUR_TITLE = "DICOMNET"

CLOSING = 2.0
"""Seconds for the peer to close the connection once all is said; a person at a terminal waits for it."""

_EXAMPLE = "ARCHIVE@10.0.0.5:104"
