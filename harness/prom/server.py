"""A Prometheus of our own: the ``prometheus`` binary on a free loopback port, ended by its process id."""

from __future__ import annotations

import ctypes
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType

from harness.errors import HarnessError, PreflightError, QueryError
from harness.prom import wal
from harness.prom.api import PrometheusApi

INSTALL = "install it: apt-get install prometheus (Debian, Ubuntu), or put the prometheus binary on PATH"
FOREVER = "100y"  # by default blocks 15 days older than the newest are deleted
EMPTY_CONFIG = "global: {}\n"
_PORT_TRIES = 5
_PR_SET_PDEATHSIG = 1


def find_prometheus() -> str:
    """Path of the prometheus binary.

    Raises:
        PreflightError: there is none on PATH.
    """
    path = shutil.which("prometheus")
    if path is None:
        raise PreflightError("the program 'prometheus' is not installed here", remedy=INSTALL)
    return path


def free_port() -> int:
    """A TCP port that was free on loopback a moment ago."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port: int = probe.getsockname()[1]
        return port


def die_with_parent() -> Callable[[], None]:
    """For ``preexec_fn``: the child gets SIGTERM when the thread that started it is gone, also after kill -9."""
    libc = ctypes.CDLL(None, use_errno=True)  # loaded before the fork: no allocation in the child
    parent = os.getpid()

    def arm() -> None:
        libc.prctl(_PR_SET_PDEATHSIG, signal.SIGTERM, 0, 0, 0)
        if os.getppid() != parent:  # the parent died between fork and prctl
            os._exit(1)

    return arm


class PrometheusServer:
    """One Prometheus process on 127.0.0.1, as a context manager.

    The kernel ends it when the *thread* that called ``start`` ends, so start it from one that lives as long.

    Args:
        data_dir: its TSDB; made when missing. Files of its own (config, log) go to ``work_dir``.
        work_dir: a folder for ``prometheus.yml`` and ``prometheus.log``.
        config: text of prometheus.yml, or a function that makes it from the server's own "host:port".
        lookback: seconds an old sample still counts as present (three scrape intervals).
        retention: ``FOREVER`` on servers over archived data.
        block_seconds: span of one block; two hours, as everywhere, unless the head shall hold everything.
        extra_flags: further command-line flags.
        environment: variables beside those of this process.
        ready_timeout: seconds until it must answer; replaying a large write-ahead log takes a while.
        port: the first port to try; 0: any.
    """

    def __init__(
        self,
        data_dir: Path,
        work_dir: Path,
        *,
        config: str | Callable[[str], str] = EMPTY_CONFIG,
        lookback: float = 15.0,
        retention: str = FOREVER,
        block_seconds: int = 7200,
        extra_flags: Sequence[str] = (),
        environment: Mapping[str, str] | None = None,
        ready_timeout: float = 60.0,
        port: int = 0,
    ) -> None:
        self.data_dir = data_dir.absolute()
        self.work_dir = work_dir.absolute()
        self._config = config
        self._flags = (
            f"--storage.tsdb.path={self.data_dir}",
            f"--storage.tsdb.retention.time={retention}",
            f"--storage.tsdb.min-block-duration={block_seconds}s",
            f"--storage.tsdb.max-block-duration={block_seconds}s",
            f"--query.lookback-delta={max(1, round(lookback * 1000))}ms",
            "--query.timeout=10m",
            "--web.enable-admin-api",
            *extra_flags,
        )
        self._environment = dict(environment or {})
        self._ready_timeout = ready_timeout
        self._process: subprocess.Popen[bytes] | None = None
        self._address = ""
        self._port = port
        self._log_from = 0

    @property
    def address(self) -> str:
        """ "127.0.0.1:port" of the running server."""
        return self._address

    @property
    def url(self) -> str:
        return f"http://{self._address}"

    @property
    def pid(self) -> int | None:
        return self._process.pid if self._process else None

    @property
    def log_file(self) -> Path:
        return self.work_dir / "prometheus.log"

    @property
    def config_file(self) -> Path:
        return self.work_dir / "prometheus.yml"

    def api(self, timeout: float = 30.0) -> PrometheusApi:
        """A new client of this server."""
        return PrometheusApi(self.url, timeout=timeout)

    def alive(self) -> bool:
        """Whether the process runs (it may still not answer; ``api().healthy()`` tells)."""
        return self._process is not None and self._process.poll() is None

    def ending(self) -> str:
        """How the process ended, in words; after its death and before ``stop``."""
        code = self._process.poll() if self._process is not None else None
        if code is None:
            return "is running" if self._process is not None else "was stopped"
        return f"ended with exit code {code}" if code >= 0 else f"was killed by signal {-code}"

    def begin(self) -> None:
        """Starts one that ran before again, on the same data and port, without waiting for it.

        Raises:
            PreflightError: the binary is missing.
            HarnessError: it cannot be started, or its data's disk is full.
        """
        try:
            self._launch(find_prometheus(), self._port)
        except OSError as error:
            raise HarnessError(f"Prometheus cannot be started again: {error}") from error

    def start(self) -> None:
        """Starts it and waits until it is ready.

        Raises:
            PreflightError: the binary is missing.
            HarnessError: it did not become ready (the message quotes the last lines of its log), or could damage its
                data on a full disk.
        """
        if self.alive():
            return
        binary = find_prometheus()
        try:
            self.data_dir.mkdir(parents=True, exist_ok=True)
            self.work_dir.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise HarnessError(f"cannot make a folder for Prometheus: {error}") from error
        for attempt in range(1, _PORT_TRIES + 1):
            self._port = self._port if attempt == 1 and self._port else free_port()
            try:
                self._launch(binary, self._port)
            except OSError as error:
                raise HarnessError(f"Prometheus cannot be started: {error}") from error
            if self._wait_ready():
                return
            port_taken = "address already in use" in self._log_tail(40)
            self.stop()
            if not port_taken or attempt == _PORT_TRIES:
                raise HarnessError(
                    f"Prometheus did not become ready (data in {self.data_dir}); its last words:\n{self._log_tail(5)}",
                    remedy=f"its whole log is {self.log_file}",
                )

    def restart(self) -> None:
        """Stops it and starts it again on the same data; on the same port unless somebody took it."""
        self.stop()
        self.start()

    def stop(self, timeout: float = 20.0) -> None:
        """SIGTERM, then SIGKILL when it does not end in time; idempotent."""
        process, self._process = self._process, None
        if process is None:
            return
        if process.poll() is None:
            process.terminate()
            try:
                process.wait(timeout)
            except subprocess.TimeoutExpired:
                process.kill()
        process.wait()

    def __enter__(self) -> PrometheusServer:
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()

    def _launch(self, binary: str, port: int) -> None:
        wal.make_ready(self.data_dir)
        self._address = f"127.0.0.1:{port}"
        text = self._config if isinstance(self._config, str) else self._config(self._address)
        # 0600: a scrape configuration may hold credentials.
        with os.fdopen(os.open(self.config_file, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w") as file:
            file.write(text)
        self._log_from = self.log_file.stat().st_size if self.log_file.exists() else 0
        with self.log_file.open("ab") as log:
            self._process = subprocess.Popen(
                [
                    binary,
                    f"--config.file={self.config_file}",
                    f"--web.listen-address={self._address}",
                    *self._flags,
                ],
                stdin=subprocess.DEVNULL,
                stdout=log,
                stderr=subprocess.STDOUT,
                cwd=self.work_dir,
                env={**os.environ, **self._environment},
                start_new_session=True,  # Ctrl-C on the terminal is for the harness, which then stops this in order
                preexec_fn=die_with_parent(),
            )

    def _wait_ready(self) -> bool:
        deadline = time.monotonic() + self._ready_timeout
        api = self.api(timeout=2.0)
        while time.monotonic() < deadline and self.alive():
            if api.healthy() and self._is_ours(api):
                return self.alive()
            time.sleep(0.02)
        return False

    def _is_ours(self, api: PrometheusApi) -> bool:
        """Another server may have taken the port between the probe and the launch, and be ready too."""
        try:
            return api.flags().get("storage.tsdb.path") == str(self.data_dir)
        except QueryError:
            return False

    def _log_tail(self, lines: int) -> str:
        try:
            with self.log_file.open("rb") as file:
                file.seek(self._log_from)
                text = file.read().decode("utf-8", "replace")
        except OSError as error:
            return f"(log unreadable: {error})"
        return "\n".join(text.splitlines()[-lines:])
