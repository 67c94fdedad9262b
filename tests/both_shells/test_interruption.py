"""Ctrl-C and cancelled tasks: a call that is left in the middle harms nothing but itself."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import threading
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import Any

import pytest

from both_shells.archive import PATIENCE, Archive, find_without_end
from both_shells.conftest import instance
from both_shells.faces import OnLoop, Shell
from dicomnet import StateError, Status, aio, sync
from listeners import V4, accept, listening, port_of
from raw import eventually

MIB = 1024 * 1024

# Out of a callback, at a place that both shells know.


def test_a_store_that_is_interrupted_is_settled_by_a_release(
    shell: Shell, archive: Archive, folder: Callable[..., Path]
) -> None:
    """What was sent is waited for, and the association ends in order."""
    files = folder(5)
    association = shell.associate(archive.address, contexts=[files])
    with pytest.raises(shell.Interrupted):
        association.store(files, on_result=lambda result: shell.interrupt())
    association.release()
    archive.expect("released")
    assert "aborted" not in archive.log
    assert len(archive.stored) < 5


def test_a_store_that_is_interrupted_in_a_large_instance_can_be_aborted(
    shell: Shell, archive: Archive, folder: Callable[..., Path]
) -> None:
    """At once, whatever is still to be sent."""
    files = folder(2, size=20 * MIB)
    association = shell.associate(archive.address, contexts=[files])

    def interrupt(progress: Any) -> None:
        if progress.bytes:
            shell.interrupt()

    with pytest.raises(shell.Interrupted):
        association.store(files, progress=interrupt)
    association.abort()
    archive.wait_for(lambda: "aborted" in archive.log or "closed" in archive.log)
    assert archive.stored == []
    with pytest.raises(Exception, match="abort"):
        association.echo()


def test_an_interrupted_block_aborts(shell: Shell, archive: Archive, folder: Callable[..., Path]) -> None:
    """As any exception does."""
    files = folder(3)
    with pytest.raises(shell.Interrupted), shell.associate(archive.address, contexts=[files]) as association:
        association.store(files, on_result=lambda result: shell.interrupt())
    archive.expect("aborted")


def test_a_get_that_is_interrupted_leaves_the_association_whole(shell: Shell, archive: Archive, tmp_path: Path) -> None:
    """The next operation cancels it, and what still comes goes nowhere."""
    archive.instances = [instance(number, size=1000) for number in range(1, 30)]
    contexts = ["verification", "study-root-get", "CTImageStorage"]
    with shell.associate(archive.address, contexts=contexts) as association:
        with pytest.raises(shell.Interrupted):
            association.get(tmp_path / "out", StudyInstanceUID="1.2.9", progress=lambda report: shell.interrupt())
        assert association.echo() == Status.SUCCESS
    archive.expect("cancel")
    archive.expect("released")
    assert {path.suffix for path in (tmp_path / "out").iterdir()} <= {".dcm"}


# While nothing happens: on a loop by cancellation of the task, without one by a signal.


@pytest.fixture(params=["asyncio", "uvloop"])
def loop(request: pytest.FixtureRequest, nothing_left: None) -> Any:
    made = OnLoop(request.param)
    yield made
    made.close()


def left(archive: Archive, loop: OnLoop, operation: Callable[[Any], Any], when: str, **settings: Any) -> None:
    """Cancels an operation when it has begun, and sees that the association can be used and released."""

    async def main() -> None:
        async with aio.associate(archive.address, **settings) as association:
            task = asyncio.ensure_future(operation(association))
            await asyncio.to_thread(archive.expect, when)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task
            archive.reactions.pop(when, None)
            assert await association.echo() == Status.SUCCESS

    loop.run(main())
    archive.expect("released")
    assert "aborted" not in archive.log


@pytest.fixture
def patient(make_archive: Callable[..., Archive]) -> Archive:
    return make_archive()


def test_a_query_whose_task_is_cancelled_is_cancelled(loop: OnLoop, patient: Archive) -> None:
    """By the operation that follows."""
    find_without_end(patient, 1)
    left(
        patient,
        loop,
        lambda association: association.find("STUDY", PatientID="1").all(),
        "find",
        contexts=["verification", "study-root-find"],
    )
    patient.expect("cancel")


def test_a_store_whose_task_is_cancelled_is_waited_for(
    loop: OnLoop, patient: Archive, folder: Callable[..., Path]
) -> None:
    """By the operation that follows, since the peer has it already."""
    files = folder(2)
    answered = threading.Event()

    def late(line: Any, message: Any) -> None:
        threading.Timer(0.2, lambda: (answered.set(), line.send_c_store_response(message, 0))).start()

    patient.reactions["store"] = late
    left(patient, loop, lambda association: association.store(files), "store", contexts=["verification", files])
    assert answered.is_set()
    assert len(patient.stored) == 1


def test_a_get_whose_task_is_cancelled_is_cancelled(loop: OnLoop, patient: Archive) -> None:
    """By the operation that follows."""
    asked: list[Any] = []
    patient.reactions["get"] = lambda line, message: asked.append(message)
    patient.reactions["cancel"] = lambda line, _: line.send_c_get_response(
        asked[0], Status.CANCEL, remaining=1, completed=0, failed=0, warning=0
    )
    left(
        patient,
        loop,
        lambda association: association.get(None, StudyInstanceUID="1.2.9"),
        "get",
        contexts=["verification", "study-root-get", "CTImageStorage"],
    )
    patient.expect("cancel")


def test_an_association_whose_opening_is_cancelled_leaves_nothing(loop: OnLoop) -> None:
    """The connection that nobody has answered is closed."""

    async def main(port: int) -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await aio.associate(f"X@{V4}:{port}")

    with listening() as sockets:
        loop.run(main(port_of(sockets)))
        with accept(sockets[0]) as sock:
            sock.settimeout(PATIENCE)
            while sock.recv(65536):
                pass


PROGRAM = """
import sys
from dicomnet import sync
association = sync.associate(sys.argv[1], contexts=["verification", "storage"])
try:
    if sys.argv[2] == "echo":
        association.echo()
    else:
        association.store(sys.argv[3])
except KeyboardInterrupt:
    print("interrupted", flush=True)
getattr(association, sys.argv[4])()
print("over", flush=True)
"""


@pytest.mark.parametrize(("operation", "end"), [("echo", "abort"), ("store", "abort"), ("store", "release")])
def test_ctrl_c_in_a_program_ends_the_call_and_what_follows_works_at_once(
    network: None, make_archive: Callable[..., Archive], folder: Callable[..., Path], operation: str, end: str
) -> None:
    """The process is told by a signal while the peer does not answer."""
    archive = make_archive()
    archive.reactions[operation] = lambda line, message: None
    arguments = [archive.address, operation, str(folder(1)), end]
    environment = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[2] / "src")}
    with subprocess.Popen(
        [sys.executable, "-c", PROGRAM, *arguments], stdout=subprocess.PIPE, env=environment, text=True
    ) as process:
        archive.expect(operation)
        # In the middle of a write nobody knows what has left, and nothing may follow it: not the case that is meant here.
        eventually(lambda: state(process.pid) == "S", "the program does not wait")
        if end == "release":  # what is in flight is waited for
            line = archive.lines[0]
            threading.Timer(
                0.3, lambda: line.send_c_store_response(None, 0, context_id=_context(line), message_id=1)
            ).start()
        process.send_signal(signal.SIGINT)
        said = process.communicate(timeout=PATIENCE)[0]
    assert said.split() == ["interrupted", "over"]
    assert process.returncode == 0
    archive.expect({"abort": "aborted", "release": "released"}[end])


def state(pid: int) -> str:
    """Of a process, as the system has it; S is one that waits."""
    return Path(f"/proc/{pid}/stat").read_text().rpartition(") ")[2][0]


def _context(line: Any) -> int:
    context_id: int = line.association.find("1.2.840.10008.5.1.4.1.1.2").context_id
    return context_id


def kept(archive: Archive) -> None:
    """From now on two associations are at work at the same time, so a peer keeps two."""
    both = threading.Barrier(2)

    def meet(line: Any, message: Any) -> None:
        if not hasattr(line, "met"):
            line.met = True
            both.wait(PATIENCE)
        line.send_c_store_response(message, Status.SUCCESS)

    archive.reactions["store"] = meet


def test_ctrl_c_while_kept_associations_are_released_aborts_them_all(
    nothing_left: None, network: None, make_archive: Callable[..., Archive]
) -> None:
    """The first one, and those whose turn would have come."""
    archive = make_archive()
    kept(archive)
    archive.reactions["release"] = lambda line, _: os.kill(os.getpid(), signal.SIGINT)
    with pytest.raises(KeyboardInterrupt), sync.Peer(archive.address) as peer:
        assert peer.store([instance(number) for number in range(1, 41)], associations=2).ok
    # One that is interrupted in the middle of a transfer is closed without an A-ABORT.
    archive.expect("closed", 2)
    assert "aborted" in archive.log
    assert "released" not in archive.log


def test_a_cancellation_while_kept_associations_are_released_aborts_them_all(loop: OnLoop, patient: Archive) -> None:
    """Their connections are closed when the task is over."""
    kept(patient)
    asked = threading.Event()
    patient.reactions["release"] = lambda line, _: asked.set()

    async def main() -> None:
        async with aio.Peer(patient.address) as peer:
            assert (await peer.store([instance(number) for number in range(1, 41)], associations=2)).ok
            task = asyncio.ensure_future(peer.close())
            await asyncio.to_thread(asked.wait, PATIENCE)
            task.cancel()
            with pytest.raises(asyncio.CancelledError):
                await task

    loop.run(main())
    patient.expect("aborted", 2)


def test_a_second_thread_is_kept_out_of_a_blocking_association(
    nothing_left: None, network: None, make_archive: Callable[..., Archive]
) -> None:
    """While the first one is in a call; afterwards it may."""
    archive = make_archive()
    answer = threading.Event()
    archive.reactions["echo"] = lambda line, message: (answer.wait(PATIENCE), line.send_c_echo_response(message))
    with sync.associate(archive.address) as association:
        thread = threading.Thread(target=association.echo)
        thread.start()
        archive.wait_for(lambda: bool(archive.lines))
        while not association._in_use.locked():
            pass
        with pytest.raises(StateError, match="another thread"):
            association.echo()
        answer.set()
        thread.join(PATIENCE)
        assert association.echo() == Status.SUCCESS


def test_ctrl_c_while_other_associations_are_at_work_waits_for_what_they_have_in_flight(
    nothing_left: None, network: None, make_archive: Callable[..., Archive]
) -> None:
    """They take nothing more soon, and none of their threads outlives the call."""
    archive = make_archive()
    instances = [instance(number) for number in range(1, 1001)]

    held: list[Any] = []

    def answer() -> None:
        for line, message in held:
            with suppress(StateError):  # that of the thread that was interrupted is aborted
                line.send_c_store_response(message, Status.SUCCESS)

    def hold(line: Any, message: Any) -> None:
        held.append((line, message))
        if len(held) == 2:  # one for each association: both wait
            os.kill(os.getpid(), signal.SIGINT)
            threading.Timer(0.2, answer).start()
        elif len(held) > 2:
            threading.Event().wait(0.01)  # all of them would take ten seconds
            line.send_c_store_response(message, Status.SUCCESS)

    archive.reactions["store"] = hold
    with pytest.raises(KeyboardInterrupt):
        sync.Peer(archive.address).store(instances, associations=2)
    assert not [thread for thread in threading.enumerate() if "(run)" in thread.name]
    assert len(archive.stored) < len(instances)
