"""Draws the tables of docs/conformance.md from the registry and the limits, so that they cannot go stale.

python tools/draw_conformance.py            writes them between their marks
python tools/draw_conformance.py --check    fails if they are not current
"""

from __future__ import annotations

import argparse
import ast
import inspect
import sys
from collections.abc import Iterator
from dataclasses import fields
from itertools import pairwise
from pathlib import Path
from typing import Any

from dicomnet.exchanges.services import SERVICES, verbs
from dicomnet.exchanges.tolerance import Tolerance
from dicomnet.limits import KIB, MIB, Limits, Timeouts
from dicomnet.uids import RETIRED, TRANSFER_SYNTAXES, TransferSyntax, name

TARGET = Path(__file__).parent.parent / "docs" / "conformance.md"


def page() -> str:
    """The whole page, its tables made anew."""
    text = TARGET.read_text(encoding="utf-8")
    for mark, rows in TABLES.items():
        before, rest = text.split(f"<!-- {mark} -->\n")
        text = f"{before}<!-- {mark} -->\n" + "".join(f"{row}\n" for row in rows) + rest[rest.index("<!-- end -->") :]
    return text


def _services() -> Iterator[str]:
    yield from _head("service", "SOP class", "UID", "operations")
    for service in SERVICES.values():
        for sop_class in () if service.name == "storage" else service.sop_classes:
            yield _row(f"`{service.name}`", name(sop_class), sop_class, ", ".join(sorted(verbs(sop_class))))
    yield _row("`storage`", "those at the end of this page", "", "store")


def _storage() -> Iterator[str]:
    yield from _head("SOP class", "UID")
    for sop_class in SERVICES["storage"].sop_classes:
        yield _row(name(sop_class), sop_class)


def _syntaxes() -> Iterator[str]:
    yield from _head("transfer syntax", "UID", "")
    for syntax in TRANSFER_SYNTAXES.values():
        retired = ["retired"] if syntax.uid in RETIRED else []
        yield _row(syntax.name, syntax.uid, ", ".join([_kind(syntax), *retired]))


def _kind(syntax: TransferSyntax) -> str:
    if syntax.deflated:
        return "deflated"
    if not syntax.encapsulated:
        return "plain"
    return "lossy" if syntax.lossy else "loses nothing"


def _settings(kind: type[Any]) -> Iterator[str]:
    """The fields of a dataclass, their defaults, and what stands under them in its source."""
    yield from _head(f"`{kind.__name__}`", "default", "")
    body = ast.parse(inspect.getsource(kind)).body[0].body  # type: ignore[attr-defined]
    texts = {
        field.target.id: " ".join(text.value.value.split())
        for field, text in pairwise(body)
        if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr)
    }
    for field in fields(kind):
        yield _row(f"`{field.name}`", _default(kind, field.default), texts[field.name])


def _default(kind: type[Any], value: Any) -> str:
    if value is None or isinstance(value, bool):
        return {None: "none", False: "no", True: "yes"}[value]
    if kind is Timeouts:
        return f"{value:g} s" if value < 300 else f"{value / 60:g} min"
    for unit, word in (MIB, "MiB"), (KIB, "KiB"):
        if value >= unit and value % unit == 0:
            return f"{value // unit} {word}"
    return f"{value:,g}"


def _head(*titles: str) -> Iterator[str]:
    yield _row(*titles)
    yield "|" + "---|" * len(titles)


def _row(*cells: str) -> str:
    return "| " + " | ".join(cells) + " |"


def main() -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--check", action="store_true", help="write nothing, fail if the page is not current")
    if not parser.parse_args().check:
        TARGET.write_text(page(), encoding="utf-8")
        return 0
    return 0 if TARGET.read_text(encoding="utf-8") == page() else 1


TABLES = {
    "services": list(_services()),
    "tolerances": list(_settings(Tolerance)),
    "timeouts": list(_settings(Timeouts)),
    "limits": list(_settings(Limits)),
    "syntaxes": list(_syntaxes()),
    "storage": list(_storage()),
}

if __name__ == "__main__":
    sys.exit(main())
