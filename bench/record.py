"""The results for machines."""

from __future__ import annotations

import datetime
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from bench.host import Disk, Host
from bench.processes import Run
from bench.results import Result
from bench.run import Bench


def record(bench: Bench, host: Host, disks: Sequence[Disk]) -> dict[str, Any]:
    """Everything that was measured, run by run, in terms of JSON; seconds and bytes throughout."""
    return {
        "format": 1,
        "date": datetime.datetime.now(datetime.UTC).isoformat(timespec="seconds"),
        "host": asdict(host),
        "file_systems": [asdict(disk) for disk in disks],
        "pairs": bench.pairs,
        "scale": bench.scale,
        "peers": {
            name: {"version": version, "settings": bench.settings[name]} for name, version in bench.versions.items()
        },
        "absent": bench.absent,
        "tls": bench.ciphers,
        "remarks": bench.remarks,
        "results": [_result(result) for result in bench.results],
    }


def _result(result: Result) -> dict[str, Any]:
    return {
        "table": result.case.table,
        "case": result.case.title,
        "peer": result.case.theirs.title,
        "set": result.kind.key,
        "instances": result.count,
        "bytes": result.size,
        "ratio": asdict(result.ratio) if result.ratio else None,
        "goal": result.goal,
        "reached": result.reached,
        "trouble": result.trouble or None,
        "ours": _side(result, result.ours),
        "theirs": _side(result, result.theirs),
    }


def _side(result: Result, runs: Sequence[Run]) -> dict[str, Any] | None:
    side = result.side(runs)
    if side is None:
        return None
    each = [{"wall": run.wall, "cpu": run.cpu, "peaks": run.peaks} for run in runs]
    return {
        "wall": asdict(side.wall),
        "bytes_per_second": side.rate,
        "instances_per_second": side.instances,
        "cpu_per_gigabyte": side.cpu,
        "sender_peak": side.sender_peak,
        "receiver_peak": side.receiver_peak,
        "runs": each,
    }
