from __future__ import annotations

import errno
import re
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from cli.helpers import Outcome, assert_plain
from dicomnet.cli import demo, main
from dicomnet.cli.demo import Sample

Command = Callable[..., Outcome]

LONGEST = 30.0
"""Seconds; it takes less than one where nothing else runs."""


@pytest.fixture
def play(program: Command, tmp_path: Path) -> Command:
    """Runs the demonstration piped, with a folder for temporary files that must be empty afterwards."""

    def run(*options: str, **extra: str) -> Outcome:
        folder = tmp_path / "temporary"
        folder.mkdir(exist_ok=True)
        began = time.monotonic()
        outcome = program("demo", *options, TMPDIR=str(folder), timeout=2 * LONGEST, **extra)
        assert time.monotonic() - began < LONGEST
        assert list(folder.iterdir()) == []
        assert_plain(outcome.out, outcome.err)
        return outcome

    return run


def test_a_whole_exchange(play: Command) -> None:
    """Each message with the event it fires, in order; the data sets compared; exit code 0."""
    outcome = play()
    assert (outcome.code, outcome.err) == (0, "")
    steps = story(outcome.out)
    beginning = """
        > connect
        SCP on_accept
        SCU on_connect
        = network connection established
        > A-ASSOCIATE-RQ
        SCP on_receive_associate_request
        < A-ASSOCIATE-AC
        SCU on_receive_associate_accept
        = association established
        > C-ECHO-RQ
        SCP on_receive_c_echo_request
        < C-ECHO-RSP
        SCU on_receive_c_echo_response
        """
    store = "> C-STORE-RQ\nSCP on_receive_c_store_request\n< C-STORE-RSP\nSCU on_receive_c_store_response\n"
    end = """
        > A-RELEASE-RQ
        SCP on_receive_release_request
        < A-RELEASE-RP
        SCU on_receive_release_response
        SCP on_close
        """
    assert steps == lines(beginning) + lines(store) * 9 + lines(end)
    for part in ("67.1 MB", "explicit VR", "implicit VR", "JPEG", "JPEG 2000", "RLE", "deflated", "big endian"):
        assert part in outcome.out
    assert outcome.out.count("C-STORE-RSP 0000") == 9
    assert re.search(
        r"^9 data sets, 67\.6 MB, arrived byte for byte in [0-9.]+ s: [0-9.]+ [MG]B/s\.$", outcome.out, re.MULTILINE
    )


def test_over_tls(play: Command) -> None:
    """The same behind a handshake that both sides hear of, with the cipher that came of it."""
    outcome = play("--tls")
    assert (outcome.code, outcome.err) == (0, "")
    steps = story(outcome.out)
    assert sorted(steps[4:6]) == ["SCP on_secure_link_ready", "SCU on_secure_link_ready"]
    assert len(re.findall(r"on_secure_link_ready  TLSv1\.[23] \w+", outcome.out)) == 2
    assert "arrived byte for byte" in outcome.out


def test_a_rejection(play: Command) -> None:
    """Exit code 0, because that is the ending that was asked for."""
    outcome = play("--reject")
    assert (outcome.code, outcome.err) == (0, "")
    assert story(outcome.out)[4:] == lines("""
        > A-ASSOCIATE-RQ
        SCP on_receive_associate_request
        < A-ASSOCIATE-RJ
        SCU on_receive_associate_reject
        SCP on_close
        """)
    assert "the peer does not answer to the called AE title" in outcome.out


def test_an_abort_in_the_middle_of_a_data_set(play: Command) -> None:
    """The SCP hears of it and leaves nothing of what it had half received."""
    outcome = play("--abort")
    assert (outcome.code, outcome.err) == (0, "")
    assert story(outcome.out)[-5:] == lines("""
        > C-STORE-RQ
        SCP destination
        > A-ABORT
        SCP on_receive_abort
        SCP on_close
        """)
    assert "nothing was left behind" in outcome.out


@pytest.mark.parametrize("options", [(), ("--tls",), ("--reject",), ("--abort",)])
def test_it_fits_into_80_columns(play: Command, options: tuple[str, ...]) -> None:
    """Nothing wraps on the smallest terminal."""
    assert max(map(len, play(*options).out.splitlines())) <= 80


def test_times_run_forward(play: Command) -> None:
    """Lines come from several threads, and stand in the order of their times."""
    times = [float(found) for found in re.findall(r"^ *([0-9]+\.[0-9]{3})  ", play().out, re.MULTILINE)]
    assert times == sorted(times)
    assert len(times) > 40


def test_where_only_ascii_can_be_written(play: Command) -> None:
    """An old terminal gets the same picture of plain characters."""
    outcome = play("--reject", PYTHONUTF8="0", PYTHONIOENCODING="ascii")
    assert outcome.code == 0
    assert outcome.out.isascii()
    assert "|<---------------------- A-ASSOCIATE-RJ  1/1/7" in outcome.out


@pytest.mark.skipif(sys.platform == "win32", reason="needs a pseudo-terminal")
@pytest.mark.parametrize("no_color", ["", "1"])
def test_colours_on_a_terminal_only_if_wanted(no_color: str) -> None:
    """NO_COLOR is obeyed on a terminal too."""
    import os

    from cli.helpers import environment
    from cli.test_send import read_all

    master, slave = os.openpty()
    extra = {"NO_COLOR": no_color} if no_color else {}
    env = environment(TERM="xterm-256color", **extra)
    if not no_color:
        env.pop("NO_COLOR", None)
    process = subprocess.Popen(
        [sys.executable, "-m", "dicomnet", "demo", "--reject"], stdout=slave, stderr=slave, env=env
    )
    os.close(slave)
    seen = read_all(master)
    assert process.wait(20) == 0
    assert bool(re.search("\x1b\\[[0-9;]*3[0-9]m", seen)) != bool(no_color)


def test_a_full_disk_is_told_with_what_is_needed(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """One line: how much, and where."""

    def fail(path: Path) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(demo, "_write_large", fail)
    outcome = command("demo")
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err == (
        f"Error: the demonstration failed: No space left on device; it needs 134 MB in {tempfile.gettempdir()}\n"
    )


@pytest.mark.parametrize(("columns", "width"), [(40, 48), (60, 60), (200, 79)])
def test_the_drawing_fits_the_terminal(program: Command, columns: int, width: int) -> None:
    """As wide as there is room for, as long as it can be read."""
    drawn = program("demo", "--reject", COLUMNS=str(columns)).out.splitlines()[2:-3]
    assert {len(line) for line in drawn} == {width}
    assert any(line.endswith(" on_close │") for line in drawn)


def test_a_reader_that_leaves_early_is_no_trouble(started: Callable[..., Any]) -> None:
    """`dicomnet demo | head -1` ends without a traceback."""
    process = started("demo")
    assert process.stdout.readline().startswith("Both sides in this process")
    process.stdout.close()
    assert process.wait(LONGEST) in (0, 1)
    assert process.stderr.read() == ""


@pytest.mark.parametrize("kind", ["changed", "lost", "added"])
def test_a_difference_fails(command: Command, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """A bit that is not as it was sent, a file too few or too many: exit code 1, and what it was."""
    check = demo._check

    def spoil(samples: Sequence[Sample], received: dict[str, Path], kept: Sequence[Path]) -> None:
        path = received[samples[2].file.sop_instance_uid]
        if kind == "changed":
            with path.open("r+b") as file:
                file.seek(-1, 2)
                last = file.read(1)
                file.seek(-1, 2)
                file.write(bytes([last[0] ^ 1]))
        elif kind == "lost":
            del received[samples[2].file.sop_instance_uid]
        check(samples, received, [*kept, path] if kind == "added" else kept)

    monkeypatch.setattr(demo, "_check", spoil)
    outcome = command("demo")
    said = {
        "changed": "examples_ybr_color.dcm is not what it was: its bytes differ",
        "lost": "examples_ybr_color.dcm did not arrive",
        "added": "9 data sets were sent, 10 files were kept",
    }
    assert (outcome.code, outcome.err) == (1, f"Error: {said[kind]}\n")


def test_what_fails_on_the_way_is_told(command: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    """A demonstration that cannot go on says why, at once."""
    monkeypatch.setattr(demo.Scp, "on_receive_c_store_request", lambda scp, message: scp.send_abort())
    outcome = command("demo")
    assert outcome.code == 1
    assert outcome.err == "Error: the demonstration failed: association aborted by the peer (0/0): by the application\n"


def test_ctrl_c_ends_it_cleanly(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """In the middle of an association: exit code 130, no thread and no temporary file left."""
    monkeypatch.setattr(demo.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["dicomnet", "demo"])
    monkeypatch.setattr(demo.Scu, "echo", lambda scu: signal.raise_signal(signal.SIGINT))
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 130
    assert list(tmp_path.iterdir()) == []


def test_a_second_ctrl_c_leaves_no_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Who presses it again while the folder is being removed does not keep half of the folder."""
    cleanup = tempfile.TemporaryDirectory.cleanup

    def interrupted(folder: Any) -> None:
        signal.raise_signal(signal.SIGINT)
        signal.raise_signal(signal.SIGTERM)
        cleanup(folder)

    monkeypatch.setattr(tempfile.TemporaryDirectory, "cleanup", interrupted)
    test_ctrl_c_ends_it_cleanly(monkeypatch, tmp_path)
    assert signal.getsignal(signal.SIGINT) is signal.default_int_handler


def test_sigterm_leaves_no_temporary_files(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """Stopped from outside it still cleans up."""
    monkeypatch.setattr(demo.tempfile, "tempdir", str(tmp_path))
    monkeypatch.setattr(sys, "argv", ["dicomnet", "demo"])
    monkeypatch.setattr(demo.Scu, "echo", lambda scu: signal.raise_signal(signal.SIGTERM))
    before = signal.getsignal(signal.SIGTERM)
    try:
        with pytest.raises(SystemExit) as ended:
            main.main()
    finally:
        signal.signal(signal.SIGTERM, before)
    assert ended.value.code == 143
    assert list(tmp_path.iterdir()) == []


def story(out: str) -> list[str]:
    """The steps of a drawing: who sent what (> from the SCU, < from the SCP), what fired where, how things stand."""
    steps = []
    for line in out.splitlines():
        drawing = line[9:]
        if found := re.fullmatch("│─+ ([\\w-]+).*▶│", drawing):
            steps.append(f"> {found[1]}")
        elif found := re.fullmatch("│◀─+ ([\\w-]+).*│", drawing):
            steps.append(f"< {found[1]}")
        elif found := re.fullmatch("╞═+ (.*) ═+╡", drawing):
            steps.append(f"= {found[1]}")
        elif found := re.fullmatch("│ (\\w+).* {2}│", drawing):
            steps.append(f"SCU {found[1]}")
        elif found := re.fullmatch("│ {2,}(\\w+).* │", drawing):
            steps.append(f"SCP {found[1]}")
    return steps


def lines(text: str) -> list[str]:
    return [line.strip() for line in text.strip().splitlines()]
