"""Our own certificate and its key, from files into a context."""

from __future__ import annotations

import ssl
from collections.abc import Callable
from contextlib import ExitStack

from dicomnet.errors import TlsFailed
from dicomnet.tls import files

Password = str | bytes
Asked = Password | Callable[[], Password | None] | None
"""A password, or who to ask for it."""


def load_own(
    context: ssl.SSLContext, certificate_path: str, key_path: str | None, password: Asked, *, der: bool
) -> list[bytes]:
    """Gives a context the certificate to show.

    Args:
        key_path: None looks for the key in the certificate's file.
        password: for an encrypted key; nobody is asked at the terminal.
        der: the certificate is not in PEM.

    Returns:
        The certificate in DER and the issuers that follow it.

    Raises:
        TlsFailed: a file is missing, or not what it should be.
    """
    certificate = files.read(certificate_path)
    if not der and b"-----BEGIN" not in certificate:
        raise TlsFailed(f"{certificate_path}: holds no PEM (DER needs certificate_format='DER')")
    if not der and b"CERTIFICATE-----" not in certificate:
        raise TlsFailed(f"{certificate_path}: holds no certificate")
    key = certificate if key_path is None else files.read(key_path)
    key_path = key_path or certificate_path
    if b"-----BEGIN" in key and b"PRIVATE KEY-----" not in key:
        raise TlsFailed(f"{key_path}: holds no private key")
    asked = False

    def ask() -> Password:
        nonlocal asked
        asked = True
        answer = password() if callable(password) else password
        if answer is None:
            raise TlsFailed(f"{key_path}: the private key is encrypted and there is no password for it")
        if not isinstance(answer, str | bytes | bytearray) or len(answer) > _LONGEST_PASSWORD:
            raise TlsFailed(f"{key_path}: the password must be text of at most {_LONGEST_PASSWORD} characters")
        return answer

    with ExitStack() as stack:
        certificate_file, key_file = certificate_path, key_path
        if der:
            certificate_file = stack.enter_context(files.temporary(files.pem("CERTIFICATE", certificate)))
        if b"-----BEGIN" not in key:
            key_file = stack.enter_context(files.temporary(files.pem(files.kind_of_key(key, key_path), key)))
        try:
            context.load_cert_chain(certificate_file, key_file, password=ask)
        except ssl.SSLError as error:
            raise TlsFailed(files.what_is_wrong(error, certificate_path, key_path, asked=asked)) from error
        except OSError as error:
            raise TlsFailed(f"{certificate_path}: {files.reason(error)}") from error
    if der:
        return [certificate]
    return files.blocks(certificate, "CERTIFICATE")


_LONGEST_PASSWORD = 1023
"""What OpenSSL has room for."""
