"""The OpenSSL that Python uses."""

from __future__ import annotations

import ssl

from dicomnet.records import dataclass


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


_MINIMUM_OPENSSL = (1, 1, 1)
"""The first with TLS 1.3; Python 3.11 needs it as well."""
