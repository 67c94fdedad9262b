"""Settings of the secure link, what became of them, and who the peer is.

PS3.15 B.12 asks for TLS 1.2 or 1.3 and the suites of RFC 9325; that is the
default here, and `Profile` has the others. A requestor verifies its peer and the peer's name unless told
otherwise in so many words; an acceptor asks for a client certificate only
when told to, because it has to be told as well whose certificates it trusts.

    TlsConfig ---> requestor_context(), acceptor_context() ---> the handshake
                                                                 |
     TlsFacts, VerifyResult, CipherInfo  <--- tls_facts(), peer_certificates(), failed_verification()

What contradicts itself or the standard is an `InvalidValue`; a file that does
not hold what it should is a `TlsFailed` that names the file.
"""

from dicomnet.tls.checks import check_peer
from dicomnet.tls.config import StrPath, TlsConfig, VerifyMode
from dicomnet.tls.openssl import OpenSslVersion, openssl_version
from dicomnet.tls.own import Password
from dicomnet.tls.profiles import Profile
from dicomnet.tls.results import (
    TlsFacts,
    VerifyResult,
    cipher_info,
    failed_verification,
    peer_certificates,
    tls_facts,
)
from dicomnet.tls.suites import CipherInfo, Version, cipher_suites_available

__all__ = [
    "CipherInfo",
    "OpenSslVersion",
    "Password",
    "Profile",
    "StrPath",
    "TlsConfig",
    "TlsFacts",
    "VerifyMode",
    "VerifyResult",
    "Version",
    "check_peer",
    "cipher_info",
    "cipher_suites_available",
    "failed_verification",
    "openssl_version",
    "peer_certificates",
    "tls_facts",
]
