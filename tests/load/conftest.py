"""Fixtures of the load tests; what they are made of is in load_helpers.py."""

from tests.load.load_helpers import http_target

__all__ = ["http_target"]
