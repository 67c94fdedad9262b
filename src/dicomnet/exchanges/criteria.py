"""What a key asks of a value: single values, lists of UIDs, wildcards and ranges (PS3.4 C.2.2.2.1 to C.2.2.2.5)."""

from __future__ import annotations

import calendar
import datetime
import re
from collections.abc import Callable, Iterable, Iterator
from decimal import Decimal, DecimalException
from typing import NamedTuple, TypeAlias

Criterion: TypeAlias = Callable[[str], bool]


def criterion(vr: str, keys: Iterable[str], *, ignore_case: bool = True) -> Criterion | None:
    """What one value has to meet; None if any value does, and none at all (PS3.4 C.2.2.2.3).

    Several keys match what any of them matches, as UIDs do (PS3.4 C.2.2.2.2);
    for other VRs the standard leaves it open.

    Args:
        vr: of the key.
        keys: its values without their padding.
        ignore_case: whether the case of person names does not matter (PS3.4 C.2.2.2.1); that of all else does.
    """
    keys = [key for key in keys if key]
    if vr in _WILDCARD_VRS and any(not key.strip("*") for key in keys):
        return None
    if not keys:
        return None
    if vr == "PN":
        names = [_Name.of(key, ignore_case=ignore_case) for key in keys]
        return lambda text: any(name.matches(text) for name in names)
    if vr in _MOMENT_VRS:
        periods = [period for key in keys if (period := _period(vr, key)) is not None]
        exact = frozenset(keys)
        return lambda text: text in exact or _within(vr, text, periods)
    if vr in _NUMBER_VRS:
        numbers = frozenset(map(_number, keys))
        return lambda text: _number(text) in numbers
    if vr in _WILDCARD_VRS and any(_is_wild(key) for key in keys):
        patterns = [_pattern(key) for key in keys]
        return lambda text: any(pattern.fullmatch(text) for pattern in patterns)
    return frozenset(keys).__contains__


def date_and_time(dates: str, times: str) -> Criterion | None:
    """What a date with the time behind it has to meet when both have ranges that act as one (PS3.4 C.2.2.2.5.4).

    None if these are no ranges, or not of the same form: then each acts alone.
    """
    date, time = (_PLAIN_RANGE[vr].fullmatch(text) for vr, text in (("DA", dates), ("TM", times)))
    if date is None or time is None or [bool(end) for end in date.groups()] != [bool(end) for end in time.groups()]:
        return None
    first, last = (day + clock for day, clock in zip(date.groups(""), time.groups(""), strict=True))
    return criterion("DT", [f"{first}-{last}"])


class _Name(NamedTuple):
    """A person name of a key: a pattern for each of its component groups (PS3.5 6.2.1)."""

    groups: tuple[tuple[re.Pattern[str], int] | None, ...]
    """With the number of its component delimiters; None for a group without a value."""

    @classmethod
    def of(cls, key: str, *, ignore_case: bool) -> _Name:
        groups = _groups(key)
        return cls(
            tuple((_pattern(group, ignore_case=ignore_case), group.count("^")) if group else None for group in groups)
        )

    def matches(self, text: str) -> bool:
        groups = _groups(text)
        if len(self.groups) == 1:  # one spelling is asked for, and any may be meant
            return any(self._matches(0, group) for group in (*groups, "=".join(groups)))
        return all(self._matches(index, _at(groups, index)) for index in range(len(self.groups)))

    def _matches(self, index: int, group: str) -> bool:
        wanted = self.groups[index]
        if wanted is None:
            return True
        pattern, delimiters = wanted
        # Delimiters at the end are not significant, so a key that has some there finds them: "Doe^*" a "Doe".
        return pattern.fullmatch(group + "^" * (delimiters - group.count("^"))) is not None


def _groups(name: str) -> list[str]:
    """Its component groups without the padding and delimiters that mean nothing (PS3.5 6.2.1.2)."""
    groups = [
        "^".join(component.strip(_PADDING) for component in group.split("^")).rstrip("^") for group in name.split("=")
    ]
    while len(groups) > 1 and not groups[-1]:
        groups.pop()
    return groups


def _at(groups: list[str], index: int) -> str:
    return groups[index] if index < len(groups) else ""


def _is_wild(text: str) -> bool:
    return "*" in text or "?" in text


def _pattern(text: str, *, ignore_case: bool = False) -> re.Pattern[str]:
    """Wildcards as a regular expression: ``*`` for any run of characters, ``?`` for one (PS3.4 C.2.2.2.4)."""
    first, *others = ("".join("." if one == "?" else re.escape(one) for one in run) for run in re.split(r"\*+", text))
    # What lies between two asterisks is taken where it first occurs, and never tried again further on: a peer that sends
    # many of them must not keep us busy for hours.
    inner = "".join(f"(?>.*?{run})" for run in others[:-1])
    last = f".*{others[-1]}" if others else ""
    return re.compile(first + inner + last, re.DOTALL | (re.IGNORECASE if ignore_case else 0))


def _number(text: str) -> Decimal | str:
    """The value of a number, so that 1.50 is 1.5; text that is none stays itself."""
    try:
        return Decimal(text) if _NUMBER.fullmatch(text) else text
    except DecimalException:  # its exponent is beyond all bounds
        return text


class _Moment(NamedTuple):
    """A date, a time or both, as precise as it is written; in microseconds of its own clock."""

    first: int
    last: int
    offset: int | None
    """Of that clock from UTC; None if nobody says so."""


class _Period(NamedTuple):
    first: _Moment | None
    last: _Moment | None

    def has(self, moment: _Moment) -> bool:
        """Whether it began neither before nor after; one without an offset is taken as on the clock of the other."""
        return (self.first is None or moment.first >= self.first.first + _shift(moment, self.first)) and (
            self.last is None or moment.first <= self.last.last + _shift(moment, self.last)
        )


def _shift(one: _Moment, other: _Moment) -> int:
    """What makes the clock of the other into that of the one."""
    return 0 if one.offset is None or other.offset is None else one.offset - other.offset


def _within(vr: str, text: str, periods: list[_Period]) -> bool:
    moment = _moment(vr, text)
    return moment is not None and any(period.has(moment) for period in periods)


def _period(vr: str, key: str) -> _Period | None:
    """What a key spans: 2230 is the minute from 223000 on, and a range includes both its ends whole."""
    if (moment := _moment(vr, key)) is not None:
        return _Period(moment, moment)
    # A hyphen belongs to an offset from UTC wherever it can (PS3.4 C.2.2.2.5.3).
    match = _RANGES[vr].fullmatch(key)
    if match is None:
        return None
    ends = [_moment(vr, end) if end else None for end in match.groups()]
    if any(end and moment is None for end, moment in zip(match.groups(), ends, strict=True)):
        return None
    return _Period(*ends)


def _moment(vr: str, text: str) -> _Moment | None:
    """What a text of VR DA, TM or DT says, or None."""
    match = _MOMENTS[vr].fullmatch(text)
    if match is None:
        return None
    parts = match.groupdict()
    try:
        first, last = _days(parts) if vr != "TM" else (0, 0)
    except ValueError:  # there is no such day
        return None
    start, end = first * _DAY, (last + 1) * _DAY
    for unit, value, most in _clock(parts):
        if value > most:
            return None
        # A leap second, 60, is in the minute that it ends.
        start += min(value, 59) * unit if unit == _SECOND else value * unit
        end = start + unit
    return _Moment(start, end - 1, _offset(parts.get("offset")))


def _days(parts: dict[str, str | None]) -> tuple[int, int]:
    """The first and the last day of a date."""
    year, month, day = (int(parts[name] or 0) for name in ("year", "month", "day"))
    last_month = month or 12
    last_day = day or calendar.monthrange(year, last_month)[1]
    first = datetime.date(year, month or 1, day or 1)
    return first.toordinal(), datetime.date(year, last_month, last_day).toordinal()


def _clock(parts: dict[str, str | None]) -> Iterator[tuple[int, int, int]]:
    """Each part of a time that is given: its unit, its value, and the most it may be."""
    for name, unit, most in (("hour", 3600 * _SECOND, 23), ("minute", 60 * _SECOND, 59), ("second", _SECOND, 60)):
        if text := parts.get(name):
            yield unit, int(text), most
    if fraction := parts.get("fraction"):
        yield 10 ** (6 - len(fraction)), int(fraction), _SECOND


def _offset(text: str | None) -> int | None:
    if not text:
        return None
    minutes = int(text[1:3]) * 60 + int(text[3:])
    return (-minutes if text[0] == "-" else minutes) * 60 * _SECOND


_PADDING = " \0"
_SECOND = 1_000_000
_DAY = 86_400 * _SECOND
_WILDCARD_VRS = frozenset("AE CS LO LT PN SH ST UC UR UT".split())
_MOMENT_VRS = frozenset("DA DT TM".split())
_NUMBER_VRS = frozenset("DS FD FL IS SL SS SV UL US UV".split())
_NUMBER = re.compile(r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d+)?", re.ASCII)
_TIME = r"(?P<hour>\d\d)(:?(?P<minute>\d\d)(:?(?P<second>\d\d)(\.(?P<fraction>\d{1,6})\d*)?)?)?"
_OFFSET = r"[+](?:0\d|1[0-4])[0-5]\d|-(?:0\d|1[0-2])[0-5]\d"
# ACR-NEMA wrote 2020.01.31 and 22:30:00, which PS3.5 6.2 lets receivers read.
_MOMENTS = {
    "DA": re.compile(r"(?P<year>\d{4})(\.?(?P<month>\d\d)(\.?(?P<day>\d\d))?)?", re.ASCII),
    "TM": re.compile(_TIME, re.ASCII),
    "DT": re.compile(rf"(?P<year>\d{{4}})((?P<month>\d\d)((?P<day>\d\d)({_TIME})?)?)?(?P<offset>{_OFFSET})?", re.ASCII),
}
_RANGES = {
    "DA": re.compile(r"([\d.]*) *- *([\d.]*)", re.ASCII),
    "TM": re.compile(r"([\d:.]*) *- *([\d:.]*)", re.ASCII),
    "DT": re.compile(rf"(\d+(?:\.\d+)?(?:{_OFFSET})?)? *- *(\d+(?:\.\d+)?(?:{_OFFSET})?)?", re.ASCII),
}
_PLAIN_RANGE = {
    "DA": re.compile(r"(\d{8})?-(\d{8})?", re.ASCII),
    "TM": re.compile(r"((?:\d\d){1,3}|\d{6}\.\d{1,6})?-((?:\d\d){1,3}|\d{6}\.\d{1,6})?", re.ASCII),
}
