"""The hospital that all tests of TLS are about."""

from __future__ import annotations

import pytest

from tls.certificates import Site, make_site


@pytest.fixture(scope="session")
def site(tmp_path_factory: pytest.TempPathFactory) -> Site:
    return make_site(tmp_path_factory.mktemp("site"))
