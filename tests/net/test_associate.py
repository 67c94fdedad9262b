"""The associate object: a request built, sent through its PDU, answered, and read on the other side."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from dicomnet import Associate, InvalidValue, StateError
from dicomnet.errors import InvalidPdu
from dicomnet.net import PresentationContext
from dicomnet.pdu import (
    AssociateAccept,
    AssociateRequest,
    CommonExtendedNegotiation,
    ContextOutcome,
    PduType,
    RawItem,
    UserIdentity,
)
from dicomnet.pdu.items import UserIdentityType
from dicomnet.pdu.read import decode
from dicomnet.pdu.write import push_pdu
from dicomnet.types import UID
from dicomnet.uids import (
    DICOM_APPLICATION_CONTEXT,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
)
from net.recorder import CT, ECHO, EXPLICIT_LE, FIND, GET, IMPLICIT_LE, Provider, Recorder, associated, connected


def received(associate: Associate) -> Associate:
    """What the other side makes of a request."""
    pdu = push_pdu(associate.to_request())
    return Associate.from_pdu(_read(pdu))


def answered(answer: Associate, asked: Associate) -> Associate:
    """What the requestor makes of an answer."""
    return Associate.from_pdu(_read(push_pdu(answer.to_accept())), asked.to_request())


def _read(pdu: bytes) -> Any:
    return decode(PduType(pdu[0]), memoryview(pdu)[6:])


def filled() -> Associate:
    """A request with one of everything."""
    associate = Associate.request(called_ae="ARCHIVE", calling_ae="ME", contexts=[ECHO])
    associate.add(CT, [EXPLICIT_LE, JPEGBaseline8Bit], scu_role=True, scp_role=True, extended_negotiation=b"\1\0")
    associate.add(CT, IMPLICIT_LE, context_id=99, scu_role=True, scp_role=True, extended_negotiation=b"\1\0")
    associate.max_pdu_length = 46726
    associate.implementation_class_uid = "1.2.3"
    associate.implementation_version_name = "TEST 1"
    associate.async_window = (5, 3)
    associate.user_identity = UserIdentity(UserIdentityType.USERNAME_PASSCODE, b"jane", b"secret", True)
    associate.common_extended = [CommonExtendedNegotiation(UID(CT), UID("1.2.840.10008.4.2"), (UID("1.2"), UID("1.3")))]
    associate.user_items = [RawItem(0x5F, b"private"), RawItem(0x60, b"")]
    return associate


# A request.


def test_a_request_has_our_defaults() -> None:
    """What nobody sets is what the library stands for."""
    associate = Associate.request()
    assert (associate.is_request, associate.protocol_version) == (True, 1)
    assert (associate.called_ae, associate.calling_ae) == ("ANY-SCP", "DICOMNET")
    assert associate.application_context == DICOM_APPLICATION_CONTEXT == "1.2.840.10008.3.1.1.1"
    assert associate.max_pdu_length == 131072
    assert associate.implementation_class_uid == IMPLEMENTATION_CLASS_UID
    assert associate.implementation_version_name == IMPLEMENTATION_VERSION_NAME
    assert (associate.contexts, associate.user_items, associate.common_extended) == ([], [], [])
    assert (associate.async_window, associate.user_identity, associate.user_identity_response) == (None, None, None)


def test_everything_in_a_request_arrives() -> None:
    """Through the PDU and back, attribute by attribute."""
    sent = filled()
    came = received(sent)
    for attribute in (
        *("is_request", "protocol_version", "called_ae", "calling_ae", "application_context", "contexts"),
        *("max_pdu_length", "implementation_class_uid", "implementation_version_name", "async_window"),
        *("user_identity", "user_identity_response", "common_extended", "user_items"),
    ):
        assert getattr(came, attribute) == getattr(sent, attribute), attribute
    assert repr(came) == "<Associate request ME -> ARCHIVE, 3 contexts>"


def test_contexts_are_numbered_and_found() -> None:
    """By index, by ID, by abstract syntax; a class may be in several."""
    associate = filled()
    assert [context.context_id for context in associate.contexts] == [1, 3, 99]
    assert associate.contexts[1] is associate.context(3)
    assert associate.find(CT) is associate.contexts[1]
    assert associate.find_all(CT) == associate.contexts[1:]
    assert associate.find_next(3, CT) is associate.contexts[2]
    assert associate.find_next(99, CT) is None
    assert associate.find_next(5, CT) is None
    assert associate.find("1.2.3.4") is None
    associate.remove(3)
    assert [context.context_id for context in associate.contexts] == [1, 99]
    assert associate.add(FIND).context_id == 3
    for missing in (5, 98):
        with pytest.raises(KeyError):
            associate.context(missing)
        with pytest.raises(KeyError):
            associate.remove(missing)


def test_a_context_is_edited_in_place() -> None:
    """ID, abstract syntax, transfer syntaxes: added, changed, taken away, in order."""
    associate = Associate.request(contexts=[ECHO])
    [context] = associate.contexts
    assert context.transfer_syntaxes == [ExplicitVRLittleEndian, ImplicitVRLittleEndian]
    context.context_id = 201
    context.abstract_syntax = FIND
    context.transfer_syntaxes.append(ExplicitVRBigEndian)
    context.transfer_syntaxes[0] = JPEG2000Lossless
    del context.transfer_syntaxes[1]
    [came] = received(associate).contexts
    assert came == PresentationContext(201, FIND, [JPEG2000Lossless, ExplicitVRBigEndian])
    assert came.transfer_syntax == JPEG2000Lossless
    assert PresentationContext(1, ECHO).transfer_syntax is None


def test_one_context_may_be_given_alone() -> None:
    """A UID by itself is one context, not as many as it has characters."""
    assert Associate.request(contexts=CT).contexts == Associate.request(contexts=[CT]).contexts


def test_whole_contexts_may_be_given() -> None:
    """To the request in one call, mixed with abstract syntaxes."""
    mine = PresentationContext(7, CT, [JPEG2000Lossless])
    associate = Associate.request(contexts=[ECHO, mine, FIND])
    assert [context.context_id for context in associate.contexts] == [1, 7, 3]
    assert associate.context(7) is mine


def test_there_are_128_contexts() -> None:
    """All odd numbers of a byte, and no more."""
    associate = Associate.request(contexts=[f"1.2.{number}" for number in range(128)])
    assert [context.context_id for context in associate.contexts] == list(range(1, 256, 2))
    assert len(received(associate).contexts) == 128
    with pytest.raises(InvalidValue, match="at most 128"):
        associate.add(ECHO)
    with pytest.raises(InvalidValue, match="ID 5 is taken"):
        associate.add(ECHO, context_id=5)


@pytest.mark.parametrize(
    ("spoil", "says"),
    [
        (lambda a: setattr(a, "called_ae", ""), "AE title"),
        (lambda a: setattr(a, "called_ae", "A TITLE OF 17 CHS"), "16"),
        (lambda a: setattr(a, "calling_ae", "BACK\\SLASH"), "not allowed"),
        (lambda a: setattr(a, "application_context", "no uid"), "UID"),
        (lambda a: a.contexts.clear(), "context"),
        (lambda a: setattr(a.contexts[0], "context_id", 2), "2"),
        (lambda a: setattr(a.contexts[0], "context_id", 257), "257"),
        (lambda a: setattr(a.contexts[0], "context_id", 99), "used twice"),
        (lambda a: a.contexts[0].transfer_syntaxes.clear(), "transfer syntax"),
        (lambda a: setattr(a.contexts[0], "abstract_syntax", ""), "UID"),
        (lambda a: setattr(a, "implementation_version_name", "SEVENTEEN LETTERS"), "16"),
        (lambda a: setattr(a, "implementation_class_uid", "1..2"), "UID"),
        (lambda a: setattr(a, "max_pdu_length", -1), "-1"),
        (lambda a: setattr(a, "max_pdu_length", 7), "7"),
        (lambda a: setattr(a, "async_window", (65536, 1)), "65536"),
        (lambda a: setattr(a, "user_identity", UserIdentity(9, b"x")), "9"),
        (lambda a: setattr(a, "user_identity", UserIdentity(1, b"x" * 65536)), "65"),
        (lambda a: setattr(a, "user_items", [RawItem(0x51, b"\0\0\0\1")]), "51"),
        (lambda a: setattr(a, "user_items", [RawItem(0x5F, bytes(65536))]), "65"),
        (lambda a: setattr(a, "user_identity_response", b"x"), "response"),
    ],
)
def test_what_must_not_be_sent_is_refused(spoil: Callable[[Associate], object], says: str) -> None:
    """Before a byte of it is."""
    associate = filled()
    push_pdu(associate.to_request())
    spoil(associate)
    with pytest.raises(InvalidValue, match=says):
        push_pdu(associate.to_request())


def test_too_many_contexts_are_refused_however_they_got_there() -> None:
    """The list is the user's, so it is counted when it is sent."""
    associate = Associate.request(contexts=[f"1.2.{number}" for number in range(128)])
    associate.contexts.append(PresentationContext(1, ECHO, [IMPLICIT_LE]))
    with pytest.raises(InvalidValue):
        push_pdu(associate.to_request())


def test_an_unlimited_maximum_length_is_0_and_none_leaves_it_out() -> None:
    """Both reach the other side as such."""
    for length in (0, 8, None):
        associate = Associate.request(contexts=[ECHO])
        associate.max_pdu_length = length
        assert received(associate).max_pdu_length == length


def test_what_is_none_is_left_out() -> None:
    """Each sub-item is there or not, as with the flags of the described system."""
    associate = Associate.request(contexts=[ECHO])
    associate.implementation_class_uid = None
    associate.implementation_version_name = None
    came = received(associate)
    assert (came.implementation_class_uid, came.implementation_version_name) == (None, None)


# Roles and extended negotiation.


def test_roles_are_set_per_context_and_negotiated_per_class() -> None:
    """Two contexts of one class say the same, or there is an error."""
    associate = Associate.request()
    associate.add(CT, EXPLICIT_LE, scp_role=True)
    associate.add(CT, IMPLICIT_LE)
    came = received(associate)
    assert [(context.scu_role, context.scp_role) for context in came.contexts] == [(False, True)] * 2
    associate.contexts[1].scu_role = True
    with pytest.raises(InvalidValue, match="different roles"):
        associate.to_request()


def test_extended_negotiation_is_set_per_context_and_negotiated_per_class() -> None:
    """The same for the bytes of a service."""
    associate = Associate.request()
    associate.add(FIND, EXPLICIT_LE, extended_negotiation=b"\1\1")
    associate.add(FIND, IMPLICIT_LE)
    assert [context.extended_negotiation for context in received(associate).contexts] == [b"\1\1"] * 2
    associate.contexts[1].extended_negotiation = b"\1\0"
    with pytest.raises(InvalidValue, match="different extended negotiation"):
        associate.to_request()


# Answers.


def test_accept_refuses_everything_until_told_otherwise() -> None:
    """A template: the IDs of the request, no roles, our own settings, no identity of the peer."""
    answer = received(filled()).accept()
    assert not answer.is_request
    assert [(context.context_id, context.result) for context in answer.contexts] == [(1, 1), (3, 1), (99, 1)]
    assert {context.scu_role for context in answer.contexts} == {None}
    assert (answer.called_ae, answer.calling_ae) == ("ARCHIVE", "ME")
    assert answer.max_pdu_length == 131072, "what we take, not what the peer takes"
    assert answer.implementation_class_uid == IMPLEMENTATION_CLASS_UID
    assert (answer.user_identity, answer.common_extended, answer.user_items) == (None, [], [])
    assert answer.async_window == (5, 3)
    assert repr(answer) == "<Associate answer ME -> ARCHIVE, 3 contexts>"
    assert answer.find(CT) is None
    assert answer.find_all(CT) == []


def test_an_answer_names_no_version_but_ours() -> None:
    """A peer may speak later versions, too (PS3.8 9.3.2, only bit 0 is tested); that does not mean that we do."""
    wire = push_pdu(filled().to_request())
    later = Associate.from_pdu(_read(wire[:6] + b"\xff\xff" + wire[8:]))
    assert later.protocol_version == 0xFFFF
    for answer in (later.accept(), later.accept_all()):
        assert push_pdu(answer.to_accept())[6:8] == b"\0\1"
    later.reset(False)
    assert later.protocol_version == 1


def test_the_window_is_answered_within_our_limit() -> None:
    """Never above the offer, and never without a limit."""
    associate = filled()
    associate.async_window = (0, 100)
    assert received(associate).accept().async_window == (16, 16)


def test_reset_turns_a_received_request_into_its_answer() -> None:
    """As in the described system; the request itself is then gone."""
    associate = received(filled())
    associate.reset(False)
    assert not associate.is_request
    assert [context.result for context in associate.contexts] == [1, 1, 1]
    associate.reset(True)
    assert associate.is_request
    assert (associate.contexts, associate.called_ae) == ([], "")


def test_reset_empties() -> None:
    """What was there is gone, the defaults are back."""
    associate = filled()
    associate.reset()
    assert associate.is_request
    assert (associate.contexts, associate.called_ae, associate.calling_ae) == ([], "", "")
    assert (associate.async_window, associate.user_identity, associate.user_items) == (None, None, [])
    assert associate.max_pdu_length == 131072
    associate.reset(False)
    assert not associate.is_request


def test_set_defaults_leaves_titles_and_contexts() -> None:
    """It restores what the library says of itself."""
    associate = filled()
    associate.set_defaults()
    assert associate.max_pdu_length == 131072
    assert associate.implementation_version_name == IMPLEMENTATION_VERSION_NAME
    assert len(associate.contexts) == 3
    assert associate.called_ae == "ARCHIVE"


def test_an_answer_built_by_hand() -> None:
    """Result, transfer syntax, roles and extended negotiation of each context, and the identity's response."""
    asked = filled()
    answer = received(asked).accept()
    first, second, third = answer.contexts
    first.result = ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED
    second.result, second.transfer_syntaxes = ContextOutcome.ACCEPTANCE, [EXPLICIT_LE]
    second.scu_role, second.scp_role = True, False
    second.extended_negotiation = b"\0\0"
    third.result = ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED
    answer.user_identity_response = b"ticket"
    answer.user_items = [RawItem(0x5F, b"mine")]
    came = answered(answer, asked)
    assert not came.is_request
    assert [context.result for context in came.contexts] == [3, 0, 4]
    assert [context.is_accepted for context in came.contexts] == [False, True, False]
    assert came.context(3).transfer_syntax == EXPLICIT_LE
    assert (came.context(3).scu_role, came.context(3).scp_role) == (True, False)
    assert came.context(3).extended_negotiation == b"\0\0"
    assert [context.abstract_syntax for context in came.contexts] == [ECHO, CT, CT]
    assert (came.user_identity_response, came.user_items) == (b"ticket", [RawItem(0x5F, b"mine")])
    assert came.find(CT) is came.context(3)
    assert came.find_all(CT) == [came.context(3)]


def test_accept_all_takes_what_leaves_the_data_as_they_are() -> None:
    """Explicit, implicit, lossless, then lossy; with the roles that are offered."""
    asked = filled()
    asked.add(GET, [JPEGBaseline8Bit, JPEG2000Lossless, ExplicitVRBigEndian])
    asked.add(FIND, [JPEGBaseline8Bit])
    answer = received(asked).accept_all()
    assert [context.result for context in answer.contexts] == [0] * 5
    assert [context.transfer_syntaxes for context in answer.contexts] == [
        [EXPLICIT_LE],
        [EXPLICIT_LE],
        [IMPLICIT_LE],
        [JPEG2000Lossless],
        [JPEGBaseline8Bit],
    ]
    assert (answer.context(3).scu_role, answer.context(3).scp_role) == (True, True)
    came = answered(answer, asked)
    assert [context.transfer_syntax for context in came.contexts] == [
        context.transfer_syntax for context in answer.contexts
    ]


def test_accept_all_refuses_what_is_none() -> None:
    """A context whose syntaxes are no UIDs cannot be used, whoever proposes it."""
    pdu = received(filled()).to_request()
    from dataclasses import replace

    from dicomnet.pdu import ProposedContext

    odd = replace(pdu, contexts=(ProposedContext(1, UID(""), (UID(EXPLICIT_LE),)), ProposedContext(3, UID(CT), ())))
    answer = Associate.from_pdu(odd).accept_all()
    assert [context.result for context in answer.contexts] == [3, 4]


def test_only_a_received_request_can_be_answered() -> None:
    """Not one of our own, nor an answer."""
    for associate in (filled(), received(filled()).accept()):
        with pytest.raises(StateError, match="only a received association request"):
            associate.accept()
        with pytest.raises(StateError):
            associate.accept_all()


def test_requests_and_answers_are_not_mixed_up() -> None:
    """Neither is made into the PDU of the other."""
    asked = received(filled())
    assert isinstance(asked.to_request(), AssociateRequest)
    assert isinstance(asked.accept_all().to_accept(), AssociateAccept)
    with pytest.raises(StateError, match="make its answer"):
        asked.to_accept()
    with pytest.raises(StateError, match="not a request"):
        asked.accept_all().to_request()


def test_the_result_of_a_context_is_the_acceptors_word_unless_it_makes_no_sense() -> None:
    """Missing is refused, unasked for is left out, a transfer syntax that was not proposed is no agreement."""
    asked = filled()
    answer = received(asked).accept_all()
    answer.remove(1)
    answer.contexts.append(PresentationContext(55, FIND, [EXPLICIT_LE]))
    answer.context(3).transfer_syntaxes = [JPEG2000Lossless]
    came = answered(answer, asked)
    assert [(context.context_id, context.result) for context in came.contexts] == [(1, 2), (3, 4), (99, 0)]


def test_a_pdu_that_is_cut_short_is_no_associate() -> None:
    """The helpers of these tests read what the library reads."""
    pdu = push_pdu(filled().to_request())
    with pytest.raises(InvalidPdu):
        decode(PduType(pdu[0]), memoryview(pdu)[6:-1])


# On the wire.


@pytest.mark.usefixtures("network")
def test_what_is_asked_and_answered_is_what_both_sides_see() -> None:
    """Identity, window, roles, refused contexts: through two objects."""
    answers: list[Associate] = []
    with connected(scp=Provider(), scu=Recorder()) as trio:

        def answer(asked: Associate) -> None:
            assert asked.user_identity == UserIdentity(2, b"jane", b"secret", True)
            reply = asked.accept_all()
            reply.context(1).result = ContextOutcome.USER_REJECTION
            reply.user_identity_response = b""
            answers.append(reply)
            trio.scp.send_associate_accept(reply)

        trio.scp.react("receive_associate_request", answer)
        trio.scu.send_associate_request(filled())
        trio.scu.wait("receive_associate_accept")
        for association in (trio.scu.association, trio.scp.association, trio.scu.all("receive_associate_accept")[0]):
            assert association is not None
            assert [context.result for context in association.contexts] == [1, 0, 0]
            assert association.find(ECHO) is None
            assert association.async_window == (5, 3)
            assert association.user_identity_response == b""
        with pytest.raises(StateError, match="Verification SOP Class was accepted"):
            trio.scu.send_c_echo_request()
        with pytest.raises(StateError, match="presentation context 1 was not accepted"):
            trio.scu.send_c_echo_request(context_id=1)
        trio.finish()


@pytest.mark.usefixtures("network")
def test_the_window_that_was_agreed_on_is_used() -> None:
    """Three requests are out at a time, and a fourth waits."""
    asked = Associate.request(called_ae="SCP", calling_ae="SCU", contexts=[ECHO])
    asked.async_window = (3, 1)
    with connected() as trio:
        trio.scp.react("receive_c_echo_request", lambda message: None)
        trio.scu.send_associate_request(asked)
        trio.scu.wait("receive_associate_accept")
        for _ in range(4):
            trio.scu.send_c_echo_request()
        trio.scp.wait("receive_c_echo_request", 3)
        trio.scu.wait_sent(4, 3)
        assert trio.scu.send_queue_length == 1
        trio.scp.send_c_echo_response(trio.scp.all("receive_c_echo_request")[1])
        trio.scp.wait("receive_c_echo_request", 4)
        assert trio.scu.wait("receive_c_echo_response").message_id_being_responded_to == 2


@pytest.mark.usefixtures("network")
def test_the_largest_request_there_is_goes_through() -> None:
    """128 contexts with many transfer syntaxes each, all answered."""
    contexts = [PresentationContext(n, f"1.2.840.{n}", [f"1.2.3.{m}" for m in range(40)]) for n in range(1, 256, 2)]
    with associated(contexts=contexts) as trio:
        assert trio.scu.association is not None
        assert sum(context.is_accepted for context in trio.scu.association.contexts) == 128
        trio.finish()


@pytest.mark.usefixtures("network")
def test_the_smallest_maximum_length_goes_through() -> None:
    """Eight bytes: a PDV header and two bytes of data in each PDU."""
    asked = Associate.request(called_ae="SCP", calling_ae="SCU", contexts=[ECHO])
    asked.max_pdu_length = 8
    with connected() as trio:
        trio.scu.send_associate_request(asked)
        trio.scu.wait("receive_associate_accept")
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        assert trio.scu.told.count("receive 4") > 30
        trio.finish()
