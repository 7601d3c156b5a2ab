"""Mingus' users in more of a hurry and with more patience: short runs then hold enough requests to compare.

They wait up to a minute, so that the requests which the fault ``rare_wait`` holds up are slow, not failed.
"""

from __future__ import annotations

from locust import between

from harness.load import locustfile
from harness.load.journeys import MingusUser


class HastyVisitor(MingusUser):
    """A visitor who thinks half as long."""

    host = locustfile.MingusVisitor.host
    wait_time = between(0.5, 1.5)
    network_timeout = 60.0
    connection_timeout = 60.0
