"""Runs one command and says what it took; a process of its own, because who measures must be small.

What a process used at most is counted from before it became the command: started by a large program it would never
read less than that program. So this one imports next to nothing, and is run with ``python -I -S``.

On its standard input: ``go`` starts the command, ``stop`` ends it by SIGTERM, end of file kills it and all its
children, also when the one who measures has died. On its standard output: ``ready``, and once all is over ``began ended
cpu peak status``: monotonic seconds, CPU seconds of all its processes, KiB of the largest one, exit status.
"""

import _thread
import contextlib
import os
import signal
import sys
import time

TYPE_CHECKING = False
if TYPE_CHECKING:
    import resource


def main() -> None:
    _adopt()
    print("ready", flush=True)
    if sys.stdin.readline() != "go\n":
        return
    began = time.monotonic()
    command = os.posix_spawnp(sys.argv[1], sys.argv[1:], os.environ, file_actions=_QUIET, setpgroup=0)
    _thread.start_new_thread(_obey, (command,))
    _, status, usage = os.wait4(command, 0)
    ended = time.monotonic()
    cpu, peak = usage.ru_utime + usage.ru_stime, usage.ru_maxrss
    _signal_all(command, signal.SIGKILL)
    while left := _reap():
        cpu, peak = cpu + left.ru_utime + left.ru_stime, max(peak, left.ru_maxrss)
    kib = peak // 1024 if sys.platform == "darwin" else peak
    print(began, ended, cpu, kib, os.waitstatus_to_exitcode(status), flush=True)


def _obey(command: int) -> None:
    while sys.stdin.readline() == "stop\n":
        os.kill(command, signal.SIGTERM)
    _signal_all(command, signal.SIGKILL)


def _signal_all(group: int, number: int) -> None:
    with contextlib.suppress(ProcessLookupError, PermissionError):  # nobody is left; macOS says the other of zombies
        os.killpg(group, number)


def _adopt() -> None:
    """Children of the command that outlive it become ours, so that what they used is counted; Linux only."""
    if sys.platform == "linux":
        import ctypes

        ctypes.CDLL(None).prctl(_PR_SET_CHILD_SUBREAPER, 1, 0, 0, 0)


def _reap() -> "resource.struct_rusage | None":
    try:
        return os.wait4(-1, 0)[2]
    except ChildProcessError:
        return None


_PR_SET_CHILD_SUBREAPER = 36
_QUIET = [
    (os.POSIX_SPAWN_OPEN, 0, os.devnull, os.O_RDONLY, 0),
    (os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0),
]

if __name__ == "__main__":
    main()
