"""A sidecar that outlives runs: it waits for its configuration, takes each new one, and serves between them."""

from __future__ import annotations

import hashlib
import logging
import threading
from collections.abc import Iterable
from pathlib import Path

from prometheus_client import Metric
from prometheus_client.registry import Collector

from exporters import metric_names as names
from exporters.families import Families
from exporters.sidecar_collector import SidecarCollector
from exporters.sidecar_config import ConfigError, load_config

FIRST_READINGS_SECONDS = 2.0
STOP_SECONDS = 1.0

log = logging.getLogger(__name__)


class StandingCollector(Collector):
    """Serves what the newest configuration that can be used asks for; the process' own series alone before the first.

    A configuration that cannot be used leaves the one before at work, and its digest is not told: who wrote it waits
    for the digest.
    """

    def __init__(self, config: Path) -> None:
        """Starts nothing."""
        self._file = config
        self._lock = threading.Lock()
        self._digest = ""
        self._tried = ""
        self._inner: SidecarCollector | None = None

    def start(self, *, patience: float) -> None:
        self.look(patience=patience)

    def look(self, *, patience: float = FIRST_READINGS_SECONDS) -> None:
        """Takes the configuration when it is another one; a file that is not there changes nothing."""
        try:
            digest = hashlib.sha256(self._file.read_bytes()).hexdigest()[:12]
        except FileNotFoundError:
            return
        except OSError as error:
            problem = f"{self._file}: cannot be read: {error.strerror}"
            if problem != self._tried:
                self._tried = problem
                log.error("%s", problem)
            return
        if digest in (self._digest, self._tried):
            return
        self._tried = digest
        try:
            config = load_config(self._file)
            new = SidecarCollector(config)
        except (ConfigError, ValueError) as error:
            log.error("the configuration %s is not taken: %s", digest, error)
            return
        new.start(patience=patience)
        with self._lock:
            old, self._inner, self._digest = self._inner, new, digest
        log.info("sidecar of stack %s, every %g s, configuration %s", config.stack, config.interval, digest)
        if old is not None:
            old.stop(patience=STOP_SECONDS)

    def stop(self, *, patience: float) -> None:
        with self._lock:
            inner, self._inner = self._inner, None
        if inner is not None:
            inner.stop(patience=patience)

    def collect(self) -> Iterable[Metric]:
        with self._lock:
            inner, digest = self._inner, self._digest
        families = Families()
        if inner is None:
            return families
        families.gauge(names.SIDECAR_CONFIG, "The configuration in use.", {"digest": digest}, 1.0)
        return [*families, *inner.collect()]
