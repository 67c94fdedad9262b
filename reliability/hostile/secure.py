"""Peers on a port for TLS: what is no handshake, half of one, one with nothing behind it, and certificates that will not do."""

from __future__ import annotations

import socket
import ssl
import warnings
from typing import NamedTuple

from reliability.hostile.case import FINISH, RESET, Case, case, words_of
from reliability.hostile.strangers import TLS_HELLO
from reliability.hostile.wire import REQUEST
from tests.raw import PATIENCE, RELEASE_RQ, echo
from tests.tls.certificates import Site

NO_HELLO = "without TLS there is nothing to say"

CASES: list[Case] = [
    case("nothing", "", "a health check", FINISH),
    case("nothing, and a reset", "", "the same", RESET),
    case("DICOM without TLS", "alert or ", "it is told what is spoken here", REQUEST),
    case("HTTP without TLS", "", NO_HELLO, b"GET / HTTP/1.1\r\n\r\n"),
    case("garbage", "", NO_HELLO, b"\xee" * 999),
    case("zeros", "", NO_HELLO, bytes(999)),
    case("one byte of a hello, and the end", " or alert", "the rest never comes", b"\x16", FINISH),
    case("half a hello, and the end", " or alert", "the same", TLS_HELLO[:40], FINISH),
    case("half a hello, and a reset", "", "the same", TLS_HELLO[:40], RESET),
    case(
        "a hello of SSL 2",
        "",
        "its first byte is not that of a hello",
        bytes.fromhex("802e0100020015000000100100800700c0030080"),
    ),
    case("a record of 65,535 bytes", "alert or ", "longer than records are", b"\x16\3\1\xff\xff" + bytes(65535)),
    case("a hello of garbage", "alert or ", "it is none", b"\x16\3\1\0\x20" + b"\xee" * 32),
    case("a hello, and DICOM behind it", "hello or alert or ", "that is no handshake", TLS_HELLO + REQUEST, FINISH),
    case("a hello, and the end", "hello or alert or ", "the handshake is never over", TLS_HELLO, FINISH),
    case("a hello, and a reset", "", "the same", TLS_HELLO, RESET),
    case("an alert", "", "nothing has begun that could fail", bytes.fromhex("15030300020228")),
]


class Handshake(NamedTuple):
    """A peer that does speak TLS."""

    name: str
    sees: str
    why: str
    certificate: str | None
    """Which of the certificates of a hospital; the right one is "client"."""
    sent: bytes = REQUEST
    most: ssl.TLSVersion = ssl.TLSVersion.TLSv1_3


ANOTHER, OLD = "it is not one of those that may", "PS3.15 B.12 has none below 1.2"

HANDSHAKES: list[Handshake] = [
    Handshake("the right certificate", "accept", "so that the others are known to be wrong", "client"),
    Handshake("the right certificate, TLS 1.2", "accept", "the same", "client", REQUEST, ssl.TLSVersion.TLSv1_2),
    Handshake("no certificate", "refused", ANOTHER, None),
    Handshake("a certificate signed by itself", "refused", ANOTHER, "stranger"),
    Handshake("an expired certificate", "refused", ANOTHER, "expired"),
    Handshake("a certificate that is not valid yet", "refused", ANOTHER, "not_yet"),
    Handshake("no certificate, TLS 1.2", "refused", ANOTHER, None, REQUEST, ssl.TLSVersion.TLSv1_2),
    Handshake("an expired certificate, TLS 1.2", "refused", ANOTHER, "expired", REQUEST, ssl.TLSVersion.TLSv1_2),
    Handshake("TLS 1.1", "refused", OLD, "client", REQUEST, ssl.TLSVersion.TLSv1_1),
    Handshake("a handshake with nothing behind it", "", "nobody speaks, nobody answers", "client", b""),
    Handshake(
        "a handshake with HTTP behind it",
        "abort 0/0",
        "within TLS it is no DICOM either",
        "client",
        b"GET / HTTP/1.1\r\n\r\n",
    ),
    Handshake("a handshake with a MiB of garbage behind it", "abort 0/0", "the same", "client", b"\xee" * (1 << 20)),
    Handshake("a handshake with data behind it", "abort 0/0", "before any association", "client", echo()),
    Handshake("a handshake with a release behind it", "abort 0/0", "the same", "client", RELEASE_RQ),
]


def handshake(port: int, hospital: Site, peer: Handshake) -> list[str]:
    """Does it, and tells what was seen."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname, context.verify_mode = False, ssl.CERT_NONE
    if peer.certificate is not None:
        context.load_cert_chain(getattr(hospital, peer.certificate).file)
    if peer.most < ssl.TLSVersion.TLSv1_2:
        context.set_ciphers("ALL:@SECLEVEL=0")
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # Python's, of versions that nobody should use
        context.minimum_version = min(context.minimum_version, peer.most)
        context.maximum_version = peer.most
    heard = b""
    try:
        with (
            socket.create_connection(("127.0.0.1", port), timeout=PATIENCE) as plain,
            context.wrap_socket(plain) as secure,
        ):
            secure.sendall(peer.sent)
            if peer.sent:
                heard = secure.recv(65536)
    except (ssl.SSLError, ConnectionError):
        return ["refused"]
    return words_of(heard) if heard or not peer.sent else ["refused"]
