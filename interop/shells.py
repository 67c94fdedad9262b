"""Our two shells behind one face, so that a test of the matrix runs with each."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import dicomnet
from dicomnet import aio
from dicomnet.aio.hub import close_hub
from holdings import LEVELS, UNIQUE, find
from services import FILM, FILM_SESSION, PRINTER_INSTANCE, dataset, picture

SHELLS = ("Peer", "aio.Peer")
ASSOCIATES = ("associate", "aio.associate")


def remote(shell: str, port: int, *, title: str = "ARCHIVE", aet: str = "US", **options: Any) -> Any:
    """A peer on this machine, blocking or on a loop; its queries return lists."""
    made = {"Peer": Blocking, "aio.Peer": OnALoop}[shell]
    return made(f"{title}@127.0.0.1:{port}", aet=aet, **options)


def borrowing(
    shell: str, server: dicomnet.Server, port: int, operation: str, *what: Any, title: str = "ARCHIVE", **options: Any
) -> Any:
    """One operation of a peer on this machine that borrows a server of ours."""
    address = f"{title}@127.0.0.1:{port}"
    if shell == "Peer":
        with server.peer(address) as peer:
            return getattr(peer, operation)(*what, **options)
    ours = OnALoop(address)
    ours._make = lambda: server.aio_peer(address)
    return getattr(ours, operation)(*what, **options)


@contextmanager
def associated(shell: str, port: int, *, contexts: Sequence[Any], title: str = "ARCHIVE") -> Iterator[Any]:
    """An association with a peer on this machine, blocking or on a loop; its queries return lists."""
    address = f"{title}@127.0.0.1:{port}"
    if shell == "associate":
        with dicomnet.associate(address, aet="US", contexts=contexts) as association:
            yield _Operations(association, lambda result: result.all() if hasattr(result, "all") else result)
        return

    async def opened() -> aio.Association:
        return await aio.associate(address, aet="US", contexts=contexts)

    async def settle(result: Any) -> Any:
        return await (result.all() if hasattr(result, "all") else result)

    async def close() -> None:
        close_hub()

    with asyncio.Runner() as runner:
        association = runner.run(opened())
        try:
            yield _Operations(association, lambda result: runner.run(settle(result)))
            runner.run(settle(association.release()))
        finally:
            runner.run(close())


def print_film(line: Any) -> None:
    """Prints one picture on an association with a printer for grayscale film (PS3.4 H)."""
    state = line.n_get("Printer", PRINTER_INSTANCE, ["PrinterStatus"])
    assert state.dataset.PrinterStatus == "NORMAL"
    session = line.n_create("BasicFilmSession", dataset(NumberOfCopies="1", MediumType="PAPER"))
    ref = dataset(ReferencedSOPClassUID=FILM_SESSION, ReferencedSOPInstanceUID=session.sop_instance_uid)
    film = line.n_create("BasicFilmBox", dataset(**FILM, ReferencedFilmSessionSequence=[ref]))
    [box] = film.dataset.ReferencedImageBoxSequence
    line.n_set("BasicGrayscaleImageBox", box.ReferencedSOPInstanceUID, picture())
    line.n_action("BasicFilmBox", film.sop_instance_uid, 1)
    line.n_delete("BasicFilmSession", session.sop_instance_uid)


def check_levels(ask: Any, model: str, compared: Callable[[str], None], paths: Sequence[Path]) -> None:
    """Asks at every level of a model, and compares all that was asked for with what is in the files."""
    for level, keys in LEVELS[model].items():
        unique = UNIQUE[level]
        matches = {match[unique].value: match for match in ask(level, model=model, **keys)}
        expected = find(paths, dataset(QueryRetrieveLevel=level, **keys, **{unique: ""}))
        assert expected
        assert matches.keys() == {one[unique].value for one in expected}
        for one in expected:
            match = matches[one[unique].value]
            assert all(match[element.tag].value == element.value for element in one if element.keyword in keys)
        compared(f"{len(expected)} at {level}")


class Blocking(dicomnet.Peer):
    """`dicomnet.Peer`, with its matches as a list."""

    def find(self, *what: Any, **keys: Any) -> Any:
        return super().find(*what, **keys).all()


class OnALoop:
    """`dicomnet.aio.Peer`, each operation on a loop of its own."""

    def __init__(self, address: str, **options: Any) -> None:
        self._make = lambda: aio.Peer(address, **options)

    def __getattr__(self, operation: str) -> Any:
        async def perform(*what: Any, **options: Any) -> Any:
            try:
                async with self._make() as peer:
                    result = getattr(peer, operation)(*what, **options)
                    return await (result.all() if operation == "find" else result)
            finally:
                close_hub()

        return lambda *what, **options: asyncio.run(perform(*what, **options))


class _Operations:
    """What an association offers, each operation seen through to its result."""

    def __init__(self, association: Any, settle: Callable[[Any], Any]) -> None:
        self._association = association
        self._settle = settle

    def __getattr__(self, operation: str) -> Any:
        return lambda *what, **options: self._settle(getattr(self._association, operation)(*what, **options))
