"""What is offered, what is answered, and what both sides make of it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace

import pytest
from hypothesis import given, strategies as st

from dicomnet.errors import InvalidValue
from dicomnet.limits import Limits
from dicomnet.pdu import (
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousWindow,
    ContextOutcome,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    RoleSelection,
    UserIdentity,
    UserIdentityType,
    UserInformation,
)
from dicomnet.pdu.read import decode
from dicomnet.pdu.write import push_pdu
from dicomnet.types import UID
from dicomnet.uids import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLSLossless,
)
from dicomnet.ul.negotiation import (
    Policy,
    Terms,
    answer_window,
    check_answer,
    choose_transfer_syntax,
    conclude,
    negotiate,
    refuse_context,
    screen,
)
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE, IMPLICIT_LE, VERIFICATION, proposal
from strategies import associate_requests, asynchronous_windows, uids

VERY_PRIVATE = UID("1.2.3.4.5.6.7")
REQUEST = proposal()


def informed(**fields: object) -> AssociateRequest:
    """The usual request with other user information."""
    return replace(REQUEST, user_information=replace(REQUEST.user_information, **fields))


def accepted(request: AssociateRequest, policy: Policy | None = None) -> AssociateAccept:
    answer = negotiate(request, policy or Policy())
    assert isinstance(answer, AssociateAccept)
    return answer


def both(request: AssociateRequest, answer: AssociateAccept) -> tuple[Terms, Terms]:
    """The terms of the requestor and of the acceptor."""
    return conclude(request, answer, requestor=True), conclude(request, answer, requestor=False)


class TestScreen:
    def test_a_usual_request_passes(self) -> None:
        """Nothing is wrong with it."""
        assert screen(REQUEST) is None

    @pytest.mark.parametrize(
        ("request_", "numbers", "wrong"),
        [
            pytest.param(replace(REQUEST, protocol_version=0), (1, 2, 2), "0000H, without bit 0", id="no version"),
            pytest.param(
                replace(REQUEST, protocol_version=0xFFFE),
                (1, 2, 2),
                "FFFEH, without bit 0",
                id="every version but ours",
            ),
            pytest.param(
                replace(REQUEST, application_context=UID("1.2.3")), (1, 1, 2), "(1.2.3)", id="another application"
            ),
            pytest.param(
                replace(REQUEST, application_context=UID("")), (1, 1, 2), "(there is none)", id="no application"
            ),
            pytest.param(replace(REQUEST, called_ae=""), (1, 1, 7), "called AE title", id="nobody called"),
            pytest.param(replace(REQUEST, calling_ae=""), (1, 1, 3), "calling AE title", id="nobody calling"),
            pytest.param(replace(REQUEST, contexts=()), (1, 2, 1), "no presentation context", id="no context"),
            pytest.param(informed(max_pdu_length=7), (1, 2, 1), "PDUs of 7 bytes", id="no room for a message"),
        ],
    )
    def test_a_request_cannot_be_taken(
        self, request_: AssociateRequest, numbers: tuple[int, int, int], wrong: str
    ) -> None:
        """Result, source and reason are those of PS3.8 Table 9-21; the words say what they do not."""
        found = screen(request_)
        assert found is not None
        assert found[0] == AssociateReject(*numbers)
        assert wrong in found[1]

    @pytest.mark.parametrize("version", [1, 3, 0xFFFF])
    def test_only_bit_0_of_the_version_is_tested(self, version: int) -> None:
        """A peer of later versions speaks ours too."""
        assert screen(replace(REQUEST, protocol_version=version)) is None

    @pytest.mark.parametrize("length", [None, 0, 8, 9, 2**32 - 1])
    def test_any_useful_maximum_passes(self, length: int | None) -> None:
        """None and 0 are no limit."""
        assert screen(informed(max_pdu_length=length)) is None


class TestPolicy:
    def test_a_title_is_not_ours(self) -> None:
        """1/1/7, also when only the case differs."""
        for title in "STORE", "acceptor":
            answer = negotiate(replace(REQUEST, called_ae=title), Policy(called_ae={"ACCEPTOR"}))
            assert answer == AssociateReject(1, 1, 7)
        accepted(REQUEST, Policy(called_ae={"ACCEPTOR"}))

    def test_a_caller_is_not_known(self) -> None:
        """1/1/3, if the policy names its callers."""
        assert negotiate(REQUEST, Policy(calling_ae={"OTHER"})) == AssociateReject(1, 1, 3)
        accepted(REQUEST, Policy(calling_ae={"OTHER", "REQUESTOR"}))

    def test_no_title_may_be_ours_at_all(self) -> None:
        """An empty collection is nobody, not anybody."""
        assert negotiate(REQUEST, Policy(called_ae=())) == AssociateReject(1, 1, 7)
        assert negotiate(REQUEST, Policy(calling_ae=())) == AssociateReject(1, 1, 3)

    def test_an_open_receiver_takes_every_class(self) -> None:
        """Without a list of abstract syntaxes private ones are taken too."""
        request = proposal(contexts=(ProposedContext(1, VERY_PRIVATE, (IMPLICIT_LE,)),))
        assert accepted(request).contexts == (ContextResult(1, 0, IMPLICIT_LE),)

    def test_a_class_is_not_served(self) -> None:
        """Result 3; the association stands, with or without a usable context."""
        policy = Policy(abstract_syntaxes={VERIFICATION: None})
        answer = accepted(proposal(contexts=REQUEST.contexts[:2]), policy)
        assert [c.result for c in answer.contexts] == [0, ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED]
        answer = accepted(proposal(contexts=REQUEST.contexts[1:2]), policy)
        assert not any(c.accepted for c in answer.contexts)
        assert both(proposal(contexts=REQUEST.contexts[1:2]), answer)[0].contexts == {}

    def test_no_syntax_of_a_class_is_taken(self) -> None:
        """Result 4: the class is fine."""
        policy = Policy(abstract_syntaxes={CT_IMAGE_STORAGE: [JPEG2000Lossless]})
        (answer,) = accepted(proposal(contexts=REQUEST.contexts[1:2]), policy).contexts
        assert answer.result == ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED

    def test_the_acceptor_chooses_the_syntax(self) -> None:
        """By its own order of preference, not by the order of the offer."""
        policy = Policy(abstract_syntaxes={CT_IMAGE_STORAGE: [JPEG2000Lossless, IMPLICIT_LE, EXPLICIT_LE]})
        (answer,) = accepted(proposal(contexts=REQUEST.contexts[1:2]), policy).contexts
        assert answer == ContextResult(3, 0, IMPLICIT_LE)

    def test_a_context_without_syntaxes_is_refused(self) -> None:
        """Peers leave them out; each context is judged alone."""
        contexts = (
            ProposedContext(1, UID(""), (IMPLICIT_LE,)),
            ProposedContext(3, VERIFICATION, ()),
            ProposedContext(5, VERIFICATION, (IMPLICIT_LE,)),
        )
        results = [c.result for c in accepted(proposal(contexts=contexts)).contexts]
        assert results == [
            ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED,
            ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED,
            ContextOutcome.ACCEPTANCE,
        ]

    def test_the_answer_goes_back_under_the_titles_of_the_request(self) -> None:
        """The titles and the 64 bytes they came in are echoed."""
        request = replace(REQUEST, echo=bytes(range(64)))
        answer = accepted(request)
        assert (answer.called_ae, answer.calling_ae, answer.echo) == ("ACCEPTOR", "REQUESTOR", bytes(range(64)))

    def test_the_answer_says_who_we_are(self) -> None:
        """Maximum length and implementation are those of the policy."""
        policy = Policy(max_pdu_length=1234, implementation_class_uid=UID("1.9"), implementation_version_name="NAME")
        information = accepted(REQUEST, policy).user_information
        assert information.max_pdu_length == 1234
        assert information.implementation_class_uid == "1.9"
        assert information.implementation_version_name == "NAME"

    def test_extended_negotiation_is_answered_where_the_policy_does(self) -> None:
        """What it answers with None stays unanswered, which means no to it."""
        offers = (ExtendedNegotiation(VERIFICATION, b"a"), ExtendedNegotiation(CT_IMAGE_STORAGE, b"b"))
        request = informed(extended=offers)
        assert accepted(request).user_information.extended == ()
        policy = Policy(extended=lambda offer: offer if offer.sop_class == VERIFICATION else None)
        assert accepted(request, policy).user_information.extended == offers[:1]


class TestIdentity:
    WHO = UserIdentity(UserIdentityType.USERNAME_PASSCODE, b"who", b"secret", positive_response_requested=True)

    def test_nobody_looks_at_an_identity(self) -> None:
        """Without an authenticator it is passed over and not answered."""
        assert accepted(informed(user_identity=self.WHO)).user_information.user_identity_response is None

    def test_an_identity_is_confirmed(self) -> None:
        """The response goes back if one was asked for, an empty one too."""
        for response in b"", b"ticket":
            seen = []
            policy = Policy(identity=lambda who, response=response, seen=seen: seen.append(who) or response)
            answer = accepted(informed(user_identity=self.WHO), policy)
            assert answer.user_information.user_identity_response == response
            assert seen == [self.WHO]

    def test_a_response_is_not_asked_for(self) -> None:
        """Then none is sent, though the identity was looked at."""
        who = replace(self.WHO, positive_response_requested=False)
        answer = accepted(informed(user_identity=who), Policy(identity=lambda _: b"ticket"))
        assert answer.user_information.user_identity_response is None

    def test_an_identity_is_refused(self) -> None:
        """PS3.7 D.3.3.7.3: rejected for good, by the provider."""
        assert negotiate(informed(user_identity=self.WHO), Policy(identity=lambda _: None)) == AssociateReject(1, 2, 1)

    def test_an_identity_is_missing(self) -> None:
        """Whether one must be there is not for negotiation to say: the authenticator is not called."""
        accepted(REQUEST, Policy(identity=lambda _: None))


ROLES = [
    # offered       answered        the requestor then is
    (None, None, (True, False)),
    (None, (True, True), (True, False)),
    (None, (False, True), (True, False)),
    ((True, True), None, (True, False)),
    ((False, True), None, (True, False)),
    ((True, False), (True, False), (True, False)),
    ((True, False), (False, False), (False, False)),
    ((True, False), (True, True), (True, False)),
    ((True, False), (False, True), (False, False)),
    ((False, True), (False, True), (False, True)),
    ((False, True), (False, False), (False, False)),
    ((False, True), (True, True), (False, True)),
    ((False, True), (True, False), (False, False)),
    ((True, True), (True, True), (True, True)),
    ((True, True), (True, False), (True, False)),
    ((True, True), (False, True), (False, True)),
    ((True, True), (False, False), (False, False)),
    ((False, False), (True, True), (False, False)),
    ((False, False), (False, False), (False, False)),
]
"""PS3.7 D.3.3.4, each pair SCU and SCP; None is an absent sub-item."""


class TestRoles:
    @pytest.mark.parametrize(("offered", "answered", "roles"), ROLES)
    def test_roles_are_concluded(
        self, offered: tuple[bool, bool] | None, answered: tuple[bool, bool] | None, roles: tuple[bool, bool]
    ) -> None:
        """A role is played if it was offered and granted; without both sub-items the requestor is SCU only."""
        request = informed(roles=() if offered is None else (RoleSelection(CT_IMAGE_STORAGE, *offered),))
        answer = accepted(request)
        answers = () if answered is None else (RoleSelection(CT_IMAGE_STORAGE, *answered),)
        answer = replace(answer, user_information=replace(answer.user_information, roles=answers))
        requestor, acceptor = both(request, answer)
        assert (requestor.contexts[3].our_scu, requestor.contexts[3].our_scp) == roles
        assert (acceptor.contexts[3].our_scp, acceptor.contexts[3].our_scu) == roles
        assert (requestor.contexts[1].our_scu, requestor.contexts[1].our_scp) == (True, False)

    def test_a_role_without_a_context_is_not_answered(self) -> None:
        """A role selection for a SOP class that no context proposes is nobody's."""
        offers = (RoleSelection(UID("1.2.3"), scu=True, scp=True),)
        assert accepted(informed(roles=offers), Policy()).user_information.roles == ()

    def test_roles_are_answered_as_the_policy_says(self) -> None:
        """But a role that was not offered is not granted."""
        offers = (RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=False), RoleSelection(VERIFICATION, scu=True, scp=True))
        policy = Policy(
            roles=lambda o: RoleSelection(o.sop_class, scu=True, scp=True) if o.sop_class == CT_IMAGE_STORAGE else None
        )
        assert accepted(informed(roles=offers), policy).user_information.roles == offers[:1]

    def test_an_open_receiver_grants_what_is_offered(self) -> None:
        """A requestor that wants to be SCP, as for C-GET, becomes one."""
        offers = (RoleSelection(CT_IMAGE_STORAGE, scu=False, scp=True),)
        requestor, acceptor = both(informed(roles=offers), accepted(informed(roles=offers)))
        assert (requestor.contexts[3].our_scu, requestor.contexts[3].our_scp) == (False, True)
        assert (acceptor.contexts[3].our_scu, acceptor.contexts[3].our_scp) == (True, False)


class TestWindows:
    @pytest.mark.parametrize(
        ("offered", "limit", "answer"),
        [
            (None, 16, None),
            ((1, 1), 16, (1, 1)),
            ((5, 7), 16, (5, 7)),
            ((50, 70), 16, (16, 16)),
            ((0, 0), 16, (16, 16)),
            ((0, 3), 16, (16, 3)),
            ((50, 0), 0, (50, 0)),
            ((0, 0), 0, (0, 0)),
            ((5, 0), 1, (1, 1)),
        ],
    )
    def test_a_window_is_answered(
        self, offered: tuple[int, int] | None, limit: int, answer: tuple[int, int] | None
    ) -> None:
        """Only if offered, never above the offer nor above our limit; 0 is no limit."""
        window = None if offered is None else AsynchronousWindow(*offered)
        assert answer_window(window, limit) == (None if answer is None else AsynchronousWindow(*answer))

    @given(asynchronous_windows(), st.integers(0, 100))
    def test_a_window_never_grows(self, offered: AsynchronousWindow, limit: int) -> None:
        """Both numbers count as larger the larger they are, and 0 as the largest."""
        answer = answer_window(offered, limit)
        assert answer is not None
        for theirs, ours in (offered.invoked, answer.invoked), (offered.performed, answer.performed):
            assert (ours or 10**6) <= (theirs or 10**6)
            assert (ours or 10**6) <= (limit or 10**6)

    @pytest.mark.parametrize(
        ("offered", "answered", "window"),
        [
            (None, None, (1, 1)),
            (None, (5, 5), (1, 1)),
            ((5, 5), None, (1, 1)),
            ((5, 3), (4, 2), (4, 2)),
            ((5, 3), (50, 50), (5, 3)),
            ((0, 0), (0, 0), (0, 0)),
            ((0, 3), (7, 0), (7, 3)),
        ],
    )
    def test_a_window_is_concluded(
        self,
        offered: tuple[int, int] | None,
        answered: tuple[int, int] | None,
        window: tuple[int, int],
    ) -> None:
        """One operation at a time unless both sides name a window; an answer above the offer is not believed."""
        request = informed(asynchronous_window=None if offered is None else AsynchronousWindow(*offered))
        answer = accepted(request)
        named = None if answered is None else AsynchronousWindow(*answered)
        answer = replace(answer, user_information=replace(answer.user_information, asynchronous_window=named))
        requestor, acceptor = both(request, answer)
        assert (requestor.operations_invoked, requestor.operations_performed) == window
        assert (acceptor.operations_performed, acceptor.operations_invoked) == window


class TestTransferSyntaxes:
    def test_the_default_order(self) -> None:
        """Of all of them the plain ones are taken first, and what loses something last."""
        order = [
            ExplicitVRLittleEndian,
            ImplicitVRLittleEndian,
            JPEGLSLossless,
            DeflatedExplicitVRLittleEndian,
            ExplicitVRBigEndian,
            JPEGBaseline8Bit,
        ]
        for at in range(len(order)):
            assert choose_transfer_syntax(order[at:][::-1]) == order[at]

    def test_among_equals_the_proposer_decides(self) -> None:
        """The order of the proposal is a hint."""
        for proposed in [JPEG2000Lossless, JPEGLSLossless], [JPEGLSLossless, JPEG2000Lossless]:
            assert choose_transfer_syntax(proposed) == proposed[0]
        for proposed in [JPEGBaseline8Bit, VERY_PRIVATE], [VERY_PRIVATE, JPEGBaseline8Bit]:
            assert choose_transfer_syntax(proposed) == proposed[0]

    def test_nothing_is_proposed(self) -> None:
        """Then nothing is chosen."""
        assert choose_transfer_syntax([]) is None
        assert choose_transfer_syntax([], [ImplicitVRLittleEndian]) is None

    def test_what_cannot_be_sent_back_is_not_chosen(self) -> None:
        """A peer may propose text that is no UID; the answer must be one."""
        assert choose_transfer_syntax(["", "nonsense", "1." * 40]) is None
        assert choose_transfer_syntax(["nonsense", VERY_PRIVATE]) == VERY_PRIVATE

    @given(st.lists(uids() | st.sampled_from([ImplicitVRLittleEndian, JPEGBaseline8Bit])), st.lists(uids()))
    def test_what_is_chosen_was_proposed(self, proposed: list[UID], preference: list[UID]) -> None:
        """And, where there is a preference, preferred."""
        chosen = choose_transfer_syntax(proposed)
        assert chosen in proposed if proposed else chosen is None
        chosen = choose_transfer_syntax(proposed, preference)
        assert chosen is None or (chosen in proposed and chosen in preference)


WHO = UserIdentity(UserIdentityType.USERNAME, b"who", positive_response_requested=False)
OFFERED = informed(
    asynchronous_window=AsynchronousWindow(5, 0),
    roles=(RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=False), RoleSelection(VERIFICATION, scu=False, scp=True)),
    extended=(ExtendedNegotiation(CT_IMAGE_STORAGE, b"a"),),
    user_identity=replace(WHO, positive_response_requested=True),
)
RESULTS = accepted(REQUEST).contexts


def answered(request: AssociateRequest = OFFERED, **fields: object) -> tuple[AssociateRequest, AssociateAccept]:
    """A request and its acceptance with other user information."""
    answer = accepted(request)
    return request, replace(answer, user_information=replace(answer.user_information, **fields))


class TestCheckAnswer:
    @pytest.mark.parametrize(
        "contexts",
        [
            pytest.param((), id="none"),
            pytest.param(RESULTS[1:], id="one is missing"),
            pytest.param((*RESULTS, ContextResult(99, 0, IMPLICIT_LE)), id="one was never offered"),
            pytest.param((*RESULTS[1:], ContextResult(99, 3, None)), id="one in the place of another"),
            pytest.param((*RESULTS, RESULTS[0]), id="one is answered twice"),
        ],
    )
    def test_every_context_is_answered_once_and_no_other(self, contexts: tuple[ContextResult, ...]) -> None:
        """PS3.8 9.3.3.2: one result for each that was proposed."""
        with pytest.raises(InvalidValue, match="were proposed"):
            check_answer(REQUEST, replace(accepted(REQUEST), contexts=contexts))

    def test_the_order_of_the_results_is_free(self) -> None:
        """They are told apart by their IDs."""
        check_answer(REQUEST, replace(accepted(REQUEST), contexts=RESULTS[::-1]))

    @pytest.mark.parametrize("syntax", [EXPLICIT_LE, JPEG2000Lossless, None])
    def test_a_syntax_was_not_proposed(self, syntax: UID | None) -> None:
        """That of another context does not count, nor does none at all."""
        contexts = (ContextResult(1, 0, syntax), *RESULTS[1:])
        with pytest.raises(InvalidValue, match="context 1 is accepted in a transfer syntax that was not proposed"):
            check_answer(REQUEST, replace(accepted(REQUEST), contexts=contexts))

    @pytest.mark.parametrize("syntax", [JPEG2000Lossless, None])
    def test_the_syntax_of_a_refusal_means_nothing(self, syntax: UID | None) -> None:
        """So it may be any."""
        contexts = (ContextResult(1, ContextOutcome.USER_REJECTION, syntax), *RESULTS[1:])
        check_answer(REQUEST, replace(accepted(REQUEST), contexts=contexts))

    @pytest.mark.parametrize(
        "role",
        [
            RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=True),
            RoleSelection(CT_IMAGE_STORAGE, scu=False, scp=True),
            RoleSelection(VERIFICATION, scu=True, scp=True),
            RoleSelection(VERY_PRIVATE, scu=False, scp=False),
        ],
    )
    def test_a_role_was_not_offered(self, role: RoleSelection) -> None:
        """1 may not answer a proposed 0, nor anything what was not proposed (PS3.7 D.3.3.4)."""
        with pytest.raises(InvalidValue, match=rf"a role of {role.sop_class} is granted"):
            check_answer(*answered(roles=(role,)))

    def test_a_role_may_be_refused(self) -> None:
        """0 answers 1, and silence anything."""
        check_answer(*answered(roles=(RoleSelection(CT_IMAGE_STORAGE, scu=False, scp=False),)))
        check_answer(*answered(roles=()))

    def test_an_extended_negotiation_was_not_offered(self) -> None:
        """What it holds is between the applications, but it must have been asked for."""
        check_answer(*answered(extended=(ExtendedNegotiation(CT_IMAGE_STORAGE, b"another"),)))
        with pytest.raises(InvalidValue, match="extended"):
            check_answer(*answered(extended=(ExtendedNegotiation(VERIFICATION, b"a"),)))

    @pytest.mark.parametrize("window", [(6, 1), (0, 1), (0, 0)])
    def test_a_window_is_wider(self, window: tuple[int, int]) -> None:
        """0 is no limit, and so the widest."""
        with pytest.raises(InvalidValue, match="wider"):
            check_answer(*answered(asynchronous_window=AsynchronousWindow(*window)))

    @pytest.mark.parametrize("window", [(5, 0), (1, 1), (5, 65535)])
    def test_a_window_is_not_wider(self, window: tuple[int, int]) -> None:
        """Up to the offer anything may be answered."""
        check_answer(*answered(asynchronous_window=AsynchronousWindow(*window)))

    def test_a_window_was_not_offered(self) -> None:
        """Then not even the default one is answered."""
        with pytest.raises(InvalidValue, match="window"):
            check_answer(*answered(REQUEST, asynchronous_window=AsynchronousWindow(1, 1)))

    @pytest.mark.parametrize("request_", [REQUEST, informed(user_identity=WHO)])
    @pytest.mark.parametrize("response", [b"", b"ticket"])
    def test_an_identity_did_not_ask_for_an_answer(self, request_: AssociateRequest, response: bytes) -> None:
        """Nor did a request without one; an empty answer is one too."""
        check_answer(*answered(user_identity_response=response))
        with pytest.raises(InvalidValue, match="asked for no answer"):
            check_answer(*answered(request_, user_identity_response=response))


class TestConclude:
    def test_the_terms_of_both_sides(self) -> None:
        """Each side learns the other's maximum length and implementation."""
        request = informed(max_pdu_length=1000, implementation_version_name="THEIRS")
        answer = accepted(request, Policy(max_pdu_length=2000, implementation_version_name="OURS"))
        requestor, acceptor = both(request, answer)
        assert (requestor.peer_max_pdu_length, acceptor.peer_max_pdu_length) == (2000, 1000)
        assert requestor.peer_implementation_version_name == "OURS"
        assert acceptor.peer_implementation_version_name == "THEIRS"
        assert (requestor.called_ae, requestor.calling_ae) == ("ACCEPTOR", "REQUESTOR")

    def test_titles_of_an_answer_mean_nothing(self) -> None:
        """Peers garble the echo; the titles are those we sent."""
        answer = replace(accepted(REQUEST), called_ae="GARBLED", calling_ae="")
        assert conclude(REQUEST, answer, requestor=True).called_ae == "ACCEPTOR"

    def test_results_for_contexts_never_offered_are_ignored(self) -> None:
        """An answer to nothing opens nothing."""
        answer = replace(accepted(REQUEST), contexts=(ContextResult(99, 0, IMPLICIT_LE),))
        assert conclude(REQUEST, answer, requestor=True).contexts == {}

    def test_missing_results_are_refusals(self) -> None:
        """Only what was accepted may be used."""
        answer = replace(accepted(REQUEST), contexts=(ContextResult(3, 0, IMPLICIT_LE),))
        assert list(conclude(REQUEST, answer, requestor=True).contexts) == [3]

    @pytest.mark.parametrize(
        "result",
        [
            ContextResult(1, 0, EXPLICIT_LE),
            ContextResult(1, 0, None),
            ContextResult(1, 1, IMPLICIT_LE),
            ContextResult(1, 255, IMPLICIT_LE),
        ],
    )
    def test_a_context_is_not_usable(self, result: ContextResult) -> None:
        """Accepted with a syntax that was not offered or with none, or not accepted, whatever the number."""
        answer = replace(accepted(REQUEST), contexts=(result,))
        assert conclude(REQUEST, answer, requestor=True).contexts == {}

    def test_extended_negotiation_is_what_was_answered_to_an_offer(self) -> None:
        """Of two answers the first holds, and one that nobody asked for is ignored (PS3.7 D.3.3.5)."""
        items = [(CT_IMAGE_STORAGE, b"first"), (CT_IMAGE_STORAGE, b"second"), (VERIFICATION, b"unasked")]
        request, accept = answered(extended=tuple(ExtendedNegotiation(*one) for one in items))
        for requestor in (True, False):
            assert conclude(request, accept, requestor=requestor).extended == {CT_IMAGE_STORAGE: b"first"}
        assert conclude(*answered(extended=()), requestor=True).extended == {}

    @pytest.mark.parametrize("response", [None, b"", b"ticket"])
    def test_the_answer_to_an_identity_is_kept_where_one_was_asked_for(self, response: bytes | None) -> None:
        """An empty one confirms the user, none does not (PS3.7 D.3.3.7); what nobody asked for is ignored."""
        request, accept = answered(user_identity_response=response)
        assert conclude(request, accept, requestor=True).user_identity_response == response
        for identity in (None, WHO):
            unasked = replace(request, user_information=replace(request.user_information, user_identity=identity))
            assert conclude(unasked, accept, requestor=True).user_identity_response is None

    def test_a_class_in_several_contexts_keeps_them_all(self) -> None:
        """One context per transfer syntax is how a requestor learns what the acceptor takes."""
        contexts = tuple(
            ProposedContext(2 * n + 1, CT_IMAGE_STORAGE, (syntax,))
            for n, syntax in enumerate([JPEGLSLossless, EXPLICIT_LE, IMPLICIT_LE])
        )
        request = proposal(contexts=contexts)
        terms, _ = both(request, accepted(request))
        assert [c.transfer_syntax for c in terms.contexts.values()] == [JPEGLSLossless, EXPLICIT_LE, IMPLICIT_LE]
        found = terms.find(CT_IMAGE_STORAGE)
        assert found is not None
        assert found.context_id == 1
        assert terms.find(VERIFICATION) is None

    def test_a_refused_context_goes_over_the_wire(self) -> None:
        """Its transfer syntax means nothing, but it has one on the wire, and is none when read."""
        answer = replace(
            accepted(REQUEST), contexts=(refuse_context(REQUEST.contexts[0], ContextOutcome.USER_REJECTION),)
        )
        data = push_pdu(answer)
        assert b"\x40\0\0\x111.2.840.10008.1.2" in data
        assert decode(data[0], data[6:]) == answer

    @pytest.mark.parametrize(("peer", "ours", "sent"), [(0, 1000, 1000), (500, 1000, 500), (5000, 1000, 1000)])
    def test_the_largest_pdu_that_is_sent(self, peer: int, ours: int, sent: int) -> None:
        """The peer's limit bounds what we send, and our own bounds it where it has none."""
        terms, _ = both(REQUEST, accepted(REQUEST, Policy(max_pdu_length=peer)))
        assert terms.max_sent_pdu_length(ours) == sent

    def test_terms_cannot_be_changed(self) -> None:
        """Both layers look them up; nobody edits them."""
        terms, _ = both(REQUEST, accepted(REQUEST))
        with pytest.raises(TypeError):
            terms.contexts[1] = terms.contexts[3]  # type: ignore[index]


rough_uids = uids() | st.text(st.characters(max_codepoint=255), max_size=70).map(UID)
"""What peers send as UIDs."""

rough_requests = st.builds(
    lambda request, contexts, roles, extended: replace(
        request,
        contexts=tuple(ProposedContext(2 * n + 1, a, tuple(t)) for n, (a, t) in enumerate(contexts)),
        user_information=replace(request.user_information, roles=tuple(roles), extended=tuple(extended)),
    ),
    associate_requests(),
    st.lists(st.tuples(rough_uids, st.lists(rough_uids, max_size=3)), max_size=5),
    st.lists(
        st.builds(RoleSelection, rough_uids, st.booleans(), st.booleans()), max_size=4, unique_by=lambda r: r.sop_class
    ),
    st.lists(
        st.builds(ExtendedNegotiation, rough_uids, st.binary(max_size=4)), max_size=4, unique_by=lambda e: e.sop_class
    ),
)
"""Requests as they come from peers: read without complaint, but full of text that is no UID."""

policies = st.builds(
    Policy,
    abstract_syntaxes=st.none() | st.dictionaries(uids(), st.none() | st.lists(uids(), max_size=3), max_size=3),
    roles=st.sampled_from(
        [lambda offer: offer, lambda _: None, lambda o: RoleSelection(o.sop_class, scu=True, scp=True)]
    ),
    extended=st.sampled_from([lambda offer: offer, lambda _: None]),
    max_pdu_length=st.sampled_from([0, 8, Limits().max_pdu_length]),
    asynchronous_window=st.integers(0, 20),
)


class TestAnyRequest:
    @given(associate_requests() | rough_requests, policies)
    def test_every_context_is_answered_once(self, request: AssociateRequest, policy: Policy) -> None:
        """In the order of the proposal, and an accepted one with a syntax that was proposed."""
        answer = accepted(request, policy)
        assert [c.context_id for c in answer.contexts] == [c.context_id for c in request.contexts]
        for offer, result in zip(request.contexts, answer.contexts, strict=True):
            assert not result.accepted or result.transfer_syntax in offer.transfer_syntaxes

    @given(associate_requests() | rough_requests, policies)
    def test_the_answer_is_never_larger_than_the_offer(self, request: AssociateRequest, policy: Policy) -> None:
        """No role, no window, no negotiation that was not asked for."""
        theirs, ours = request.user_information, accepted(request, policy).user_information
        offered = {role.sop_class: role for role in theirs.roles}
        for role in ours.roles:
            assert offered[role.sop_class].scu >= role.scu
            assert offered[role.sop_class].scp >= role.scp
        assert {e.sop_class for e in ours.extended} <= {e.sop_class for e in theirs.extended}
        assert (ours.asynchronous_window is None) == (theirs.asynchronous_window is None)
        assert ours.user_identity_response is None

    @given(associate_requests() | rough_requests, policies, st.sampled_from([None, lambda _: b"ticket"]))
    def test_the_answer_fits_the_request(
        self, request: AssociateRequest, policy: Policy, identity: Callable[[UserIdentity], bytes] | None
    ) -> None:
        """What a policy makes is never refused, whatever was asked."""
        check_answer(request, accepted(request, replace(policy, identity=identity)))

    @given(associate_requests() | rough_requests, policies)
    def test_the_answer_can_be_sent(self, request: AssociateRequest, policy: Policy) -> None:
        """Nothing that a peer puts into a request makes an answer that the standard does not let us send."""
        answer = accepted(request, policy)
        data = push_pdu(answer)
        assert decode(data[0], data[6:]) == answer

    @given(associate_requests() | rough_requests, policies, st.data())
    def test_both_sides_agree(self, request: AssociateRequest, policy: Policy, draw: st.DataObject) -> None:
        """Whatever is answered, one side may ask exactly what the other answers, as often as it allows."""
        answer = accepted(request, policy)
        if draw.draw(st.booleans()):
            window = draw.draw(st.none() | asynchronous_windows())
            flags = draw.draw(st.booleans()), draw.draw(st.booleans())
            roles = tuple(RoleSelection(role.sop_class, *flags) for role in answer.user_information.roles)
            information = replace(answer.user_information, asynchronous_window=window, roles=roles)
            answer = replace(answer, user_information=information)
        requestor, acceptor = both(request, answer)
        assert requestor.contexts.keys() == acceptor.contexts.keys()
        for ours, theirs in zip(requestor.contexts.values(), acceptor.contexts.values(), strict=True):
            assert (ours.our_scu, ours.our_scp) == (theirs.our_scp, theirs.our_scu)
            assert (ours.abstract_syntax, ours.transfer_syntax) == (theirs.abstract_syntax, theirs.transfer_syntax)
        assert requestor.operations_invoked == acceptor.operations_performed
        assert requestor.operations_performed == acceptor.operations_invoked


def test_information_may_be_missing() -> None:
    """A request without any user information is answered as if every default had been named."""
    request = replace(REQUEST, user_information=UserInformation())
    terms = conclude(request, accepted(request), requestor=False)
    assert terms.peer_max_pdu_length == 0
    assert (terms.operations_invoked, terms.operations_performed) == (1, 1)
    assert terms.peer_implementation_class_uid is None
