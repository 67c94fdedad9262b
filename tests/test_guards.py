from __future__ import annotations

import subprocess
import sys
import textwrap
from pathlib import Path

import pytest

TESTS = Path(__file__).parent
CONFIGURATION = TESTS.parent / "pyproject.toml"


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        pytest.param(
            "threading.Thread(target=threading.Event().wait, args=(9,), name='forgotten', daemon=True).start()",
            "threads left running: forgotten",
            id="thread left",
        ),
        pytest.param(
            "thread = threading.Thread(target=lambda: 1 / 0)\n    thread.start()\n    thread.join()",
            "ZeroDivisionError",
            id="exception in a thread",
        ),
        pytest.param("Finalized()", "ZeroDivisionError", id="exception in a finalizer"),
        pytest.param("socket.socket()", "unclosed <socket", id="socket left open"),
    ],
)
def test_what_nobody_can_catch_fails_its_test(tmp_path: Path, body: str, reason: str) -> None:
    """A test that leaves a thread, or an exception outside its own call, fails under this project's settings."""
    (tmp_path / "conftest.py").write_text("import guards\nguards.GRACE = 0.1\nfrom guards import no_thread_left\n")
    (tmp_path / "test_planted.py").write_text(
        textwrap.dedent("""\
            import gc, socket, threading

            class Finalized:
                def __del__(self):
                    1 / 0

            def test_planted():
                {body}
                gc.collect()
            """).format(body=body)
    )
    command = [
        sys.executable,
        "-m",
        "pytest",
        "-c",
        str(CONFIGURATION),
        "--rootdir",
        str(tmp_path),
        "-p",
        "no:cacheprovider",
    ]
    result = subprocess.run([*command, str(tmp_path)], capture_output=True, text=True, check=False, cwd=TESTS.parent)
    assert result.returncode == pytest.ExitCode.TESTS_FAILED, result.stdout
    assert reason in result.stdout
