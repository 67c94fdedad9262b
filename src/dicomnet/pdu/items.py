"""What the association PDUs are made of: their items and sub-items as values (PS3.8 9.3.2-9.3.3, Annex D; PS3.7 D.3.3).

Every item and sub-item has the same header; numbers are big endian, offsets
count from 0 and lengths are in bytes:

    0  1  item type
    1  1  reserved (in 57H the version of the sub-item)
    2  2  length of what follows

The variable part of A-ASSOCIATE-RQ and -AC holds items 10H, 20H or 21H, and
50H; the offsets below go on behind the header:

    10H  application context       4  n  UID

    20H  proposed context          4  1  presentation context ID, odd
                                   5  3  reserved
                                   8     one 30H, then one or more 40H

    21H  result of a context       4  1  presentation context ID
                                   5  1  reserved
                                   6  1  result, 0 to 4
                                   7  1  reserved
                                   8     one 40H; says nothing unless the result is 0

    30H  abstract syntax           4  n  UID
    40H  transfer syntax           4  n  UID

    50H  user information          4     sub-items 51H to 59H and unknown ones, in any order

    51H  maximum length            4  4  largest P-DATA-TF length taken, 0 for any
    52H  implementation class UID  4  n  UID
    53H  asynchronous window       4  2  operations invoked at a time, 0 for any number
                                   6  2  operations performed at a time, 0 for any number
    54H  role selection            4  2  n
                                   6  n  SOP class UID
                                 6+n  1  SCU role, 0 or 1
                                 7+n  1  SCP role, 0 or 1
    55H  implementation version    4  n  1 to 16 characters of ISO 646
    56H  extended negotiation      4  2  n
                                   6  n  SOP class UID
                                 6+n  m  service class application information
    57H  common extended           1  1  version, 0
                                   4  2  n
                                   6  n  SOP class UID
                                 6+n  2  m
                                 8+n  m  service class UID
                               8+n+m  2  k
                              10+n+m  k  related general SOP classes, each a length (2) and a UID
                            10+n+m+k     what later versions append
    58H  user identity             4  1  type, 1 to 5
                                   5  1  positive response requested, 0 or 1
                                   6  2  n
                                   8  n  primary field
                                 8+n  2  m
                                10+n  m  secondary field, for type 2 only
    59H  user identity response    4  2  n
                                   6  n  server response

57H and 58H belong to a request only, 59H to an accept only. A reader goes from
item to item by the length in the header, so that unknown types cost it
nothing; an item whose length reaches beyond what holds it is invalid.
"""

from __future__ import annotations

from enum import IntEnum

from dicomnet.records import dataclass, field
from dicomnet.types import UID


class ContextOutcome(IntEnum):
    """What became of a proposed presentation context (PS3.8 Table 9-18)."""

    ACCEPTANCE = 0
    USER_REJECTION = 1
    """The abstract syntax is known, but not wanted here."""
    NO_REASON = 2
    ABSTRACT_SYNTAX_NOT_SUPPORTED = 3
    TRANSFER_SYNTAXES_NOT_SUPPORTED = 4
    """The abstract syntax is fine, none of its transfer syntaxes is."""


class UserIdentityType(IntEnum):
    """What the primary field of a user identity holds (PS3.7 D.3.3.7.1)."""

    USERNAME = 1
    USERNAME_PASSCODE = 2
    """The passcode is the secondary field."""
    KERBEROS = 3
    SAML = 4
    JWT = 5


@dataclass(frozen=True, slots=True)
class ProposedContext:
    """20H: an abstract syntax and the transfer syntaxes its proposer can do (PS3.8 9.3.2.2)."""

    context_id: int
    abstract_syntax: UID
    """Empty when the peer left it out."""
    transfer_syntaxes: tuple[UID, ...]


@dataclass(frozen=True, slots=True)
class ContextResult:
    """21H: the acceptor's answer to one proposed context (PS3.8 9.3.3.2)."""

    context_id: int
    result: int
    """A ``ContextOutcome``, or the number outside of it that came."""
    transfer_syntax: UID | None
    """None when read from a rejected context, or from an accepted one that does not name exactly one."""

    @property
    def accepted(self) -> bool:
        return self.result == ContextOutcome.ACCEPTANCE


@dataclass(frozen=True, slots=True)
class AsynchronousWindow:
    """53H: operations outstanding at a time, as the requestor sees them; 0 is any number (PS3.7 D.3.3.3)."""

    invoked: int
    performed: int


@dataclass(frozen=True, slots=True)
class RoleSelection:
    """54H: the roles of the requestor for one SOP class, offered or granted (PS3.7 D.3.3.4)."""

    sop_class: UID
    scu: bool
    scp: bool


@dataclass(frozen=True, slots=True)
class ExtendedNegotiation:
    """56H: what the service of this SOP class wants to agree on beforehand (PS3.7 D.3.3.5)."""

    sop_class: UID
    application_information: bytes


@dataclass(frozen=True, slots=True)
class CommonExtendedNegotiation:
    """57H: the service class behind a SOP class and the general ones it descends from (PS3.7 D.3.3.6)."""

    sop_class: UID
    service_class: UID
    related_general: tuple[UID, ...] = ()
    version: int = 0
    """Above 0 the peer appended fields that nobody has defined yet; they are not kept."""


@dataclass(frozen=True, slots=True)
class UserIdentity:
    """58H: who asks for the association, and how to prove it (PS3.7 D.3.3.7.1).

    Its text never shows a passcode, ticket, assertion or token.
    """

    kind: int
    """A ``UserIdentityType``, or the number outside of it that came."""
    primary: bytes
    secondary: bytes = b""
    positive_response_requested: bool = False

    @property
    def user_name(self) -> str | None:
        """Who it says that it is, where the primary field is a name; None for tickets, assertions and tokens."""
        named = self.kind in (UserIdentityType.USERNAME, UserIdentityType.USERNAME_PASSCODE)
        return self.primary.decode("utf-8", "replace") if named else None

    def __repr__(self) -> str:
        primary = "<hidden>" if self.user_name is None else repr(self.primary)
        return (
            f"UserIdentity(kind={int(self.kind)}, primary={primary}, secondary=<hidden>, "
            f"positive_response_requested={self.positive_response_requested})"
        )


@dataclass(frozen=True, slots=True)
class RawItem:
    """A sub-item of the user information that is none of 51H to 59H, as it came."""

    item_type: int
    data: bytes


@dataclass(frozen=True, slots=True)
class UserInformation:
    """50H: everything else that two sides tell each other (PS3.8 9.3.2.3); None and () stand for absent sub-items."""

    max_pdu_length: int | None = None
    """51H: the largest P-DATA-TF length this side takes, 0 for any (PS3.8 D.1)."""
    implementation_class_uid: UID | None = None
    """52H (PS3.7 D.3.3.2.1)."""
    implementation_version_name: str | None = None
    """55H (PS3.7 D.3.3.2.3)."""
    asynchronous_window: AsynchronousWindow | None = None
    """53H; absent stands for one operation at a time each way."""
    roles: tuple[RoleSelection, ...] = ()
    """54H, at most one per SOP class."""
    extended: tuple[ExtendedNegotiation, ...] = ()
    """56H, at most one per SOP class."""
    common_extended: tuple[CommonExtendedNegotiation, ...] = ()
    """57H, at most one per SOP class; in a request only."""
    user_identity: UserIdentity | None = None
    """58H; in a request only."""
    user_identity_response: bytes | None = field(default=None, repr=False)
    """59H; in an accept only. It may be a ticket or an assertion, so it is not shown either."""
    unknown: tuple[RawItem, ...] = ()
    """Everything else, in the order it came."""


class ItemType(IntEnum):
    """The type byte of an item or sub-item; the module's text has their layouts."""

    APPLICATION_CONTEXT = 0x10
    PROPOSED_CONTEXT = 0x20
    CONTEXT_RESULT = 0x21
    ABSTRACT_SYNTAX = 0x30
    TRANSFER_SYNTAX = 0x40
    USER_INFORMATION = 0x50
    MAXIMUM_LENGTH = 0x51
    IMPLEMENTATION_CLASS_UID = 0x52
    ASYNCHRONOUS_WINDOW = 0x53
    ROLE_SELECTION = 0x54
    IMPLEMENTATION_VERSION_NAME = 0x55
    EXTENDED_NEGOTIATION = 0x56
    COMMON_EXTENDED_NEGOTIATION = 0x57
    USER_IDENTITY = 0x58
    USER_IDENTITY_RESPONSE = 0x59
