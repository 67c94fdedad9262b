"""What keys ask of single values, beside references that do it slowly."""

from __future__ import annotations

import datetime

import pytest
from hypothesis import example, given, strategies as st

from dicomnet.exchanges.criteria import criterion, date_and_time

NEW_YEAR = (datetime.datetime(2020, 1, 1), datetime.datetime(2020, 1, 3))  # noqa: DTZ001
LETTERS = st.text("ab^A.+\n*?é", max_size=8)


def meets(vr: str, key: str, value: str, **options: bool) -> bool:
    asked = criterion(vr, [key], **options)
    return asked is None or asked(value)


def globbed(pattern: str, text: str) -> bool:
    """Wildcards by their definition, one character after the other."""
    if not pattern:
        return not text
    if pattern[0] == "*":
        return any(globbed(pattern[1:], text[start:]) for start in range(len(text) + 1))
    return bool(text) and pattern[0] in ("?", text[0]) and globbed(pattern[1:], text[1:])


class TestSingleValues:
    @pytest.mark.parametrize(
        ("vr", "key", "value", "expected"),
        [
            ("LO", "Chest", "Chest", True),
            ("LO", "Chest", "CHEST", False),
            ("LO", "a.c", "abc", False),
            ("CS", "CT", "CT", True),
            ("UI", "1.2.3", "1.2.3", True),
            ("UI", "1.2.*", "1.2.3", False),
            ("UI", "*", "1.2.3", False),
            ("IS", "1", "01", True),
            ("IS", "+7", "7", True),
            ("IS", "1*", "10", False),
            ("DS", "1.50", "15e-1", True),
            ("DS", "1.5", "1.51", False),
            ("DS", "1e99999999999999999999", "1", False),
            ("DS", "much", "much", True),
            ("FD", "0.5", "0.50", True),
            ("AS", "045Y", "045Y", True),
            ("DA", "2020*", "20200101", False),
            ("DA", "20200131", "2020.01.31", True),
            ("DA", "unknown", "unknown", True),
            ("DA", "20200230", "20200301", False),
            ("TM", "2230", "223000", True),
            ("TM", "223000", "2230", True),
            ("TM", "223000", "223000.000", True),
            ("TM", "2230", "223059.999999", True),
            ("TM", "2230", "223100", False),
            ("TM", "223000", "22:30:00", True),
            ("TM", "10", "1059", True),
            ("TM", "2400", "0000", False),
            ("DT", "20200131", "202001312359", True),
            ("DT", "2020", "20201231235960", True),
            ("DT", "202002", "20200229", True),
            ("DT", "202102", "20210301", False),
            ("DT", "9999", "99991231235959.999999", True),
            ("DT", "20200101120000+0100", "20200101110000+0000", True),
            ("DT", "20200101120000+0100", "20200101120000-0500", False),
            ("DT", "20200101120000+0100", "20200101120000", True),
        ],
    )
    def test_by_meaning_where_the_vr_has_one(self, vr: str, key: str, value: str, expected: bool) -> None:
        """PS3.4 C.2.2.2.1: numbers and moments by what they say, everything else by its characters."""
        assert meets(vr, key, value) is expected

    def test_a_list_of_uids(self) -> None:
        """PS3.4 C.2.2.2.2: any of them."""
        asked = criterion("UI", ["1.2", "1.3"])
        assert asked is not None
        assert [asked(uid) for uid in ("1.2", "1.3", "1.4", "1.2.3")] == [True, True, False, False]

    def test_several_values_of_another_vr(self) -> None:
        """The standard leaves it open; they match what one of them matches."""
        asked = criterion("CS", ["CT", "M?"])
        assert asked is not None
        assert [asked(modality) for modality in ("CT", "MR", "PT")] == [True, True, False]

    @pytest.mark.parametrize(
        ("vr", "keys"), [("UI", []), ("DA", [""]), ("LO", ["*"]), ("PN", ["**"]), ("LO", ["a", "*"])]
    )
    def test_what_matches_everything(self, vr: str, keys: list[str]) -> None:
        """PS3.4 C.2.2.2.3 and C.2.2.2.4: no value, and an asterisk where there are wildcards."""
        assert criterion(vr, keys) is None


class TestWildcards:
    @given(LETTERS, LETTERS)
    @example("a*b*a", "abba")
    @example("*ab*ab", "aab")
    @example("*a?*b", "aab")
    @example("a*", "a\n")
    def test_they_are_what_the_standard_says(self, pattern: str, text: str) -> None:
        """PS3.4 C.2.2.2.4, compared with a reference that tries everything."""
        assert meets("LO", pattern, text) is (not pattern or globbed(pattern, text))

    @given(st.lists(st.sampled_from(["*", "?", "a", "b", "ab"]), max_size=7).map("".join), st.text("ab", max_size=9))
    def test_they_are_found_at_the_right_place(self, pattern: str, text: str) -> None:
        """Short alphabets make pieces overlap."""
        assert meets("SH", pattern, text) is (not pattern or globbed(pattern, text))

    def test_a_character_is_one_however_many_bytes_it_has(self) -> None:
        """``?`` is a character of the text, not a byte of its encoding."""
        assert meets("LO", "?x", "山x")
        assert not meets("LO", "??x", "山x")

    @pytest.mark.timeout(20)
    def test_many_of_them_cost_little(self) -> None:
        """A backtracking expression would take longer than anybody lives."""
        assert not meets("LT", "*a" * 500 + "b", "a" * 10_000)
        assert not meets("PN", "*a" * 30 + "b", "a" * 64)


class TestPersonNames:
    @pytest.mark.parametrize(
        ("key", "value", "expected"),
        [
            ("Doe^John", "DOE^JOHN", True),
            ("Doe^John", "Doe^John^^^", True),
            ("Doe^John^^^", "Doe^John", True),
            ("Doe^John", " Doe ^ John ", True),
            ("Doe^John==", "Doe^John=", True),
            ("Doe^John", "Doe^Joh", False),
            ("Doe", "Doe^John", False),
            ("Doe*", "Doe^John", True),
            ("Doe^*", "Doe^John^^Dr", True),
            ("Doe^*", "Doe", True),
            ("Doe^?*", "Doe", False),
            ("Doe^?^*", "Doe", False),
            ("*^John", "Doe^John", True),
            ("*^^*", "Doe^John", False),
            ("Doe^J?hn", "doe^john", True),
            ("Müller*", "MÜLLER^Anna", True),
            ("Yamada*", "Yamada^Tarou=山田^太郎=やまだ^たろう", True),
            ("山田*", "Yamada^Tarou=山田^太郎", True),
            ("=山田^太郎", "Yamada^Tarou=山田^太郎", True),
            ("=山田^太郎", "Yamada^Tarou=山本^太郎", False),
            ("Yamada*=山田*", "Yamada^Tarou=山田^太郎", True),
            ("Yamada*=山田*", "Yamada^Tarou", False),
            ("Yamada*=*", "Yamada^Tarou", True),
        ],
    )
    def test_components_count_and_delimiters_at_the_end_do_not(self, key: str, value: str, expected: bool) -> None:
        """PS3.4 C.2.2.2.1 leaves case and accents open, PS3.5 6.2.1.2 which delimiters may be left out."""
        assert meets("PN", key, value) is expected

    def test_case_may_be_made_to_matter(self) -> None:
        """As in every other VR."""
        assert not meets("PN", "Doe*", "DOE^John", ignore_case=False)
        assert meets("PN", "Doe*", "Doe^John", ignore_case=False)


class TestRanges:
    @given(*[st.dates(datetime.date(1990, 1, 1), datetime.date(1990, 3, 1))] * 3)
    def test_of_dates(self, first: datetime.date, last: datetime.date, day: datetime.date) -> None:
        """PS3.4 C.2.2.2.5.1: both ends are in it."""
        texts = [f"{one:%Y%m%d}" for one in (first, last, day)]
        assert meets("DA", f"{texts[0]}-{texts[1]}", texts[2]) is (first <= day <= last)
        assert meets("DA", f"{texts[0]}-", texts[2]) is (first <= day)
        assert meets("DA", f"-{texts[1]}", texts[2]) is (day <= last)

    @given(
        *[st.tuples(st.integers(0, 23), st.integers(0, 59), st.integers(0, 59)) for _ in range(3)],
        st.integers(1, 3),
        st.integers(1, 3),
    )
    def test_of_times(self, first: tuple, last: tuple, moment: tuple, first_parts: int, last_parts: int) -> None:
        """PS3.4 C.2.2.2.5.2: an end that is less precise is in it whole."""
        low = "".join(f"{part:02}" for part in first[:first_parts])
        high = "".join(f"{part:02}" for part in last[:last_parts])
        expected = (*first[:first_parts], 0, 0)[:3] <= moment and moment[:last_parts] <= last[:last_parts]
        assert meets("TM", f"{low}-{high}", "{:02}{:02}{:02}".format(*moment)) is expected

    @given(*[st.tuples(st.datetimes(*NEW_YEAR), st.integers(-12, 14))] * 3)
    def test_of_moments(self, first: tuple, last: tuple, moment: tuple) -> None:
        """PS3.4 C.2.2.2.5.3: by the time in UTC, whatever the offsets."""
        aware = [
            one.replace(microsecond=0, tzinfo=datetime.timezone(datetime.timedelta(hours=hour)))
            for one, hour in (first, last, moment)
        ]
        low, high, value = (f"{one:%Y%m%d%H%M%S%z}" for one in aware)
        assert meets("DT", f"{low}-{high}", value) is (aware[0] <= aware[2] <= aware[1])
        assert meets("DT", f"{low}-", value) is (aware[0] <= aware[2])
        assert meets("DT", f"-{high}", value) is (aware[2] <= aware[1])

    @pytest.mark.parametrize(
        ("vr", "key", "value", "expected"),
        [
            ("DA", "20200101-20200131", "2020.01.31", True),
            ("DA", "2020.01.01-2020.01.31", "20200115", True),
            ("DA", "20200101-20200131", "odd", False),
            ("DA", "20200101-odd", "20200115", False),
            ("DA", "2020-2021", "20211231", True),
            ("TM", "2200-0200", "2300", False),
            ("TM", "1000-1100", "110059.5", True),
            ("TM", "100000.5-", "100000.4", False),
            ("DT", "2020-2021", "20211231235959", True),
            ("DT", "2020-0500", "20200601", True),
            ("DT", "2020-0500", "20210601", False),
            ("DT", "20200101-0500-20200201-0500", "20200115", True),
            ("DT", "20200101-0500-20200201-0500", "20200202", False),
            ("DT", "-2020", "1999", True),
            ("DT", "20200101-", "2020", True),
        ],
    )
    def test_however_the_ends_are_written(self, vr: str, key: str, value: str, expected: bool) -> None:
        """A hyphen with four digits that can be an offset from UTC is one."""
        assert meets(vr, key, value) is expected

    @pytest.mark.parametrize(
        ("dates", "times", "inside", "outside"),
        [
            ("20200101-20200103", "1000-1200", ["202001011000", "202001022300", "202001031200"], ["202001010959"]),
            ("20200101-", "1000-", ["202001011000", "202001020100"], ["202001010959"]),
            ("-20200103", "-1200", ["202001012300", "202001031200"], ["202001031201"]),
        ],
    )
    def test_a_date_and_a_time_as_one(self, dates: str, times: str, inside: list[str], outside: list[str]) -> None:
        """PS3.4 C.2.2.2.5.4: from the first time of the first day to the last time of the last."""
        together = date_and_time(dates, times)
        assert together is not None
        assert all(map(together, inside))
        assert not any(map(together, outside))

    @pytest.mark.parametrize(
        ("dates", "times"), [("20200101", "1000-"), ("20200101-", "-1000"), ("20200101-", "10"), ("", "")]
    )
    def test_a_date_and_a_time_of_different_forms(self, dates: str, times: str) -> None:
        """They act each alone."""
        assert date_and_time(dates, times) is None


@given(st.sampled_from("AE AS AT CS DA DS DT IS LO LT PN SH ST TM UC UI UN UR UT US".split()), st.text(), st.text())
def test_nothing_that_a_peer_writes_raises(vr: str, key: str, value: str) -> None:
    """Neither a key nor a value has to make sense."""
    assert meets(vr, key, value) in (True, False)


@given(st.sampled_from(["DA", "TM", "DT"]), *[st.text("0123459.:+-", max_size=20)] * 2)
def test_nothing_that_looks_like_a_moment_raises(vr: str, key: str, value: str) -> None:
    """Months without such a day, years that do not exist, offsets of nowhere."""
    assert meets(vr, key, value) in (True, False)
