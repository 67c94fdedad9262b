"""Settings of the secure link, and the contexts made of them."""

from __future__ import annotations

import logging
import os
import ssl
import warnings
from collections.abc import Callable, Sequence
from dataclasses import fields
from enum import Enum
from functools import partial
from typing import Literal

from dicomnet.errors import InvalidValue, TlsFailed
from dicomnet.records import dataclass, field
from dicomnet.tls import files
from dicomnet.tls.checks import Context, Demands, pins_of
from dicomnet.tls.own import Password, load_own
from dicomnet.tls.profiles import Profile
from dicomnet.tls.renewal import Made, Renewable
from dicomnet.tls.revoked import check_revocation
from dicomnet.tls.suites import VERSIONS, CipherInfo, Version, check_suites, choose_suites, suites_of_13, version_named

log = logging.getLogger("dicomnet.tls")

StrPath = files.StrPath


class VerifyMode(Enum):
    """What is asked of the peer's certificate."""

    NONE = "none"
    """Acceptor: no client certificate is asked for. Not for requestors, to whom it would mean to trust anybody."""
    PEER = "peer"
    """Requestor: the acceptor's certificate must verify. Acceptor: one is asked for, and must verify if it is sent."""
    REQUIRED = "required"
    """As PEER, and an acceptor ends the handshake with who sends none (mutual authentication)."""
    UNSAFE_ANY_NAME = "unsafe any name"
    """Requestor: the acceptor's certificate must verify, whoever's it is: all that an authority has ever certified can
    pass for each other. A `pin` or a `peer_name` is the safe way to a peer whose certificate bears another name."""
    UNSAFE_ACCEPT_ANY = "unsafe accept any"
    """Requestor: the handshake takes any certificate, also one that an attacker on the way made himself.

    Who knows its fingerprint gives it as `pin` instead. Who verifies it by other means finds it in `peer_certificates`.
    """


@dataclass(frozen=True, slots=True, kw_only=True)
class TlsConfig:
    """How to make a secure link, as requestor and as acceptor.

    Files are looked at for each connection, and read anew when one has changed.
    Then one that is only half written, or a key that does not fit its certificate
    yet, leaves in use what was read before, with a warning in the log.

    Raises:
        InvalidValue: two settings contradict each other, or one the standard.
        Unsupported: the profile is not to be had, and why.
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
    peer_name: str | None = None
    """Requestor: the name the certificate must bear instead of the host that is connected to, where peers are reached by
    addresses it does not list. It is also the name that is asked for (SNI), unless it is an address."""
    pin: str | Sequence[str] | None = None
    """The SHA-256 fingerprint of the peer's certificate, or several: ``sha256:`` and 64 hexadecimal digits, with or without
    colons. A requestor trusts exactly these, whoever issued them, for which name and until when; with `ca_file` or
    `ca_folder` the certificate must verify as well. An acceptor takes client certificates that verify and are pinned."""
    crl_file: StrPath | Sequence[StrPath] | None = None
    """File of revoked certificates, or several, PEM or DER. A peer's certificate must not be on them, and its issuer must
    have a list there that is in force."""
    crl_whole_chain: bool = False
    """Whether that holds for the issuers of the peer's certificate as well."""

    profile: Profile = Profile.BCP195_RFC8996_9325
    """Which versions, suites and keys there are. Those that begin with LEGACY_ are for old peers that know no better."""

    cipher_suites: Sequence[str] | None = None
    """OpenSSL's names, the best first, at most 16; no other suite is used. See `cipher_suites_available`.

    None takes those of the profile. A list without a suite of TLS 1.3 ends at TLS 1.2, and one of nothing else begins
    at TLS 1.3. Pythons that cannot choose among the suites of TLS 1.3 (below 3.15) take all of their own or none."""
    minimum_version: Version | None = None
    """None is the profile's oldest."""
    maximum_version: Version | None = None
    """None is the profile's newest."""

    ssl_context: ssl.SSLContext | None = None
    """Used as it is, for both roles if it can play both; then no other setting but `peer_name` may be given."""

    _kept: _Kept = field(default_factory=lambda: _Kept(), init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        if self.ssl_context is not None:
            unheard = [
                each.name
                for each in fields(self)
                if each.name not in {"ssl_context", "peer_name", "_kept"} and getattr(self, each.name) != each.default
            ]
            if unheard:
                raise InvalidValue(f"ssl_context is used as it is, so {', '.join(unheard)} would not be heard")
        if not isinstance(self.profile, Profile):
            raise InvalidValue(f"profile is {self.profile!r}, not a Profile")
        if self.profile.retired:
            self.profile.check_available()
        self._versions()
        if self.verify is not None and not isinstance(self.verify, VerifyMode):
            raise InvalidValue(f"verify is {self.verify!r}, not a VerifyMode")
        if self.certificate_format not in {"PEM", "DER"}:
            raise InvalidValue(f"certificate_format is {self.certificate_format!r}, neither PEM nor DER")
        if self.private_key is not None and self.certificate is None:
            raise InvalidValue("private_key is given without its certificate")
        if self.certificate is not None and self.certificate_format == "DER" and self.private_key is None:
            raise InvalidValue("a certificate in DER holds no private key: private_key must be given")
        if self.cipher_suites is not None:
            self._check_suites(self.cipher_suites)
        if self.pin is not None and not self._pins:
            raise InvalidValue("pin is empty, so nobody could be trusted")
        if self._pins and self.verify in {VerifyMode.NONE, VerifyMode.UNSAFE_ACCEPT_ANY}:
            raise InvalidValue(f"pin says whom to take, and VerifyMode.{self.verify.name} takes anybody")
        if self.crl_whole_chain and not self._crl_files:
            raise InvalidValue("crl_whole_chain is given without crl_file")

    def name_to_check(self, host: str) -> str:
        """The name to give to the handshake when `host` is connected to."""
        return self.peer_name or host

    def requestor_context(self, password: Callable[[], Password | None] | None = None) -> ssl.SSLContext:
        """The context for the side that connects, the same as the last time unless a file has changed; it reads files.

        Args:
            password: asked if the private key is encrypted and `private_key_password` is None.

        Raises:
            InvalidValue: the settings are not for a requestor.
            TlsFailed: a file is missing, or not what it should be; not if it once was.
        """
        if self.ssl_context is not None:
            return _fit(self.ssl_context, ssl.PROTOCOL_TLS_SERVER, "requestor")
        return self._kept.requestor.current(self._paths(), partial(self._requestor, password))

    def acceptor_context(self, password: Callable[[], Password | None] | None = None) -> ssl.SSLContext:
        """The context for the side that listens; arguments and errors as for `requestor_context`."""
        if self.ssl_context is not None:
            return _fit(self.ssl_context, ssl.PROTOCOL_TLS_CLIENT, "acceptor")
        return self._kept.acceptor.current(self._paths(), partial(self._acceptor, password))

    def renew(self, password: Callable[[], Password | None] | None = None) -> None:
        """Reads all files anew, changed or not, for the roles that are in use; links that stand keep what they have.

        Raises:
            TlsFailed: a file is missing, or not what it should be. What was in use stays in use.
        """
        if self._kept.requestor.made:
            self._kept.requestor.current(self._paths(), partial(self._requestor, password), anew=True)
        if self._kept.acceptor.made:
            self._kept.acceptor.current(self._paths(), partial(self._acceptor, password), anew=True)

    # How.

    @property
    def _names_authorities(self) -> bool:
        return self.ca_file is not None or self.ca_folder is not None

    @property
    def _pins(self) -> frozenset[str]:
        return frozenset() if self.pin is None else pins_of(self.pin)

    @property
    def _crl_files(self) -> list[str]:
        given = self.crl_file
        several = [] if given is None else [given] if isinstance(given, str | os.PathLike) else given
        return [os.fspath(each) for each in several]

    def _paths(self) -> list[str]:
        """All that a context is made of."""
        given = (self.certificate, self.private_key, self.ca_file)
        paths = [os.fspath(path) for path in given if path is not None] + self._crl_files
        if self.ca_folder is not None:
            paths += files.all_in(self.ca_folder)
        return paths if self._names_authorities else [*paths, *files.system_authorities()]

    def _versions(self) -> list[str]:
        """The versions to speak, the oldest first."""
        least, most = (
            None if name is None else version_named(name) for name in (self.minimum_version, self.maximum_version)
        )
        if least is not None and most is not None and least > most:
            raise InvalidValue(
                f"minimum_version {self.minimum_version} is above maximum_version {self.maximum_version}"
            )
        versions = [
            name
            for name in self.profile.versions
            if (least is None or VERSIONS[name] >= least) and (most is None or VERSIONS[name] <= most)
        ]
        if not versions:
            raise InvalidValue(f"{self.profile.name} allows {', '.join(self.profile.versions)} only")
        return versions

    def _check_suites(self, names: Sequence[str]) -> None:
        check_suites(names)
        if not (self.profile.retired or self.profile.strict):
            return
        for name in names:
            if CipherInfo.of(name).protocol != "TLSv1.3" and name not in self.profile.cipher_suites:
                raise InvalidValue(f"cipher suite {name} is none of {self.profile.name} ({self.profile.section})")

    def _requestor(self, password: Callable[[], Password | None] | None) -> Made:
        if self.verify is VerifyMode.NONE:
            raise InvalidValue(
                "a requestor with VerifyMode.NONE would trust anybody; "
                "give ca_file, or VerifyMode.UNSAFE_ACCEPT_ANY if that is meant"
            )
        only_pinned = bool(self._pins) and not self._names_authorities
        asks_authorities = not only_pinned and self.verify is not VerifyMode.UNSAFE_ACCEPT_ANY
        if self._crl_files and not asks_authorities:
            raise InvalidValue("crl_file is about certificates of authorities: give ca_file or ca_folder with it")
        made, context = self._make(ssl.PROTOCOL_TLS_CLIENT, password)
        if not asks_authorities:
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        else:
            context.check_hostname = self.verify is not VerifyMode.UNSAFE_ANY_NAME
            context.verify_mode = ssl.CERT_REQUIRED
            if not self._names_authorities:
                context.load_default_certs(ssl.Purpose.SERVER_AUTH)
        if self.verify is not VerifyMode.UNSAFE_ACCEPT_ANY:
            context.demands = self._demands()
        return made

    def _acceptor(self, password: Callable[[], Password | None] | None) -> Made:
        if self.certificate is None:
            raise InvalidValue("an acceptor needs a certificate, because TLS peers verify it")
        if self.verify in {VerifyMode.UNSAFE_ACCEPT_ANY, VerifyMode.UNSAFE_ANY_NAME}:
            raise InvalidValue(
                "an acceptor cannot ask for a client certificate and take any; "
                "give ca_file with VerifyMode.PEER or REQUIRED, or VerifyMode.NONE to ask for none"
            )
        if self.profile.strict and self._versions() != list(self.profile.versions):
            raise InvalidValue(f"an acceptor of {self.profile.name} speaks {' and '.join(self.profile.versions)}")
        verify = self.verify or (VerifyMode.REQUIRED if self._pins else VerifyMode.NONE)
        if verify is VerifyMode.NONE and self._crl_files:
            raise InvalidValue("crl_file is about client certificates: give VerifyMode.PEER or REQUIRED with it")
        made, context = self._make(ssl.PROTOCOL_TLS_SERVER, password)
        if verify is VerifyMode.NONE:
            context.verify_mode = ssl.CERT_NONE
        else:
            if not self._names_authorities:
                # The system's authorities vouch for the names of web servers; anybody has a certificate of theirs.
                raise InvalidValue("to verify client certificates, ca_file or ca_folder must say who may issue them")
            context.verify_mode = ssl.CERT_OPTIONAL if verify is VerifyMode.PEER else ssl.CERT_REQUIRED
            context.demands = self._demands()
        if all(
            CipherInfo.of(name).key_exchange == "DH" for name in self.cipher_suites or self.profile.available_suites()
        ):
            raise InvalidValue(
                "an acceptor needs a group for its DHE suites, which only ssl_context can bring "
                "(SSLContext.load_dh_params); add a suite with ECDHE"
            )
        return made

    def _demands(self) -> Demands:
        rsa, ec = self.profile.key_lengths
        return Demands(self._pins, rsa, ec, self.profile.strict)

    def _make(self, protocol: ssl._SSLMethod, password: Callable[[], Password | None] | None) -> tuple[Made, Context]:
        context = Context(protocol)
        context.options |= ssl.OP_NO_RENEGOTIATION | ssl.OP_NO_COMPRESSION | ssl.OP_CIPHER_SERVER_PREFERENCE
        # A certificate in ca_file is trusted for what it is, its issuer need not be there too. Strictness beyond
        # RFC 5280's essentials (Python 3.13's own default) would shut out certificates that hospitals live with.
        context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
        self._set_versions_and_suites(context)
        for path in files.authority_files(self.ca_file, self.ca_folder):
            files.trust(context, path)
        if self._crl_files:
            check_revocation(context, self._crl_files, whole_chain=self.crl_whole_chain)
        own = self._load_certificate(context, password)
        return Made(context, own), context

    def _set_versions_and_suites(self, context: Context) -> None:
        profile, versions = self.profile, self._versions()
        if profile.retired:
            log.warning("TLS with %s, which is retired (%s): for old peers only", profile.name, profile.section)
        with warnings.catch_warnings():
            warnings.simplefilter("ignore", DeprecationWarning)  # that such versions are old is why they are asked for
            context.minimum_version, context.maximum_version = VERSIONS[versions[0]], VERSIONS[versions[-1]]
        suites = self.cipher_suites
        if suites is None:
            suites_13 = suites_of_13(context, profile.cipher_suites_of_tls13) if "TLSv1.3" in versions else []
            suites = [*suites_13, *(profile.available_suites() if versions != ["TLSv1.3"] else [])]
        old = VERSIONS[versions[0]] < ssl.TLSVersion.TLSv1_2
        # Below TLS 1.2 all is signed with SHA-1 and MD5, which OpenSSL takes on no other level.
        choose_suites(context, suites, security_level=0 if old else None)
        if old:
            context.options |= _LEGACY_SERVER_CONNECT

    def _load_certificate(self, context: Context, password: Callable[[], Password | None] | None) -> bytes | None:
        if self.certificate is None:
            return None
        path = os.fspath(self.certificate)
        key_path = None if self.private_key is None else os.fspath(self.private_key)
        asked = password if self.private_key_password is None else self.private_key_password
        chain = load_own(context, path, key_path, asked, der=self.certificate_format == "DER")
        for certificate in chain:
            weakness = self._demands().weakness(certificate)
            if weakness is not None:
                raise TlsFailed(f"{path}: {weakness} ({self.profile.section})")
        return chain[0] if chain else None


@dataclass(eq=False, slots=True)
class _Kept:
    """What was made of settings, so that each connection finds it ready."""

    requestor: Renewable = field(default_factory=Renewable)
    acceptor: Renewable = field(default_factory=Renewable)


def _fit(context: ssl.SSLContext, other: ssl._SSLMethod, role: str) -> ssl.SSLContext:
    if context.protocol == other:
        raise InvalidValue(f"ssl_context was made with {other.name}, which is not for the {role}")
    return context


_LEGACY_SERVER_CONNECT = 0x4
"""OpenSSL's SSL_OP_LEGACY_SERVER_CONNECT: to peers older than RFC 5746. We renegotiate nothing, which is what it is about."""
