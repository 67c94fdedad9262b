"""What the tests of the commands are made of: outcomes, files to send, and peers that do as they are told."""

from __future__ import annotations

import os
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import dicomnet
from dicomnet import Associate, DicomNet, Status

SOURCE = str(Path(dicomnet.__file__).parent.parent)
EXPLICIT = "1.2.840.10008.1.2.1"
CT = "1.2.840.10008.5.1.4.1.1.2"


@dataclass
class Outcome:
    """How a command ended and what it printed."""

    code: int
    out: str
    err: str


def environment(**extra: str) -> dict[str, str]:
    """That of a plain pipe, whatever this one is."""
    ours = {key: value for key, value in os.environ.items() if key not in {"FORCE_COLOR", "COLUMNS", "TTY_COMPATIBLE"}}
    return ours | {"PYTHONPATH": SOURCE, "PYTHONWARNINGS": "error", "PYTHONUTF8": "1"} | extra


def element(group: int, number: int, vr: str, value: str) -> bytes:
    data = value.encode() + b"\0" * (len(value) % 2)
    return (
        group.to_bytes(2, "little")
        + number.to_bytes(2, "little")
        + vr.encode()
        + len(data).to_bytes(2, "little")
        + data
    )


@dataclass
class Peer:
    """An SCP in this process; what it does instead of the usual is given as functions."""

    answer: Callable[[Associate], Associate | None] = Associate.accept_all
    """None rejects with 1/1/7."""
    store: Callable[[Any, DicomNet], int | None] = lambda message, net: Status.SUCCESS
    """The status of the response; None sends none."""
    echo: Callable[[Any, DicomNet], int | None] = lambda message, net: Status.SUCCESS
    destination: Any = dicomnet.MEMORY
    tls: Any = None
    requests: list[Associate] = field(default_factory=list)
    stored: list[Any] = field(default_factory=list)
    port: int = 0

    @property
    def address(self) -> str:
        return f"ARCHIVE@127.0.0.1:{self.port}"

    @property
    def instances(self) -> list[str]:
        return [message.affected_sop_instance_uid for message in self.stored]


class Listener(DicomNet):
    def __init__(self, peer: Peer) -> None:
        super().__init__(tls=peer.tls)
        self.peer = peer

    def on_accept(self, error: Exception | None) -> None:
        self.accept(Acceptor(self.peer))


class Acceptor(DicomNet):
    def __init__(self, peer: Peer) -> None:
        super().__init__(tls=peer.tls, destination=peer.destination)
        self.peer = peer

    def on_receive_associate_request(self, associate: Associate) -> None:
        self.peer.requests.append(associate)
        answer = self.peer.answer(associate)
        if answer is None:
            self.send_associate_reject(1, 1, 7)
        else:
            self.send_associate_accept(answer)

    def on_receive_c_echo_request(self, message: Any) -> None:
        status = self.peer.echo(message, self)
        if status is not None:
            self.send_c_echo_response(message, status)

    def on_receive_c_store_request(self, message: Any) -> None:
        self.peer.stored.append(message)
        status = self.peer.store(message, self)
        if status is not None:
            self.send_c_store_response(message, status)


ESCAPE = re.compile("[\x00-\x08\x0b-\x1f\x7f]")
"""Any control code but tab and line end."""


def assert_plain(*texts: str) -> None:
    for text in texts:
        assert not ESCAPE.search(text), text


def read_all(descriptor: int) -> str:
    """What a terminal shows until its other end is closed."""
    seen = b""
    while True:
        try:
            piece = os.read(descriptor, 65536)
        except OSError:  # Linux says so that the last writer is gone
            piece = b""
        if not piece:
            os.close(descriptor)
            return seen.decode()
        seen += piece
