"""Whoever we call may be anything: every call ends in time, with an error that says what was wrong, and nothing is left."""

from __future__ import annotations

import gc
import re
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from typing import Any

import pytest

from both_shells.faces import Shell, shell_named
from dicomnet import DicomNetError, Timeouts, Wanted
from dicomnet.exchanges import calls
from dicomnet.part10 import file_header
from listeners import V4, accept, listening, port_of
from raw import CT_IMAGE_STORAGE, data_set, descriptors, eventually
from reliability import figures, scale
from reliability.hostile.watch import ESCAPES
from reliability.impostors import answering, associating, giving
from reliability.impostors.line import Case, Line

CASES = [*associating.CASES, *answering.CASES, *giving.CASES]

WAIT = 1.0 if scale.WHOLE else 0.25

QUICK = Timeouts(
    connect=2.0,
    handshake=2.0,
    artim=WAIT,
    associate=WAIT,
    release=WAIT,
    response=WAIT,
    store_response=WAIT,
    retrieve_response=WAIT,
    stall=2 * WAIT,
)
"""Seconds for each wait. Together, and with what a busy machine takes, no call comes near the following."""

DEADLINE = 10.0
"""Seconds that tell what ends from what hangs."""

NAME = re.compile(r"([0-9.]{1,64}(~[0-9]+)?|sha256-[0-9a-f]{64})\.dcm")
"""Of a file: a UID, or a digest of what is none."""

SHELLS = ("sync", "asyncio")

longest: dict[str, float] = {}


@pytest.fixture
def shell(request: pytest.FixtureRequest) -> Iterator[Shell]:
    """One of the shells, which has nothing left to do at the end."""
    made = shell_named(request.param)
    yield made
    made.close()


DOING: dict[str, Callable[[Any, Path, Path], object]] = {
    "associate": lambda association, folder, image: None,
    "echo": lambda association, folder, image: association.echo(),
    "store": lambda association, folder, image: association.store(image),
    "find": lambda association, folder, image: _look(association.find("STUDY", PatientID="*")),
    "get": lambda association, folder, image: association.get(folder, StudyInstanceUID="1.2.3"),
    "move": lambda association, folder, image: association.move("ELSEWHERE", StudyInstanceUID="1.2.3"),
}

CONTEXTS = {
    "associate": ["verification"],
    "echo": ["verification"],
    "store": ["CTImageStorage"],
    "find": ["study-root-find"],
    "move": ["study-root-move"],
}


@pytest.mark.parametrize(
    ("shell", "case"),
    [
        pytest.param(shell, case, id=f"{shell}-{case.doing}-{case.name}")
        for number, shell in enumerate(SHELLS)
        for case in (CASES if scale.WHOLE else CASES[number :: len(SHELLS)])
    ],
    indirect=["shell"],
)
def test_an_impostor_does_no_harm(
    case: Case, shell: Shell, tmp_path: Path, caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    """In the long form on each shell, else on one of them.

    The call ends with an error of ours, or well; no descriptor, no temporary file and no file elsewhere is left.
    """
    monkeypatch.setattr(calls, "SETTLE_TIME", 2 * WAIT)  # for who cancels, and is sent matches for ever
    kept, image = tmp_path / "below" / "kept", tmp_path / "image.dcm"
    kept.mkdir(parents=True)
    if case.doing == "store":
        image.write_bytes(_file(data_set(b"1.2.3.4.5\0", 8 << 20)))
    gc.collect()
    before = descriptors()
    began = time.monotonic()
    with impostor(case) as address:
        failed = _meet(address, case, shell, kept, image)
        took = time.monotonic() - began
    assert took < DEADLINE
    assert failed is not None or case.passes, "it was taken for good"
    assert failed is None or _is_one_line(failed)
    longest[case.name] = max(took, longest.get(case.name, 0.0))
    caplog.clear()  # a record would keep the error, too
    eventually(lambda: _open_now() == before, "descriptors are left")
    everything = [path for path in tmp_path.rglob("*") if path.is_file() and path != image]
    assert all(path.parent == kept and NAME.fullmatch(path.name) for path in everything), everything
    assert not any(path.exists() for path in ESCAPES)


def test_what_impostors_cost_is_told() -> None:
    """How many there were, and how long they kept us."""
    assert len(CASES) >= 50
    if not longest:
        pytest.skip("none was met in this run")
    slowest = max(longest, key=lambda name: longest[name])
    figures.tell(
        f"hostile acceptors, {len(CASES)} cases{', on both shells' if scale.WHOLE else ''}",
        f"0 hangs, 0 files elsewhere; the longest call took {longest[slowest]:.1f} s ({slowest})",
    )


@contextmanager
def impostor(case: Case) -> Iterator[str]:
    """The address of one; whoever calls meets his script."""
    over = threading.Event()
    failures: list[BaseException] = []

    def serve() -> None:
        try:
            with closing(accept(sockets[0])) as sock:
                sock.settimeout(DEADLINE)
                case.script(Line(sock, over))
        except OSError:
            return  # they are gone, which many scripts wait for, or nobody has called
        except Exception as error:  # noqa: BLE001 (told below)
            failures.append(error)

    with listening() as sockets:
        thread = threading.Thread(target=serve)
        thread.start()
        try:
            yield f"IMPOSTOR@{V4}:{port_of(sockets)}"
        finally:
            over.set()
            thread.join(2 * DEADLINE)
    assert not failures, failures


def _meet(address: str, case: Case, shell: Shell, kept: Path, image: Path) -> str | None:
    """What the error said, if there was one: the error itself would keep the frames that it came through."""
    try:
        with shell.associate(address, contexts=_contexts(case), timeouts=QUICK) as association:
            DOING[case.doing](association, kept, image)
    except DicomNetError as error:
        return str(error)
    return None


def _open_now() -> int:
    """Descriptors, but those of what the collector would take."""
    gc.collect()
    return descriptors()


def _contexts(case: Case) -> list[Any]:
    if case.doing == "get":
        return ["study-root-get", Wanted("CTImageStorage", ["ExplicitVRLittleEndian"], scu=False, scp=True)]
    return CONTEXTS[case.doing]


def _look(matches: Any) -> None:
    """At everything that came with each match; but nobody looks at more than some thousand."""
    with matches:
        for number, match in enumerate(matches):
            str(match)
            if number == 2000:
                break


def _file(data: bytes) -> bytes:
    return (
        file_header(
            sop_class_uid=CT_IMAGE_STORAGE.decode(),
            sop_instance_uid="1.2.3.4.5",
            transfer_syntax_uid="1.2.840.10008.1.2.1",
        )
        + data
    )


def _is_one_line(text: str) -> bool:
    return text.isprintable() and bool(text)
