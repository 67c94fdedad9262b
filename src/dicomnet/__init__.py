"""DICOM networking: associations and every DIMSE message, as SCU and SCP.

The public names load on first use (PEP 562), so that a program pays only for
what it touches: importing this package alone imports nothing else of it.
"""

from __future__ import annotations

from importlib import import_module

TYPE_CHECKING = False  # as checkers know it from `typing`, which takes longer to load than all of this

__version__ = "0.1.0.dev0"

if TYPE_CHECKING:
    from dicomnet import aio as aio, sync as sync, uids as uids
    from dicomnet.dimse.commands import (
        CCancelRequest as CCancelRequest,
        CEchoRequest as CEchoRequest,
        CEchoResponse as CEchoResponse,
        CFindRequest as CFindRequest,
        CFindResponse as CFindResponse,
        CGetRequest as CGetRequest,
        CGetResponse as CGetResponse,
        CMoveRequest as CMoveRequest,
        CMoveResponse as CMoveResponse,
        CStoreRequest as CStoreRequest,
        CStoreResponse as CStoreResponse,
        NActionRequest as NActionRequest,
        NActionResponse as NActionResponse,
        NCreateRequest as NCreateRequest,
        NCreateResponse as NCreateResponse,
        NDeleteRequest as NDeleteRequest,
        NDeleteResponse as NDeleteResponse,
        NEventReportRequest as NEventReportRequest,
        NEventReportResponse as NEventReportResponse,
        NGetRequest as NGetRequest,
        NGetResponse as NGetResponse,
        NSetRequest as NSetRequest,
        NSetResponse as NSetResponse,
    )
    from dicomnet.dimse.status import Status as Status
    from dicomnet.errors import (
        AbortReason as AbortReason,
        AbortSource as AbortSource,
        AssociationAborted as AssociationAborted,
        AssociationError as AssociationError,
        AssociationRejected as AssociationRejected,
        ConnectFailed as ConnectFailed,
        ConnectionLost as ConnectionLost,
        ContextRefused as ContextRefused,
        DicomNetError as DicomNetError,
        DicomTimeout as DicomTimeout,
        InvalidMessage as InvalidMessage,
        InvalidPdu as InvalidPdu,
        InvalidValue as InvalidValue,
        ListenFailed as ListenFailed,
        NotAnInstance as NotAnInstance,
        NothingArrived as NothingArrived,
        PartialFailure as PartialFailure,
        ProtocolError as ProtocolError,
        RejectReason as RejectReason,
        RejectResult as RejectResult,
        SendQueueFull as SendQueueFull,
        StateError as StateError,
        StatusError as StatusError,
        StorageError as StorageError,
        TlsFailed as TlsFailed,
        Unsupported as Unsupported,
    )
    from dicomnet.exchanges.calls import Answer as Answer
    from dicomnet.exchanges.contexts import Wanted as Wanted
    from dicomnet.exchanges.matches import Match as Match
    from dicomnet.exchanges.reports import (
        CommitReport as CommitReport,
        InstanceRef as InstanceRef,
        Outcome as Outcome,
        Progress as Progress,
        Retrieved as Retrieved,
        RetrieveReport as RetrieveReport,
        StoreReport as StoreReport,
        StoreResult as StoreResult,
    )
    from dicomnet.exchanges.tolerance import Tolerance as Tolerance
    from dicomnet.limits import Limits as Limits, Timeouts as Timeouts
    from dicomnet.net import (
        Associate as Associate,
        DicomNet as DicomNet,
        Message as Message,
        NetFlags as NetFlags,
        SecurityMode as SecurityMode,
        breathe as breathe,
        runtime as runtime,
        shutdown as shutdown,
        startup as startup,
    )
    from dicomnet.pdu import (
        CommonExtendedNegotiation as CommonExtendedNegotiation,
        ExtendedNegotiation as ExtendedNegotiation,
        RoleSelection as RoleSelection,
        UserIdentity as UserIdentity,
        UserIdentityType as UserIdentityType,
    )
    from dicomnet.server.audit import AuditLog as AuditLog
    from dicomnet.server.caller import Caller as Caller, Verified as Verified
    from dicomnet.server.server import Server as Server
    from dicomnet.sockets import IpType as IpType, SocketOptions as SocketOptions
    from dicomnet.storage.destination import MEMORY as MEMORY, SPOOL as SPOOL
    from dicomnet.storage.folder import Folder as Folder
    from dicomnet.storage.received import ReceivedData as ReceivedData
    from dicomnet.storage.sinks import Sink as Sink
    from dicomnet.storage.source import InstanceFile as InstanceFile
    from dicomnet.sync.association import Association as Association, associate as associate
    from dicomnet.sync.peer import Peer as Peer
    from dicomnet.tls import TlsConfig as TlsConfig
    from dicomnet.types import Address as Address, Priority as Priority

# The same once more for the running program; test_exports.py compares the two.
_NAMES = {
    "dicomnet.dimse.commands": """
        CCancelRequest CEchoRequest CEchoResponse CFindRequest CFindResponse CGetRequest CGetResponse CMoveRequest
        CMoveResponse CStoreRequest CStoreResponse NActionRequest NActionResponse NCreateRequest NCreateResponse
        NDeleteRequest NDeleteResponse NEventReportRequest NEventReportResponse NGetRequest NGetResponse NSetRequest
        NSetResponse""",
    "dicomnet.dimse.status": "Status",
    "dicomnet.errors": """
        AbortReason AbortSource AssociationAborted AssociationError AssociationRejected ConnectFailed ConnectionLost
        ContextRefused DicomNetError DicomTimeout InvalidMessage InvalidPdu InvalidValue ListenFailed NotAnInstance NothingArrived
        PartialFailure ProtocolError RejectReason RejectResult SendQueueFull StateError StatusError
        StorageError TlsFailed Unsupported""",
    "dicomnet.exchanges.calls": "Answer",
    "dicomnet.exchanges.contexts": "Wanted",
    "dicomnet.exchanges.matches": "Match",
    "dicomnet.exchanges.reports": """
        CommitReport InstanceRef Outcome Progress RetrieveReport Retrieved StoreReport StoreResult""",
    "dicomnet.exchanges.tolerance": "Tolerance",
    "dicomnet.limits": "Limits Timeouts",
    "dicomnet.net": "Associate DicomNet Message NetFlags SecurityMode breathe runtime shutdown startup",
    "dicomnet.pdu": """
        CommonExtendedNegotiation ExtendedNegotiation RoleSelection UserIdentity UserIdentityType""",
    "dicomnet.server.audit": "AuditLog",
    "dicomnet.server.caller": "Caller Verified",
    "dicomnet.server.server": "Server",
    "dicomnet.sockets": "IpType SocketOptions",
    "dicomnet.storage.destination": "MEMORY SPOOL",
    "dicomnet.storage.folder": "Folder",
    "dicomnet.storage.received": "ReceivedData",
    "dicomnet.storage.sinks": "Sink",
    "dicomnet.storage.source": "InstanceFile",
    "dicomnet.sync.association": "Association associate",
    "dicomnet.sync.peer": "Peer",
    "dicomnet.tls": "TlsConfig",
    "dicomnet.types": "Address Priority",
}
_HOMES = {name: module for module, names in _NAMES.items() for name in names.split()}
_MODULES = ("aio", "sync", "uids")

__all__ = ["__version__", *_HOMES]


if not TYPE_CHECKING:  # or checkers would take every name for one of ours

    def __getattr__(name: str) -> object:
        if name in _MODULES:
            return import_module(f"dicomnet.{name}")
        if name not in _HOMES:
            raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
        value: object = getattr(import_module(_HOMES[name]), name)
        globals()[name] = value  # asked once: from here on it is an ordinary attribute
        return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__, *_MODULES})
