"""A group's counters over members that come, go and are recycled."""

from __future__ import annotations

import pytest

from exporters.process_account import Account
from exporters.procfs import Stat


def stat(pid: int, start: int, user: float, system: float = 0.0) -> Stat:
    return Stat(pid, "S", 1, user, system, 1, start, 0, 0)


def test_an_empty_group_was_never_seen() -> None:
    account = Account(first_look=100)
    account.update([])
    assert (account.seen, account.user, account.system, account.starts) == (False, 0.0, 0.0, 0)


def test_a_member_that_was_there_before_counts_from_the_first_look() -> None:
    account = Account(first_look=100)
    account.update([stat(1, 50, user=500.0, system=30.0)])
    assert (account.user, account.system, account.starts) == (0.0, 0.0, 0)
    account.update([stat(1, 50, user=502.0, system=31.0)])
    assert (account.user, account.system, account.starts) == (2.0, 1.0, 0)


def test_a_member_born_later_counts_from_its_birth() -> None:
    account = Account(first_look=100)
    account.update([stat(1, 50, user=5.0)])
    account.update([stat(1, 50, user=5.0), stat(2, 150, user=0.7, system=0.1)])
    assert (account.user, account.system, account.starts) == (0.7, 0.1, 1)


def test_a_start_in_the_tick_of_the_first_look_is_one_unless_the_look_found_it() -> None:
    account = Account(first_look=100.7)
    account.update([stat(1, 100, user=0.5)])
    assert (account.user, account.starts) == (0.0, 0)
    account.update([stat(1, 100, user=0.5), stat(2, 100, user=0.25)])
    assert (account.user, account.starts) == (0.25, 1)


def test_a_dead_member_keeps_its_contribution_and_a_reused_pid_is_another_member() -> None:
    account = Account(first_look=100)
    account.update([stat(1, 50, user=5.0), stat(2, 60, user=1.0)])
    account.update([stat(1, 50, user=6.0), stat(2, 60, user=9.0)])
    account.update([stat(1, 50, user=6.0)])
    assert account.user == 9.0
    account.update([stat(1, 50, user=6.0), stat(2, 300, user=0.25)])
    assert account.user == 9.25
    assert account.starts == 1


def test_an_older_member_found_late_is_no_start() -> None:
    account = Account(first_look=100)
    account.update([])
    account.update([stat(1, 50, user=5.0)])
    assert (account.seen, account.user, account.starts) == (True, 0.0, 0)


def test_never_falls_when_the_kernel_steps_back() -> None:
    account = Account(first_look=100)
    account.update([])
    values = []
    for user in (1.0, 1.5, 1.49, 1.6):
        account.update([stat(1, 150, user=user)])
        values.append(account.user)
    assert values == sorted(values)
    assert values[-1] == pytest.approx(1.6)
