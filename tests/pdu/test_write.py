from __future__ import annotations

import dataclasses
import inspect

import pytest
from hypothesis import given

import strategies
from dicomnet.errors import InvalidValue
from dicomnet.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextResult,
    DataTransfer,
    ExtendedNegotiation,
    Pdu,
    PresentationDataValue,
    ProposedContext,
    RawItem,
    RoleSelection,
    UserIdentity,
    UserInformation,
    read,
    write,
)
from dicomnet.pdu.read import pull_pdu
from dicomnet.pdu.write import push_pdu
from dicomnet.types import UID
from pdu.vectors import (
    ECHO_CONTEXT,
    ECHO_RESULT,
    IMPLICIT_LE,
    INFORMATION,
    VECTORS,
    VERIFICATION,
    Vector,
    accept_with,
    accepted,
    request_with,
    requested,
)

CANONICAL = {name: vector for name, vector in VECTORS.items() if vector.canonical}
A = UID("1.2.3")
LONGEST = UID("1." + "2" * 62)
TOO_LONG = UID("1." + "2" * 63)


class TestWriting:
    @pytest.mark.parametrize("vector", CANONICAL.values(), ids=CANONICAL)
    def test_a_pdu_is_written(self, vector: Vector) -> None:
        """Every canonical vector is written byte for byte from its value."""
        assert push_pdu(vector.value) == vector.data

    @given(strategies.pdus())
    def test_what_is_written_is_read(self, pdu: Pdu) -> None:
        """Every PDU that may be sent is read as what was sent."""
        data = push_pdu(pdu)
        assert pull_pdu(data) == (pdu, len(data))

    def test_titles_are_written_clean(self) -> None:
        """Outer spaces of a title are not part of it, and 16 bytes are filled up with spaces."""
        data = push_pdu(AssociateRequest("  A B ", "C" * 16, (ECHO_CONTEXT,), INFORMATION))
        assert data[10:42] == b"A B             CCCCCCCCCCCCCCCC"

    def test_an_echo_is_written_as_it_came(self) -> None:
        """The accept returns both titles and the 32 reserved bytes of the request, whatever was in them."""
        echo = bytes(range(64, 128))
        assert push_pdu(dataclasses.replace(accepted(), echo=echo))[10:74] == echo

    def test_a_request_has_no_echo(self) -> None:
        """A request writes its titles and zeros, even when it is made from one that was read."""
        assert push_pdu(dataclasses.replace(requested(), echo=b"x" * 64)) == push_pdu(requested())

    def test_a_title_is_echoed_even_if_it_is_none(self) -> None:
        """Without an echo the accept writes what it is told, also what no request of ours could hold."""
        assert push_pdu(AssociateAccept("", "é\\\0", (), INFORMATION))[10:42] == b" " * 16 + b"\xe9\\\0" + b" " * 13

    @pytest.mark.parametrize("syntax", [None, IMPLICIT_LE])
    def test_a_rejected_context_has_a_transfer_syntax(self, syntax: UID | None) -> None:
        """The insignificant sub-item is there, because some peers look for it."""
        data = push_pdu(accepted(contexts=(ContextResult(7, 3, syntax),)))
        assert b"\x21\0\0\x19\7\0\3\0\x40\0\0\x111.2.840.10008.1.2\x50" in data

    def test_the_transfer_syntax_of_a_rejected_context_may_be_chosen(self) -> None:
        """What the result names is written, accepted or not."""
        data = push_pdu(accepted(contexts=(ContextResult(7, 4, UID("1.2.3")),)))
        assert b"\x21\0\0\x0d\7\0\4\0\x40\0\0\0051.2.3\x50" in data

    def test_user_information_may_be_full(self) -> None:
        """Sub-items of 65535 bytes in all are the most that fits."""
        data = request_with(b"\xee\0\xff\xfb" + bytes(0xFFFB))
        assert push_pdu(requested(UserInformation(unknown=(RawItem(0xEE, bytes(0xFFFB)),)))) == data

    def test_all_128_contexts_may_be_used(self) -> None:
        """Every odd ID from 1 to 255 at once is allowed."""
        contexts = tuple(ProposedContext(number, VERIFICATION, (LONGEST,)) for number in range(1, 256, 2))
        data = push_pdu(requested(contexts=contexts))
        assert pull_pdu(data) == (requested(contexts=contexts), len(data))

    def test_sub_items_ascend_and_unknown_ones_come_last(self) -> None:
        """The order of sub-items is that of their types, behind them the unknown ones in their own order."""
        information = UserInformation(
            max_pdu_length=0,
            implementation_class_uid=A,
            implementation_version_name="X",
            asynchronous_window=AsynchronousWindow(1, 1),
            roles=(RoleSelection(A, scu=True, scp=True),),
            extended=(ExtendedNegotiation(A, b""),),
            user_identity_response=b"",
            unknown=(RawItem(0x50, b""), RawItem(0x10, b"")),
        )
        assert push_pdu(accepted(information)) == accept_with(
            b"\x51\0\0\4\0\0\0\0"
            b"\x52\0\0\0051.2.3"
            b"\x53\0\0\4\0\1\0\1"
            b"\x54\0\0\x09\0\0051.2.3\1\1"
            b"\x55\0\0\1X"
            b"\x56\0\0\7\0\0051.2.3"
            b"\x59\0\0\2\0\0"
            b"\x50\0\0\0"
            b"\x10\0\0\0"
        )


class TestStrictness:
    @pytest.mark.parametrize(
        ("called", "calling"),
        [
            ("", "CALLING"),
            ("CALLED", ""),
            ("                ", "CALLING"),
            ("SEVENTEEN_LETTERS", "CALLING"),
            ("CALLED", "BACK\\SLASH"),
            ("CALLED", "NEW\nLINE"),
            ("CALLED", "ÄRZTE"),
            ("CALLED\0", "CALLING"),
        ],
    )
    def test_a_request_needs_titles(self, called: str, calling: str) -> None:
        """A request goes out only with two AE titles of 1 to 16 allowed characters."""
        refuses(AssociateRequest(called, calling, (ECHO_CONTEXT,), INFORMATION), "AE title")

    @pytest.mark.parametrize(("called", "calling"), [("SEVENTEEN_LETTERS", ""), ("", "€")])
    def test_an_echoed_title_needs_to_fit(self, called: str, calling: str) -> None:
        """What does not fit into 16 bytes cannot have come from a request."""
        refuses(AssociateAccept(called, calling, (ECHO_RESULT,), INFORMATION), "AE title")

    @pytest.mark.parametrize("size", [0, 63, 65])
    def test_an_echo_has_64_bytes(self, size: int) -> None:
        """An echo of another size would shift all that follows."""
        refuses(dataclasses.replace(accepted(), echo=bytes(size)), f"{size} bytes, not 64")

    @pytest.mark.parametrize("text", ["", "1.2.", ".1", "1..2", "1.2.x", "1.2 ", "1.2\0", "1.2\n", "١.٢", TOO_LONG])
    @pytest.mark.parametrize(
        "wrap",
        [
            lambda uid: requested(application_context=uid),
            lambda uid: requested(contexts=(ProposedContext(1, uid, (IMPLICIT_LE,)),)),
            lambda uid: requested(contexts=(ProposedContext(1, VERIFICATION, (IMPLICIT_LE, uid)),)),
            lambda uid: accepted(contexts=(ContextResult(1, 0, uid),)),
            lambda uid: requested(UserInformation(implementation_class_uid=uid)),
            lambda uid: requested(UserInformation(roles=(RoleSelection(uid, scu=True, scp=True),))),
            lambda uid: requested(UserInformation(extended=(ExtendedNegotiation(uid, b""),))),
            lambda uid: requested(UserInformation(common_extended=(CommonExtendedNegotiation(uid, A),))),
            lambda uid: requested(UserInformation(common_extended=(CommonExtendedNegotiation(A, uid),))),
            lambda uid: requested(UserInformation(common_extended=(CommonExtendedNegotiation(A, A, (A, uid)),))),
        ],
        ids=["10H", "30H", "40H proposed", "40H accepted", "52H", "54H", "56H", "57H", "57H service", "57H related"],
    )
    def test_a_uid_is_a_uid(self, wrap, text: str) -> None:
        """No item goes out with a UID that is not 1 to 64 digits and dots."""
        refuses(wrap(UID(text)), "not a UID")

    @pytest.mark.parametrize("context_id", [-1, 0, 2, 254, 256, 257])
    @pytest.mark.parametrize(
        "wrap",
        [
            lambda context_id: requested(contexts=(ProposedContext(context_id, VERIFICATION, (IMPLICIT_LE,)),)),
            lambda context_id: accepted(contexts=(ContextResult(context_id, 0, IMPLICIT_LE),)),
            lambda context_id: DataTransfer((PresentationDataValue(context_id, 3, b"ab"),)),
        ],
        ids=["20H", "21H", "PDV"],
    )
    def test_a_context_id_is_odd(self, wrap, context_id: int) -> None:
        """Only odd numbers from 1 to 255 name a presentation context."""
        refuses(wrap(context_id), f"context ID {context_id} is not")

    def test_a_request_proposes_something(self) -> None:
        """A request without a presentation context has no purpose and no place in the standard."""
        refuses(requested(contexts=()), "at least one presentation context")

    def test_a_context_is_proposed_once(self) -> None:
        """Two contexts of a request never share an ID."""
        refuses(requested(contexts=(ECHO_CONTEXT, ECHO_CONTEXT)), "used twice")

    def test_a_context_is_answered_once(self) -> None:
        """Two results of an accept never share an ID."""
        refuses(accepted(contexts=(ECHO_RESULT, ContextResult(1, 3, None))), "used twice")

    def test_there_are_128_contexts_at_most(self) -> None:
        """The 129th presentation context is one too many."""
        refuses(requested(contexts=(ECHO_CONTEXT,) * 129), "129 presentation contexts, at most 128")

    def test_a_proposal_names_a_transfer_syntax(self) -> None:
        """A context that offers no transfer syntax cannot be accepted, so it is not proposed."""
        refuses(requested(contexts=(ProposedContext(1, VERIFICATION, ()),)), "proposes no transfer syntax")

    def test_an_acceptance_names_the_transfer_syntax(self) -> None:
        """An accepted context without its transfer syntax says nothing."""
        refuses(accepted(contexts=(ContextResult(1, 0, None),)), "accepted without a transfer syntax")

    @pytest.mark.parametrize("result", [-1, 5, 255, 256])
    def test_a_result_is_defined(self, result: int) -> None:
        """Results of a context go from 0 to 4 (PS3.8 Table 9-18)."""
        refuses(accepted(contexts=(ContextResult(1, result, IMPLICIT_LE),)), f"result {result} is not defined")

    def test_a_context_fits_into_its_item(self) -> None:
        """Transfer syntaxes beyond 65535 bytes do not make the length wrap."""
        refuses(requested(contexts=(ProposedContext(1, VERIFICATION, (LONGEST,) * 1000),)), "item 20H of [0-9]+ bytes")

    @pytest.mark.parametrize(
        "information",
        [
            UserInformation(unknown=(RawItem(0xEE, bytes(0xFFFC)),)),
            UserInformation(unknown=(RawItem(0xEE, bytes(0x8000)), RawItem(0xEE, bytes(0x8000)))),
            UserInformation(unknown=(RawItem(0xEE, bytes(0x10000)),)),
            UserInformation(extended=(ExtendedNegotiation(A, bytes(0xFFF9)),)),
            UserInformation(user_identity=UserIdentity(4, bytes(0x10000))),
            UserInformation(user_identity=UserIdentity(2, b"", bytes(0x10000))),
            UserInformation(common_extended=(CommonExtendedNegotiation(A, A, (LONGEST,) * 1000),)),
        ],
        ids=["one", "together", "alone", "56H", "58H primary", "58H secondary", "57H related"],
    )
    def test_user_information_fits_into_its_item(self, information: UserInformation) -> None:
        """Sub-items beyond 65535 bytes do not make a length wrap, neither theirs nor that of the whole."""
        refuses(requested(information), "of [0-9]+ bytes, its length can say 65535 at most")

    @pytest.mark.parametrize("name", ["", "SEVENTEEN_LETTERS", " X", "X ", "    ", "É", "A\tB", "A\0", "A\n"], ids=repr)
    def test_a_version_name_has_1_to_16_characters(self, name: str) -> None:
        """The version name is printable ISO 646, or it is left out."""
        refuses(requested(UserInformation(implementation_version_name=name)), "version name")

    @pytest.mark.parametrize("length", [-1, 1, 7, 2**32])
    def test_a_maximum_length_leaves_room_for_a_fragment(self, length: int) -> None:
        """A maximum length is 0, or from 8 to what four bytes hold."""
        refuses(requested(UserInformation(max_pdu_length=length)), f"maximum length {length} ")

    @pytest.mark.parametrize("window", [(-1, 0), (0, -1), (65536, 1), (1, 65536)])
    def test_a_window_fits_its_fields(self, window: tuple[int, int]) -> None:
        """Operations at a time are counted with two bytes each."""
        refuses(requested(UserInformation(asynchronous_window=AsynchronousWindow(*window))), "operations")

    @pytest.mark.parametrize(
        "information",
        [
            UserInformation(roles=(RoleSelection(A, scu=True, scp=False), RoleSelection(A, scu=False, scp=True))),
            UserInformation(extended=(ExtendedNegotiation(A, b"1"), ExtendedNegotiation(A, b"2"))),
            UserInformation(common_extended=(CommonExtendedNegotiation(A, A),) * 2),
        ],
        ids=["54H", "56H", "57H"],
    )
    def test_a_sop_class_is_negotiated_once(self, information: UserInformation) -> None:
        """There is one role selection and one negotiation of each kind per SOP class."""
        refuses(requested(information), "the same SOP class")

    def test_an_identity_response_is_not_requested(self) -> None:
        """59H is an answer, so no request holds it, not even an empty one."""
        refuses(requested(UserInformation(user_identity_response=b"")), "59H")

    @pytest.mark.parametrize(
        "information",
        [
            UserInformation(user_identity=UserIdentity(1, b"anna")),
            UserInformation(common_extended=(CommonExtendedNegotiation(A, A),)),
        ],
        ids=["58H", "57H"],
    )
    def test_what_only_a_request_says_is_not_answered(self, information: UserInformation) -> None:
        """57H and 58H are for requests, so no accept holds them."""
        refuses(accepted(information), "57H")

    @pytest.mark.parametrize("version", [-1, 1, 255])
    def test_common_extended_negotiation_has_version_0(self, version: int) -> None:
        """Fields of later versions are not known here, so that nothing claims to have them."""
        refuses(requested(UserInformation(common_extended=(CommonExtendedNegotiation(A, A, (), version),))), "version")

    @pytest.mark.parametrize("kind", [-1, 0, 6, 255, 256])
    def test_an_identity_type_is_defined(self, kind: int) -> None:
        """Types of an identity go from 1 to 5 (PS3.7 D.3.3.7.1)."""
        refuses(requested(UserInformation(user_identity=UserIdentity(kind, b"anna"))), f"type {kind} is not defined")

    @pytest.mark.parametrize("kind", [1, 3, 4, 5])
    def test_only_a_passcode_is_a_secondary_field(self, kind: int) -> None:
        """The secondary field is empty but for type 2, and its refusal does not show it."""
        identity = UserIdentity(kind, b"anna", b"do-not-log-me")
        assert "do-not-log-me" not in refuses(requested(UserInformation(user_identity=identity)), "no secondary field")

    @pytest.mark.parametrize("item_type", [-1, 256, *range(0x51, 0x5A)])
    def test_a_raw_item_is_unknown(self, item_type: int) -> None:
        """What has a field of its own is not smuggled in as raw bytes, and a type is one byte."""
        refuses(requested(UserInformation(unknown=(RawItem(item_type, b""),))), "sub-item|item type")

    @pytest.mark.parametrize("version", [-1, 65536])
    def test_a_protocol_version_fits_its_field(self, version: int) -> None:
        """The protocol version is two bytes in either direction."""
        for pdu in (requested(), accepted()):
            refuses(dataclasses.replace(pdu, protocol_version=version), "protocol version")

    @pytest.mark.parametrize("version", [0, 2, 0xFFFE])
    def test_a_protocol_version_is_one_we_speak(self, version: int) -> None:
        """Bit 0 stands for version 1, and no other version exists (PS3.8 9.3.2)."""
        for pdu in (requested(), accepted()):
            refuses(dataclasses.replace(pdu, protocol_version=version), f"protocol version {version} lacks bit 0")

    @pytest.mark.parametrize(
        "numbers", [(0, 1, 1), (3, 1, 1), (256, 1, 1), (1, 0, 1), (1, 4, 1), (1, 1, 0), (1, 1, 4), (1, 2, 3), (1, 3, 8)]
    )
    def test_a_rejection_is_in_the_table(self, numbers: tuple[int, int, int]) -> None:
        """Results, sources and reasons outside PS3.8 Table 9-21 are not sent."""
        refuses(AssociateReject(*numbers), "reject .* is not defined")

    @pytest.mark.parametrize("numbers", [(0, 1), (1, 0), (2, 3), (2, 7), (2, 256), (3, 0), (-1, 0)])
    def test_an_abort_is_in_the_table(self, numbers: tuple[int, int]) -> None:
        """Sources and reasons outside PS3.8 Table 9-26 are not sent, and a user gives no reason."""
        refuses(Abort(*numbers), "abort reason .* is not defined")

    def test_data_are_transferred(self) -> None:
        """A P-DATA-TF without a PDV transfers nothing."""
        refuses(DataTransfer(()), "at least one PDV")

    @pytest.mark.parametrize("data", [b"", b"a", b"abc"])
    def test_a_fragment_is_even_and_not_empty(self, data: bytes) -> None:
        """Fragments are an even number of bytes above 0 (PS3.8 E.1)."""
        refuses(DataTransfer((PresentationDataValue(1, 3, data),)), f"fragment of {len(data)} bytes")

    @pytest.mark.parametrize("control", [-1, 4, 0x80, 256])
    def test_a_control_header_has_two_bits(self, control: int) -> None:
        """Bits 2 to 7 of the message control header are sent as 0 (PS3.8 E.2)."""
        refuses(DataTransfer((PresentationDataValue(1, control, b"ab"),)), f"control header {control} ")


def test_readers_and_writers_come_in_pairs() -> None:
    """Each structure is read and written by functions of one name, in the same order in both files."""
    writers = functions(write, "push_")
    assert [name for name in functions(read, "pull_") if name != "header"] == writers
    assert len(writers) == 20


def refuses(pdu: Pdu, pattern: str) -> str:
    """Writing it is refused, in words that match the pattern; they are returned."""
    with pytest.raises(InvalidValue, match=pattern) as caught:
        push_pdu(pdu)
    return str(caught.value)


def functions(module: object, prefix: str) -> list[str]:
    """What follows the prefix in the names of a module's own functions, in the order of the file."""
    found = [function for name, function in inspect.getmembers(module, inspect.isfunction) if name.startswith(prefix)]
    found.sort(key=lambda function: function.__code__.co_firstlineno)
    return [function.__name__.removeprefix(prefix) for function in found]
