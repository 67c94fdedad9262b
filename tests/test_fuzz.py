"""Every file of the fuzzing corpus goes through its target once: what was found and mended stays so."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fuzz import __main__ as fuzz
from fuzz.targets import TARGETS

CORPUS = Path(fuzz.__file__).parent / "corpus"


@pytest.mark.parametrize("target", TARGETS)
def test_the_corpus_does_no_harm(target: str) -> None:
    """Nothing that is kept makes the target fail, and there is something."""
    files = sorted((CORPUS / target).iterdir())
    assert files
    for file in files:
        try:
            TARGETS[target](file.read_bytes())
        except Exception as error:
            raise AssertionError(f"{file}: {error}") from error


@pytest.mark.parametrize("target", TARGETS)
def test_no_bytes_at_all_do_no_harm(target: str) -> None:
    """Nor one or two, of which a target may expect more."""
    for data in (b"", b"\0", b"\xff\xff", bytes(3)):
        TARGETS[target](data)


def test_every_target_is_fuzzed() -> None:
    """The command knows the names without importing what they stand for."""
    assert list(fuzz.NAMES) == list(TARGETS)
    assert {folder.name for folder in CORPUS.iterdir()} == set(TARGETS)


def test_the_corpus_is_small() -> None:
    """A checkout does not become large by it."""
    assert sum(file.stat().st_size for file in CORPUS.glob("*/*")) < 300 * 1024


def test_the_dictionary_is_one() -> None:
    """Each line is a comment or a token in quotes, as libFuzzer wants it."""
    lines = (CORPUS.parent / "dictionary.txt").read_text().splitlines()
    assert all(re.fullmatch(r'#.*|"(\\x[0-9a-f]{2}|[^"\\])+"', line) for line in lines)
