"""What must not go wrong silently: callbacks that loop, raise or leave, processes that fork, systems without descriptors."""

from __future__ import annotations

import errno
import logging
import os
import subprocess
import sys
import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from pydicom import Dataset

import dicomnet
from dicomnet import DicomNet, InvalidValue, ListenFailed, StateError, Status, TlsConfig
from net.recorder import CT, ECHO, FIND, PATIENCE, Provider, Recorder, associated

SOURCE = Path(dicomnet.__file__).parent.parent


def keys() -> Dataset:
    dataset = Dataset()
    dataset.PatientID = "1"
    return dataset


@pytest.mark.timeout(30)
def test_a_cancel_is_heard_by_a_callback_that_sends_in_a_loop() -> None:
    """The shape every C-FIND SCP has: as long as nobody cancels, send the next match."""
    heard = threading.Event()
    with dicomnet.runtime(), associated(contexts=[ECHO, FIND]) as trio:

        def find(message: dicomnet.Message) -> None:
            while not trio.scp.is_cancelled(message.message_id):
                try:
                    trio.scp.send_c_find_response(message, Status.PENDING, keys())
                except dicomnet.SendQueueFull:
                    trio.scp.flush(PATIENCE)
            heard.set()
            trio.scp.send_c_find_response(message, Status.CANCEL)

        trio.scp.react("receive_c_find_request", find)
        number = trio.scu.send_c_find_request(FIND, keys())
        trio.scu.wait("receive_c_find_response")
        trio.scu.send_c_cancel_request(number)
        assert heard.wait(PATIENCE)


def test_leaving_in_a_callback_is_an_error_like_any_other() -> None:
    """`sys.exit()` ends neither the object nor a thread of ours: the request fails, the next one is answered."""
    with dicomnet.runtime(), associated(contexts=[ECHO]) as trio:
        trio.scp.react("receive_c_echo_request", lambda message: sys.exit(1))
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        trio.scp.react("receive_c_echo_request", trio.scp.send_c_echo_response)
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response", 2)
        assert [answer.status for answer in trio.scu.all("receive_c_echo_response")] == [0x0110, 0x0000]


@pytest.mark.parametrize(
    "spoil",
    [
        pytest.param(lambda command: 1 / 0, id="a bug"),
        pytest.param(lambda command: sys.exit(), id="leaves"),
        pytest.param(lambda command: setattr(command, "affected_sop_class_uid", "none"), id="what cannot be sent"),
        pytest.param(lambda command: setattr(command, "message_id_being_responded_to", 77), id="to another message"),
    ],
)
@pytest.mark.parametrize("by_default", [True, False])
def test_a_response_leaves_though_it_was_spoilt_before(
    spoil: Callable[[Any], None], by_default: bool, caplog: pytest.LogCaptureFixture
) -> None:
    """As it was: the peer waits for it."""
    scp = Recorder() if by_default else Provider()
    scp.react("receive_associate_request", lambda asked: scp.send_associate_accept(asked.accept_all()))
    scp.react("before_send_command_set", spoil)
    with dicomnet.runtime(), associated(scp, contexts=[ECHO]) as trio:
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")
        [answer] = trio.scu.all("receive_c_echo_response")
        assert (answer.status, answer.affected_sop_class_uid) == (0x0211 if by_default else 0, ECHO)
    assert any("on_before_send_command_set failed" in record.getMessage() for record in caplog.records)


def test_a_failure_is_not_made_a_success_on_the_way_out() -> None:
    """An acknowledgement means kept, whoever has the last word; another failure may be said."""
    instance = Dataset()
    instance.SOPClassUID, instance.SOPInstanceUID = CT, "1.2.3"
    with dicomnet.runtime(), associated(Provider(destination=lambda command: 1 / 0)) as trio:
        for count, (said, sent) in enumerate(((0, 0x0110), (0xB000, 0x0110), (0xA700, 0xA700)), 1):
            trio.scp.react("before_send_command_set", lambda command, said=said: setattr(command, "status", said))
            trio.scu.send_c_store_request(instance)
            trio.scu.wait("receive_c_store_response", count)
            assert trio.scu.all("receive_c_store_response")[-1].status == sent


def test_what_is_wrong_with_a_response_is_not_blamed_on_the_last_to_see_it(caplog: pytest.LogCaptureFixture) -> None:
    """Who sends it is told, and the log is not."""
    with dicomnet.runtime(), associated(contexts=[ECHO]) as trio:
        trio.scp.react("receive_c_echo_request", lambda message: None)
        trio.scu.send_c_echo_request()
        trio.scp.wait("receive_c_echo_request")
        [asked] = trio.scp.all("receive_c_echo_request")
        with pytest.raises(InvalidValue, match="affected_sop_class_uid"):
            trio.scp.send_c_echo_response(asked, affected_sop_class_uid="none")
    assert not [record for record in caplog.records if record.levelno >= logging.ERROR]


def test_leaving_where_a_place_is_decided_is_an_error_like_any_other() -> None:
    """A destination that raises SystemExit refuses the data set and keeps no peer waiting."""
    instance = Dataset()
    instance.SOPClassUID, instance.SOPInstanceUID = CT, "1.2.3"
    with dicomnet.runtime(), associated(Provider(destination=lambda command: sys.exit())) as trio:
        trio.scu.send_c_store_request(instance)
        trio.scu.wait("receive_c_store_response")
        assert trio.scu.all("receive_c_store_response")[0].status == Status.PROCESSING_FAILURE
        trio.finish()


def test_leaving_where_a_certificate_is_looked_at_is_a_no(tls: TlsConfig) -> None:
    """There is no link, and nobody waits for one."""
    scu = Recorder(tls=tls)
    scu.on("verify_certificate", lambda result: sys.exit())
    with dicomnet.runtime(), Recorder(tls=tls) as listener, scu:
        listener.react("accept", lambda error: listener.accept(Provider(tls=tls)))
        scu.connect(*listener.listen("127.0.0.1"))
        scu.wait("close TlsFailed")


def test_pdus_are_told_from_the_moment_somebody_listens() -> None:
    """A function registered for `receive` on a living connection hears the next PDU."""
    heard = threading.Event()

    class Scp(DicomNet):
        def on_receive_associate_request(self, associate: dicomnet.Associate) -> None:
            self.on("receive", lambda error, pdu_type, data: heard.set())
            self.send_associate_accept(associate.accept_all())

        def on_receive_c_echo_request(self, message: dicomnet.Message) -> None:
            self.send_c_echo_response(message)

    with dicomnet.runtime(), Recorder() as listener, Recorder() as scu:
        listener.react("accept", lambda error: listener.accept(Scp()))
        scu.react("receive_associate_accept", lambda associate: scu.send_c_echo_request())
        scu.connect(*listener.listen("127.0.0.1"))
        scu.send_associate_request(dicomnet.Associate.request(contexts=[ECHO]))
        scu.wait("receive_c_echo_response")
        assert heard.wait(PATIENCE)


def test_two_threads_cannot_start_one_object() -> None:
    """One connection is made, the other thread is told that the object is in use."""
    with dicomnet.runtime(), Recorder() as listener:
        _, port = listener.listen("127.0.0.1")
        for _ in range(20):
            net = DicomNet()
            ready = threading.Barrier(2)
            refused: list[StateError] = []

            def start(
                net: DicomNet = net, ready: threading.Barrier = ready, refused: list[StateError] = refused
            ) -> None:
                ready.wait(PATIENCE)
                try:
                    net.connect("127.0.0.1", port)
                except StateError as error:
                    refused.append(error)

            threads = [threading.Thread(target=start) for _ in range(2)]
            for thread in threads:
                thread.start()
            for thread in threads:
                thread.join()
            assert len(refused) == 1
            net.close()


def test_a_listener_without_descriptors_says_so() -> None:
    """`on_accept` tells why the system lets nobody in, as long as it does not."""
    with dicomnet.runtime(), Recorder() as listener:
        listener.react("accept", lambda error: None)
        listener.listen("127.0.0.1")
        listener._runtime.post(listener._cannot_accept, OSError(errno.EMFILE, os.strerror(errno.EMFILE)))
        listener.wait("accept ListenFailed")
        [error] = listener.all("accept")
        assert isinstance(error, ListenFailed)
        assert "too many open files" in str(error)


def test_nothing_is_accepted_into_a_closed_listener() -> None:
    """Nobody would ever close what came in meanwhile; the peer sees its connection closed."""
    with dicomnet.runtime(), Recorder() as listener, Recorder() as scu:
        listener.react("accept", lambda error: None)
        scu.connect(*listener.listen("127.0.0.1"))
        listener.wait("accept ok")
        waiting = listener._waiting[0]
        listener.close()
        listener._waiting.append(waiting)
        with pytest.raises(StateError, match="the listener is closed"):
            listener.accept(DicomNet())
        assert listener.clients == ()
        scu.wait("close ok")


@pytest.mark.skipif(not hasattr(os, "fork"), reason="this system does not fork")
def test_a_forked_child_begins_anew() -> None:
    """It ends without waiting for threads that stayed behind, uses the network itself, and is told what it cannot use."""
    program = """
import os, sys, dicomnet
listener = dicomnet.DicomNet()
listener.listen("127.0.0.1")
child = os.fork()
if not child:
    try:
        listener.accept()
    except dicomnet.StateError as error:
        print(error, flush=True)
    with dicomnet.DicomNet() as own:
        print(own.listen("127.0.0.1")[0], flush=True)
    sys.exit(7)
_, status = os.waitpid(child, 0)
print(os.waitstatus_to_exitcode(status), listener.is_activated)
listener.close()
"""
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    ended = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=30, check=True
    )
    assert ended.stdout.splitlines() == ["no connection is waiting", "127.0.0.1", "7 True"]


def test_a_connection_that_the_end_of_the_program_overtakes_is_no_crash() -> None:
    """A program that asks for a connection and ends prints nothing, whether or not the name was still being looked up."""
    program = """
import socket, dicomnet
taken = socket.socket()  # bound, so nobody else has the port; not listening, so nobody answers
taken.bind(("127.0.0.1", 0))
dicomnet.DicomNet().connect("localhost", taken.getsockname()[1])
taken.detach()
"""
    environment = os.environ | {"PYTHONPATH": str(SOURCE)}
    for _ in range(3):
        ended = subprocess.run(
            [sys.executable, "-c", program], env=environment, capture_output=True, text=True, timeout=30, check=True
        )
        assert (ended.stdout, ended.stderr) == ("", "")


def test_the_end_of_the_program_starts_no_thread() -> None:
    """Python 3.12 lets nobody do so by then; what would is refused here on every version."""
    program = """
import atexit, threading
from dicomnet import DicomNet, breathe

class Server(DicomNet):
    def on_accept(self, error):
        self.accept().close()

connected = threading.Event()
with Server() as server, DicomNet() as net:
    net.on("connect", lambda error: connected.set())
    net.connect("127.0.0.1", server.listen("127.0.0.1", 0)[1])
    assert connected.wait(10)
breathe(10)

def refuse(thread):
    raise RuntimeError("can't create new thread at interpreter shutdown")

atexit.register(setattr, threading.Thread, "start", refuse)  # the last to register is the first to run
"""
    environment = {**os.environ, "PYTHONPATH": str(SOURCE)}
    done = subprocess.run(
        [sys.executable, "-c", program], env=environment, capture_output=True, text=True, check=False, timeout=30
    )
    assert (done.returncode, done.stderr) == (0, "")


def test_a_request_that_fails_does_not_hold_up_those_behind_it(monkeypatch: pytest.MonkeyPatch) -> None:
    """`on_send` tells of the one, the next ones leave."""
    with dicomnet.runtime(), associated(contexts=[ECHO]) as trio:
        link = trio.scu._link
        assert link is not None
        trio.scp.react("receive_c_echo_request", trio.scp.send_c_echo_response)
        with monkeypatch.context() as broken:
            broken.setattr(link.core, "send", lambda *arguments, **named: 1 / 0)
            trio.scu.send_c_echo_request()
            trio.scu.wait_sent(4)
        assert isinstance(trio.scu.sent[-1][1], ZeroDivisionError)
        trio.scu.send_c_echo_request()
        trio.scu.wait("receive_c_echo_response")


def test_every_request_to_a_network_that_is_gone_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    """Not only the first one, whose place in the queue would hide the others."""
    with dicomnet.runtime(), associated(contexts=[ECHO]) as trio:

        def gone(*_: object) -> None:
            raise StateError("the network was shut down")

        with monkeypatch.context() as broken:
            broken.setattr(trio.scu._runtime, "post", gone)
            for _ in range(2):
                with pytest.raises(StateError, match="shut down"):
                    trio.scu.send_c_echo_request()
        assert trio.scu.send_queue_length == 0
