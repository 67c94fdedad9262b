"""Settings of the secure link, and the contexts made of them."""

from __future__ import annotations

import os
import ssl
from collections.abc import Callable, Sequence
from contextlib import ExitStack
from dataclasses import fields
from enum import Enum
from typing import Literal

from dicomnet.errors import InvalidValue, TlsFailed
from dicomnet.records import dataclass, field
from dicomnet.tls import files
from dicomnet.tls.suites import DEFAULT_SUITES, CipherInfo, Version, check_suites, choose_suites, version_named

StrPath = files.StrPath
Password = str | bytes


class VerifyMode(Enum):
    """What is asked of the peer's certificate."""

    NONE = "none"
    """Acceptor: no client certificate is asked for. Not for requestors, to whom it would mean to trust anybody."""
    PEER = "peer"
    """Requestor: the acceptor's certificate must verify. Acceptor: one is asked for, and must verify if it is sent."""
    REQUIRED = "required"
    """As PEER, and an acceptor ends the handshake with who sends none (mutual authentication)."""
    UNSAFE_ACCEPT_ANY = "unsafe accept any"
    """Requestor: the handshake takes any certificate, also one that an attacker on the way made himself.

    Who verifies afterwards by other means (a fingerprint) finds the certificate in `peer_certificates`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """How to make a secure link, as requestor and as acceptor.

    Raises:
        InvalidValue: two settings contradict each other, or one the standard.
    """

    certificate: StrPath | None = None
    """File of our own certificate; in PEM the issuers may follow it, and the private key may be in it. An acceptor must
    have one; a requestor needs one only where the acceptor asks for it."""
    private_key: StrPath | None = None
    """File of the private key, PEM or DER; None looks for it in the certificate's file."""
    private_key_password: Password | Callable[[], Password | None] | None = field(default=None, repr=False)
    """For an encrypted private key, or who to ask for it. Nobody is ever asked at the terminal."""
    certificate_format: Literal["PEM", "DER"] = "PEM"
    """How `certificate` is written; DER holds one certificate and no key."""

    ca_file: StrPath | None = None
    """File of the authorities we trust, PEM or DER. A requestor without `ca_file` and `ca_folder` trusts the system's."""
    ca_folder: StrPath | None = None
    """Folder of such files: those that end in .pem, .crt, .cer or .der, and those named by OpenSSL's hashes."""
    verify: VerifyMode | None = None
    """None is the safe default of the role: PEER for a requestor, NONE for an acceptor."""
    check_hostname: bool = True
    """Requestor: the acceptor's certificate must bear the name or address that was connected to."""
    peer_name: str | None = None
    """Requestor: the name the certificate must bear instead, where peers are reached by addresses it does not list."""

    cipher_suites: Sequence[str] | None = None
    """OpenSSL's names, the best first, at most 16; no other suite is used. See `cipher_suites_available`.

    None takes those of PS3.15 B.12. A list without a suite of TLS 1.3 ends at TLS 1.2, and one of nothing else begins
    at TLS 1.3. Pythons that cannot choose among the suites of TLS 1.3 (below 3.15) take all of their own or none."""
    minimum_version: Version = "TLSv1.2"
    maximum_version: Version | None = None
    """None is the newest there is."""

    ssl_context: ssl.SSLContext | None = None
    """Used as it is, for both roles if it can play both; then no other setting but `peer_name` may be given."""

    def __post_init__(self) -> None:
        for version in (self.minimum_version, self.maximum_version):
            if version is not None:
                version_named(version)
        if self.maximum_version is not None and version_named(self.minimum_version) > version_named(
            self.maximum_version
        ):
            raise InvalidValue(
                f"minimum_version {self.minimum_version} is above maximum_version {self.maximum_version}"
            )
        if self.verify is not None and not isinstance(self.verify, VerifyMode):
            raise InvalidValue(f"verify is {self.verify!r}, not a VerifyMode")
        if self.certificate_format not in {"PEM", "DER"}:
            raise InvalidValue(f"certificate_format is {self.certificate_format!r}, neither PEM nor DER")
        if self.private_key is not None and self.certificate is None:
            raise InvalidValue("private_key is given without its certificate")
        if self.certificate is not None and self.certificate_format == "DER" and self.private_key is None:
            raise InvalidValue("a certificate in DER holds no private key: private_key must be given")
        if self.cipher_suites is not None:
            check_suites(self.cipher_suites)
        if self.ssl_context is not None:
            unheard = [
                each.name
                for each in fields(self)
                if each.name not in {"ssl_context", "peer_name"} and getattr(self, each.name) != each.default
            ]
            if unheard:
                raise InvalidValue(f"ssl_context is used as it is, so {', '.join(unheard)} would not be heard")

    def name_to_check(self, host: str) -> str:
        """The name to give to the handshake when `host` is connected to."""
        return self.peer_name or host

    def requestor_context(self, password: Callable[[], Password | None] | None = None) -> ssl.SSLContext:
        """A context for the side that connects; the certificates are read anew each time.

        Args:
            password: asked if the private key is encrypted and `private_key_password` is None.

        Raises:
            InvalidValue: the settings are not for a requestor.
            TlsFailed: a file is missing, or not what it should be.
        """
        if self.ssl_context is not None:
            return _fit(self.ssl_context, ssl.PROTOCOL_TLS_SERVER, "requestor")
        if self.verify is VerifyMode.NONE:
            raise InvalidValue(
                "a requestor with VerifyMode.NONE would trust anybody; "
                "give ca_file, or VerifyMode.UNSAFE_ACCEPT_ANY if that is meant"
            )
        context = self._context(ssl.PROTOCOL_TLS_CLIENT, password)
        if self.verify is VerifyMode.UNSAFE_ACCEPT_ANY:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.check_hostname = self.check_hostname
            context.verify_mode = ssl.CERT_REQUIRED
            if self.ca_file is None and self.ca_folder is None:
                context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        return context

    def acceptor_context(self, password: Callable[[], Password | None] | None = None) -> ssl.SSLContext:
        """A context for the side that listens; arguments and errors as for `requestor_context`."""
        if self.ssl_context is not None:
            return _fit(self.ssl_context, ssl.PROTOCOL_TLS_CLIENT, "acceptor")
        if self.certificate is None:
            raise InvalidValue("an acceptor needs a certificate, because TLS peers verify it")
        if self.verify is VerifyMode.UNSAFE_ACCEPT_ANY:
            raise InvalidValue(
                "an acceptor cannot ask for a client certificate and take any; "
                "give ca_file with VerifyMode.PEER or REQUIRED, or VerifyMode.NONE to ask for none"
            )
        context = self._context(ssl.PROTOCOL_TLS_SERVER, password)
        if self.verify in {VerifyMode.PEER, VerifyMode.REQUIRED}:
            if self.ca_file is None and self.ca_folder is None:
                # The system's authorities vouch for the names of web servers; anybody has a certificate of theirs.
                raise InvalidValue("to verify client certificates, ca_file or ca_folder must say who may issue them")
            context.verify_mode = ssl.CERT_OPTIONAL if self.verify is VerifyMode.PEER else ssl.CERT_REQUIRED
        else:
            context.verify_mode = ssl.CERT_NONE
        if all(CipherInfo.of(name).key_exchange == "DH" for name in self.cipher_suites or DEFAULT_SUITES):
            raise InvalidValue(
                "an acceptor needs a group for its DHE suites, which only ssl_context can bring "
                "(SSLContext.load_dh_params); add a suite with ECDHE"
            )
        return context

    def _context(self, protocol: ssl._SSLMethod, password: Callable[[], Password | None] | None) -> ssl.SSLContext:
        context = ssl.SSLContext(protocol)
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        # A certificate in ca_file is trusted for what it is, its issuer need not be there too. Strictness beyond
        # RFC 5280's essentials (Python 3.13's own default) would shut out certificates that hospitals live with.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        context.minimum_version = version_named(self.minimum_version)
        if self.maximum_version is not None:
            context.maximum_version = version_named(self.maximum_version)
        choose_suites(context, self.cipher_suites)
        for path in files.authority_files(self.ca_file, self.ca_folder):
            files.trust(context, path)
        if self.certificate is not None:
            self._load_certificate(context, password)
        return context

    def _load_certificate(self, context: ssl.SSLContext, password: Callable[[], Password | None] | None) -> None:
        assert self.certificate is not None
        certificate_path = os.fspath(self.certificate)
        key_path = certificate_path if self.private_key is None else os.fspath(self.private_key)
        certificate = files.read(certificate_path)
        if self.certificate_format == "PEM" and b"-----BEGIN" not in certificate:
            raise TlsFailed(f"{certificate_path}: holds no PEM (DER needs certificate_format='DER')")
        if self.certificate_format == "PEM" and b"CERTIFICATE-----" not in certificate:
            raise TlsFailed(f"{certificate_path}: holds no certificate")
        key = certificate if self.private_key is None else files.read(key_path)
        if b"-----BEGIN" in key and b"PRIVATE KEY-----" not in key:
            raise TlsFailed(f"{key_path}: holds no private key")
        asked = False

        def ask() -> Password:
            nonlocal asked
            asked = True
            given = password if self.private_key_password is None else self.private_key_password
            answer = given() if callable(given) else given
            if answer is None:
                raise TlsFailed(f"{key_path}: the private key is encrypted and there is no password for it")
            if not isinstance(answer, str | bytes | bytearray) or len(answer) > _LONGEST_PASSWORD:
                raise TlsFailed(f"{key_path}: the password must be text of at most {_LONGEST_PASSWORD} characters")
            return answer

        with ExitStack() as stack:
            if self.certificate_format == "DER":
                pem = files.pem("CERTIFICATE", certificate)
                certificate_file = stack.enter_context(files.temporary(pem))
            else:
                certificate_file = certificate_path
            if b"-----BEGIN" not in key:
                key_file = stack.enter_context(files.temporary(files.pem(files.kind_of_key(key, key_path), key)))
            else:
                key_file = key_path
            try:
                context.load_cert_chain(certificate_file, key_file, password=ask)
            except ssl.SSLError as error:
                raise TlsFailed(files.what_is_wrong(error, certificate_path, key_path, asked=asked)) from error
            except OSError as error:
                raise TlsFailed(f"{certificate_path}: {files.reason(error)}") from error


def _fit(context: ssl.SSLContext, other: ssl._SSLMethod, role: str) -> ssl.SSLContext:
    if context.protocol == other:
        raise InvalidValue(f"ssl_context was made with {other.name}, which is not for the {role}")
    return context


_LONGEST_PASSWORD = 1023
"""What OpenSSL has room for."""
