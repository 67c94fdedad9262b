"""The line between two programs: how late bytes come, how many, and that they are the same."""

from __future__ import annotations

import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager

import pytest

from bench.measures.proxy import QUEUE, Line, Way


def test_bytes_arrive_after_the_delay() -> None:
    """Without a rate all of them do, however many there are."""
    way = Way(0.010, None)
    assert way.enter(5.0, 1) == pytest.approx(5.010)
    assert way.enter(5.0, 1 << 30) == pytest.approx(5.010)
    assert way.excess(5.0) == 0


def test_bytes_wait_for_those_before_them() -> None:
    """At 8,000 bits a second a kilobyte takes one second, and the next begins after it."""
    way = Way(0.010, 8_000.0)
    assert way.enter(5.0, 1_000) == pytest.approx(6.010)
    assert way.enter(5.5, 500) == pytest.approx(6.510)


def test_a_line_that_was_idle_saves_nothing_up() -> None:
    """What it did not carry while nothing came it does not carry faster later."""
    way = Way(0.0, 8_000.0)
    way.enter(5.0, 1_000)
    assert way.enter(100.0, 1_000) == pytest.approx(101.0)


def test_the_queue_before_a_line_is_short() -> None:
    """It says how long nothing more should be read; then there is room."""
    way = Way(0.0, 8_000.0)
    assert way.excess(5.0) == 0
    way.enter(5.0, 1_000)
    wait = way.excess(5.0)
    assert wait == pytest.approx(1.0 - QUEUE)
    assert way.excess(5.0 + wait) == pytest.approx(0.0, abs=1e-9)


@contextmanager
def ends(**options: float) -> Iterator[tuple[socket.socket, socket.socket]]:
    """Two sockets with a line between them."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Line(listener.getsockname()[1], **options) as line,
        socket.create_connection(("127.0.0.1", line.port)) as near,
        listener.accept()[0] as far,
    ):
        yield near, far


def read(link: socket.socket, size: int) -> bytes:
    """So many bytes, or fewer at the end of the file."""
    with link.makefile("rb") as file:
        return file.read(size)


def test_a_round_trip_takes_its_time() -> None:
    """Never less than was asked for."""
    with ends(round_trip=0.05) as (near, far):
        began = time.monotonic()
        near.sendall(b"there")
        assert read(far, 5) == b"there"
        far.sendall(b"back")
        assert read(near, 4) == b"back"
        assert time.monotonic() - began >= 0.05


def test_a_rate_is_kept() -> None:
    """Half a megabyte takes no less than 0.2 s at 20 Mbit/s, over two connections together."""
    size = 250_000
    with socket.create_server(("127.0.0.1", 0)) as listener, Line(listener.getsockname()[1], rate=20e6) as line:
        near = [socket.create_connection(("127.0.0.1", line.port)) for _ in range(2)]
        far = [listener.accept()[0] for _ in near]
        began = time.monotonic()
        senders = [threading.Thread(target=link.sendall, args=(bytes(size),)) for link in near]
        for sender in senders:
            sender.start()
        readers = [threading.Thread(target=read, args=(link, size)) for link in far]
        for reader in readers:
            reader.start()
        for thread in senders + readers:
            thread.join()
        assert time.monotonic() - began >= 0.2
        for link in near + far:
            link.close()


def test_all_bytes_come_in_order() -> None:
    """Both ways at once, and the end of one direction leaves the other open."""
    there, back = bytes(range(256)) * 20_000, bytes(reversed(range(256))) * 10_000
    with ends(round_trip=0.001) as (near, far):
        senders = [
            threading.Thread(target=near.sendall, args=(there,)),
            threading.Thread(target=far.sendall, args=(back,)),
        ]
        for sender in senders:
            sender.start()
        assert read(far, len(there)) == there
        assert read(near, len(back)) == back
        for sender in senders:
            sender.join()
        near.shutdown(socket.SHUT_WR)
        assert far.recv(1) == b""
        far.sendall(b"late")
        assert read(near, 4) == b"late"


def test_who_calls_while_nobody_listens_is_hung_up_on() -> None:
    """The line itself stays."""
    with socket.create_server(("127.0.0.1", 0)) as listener:
        port = listener.getsockname()[1]
    with Line(port) as line, socket.create_connection(("127.0.0.1", line.port)) as near:
        assert near.recv(1) == b""


def test_closing_a_line_cuts_what_is_on_it() -> None:
    """Nobody waits for ever, and no thread is left."""
    with (
        socket.create_server(("127.0.0.1", 0)) as listener,
        Line(listener.getsockname()[1], round_trip=0.001) as line,
        socket.create_connection(("127.0.0.1", line.port)) as near,
        listener.accept()[0] as far,
    ):
        near.sendall(b"there")
        assert read(far, 5) == b"there"
        line.close()
        assert near.recv(1) == far.recv(1) == b""
