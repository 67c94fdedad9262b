"""Sockets that somebody else has opened for us."""

from __future__ import annotations

import fcntl
import os
import socket
import subprocess
import sys
from collections.abc import Callable
from contextlib import closing
from pathlib import Path

import pytest

import dicomnet
from dicomnet.errors import InvalidValue
from dicomnet.server.inherited import inherited_sockets

SOURCE = str(Path(dicomnet.__file__).parent.parent)

STARTED = """
import os, sys
# The process that is started knows its own number; systemd sets it between fork and exec.
os.environ["LISTEN_PID"] = str(os.getpid())
from dicomnet.server.inherited import inherited_sockets
try:
    found = inherited_sockets()
except ValueError as error:
    print(error)
    print(os.path.exists("/proc/self/fd/3"))
    sys.exit(3)
for name, sock in found:
    print(name, sock.fileno(), sock.getsockname()[1], sock.getblocking(), os.get_inheritable(sock.fileno()))
print(sorted(name for name in os.environ if name.startswith("LISTEN")), inherited_sockets())
for name, sock in found:
    sock.setblocking(True)
    connection = sock.accept()[0]
    connection.sendall(name.encode())
    connection.close()
    sock.close()
"""


def test_sockets_are_taken_with_their_names() -> None:
    """From descriptor 3 on; non-blocking, not for programs started later, and only once."""
    with listening() as one, listening() as other:
        ports = [sock.getsockname()[1] for sock in (one, other)]
        with started([one, other], LISTEN_FDS="2", LISTEN_FDNAMES="dicom:dicom-tls") as process:
            answers = [ask(port) for port in ports]
            out, err = process.communicate(timeout=30)
    assert err == ""
    assert out.splitlines() == [
        f"dicom 3 {ports[0]} False False",
        f"dicom-tls 4 {ports[1]} False False",
        "[] []",
    ]
    assert answers == [b"dicom", b"dicom-tls"]


def test_without_names_they_are_unknown() -> None:
    """As systemd calls them then."""
    with listening() as one, started([one], LISTEN_FDS="1") as process:
        assert ask(one.getsockname()[1]) == b"unknown"
        assert process.communicate(timeout=30)[0].startswith("unknown 3 ")


@pytest.mark.parametrize(
    ("make", "variables", "reason"),
    [
        (lambda: socket.socket(socket.AF_INET, socket.SOCK_DGRAM), {"LISTEN_FDS": "1"}, "no TCP socket that listens"),
        (socket.socket, {"LISTEN_FDS": "1"}, "no TCP socket that listens"),
        (lambda: socket.socket(socket.AF_UNIX), {"LISTEN_FDS": "1"}, "no TCP socket that listens"),
        (Path(__file__).open, {"LISTEN_FDS": "1"}, "3 is no socket"),
        (
            lambda: socket.create_server(("127.0.0.1", 0)),
            {"LISTEN_FDS": "1", "LISTEN_FDNAMES": "a:b"},
            "2 names for 1 sockets",
        ),
    ],
)
def test_what_does_not_listen_is_an_error(
    make: Callable[[], socket.socket], variables: dict[str, str], reason: str
) -> None:
    """It says which descriptor is wrong, and none is left open."""
    with make() as wrong, started([wrong], **variables) as process:
        message, still_open = process.communicate(timeout=30)[0].splitlines()
    assert process.returncode == 3
    assert reason in message
    assert still_open == "False"


@pytest.mark.parametrize(
    "variables", [{}, {"LISTEN_PID": "1", "LISTEN_FDS": "1"}, {"LISTEN_FDS": "1"}, {"LISTEN_PID": str(os.getpid())}]
)
def test_none_for_us(variables: dict[str, str]) -> None:
    """Without variables, or with those of another process, which go all the same."""
    environ = {"OTHER": "1", "LISTEN_FDNAMES": "a"} | variables
    assert inherited_sockets(environ) == []
    assert environ == {"OTHER": "1"}


@pytest.mark.parametrize(("whose", "count"), [("x", "1"), ("7", "-1"), ("7", "9999"), ("7", "1" * 9999)])
def test_variables_that_are_no_numbers(whose: str, count: str) -> None:
    """Somebody meant something by them."""
    with pytest.raises(InvalidValue, match="no number"):
        inherited_sockets({"LISTEN_PID": whose, "LISTEN_FDS": count}, pid=7)


def listening() -> socket.socket:
    sock = socket.create_server(("127.0.0.1", 0))
    sock.settimeout(30)
    return sock


def ask(port: int) -> bytes:
    with closing(socket.create_connection(("127.0.0.1", port), timeout=30)) as client:
        return client.recv(100)


def started(files: list[socket.socket], **variables: str) -> subprocess.Popen[str]:
    """The program above with these as its descriptors 3, 4, ..."""
    # A shell puts them in their places: what runs between fork and exec in this process might wait for a lock for ever.
    high = [fcntl.fcntl(file.fileno(), fcntl.F_DUPFD_CLOEXEC, 50) for file in files]
    moves = " ".join(f"{3 + number}<&{one} {one}<&-" for number, one in enumerate(high))
    try:
        return subprocess.Popen(
            ["bash", "-c", f'exec "$0" -c "$1" {moves}', sys.executable, STARTED],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            pass_fds=high,
            env=os.environ | {"PYTHONPATH": SOURCE} | variables,
        )
    finally:
        for one in high:
            os.close(one)
