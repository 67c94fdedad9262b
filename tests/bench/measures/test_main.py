"""The measures as one command."""

from __future__ import annotations

import json
from importlib import import_module
from pathlib import Path

import pytest

from bench.measures import MEASURES
from bench.measures.__main__ import main


@pytest.mark.parametrize("name", MEASURES)
def test_each_measure_is_a_module_with_one_function(name: str) -> None:
    """What the command calls is there."""
    assert callable(import_module(f"bench.measures.{name}").measure)


def test_a_measure_runs_and_is_written_as_json(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The shortest one, from the command line to the file."""
    assert (
        main(
            [
                "startup",
                "--scale",
                "0.1",
                "--json",
                str(tmp_path / "rows.json"),
                "--markdown",
                str(tmp_path / "rows.md"),
            ]
        )
        == 0
    )
    written = json.loads((tmp_path / "rows.json").read_text())
    assert written["host"]["cores"] > 0
    echo, nothing, more = written["measures"]["startup"]
    assert echo["value"] > nothing["value"] > 0
    assert more["goal"] == {"bound": 100, "at_most": True}
    assert more["reached"] is (more["value"] <= 100)
    assert "| dicomnet echo |" in (tmp_path / "rows.md").read_text()
    assert "dicomnet echo" in capsys.readouterr().out


def test_an_unknown_word_is_refused() -> None:
    """With exit code 2, as by any command."""
    with pytest.raises(SystemExit) as end:
        main(["nonsense"])
    assert end.value.code == 2
