"""PDUs written out byte by byte from PS3.8 9.3, Annex D and PS3.7 D.3.3, and what each of them says.

Every length inside an item is typed in by hand. Only the header and the fixed
part around the items of most associations are put on by ``request`` and
``accept``; the four whole ones at the top show what these do.
"""

from __future__ import annotations

from dataclasses import dataclass

from dicomnet.errors import AbortReason
from dicomnet.pdu import (
    Abort,
    AssociateAccept,
    AssociateReject,
    AssociateRequest,
    AsynchronousWindow,
    CommonExtendedNegotiation,
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
    UserInformation,
)
from dicomnet.types import UID

VERIFICATION = UID("1.2.840.10008.1.1")
CT_IMAGE_STORAGE = UID("1.2.840.10008.5.1.4.1.1.2")
STORAGE_SERVICE = UID("1.2.840.10008.4.2")
IMPLICIT_LE = UID("1.2.840.10008.1.2")
EXPLICIT_LE = UID("1.2.840.10008.1.2.1")


@dataclass(frozen=True)
class Vector:
    """Bytes of one whole PDU, and the value they stand for."""

    data: bytes
    value: Pdu
    canonical: bool = True
    """Whether the value is written as these bytes; a lenient reading has no way back."""


@dataclass(frozen=True)
class Refused:
    """Bytes of one whole PDU that is none, and the abort that answers it."""

    data: bytes
    reason: AbortReason = AbortReason.INVALID_PARAMETER_VALUE


def pdu(pdu_type: int, body: bytes) -> bytes:
    """The body behind a PDU header."""
    return bytes([pdu_type, 0]) + len(body).to_bytes(4, "big") + body


def request(items: bytes) -> bytes:
    """The items in an A-ASSOCIATE-RQ from MODALITY to STORE_SCP."""
    return pdu(1, b"\0\1\0\0STORE_SCP       MODALITY        " + bytes(32) + items)


def accept(items: bytes) -> bytes:
    """The items in an A-ASSOCIATE-AC that echoes the titles of ``request``."""
    return pdu(2, b"\0\1\0\0STORE_SCP       MODALITY        " + bytes(32) + items)


# fmt: off
APPLICATION_CONTEXT = b"\x10\0\0\x15" b"1.2.840.10008.3.1.1.1"

ECHO_PROPOSED = (
    b"\x20\0\0\x2e" b"\1\0\0\0"
        b"\x30\0\0\x11" b"1.2.840.10008.1.1"
        b"\x40\0\0\x11" b"1.2.840.10008.1.2"
)

ECHO_ACCEPTED = (
    b"\x21\0\0\x19" b"\1\0\0\0"
        b"\x40\0\0\x11" b"1.2.840.10008.1.2"
)

USER_INFORMATION = (
    b"\x50\0\0\x13"
        b"\x51\0\0\4" b"\0\0\x40\0"
        b"\x52\0\0\7" b"1.2.3.4"
)
# fmt: on

ECHO_CONTEXT = ProposedContext(1, VERIFICATION, (IMPLICIT_LE,))
ECHO_RESULT = ContextResult(1, 0, IMPLICIT_LE)
INFORMATION = UserInformation(max_pdu_length=16384, implementation_class_uid=UID("1.2.3.4"))


def requested(
    information: UserInformation = INFORMATION,
    contexts: tuple[ProposedContext, ...] = (ECHO_CONTEXT,),
    application_context: str = "1.2.840.10008.3.1.1.1",
) -> AssociateRequest:
    """What ``request`` says, apart from its items."""
    return AssociateRequest("STORE_SCP", "MODALITY", contexts, information, UID(application_context))


def accepted(
    information: UserInformation = INFORMATION, contexts: tuple[ContextResult, ...] = (ECHO_RESULT,)
) -> AssociateAccept:
    """What ``accept`` says, apart from its items."""
    return AssociateAccept("STORE_SCP", "MODALITY", contexts, information)


def request_with(sub_items: bytes) -> bytes:
    """An A-ASSOCIATE-RQ for verification with these bytes as its user information (50H)."""
    item = b"\x50\0" + len(sub_items).to_bytes(2, "big") + sub_items
    return request(APPLICATION_CONTEXT + ECHO_PROPOSED + item)


def accept_with(sub_items: bytes) -> bytes:
    """An A-ASSOCIATE-AC of verification with these bytes as its user information (50H)."""
    item = b"\x50\0" + len(sub_items).to_bytes(2, "big") + sub_items
    return accept(APPLICATION_CONTEXT + ECHO_ACCEPTED + item)


# fmt: off
VECTORS: dict[str, Vector] = {
    # The seven PDUs.
    "A-ASSOCIATE-RQ": Vector(
        b"\1\0\0\0\0\xa6" b"\0\1\0\0" b"STORE_SCP       " b"MODALITY        "
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        b"\x10\0\0\x15" b"1.2.840.10008.3.1.1.1"
        b"\x20\0\0\x2e" b"\1\0\0\0"
            b"\x30\0\0\x11" b"1.2.840.10008.1.1"
            b"\x40\0\0\x11" b"1.2.840.10008.1.2"
        b"\x50\0\0\x13"
            b"\x51\0\0\4" b"\0\0\x40\0"
            b"\x52\0\0\7" b"1.2.3.4",
        requested(),
    ),
    "A-ASSOCIATE-RQ with everything": Vector(
        b"\1\0\0\0\1\x9b" b"\0\1\0\0" b"STORE_SCP       " b"MODALITY        "
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        b"\x10\0\0\x15" b"1.2.840.10008.3.1.1.1"
        b"\x20\0\0\x2e" b"\1\0\0\0"
            b"\x30\0\0\x11" b"1.2.840.10008.1.1"
            b"\x40\0\0\x11" b"1.2.840.10008.1.2"
        b"\x20\0\0\x4d" b"\xff\0\0\0"
            b"\x30\0\0\x19" b"1.2.840.10008.5.1.4.1.1.2"
            b"\x40\0\0\x13" b"1.2.840.10008.1.2.1"
            b"\x40\0\0\x11" b"1.2.840.10008.1.2"
        b"\x50\0\0\xb7"
            b"\x51\0\0\4" b"\0\2\0\0"
            b"\x52\0\0\7" b"1.2.3.4"
            b"\x53\0\0\4" b"\0\4" b"\0\1"
            b"\x54\0\0\x1d" b"\0\x19" b"1.2.840.10008.5.1.4.1.1.2" b"\0\1"
            b"\x55\0\0\6" b"NET_01"
            b"\x56\0\0\x21" b"\0\x19" b"1.2.840.10008.5.1.4.1.1.2" b"\2\0\3\0\1\0"
            b"\x57\0\0\x30" b"\0\x19" b"1.2.840.10008.5.1.4.1.1.2" b"\0\x11" b"1.2.840.10008.4.2" b"\0\0"
            b"\x58\0\0\x0e" b"\2\1" b"\0\4" b"anna" b"\0\4" b"pass"
            b"\xf0\0\0\2" b"\1\2",
        AssociateRequest(
            "STORE_SCP",
            "MODALITY",
            (ECHO_CONTEXT, ProposedContext(255, CT_IMAGE_STORAGE, (EXPLICIT_LE, IMPLICIT_LE))),
            UserInformation(
                max_pdu_length=131072,
                implementation_class_uid=UID("1.2.3.4"),
                implementation_version_name="NET_01",
                asynchronous_window=AsynchronousWindow(4, 1),
                roles=(RoleSelection(CT_IMAGE_STORAGE, scu=False, scp=True),),
                extended=(ExtendedNegotiation(CT_IMAGE_STORAGE, b"\2\0\3\0\1\0"),),
                common_extended=(CommonExtendedNegotiation(CT_IMAGE_STORAGE, STORAGE_SERVICE),),
                user_identity=UserIdentity(2, b"anna", b"pass", positive_response_requested=True),
                unknown=(RawItem(0xF0, b"\1\2"),),
            ),
        ),
    ),
    "A-ASSOCIATE-AC": Vector(
        b"\2\0\0\0\0\x91" b"\0\1\0\0" b"STORE_SCP       " b"MODALITY        "
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        b"\x10\0\0\x15" b"1.2.840.10008.3.1.1.1"
        b"\x21\0\0\x19" b"\1\0\0\0"
            b"\x40\0\0\x11" b"1.2.840.10008.1.2"
        b"\x50\0\0\x13"
            b"\x51\0\0\4" b"\0\0\x40\0"
            b"\x52\0\0\7" b"1.2.3.4",
        accepted(),
    ),
    "A-ASSOCIATE-AC with everything": Vector(
        b"\2\0\0\0\1\x23" b"\0\1\0\0" b"STORE_SCP       " b"MODALITY        "
        b"\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        b"\x10\0\0\x15" b"1.2.840.10008.3.1.1.1"
        b"\x21\0\0\x19" b"\1\0\0\0"
            b"\x40\0\0\x11" b"1.2.840.10008.1.2"
        b"\x21\0\0\x19" b"\3\0\4\0"
            b"\x40\0\0\x11" b"1.2.840.10008.1.2"
        b"\x50\0\0\x88"
            b"\x51\0\0\4" b"\0\0\0\0"
            b"\x52\0\0\7" b"1.2.3.4"
            b"\x53\0\0\4" b"\0\0" b"\0\0"
            b"\x54\0\0\x1d" b"\0\x19" b"1.2.840.10008.5.1.4.1.1.2" b"\1\0"
            b"\x55\0\0\x10" b"SIXTEEN_LETTERS_"
            b"\x56\0\0\x21" b"\0\x19" b"1.2.840.10008.5.1.4.1.1.2" b"\2\0\3\0\1\0"
            b"\x59\0\0\6" b"\0\4" b"okay"
            b"\x60\0\0\5" b"later",
        AssociateAccept(
            "STORE_SCP",
            "MODALITY",
            (ECHO_RESULT, ContextResult(3, 4, None)),
            UserInformation(
                max_pdu_length=0,
                implementation_class_uid=UID("1.2.3.4"),
                implementation_version_name="SIXTEEN_LETTERS_",
                asynchronous_window=AsynchronousWindow(0, 0),
                roles=(RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=False),),
                extended=(ExtendedNegotiation(CT_IMAGE_STORAGE, b"\2\0\3\0\1\0"),),
                user_identity_response=b"okay",
                unknown=(RawItem(0x60, b"later"),),
            ),
        ),
    ),
    "A-ASSOCIATE-RJ called title not recognized": Vector(b"\3\0\0\0\0\4" b"\0\1\1\7", AssociateReject(1, 1, 7)),
    "A-ASSOCIATE-RJ local limit exceeded": Vector(b"\3\0\0\0\0\4" b"\0\2\3\2", AssociateReject(2, 3, 2)),
    "P-DATA-TF with a command": Vector(
        b"\4\0\0\0\0\x0a" b"\0\0\0\6" b"\1\3" b"\0\0\2\0",
        DataTransfer((PresentationDataValue(1, 3, b"\0\0\2\0"),)),
    ),
    "P-DATA-TF with a command and the data behind it": Vector(
        b"\4\0\0\0\0\x1a"
        b"\0\0\0\6" b"\5\3" b"\0\0\2\0"
        b"\0\0\0\4" b"\5\0" b"\x08\0"
        b"\0\0\0\4" b"\5\2" b"\x05\0",
        DataTransfer((
            PresentationDataValue(5, 3, b"\0\0\2\0"),
            PresentationDataValue(5, 0, b"\x08\0"),
            PresentationDataValue(5, 2, b"\x05\0"),
        )),
    ),
    "A-RELEASE-RQ": Vector(b"\5\0\0\0\0\4" b"\0\0\0\0", ReleaseRequest()),
    "A-RELEASE-RP": Vector(b"\6\0\0\0\0\4" b"\0\0\0\0", ReleaseReply()),
    "A-ABORT by the user": Vector(b"\7\0\0\0\0\4" b"\0\0\0\0", Abort(0, 0)),
    "A-ABORT by the provider": Vector(b"\7\0\0\0\0\4" b"\0\0\2\6", Abort(2, 6)),

    # The sub-items of the user information one by one, and none.
    "empty 50H": Vector(request_with(b""), requested(UserInformation())),
    "51H unlimited": Vector(request_with(b"\x51\0\0\4" b"\0\0\0\0"), requested(UserInformation(max_pdu_length=0))),
    "51H least": Vector(request_with(b"\x51\0\0\4" b"\0\0\0\x08"), requested(UserInformation(max_pdu_length=8))),
    "51H largest": Vector(
        accept_with(b"\x51\0\0\4" b"\xff\xff\xff\xff"), accepted(UserInformation(max_pdu_length=4294967295))
    ),
    "52H of 64 characters": Vector(
        accept_with(b"\x52\0\0\x40" b"1.2.826.0.1.3680043.9.1234567890.1234567890.1234567890.123456789"),
        accepted(UserInformation(
            implementation_class_uid=UID("1.2.826.0.1.3680043.9.1234567890.1234567890.1234567890.123456789")
        )),
    ),
    "53H": Vector(
        request_with(b"\x53\0\0\4" b"\0\x10" b"\xff\xff"),
        requested(UserInformation(asynchronous_window=AsynchronousWindow(16, 65535))),
    ),
    "54H twice": Vector(
        request_with(
            b"\x54\0\0\x1d" b"\0\x19" b"1.2.840.10008.5.1.4.1.1.2" b"\1\1"
            b"\x54\0\0\x15" b"\0\x11" b"1.2.840.10008.1.1" b"\0\0"
        ),
        requested(UserInformation(roles=(
            RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=True), RoleSelection(VERIFICATION, scu=False, scp=False)
        ))),
    ),
    "55H of one character": Vector(
        request_with(b"\x55\0\0\1" b"X"), requested(UserInformation(implementation_version_name="X"))
    ),
    "56H without information": Vector(
        accept_with(b"\x56\0\0\x13" b"\0\x11" b"1.2.840.10008.1.1"),
        accepted(UserInformation(extended=(ExtendedNegotiation(VERIFICATION, b""),))),
    ),
    "57H with related classes": Vector(
        request_with(
            b"\x57\0\0\x39" b"\0\7" b"1.2.3.4" b"\0\x11" b"1.2.840.10008.4.2"
            b"\0\x1b" b"\0\x11" b"1.2.840.10008.1.1" b"\0\6" b"1.2.99"
        ),
        requested(UserInformation(common_extended=(
            CommonExtendedNegotiation(UID("1.2.3.4"), STORAGE_SERVICE, (VERIFICATION, UID("1.2.99"))),
        ))),
    ),
    "58H user name": Vector(
        request_with(b"\x58\0\0\x0a" b"\1\0" b"\0\4" b"anna" b"\0\0"),
        requested(UserInformation(user_identity=UserIdentity(1, b"anna"))),
    ),
    "58H token": Vector(
        request_with(b"\x58\0\0\x0b" b"\5\1" b"\0\5" b"e.f.g" b"\0\0"),
        requested(UserInformation(user_identity=UserIdentity(5, b"e.f.g", positive_response_requested=True))),
    ),
    "59H empty": Vector(
        accept_with(b"\x59\0\0\2" b"\0\0"), accepted(UserInformation(user_identity_response=b""))
    ),
    "unknown sub-items": Vector(
        request_with(b"\xff\0\0\0" b"\0\0\0\1" b"x" b"\xff\0\0\1" b"y"),
        requested(UserInformation(unknown=(RawItem(0xFF, b""), RawItem(0, b"x"), RawItem(0xFF, b"y")))),
    ),

    # Reserved bytes, versions, titles and echoes that others fill as they like.
    "reserved bytes set in an A-RELEASE-RQ": Vector(b"\5\xff\0\0\0\4" b"\1\2\3\4", ReleaseRequest(), canonical=False),
    "reserved bytes set in an A-ABORT": Vector(b"\7\1\0\0\0\4" b"\7\7\2\1", Abort(2, 1), canonical=False),
    "reserved bytes set in items": Vector(
        request(
            b"\x10\xff\0\x15" b"1.2.840.10008.3.1.1.1"
            b"\x20\xff\0\x2e" b"\1\xff\xff\xff"
                b"\x30\xff\0\x11" b"1.2.840.10008.1.1"
                b"\x40\xff\0\x11" b"1.2.840.10008.1.2"
            b"\x50\xff\0\x13"
                b"\x51\xff\0\4" b"\0\0\x40\0"
                b"\x52\xff\0\7" b"1.2.3.4"
        ),
        requested(),
        canonical=False,
    ),
    "protocol version with more bits": Vector(
        pdu(1, b"\x80\3" b"\xff\xff" b"STORE_SCP       " b"MODALITY        " + b"\xff" * 32
            + APPLICATION_CONTEXT + ECHO_PROPOSED + USER_INFORMATION),
        AssociateRequest("STORE_SCP", "MODALITY", (ECHO_CONTEXT,), INFORMATION, protocol_version=0x8003),
        canonical=False,
    ),
    "protocol version 0": Vector(
        pdu(1, b"\0\0" b"\0\0" b"STORE_SCP       " b"MODALITY        " + bytes(32)
            + APPLICATION_CONTEXT + ECHO_PROPOSED + USER_INFORMATION),
        AssociateRequest("STORE_SCP", "MODALITY", (ECHO_CONTEXT,), INFORMATION, protocol_version=0),
        canonical=False,
    ),
    "titles of 16 characters": Vector(
        pdu(1, b"\0\1" b"\0\0" b"SIXTEEN LETTERS!" b"ABCDEFGHIJKLMNOP" + bytes(32)
            + APPLICATION_CONTEXT + ECHO_PROPOSED + USER_INFORMATION),
        AssociateRequest("SIXTEEN LETTERS!", "ABCDEFGHIJKLMNOP", (ECHO_CONTEXT,), INFORMATION),
    ),
    "echoed titles of 16 characters": Vector(
        pdu(2, b"\0\1" b"\0\0" b"SIXTEEN LETTERS!" b"ABCDEFGHIJKLMNOP" + bytes(32)
            + APPLICATION_CONTEXT + ECHO_ACCEPTED + USER_INFORMATION),
        AssociateAccept("SIXTEEN LETTERS!", "ABCDEFGHIJKLMNOP", (ECHO_RESULT,), INFORMATION),
    ),
    "titles with leading spaces and NULs": Vector(
        pdu(1, b"\0\1" b"\0\0" b"  STORE SCP\0\0\0\0\0" b"MODALITY \0 \0 \0 \0" + bytes(32)
            + APPLICATION_CONTEXT + ECHO_PROPOSED + USER_INFORMATION),
        AssociateRequest("STORE SCP", "MODALITY", (ECHO_CONTEXT,), INFORMATION),
        canonical=False,
    ),
    "titles of nothing": Vector(
        pdu(1, b"\0\1" b"\0\0" b"                " + bytes(48) + APPLICATION_CONTEXT + ECHO_PROPOSED + USER_INFORMATION),
        AssociateRequest("", "", (ECHO_CONTEXT,), INFORMATION),
        canonical=False,
    ),
    "garbled echo in an A-ASSOCIATE-AC": Vector(
        pdu(2, b"\0\1" b"\0\0" b"\xe9\0STRANGE\1\2\3\4\5\6\7" b"                " + b"\xff" * 32
            + APPLICATION_CONTEXT + ECHO_ACCEPTED + USER_INFORMATION),
        AssociateAccept(
            "é\0STRANGE\1\2\3\4\5\6\7", "", (ECHO_RESULT,), INFORMATION,
            echo=b"\xe9\0STRANGE\1\2\3\4\5\6\7" b"                " + b"\xff" * 32,
        ),
    ),

    # Items missing, repeated, unknown, padded or in another order.
    "no items": Vector(
        request(b""), requested(UserInformation(), contexts=(), application_context=""), canonical=False
    ),
    "no application context": Vector(
        request(ECHO_PROPOSED + USER_INFORMATION), requested(application_context=""), canonical=False
    ),
    "other application context": Vector(
        request(b"\x10\0\0\7" b"1.2.3.5" + ECHO_PROPOSED + USER_INFORMATION), requested(application_context="1.2.3.5")
    ),
    "no user information": Vector(
        request(APPLICATION_CONTEXT + ECHO_PROPOSED), requested(UserInformation()), canonical=False
    ),
    "items in another order": Vector(
        request(USER_INFORMATION + ECHO_PROPOSED + APPLICATION_CONTEXT), requested(), canonical=False
    ),
    "unknown items": Vector(
        request(b"\x11\0\0\0" + APPLICATION_CONTEXT + b"\xee\0\0\3abc" + ECHO_PROPOSED + ECHO_ACCEPTED + USER_INFORMATION),
        requested(),
        canonical=False,
    ),
    "items twice": Vector(
        request(
            APPLICATION_CONTEXT + b"\x10\0\0\7" b"1.2.3.5" + ECHO_PROPOSED + USER_INFORMATION + b"\x50\0\0\0"
        ),
        requested(),
        canonical=False,
    ),
    "UIDs padded to even length": Vector(
        request(
            b"\x10\0\0\x16" b"1.2.840.10008.3.1.1.1\0"
            b"\x20\0\0\x30" b"\1\0\0\0"
                b"\x30\0\0\x12" b"1.2.840.10008.1.1\0"
                b"\x40\0\0\x12" b"1.2.840.10008.1.2 "
            b"\x50\0\0\x14"
                b"\x51\0\0\4" b"\0\0\x40\0"
                b"\x52\0\0\x08" b"1.2.3.4\0"
        ),
        requested(),
        canonical=False,
    ),
    "sub-items in another order": Vector(
        request(
            APPLICATION_CONTEXT + ECHO_PROPOSED
            + b"\x50\0\0\x18" b"\xf1\0\0\1" b"z" b"\x52\0\0\7" b"1.2.3.4" b"\x51\0\0\4" b"\0\0\x40\0"
        ),
        requested(UserInformation(
            max_pdu_length=16384, implementation_class_uid=UID("1.2.3.4"), unknown=(RawItem(0xF1, b"z"),)
        )),
        canonical=False,
    ),
    "sub-items twice": Vector(
        request_with(
            b"\x51\0\0\4" b"\0\0\x40\0" b"\x51\0\0\4" b"\0\0\x80\0"
            b"\x54\0\0\x0b" b"\0\7" b"1.2.3.4" b"\1\0" b"\x54\0\0\x0c" b"\0\x08" b"1.2.3.4\0" b"\0\1"
            b"\x56\0\0\x0a" b"\0\7" b"1.2.3.4" b"a" b"\x56\0\0\x0a" b"\0\7" b"1.2.3.4" b"b"
            b"\x57\0\0\x0e" b"\0\7" b"1.2.3.4" b"\0\1" b"1" b"\0\0"
            b"\x57\0\0\x0e" b"\0\7" b"1.2.3.4" b"\0\1" b"2" b"\0\0"
        ),
        requested(UserInformation(
            max_pdu_length=16384,
            roles=(RoleSelection(UID("1.2.3.4"), scu=True, scp=False),),
            extended=(ExtendedNegotiation(UID("1.2.3.4"), b"a"),),
            common_extended=(CommonExtendedNegotiation(UID("1.2.3.4"), UID("1")),),
        )),
        canonical=False,
    ),
    "version name with padding, beyond 16 and ISO 646": Vector(
        request_with(b"\x55\0\0\x1a" b" VERSION \xe4 of our product\0"),
        requested(UserInformation(implementation_version_name="VERSION ä of our product")),
        canonical=False,
    ),
    "version name of nothing": Vector(
        accept_with(b"\x55\0\0\0"), accepted(UserInformation(implementation_version_name="")), canonical=False
    ),
    "roles other than 0 and 1": Vector(
        request_with(b"\x54\0\0\x0b" b"\0\7" b"1.2.3.4" b"\xff\2"),
        requested(UserInformation(roles=(RoleSelection(UID("1.2.3.4"), scu=True, scp=True),))),
        canonical=False,
    ),
    "57H of a later version": Vector(
        request_with(b"\x57\1\0\x13" b"\0\7" b"1.2.3.4" b"\0\1" b"1" b"\0\0" b"later"),
        requested(UserInformation(common_extended=(
            CommonExtendedNegotiation(UID("1.2.3.4"), UID("1"), version=1),
        ))),
        canonical=False,
    ),
    "58H of an unknown type with a secondary field": Vector(
        request_with(b"\x58\0\0\x08" b"\x09\2" b"\0\1" b"a" b"\0\1" b"b"),
        requested(UserInformation(user_identity=UserIdentity(9, b"a", b"b", positive_response_requested=True))),
        canonical=False,
    ),

    # Presentation contexts as they should not be.
    "contexts with even, zero and repeated IDs": Vector(
        request(
            APPLICATION_CONTEXT
            + b"\x20\0\0\x0d" b"\0\0\0\0" b"\x30\0\0\1" b"1" b"\x40\0\0\0"
            + b"\x20\0\0\x0d" b"\2\0\0\0" b"\x30\0\0\1" b"1" b"\x40\0\0\0"
            + ECHO_PROPOSED
            + b"\x20\0\0\x0d" b"\1\0\0\0" b"\x30\0\0\1" b"1" b"\x40\0\0\0"
            + USER_INFORMATION
        ),
        requested(),
        canonical=False,
    ),
    "context without syntaxes": Vector(
        request(APPLICATION_CONTEXT + b"\x20\0\0\4" b"\1\0\0\0" + USER_INFORMATION),
        requested(contexts=(ProposedContext(1, UID(""), ()),)),
        canonical=False,
    ),
    "context with transfer syntaxes first, two abstract syntaxes and an unknown sub-item": Vector(
        request(
            APPLICATION_CONTEXT
            + b"\x20\0\0\x22" b"\3\0\0\0"
                b"\x40\0\0\3" b"1.2" b"\x77\0\0\0" b"\x30\0\0\3" b"1.3" b"\x40\0\0\1" b"1" b"\x30\0\0\3" b"1.4"
            + USER_INFORMATION
        ),
        requested(contexts=(ProposedContext(3, UID("1.3"), (UID("1.2"), UID("1"))),)),
        canonical=False,
    ),
    "rejected contexts without, with empty and with nonsense transfer syntax": Vector(
        accept(
            APPLICATION_CONTEXT
            + b"\x21\0\0\4" b"\1\0\1\0"
            + b"\x21\0\0\x08" b"\3\0\2\0" b"\x40\0\0\0"
            + b"\x21\0\0\x0a" b"\5\0\3\0" b"\x40\0\0\2" b"??"
            + b"\x21\0\0\x08" b"\7\0\4\0" b"\x40\0\xff\xff"
            + b"\x21\0\0\4" b"\x09\0\xff\0"
            + USER_INFORMATION
        ),
        accepted(contexts=(
            ContextResult(1, 1, None), ContextResult(3, 2, None), ContextResult(5, 3, None), ContextResult(7, 4, None),
            ContextResult(9, 255, None),
        )),
        canonical=False,
    ),
    "accepted contexts without, with empty, with two and with one transfer syntax beside something else": Vector(
        accept(
            APPLICATION_CONTEXT
            + b"\x21\0\0\4" b"\1\0\0\0"
            + b"\x21\0\0\x08" b"\3\0\0\0" b"\x40\0\0\0"
            + b"\x21\0\0\x0e" b"\5\0\0\0" b"\x40\0\0\1" b"1" b"\x40\0\0\1" b"2"
            + b"\x21\0\0\x0e" b"\7\0\0\0" b"\x41\0\0\1" b"1" b"\x40\0\0\1" b"2"
            + USER_INFORMATION
        ),
        accepted(contexts=(
            ContextResult(1, 0, None), ContextResult(3, 0, None), ContextResult(5, 0, None), ContextResult(7, 0, UID("2")),
        )),
        canonical=False,
    ),

    # Numbers outside the tables, sizes that need not be, fragments as they should not be.
    "A-ASSOCIATE-RJ outside the table": Vector(b"\3\0\0\0\0\4" b"\0\0\3\x08", AssociateReject(0, 3, 8), canonical=False),
    "A-ASSOCIATE-RJ with surplus bytes": Vector(b"\3\0\0\0\0\6" b"\0\1\1\3??", AssociateReject(1, 1, 3), canonical=False),
    "A-RELEASE-RP with surplus bytes": Vector(b"\6\0\0\0\0\5" b"\0\0\0\0?", ReleaseReply(), canonical=False),
    "A-ABORT outside the table": Vector(b"\7\0\0\0\0\4" b"\0\0\1\xff", Abort(1, 255), canonical=False),
    "empty last fragment": Vector(
        b"\4\0\0\0\0\6" b"\0\0\0\2" b"\1\2", DataTransfer((PresentationDataValue(1, 2, b""),)), canonical=False
    ),
    "fragments of odd length": Vector(
        b"\4\0\0\0\0\x0e" b"\0\0\0\3" b"\1\0" b"a" b"\0\0\0\3" b"\1\2" b"b",
        DataTransfer((PresentationDataValue(1, 0, b"a"), PresentationDataValue(1, 2, b"b"))),
        canonical=False,
    ),
    "control header with upper bits, context ID 0": Vector(
        b"\4\0\0\0\0\x08" b"\0\0\0\4" b"\0\xfd" b"ab",
        DataTransfer((PresentationDataValue(0, 0xFD, b"ab"),)),
        canonical=False,
    ),
}

REFUSED: dict[str, Refused] = {
    "PDU type 0": Refused(b"\0\0\0\0\0\4" b"\0\0\0\0", AbortReason.UNRECOGNIZED_PDU),
    "PDU type 8": Refused(b"\x08\0\0\0\0\4" b"\0\0\0\0", AbortReason.UNRECOGNIZED_PDU),
    "A-ASSOCIATE-RQ shorter than its fixed part": Refused(b"\1\0\0\0\0\x43" + bytes(67)),
    "A-ASSOCIATE-AC of nothing": Refused(b"\2\0\0\0\0\0"),
    "A-ASSOCIATE-RJ of 3 bytes": Refused(b"\3\0\0\0\0\3" b"\0\1\1"),
    "A-RELEASE-RQ of 3 bytes": Refused(b"\5\0\0\0\0\3" b"\0\0\0"),
    "A-RELEASE-RP of nothing": Refused(b"\6\0\0\0\0\0"),
    "A-ABORT of 3 bytes": Refused(b"\7\0\0\0\0\3" b"\0\0\0"),
    "P-DATA-TF without a PDV": Refused(b"\4\0\0\0\0\0"),
    "PDV of length 0": Refused(b"\4\0\0\0\0\4" b"\0\0\0\0"),
    "PDV of length 0 before another": Refused(b"\4\0\0\0\0\x0c" b"\0\0\0\0" b"\0\0\0\4" b"\1\3" b"ab"),
    "PDV of length 1 before another": Refused(b"\4\0\0\0\0\x0d" b"\0\0\0\1" b"\1" b"\0\0\0\4" b"\1\3" b"ab"),
    "PDV of length 1": Refused(b"\4\0\0\0\0\5" b"\0\0\0\1" b"\1"),
    "PDV beyond the PDU": Refused(b"\4\0\0\0\0\x08" b"\0\0\0\5" b"\1\3" b"ab"),
    "PDV far beyond the PDU": Refused(b"\4\0\0\0\0\x08" b"\xff\xff\xff\xff" b"\1\3" b"ab"),
    "PDV length cut off": Refused(b"\4\0\0\0\0\x0b" b"\0\0\0\4" b"\1\3" b"ab" b"\0\0\0"),
    "item header cut off": Refused(request(APPLICATION_CONTEXT + b"\x50\0\0")),
    "item beyond the PDU": Refused(request(b"\x10\0\0\x16" b"1.2.840.10008.3.1.1.1")),
    "unknown item beyond the PDU": Refused(request(b"\xee\0\xff\xff")),
    "proposed context of nothing": Refused(request(b"\x20\0\0\0")),
    "context result of nothing": Refused(accept(b"\x21\0\0\0")),
    "proposed context of 3 bytes": Refused(request(b"\x20\0\0\3" b"\1\0\0")),
    "abstract syntax beyond its context": Refused(request(b"\x20\0\0\x09" b"\1\0\0\0" b"\x30\0\0\2" b"1")),
    "context result of 3 bytes": Refused(accept(b"\x21\0\0\3" b"\1\0\0")),
    "transfer syntax beyond its accepted context": Refused(accept(b"\x21\0\0\x09" b"\1\0\0\0" b"\x40\0\0\2" b"1")),
    "sub-item beyond the user information": Refused(request_with(b"\x51\0\0\5" b"\0\0\0\0")),
    "unknown sub-item beyond the user information": Refused(request_with(b"\xee\0\0\1")),
    "51H of 3 bytes": Refused(request_with(b"\x51\0\0\3" b"\0\0\0")),
    "51H of 5 bytes": Refused(request_with(b"\x51\0\0\5" b"\0\0\0\0\0")),
    "53H of 2 bytes": Refused(request_with(b"\x53\0\0\2" b"\0\1")),
    "53H of 5 bytes": Refused(request_with(b"\x53\0\0\5" b"\0\1\0\1\0")),
    "54H of nothing": Refused(request_with(b"\x54\0\0\0")),
    "54H with a UID beyond it": Refused(request_with(b"\x54\0\0\5" b"\0\4" b"1.2")),
    "54H with one role": Refused(request_with(b"\x54\0\0\6" b"\0\3" b"1.2" b"\1")),
    "54H with three roles": Refused(request_with(b"\x54\0\0\x08" b"\0\3" b"1.2" b"\1\1\1")),
    "56H of one byte": Refused(request_with(b"\x56\0\0\1" b"\0")),
    "56H with a UID beyond it": Refused(request_with(b"\x56\0\0\3" b"\0\2" b"1")),
    "57H without a service class": Refused(request_with(b"\x57\0\0\3" b"\0\1" b"1")),
    "57H without related classes": Refused(request_with(b"\x57\0\0\6" b"\0\1" b"1" b"\0\1" b"1")),
    "57H with related classes beyond it": Refused(request_with(b"\x57\0\0\x08" b"\0\1" b"1" b"\0\1" b"1" b"\0\1")),
    "57H with a related class beyond its list": Refused(
        request_with(b"\x57\0\0\x0b" b"\0\1" b"1" b"\0\1" b"1" b"\0\3" b"\0\2" b"1")
    ),
    "58H of nothing": Refused(request_with(b"\x58\0\0\0")),
    "58H of one byte": Refused(request_with(b"\x58\0\0\1" b"\1")),
    "58H without a secondary field": Refused(request_with(b"\x58\0\0\5" b"\1\0" b"\0\1" b"a")),
    "58H with a primary field beyond it": Refused(request_with(b"\x58\0\0\5" b"\1\0" b"\0\2" b"a")),
    "58H with more behind its fields": Refused(request_with(b"\x58\0\0\x08" b"\1\0" b"\0\1" b"a" b"\0\0" b"?")),
    "59H of nothing": Refused(accept_with(b"\x59\0\0\0")),
    "59H with a response beyond it": Refused(accept_with(b"\x59\0\0\3" b"\0\2" b"a")),
    "59H with more behind its response": Refused(accept_with(b"\x59\0\0\4" b"\0\1" b"a?")),
}
# fmt: on
