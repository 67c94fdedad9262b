"""A million mutated streams: nothing but the documented errors, bounded memory, bounded work, the same each time."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from multiprocessing import get_context
from pathlib import Path

import pytest

from reliability import figures, scale, streams

STREAMS = scale.of(10_000, 1_000_000)
PART = 2_500
REPOSITORY = Path(__file__).parent.parent


@pytest.mark.timeout(3600 if scale.WHOLE else 600)  # both cores for a minute, where there are two
def test_mutated_streams_do_no_harm() -> None:
    """Whatever a stream does, only the documented errors come out, little is held, and it comes to an end."""
    seeds = [(scale.SEED, first, PART) for first in range(0, STREAMS, PART)]
    with ProcessPoolExecutor(os.cpu_count(), mp_context=get_context("spawn")) as pool:
        outcomes = list(pool.map(streams.run, *zip(*seeds, strict=True)))
    assert sum(outcome.count for outcome in outcomes) == STREAMS
    held = max(outcome.most_held for outcome in outcomes)
    calls = max(outcome.most_calls for outcome in outcomes)
    slowest = max(outcome.slowest for outcome in outcomes)
    figures.tell(
        f"mutated and random streams through the core, {STREAMS:,}",
        f"0 undocumented errors; at most {held:,} bytes held and {calls:,} calls for one; "
        f"slowest {slowest * 1000:.0f} ms per 64 KiB",
    )


def test_the_same_seed_makes_the_same_run() -> None:
    """Every event, error and answer is the same again, also in a process that hashes strings differently."""
    count = scale.of(1_000, 20_000)
    program = f"from reliability import streams; print(streams.run({scale.SEED}, 0, {count}).digest)"
    digests = {streams.run(scale.SEED, 0, count).digest for _ in range(2)}
    for hash_seed in ("1", "4711"):
        environment = os.environ | {
            "PYTHONHASHSEED": hash_seed,
            "PYTHONPATH": os.pathsep.join(map(str, (REPOSITORY / "src", REPOSITORY))),
        }
        done = subprocess.run(
            [sys.executable, "-c", program], capture_output=True, text=True, check=True, env=environment
        )
        digests.add(done.stdout.strip())
    assert len(digests) == 1


def test_other_seeds_make_other_runs() -> None:
    """The digest is of what happened, and not the same for everything."""
    assert streams.run(1, 0, 50).digest != streams.run(2, 0, 50).digest


def test_a_stream_that_fails_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its number and seed are in the error, so that it can be run again."""
    monkeypatch.setattr(streams, "CALLS", 0)
    monkeypatch.setattr(streams, "CALLS_PER_BYTE", 0)
    with pytest.raises(AssertionError, match=r"stream 64 of seed 5: .* calls for"):
        streams.run(5, 1, 64)


def test_conversations_reach_the_states() -> None:
    """What is mutated goes through associations from their beginning to their end, on either side."""
    passed: set[str] = set()
    for number in range(2000):
        made, _ = streams.stream(scale.SEED, number)
        passed |= set(re.findall(r"in (\w+): \w\w_\d", made()[0]))
    assert {"IDLE", "AWAITING_REQUEST", "AWAITING_LOCAL_ANSWER", "AWAITING_ANSWER", "ASSOCIATED"} <= passed
    assert {"AWAITING_RELEASE_REPLY", "AWAITING_LOCAL_RELEASE", "AWAITING_CLOSE"} <= passed
    assert passed & {"COLLISION_REQUESTOR_LOCAL", "COLLISION_ACCEPTOR_REPLY"}
