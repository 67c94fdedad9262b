"""All cases, by family."""

from __future__ import annotations

from reliability.hostile import (
    commands,
    contexts,
    datasets,
    endings,
    fragments,
    items,
    lengths,
    services,
    strangers,
    titles,
)
from reliability.hostile.case import Case

FAMILIES: dict[str, list[Case]] = {
    "strangers": strangers.CASES,
    "lengths": lengths.CASES,
    "items": items.CASES,
    "titles": titles.CASES,
    "contexts": contexts.CASES,
    "fragments": fragments.CASES,
    "commands": commands.CASES,
    "endings": endings.CASES,
    "datasets": datasets.CASES,
}
"""What any receiver is told."""

SERVICES: dict[str, list[Case]] = {"services": services.CASES}
"""What only a server with all services has an answer to."""


def check_names() -> None:
    """Each case is told by its name, so a family has each name once."""
    for family, cases in (FAMILIES | SERVICES).items():
        names = [case.name for case in cases]
        twice = {name for name in names if names.count(name) > 1}
        assert not twice, f"{family}: {', '.join(sorted(twice))}"
