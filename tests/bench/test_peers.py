from __future__ import annotations

import shutil
from pathlib import Path

import pytest

from bench.cases import cases
from bench.certificate import Certificate
from bench.peers import ours
from bench.peers.base import Absent, Spot, program
from bench.peers.dcmtk import Dcmtk
from bench.peers.ours import Ours

SPOT = Spot(104, Path("/data"), (Path("/data/1"), Path("/data/2")))
SECURE = Spot(104, Path("/data"), tls=Certificate(Path("key.pem"), Path("certificate.pem")))


@pytest.fixture(autouse=True)
def everything_is_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """No program is started here."""
    monkeypatch.setattr(shutil, "which", lambda name: f"/usr/bin/{name}")
    monkeypatch.setattr(ours, "_knows", lambda *_: True)


def test_dcmtk_is_run_at_its_best() -> None:
    """TCP_NODELAY on both sides, the largest PDUs it takes, and data sets written as they come."""
    receiver, (sender,) = Dcmtk().receiver(SPOT), Dcmtk().senders(SPOT)
    assert receiver.environment == sender.environment == {"TCP_NODELAY": "1"}
    assert "-pdu 131072" in " ".join(receiver.argv)
    assert "-pdu 131072" in " ".join(sender.argv)
    assert "+B" in receiver.argv


def test_several_associations_of_dcmtk_are_several_processes() -> None:
    """Each sends its part of the files, to a receiver that forks."""
    several = Dcmtk(associations=2)
    assert [command.argv[-1] for command in several.senders(SPOT)] == ["/data/1", "/data/2"]
    assert "--fork" in several.receiver(SPOT).argv


def test_default_is_what_a_user_gets() -> None:
    """Without bare nothing is switched off."""
    assert not [word for word in Ours().receiver(SPOT).argv if word.startswith("--no")]
    assert {"--no-durable", "--no-check"} <= set(Ours(bare=True).receiver(SPOT).argv)


def test_the_same_certificate_serves_everybody() -> None:
    """Of ours and of DCMTK, the receiver shows it and the sender checks it."""
    for peer in (Ours(), Dcmtk()):
        assert {"key.pem", "certificate.pem"} <= set(peer.receiver(SECURE).argv)
        assert "certificate.pem" in peer.senders(SECURE)[0].argv


def test_every_peer_says_how_it_is_run() -> None:
    """The reader has to be able to do it better."""
    assert all(peer.settings for case in cases() for way in (case.ours, case.theirs) for peer in way.peers)


def test_a_program_that_is_nowhere_is_absent(monkeypatch: pytest.MonkeyPatch) -> None:
    """The reason names it."""
    monkeypatch.setattr(shutil, "which", lambda _: None)
    with pytest.raises(Absent, match="storescu is not installed"):
        program("storescu", Path("/nowhere"))
