"""The secure transport connection profiles of PS3.15 Annex B by name, those in force and those withdrawn.

Two are in force: B.12, which is the default, and B.13, which is B.12 with fixed
lists. All others are retired, and their names begin with LEGACY_: they are for
old peers that know nothing better, and each use of one is a warning in the log.

What Python's `ssl` leaves to OpenSSL, a profile cannot ask for:

- Among the suites of TLS 1.3 only Pythons from 3.15 on can choose, so before the two CCM suites of B.13 are missing.
- No OpenSSL has the Camellia suites in Galois/Counter Mode, which B.13 makes optional (CP-2311).
- An acceptor has no group for DHE; its suites serve requestors.
- Sizes of keys and hashes of signatures are checked here: our own when a context is made, the peer's after the handshake.
"""

from __future__ import annotations

from enum import Enum

from dicomnet.errors import Unsupported
from dicomnet.records import dataclass
from dicomnet.tls.suites import ALL_OF_13, VERSIONS, all_suites


class Profile(Enum):
    """A secure transport connection profile; the value is its name on a command line."""

    BCP195_RFC8996_9325 = "bcp195-rfc8996-9325"
    """PS3.15 B.12, the default: TLS 1.2 and 1.3, the suites of RFC 9325."""
    MODIFIED_BCP195_RFC8996_9325 = "modified-bcp195-rfc8996-9325"
    """PS3.15 B.13: nothing but its own list of suites; acceptors speak TLS 1.2 and 1.3, and every certificate has a key of
    RSA from 2048 bits or EC from 256 on and a signature with SHA-256 or better."""
    LEGACY_BCP195 = "legacy-bcp195"
    """PS3.15 B.9, retired: RFC 7525, which falls back to TLS 1.1 and 1.0."""
    LEGACY_NON_DOWNGRADING_BCP195 = "legacy-non-downgrading-bcp195"
    """PS3.15 B.10, retired: the same from TLS 1.2 on, with four suites of RSA certificates."""
    LEGACY_EXTENDED_BCP195 = "legacy-extended-bcp195"
    """PS3.15 B.11, retired: TLS 1.2 alone, with the suites of B.10 and those for ECDSA."""
    LEGACY_AES = "legacy-aes"
    """PS3.15 B.3, retired: from TLS 1.0 on, AES-128 in CBC with keys that the certificate's own key carries."""
    LEGACY_BASIC = "legacy-basic"
    """PS3.15 B.1, retired: from TLS 1.0 on, triple DES, which few builds of OpenSSL still have."""
    LEGACY_ISCL = "legacy-iscl"
    """PS3.15 B.2, retired: no TLS, and not to be had here."""
    LEGACY_ATNA_UNENCRYPTED = "legacy-atna-unencrypted"
    """IHE ATNA, withdrawn: TLS that encrypts nothing, and not to be had here."""

    @property
    def section(self) -> str:
        """Where it is described."""
        return _TERMS[self].section

    @property
    def retired(self) -> bool:
        """Whether it is withdrawn, and for old peers only."""
        return self.name.startswith("LEGACY_")

    @property
    def versions(self) -> tuple[str, ...]:
        """The versions of TLS it allows, the oldest first."""
        return _TERMS[self].versions

    @property
    def cipher_suites(self) -> tuple[str, ...]:
        """OpenSSL's names of its suites up to TLS 1.2, the best first, also of those that this OpenSSL has not.

        B.12 allows others as well, as does RFC 9325.
        """
        return _TERMS[self].suites

    @property
    def cipher_suites_of_tls13(self) -> tuple[str, ...]:
        """Those of TLS 1.3, where the profile names any."""
        return _TERMS[self].suites_of_13

    @property
    def key_lengths(self) -> tuple[int, int]:
        """The shortest keys of RSA and of EC in certificates, in bits."""
        return _TERMS[self].rsa, _TERMS[self].ec

    @property
    def strict(self) -> bool:
        """Whether it allows nothing that it does not list, neither suites nor kinds of certificates."""
        return _TERMS[self].strict

    def check_available(self) -> None:
        """Raises `Unsupported` if it cannot be had here, and says why."""
        terms = _TERMS[self]
        if terms.never is not None:
            raise Unsupported(f"{self.name} ({terms.section}): {terms.never}")
        if not self.available_suites():
            raise Unsupported(
                f"{self.name} ({terms.section}): this OpenSSL was built without {', '.join(terms.suites)}; "
                "give the peer a plain port behind a tunnel, or let it have an AES suite with LEGACY_AES"
            )

    def available_suites(self) -> list[str]:
        """Those of its suites up to TLS 1.2 that this OpenSSL has."""
        return [name for name in self.cipher_suites if name in all_suites()]


@dataclass(frozen=True, slots=True, kw_only=True)
class _Terms:
    section: str
    versions: tuple[str, ...] = ()
    suites: tuple[str, ...] = ()
    suites_of_13: tuple[str, ...] = ()
    rsa: int = 0
    ec: int = 0
    strict: bool = False
    never: str | None = None


_ALL_VERSIONS = tuple(VERSIONS)
_UP_TO_12 = _ALL_VERSIONS[:-1]
_FROM_12 = _ALL_VERSIONS[-2:]

_RFC_9325 = tuple(
    """
    ECDHE-ECDSA-AES256-GCM-SHA384 ECDHE-RSA-AES256-GCM-SHA384
    ECDHE-ECDSA-CHACHA20-POLY1305 ECDHE-RSA-CHACHA20-POLY1305
    ECDHE-ECDSA-AES128-GCM-SHA256 ECDHE-RSA-AES128-GCM-SHA256
    """.split()
)
"""For TLS 1.2: RFC 9325 4.2 recommends the four with AES, PS3.15 B.13 adds ChaCha20. TLS 1.3 keeps OpenSSL's own three."""

_DHE_GCM = ("DHE-RSA-AES256-GCM-SHA384", "DHE-RSA-AES128-GCM-SHA256")

_MODIFIED = (
    *_RFC_9325,
    *"ECDHE-ECDSA-AES256-CCM ECDHE-ECDSA-AES128-CCM ECDHE-ECDSA-AES256-CCM8 ECDHE-ECDSA-AES128-CCM8".split(),
    *_DHE_GCM,
    *"DHE-RSA-CHACHA20-POLY1305 DHE-RSA-AES256-CCM DHE-RSA-AES128-CCM DHE-RSA-AES256-CCM8 DHE-RSA-AES128-CCM8".split(),
)
"""PS3.15 Table B.13, the strong ones before those with a short tag (CCM8), which OpenSSL gives nobody from 3.2 on."""

_BCP195 = (
    *_RFC_9325,
    *_DHE_GCM,
    *"ECDHE-ECDSA-AES256-SHA384 ECDHE-RSA-AES256-SHA384 ECDHE-ECDSA-AES128-SHA256 ECDHE-RSA-AES128-SHA256".split(),
    *"ECDHE-ECDSA-AES256-SHA ECDHE-RSA-AES256-SHA ECDHE-ECDSA-AES128-SHA ECDHE-RSA-AES128-SHA".split(),
    *"DHE-RSA-AES256-SHA DHE-RSA-AES128-SHA AES128-SHA".split(),
)
"""What RFC 7525 4.2 recommends, what TLS 1.0 and 1.1 can do with forward secrecy, and last the one that TLS 1.2 itself
(RFC 5246 9) makes everybody have."""

_NON_DOWNGRADING = ("ECDHE-RSA-AES256-GCM-SHA384", "ECDHE-RSA-AES128-GCM-SHA256", *_DHE_GCM)

_TERMS = {
    Profile.BCP195_RFC8996_9325: _Terms(section="PS3.15 B.12", versions=_FROM_12, suites=_RFC_9325, rsa=2048, ec=224),
    Profile.MODIFIED_BCP195_RFC8996_9325: _Terms(
        section="PS3.15 B.13",
        versions=_FROM_12,
        suites=_MODIFIED,
        suites_of_13=ALL_OF_13,
        rsa=2048,
        ec=256,
        strict=True,
    ),
    Profile.LEGACY_BCP195: _Terms(
        section="PS3.15 B.9 of 2022d", versions=_ALL_VERSIONS, suites=_BCP195, rsa=2048, ec=192
    ),
    Profile.LEGACY_NON_DOWNGRADING_BCP195: _Terms(
        section="PS3.15 B.10 of 2022d", versions=_FROM_12, suites=_NON_DOWNGRADING, rsa=2048, ec=192
    ),
    Profile.LEGACY_EXTENDED_BCP195: _Terms(
        section="PS3.15 B.11 of 2022d",
        versions=("TLSv1.2",),
        suites=("ECDHE-ECDSA-AES256-GCM-SHA384", "ECDHE-ECDSA-AES128-GCM-SHA256", *_NON_DOWNGRADING),
        rsa=2048,
        ec=256,
    ),
    Profile.LEGACY_AES: _Terms(
        section="PS3.15 B.3 of 2018a", versions=_UP_TO_12, suites=("AES128-SHA", "DES-CBC3-SHA")
    ),
    Profile.LEGACY_BASIC: _Terms(section="PS3.15 B.1 of 2018a", versions=_UP_TO_12, suites=("DES-CBC3-SHA",)),
    Profile.LEGACY_ISCL: _Terms(
        section="PS3.15 B.2 of 2018a",
        never="ISCL is a protocol of its own with DES and MD5 and no kind of TLS; use another profile",
    ),
    Profile.LEGACY_ATNA_UNENCRYPTED: _Terms(
        section="IHE ATNA",
        suites=("NULL-SHA",),
        never="its suite encrypts nothing, so a link with it would only look secure; use another profile, or none",
    ),
}
