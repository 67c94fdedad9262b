"""Who did what, when and from where: lines of JSON in a file that only grows.

An audit is an observer. What it is told becomes a line at once; a thread of its
own writes it, so neither a slow disk nor a full one holds up or fails an
exchange. Lines that could not be kept are counted, and that is written as soon
as anything can be. The processes of a server share the file: each line is one
write at its end.
"""

from __future__ import annotations

import errno
import logging
import os
import threading
from collections import deque
from datetime import datetime
from pathlib import Path
from typing import Any

from dicomnet.aio.observe import Observed
from dicomnet.errors import InvalidValue
from dicomnet.limits import AUDIT_QUEUE
from dicomnet.server.entries import DONE, FAILED, Entry, entry_of, line_of

log = logging.getLogger("dicomnet.server")


class AuditLog:
    """Writes what observers are told; see `dicomnet.server.entries` for what is in a line.

    A file that was moved away, or removed, is begun anew.

    Args:
        path: the file; it is made with mode 0600 if there is none.
        server: our title, for files that several servers write to.
        values: whether the keys of queries are written with what they ask for, such as the names of patients.

    Raises:
        InvalidValue: the file cannot be written to.
    """

    def __init__(self, path: str | os.PathLike[str], *, server: str | None = None, values: bool = False) -> None:
        self.path = os.fspath(path)
        self._server = server
        self._values = values
        self._news = threading.Condition()
        self._waiting: deque[bytes] = deque()
        self._waiting_bytes = 0
        self._lost = 0
        """Lines that were not written; not yet told."""
        self._closing = self._reopening = False
        self._thread: threading.Thread | None = None
        self._process = os.getpid()
        try:
            os.close(_opened(self.path))
        except OSError as error:
            raise InvalidValue(f"no audit can be written to {self.path}: {error.strerror}") from error

    def __call__(self, event: Observed) -> None:
        """An observer: notes an event, and does not wait."""
        entry = entry_of(event, values=self._values)
        if entry is not None:
            self._note(entry)

    def started(self) -> None:
        """The server serves (DCM 110120)."""
        self._note(_activity("server started", "110120"))

    def stopped(self) -> None:
        """It does not any more (DCM 110121)."""
        self._note(_activity("server stopped", "110121"))

    def reopen(self) -> None:
        """Goes on in a new file if this one was moved away; that is looked for before lines are written, too."""
        with self._news:
            self._reopening = True
            self._news.notify()

    def close(self, timeout: float | None = None) -> None:
        """Returns once all is written, or after so many seconds; what is told later is written all the same."""
        with self._news:
            thread = self._thread if self._process == os.getpid() else None
            if thread is None:
                return
            self._closing = True
            self._news.notify()
        thread.join(LAST_LINES if timeout is None else timeout)
        if thread.is_alive():
            log.error("the audit in %s is not written to its end: the disk takes too long", self.path)

    # How.

    def _note(self, entry: Entry) -> None:
        line = self._line(entry)
        with self._news:
            if self._waiting_bytes + len(line) > AUDIT_QUEUE:
                self._lost += 1
                return
            self._waiting.append(line)
            self._waiting_bytes += len(line)
            if self._thread is None or self._process != os.getpid():
                self._begin()
            elif len(self._waiting) == 1:
                self._news.notify()

    def _begin(self) -> None:
        """Starts the thread: not before it is needed, for workers are forked where there is none, and begin their own."""
        self._process, self._closing = os.getpid(), False
        self._thread = threading.Thread(target=self._run, name="dicomnet-audit", daemon=True)
        self._thread.start()

    def _line(self, entry: Entry) -> bytes:
        now = datetime.now().astimezone().isoformat(timespec="milliseconds")
        return (line_of({"time": now, "server": self._server, **entry}) + "\n").encode()

    def _run(self) -> None:
        file = AuditFile(self.path)
        while self._write_some(file):
            pass
        self._own_up(file)
        file.close()

    def _write_some(self, file: AuditFile) -> bool:
        """Waits for lines and writes them; False at the end."""
        with self._news:
            while not (self._waiting or self._closing or self._reopening):
                self._news.wait()
            # Waking up for each line would cost more than writing it.
            self._news.wait_for(lambda: self._closing or self._reopening, GATHERING)
            if not self._waiting and self._closing:
                self._thread = None  # what is told from now on has another begin
                return False
            lines, self._waiting = self._waiting, deque()
            self._waiting_bytes = 0
            self._reopening = False
        file.follow()
        for line in lines:
            if not self._own_up(file) or not file.append(line):
                with self._news:
                    self._lost += 1
        return True

    def _own_up(self, file: AuditFile) -> bool:
        """Writes how many lines were lost, if any were; whether nothing is owed any more."""
        lost = self._lost
        if not lost:
            return True
        if not file.append(self._line({"event": "audit lines lost", "outcome": FAILED, "count": lost})):
            return False
        with self._news:
            self._lost -= lost
        log.error("%d lines of the audit in %s were lost", lost, self.path)
        return True


class AuditFile:
    """The end of the file."""

    def __init__(self, path: str) -> None:
        self._path = path
        self._file: int | None = None
        self._torn = False
        """Whether it ends in the middle of a line."""
        self._trouble = False
        """Whether the last attempt has failed, of which the log was told."""

    def append(self, line: bytes) -> bool:
        """Appends a line by one write; False if that failed."""
        data = b"\n" + line if self._torn else line
        if self._file is None:
            return False
        try:
            written = os.write(self._file, data)
            self._torn = written < len(data) if written else self._torn
            if written < len(data):
                raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        except OSError as error:
            self._failed("the audit cannot be written to %s, lines are lost: %s", error)
            return False
        self._trouble = False
        return True

    def follow(self) -> None:
        """Begins a new file if the one that is open is not the one of that name any more."""
        try:
            if self._file is not None and os.path.samestat(Path(self._path).stat(), os.fstat(self._file)):
                return
        except OSError:
            pass
        try:
            found = _opened(self._path)
        except OSError as error:  # what is open stays: better there than nowhere
            self._failed("no new audit can be begun at %s: %s", error)
            return
        self.close()
        self._file, self._torn = found, False

    def close(self) -> None:
        if self._file is not None:
            os.close(self._file)
            self._file = None

    def _failed(self, text: str, error: OSError) -> None:
        if not self._trouble:
            log.error(text, self._path, error.strerror)
        self._trouble = True


def _activity(event: str, type_code: str) -> dict[str, Any]:
    return {"event": event, "code": "110100", "type": type_code, "outcome": DONE, "process": os.getpid()}


def _opened(path: str) -> int:
    return os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT | getattr(os, "O_CLOEXEC", 0), 0o600)


GATHERING = 0.05
"""Seconds that lines may wait for others."""

LAST_LINES = 5.0
"""Seconds that the disk gets at the end: one that hangs must not hang the program."""
