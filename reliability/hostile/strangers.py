"""What reaches a DICOM port and is not DICOM: scanners, browsers, other protocols, files, noise (PS3.8 9.2, AA-1)."""

from __future__ import annotations

import random

from reliability.hostile.case import FINISH, RESET, Case, case

ABORT = "abort 0/0"
UNKNOWN = "its first byte is the type of no PDU, and the first byte is enough"

TLS_HELLO = bytes.fromhex(
    "160301007d010000790303000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f00"
    "0008130113021303c02f0100004800000010000e00000b6578616d706c652e636f6d002b0003020304000d000a00080403080404010503"
    "000a00080006001d001700180033000200000016000000170000"
)
NOISE = random.Random(1).randbytes(65536).replace(b"\1", b"\xa1")

CASES: list[Case] = [
    case("nothing", "", "a health check connects and goes", FINISH),
    case("nothing, and a reset", "", "a health check of a balancer", RESET),
    case("one byte of garbage", ABORT, UNKNOWN, b"\xff"),
    case("one zero", ABORT, UNKNOWN, b"\0"),
    case("six zeros", ABORT, UNKNOWN, bytes(6)),
    case("a MiB of zeros", ABORT, "what comes behind the first byte is thrown away", bytes(1 << 20)),
    case("noise", ABORT, UNKNOWN, b"\xee" + NOISE),
    case("the letter A", ABORT, "a MiB of it fills no memory", b"A" * (1 << 20)),
    case("HTTP GET", ABORT, "a browser", b"GET / HTTP/1.1\r\nHost: pacs\r\n\r\n"),
    case("HTTP POST", ABORT, "a form", b"POST / HTTP/1.1\r\nContent-Length: 99999\r\n\r\n" + b"a=b" * 30000),
    case("HTTP/2", ABORT, "its preface", b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n" + bytes(9)),
    case("HTTP OPTIONS", ABORT, "a scanner", b"OPTIONS * RTSP/1.0\r\nCSeq: 1\r\n\r\n"),
    case("a TLS hello", "alert", "a peer that wants TLS where there is none is told so in its own way", TLS_HELLO),
    case("half a TLS hello", "alert", "its first byte is enough", TLS_HELLO[:5]),
    case("SSH", ABORT, "a banner", b"SSH-2.0-OpenSSH_9.6\r\n"),
    case("SMTP", ABORT, "a greeting", b"EHLO example.com\r\n"),
    case(
        "HL7", ABORT, "the interface engine has the wrong port", b"\x0bMSH|^~\\&|A|B|C|D|2026||ADT^A01|1|P|2.3\r\x1c\r"
    ),
    case(
        "RDP",
        ABORT,
        "its first byte is a PDU's, its length is above what we take",
        bytes.fromhex("0300001300ffffff") * 3,
    ),
    case(
        "RDP, the common cookie",
        ABORT,
        "a rejection out of turn, of an impossible length",
        bytes.fromhex("0300ffffffe00000"),
    ),
    case("SOCKS 4", ABORT, "P-DATA of 29 MB before any association", bytes.fromhex("040101bb7f00000100")),
    case("SOCKS 5", "", "it begins like a release request, of which the rest never comes", b"\5\1\0", FINISH),
    case("PostgreSQL", ABORT, UNKNOWN, bytes.fromhex("0000000804d2162f")),
    case("Redis", ABORT, UNKNOWN, b"*1\r\n$4\r\nPING\r\n"),
    case("memcached", ABORT, UNKNOWN, b"stats\r\n"),
    case("telnet", ABORT, UNKNOWN, bytes.fromhex("fffb1ffffb20fffb18fffb27")),
    case("BitTorrent", ABORT, UNKNOWN, b"\x13BitTorrent protocol" + bytes(48)),
    case("MQTT", ABORT, UNKNOWN, bytes.fromhex("101000044d515454040200 3c00046e6d6170")),
    case("DNS", ABORT, UNKNOWN, bytes.fromhex("001e000601000001000000000000 0776657273696f6e0462696e640000100003")),
    case("SMB", ABORT, UNKNOWN, bytes.fromhex("000000a4ff534d4272000000000801400000") + bytes(100)),
    case("Modbus", ABORT, UNKNOWN, bytes.fromhex("000000000005 00 2b0e0100")),
    case("LDAP", ABORT, UNKNOWN, bytes.fromhex("300c020101600702010304008000")),
    case(
        "the PROXY protocol",
        "",
        "nobody we trust, so he may not speak for others",
        b"PROXY TCP4 10.0.0.1 10.0.0.2 1 2\r\n",
    ),
    case("the PROXY protocol in binary", "", "the same", bytes.fromhex("0d0a0d0a000d0a515549540a2111000c") + bytes(12)),
    case("a DICOM file", ABORT, "somebody has sent a file to the port", bytes(128) + b"DICM" + bytes(1000)),
    case("JSON", ABORT, UNKNOWN, b'{"Query": {"PatientName": "*"}}\n' * 100),
    case("text in UTF-16", ABORT, UNKNOWN, "hello".encode("utf-16")),
    case("terminal codes", ABORT, "the log has them escaped", b"\x1b[2J\x1b]0;owned\x07\r\n\r\nERROR made up\n"),
    case("format strings", ABORT, "nothing of it reaches a format", b"%s%s%n%x%(name)s{0}{}" * 50),
    case("a lookup", ABORT, "nothing of it is looked up", b"${jndi:ldap://127.0.0.1:1/a}\n"),
    case("a command line", ABORT, "nothing of it is run", b"; touch /tmp/dicomnet-was-here; `id` $(id) | id\n"),
]
