"""How to reach the Docker Engine: by a URL, else as the Docker command line would (DOCKER_HOST, ...)."""

from __future__ import annotations

from dataclasses import dataclass

from docker import APIClient
from docker.utils import kwargs_from_env


@dataclass(frozen=True)
class Engine:
    """``url``: unix:///path, tcp://host:port; None: from the environment. ``timeout``: seconds per request."""

    url: str | None
    timeout: float

    def connect(self) -> APIClient:
        """A client that speaks the engine's version. Raises docker.errors.DockerException."""
        parameters = {"base_url": self.url} if self.url else kwargs_from_env()
        return APIClient(version="auto", timeout=self.timeout, **parameters)
