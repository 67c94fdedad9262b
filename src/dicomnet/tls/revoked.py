"""Lists of revoked certificates (RFC 5280 5) for a context: one or several in a file, PEM or DER."""

from __future__ import annotations

import ssl
from collections.abc import Sequence
from datetime import UTC, datetime

from dicomnet.errors import TlsFailed
from dicomnet.tls import files
from dicomnet.tls.der import list_facts


def check_revocation(context: ssl.SSLContext, paths: Sequence[str], *, whole_chain: bool) -> None:
    """Makes a context refuse what stands on these lists, and whom no list that is in force speaks of.

    Args:
        whole_chain: the issuers as well, for which there must be lists, too.

    Raises:
        TlsFailed: a file is missing, holds no list, or one that has expired.
    """
    for path in paths:
        lists = _lists(path)
        for revoked in lists:
            _check_in_force(path, revoked)
        # Written anew, because a certificate that lay in the same file would be trusted.
        with files.temporary("".join(files.pem("X509 CRL", revoked) for revoked in lists)) as pem:
            try:
                context.load_verify_locations(cafile=pem)
            except ssl.SSLError as error:
                raise TlsFailed(f"{path}: holds no list of revoked certificates that can be read") from error
    context.verify_flags |= ssl.VERIFY_CRL_CHECK_CHAIN if whole_chain else ssl.VERIFY_CRL_CHECK_LEAF


def _lists(path: str) -> list[bytes]:
    data = files.read(path)
    if b"-----BEGIN" not in data:
        return [data]
    try:
        lists = files.blocks(data, "X509 CRL")
    except ValueError:
        raise TlsFailed(f"{path}: holds no list of revoked certificates that can be read") from None
    if not lists:
        raise TlsFailed(f"{path}: holds no list of revoked certificates (X509 CRL)")
    return lists


def _check_in_force(path: str, revoked: bytes) -> None:
    try:
        facts = list_facts(revoked)
    except ValueError as error:
        raise TlsFailed(f"{path}: holds no list of revoked certificates that can be read") from error
    if facts.next_update is not None and facts.next_update < datetime.now(UTC):
        raise TlsFailed(
            f"{path}: the list of revoked certificates of {facts.issuer} has expired on "
            f"{facts.next_update:%Y-%m-%d %H:%M:%S} UTC; fetch the new one from its issuer"
        )
