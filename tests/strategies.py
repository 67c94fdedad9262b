"""Hypothesis strategies for everything that the standard lets us send; each value here can be written and read back."""

from __future__ import annotations

import string
from collections.abc import Callable
from typing import TypeVar

from hypothesis import strategies as st

from dicomnet.errors import AbortReason, AbortSource, RejectReason, RejectResult
from dicomnet.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextOutcome,
    ContextResult,
    DataTransfer,
    ExtendedNegotiation,
    Pdu,
    PresentationDataValue,
    ProposedContext,
    RawItem,
    ReleaseReply,
    ReleaseRequest,
    RoleSelection,
    UserIdentity,
    UserIdentityType,
    UserInformation,
)
from dicomnet.types import UID

T = TypeVar("T")
V = TypeVar("V", RoleSelection, ExtendedNegotiation, CommonExtendedNegotiation)


def pdus() -> st.SearchStrategy[Pdu]:
    """Any PDU."""
    return st.one_of(
        associate_requests(),
        associate_accepts(),
        associate_rejects(),
        data_transfers(),
        st.just(ReleaseRequest()),
        st.just(ReleaseReply()),
        aborts(),
    )


@st.composite
def associate_requests(draw: st.DrawFn) -> AssociateRequest:
    """A-ASSOCIATE-RQ."""
    ids = draw(context_ids(1))
    return AssociateRequest(
        called_ae=draw(ae_titles()),
        calling_ae=draw(ae_titles()),
        contexts=tuple(draw(proposed_contexts(context_id)) for context_id in ids),
        user_information=draw(requestor_information()),
        application_context=draw(uids()),
        protocol_version=draw(unsigned(2)) | 1,
    )


@st.composite
def associate_accepts(draw: st.DrawFn) -> AssociateAccept:
    """A-ASSOCIATE-AC."""
    ids = draw(context_ids(0))
    return AssociateAccept(
        called_ae=draw(ae_titles()),
        calling_ae=draw(ae_titles()),
        contexts=tuple(draw(context_results(context_id)) for context_id in ids),
        user_information=draw(acceptor_information()),
        application_context=draw(uids()),
        protocol_version=draw(unsigned(2)) | 1,
    )


def associate_rejects() -> st.SearchStrategy[AssociateReject]:
    """A-ASSOCIATE-RJ of Table 9-21."""
    return st.builds(
        lambda result, reason: AssociateReject(int(result), reason.source, reason.reason),
        st.sampled_from(RejectResult),
        st.sampled_from(RejectReason),
    )


def data_transfers() -> st.SearchStrategy[DataTransfer]:
    """P-DATA-TF."""
    return st.builds(DataTransfer, st.lists(presentation_data_values(), min_size=1, max_size=4).map(tuple))


def presentation_data_values() -> st.SearchStrategy[PresentationDataValue]:
    """A PDV with a fragment of a few even bytes."""
    even = st.binary(min_size=1, max_size=32).map(lambda half: half + half)
    return st.builds(PresentationDataValue, odd_ids(), st.integers(0, 3), even)


def aborts() -> st.SearchStrategy[Abort]:
    """A-ABORT of Table 9-26."""
    by_provider = st.sampled_from(AbortReason).map(lambda reason: Abort(int(AbortSource.SERVICE_PROVIDER), int(reason)))
    return st.just(Abort(int(AbortSource.SERVICE_USER), 0)) | by_provider


def proposed_contexts(context_id: int) -> st.SearchStrategy[ProposedContext]:
    """20H."""
    syntaxes = st.lists(uids(), min_size=1, max_size=4).map(tuple)
    return st.builds(ProposedContext, st.just(context_id), uids(), syntaxes)


def context_results(context_id: int) -> st.SearchStrategy[ContextResult]:
    """21H; a rejected one has no transfer syntax, as none is read from it."""
    rejections = [int(outcome) for outcome in ContextOutcome if outcome != ContextOutcome.ACCEPTANCE]
    return st.builds(ContextResult, st.just(context_id), st.just(0), uids()) | st.builds(
        ContextResult, st.just(context_id), st.sampled_from(rejections), st.none()
    )


def requestor_information() -> st.SearchStrategy[UserInformation]:
    """50H of an A-ASSOCIATE-RQ."""
    return st.builds(
        UserInformation,
        max_pdu_length=maybe(max_pdu_lengths()),
        implementation_class_uid=maybe(uids()),
        implementation_version_name=maybe(version_names()),
        asynchronous_window=maybe(asynchronous_windows()),
        roles=per_class(role_selections),
        extended=per_class(extended_negotiations),
        common_extended=per_class(common_extended_negotiations),
        user_identity=maybe(user_identities()),
        unknown=raw_items(),
    )


def acceptor_information() -> st.SearchStrategy[UserInformation]:
    """50H of an A-ASSOCIATE-AC."""
    return st.builds(
        UserInformation,
        max_pdu_length=maybe(max_pdu_lengths()),
        implementation_class_uid=maybe(uids()),
        implementation_version_name=maybe(version_names()),
        asynchronous_window=maybe(asynchronous_windows()),
        roles=per_class(role_selections),
        extended=per_class(extended_negotiations),
        user_identity_response=maybe(st.binary(max_size=32)),
        unknown=raw_items(),
    )


def max_pdu_lengths() -> st.SearchStrategy[int]:
    """51H: unlimited, or with room for a fragment."""
    return st.just(0) | st.integers(8, 2**32 - 1)


def asynchronous_windows() -> st.SearchStrategy[AsynchronousWindow]:
    """53H."""
    return st.builds(AsynchronousWindow, unsigned(2), unsigned(2))


def role_selections(sop_class: UID) -> st.SearchStrategy[RoleSelection]:
    """54H."""
    return st.builds(RoleSelection, st.just(sop_class), st.booleans(), st.booleans())


def version_names() -> st.SearchStrategy[str]:
    """55H."""
    return _printable().filter(lambda name: name == name.strip(" "))


def extended_negotiations(sop_class: UID) -> st.SearchStrategy[ExtendedNegotiation]:
    """56H."""
    return st.builds(ExtendedNegotiation, st.just(sop_class), st.binary(max_size=16))


def common_extended_negotiations(sop_class: UID) -> st.SearchStrategy[CommonExtendedNegotiation]:
    """57H."""
    return st.builds(CommonExtendedNegotiation, st.just(sop_class), uids(), st.lists(uids(), max_size=3).map(tuple))


def user_identities() -> st.SearchStrategy[UserIdentity]:
    """58H; only user name and passcode has a secondary field."""
    kinds = [int(kind) for kind in UserIdentityType if kind != UserIdentityType.USERNAME_PASSCODE]
    field = st.binary(max_size=32)
    return st.builds(UserIdentity, st.sampled_from(kinds), field, st.just(b""), st.booleans()) | st.builds(
        UserIdentity, st.just(int(UserIdentityType.USERNAME_PASSCODE)), field, field, st.booleans()
    )


def raw_items() -> st.SearchStrategy[tuple[RawItem, ...]]:
    """Sub-items other than 51H to 59H."""
    types = st.integers(0, 0x50) | st.integers(0x5A, 0xFF)
    return st.lists(st.builds(RawItem, types, st.binary(max_size=16)), max_size=3).map(tuple)


def context_ids(least: int) -> st.SearchStrategy[list[int]]:
    """At least that many different presentation context IDs, in any order."""
    return st.lists(odd_ids(), unique=True, min_size=least, max_size=6)


def odd_ids() -> st.SearchStrategy[int]:
    """A presentation context ID."""
    return st.integers(0, 127).map(lambda half: 2 * half + 1)


def ae_titles() -> st.SearchStrategy[str]:
    """An AE title without outer spaces."""
    return _printable("\\").filter(lambda title: title == title.strip(" "))


def uids() -> st.SearchStrategy[UID]:
    """A UID of up to 64 characters."""
    components = st.lists(st.integers(0, 10**12), min_size=1, max_size=6)
    return components.map(lambda numbers: UID(".".join(map(str, numbers))[:64].rstrip(".")))


def unsigned(size: int) -> st.SearchStrategy[int]:
    """A number that fills at most that many bytes."""
    return st.integers(0, 256**size - 1)


def maybe(strategy: st.SearchStrategy[T]) -> st.SearchStrategy[T | None]:
    """The value, or its absence."""
    return st.none() | strategy


def per_class(make: Callable[[UID], st.SearchStrategy[V]]) -> st.SearchStrategy[tuple[V, ...]]:
    """A few values, each for another SOP class."""
    classes = st.lists(uids(), unique=True, max_size=3)
    return classes.flatmap(lambda found: st.tuples(*(make(sop_class) for sop_class in found)))


def _printable(without: str = "") -> st.SearchStrategy[str]:
    return st.text(sorted(_REPERTOIRE - set(without)), min_size=1, max_size=16)


_REPERTOIRE = {character for character in string.printable if " " <= character <= "~"}
