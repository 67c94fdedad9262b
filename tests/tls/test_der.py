from __future__ import annotations

from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509
from cryptography.hazmat.primitives.serialization import Encoding
from cryptography.x509.oid import ExtendedKeyUsageOID
from hypothesis import given, strategies as st

from dicomnet.tls import VerifyResult
from dicomnet.tls.der import facts_of, list_facts
from tls.certificates import Site, issue, revoke


@pytest.mark.parametrize(
    ("given_names", "found"),
    [
        ((), ("one",)),
        ((x509.DNSName("a.example"), x509.DNSName("*.b.example")), ("a.example", "*.b.example")),
        (
            (x509.IPAddress(ip_address("::1")), x509.DNSName("a.example"), x509.IPAddress(ip_address("10.0.0.1"))),
            ("a.example", "::1", "10.0.0.1"),
        ),
        ((x509.IPAddress(ip_address("10.0.0.1")),), ("one", "10.0.0.1")),
        ((x509.RFC822Name("who@a.example"),), ("one",)),
    ],
    ids=["none", "hosts", "both", "addresses", "neither"],
)
def test_the_names_of_a_certificate(
    tmp_path: Path, given_names: tuple[x509.GeneralName, ...], found: tuple[str, ...]
) -> None:
    """Hosts, then addresses; the common name where no host is named, since it is what is compared then."""
    facts = facts_of(issue(tmp_path, "one", names=given_names).der)
    assert facts is not None
    assert facts.names == found


def test_a_name_cannot_steer_a_terminal(tmp_path: Path) -> None:
    """A host of a stranger's is as harmless as a subject."""
    trick = x509.DNSName._init_without_validation("a\x1b[2J\n.example")
    facts = facts_of(issue(tmp_path, "one", names=(trick,)).der)
    assert facts is not None
    assert facts.names == ("a\\u001b[2J\\u000a.example",)


SERVER, CLIENT = ExtendedKeyUsageOID.SERVER_AUTH, ExtendedKeyUsageOID.CLIENT_AUTH


@pytest.mark.parametrize(
    ("kinds", "named"),
    [
        ((), ()),
        ((SERVER,), ("TLS server",)),
        ((CLIENT, ExtendedKeyUsageOID.ANY_EXTENDED_KEY_USAGE), ("TLS client", "any")),
        ((x509.ObjectIdentifier("1.2.3.4"),), ("2a0304",)),
    ],
    ids=["none", "one", "two", "unknown"],
)
@pytest.mark.parametrize("authority", [True, False])
def test_what_a_certificate_is_for(
    tmp_path: Path, kinds: tuple[x509.ObjectIdentifier, ...], named: tuple[str, ...], authority: bool
) -> None:
    """Whether it may sign others, and what else it may be used for, also in the text that is shown of it."""
    extensions = (x509.ExtendedKeyUsage(kinds),) if kinds else ()
    issuer = issue(tmp_path, "issuer")
    issued = issue(tmp_path, "one", issuer, extensions=extensions, authority=authority)
    result = VerifyResult(True, 0, issued.der)
    assert (result.is_authority, result.purposes) == (authority, named)
    assert f"authority: {'yes' if authority else 'no'}\npurposes: {', '.join(named) or 'any'}\n" in result.text


def test_what_nobody_can_read_is_no_authority() -> None:
    """Nor is it for anybody."""
    result = VerifyResult(False, 0, b"no certificate")
    assert (result.is_authority, result.purposes, result.names) == (False, (), ())


@pytest.mark.parametrize("years", [1, 60])
def test_the_times_of_a_certificate(tmp_path: Path, years: int) -> None:
    """In both of their forms: until 2049 the year has two digits, and then four (RFC 5280 4.1.2.5)."""
    issued = issue(tmp_path, "one", days=(-years * 365, years * 365))
    facts = facts_of(issued.der)
    assert facts is not None
    assert facts.not_before == issued.certificate.not_valid_before_utc
    assert facts.not_after == issued.certificate.not_valid_after_utc


@pytest.mark.parametrize("time", [b"261301000000Z", b"260101000000+", b"2601010000000", b"26-01-01T00:0"])
def test_a_time_that_is_none_makes_a_certificate_unreadable(tmp_path: Path, time: bytes) -> None:
    """One form is allowed and no other, so nothing is guessed."""
    issued = issue(tmp_path, "one")
    right = issued.certificate.not_valid_after_utc.strftime("%y%m%d%H%M%SZ").encode()
    assert facts_of(issued.der.replace(right, time)) is None


def test_a_list_tells_whose_it_is_and_until_when(revoked: bytes) -> None:
    """The issuer, and the time of the next one."""
    facts = list_facts(revoked)
    assert facts.issuer == "CN=authority"
    assert facts.next_update is not None
    assert timedelta(6) < facts.next_update - datetime.now(UTC) < timedelta(8)


@pytest.fixture(scope="module")
def revoked(site: Site, tmp_path_factory: pytest.TempPathFactory) -> bytes:
    path = tmp_path_factory.mktemp("lists") / "crl"
    return revoke(path, site.authority, [site.server], encoding=Encoding.DER).read_bytes()


@given(st.binary(max_size=100))
def test_garbage_is_no_list(garbage: bytes) -> None:
    """Whatever it is, it is one error."""
    with pytest.raises(ValueError):  # noqa: PT011 (whatever its text)
        list_facts(garbage)


@given(st.data())
def test_a_damaged_list_raises_one_error_or_none(revoked: bytes, data: st.DataObject) -> None:
    """Nothing else comes of reading it."""
    damaged = bytearray(revoked)
    for _ in range(data.draw(st.integers(1, 4))):
        damaged[data.draw(st.integers(0, 60))] = data.draw(st.integers(0, 255))
    try:
        facts = list_facts(bytes(damaged))
    except ValueError:
        return
    assert facts.issuer.isprintable()
