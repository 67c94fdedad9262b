"""Impostors that spoil a C-GET: they store on our side what nobody should keep, or never what was asked for."""

from __future__ import annotations

import struct

from raw import CT_IMAGE_STORAGE, data_set, even, item, p_data, pdv
from reliability.impostors.associating import ABORT
from reliability.impostors.line import Cases, Line, Request, acceptance, context, store_request

CASES = Cases()

PENDING = 0xFF00
GOOD = b"1.2.3.4.5"


def begins(line: Line) -> tuple[Request, int]:
    """Agrees to everything; returns the C-GET, and the context to store in."""
    line.take_associate_request()
    roles = b"".join(
        item(0x54, struct.pack(">H", len(one.abstract_syntax)) + one.abstract_syntax + b"\0\1")
        for one in line.proposals
        if b".5.1.4.1.1." in one.abstract_syntax
    )
    items = b"".join(context(one.context_id, one.transfer_syntaxes[0]) for one in line.proposals)
    user = item(0x50, item(0x51, struct.pack(">I", 16384)) + item(0x52, b"1.2.3.4") + roles)
    line.send(acceptance(items, user))
    stores = next(one.context_id for one in line.proposals if one.abstract_syntax == CT_IMAGE_STORAGE)
    return line.take_request(), stores


def gives(line: Line, instance: bytes, data: bytes | None = None, *, number: int = 1, context_id: int = 0) -> None:
    """Stores one instance here and reads what is said to it."""
    line.send(store_request(context_id, CT_IMAGE_STORAGE, instance, number))
    data = data_set(even(instance), 8192) if data is None else data
    pieces = [data[at : at + 16_000] for at in range(0, len(data), 16_000)] or [b""]
    for index, piece in enumerate(pieces):
        line.send(p_data(pdv(piece, context_id, 2 if index == len(pieces) - 1 else 0)))
    line.take_request()


def ends(line: Line, request: Request, status: int = 0, completed: int = 1) -> None:
    """The final response."""
    line.answer(request, status, x1021=completed, x1022=0, x1023=0)
    line.wait()


def _gives(name: str, instance: bytes, data: bytes | None = None, *, passes: bool = True) -> None:
    def script(line: Line) -> None:
        request, stores = begins(line)
        gives(line, instance, data, context_id=stores)
        ends(line, request)

    script.__name__ = name
    CASES.asked("get", passes=passes)(script)


# Identities that are none; what is kept, and under which name, is checked after each.

_gives("gives_what_was_asked_for", GOOD)
_gives("gives_with_a_path_for_a_uid", b"../../trap")
_gives("gives_with_an_absolute_path_for_a_uid", b"/tmp/dicomnet-x")
_gives("gives_with_a_windows_path_for_a_uid", b"..\\..\\trap")
_gives("gives_with_junk_behind_the_uid", b"1.2.3\0/../../trap")
_gives("gives_with_a_newline_in_the_uid", b"1.2.3\n2026 ERROR faked")
_gives("gives_with_an_escape_in_the_uid", b"\x1b[2J1.2.3")
_gives("gives_with_a_uid_of_65_characters", b"1." + b"2" * 63)
_gives("gives_with_a_uid_of_5000_characters", b"1." + b"2" * 5000)
_gives("gives_with_an_empty_uid", b"")
_gives("gives_with_a_dot_for_a_uid", b".")
_gives("gives_with_two_dots_for_a_uid", b"..")
_gives("gives_with_no_ascii_in_the_uid", b"\xff\xfe\x80\x81")
_gives("gives_with_a_name_of_a_temporary_file", b".x.part")
_gives("gives_a_data_set_of_another_instance", GOOD, data_set(b"9.9.9.9\0"))
_gives("gives_an_empty_data_set", GOOD, b"")
_gives("gives_garbage", GOOD, b"\xff" * 50_000)
_gives("gives_a_cut_data_set", GOOD, data_set(even(GOOD))[:-300])
_gives("gives_a_deep_data_set", GOOD, struct.pack("<HH2sxxI", 8, 0x1140, b"SQ", 0xFFFFFFFF) * 20_000)


@CASES.asked("get", passes=True)
def gives_the_same_instance_twice_with_other_content(line: Line) -> None:
    request, stores = begins(line)
    gives(line, GOOD, context_id=stores)
    gives(line, GOOD, data_set(even(GOOD), 4096), number=2, context_id=stores)
    ends(line, request, completed=2)


@CASES.asked("get")
def says_success_and_gives_nothing(line: Line) -> None:
    request, _ = begins(line)
    ends(line, request, completed=3)


@CASES.asked("get")
def gives_in_a_context_that_is_none(line: Line) -> None:
    request, _ = begins(line)
    gives(line, GOOD, context_id=255)
    ends(line, request)


@CASES.asked("get")
def gives_in_the_context_of_the_get(line: Line) -> None:
    request, _ = begins(line)
    gives(line, GOOD, context_id=request.context_id)
    ends(line, request)


@CASES.asked("get")
def never_ends_a_data_set(line: Line) -> None:
    _, stores = begins(line)
    line.send(store_request(stores, CT_IMAGE_STORAGE, GOOD))
    line.send(p_data(pdv(bytes(1000), stores, 0)))
    line.wait()


@CASES.asked("get")
def drips_a_data_set(line: Line) -> None:
    _, stores = begins(line)
    line.send(store_request(stores, CT_IMAGE_STORAGE, GOOD))
    line.drip(p_data(pdv(bytes(1000), stores, 0)) * 20)


@CASES.asked("get")
def aborts_in_the_middle_of_a_data_set(line: Line) -> None:
    _, stores = begins(line)
    line.send(store_request(stores, CT_IMAGE_STORAGE, GOOD))
    line.send(p_data(pdv(bytes(1000), stores, 0)))
    line.send(ABORT)
    line.wait()


@CASES.asked("get")
def closes_in_the_middle_of_a_data_set(line: Line) -> None:
    _, stores = begins(line)
    line.send(store_request(stores, CT_IMAGE_STORAGE, GOOD))
    line.send(p_data(pdv(bytes(1000), stores, 0)))


@CASES.asked("get")
def begins_a_command_within_a_data_set(line: Line) -> None:
    _, stores = begins(line)
    line.send(store_request(stores, CT_IMAGE_STORAGE, GOOD))
    line.send(p_data(pdv(bytes(1000), stores, 0)))
    line.send(store_request(stores, CT_IMAGE_STORAGE, b"1.2.9", 2))
    line.wait()


@CASES.asked("get")
def asks_a_thousand_things_at_once(line: Line) -> None:
    _, stores = begins(line)
    for number in range(1000):
        line.send(store_request(stores, CT_IMAGE_STORAGE, b"1.2.%d" % number, number))
        line.send(p_data(pdv(data_set(b"1.2.%d" % number), stores, 2)))
    line.wait()


@CASES.asked("get")
def reuses_a_message_id(line: Line) -> None:
    _, stores = begins(line)
    for _ in range(20):
        line.send(store_request(stores, CT_IMAGE_STORAGE, GOOD, 7))
    line.wait()


@CASES.asked("get")
def pends_and_falls_silent(line: Line) -> None:
    request, _ = begins(line)
    line.answer(request, PENDING, x1020=1, x1021=0, x1022=0, x1023=0)
    line.wait()


@CASES.asked("get")
def gives_after_the_end(line: Line) -> None:
    request, stores = begins(line)
    line.answer(request, 0, x1021=1, x1022=0, x1023=0)
    line.send(store_request(stores, CT_IMAGE_STORAGE, GOOD))
    line.send(p_data(pdv(data_set(GOOD + b"\0"), stores, 2)))
    line.wait()
