"""The debug log's text of associations and messages."""

from dicomnet.dimse.commands import CStoreRequest, NGetRequest
from dicomnet.dimse.dump import WIDTH, dump_association, dump_message
from dicomnet.pdu import (
    AssociateAccept,
    AssociateRequest,
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    RawItem,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from dicomnet.types import UID
from dicomnet.uids import CTImageStorage, ImplicitVRLittleEndian, Verification
from dicomnet.ul.negotiation import Context

CONTEXT = Context(3, CTImageStorage, ImplicitVRLittleEndian, our_scu=True, our_scp=False)


def request(**information: object) -> AssociateRequest:
    contexts = (ProposedContext(1, Verification, (ImplicitVRLittleEndian,)),)
    return AssociateRequest("ARCHIVE", "CT1", contexts, UserInformation(max_pdu_length=16384, **information))


def lines(text: str) -> dict[str, str]:
    return {label.strip(): value.strip() for label, _, value in (line.partition(":") for line in text.splitlines())}


def test_a_request_is_told_with_its_titles_and_contexts() -> None:
    """Both titles, the maximum length and each proposed context stand in the dump."""
    told = lines(dump_association(request()))
    assert told["Calling AE title"] == "CT1"
    assert told["Called AE title"] == "ARCHIVE"
    assert told["Maximum length received"] == "16384"
    assert told["Abstract syntax"] == "Verification SOP Class"
    assert told["Transfer syntax"] == "Implicit VR Little Endian"
    assert told["Roles"] == "default"


def test_an_acceptance_is_told_with_each_result() -> None:
    """Accepted and refused contexts, also with results the standard does not know, are told apart."""
    results = (
        ContextResult(1, 0, ImplicitVRLittleEndian),
        ContextResult(3, 3, None),
        ContextResult(5, 9, None),
    )
    text = dump_association(AssociateAccept("ARCHIVE", "CT1", results, UserInformation()))
    assert "Context 1 (acceptance)" in text
    assert "Context 3 (abstract syntax not supported)" in text
    assert "Context 5 (result 9)" in text


def test_everything_negotiated_is_told_but_no_secret() -> None:
    """Windows, roles, extended negotiation and unknown items are told; a passcode is not."""
    text = dump_association(
        request(
            asynchronous_window=AsynchronousWindow(4, 2),
            roles=(RoleSelection(Verification, scu=True, scp=True),),
            extended=(ExtendedNegotiation(Verification, b"\x01\x02"),),
            common_extended=(CommonExtendedNegotiation(CTImageStorage, UID("1.2.840.10008.4.2")),),
            user_identity=UserIdentity(2, b"someone", b"opensesame"),
            unknown=(RawItem(0x5F, b"abc"),),
        )
    )
    told = lines(text)
    assert told["Asynchronous window"] == "invoked 4, performed 2"
    assert told["Roles"] == "SCU and SCP"
    assert told["Extended negotiation"] == "Verification SOP Class 01 02"
    assert told["Common extended"].startswith("CT Image Storage of ")
    assert told["Unknown item"] == "5FH, 3 bytes"
    assert "someone" in text
    assert "opensesame" not in text


def test_a_request_message_is_told_element_by_element() -> None:
    """A C-STORE-RQ shows its identity and that a data set follows."""
    command = CStoreRequest(message_id=7, affected_sop_class_uid=CTImageStorage, affected_sop_instance_uid="1.2.3")
    text = dump_message(command, CONTEXT, outgoing=True)
    told = lines(text)
    assert "BEGIN OUTGOING DIMSE MESSAGE" in text
    assert told["Message type"] == "C-STORE-RQ"
    assert told["Message ID"] == "7"
    assert told["Affected SOP instance UID"] == "1.2.3"
    assert told["Data set"] == "present"
    assert "Move originator message ID" not in told


def test_a_response_message_tells_its_status_in_words() -> None:
    """A status is told with its number and its meaning."""
    request = CStoreRequest(message_id=7, affected_sop_class_uid=CTImageStorage, affected_sop_instance_uid="1.2.3")
    text = dump_message(request.respond(0xA700), CONTEXT, outgoing=False)
    assert "BEGIN INCOMING DIMSE MESSAGE" in text
    assert lines(text)["Status"].startswith("A700 ")


def test_tags_are_told_as_the_standard_prints_them() -> None:
    """An attribute identifier list shows groups and elements in hexadecimal."""
    command = NGetRequest(
        message_id=1,
        requested_sop_class_uid=CTImageStorage,
        requested_sop_instance_uid="1.2",
        attribute_identifier_list=(0x00100010, 0x7FE00010),
    )
    assert (
        lines(dump_message(command, CONTEXT, outgoing=True))["Attribute identifier list"] == "(0010,0010), (7FE0,0010)"
    )


def test_control_characters_of_a_peer_stay_within_their_line() -> None:
    """A title with a line break cannot fake a line of the log."""
    text = dump_association(AssociateRequest("ARCHIVE", "CT\n1\x1b[2J", request().contexts, UserInformation()))
    assert r"Calling AE title              : CT\x0a1\x1b[2J" in text.splitlines()


def test_a_dump_is_framed_in_its_width() -> None:
    """The first and the last line have the width of the frame."""
    text = dump_association(request()).splitlines()
    assert len(text[0]) == len(text[-1]) == WIDTH
