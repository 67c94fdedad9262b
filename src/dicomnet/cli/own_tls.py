"""The options about TLS; and our own files read before anybody is called, since they are nobody else's doing."""

from __future__ import annotations

from collections.abc import Callable
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from dicomnet.errors import DicomNetError, TlsFailed

if TYPE_CHECKING:
    from dicomnet.tls import TlsConfig


def tls_options(*, ca_help: str, calls: bool) -> Callable[[Callable[..., None]], Callable[..., None]]:
    """The options; the command gets `tls`, the settings, or None for plain links.

    Args:
        ca_help: what the authorities are for.
        calls: whether the command calls a peer, whose certificate bears a name.
    """

    name_option: Callable[[Callable[..., None]], Callable[..., None]] = _NAME_OPTION if calls else _unchanged

    def decorate(command: Callable[..., None]) -> Callable[..., None]:
        @click.option("--tls", "use_tls", is_flag=True, help="Speak TLS; each of the following implies it.")
        @click.option("--tls-ca", type=_FILE, help=ca_help)
        @name_option
        @click.option("--tls-cert", type=_FILE, help="Our own certificate, PEM.")
        @click.option("--tls-key", type=_FILE, help="Its private key, PEM.  [default: in the file of the certificate]")
        @click.option(
            "--tls-key-password-file", type=_FILE, help="The password of an encrypted private key, in the first line."
        )
        @click.option("--tls-pin", multiple=True, metavar="SHA256", help=_PIN_OF_PEER if calls else _PIN_OF_CLIENT)
        @click.option(
            "--tls-crl", type=_FILE, multiple=True, help="List of revoked certificates, PEM or DER; may be repeated."
        )
        @click.option(
            "--tls-profile",
            type=click.Choice(PROFILES),
            metavar="NAME",
            help=f"Profile of PS3.15 Annex B: {PROFILES[0]} (the default), {PROFILES[1]}, and for old peers "
            f"{', '.join(PROFILES[2:])}.",
        )
        @wraps(command)
        def wrapped(*, use_tls: bool, **options: Any) -> None:
            given = {name: options.pop(name) for name in [*options] if name.startswith("tls_")}
            if given["tls_cert"] is None and (given["tls_key"] or given["tls_key_password_file"]):
                raise click.UsageError("--tls-key needs its --tls-cert")
            command(tls=_settings(given) if use_tls or any(given.values()) else None, **options)

        return wrapped

    return decorate


def _unchanged(command: Callable[..., None]) -> Callable[..., None]:
    return command


def check_readable(make_context: Callable[[], object]) -> None:
    """Has a context made of files of ours, which is then kept for the connections.

    Raises:
        ClickException: a file is not what it should be.
    """
    try:
        make_context()
    except TlsFailed as error:
        options = "--tls-cert, --tls-key, --tls-key-password-file, --tls-ca and --tls-crl"
        raise click.ClickException(f"{error.detail}; look at {options}") from error
    except DicomNetError as error:
        raise click.ClickException(str(error)) from error


def _settings(given: dict[str, Any]) -> TlsConfig:
    from dicomnet.tls import Profile, TlsConfig

    password_file = given["tls_key_password_file"]
    try:
        return TlsConfig(
            ca_file=given["tls_ca"],
            certificate=given["tls_cert"],
            private_key=given["tls_key"],
            private_key_password=None if password_file is None else lambda: _password_in(password_file),
            pin=given["tls_pin"] or None,
            crl_file=given["tls_crl"] or None,
            profile=Profile(given["tls_profile"] or PROFILES[0]),
            peer_name=given.get("tls_name"),
        )
    except DicomNetError as error:
        raise click.UsageError(str(error)) from error


def _password_in(path: Path) -> str:
    try:
        return path.read_text(encoding="utf-8").partition("\n")[0].rstrip("\r")
    except (OSError, UnicodeError) as error:
        raise TlsFailed(f"{path}: holds no password that can be read: {error}") from error


PROFILES = (
    "bcp195-rfc8996-9325",
    "modified-bcp195-rfc8996-9325",
    "legacy-bcp195",
    "legacy-non-downgrading-bcp195",
    "legacy-extended-bcp195",
    "legacy-aes",
    "legacy-basic",
)
"""The names of `dicomnet.tls.Profile`, which costs the loading of TLS; without those that nobody can have."""

_PIN_OF_PEER = (
    "Trust the peer's certificate by its SHA-256 fingerprint, instead of authorities and names; with --tls-ca besides "
    "them. May be repeated."
)
_PIN_OF_CLIENT = (
    "Of the clients that --tls-ca has verified, take only those with this SHA-256 fingerprint. May be repeated."
)

_NAME_OPTION = click.option(
    "--tls-name", metavar="NAME", help="The name the peer's certificate must bear.  [default: the host]"
)

_FILE = click.Path(exists=True, dir_okay=False, path_type=Path)
