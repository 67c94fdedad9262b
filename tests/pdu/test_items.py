from __future__ import annotations

import pytest

from dicomnet.pdu import ContextOutcome, ContextResult, UserIdentity, UserIdentityType, UserInformation
from pdu.vectors import IMPLICIT_LE

SECRET = b"do-not-log-me"


@pytest.mark.parametrize("kind", [*UserIdentityType, 0, 6, 255])
def test_no_text_shows_a_secondary_field(kind: int) -> None:
    """A passcode is in no text of an identity, whatever type the identity claims to be."""
    identity = UserIdentity(kind, b"anna", SECRET)
    for text in (repr(identity), str(identity), f"{UserInformation(user_identity=identity)}"):
        assert "do-not-log-me" not in text


@pytest.mark.parametrize("kind", [UserIdentityType.KERBEROS, UserIdentityType.SAML, UserIdentityType.JWT, 0, 6, 255])
def test_no_text_shows_a_ticket_assertion_or_token(kind: int) -> None:
    """The primary field of everything but user names is a secret too."""
    identity = UserIdentity(kind, SECRET)
    for text in (repr(identity), str(identity), f"{UserInformation(user_identity=identity)}"):
        assert "do-not-log-me" not in text


@pytest.mark.parametrize("kind", [UserIdentityType.USERNAME, UserIdentityType.USERNAME_PASSCODE])
def test_the_text_of_an_identity_names_the_user(kind: int) -> None:
    """A user name is shown, since logs are read to find out who it was."""
    assert repr(UserIdentity(kind, b"anna", positive_response_requested=True)) == (
        f"UserIdentity(kind={int(kind)}, primary=b'anna', secondary=<hidden>, positive_response_requested=True)"
    )


def test_no_text_shows_the_response_to_an_identity() -> None:
    """A server response may be a Kerberos ticket or a SAML assertion, and so stays out of sight."""
    assert "do-not-log-me" not in repr(UserInformation(user_identity_response=SECRET))


@pytest.mark.parametrize(
    ("result", "accepted"), [(0, True), (1, False), (2, False), (3, False), (4, False), (255, False)]
)
def test_only_result_0_is_an_acceptance(result: int, accepted: bool) -> None:
    """A context is accepted with result 0, and with no other number, defined or not."""
    assert ContextResult(1, result, IMPLICIT_LE).accepted is accepted


def test_outcomes_and_identity_types_have_the_numbers_of_the_standard() -> None:
    """The numbers on the wire are those of PS3.8 Table 9-18 and PS3.7 D.3.3.7.1."""
    assert {outcome.name: outcome.value for outcome in ContextOutcome} == {
        "ACCEPTANCE": 0,
        "USER_REJECTION": 1,
        "NO_REASON": 2,
        "ABSTRACT_SYNTAX_NOT_SUPPORTED": 3,
        "TRANSFER_SYNTAXES_NOT_SUPPORTED": 4,
    }
    assert {kind.name: kind.value for kind in UserIdentityType} == {
        "USERNAME": 1,
        "USERNAME_PASSCODE": 2,
        "KERBEROS": 3,
        "SAML": 4,
        "JWT": 5,
    }
