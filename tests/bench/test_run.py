from __future__ import annotations

import json
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

from bench import host
from bench.cases import Case, Setting, Way
from bench.data import SR
from bench.handshake import cipher_of
from bench.peers.base import Absent, Spot
from bench.peers.ours import Ours
from bench.processes import Command
from bench.record import record
from bench.run import Bench
from bench.stage import Stage
from bench.table import markdown

FEW = Setting(shares={"sr": 4 / SR.count})
SAME = Way(Ours(), Ours())


@dataclass(frozen=True)
class Idle(Ours):
    """Sends nothing and says that all is well."""

    def senders(self, spot: Spot) -> list[Command]:
        return [Command([sys.executable, "-c", ""])]


@dataclass(frozen=True)
class Nobody(Ours):
    name = "nobody"

    def version(self) -> str:
        raise Absent("nobody is not installed")


def case(ours: Way = SAME, setting: Setting = FEW, theirs: Way = SAME) -> Case:
    return Case("In memory", "ours", ours, theirs, setting, {"sr": 0.001})


def test_ours_is_measured_against_ours() -> None:
    """The whole way with real processes, by the clock and by TLS; of the files nothing stays."""
    bare, secure = Way(Ours(window=4), Ours(bare=True)), Setting(tls=True, shares=FEW.shares)
    with Stage() as stage:
        bench = Bench([case(), case(bare), case(setting=secure)], stage, pairs=2)
        bench.run()
        folders = [stage.fast, stage.disk]
    assert not any(folder.exists() for folder in folders)
    assert [result.trouble for result in bench.results] == ["", "", ""]
    for result in bench.results:
        assert len(result.ratios) == 2
        assert result.reached
        assert result.count == 4
    first, second, _ = bench.results
    assert [run.wall for run in first.theirs] == [run.wall for run in second.theirs]
    assert "TLS" in bench.ciphers["dicomnet"]
    machine = host.host()
    told = json.loads(json.dumps(record(bench, machine, [])))
    assert told["results"][0]["ours"]["runs"][0]["wall"] == first.ours[0].wall
    assert "| ours | " in markdown(bench, machine, [])


def test_a_run_that_lost_something_is_an_error() -> None:
    """A sender that says all is well is not believed, and the other cases go on."""
    with Stage() as stage:
        bench = Bench([case(Way(Idle(), Ours())), case()], stage, pairs=2)
        bench.run()
    lost, whole = bench.results
    assert "4 of 4 instances are missing" in lost.trouble
    assert not lost.ratios
    assert len(whole.ratios) == 2


def test_what_was_measured_before_an_interruption_is_kept() -> None:
    """Ctrl-C comes at the second pair: the first is there."""

    def interrupt(what: str, done: float) -> None:
        if "pair 2" in what:
            raise KeyboardInterrupt

    with Stage() as stage:
        bench = Bench([case()], stage, pairs=3)
        with pytest.raises(KeyboardInterrupt):
            bench.run(interrupt)
    assert len(bench.results[0].ratios) == 1


def test_a_peer_that_is_not_installed_is_left_out_with_the_reason() -> None:
    """Its cases are not in the table, and the notes say why."""
    with Stage() as stage:
        bench = Bench([case(theirs=Way(Nobody(), Nobody()))], stage, pairs=1)
        bench.run()
    assert bench.results == []
    assert bench.absent == {"nobody": "nobody is not installed"}


def test_sets_that_do_not_fit_are_cut_and_said_to_be(monkeypatch: pytest.MonkeyPatch) -> None:
    """Instead of filling the memory of the machine."""
    with Stage() as stage:
        monkeypatch.setattr(stage, "room", lambda: 15_000_000)
        bench = Bench([case(setting=Setting(shares={"sr": 1}))], stage)
    assert bench.scale == pytest.approx(15 / (2 * SR.count * SR.size / 1e6))
    assert "cut" in bench.remarks[-1]


def test_the_cipher_is_read_from_the_server_hello(tmp_path: Path) -> None:
    """Behind a session of any length."""
    head = bytes([22, 3, 3, 0, 80, 2, 0, 0, 76, 3, 3]) + bytes(32)
    assert cipher_of(head + bytes([2, 9, 9]) + b"\x13\x02" + bytes(20)) == "TLS 1.3 AES-256-GCM-SHA384"
    assert cipher_of(head + bytes([0]) + b"\xc0\x30" + bytes(20)) == "TLS 1.2 ECDHE-RSA-AES256-GCM-SHA384"
    with pytest.raises(ValueError, match="no ServerHello"):
        cipher_of(bytes([21, 3, 3, 0, 2, 2, 40]))
