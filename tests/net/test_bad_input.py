"""Hostile and broken peers: each gets the answer of the standard and one line in the log, and nothing of it stays."""

from __future__ import annotations

import gc
import logging
import random
import re
import ssl
import struct
import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from typing import Any, TypeAlias

import pytest

import dicomnet
from dicomnet import Limits, Status, Timeouts, TlsConfig
from dicomnet.cli._certificate import self_signed
from dicomnet.storage.folder import Folder
from net.applications import Archive, associated
from raw import (
    ABORT_BY_USER,
    APPLICATION_CONTEXT,
    CONTEXTS,
    CT_IMAGE_STORAGE,
    ECHO_CONTEXT,
    INVALID_PARAMETER,
    NO_REASON_OF_PROVIDER,
    RELEASE_RP,
    RELEASE_RQ,
    STORE_CONTEXT,
    TOO_MANY,
    UNEXPECTED_MESSAGE,
    UNEXPECTED_PARAMETER,
    UNEXPECTED_PDU,
    UNKNOWN_CALLED,
    UNKNOWN_CALLING,
    UNRECOGNIZED_PDU,
    USER_INFORMATION,
    VERIFICATION,
    WRONG_APPLICATION_CONTEXT,
    WRONG_VERSION,
    RawPeer,
    associate,
    command,
    data_set,
    descriptors,
    echo,
    even,
    eventually,
    item,
    p_data,
    pdu,
    pdv,
    store,
    store_command,
)

UID = b"1.2.826.0.1.3680043.8.498.1"
DATA = data_set(UID)
STORE = store(UID, DATA)
AC_HEAD = b"\2\0"


class Site:
    """An archive with a folder, the system's folder for temporary files, and the log."""

    def __init__(self, folder: Folder, temporary: Path, log: pytest.LogCaptureFixture, **settings: Any) -> None:
        self.folder = folder.root
        self._temporary = temporary
        self._log = log
        self.archive = Archive(destination=folder, **settings)
        _, self.port = self.archive.listen("127.0.0.1", 0)
        self.serve()  # what is made at the first use, and stays, is there now
        self._idle = self._descriptors_when_idle()

    def serve(self) -> None:
        """A well-behaved peer echoes and stores beside whatever else goes on; its file is read and taken away."""
        uid = b"1.2.826.0.1.3680043.8.498.2"
        with associated(
            self.port, (VERIFICATION.decode(), CT_IMAGE_STORAGE.decode()), tls=self.archive.tls
        ) as modality:
            assert modality.echo() == Status.SUCCESS
            identity = {"affected_sop_class_uid": CT_IMAGE_STORAGE.decode(), "affected_sop_instance_uid": uid.decode()}
            assert modality.store(data_set(uid), **identity) == Status.SUCCESS
        self.take(uid, data_set(uid))

    def take(self, uid: bytes, data: bytes) -> None:
        """The file of an instance ends in its data set; takes it away."""
        path = self.folder / f"{uid.decode()}.dcm"
        content = path.read_bytes()
        assert content[128:132] == b"DICM"
        assert content.endswith(data)
        path.unlink()

    def settle(self) -> None:
        """All peers are gone, and nothing of them is left."""
        eventually(lambda: not self.archive.clients, "a connection stays")
        eventually(lambda: descriptors() <= self._idle, "a descriptor stays")
        eventually(lambda: not [*self.folder.iterdir(), *self._temporary.iterdir()], "a file stays")

    def kept(self) -> list[Path]:
        """The files there are once all peers are gone and what they began is done or undone."""
        eventually(lambda: not self.archive.clients, "a connection stays")
        assert dicomnet.breathe(15)
        eventually(lambda: not list(self.folder.glob(".*.part")), "a temporary file stays")
        return list(self.folder.iterdir())

    def complaints(self) -> list[str]:
        """What the log has at WARNING and above, of any logger."""
        return [record.getMessage() for record in self._log.records if record.levelno >= logging.WARNING]

    def complained(self, *patterns: str) -> None:
        """Exactly these complaints are in the log, each at WARNING."""
        said = self.complaints()
        assert len(said) == len(patterns), said
        for pattern, line in zip(patterns, said, strict=True):
            assert re.search(pattern, line), line
        levels = {record.levelno for record in self._log.records if record.levelno >= logging.WARNING}
        assert levels <= {logging.WARNING}

    def _descriptors_when_idle(self) -> int:
        eventually(lambda: not self.archive.clients, "the first peer stays")
        counts: list[int] = []

        def steady() -> bool:
            counts.append(descriptors())
            return len(counts) > 5 and len(set(counts[-5:])) == 1

        eventually(steady, "the number of descriptors does not settle")
        return counts[-1]


MakeSite: TypeAlias = Callable[..., Site]


@pytest.fixture
def sites(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> Iterator[MakeSite]:
    """Makes sites; with the test they go, and then no descriptor is left."""
    temporary = tmp_path / "temporary"
    temporary.mkdir()
    folder = Folder(tmp_path / "kept", durable=False)
    monkeypatch.setattr(tempfile, "tempdir", str(temporary))
    caplog.set_level(logging.INFO, logger="dicomnet")
    gc.collect()
    before = descriptors()
    with dicomnet.runtime():
        made: list[Site] = []

        def make(**settings: Any) -> Site:
            made.append(Site(folder, temporary, caplog, **settings))
            return made[-1]

        yield make
        for site in made:
            site.archive.close()
    if descriptors() > before:  # an exception may keep what it passed through
        gc.collect()
    assert descriptors() <= before


@pytest.fixture
def site(sites: MakeSite) -> Site:
    """A site with the settings of everybody."""
    return sites()


@dataclass(frozen=True)
class Case:
    """What a peer sends, what it must get for it, and what the log must say."""

    sent: bytes
    answer: bytes
    says: str


def tls_hello() -> bytes:
    """How a TLS client begins."""
    outgoing = ssl.MemoryBIO()
    client = ssl.create_default_context().wrap_bio(ssl.MemoryBIO(), outgoing, server_hostname="localhost")
    with pytest.raises(ssl.SSLWantReadError):
        client.do_handshake()
    return outgoing.read()


BEFORE_ASSOCIATION = {
    "garbage": Case(bytes.fromhex("deadbeef") * 99, ABORT_BY_USER, "PDU type DEH is unknown"),
    "zeros": Case(bytes(6), ABORT_BY_USER, "PDU type 00H is unknown"),
    "one byte of garbage": Case(b"\xff", ABORT_BY_USER, "PDU type FFH is unknown"),
    "the first unknown type": Case(pdu(8, bytes(4)), ABORT_BY_USER, "PDU type 08H is unknown"),
    "an HTTP request": Case(b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", ABORT_BY_USER, "unknown .*HTTP"),
    "a request of 4 GiB": Case(pdu(1, b"", length=0xFFFFFFFF), ABORT_BY_USER, "4294967295 bytes"),
    "a request above 1 MiB": Case(
        associate(APPLICATION_CONTEXT + CONTEXTS + USER_INFORMATION + item(0x99, bytes(65531)) * 16),
        ABORT_BY_USER,
        "ASSOCIATE_RQ of 10[0-9]{5} bytes",
    ),
    "a release of 4 GiB": Case(pdu(5, b"", length=0xFFFFFFFF), ABORT_BY_USER, "4294967295 bytes"),
    "a request of 10 bytes": Case(pdu(1, bytes(10)), ABORT_BY_USER, "broke the protocol"),
    "an item beyond the request": Case(
        associate(APPLICATION_CONTEXT + item(0x20, b"\1\0\0\0", length=999)), ABORT_BY_USER, "broke the protocol"
    ),
    "data": Case(p_data(pdv(b"ab", 1, 3)), ABORT_BY_USER, "P-DATA-TF came out of turn"),
    "an acceptance": Case(pdu(2, associate()[6:]), ABORT_BY_USER, "ASSOCIATE-AC came out of turn"),
    "a rejection": Case(pdu(3, b"\0\1\1\1"), ABORT_BY_USER, "ASSOCIATE-RJ came out of turn"),
    "a release request": Case(RELEASE_RQ, ABORT_BY_USER, "RELEASE-RQ came out of turn"),
    "a release reply": Case(RELEASE_RP, ABORT_BY_USER, "RELEASE-RP came out of turn"),
    "protocol version 2": Case(associate(version=2), WRONG_VERSION, "protocol version not supported"),
    "protocol version FFFE": Case(associate(version=0xFFFE), WRONG_VERSION, "protocol version not supported"),
    "another application context": Case(
        associate(item(0x10, b"1.2.840.10008.3.1.1.9") + CONTEXTS + USER_INFORMATION),
        WRONG_APPLICATION_CONTEXT,
        "HOSTILE@127.0.0.1 -> ARCHIVE is rejected: application context not supported .1.2.840.10008.3.1.1.9.",
    ),
    "no application context": Case(
        associate(CONTEXTS + USER_INFORMATION), WRONG_APPLICATION_CONTEXT, "context not supported .there is none"
    ),
    "no presentation context": Case(
        associate(APPLICATION_CONTEXT + USER_INFORMATION), NO_REASON_OF_PROVIDER, "it proposes no presentation context"
    ),
    "PDUs of seven bytes": Case(
        associate(APPLICATION_CONTEXT + CONTEXTS + item(0x50, item(0x51, b"\0\0\0\7"))),
        NO_REASON_OF_PROVIDER,
        "is rejected: it takes PDUs of 7 bytes at most: no message fits",
    ),
    "a blank called title": Case(associate(called=b""), UNKNOWN_CALLED, "called AE title not recognized"),
    "a blank calling title": Case(associate(calling=b""), UNKNOWN_CALLING, "calling AE title not recognized"),
}

WITHIN_ASSOCIATION = {
    "an unknown PDU type": Case(pdu(9, bytes(4)), UNRECOGNIZED_PDU, "PDU type 09H is unknown"),
    "an HTTP request": Case(b"POST / HTTP/1.1\r\n\r\n", UNRECOGNIZED_PDU, "PDU type 50H is unknown"),
    "a second request": Case(associate(), UNEXPECTED_PDU, "ASSOCIATE-RQ came out of turn"),
    "an acceptance": Case(pdu(2, associate()[6:]), UNEXPECTED_PDU, "ASSOCIATE-AC came out of turn"),
    "a rejection": Case(pdu(3, b"\0\1\1\1"), UNEXPECTED_PDU, "ASSOCIATE-RJ came out of turn"),
    "a release reply": Case(RELEASE_RP, UNEXPECTED_PDU, "RELEASE-RP came out of turn"),
    "a release request of two bytes": Case(pdu(5, b"\0\0"), INVALID_PARAMETER, "broke the protocol"),
    "data of 4 GiB": Case(pdu(4, b"", length=0xFFFFFFFF), INVALID_PARAMETER, "P_DATA_TF of 4294967295 bytes"),
    "data above 16 MiB": Case(pdu(4, b"", length=(16 << 20) + 1), INVALID_PARAMETER, "P_DATA_TF of 16777217 bytes"),
    "data of no bytes": Case(pdu(4, b""), INVALID_PARAMETER, "holds no presentation data value"),
    "a context never proposed": Case(p_data(pdv(b"ab", 5, 3)), UNEXPECTED_PARAMETER, "context 5, which was not"),
    "a context of an even number": Case(p_data(pdv(b"ab", 2, 3)), UNEXPECTED_PARAMETER, "context 2, which was not"),
    "a PDV of length 0": Case(p_data(pdv(b"", 1, 3, length=0)), INVALID_PARAMETER, "value of 0 bytes"),
    "a PDV of length 1": Case(p_data(pdv(b"", 1, 3, length=1)), INVALID_PARAMETER, "value of 1 bytes"),
    "a PDV beyond the PDU": Case(p_data(pdv(b"abcd", 1, 3, length=7)), INVALID_PARAMETER, "value of 7 bytes"),
    "a PDV of 4 GiB": Case(p_data(pdv(b"abcd", 1, 3, length=0xFFFFFFFF)), INVALID_PARAMETER, "of 4294967295 bytes"),
    "bytes behind the last PDV": Case(p_data(pdv(b"ab", 1, 1), b"junk"), INVALID_PARAMETER, "4 bytes after the last"),
    "a command of garbage": Case(
        p_data(pdv(bytes.fromhex("deadbeef") * 9, ECHO_CONTEXT, 3)), INVALID_PARAMETER, "broke the protocol"
    ),
    "a command of no bytes": Case(p_data(pdv(b"", ECHO_CONTEXT, 3)), INVALID_PARAMETER, "command field"),
    "an element beyond the command": Case(
        p_data(pdv(struct.pack("<HHI", 0, 2, 0xFFFFFFFE) + b"1.2", ECHO_CONTEXT, 3)),
        INVALID_PARAMETER,
        "broke the protocol",
    ),
    "a command without a field": Case(
        p_data(pdv(command((0x0110, 1), (0x0800, 0x0101)), ECHO_CONTEXT, 3)), INVALID_PARAMETER, "command field"
    ),
    "a command set above 1 MiB": Case(
        p_data(pdv(bytes(16000), ECHO_CONTEXT, 1)) * 66, INVALID_PARAMETER, "a command set of more than 1048576 bytes"
    ),
    "data where a command was expected": Case(
        p_data(pdv(DATA, STORE_CONTEXT, 2)), UNEXPECTED_PARAMETER, "data where a command was expected"
    ),
    "data in the middle of a command": Case(
        p_data(pdv(store_command(UID)[:50], STORE_CONTEXT, 1), pdv(DATA, STORE_CONTEXT, 2)),
        UNEXPECTED_PARAMETER,
        "data where a command was expected",
    ),
    "data behind an echo": Case(
        p_data(pdv(command((0x100, 0x8030), (0x120, 9), (0x800, 0x101), (0x900, 0)), ECHO_CONTEXT, 3))
        + p_data(pdv(DATA, ECHO_CONTEXT, 2)),
        UNEXPECTED_PARAMETER,
        "data where a command was expected",
    ),
    "a command where data were expected": Case(
        p_data(pdv(store_command(UID), STORE_CONTEXT, 3), pdv(store_command(UID), STORE_CONTEXT, 3)),
        UNEXPECTED_PARAMETER,
        "a command where data was expected",
    ),
    "two contexts in a message": Case(
        p_data(pdv(store_command(UID), STORE_CONTEXT, 3), pdv(DATA, ECHO_CONTEXT, 2)),
        UNEXPECTED_PARAMETER,
        "context 1 within a message on context 3",
    ),
    "garbage behind half a data set": Case(
        STORE[: len(STORE) - 1036] + b"\xee" * 20, UNRECOGNIZED_PDU, "PDU type EEH is unknown"
    ),
    "a request behind half a data set": Case(
        STORE[: len(STORE) - 1036] + associate(), UNEXPECTED_PDU, "ASSOCIATE-RQ came out of turn"
    ),
}


@pytest.mark.parametrize("case", BEFORE_ASSOCIATION.values(), ids=BEFORE_ASSOCIATION)
def test_a_stranger_gets_the_answer_of_the_standard(site: Site, case: Case) -> None:
    """What is no association request is aborted (AA-1), one that cannot be taken is rejected (AE-6)."""
    with RawPeer(site.port) as peer:
        peer.send(case.sent)
        site.serve()
        assert peer.take_pdu() == case.answer
        peer.finish()
        assert peer.take_rest() == b""
    site.settle()
    site.complained(case.says)


def test_a_stranger_who_speaks_tls_gets_an_alert(site: Site) -> None:
    """In his own language, so that his side fails at once and knows why."""
    with RawPeer(site.port) as peer:
        peer.send(tls_hello())
        site.serve()
        assert peer.take_rest() == UNEXPECTED_MESSAGE
    site.settle()
    site.complained("speaks TLS, and this port does not")


@pytest.mark.parametrize("case", WITHIN_ASSOCIATION.values(), ids=WITHIN_ASSOCIATION)
def test_a_peer_that_breaks_the_protocol_is_aborted(site: Site, case: Case) -> None:
    """The provider aborts with its reason (AA-8), whatever the peer had begun."""
    with RawPeer(site.port) as peer:
        peer.associate()
        peer.send(case.sent)
        site.serve()
        assert peer.take_pdu() == case.answer
        assert peer.take_rest() == b""
    site.settle()
    site.complained(case.says)


def test_a_peer_that_cannot_wait_is_aborted(site: Site) -> None:
    """Data right behind the association request, before it was answered, are out of turn (Sta3, AA-8)."""
    with RawPeer(site.port) as peer:
        peer.send(associate() + echo())
        assert peer.take_pdu() == UNEXPECTED_PDU
        assert peer.take_rest() == b""
    site.settle()
    site.complained("P-DATA-TF came out of turn")


HALF_A_STORE = STORE[: STORE.index(DATA[:1024]) + 1024]


@pytest.mark.parametrize("sent", [b"", HALF_A_STORE], ids=["before", "in the middle of a data set"])
def test_an_abort_is_not_answered(site: Site, sent: bytes) -> None:
    """The peer has the right to end an association at any time (AA-2, AA-3); nothing is sent, nobody complains."""
    with RawPeer(site.port) as peer:
        if sent:
            peer.associate()
        peer.send(sent + INVALID_PARAMETER)
        assert peer.take_rest() == b""
    site.settle()
    site.complained()


@pytest.mark.parametrize("end", ["finish", "reset"])
def test_a_connection_without_a_byte_is_debug_only(sites: MakeSite, caplog: pytest.LogCaptureFixture, end: str) -> None:
    """A health check connects and goes: nothing at INFO or above, one line at DEBUG."""
    site = sites()
    caplog.set_level(logging.DEBUG, logger="dicomnet")
    while not site.archive.ended.empty():
        site.archive.ended.get()
    caplog.clear()
    with RawPeer(site.port) as peer:
        getattr(peer, end)()
        site.archive.ended.get(timeout=15)
    site.settle()
    assert [record.levelname for record in caplog.records if record.name == "dicomnet.net"] == ["DEBUG"]
    assert {record.levelname for record in caplog.records} == {"DEBUG"}


MIDDLES = {
    "the header of the request": (b"", associate()[:3], "its association request"),
    "the request": (b"", associate()[:100], "its association request"),
    "the header of a PDU": (associate(), STORE[:4], "a message"),
    "the header of a PDV": (associate(), STORE[:9], "a message"),
    "a command": (associate(), STORE[:70], "a message"),
    "a message between its PDUs": (associate(), STORE[: STORE.index(DATA[:1024]) - 12], "a message"),
    "a data set": (associate(), STORE[: STORE.index(DATA[:1024]) + 500], "a message"),
    "the last byte": (associate(), STORE[:-1], "a message"),
}


@pytest.mark.parametrize("end", ["finish", "reset"])
@pytest.mark.parametrize(("request_bytes", "sent", "what"), MIDDLES.values(), ids=MIDDLES)
def test_a_peer_is_gone_in_the_middle(site: Site, request_bytes: bytes, sent: bytes, what: str, end: str) -> None:
    """Half a thing is no thing: nothing is answered, nothing kept, and the log says what was broken off."""
    with RawPeer(site.port) as peer:
        if request_bytes:
            peer.associate(request_bytes)
        peer.send(sent)
        eventually(lambda: not peer.unread(), "the archive does not read")
        getattr(peer, end)()
        site.serve()
        if end == "finish":
            assert peer.take_rest() == b""
    site.settle()
    site.complained(f"the peer closed the connection in the middle of {what}")


def test_silence_is_ended_by_a_deadline(sites: MakeSite) -> None:
    """A conversation that stops at any byte ends by itself: before the association without a word (AA-2), then with
    an A-ABORT of the user, once for each of many peers that are silent at the same time."""
    deadlines = Timeouts(artim=0.4, stall=0.4, idle=0.5)
    site = sites(timeouts=deadlines)
    request = associate()
    silent_before = [request[:cut] for cut in (0, 1, 5, 6, 7, 40, 74, 100, len(request) - 1)]
    first_data = STORE.index(DATA[:1024])
    silent_within = [
        STORE[:cut] for cut in (0, 1, 5, 6, 9, 11, 12, 13, 80, first_data - 13, first_data - 12, first_data - 6)
    ] + [STORE[:cut] for cut in (first_data, first_data + 1, first_data + 1023, first_data + 1024, len(STORE) - 1)]
    with ExitStack() as stack:
        before = [stack.enter_context(RawPeer(site.port)) for _ in silent_before]
        within = [stack.enter_context(RawPeer(site.port)) for _ in silent_within]
        for peer, sent in zip(before, silent_before, strict=True):
            peer.send(sent)
        for peer, sent in zip(within, silent_within, strict=True):
            peer.associate()
            peer.send(sent)
        site.serve()
        assert [peer.take_rest() for peer in before] == [b""] * len(before)
        assert [peer.take_rest() for peer in within] == [ABORT_BY_USER] * len(within)
    site.settle()
    said = sorted(re.sub(".*: timed out after ", "", line) for line in site.complaints())
    assert said == (
        ["0.4 s waiting for the association request"] * len(before)
        + ["0.4 s waiting for the rest of a message"] * (len(within) - 1)
        + ["0.5 s waiting for any activity"]
    )


@pytest.mark.parametrize(
    ("request_bytes", "sent", "answer"),
    [(b"", associate(), b""), (associate(), STORE, ABORT_BY_USER)],
    ids=["the request", "a message"],
)
def test_a_peer_that_drips_is_ended(sites: MakeSite, request_bytes: bytes, sent: bytes, answer: bytes) -> None:
    """A byte now and then is no progress: the same deadlines end it."""
    site = sites(timeouts=Timeouts(artim=0.4, stall=0.4, idle=0.4))
    with RawPeer(site.port) as peer:
        if request_bytes:
            peer.associate(request_bytes)
        dripped = 0
        while not peer.readable(0.02):
            peer.send(sent[dripped : dripped + 1])
            dripped += 1
        assert 10 < dripped < 200
        assert peer.take_rest() == answer
    site.settle()
    site.complained("timed out after 0.4 s waiting for the (association request|rest of a message)")


def test_a_peer_that_does_not_close_is_closed(sites: MakeSite) -> None:
    """After a release, a rejection or an abort the peer has the ARTIM time to close (AA-2); being slow is no news."""
    site = sites(timeouts=Timeouts(artim=0.3))
    with ExitStack() as stack:
        peers = [stack.enter_context(RawPeer(site.port)) for _ in range(3)]
        peers[0].associate()
        for peer, sent in zip(peers, (RELEASE_RQ, associate(version=2), b"\xff"), strict=True):
            peer.send(sent)
        assert [peer.take_rest() for peer in peers] == [RELEASE_RP, WRONG_VERSION, ABORT_BY_USER]
        eventually(lambda: not site.archive.clients, "a connection stays")
    site.settle()
    assert sorted(re.sub("^.*?: ", "", line) for line in site.complaints()) == [
        "PDU type FFH is unknown",
        "protocol version not supported (0002H, without bit 0)",
    ]


def test_one_peer_too_many_is_rejected(sites: MakeSite) -> None:
    """Above the limit of its address a peer is heard and rejected for now (2/3/2), and those before it are served."""
    site = sites(limits=Limits(associations_per_address=2))
    with RawPeer(site.port) as first, RawPeer(site.port) as second:
        first.associate()
        second.associate()
        with RawPeer(site.port) as third:
            third.send(associate())
            assert third.take_pdu() == TOO_MANY
            third.finish()
            assert third.take_rest() == b""
        for peer in first, second:
            peer.send(echo())
            assert peer.take_pdu().endswith(struct.pack("<HHIH", 0, 0x900, 2, 0))
            peer.send(RELEASE_RQ)
            assert peer.take_pdu() == RELEASE_RP
    site.settle()
    site.complained("is rejected: local limit exceeded")
    site.serve()


@pytest.mark.parametrize(
    ("sent", "says"),
    [
        pytest.param(associate(), "no secure link: the peer does not speak TLS", id="a plain request"),
        pytest.param(b"GET / HTTP/1.1\r\n\r\n", "no secure link", id="HTTP"),
        pytest.param(tls_hello()[:20], "no secure link: the handshake was not over within 0.4 s", id="half a hello"),
    ],
)
def test_a_stranger_on_the_tls_port_gets_no_link(sites: MakeSite, tmp_path: Path, sent: bytes, says: str) -> None:
    """Without a handshake there is no DICOM: at most a TLS alert comes back, and others are served meanwhile."""
    certificate, key = self_signed(tmp_path)
    tls = TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)
    site = sites(tls=tls, timeouts=Timeouts(handshake=0.4))
    with RawPeer(site.port) as peer:
        peer.send(sent)
        site.serve()
        assert peer.take_rest()[:1] in (b"", b"\x15")
    site.settle()
    site.complained(says)


HALF = len(DATA) // 2 - 1
ODDITIES = {
    "UIDs of odd length": p_data(
        pdv(
            command((2, CT_IMAGE_STORAGE), (0x100, 1), (0x110, 2), (0x700, 0), (0x800, 0), (0x1000, UID)),
            STORE_CONTEXT,
            3,
        )
    )
    + p_data(pdv(DATA, STORE_CONTEXT, 2)),
    "UIDs padded with a space": p_data(
        pdv(
            command((2, CT_IMAGE_STORAGE + b" "), (0x100, 1), (0x110, 2), (0x700, 0), (0x800, 0), (0x1000, UID + b" ")),
            STORE_CONTEXT,
            3,
        )
    )
    + p_data(pdv(DATA, STORE_CONTEXT, 2)),
    "an empty last PDV": p_data(pdv(store_command(UID), STORE_CONTEXT, 1))
    + p_data(pdv(b"", STORE_CONTEXT, 3))
    + p_data(pdv(DATA, STORE_CONTEXT, 0))
    + p_data(pdv(b"", STORE_CONTEXT, 2)),
    "fragments of odd length": p_data(pdv(store_command(UID), STORE_CONTEXT, 3))
    + p_data(pdv(DATA[:HALF], STORE_CONTEXT, 0), pdv(DATA[HALF:], STORE_CONTEXT, 2)),
    "a message in one PDU": p_data(pdv(store_command(UID), STORE_CONTEXT, 3), pdv(DATA, STORE_CONTEXT, 2)),
    "a PDU for every byte": b"".join(
        p_data(pdv(bytes([byte]), STORE_CONTEXT, 3 if at == len(store_command(UID)) - 1 else 1))
        for at, byte in enumerate(store_command(UID))
    )
    + p_data(pdv(DATA, STORE_CONTEXT, 2)),
    "control bits that mean nothing": p_data(pdv(store_command(UID), STORE_CONTEXT, 0xFF))
    + p_data(pdv(DATA, STORE_CONTEXT, 0xFE)),
    "a wrong group length": p_data(
        pdv(store_command(UID)[:8] + b"\xff\xff\xff\xff" + store_command(UID)[12:], STORE_CONTEXT, 3),
        pdv(DATA, STORE_CONTEXT, 2),
    ),
    "a response that nobody waits for": p_data(
        pdv(command((0x100, 0x8030), (0x120, 9), (0x800, 0x101), (0x900, 0)), ECHO_CONTEXT, 3)
    )
    + STORE,
    "a PDU above our maximum": p_data(
        pdv(store_command(UID), STORE_CONTEXT, 3), *[pdv(b"", STORE_CONTEXT, 0)] * 30_000, pdv(DATA, STORE_CONTEXT, 2)
    ),
}


@pytest.mark.parametrize("sent", ODDITIES.values(), ids=ODDITIES)
def test_an_odd_peer_is_served(site: Site, sent: bytes) -> None:
    """What is wrong but clear is taken: the data set is kept as it came, the status is success."""
    with RawPeer(site.port) as peer:
        peer.associate()
        peer.send(sent)
        answer = peer.take_pdu()
        assert answer.endswith(even(UID)), answer
        assert struct.pack("<HHIH", 0, 0x900, 2, 0) in answer
        peer.send(pdu(5, bytes(9)))  # a release request with bytes to spare
        assert peer.take_pdu() == RELEASE_RP
    site.take(UID, DATA)
    site.settle()
    site.complained()


def test_requests_with_odd_items_are_accepted(site: Site) -> None:
    """Padded UIDs, unknown items, reserved bytes in use, lower titles: none is a reason to refuse (PS3.8 9.3.1)."""
    padded = item(0x20, b"\1\xff\xff\xff" + item(0x30, VERIFICATION + b"\0") + item(0x40, b"1.2.840.10008.1.2\0"))
    odd = associate(
        item(0x99, b"?") + item(0x50, item(0x99, b"??")) + padded + item(0x10, b"1.2.840.10008.3.1.1.1\0"),
        version=0xFFFF,
        called=b"  archive",
    )
    with RawPeer(site.port) as peer:
        peer.send(odd[:42] + bytes(range(32)) + odd[74:])
        answer = peer.take_pdu()
        assert answer[:2] == AC_HEAD
        assert item(0x21, b"\1\0\0\0" + item(0x40, b"1.2.840.10008.1.2")) in answer
        peer.send(RELEASE_RQ)
        assert peer.take_pdu() == RELEASE_RP
    site.settle()
    site.complained()


def test_a_peer_with_a_title_that_no_file_may_hold_is_served(site: Site) -> None:
    """Its instance is kept as any other; the titles of group 0002 are optional (PS3.10 7.1) and stay away."""
    with RawPeer(site.port) as peer:
        peer.associate(associate(called=b"ARCH\xcfVE", calling=b"\x07\x1b[31m"))
        peer.send(STORE)
        assert struct.pack("<HHIH", 0, 0x900, 2, 0) in peer.take_pdu()
        peer.send(RELEASE_RQ)
        assert peer.take_pdu() == RELEASE_RP
    content = (site.folder / f"{UID.decode()}.dcm").read_bytes()
    assert b"ARCH" not in content
    assert b"\x1b" not in content[: content.index(DATA)]
    site.take(UID, DATA)
    site.settle()
    site.complained()


def test_a_store_without_an_instance_is_refused(site: Site) -> None:
    """A data set that says not whose it is cannot be kept: C000, and the association goes on."""
    nameless = command((2, even(CT_IMAGE_STORAGE)), (0x100, 1), (0x110, 2), (0x700, 0), (0x800, 0))
    with RawPeer(site.port) as peer:
        peer.associate()
        peer.send(p_data(pdv(nameless, STORE_CONTEXT, 3), pdv(DATA, STORE_CONTEXT, 2)))
        assert struct.pack("<HHIH", 0, 0x900, 2, 0xC000) in peer.take_pdu()
        peer.send(RELEASE_RQ)
        assert peer.take_pdu() == RELEASE_RP
    site.settle()
    assert [line.split(" ", 1)[1] for line in site.complaints()] == [
        "a data set was not kept: the data set of a C-STORE-RQ is no instance and cannot become a file"
    ]


def test_mutations_of_a_conversation_do_no_harm(sites: MakeSite, caplog: pytest.LogCaptureFixture) -> None:
    """Whatever 200 damaged conversations say, the archive goes on serving, and nothing raises within it."""
    site = sites(timeouts=Timeouts(artim=2, stall=2, idle=2))
    rng = random.Random(20_480)
    answered = 0
    for number in range(200):
        uid = b"1.2.826.0.1.3680043.8.498.1%04d" % number
        units = [associate(), echo(), *_pdus(store(uid, data_set(uid))), RELEASE_RQ]
        request, *rest = _mutated(rng, units) if number % 3 else _mutated(rng, units[:1]) + units[1:]
        with RawPeer(site.port) as peer:
            peer.send(request)
            if peer.readable(0.1):
                answered += 1
            peer.send(b"".join(rest))
            peer.finish()
            peer.take_rest()
        if number % 20 == 0:
            site.serve()
    kept = site.kept()
    assert answered > 100
    assert len(kept) > 30
    for path in kept:
        assert path.suffix == ".dcm"
        path.unlink()
    site.serve()
    site.settle()
    raised = [record for record in caplog.records if record.exc_info or record.name == "asyncio"]
    assert [record.getMessage() for record in raised] == []
    assert len({re.sub("^.*?(protocol|rejected|peer)", r"\1", line) for line in site.complaints()}) > 20


@pytest.mark.parametrize("end", ["finish", "reset"])
def test_a_conversation_cut_at_any_byte_leaves_nothing(sites: MakeSite, end: str) -> None:
    """After each cut the next conversation is served, and only instances that came whole are there."""
    many = Limits(associations=10_000, associations_per_address=10_000)
    site = sites(limits=many)
    request = associate()
    length = len(request + store(UID + b"0000", data_set(UID + b"0000")) + RELEASE_RQ)
    whole: set[bytes] = set()
    for cut in range(length + 1):
        uid = b"1.2.826.0.1.3680043.8.498.1%04d" % cut
        data = data_set(uid)
        sent = request + store(uid, data) + RELEASE_RQ
        with RawPeer(site.port) as peer:
            if cut < len(request):
                peer.send(request[:cut])
            else:
                peer.associate()
                peer.send(sent[len(request) : cut])
            if cut >= len(sent) - len(RELEASE_RQ):
                whole.add(uid)
            getattr(peer, end)()
            if end == "finish":
                peer.take_rest()
        if cut % 500 == 0:
            site.serve()
    kept = {path.stem.encode() for path in site.kept()}
    # What had come whole before a reset may be gone with it, unread, in the system's hands.
    assert kept == whole if end == "finish" else kept <= whole
    for uid in kept:
        site.take(uid, data_set(uid))
    site.serve()
    site.settle()
    assert whole
    assert all(re.search("in the middle of", line) for line in site.complaints())


def _pdus(data: bytes) -> list[bytes]:
    """A run of PDUs, one by one."""
    found = []
    while data:
        end = 6 + int.from_bytes(data[2:6], "big")
        found.append(data[:end])
        data = data[end:]
    return found


def _mutated(rng: random.Random, units: Sequence[bytes]) -> list[bytes]:
    """PDUs with one to three things wrong among them."""
    damaged = list(units)
    for _ in range(rng.randint(1, 3)):
        at = rng.randrange(len(damaged))
        unit = bytearray(damaged[at])
        where = rng.randrange(len(unit)) if unit else 0
        match rng.randrange(7):
            case 0:
                unit[where : where + 1] = bytes([rng.randrange(256)])
            case 1:
                unit[where : where + 4] = rng.choice((0, 1, 0xFFFF, 0xFFFFFFFF, len(unit))).to_bytes(4, "big")
            case 2:
                unit[where : where + 2] = rng.randbytes(2)
            case 3:
                del unit[where : where + rng.randint(1, 20)]
            case 4:
                unit[where:where] = rng.randbytes(rng.randint(1, 20))
            case 5:
                unit += damaged[rng.randrange(len(damaged))]
            case _:
                other = rng.randrange(len(damaged))
                damaged[other], unit = bytes(unit), bytearray(damaged[other])
        damaged[at] = bytes(unit)
    return damaged
