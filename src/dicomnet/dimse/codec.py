"""Command sets as bytes, both ways (PS3.7 6.3, Annex E).

Whatever transfer syntax the presentation context has, a command set is in
implicit VR little endian (6.3.1):

    offset  bytes
    0       2       group, always 0000
    2       2       element, ascending
    4       4       length of the value, even
    8       length  value; (0000,0000) comes first and counts the bytes behind it

Writing keeps to that to the letter. Reading takes what can be understood: the
group length is not looked at, since the last fragment ends a command set (6.3.1
note 2); elements may come in any order, be repeated (the last one counts), have
odd lengths or too many values (the first one counts), or be none that the
message has.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Iterable, Mapping, Sequence
from struct import Struct
from typing import Any

from dicomnet.dimse.commands import (
    COMMANDS,
    DICTIONARY,
    SUBOPERATION_COUNTS,
    CCancelRequest,
    Command,
    Request,
    Response,
    UnknownCommand,
    check,
)
from dicomnet.dimse.status import Status
from dicomnet.dimse.stencil import READER, WRITERS
from dicomnet.errors import InvalidMessage, InvalidValue
from dicomnet.limits import MOST_COMMAND_ELEMENTS
from dicomnet.types import Priority, clean_uid


def encode(command: Command) -> bytes:
    """Writes a command set, after ``check``.

    Raises:
        InvalidValue: the message may not be sent as it is.
    """
    writer = WRITERS.get(type(command))
    return _encode(command) if writer is None else writer.write(command, _encode)


def decode(data: bytes | memoryview) -> Command:
    """Reads a command set.

    What is missing gets a value that is safe to act on: a response without
    status has failed (``Status.PROCESSING_FAILURE``), a request without
    priority, or with one that does not exist, is of medium priority, and
    without (0000,0800) a data set follows if the message always has one. A
    value without bytes, or of nothing but padding, counts as missing, and so
    does a number cut short.

    Raises:
        InvalidMessage: the bytes end within an element, or one of those is
            missing without which nobody can answer: command field, message ID,
            message ID being responded to.
    """
    return READER.read(bytes(data), _decode)


def elements(data: bytes | memoryview) -> dict[int, object]:
    """Reads all elements of group 0000, those that no message has included, by tag and in the order they came.

    Numbers are ``int``, or a tuple of them when there are several; tags are a
    tuple; text is ``str`` without padding; a number without bytes is None.
    Elements whose value representation is not known stay ``bytes``.

    Raises:
        InvalidMessage: the bytes end within an element, or a number is cut short.
    """
    return {tag: _pull_any(_REPRESENTATIONS.get(tag), raw) for tag, raw in _pull_elements(data).items()}


def encode_elements(values: Mapping[int, object]) -> bytes:
    """Writes the elements that ``elements`` reads, unchecked as a message, so that anything can be sent.

    Takes the same values, and ``bytes`` as the value of any element. The order
    and the group length are seen to here; a group length given is not used.

    Raises:
        InvalidValue: a tag is not of group 0000, or a value does not suit its element.
    """
    parts = []
    for tag, value in sorted(values.items()):
        if not 0 <= tag <= 0xFFFF:
            raise InvalidValue(f"({tag >> 16:04X},{tag & 0xFFFF:04X}) is not of group 0000 (PS3.7 6.3.1)")
        if tag != _GROUP_LENGTH_TAG:
            parts.append(_push_element(tag, value))
    return _with_group_length(b"".join(parts))


def _encode(command: Command) -> bytes:
    check(command)
    parts = []
    for attribute, header, push in _writers(type(command)):
        value = getattr(command, attribute)
        if value is not None:
            parts.append(push(header, value))
    return _with_group_length(b"".join(parts))


def _decode(data: bytes) -> Command:
    found = _pull_elements(data)
    field = _pull_number(found.get(_COMMAND_FIELD, b""))
    if field is None:
        raise InvalidMessage("command set without a command field (0000,0100)")
    made = COMMANDS.get(field, UnknownCommand)
    values: dict[str, Any] = {}
    for tag, attribute, pull in _readers(made):
        raw = found.get(tag)
        if raw:
            value = pull(raw)
            if value is not None:
                values[attribute] = value
    _fill(made, field, values)
    return made(**values)


def _fill(made: type[Command], field: int, values: dict[str, Any]) -> None:
    """Adds what is missing and safe to assume, or raises for what is missing and not."""
    if made is UnknownCommand:
        values["command_field"] = field
    elif issubclass(made, Response):
        _require(made, values, "message_id_being_responded_to")
        values.setdefault("status", Status.PROCESSING_FAILURE)
    elif made is CCancelRequest:
        _require(made, values, "message_id_being_responded_to")
    elif issubclass(made, Request):
        _require(made, values, "message_id")


def _require(made: type[Command], values: dict[str, Any], attribute: str) -> None:
    if attribute not in values:
        tag = DICTIONARY[attribute][0]
        raise InvalidMessage(f"{made.name} without {attribute.replace('_', ' ')} (0000,{tag:04X})")


def _pull_elements(data: bytes | memoryview) -> dict[int, bytes]:
    """The raw values of group 0000 by tag; those of other groups have no place here and are passed over."""
    data = bytes(data)
    found: dict[int, bytes] = {}
    offset = 0
    end = len(data)
    for _ in range(MOST_COMMAND_ELEMENTS):
        if offset >= end:
            return found
        start = offset + 8
        if start > end:
            raise InvalidMessage(f"command set ends within the header of an element, at byte {offset} of {end}")
        group, element, length = _unpack_header(data, offset)
        offset = start + length
        if offset > end:
            raise InvalidMessage(
                f"command set ends within ({group:04X},{element:04X}): {length} bytes announced, {end - start} there"
            )
        if group == 0:
            found[element] = data[start:offset]
    if offset < end:
        raise InvalidMessage(f"command set of more than {MOST_COMMAND_ELEMENTS} elements")
    return found


def _pull_number(raw: bytes) -> int | None:
    # One byte is no number; whether it may be missing depends on the element.
    return raw[0] | raw[1] << 8 if len(raw) > 1 else None


def _pull_status(raw: bytes) -> Status | None:
    number = _pull_number(raw)
    return None if number is None else Status(number)


def _pull_priority(raw: bytes) -> Priority:
    return _PRIORITIES.get(_pull_number(raw), Priority.MEDIUM)


def _pull_presence(raw: bytes) -> bool | None:
    # PS3.7 E.1: any value but 0101H announces a data set.
    number = _pull_number(raw)
    return None if number is None else number != _NO_DATA_SET


def _pull_uid(raw: bytes) -> str | None:
    return clean_uid(raw.partition(b"\\")[0]) or None


def _pull_title(raw: bytes) -> str | None:
    return _pull_text(raw.partition(b"\\")[0])


def _pull_text(raw: bytes) -> str | None:
    # Group 0000 names no character set, so that latin-1 is only a way not to fail.
    return raw.decode("latin-1").strip("\0 ") or None


def _pull_tags(raw: bytes) -> tuple[int, ...]:
    if len(raw) < 4:
        raise InvalidMessage(f"tag of {len(raw)} bytes in a command set, 4 expected")
    return tuple(group << 16 | element for group, element in _TAG.iter_unpack(raw[: len(raw) & ~3]))


def _pull_any(vr: str | None, raw: bytes) -> object:
    if vr is None:
        return raw
    if vr == "UI":
        return clean_uid(raw)
    if vr == "AT":
        return _pull_tags(raw) if raw else ()
    if vr in _NUMBERS:
        return _pull_numbers(_NUMBERS[vr], raw)
    return raw.decode("latin-1").strip("\0 ")


def _pull_numbers(one: Struct, raw: bytes) -> int | tuple[int, ...] | None:
    if not raw:
        return None
    if len(raw) < one.size:
        raise InvalidMessage(f"number of {len(raw)} bytes in a command set, {one.size} expected")
    numbers = tuple(number for (number,) in one.iter_unpack(raw[: len(raw) - len(raw) % one.size]))
    return numbers[0] if len(numbers) == 1 else numbers


def _push_number(header: bytes, value: int) -> bytes:
    return header + _pack_number(2, value)


def _push_count(header: bytes, value: int) -> bytes:
    # A retrieval may well have more sub-operations than 16 bits count.
    return header + _pack_number(2, min(value, 0xFFFF))


def _push_presence(header: bytes, value: bool) -> bytes:
    return header + _pack_number(2, _DATA_SET if value else _NO_DATA_SET)


def _push_uid(header: bytes, value: str) -> bytes:
    raw = value.encode("ascii")
    return header + (_pack_length(len(raw)) + raw if len(raw) % 2 == 0 else _pack_length(len(raw) + 1) + raw + b"\0")


def _push_title(header: bytes, value: str) -> bytes:
    return _push_text(header, value.strip(" ").encode("ascii"))


def _push_comment(header: bytes, value: str) -> bytes:
    # Without a character set only the default repertoire is left; a backslash would part two values.
    raw = value.translate(_NOT_IN_LO).encode("ascii", "replace").strip()
    if len(raw) > _MOST_OF_LO:
        raw = raw[: _MOST_OF_LO - 3] + b"..."  # or half a number would pass for a whole one
    return _push_text(header, raw) if raw else b""


def _push_text(header: bytes, raw: bytes) -> bytes:
    return header + _pack_length(len(raw) + len(raw) % 2) + raw + b" " * (len(raw) % 2)


def _push_tags(header: bytes, value: Sequence[int]) -> bytes:
    # An empty list means what no list means.
    return header + _pack_length(4 * len(value)) + _tags(value) if value else b""


def _push_element(tag: int, value: object) -> bytes:
    vr = _REPRESENTATIONS.get(tag)
    try:
        raw = _push_any(vr, value)
    except (TypeError, ValueError, struct.error) as error:
        raise InvalidValue(f"(0000,{tag:04X}) cannot be {value!r}: {error} (PS3.7 E.1)") from error
    if len(raw) % 2:
        raw += b" " if vr in _TEXTS and vr != "UI" else b"\0"
    return _HEADER.pack(0, tag, len(raw)) + raw


def _push_any(vr: str | None, value: object) -> bytes:
    """The bytes of a value without their padding."""
    if value is None:
        return b""
    if isinstance(value, bytes | bytearray | memoryview):
        return bytes(value)
    if isinstance(value, str) and vr in _TEXTS:
        return value.encode("latin-1")
    numbers = [value] if isinstance(value, int) else value
    if vr in _WITH_NUMBERS and isinstance(numbers, Sequence) and not isinstance(numbers, str):
        return _tags(numbers) if vr == "AT" else b"".join(_NUMBERS[vr].pack(number) for number in numbers)
    raise TypeError(f"a value of {vr or 'unknown'} representation is not written from {type(value).__name__}")


def _tags(tags: Iterable[int]) -> bytes:
    return b"".join(_TAG.pack(tag >> 16, tag & 0xFFFF) for tag in tags)


def _with_group_length(rest: bytes) -> bytes:
    return _GROUP_LENGTH.pack(0, _GROUP_LENGTH_TAG, 4, len(rest)) + rest


def _writers(message: type[Command]) -> tuple[_Writer, ...]:
    found = _WRITERS.get(message)
    if found is None:
        found = _WRITERS[message] = tuple(
            (attribute, _TAG.pack(0, tag), _PUSH_BY_NAME.get(attribute) or _PUSH_BY_VR[vr])
            for tag, attribute, vr, _ in message.elements
        )
    return found


def _readers(message: type[Command]) -> tuple[_Reader, ...]:
    found = _READERS.get(message)
    if found is None:
        found = _READERS[message] = tuple(
            (tag, attribute, _PULL_BY_NAME.get(attribute) or _PULL_BY_VR[vr])
            for tag, attribute, vr, _ in message.elements
            if tag != _COMMAND_FIELD  # read by then: it said which message this is
        )
    return found


_Writer = tuple[str, bytes, Callable[[bytes, Any], bytes]]
"""An attribute, its group and element as bytes, and the function that adds length and value to them."""
_Reader = tuple[int, str, Callable[[bytes], Any]]
"""A tag, its attribute, and the function that reads the value."""

_WRITERS: dict[type[Command], tuple[_Writer, ...]] = {}
_READERS: dict[type[Command], tuple[_Reader, ...]] = {}

_HEADER = Struct("<HHI")
_GROUP_LENGTH = Struct("<HHII")
_TAG = Struct("<HH")
_unpack_header = _HEADER.unpack_from
_pack_length = Struct("<I").pack
_pack_number = Struct("<IH").pack

_GROUP_LENGTH_TAG = 0x0000_0000
_COMMAND_FIELD = 0x0000_0100
_NO_DATA_SET = 0x0101
_DATA_SET = 0x0001

_PRIORITIES: dict[int | None, Priority] = {int(priority): priority for priority in Priority}

# PS3.5 6.2 keeps control characters and the backslash out of LO.
_MOST_OF_LO = 64
_NOT_IN_LO = {**dict.fromkeys((*range(0x20), 0x7F), " "), ord("\\"): "/"}

_PULL_BY_VR: dict[str, Callable[[bytes], Any]] = {
    "UI": _pull_uid,
    "AE": _pull_title,
    "US": _pull_number,
    "AT": _pull_tags,
    "LO": _pull_text,
}

_PULL_BY_NAME: dict[str, Callable[[bytes], Any]] = {
    "has_data_set": _pull_presence,
    "priority": _pull_priority,
    "status": _pull_status,
}

_PUSH_BY_VR: dict[str, Callable[[bytes, Any], bytes]] = {
    "UI": _push_uid,
    "AE": _push_title,
    "US": _push_number,
    "AT": _push_tags,
    "LO": _push_comment,
}

_PUSH_BY_NAME: dict[str, Callable[[bytes, Any], bytes]] = {
    "has_data_set": _push_presence,
    **dict.fromkeys(SUBOPERATION_COUNTS, _push_count),
}

_NUMBERS = {"US": Struct("<H"), "UL": Struct("<I")}
_WITH_NUMBERS = {"US", "UL", "AT"}
_TEXTS = {"UI", "AE", "LO", "SH", "LT", "CS", "IS"}

# PS3.7 E.1 and, retired but still met, E.2.
_REPRESENTATIONS: dict[int, str] = {
    _GROUP_LENGTH_TAG: "UL",
    **dict(DICTIONARY.values()),
    0x0000_0001: "UL",
    0x0000_0010: "SH",
    0x0000_0200: "AE",
    0x0000_0300: "AE",
    0x0000_0400: "AE",
    0x0000_0850: "US",
    0x0000_0860: "US",
    0x0000_4000: "LT",
    0x0000_4010: "LT",
    0x0000_5010: "SH",
    0x0000_5020: "SH",
    0x0000_5110: "LT",
    0x0000_5120: "LT",
    0x0000_5130: "CS",
    0x0000_5140: "CS",
    0x0000_5150: "CS",
    0x0000_5160: "CS",
    0x0000_5170: "IS",
    0x0000_5180: "CS",
    0x0000_5190: "CS",
    0x0000_51A0: "CS",
    0x0000_51B0: "US",
}
