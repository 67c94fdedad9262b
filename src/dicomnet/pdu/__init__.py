"""PDUs as values, and their bytes read and written (PS3.8 9.3)."""

from dicomnet.pdu.items import (
    AsynchronousWindow,
    CommonExtendedNegotiation,
    ContextOutcome,
    ContextResult,
    ExtendedNegotiation,
    ProposedContext,
    RawItem,
    RoleSelection,
    UserIdentity,
    UserIdentityType,
    UserInformation,
)
from dicomnet.pdu.types import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    DataTransfer,
    Pdu,
    PduType,
    PresentationDataValue,
    ReleaseReply,
    ReleaseRequest,
)
from dicomnet.uids import DICOM_APPLICATION_CONTEXT

__all__ = [
    "DICOM_APPLICATION_CONTEXT",
    "Abort",
    "AssociateAccept",
    "AssociateReject",
    "AssociateRequest",
    "AsynchronousWindow",
    "CommonExtendedNegotiation",
    "ContextOutcome",
    "ContextResult",
    "DataTransfer",
    "ExtendedNegotiation",
    "Pdu",
    "PduType",
    "PresentationDataValue",
    "ProposedContext",
    "RawItem",
    "ReleaseReply",
    "ReleaseRequest",
    "RoleSelection",
    "UserIdentity",
    "UserIdentityType",
    "UserInformation",
]
