"""Command sets as bytes: PS3.7 6.3 to the letter when writing, whatever can be understood when reading."""

from __future__ import annotations

from contextlib import suppress
from io import BytesIO
from struct import pack
from typing import Any

import pytest
from hypothesis import given, strategies as st
from pydicom import Dataset
from pydicom.filebase import DicomBytesIO
from pydicom.filereader import read_dataset
from pydicom.filewriter import write_dataset
from pydicom.multival import MultiValue

from dicomnet.dimse.codec import decode, elements, encode, encode_elements
from dicomnet.dimse.commands import (
    COMMANDS,
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CMoveResponse,
    Command,
    CStoreRequest,
    CStoreResponse,
    NActionRequest,
    NGetRequest,
    NSetResponse,
    UnknownCommand,
)
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidMessage, InvalidValue
from dicomnet.types import Priority
from dimse.message_table import MESSAGES
from dimse.strategies import messages, numbers, tags, uids, unknown_commands

VERIFICATION = "1.2.840.10008.1.1"
CT = "1.2.840.10008.5.1.4.1.1.2"
STUDY_ROOT_MOVE = "1.2.840.10008.5.1.4.1.2.2.2"
PRINTER = "1.2.840.10008.5.1.1.16"
PRINTER_INSTANCE = "1.2.840.10008.5.1.1.17"

# Typed by hand from PS3.7 6.3, an element per line.
VECTORS: dict[str, tuple[Command, bytes]] = {
    "C-ECHO-RQ": (
        CEchoRequest(message_id=7, affected_sop_class_uid=VERIFICATION),
        (
            b"\x00\x00\x00\x00\x04\x00\x00\x00\x38\x00\x00\x00"
            b"\x00\x00\x02\x00\x12\x00\x00\x001.2.840.10008.1.1\x00"
            b"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x00"
            b"\x00\x00\x10\x01\x02\x00\x00\x00\x07\x00"
            b"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x01"
        ),
    ),
    "C-ECHO-RSP": (
        CEchoResponse(message_id_being_responded_to=7, status=Status.SUCCESS, affected_sop_class_uid=VERIFICATION),
        (
            b"\x00\x00\x00\x00\x04\x00\x00\x00\x42\x00\x00\x00"
            b"\x00\x00\x02\x00\x12\x00\x00\x001.2.840.10008.1.1\x00"
            b"\x00\x00\x00\x01\x02\x00\x00\x00\x30\x80"
            b"\x00\x00\x20\x01\x02\x00\x00\x00\x07\x00"
            b"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x01"
            b"\x00\x00\x00\x09\x02\x00\x00\x00\x00\x00"
        ),
    ),
    "C-STORE-RQ": (
        CStoreRequest(
            message_id=0x1234,
            affected_sop_class_uid=CT,
            affected_sop_instance_uid="1.2.3",
            priority=Priority.LOW,
            move_originator_application_entity_title="MOVER",
            move_originator_message_id=9,
        ),
        (
            b"\x00\x00\x00\x00\x04\x00\x00\x00\x70\x00\x00\x00"
            b"\x00\x00\x02\x00\x1a\x00\x00\x001.2.840.10008.5.1.4.1.1.2\x00"
            b"\x00\x00\x00\x01\x02\x00\x00\x00\x01\x00"
            b"\x00\x00\x10\x01\x02\x00\x00\x00\x34\x12"
            b"\x00\x00\x00\x07\x02\x00\x00\x00\x02\x00"
            b"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x00"
            b"\x00\x00\x00\x10\x06\x00\x00\x001.2.3\x00"
            b"\x00\x00\x30\x10\x06\x00\x00\x00MOVER "
            b"\x00\x00\x31\x10\x02\x00\x00\x00\x09\x00"
        ),
    ),
    "N-GET-RQ": (
        NGetRequest(
            message_id=2,
            requested_sop_class_uid=PRINTER,
            requested_sop_instance_uid=PRINTER_INSTANCE,
            attribute_identifier_list=(0x2110_0010, 0x2110_0020),
        ),
        (
            b"\x00\x00\x00\x00\x04\x00\x00\x00\x6a\x00\x00\x00"
            b"\x00\x00\x03\x00\x16\x00\x00\x001.2.840.10008.5.1.1.16"
            b"\x00\x00\x00\x01\x02\x00\x00\x00\x10\x01"
            b"\x00\x00\x10\x01\x02\x00\x00\x00\x02\x00"
            b"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x01"
            b"\x00\x00\x01\x10\x16\x00\x00\x001.2.840.10008.5.1.1.17"
            b"\x00\x00\x05\x10\x08\x00\x00\x00\x10\x21\x10\x00\x10\x21\x20\x00"
        ),
    ),
    "C-MOVE-RSP": (
        CMoveResponse(
            message_id_being_responded_to=3,
            status=Status.PENDING,
            affected_sop_class_uid=STUDY_ROOT_MOVE,
            number_of_remaining_suboperations=0x0102,
            number_of_completed_suboperations=4,
            number_of_failed_suboperations=0,
            number_of_warning_suboperations=1,
        ),
        (
            b"\x00\x00\x00\x00\x04\x00\x00\x00\x74\x00\x00\x00"
            b"\x00\x00\x02\x00\x1c\x00\x00\x001.2.840.10008.5.1.4.1.2.2.2\x00"
            b"\x00\x00\x00\x01\x02\x00\x00\x00\x21\x80"
            b"\x00\x00\x20\x01\x02\x00\x00\x00\x03\x00"
            b"\x00\x00\x00\x08\x02\x00\x00\x00\x01\x01"
            b"\x00\x00\x00\x09\x02\x00\x00\x00\x00\xff"
            b"\x00\x00\x20\x10\x02\x00\x00\x00\x02\x01"
            b"\x00\x00\x21\x10\x02\x00\x00\x00\x04\x00"
            b"\x00\x00\x22\x10\x02\x00\x00\x00\x00\x00"
            b"\x00\x00\x23\x10\x02\x00\x00\x00\x01\x00"
        ),
    ),
}


def element(tag: int, value: bytes, group: int = 0) -> bytes:
    return pack("<HHI", group, tag, len(value)) + value


def number(tag: int, value: int) -> bytes:
    return element(tag, pack("<H", value))


def store(*extra: bytes, message_id: bytes = number(0x0110, 1), presence: bytes = number(0x0800, 1)) -> CStoreRequest:
    """What a C-STORE-RQ of these elements is read as."""
    instance = element(0x1000, b"1.2.3\0")
    message = decode(b"".join((number(0x0100, 0x0001), message_id, presence, instance, *extra)))
    assert isinstance(message, CStoreRequest)
    return message


def only_the_documented_error(data: bytes) -> None:
    """Reads bytes that may be anything: a message or an InvalidMessage comes of it."""
    with suppress(InvalidMessage):
        assert isinstance(decode(data), Command)
    with suppress(InvalidMessage):
        assert isinstance(elements(data), dict)


class TestVectors:
    @pytest.mark.parametrize(("message", "data"), VECTORS.values(), ids=VECTORS.keys())
    def test_writes(self, message: Command, data: bytes) -> None:
        """Each message is written to the byte as typed by hand."""
        assert encode(message) == data

    @pytest.mark.parametrize(("message", "data"), VECTORS.values(), ids=VECTORS.keys())
    def test_reads(self, message: Command, data: bytes) -> None:
        """Bytes typed by hand are read, from bytes and from a view of a buffer."""
        assert decode(data) == message
        assert decode(memoryview(bytearray(data))) == message

    @pytest.mark.parametrize(("message", "data"), VECTORS.values(), ids=VECTORS.keys())
    def test_cut_anywhere(self, message: Command, data: bytes) -> None:
        """A command set that ends early is read or refused, never anything else."""
        for length in range(len(data)):
            only_the_documented_error(data[:length])


class TestProperties:
    @given(messages() | unknown_commands)
    def test_reads_what_it_writes(self, message: Command) -> None:
        """Every message comes back equal."""
        assert decode(encode(message)) == message

    @given(messages())
    def test_layout(self, message: Command) -> None:
        """The group length is exact, tags ascend, lengths are even, and only elements of the message are there."""
        data = encode(message)
        assert data[:8] == b"\x00\x00\x00\x00\x04\x00\x00\x00"
        assert int.from_bytes(data[8:12], "little") == len(data) - 12
        written = list(elements(data))
        assert written == sorted(set(written))
        assert set(written) <= {row.tag for row in MESSAGES[message.name].elements}
        offset = 0
        while offset < len(data):
            length = int.from_bytes(data[offset + 4 : offset + 8], "little")
            assert length % 2 == 0
            offset += 8 + length

    @given(messages())
    def test_pydicom_reads_the_same(self, message: Command) -> None:
        """An independent implementation finds every value where it belongs."""
        dataset = read_dataset(BytesIO(encode(message)), is_implicit_VR=True, is_little_endian=True)
        for row in MESSAGES[message.name].elements[1:]:
            expected = getattr(message, row.attribute, None)
            if row.keyword == "CommandDataSetType":
                expected = 0x0001 if message.has_data_set else 0x0101
            if expected is None or expected == ():
                assert row.keyword not in dataset
                continue
            value = dataset[row.keyword].value
            if row.vr == "AT":
                value = tuple(value) if isinstance(value, MultiValue) else (value,)
            assert value == expected
            assert row.vr == dataset[row.keyword].VR

    @given(messages())
    def test_pydicom_writes_the_same(self, message: Command) -> None:
        """Written by an independent implementation, the command set has the same bytes."""
        dataset = Dataset()
        for row in MESSAGES[message.name].elements[1:]:
            value = getattr(message, row.attribute, None)
            if row.keyword == "CommandDataSetType":
                value = 0x0001 if message.has_data_set else 0x0101
            if value is not None and value != ():
                setattr(dataset, row.keyword, list(value) if isinstance(value, tuple) else value)
        out = DicomBytesIO()
        out.is_implicit_VR, out.is_little_endian = True, True
        write_dataset(out, dataset)
        assert encode(message)[12:] == out.getvalue()

    @pytest.mark.parametrize("made", COMMANDS.values(), ids=lambda made: made.name)
    @given(data=st.data())
    def test_cut_anywhere(self, made: type[Command], data: st.DataObject) -> None:
        """No message, however cut, raises anything but the documented error."""
        whole = encode(data.draw(messages(made)))
        for length in range(len(whole)):
            only_the_documented_error(whole[:length])

    @given(st.binary(max_size=200))
    def test_garbage(self, data: bytes) -> None:
        """Bytes of any kind are read or refused with the documented error."""
        only_the_documented_error(data)

    @given(
        st.lists(
            st.tuples(
                st.sampled_from([row.tag for message in MESSAGES.values() for row in message.elements]),
                st.binary(max_size=20) | numbers.map(lambda value: pack("<H", value)),
            ),
            max_size=12,
        ),
        st.sampled_from(list(COMMANDS)),
    )
    def test_garbage_in_the_form_of_elements(self, rows: list[tuple[int, bytes]], field: int) -> None:
        """Values of any kind under the tags that matter are read or refused with the documented error."""
        body = b"".join(element(tag, value) for tag, value in rows if tag != 0x0100)
        only_the_documented_error(number(0x0100, field) + body)


class TestReadingLeniently:
    @pytest.mark.parametrize(
        "extra",
        [
            element(0x0001, pack("<I", 99)),
            element(0x0010, b"ACR-NEMA 2.0"),
            element(0x5110, b"retired"),
            element(0x0011, b"private"),
            element(0x0903, b"\x01\x00"),
            element(0x0010, b"a patient", group=0x0010),
            element(0x0110, b"another message ID", group=0x0008),
            b"",
        ],
        ids=["length to end", "recognition code", "retired", "private", "of others", "group 0010", "0008,0110", "none"],
    )
    def test_elements_that_are_not_of_the_message_are_skipped(self, extra: bytes) -> None:
        """Retired, private, foreign and misplaced elements do no harm."""
        assert store(extra) == CStoreRequest(message_id=1, affected_sop_instance_uid="1.2.3")

    def test_group_length_is_not_looked_at(self) -> None:
        """A wrong group length, an early one or none changes nothing (PS3.7 6.3.1 note 2)."""
        assert store(element(0, pack("<I", 3))) == store(element(0, b"")) == store(element(0, b"\1")) == store()

    def test_message_id_in_a_response_is_ignored(self) -> None:
        """Old peers send (0000,0110) in responses too."""
        data = number(0x0100, 0x8030) + number(0x0110, 5) + number(0x0120, 6) + number(0x0900, 0)
        assert decode(data) == CEchoResponse(message_id_being_responded_to=6, status=Status.SUCCESS)

    def test_order_does_not_matter_and_the_last_one_counts(self) -> None:
        """Elements are found wherever they stand."""
        data = number(0x0800, 0x0101) + number(0x0110, 1) + number(0x0110, 2) + number(0x0100, 0x0030)
        assert decode(data) == CEchoRequest(message_id=2)

    @pytest.mark.parametrize(
        "raw",
        [b"1.2.3", b"1.2.3\0", b"1.2.3 ", b" 1.2.3", b"1.2.3\0\0\0", b" 1.2.3 \0", b"1.2.3\\1.2.4", b"1.2.3 \\1"],
    )
    def test_uid_padding(self, raw: bytes) -> None:
        """UIDs lose NULs and spaces, have any length, and are the first of several."""
        assert store(element(0x1000, raw)).affected_sop_instance_uid == "1.2.3"

    @pytest.mark.parametrize("raw", [b"1.2.x", b"Z" * 70, b"\xe9", b"01.02"])
    def test_broken_uid_stays_text(self, raw: bytes) -> None:
        """What is no UID is kept for whoever decides about it."""
        assert store(element(0x1000, raw)).affected_sop_instance_uid == raw.decode("latin-1")

    @pytest.mark.parametrize("raw", [b"MOVER", b"MOVER ", b"  MOVER\0", b"MOVER\\OTHER"])
    def test_title_padding(self, raw: bytes) -> None:
        """AE titles lose their padding and are the first of several."""
        assert store(element(0x1030, raw)).move_originator_application_entity_title == "MOVER"

    @pytest.mark.parametrize(
        ("tag", "raw"),
        [
            *((tag, raw) for tag in (0x0700, 0x1031) for raw in (b"", b"\1")),
            *((tag, raw) for tag in (0x0002, 0x1030) for raw in (b"", b"  ", b"\0\0")),
        ],
    )
    def test_empty_is_missing(self, tag: int, raw: bytes) -> None:
        """Values of no bytes, text of nothing but padding, and numbers cut short count as not there."""
        assert store(element(tag, raw)) == store()

    def test_first_of_several_numbers(self) -> None:
        """A number with more bytes than it needs is its first one."""
        assert store(message_id=element(0x0110, b"\x05\x00\x06\x00")).message_id == 5
        assert store(message_id=element(0x0110, b"\x05\x00\x06")).message_id == 5

    def test_priority_that_does_not_exist(self) -> None:
        """A wrong priority is medium; the right ones keep their odd order."""
        assert [store(number(0x0700, value)).priority for value in range(4)] == [
            Priority.MEDIUM,
            Priority.HIGH,
            Priority.LOW,
            Priority.MEDIUM,
        ]

    @pytest.mark.parametrize(
        ("value", "expected"), [(0x0101, False), (0x0000, True), (0x0001, True), (0x0102, True), (0xFFFF, True)]
    )
    def test_data_set_type(self, value: int, expected: bool) -> None:
        """Any value but 0101H announces a data set, also where none belongs."""
        assert store(presence=number(0x0800, value)).has_data_set is expected
        echo = decode(number(0x0100, 0x0030) + number(0x0110, 1) + number(0x0800, value))
        assert echo.has_data_set is expected

    def test_as_many_elements_as_are_taken(self) -> None:
        """Whatever they are."""
        few = number(0x0100, 0x0030) + number(0x0110, 1)
        assert decode(few + element(0x5010, b"") * 1022) == decode(few)

    def test_missing_data_set_type(self) -> None:
        """Without it a data set follows where the message always has one."""
        assert store(presence=b"").has_data_set
        assert not decode(number(0x0100, 0x0030) + number(0x0110, 1)).has_data_set
        assert not decode(number(0x0100, 0x8020) + number(0x0120, 1) + number(0x0900, 0xFF00)).has_data_set

    def test_data_set_type_cut_short(self) -> None:
        """One byte says no more than none: what the message always has decides."""
        assert store(presence=element(0x0800, b"\1")).has_data_set
        assert not decode(number(0x0100, 0x0030) + number(0x0110, 1) + element(0x0800, b"\2")).has_data_set

    @pytest.mark.parametrize("field", [field for field in COMMANDS if field & 0x8000], ids=hex)
    def test_missing_status_is_a_failure(self, field: int) -> None:
        """A response that does not say how it went, or says half of it, did not go well."""
        for raw in b"", element(0x0900, b"\0"):
            message: Any = decode(number(0x0100, field) + number(0x0120, 1) + raw)
            assert message.status == Status.PROCESSING_FAILURE
            assert message.status.is_failure

    def test_any_status_is_kept(self) -> None:
        """A number outside all ranges reaches the user as it came."""
        message: Any = decode(number(0x0100, 0x8001) + number(0x0120, 1) + number(0x0900, 0xD00D))
        assert message.status == 0xD00D

    def test_tags_of_odd_length(self) -> None:
        """Bytes left over behind a list of tags are dropped."""
        data = number(0x0100, 0x8001) + number(0x0120, 1) + element(0x0901, b"\x10\x00\x20\x00\x10\x00")
        message = decode(data)
        assert isinstance(message, CStoreResponse)
        assert message.offending_element == (0x0010_0020,)

    def test_comment_in_another_character_set(self) -> None:
        """Group 0000 has no character set; whatever comes is text."""
        data = number(0x0100, 0x8001) + number(0x0120, 1) + element(0x0902, "für C:\\tmp ".encode("latin-1"))
        message = decode(data)
        assert isinstance(message, CStoreResponse)
        assert message.error_comment == "für C:\\tmp"

    def test_unknown_command_field(self) -> None:
        """A message of no known kind keeps what it takes to answer it."""
        data = number(0x0100, 0x0055) + number(0x0110, 4) + element(0x0002, CT.encode()) + number(0x0800, 1)
        assert decode(data) == UnknownCommand(
            command_field=0x0055, message_id=4, affected_sop_class_uid=CT, has_data_set=True
        )
        assert decode(number(0x0100, 0xFFFF)) == UnknownCommand(command_field=0xFFFF)


class TestRefusing:
    @pytest.mark.parametrize(
        ("data", "text"),
        [
            (b"", "without a command field"),
            (number(0x0110, 1), "without a command field"),
            (element(0x0100, b""), "without a command field"),
            (element(0x0100, b"\1"), "without a command field"),
            (number(0x0100, 0x0001), r"C-STORE-RQ without message id \(0000,0110\)"),
            (number(0x0100, 0x0001) + element(0x0110, b""), "C-STORE-RQ without message id"),
            (number(0x0100, 0x0001) + element(0x0110, b"\1"), "C-STORE-RQ without message id"),
            (number(0x0100, 0x8001) + element(0x0120, b"\1"), "without message id being responded to"),
            (number(0x0100, 0x0FFF) + element(0x0120, b"\1"), "C-CANCEL-RQ without message id being responded to"),
            (number(0x0100, 0x8001), r"C-STORE-RSP without message id being responded to \(0000,0120\)"),
            (number(0x0100, 0x8001) + number(0x0110, 1), "without message id being responded to"),
            (number(0x0100, 0x0FFF) + number(0x0110, 1), "C-CANCEL-RQ without message id being responded to"),
            (number(0x0100, 0x8001) + number(0x0120, 1) + element(0x0901, b"\1\2\3"), "tag of 3 bytes"),
            (b"\0\0\0", "within the header of an element, at byte 0 of 3"),
            (number(0x0100, 1)[:-1], r"within \(0000,0100\): 2 bytes announced, 1 there"),
            (number(0x0100, 1) + b"\0\0\2\0\xff\xff\xff\xff", "4294967295 bytes announced, 0 there"),
            (number(0x0100, 1) + element(0x5010, b"") * 1024, "more than 1024 elements"),
        ],
    )
    def test_refuses(self, data: bytes, text: str) -> None:
        """What nobody could answer is refused with the reason."""
        with pytest.raises(InvalidMessage, match=text):
            decode(data)


class TestWriting:
    def test_checks_first(self) -> None:
        """Nothing is written of a message that may not be sent."""
        with pytest.raises(InvalidValue, match="C-FIND-RQ: affected_sop_class_uid is missing"):
            encode(CFindRequest(message_id=1))

    def test_counts_are_clamped(self) -> None:
        """More sub-operations than 16 bits count are sent as 65535."""
        counts = {f"number_of_{kind}_suboperations": 65536 for kind in ("remaining", "completed", "failed", "warning")}
        message = CMoveResponse(message_id_being_responded_to=1, status=Status.PENDING, **counts)
        read = decode(encode(message))
        assert [getattr(read, name) for name in counts] == [65535] * 4
        assert message.number_of_failed_suboperations == 65536

    @pytest.mark.parametrize(
        ("comment", "sent"),
        [
            ("x" * 70, "x" * 61 + "..."),
            ("  disk full ", "disk full"),
            ("Größe\u3042", "Gr??e?"),
            ("C:\\data\nsecond line\x7f", "C:/data second line"),
            ("x" * 64, "x" * 64),
            ("ends early, " + "x" * 40 + " 1052 of 20684 bytes", "ends early, " + "x" * 40 + " 1052 of ..."),
            ("", None),
            (" \n", None),
        ],
    )
    def test_comments_are_made_plain(self, comment: str, sent: str | None) -> None:
        """An error comment is cut to 64 characters that need no character set."""
        message = CFindResponse(message_id_being_responded_to=1, status=Status(0xC000), error_comment=comment)
        read = decode(encode(message))
        assert isinstance(read, CFindResponse)
        assert read.error_comment == sent

    def test_titles_are_stripped(self) -> None:
        """Spaces around an AE title are padding and go."""
        message = CStoreRequest(message_id=1, affected_sop_class_uid=CT, affected_sop_instance_uid="1.2")
        message.move_originator_application_entity_title = "  AE "
        assert b"\x30\x10\x02\x00\x00\x00AE" in encode(message)

    def test_empty_list_of_attributes_is_not_sent(self) -> None:
        """Asking for no attribute in particular asks for all of them."""
        message = NGetRequest(message_id=1, requested_sop_class_uid=PRINTER, requested_sop_instance_uid="1.2")
        whole = encode(message)
        message.attribute_identifier_list = ()
        assert encode(message) == whole

    def test_classes_made_from_ours(self) -> None:
        """A message class of the user's own, made from one of ours, is written like it."""

        class Noted(CEchoRequest):
            pass

        assert encode(Noted(message_id=7, affected_sop_class_uid=VERIFICATION)) == VECTORS["C-ECHO-RQ"][1]

    def test_status_set_as_a_number(self) -> None:
        """An edit of a message may use plain numbers."""
        message = CEchoResponse(message_id_being_responded_to=1, status=Status.SUCCESS)
        message.status = 0x0122
        assert decode(encode(message)).status.is_failure


texts = st.text(st.characters(min_codepoint=0x21, max_codepoint=0xFF), max_size=12)
raw_elements = st.fixed_dictionaries(
    {},
    optional={
        0x0002: uids,
        0x0100: numbers,
        0x0110: numbers,
        0x0600: texts,
        0x0901: st.lists(tags, max_size=3).map(tuple),
        0x0902: texts,
        0x0903: st.none() | numbers,
        0x0001: st.integers(0, 0xFFFF_FFFF),
        0x0010: texts,
        0x51B0: st.lists(numbers, min_size=2, max_size=4).map(tuple),
        0x0011: st.binary(max_size=5).map(lambda raw: raw * 2),
        0x7FFF: st.binary(max_size=5).map(lambda raw: raw * 2),
    },
)


class TestElements:
    def test_reads_everything(self) -> None:
        """All of group 0000 is there by tag, the group length and what nobody knows included."""
        data = VECTORS["C-STORE-RQ"][1] + element(0x0011, b"private\0") + element(0x0010, b"x", group=8)
        assert elements(data) == {
            0x0000: 112,
            0x0002: CT,
            0x0100: 0x0001,
            0x0110: 0x1234,
            0x0700: 2,
            0x0800: 1,
            0x1000: "1.2.3",
            0x1030: "MOVER",
            0x1031: 9,
            0x0011: b"private\0",
        }

    @given(raw_elements)
    def test_reads_what_it_writes(self, values: dict[int, object]) -> None:
        """Values of any element come back, with an exact group length before them."""
        data = encode_elements(values)
        assert elements(data) == {0: len(data) - 12, **values}
        assert list(elements(data)) == [0, *sorted(values)]

    @given(messages())
    def test_writes_messages_too(self, message: Command) -> None:
        """A message taken apart and put together is the same bytes, so one can be changed on the way."""
        data = encode(message)
        assert encode_elements(elements(data)) == data

    def test_bytes_go_as_they_are(self) -> None:
        """Bytes are the value of any element, padded to an even length."""
        data = encode_elements({0x0100: b"\1\0", 0x0002: b"1.2", 0x0600: b"A", 0x0000: 5, 0x0009: bytearray(b"x")})
        group_length = element(0, pack("<I", 42))
        rest = element(0x0002, b"1.2\0"), element(0x0009, b"x\0"), number(0x0100, 1), element(0x0600, b"A ")
        assert data == b"".join((group_length, *rest))

    @pytest.mark.parametrize(
        ("tag", "value"),
        [
            (0x0010_0020, "PAT1"),
            (-1, b""),
            (0x0100, 65536),
            (0x0100, -1),
            (0x0100, "1"),
            (0x0100, [1, "2"]),
            (0x0001, 2**32),
            (0x0002, 5),
            (0x0902, "\u3042"),
            (0x0901, ["PatientID"]),
            (0x0901, [2**32]),
            (0x0011, "text for an element nobody knows"),
            (0x0110, 1.5),
        ],
    )
    def test_refuses(self, tag: int, value: object) -> None:
        """What cannot be written is refused with its tag."""
        with pytest.raises(InvalidValue, match=r"^\((0010,0020|-001,FFFF|0000,[0-9A-F]{4})\) "):
            encode_elements({tag: value})

    @pytest.mark.parametrize("tag", [0x0000, 0x0001, 0x0110, 0x0901])
    def test_refuses_numbers_cut_short(self, tag: int) -> None:
        """A value too short for its representation is no value."""
        with pytest.raises(InvalidMessage, match="of 1 bytes in a command set"):
            elements(element(tag, b"\1"))

    def test_other_messages_read_alike(self) -> None:
        """The optional elements that a message has no attribute for are found here."""
        action = NActionRequest(
            message_id=1, requested_sop_class_uid=PRINTER, requested_sop_instance_uid="1.2", action_type_id=3
        )
        assert elements(encode(action))[0x1008] == 3
        answer = NSetResponse(message_id_being_responded_to=1, status=Status(0x0110), error_id=0xA710)
        assert elements(encode(answer))[0x0903] == 0xA710
        assert elements(encode(CCancelRequest(message_id_being_responded_to=8)))[0x0120] == 8
