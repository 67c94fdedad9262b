from __future__ import annotations

from pathlib import Path

import pytest

from layers import LAYERS, PURE, entered_sideways, violations

REPOSITORY = Path(__file__).parent.parent
PACKAGE = REPOSITORY / "src" / "dicomnet"


def test_imports_point_down_only() -> None:
    """No module imports from its own height or above, the pure ones keep out of the world, and none go in rings."""
    assert violations(PACKAGE) == []


def test_pydicom_is_entered_by_its_front_door() -> None:
    """Of two threads that are the first to need it, one may hold a module of it that the whole waits for, and both fail."""
    assert entered_sideways(PACKAGE, "pydicom") == []


@pytest.mark.parametrize(
    ("source", "count"),
    [
        ("def f():\n    from pydicom.filereader import dcmread", 1),
        ("import pydicom.uid", 1),
        ("def f():\n    from pydicom import filereader", 0),
        ("from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from pydicom.tag import BaseTag", 0),
    ],
)
def test_what_enters_it_otherwise_is_found(source: str, count: int, tmp_path: Path) -> None:
    """Wherever it stands, unless it is read by the type checker only."""
    assert len(entered_sideways(plant(tmp_path, {"ul/a.py": source}), "pydicom")) == count


def test_the_layers_are_those_of_the_design() -> None:
    """docs/design.md draws the same layers: every unit that exists is in its picture, on the same side of the line."""
    design = (REPOSITORY / "docs" / "design.md").read_text()
    above, line, below = design.split("```")[1].partition("- - - -")
    assert line
    for unit in {path.stem for path in PACKAGE.iterdir() if path.suffix in {".py", ""}} - {
        "__init__",
        "__main__",
        "__pycache__",
    }:
        assert unit in (below if unit in PURE else above).split(), unit
    assert set().union(*LAYERS) >= PURE


def plant(folder: Path, files: dict[str, str]) -> Path:
    """A package with a module of nothing in every file not named."""
    package = folder / "dicomnet"
    for name in ("__init__.py", "ul/__init__.py", "net/__init__.py", *files):
        path = package / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(files.get(name, ""))
    return package


@pytest.mark.parametrize(
    ("name", "source", "verdict"),
    [
        pytest.param("errors.py", "from dicomnet.types import UID", "errors imports types", id="bottom among itself"),
        pytest.param("uids.py", "from dicomnet import errors", "uids imports errors", id="narrower than its layer"),
        pytest.param("ul/machine.py", "from dicomnet.dimse import status", "ul imports dimse", id="upwards"),
        pytest.param("ul/machine.py", "import dicomnet.net.service", "ul imports net", id="plain import"),
        pytest.param("ul/machine.py", "from ..net import service", "ul imports net", id="relative, in a subpackage"),
        pytest.param("ul/__init__.py", "from ..net import service", "ul imports net", id="relative, from a package"),
        pytest.param("limits.py", "from .net import service", "limits imports net", id="relative, at the top"),
        pytest.param("limits.py", "from . import net", "limits imports net", id="relative, the package itself"),
        pytest.param("aio/a.py", "def f():\n    import dicomnet.net", "aio imports net", id="inside a function"),
        pytest.param("sync/a.py", "from dicomnet.aio import a", "sync imports aio", id="siblings"),
        pytest.param(
            "ul/a.py",
            "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dicomnet.storage import disk",
            "ul imports storage",
            id="for annotations only",
        ),
        pytest.param(
            "ul/a.py", "import importlib\nimportlib.import_module('dicomnet.cli')", "ul imports cli", id="by function"
        ),
        pytest.param(
            "net/a.py", "import importlib\nimportlib.import_module(name)", "only the running program", id="hidden"
        ),
        pytest.param("net/a.py", "from dicomnet import DicomNet", "name the module", id="through the public names"),
        pytest.param("net/a.py", "import dicomnet", "name the module", id="the package whole"),
        pytest.param("ul/a.py", "import time", "pure and imports time", id="clock"),
        pytest.param("ul/a.py", "def f():\n    from os import path", "pure and imports os", id="system"),
        pytest.param("ul/a.py", "import concurrent.futures", "pure and imports concurrent", id="threads"),
        pytest.param("ul/a.py", "open('x')", "pure and calls open", id="file"),
        pytest.param("helpers.py", "", "no place", id="a module nobody placed"),
    ],
)
def test_a_planted_breach_is_found(tmp_path: Path, name: str, source: str, verdict: str) -> None:
    """The checker sees each way to break the order, and says which and where."""
    [found] = violations(plant(tmp_path, {name: source}))
    assert verdict in found
    assert found.startswith(f"dicomnet/{name}:")


@pytest.mark.parametrize(
    ("name", "source"),
    [
        pytest.param("uids.py", "from dicomnet.types import UID", id="uids on types"),
        pytest.param("net/service.py", "from dicomnet.aio import connection", id="net on aio"),
        pytest.param("net/service.py", "import threading, time, os", id="the world, in a shell"),
        pytest.param("ul/machine.py", "import logging, re, struct, enum", id="tools, in a core"),
        pytest.param("ul/machine.py", "from dicomnet.ul import events\nfrom . import events", id="within a unit"),
        pytest.param("ul/machine.py", "from dicomnet import __version__", id="the version"),
        pytest.param("cli/main.py", "from dicomnet import DicomNet", id="the public names, at the top"),
        pytest.param("__init__.py", "from dicomnet.cli import main", id="the package itself"),
    ],
)
def test_what_is_allowed_passes(tmp_path: Path, name: str, source: str) -> None:
    """The checker finds fault only where there is one."""
    assert violations(plant(tmp_path, {name: source, "ul/events.py": ""})) == []


def test_a_planted_cycle_is_found(tmp_path: Path) -> None:
    """Modules of one unit may import each other, but not in a ring, however late they do it."""
    files = {
        "ul/a.py": "from dicomnet.ul import b",
        "ul/b.py": "def f():\n    from .c import g",
        "ul/c.py": "from typing import TYPE_CHECKING\nif TYPE_CHECKING:\n    from dicomnet.ul.a import h",
    }
    assert violations(plant(tmp_path, files)) == [
        "cycle: dicomnet.ul.a -> dicomnet.ul.b -> dicomnet.ul.c -> dicomnet.ul.a"
    ]


def test_a_package_and_its_own_module_make_a_cycle(tmp_path: Path) -> None:
    """A module that takes a name back from the package that gathers names from it has gone in a ring."""
    files = {"ul/__init__.py": "from dicomnet.ul.a import A", "ul/a.py": "from dicomnet.ul import A"}
    assert violations(plant(tmp_path, files)) == ["cycle: dicomnet.ul -> dicomnet.ul.a -> dicomnet.ul"]
