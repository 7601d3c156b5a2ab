"""The people who use Mingus under load: seeded, so that a run can be repeated. Pure.

Income follows title, industry and metro: a title's base pay, times the industry's and the metro's factor, times a
little luck, within 40,000 to 100,000 dollars a year.
"""

from __future__ import annotations

import random
from collections.abc import Mapping
from dataclasses import dataclass

INCOME_LOW, INCOME_HIGH = 40_000, 100_000
INCOME_STEP = 500  # people state round numbers
LUCK_SD = 0.04

METROS: Mapping[str, float] = {
    "Atlanta": 0.97,
    "Houston": 0.96,
    "DC": 1.06,
    "Dallas": 0.98,
    "Chicago": 1.00,
    "LA": 1.05,
}

# Industry: factor, and titles with their base pay.
INDUSTRIES: Mapping[str, tuple[float, Mapping[str, int]]] = {
    "Healthcare": (
        1.00,
        {
            "Medical Assistant": 45_000,
            "Pharmacy Technician": 46_000,
            "Registered Nurse": 77_000,
            "Care Manager": 82_000,
        },
    ),
    "Technology": (
        1.06,
        {"Support Specialist": 52_000, "QA Analyst": 66_000, "Data Analyst": 70_000, "Software Engineer": 85_000},
    ),
    "Finance": (
        1.04,
        {"Bank Teller": 43_000, "Loan Officer": 62_000, "Accountant": 67_000, "Financial Analyst": 76_000},
    ),
    "Education": (
        0.97,
        {"Teaching Assistant": 44_000, "Teacher": 58_000, "School Counselor": 61_000, "Principal": 88_000},
    ),
    "Logistics": (
        0.99,
        {"Dispatcher": 46_000, "Truck Driver": 54_000, "Warehouse Supervisor": 57_000, "Supply Chain Manager": 84_000},
    ),
    "Hospitality": (
        0.96,
        {"Line Cook": 43_000, "Front Desk Lead": 44_000, "Event Planner": 54_000, "Hotel Manager": 68_000},
    ),
    "Government": (
        1.01,
        {"Clerk": 45_000, "Inspector": 60_000, "Policy Analyst": 71_000, "Program Manager": 86_000},
    ),
}

FIRST_NAMES = (
    "Aaliyah", "Andre", "Angela", "Brandon", "Carmen", "Chloe", "Darius", "Diego", "Elena", "Emily", "Ethan", "Fatima",
    "Grace", "Hannah", "Isaiah", "Jada", "James", "Jasmine", "Kevin", "Keisha", "Liam", "Lucia", "Malik", "Maria",
    "Marcus", "Mei", "Naomi", "Noah", "Olivia", "Omar", "Priya", "Rosa", "Samuel", "Sofia", "Terrence", "Victoria",
)  # fmt: skip
LAST_NAMES = (
    "Adams", "Baker", "Brooks", "Brown", "Carter", "Chen", "Coleman", "Davis", "Diaz", "Edwards", "Flores", "Garcia",
    "Green", "Hall", "Harris", "Hernandez", "Jackson", "Johnson", "Jones", "Kim", "Lee", "Lewis", "Lopez", "Martin",
    "Miller", "Mitchell", "Nguyen", "Patel", "Ramirez", "Robinson", "Scott", "Smith", "Taylor", "Thomas", "Walker",
    "Washington", "Williams", "Wilson", "Wright", "Young",
)  # fmt: skip

_APPLE = "AppleWebKit/605.1.15 (KHTML, like Gecko) Version/18.1"
_CHROME = "AppleWebKit/537.36 (KHTML, like Gecko)"
MOBILE_AGENTS = (
    f"Mozilla/5.0 (iPhone; CPU iPhone OS 18_1 like Mac OS X) {_APPLE} Mobile/15E148 Safari/604.1",
    f"Mozilla/5.0 (Linux; Android 15; Pixel 9) {_CHROME} Chrome/131.0.0.0 Mobile Safari/537.36",
    f"Mozilla/5.0 (Linux; Android 14; SM-S921U) {_CHROME} SamsungBrowser/26.0 Chrome/122.0.0.0 Mobile Safari/537.36",
)
DESKTOP_AGENTS = (
    f"Mozilla/5.0 (Windows NT 10.0; Win64; x64) {_CHROME} Chrome/131.0.0.0 Safari/537.36",
    f"Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) {_APPLE} Safari/605.1.15",
    "Mozilla/5.0 (X11; Linux x86_64; rv:133.0) Gecko/20100101 Firefox/133.0",
)


@dataclass(frozen=True)
class Persona:
    """Who signs up. ``income`` is dollars a year. ``email`` is unique; all else repeats with the seed."""

    email: str
    password: str
    name: str
    metro: str
    industry: str
    title: str
    income: int
    user_agent: str
    mobile: bool

    def registration(self) -> dict[str, str | int]:
        """The body of POST /register."""
        return {
            "email": self.email,
            "password": self.password,
            "name": self.name,
            "metro": self.metro,
            "industry": self.industry,
            "title": self.title,
            "income": self.income,
        }


def expected_income(metro: str, industry: str, title: str) -> float:
    """Mean income in dollars a year, before luck and bounds."""
    factor, titles = INDUSTRIES[industry]
    return titles[title] * factor * METROS[metro]


def draw_income(rng: random.Random, metro: str, industry: str, title: str) -> int:
    """An income in dollars a year, in steps of 500, within 40,000 to 100,000."""
    income = expected_income(metro, industry, title) * rng.gauss(1.0, LUCK_SD)
    return int(min(INCOME_HIGH, max(INCOME_LOW, round(income / INCOME_STEP) * INCOME_STEP)))


class PersonaSource:
    """An endless, repeatable stream of personas.

    Args:
        seed: of the run.
        worker_index: of the Locust worker; each has a stream of its own.
        nonce: unique to this process, so that no two workers or runs share an e-mail address.
        mobile_share: share of personas with a mobile user agent, 0 to 1.

    Raises:
        ValueError: mobile_share is no share.
    """

    def __init__(self, seed: int, worker_index: int, *, nonce: str, mobile_share: float = 0.6) -> None:
        if not 0 <= mobile_share <= 1:
            raise ValueError(f"the share of mobile users must be within 0 and 1, not {mobile_share}")
        # A text seeds with all its digits, and alike on every platform.
        self._rng = random.Random(f"personas:{seed}:{worker_index}")  # noqa: S311 - repeatable on purpose
        self._nonce = nonce
        self._mobile_share = mobile_share
        self._count = 0

    def next(self) -> Persona:
        """The next persona of the stream."""
        rng = self._rng
        self._count += 1
        first, last = rng.choice(FIRST_NAMES), rng.choice(LAST_NAMES)
        metro, industry = rng.choice(list(METROS)), rng.choice(list(INDUSTRIES))
        title = rng.choice(list(INDUSTRIES[industry][1]))
        income = draw_income(rng, metro, industry, title)
        mobile = rng.random() < self._mobile_share
        return Persona(
            email=f"{first}.{last}.{self._nonce}.{self._count}@example.com".lower(),
            password=f"pw-{rng.getrandbits(64):016x}",
            name=f"{first} {last}",
            metro=metro,
            industry=industry,
            title=title,
            income=income,
            user_agent=rng.choice(MOBILE_AGENTS if mobile else DESKTOP_AGENTS),
            mobile=mobile,
        )

    def raise_for(self, persona: Persona) -> dict[str, str | int]:
        """A profile change that makes sense: another title of the same industry, and what it pays there."""
        title = self._rng.choice(list(INDUSTRIES[persona.industry][1]))
        return {"title": title, "income": draw_income(self._rng, persona.metro, persona.industry, title)}
