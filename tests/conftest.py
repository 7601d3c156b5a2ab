"""How the tests of the whole project run."""

from __future__ import annotations

from hypothesis import settings

# A change must not fail for an example that only chance found today; `make test-long` searches for new ones.
settings.register_profile("repeatable", derandomize=True)
settings.register_profile("searching", derandomize=False)
settings.load_profile("repeatable")
