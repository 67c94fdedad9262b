"""Coroutine tests run on asyncio's own loop and on uvloop, each in a loop of its own that must end clean."""

from __future__ import annotations

import asyncio
import functools
import gc
import inspect
from collections.abc import Callable, Coroutine
from pathlib import Path
from typing import Any

import pytest
import uvloop

from aio.ends import Site
from dicomnet.aio.hub import close_hub
from dicomnet.cli._certificate import self_signed
from dicomnet.tls import TlsConfig

LOOPS = {"asyncio": asyncio.new_event_loop, "uvloop": uvloop.new_event_loop}

TEST_TIME = 30.0
"""Seconds for a whole test; what it waits for should come in milliseconds."""


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    names = ["pacs.example", "127.0.0.1"]
    certificate, key = self_signed(tmp_path_factory.mktemp("ours"), names)
    others, others_key = self_signed(tmp_path_factory.mktemp("others"), names)
    return Site(
        TlsConfig(ca_file=certificate).requestor_context(),
        TlsConfig(certificate=certificate, private_key=key).acceptor_context(),
        TlsConfig(certificate=others, private_key=others_key).acceptor_context(),
    )


def pytest_generate_tests(metafunc: pytest.Metafunc) -> None:
    if inspect.iscoroutinefunction(metafunc.function):
        metafunc.fixturenames.append("new_loop")
        metafunc.parametrize("new_loop", LOOPS.values(), ids=LOOPS.keys())


@pytest.hookimpl(tryfirst=True)
def pytest_pyfunc_call(pyfuncitem: pytest.Function) -> bool | None:
    if not inspect.iscoroutinefunction(pyfuncitem.obj):
        return None
    wanted = inspect.signature(pyfuncitem.obj).parameters
    arguments = {name: value for name, value in pyfuncitem.funcargs.items() if name in wanted}
    run_on(pyfuncitem.callspec.params["new_loop"], lambda: pyfuncitem.obj(**arguments))
    return True


def run_on(new_loop: Callable[[], asyncio.AbstractEventLoop], main: Callable[[], Coroutine[Any, Any, object]]) -> None:
    """Runs a coroutine to its end; nothing may be left of it, and nothing may have gone wrong behind its back."""
    complaints: list[dict[str, Any]] = []

    async def bounded() -> None:
        asyncio.get_running_loop().set_exception_handler(lambda _, context: complaints.append(context))
        try:
            async with asyncio.timeout(TEST_TIME):
                await main()
        finally:
            close_hub()

    warm_up(new_loop)
    before = descriptors()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(bounded())
    gc.collect()
    assert complaints == []
    assert descriptors() <= before


@functools.cache
def warm_up(new_loop: Callable[[], asyncio.AbstractEventLoop]) -> None:
    """The first loop of its kind opens what the process then keeps; and what tests before left to the collector goes."""
    gc.collect()
    with asyncio.Runner(loop_factory=new_loop) as runner:
        runner.run(asyncio.sleep(0))


def descriptors() -> int:
    return sum(1 for _ in Path("/proc/self/fd").iterdir())
