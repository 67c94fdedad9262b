"""Nothing that others say can forge a line of the log, or hide one."""

from __future__ import annotations

import ast
import logging
from pathlib import Path

import pytest

from dicomnet.logs import LOGGERS, LONGEST_LOG_VALUE, Lines, PatientFormatter, loggable, mask_below, printable

SOURCE = Path(__file__).parent.parent / "src"
log = logging.getLogger("dicomnet.server")
FORGED = "oops\n2026-01-01 INFO all is well"


def modules_with_a_logger() -> dict[str, str]:
    """Each logger that the source asks for, and where."""
    found = {}
    for path in (SOURCE / "dicomnet").rglob("*.py"):
        module = ".".join(path.relative_to(SOURCE).with_suffix("").parts)
        for node in ast.walk(ast.parse(path.read_text())):
            if isinstance(node, ast.Call) and getattr(node.func, "attr", "") == "getLogger":
                (argument,) = node.args
                if isinstance(argument, ast.Constant):
                    found[argument.value] = str(path)
                elif ast.unparse(argument) == "__name__":
                    found[module] = str(path)
    return found


def test_every_logger_of_ours_is_guarded() -> None:
    """A logger that the list in logs.py does not have would log what peers say as it is."""
    programs = {"dicomnet"}  # gets handlers, and writes nothing
    missing = {name: path for name, path in modules_with_a_logger().items() if name not in {*LOGGERS, *programs}}
    assert not missing, "to be added to LOGGERS in dicomnet/logs.py"
    assert all(len(logging.getLogger(name).filters) == 1 for name in LOGGERS)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("plain text, Ümlaut 名", "plain text, Ümlaut 名"),
        ("a\r\nb", "a\\x0d\\x0ab"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("\u202egnp.exe", "\\u202egnp.exe"),
        ("a\u2028b\x85", "a\\u2028b\\x85"),
        ("\ud800", "\\ud800"),
        ("\U000e0001", "\\U000e0001"),
    ],
)
def test_what_steers_a_terminal_is_escaped(text: str, told: str) -> None:
    """Line ends of every kind, escape sequences, marks of direction and halves of characters."""
    assert printable(text) == loggable(text) == told


def test_a_long_value_is_cut_with_a_mark() -> None:
    """What was left out is said; the limit is one of characters."""
    told = loggable("x" * 100_000)
    assert told == "x" * LONGEST_LOG_VALUE + "... [100000 characters]"
    assert loggable("x" * LONGEST_LOG_VALUE) == "x" * LONGEST_LOG_VALUE


@pytest.mark.parametrize("given", [FORGED, ValueError(FORGED), Path(FORGED), [FORGED], FORGED.encode()])
def test_a_record_is_one_line_whatever_it_was_given(given: object, caplog: pytest.LogCaptureFixture) -> None:
    """Text, errors, paths and whatever else has a text."""
    log.warning("%s %d: %s", "7f3a", 5, given)
    (record,) = caplog.records
    assert record.getMessage().isprintable()
    assert record.getMessage().startswith("7f3a 5: ")
    assert all(isinstance(one, str | int) for one in record.args or ())


def test_a_dump_keeps_its_lines(caplog: pytest.LogCaptureFixture) -> None:
    """Each was escaped when it was made."""
    log.warning("%s", Lines("one\ntwo"))
    assert caplog.records[0].getMessage() == "one\ntwo"


def test_no_line_of_a_traceback_looks_like_a_record() -> None:
    """Who raises with a peer's text in it forges nothing."""
    lines = []

    class Handler(logging.Handler):
        def emit(self, record: logging.LogRecord) -> None:
            lines.extend(self.format(record).split("\n"))

    handler = Handler()
    log.addHandler(handler)
    try:
        raise ValueError(FORGED + "\x1b[2J")
    except ValueError as error:
        log.exception("a handler failed: %s", error)
    finally:
        log.removeHandler(handler)
    assert lines[0] == "a handler failed: oops\\x0a2026-01-01 INFO all is well\\x1b[2J"
    assert len(lines) > 3
    assert all(line.startswith("| ") and line.isprintable() for line in lines[1:])


@pytest.fixture
def below(monkeypatch: pytest.MonkeyPatch) -> str:
    """A folder whose first two parts name patients."""
    monkeypatch.setattr("dicomnet.logs._masked_below", {})
    mask_below("/in/", [0, 1])
    return "/in"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("kept /in/DOE^JANE/4711/1.2.3.dcm", "kept /in/***/***/1.2.3.dcm"),
        ("/in/O'BRIEN J/4 7/1.2.dcm: disk full", "/in/***/***/1.2.dcm: disk full"),
        ("cannot remove .x in /in/DOE", "cannot remove .x in /in/***"),
        ("'/in/DOE/1/a' exists: '/in/ROE/2/b'", "'/in/***/***/a' exists: '/in/***/***/b'"),
        ("/inner/DOE/1/a /other/in/x", "/inner/DOE/1/a /other/in/***"),
        ("/in is full", "/in is full"),
        ("nothing", "nothing"),
    ],
)
def test_paths_that_name_patients_do_not_in_the_log(
    text: str, told: str, below: str, caplog: pytest.LogCaptureFixture
) -> None:
    """Whoever writes them, and whether as a path, a text or an error; a formatter shows them to who asks for it."""
    for given in (text, ValueError(text)):
        log.warning("%s: %s", 1, given)
    assert [record.getMessage() for record in caplog.records] == [f"1: {told}"] * 2
    assert PatientFormatter("%(message)s").format(caplog.records[0]) == f"1: {text}"
    assert logging.Formatter("%(message)s").format(caplog.records[0]) == f"1: {told}"


def test_a_traceback_names_no_patients(below: str, caplog: pytest.LogCaptureFixture) -> None:
    """Its last line is the error."""
    try:
        raise OSError("/in/DOE/4711/a: disk full")
    except OSError:
        log.exception("failed")
    assert "DOE" not in caplog.text
    assert "/in/***/***/a: disk full" in caplog.text
