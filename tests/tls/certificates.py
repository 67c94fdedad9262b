"""A hospital's certificates, good and bad, and handshakes in memory."""

from __future__ import annotations

import ssl
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.serialization import (
    Encoding,
    KeySerializationEncryption,
    NoEncryption,
    PrivateFormat,
)
from cryptography.x509.oid import ExtendedKeyUsageOID, NameOID

from dicomnet.tls import TlsConfig

NAMES = (x509.DNSName("pacs.example"), x509.IPAddress(ip_address("127.0.0.1")))

Key = ec.EllipticCurvePrivateKey | rsa.RSAPrivateKey


@dataclass(frozen=True)
class Issued:
    """A certificate with its key, and the files they are in."""

    certificate: x509.Certificate
    key: Key
    file: Path
    """Both, in PEM."""

    @property
    def der(self) -> bytes:
        return self.certificate.public_bytes(Encoding.DER)

    def key_bytes(
        self,
        encoding: Encoding = Encoding.PEM,
        form: PrivateFormat = PrivateFormat.PKCS8,
        encryption: KeySerializationEncryption = NoEncryption(),  # noqa: B008 (immutable)
    ) -> bytes:
        return self.key.private_bytes(encoding, form, encryption)


@dataclass(frozen=True)
class Site:
    """A hospital with an authority, and what is not right with some of its certificates."""

    folder: Path
    authority: Issued
    server: Issued
    client: Issued
    expired: Issued
    not_yet: Issued
    wrong_usage: Issued
    """For clients only."""
    for_servers: Issued
    stranger: Issued
    """Signed by itself."""
    server_rsa: Issued

    @property
    def names(self) -> tuple[x509.GeneralName, ...]:
        return NAMES

    def requestor(self, **settings: Any) -> ssl.SSLContext:
        return TlsConfig(**{"ca_file": self.authority.file, **settings}).requestor_context()

    def acceptor(self, **settings: Any) -> ssl.SSLContext:
        return TlsConfig(**{"certificate": self.server.file, **settings}).acceptor_context()


def issue(
    folder: Path,
    name: str,
    issuer: Issued | None = None,
    *,
    days: tuple[int, int] = (-1, 90),
    key: Key | None = None,
    names: tuple[x509.GeneralName, ...] = (),
    more: tuple[x509.NameAttribute, ...] = (),
    usage: x509.ObjectIdentifier | None = None,
    extensions: tuple[x509.ExtensionType, ...] = (),
    authority: bool = False,
    signed_with: hashes.HashAlgorithm = hashes.SHA256(),  # noqa: B008 (immutable)
) -> Issued:
    """A certificate; without an issuer it is an authority and signs itself."""
    key = key or ec.generate_private_key(ec.SECP256R1())
    subject = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, name), *more])
    now = datetime.now(UTC)
    builder = (
        x509.CertificateBuilder()
        .subject_name(subject)
        .issuer_name(issuer.certificate.subject if issuer else subject)
        .public_key(key.public_key())
        .serial_number(0x0123456789ABCDEF if name == "server" else x509.random_serial_number())
        .not_valid_before(now + timedelta(days[0]))
        .not_valid_after(now + timedelta(days[1]))
        .add_extension(x509.BasicConstraints(ca=issuer is None or authority, path_length=None), critical=True)
        .add_extension(x509.SubjectKeyIdentifier.from_public_key(key.public_key()), critical=False)
    )
    # The default contexts of Python 3.13 ask for these (RFC 5280 4.2.1).
    if issuer:
        by = x509.AuthorityKeyIdentifier.from_issuer_public_key(issuer.key.public_key())
        builder = builder.add_extension(by, critical=False)
    if issuer is None or authority:
        signs = x509.KeyUsage(True, False, False, False, False, True, True, False, False)
        builder = builder.add_extension(signs, critical=True)
    if names:
        builder = builder.add_extension(x509.SubjectAlternativeName(names), critical=False)
    if usage is not None:
        builder = builder.add_extension(x509.ExtendedKeyUsage([usage]), critical=False)
    for extension in extensions:
        builder = builder.add_extension(extension, critical=False)
    certificate = builder.sign(issuer.key if issuer else key, signed_with)
    issued = Issued(certificate, key, folder / f"{name}.pem")
    issued.file.write_bytes(certificate.public_bytes(Encoding.PEM) + issued.key_bytes())
    return issued


def revoke(
    path: Path, issuer: Issued, revoked: Iterable[Issued] = (), *, days: int = 7, encoding: Encoding = Encoding.PEM
) -> Path:
    """The issuer's list of these certificates, which counts until so many days from now."""
    now = datetime.now(UTC)
    builder = (
        x509.CertificateRevocationListBuilder()
        .issuer_name(issuer.certificate.subject)
        .last_update(now - timedelta(30))
        .next_update(now + timedelta(days))
    )
    for each in revoked:
        entry = x509.RevokedCertificateBuilder().serial_number(each.certificate.serial_number).revocation_date(now)
        builder = builder.add_revoked_certificate(entry.build())
    path.write_bytes(builder.sign(issuer.key, hashes.SHA256()).public_bytes(encoding))
    return path


def make_site(folder: Path) -> Site:
    """Everybody's certificates, in files below this folder."""
    authority = issue(folder, "authority")
    return Site(
        folder,
        authority,
        server=issue(
            folder,
            "server",
            authority,
            names=NAMES,
            more=(x509.NameAttribute(NameOID.ORGANIZATION_NAME, "St. Mary, Radiology"),),
        ),
        client=issue(folder, "client", authority),
        expired=issue(folder, "expired", authority, names=NAMES, days=(-30, -1)),
        not_yet=issue(folder, "not_yet", authority, names=NAMES, days=(1, 30)),
        wrong_usage=issue(folder, "wrong_usage", authority, names=NAMES, usage=ExtendedKeyUsageOID.CLIENT_AUTH),
        for_servers=issue(folder, "for_servers", authority, usage=ExtendedKeyUsageOID.SERVER_AUTH),
        stranger=issue(folder, "stranger", names=NAMES),
        server_rsa=issue(folder, "rsa", authority, names=NAMES, key=rsa.generate_private_key(65537, 2048)),
    )


@dataclass(frozen=True)
class Link:
    """Both ends of a handshake, and what each said against it."""

    requestor: ssl.SSLObject
    acceptor: ssl.SSLObject
    requestor_error: ssl.SSLError | None
    acceptor_error: ssl.SSLError | None

    @property
    def errors(self) -> tuple[ssl.SSLError | None, ssl.SSLError | None]:
        return self.requestor_error, self.acceptor_error


def handshake(requestor: ssl.SSLContext, acceptor: ssl.SSLContext, host: str = "pacs.example") -> Link:
    to_acceptor, to_requestor = ssl.MemoryBIO(), ssl.MemoryBIO()
    ends = (
        requestor.wrap_bio(to_requestor, to_acceptor, server_hostname=host),
        acceptor.wrap_bio(to_acceptor, to_requestor, server_side=True),
    )
    errors: list[ssl.SSLError | None] = [None, None]
    for _ in range(4):  # four flights at most; in TLS 1.3 the requestor is done before the acceptor judges
        for at, end in enumerate(ends):
            if errors[at] is None:
                try:
                    end.do_handshake()
                    end.read(1)
                except ssl.SSLWantReadError:
                    pass
                except ssl.SSLError as error:
                    errors[at] = error
    return Link(*ends, *errors)


class Files:
    """A certificate and its key in files of their own, which somebody renews."""

    def __init__(self, folder: Path) -> None:
        self.certificate, self.key = folder / "certificate.pem", folder / "key.pem"

    def put(self, issued: Issued, *, certificate: bool = True, key: bool = True) -> None:
        """As those who know how do it: whole and under its name at once."""
        for path, content, wanted in (
            (self.certificate, issued.certificate.public_bytes(Encoding.PEM), certificate),
            (self.key, issued.key_bytes(), key),
        ):
            if wanted:
                aside = path.with_suffix(".new")
                aside.write_bytes(content)
                aside.rename(path)
