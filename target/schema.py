"""Mingus's tables, and their creation that any number of starting servers may attempt at once."""

from __future__ import annotations

from sqlalchemy import (
    BigInteger,
    Boolean,
    Column,
    Date,
    DateTime,
    ForeignKey,
    Identity,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    Numeric,
    SmallInteger,
    Table,
    Text,
    func,
    text,
)
from sqlalchemy.dialects.postgresql import insert
from sqlalchemy.engine import Connection, Engine

# Any constant; it only must be the same in every Mingus on one database ("mingus" as a number).
SCHEMA_LOCK = 0x6D696E677573

metadata = MetaData()


def _owner() -> Column[int]:
    return Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), nullable=False)


users = Table(
    "users",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("email", Text, nullable=False, unique=True),
    Column("password_hash", Text, nullable=False),
    Column("name", Text, nullable=False),
    Column("metro", Text, nullable=False),
    Column("industry", Text, nullable=False),
    Column("title", Text, nullable=False),
    Column("income", Integer, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    # The profile is updated all day long: room in the page keeps updates "hot" and the table from bloating.
    postgresql_with={"fillfactor": "70"},
)

sessions = Table(
    "sessions",
    metadata,
    Column("token_hash", LargeBinary, primary_key=True),
    _owner(),
    Column("expires_at", DateTime(timezone=True), nullable=False),
    Index("sessions_by_user", "user_id", "expires_at"),
)

accounts = Table(
    "accounts",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    _owner(),
    Column("kind", Text, nullable=False),
    Column("balance", Numeric(14, 2), nullable=False),
    Index("accounts_by_user", "user_id"),
)

transactions = Table(
    "transactions",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("account_id", BigInteger, ForeignKey("accounts.id", ondelete="CASCADE"), nullable=False),
    Column("posted_on", Date, nullable=False),
    Column("category", Text, nullable=False),
    Column("amount", Numeric(12, 2), nullable=False),
    Index("transactions_by_account", "account_id", text("posted_on DESC")),
)

subscriptions = Table(
    "subscriptions",
    metadata,
    Column("user_id", BigInteger, ForeignKey("users.id", ondelete="CASCADE"), primary_key=True),
    Column("plan", Text, nullable=False),
    Column("status", Text, nullable=False),
    Column("renews_on", Date, nullable=False),
)

feature_flags = Table(
    "feature_flags",
    metadata,
    Column("name", Text, primary_key=True),
    Column("enabled", Boolean, nullable=False),
    Column("rollout_percent", SmallInteger, nullable=False),
)

# What users did, newest first. Mingus itself writes nothing here: the fault missing_index does (target.faults).
activity = Table(
    "activity",
    metadata,
    Column("id", BigInteger, Identity(), primary_key=True),
    Column("owner", BigInteger, nullable=False),
    Column("happened_at", DateTime(timezone=True), nullable=False, server_default=func.now()),
    Column("note", Text, nullable=False),
)
ACTIVITY_INDEX = Index("activity_by_owner", activity.c.owner, activity.c.happened_at)

FLAGS = (
    ("budget_alerts", True, 100),
    ("spending_insights", True, 50),
    ("bill_negotiation", True, 20),
    ("crypto_accounts", False, 0),
    ("dark_mode", True, 80),
)


def create_schema(engine: Engine) -> None:
    """Create what is missing, indexes too, and the rows every Mingus has; safe to repeat, and from several servers.

    Raises:
        sqlalchemy.exc.OperationalError: the database does not answer.
    """
    with engine.begin() as connection:
        _create(connection)


def lock_schema(connection: Connection) -> None:
    """Whoever changes the schema does it alone; the lock goes with the transaction."""
    connection.execute(text("SELECT pg_advisory_xact_lock(:key)"), {"key": SCHEMA_LOCK})


def _create(connection: Connection) -> None:
    # CREATE TABLE IF NOT EXISTS alone still fails when two servers race.
    lock_schema(connection)
    metadata.create_all(connection)
    for table in metadata.sorted_tables:  # create_all makes the indexes of new tables alone
        for index in table.indexes:
            index.create(connection, checkfirst=True)
    rows = [{"name": name, "enabled": enabled, "rollout_percent": percent} for name, enabled, percent in FLAGS]
    connection.execute(insert(feature_flags).on_conflict_do_nothing(), rows)
