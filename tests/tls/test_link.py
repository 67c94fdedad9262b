"""Two ends of a link joined in memory: what goes in at one comes out of the other, however it is cut."""

from __future__ import annotations

import os
import ssl
from collections.abc import Iterator
from itertools import cycle
from typing import Any

import pytest
from hypothesis import given, settings, strategies as st

from dicomnet.errors import ConnectionLost, TlsFailed
from dicomnet.tls import VerifyMode
from dicomnet.tls.checks import fingerprint
from dicomnet.tls.link import MOST_BARREN, PIECE, SecureLink
from tls.certificates import Site

VERSIONS = pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])

LARGEST_RECORD = 5 + 16384 + 256


def ends(site: Site, version: Any = "TLSv1.3", **acceptor: Any) -> tuple[SecureLink, SecureLink]:
    """A requestor's and an acceptor's, before their handshake."""
    return (
        SecureLink(site.requestor(maximum_version=version), name="pacs.example"),
        SecureLink(site.acceptor(**acceptor), server_side=True),
    )


def carry(data: bytes, link: SecureLink, cuts: Iterator[int]) -> None:
    """Gives a link what its peer has sent, in pieces; during a handshake only."""
    at = 0
    while at < len(data):
        size = next(cuts)
        link.take(memoryview(data[at : at + size]))
        link.handshake()
        at += size


def shaken(site: Site, version: Any = "TLSv1.3", cut: int = 1 << 20) -> tuple[SecureLink, SecureLink]:
    """The same after it; the requestor has not read the tickets of TLS 1.3 yet."""
    requestor, acceptor = near, far = ends(site, version)
    requestor.handshake()
    while not acceptor.ready or not requestor.ready:
        carry(near.data_to_send(), far, cycle([cut]))
        near, far = far, near
    for link, other in ((acceptor, requestor), (requestor, acceptor)):
        other.take(memoryview(link.data_to_send()))
    return requestor, acceptor


def exchange(requestor: SecureLink, acceptor: SecureLink) -> None:
    """What both say, in turn, for the six flights that a handshake has at most."""
    for _ in range(3):
        carry(requestor.data_to_send(), acceptor, cycle([1 << 20]))
        carry(acceptor.data_to_send(), requestor, cycle([1 << 20]))


def records_of(link: SecureLink, data: bytes) -> bytes:
    """What the link makes of the data."""
    made = b""
    for at in range(0, len(data), PIECE):
        records = link.write(memoryview(data)[at : at + PIECE])
        assert records is not None
        made += records
    return made


def read_all(link: SecureLink, size: int = 1 << 20) -> bytes:
    """What there is to read now, in reads of this size."""
    memory, data = memoryview(bytearray(size)), b""
    while count := link.read_into(memory):
        data += memory[:count]
    return data


@VERSIONS
@pytest.mark.parametrize("cut", [1, 4, 5, 6, 100, 1 << 20])
def test_a_handshake_may_come_in_any_pieces(site: Site, version: str, cut: int) -> None:
    """Also when a header is cut in two."""
    requestor, acceptor = shaken(site, version, cut)
    assert requestor.object.version() == acceptor.object.version() == version


@VERSIONS
@settings(max_examples=25)
@given(data=st.data())
def test_what_is_written_is_read_whatever_the_pieces(site: Site, version: str, data: st.DataObject) -> None:
    """Cut anywhere on its way, written and read in pieces of any size; and the memory it came in is free after `keep`."""
    requestor, acceptor = shaken(site, version)
    read_all(requestor)
    size = st.integers(1, 40_000)
    messages = [os.urandom(each) for each in data.draw(st.lists(size, min_size=1, max_size=4))]
    cuts, reads = data.draw(st.lists(size, min_size=1, max_size=5)), data.draw(st.integers(1, 70_000))
    for near, far in ((requestor, acceptor), (acceptor, requestor)):
        sent = b"".join(records_of(near, message) for message in messages)
        got, at = b"", 0
        for cut in cycle(cuts):
            shared = bytearray(sent[at : at + cut])
            far.take(memoryview(shared))
            if data.draw(st.booleans()):
                got += read_all(far, reads)
            far.keep()
            shared[:] = bytes(len(shared))
            at += cut
            if at >= len(sent):
                break
        got += read_all(far, reads)
        assert got == b"".join(messages)
        assert not far.pending


def test_no_more_than_a_record_is_held_by_openssl(site: Site) -> None:
    """It would keep the memory for as much as it was ever given at once."""
    requestor, acceptor = shaken(site)
    acceptor.take(memoryview(records_of(requestor, bytes(1 << 20))))
    memory, most = memoryview(bytearray(10_000)), 0
    while acceptor.read_into(memory):
        most = max(most, acceptor._incoming.pending)
    assert most <= LARGEST_RECORD


@VERSIONS
def test_an_end_is_told_behind_what_was_before_it_and_again(site: Site, version: str) -> None:
    """As 0 bytes, like that of a socket; of our own end nothing is waited for."""
    requestor, acceptor = shaken(site, version)
    read_all(requestor)
    requestor.take(memoryview(records_of(acceptor, b"last words") + acceptor.end()))
    memory = memoryview(bytearray(100))
    assert [requestor.read_into(memory), bytes(memory[:10])] == [10, b"last words"]
    assert [requestor.read_into(memory) for _ in range(2)] == [0, 0]
    assert requestor.lost() is None
    assert requestor.end() != b""


@VERSIONS
def test_what_is_not_the_peers_breaks_the_link_behind_what_was(site: Site, version: str) -> None:
    """The same error for every further read, and an alert for the peer."""
    requestor, acceptor = shaken(site, version)
    records = bytearray(records_of(requestor, b"good") + records_of(requestor, b"evil"))
    records[-1] ^= 1
    acceptor.take(memoryview(records))
    memory = memoryview(bytearray(100))
    assert acceptor.read_into(memory) == 4
    for _ in range(2):
        with pytest.raises(ConnectionLost, match="the secure link broke"):
            acceptor.read_into(memory)
    requestor.take(memoryview(acceptor.data_to_send()))
    read_all_fails(requestor, (TlsFailed, ConnectionLost), "bad record mac")


def test_a_refusal_of_tls_13_comes_with_the_first_read(site: Site) -> None:
    """The requestor's handshake is over by then; writing does not tell it, and cannot hide it."""
    requestor, acceptor = ends(site, ca_file=site.authority.file, verify=VerifyMode.REQUIRED)
    requestor.handshake()
    carry(requestor.data_to_send(), acceptor, cycle([1 << 20]))
    carry(acceptor.data_to_send(), requestor, cycle([1 << 20]))
    assert requestor.ready
    assert "at the end of the handshake" in str(requestor.lost())
    flight = requestor.data_to_send() + records_of(requestor, b"request")
    with pytest.raises(TlsFailed, match="has shown no certificate, and one is required"):
        carry(flight, acceptor, cycle([1 << 20]))
    requestor.take(memoryview(acceptor.data_to_send()))
    read_all_fails(requestor, TlsFailed, "asks for a client certificate and none was given")


@VERSIONS
def test_after_an_accepted_handshake_an_end_is_no_refusal(site: Site, version: str) -> None:
    """TLS 1.3 shows it by its tickets, 1.2 by the order of its handshake; an acceptor has judged by itself."""
    requestor, acceptor = shaken(site, version)
    read_all(requestor)
    assert requestor.lost() is None
    assert acceptor.lost() is None


def test_an_end_within_the_handshake_is_one_of_it(site: Site) -> None:
    """With a word about who may have been met."""
    requestor, acceptor = ends(site)
    requestor.handshake()
    assert "plain DICOM" in str(requestor.lost())
    carry(requestor.data_to_send(), acceptor, cycle([1 << 20]))
    carry(acceptor.data_to_send()[:100], requestor, cycle([1 << 20]))
    assert "does not say why" in str(requestor.lost())


def test_settings_of_the_other_role_make_no_link(site: Site) -> None:
    """Nor does a name that is none, or none where one is to be checked."""
    with pytest.raises(TlsFailed, match="not for this role"):
        SecureLink(site.acceptor(), name="pacs.example")
    for name in ("a..b", "nul\0"):
        with pytest.raises(TlsFailed, match="is no host name"):
            SecureLink(site.requestor(), name=name)
    for nothing in (None, ""):
        with pytest.raises(TlsFailed, match="there is none"):
            SecureLink(site.requestor(), name=nothing)


def test_a_peer_that_renegotiates_is_heard_first(site: Site) -> None:
    """Contexts of ours do not allow it; with one of the user's own, what is to be written waits for the peer."""

    class Wanting:
        def write(self, data: memoryview) -> int:
            raise ssl.SSLWantReadError

    requestor, _ = shaken(site)
    requestor.object = Wanting()  # type: ignore[assignment]
    assert requestor.write(memoryview(b"data")) is None


def read_all_fails(link: SecureLink, kind: Any, said: str) -> None:
    with pytest.raises(kind, match=said):
        read_all(link)


def test_a_peer_that_sends_messages_of_tls_without_end_is_cut_off(site: Site) -> None:
    """They cost more than they are worth, and no deadline of an association hears of them."""
    talkative = site.acceptor()
    talkative.num_tickets = 2 * MOST_BARREN
    requestor, acceptor = SecureLink(site.requestor(), name="pacs.example"), SecureLink(talkative, server_side=True)
    requestor.handshake()
    while not acceptor.ready:
        carry(requestor.data_to_send(), acceptor, cycle([1 << 20]))
        acceptor.handshake()
        data = acceptor.data_to_send()
        requestor.take(memoryview(data))
        requestor.handshake()
    requestor.take(memoryview(records_of(acceptor, b"abc")))
    for _ in range(2):
        with pytest.raises(ConnectionLost, match="TLS messages without end"):
            read_all(requestor)


def test_records_with_data_may_be_any_number(site: Site) -> None:
    """Also where each fills exactly the memory that there is for it, so that a read in vain follows."""
    requestor, acceptor = shaken(site)
    for _ in range(4 * MOST_BARREN):
        requestor.take(memoryview(records_of(acceptor, b"abc")))
        assert read_all(requestor, 3) == b"abc"


@pytest.mark.parametrize("piece", [1, 16])
def test_a_handshake_may_be_taken_to_pieces_and_not_to_dust(site: Site, piece: int) -> None:
    """Each record of a byte is a call of OpenSSL's: somebody could keep us busy before we know who he is."""
    context = site.requestor()
    context.set_alpn_protocols([f"{number:0200}" for number in range(10)])
    requestor, acceptor = SecureLink(context, name="pacs.example"), SecureLink(site.acceptor(), server_side=True)
    requestor.handshake()
    hello = requestor.data_to_send()[5:]
    assert 1024 < len(hello) < 16 * 1024
    pieces = [hello[at : at + piece] for at in range(0, len(hello), piece)]
    acceptor.take(memoryview(b"".join(b"\x16\x03\x01" + len(one).to_bytes(2, "big") + one for one in pieces)))
    if piece == 1:
        with pytest.raises(TlsFailed, match="TLS messages without end"):
            acceptor.handshake()
    else:
        acceptor.handshake()
        assert acceptor.data_to_send()


@VERSIONS
def test_who_is_refused_for_a_demand_of_ours_gets_no_link_and_no_ticket(site: Site, version: str) -> None:
    """For OpenSSL all was well; the end that follows tells the requestor what it is."""
    context = site.requestor(maximum_version=version, certificate=site.client.file)
    requestor = SecureLink(context, name="pacs.example")
    demanding = site.acceptor(ca_file=site.authority.file, pin=fingerprint(site.server.der))
    acceptor = SecureLink(demanding, server_side=True)
    requestor.handshake()
    with pytest.raises(TlsFailed, match="is not the pinned one"):
        exchange(requestor, acceptor)
    assert acceptor.data_to_send() == b""
    assert isinstance(requestor.lost(), TlsFailed)


def test_a_peer_that_is_not_the_pinned_one_does_not_learn_who_we_are(site: Site) -> None:
    """In TLS 1.3 our certificate would be what follows."""
    context = site.requestor(certificate=site.client.file, pin=fingerprint(site.client.der))
    requestor, acceptor = SecureLink(context, name="pacs.example"), SecureLink(site.acceptor(), server_side=True)
    requestor.handshake()
    carry(requestor.data_to_send(), acceptor, cycle([1 << 20]))
    with pytest.raises(TlsFailed, match="is not the pinned one"):
        carry(acceptor.data_to_send(), requestor, cycle([1 << 20]))
    assert requestor.data_to_send() == b""
