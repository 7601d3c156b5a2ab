from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.servers import RedisServer, Stack, mingus_server, redis_server, start_postgres

TOKEN = "let-me-break-it"


@pytest.fixture(scope="session")
def work(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("target")


@pytest.fixture(scope="session")
def database_url(work: Path) -> Iterator[str]:
    with start_postgres(work) as url:
        yield url


@pytest.fixture(scope="session")
def redis_cache(work: Path) -> Iterator[RedisServer]:
    with redis_server(work) as server:
        yield server


@pytest.fixture(scope="session")
def stack(work: Path, database_url: str, redis_cache: RedisServer) -> Iterator[Stack]:
    """A healthy Mingus with two workers; tests must leave it healthy."""
    with mingus_server(work, database_url, redis_cache.url, fault_token=TOKEN) as mingus:
        yield Stack(database_url, redis_cache, mingus)
