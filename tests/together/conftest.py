"""A `Server` and one of the two shells, both ours; nothing may be left of either, and the server must serve to the end."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from both_shells.conftest import nothing_left
from both_shells.faces import Face, OnLoop, Shell, shell_named
from dicomnet import Server
from dicomnet.uids import CTImageStorage
from together.serving import Served, address_of, instance

__all__ = ["nothing_left"]


@pytest.fixture(params=["sync", "asyncio"])
def shell(request: pytest.FixtureRequest, nothing_left: None) -> Iterator[Shell]:
    """The requestor's side."""
    made = shell_named(request.param)
    yield made
    made.close()


@pytest.fixture(params=[1, 16], ids=["one-at-a-time", "sixteen"])
def window(request: pytest.FixtureRequest) -> int:
    """Operations at a time."""
    size: int = request.param
    return size


@pytest.fixture
def serve(nothing_left: None) -> Iterator[Callable[..., Server]]:
    """Starts servers, which must still serve when the test is over, and must then be doing nothing."""
    made: list[Served] = []

    def start(aet: str = "ARCHIVE", **options: Any) -> Server:
        made.append(Served(aet, **options))
        return made[-1].server

    yield start
    for served in made:
        served.check()
    for served in made:
        served.end()


@pytest.fixture
def call(shell: Shell) -> Callable[..., Any]:
    """Opens associations with servers, by default for echoes and for CT images."""

    def associate(server: Server, *contexts: Any, window: int = 1, **options: Any) -> Any:
        more = {"aet": "ME", "window": window if window > 1 else None, **options}
        return shell.associate(address_of(server), contexts=contexts or ("verification", CTImageStorage), **more)

    return associate


@pytest.fixture
def borrow(shell: Shell) -> Callable[..., Any]:
    """Makes peers that borrow a server of ours."""

    def make(ours: Server, other: Server, **options: Any) -> Any:
        if isinstance(shell, OnLoop):
            return Face(shell, ours.aio_peer(address_of(other), **options))
        return ours.peer(address_of(other), **options)

    return make


@pytest.fixture
def study(tmp_path: Path) -> Callable[..., Path]:
    """Makes a folder of so many CT images."""

    def make(count: int, **options: Any) -> Path:
        folder = tmp_path / "study"
        folder.mkdir()
        for number in range(1, count + 1):
            one = instance(number, **options)
            one.save_as(folder / f"{one.SOPInstanceUID}.dcm", enforce_file_format=True)
        return folder

    return make
