"""What is proposed for a purpose, and where in an association things may go."""

from __future__ import annotations

from collections.abc import Iterable

import pytest
from hypothesis import given, strategies as st

from dicomnet.errors import ContextRefused, InvalidValue
from dicomnet.exchanges.contexts import (
    Wanted,
    association_request,
    find_context,
    for_instances,
    merge,
    packs,
    store_context,
    wanted,
)
from dicomnet.exchanges.services import sop_classes
from dicomnet.pdu import (
    AssociateAccept,
    AssociateRequest,
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextOutcome,
    ExtendedNegotiation,
    ProposedContext,
    RoleSelection,
    UserIdentity,
    UserIdentityType,
)
from dicomnet.pdu.read import decode
from dicomnet.pdu.write import push_pdu
from dicomnet.types import UID
from dicomnet.ul.negotiation import Policy, Terms, conclude, negotiate
from pair import CT_IMAGE_STORAGE, EXPLICIT_LE, IMPLICIT_LE, STUDY_ROOT_FIND, STUDY_ROOT_GET, VERIFICATION

MR_IMAGE_STORAGE = UID("1.2.840.10008.5.1.4.1.1.4")
GRAYSCALE_PRINT, COLOR_PRINT = UID("1.2.840.10008.5.1.1.9"), UID("1.2.840.10008.5.1.1.18")
PRINTER, FILM_BOX = UID("1.2.840.10008.5.1.1.16"), UID("1.2.840.10008.5.1.1.2")
UPS_PUSH, UPS_WATCH, UPS_PULL = (UID(f"1.2.840.10008.5.1.4.34.6.{last}") for last in (1, 2, 3))
BIG_ENDIAN = UID("1.2.840.10008.1.2.2")
DEFLATED = UID("1.2.840.10008.1.2.1.99")
JPEG = UID("1.2.840.10008.1.2.4.50")
JPEG_LOSSLESS = UID("1.2.840.10008.1.2.4.70")
PRIVATE = UID("1.3.6.1.4.1.99999.7")

PLAIN = (EXPLICIT_LE, IMPLICIT_LE)


def request(pack: Iterable[Wanted], **arguments: object) -> AssociateRequest:
    """The pack as it is proposed by the usual requestor."""
    arguments = {"calling_ae": "REQUESTOR", "called_ae": "ACCEPTOR", "max_pdu_length": 16384, **arguments}
    return association_request(list(pack), **arguments)


def answered(offer: AssociateRequest, policy: Policy | None = None) -> AssociateAccept:
    answer = negotiate(offer, policy or Policy())
    assert isinstance(answer, AssociateAccept)
    return answer


def terms(pack: Iterable[Wanted], policy: Policy | None = None, *, requestor: bool = True) -> Terms:
    """What both sides hold each other to after the pack was proposed."""
    offer = request(pack)
    return conclude(offer, answered(offer, policy), requestor=requestor)


def stored(*syntaxes: UID, sop_class: UID = CT_IMAGE_STORAGE, **roles: bool) -> list[Wanted]:
    """A context for each syntax."""
    return [Wanted(sop_class, (syntax,), **roles) for syntax in syntaxes]


class TestWanted:
    def test_storage_has_a_context_for_each_syntax(self) -> None:
        """Both plain syntaxes of a storage class may be accepted at once."""
        assert wanted(["CTImageStorage"]) == stored(EXPLICIT_LE, IMPLICIT_LE)

    def test_other_services_have_one_context(self) -> None:
        """Their acceptor picks a syntax; private classes count as others."""
        assert wanted(["verification", "study-root-find", PRIVATE]) == [
            Wanted(VERIFICATION, PLAIN),
            Wanted(STUDY_ROOT_FIND, PLAIN),
            Wanted(PRIVATE, PLAIN),
        ]

    def test_names_and_contexts_mix(self) -> None:
        """A whole context stays as it is, in its place."""
        own = Wanted(STUDY_ROOT_GET, (BIG_ENDIAN,), scu=False, scp=True)
        assert wanted([own, "verification"]) == [own, Wanted(VERIFICATION, PLAIN)]

    def test_what_is_named_twice_is_proposed_once(self) -> None:
        """A service and one of its classes overlap."""
        assert wanted(["verification", VERIFICATION]) == [Wanted(VERIFICATION, PLAIN)]
        assert len(wanted(["storage", "CTImageStorage"])) == 2 * len(sop_classes("storage"))

    def test_one_name_need_not_be_a_list(self) -> None:
        """Its letters are not taken for names."""
        assert wanted("verification") == [Wanted(VERIFICATION, PLAIN)]

    def test_an_unknown_name_is_refused(self) -> None:
        """What means nothing is not left out in silence."""
        with pytest.raises(InvalidValue, match="did you mean verification"):
            wanted(["verification", "verificaton"])

    def test_a_context_is_named_by_keywords_or_uids(self) -> None:
        """Of both syntaxes, of which several may be given as well as one."""
        context = Wanted("CTImageStorage", ["JPEGBaseline8Bit", EXPLICIT_LE])
        assert context == Wanted(CT_IMAGE_STORAGE, (JPEG, EXPLICIT_LE))
        assert Wanted(PRIVATE, "ImplicitVRLittleEndian").transfer_syntaxes == (IMPLICIT_LE,)
        assert wanted([context]) == [context]

    @pytest.mark.parametrize(
        ("abstract_syntax", "transfer_syntax", "words"),
        [
            ("CTImageStorag", "ExplicitVRLittleEndian", "did you mean CTImageStorage"),
            ("ExplicitVRLittleEndian", "ExplicitVRLittleEndian", "not a SOP class"),
            ("storage", "ExplicitVRLittleEndian", "a context is for one of them"),
            ("CTImageStorage", "ExplicitVRLittleEndia", "did you mean ExplicitVRLittleEndian"),
            ("CTImageStorage", "CTImageStorage", "of a transfer syntax"),
        ],
    )
    def test_a_name_that_is_no_syntax_is_refused(self, abstract_syntax: str, transfer_syntax: str, words: str) -> None:
        """When it is given, with what comes nearest."""
        with pytest.raises(InvalidValue, match=words):
            Wanted(abstract_syntax, transfer_syntax)

    def test_a_context_without_syntax_or_role_is_refused(self) -> None:
        """There would be nothing to negotiate."""
        with pytest.raises(InvalidValue, match="CT Image Storage is wanted without a transfer syntax"):
            Wanted(CT_IMAGE_STORAGE, ())
        with pytest.raises(InvalidValue, match="neither role"):
            Wanted(CT_IMAGE_STORAGE, PLAIN, scu=False)


class TestForInstances:
    def test_each_pair_has_one_context(self) -> None:
        """Instances of one class and syntax share it, in the order in which they were seen."""
        pairs = [
            (MR_IMAGE_STORAGE, JPEG),
            (CT_IMAGE_STORAGE, JPEG),
            (MR_IMAGE_STORAGE, JPEG),
            (MR_IMAGE_STORAGE, JPEG_LOSSLESS),
        ]
        assert for_instances(pairs) == [
            *stored(JPEG, JPEG_LOSSLESS, sop_class=MR_IMAGE_STORAGE),
            *stored(JPEG),
        ]

    def test_what_can_be_converted_is_also_proposed_in_implicit_vr(self) -> None:
        """Every acceptor knows it."""
        assert for_instances([(CT_IMAGE_STORAGE, EXPLICIT_LE)]) == stored(EXPLICIT_LE, IMPLICIT_LE)

    @pytest.mark.parametrize("syntax", [BIG_ENDIAN, DEFLATED])
    def test_what_few_take_is_also_proposed_in_what_most_prefer(self, syntax: UID) -> None:
        """Some take explicit VR little endian alone, whatever PS3.5 10.1 says."""
        assert for_instances([(CT_IMAGE_STORAGE, syntax)]) == stored(syntax, EXPLICIT_LE, IMPLICIT_LE)

    @pytest.mark.parametrize(
        "syntax", [JPEG, JPEG_LOSSLESS, UID("1.2.840.10008.1.2.1.98"), UID("1.2.840.10008.1.2.4.94"), PRIVATE]
    )
    def test_what_cannot_be_converted_is_proposed_alone(self, syntax: UID) -> None:
        """Nothing is accepted that we could not send."""
        assert for_instances([(CT_IMAGE_STORAGE, syntax)]) == stored(syntax)

    def test_implicit_vr_is_proposed_once_for_a_class(self) -> None:
        """Whether it is there already, or follows from several others."""
        pairs = [(CT_IMAGE_STORAGE, syntax) for syntax in (IMPLICIT_LE, JPEG, EXPLICIT_LE, DEFLATED)]
        assert for_instances(pairs) == stored(IMPLICIT_LE, JPEG, EXPLICIT_LE, DEFLATED)

    def test_one_convertible_instance_does_not_help_another_class(self) -> None:
        """Implicit VR is proposed for the class that has something to convert."""
        pairs = [(CT_IMAGE_STORAGE, JPEG), (MR_IMAGE_STORAGE, EXPLICIT_LE)]
        assert for_instances(pairs) == [*stored(JPEG), *stored(EXPLICIT_LE, IMPLICIT_LE, sop_class=MR_IMAGE_STORAGE)]

    def test_what_may_be_decoded_is_also_proposed_uncompressed(self) -> None:
        """Or there would be no context for it where the peer takes nothing compressed."""
        assert for_instances([(CT_IMAGE_STORAGE, JPEG)], decode=True) == stored(JPEG, EXPLICIT_LE, IMPLICIT_LE)
        assert for_instances([(CT_IMAGE_STORAGE, IMPLICIT_LE)], decode=True) == stored(IMPLICIT_LE, EXPLICIT_LE)

    def test_nothing_needs_nothing(self) -> None:
        """No instance, no context."""
        assert for_instances([]) == []


class TestMerge:
    def test_unites_roles(self) -> None:
        """The same context in two roles is proposed once, in both."""
        assert merge(stored(EXPLICIT_LE), stored(JPEG), stored(EXPLICIT_LE, scu=False, scp=True)) == [
            *stored(EXPLICIT_LE, scp=True),
            *stored(JPEG),
        ]

    def test_keeps_contexts_that_differ_in_their_syntaxes(self) -> None:
        """Two syntaxes in one context are not the same offer as one."""
        both = [Wanted(CT_IMAGE_STORAGE, PLAIN), *stored(EXPLICIT_LE)]
        assert merge(both, both) == both


SOME_CONTEXTS = st.lists(
    st.builds(
        Wanted,
        st.integers(0, 40).map(lambda last: UID(f"1.2.3.{last}")),
        st.lists(st.sampled_from([EXPLICIT_LE, IMPLICIT_LE, JPEG, DEFLATED]), min_size=1, unique=True).map(tuple),
        scp=st.booleans(),
    ),
    max_size=400,
    unique_by=lambda one: (one.abstract_syntax, one.transfer_syntaxes),
)


class TestPacks:
    @given(SOME_CONTEXTS, st.integers(1, 128))
    def test_lose_and_double_nothing(self, contexts: list[Wanted], limit: int) -> None:
        """Every context is in one association, and none has more than its limit, or nothing."""
        found = packs(contexts, limit)
        assert sorted((one for pack in found for one in pack), key=repr) == sorted(contexts, key=repr)
        assert all(1 <= len(pack) <= limit for pack in found)

    @given(SOME_CONTEXTS, st.integers(1, 128))
    def test_keep_classes_together_and_in_order(self, contexts: list[Wanted], limit: int) -> None:
        """What fits into one association is not torn apart, classes follow each other as they came."""
        found = packs(contexts, limit)
        order = list(dict.fromkeys(one.abstract_syntax for one in contexts))
        assert list(dict.fromkeys(one.abstract_syntax for pack in found for one in pack)) == order
        for sop_class in order:
            ours = [one for one in contexts if one.abstract_syntax == sop_class]
            homes = [pack for pack in found if any(one.abstract_syntax == sop_class for one in pack)]
            assert len(homes) == 1 or len(ours) > limit
            assert [one for pack in homes for one in pack if one.abstract_syntax == sop_class] == ours

    @given(SOME_CONTEXTS)
    def test_become_requests_that_can_be_sent(self, contexts: list[Wanted]) -> None:
        """Each pack is written and read back with odd and unique IDs."""
        for pack in packs(contexts):
            offer = request(pack)
            ids = [context.context_id for context in offer.contexts]
            assert ids == list(range(1, 2 * len(pack), 2))
            pdu = push_pdu(offer)
            assert decode(pdu[0], pdu[6:]) == offer
            assert [(one.abstract_syntax, one.transfer_syntaxes) for one in offer.contexts] == [
                (one.abstract_syntax, one.transfer_syntaxes) for one in pack
            ]

    def test_fill_associations_to_the_brim(self) -> None:
        """A class begins a new association only if it does not fit any more."""
        classes = [stored(EXPLICIT_LE, IMPLICIT_LE, sop_class=UID(f"1.2.{last}")) for last in range(100)]
        assert [len(pack) for pack in packs(merge(*classes))] == [128, 72]
        assert [len(pack) for pack in packs(merge(*classes), 3)] == [2] * 100

    def test_take_duplicates_for_one(self) -> None:
        """What was not merged before is merged now."""
        assert packs([*stored(JPEG), *stored(JPEG, scp=True)]) == [stored(JPEG, scp=True)]

    @pytest.mark.parametrize("limit", [0, 129, -1])
    def test_refuse_a_limit_that_no_association_has(self, limit: int) -> None:
        """There are 128 IDs."""
        with pytest.raises(InvalidValue, match="1 to 128"):
            packs([], limit)


class TestAssociationRequest:
    def test_says_who_asks_whom_and_how_much(self) -> None:
        """Titles without their padding, the maximum length, our identity and the user's."""
        identity = UserIdentity(UserIdentityType.USERNAME, b"me")
        offer = request(stored(JPEG), calling_ae=" ME ", max_pdu_length=0, user_identity=identity)
        assert (offer.calling_ae, offer.called_ae) == ("ME", "ACCEPTOR")
        information = offer.user_information
        assert information.max_pdu_length == 0
        assert information.implementation_class_uid
        assert information.implementation_version_name
        assert information.user_identity == identity
        assert information.asynchronous_window is None

    def test_offers_roles_that_are_not_the_default(self) -> None:
        """Only where the default would not do, and once for a class, whatever its contexts want."""
        pack = [
            Wanted(VERIFICATION, PLAIN),
            *stored(EXPLICIT_LE, scp=True),
            *stored(JPEG),
            *stored(JPEG, sop_class=MR_IMAGE_STORAGE, scu=False, scp=True),
        ]
        assert request(pack).user_information.roles == (
            RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=True),
            RoleSelection(MR_IMAGE_STORAGE, scu=False, scp=True),
        )

    def test_offers_explicit_roles_instead(self) -> None:
        """What was said explicitly wins, of classes that are proposed."""
        explicit = [
            RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=True),
            RoleSelection(VERIFICATION, scu=True, scp=False),
            RoleSelection(MR_IMAGE_STORAGE, scu=True, scp=True),
        ]
        pack = [*stored(EXPLICIT_LE, scu=False, scp=True), Wanted(VERIFICATION, PLAIN)]
        assert request(pack, roles=explicit).user_information.roles == tuple(explicit[:2])

    def test_leaves_out_what_belongs_to_other_packs(self) -> None:
        """Extended negotiation is for classes that are proposed."""
        extended = [ExtendedNegotiation(one, b"\1") for one in (STUDY_ROOT_FIND, CT_IMAGE_STORAGE)]
        common = [
            CommonExtendedNegotiation(one, UID("1.2.840.10008.4.2")) for one in (MR_IMAGE_STORAGE, CT_IMAGE_STORAGE)
        ]
        information = request(stored(JPEG), extended=extended, common_extended=common).user_information
        assert information.extended == (extended[1],)
        assert information.common_extended == (common[1],)

    @pytest.mark.parametrize(
        ("window", "item"),
        [
            (None, None),
            (16, AsynchronousWindow(16, 16)),
            (0, AsynchronousWindow(0, 0)),
            ((5, 1), AsynchronousWindow(5, 1)),
        ],
    )
    def test_proposes_a_window_only_when_asked(self, window: object, item: AsynchronousWindow | None) -> None:
        """One number is for both sides; 0 is no limit."""
        assert request(stored(JPEG), window=window).user_information.asynchronous_window == item

    @pytest.mark.parametrize(
        ("wrong", "text"),
        [
            ({"calling_ae": ""}, "calling AE title"),
            ({"called_ae": "SEVENTEEN LETTERS"}, "called AE title"),
            ({"called_ae": "BACK\\SLASH"}, "called AE title"),
            ({"max_pdu_length": 7}, "maximum length 7"),
            ({"max_pdu_length": 1 << 32}, "maximum length 4294967296"),
            ({"window": -1}, "window of -1"),
            ({"window": (1, 65536)}, "window of 65536"),
        ],
    )
    def test_refuses_what_cannot_be_sent(self, wrong: dict[str, object], text: str) -> None:
        """Before anything is connected."""
        with pytest.raises(InvalidValue, match=text):
            request(stored(JPEG), **wrong)

    @pytest.mark.parametrize("count", [0, 129])
    def test_refuses_packs_that_are_no_association(self, count: int) -> None:
        """One context at least, 128 at most."""
        with pytest.raises(InvalidValue, match=f"not {count}"):
            request(Wanted(UID(f"1.2.{last}"), PLAIN) for last in range(count))


class TestFindContext:
    def test_finds_the_class_itself_first(self) -> None:
        """A context that merely carries the class comes after its own."""
        found = terms([Wanted(GRAYSCALE_PRINT, PLAIN), Wanted(PRINTER, PLAIN)])
        assert find_context(found, PRINTER).abstract_syntax == PRINTER
        assert find_context(found, FILM_BOX).abstract_syntax == GRAYSCALE_PRINT

    def test_finds_the_first_of_several(self) -> None:
        """In the order in which they were proposed."""
        found = terms([Wanted(COLOR_PRINT, PLAIN), Wanted(GRAYSCALE_PRINT, PLAIN), *stored(JPEG, EXPLICIT_LE)])
        assert find_context(found, PRINTER).abstract_syntax == COLOR_PRINT
        assert find_context(found, CT_IMAGE_STORAGE).transfer_syntax == JPEG

    def test_prefers_a_class_that_knows_the_operation(self) -> None:
        """Of procedure steps, states are set in a Pull context and cancels requested in a Push or Watch context."""
        found = terms([Wanted(UPS_PUSH, PLAIN), Wanted(UPS_WATCH, PLAIN), Wanted(UPS_PULL, PLAIN)])
        assert find_context(found, UPS_PUSH).abstract_syntax == UPS_PUSH
        assert find_context(found, UPS_PUSH, verb="n-set").abstract_syntax == UPS_PULL
        assert find_context(found, UPS_PUSH, verb="n-action").abstract_syntax == UPS_PUSH
        only = terms([Wanted(UPS_WATCH, PLAIN)])
        assert find_context(only, UPS_PUSH, verb="n-set").abstract_syntax == UPS_WATCH

    def test_asks_for_the_role(self) -> None:
        """The acceptor sends as SCP where the requestor sends as SCU."""
        pack = [Wanted(PRINTER, PLAIN), *stored(JPEG, scu=False, scp=True)]
        ours, theirs = terms(pack), terms(pack, requestor=False)
        assert find_context(ours, PRINTER).context_id == 1
        assert find_context(theirs, PRINTER, as_scu=False).context_id == 1
        assert find_context(theirs, CT_IMAGE_STORAGE).context_id == 3
        with pytest.raises(ContextRefused, match="without the SCU role for this side"):
            find_context(theirs, PRINTER)
        with pytest.raises(ContextRefused, match="without the SCP role"):
            find_context(ours, PRINTER, as_scu=False)

    def test_passes_over_contexts_without_the_role(self) -> None:
        """A carrying context with the role is better than the own one without."""
        offer = request([Wanted(PRINTER, PLAIN, scu=False, scp=True), Wanted(GRAYSCALE_PRINT, PLAIN)])
        found = conclude(offer, answered(offer), requestor=True)
        assert find_context(found, PRINTER).abstract_syntax == GRAYSCALE_PRINT

    def test_may_assume_roles(self) -> None:
        """For peers that do not answer a role selection but act on it."""
        pack, silent = stored(JPEG, scp=True), Policy(roles=lambda _: None)
        with pytest.raises(ContextRefused, match="role selection"):
            find_context(terms(pack, silent, requestor=False), CT_IMAGE_STORAGE)
        found = find_context(terms(pack, silent, requestor=False), CT_IMAGE_STORAGE, assume_roles=True)
        assert found.context_id == 1

    def test_tells_what_was_not_proposed(self) -> None:
        """The administrator looks at our configuration then."""
        offer = request([Wanted(VERIFICATION, PLAIN)])
        with pytest.raises(ContextRefused, match="CT Image Storage was not proposed") as caught:
            find_context(conclude(offer, answered(offer), requestor=True), CT_IMAGE_STORAGE, request=offer)
        assert caught.value.abstract_syntax == CT_IMAGE_STORAGE
        assert not caught.value.proposed

    @pytest.mark.parametrize(
        ("served", "why"),
        [({}, "the SOP class is not supported"), ({CT_IMAGE_STORAGE: [EXPLICIT_LE]}, "none of the transfer syntaxes")],
    )
    def test_tells_what_was_refused_and_why(self, served: dict[str, list[str]], why: str) -> None:
        """The administrator looks at the peer's configuration then."""
        offer = request(stored(JPEG))
        answer = answered(offer, Policy(abstract_syntaxes=served))
        found = conclude(offer, answer, requestor=True)
        with pytest.raises(ContextRefused, match=f"was proposed, but refused: {why}") as caught:
            find_context(found, CT_IMAGE_STORAGE, request=offer, accept=answer)
        assert caught.value.proposed
        with pytest.raises(ContextRefused, match=r"was proposed, but refused$"):
            find_context(found, CT_IMAGE_STORAGE, request=offer)

    def test_tells_less_when_it_knows_less(self) -> None:
        """Without the request, what was proposed is not known."""
        with pytest.raises(ContextRefused, match="not proposed, or refused"):
            find_context(terms([Wanted(VERIFICATION, PLAIN)]), CT_IMAGE_STORAGE)

    def test_a_refusal_outside_the_standard_has_no_reason(self) -> None:
        """Peers send other numbers too."""
        offer = request(stored(JPEG))
        answer = answered(offer, Policy(abstract_syntaxes={}))
        odd = AssociateAccept(
            answer.called_ae,
            answer.calling_ae,
            tuple(type(one)(one.context_id, 9, None) for one in answer.contexts),
            answer.user_information,
        )
        assert 9 not in set(ContextOutcome)
        with pytest.raises(ContextRefused, match=r"was proposed, but refused$"):
            find_context(conclude(offer, odd, requestor=True), CT_IMAGE_STORAGE, request=offer, accept=odd)


class TestStoreContext:
    @pytest.mark.parametrize("syntax", [JPEG, IMPLICIT_LE, BIG_ENDIAN, PRIVATE])
    def test_sends_as_it_is_where_that_was_accepted(self, syntax: UID) -> None:
        """The instance's own syntax is best, whatever else there is."""
        found = store_context(terms(stored(EXPLICIT_LE, syntax)), CT_IMAGE_STORAGE, syntax)
        assert found is not None
        context, convert = found
        assert (context.context_id, context.transfer_syntax, convert) == (3, syntax, False)

    @pytest.mark.parametrize(
        ("syntax", "accepted", "best"),
        [
            (DEFLATED, (BIG_ENDIAN, IMPLICIT_LE, EXPLICIT_LE), EXPLICIT_LE),
            (DEFLATED, (JPEG, BIG_ENDIAN, IMPLICIT_LE), IMPLICIT_LE),
            (DEFLATED, (JPEG, BIG_ENDIAN), BIG_ENDIAN),
            (BIG_ENDIAN, (IMPLICIT_LE, EXPLICIT_LE), EXPLICIT_LE),
            (IMPLICIT_LE, (BIG_ENDIAN, EXPLICIT_LE), EXPLICIT_LE),
            (EXPLICIT_LE, (BIG_ENDIAN, IMPLICIT_LE), IMPLICIT_LE),
            (EXPLICIT_LE, (DEFLATED, BIG_ENDIAN), BIG_ENDIAN),
        ],
    )
    def test_converts_what_is_not_compressed(self, syntax: UID, accepted: tuple[UID, ...], best: UID) -> None:
        """To explicit little endian rather than to implicit, and to big endian when there is nothing else."""
        found = store_context(terms(stored(*accepted)), CT_IMAGE_STORAGE, syntax)
        assert found is not None
        assert (found[0].transfer_syntax, found[1]) == (best, True)

    @pytest.mark.parametrize("syntax", [JPEG, JPEG_LOSSLESS, PRIVATE])
    def test_never_converts_what_is_compressed(self, syntax: UID) -> None:
        """Pixels are not decompressed on the way."""
        assert store_context(terms(stored(EXPLICIT_LE, IMPLICIT_LE, DEFLATED)), CT_IMAGE_STORAGE, syntax) is None

    def test_never_compresses(self) -> None:
        """Neither the pixels, nor the data set as a whole."""
        assert store_context(terms(stored(JPEG, DEFLATED)), CT_IMAGE_STORAGE, EXPLICIT_LE) is None

    def test_looks_at_the_class_of_the_instance(self) -> None:
        """Another storage class does not help."""
        found = terms(stored(EXPLICIT_LE, sop_class=MR_IMAGE_STORAGE))
        assert store_context(found, CT_IMAGE_STORAGE, EXPLICIT_LE) is None

    def test_needs_the_role(self) -> None:
        """An acceptor stores where the requestor takes the SCP role, or is assumed to."""
        granted = terms(stored(EXPLICIT_LE, scp=True), requestor=False)
        assert store_context(granted, CT_IMAGE_STORAGE, EXPLICIT_LE) is not None
        plain = terms(stored(EXPLICIT_LE), requestor=False)
        assert store_context(plain, CT_IMAGE_STORAGE, EXPLICIT_LE) is None
        assert store_context(plain, CT_IMAGE_STORAGE, EXPLICIT_LE, assume_roles=True) is not None

    def test_everything_proposed_for_instances_can_be_sent(self) -> None:
        """What an acceptor with nothing but implicit VR takes is stored, and what it cannot take is told."""
        pairs = [(CT_IMAGE_STORAGE, EXPLICIT_LE), (CT_IMAGE_STORAGE, DEFLATED), (CT_IMAGE_STORAGE, JPEG)]
        found = terms(for_instances(pairs), Policy(abstract_syntaxes={CT_IMAGE_STORAGE: [IMPLICIT_LE]}))
        ways = [store_context(found, *pair) for pair in pairs]
        assert [way and (way[0].transfer_syntax, way[1]) for way in ways] == [(IMPLICIT_LE, True)] * 2 + [None]


def test_contexts_are_proposed_as_they_are_wanted() -> None:
    """The IDs are odd, the syntaxes in their order."""
    offer = request(wanted(["verification", "CTImageStorage"]))
    assert offer.contexts == (
        ProposedContext(1, VERIFICATION, PLAIN),
        ProposedContext(3, CT_IMAGE_STORAGE, (EXPLICIT_LE,)),
        ProposedContext(5, CT_IMAGE_STORAGE, (IMPLICIT_LE,)),
    )
