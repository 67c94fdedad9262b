"""What the tests of DicomNet objects share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

import dicomnet
from dicomnet import TlsConfig
from dicomnet.cli._certificate import self_signed


@pytest.fixture
def network() -> Iterator[None]:
    """The network is up for the test, and down after it."""
    with dicomnet.runtime():
        yield


@pytest.fixture(scope="session")
def tls(tmp_path_factory: pytest.TempPathFactory) -> TlsConfig:
    """Settings that serve both sides: a certificate that is its own authority."""
    certificate, key = self_signed(tmp_path_factory.mktemp("certificate"))
    return TlsConfig(certificate=certificate, private_key=key, ca_file=certificate)


@pytest.fixture(params=["tcp", "tls"])
def link(request: pytest.FixtureRequest) -> dict[str, TlsConfig]:
    """Settings for a plain and for a secure connection."""
    return {} if request.param == "tcp" else {"tls": request.getfixturevalue("tls")}
