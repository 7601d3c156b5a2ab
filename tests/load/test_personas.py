from __future__ import annotations

import statistics

import pytest

from harness.load.accounts import AccountBook, share_of
from harness.load.personas import INDUSTRIES, METROS, Persona, PersonaSource, expected_income


def people(count: int, seed: int = 7, worker: int = 0, nonce: str = "run1", mobile: float = 0.6) -> list[Persona]:
    source = PersonaSource(seed, worker, nonce=nonce, mobile_share=mobile)
    return [source.next() for _ in range(count)]


def content(persona: Persona) -> tuple[object, ...]:
    return persona.name, persona.metro, persona.industry, persona.title, persona.income, persona.user_agent


def test_a_seed_repeats_the_people_but_not_their_addresses() -> None:
    first, again = people(50), people(50, nonce="run2")
    assert list(map(content, first)) == list(map(content, again))
    assert not {p.email for p in first} & {p.email for p in again}
    assert list(map(content, first)) != list(map(content, people(50, seed=8)))
    assert list(map(content, first)) != list(map(content, people(50, worker=1)))


def test_addresses_are_unique_within_a_worker() -> None:
    assert len({persona.email for persona in people(5000)}) == 5000


def test_metros_industries_and_incomes_are_the_issues() -> None:
    crowd = people(6000)
    assert {persona.metro for persona in crowd} == {"Atlanta", "Houston", "DC", "Dallas", "Chicago", "LA"}
    assert {persona.industry for persona in crowd} == set(INDUSTRIES)
    assert all(persona.title in INDUSTRIES[persona.industry][1] for persona in crowd)
    incomes = [persona.income for persona in crowd]
    assert min(incomes) >= 40_000 and max(incomes) <= 100_000
    assert all(income % 500 == 0 for income in incomes)
    at_a_bound = sum(income in (40_000, 100_000) for income in incomes)
    assert at_a_bound / len(incomes) < 0.05, "the bounds must not make the distribution"
    assert max(incomes) - min(incomes) > 50_000


def test_income_follows_title_industry_and_metro() -> None:
    crowd = people(20_000)

    def mean(**wanted: str) -> float:
        return statistics.mean(
            p.income for p in crowd if all(getattr(p, key) == value for key, value in wanted.items())
        )

    assert mean(metro="DC") > mean(metro="Chicago") > mean(metro="Houston")
    assert mean(title="Principal") > mean(title="Teacher") > mean(title="Teaching Assistant")
    assert mean(industry="Technology") > mean(industry="Hospitality")
    expected = [expected_income(p.metro, p.industry, p.title) for p in crowd]
    assert statistics.correlation(expected, [float(p.income) for p in crowd]) > 0.95
    for metro in METROS:
        for industry, (_, titles) in INDUSTRIES.items():
            for title in titles:
                assert 38_000 < expected_income(metro, industry, title) < 101_000, (metro, title)


@pytest.mark.parametrize("share", [0.0, 0.6, 1.0])
def test_user_agents_follow_the_mobile_share(share: float) -> None:
    crowd = people(3000, mobile=share)
    assert statistics.mean(p.mobile for p in crowd) == pytest.approx(share, abs=0.03 if 0 < share < 1 else 0)
    assert all(("Mobile" in p.user_agent) == p.mobile for p in crowd)


@pytest.mark.parametrize("share", [-0.1, 1.1, float("nan")])
def test_a_mobile_share_that_is_none_is_refused(share: float) -> None:
    with pytest.raises(ValueError, match="mobile"):
        PersonaSource(1, 0, nonce="x", mobile_share=share)


def test_a_raise_keeps_to_the_industry() -> None:
    source = PersonaSource(1, 0, nonce="x")
    persona = source.next()
    for _ in range(50):
        change = source.raise_for(persona)
        assert change["title"] in INDUSTRIES[persona.industry][1]
        assert 40_000 <= int(change["income"]) <= 100_000


@pytest.mark.parametrize("workers", [1, 2, 3, 7])
def test_shares_of_the_workers_are_the_runs_accounts(workers: int) -> None:
    assert sum(share_of(10_000, index, workers) for index in range(workers)) == 10_000


def test_every_worker_can_make_one_account() -> None:
    assert share_of(1, 1, 2) == 1
    assert share_of(10_000, 5, 2) == 500, "a replacement worker"


def test_accounts_are_made_up_to_the_limit_and_then_reused() -> None:
    book = AccountBook(PersonaSource(1, 0, nonce="x"), 3)
    first, second, third = book.take(), book.take(), book.take()
    assert first is not None and second is not None and third is not None
    assert book.take() is None, "nobody may use an account while another registers it"
    first.registered = third.registered = True
    assert len({first.persona.email, second.persona.email, third.persona.email}) == 3
    book.give_back(second)
    book.give_back(first)
    assert book.take() is second, "the one that rested longest"
    assert book.take() is first
    assert [book.take(), book.take(), book.take()] == [first, third, first], "more users than accounts share in turn"
    assert book.made == 3
