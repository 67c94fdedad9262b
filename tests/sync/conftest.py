"""No descriptor is left behind by any test here."""

from __future__ import annotations

import gc
from collections.abc import Iterator
from pathlib import Path

import pytest

from aio.conftest import descriptors
from aio.ends import MIB, Site, pattern
from dicomnet.cli._certificate import self_signed
from dicomnet.tls import TlsConfig


@pytest.fixture(autouse=True)
def no_descriptor_left() -> Iterator[None]:
    """Fails a test that ends with more open files and sockets than it began with."""
    gc.collect()
    before = descriptors()
    yield
    gc.collect()
    assert descriptors() == before


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    """Contexts for TLS."""
    names = ["pacs.example", "127.0.0.1"]
    certificate, key = self_signed(tmp_path_factory.mktemp("ours"), names)
    others, others_key = self_signed(tmp_path_factory.mktemp("others"), names)
    return Site(
        TlsConfig(ca_file=certificate).requestor_context(),
        TlsConfig(certificate=certificate, private_key=key).acceptor_context(),
        TlsConfig(certificate=others, private_key=others_key).acceptor_context(),
    )


@pytest.fixture
def file(tmp_path: Path) -> Path:
    """Ten MiB to be sent."""
    path = tmp_path / "source"
    path.write_bytes(pattern(10 * MIB))
    return path
