from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from typing import Any

import pytest

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.contexts import Wanted, association_request
from dicomnet.exchanges.services import Verb
from dicomnet.pdu import (
    AssociateAccept,
    CommonExtendedNegotiation,
    ContextOutcome,
    ExtendedNegotiation,
    RoleSelection,
    UserIdentity,
)
from dicomnet.server.answer import Abilities, agreed, answer, checked_extended, checked_syntaxes
from dicomnet.server.policy import EVERYTHING, GIVING_OUT
from dicomnet.types import UID
from dicomnet.uids import (
    CTImageStorage,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    ModalityPerformedProcedureStepNotification,
    MRImageStorage,
    Storage,
    StorageCommitmentPushModel,
    StudyRootQueryRetrieveInformationModelFind,
    Verification,
)
from dicomnet.ul.negotiation import check_answer

PRIVATE = UID("1.2.3.4.5")
FIND = StudyRootQueryRetrieveInformationModelFind
EVENTS = ModalityPerformedProcedureStepNotification
PLAIN = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)


def abilities(
    served: dict[str, Iterable[Verb]] | None = None, *, stores: Callable[[str], bool] = lambda _: False, **options: Any
) -> Abilities:
    table: dict[str, Iterable[Verb]] = {Verification: {Verb.ECHO}, **(served or {})}
    return Abilities(
        **{
            "verbs_of": lambda uid: frozenset(table.get(uid, ())),
            "stores": stores,
            "gives": False,
            "granted": EVERYTHING,
            "max_pdu_length": 65536,
            "window": 16,
            **options,
        }
    )


def ask(*wanted: UID | tuple[Any, ...], **options: Any) -> Any:
    pack = [Wanted(*one) if isinstance(one, tuple) else Wanted(one, PLAIN) for one in wanted]
    return association_request(pack, calling_ae="CT1", called_ae="ARCHIVE", max_pdu_length=16384, **options)


def decide(request: Any, able: Abilities, **options: Any) -> AssociateAccept:
    """The acceptance, which must be one that could be sent."""
    found = answer(request, able, **options)
    assert isinstance(found, AssociateAccept)
    check_answer(request, found)
    return found


def outcomes(request: Any, able: Abilities) -> list[ContextOutcome]:
    return [ContextOutcome(result.result) for result in decide(request, able).contexts]


async def called(function: Callable[..., Any], *arguments: Any) -> Any:
    return function(*arguments)


def everything(_: str) -> bool:
    return True


def test_what_no_handler_performs_is_not_supported() -> None:
    """A class of nobody is refused with 3, the others with nothing."""
    assert outcomes(ask(Verification, FIND), abilities()) == [
        ContextOutcome.ACCEPTANCE,
        ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ]


def test_what_this_peer_may_not_do_is_refused_by_the_user() -> None:
    """It is known here, but not for this one (PS3.8 Table 9-18)."""
    able = abilities({FIND: {Verb.FIND}}, granted=EVERYTHING - GIVING_OUT)
    assert outcomes(ask(FIND), able) == [ContextOutcome.USER_REJECTION]
    able = abilities(stores=everything, granted=EVERYTHING - {Verb.STORE})
    assert outcomes(ask(CTImageStorage), able) == [ContextOutcome.USER_REJECTION]


def test_messages_of_our_own_making_travel_uncompressed() -> None:
    """Explicit little endian before implicit, whatever the peer would like most; nothing compressed."""
    able = abilities({FIND: {Verb.FIND}})
    accept = decide(ask((FIND, (ExplicitVRBigEndian, *reversed(PLAIN)))), able)
    assert accept.contexts[0].transfer_syntax == ExplicitVRLittleEndian
    assert outcomes(ask((FIND, (JPEG2000Lossless,))), able) == [ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED]


def test_instances_are_taken_in_any_syntax_and_lossy_only_when_alone() -> None:
    """Otherwise modalities compress because we said yes."""
    able = abilities(stores=everything)
    accept = decide(
        ask(
            (CTImageStorage, (JPEGBaseline8Bit, *PLAIN)),
            (CTImageStorage, (JPEGBaseline8Bit,)),
            (MRImageStorage, (JPEGBaseline8Bit, JPEG2000Lossless)),
        ),
        able,
    )
    assert [one.transfer_syntax for one in accept.contexts] == [
        ExplicitVRLittleEndian,
        JPEGBaseline8Bit,
        JPEG2000Lossless,
    ]


def test_the_syntaxes_for_instances_can_be_given() -> None:
    """The first of the list that is proposed; none of it, and the context is refused."""
    able = abilities(
        stores=everything, transfer_syntaxes=checked_syntaxes(["JPEG2000Lossless", ImplicitVRLittleEndian])
    )
    accept = decide(ask((CTImageStorage, (*PLAIN, JPEG2000Lossless))), able)
    assert accept.contexts[0].transfer_syntax == JPEG2000Lossless
    assert outcomes(ask((CTImageStorage, (ExplicitVRLittleEndian,))), able) == [
        ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED
    ]


@pytest.mark.parametrize("name", ["CTImageStorage", "no syntax", Verification])
def test_what_is_no_transfer_syntax_is_refused(name: str) -> None:
    """A SOP class, for one."""
    with pytest.raises(InvalidValue, match="transfer syntax"):
        checked_syntaxes([name])


def test_only_the_storage_classes_with_a_handler_are_accepted() -> None:
    """A handler for some classes takes no others."""
    able = abilities(stores=lambda uid: uid == CTImageStorage)
    assert outcomes(ask(CTImageStorage, MRImageStorage), able) == [
        ContextOutcome.ACCEPTANCE,
        ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED,
    ]


def test_an_unknown_class_is_taken_if_the_peer_says_that_it_is_stored() -> None:
    """PS3.4 B.3.1.3; without that word only an unrestricted server takes it."""
    able = abilities(stores=everything)
    described = [CommonExtendedNegotiation(PRIVATE, Storage)]
    assert outcomes(ask(PRIVATE), able) == [ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED]
    assert outcomes(ask(PRIVATE, common_extended=described), able) == [ContextOutcome.ACCEPTANCE]
    assert outcomes(ask(PRIVATE), abilities(stores=everything, unrestricted=True)) == [ContextOutcome.ACCEPTANCE]


def test_another_service_is_not_stored_however_unrestricted() -> None:
    """A query stays a query."""
    able = abilities(stores=everything, unrestricted=True)
    assert outcomes(ask(FIND), able) == [ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED]


def test_an_unknown_class_that_is_described_as_something_else_is_refused() -> None:
    """Only the Storage service class is one that bytes can be kept of unseen."""
    described = [CommonExtendedNegotiation(PRIVATE, UID("1.2.840.10008.4.3"))]
    assert outcomes(ask(PRIVATE, common_extended=described), abilities(stores=everything)) == [
        ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED
    ]


def test_c_get_alone_accepts_storage_in_the_other_direction_only() -> None:
    """The requestor must offer to be SCP, and is granted nothing else (PS3.4 C.5.3)."""
    able = abilities(gives=True)
    assert outcomes(ask(CTImageStorage), able) == [ContextOutcome.USER_REJECTION]
    accept = decide(ask((CTImageStorage, PLAIN, True, True)), able)
    assert accept.contexts[0].accepted
    assert accept.user_information.roles == (RoleSelection(CTImageStorage, scu=False, scp=True),)


def test_peers_that_never_offer_roles_can_be_tolerated() -> None:
    """With ``assume_roles`` a C-GET brings instances all the same."""
    assert outcomes(ask(CTImageStorage), abilities(gives=True, assume_roles=True)) == [ContextOutcome.ACCEPTANCE]


def test_who_may_not_get_is_no_scp_of_storage() -> None:
    """The role is granted only with the operation that it is for."""
    able = abilities(gives=True, stores=everything, granted=EVERYTHING - GIVING_OUT)
    accept = decide(ask((CTImageStorage, PLAIN, True, True)), able)
    assert accept.user_information.roles == (RoleSelection(CTImageStorage, scu=True, scp=False),)


def test_who_reports_results_is_granted_the_role_for_that() -> None:
    """A provider of storage commitment reports its results on an association of its own (PS3.4 J.2.1)."""
    able = abilities({StorageCommitmentPushModel: {Verb.N_EVENT_REPORT}})
    for scu in (False, True):
        accept = decide(ask((StorageCommitmentPushModel, PLAIN, scu, True)), able)
        assert accept.user_information.roles == (RoleSelection(StorageCommitmentPushModel, scu=False, scp=True),)


@pytest.mark.parametrize("syntax", [Verification, FIND, StorageCommitmentPushModel, CTImageStorage])
def test_a_context_without_a_role_of_any_use_is_refused(syntax: UID) -> None:
    """A peer that is SCP only, where nobody is its SCU (PS3.7 D.3.3.4)."""
    able = abilities({FIND: {Verb.FIND}, StorageCommitmentPushModel: {Verb.N_ACTION}}, stores=everything)
    request = ask((syntax, PLAIN, False, True))
    assert outcomes(request, able) == [ContextOutcome.USER_REJECTION]
    both = ask((syntax, PLAIN, True, True))
    assert outcomes(both, able) == [ContextOutcome.ACCEPTANCE]
    assert decide(both, able).user_information.roles == (RoleSelection(syntax, scu=True, scp=False),)


def test_who_offers_no_role_reports_only_where_that_is_tolerated() -> None:
    """The default is to be SCU, which tells nothing (PS3.7 D.3.3.4)."""
    served = {StorageCommitmentPushModel: {Verb.N_EVENT_REPORT}}
    request = ask(StorageCommitmentPushModel)
    assert outcomes(request, abilities(served)) == [ContextOutcome.USER_REJECTION]
    for tolerated in ({"assume_roles": True}, {"report_without_role": True}):
        assert outcomes(request, abilities(served, **tolerated)) == [ContextOutcome.ACCEPTANCE]


def test_a_class_of_events_is_for_who_hears_them() -> None:
    """Our reports go to SCUs; that a peer reports such events is another thing."""
    able = abilities({EVENTS: {Verb.N_EVENT_REPORT}}, hears=lambda _: False)
    assert outcomes(ask(EVENTS), able) == [ContextOutcome.ACCEPTANCE]
    assert outcomes(ask((EVENTS, PLAIN, False, True)), able) == [ContextOutcome.USER_REJECTION]


def test_the_window_is_the_lower_of_both() -> None:
    """And is answered only if it was offered (PS3.7 D.3.3.3)."""
    window = decide(ask(Verification, window=(0, 4)), abilities()).user_information.asynchronous_window
    assert window is not None
    assert (window.invoked, window.performed) == (16, 4)
    assert decide(ask(Verification), abilities()).user_information.asynchronous_window is None


def test_our_maximum_length_is_announced() -> None:
    """That of the limits."""
    assert decide(ask(Verification), abilities()).user_information.max_pdu_length == 65536


def test_extended_negotiation_is_answered_by_nobody_unless_asked_for() -> None:
    """None agreed is the default of PS3.4 C.5."""
    request = ask(FIND, extended=[ExtendedNegotiation(FIND, b"\1\1")])
    able = abilities({FIND: {Verb.FIND}})
    assert decide(request, able).user_information.extended == ()


@pytest.mark.parametrize(
    "given",
    [
        {"study-root-find": b"\1\0\1"},
        lambda offer: b"\1\0",
        lambda offer: ExtendedNegotiation(offer.sop_class, b"\1\0"),
    ],
)
def test_extended_negotiation_can_be_agreed_on(given: Any) -> None:
    """By a mapping, which answers what both want, or by a function."""
    request = ask(FIND, extended=[ExtendedNegotiation(FIND, b"\1\1")])
    answers = asyncio.run(agreed(checked_extended(given), request, called))
    able = abilities({FIND: {Verb.FIND}}, extended=answers)
    assert decide(request, able).user_information.extended == (ExtendedNegotiation(FIND, b"\1\0"),)


def test_extended_negotiation_is_asked_about_once_for_each_proposed_class() -> None:
    """However often a stranger repeats it: a function may take its time."""
    offers = [ExtendedNegotiation(FIND, b"\1"), ExtendedNegotiation(CTImageStorage, b"\2")]
    request = ask(FIND, extended=offers * 50)
    asked: list[ExtendedNegotiation] = []
    asyncio.run(agreed(asked.append, request, called))
    assert asked == offers[:1]


def test_extended_negotiation_of_an_unknown_service_is_a_mistake() -> None:
    """The text names the nearest."""
    with pytest.raises(InvalidValue, match="study-root-find"):
        checked_extended({"study-rot-find": b"\1"})


def test_an_identity_is_answered_if_the_peer_wants_that() -> None:
    """And if there is something to say (PS3.7 D.3.3.7)."""
    asked = ask(Verification, user_identity=UserIdentity(1, b"alice", positive_response_requested=True))
    silent = ask(Verification, user_identity=UserIdentity(1, b"alice"))
    assert decide(asked, abilities(), identity=b"ticket").user_information.user_identity_response == b"ticket"
    assert decide(silent, abilities(), identity=b"ticket").user_information.user_identity_response is None
    assert decide(asked, abilities(), identity=None).user_information.user_identity_response is None


def test_an_association_of_which_nothing_is_accepted_stands() -> None:
    """Whether that is of any use is for the requestor to say (PS3.8 9.3.3)."""
    assert outcomes(ask(FIND, CTImageStorage), abilities()) == [ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED] * 2
