"""User identities: who is asked about them, what he is told, and what the peer gets to know (PS3.7 D.3.3.7)."""

from __future__ import annotations

import asyncio
import logging
import threading
from typing import Any

import pytest

from dicomnet.aio.requests import EchoRequest
from dicomnet.errors import AssociationRejected
from dicomnet.pdu import AssociateRequest, ProposedContext, UserIdentity, UserIdentityType, UserInformation
from dicomnet.pdu.write import push_pdu
from dicomnet.server.caller import Caller, Verified, response_to
from dicomnet.types import UID
from dicomnet.uids import ImplicitVRLittleEndian, Verification
from server.serving import calling, local

SECRET = b"opensesame"
KINDS = list(UserIdentityType)
NAMED = (UserIdentityType.USERNAME, UserIdentityType.USERNAME_PASSCODE)
ANSWERED = (UserIdentityType.KERBEROS, UserIdentityType.SAML)


def identity(kind: int, *, asks: bool = True) -> UserIdentity:
    """One of each kind; types 3 to 5 are secret as a whole."""
    primary = b"j\xc3\xb6rg" if kind in NAMED else SECRET
    return UserIdentity(kind, primary, SECRET if kind == 2 else b"", positive_response_requested=asks)


@pytest.mark.parametrize("asks", [True, False])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verdict", [True, b"ticket", Verified("jane", b"ticket"), Verified()])
async def test_a_positive_response_is_what_its_type_has(kind: int, asks: bool, verdict: Any) -> None:
    """Only if it was asked for; of length 0 but for tickets and assertions, and of those none where there is none."""
    asked: list[Caller] = []
    seen: list[Any] = []

    def judge(caller: Caller) -> Any:
        assert threading.current_thread() is not threading.main_thread()
        asked.append(caller)
        return verdict

    server = local(user_identity=judge)

    @server.on_echo
    async def note(request: EchoRequest) -> int:
        seen.append((request.association.user, request.association.user_identity))
        return 0

    brought = identity(kind, asks=asks)
    async with server, calling(server, user_identity=brought) as association:
        await association.echo()
        accept = association._session.accept_pdu
        assert accept is not None
        response = accept.user_information.user_identity_response
    ticket = verdict if isinstance(verdict, bytes) else getattr(verdict, "response", b"")
    expected = (ticket or None) if kind in ANSWERED else b""
    assert response == (expected if asks else None)
    assert asked == [
        Caller(calling_ae="ME", called_ae="ARCHIVE", address="127.0.0.1", certificate=None, identity=brought)
    ]
    name = "jörg" if kind in NAMED else None
    assert seen == [(getattr(verdict, "user", None) or name, brought)]


@pytest.mark.parametrize("verdict", [False, None, "", "alice", 0, 1, {}, [], bytearray(b"ticket")])
async def test_an_identity_is_taken_by_a_clear_yes_only(verdict: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Rejected for good by the ACSE, in one line; a function that returns something else by mistake lets nobody in."""
    async with local(user_identity=lambda caller: verdict) as server:
        with pytest.raises(AssociationRejected) as rejected:
            await calling(server, user_identity=UserIdentity(1, b"alice"))
    assert (rejected.value.result, rejected.value.source, rejected.value.reason) == (1, 2, 1)
    (line,) = [record for record in caplog.records if record.levelno >= logging.WARNING]
    if verdict is None or verdict is False:
        assert line.getMessage().endswith("the user identity of alice is refused")
    else:
        assert f"user_identity gave {type(verdict).__name__}" in line.getMessage()


async def test_who_brings_no_identity_is_rejected_unless_it_is_optional() -> None:
    """The function is not asked about nothing."""

    async def judge(caller: Caller) -> bool:
        raise AssertionError

    async with local(user_identity=judge) as server, local(user_identity=judge, identity_required=False) as lenient:
        with pytest.raises(AssociationRejected) as rejected:
            await calling(server)
        assert (rejected.value.result, rejected.value.source, rejected.value.reason) == (1, 2, 1)
        async with calling(lenient) as association:
            assert await association.echo() == 0


@pytest.mark.parametrize("kind", [0, 6, 255])
@pytest.mark.parametrize("required", [True, False])
async def test_an_identity_of_a_type_that_nobody_knows_is_none(kind: int, required: bool) -> None:
    """Types 1 to 5 mean something; about others nobody is asked, and nothing is confirmed (PS3.7 D.3.3.7.1)."""

    async def judge(caller: Caller) -> bool:
        raise AssertionError

    request = AssociateRequest(
        "ARCHIVE",
        "ME",
        (ProposedContext(1, Verification, (ImplicitVRLittleEndian,)),),
        UserInformation(16384, UID("1.2.3"), user_identity=UserIdentity(1, b"alice", b"", True)),
    )
    item = bytes([0x58, 0, 0, 11])  # its length: type, whether it is to be answered, "alice", and two lengths
    said = push_pdu(request).replace(item + b"\1", item + bytes([kind]))
    assert item + bytes([kind]) in said
    async with local(user_identity=judge, identity_required=required) as server:
        reader, writer = await asyncio.open_connection("127.0.0.1", server.port)
        writer.write(said)
        head = await reader.readexactly(6)
        body = await reader.readexactly(int.from_bytes(head[2:]))
        writer.close()
    assert head[0] == (3 if required else 2)
    assert (body[1:] == b"\1\2\1") == required
    assert b"\x59\0\0" not in body


async def test_a_server_that_asks_nobody_confirms_nothing() -> None:
    """An identity is ignored, and not answered: that would say that it was checked."""
    async with local() as server, calling(server, user_identity=identity(1)) as association:
        accept = association._session.accept_pdu
        assert accept is not None
        assert accept.user_information.user_identity_response is None


async def test_a_judge_who_fails_lets_nobody_in() -> None:
    """And the server goes on; it may be tried again."""

    async def judge(caller: Caller) -> bool:
        raise LookupError(caller.user)

    async with local(user_identity=judge) as server:
        for _ in range(2):
            with pytest.raises(AssociationRejected) as rejected:
                await calling(server, user_identity=UserIdentity(1, b"alice"))
            assert rejected.value.result == 2


@pytest.mark.parametrize("kind", KINDS)
def test_no_secret_has_a_text(kind: int) -> None:
    """Neither what is told to a function, nor what it says."""
    caller = Caller(calling_ae="CT1", called_ae="ARCHIVE", address="::1", certificate=None, identity=identity(kind))
    verified = Verified("jane", SECRET)
    assert SECRET.decode() not in f"{caller!r} {caller} {verified!r} {verified}"


@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize("verdict", [True, False])
async def test_no_secret_is_logged(kind: int, verdict: bool, caplog: pytest.LogCaptureFixture) -> None:
    """Not even at DEBUG, whether it is taken or not."""
    caplog.set_level(logging.DEBUG)
    async with local(user_identity=lambda caller: verdict and Verified("jane", SECRET)) as server:
        if verdict:
            async with calling(server, user_identity=identity(kind)) as association:
                await association.echo()
        else:
            with pytest.raises(AssociationRejected):
                await calling(server, user_identity=identity(kind))
    assert "A-ASSOCIATE-RQ" in caplog.text
    assert SECRET.decode() not in caplog.text


@pytest.mark.parametrize("kind", KINDS)
def test_a_response_fits_its_type(kind: int) -> None:
    """Length 0 for names and tokens whatever the function gave; a ticket or an assertion for those that have one."""
    assert response_to(identity(kind), Verified("jane", b"ticket")) == (b"ticket" if kind in ANSWERED else b"")
    assert response_to(identity(kind), Verified("jane")) == (None if kind in ANSWERED else b"")
