"""Settings of the secure link, what became of them, and who the peer is.

PS3.15 B.12 asks for TLS 1.2 or 1.3 and the suites of RFC 9325; that is the
default here. A requestor verifies its peer and the peer's name unless told
otherwise in so many words; an acceptor asks for a client certificate only
when told to, because it has to be told as well whose certificates it trusts.

    TlsConfig ---> requestor_context(), acceptor_context() ---> the handshake
                                                                 |
                CipherInfo, VerifyResult  <--- cipher_info(), peer_certificates(), failed_verification()

What contradicts itself or the standard is an `InvalidValue`; a file that does
not hold what it should is a `TlsFailed` that names the file.
"""

from __future__ import annotations

import hashlib
import os
import re
import ssl
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import fields, replace
from datetime import UTC, datetime
from enum import Enum
from functools import cache
from pathlib import Path
from typing import Literal, NamedTuple

from dicomnet.errors import InvalidValue, TlsFailed
from dicomnet.records import dataclass, field

StrPath = str | os.PathLike[str]
Password = str | bytes
Version = Literal["TLSv1.2", "TLSv1.3"]


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
                _version(version)
        if self.maximum_version is not None and _version(self.minimum_version) > _version(self.maximum_version):
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
            _check_suites(self.cipher_suites)
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
        if all(CipherInfo.of(name).key_exchange == "DH" for name in self.cipher_suites or _DEFAULT_SUITES):
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
        context.minimum_version = _version(self.minimum_version)
        if self.maximum_version is not None:
            context.maximum_version = _version(self.maximum_version)
        _choose_suites(context, self.cipher_suites)
        for path in _authority_files(self.ca_file, self.ca_folder):
            _trust(context, path)
        if self.certificate is not None:
            self._load_certificate(context, password)
        return context

    def _load_certificate(self, context: ssl.SSLContext, password: Callable[[], Password | None] | None) -> None:
        assert self.certificate is not None
        certificate_path = os.fspath(self.certificate)
        key_path = certificate_path if self.private_key is None else os.fspath(self.private_key)
        certificate = _read(certificate_path)
        if self.certificate_format == "PEM" and b"-----BEGIN" not in certificate:
            raise TlsFailed(f"{certificate_path}: holds no PEM (DER needs certificate_format='DER')")
        if self.certificate_format == "PEM" and b"CERTIFICATE-----" not in certificate:
            raise TlsFailed(f"{certificate_path}: holds no certificate")
        key = certificate if self.private_key is None else _read(key_path)
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
                pem = _pem("CERTIFICATE", certificate)
                certificate_file = stack.enter_context(_temporary(pem))
            else:
                certificate_file = certificate_path
            if b"-----BEGIN" not in key:
                key_file = stack.enter_context(_temporary(_pem(_kind_of_key(key, key_path), key)))
            else:
                key_file = key_path
            try:
                context.load_cert_chain(certificate_file, key_file, password=ask)
            except ssl.SSLError as error:
                raise TlsFailed(_what_is_wrong(error, certificate_path, key_path, asked=asked)) from error
            except OSError as error:
                raise TlsFailed(f"{certificate_path}: {_reason(error)}") from error


@dataclass(frozen=True, slots=True)
class CipherInfo:
    """The facts about a cipher suite."""

    name: str
    """OpenSSL's name."""
    protocol: str
    """The version of a link that uses it; of a suite by itself, the first version that had it."""
    bits: int
    """Its strength."""
    encryption: str
    authentication: str
    """What the acceptor signs with; "any" in TLS 1.3, where the suite leaves it open."""
    key_exchange: str
    integrity: str
    """The hash, or AEAD where the encryption itself protects the data."""
    encryption_key_length: int
    """In bits."""
    mutual_authentication_key_length: int | None = None
    """Bits of the key in the peer's certificate; None without one, and of a suite by itself."""

    @classmethod
    def of(cls, name: str) -> CipherInfo:
        """The facts about a suite by its name.

        Raises:
            InvalidValue: OpenSSL has no suite of this name.
        """
        try:
            return _suites()[name]
        except KeyError:
            raise InvalidValue(f"{ssl.OPENSSL_VERSION} has no cipher suite {name!r}") from None


def cipher_info(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> CipherInfo | None:
    """The suite that a handshake settled on; None before it is over."""
    negotiated = ssl_object.cipher()
    if negotiated is None:
        return None
    name, protocol, bits = negotiated
    # A context of the user's own may hold suites that ours do not.
    here = {each["name"]: each for each in ssl_object.context.get_ciphers()}
    info = _cipher(here[name]) if name in here else _suites().get(name) or CipherInfo(name, protocol, bits, *_UNKNOWN)
    certificate = ssl_object.getpeercert(binary_form=True)
    facts = None if certificate is None else _facts(certificate)
    return replace(
        info,
        protocol=ssl_object.version() or protocol,
        mutual_authentication_key_length=None if facts is None else facts.key_length,
    )


def cipher_suites_available() -> tuple[str, ...]:
    """The names that `TlsConfig.cipher_suites` takes here, the strongest first."""
    return tuple(name for name, info in _suites().items() if _weakness(info) is None)


@dataclass(frozen=True, slots=True)
class VerifyResult:
    """What the verification said of one certificate of the peer, and the certificate."""

    ok: bool
    """Whether the handshake verified it; False as well where it was told not to."""
    depth: int
    """0 is the peer's own certificate, 1 its issuer's, and so on."""
    certificate: bytes | None
    """In DER; None where a handshake failed, because Python does not hand it out then."""
    error: str | None = None
    error_code: int | None = None
    """OpenSSL's X509_V_ERR number."""

    @property
    def subject(self) -> str | None:
        """Whose it is, as in ``CN=pacs, O=Hospital``. These five are None if the certificate cannot be read."""
        return None if (facts := self._facts()) is None else facts.subject

    @property
    def issuer(self) -> str | None:
        return None if (facts := self._facts()) is None else facts.issuer

    @property
    def not_before(self) -> datetime | None:
        return None if (facts := self._facts()) is None else facts.not_before

    @property
    def not_after(self) -> datetime | None:
        return None if (facts := self._facts()) is None else facts.not_after

    @property
    def serial_number(self) -> int | None:
        return None if (facts := self._facts()) is None else facts.serial_number

    @property
    def fingerprint(self) -> str | None:
        """The SHA-256 of the certificate in hexadecimal, as other tools print it: pairs in capitals, with colons."""
        return None if self.certificate is None else hashlib.sha256(self.certificate).digest().hex(":").upper()

    @property
    def text(self) -> str:
        """All of it for people, in lines."""
        lines = [f"verification: {'passed' if self.ok else 'failed'}{f' ({self.error})' if self.error else ''}"]
        facts = self._facts()
        if facts is not None:
            lines += [
                f"subject: {facts.subject}",
                f"issuer: {facts.issuer}",
                f"valid: {facts.not_before:%Y-%m-%d %H:%M:%S} to {facts.not_after:%Y-%m-%d %H:%M:%S} UTC",
                f"serial number: {facts.serial_number:X}",
            ]
        if self.fingerprint is not None:
            lines.append(f"SHA-256 fingerprint: {self.fingerprint}")
        return "\n".join(lines)

    def _facts(self) -> _Facts | None:
        return None if self.certificate is None else _facts(self.certificate)


def peer_certificates(ssl_object: ssl.SSLObject | ssl.SSLSocket) -> list[VerifyResult]:
    """The certificates of the peer, its own first; empty before the end of the handshake, or if it sent none.

    The issuers follow from Python 3.13 on; before, only the peer's own is handed out.
    """
    own = None if ssl_object.version() is None else ssl_object.getpeercert(binary_form=True)
    if own is None:
        return []
    verified = ssl_object.context.verify_mode is not ssl.CERT_NONE
    chain = getattr(ssl_object, "get_verified_chain" if verified else "get_unverified_chain", list)() or [own]
    error = None if verified else "not verified"
    return [VerifyResult(verified, depth, certificate, error) for depth, certificate in enumerate(chain)]


def failed_verification(error: ssl.SSLCertVerificationError) -> VerifyResult:
    """What a handshake that ended with this error thought of the peer's certificate."""
    return VerifyResult(
        False, 0, None, getattr(error, "verify_message", str(error)), getattr(error, "verify_code", None)
    )


@dataclass(frozen=True, slots=True)
class OpenSslVersion:
    """The OpenSSL that Python uses, and the least we need."""

    text: str
    number: tuple[int, int, int]
    minimum: tuple[int, int, int]

    @property
    def available(self) -> bool:
        """Whether secure links work."""
        return ssl.HAS_TLSv1_2 and self.number >= self.minimum


def openssl_version() -> OpenSslVersion:
    """The installed OpenSSL beside the least we need."""
    major, minor, fix, patch, _ = ssl.OPENSSL_VERSION_INFO
    # Up to 1.1.1 the fourth place was a letter; from 3.0 on it is the third place of the version, and "fix" is 0.
    return OpenSslVersion(ssl.OPENSSL_VERSION, (major, minor, patch if major >= 3 else fix), _MINIMUM_OPENSSL)


# Versions and suites.


def _version(name: str) -> ssl.TLSVersion:
    try:
        return _VERSIONS[name]
    except (KeyError, TypeError):
        if re.fullmatch(r"(?i)ssl.*|tlsv1(\.[01])?", str(name)):
            text = f"{name} is withdrawn (RFC 8996) and PS3.15 B.12 forbids it; give TLSv1.2 or TLSv1.3"
        else:
            text = f"{name!r} is no version of TLS; give TLSv1.2 or TLSv1.3"
        raise InvalidValue(text) from None


@cache
def _suites() -> dict[str, CipherInfo]:
    """Every suite OpenSSL has, the strongest first, the useless ones included."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@STRENGTH:@SECLEVEL=0")
    return {each["name"]: _cipher(each) for each in context.get_ciphers()}


def _cipher(described: ssl._Cipher) -> CipherInfo:
    # Every OpenSSL since 0.9 writes "NAME VERSION Kx=... Au=... Enc=...(bits) Mac=...".
    said = dict(re.findall(r"(Kx|Au|Enc|Mac)=(\S+)", described["description"]))
    return CipherInfo(
        name=described["name"],
        protocol=described["protocol"],
        bits=described["strength_bits"],
        encryption=said.get("Enc", "unknown").partition("(")[0],
        authentication=said.get("Au", "unknown"),
        key_exchange=said.get("Kx", "unknown"),
        integrity=said.get("Mac", "unknown"),
        encryption_key_length=described["alg_bits"],
    )


def _weakness(info: CipherInfo) -> str | None:
    """Why a suite is not taken even if asked for."""
    if info.encryption == "None" or info.authentication == "None":
        return "does not encrypt or does not authenticate, which PS3.15 B.12 forbids"
    if info.bits < 128:
        return f"has a strength of {info.bits} bits, which is too weak (RFC 9325 4.1)"
    if info.authentication not in {"RSA", "ECDSA", "any"} or info.key_exchange not in {"ECDH", "DH", "RSA", "any"}:
        return "does not work with certificates of RSA or ECDSA keys"
    return None


def _check_suites(names: Sequence[str]) -> None:
    if isinstance(names, str):
        raise InvalidValue("cipher_suites is one text; give a list of names")
    if not 1 <= len(names) <= 16:
        raise InvalidValue(f"cipher_suites holds {len(names)} names, not 1 to 16")
    for name in names:
        weakness = _weakness(CipherInfo.of(name))
        if weakness is not None:
            raise InvalidValue(f"cipher suite {name} {weakness}")


def _choose_suites(context: ssl.SSLContext, names: Sequence[str] | None) -> None:
    if names is None:
        context.set_ciphers(":".join(_DEFAULT_SUITES))
        return
    own_13 = [each["name"] for each in context.get_ciphers() if each["protocol"] == "TLSv1.3"]
    wanted_13 = [name for name in names if CipherInfo.of(name).protocol == "TLSv1.3"]
    wanted_12 = [name for name in names if name not in wanted_13]
    if not wanted_13:
        if context.minimum_version == ssl.TLSVersion.TLSv1_3:
            raise InvalidValue("minimum_version is TLSv1.3, and cipher_suites holds no suite of it")
        context.maximum_version = ssl.TLSVersion.TLSv1_2
    elif hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(":".join(wanted_13))
    elif set(wanted_13) != set(own_13):
        raise InvalidValue(
            "this Python cannot choose among the suites of TLS 1.3: "
            f"cipher_suites must hold none of them or all of {', '.join(own_13)}"
        )
    if wanted_12:
        context.set_ciphers(":".join(wanted_12))
    else:
        if context.maximum_version == ssl.TLSVersion.TLSv1_2:
            raise InvalidValue("maximum_version is TLSv1.2, and cipher_suites holds no suite of it")
        context.minimum_version = ssl.TLSVersion.TLSv1_3


def _fit(context: ssl.SSLContext, other: ssl._SSLMethod, role: str) -> ssl.SSLContext:
    if context.protocol == other:
        raise InvalidValue(f"ssl_context was made with {other.name}, which is not for the {role}")
    return context


# Files.


def _read(path: str) -> bytes:
    try:
        return Path(path).read_bytes()
    except OSError as error:
        raise TlsFailed(f"{path}: {_reason(error)}") from error


def _authority_files(file: StrPath | None, folder: StrPath | None) -> Iterator[str]:
    if file is not None:
        yield os.fspath(file)
    if folder is None:
        return
    # Not OpenSSL's capath: it finds nothing in a folder that nobody has hashed, and does not say so.
    try:
        names = sorted(os.listdir(folder))  # noqa: PTH208 (a Path would lose the text the user gave)
    except OSError as error:
        raise TlsFailed(f"{os.fspath(folder)}: {_reason(error)}") from error
    found = [os.path.join(folder, name) for name in names if _CERTIFICATE_FILE.search(name)]  # noqa: PTH118
    certificates = [path for path in found if b"PRIVATE KEY-----" not in (data := _read(path)) or _CERTIFICATE in data]
    if not certificates:
        raise TlsFailed(f"{os.fspath(folder)}: holds no certificates (files named .pem, .crt, .cer or .der)")
    yield from certificates


def _trust(context: ssl.SSLContext, path: str) -> None:
    data = _read(path)
    try:
        if b"-----BEGIN" in data:
            context.load_verify_locations(cafile=path)
        else:
            context.load_verify_locations(cadata=data)
    except (ssl.SSLError, ValueError) as error:
        raise TlsFailed(f"{path}: holds no certificate that can be read") from error


@contextmanager
def _temporary(pem: str) -> Iterator[str]:
    """A file that only we can read: Python loads our own certificate and key from files and nothing else."""
    with tempfile.TemporaryDirectory(prefix="dicomnet-") as folder:
        path = Path(folder, "converted.pem")
        path.touch(mode=0o600)
        path.write_text(pem)
        yield str(path)


def _pem(label: str, der: bytes) -> str:
    return ssl.DER_cert_to_PEM_cert(der).replace("CERTIFICATE-----", f"{label}-----")


def _kind_of_key(der: bytes, path: str) -> str:
    """The PEM label of a key in DER, told by its first two elements (RFC 5958, RFC 8017 A.1.2, RFC 5915)."""
    try:
        [(_, body)] = _elements(der)
        (first, value), (second, _), *_ = _elements(body)
    except (ValueError, IndexError):
        raise TlsFailed(f"{path}: holds no private key, neither in PEM nor in DER") from None
    label = _KEY_LABELS.get((first, value if first == 0x02 else b"", second))
    if label is None:
        raise TlsFailed(f"{path}: holds no private key of a kind that we know")
    return label


def _what_is_wrong(error: ssl.SSLError, certificate: str, key: str, *, asked: bool) -> str:
    if error.reason in {"KEY_VALUES_MISMATCH", "KEY_TYPE_MISMATCH", "NO_CERTIFICATE_ASSIGNED"}:
        return f"{key}: the private key is not that of the certificate in {certificate}"
    if asked:  # only once the certificate is in
        return f"{key}: the password of the private key is wrong"
    if error.reason is not None:
        return f"{certificate}: {_reason(error)}"
    return f"{certificate if certificate == key else f'{certificate}, {key}'}: the certificate or the key is damaged"


def _reason(error: OSError) -> str:
    text = getattr(error, "reason", None) or error.strerror or str(error)
    return str(text).lower().replace("_", " ")


# Certificates in DER: just enough of RFC 5280 4.1 to say whose they are.


class _Facts(NamedTuple):
    serial_number: int
    issuer: str
    not_before: datetime
    not_after: datetime
    subject: str
    key_length: int | None


def _facts(certificate: bytes) -> _Facts | None:
    """What stands in a certificate; None if it cannot be read. It may be a stranger's, and unverified."""
    try:
        [(_, whole)] = _elements(certificate)
        fields_ = _elements(_elements(whole)[0][1])
        if fields_[0][0] == 0xA0:  # the version, which version 1 leaves out
            del fields_[0]
        (_, serial), _, (_, issuer), (_, validity), (_, subject), (_, key), *_ = fields_
        not_before, not_after = (_time(tag, value) for tag, value in _elements(validity))
        number = int.from_bytes(serial, signed=True)
        return _Facts(number, _name(issuer), not_before, not_after, _name(subject), _key_length(key))
    except (ValueError, IndexError):
        return None


def _elements(data: bytes) -> list[tuple[int, bytes]]:
    """The (tag, value) pairs that lie side by side in these bytes."""
    found = []
    at = 0
    while at < len(data):
        tag, length = data[at], data[at + 1]
        at += 2
        if length & 0x80:
            size = length & 0x7F
            length = int.from_bytes(data[at : at + size])
            at += size
        if at + length > len(data):
            raise ValueError("an element ends after its container")
        found.append((tag, data[at : at + length]))
        at += length
    return found


def _name(rdns: bytes) -> str:
    parts = []
    for _, rdn in _elements(rdns):
        for _, attribute in _elements(rdn):
            (_, kind), (tag, value) = _elements(attribute)
            text = value.decode(_ENCODINGS.get(tag, "utf-8"), errors="replace")
            # A name is a stranger's text on its way to a log: it must not fake a field, nor steer a terminal.
            text = "".join(
                c if c.isprintable() else f"\\u{ord(c):04x}" for c in re.sub(r'([\\,+="<>;])', r"\\\1", text)
            )
            parts.append(f"{_ATTRIBUTES.get(kind, kind.hex())}={text}")
    return ", ".join(parts)


def _time(tag: int, value: bytes) -> datetime:
    text = value.decode("ascii")
    if tag == 0x17:  # UTCTime has two digits for the year; RFC 5280 4.1.2.5.1 puts the turn at 50
        text = ("19" if text >= "50" else "20") + text
    return datetime.strptime(text, "%Y%m%d%H%M%SZ").replace(tzinfo=UTC)


def _key_length(key: bytes) -> int | None:
    (_, algorithm), (_, bits) = _elements(key)
    kind = _elements(algorithm)[0][1]
    if kind == _RSA:
        return int.from_bytes(_elements(_elements(bits[1:])[0][1])[0][1]).bit_length()
    if kind == _EC:
        # A point is a byte 04 and both coordinates, or 02 or 03 and one. P-521 fills 66 bytes but for 7 bits.
        coordinate = (len(bits) - 2) * 8 // (2 if bits[1] == 4 else 1)
        return 521 if coordinate == 528 else coordinate
    return None


_MINIMUM_OPENSSL = (1, 1, 1)
"""The first with TLS 1.3; Python 3.11 needs it as well."""

_LONGEST_PASSWORD = 1023
"""What OpenSSL has room for."""

_VERSIONS = {"TLSv1.2": ssl.TLSVersion.TLSv1_2, "TLSv1.3": ssl.TLSVersion.TLSv1_3}

_DEFAULT_SUITES = """
    ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384
    ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305
    ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256
    """.split()
"""For TLS 1.2: RFC 9325 4.2 recommends the four with AES, PS3.15 B.13 adds ChaCha20. TLS 1.3 keeps OpenSSL's own three."""

_UNKNOWN = ("unknown", "unknown", "unknown", "unknown", 0)

_CERTIFICATE = b"CERTIFICATE-----"
_CERTIFICATE_FILE = re.compile(r"\.(pem|crt|cer|der)$|^[0-9a-f]{8}\.[0-9]+$", re.IGNORECASE)

_KEY_LABELS = {
    (0x02, b"\x00", 0x30): "PRIVATE KEY",
    (0x02, b"\x01", 0x30): "PRIVATE KEY",
    (0x02, b"\x00", 0x02): "RSA PRIVATE KEY",
    (0x02, b"\x01", 0x04): "EC PRIVATE KEY",
    (0x30, b"", 0x04): "ENCRYPTED PRIVATE KEY",
}

_ATTRIBUTES = {
    bytes.fromhex("550403"): "CN",
    bytes.fromhex("550405"): "serialNumber",
    bytes.fromhex("550406"): "C",
    bytes.fromhex("550407"): "L",
    bytes.fromhex("550408"): "ST",
    bytes.fromhex("55040a"): "O",
    bytes.fromhex("55040b"): "OU",
    bytes.fromhex("2a864886f70d010901"): "emailAddress",
    bytes.fromhex("0992268993f22c640119"): "DC",
}

_ENCODINGS = {0x14: "latin-1", 0x1C: "utf-32-be", 0x1E: "utf-16-be"}
"""T61String, UniversalString, BMPString; all others are UTF-8 or ASCII."""

_RSA = bytes.fromhex("2a864886f70d010101")
_EC = bytes.fromhex("2a8648ce3d0201")
