from __future__ import annotations

import asyncio
from typing import Any

import pytest

from dicomnet.errors import InvalidValue
from dicomnet.exchanges.services import Verb
from dicomnet.exchanges.settings import settings_for
from dicomnet.limits import Limits, Timeouts
from dicomnet.server.policy import EVERYTHING, GIVING_OUT, Rules, rules, settings_at
from dicomnet.tls import TlsConfig
from dicomnet.types import Address

STRANGER = "198.51.100.7"
RECEIVING = EVERYTHING - GIVING_OUT


async def ask(function: Any, *arguments: Any) -> Any:
    found = function(*arguments)
    return await found if asyncio.iscoroutine(found) else found


def granted(given: Rules, title: str, host: str) -> frozenset[Verb]:
    return asyncio.run(given.granted(title, host, ask))


def test_a_stranger_may_give_and_not_take() -> None:
    """Echo and store are open to anyone; find, get and move are not."""
    found = granted(rules(), "CT1", STRANGER)
    assert {Verb.ECHO, Verb.STORE, Verb.N_CREATE} <= found
    assert not found & {Verb.FIND, Verb.GET, Verb.MOVE}


@pytest.mark.parametrize("host", ["127.0.0.1", "127.8.9.1", "::1"])
def test_this_machine_may_take(host: str) -> None:
    """Who is on the machine already is asked for nothing."""
    assert granted(rules(), "CT1", host) == EVERYTHING


@pytest.mark.parametrize(
    ("host", "expected"), [("10.1.2.3", EVERYTHING), ("10.2.0.1", RECEIVING), ("fe80::1%eth0", EVERYTHING)]
)
def test_named_networks_may_take(host: str, expected: frozenset[Verb]) -> None:
    """An address of ``allow_retrieve`` is enough, whatever title comes from there."""
    assert granted(rules(allow_retrieve=["10.1.0.0/16", "fe80::/10"]), "ANYBODY", host) == expected


def test_a_peer_of_the_address_book_may_take_from_its_own_address_only() -> None:
    """A title is no secret: it counts together with the address that stands in the book."""
    book = rules(peers={"WS1": f"{STRANGER}:104"})
    assert granted(book, "WS1", STRANGER) == EVERYTHING
    assert granted(book, "WS1", "198.51.100.8") == RECEIVING
    assert granted(book, "WS2", STRANGER) == RECEIVING


def test_a_peer_of_the_address_book_may_stand_there_by_name(monkeypatch: pytest.MonkeyPatch) -> None:
    """A host name counts as every address that it has."""

    async def addresses(self: Any, host: str, port: Any, **options: Any) -> Any:
        assert host == "ws1.example"
        return [(2, 1, 6, "", ("198.51.100.9", 0)), (2, 1, 6, "", (STRANGER, 0))]

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", addresses)
    assert granted(rules(peers={"WS1": ("ws1.example", 104)}), "WS1", STRANGER) == EVERYTHING


@pytest.mark.parametrize("error", [OSError("no such host"), UnicodeError("no host name")])
def test_who_cannot_be_looked_up_is_not_there(
    error: Exception, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    """Nothing is given out while names cannot be had; the log has one line of it."""

    async def addresses(self: Any, host: str, port: Any, **options: Any) -> Any:
        raise error

    monkeypatch.setattr(asyncio.base_events.BaseEventLoop, "getaddrinfo", addresses)
    assert granted(rules(peers={"WS1": ("ws1.example", 104)}), "WS1", STRANGER) == RECEIVING
    assert [record.getMessage() for record in caplog.records] == [f"the address of WS1 cannot be looked up: {error}"]


@pytest.mark.parametrize("peers", [{"WS1": f"{STRANGER}:104"}, lambda title: None], ids=["mapping", "function"])
def test_who_is_not_in_the_address_book_is_no_fault(peers: Any, caplog: pytest.LogCaptureFixture) -> None:
    """Most of those who store are not, and the log says nothing of it."""
    assert granted(rules(peers=peers), "CT1", STRANGER) == RECEIVING
    assert caplog.records == []


def test_a_title_in_another_case_is_another_peer_where_the_book_has_both() -> None:
    """Though case does not count otherwise."""
    book = rules(peers={"WS1": "198.51.100.8:104", "ws1": f"{STRANGER}:104"}, ignore_title_case=True)
    assert granted(book, "ws1", STRANGER) == EVERYTHING
    assert granted(book, "WS1", STRANGER) == RECEIVING
    assert granted(book, "Ws1", "198.51.100.8") == EVERYTHING


@pytest.mark.parametrize("kind", ["plain", "async"])
def test_the_address_book_may_be_a_function(kind: str) -> None:
    """It is asked for the title that calls, and None is "unknown"."""

    def plain(title: str) -> str | None:
        return f"{STRANGER}:104" if title == "WS1" else None

    async def asynchronous(title: str) -> str | None:
        return plain(title)

    book = rules(peers=plain if kind == "plain" else asynchronous)
    assert granted(book, "WS1", STRANGER) == EVERYTHING
    assert granted(book, "WS2", STRANGER) == RECEIVING


def test_an_address_book_that_fails_opens_nothing(caplog: pytest.LogCaptureFixture) -> None:
    """An exception of the function is logged, and the peer is a stranger."""

    def broken(title: str) -> str:
        raise LookupError(title)

    assert granted(rules(peers=broken), "WS1", STRANGER) == RECEIVING
    assert "could not be asked for WS1" in caplog.text


def test_what_is_added_to_the_book_later_counts() -> None:
    """The mapping is looked into each time, so a program may keep it up to date."""
    peers: dict[str, str] = {}
    book = rules(peers=peers)
    peers["WS1"] = f"{STRANGER}:104"
    assert granted(book, "WS1", STRANGER) == EVERYTHING


def test_a_title_may_be_held_to_a_few_operations() -> None:
    """And is given nothing for its name alone."""
    given = rules(verbs={"CT1": ["echo", "n_create"], "WS1": ["find"]})
    assert granted(given, "CT1", "127.0.0.1") == {Verb.ECHO, Verb.N_CREATE}
    assert granted(given, "CT2", "127.0.0.1") == EVERYTHING
    assert granted(given, "WS1", "127.0.0.1") == {Verb.FIND}
    assert granted(given, "WS1", STRANGER) == frozenset()


def test_rules_for_a_title_are_not_escaped_by_another_case() -> None:
    """Where titles of another case are the same, they are that in every rule."""
    given = rules(calling_ae=["CT1"], verbs={"CT1": ["echo"]}, peers={"Ws1": f"{STRANGER}:104"}, ignore_title_case=True)
    assert given.may_call_as("ct1")
    assert not given.may_call_as("CT2")
    assert granted(given, "ct1", "127.0.0.1") == {Verb.ECHO}
    assert granted(given, "WS1", STRANGER) == EVERYTHING
    assert not rules(calling_ae=["CT1"]).may_call_as("ct1")


def test_a_single_title_is_one() -> None:
    """And not a list of letters."""
    assert rules(calling_ae="CT1").calling_ae == {"CT1"}


def test_networks_say_who_may_call_at_all() -> None:
    """Without them anybody may."""
    assert rules().may_call_from(STRANGER)
    assert rules(networks="198.51.100.0/24").may_call_from(STRANGER)
    assert not rules(networks=["10.0.0.0/8"]).may_call_from(STRANGER)
    assert not rules(networks=["10.0.0.0/8"]).may_call_from("no address")


def test_rules_of_another_title_are_those_of_the_server_but_for_what_is_given() -> None:
    """Only what is said is changed."""
    base = rules(calling_ae=["CT1"], networks=["10.0.0.0/8"])
    other = rules(base, calling_ae=["CT2"])
    assert (other.calling_ae, other.networks) == ({"CT2"}, base.networks)


@pytest.mark.parametrize(
    ("given", "says"),
    [
        ({"networks": ["10.0.0.1/8"]}, "host bits"),
        ({"allow_retrieve": "ten"}, "10.1.0.0/16"),
        ({"peers": "WS1"}, "mapping"),
        ({"peers": {"WS1": "no:port:at:all"}}, "WS1"),
        ({"peers": {"a title that is far too long": "10.0.0.1:104"}}, "AE title"),
        ({"calling_ae": [""]}, "AE title"),
        ({"verbs": {"CT1": ["fnd"]}}, "did you mean find"),
        ({"user_identity": "alice"}, "not a function"),
    ],
)
def test_what_is_no_rule_is_refused_at_once(given: dict[str, Any], says: str) -> None:
    """A mistake shows when the server is made, not when the first peer calls."""
    with pytest.raises(InvalidValue, match=says):
        rules(**given)


@pytest.mark.parametrize(
    "place",
    ["10.0.0.7:11112", "OTHER@10.0.0.7:11112", ("10.0.0.7", 11112), Address(None, "10.0.0.7", 11112)],
)
def test_a_place_may_be_written_in_several_ways(place: Any) -> None:
    """Text, a pair, an address; a title of its own counts."""
    settings = settings_at("WS1", place, aet="ARCHIVE")
    assert (settings.host, settings.port, settings.calling_ae) == ("10.0.0.7", 11112, "ARCHIVE")
    assert settings.called_ae == ("OTHER" if str(place).startswith("OTHER") else "WS1")


def test_a_place_may_be_settings() -> None:
    """They are used as they are, with TLS and all."""
    settings = settings_for("WS1@10.0.0.7:2762", aet="ME")
    assert settings_at("WS1", settings, aet="ARCHIVE") is settings
    unnamed = settings_for("WS1@10.0.0.7:2762")
    assert settings_at("WS1", unnamed) is unnamed


def test_settings_that_do_not_say_who_we_are_are_told() -> None:
    """Their default title is nobody's choice."""
    assert settings_at("WS1", settings_for("WS1@10.0.0.7"), aet="ARCHIVE").calling_ae == "ARCHIVE"


def test_a_place_may_have_options_of_its_own() -> None:
    """An address and what `Peer` takes besides; the server's own options are for the rest."""
    tls, timeouts = TlsConfig(), Timeouts(connect=1.0)
    place = {"address": "10.0.0.7:2762", "tls": tls, "timeouts": timeouts}
    settings = settings_at("WS1", place, timeouts=Timeouts(), limits=Limits(asynchronous_window=2))
    assert (settings.address, settings.tls, settings.timeouts) == ("WS1@10.0.0.7:2762", tls, timeouts)
    assert settings.limits.asynchronous_window == 2
    for wrong in ({"tls": tls}, {"address": "10.0.0.7", "tsl": tls}):
        with pytest.raises(InvalidValue):
            settings_at("WS1", wrong)


def test_a_place_without_a_port_is_at_the_port_of_dicom() -> None:
    """104 (PS3.8 9.1.2)."""
    assert settings_at("WS1", "10.0.0.7").port == 104
