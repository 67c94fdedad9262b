"""`dicomnet find`: a query, and its matches as a table, lines, JSON or CSV."""

from __future__ import annotations

import csv
import json
import sys
import warnings
from collections.abc import Iterator, Mapping, Sequence
from enum import Enum
from itertools import islice
from typing import TYPE_CHECKING

import click

from dicomnet.cli.requestor import Caller, check_keys
from dicomnet.cli.wording import count_of
from dicomnet.errors import DicomNetError
from dicomnet.sync.peer import Peer
from dicomnet.types import printable

if TYPE_CHECKING:
    from pydicom import Dataset
    from pydicom.dataelem import DataElement

    from dicomnet.exchanges.matches import Match


class Form(Enum):
    """How matches are printed."""

    TABLE = "table"
    LINES = "lines"
    JSON = "json"
    CSV = "csv"


def run(
    caller: Caller,
    what: str,
    keys: Mapping[str, str],
    *,
    form: Form,
    model: str | None,
    returning: Sequence[str],
    charset: str | None,
    limit: int | None,
) -> None:
    """Queries a peer and prints what matches.

    Args:
        what: a level, or a model without levels.
        returning: further attributes to ask for.
        charset: of the query.
        limit: the most matches; then the query is cancelled.

    Raises:
        ClickException: the query was refused, or could not be asked; what came before was printed.
    """
    check_keys(keys, *returning)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what pydicom thinks of a peer's values; what cannot be read is told below
        try:
            with (
                Peer(caller.address, **caller.options()) as peer,
                peer.find(what, keys, model=model, returning=returning, charset=charset) as found,
            ):
                notes = _Notes()
                matches = notes.on(islice(found, limit))
                if form is Form.JSON:
                    _print_json(matches)
                else:
                    _print_rows(matches, form)
                if limit is not None and notes.count == limit:
                    click.echo(f"stopped after {count_of(limit, 'match', 'matches')} (--limit)", err=True)
        except DicomNetError as error:
            raise caller.failure(error) from error
    notes.tell()


class _Notes:
    """What is said of the matches on stderr, once all are printed."""

    def __init__(self) -> None:
        self.count = 0
        self._unsupported = 0
        self._problems: dict[str, int] = {}

    def on(self, matches: Iterator[Match]) -> Iterator[Match]:
        for match in matches:
            self.count += 1
            self._unsupported += match.unsupported_keys
            if match.problem:
                self._problems[match.problem] = self._problems.get(match.problem, 0) + 1
            yield match

    def tell(self) -> None:
        for problem, number in self._problems.items():
            click.echo(
                f"of {count_of(number, 'match', 'matches')} something cannot be read: {printable(problem)}", err=True
            )
        if self._unsupported:
            click.echo("the peer does not support some of the keys, so it may have found too much", err=True)
        if not self.count:
            click.echo("no match", err=True)


def _print_json(matches: Iterator[Match]) -> None:
    """One object of the DICOM JSON model in each line (PS3.18 F), as they come."""
    for match in matches:
        click.echo(json.dumps(match.to_json_dict(bulk_data_threshold=_NO_BULK_DATA, suppress_invalid_tags=True)))


def _print_rows(matches: Iterator[Match], form: Form) -> None:
    """All at once, since the last one may have a column that the first has not; if it ends early, what came so far."""
    rows: list[dict[str, str]] = []
    try:
        for match in matches:
            rows.append(row_of(match))  # noqa: PERF401  what is there counts, if the next one never comes
    finally:
        if rows:
            _PRINT[form](rows)


def _print_csv(rows: Sequence[Mapping[str, str]]) -> None:
    columns = columns_of(rows, empty=True)
    writer = csv.DictWriter(_Out(), columns, restval="", extrasaction="ignore", lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)


def _print_lines(rows: Sequence[Mapping[str, str]]) -> None:
    columns = columns_of(rows)
    click.echo("\t".join(columns))
    for row in rows:
        click.echo("\t".join(printable(row.get(column, "")) for column in columns))


def _print_table(rows: Sequence[Mapping[str, str]]) -> None:
    from rich.console import Console
    from rich.measure import Measurement
    from rich.table import Table
    from rich.text import Text

    table = Table(box=None, pad_edge=False, header_style="bold")
    columns = columns_of(rows)
    for column in columns:
        table.add_column(Text(column.rpartition(".")[2]), overflow="fold")
    for row in rows:
        table.add_row(*(Text(printable(row.get(column, ""))) for column in columns))
    console = Console()
    wanted = Measurement.get(console, console.options.update(max_width=_ANY_WIDTH), table).maximum
    if wanted > 2 * console.width:  # cells of a few letters each are no table
        _print_cards(rows, columns)
    else:
        console.print(table)
    click.echo(count_of(len(rows), "match", "matches"), err=True)


def _print_cards(rows: Sequence[Mapping[str, str]], columns: Sequence[str]) -> None:
    """One match below the other, a line for each value."""
    for row in rows:
        values = {column: row[column] for column in columns if row.get(column)}
        width = max(map(len, values), default=0)
        for column, value in values.items():
            click.echo(f"{column:{width}}  {printable(value)}")
        click.echo()


def row_of(dataset: Dataset, prefix: str = "") -> dict[str, str]:
    """The values of a data set as text, by keyword; what is in a sequence with a dot, and its items side by side."""
    row: dict[str, str] = {}
    for element in dataset:
        name = prefix + (element.keyword or f"{element.tag.group:04X},{element.tag.element:04X}")
        if element.VR != "SQ":
            row[name] = _text(element)
            continue
        for item in element.value:
            for key, value in row_of(item, f"{name}.").items():
                row[key] = f"{row[key]} | {value}" if row.get(key) else value
    return row


def columns_of(rows: Sequence[Mapping[str, str]], *, empty: bool = False) -> list[str]:
    """The columns that rows have, in the order they first come; those that tell nothing are left out.

    Args:
        empty: keep those that have no value in any row.
    """
    seen: dict[str, bool] = {}
    for row in rows:
        for key, value in row.items():
            seen[key] = seen.get(key, False) or bool(value)
    return [key for key, has_value in seen.items() if (has_value or empty) and key not in _NO_COLUMNS]


def _text(element: DataElement) -> str:
    value = element.value
    if value is None:
        return ""
    if isinstance(value, bytes):
        return value.decode("latin-1").rstrip("\0 ") if len(value) <= _MOST_BYTES else f"{len(value)} bytes"
    return str(value) if element.VM <= 1 else "\\".join(map(str, value))


class _Out:
    """What a `csv.writer` writes to."""

    def write(self, text: str) -> int:
        click.echo(text, nl=False)
        return len(text)


def form_for(*, as_json: bool, as_csv: bool) -> Form:
    """What was asked for; else a table for a person, and lines for a program."""
    if as_json or as_csv:
        return Form.JSON if as_json else Form.CSV
    return Form.TABLE if sys.stdout.isatty() else Form.LINES


_PRINT = {Form.TABLE: _print_table, Form.LINES: _print_lines, Form.CSV: _print_csv}

_NO_COLUMNS = frozenset(("SpecificCharacterSet", "QueryRetrieveLevel", "RetrieveAETitle"))
_NO_BULK_DATA = 1 << 31
_MOST_BYTES = 64
_ANY_WIDTH = 1 << 16
