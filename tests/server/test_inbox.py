from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from dicomnet.dimse.commands import CMoveRequest, CStoreRequest
from dicomnet.server.inbox import Inbox, Inboxes
from dicomnet.uids import CTImageStorage

HOST, ELSEWHERE = "192.0.2.1", "192.0.2.9"


def brought(calling_ae: str, originator: str | None, message_id: int | None) -> Any:
    """An instance that is about to come."""
    command = CStoreRequest(
        affected_sop_class_uid=CTImageStorage,
        affected_sop_instance_uid="1.2.3.1",
        move_originator_application_entity_title=originator,
        move_originator_message_id=message_id,
    )
    return SimpleNamespace(command=command, session=SimpleNamespace(request=SimpleNamespace(calling_ae=calling_ae)))


def inbox(*, asked: int | None = None, peer: str | None = "PACS") -> Inbox:
    """For what PACS is asked to send to ARCHIVE."""
    hosts = frozenset({HOST} if peer else ())
    made = Inbox(Inboxes(), None, address="ARCHIVE, port 104", title="ARCHIVE", peer_ae=peer, peer_hosts=hosts)
    if asked is not None:
        made.request = CMoveRequest(message_id=asked)
    return made


@pytest.mark.parametrize(
    ("calling_ae", "host", "originator", "message_id", "known", "wanted"),
    [
        ("PACS", HOST, "ARCHIVE", 7, False, True),
        ("PACS", HOST, None, None, False, True),
        ("NODE3", HOST, "NODE3", 1, False, True),  # it names itself
        ("PACS", HOST, "OTHER", 7, False, False),  # somebody else's
        ("PACS", ELSEWHERE, "ARCHIVE", 7, False, True),
        ("NODE3", ELSEWHERE, "ARCHIVE", 7, True, True),
        ("PACS", ELSEWHERE, None, None, True, True),
        ("NODE3", ELSEWHERE, "ARCHIVE", 7, False, False),
        ("PACS", ELSEWHERE, "ARCHIVE", 8, False, False),
        ("NODE3", ELSEWHERE, "ARCHIVE", 8, True, False),
        ("PACS", ELSEWHERE, None, None, False, False),
        ("STRANGER", ELSEWHERE, None, None, True, False),
    ],
)
def test_an_instance_is_taken_from_who_was_asked_or_by_what_a_stranger_does_not_know(
    calling_ae: str, host: str, originator: str | None, message_id: int | None, known: bool, wanted: bool
) -> None:
    """The request had message ID 7, and went to PACS at one of these hosts."""
    instance_ = brought(calling_ae, originator, message_id)
    assert inbox(asked=7).wants(instance_, host, known=known) == wanted


def test_without_a_message_id_to_compare_only_who_is_known_may_come_from_elsewhere() -> None:
    """An inbox can be opened by hand, and nobody says then what was asked for."""
    instance_ = brought("NODE3", "ARCHIVE", 7)
    assert inbox().wants(instance_, ELSEWHERE, known=True)
    assert not inbox().wants(instance_, ELSEWHERE, known=False)


def test_an_inbox_for_whoever_comes_takes_all_but_what_is_for_others() -> None:
    """That is what it is opened for."""
    for originator, wanted in ((None, True), ("ARCHIVE", True), ("OTHER", False)):
        assert inbox(peer=None).wants(brought("CT1", originator, 1), ELSEWHERE, known=False) == wanted
