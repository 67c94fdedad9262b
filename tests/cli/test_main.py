from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from cli.helpers import Outcome, Peer, assert_plain, environment
from dicomnet import __version__
from dicomnet.cli._certificate import self_signed

Command = Callable[..., Outcome]

COMMANDS = ["demo", "echo", "send", "find", "get", "move", "commit", "recv"]

HEAVY = {"pydicom", "rich", "asyncio", "ssl", "socket", "dicomnet.net", "dicomnet.sync", "dicomnet.server"}
"""What help and mistakes in typing must not wait for."""


@pytest.mark.parametrize(
    "arguments", [(), ("echo", "--help"), ("find", "--help"), ("echo", "nonsense"), ("move", "A@h:1")]
)
def test_help_and_mistakes_load_nothing_heavy(arguments: tuple[str, ...]) -> None:
    """Only a command that runs pays for the network, the terminal and data sets."""
    program = """
import sys
from dicomnet.cli.main import main
try:
    main()
finally:
    print("loaded", *sys.modules)
"""
    done = subprocess.run(
        [sys.executable, "-c", program, *arguments], capture_output=True, text=True, check=False, env=environment()
    )
    loaded = done.stdout.rpartition("loaded ")[2].split()
    assert "dicomnet.cli.commands" in loaded
    assert not HEAVY & set(loaded)


@pytest.mark.parametrize("command_name", COMMANDS)
def test_every_command_tells_its_exit_codes(command: Command, command_name: str) -> None:
    """Scripts find in the help what the codes mean, and people an example."""
    outcome = command(command_name, "--help")
    assert outcome.code == 0
    assert "Exit codes: 0 done; 1 the peer refused" in outcome.out
    assert f"Example: dicomnet {command_name} " in outcome.out or command_name == "demo"


def test_help_begins_with_what_the_command_alone_takes(command: Command) -> None:
    """What all commands share does not hide it: the options of TLS, which few need, are the last."""
    lines = command("send", "--help").out.splitlines()
    headings = ["Options:", "Common options:", "Secure links (TLS):"]
    own, shared, tls = (lines.index(heading) for heading in headings)
    assert own < shared < tls
    assert lines[own + 1].startswith("  --window N")
    assert any(line.startswith("  --timeout SECONDS") for line in lines[shared:tls])
    assert all(line.startswith("  --tls") for line in lines[tls:] if line.startswith("  --"))


def test_the_module_runs_as_the_command(program: Command) -> None:
    """`python -m dicomnet` is the command, under its name."""
    outcome = program("--version")
    assert (outcome.code, outcome.out) == (0, f"dicomnet, version {__version__}\n")
    assert program("echo").err.startswith("Usage: dicomnet echo")


@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("10.0.0.5:104", "does not say which AE title to call"),
        ("ARCHIVE@10.0.0.5", "names no port"),
        ("ARCHIVE@10.0.0.5:0", "nobody can be reached at port 0"),
        ("ARCHIVE@10.0.0.5:70000", "is not between 0 and 65535"),
        ("A-TITLE-OF-17-CHR@10.0.0.5:104", "at most 16 are allowed"),
        ("ARCHIVE@fe80::1:104", "IPv6 hosts in brackets"),
        ("ARCHIVE@:104", "is not an address"),
    ],
)
def test_a_wrong_address_is_a_usage_error_with_an_example(command: Command, address: str, said: str) -> None:
    """What was wrong, and how it should look."""
    outcome = command("echo", address)
    assert outcome.code == 2
    assert said in " ".join(outcome.err.split())
    assert "ARCHIVE@10.0.0.5:104" in outcome.err


@pytest.mark.parametrize(
    "arguments",
    [
        pytest.param(("echo", "A@h:1", "--aet", "back\\slash"), id="title"),
        pytest.param(("echo", "A@h:1", "--timeout", "0"), id="no time"),
        pytest.param(("echo", "A@h:1", "--tls-key", __file__), id="key without certificate"),
        pytest.param(("echo", "A@h:1", "--tls-ca", "/nowhere"), id="no such authority"),
        pytest.param(("send", "A@h:1"), id="nothing to send"),
        pytest.param(("send", "A@h:1", "/nowhere"), id="no such path"),
        pytest.param(("send", "A@h:1", __file__, "--associations", "0"), id="no association"),
        pytest.param(("send", "A@h:1", __file__, "--associations", "many"), id="many associations"),
        pytest.param(("find", "A@h:1"), id="no level"),
        pytest.param(("find", "A@h:1", "STUDY", "PatientID"), id="key without value"),
        pytest.param(("get", "A@h:1"), id="no folder"),
        pytest.param(("commit", "A@h:1"), id="nothing to commit"),
        pytest.param(("recv", "--port", "0", "--output", "x", "--workers", "0"), id="no worker"),
        pytest.param(("recv", "--output", "x"), id="no port"),
        pytest.param(("recv", "--port", "0"), id="no output"),
        pytest.param(("recv", "--port", "0", "--output", __file__), id="output is a file"),
        pytest.param(("recv", "--port", "0", "--output", "x", "--tls"), id="TLS without certificate"),
        pytest.param(("demo", "--both"), id="no such option"),
        pytest.param(("demo", "--reject", "--abort"), id="two endings"),
    ],
)
def test_wrong_usage_exits_with_2(command: Command, arguments: tuple[str, ...]) -> None:
    """Before anything is done, and with a word on what was wrong."""
    outcome = command(*arguments)
    assert outcome.code == 2
    assert "Error: " in outcome.err
    assert not outcome.out
    assert not Path("x").exists()
    assert_plain(outcome.err)


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("echo", "A@h:1", "--timeout", "soon"), "'soon' is not a valid number of seconds."),
        (("recv", "--output", "x", "--port", "dicom"), "'dicom' is not a valid whole number."),
    ],
)
def test_what_is_no_number_is_told_plainly(command: Command, arguments: tuple[str, ...], said: str) -> None:
    """What was given, and what was wanted."""
    assert command(*arguments).err.endswith(f"{said}\n")


@pytest.mark.parametrize("name", ["echo", "send", "find", "get", "move", "commit", "recv"])
@pytest.mark.parametrize("option", ["--tls-cert", "--tls-ca"])
def test_a_wrong_file_of_our_own_is_not_blamed_on_the_peer(
    command: Command, name: str, option: str, instance: Callable[..., Path], tmp_path: Path
) -> None:
    """The file and what is wrong with it; nobody is called, and no address is named."""
    certificate, _ = self_signed(tmp_path)
    wrong = tmp_path / "wrong.pem"
    wrong.write_text("nothing")
    arguments = {
        "echo": ("echo", "ARCHIVE@127.0.0.1:1"),
        "send": ("send", "ARCHIVE@127.0.0.1:1", instance("a.dcm", number=1)),
        "find": ("find", "ARCHIVE@127.0.0.1:1", "STUDY", "PatientID=1"),
        "get": ("get", "ARCHIVE@127.0.0.1:1", tmp_path / "received", "PatientID=1"),
        "move": ("move", "ARCHIVE@127.0.0.1:1", "--to", "WS", "PatientID=1"),
        "commit": ("commit", "ARCHIVE@127.0.0.1:1", "CTImageStorage:1.2.3"),
        "recv": ("recv", "--port", 0, "--output", tmp_path / "received", "--tls-cert", certificate),
    }
    outcome = command(*arguments[name], option, wrong)
    assert (outcome.code, outcome.out) == (1, "")
    assert outcome.err.startswith(f"Error: {wrong}: holds no ")
    assert "no secure link" not in outcome.err
    assert "127.0.0.1" not in outcome.err
    assert len(outcome.err.splitlines()) == 1


@pytest.mark.skipif(os.name != "posix", reason="shells of other systems close no descriptors")
@pytest.mark.parametrize("closed", [">&-", "2>&-", "<&- >&- 2>&-"])
@pytest.mark.parametrize("name", ["demo", "echo", "send", "recv"])
def test_closed_streams_are_no_matter(
    name: str, closed: str, peer: Callable[..., Peer], instance: Callable[..., Path], tmp_path: Path
) -> None:
    """A service manager may give none: what is said goes nowhere, what is done is done."""
    arguments = {
        "demo": ["demo", "--reject"],
        "echo": ["echo", peer().address],
        "send": ["send", peer().address, str(instance("a.dcm", number=1))],
        "recv": ["recv", "--help"],
    }
    done = subprocess.run(
        ["/bin/sh", "-c", f'exec "$@" {closed}', "sh", sys.executable, "-m", "dicomnet", *arguments[name]],
        capture_output=True,
        text=True,
        check=False,
        timeout=30,
        env=environment(),
    )
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="the system has no /dev/full")
@pytest.mark.parametrize("name", ["demo", "send", "recv"])
def test_output_that_cannot_be_written_is_told_in_a_line(
    name: str, peer: Callable[..., Peer], instance: Callable[..., Path], tmp_path: Path
) -> None:
    """A full disk under stdout is an error like another: no traceback, exit code 1."""
    path = instance("a.dcm", number=1)
    arguments = {
        "demo": ("demo", "--reject"),
        "send": ("send", peer().address, str(path)),
        "recv": ("recv", "--port", "0", "--output", str(tmp_path / "received")),
    }
    with Path("/dev/full").open("w") as full:
        done = subprocess.run(
            [sys.executable, "-m", "dicomnet", *arguments[name]],
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
            timeout=30,
            env=environment(),
        )
    assert done.returncode == 1
    assert len(done.stderr.splitlines()) == 1
    assert "No space left on device" in done.stderr
