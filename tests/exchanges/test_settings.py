"""Everything that is decided before an association is asked for."""

from __future__ import annotations

from dataclasses import FrozenInstanceError
from typing import Any

import pytest

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.settings import ANY_TITLE, DEFAULT_PORT, OUR_TITLE, Settings, settings_for
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import Limits, Timeouts
from dicomnet.pdu import ExtendedNegotiation, RoleSelection
from dicomnet.types import UID, Address
from pair import CT_IMAGE_STORAGE, STUDY_ROOT_FIND


@pytest.mark.parametrize(
    ("address", "called", "host", "port"),
    [
        ("PACS@10.0.0.5:11112", "PACS", "10.0.0.5", 11112),
        ("PACS@10.0.0.5", "PACS", "10.0.0.5", 104),
        ("10.0.0.5:104", "ANY-SCP", "10.0.0.5", 104),
        ("archive.example", "ANY-SCP", "archive.example", 104),
        ("PACS@[::1]:104", "PACS", "::1", 104),
    ],
)
def test_an_address_says_whom_to_call(address: str, called: str, host: str, port: int) -> None:
    """What it leaves out has a default."""
    settings = settings_for(address)
    assert (settings.called_ae, settings.host, settings.port) == (called, host, port)
    assert settings_for(settings.address) == settings


def test_an_address_may_be_taken_apart_already() -> None:
    """The same, without parsing."""
    parsed = Address.parse("PACS@host:104", default_port=DEFAULT_PORT)
    assert settings_for(parsed) == settings_for("PACS@host:104")


def test_what_is_not_given_is_the_default() -> None:
    """Titles, times, limits, and no leniency at all."""
    settings = settings_for("host")
    assert (settings.calling_ae, settings.called_ae) == (OUR_TITLE, ANY_TITLE) == ("DICOMNET", "ANY-SCP")
    assert (settings.timeouts, settings.limits, settings.tolerance) == (Timeouts(), Limits(), Tolerance())
    assert (settings.tls, settings.window, settings.user_identity, settings.local) == (None, None, None, None)
    assert (settings.roles, settings.extended, settings.common_extended) == ((), (), ())


def test_what_is_given_is_kept() -> None:
    """The maximum length is a limit among the others."""
    limits = Limits(association_pdu=1000)
    settings = settings_for("host", aet="ME", window=(4, 1), max_pdu_length=4096, limits=limits, local=("::", 0))
    assert (settings.calling_ae, settings.window, settings.local) == ("ME", (4, 1), ("::", 0))
    assert (settings.limits.max_pdu_length, settings.limits.association_pdu) == (4096, 1000)
    assert limits.max_pdu_length == Limits().max_pdu_length


def test_settings_are_shared_and_so_they_do_not_change() -> None:
    """Several associations stand on them."""
    settings: Any = settings_for("host")
    with pytest.raises(FrozenInstanceError):
        settings.port = 1
    assert isinstance(settings, Settings)


@pytest.mark.parametrize(("role", "scu", "scp"), [("scu", True, False), ("scp", False, True), ("both", True, True)])
def test_roles_may_be_given_by_name(role: str, scu: bool, scp: bool) -> None:
    """For each SOP class of the service."""
    assert settings_for("host", roles={"CTImageStorage": role}).roles == (RoleSelection(CT_IMAGE_STORAGE, scu, scp),)


def test_roles_and_extended_negotiation_may_be_given_as_items() -> None:
    """As they go into the request."""
    role = RoleSelection(CT_IMAGE_STORAGE, scu=True, scp=True)
    item = ExtendedNegotiation(STUDY_ROOT_FIND, b"\1")
    settings = settings_for("host", roles=[role], extended=[item])
    assert (settings.roles, settings.extended) == ((role,), (item,))


def test_extended_negotiation_may_be_given_by_name() -> None:
    """Application information by service (PS3.7 D.3.3.5)."""
    settings = settings_for("host", extended={"study-root-find": b"\1\1"})
    assert settings.extended == (ExtendedNegotiation(UID(STUDY_ROOT_FIND), b"\1\1"),)


@pytest.mark.parametrize(
    "wrong",
    [
        {"aet": "A TITLE THAT IS TOO LONG"},
        {"aet": ""},
        {"max_pdu_length": 7},
        {"window": {}},
        {"window": "4"},
        {"window": (1, 2, 3)},
        {"window": -1},
        {"roles": {"CTImageStorage": "user"}},
        {"roles": {"nonsense": "scu"}},
        {"extended": {"nonsense": b""}},
        {"extended": {"study-root-find": "\1"}},
        {"timeouts": 5},
        {"limits": 5},
        {"tolerance": "much"},
        {"user_identity": "bob"},
        {"tls": True},
        {"address": "PACS@host:port"},
        {"address": "A TITLE THAT IS TOO LONG@host"},
        {"address": ""},
    ],
    ids=str,
)
def test_what_cannot_be_is_refused(wrong: dict[str, Any]) -> None:
    """When it is given, not when it is used."""
    with pytest.raises(InvalidValue):
        settings_for(**{"address": "host", **wrong})
