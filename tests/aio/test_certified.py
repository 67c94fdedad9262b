"""What a peer has proved to be, from its certificate."""

from __future__ import annotations

from pathlib import Path

import pytest
from cryptography import x509
from cryptography.x509.oid import ExtensionOID

from aio.ends import Bench, Site
from dicomnet.aio.certified import verified_certificate
from dicomnet.tls import TlsConfig, VerifyMode
from tls.certificates import NAMES, issue


@pytest.mark.parametrize(
    ("names", "read"),
    [
        (x509.SubjectAlternativeName([x509.DNSName("ct1.example"), x509.RFC822Name("ct1@example")]), True),
        (x509.UnrecognizedExtension(ExtensionOID.SUBJECT_ALTERNATIVE_NAME, b"\x30\5\x82\3\xff\xfea"), False),
    ],
    ids=["text", "no text"],
)
async def test_names_that_are_no_text_are_nobodys(tmp_path: Path, names: x509.ExtensionType, read: bool) -> None:
    """Authorities sign such things; the subject and the fingerprint count all the same."""
    authority = issue(tmp_path, "authority")
    server, client = (
        issue(tmp_path, "server", authority, names=NAMES),
        issue(tmp_path, "ct1", authority, extensions=(names,)),
    )
    trust = {"ca_file": authority.file}
    acceptor = TlsConfig(certificate=server.file, verify=VerifyMode.REQUIRED, **trust).acceptor_context()
    site = Site(TlsConfig(certificate=client.file, **trust).requestor_context(), acceptor, acceptor)
    async with Bench() as bench:
        _, accepting = await bench.pair(tls=site)
        found = verified_certificate(accepting.channel.get_extra_info("ssl_object"))
        assert found is not None
        assert found.subject == "CN=ct1"
        assert len(found.fingerprint) == 64
        assert found.names == (("ct1.example", "ct1@example") if read else ())
