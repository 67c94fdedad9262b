"""The one line that every association leaves in the log."""

from __future__ import annotations

import pytest

from dicomnet.dimse.commands import CEchoResponse, CFindResponse, CStoreResponse, NCreateResponse
from dicomnet.dimse.status import Status
from dicomnet.exchanges.ledger import Ledger


def ledger(*, requestor: bool = False) -> Ledger:
    made = Ledger("7f3a", 100.0)
    made.peer = "10.1.2.9"
    made.requestor = requestor
    made.associating("CT1", "ARCHIVE")
    return made


def stored(status: int = 0) -> CStoreResponse:
    return CStoreResponse(message_id_being_responded_to=1, status=Status(status))


def test_the_line_says_who_what_how_much_and_how_long() -> None:
    """In this order, and nothing that was not."""
    book = ledger()
    for _ in range(312):
        book.outcome(stored())
    book.outcome(stored(0xA900))
    book.moved(164_000_000)
    book.ended("released")
    line = "7f3a CT1@10.1.2.9 -> ARCHIVE released: 312 stored, 1 refused (A900), 164 MB, 2.1 s"
    assert book.line(102.1) == line


def test_an_association_in_which_nothing_was_done_has_only_its_time() -> None:
    """Its end is still told."""
    book = ledger()
    book.rejected(1, 1, 7)
    assert book.line(100.04) == "7f3a CT1@10.1.2.9 -> ARCHIVE rejected (1/1/7): 0.0 s"


def test_a_connection_without_an_association_has_only_an_address() -> None:
    """Nobody said who he was."""
    book = Ledger("7f3a", 100.0)
    book.peer = "10.1.2.9"
    assert not book.was_association
    assert book.line(101.0) == "7f3a 10.1.2.9 closed: 1.0 s"


def test_operations_are_counted_by_their_names_and_failures_by_their_statuses() -> None:
    """Pending responses are no outcome; a warning is a success."""
    book = ledger()
    for status in (0xFF00, 0xFF00, 0xFE00):
        book.outcome(CFindResponse(message_id_being_responded_to=1, status=Status(status)))
    book.outcome(CEchoResponse(message_id_being_responded_to=1, status=Status(0)))
    book.outcome(CEchoResponse(message_id_being_responded_to=1, status=Status(0)))
    for status in (0x0107, 0x0110, 0x0110, 0x0112):
        book.outcome(NCreateResponse(message_id_being_responded_to=1, status=Status(status)))
    book.outcome(stored(0xB000))
    assert book.stored == 1
    text = "1 stored, 1 C-FIND, 2 C-ECHO, 1 N-CREATE, 3 refused (0110, 0112), 0.0 s"
    assert book.line(100.0).endswith(f"closed: {text}")


def test_the_first_end_counts() -> None:
    """What follows from it is not what happened."""
    book = ledger()
    assert not book.over
    book.ended("timed out")
    book.ended("closed by the peer")
    assert book.over
    assert " timed out: " in book.line(100.0)


@pytest.mark.parametrize(("requestor", "peer"), [(True, "ARCHIVE"), (False, "CT1")])
def test_the_peer_is_who_is_at_the_other_end(requestor: bool, peer: str) -> None:
    """The called title for who calls, the calling title for who is called."""
    assert ledger(requestor=requestor).peer_ae == peer


def test_what_a_peer_writes_into_its_title_cannot_break_the_line() -> None:
    """It may send anything."""
    book = Ledger("7f3a", 100.0)
    book.associating("CT1\n7f3b forged", "AR\x1bCHIVE")
    assert book.line(100.0).isprintable()
    assert "\n" not in book.line(100.0)


@pytest.mark.parametrize(
    ("count", "text"),
    [
        (512, "512 bytes"),
        (999, "999 bytes"),
        (1000, "1.0 kB"),
        (9_950, "9.9 kB"),
        (10_000, "10 kB"),
        (5_500_000, "5.5 MB"),
        (164_000_000, "164 MB"),
        (2_000_000_000, "2.0 GB"),
        (5_000_000_000_000, "5000 GB"),
    ],
)
def test_bytes_are_told_in_a_size_that_people_know(count: int, text: str) -> None:
    """Two digits at least, in powers of a thousand."""
    book = ledger()
    book.moved(count)
    assert f": {text}, " in book.line(100.0)
