"""Resident memory of the service behind a URL."""

from __future__ import annotations

import ipaddress
import socket
from urllib.parse import urlsplit

import psutil
import requests
from prometheus_client.parser import text_string_to_metric_families


class MemoryUnreadable(Exception):
    """Neither the service's processes nor a metric of its memory can be read from here."""


def resident_bytes(base_url: str) -> float:
    """Resident bytes of the processes that serve base_url, when they run here; else what the service's /metrics say.

    Raises:
        MemoryUnreadable: with the way out.
    """
    parts = urlsplit(base_url)
    port = parts.port or (443 if parts.scheme == "https" else 80)
    if _is_local(parts.hostname or ""):
        processes = _listeners(port)
        if processes:
            return float(sum(process.memory_info().rss for process in processes))
    try:
        answer = requests.get(f"{base_url}/metrics", timeout=10)
        answer.raise_for_status()
        values = [
            sample.value
            for family in text_string_to_metric_families(answer.text)
            for sample in family.samples
            if sample.name == "process_resident_memory_bytes"
        ]
    except (requests.RequestException, ValueError) as error:
        raise MemoryUnreadable(f"{base_url}/metrics: {error}") from error
    if not values:
        raise MemoryUnreadable(
            f"no process listening on port {port} is readable here and {base_url}/metrics has no"
            " process_resident_memory_bytes: run the checks on the service's host, or export that metric"
        )
    return sum(values)


def _is_local(host: str) -> bool:
    try:
        return all(ipaddress.ip_address(info[4][0]).is_loopback for info in socket.getaddrinfo(host, None))
    except (OSError, ValueError):
        return False


def _listeners(port: int) -> set[psutil.Process]:
    """Every process that has the listening socket: a pre-forking server's master and workers alike."""
    found = set()
    for process in psutil.process_iter():
        try:
            connections = process.net_connections("tcp")
        except (psutil.AccessDenied, psutil.NoSuchProcess, psutil.ZombieProcess):
            continue
        if any(c.status == psutil.CONN_LISTEN and c.laddr and c.laddr.port == port for c in connections):
            found.add(process)
    return found
