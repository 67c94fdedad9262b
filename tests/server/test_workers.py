"""Several processes behind one listening socket: real ones, that answer a protocol of their own.

A worker greets each connection with a line that says who it is and how the
connection came, answers lines with what they ask for, and says ``bye`` when
the client has sent all, after it has reported the connection's end.
"""

from __future__ import annotations

import json
import os
import resource
import select
import signal
import socket
import subprocess
import sys
import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from struct import Struct
from types import TracebackType
from typing import Any, NamedTuple, Self

import pytest

import dicomnet
from dicomnet.errors import InvalidValue, StateError, Unsupported
from dicomnet.server.workers import Crew, Listening, Post
from faulty import no_descriptor_left

SOURCE = str(Path(dicomnet.__file__).parent.parent)
PATIENCE = 30.0
"""Seconds that tell a program that hangs from one that is slow."""

PROGRAM = """
import json, logging, os, resource, selectors, signal, socket, subprocess, sys
from dicomnet.limits import Limits
from dicomnet.networks import networks
from dicomnet.server.workers import Crew, Listening

settings = json.loads(sys.argv[1])
logging.basicConfig(format="%(levelname)s %(message)s", level="INFO")

def serve(post):
    behaviour = settings.get(str(post.index), "")
    if behaviour == "exit":
        sys.exit(7)
    if behaviour == "raise":
        raise RuntimeError("as told")
    asked, hung_up, open_ = [], [], {}
    signal.signal(signal.SIGTERM, lambda *_: asked.append(1))
    signal.signal(signal.SIGHUP, lambda *_: hung_up.append(1))
    waker, wakes = socket.socketpair()
    wakes.setblocking(False)
    waker.setblocking(False)
    signal.set_wakeup_fd(wakes.fileno())
    selector = selectors.DefaultSelector()
    selector.register(waker, selectors.EVENT_READ)
    selector.register(post, selectors.EVENT_READ)
    listens = True
    if behaviour == "starve":
        resource.setrlimit(resource.RLIMIT_NOFILE, (3, resource.getrlimit(resource.RLIMIT_NOFILE)[1]))
    while True:
        if behaviour != "stubborn" and (len(asked) > 1 or (asked or post.closed) and not open_):
            return
        for key, _ in selector.select():
            if key.fileobj is waker:
                waker.recv(100)
            elif key.fileobj is post:
                for one in post.receive():
                    who = [os.getpid(), post.index, one.endpoint, one.host, one.port, one.refuse, one.sock.getblocking()]
                    post.acknowledge(one)
                    if behaviour != "deaf":
                        post.heard(one)
                    post.flush()  # first: who was greeted stays with us
                    one.sock.sendall(json.dumps(who).encode() + b"\\n")
                    open_[one.sock] = one
                    selector.register(one.sock, selectors.EVENT_READ)
                if post.closed and listens:
                    listens = False
                    selector.unregister(post)
            else:
                sock = key.fileobj
                try:
                    text = sock.recv(100).decode().strip()
                except OSError:
                    text = ""
                if text == "hang-ups":
                    sock.sendall(b"%d\\n" % len(hung_up))
                elif text == "descriptors":
                    sock.sendall(b"%d\\n" % (len(os.listdir("/proc/self/fd")) - len(open_)))
                elif text:
                    sock.sendall(text.encode() + b"\\n")
                else:
                    post.gone(open_.pop(sock))
                    post.flush()
                    selector.unregister(sock)
                    try:
                        sock.sendall(b"bye\\n")
                    except OSError:
                        pass
                    sock.close()

def state():
    return [len(os.listdir("/proc/self/fd")), *(str(signal.getsignal(n)) for n in (1, 2, 15, 17)), settings["count"]]

before = state()
listening = [socket.create_server(("127.0.0.1", 0)) for _ in range(settings["endpoints"])]
limits = Limits(associations=settings["associations"], associations_per_address=settings["per_address"])
endpoints = [Listening(sock, networks(settings["proxies"])) for sock in listening]
crew = Crew(settings["count"], endpoints, serve, limits=limits, grace=settings["grace"])
print(json.dumps([sock.getsockname()[1] for sock in listening]))
bystander = subprocess.Popen(["sleep", "99"], stdout=subprocess.DEVNULL) if settings.get("bystander") else None
code = crew.run()
if bystander is not None:
    assert bystander.poll() is None
    bystander.kill()
    bystander.wait()
try:
    children = os.waitpid(-1, os.WNOHANG)
except ChildProcessError:
    children = None
print(json.dumps({"code": code, "as before": state() == before, "children": children}))
sys.exit(code)
"""


class Greeting(NamedTuple):
    """What a worker says of itself and of the connection."""

    pid: int
    index: int
    endpoint: int
    host: str
    port: int
    refuse: bool
    blocking: bool


class Client:
    """One connection to a program."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.file = sock.makefile("rb")

    def greeting(self) -> Greeting | None:
        """None if the connection was closed without a word."""
        with suppress(ConnectionResetError):
            if line := self.file.readline():
                return Greeting(*json.loads(line))
        return None

    def ask(self, text: str) -> str:
        self.sock.sendall(text.encode() + b"\n")
        return self.file.readline().decode().strip()

    def leave(self) -> None:
        """Returns when the worker has reported the end."""
        self.sock.shutdown(socket.SHUT_WR)
        assert self.file.readline() == b"bye\n"
        self.close()

    def close(self) -> None:
        self.file.close()
        self.sock.close()


class Running:
    """A program with a crew, and the connections to it."""

    def __init__(self, count: int = 2, **settings: Any) -> None:
        self.count = count
        self.settings = {
            "endpoints": 1,
            "associations": 256,
            "per_address": 256,
            "grace": 5.0,
            "proxies": [],
        } | settings

    def __enter__(self) -> Self:
        self._stack = ExitStack()
        self.process = self._stack.enter_context(
            subprocess.Popen(
                [sys.executable, "-W", "error", "-c", PROGRAM, json.dumps(self.settings | {"count": self.count})],
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                env=os.environ | {"PYTHONPATH": SOURCE},
                start_new_session=True,
            )
        )
        assert self.process.stdout is not None
        assert self.process.stderr is not None
        self.out, self.err = self.process.stdout, self.process.stderr
        self.ports = json.loads(self.out.readline())
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        # Its own session: the workers too, if it is the crew that failed.
        with suppress(ProcessLookupError):
            os.killpg(self.process.pid, signal.SIGKILL)
        self._stack.__exit__(kind, error, trace)

    def connect(self, endpoint: int = 0, *, source: str = "127.0.0.1") -> Client:
        address = ("127.0.0.1", self.ports[endpoint])
        client = Client(socket.create_connection(address, timeout=PATIENCE, source_address=(source, 0)))
        self._stack.callback(client.close)
        return client

    def served(self, count: int) -> list[tuple[Client, Greeting]]:
        """So many connections, one after the other."""
        found = []
        for _ in range(count):
            client = self.connect()
            greeting = client.greeting()
            assert greeting is not None
            found.append((client, greeting))
        return found

    def signal(self, number: signal.Signals) -> None:
        self.process.send_signal(number)

    def log_until(self, text: str) -> list[str]:
        """The lines of the log up to one with this text in it."""
        lines = []
        for line in self.err:
            lines.append(line.decode().strip())
            if text in lines[-1]:
                return lines
        raise AssertionError(f"{text!r} is not in the log: {lines}")

    def end(self, code: int = 0) -> str:
        """The log, when the program has ended and has left nothing behind."""
        out, err = self.process.communicate(timeout=PATIENCE)
        assert out, err.decode()
        assert json.loads(out) == {"code": code, "as before": True, "children": None}
        assert self.process.returncode == code
        return err.decode()


class TestPassingOn:
    def test_says_where_a_connection_came_from(self) -> None:
        """The peer's address, and which socket it came to; ready for an event loop."""
        with Running(endpoints=2) as running:
            for endpoint in (0, 1, 1):
                client = running.connect(endpoint)
                greeting = client.greeting()
                assert greeting is not None
                assert greeting[2:] == (endpoint, *client.sock.getsockname(), False, False)
                assert greeting.pid != running.process.pid
                assert client.ask("hello") == "hello"

    def test_each_goes_to_the_worker_with_the_fewest(self) -> None:
        """Ends are reported, so the numbers are exact."""
        with Running(3) as running:
            found = running.served(6)
            assert sorted(Counter(greeting.pid for _, greeting in found).values()) == [2, 2, 2]
            left = found[0][1].pid
            for client, greeting in found:
                if greeting.pid == left:
                    client.leave()
            assert [greeting.pid for _, greeting in running.served(2)] == [left, left]
            assert Counter(greeting.pid for _, greeting in running.served(3)) == Counter({g.pid for _, g in found})

    def test_a_worker_without_descriptors_gets_none(self) -> None:
        """What could not be handed over is not lost: it goes to another."""
        with Running(**{"0": "starve"}) as running:
            assert {greeting.index for _, greeting in running.served(6)} == {1}
            running.log_until("no descriptor left for a connection")

    def test_accepting_goes_on_once_there_are_descriptors_again(self) -> None:
        """Who came meanwhile waited in the backlog; stopping in between works as well."""
        with Running() as running:
            running.served(1)[0][0].leave()
            limits = resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE)
            resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
            client = running.connect()
            running.log_until("cannot accept connections at the moment")
            resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, limits)
            assert client.greeting() is not None
            client.leave()
            resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, (3, limits[1]))
            waiting = running.connect()
            running.log_until("cannot accept connections at the moment")
            waiting.close()
            resource.prlimit(running.process.pid, resource.RLIMIT_NOFILE, limits)
            running.signal(signal.SIGTERM)
            running.end()

    def test_more_than_a_worker_is_given_at_a_time(self) -> None:
        """While it stands still, the others wait in the accepting process; all are served in the end."""
        with Running(1) as running:
            ((_, greeting),) = running.served(1)
            stop(greeting.pid)
            clients = [running.connect() for _ in range(100)]
            os.kill(greeting.pid, signal.SIGCONT)
            assert all(client.greeting() for client in clients)


class TestLimits:
    def test_hold_over_all_workers(self) -> None:
        """One too many is passed on to be rejected, beyond twice the limit nobody is heard."""
        with Running(associations=3) as running:
            found = running.served(6)
            assert [greeting.refuse for _, greeting in found] == [False] * 3 + [True] * 3
            assert running.connect().greeting() is None
            for client, _ in found[:3]:
                client.leave()
            assert [greeting.refuse for _, greeting in running.served(1)] == [True]
            for client, _ in found[3:]:
                client.leave()
            assert [greeting.refuse for _, greeting in running.served(2)] == [False] * 2

    def test_hold_for_each_address(self) -> None:
        """Who has too many does not lock out the others."""
        with Running(per_address=2) as running:
            assert [greeting.refuse for _, greeting in running.served(3)] == [False, False, True]
            other = running.connect(source="127.0.0.2").greeting()
            assert other is not None
            assert not other.refuse

    def test_the_oldest_that_says_nothing_makes_room(self) -> None:
        """Of those whose words no worker has reported: it ends, and a newcomer has its place."""
        with Running(count=1, per_address=2, **{"0": "deaf"}) as running:
            (first, _), _ = running.served(2)
            [(newcomer, greeting)] = running.served(1)
            while greeting.refuse:  # in its first half second nobody makes room
                newcomer.leave()
                [(newcomer, greeting)] = running.served(1)
            assert first.file.readline() == b""

    def test_connections_of_a_dead_worker_count_no_more(self) -> None:
        """They ended with it."""
        with Running(associations=2) as running:
            (one, first), (_, second) = running.served(2)
            os.kill(first.pid, signal.SIGKILL)
            assert one.file.read() == b""
            running.log_until("with 1 connections")
            assert [greeting.refuse for _, greeting in running.served(2)] == [False, True]
            assert second.pid != first.pid


class TestDeath:
    def test_who_has_said_nothing_is_served_by_another(self) -> None:
        """Nothing of what he will say is lost with the worker that has taken him."""
        with Running(**{"0": "deaf", "1": "deaf"}) as running:
            [(client, first)] = running.served(1)
            os.kill(first.pid, signal.SIGKILL)
            second = client.greeting()
            assert second is not None
            assert second.pid != first.pid
            assert second.port == first.port

    def test_who_comes_by_a_proxy_is_closed_with_it(self) -> None:
        """What another worker would read as the proxy's header could be anybody's; his place is free."""
        with Running(proxies=["127.0.0.1"], associations=1, **{"0": "deaf", "1": "deaf"}) as running:
            [(client, first)] = running.served(1)
            os.kill(first.pid, signal.SIGKILL)
            assert client.greeting() is None
            running.log_until("with 1 connections")
            [(_, second)] = running.served(1)
            assert second.pid != first.pid
            assert not second.refuse

    def test_what_waits_for_a_killed_worker_is_served_by_another(self) -> None:
        """What it has not acknowledged: no connection is lost."""
        with Running() as running:
            first, second = (greeting for _, greeting in running.served(2))
            stop(first.pid)
            clients = [running.connect() for _ in range(20)]
            served = {client: client.greeting() for client in readable(clients, 10)}
            assert {greeting.pid for greeting in served.values() if greeting} == {second.pid}
            os.kill(first.pid, signal.SIGKILL)
            for client in clients:
                greeting = served.get(client) or client.greeting()
                assert greeting is not None
                assert greeting.pid != first.pid
                assert client.ask("hello") == "hello"

    def test_it_is_started_again(self) -> None:
        """In the same place, with no descriptor but its own; the log names process and signal."""
        with Running() as running:
            found = running.served(4)
            victim = found[0][1]
            before = {greeting.pid: client.ask("descriptors") for client, greeting in found}
            assert len(set(before.values())) == 1
            os.kill(victim.pid, signal.SIGKILL)
            text = f"worker {victim.index}, process {victim.pid}, ended by SIGKILL with 2 connections"
            assert running.log_until(text)[-1].startswith("ERROR")
            again = running.connect()
            greeting = again.greeting()
            assert greeting is not None
            assert greeting.index == victim.index
            assert greeting.pid not in before
            assert again.ask("descriptors") in before.values()

    @pytest.mark.parametrize(("how", "status"), [("exit", 7), ("raise", 1)])
    def test_one_that_dies_again_and_again_is_given_pauses(self, how: str, status: int) -> None:
        """Longer each time, while the others go on."""
        with Running(**{"0": how}) as running:
            pauses = []
            for _ in range(3):
                line = running.log_until(f"ended with exit status {status}")[-1]
                pauses.append(line.rpartition(" in ")[2])
            assert pauses[0] == "0.0 s"
            assert pauses[0] < pauses[1] < pauses[2]
            assert {greeting.index for _, greeting in running.served(3)} == {1}
            running.signal(signal.SIGTERM)
            running.log_until("no more connections are accepted")
            running.signal(signal.SIGTERM)
            running.end()

    def test_workers_end_with_the_accepting_process(self) -> None:
        """When that is killed, they finish what they have, and nothing remains."""
        with Running() as running:
            found = running.served(2)
            running.process.kill()
            assert running.process.wait(PATIENCE) == -signal.SIGKILL
            for client, _ in found:
                assert client.ask("hello") == "hello"
                client.leave()
            assert running.out.read() == b""  # the end of the pipe: nobody has it open any more


class TestStopping:
    @pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
    def test_what_is_open_is_finished(self, number: signal.Signals) -> None:
        """No new connections; the old ones are served to their end, then all is over."""
        with Running() as running:
            found = running.served(3)
            running.signal(number)
            running.log_until("no more connections are accepted")
            with pytest.raises(ConnectionRefusedError):
                running.connect()
            for client, _ in found:
                assert client.ask("hello") == "hello"
                client.leave()
            assert running.end().count("has ended with exit status 0") == 2

    def test_with_nothing_open(self) -> None:
        """Then at once."""
        with Running() as running:
            running.served(1)[0][0].leave()
            running.signal(signal.SIGTERM)
            running.end()

    def test_a_second_signal_ends_at_once(self) -> None:
        """With connections open: the workers are told again."""
        with Running(grace=PATIENCE * 2) as running:
            running.served(3)
            running.signal(signal.SIGTERM)
            running.log_until("no more connections are accepted")
            running.signal(signal.SIGTERM)
            running.end()

    def test_a_worker_that_does_not_end_is_killed(self) -> None:
        """Some time after the second signal; the exit code tells that it was not in order."""
        with Running(grace=0.1, **{"0": "stubborn"}) as running:
            running.served(2)
            running.signal(signal.SIGTERM)
            running.log_until("no more connections are accepted")
            running.signal(signal.SIGTERM)
            assert "has ended by SIGKILL" in running.end(code=1)

    def test_nobody_is_started_any_more(self) -> None:
        """A worker that dies while the others finish stays dead."""
        with Running() as running:
            (one, first), (_, second) = running.served(2)
            running.signal(signal.SIGTERM)
            running.log_until("no more connections are accepted")
            os.kill(second.pid, signal.SIGKILL)
            running.log_until(f"process {second.pid}, has ended by SIGKILL")
            assert one.ask("hello") == "hello"
            one.leave()
            assert "is process" not in running.end(code=1)
            assert first.pid != second.pid

    def test_only_its_own_are_told(self) -> None:
        """Not what else the program has started: that is not signalled, nor waited for."""
        with Running(bystander=True) as running:
            running.served(1)[0][0].leave()
            running.signal(signal.SIGHUP)
            running.signal(signal.SIGTERM)
            running.end()

    def test_a_hang_up_is_passed_on(self) -> None:
        """To every worker; what it means is theirs to say."""
        with Running() as running:
            found = running.served(2)
            running.signal(signal.SIGHUP)
            for client, greeting in found:
                while client.ask("hang-ups") != "1":  # it was sent; the worker sees it between two lines
                    pass
                assert client.ask("hello") == "hello"
                assert greeting.pid != running.process.pid


class TestCrew:
    def test_is_refused_beside_threads(self) -> None:
        """A fork would leave them behind, with whatever locks they hold."""
        over = threading.Event()
        thread = threading.Thread(target=over.wait)
        thread.start()
        try:
            with (
                socket.create_server(("127.0.0.1", 0)) as listening,
                pytest.raises(StateError, match="before there is"),
            ):
                Crew(1, [Listening(listening)], never).run()
        finally:
            over.set()
            thread.join()

    def test_is_refused_where_nothing_forks(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Such as on Windows; the error tells what to do instead."""
        monkeypatch.delattr(os, "fork")
        with pytest.raises(Unsupported, match="use one here"):
            Crew(2, [], never)

    def test_needs_a_worker(self) -> None:
        """Nobody else serves."""
        with pytest.raises(InvalidValue):
            Crew(0, [], never)


class TestPost:
    def test_is_closed_when_the_other_end_is(self) -> None:
        """And says so without an error, whatever is reported."""
        with post() as (mine, crew):
            assert mine.receive() == []
            assert not mine.closed
            crew.close()
            assert mine.receive() == []
            assert mine.closed

    def test_a_record_in_pieces(self) -> None:
        """However the bytes come, each descriptor stays with its own."""
        with post() as (mine, crew), ExitStack() as stack:
            ends = [[stack.enter_context(sock) for sock in socket.socketpair()] for _ in range(2)]
            found = []
            for number, (end, _) in enumerate(ends):
                record = delivery(number)
                socket.send_fds(crew, [record[:5]], [end.fileno()])
                found += mine.receive()
                assert len(found) == number
                crew.sendall(record[5:])
            found += mine.receive()
            assert len(found) == 2
            for number, one in enumerate(found):
                stack.enter_context(one.sock)
                assert (one.number, one.endpoint, one.host, one.port) == (number, 1, "10.0.0.1", 104)
                assert not one.sock.get_inheritable()
                one.sock.sendall(b"%d" % number)
            assert [other.recv(9) for _, other in ends] == [b"0", b"1"]

    def test_no_descriptor_left(self) -> None:
        """The connection is not there, and the accepting process is told so."""
        with post() as (mine, crew), socket.socket() as connection:
            socket.send_fds(crew, [delivery(5)], [connection.fileno()])
            limits = resource.getrlimit(resource.RLIMIT_NOFILE)
            resource.setrlimit(resource.RLIMIT_NOFILE, (3, limits[1]))
            try:
                assert mine.receive() == []
            finally:
                resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            assert REPORT.unpack(crew.recv(100)) == (2, 5)

    def test_reports_wait_for_room(self) -> None:
        """Nothing blocks when the accepting process does not read, and nothing is lost."""
        with post() as (mine, crew), socket.socket() as connection:
            socket.send_fds(crew, [delivery(7)], [connection.fileno()])
            (one,) = mine.receive()
            sent = 0
            while not mine.pending:
                mine.acknowledge(one)
                mine.flush()
                sent += 1
            for _ in range(10):
                mine.gone(one)
            assert mine.pending
            heard = b""
            while mine.pending or select.select([crew], [], [], 0)[0]:
                heard += crew.recv(1 << 16)
                mine.flush()
            assert list(REPORT.iter_unpack(heard)) == [(1, 7)] * sent + [(3, 7)] * 10
            one.sock.close()

    def test_close_gives_back_what_was_half_received(self) -> None:
        """A descriptor without its record belongs to nobody."""
        with no_descriptor_left(), post() as (mine, crew), socket.socket() as connection:
            socket.send_fds(crew, [delivery(1)[:3]], [connection.fileno()])
            assert mine.receive() == []
            mine.close()
            mine.close()


REPORT = Struct("!BI")


def delivery(number: int) -> bytes:
    return Struct("!IHH?80s").pack(number, 1, 104, False, b"10.0.0.1")


def never(post: Post) -> None:
    raise AssertionError("no worker was to be started")


@contextmanager
def post() -> Iterator[tuple[Post, socket.socket]]:
    theirs, crew = socket.socketpair()
    with crew, Post(theirs, 0) as mine:
        yield mine, crew


def stop(pid: int) -> None:
    """Returns when the process stands still."""
    os.kill(pid, signal.SIGSTOP)
    while Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "T":
        pass


def readable(clients: list[Client], count: int) -> list[Client]:
    """So many of the clients, once they have something to read."""
    while True:
        ready, _, _ = select.select([client.sock for client in clients], [], [], PATIENCE)
        assert ready
        if len(ready) >= count:
            return [client for client in clients if client.sock in ready]
