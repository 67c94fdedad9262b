"""Impostors that spoil what they are asked for: echo, store, find, move."""

from __future__ import annotations

import struct
import zlib

from raw import CT_IMAGE_STORAGE, command, p_data, pdu, pdv
from reliability.impostors.associating import ABORT
from reliability.impostors.line import Cases, Line, Request, response, store_request

CASES = Cases()

PENDING, SUCCESS = 0xFF00, 0


def element(tag: int, vr: bytes, value: bytes) -> bytes:
    """In implicit VR little endian, which is what these impostors agree to."""
    return struct.pack("<HHI", tag >> 16, tag & 0xFFFF, len(value)) + value


MATCH = element(0x0020000D, b"UI", b"1.2.3\0")


def nested(depth: int) -> bytes:
    """A sequence within a sequence, so many times."""
    opening = struct.pack("<HHI", 0x0008, 0x1140, 0xFFFFFFFF) + struct.pack("<HHI", 0xFFFE, 0xE000, 0xFFFFFFFF)
    return opening * depth


# Any answer.


@CASES.asked("echo")
def never_answers_an_echo(line: Line) -> None:
    line.accept()
    line.wait()


@CASES.asked("echo")
def closes_instead_of_answering(line: Line) -> None:
    line.accept()
    line.take_request()


@CASES.asked("echo")
def resets_instead_of_answering(line: Line) -> None:
    line.accept()
    line.take_request()
    line.reset()


@CASES.asked("echo")
def drips_the_answer(line: Line) -> None:
    line.accept()
    line.drip(response(line.take_request()) * 1000)


@CASES.asked("echo")
def answers_something_else(line: Line) -> None:
    line.accept()
    request = line.take_request()
    line.answer(request, x0120=request.message_id + 1)
    line.wait()


@CASES.asked("echo", passes=True)
def answers_twice(line: Line) -> None:
    line.accept()
    request = line.take_request()
    line.answer(request)
    line.answer(request)
    line.wait()


@CASES.asked("echo")
def answers_with_a_find(line: Line) -> None:
    line.accept()
    line.answer(line.take_request(), x0100=0x8020)
    line.wait()


@CASES.asked("echo")
def answers_with_an_unknown_command(line: Line) -> None:
    line.accept()
    line.answer(line.take_request(), x0100=0x8FFE)
    line.wait()


@CASES.asked("echo")
def answers_without_a_status(line: Line) -> None:
    line.accept()
    line.answer(line.take_request(), x0900=None)
    line.wait()


@CASES.asked("echo")
def answers_with_an_undefined_status(line: Line) -> None:
    line.accept()
    line.answer(line.take_request(), 0xFFFF)
    line.wait()


@CASES.asked("echo")
def announces_data_that_never_come(line: Line) -> None:
    line.accept()
    line.answer(line.take_request(), x0800=0)
    line.wait()


@CASES.asked("echo", passes=True)
def answers_an_echo_with_data(line: Line) -> None:
    line.accept()
    line.answer(line.take_request(), 0, MATCH)
    line.wait()


@CASES.asked("echo")
def answers_on_a_context_that_is_none(line: Line) -> None:
    line.accept()
    line.send(response(line.take_request()._replace(context_id=77)))
    line.wait()


@CASES.asked("echo")
def asks_for_an_echo_instead(line: Line) -> None:
    line.accept()
    request = line.take_request()
    for number in range(500):
        said = command((0x0002, request.sop_class), (0x0100, 0x0030), (0x0110, number), (0x0800, 0x0101))
        line.send(p_data(pdv(said, request.context_id, 3)))
    line.wait()


@CASES.asked("echo")
def says_a_comment_that_steers_the_terminal(line: Line) -> None:
    line.accept()
    line.answer(line.take_request(), 0x0110, x0902=b"\x1b[2J\r\nnot you: \xff\0")
    line.wait()


@CASES.asked("echo")
def says_the_wrong_group_length(line: Line) -> None:
    line.accept()
    request = line.take_request()
    said = bytearray(command((0x0002, request.sop_class), (0x0100, 0x8030), (0x0120, request.message_id)))
    said[8:12] = b"\xff\xff\xff\x7f"
    line.send(p_data(pdv(bytes(said), request.context_id, 3)))
    line.wait()


@CASES.asked("echo")
def says_an_element_beyond_the_command(line: Line) -> None:
    line.accept()
    request = line.take_request()
    said = command((0x0100, 0x8030)) + struct.pack("<HHI", 0, 0x0120, 0x7FFFFFFF)
    line.send(p_data(pdv(said, request.context_id, 3)))
    line.wait()


@CASES.asked("echo")
def never_ends_a_command(line: Line) -> None:
    line.accept()
    request = line.take_request()
    for _ in range(400):
        line.send(p_data(pdv(bytes(16_000), request.context_id, 1)))
    line.wait()


@CASES.asked("echo")
def sends_values_of_no_length(line: Line) -> None:
    line.accept()
    line.take_request()
    line.send(pdu(4, struct.pack(">I", 0) * 1000))
    line.wait()


@CASES.asked("echo")
def sends_a_value_beyond_its_pdu(line: Line) -> None:
    line.accept()
    request = line.take_request()
    line.send(p_data(pdv(b"abc", request.context_id, 3, length=60_000)))
    line.wait()


@CASES.asked("echo")
def sends_an_empty_pdu(line: Line) -> None:
    line.accept()
    line.take_request()
    line.send(pdu(4, b""))
    line.wait()


@CASES.asked("echo")
def announces_a_pdu_of_four_gigabytes(line: Line) -> None:
    line.accept()
    line.take_request()
    line.send(pdu(4, bytes(100), length=0xFFFFFFFF))
    line.wait()


@CASES.asked("echo")
def sends_data_nobody_asked_for(line: Line) -> None:
    line.accept()
    request = line.take_request()
    for _ in range(300):
        line.send(p_data(pdv(bytes(16_000), request.context_id, 0)))
    line.wait()


@CASES.asked("echo")
def releases_instead_of_answering(line: Line) -> None:
    line.accept()
    line.take_request()
    line.send(pdu(5, bytes(4)))
    line.wait()


@CASES.asked("echo")
def aborts_instead_of_answering(line: Line) -> None:
    line.accept()
    line.take_request()
    line.send(ABORT)


# Store.


@CASES.asked("store")
def never_answers_a_store(line: Line) -> None:
    line.accept()
    line.wait()


@CASES.asked("store")
def is_deaf(line: Line) -> None:
    line.accept()
    line.take_request()
    line.over.wait()


@CASES.asked("store")
def closes_in_the_middle_of_a_data_set(line: Line) -> None:
    line.accept()
    line.take_request()


@CASES.asked("store")
def resets_in_the_middle_of_a_data_set(line: Line) -> None:
    line.accept()
    line.take_request()
    line.reset()


@CASES.asked("store")
def refuses_before_the_data_set(line: Line) -> None:
    line.accept()
    line.answer(line.take_request(), 0xA700, x0902=b"full")
    line.wait()


@CASES.asked("store")
def aborts_in_the_middle_of_a_data_set(line: Line) -> None:
    line.accept()
    line.take_request()
    line.send(ABORT)
    line.wait()


@CASES.asked("store")
def answers_for_every_message_id(line: Line) -> None:
    line.accept()
    request = line.take_request()
    line.take_data()
    for number in range(2000, 3000):
        line.answer(request, x0120=number)
    line.wait()


@CASES.asked("store")
def stores_here_what_nobody_wants(line: Line) -> None:
    line.accept()
    request = line.take_request()
    for number in range(100):
        line.send(store_request(request.context_id, CT_IMAGE_STORAGE, b"../../trap", number))
        line.send(p_data(pdv(bytes(1000), request.context_id, 2)))
    line.wait()


# Find.


@CASES.asked("find")
def says_pending_without_a_match(line: Line) -> None:
    line.accept()
    request = line.take_request()
    for _ in range(10):
        line.answer(request, PENDING)
    line.wait()


@CASES.asked("find", passes=True)
def matches_for_ever(line: Line) -> None:
    line.accept()
    request = line.take_request()
    many = response(request, PENDING, MATCH) * 100
    while True:
        line.send(many)


@CASES.asked("find")
def matches_and_falls_silent(line: Line) -> None:
    line.accept()
    line.send(response(line.take_request(), PENDING, MATCH) * 10)
    line.wait()


@CASES.asked("find", passes=True)
def matches_with_garbage(line: Line) -> None:
    _finds(line, b"\xff" * 5001)


@CASES.asked("find", passes=True)
def matches_with_half_an_element(line: Line) -> None:
    _finds(line, MATCH + MATCH[:11])


@CASES.asked("find", passes=True)
def matches_with_a_length_beyond_the_end(line: Line) -> None:
    _finds(line, MATCH + struct.pack("<HHI", 0x0010, 0x0010, 0x7FFFFFFF) + b"X")


@CASES.asked("find", passes=True)
def matches_with_deep_nesting(line: Line) -> None:
    _finds(line, nested(50_000))


@CASES.asked("find", passes=True)
def matches_with_a_million_elements(line: Line) -> None:
    _finds(line, struct.pack("<HHI", 0x0010, 0x0010, 0) * 100_000)


@CASES.asked("find", passes=True)
def matches_with_bad_text(line: Line) -> None:
    charset = element(0x00080005, b"CS", b"ISO 2022 IR 87\\no such\0")
    _finds(line, charset + element(0x00100010, b"PN", b"\x1b$B\xff\xff\x1b[2J^\0" * 50))


@CASES.asked("find")
def matches_with_a_gigabyte(line: Line) -> None:
    line.accept()
    request = line.take_request()
    line.send(response(request, PENDING, b"")[: -len(p_data(pdv(b"", request.context_id, 2)))])
    while True:
        line.send(p_data(pdv(bytes(16_000), request.context_id, 0)))


@CASES.asked("find", passes=True)
def matches_with_a_bomb(line: Line) -> None:
    deflater = zlib.compressobj(9, zlib.DEFLATED, -15)
    _finds(line, deflater.compress(bytes(64 << 20)) + deflater.flush())


@CASES.asked("find", passes=True)
def goes_on_after_the_end(line: Line) -> None:
    line.accept()
    request = line.take_request()
    line.answer(request)
    for _ in range(100):
        line.answer(request, PENDING, MATCH)
    line.wait()


# Move.


@CASES.asked("move")
def moves_for_ever(line: Line) -> None:
    line.accept()
    request = line.take_request()
    for number in range(200):
        line.answer(request, PENDING, x1020=65535 - number)
    line.wait()


@CASES.asked("move")
def counts_what_cannot_be(line: Line) -> None:
    line.accept()
    request = line.take_request()
    line.answer(request, PENDING, x1020=b"\xff\xff\xff\xff\xff\xff", x1021=b"", x1022=b"abc")
    line.answer(request, 0xB000, x1020=1, x1021=65535, x1022=65535, x1023=65535)
    line.wait()


@CASES.asked("move")
def fails_with_a_list_of_nonsense(line: Line) -> None:
    line.accept()
    failed = element(0x00080058, b"UI", b"../../../etc/passwd\\\x1b[2J\\" + b"9" * 5000)
    line.answer(line.take_request(), 0xC000, failed, x1021=0, x1022=9)
    line.wait()


def _finds(line: Line, match: bytes) -> None:
    line.accept()
    request: Request = line.take_request()
    sent = response(request, PENDING, b"")[: -len(p_data(pdv(b"", request.context_id, 2)))]
    pieces = [match[at : at + 16_000] for at in range(0, len(match), 16_000)]
    for number, piece in enumerate(pieces):
        sent += p_data(pdv(piece, request.context_id, 2 if number == len(pieces) - 1 else 0))
    line.send(sent)
    line.answer(request, SUCCESS)
    line.wait()
