"""The association request, acceptance and their parts, as something to build with."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from dicomnet.errors import InvalidValue, StateError
from dicomnet.limits import Limits
from dicomnet.pdu import (
    AssociateAccept,
    AssociateRequest,
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextOutcome,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    RawItem,
    RoleSelection,
    UserIdentity,
    UserInformation,
)
from dicomnet.records import dataclass, field
from dicomnet.types import UID, is_uid
from dicomnet.uids import (
    DICOM_APPLICATION_CONTEXT,
    IMPLEMENTATION_CLASS_UID,
    IMPLEMENTATION_VERSION_NAME,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)
from dicomnet.ul.negotiation import answer_window, choose_transfer_syntax


@dataclass(slots=True)
class PresentationContext:
    """One presentation context of a request or of its answer (PS3.8 9.3.2.2, 9.3.3.2)."""

    context_id: int
    abstract_syntax: str
    transfer_syntaxes: list[str] = field(default_factory=list)
    """Proposed ones in order of preference; in an answer, the one that was chosen."""
    result: int = ContextOutcome.ACCEPTANCE
    """Of an answer: 0 accepted, 1 to 4 refused (see `ContextOutcome`)."""
    scu_role: bool | None = None
    """Whether the requestor offers (in an answer: may) play SCU; None negotiates no roles (PS3.7 D.3.3.4)."""
    scp_role: bool | None = None
    """The same for SCP."""
    extended_negotiation: bytes | None = None
    """Service-class-application-information of the SOP class (PS3.7 D.3.3.5)."""

    @property
    def is_accepted(self) -> bool:
        return self.result == ContextOutcome.ACCEPTANCE

    @property
    def transfer_syntax(self) -> str | None:
        """The first transfer syntax: of an accepted context, the one in force."""
        return self.transfer_syntaxes[0] if self.transfer_syntaxes else None


class Associate:
    """A mutable builder of A-ASSOCIATE-RQ and -AC.

    Make a request with `Associate.request`, an answer from a received request
    with `accept` (everything refused until said otherwise) or `accept_all`.
    """

    def __init__(self, is_request: bool = True) -> None:
        self._is_request = is_request
        self._offer: AssociateRequest | None = None
        self._limits = Limits()
        self.reset(is_request)

    @classmethod
    def request(
        cls,
        *,
        called_ae: str = "ANY-SCP",
        calling_ae: str = "DICOMNET",
        contexts: str | Iterable[str | PresentationContext] = (),
    ) -> Associate:
        """A request with our defaults.

        Args:
            contexts: abstract syntaxes, or one of them, each proposed with
                explicit and implicit VR little endian, or whole presentation
                contexts.
        """
        associate = cls()
        associate.called_ae = called_ae
        associate.calling_ae = calling_ae
        for context in (contexts,) if isinstance(contexts, str) else contexts:
            if isinstance(context, PresentationContext):
                associate.contexts.append(context)
            else:
                associate.add(context)
        return associate

    @classmethod
    def from_pdu(
        cls,
        pdu: AssociateRequest | AssociateAccept,
        request: AssociateRequest | None = None,
        *,
        limits: Limits | None = None,
    ) -> Associate:
        """What a received PDU says; an acceptance needs the request it answers, for what it leaves out.

        Args:
            limits: what an answer to it announces by default.
        """
        associate = cls(isinstance(pdu, AssociateRequest))
        associate._limits = limits or associate._limits
        associate._offer = pdu if isinstance(pdu, AssociateRequest) else request
        associate._read(pdu)
        return associate

    @property
    def is_request(self) -> bool:
        return self._is_request

    def reset(self, is_request: bool | None = None) -> None:
        """Empties it; a received request that becomes an answer keeps its contexts, all refused."""
        becomes_request = self._is_request if is_request is None else is_request
        if self._is_request and not becomes_request and self._offer is not None:
            self._become_answer()
            return
        self._is_request = becomes_request
        self._offer = None
        self.protocol_version = 1
        self.called_ae = ""
        self.calling_ae = ""
        self.application_context: str = DICOM_APPLICATION_CONTEXT
        self.contexts: list[PresentationContext] = []
        self.async_window: tuple[int, int] | None = None
        """Operations invoked and performed by the requestor at a time; 0 is no limit; None is not negotiated."""
        self.user_identity: UserIdentity | None = None
        self.user_identity_response: bytes | None = None
        self.common_extended: list[CommonExtendedNegotiation] = []
        self.user_items: list[RawItem] = []
        """Any other user-information sub-items, as they are."""
        self.set_defaults()

    def set_defaults(self) -> None:
        """Our maximum length, implementation class UID and version name."""
        self.max_pdu_length: int | None = self._limits.max_pdu_length
        """What we can receive in a P-DATA-TF; 0 is no limit, None leaves it out."""
        self.implementation_class_uid: str | None = IMPLEMENTATION_CLASS_UID
        self.implementation_version_name: str | None = IMPLEMENTATION_VERSION_NAME

    # Presentation contexts.

    def add(
        self,
        abstract_syntax: str,
        transfer_syntaxes: Sequence[str] | str | None = None,
        *,
        context_id: int | None = None,
        scu_role: bool | None = None,
        scp_role: bool | None = None,
        extended_negotiation: bytes | None = None,
    ) -> PresentationContext:
        """Adds a presentation context, by default with the next free ID and both little endian syntaxes.

        Raises:
            InvalidValue: all 128 IDs are taken, or this one is.
        """
        taken = {context.context_id for context in self.contexts}
        if context_id is None:
            context_id = next((number for number in range(1, 256, 2) if number not in taken), 0)
            if not context_id:
                raise InvalidValue("an association has at most 128 presentation contexts")
        elif context_id in taken:
            raise InvalidValue(f"presentation context ID {context_id} is taken")
        if transfer_syntaxes is None:
            transfer_syntaxes = (ExplicitVRLittleEndian, ImplicitVRLittleEndian)
        elif isinstance(transfer_syntaxes, str):
            transfer_syntaxes = (transfer_syntaxes,)
        context = PresentationContext(
            context_id,
            abstract_syntax,
            list(transfer_syntaxes),
            scu_role=scu_role,
            scp_role=scp_role,
            extended_negotiation=extended_negotiation,
        )
        self.contexts.append(context)
        return context

    def remove(self, context_id: int) -> None:
        """Takes a presentation context out. Raises KeyError if there is none with this ID."""
        self.contexts.remove(self.context(context_id))

    def context(self, context_id: int) -> PresentationContext:
        """The presentation context with an ID. Raises KeyError if there is none."""
        for context in self.contexts:
            if context.context_id == context_id:
                return context
        raise KeyError(context_id)

    def find(self, abstract_syntax: str) -> PresentationContext | None:
        """The first context of an abstract syntax; among the accepted ones, if this is an answer."""
        found = self.find_all(abstract_syntax)
        return found[0] if found else None

    def find_next(self, context_id: int, abstract_syntax: str) -> PresentationContext | None:
        """The next context of an abstract syntax after the one with this ID."""
        ids = [context.context_id for context in self.contexts]
        behind = self.contexts[ids.index(context_id) + 1 :] if context_id in ids else []
        return next((context for context in behind if context.abstract_syntax == abstract_syntax), None)

    def find_all(self, abstract_syntax: str) -> list[PresentationContext]:
        """Every context of an abstract syntax; the accepted ones, if this is an answer."""
        return [
            context
            for context in self.contexts
            if context.abstract_syntax == abstract_syntax and (self._is_request or context.is_accepted)
        ]

    # Answers.

    def accept(self) -> Associate:
        """An answer to this received request that refuses every context.

        To accept one, set its `result` to 0 and leave one transfer syntax.

        Raises:
            StateError: this is not a received request.
        """
        if not self._is_request or self._offer is None:
            raise StateError("only a received association request can be answered")
        answer = Associate.from_pdu(self._offer, limits=self._limits)
        answer._become_answer()
        return answer

    def accept_all(self) -> Associate:
        """An answer that accepts every context, with the roles that are offered.

        Of each context's transfer syntaxes it takes the one that leaves the
        data as they are: explicit, implicit, what loses nothing; lossy only
        where nothing else is offered.
        """
        answer = self.accept()
        for proposed, context in zip(self.contexts, answer.contexts, strict=True):
            chosen = choose_transfer_syntax(proposed.transfer_syntaxes)
            if not is_uid(proposed.abstract_syntax):
                context.result = ContextOutcome.ABSTRACT_SYNTAX_NOT_SUPPORTED
            elif chosen is None:
                context.result = ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED
            else:
                context.result = ContextOutcome.ACCEPTANCE
                context.transfer_syntaxes = [chosen]
                context.scu_role, context.scp_role = proposed.scu_role, proposed.scp_role
        return answer

    # To the wire.

    def to_request(self) -> AssociateRequest:
        """The PDU of a request. Raises InvalidValue if the parts contradict each other."""
        if not self._is_request:
            raise StateError("this is the answer to a request, not a request")
        return AssociateRequest(
            called_ae=self.called_ae,
            calling_ae=self.calling_ae,
            contexts=tuple(
                ProposedContext(c.context_id, UID(c.abstract_syntax), tuple(UID(s) for s in c.transfer_syntaxes))
                for c in self.contexts
            ),
            user_information=self._user_information(),
            application_context=UID(self.application_context),
            protocol_version=self.protocol_version,
        )

    def to_accept(self) -> AssociateAccept:
        """The PDU of an answer. Raises InvalidValue if the parts contradict each other."""
        if self._is_request:
            raise StateError("this is a request; make its answer with accept() or accept_all()")
        return AssociateAccept(
            called_ae=self.called_ae,
            calling_ae=self.calling_ae,
            contexts=tuple(
                ContextResult(c.context_id, c.result, UID(c.transfer_syntax or "") if c.is_accepted else None)
                for c in self.contexts
            ),
            user_information=self._user_information(),
            application_context=UID(self.application_context),
            protocol_version=self.protocol_version,
            echo=self._offer.echo if self._offer is not None else None,
        )

    def __repr__(self) -> str:
        kind = "request" if self._is_request else "answer"
        return f"<Associate {kind} {self.calling_ae} -> {self.called_ae}, {len(self.contexts)} contexts>"

    def _user_information(self) -> UserInformation:
        window = self.async_window
        version = self.implementation_class_uid
        return UserInformation(
            max_pdu_length=self.max_pdu_length,
            implementation_class_uid=None if version is None else UID(version),
            implementation_version_name=self.implementation_version_name,
            asynchronous_window=None if window is None else AsynchronousWindow(*window),
            roles=self._roles(),
            extended=self._extended(),
            common_extended=tuple(self.common_extended),
            user_identity=self.user_identity,
            user_identity_response=self.user_identity_response,
            unknown=tuple(self.user_items),
        )

    def _roles(self) -> tuple[RoleSelection, ...]:
        """Roles are set per context here but negotiated per SOP class on the wire."""
        roles: dict[str, RoleSelection] = {}
        for context in self.contexts:
            if context.scu_role is None and context.scp_role is None:
                continue
            uid = UID(context.abstract_syntax)
            role = RoleSelection(uid, bool(context.scu_role), bool(context.scp_role))
            if roles.setdefault(uid, role) != role:
                raise InvalidValue(f"two contexts of {uid} ask for different roles, which are negotiated per SOP class")
        return tuple(roles.values())

    def _extended(self) -> tuple[ExtendedNegotiation, ...]:
        extended: dict[str, ExtendedNegotiation] = {}
        for context in self.contexts:
            if context.extended_negotiation is None:
                continue
            uid = UID(context.abstract_syntax)
            item = ExtendedNegotiation(uid, context.extended_negotiation)
            if extended.setdefault(uid, item) != item:
                raise InvalidValue(f"two contexts of {uid} have different extended negotiation")
        return tuple(extended.values())

    def _become_answer(self) -> None:
        offer = self._offer
        assert offer is not None
        self._is_request = False
        self.protocol_version = 1  # that of the request may name more (PS3.8 9.3.2), which we do not speak
        self.set_defaults()
        self.user_identity = self.user_identity_response = None
        self.common_extended = []
        self.user_items = []
        window = answer_window(offer.user_information.asynchronous_window, self._limits.asynchronous_window)
        self.async_window = None if window is None else (window.invoked, window.performed)
        for context in self.contexts:
            context.result = ContextOutcome.USER_REJECTION
            context.scu_role = context.scp_role = context.extended_negotiation = None

    def _read(self, pdu: AssociateRequest | AssociateAccept) -> None:
        self.protocol_version = pdu.protocol_version
        self.called_ae, self.calling_ae = pdu.called_ae, pdu.calling_ae
        self.application_context = pdu.application_context
        information = pdu.user_information
        self.max_pdu_length = information.max_pdu_length
        self.implementation_class_uid = information.implementation_class_uid
        self.implementation_version_name = information.implementation_version_name
        window = information.asynchronous_window
        self.async_window = None if window is None else (window.invoked, window.performed)
        self.user_identity = information.user_identity
        self.user_identity_response = information.user_identity_response
        self.common_extended = list(information.common_extended)
        self.user_items = list(information.unknown)
        self.contexts = list(self._read_contexts(pdu))
        for role in information.roles:
            for context in self.contexts:
                if context.abstract_syntax == role.sop_class:
                    context.scu_role, context.scp_role = role.scu, role.scp
        for item in information.extended:
            for context in self.contexts:
                if context.abstract_syntax == item.sop_class:
                    context.extended_negotiation = item.application_information

    def _read_contexts(self, pdu: AssociateRequest | AssociateAccept) -> Iterable[PresentationContext]:
        if isinstance(pdu, AssociateRequest):
            for proposed in pdu.contexts:
                yield PresentationContext(
                    proposed.context_id, proposed.abstract_syntax, list(proposed.transfer_syntaxes)
                )
            return
        offered = {context.context_id: context for context in self._offer.contexts} if self._offer else {}
        results = {result.context_id: result for result in pdu.contexts}
        for context_id, proposed in offered.items():
            # PS3.8 9.3.3.2: a result that is missing is a refusal, one never asked for is nobody's.
            result = results.get(context_id, ContextResult(context_id, ContextOutcome.NO_REASON, None))
            syntax = [result.transfer_syntax] if result.transfer_syntax else []
            context = PresentationContext(context_id, proposed.abstract_syntax, list(syntax), result.result)
            if context.is_accepted and context.transfer_syntax not in proposed.transfer_syntaxes:
                context = replace(context, result=ContextOutcome.TRANSFER_SYNTAXES_NOT_SUPPORTED)
            yield context
