"""The messages against PS3.7 9.3 and 10.3: their elements, what may be sent, how a request is answered."""

from __future__ import annotations

import re
from dataclasses import fields
from typing import Any

import pytest
from hypothesis import given

from dicomnet.dimse import commands
from dicomnet.dimse.commands import (
    COMMANDS,
    DICTIONARY,
    CCancelRequest,
    CEchoRequest,
    CEchoResponse,
    CFindRequest,
    CFindResponse,
    CGetRequest,
    CGetResponse,
    CMoveRequest,
    CMoveResponse,
    Command,
    CStoreRequest,
    CStoreResponse,
    NActionRequest,
    NActionResponse,
    NCreateRequest,
    NCreateResponse,
    NDeleteRequest,
    NEventReportRequest,
    NEventReportResponse,
    NGetRequest,
    NGetResponse,
    NSetRequest,
    NSetResponse,
    Presence,
    Request,
    Response,
    UnknownCommand,
    check,
)
from dicomnet.dimse.status import Status
from dicomnet.errors import InvalidValue, StateError
from dicomnet.types import Priority
from dimse.message_table import MESSAGES, MessageRow
from dimse.strategies import messages

CT = "1.2.840.10008.5.1.4.1.1.2"
MPPS = "1.2.840.10008.3.1.2.3.3"
INSTANCE = "1.2.3.4"

ROWS = pytest.mark.parametrize("row", MESSAGES.values(), ids=MESSAGES.keys())
REQUEST_ROWS = pytest.mark.parametrize(
    "row", [row for row in MESSAGES.values() if row.name.endswith("-RQ") and row.name != "C-CANCEL-RQ"]
)


class TestTables:
    def test_there_are_23_messages(self) -> None:
        """Every message of the standard has a class, and no class is without a message."""
        assert {row.command_field: row.class_name for row in MESSAGES.values()} == {
            number: message.__name__ for number, message in COMMANDS.items()
        }
        assert len(COMMANDS) == 23

    @ROWS
    def test_class_is_as_the_standard_has_it(self, row: MessageRow) -> None:
        """Name, number, clause and data set are those of the printed table."""
        message = getattr(commands, row.class_name)
        assert COMMANDS[row.command_field] is message
        found = (message.name, message.command_field, message.clause, message.data_set.value)
        assert found == (row.name, row.command_field, row.clause, row.data_set)
        assert issubclass(message, Request if row.name.endswith("-RQ") else Response)

    @ROWS
    def test_elements_are_those_of_the_standard(self, row: MessageRow) -> None:
        """The layout is the printed table without the group length, which only bytes have."""
        group_length, *rest = row.elements
        assert group_length == (0, "CommandGroupLength", "UL", "M")
        expected = [
            (each.tag, "has_data_set" if each.keyword == "CommandDataSetType" else each.attribute, *each[2:])
            for each in rest
        ]
        assert list(getattr(commands, row.class_name).elements) == expected

    @ROWS
    def test_attributes_are_the_elements(self, row: MessageRow) -> None:
        """A message has an attribute for each of its elements, and none besides."""
        message = getattr(commands, row.class_name)
        expected = {element.attribute for element in message.elements} - {"command_field"}
        assert {field.name for field in fields(message) if field.init} == expected

    def test_dictionary_is_in_order_of_tags(self) -> None:
        """The dictionary reads like PS3.7 E.1."""
        assert sorted(DICTIONARY.values()) == list(DICTIONARY.values())

    def test_requests_and_responses_are_paired_by_bit_15(self) -> None:
        """A request knows the class of its response, whose number has the highest bit."""
        for number, message in COMMANDS.items():
            if issubclass(message, Request) and message is not CCancelRequest:
                assert message.response_class is COMMANDS[number | 0x8000]

    @given(messages())
    def test_what_may_be_sent_passes(self, message: Command) -> None:
        """The check lets every right message through and knows which side it is from."""
        check(message)
        assert message.is_request == isinstance(message, Request)
        assert not hasattr(message, "__dict__")


class TestValues:
    def test_messages_are_plain_values(self) -> None:
        """Equal attributes make equal messages, and attributes can be changed."""
        one = CEchoRequest(message_id=1, affected_sop_class_uid="1.2")
        other = CEchoRequest(message_id=2, affected_sop_class_uid="1.2")
        assert one != other
        other.message_id = 1
        assert one == other

    def test_status_is_made_one(self) -> None:
        """A response given a number knows what it means."""
        assert CEchoResponse(status=0x0122).status.is_failure
        assert isinstance(UnknownCommand(command_field=1, status=3).status, Status)

    def test_priority_is_medium_unless_said(self) -> None:
        """The numbers of priorities are not in order: 0 is the middle."""
        assert CStoreRequest().priority is Priority.MEDIUM == 0

    @pytest.mark.parametrize("message", [CStoreRequest, CGetRequest, CFindRequest, CMoveRequest, NSetRequest])
    def test_data_set_follows_by_default_where_it_always_does(self, message: type[Command]) -> None:
        """Messages that always have a data set need not be told."""
        assert message().has_data_set
        assert [each for each in COMMANDS.values() if each.data_set is Presence.ALWAYS].count(message) == 1

    def test_sop_class_and_instance_are_found_under_either_name(self) -> None:
        """Affected or requested: the shortcuts take what the message has."""
        affected = CStoreRequest(affected_sop_class_uid=CT, affected_sop_instance_uid=INSTANCE)
        requested = NGetRequest(requested_sop_class_uid=MPPS, requested_sop_instance_uid=INSTANCE)
        neither = CCancelRequest()
        assert (affected.sop_class_uid, affected.sop_instance_uid) == (CT, INSTANCE)
        assert (requested.sop_class_uid, requested.sop_instance_uid) == (MPPS, INSTANCE)
        assert (neither.sop_class_uid, neither.sop_instance_uid) == (None, None)

    def test_cancel_has_no_message_id(self) -> None:
        """A C-CANCEL-RQ is a request, but cannot be given a message ID or be answered."""
        cancel = CCancelRequest(message_id_being_responded_to=7)
        assert isinstance(cancel, Request)
        assert cancel.is_request
        assert cancel.message_id is None
        with pytest.raises(TypeError):
            CCancelRequest(message_id=7)
        with pytest.raises(StateError, match=r"C-CANCEL-RQ has no response"):
            cancel.respond(Status.SUCCESS)


class TestRespond:
    @REQUEST_ROWS
    def test_response_fits_its_request(self, row: MessageRow) -> None:
        """The response goes to the message ID and says what it is about, as affected: some peers expect it."""
        made: Any = getattr(commands, row.class_name)
        uids: dict[str, Any] = {each.attribute: "1.2.3" for each in row.elements if each.vr == "UI"}
        types = {each.attribute: 5 for each in row.elements if each.attribute.endswith("type_id")}
        response = made(message_id=77, **uids, **types).respond(0x0110)
        assert type(response) is made.response_class
        assert response.message_id_being_responded_to == 77
        assert response.status is not None
        assert response.status == 0x0110
        for element in response.elements:
            if element.vr == "UI":
                assert getattr(response, element.attribute) == "1.2.3"
            if element.attribute.endswith("type_id"):
                assert getattr(response, element.attribute) == 5
        check(response)

    def test_fields_go_over_what_is_echoed(self) -> None:
        """Attributes of the response can be given, those echoed too."""
        request = CStoreRequest(message_id=1, affected_sop_class_uid=CT, affected_sop_instance_uid=INSTANCE)
        response = request.respond(0xB000, affected_sop_instance_uid="1.9", error_comment="coerced")
        assert isinstance(response, CStoreResponse)
        assert (response.affected_sop_instance_uid, response.error_comment) == ("1.9", "coerced")

    @pytest.mark.parametrize("bad", ["", "1.2.x", "1..2", "1." * 40, "1.2.\u00e9"])
    def test_uid_that_is_none_is_not_sent_back(self, bad: str) -> None:
        """A peer's broken UID must not keep us from answering."""
        request = CStoreRequest(message_id=1, affected_sop_class_uid=bad, affected_sop_instance_uid=bad)
        response = request.respond(Status.INVALID_SOP_INSTANCE)
        assert (response.sop_class_uid, response.sop_instance_uid) == (None, None)
        check(response)

    def test_created_instance_needs_a_uid(self) -> None:
        """Success for an N-CREATE without instance names the one that was made (PS3.7 10.3.5.2)."""
        request = NCreateRequest(message_id=1, affected_sop_class_uid=MPPS)
        with pytest.raises(InvalidValue, match=r"N-CREATE-RSP: affected_sop_instance_uid is required"):
            request.respond(Status.SUCCESS)
        with pytest.raises(InvalidValue, match=r"affected_sop_instance_uid"):
            request.respond(Status.ATTRIBUTE_LIST_ERROR)
        assert request.respond(0, affected_sop_instance_uid="1.2").sop_instance_uid == "1.2"
        assert request.respond(Status.PROCESSING_FAILURE).sop_instance_uid is None

    def test_unknown_request_is_refused_with_its_own_number(self) -> None:
        """The answer to an unknown command field is that field with bit 8000H and status 0211."""
        request = UnknownCommand(command_field=0x0055, message_id=9, requested_sop_class_uid=CT)
        response = request.respond()
        assert request.is_request
        assert not response.is_request
        assert response.command_field == 0x8055
        assert response.status == Status.UNRECOGNIZED_OPERATION
        assert (response.message_id_being_responded_to, response.affected_sop_class_uid) == (9, CT)
        check(response)


def store(**values: Any) -> CStoreRequest:
    return CStoreRequest(
        **{"message_id": 1, "affected_sop_class_uid": CT, "affected_sop_instance_uid": INSTANCE, **values}
    )


def stored(**values: Any) -> CStoreResponse:
    return CStoreResponse(**{"message_id_being_responded_to": 1, "status": 0, **values})


def found(**values: Any) -> CFindResponse:
    return CFindResponse(**{"message_id_being_responded_to": 1, "status": 0, **values})


def moved(**values: Any) -> CMoveResponse:
    return CMoveResponse(**{"message_id_being_responded_to": 1, "status": 0, **values})


def got(**values: Any) -> CGetResponse:
    return CGetResponse(**{"message_id_being_responded_to": 1, "status": 0, **values})


COUNTS = {f"number_of_{kind}_suboperations": 1 for kind in ("remaining", "completed", "failed", "warning")}
N_RSP: dict[str, Any] = {"message_id_being_responded_to": 1, "status": 0}

REFUSED: list[tuple[Command, str]] = [
    (store(affected_sop_class_uid=None), r"C-STORE-RQ: affected_sop_class_uid is missing \(PS3.7 9.3.1.1\)"),
    (store(affected_sop_instance_uid=None), r"C-STORE-RQ: affected_sop_instance_uid is missing"),
    (store(message_id=None), r"C-STORE-RQ: message_id is missing"),
    (store(message_id=65536), r"message_id is 65536, which is no number of 16 bits"),
    (store(message_id=-1), r"message_id is -1"),
    (store(message_id="1"), r"message_id is '1'"),
    (store(priority=3), r"priority is 3, which is no priority"),
    (store(priority=None), r"priority is missing"),
    (store(has_data_set=False), r"has_data_set must be true"),
    (store(has_data_set=None), r"has_data_set is missing"),
    (store(has_data_set=0x0101), r"has_data_set is 257, which is neither true nor false"),
    (store(affected_sop_instance_uid=""), r"affected_sop_instance_uid cannot be sent: '' is not a UID"),
    (store(affected_sop_instance_uid="1.2.a"), r"affected_sop_instance_uid cannot be sent"),
    (store(affected_sop_instance_uid="1" * 65), r"affected_sop_instance_uid cannot be sent"),
    (store(affected_sop_instance_uid=12), r"affected_sop_instance_uid is 12, which is no text"),
    (store(move_originator_application_entity_title="A" * 17), r"title cannot be sent: .* at most 16"),
    (store(move_originator_application_entity_title=" "), r"title cannot be sent"),
    (store(move_originator_message_id=70000), r"move_originator_message_id is 70000"),
    (stored(message_id_being_responded_to=None), r"C-STORE-RSP: message_id_being_responded_to is missing"),
    (stored(has_data_set=True), r"C-STORE-RSP: has_data_set must be false"),
    (stored(status=0x10000), r"status is Status\(0x10000\), which is no number of 16 bits"),
    (stored(status=0xD000), r"status D000H is in no range that may be sent \(PS3.7 Annex C\)"),
    (stored(status=0xFF02), r"status FF02H is in no range"),
    (stored(status=0xFF00), r"status FF00H exists only for C-FIND, C-GET and C-MOVE"),
    (stored(status=0xFE00), r"status FE00H exists only"),
    (stored(offending_element=(0x1_0000_0000,)), r"offending_element holds 4294967296, which is no tag"),
    (stored(offending_element=("PatientID",)), r"offending_element holds 'PatientID'"),
    (stored(offending_element=0x00100020), r"offending_element is 1048608, which is no tuple"),
    (stored(error_comment=5), r"error_comment is 5, which is no text"),
    (CEchoRequest(message_id=1, affected_sop_class_uid="1.2", has_data_set=True), r"C-ECHO-RQ: has_data_set must"),
    (CMoveRequest(message_id=1, affected_sop_class_uid="1.2"), r"C-MOVE-RQ: move_destination is missing"),
    (CMoveRequest(message_id=1, affected_sop_class_uid="1.2", move_destination="A\\B"), r"move_destination cannot"),
    (CCancelRequest(), r"C-CANCEL-RQ: message_id_being_responded_to is missing"),
    (found(status=0xFF00), r"C-FIND-RSP: has_data_set must be true with a pending status, and only then"),
    (found(has_data_set=True), r"C-FIND-RSP: has_data_set must be true with a pending status, and only then"),
    (found(status=0xFE00, has_data_set=True), r"C-FIND-RSP: has_data_set"),
    (found(status=0xD000), r"C-FIND-RSP: status D000H"),
    (moved(status=0xFF00), r"C-MOVE-RSP: number_of_remaining_suboperations is required with a pending status"),
    (moved(status=0xFF00, **{**COUNTS, "number_of_warning_suboperations": None}), r"number_of_warning_suboperations"),
    (moved(status=0xFF00, has_data_set=True, **COUNTS), r"has_data_set must be false with a pending or success"),
    (moved(has_data_set=True), r"has_data_set must be false with a pending or success status"),
    (moved(**COUNTS), r"number_of_remaining_suboperations belongs to pending and canceled responses only"),
    (got(status=0xB000, **COUNTS), r"C-GET-RSP: number_of_remaining_suboperations belongs"),
    (got(number_of_failed_suboperations=-1), r"number_of_failed_suboperations is -1, which is no count"),
    (NEventReportRequest(message_id=1, affected_sop_class_uid="1", affected_sop_instance_uid="1"), r"event_type_id is"),
    (NEventReportResponse(**N_RSP, has_data_set=True), r"event_type_id is required with an event reply"),
    (NActionRequest(message_id=1, requested_sop_class_uid="1", requested_sop_instance_uid="1"), r"action_type_id is"),
    (NActionResponse(**N_RSP, has_data_set=True), r"action_type_id is required with an action reply"),
    (NGetRequest(message_id=1, requested_sop_class_uid="1"), r"N-GET-RQ: requested_sop_instance_uid is missing"),
    (NGetResponse(**N_RSP), r"N-GET-RSP: has_data_set must be true with a success status"),
    (
        NGetResponse(message_id_being_responded_to=1, status=Status(0x0112), has_data_set=True),
        r"must be false with a f",
    ),
    (NDeleteRequest(message_id=1), r"N-DELETE-RQ: requested_sop_class_uid is missing"),
    (UnknownCommand(command_field=0x10000), r"unknown command: command_field is 65536"),
]

SENT: list[Command] = [
    store(message_id=0),
    store(affected_sop_instance_uid="1.02.3"),  # leading zeros name instances in archives
    stored(status=0x0001),
    stored(status=0xC999, offending_element=[0x00100020]),
    found(status=0xFF01, has_data_set=True),
    moved(),
    moved(status=0xFE00, has_data_set=True, **COUNTS),
    moved(status=0xA702, has_data_set=True),
    moved(status=0xFF00, **dict.fromkeys(COUNTS, 100_000)),
    NGetResponse(**{**N_RSP, "status": Status(0x0107)}),
    NGetResponse(**{**N_RSP, "status": Status(0x0107), "has_data_set": True}),
    NCreateResponse(**N_RSP),
    NSetResponse(**{**N_RSP, "status": Status(0x0106), "has_data_set": True}),
]


class TestCheck:
    @pytest.mark.parametrize(("message", "text"), REFUSED)
    def test_refuses(self, message: Command, text: str) -> None:
        """What must not be sent is named: message, attribute, fault and clause."""
        with pytest.raises(InvalidValue, match=text) as caught:
            check(message)
        assert re.search(r"\(PS3\.7 .+\)$", str(caught.value))

    @pytest.mark.parametrize("message", SENT)
    def test_lets_pass(self, message: Command) -> None:
        """What looks odd but is allowed goes out."""
        check(message)
