"""The peers among themselves: what fails here is the machine's or the helpers' fault, not the package's."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path

import pydicom
import pytest

import peers


def test_a_missing_peer_skips_with_the_package_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    """Without the setting, a test whose peer is absent skips and names the Debian package."""
    monkeypatch.delenv("DICOMNET_REQUIRE_PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="Debian package nothing-of-the-kind"):
        peers.require("/usr/bin/nothing-of-the-kind", package="nothing-of-the-kind")


def test_a_missing_peer_fails_where_peers_are_required(monkeypatch: pytest.MonkeyPatch) -> None:
    """With the setting, an absent peer cannot be passed over."""
    monkeypatch.setenv("DICOMNET_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="Debian package dcmtk"):
        peers.require("/usr/bin/nothing-of-the-kind")


def test_a_missing_library_is_treated_like_a_missing_program(monkeypatch: pytest.MonkeyPatch) -> None:
    """It skips with a reason, or fails where peers are required."""
    monkeypatch.delenv("DICOMNET_REQUIRE_PEERS", raising=False)
    with pytest.raises(pytest.skip.Exception, match="nothing_of_the_kind cannot be imported"):
        peers.require_module("nothing_of_the_kind")
    monkeypatch.setenv("DICOMNET_REQUIRE_PEERS", "1")
    with pytest.raises(pytest.fail.Exception, match="nothing_of_the_kind cannot be imported"):
        peers.require_module("nothing_of_the_kind")


def test_instances_are_whole_and_various() -> None:
    """The collection holds what its users count on: many syntaxes, and data sets where it says they begin."""
    found = peers.instances()
    assert len(found) > 100
    assert len({known.transfer_syntax for known in found}) >= 12
    assert len(peers.distinct_instances()) == len({known.sop_instance for known in found})
    for known in found:
        # Group 0008 opens each of them, unless deflate hides it.
        assert known.transfer_syntax == pydicom.uid.DeflatedExplicitVRLittleEndian or (
            0x08 in known.path.read_bytes()[known.offset :][:2]
        ), known.path


def test_dcmtk_echoes_with_dcmtk() -> None:
    """A listener accepts from the moment the block begins, and is gone when it ends."""
    with peers.listening("/usr/bin/storescp", "--verbose", "--ignore") as scp:
        reply = peers.run("/usr/bin/echoscu", "--verbose", "127.0.0.1", scp.port)
        assert reply.returncode == 0, reply.stdout
        assert re.search("Received Echo Response.*Success", reply.stdout)
        assert "Association Release" in scp.output()
    assert scp.process.poll() is not None
    assert peers.run("/usr/bin/echoscu", "127.0.0.1", scp.port).returncode != 0


def test_dcmtk_stores_what_dcmtk_sends(tmp_path: Path) -> None:
    """The digest that our tests compare survives a transfer: DCMTK sends this file as it lies on disk, others it writes anew."""
    sent = next(known for known in peers.instances() if known.path.name == "SC_ybr_full_422_uncompressed.dcm")
    with peers.listening("/usr/bin/storescp", "--bit-preserving", "--output-directory", tmp_path) as scp:
        reply = peers.run("/usr/bin/storescu", "127.0.0.1", scp.port, sent.path)
        assert reply.returncode == 0, reply.stdout
    [kept] = tmp_path.iterdir()
    received = peers.instance(kept)
    assert (received.sop_class, received.sop_instance) == (sent.sop_class, sent.sop_instance)
    assert received.transfer_syntax == sent.transfer_syntax
    assert received.digest == sent.digest


def test_a_peer_that_does_not_start_shows_what_it_wrote() -> None:
    """The reason of a peer's failure is in the test's failure."""
    with (
        pytest.raises(RuntimeError, match="no-such-option"),
        peers.listening("/usr/bin/storescp", "--no-such-option"),
    ):
        pass


def test_a_program_that_hangs_is_ended() -> None:
    """A peer cannot hold a test longer than it is given."""
    with pytest.raises(subprocess.TimeoutExpired):
        peers.run("/usr/bin/storescp", "--ignore", _unused_port(), timeout=0.5)


def _unused_port() -> int:
    with peers.listening("/usr/bin/storescp", "--ignore") as scp:
        return scp.port
