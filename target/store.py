"""Mingus's queries. Each function takes an open connection; the caller owns the transaction."""

from __future__ import annotations

import random
from collections.abc import Mapping
from datetime import date, timedelta
from typing import Any

from sqlalchemy import case, delete, func, insert, select, update
from sqlalchemy.engine import Connection

from target.schema import accounts, feature_flags, sessions, subscriptions, transactions, users

PROFILE_COLUMNS = (users.c.name, users.c.metro, users.c.industry, users.c.title, users.c.income)
HISTORY_DAYS = 90
TRANSACTIONS_PER_USER = 36  # with 10,000 users 360,000 rows: aggregates have work, the database stays small
# Share of a month's income that goes to each category.
SPENDING = {"housing": 0.30, "food": 0.14, "transport": 0.10, "health": 0.06, "leisure": 0.08, "utilities": 0.07}


def add_user(connection: Connection, fields: Mapping[str, Any], password_hash: str, today: date) -> int:
    """Insert a user with accounts, a quarter of transactions and a subscription; returns the id.

    Raises:
        sqlalchemy.exc.IntegrityError: the e-mail address is taken.
    """
    profile = {column.name: fields[column.name] for column in PROFILE_COLUMNS}
    row = {"email": fields["email"], "password_hash": password_hash, **profile}
    user_id = int(connection.execute(insert(users).values(**row).returning(users.c.id)).scalar_one())
    rng = random.Random(user_id)  # noqa: S311 - sample data; the same user has the same history in every run
    income = int(fields["income"])
    account_rows = [
        {"user_id": user_id, "kind": "checking", "balance": round(income * rng.uniform(0.02, 0.08), 2)},
        {"user_id": user_id, "kind": "savings", "balance": round(income * rng.uniform(0.05, 0.60), 2)},
        {"user_id": user_id, "kind": "credit", "balance": -round(income * rng.uniform(0.00, 0.05), 2)},
    ]
    ids = connection.execute(
        insert(accounts).returning(accounts.c.id, sort_by_parameter_order=True), account_rows
    ).scalars()
    connection.execute(insert(transactions), _history(list(ids), income, today, rng))
    plan = rng.choice(("free", "free", "plus", "premium"))
    connection.execute(
        insert(subscriptions).values(
            user_id=user_id, plan=plan, status="active", renews_on=today + timedelta(days=rng.randint(1, 30))
        )
    )
    return user_id


def _history(account_ids: list[int], income: int, today: date, rng: random.Random) -> list[dict[str, Any]]:
    checking, _, credit = account_ids
    month = income / 12
    paydays = [today - timedelta(days=30 * back) for back in range(HISTORY_DAYS // 30)]
    rows: list[dict[str, Any]] = [
        {"account_id": checking, "posted_on": payday, "category": "salary", "amount": round(month, 2)}
        for payday in paydays
    ]
    categories = list(SPENDING)
    purchases = TRANSACTIONS_PER_USER - len(rows)
    for number in range(purchases):
        category = categories[number % len(categories)]
        mean = SPENDING[category] * month * (HISTORY_DAYS / 30) / (purchases / len(categories))
        rows.append(
            {
                "account_id": rng.choice((checking, credit)),
                "posted_on": today - timedelta(days=rng.randrange(HISTORY_DAYS)),
                "category": category,
                "amount": -round(mean * rng.uniform(0.5, 1.5), 2),
            }
        )
    return rows


def credentials(connection: Connection, email: str) -> tuple[int, str] | None:
    """(user id, password hash) of an e-mail address."""
    row = connection.execute(select(users.c.id, users.c.password_hash).where(users.c.email == email)).one_or_none()
    return (int(row.id), str(row.password_hash)) if row else None


def add_session(connection: Connection, user_id: int, token_hash: bytes, ttl: float, keep: int) -> None:
    """Insert a session of ``ttl`` seconds; the user's expired ones go, and all but the ``keep`` newest."""
    newest = (
        select(sessions.c.token_hash)
        .where(sessions.c.user_id == user_id, sessions.c.expires_at > func.now())
        .order_by(sessions.c.expires_at.desc())
        .limit(keep - 1)
    )
    connection.execute(delete(sessions).where(sessions.c.user_id == user_id, sessions.c.token_hash.not_in(newest)))
    connection.execute(
        insert(sessions).values(token_hash=token_hash, user_id=user_id, expires_at=func.now() + timedelta(seconds=ttl))
    )


def session_user(connection: Connection, token_hash: bytes) -> int | None:
    """The user of a session that has not expired."""
    query = select(sessions.c.user_id).where(sessions.c.token_hash == token_hash, sessions.c.expires_at > func.now())
    return connection.execute(query).scalar_one_or_none()


def end_session(connection: Connection, token_hash: bytes) -> None:
    connection.execute(delete(sessions).where(sessions.c.token_hash == token_hash))


def profile(connection: Connection, user_id: int) -> dict[str, Any]:
    row = connection.execute(select(users.c.email, *PROFILE_COLUMNS).where(users.c.id == user_id)).one()
    return dict(row._mapping)


def update_profile(connection: Connection, user_id: int, changes: Mapping[str, Any]) -> dict[str, Any]:
    """Change a profile; returns it as it is now."""
    statement = (
        update(users)
        .where(users.c.id == user_id)
        .values(**changes, updated_at=func.now())
        .returning(users.c.email, *PROFILE_COLUMNS)
    )
    return dict(connection.execute(statement).one()._mapping)


def dashboard(connection: Connection, user_id: int) -> dict[str, Any]:
    """Balances, spending by category and by month, of everything the user has; JSON-ready."""
    balances = connection.execute(
        select(accounts.c.kind, accounts.c.balance).where(accounts.c.user_id == user_id).order_by(accounts.c.id)
    ).all()
    owned = transactions.join(accounts, transactions.c.account_id == accounts.c.id)
    spent = func.sum(-transactions.c.amount)
    categories = connection.execute(
        select(transactions.c.category, spent.label("amount"), func.count().label("count"))
        .select_from(owned)
        .where(accounts.c.user_id == user_id, transactions.c.amount < 0)
        .group_by(transactions.c.category)
        .order_by(spent.desc())
    ).all()
    month = func.to_char(func.date_trunc("month", transactions.c.posted_on), "YYYY-MM")
    earned = func.sum(case((transactions.c.amount > 0, transactions.c.amount), else_=0))
    gone = func.sum(case((transactions.c.amount < 0, -transactions.c.amount), else_=0))
    months = connection.execute(
        select(month.label("month"), earned.label("earned"), gone.label("spent"), func.count().label("count"))
        .select_from(owned)
        .where(accounts.c.user_id == user_id)
        .group_by(month)
        .order_by(month)
    ).all()
    return {
        "profile": profile(connection, user_id),
        "net_worth": float(sum(row.balance for row in balances)),
        "accounts": [{"kind": row.kind, "balance": float(row.balance)} for row in balances],
        "spending": [{"category": row.category, "amount": float(row.amount)} for row in categories],
        "months": [{"month": row.month, "earned": float(row.earned), "spent": float(row.spent)} for row in months],
        "transactions": sum(row.count for row in months),
    }


def subscription(connection: Connection, user_id: int) -> dict[str, Any]:
    row = connection.execute(
        select(subscriptions.c.plan, subscriptions.c.status, subscriptions.c.renews_on).where(
            subscriptions.c.user_id == user_id
        )
    ).one()
    return {"plan": row.plan, "status": row.status, "renews_on": row.renews_on.isoformat()}


def flags(connection: Connection) -> dict[str, int]:
    """Share of users, in percent, for whom each flag is on."""
    rows = connection.execute(
        select(feature_flags.c.name, feature_flags.c.enabled, feature_flags.c.rollout_percent)
    ).all()
    return {row.name: row.rollout_percent if row.enabled else 0 for row in rows}
