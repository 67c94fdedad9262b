"""What handlers give, one thing after the other."""

from __future__ import annotations

import asyncio
import logging
import sqlite3
import threading
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import aclosing, closing
from types import SimpleNamespace
from typing import Any, cast

import pytest

from aio.archive import Archive, eventually
from aio.ends import Gate
from dicomnet.aio.association import associate
from dicomnet.aio.crew import Crew, HandlerEndedError
from dicomnet.aio.giving import AHEAD, each
from dicomnet.aio.requests import Request
from dicomnet.errors import InvalidValue

REQUEST = cast("Request", SimpleNamespace())


@pytest.fixture
def crew() -> Iterator[Crew]:
    made = Crew(4, idle=0.1)
    yield made
    made.close(timeout=10)


async def taken(function: Callable[..., Any], crew: Crew) -> list[Any]:
    """All that a function gives, each with where it was made."""
    given = each(
        function, REQUEST, crew.share(), lambda one: isinstance(one, str), lambda one: (one, threading.get_ident())
    )
    async with aclosing(given):
        return [one async for one in given]


async def test_a_plain_handler_has_one_thread_from_beginning_to_end(crew: Crew) -> None:
    """Also one that returns what is only made later, as it does with the cursor of a database."""
    seen: list[int] = []

    def generate(request: Any) -> Iterator[int]:
        try:
            for number in range(3 * AHEAD):
                seen.append(threading.get_ident())
                yield number
        finally:
            seen.append(threading.get_ident())

    def return_later(request: Any) -> Iterator[int]:
        seen.append(threading.get_ident())
        return generate(request)

    for function in (generate, return_later, lambda request: list(range(3 * AHEAD))):
        seen.clear()
        given = await taken(function, crew)
        assert [one for one, _ in given] == list(range(3 * AHEAD))
        assert len({*seen, *(where for _, where in given)}) == 1
        assert given[0][1] != threading.get_ident()


async def test_many_queries_at_once_of_a_database_that_is_bound_to_its_thread() -> None:
    """sqlite3 refuses a cursor in any thread but the one that has made it."""

    def find(request: Any) -> Any:
        database = sqlite3.connect(":memory:")
        database.execute("create table studies (uid text)")
        database.executemany("insert into studies values (?)", [(f"1.{number}",) for number in range(3 * AHEAD)])

        def rows() -> Iterator[dict[str, str]]:
            with closing(database):
                yield from ({"StudyInstanceUID": uid} for (uid,) in database.execute("select uid from studies"))

        return request.match(rows())

    async with Archive({"find": find}) as archive:

        async def ask() -> int:
            async with associate(archive.address, contexts=["study-root-find"]) as association:
                return len(await association.find("STUDY").all())

        assert await asyncio.gather(*(ask() for _ in range(6))) == [3 * AHEAD] * 6


@pytest.mark.parametrize(
    "kind", ["coroutine", "asynchronous generator", "plain, to be awaited", "plain, to be iterated"]
)
async def test_an_asynchronous_handler_is_on_the_loop(kind: str, crew: Crew) -> None:
    """However it comes to be one."""

    async def give(request: Any) -> list[int]:
        return [1, 2]

    async def generate(request: Any) -> AsyncIterator[int]:
        yield 1
        yield 2

    functions = {
        "coroutine": give,
        "asynchronous generator": generate,
        "plain, to be awaited": lambda request: give(request),
        "plain, to be iterated": lambda request: generate(request),
    }
    assert await taken(functions[kind], crew) == [(1, threading.get_ident()), (2, threading.get_ident())]


async def test_what_is_made_waits_for_who_takes_it(crew: Crew) -> None:
    """And ends, with what it has opened, when that one leaves; the next one has the thread."""
    made = 0
    ended = threading.Event()

    def generate(request: Any) -> Iterator[int]:
        nonlocal made
        try:
            while True:
                made += 1
                yield made
        finally:
            ended.set()

    given = each(generate, REQUEST, crew.share(), lambda _: False, lambda one: one)
    async with aclosing(given):
        assert await anext(given) == 1
        await eventually(lambda: made >= AHEAD)
        assert [await anext(given) for _ in range(2 * AHEAD)][-1] == 2 * AHEAD + 1
        assert made <= 3 * AHEAD + 2
        assert not ended.is_set()
    assert await asyncio.to_thread(ended.wait, 10)
    assert await taken(lambda request: ["a"], crew)


@pytest.mark.parametrize(
    ("error", "raised"), [(LookupError("no database"), LookupError), (SystemExit(3), HandlerEndedError)]
)
async def test_what_a_handler_raises_comes_after_what_it_gave(
    error: BaseException, raised: type[Exception], crew: Crew
) -> None:
    """As something that does not end the loop."""

    def generate(request: Any) -> Iterator[int]:
        yield 1
        raise error

    given = each(generate, REQUEST, crew.share(), lambda _: False, lambda one: one)
    async with aclosing(given):
        assert await anext(given) == 1
        with pytest.raises(raised):
            await anext(given)


async def test_a_failure_that_nobody_waits_for_is_logged(crew: Crew, caplog: pytest.LogCaptureFixture) -> None:
    """Of a connection to a database that cannot be closed, for one."""

    def generate(request: Any) -> Iterator[int]:
        try:
            while True:
                yield 1
        finally:
            raise LookupError("lost")

    caplog.set_level(logging.ERROR, "dicomnet.association")
    given = each(generate, REQUEST, crew.share(), lambda _: False, lambda one: one)
    async with aclosing(given):
        await anext(given)
    await eventually(lambda: "nobody wanted more" in caplog.text)


async def test_what_was_not_begun_is_not_begun_for_nobody(crew: Crew) -> None:
    """It waited for its turn, and whoever asked has left."""
    begun: list[int] = []
    small = Crew(1, 1, idle=0.05)
    share = small.share()
    with Gate() as gate:
        share.submit(gate.pass_through)
        await gate.reached()
        given = each(lambda request: begun.append(1), REQUEST, share, lambda _: False, lambda one: one)
        waiting = asyncio.ensure_future(anext(given))
        await asyncio.sleep(0)
        waiting.cancel()
        with pytest.raises(asyncio.CancelledError):
            await waiting
        gate.open()
    await share.run(lambda: None)
    assert begun == []
    small.close(timeout=10)


async def test_nothing_that_could_be_sent_is_told_as_such(crew: Crew) -> None:
    """The text names what was returned."""
    with pytest.raises(InvalidValue, match="object"):
        await taken(lambda request: object(), crew)
