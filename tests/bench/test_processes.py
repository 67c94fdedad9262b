from __future__ import annotations

import sys

import pytest

from bench.processes import Command, CommandFailed, Process, free_port, least_peak, listening, listens, transfer

LISTEN = "import socket, sys; s = socket.create_server(('127.0.0.1', int(sys.argv[1]))); s.accept()"


def python(program: str, *arguments: object) -> Command:
    return Command([sys.executable, "-I", "-S", "-c", program, *map(str, arguments)])


def test_a_receiver_is_waited_for_and_ended_with_its_block() -> None:
    """It does not stay, not even when the block is left by Ctrl-C."""
    port = free_port()

    def interrupted() -> None:
        with listening(python(LISTEN, port), port):
            assert listens(port)
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        interrupted()
    assert not listens(port)


def test_children_of_a_command_are_ended_with_it() -> None:
    """One that forked away is no reason for a port to stay taken."""
    port = free_port()
    with listening(python(f"import os; os.fork() and os.wait()\n{LISTEN}", port), port):
        pass
    assert not listens(port)


def test_cpu_of_children_that_nobody_waited_for_is_counted() -> None:
    """A receiver that forks for each association may never look after them."""
    port = free_port()
    program = f"import os, signal, time\nif os.fork(): signal.pause()\nwhile time.process_time() < 0.3: pass\n{LISTEN}"
    with listening(python(program, port), port) as receiver:
        assert receiver.stop().cpu >= 0.3


def test_a_receiver_that_falls_over_says_why() -> None:
    """Nobody waits for one that has ended, and its last words are shown."""
    with pytest.raises(CommandFailed, match="no such luck"):
        listening(python("import sys; sys.exit('no such luck')"), free_port())


def test_a_sender_that_fails_is_no_measurement() -> None:
    """The exit status counts, not only the time."""
    port = free_port()
    with pytest.raises(CommandFailed, match=r"ended with 3: (?s:.*)refused"):
        transfer(python(LISTEN, port), [python("import sys; print('refused', file=sys.stderr); sys.exit(3)")], port)
    assert not listens(port)


def test_a_program_that_is_not_there_is_said_to_be() -> None:
    """Not that something ended with a number."""
    with Process(Command(["/nowhere/at/all"])) as process:
        process.go()
        with pytest.raises(CommandFailed, match="could not be run"):
            process.wait(10)


def test_memory_is_that_of_the_command_and_not_of_who_measures() -> None:
    """This process has much more than the least that can be told."""
    ballast = bytes(64 << 20)
    assert least_peak() < 32 << 20 < len(ballast)
    with Process(python("x = bytearray(80 << 20)")) as process:
        process.go()
        assert 80 << 20 <= process.wait(20).peak < 160 << 20
