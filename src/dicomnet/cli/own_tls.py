"""Our own certificate, key and authorities: read before anybody is called, since they are nobody else's doing."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING

import click

from dicomnet.errors import DicomNetError, TlsFailed

if TYPE_CHECKING:
    import ssl

    from dicomnet.tls import TlsConfig


def read_once(make_context: Callable[[], ssl.SSLContext]) -> TlsConfig:
    """Settings with the context that this makes.

    Raises:
        ClickException: a file of ours is not what it should be.
    """
    from dicomnet.tls import TlsConfig

    try:
        return TlsConfig(ssl_context=make_context())
    except TlsFailed as error:
        raise click.ClickException(f"{error.detail}; look at --tls-cert, --tls-key and --tls-ca") from error
    except DicomNetError as error:
        raise click.ClickException(str(error)) from error
