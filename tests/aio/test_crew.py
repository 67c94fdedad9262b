from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from typing import Any

import pytest

from aio.archive import eventually
from aio.ends import WAIT, Gate
from dicomnet.aio.crew import Crew, HandlerEndedError, patiently
from dicomnet.errors import StateError


class TestShare:
    async def test_no_more_than_its_threads_run_at_a_time(self) -> None:
        """The others wait in order."""
        order: list[int] = []
        crew = Crew(threads=8, per_association=2, idle=0.05)
        share = crew.share()
        with Gate() as gate:

            def job(number: int) -> int:
                order.append(number)
                gate.pass_through()
                return number

            running = [asyncio.create_task(share.run(job, number)) for number in range(6)]
            await gate.reached()
            await eventually(lambda: len(order) == 2)
            gate.open()
            assert await asyncio.gather(*running) == list(range(6))
        assert order[:2] == [0, 1]
        crew.close()

    async def test_one_address_does_not_take_all_threads(self) -> None:
        """However many associations it opens, half of them are for others."""
        running: list[str] = []
        crew = Crew(threads=4, per_association=2, idle=0.05)
        greedy = [crew.share("10.0.0.1") for _ in range(4)]
        with Gate() as gate:

            def hang(name: str) -> None:
                running.append(name)
                gate.pass_through()

            jobs = [asyncio.create_task(share.run(hang, "greedy")) for share in greedy for _ in range(2)]
            await gate.reached()
            await eventually(lambda: len(running) == 2)
            jobs += [asyncio.create_task(crew.share("10.0.0.2").run(hang, "other")) for _ in range(2)]
            await eventually(lambda: running.count("other") == 2)
            assert running.count("greedy") == 2
            gate.open()
            await asyncio.gather(*jobs)
        assert running.count("greedy") == 8
        crew.close()

    async def test_an_address_that_has_left_is_not_remembered(self) -> None:
        """Nor are its threads lost."""
        crew = Crew(threads=2, idle=0.05)
        share = crew.share("10.0.0.1")
        await share.run(int)
        assert list(crew._addresses) == ["10.0.0.1"]
        del share
        await eventually(lambda: not crew._addresses)
        crew.close()

    async def test_a_call_that_nobody_waits_for_any_more_does_not_happen(self) -> None:
        """It was cancelled before its turn came."""
        called: list[int] = []
        crew = Crew(threads=1, idle=0.05)
        share = crew.share()
        with Gate() as gate:
            first = asyncio.create_task(share.run(gate.pass_through))
            await gate.reached()
            second = asyncio.create_task(share.run(called.append, 2))
            await asyncio.sleep(0)
            second.cancel()
            await asyncio.gather(second, return_exceptions=True)
            gate.open()
            await first
        await share.run(called.append, 3)
        assert called == [3]
        crew.close()

    @pytest.mark.parametrize("error", [SystemExit, KeyboardInterrupt, StopIteration])
    async def test_no_exception_ends_more_than_its_call(self, error: type[BaseException]) -> None:
        """A handler may not end the program, nor raise what no future takes."""
        crew = Crew(idle=0.05)

        def fail() -> None:
            raise error

        with pytest.raises(HandlerEndedError, match=error.__name__):
            await crew.share().run(fail)
        crew.close()

    async def test_an_exception_comes_to_who_waits(self) -> None:
        """As it was raised."""
        crew = Crew(idle=0.05)

        def fail() -> None:
            raise LookupError("gone")

        with pytest.raises(LookupError, match="gone"):
            await crew.share().run(fail)
        crew.close()

    async def test_a_closed_crew_takes_nothing(self) -> None:
        """Who is late hears of it."""
        crew = Crew()
        crew.close()
        with pytest.raises(StateError):
            await crew.share().run(print)

    async def test_what_comes_too_late_is_closed(self) -> None:
        """A generator that nobody will ever read, for one."""
        closed = threading.Event()
        crew = Crew(idle=0.05)

        class Late:
            def close(self) -> None:
                closed.set()

        with Gate() as gate:

            def make() -> Late:
                gate.pass_through()
                return Late()

            making = asyncio.create_task(crew.share().run(make))
            await gate.reached()
            making.cancel()
            await asyncio.gather(making, return_exceptions=True)
            gate.open()
        await eventually(closed.is_set)
        await _in_executor(crew.close)


class TestPatience:
    async def test_who_waits_long_for_his_peer_does_not_keep_others_from_theirs(self) -> None:
        """Neither those of his address nor anybody else."""
        crew = Crew(threads=2, idle=0.05, patience=0.01)
        with Gate() as gate:
            waiting = [asyncio.create_task(_slow(crew, address, gate)) for address in ("10.0.0.1", "10.0.0.2")]
            for address in ("10.0.0.1", "10.0.0.2", "10.0.0.3"):
                assert await crew.share(address).run(int) == 0
            gate.open()
            await asyncio.gather(*waiting)
        crew.close()

    async def test_it_is_used_up_by_many_small_waits(self) -> None:
        """A peer that always takes a little just in time is slow, too."""
        crew = Crew(threads=1, idle=0.05, patience=0.01)
        over = threading.Event()

        def wait_again_and_again() -> None:
            while not over.is_set():
                patiently(
                    lambda timeout: over.wait(0.001 if timeout is None else min(timeout, 0.001)) or timeout is None
                )

        waiting = asyncio.create_task(crew.share().run(wait_again_and_again))
        try:
            assert await crew.share().run(int) == 0
        finally:
            over.set()
        await waiting
        crew.close()

    async def test_who_comes_back_waits_for_nobody(self) -> None:
        """What the others wait for may be what he holds, such as the one connection to a database."""
        crew = Crew(threads=1, idle=0.05, patience=0.01)
        held = threading.Lock()

        def hold(gate: Gate) -> None:
            with held:
                patiently(gate.wait)

        def need() -> None:
            with held:
                pass

        with Gate() as gate:
            holding = asyncio.create_task(crew.share().run(hold, gate))
            await gate.reached()
            needing = [asyncio.create_task(crew.share().run(need)) for _ in range(3)]
            await eventually(lambda: crew._all._aside == 1 and crew._all._running == 1)
            gate.open()
            async with asyncio.timeout(WAIT):
                await asyncio.gather(holding, *needing)
        await eventually(lambda: crew._all._running == 0)
        assert crew._all._aside == 0
        crew.close()

    async def test_those_of_one_association_stay_so_many(self) -> None:
        """It is one peer that they wait for."""
        crew = Crew(threads=4, per_association=1, idle=0.05, patience=0.0)
        share = crew.share()
        with Gate() as gate:
            first = asyncio.create_task(share.run(patiently, gate.wait))
            await gate.reached()
            second = asyncio.create_task(share.run(int))
            await eventually(lambda: crew._all._aside == 1 and len(share._waiting) == 1)
            gate.open()
            await asyncio.gather(first, second)
        crew.close()

    async def test_only_so_many_wait_beside_the_places(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """The next one keeps his place."""
        monkeypatch.setattr("dicomnet.aio.crew.HANDLERS_ASIDE_PER_ADDRESS", 1)
        crew = Crew(threads=2, idle=0.05, patience=0.0)
        with Gate() as gate:
            waiting = [asyncio.create_task(_slow(crew, "10.0.0.1", gate)) for _ in range(2)]
            await eventually(lambda: crew._all._aside == 1 and crew._all._running == 1)
            late = asyncio.create_task(crew.share("10.0.0.1").run(int))
            assert await crew.share("10.0.0.2").run(int) == 0
            assert not late.done()
            gate.open()
            await asyncio.gather(late, *waiting)
        crew.close()

    def test_anybody_may_call_it(self) -> None:
        """A thread that is none of a crew waits like everybody."""
        asked: list[float | None] = []
        patiently(lambda timeout: not asked.append(timeout))
        assert asked == [None]


async def _slow(crew: Crew, address: str, gate: Gate) -> None:
    await crew.share(address).run(patiently, gate.wait)


async def _in_executor(function: Callable[[], Any]) -> None:
    await asyncio.get_running_loop().run_in_executor(None, function)
