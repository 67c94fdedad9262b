"""Impostors that spoil the association."""

from __future__ import annotations

import struct

from raw import CT_IMAGE_STORAGE, EXPLICIT_LE, IMPLICIT_LE, associate, echo, item, pdu, proposed
from reliability.impostors.line import Cases, Line, acceptance, context

CASES = Cases()

GOOD = acceptance(context(1))
ABORT = bytes.fromhex("0700 00000004 0000 0200")
REJECT = bytes.fromhex("0300 00000004 00 010101")

# Nobody at home.


@CASES.asked("associate")
def closes_at_once(line: Line) -> None:
    """Before a byte was read."""


@CASES.asked("associate")
def resets_at_once(line: Line) -> None:
    line.reset()


@CASES.asked("associate")
def closes_when_asked(line: Line) -> None:
    line.take_associate_request()


@CASES.asked("associate")
def resets_when_asked(line: Line) -> None:
    line.take_associate_request()
    line.reset()


@CASES.asked("associate")
def never_answers(line: Line) -> None:
    line.wait()


@CASES.asked("associate")
def drips_the_acceptance(line: Line) -> None:
    line.take_associate_request()
    line.drip(GOOD + bytes(10_000))


@CASES.asked("associate")
def announces_a_gigabyte_and_drips(line: Line) -> None:
    line.take_associate_request()
    line.send(b"\2\0" + struct.pack(">I", 1 << 20))
    line.drip(bytes(10_000))


# Not DICOM.

CASES.says("associate", "is_a_web_server", b"HTTP/1.1 400 Bad Request\r\nConnection: close\r\n\r\n")
CASES.says("associate", "speaks_tls", bytes.fromhex("15030100020246"))
CASES.says("associate", "is_a_secure_shell", b"SSH-2.0-OpenSSH_9.2\r\n")
CASES.says("associate", "says_zeros", bytes(100_000))
CASES.says("associate", "says_one_byte", b"\2")
CASES.says("associate", "says_all_ones", b"\xff" * 100_000)

# Another PDU than the one that is awaited.

CASES.says("associate", "asks_for_an_association_himself", associate())
CASES.says("associate", "sends_a_message_instead", echo())
CASES.says("associate", "asks_for_release_instead", pdu(5, bytes(4)))
CASES.says("associate", "answers_a_release_nobody_asked_for", pdu(6, bytes(4)))
CASES.says("associate", "aborts", ABORT)
CASES.says("associate", "aborts_for_an_unknown_reason", bytes.fromhex("0700 00000004 0000 FFFF"))
CASES.says("associate", "aborts_with_a_short_pdu", bytes.fromhex("0700 00000002 0000"))
CASES.says("associate", "aborts_with_a_long_pdu", pdu(7, bytes(70_000)))
CASES.says("associate", "rejects_for_an_unknown_reason", bytes.fromhex("0300 00000004 00 FFFFFF"))
CASES.says("associate", "rejects_with_a_short_pdu", bytes.fromhex("0300 00000001 00"))
CASES.says("associate", "rejects_and_then_accepts", REJECT + GOOD)
CASES.says("associate", "sends_a_pdu_of_unknown_type", pdu(0x42, b"?"))

# An acceptance that is none.

CASES.says("associate", "accepts_with_an_empty_pdu", pdu(2, b""))
CASES.says("associate", "accepts_without_items", pdu(2, struct.pack(">HH", 1, 0) + bytes(64)))
CASES.says("associate", "announces_four_gigabytes", pdu(2, bytes(68), length=0xFFFFFFFF))
CASES.says("associate", "announces_more_than_we_take", pdu(2, bytes(68), length=2 << 20))
CASES.says("associate", "accepts_with_an_item_beyond_the_pdu", pdu(2, GOOD[6:74] + item(0x10, b"1.2", length=60_000)))
CASES.says("associate", "accepts_with_an_item_of_half_a_header", pdu(2, GOOD[6:] + b"\x50"))
CASES.says(
    "associate",
    "accepts_with_a_sub_item_beyond_its_item",
    acceptance(context(1), item(0x50, item(0x51, bytes(4), length=400))),
)
CASES.says(
    "associate",
    "accepts_with_a_syntax_beyond_its_context",
    acceptance(item(0x21, bytes([1, 0, 0, 0]) + item(0x40, IMPLICIT_LE, length=500))),
)
CASES.says("associate", "accepts_what_was_not_proposed", acceptance(context(99)))
CASES.says("associate", "accepts_an_even_context", acceptance(context(2)))
CASES.says(
    "associate", "accepts_two_hundred_contexts", acceptance(b"".join(context(i % 256) for i in range(200))), passes=True
)
CASES.says("associate", "accepts_ten_thousand_contexts", acceptance(context(1) * 10_000), passes=True)
CASES.says("associate", "accepts_a_syntax_nobody_offered", acceptance(context(1, b"1.2.840.10008.1.2.4.50")))
CASES.says("associate", "accepts_a_syntax_that_is_no_uid", acceptance(context(1, b"../../etc/passwd\0\x1b[2J")))
CASES.says("associate", "accepts_without_a_syntax", acceptance(item(0x21, bytes([1, 0, 0, 0]))))
CASES.says("associate", "accepts_no_context", acceptance(b""))
CASES.says("associate", "refuses_every_context", acceptance(context(1, b"", 3)))
CASES.says("associate", "refuses_for_an_unknown_reason", acceptance(context(1, b"", 200)))
CASES.says(
    "associate",
    "accepts_with_two_syntaxes",
    acceptance(item(0x21, bytes([1, 0, 0, 0]) + item(0x40, IMPLICIT_LE) + item(0x40, EXPLICIT_LE))),
    passes=True,
)
CASES.says("associate", "accepts_the_same_context_twice", acceptance(context(1) + context(1, b"", 3)), passes=True)
CASES.says("associate", "accepts_with_no_maximum_length", acceptance(context(1), item(0x50, b"")), passes=True)
CASES.says("associate", "accepts_without_user_information", acceptance(context(1), b""), passes=True)
CASES.says(
    "associate", "accepts_in_another_application", acceptance(context(1), application=item(0x10, b"1.2.3")), passes=True
)
CASES.says("associate", "accepts_in_no_application", acceptance(context(1), application=b""), passes=True)
CASES.says(
    "associate",
    "takes_roles_nobody_offered",
    acceptance(
        context(1),
        item(
            0x50,
            item(0x51, struct.pack(">I", 16384))
            + item(0x54, struct.pack(">H", len(CT_IMAGE_STORAGE)) + CT_IMAGE_STORAGE + b"\1\1"),
        ),
    ),
    passes=True,
)
CASES.says(
    "associate",
    "widens_the_window",
    acceptance(context(1), item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x53, b"\xff\xff\xff\xff"))),
    passes=True,
)
CASES.says(
    "associate",
    "answers_an_identity_nobody_gave",
    acceptance(context(1), item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x59, b"\0\3abc"))),
    passes=True,
)
CASES.says("associate", "accepts_twice", GOOD + GOOD, passes=True)
CASES.says("associate", "accepts_and_talks_on", GOOD + b"\xff" * 5000, passes=True)
CASES.says("associate", "accepts_and_asks_for_release", GOOD + pdu(5, bytes(4)), passes=True)
CASES.says("associate", "accepts_and_aborts", GOOD + ABORT, passes=True)
CASES.says("associate", "proposes_in_his_acceptance", acceptance(proposed(1, CT_IMAGE_STORAGE, IMPLICIT_LE)))

# So small a PDU that no message can be sent to him.

for length in (1, 5, 7):
    CASES.says(
        "echo",
        f"takes_pdus_of_{length}_bytes",
        acceptance(context(1), item(0x50, item(0x51, struct.pack(">I", length)))),
    )


@CASES.asked("associate")
def stops_in_the_middle_of_the_acceptance(line: Line) -> None:
    line.take_associate_request()
    line.send(GOOD[:100])
    line.wait()


@CASES.asked("associate")
def closes_in_the_middle_of_the_acceptance(line: Line) -> None:
    line.take_associate_request()
    line.send(GOOD[:100])


@CASES.asked("echo", passes=True)
def never_answers_the_release(line: Line) -> None:
    line.accept()
    line.answer(line.take_request())
    line.take_pdu()
    line.wait()


@CASES.asked("echo", passes=True)
def answers_the_release_with_a_message(line: Line) -> None:
    line.accept()
    request = line.take_request()
    line.answer(request)
    line.take_pdu()
    line.answer(request)
    line.wait()


@CASES.asked("echo", passes=True)
def aborts_instead_of_releasing(line: Line) -> None:
    line.accept()
    line.answer(line.take_request())
    line.take_pdu()
    line.send(ABORT)


@CASES.asked("echo", passes=True)
def asks_for_release_at_the_same_time(line: Line) -> None:
    line.accept()
    line.answer(line.take_request())
    line.take_pdu()
    line.send(pdu(5, bytes(4)))
    line.wait()
