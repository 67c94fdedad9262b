"""The table of names leads where it says, and leaves nothing out."""

from __future__ import annotations

import re
from functools import reduce
from importlib import import_module
from pathlib import Path
from typing import Any

import pytest

import dicomnet
from dicomnet import Associate, CEchoRequest, DicomNet, Message
from dicomnet.tls import cipher_suites_available
from dicomnet.types import UID
from dicomnet.ul.negotiation import Context

MAPPING = (Path(__file__).parent.parent / "docs" / "mapping.md").read_text()
ROWS = [
    [cell.strip() for cell in line.strip("|").split(" | ")]
    for line in MAPPING.splitlines()
    if line.startswith("| ")
    and not re.match(r"\| (C|C type|C, C\+\+|\.NET|theirs|constant|argument.*|suite|`DICOMSOCKET\w+`) \|", line)
]
MESSAGES = [
    f"Send{service}{kind}"
    for service in "CStore CFind CGet CMove CEcho NReport NGet NSet NAction NCreate NDelete".split()
    for kind in ("Request", "Response")
] + ["SendCCancelRequest"]
C_NAMES = (
    """
    StartUp ShutDown CreateNet CreateNetExt InitializeNet FreeNet EnableReferenceCounting SetCallback SetCallbackExt
    Breathe GetOpenSslVersion SetFlags GetFlags EnableOptimizedMemorySend IsOptimizedMemorySendEnabled
    Listen ListenExt Connect ConnectExt Accept Close CloseForced ServerClose SetSocketOptions GetSocketOptions
    GetDefaultSocketOptions IsActivated IsConnected IsAssociated GetQueueSend GetHostInfo GetPeerInfo GetServer
    GetClientCount GetClient GetAssociate GetCommandSet GetSecureMode GetIsSecureConnected SetIsSecureConnected
    SendAssociateRequest SendAssociateAccept SendAssociateReject SendReleaseRequest SendReleaseResponse SendAbort SendData
    CreateAssociate FreeAssociate Reset Default IsRequest SetRequest GetVersion SetVersion GetCalled SetCalled GetCalling
    SetCalling GetApplication SetApplication GetPresentationCount GetPresentation SetPresentation AddPresentation
    DelPresentation GetResult SetResult GetAbstract SetAbstract FindAbstract FindNextAbstract GetAbstractCount
    GetTransferCount GetTransfer SetTransfer AddTransfer DelTransfer IsRoleSelect GetUserRole GetProviderRole SetRoleSelect
    GetLengthExtended GetExtended SetExtended IsMaxLength GetMaxLength SetMaxLength IsImplementClass GetImplementClass
    SetImplementClass IsImplementVersion GetImplementVersion SetImplementVersion IsAsyncOperations GetInvokedOperations
    GetPerformedOperations SetAsyncOperations GetUserInfoCount GetTypeUserInfo GetLengthUserInfo GetDataUserInfo SetUserInfo
    AddUserInfo DelUserInfo GetCipherFromIndexTLS SetCipherFromIndexTLS SetCipherToIndexTLS GetCiphersuiteTLS
    GetEncryptionAlgorithmTLS GetAuthenticationAlgorithmTLS GetIntegrityAlgorithmTLS GetKeyExchangeAlgorithmTLS
    GetEncryptKeyLengthTLS GetMutualAuthKeyLengthTLS SetClientCertificateTLS SetServerCertificateTLS
""".split()
    + MESSAGES
)
"""The names of the C functions behind `L_Dicom`."""
OTHER_NAMES = """
    LDicomNet LDicomNet::StartUp LDicomNet::ShutDown Initialize EnableReferenceCounting Breathe GetOpenSslVersion SetFlags
    GetFlags EnableOptimizedMemorySend EnableOptimizedSend SetDebugMode OnSendExt Listen Connect Accept Close CloseForced
    ServerClose SetSocketOptions GetSocketOptions GetDefaultSocketOptions IsActivated IsConnected IsAssociated GetQueueSend
    GetHostInfo GetPeerInfo GetServer GetClientCount GetClient GetAssociate GetCommandSet GetSecureMode LDicomAssociate
    GetCTX CTXSetOptions SetSLLMethodType OnCreateCTX L_SSL_CTX_CREATE OnPrivateKeyPassword OnVerify
    DICOMNETCALLBACK DICOMNETCALLBACKEXT DICOMSOCKETOPTIONS CONNECTCALLBACK ACCEPTCALLBACK CLOSECALLBACK RECEIVECALLBACK
    SENDCALLBACK RECEIVEDATACALLBACK RECEIVEUNKNOWNCALLBACK ONSECURELINKREADY BEFORESENDCOMMANDSET
    OnConnect OnAccept OnClose OnReceive OnSend OnReceiveData OnReceiveUnknown OnSecureLinkReady OnBeforeSendCommandSet
    OnReceiveAssociateRequest OnReceiveAssociateAccept OnReceiveAssociateReject OnReceiveReleaseRequest
    OnReceiveReleaseResponse OnReceiveAbort
    DicomNet.Startup DicomNet.Shutdown DicomNet Dispose Flags DicomNetFlags DicomNetFlags.None
    DicomNetFlags.SendDataWithGroupLengthStandardDataElements DicomNetSecurityMode DicomNetSecurityeMode
    DicomNetSecurityMode.None DicomNetSecurityMode.Iscl DicomNetSecurityMode.Tls DicomNetIpTypeFlags.None
    DicomNetIpTypeFlags.Ipv4 DicomNetIpTypeFlags.Ipv6 DicomNetIpTypeFlags.Ipv4OrIpv6 DicomSocketOptions NoDelay
    SendBufferSize ReceiveBufferSize SocketOptions DefaultSocketOptions HostAddress HostPort PeerAddress PeerPort IpType
    Server Association SecurityMode DicomPduType DicomAssociate Version Called Calling ApplicationContextName
    PresentationContextCount GetPresentationContextID SetPresentationContextID AddPresentationContext
    DeletePresentationContext GetAbstractCount DeleteTransfer DicomRoleSupport GetExtendedData SetExtendedData MaxLength
    ImplementClass ImplementationVersionName SetAsynchronousOperations IsAsynchronous UserInformationCount
    AddUserInformation GetTlsCipherSuiteByIndex SetTlsCipherSuiteByIndex GetTlsCipherSuite GetTlsEncryptionAlgorithm
    GetTlsAuthenticationAlgorithm GetTlsIntegrityAlgorithm GetTlsKeyExchangeAlgorithm GetTlsEncryptionKeyLength
    GetTlsMutualAuthenticationKeyLength SetTlsClientCertificate CertificateString ErrorException VerifyCertificate
    DicomOpenSslContextCreationSettings DicomException.Code StatusBase StatusFailureFailed
    StatusFailureDuplicateSopInstance Scu QueryRetrieveScu PrintSCU BeforeConnect AfterConnect AfterSecureLinkReady
    PrivateKeyPassword BeforeAssociateRequest AfterAssociateRequest BeforeAssociateAccept BeforeCStore BeforeCFind
    BeforeCMove BeforeCGet Match Moved ReceivedStoreRequest AfterCStore AfterCFind AfterCMove AfterCGet
    BeforeReleaseRequest AfterReleaseRequest BeforeClose AfterClose
""".split()
"""Those of C++ and .NET, and C's types."""
THEIRS = {
    name
    for quoted in re.findall(r"`([^`]+)`", MAPPING)
    if not quoted.startswith("dicomnet.")
    for name in re.findall(r"[\w:]+(?:\.\w+)*", quoted)
}
NAMES = sorted(set(re.findall(r"`(dicomnet\.[\w.]+)`", MAPPING)))
A_REASON = re.compile("not (needed|offered): .+")


@pytest.fixture(scope="module")
def examples() -> dict[type, Any]:
    """One of each class that sets attributes when it is made."""
    with dicomnet.runtime():
        message = Message(CEchoRequest(message_id=1), Context(1, UID("1"), UID("2"), True, False), b"")
        return {DicomNet: DicomNet(), Associate: Associate(), Message: message}


@pytest.mark.parametrize("name", NAMES)
def test_a_name_of_ours_exists(name: str, examples: dict[type, Any]) -> None:
    """Every name in the tables leads to a module, a class, a method or an attribute."""
    package, *path = name.split(".")
    module: Any = import_module(package)
    while path and path[0] in ("net", "pdu", "tls"):
        module = import_module(f"{module.__name__}.{path.pop(0)}")
    *way, last = path
    owner = reduce(getattr, way, module)
    assert hasattr(owner, last) or hasattr(examples.get(owner), last), name


def test_every_row_says_something() -> None:
    """Beside each name of theirs stands one of ours, or that there is none, and why."""
    assert len(ROWS) > 250
    for row in ROWS:
        assert len(row) > 1
        ours = " ".join(row[1:])
        assert "`dicomnet." in ours or A_REASON.search(ours) or "`with` block" in ours or row[-1] in SAME, row


@pytest.mark.parametrize(
    "name", [*(f"L_Dicom{name}" for name in C_NAMES), *OTHER_NAMES, *(f"OnReceive{name[4:]}" for name in MESSAGES)]
)
def test_every_name_of_theirs_is_there(name: str) -> None:
    """Whoever comes from one of the three dialects and looks for a name finds it."""
    assert name in THEIRS


SAME = ("the same", "override a method, or `dicomnet.DicomNet.on`")


@pytest.mark.parametrize("name", [name for name in dir(DicomNet) if name.startswith(("on_", "send_"))])
def test_every_event_and_message_is_in_the_table(name: str) -> None:
    """Nothing that an object tells or sends is left out."""
    assert f"`dicomnet.DicomNet.{name}`" in MAPPING


@pytest.mark.parametrize("name", [name for name in dir(DicomNet) if not name.startswith("_")])
def test_every_member_of_the_class_is_in_the_table(name: str) -> None:
    """What is added to it is written down, also where they have nothing like it."""
    assert f"`dicomnet.DicomNet.{name}`" in MAPPING


def test_suites_are_offered_as_the_table_says() -> None:
    """The names that it gives are taken, and those it does not are refused."""
    offered = set(re.findall(r"\| 0x\w\w ([\w-]+) \| a name", MAPPING)) | {"AES128-SHA"}
    refused = set(re.findall(r"\| 0x\w\w ([\w-]+) \| not offered", MAPPING))
    assert (len(offered), len(refused)) == (6, 3)
    assert offered <= set(cipher_suites_available())
    assert not refused & set(cipher_suites_available())


def test_statuses_and_commands_have_the_numbers_of_the_table() -> None:
    """The name beside a number is the name of that number."""
    for number, name in re.findall(r"\| status (\w{4}) [^|]+\| `dicomnet\.Status\.(\w+)`", MAPPING):
        assert getattr(dicomnet.Status, name) == int(number, 16), name
    for number, name in re.findall(r"\| command [\w-]+ (\w{4}) \| `dicomnet\.(\w+)`", MAPPING):
        assert getattr(dicomnet, name).command_field == int(number, 16), name
    for number, name in re.findall(r"PDU type (\d) [^|]+\|[^|]+\| `dicomnet\.pdu\.PduType\.(\w+)`", MAPPING):
        assert dicomnet.pdu.PduType[name] == int(number)


def test_reject_reasons_have_the_numbers_of_the_table() -> None:
    """User, Provider1 and Provider2 are sources 1, 2 and 3."""
    found = re.findall(r"\| reject reason (\w+) (\d) [^|]+\| `dicomnet\.RejectReason\.(\w+)`", MAPPING)
    sources = {"user": 1, "Provider1": 2, "Provider2": 3}
    assert {dicomnet.RejectReason((sources[who], int(number))).name for who, number, _ in found} == {
        name for *_, name in found
    }
    assert len(found) == len(dicomnet.RejectReason)
