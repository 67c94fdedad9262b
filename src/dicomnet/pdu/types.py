"""The seven PDUs as values, one class for both sides of the wire (PS3.8 9.3).

Every PDU has the same header, numbers big endian:

    0  1  PDU type, 1 to 7
    1  1  reserved
    2  4  length of what follows

Reserved bytes are written as 0 and never tested.
"""

from __future__ import annotations

from enum import IntEnum
from typing import ClassVar, TypeAlias

from dicomnet.pdu.items import ContextResult, ProposedContext, UserInformation
from dicomnet.records import dataclass, field
from dicomnet.types import UID
from dicomnet.uids import DICOM_APPLICATION_CONTEXT


class PduType(IntEnum):
    """The first byte of a PDU (PS3.8 9.3.1)."""

    ASSOCIATE_RQ = 1
    ASSOCIATE_AC = 2
    ASSOCIATE_RJ = 3
    P_DATA_TF = 4
    RELEASE_RQ = 5
    RELEASE_RP = 6
    ABORT = 7


@dataclass(frozen=True, slots=True)
class AssociateRequest:
    """A-ASSOCIATE-RQ (PS3.8 9.3.2).

    Read from a peer, its titles have lost their padding and are not checked
    any further; whether they and the rest are acceptable is for negotiation.
    """

    pdu_type: ClassVar[int] = PduType.ASSOCIATE_RQ

    called_ae: str
    calling_ae: str
    contexts: tuple[ProposedContext, ...]
    user_information: UserInformation
    application_context: UID = DICOM_APPLICATION_CONTEXT
    """Empty when the peer left it out."""
    protocol_version: int = 1
    """Bit 0 stands for version 1, the only one there is; it is all that may be tested."""
    echo: bytes | None = field(default=None, compare=False, repr=False)
    """Both titles and 32 reserved bytes as received, which the A-ASSOCIATE-AC sends back; ignored when written."""


@dataclass(frozen=True, slots=True)
class AssociateAccept:
    """A-ASSOCIATE-AC (PS3.8 9.3.3).

    Its titles are what the acceptor sent back; peers garble them, so they mean
    nothing and are never compared with those of the request.
    """

    pdu_type: ClassVar[int] = PduType.ASSOCIATE_AC

    called_ae: str
    calling_ae: str
    contexts: tuple[ContextResult, ...]
    user_information: UserInformation
    application_context: UID = DICOM_APPLICATION_CONTEXT
    """Empty when the peer left it out."""
    protocol_version: int = 1
    echo: bytes | None = field(default=None, compare=False, repr=False)
    """The 64 bytes of the request, written in place of the titles when given (PS3.8 Table 9-17)."""


@dataclass(frozen=True, slots=True)
class AssociateReject:
    """A-ASSOCIATE-RJ (PS3.8 9.3.4); the numbers are kept as they came, also those outside Table 9-21."""

    pdu_type: ClassVar[int] = PduType.ASSOCIATE_RJ

    result: int
    source: int
    reason: int


@dataclass(frozen=True, slots=True)
class PresentationDataValue:
    """One PDV of a P-DATA-TF: a fragment of a command set or of a data set (PS3.8 9.3.5.1, Annex E)."""

    context_id: int
    control: int
    """The message control header; only bits 0 and 1 mean anything."""
    data: bytes

    @property
    def is_command(self) -> bool:
        """Whether the fragment is one of the command set (bit 0)."""
        return bool(self.control & 0x01)

    @property
    def is_last(self) -> bool:
        """Whether the command set, or the data set, ends here (bit 1)."""
        return bool(self.control & 0x02)

    def __repr__(self) -> str:
        # Fragments are large and hold what patients would not like to see in a log.
        size = f"<{len(self.data)} bytes>"
        return f"PresentationDataValue(context_id={self.context_id}, control={self.control}, data={size})"


@dataclass(frozen=True, slots=True)
class DataTransfer:
    """P-DATA-TF (PS3.8 9.3.5)."""

    pdu_type: ClassVar[int] = PduType.P_DATA_TF

    values: tuple[PresentationDataValue, ...]


@dataclass(frozen=True, slots=True)
class ReleaseRequest:
    """A-RELEASE-RQ (PS3.8 9.3.6)."""

    pdu_type: ClassVar[int] = PduType.RELEASE_RQ


@dataclass(frozen=True, slots=True)
class ReleaseReply:
    """A-RELEASE-RP (PS3.8 9.3.7)."""

    pdu_type: ClassVar[int] = PduType.RELEASE_RP


@dataclass(frozen=True, slots=True)
class Abort:
    """A-ABORT (PS3.8 9.3.8); the numbers are kept as they came, also those outside Table 9-26."""

    pdu_type: ClassVar[int] = PduType.ABORT

    source: int
    reason: int


Pdu: TypeAlias = (
    AssociateRequest | AssociateAccept | AssociateReject | DataTransfer | ReleaseRequest | ReleaseReply | Abort
)
