"""Versions of TLS and cipher suites: what OpenSSL has, what is good enough, and what a context is told to use."""

from __future__ import annotations

import re
import ssl
from collections.abc import Sequence
from functools import cache
from typing import Literal

from dicomnet.errors import InvalidValue
from dicomnet.records import dataclass

Version = Literal["TLSv1.2", "TLSv1.3"]


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
            return all_suites()[name]
        except KeyError:
            raise InvalidValue(f"{ssl.OPENSSL_VERSION} has no cipher suite {name!r}") from None


def cipher_suites_available() -> tuple[str, ...]:
    """The names that `TlsConfig.cipher_suites` takes here, the strongest first."""
    return tuple(name for name, info in all_suites().items() if _weakness(info) is None)


def version_named(name: str) -> ssl.TLSVersion:
    """Raises `InvalidValue` for what is no version in force."""
    if name in _IN_FORCE:
        return VERSIONS[name]
    if re.fullmatch(r"(?i)ssl.*|tlsv1(\.[01])?", str(name)):
        raise InvalidValue(f"{name} is withdrawn (RFC 8996) and PS3.15 B.12 forbids it; give TLSv1.2 or TLSv1.3")
    raise InvalidValue(f"{name!r} is no version of TLS; give TLSv1.2 or TLSv1.3")


@cache
def all_suites() -> dict[str, CipherInfo]:
    """Every suite OpenSSL has, the strongest first, the useless ones included."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.set_ciphers("ALL:COMPLEMENTOFALL:@STRENGTH:@SECLEVEL=0")
    if hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(":".join(ALL_OF_13))
    return {each["name"]: cipher_of(each) for each in context.get_ciphers()}


def cipher_of(described: ssl._Cipher) -> CipherInfo:
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


def check_suites(names: Sequence[str]) -> None:
    """Raises `InvalidValue` for a list that holds what nobody should use."""
    if isinstance(names, str):
        raise InvalidValue("cipher_suites is one text; give a list of names")
    if not 1 <= len(names) <= 16:
        raise InvalidValue(f"cipher_suites holds {len(names)} names, not 1 to 16")
    for name in names:
        weakness = _weakness(CipherInfo.of(name))
        if weakness is not None:
            raise InvalidValue(f"cipher suite {name} {weakness}")


def choose_suites(context: ssl.SSLContext, names: Sequence[str], *, security_level: int | None = None) -> None:
    """Tells a context to use these suites and no others; its versions are narrowed to those that have some of them.

    Args:
        security_level: OpenSSL's; None leaves it as it is.

    Raises:
        InvalidValue: the versions of the context leave none of them, or this Python cannot keep others out.
    """
    own_13 = [each["name"] for each in context.get_ciphers() if each["protocol"] == "TLSv1.3"]
    wanted_13 = [name for name in names if CipherInfo.of(name).protocol == "TLSv1.3"]
    wanted_12 = [name for name in names if name not in wanted_13]
    if not wanted_13:
        if context.minimum_version == ssl.TLSVersion.TLSv1_3:
            raise InvalidValue("minimum_version is TLSv1.3, and cipher_suites holds no suite of it")
        context.maximum_version = min(_newest(context), ssl.TLSVersion.TLSv1_2)
    elif hasattr(context, "set_ciphersuites"):
        context.set_ciphersuites(":".join(wanted_13))
    elif set(wanted_13) != set(own_13):
        raise InvalidValue(
            "this Python cannot choose among the suites of TLS 1.3: "
            f"cipher_suites must hold none of them or all of {', '.join(own_13)}"
        )
    if wanted_12:
        level = () if security_level is None else (f"@SECLEVEL={security_level}",)
        context.set_ciphers(":".join((*wanted_12, *level)))
    else:
        if _newest(context) < ssl.TLSVersion.TLSv1_3:
            raise InvalidValue("maximum_version is TLSv1.2, and cipher_suites holds no suite of it")
        context.minimum_version = ssl.TLSVersion.TLSv1_3


def suites_of_13(context: ssl.SSLContext, wanted: Sequence[str]) -> list[str]:
    """Those of these suites of TLS 1.3 that can be had; without a wish, or a choice, OpenSSL's own."""
    own = [each["name"] for each in context.get_ciphers() if each["protocol"] == "TLSv1.3"]
    if not wanted or not hasattr(context, "set_ciphersuites"):
        return own
    return [name for name in wanted if name in all_suites()] or own


def _newest(context: ssl.SSLContext) -> ssl.TLSVersion:
    newest = context.maximum_version
    return ssl.TLSVersion.TLSv1_3 if newest is ssl.TLSVersion.MAXIMUM_SUPPORTED else newest


VERSIONS = {
    "TLSv1": ssl.TLSVersion.TLSv1,
    "TLSv1.1": ssl.TLSVersion.TLSv1_1,
    "TLSv1.2": ssl.TLSVersion.TLSv1_2,
    "TLSv1.3": ssl.TLSVersion.TLSv1_3,
}
"""The oldest first; the two that are withdrawn (RFC 8996) come with a profile that has them, and else not at all."""

ALL_OF_13 = tuple(
    """
    TLS_AES_256_GCM_SHA384 TLS_CHACHA20_POLY1305_SHA256 TLS_AES_128_GCM_SHA256
    TLS_AES_128_CCM_SHA256 TLS_AES_128_CCM_8_SHA256
    """.split()
)
"""RFC 8446 B.4."""

_IN_FORCE = ("TLSv1.2", "TLSv1.3")
