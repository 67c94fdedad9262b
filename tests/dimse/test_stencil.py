"""What goes by a stencil is what would have been written and read without one."""

from __future__ import annotations

import struct
from dataclasses import replace
from itertools import permutations, product

import pytest
from hypothesis import given, strategies as st

from dicomnet.dimse import codec
from dicomnet.dimse.commands import Command, CStoreRequest, CStoreResponse
from dicomnet.dimse.status import Status
from dicomnet.dimse.stencil import READER, WRITERS
from dicomnet.errors import InvalidMessage, InvalidValue
from dicomnet.uids import CTImageStorage

REQUEST = CStoreRequest(
    message_id=1, affected_sop_class_uid=CTImageStorage, affected_sop_instance_uid="1.2.3", priority=0
)
RESPONSE = CStoreResponse(
    message_id_being_responded_to=1,
    affected_sop_class_uid=CTImageStorage,
    affected_sop_instance_uid="1.2.3",
    status=Status.SUCCESS,
)

uids = st.from_regex(r"[0-9]{1,9}(\.[0-9]{1,9}){0,4}", fullmatch=True)
numbers = st.integers(0, 0xFFFF)


@pytest.fixture(autouse=True)
def nothing_known() -> None:
    """Every test begins with stencils that have seen nothing."""
    for one in (*WRITERS.values(), READER):
        one._known.clear()


def the_long_way(command: Command) -> bytes:
    return codec._encode(command)


@given(number=numbers, instance=uids)
def test_requests_of_one_kind_are_written_the_same_either_way(number: int, instance: str) -> None:
    """Whatever the message ID and the instance."""
    codec.encode(REQUEST)
    command = replace(REQUEST, message_id=number, affected_sop_instance_uid=instance)
    assert codec.encode(command) == the_long_way(command)


@given(number=numbers, instance=uids, status=st.sampled_from([0x0000, 0xA700, 0xB000, 0xC123]))
def test_responses_of_one_kind_are_written_and_read_the_same_either_way(
    number: int, instance: str, status: int
) -> None:
    """Those of another status have a stencil of their own."""
    codec.encode(RESPONSE)
    command = replace(
        RESPONSE, message_id_being_responded_to=number, affected_sop_instance_uid=instance, status=Status(status)
    )
    data = codec.encode(command)
    assert data == codec.encode(command) == the_long_way(command)
    assert codec.decode(data) == codec.decode(data) == codec._decode(data) == command


def test_the_second_of_a_kind_is_neither_checked_nor_taken_apart(monkeypatch: pytest.MonkeyPatch) -> None:
    """This is what a stencil is for."""
    data = codec.encode(REQUEST)
    codec.decode(data)
    monkeypatch.setattr(codec, "check", None)
    monkeypatch.setattr(codec, "_pull_elements", None)
    command = replace(REQUEST, message_id=2, affected_sop_instance_uid="1.2.3.4.5")
    assert codec.decode(codec.encode(command)) == command


@pytest.mark.parametrize(
    "fields",
    [
        {"message_id": 0x10000},
        {"message_id": -1},
        {"message_id": None},
        {"message_id": "1"},
        {"affected_sop_instance_uid": "1..2"},
        {"affected_sop_instance_uid": ""},
        {"affected_sop_instance_uid": "1" * 65},
        {"affected_sop_instance_uid": None},
        {"affected_sop_instance_uid": 5},
        {"priority": 7},
        {"has_data_set": False},
    ],
)
def test_what_may_not_be_sent_is_refused_also_after_a_good_one(fields: dict[str, object]) -> None:
    """With the same words."""
    codec.encode(REQUEST)
    wrong = replace(REQUEST, **fields)  # type: ignore[arg-type]
    with pytest.raises(InvalidValue) as caught:
        codec.encode(wrong)
    with pytest.raises(InvalidValue, match="^" + str(caught.value).split("(")[0].strip().replace("..", "\\.\\.")):
        the_long_way(wrong)


def test_a_list_of_tags_goes_the_long_way() -> None:
    """It cannot be compared with what was written before."""
    codec.encode(RESPONSE)
    command = replace(RESPONSE, status=Status(0xA900), offending_element=[0x00080016])  # type: ignore[arg-type]
    assert codec.encode(command) == the_long_way(command)


@pytest.mark.parametrize("tail", [b"\0", b" ", b"\0\0", b"\\1.2"])
def test_an_instance_is_read_with_the_same_leniency(tail: bytes) -> None:
    """Padding, and a second value where one is meant."""
    data = codec.encode(REQUEST)
    codec.decode(data)
    raw = b"1.2.840.1" + tail
    odd = data[:-10] + len(raw).to_bytes(4, "little") + raw
    assert codec.decode(odd) == codec._decode(odd)


def test_a_command_set_that_is_cut_or_goes_on_is_none_of_those_seen_before() -> None:
    """At every byte."""
    data = codec.encode(replace(REQUEST, affected_sop_instance_uid="1.2.840.113619.2.1"))
    codec.decode(data)
    for end in range(len(data)):
        try:
            expected: object = codec._decode(data[:end])
        except InvalidMessage as error:
            expected = str(error)
        try:
            found: object = codec.decode(data[:end])
        except InvalidMessage as error:
            found = str(error)
        assert found == expected
    more = data + bytes.fromhex("0000 3110 02000000 0700")
    assert codec.decode(more) == codec._decode(more)


FIRST = [
    pytest.param(REQUEST, 0x1030, b"ELSE", id="a move originator"),
    pytest.param(REQUEST, 0x1031, b"\7\0\0\0", id="a move originator's message ID"),
    pytest.param(RESPONSE, 0x0902, b"full", id="an error comment"),
    pytest.param(RESPONSE, 0x0901, bytes.fromhex("08001600"), id="an offending element"),
]


@pytest.mark.parametrize("odd_one_first", [True, False])
@pytest.mark.parametrize(("command", "tag", "value"), FIRST)
def test_what_stands_in_place_of_the_group_length_is_said_of_its_own_message_only(
    command: Command, tag: int, value: bytes, odd_one_first: bool
) -> None:
    """One peer begins a command set with something else; nobody else's messages say it, nor is it lost."""
    usual = the_long_way(command)
    odd = struct.pack("<HHI", 0, tag, 4) + value + usual[12:]
    for data in (odd, usual, odd) if odd_one_first else (usual, odd, usual):
        assert codec.decode(data) == codec._decode(data)
    assert codec.decode(odd) != codec.decode(usual)


@pytest.mark.parametrize("command", [REQUEST, RESPONSE])
def test_elements_in_another_order_are_taken_for_what_they_are(command: Command) -> None:
    """The number where others have their message ID is a priority, perhaps."""
    usual = the_long_way(command)
    end = len(usual) - len(b"....\6\0\0\01.2.3\0")
    begin = end - 4 * 10  # four elements of a number each
    for order, which in product(permutations(range(4)), (1, 2, 3)):
        for number in b"\1\0", b"\2\0":
            elements = [usual[at : at + 10] for at in range(begin, end, 10)]
            elements[which] = elements[which][:8] + number
            data = usual[:begin] + b"".join(elements[one] for one in order) + usual[end:]
            assert codec.decode(data) == codec._decode(data)


@st.composite
def damaged(draw: st.DrawFn) -> bytes:
    """A command set that has a stencil, or had one before a few of its bytes were changed."""
    data = bytearray(the_long_way(draw(st.sampled_from([REQUEST, RESPONSE]))))
    for _ in range(draw(st.integers(0, 3))):
        data[draw(st.integers(0, len(data) - 1))] = draw(st.sampled_from([0, 1, 2, 4, 9, 0x10, 0x30, 0x31, 0xFF]))
    return bytes(data)


@given(st.lists(damaged(), min_size=2, max_size=4))
def test_whatever_was_read_before_changes_nothing(those: list[bytes]) -> None:
    """What a peer says is read as if nobody had said anything before."""
    READER._known.clear()
    for data in those:
        try:
            expected: object = codec._decode(data)
        except InvalidMessage:
            expected = InvalidMessage
        try:
            found: object = codec.decode(data)
        except InvalidMessage:
            found = InvalidMessage
        assert found == expected


def test_a_peer_cannot_fill_the_memory_with_kinds() -> None:
    """However many SOP classes it makes up."""
    for number in range(2000):
        codec.decode(codec._encode(replace(REQUEST, affected_sop_class_uid=f"1.2.{number}")))
    assert len(READER._known) <= 256
