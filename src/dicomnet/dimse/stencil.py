"""Command sets that differ from one message to the next only in message ID and SOP instance UID.

Whoever stores ten thousand instances sends the same C-STORE-RQ, and gets the
same C-STORE-RSP, with other values in two places. What surrounds these is
written, checked and read once; from then on it is copied and compared.

    group length | class, command field, tag, 2 | ID | priority or status, ... | length | instance UID
                 `------------ head -----------'      `------- middle -------'

A command set of another form has no stencil, and goes the long way each time.
"""

from __future__ import annotations

from collections.abc import Callable
from operator import attrgetter
from struct import Struct
from typing import Any

from dicomnet.dimse.commands import Command, CStoreRequest, CStoreResponse
from dicomnet.types import clean_uid, is_uid


class Writer:
    """Writes the messages of one class."""

    __slots__ = ("_known", "_message_id", "_others")

    def __init__(self, made: type[Command], message_id: str) -> None:
        self._message_id = message_id
        varying = {"command_field", message_id, "affected_sop_instance_uid"}
        others = (element.attribute for element in made.elements if element.attribute not in varying)
        self._others: Callable[[Command], object] = attrgetter(*others)
        self._known: dict[object, tuple[bytes, bytes]] = {}

    def write(self, command: Any, encode: Callable[[Command], bytes]) -> bytes:
        """The command set; `encode` writes, and checks, those whose like was not written before."""
        message_id, instance = getattr(command, self._message_id), command.affected_sop_instance_uid
        try:
            key = self._others(command)
            around = self._known.get(key)
        except TypeError:  # a list where a tuple is meant
            return encode(command)
        if type(message_id) is not int or not 0 <= message_id <= _MOST or not isinstance(instance, str):
            return encode(command)
        if around is None:
            data = encode(command)
            found = _places(data)
            if found is not None:
                _remember(self._known, key, (data[_GROUP_LENGTH.size : found], data[found + 2 : found + _TO_LENGTH]))
            return data
        if not is_uid(instance):
            return encode(command)
        head, middle = around
        uid = instance.encode("ascii")
        if len(uid) % 2:
            uid += b"\0"
        length = len(head) + _TO_LENGTH + 4 + len(uid)
        return b"".join(
            (_GROUP_LENGTH.pack(0, 0, 4, length), head, _pack_number(message_id), middle, _pack_length(len(uid)), uid)
        )


class Reader:
    """Reads command sets like those that were read before."""

    __slots__ = ("_known",)

    def __init__(self) -> None:
        self._known: dict[bytes, _Known] = {}

    def read(self, data: bytes, decode: Callable[[bytes], Command]) -> Command:
        """The message; `decode` reads those whose like was not read before."""
        place = _place_of_id(data)
        if place is None:
            return decode(data)
        key = data[_GROUP_LENGTH.size : place] + data[place + 2 : place + _TO_LENGTH]
        known = self._known.get(key)
        if known is None:
            command = decode(data)
            writer = WRITERS.get(type(command))
            if writer is not None and _places(data) is not None:
                _remember(self._known, key, _described(command, writer._message_id))
            return command
        length = place + _TO_LENGTH + 4
        raw = data[length:]
        instance = clean_uid(raw)
        if _unpack_length(data, length - 4)[0] != len(raw) or not instance or "\\" in instance:
            return decode(data)
        made, message_id, others = known
        return made(
            affected_sop_instance_uid=instance,
            **{message_id: data[place] | data[place + 1] << 8},
            **others,
        )


_Known = tuple[Callable[..., Command], str, dict[str, Any]]
"""The class of a message, the attribute with its message ID, and the others but one."""


def _described(command: Command, message_id: str) -> _Known:
    varying = {"command_field", message_id, "affected_sop_instance_uid"}
    names = (element.attribute for element in command.elements)
    return type(command), message_id, {name: getattr(command, name) for name in names if name not in varying}


def _place_of_id(data: bytes) -> int | None:
    """Where the message ID stands if group length and SOP class come first, a UID is no longer, and enough follows."""
    # Anything but the group length at the beginning would say something of the message, and not be in the key.
    if len(data) < _SHORTEST or data[:8] != _LENGTH_FIRST or data[12:16] != _SOP_CLASS or data[16] > _LONGEST_UID:
        return None
    place = 38 + data[16]
    return place if len(data) > place + _TO_LENGTH + 4 else None


def _places(data: bytes) -> int | None:
    """The same, if everything is where a stencil looks for it."""
    place = _place_of_id(data)
    if place is None:
        return None
    offset, found = _GROUP_LENGTH.size, []
    while offset + 8 <= len(data):
        group, element, length = _HEADER.unpack_from(data, offset)
        found.append((group, element, offset + 8))
        offset += 8 + length
    if len(found) != 6:
        return None
    is_id = found[2] in ((0, 0x0110, place), (0, 0x0120, place))
    return place if is_id and found[5] == (0, 0x1000, place + _TO_LENGTH + 4) else None


def _remember(known: dict[Any, Any], key: Any, value: Any) -> None:
    if len(known) >= _MOST_KNOWN:  # peers make them up
        known.clear()
    known[key] = value


_HEADER = Struct("<HHI")
_GROUP_LENGTH = Struct("<HHII")
_pack_number = Struct("<H").pack
_pack_length = Struct("<I").pack
_unpack_length = Struct("<I").unpack_from

_MOST = 0xFFFF
_LENGTH_FIRST = _HEADER.pack(0, 0, 4)
_SOP_CLASS = b"\0\0\x02\0"
_LONGEST_UID = 64
_TO_LENGTH = 26
"""From a message ID to the length of the instance UID: itself, two elements with numbers, and a tag."""
_SHORTEST = 38 + _TO_LENGTH + 4
_MOST_KNOWN = 256

WRITERS: dict[type[Command], Writer] = {
    CStoreRequest: Writer(CStoreRequest, "message_id"),
    CStoreResponse: Writer(CStoreResponse, "message_id_being_responded_to"),
}
READER = Reader()
