"""What a command loads before it does anything, and what happens to a Ctrl-C in that time."""

from __future__ import annotations

import signal
import subprocess
import sys
from collections.abc import Callable, Iterator
from ipaddress import ip_address
from pathlib import Path

import pytest
from cryptography import x509

from cli.helpers import Outcome, Peer, environment
from dicomnet.tls import TlsConfig
from tls.certificates import issue

Program = Callable[..., Outcome]

NEVER = {"decimal", "difflib", "hashlib", "pydicom", "random", "rich", "shutil", "tempfile", "dicomnet.net"}
"""Nothing that is merely done needs these; hashes, temporary files, spelling hints and colours are for special cases."""

REQUESTOR = NEVER | {
    "asyncio",
    "concurrent",
    "pickle",
    "ssl",
    "subprocess",
    "dicomnet.aio",
    "dicomnet.server",
    "dicomnet.tls",
}
"""A plain association of our own has no event loop, no TLS and no second process."""


@pytest.fixture(scope="module")
def usual() -> set[str]:
    """What an interpreter loads that does nothing."""
    line = [sys.executable, "-c", "pass"]
    done = subprocess.run(line, stderr=subprocess.PIPE, text=True, check=True, env=environment(**TOLD))
    return set(imported(done.stderr))


def test_an_echo_loads_little(program: Program, peer: Callable[..., Peer], usual: set[str]) -> None:
    """Who waits for an answer pays for each import; the number is a third above what it takes."""
    outcome = program("echo", peer().address, **TOLD)
    assert outcome.code == 0
    loaded = set(imported(outcome.err)) - usual
    assert "dicomnet.sync.wire" in loaded
    assert not loaded & (REQUESTOR | {"dicomnet.storage.instances", "dicomnet.exchanges.matching"})
    assert len(loaded) < 230


def test_sending_a_file_loads_little(
    program: Program, peer: Callable[..., Peer], instance: Callable[..., Path], usual: set[str]
) -> None:
    """Files are sent by their first bytes: nothing that understands data sets, or converts them, is needed."""
    outcome = program("send", peer().address, instance("a.dcm", number=1), **TOLD)
    assert outcome.code == 0
    loaded = set(imported(outcome.err)) - usual
    assert "dicomnet.storage.instances" in loaded
    assert not loaded & (REQUESTOR | {"dicomnet.storage.convert", "dicomnet.exchanges.matching"})
    assert len(loaded) < 240


def test_a_secure_link_loads_little(
    program: Program, peer: Callable[..., Peer], tmp_path: Path, usual: set[str]
) -> None:
    """Its certificates are read without what guesses at dates, and without what only other forms of them need."""
    own = issue(tmp_path, "one", names=(x509.IPAddress(ip_address("127.0.0.1")),)).file
    outcome = program("echo", peer(tls=TlsConfig(certificate=own)).address, "--tls-ca", own, **TOLD)
    assert outcome.code == 0
    loaded = set(imported(outcome.err)) - usual
    assert "dicomnet.tls.der" in loaded
    assert not loaded & (REQUESTOR - {"hashlib", "ssl", "dicomnet.tls"} | {"_strptime", "calendar"})
    assert len(loaded) < 260


def test_a_receiver_loads_little(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path, usual: set[str]
) -> None:
    """An event loop, which brings ssl with it, and what answers a store; nothing of queries and retrieves."""
    process = started("recv", "--port", 0, "--output", tmp_path / "received", **TOLD)
    assert process.stdout is not None
    assert process.stdout.readline().startswith("listening on ")
    process.send_signal(signal.SIGTERM)
    _, told = process.communicate()
    loaded = set(imported(told)) - usual
    assert {"asyncio", "dicomnet.server.running"} <= loaded
    assert not loaded & (NEVER | {"json", "dicomnet.sync", "dicomnet.tls", "dicomnet.exchanges.matching"})
    assert len(loaded) < 340


@pytest.mark.parametrize(
    ("module", "said"), [("click", ""), ("dicomnet.cli.requestor", ""), ("dicomnet.sync.wire", "interrupted\n")]
)
def test_ctrl_c_while_modules_load_ends_it_quietly(module: str, said: str) -> None:
    """With the exit code of Ctrl-C and no traceback; a word of it once the command line has been understood."""
    program = f"""
import os, signal, sys

class Interrupting:
    def find_spec(self, name, path, target=None):
        if name == {module!r}:
            os.kill(os.getpid(), signal.SIGINT)

sys.meta_path.insert(0, Interrupting())
from dicomnet.cli.main import main
main()
"""
    line = [sys.executable, "-c", program, "echo", "ARCHIVE@127.0.0.1:1"]
    done = subprocess.run(line, capture_output=True, text=True, check=False, env=environment())
    assert (done.returncode, done.stdout, done.stderr.lstrip("\n")) == (130, "", said)


def test_the_entry_point_loads_next_to_nothing() -> None:
    """Before it runs nothing can catch a Ctrl-C."""
    program = "import sys; before = set(sys.modules); import dicomnet.cli.main; print(*set(sys.modules) - before)"
    done = subprocess.run(
        [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment()
    )
    loaded = {name for name in done.stdout.split() if name.split(".")[0] not in {"importlib", "warnings", "_frozen"}}
    assert loaded - {"__future__", "gc", "io"} == {
        "dicomnet",
        "dicomnet.cli",
        "dicomnet.cli.codes",
        "dicomnet.cli.main",
    }


def imported(told: str) -> Iterator[str]:
    """The modules that Python tells of when asked to, and the packages that they are in."""
    for line in told.splitlines():
        if line.startswith("import time:"):
            module = line.rpartition("|")[2].strip()
            yield module
            yield module.partition(".")[0]


TOLD = {"PYTHONPROFILEIMPORTTIME": "1"}
