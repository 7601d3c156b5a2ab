"""What a Mingus user does: sign up or log in, look at the dashboard, change the profile; health checks beside it.

Every answer is validated, status and body. A wrong body is a ``ResponseInvalid``, which the load exporter counts as the
error kind ``validation``; wrong statuses, time-outs and connection errors keep Locust's own exceptions. Error texts and
request names are fixed strings: neither may grow with the run. Only Locust child processes import this module.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from typing import Any, cast

from locust import FastHttpUser, between, task

from harness.load.accounts import Account, AccountBook

# A token is refused rightly from its end on; clocks and the time a request takes may differ by this much.
EXPIRY_SLACK_SECONDS = 5.0

Check = Callable[[Any], str | None]


class ResponseInvalid(Exception):
    """The status was right and the body was not."""


def is_number(value: Any) -> bool:
    """A finite JSON number."""
    return isinstance(value, int | float) and not isinstance(value, bool) and math.isfinite(value)


def check_registered(email: str) -> Check:
    """POST /register."""

    def check(body: Any) -> str | None:
        if not isinstance(body, dict) or not isinstance(body.get("user_id"), int):
            return "no user_id"
        return None if body.get("email") == email else "another user's e-mail address"

    return check


def check_login(body: Any) -> str | None:
    """POST /login."""
    if not isinstance(body, dict) or not isinstance(body.get("token"), str) or len(body["token"]) < 16:
        return "no token"
    return None if is_number(body.get("expires_in")) and body["expires_in"] > 0 else "no expires_in"


def check_dashboard(email: str) -> Check:
    """GET /dashboard: the right person's, with accounts that sum up to the net worth."""

    def check(body: Any) -> str | None:
        if not isinstance(body, dict) or not isinstance(body.get("profile"), dict):
            return "no profile"
        if body["profile"].get("email") != email:
            return "another user's dashboard"
        accounts = body.get("accounts")
        if not isinstance(accounts, list) or not accounts:
            return "no accounts"
        balances: list[Any] = [account.get("balance") for account in accounts if isinstance(account, dict)]
        if len(balances) != len(accounts) or not all(map(is_number, balances)) or not is_number(body.get("net_worth")):
            return "a balance is no number"
        if abs(sum(balances) - body["net_worth"]) > 0.005 * len(balances):
            return "net worth is not the sum of the accounts"
        if not isinstance(body.get("spending"), list) or not body["spending"] or not body.get("transactions"):
            return "no transactions"
        return None

    return check


def check_profile(email: str, changes: dict[str, str | int]) -> Check:
    """PUT /profile: the changes are in."""

    def check(body: Any) -> str | None:
        if not isinstance(body, dict) or body.get("email") != email:
            return "another user's profile"
        return None if all(body.get(key) == value for key, value in changes.items()) else "the change was not kept"

    return check


def check_features(body: Any) -> str | None:
    """GET /features."""
    features = body.get("features") if isinstance(body, dict) else None
    if not isinstance(features, dict) or not features:
        return "no features"
    return None if all(isinstance(on, bool) for on in features.values()) else "a feature is neither on nor off"


def check_subscription(body: Any) -> str | None:
    """GET /subscription."""
    if not isinstance(body, dict) or body.get("plan") not in ("free", "plus", "premium"):
        return "no known plan"
    return None if body.get("status") == "active" else "not active"


def check_health(body: Any) -> str | None:
    """GET /health."""
    return None if isinstance(body, dict) and body.get("status") == "ok" else "not ok"


def check_system_health(body: Any) -> str | None:
    """GET /system/health: degraded is a true answer of a service that works without its cache."""
    if not isinstance(body, dict) or body.get("status") not in ("ok", "degraded"):
        return "neither ok nor degraded"
    return None if body.get("database") == "ok" else "the database is not ok"


class MingusUser(FastHttpUser):
    """One person with a browser. Weights: of 100 actions some 30 dashboards, 25 profile updates, 3 new sessions."""

    abstract = True
    wait_time = between(1, 3)
    # A request that takes longer has failed for its user; Locust's own default is a minute.
    network_timeout = 10.0
    connection_timeout = 10.0

    account: Account | None = None

    @property
    def book(self) -> AccountBook:
        """The worker's accounts, put on the environment when the test starts."""
        return cast(AccountBook, self.environment.mingus_accounts)

    def on_start(self) -> None:
        """Arrive: sign up or log in, and look at the dashboard."""
        self.arrive()

    def on_stop(self) -> None:
        """Leave without a word; the session expires by itself."""
        self._release()

    @task(1)
    def new_session(self) -> None:
        """Log out; then somebody else sits down: registration -> login -> dashboard."""
        account = self.account
        if account is not None and account.users == 1:
            token, account.token = account.token, ""  # first: from now on nobody who joins the account uses it
            if token:
                self._call("POST", "/logout", expect=204, token=token)
        self._release()
        self.arrive()

    @task(10)
    def dashboard(self) -> None:
        if self._signed_in() and self.account is not None:
            self._call("GET", "/dashboard", check=check_dashboard(self.account.persona.email))

    @task(8)
    def update_profile(self) -> None:
        if self._signed_in() and self.account is not None:
            changes = self.book.source.raise_for(self.account.persona)
            self._call("PUT", "/profile", json=changes, check=check_profile(self.account.persona.email, changes))

    @task(4)
    def features(self) -> None:
        if self._signed_in():
            self._call("GET", "/features", check=check_features)

    @task(4)
    def subscription(self) -> None:
        if self._signed_in():
            self._call("GET", "/subscription", check=check_subscription)

    @task(4)
    def health(self) -> None:
        self._call("GET", "/health", check=check_health)

    @task(2)
    def system_health(self) -> None:
        self._call("GET", "/system/health", check=check_system_health)

    def arrive(self) -> None:
        """Sign up when the account is new, log in, open the dashboard."""
        if self._signed_in():
            self.dashboard()

    def _signed_in(self) -> bool:
        """Whether there is a token, after trying to get one."""
        self.account = self.account or self.book.take()
        if self.account is None:
            return False
        if self.account.token:
            return True
        return (self.account.registered or self._register(self.account)) and self._login(self.account)

    def _register(self, account: Account) -> bool:
        persona = account.persona
        tried, account.tried = account.tried, True
        # An earlier try may have got through although its answer did not.
        accepted = 409 if tried else None
        body = self._call(
            "POST",
            "/register",
            json=persona.registration(),
            expect=201,
            also=accepted,
            check=check_registered(persona.email),
        )
        account.registered = body is not None
        return account.registered

    def _login(self, account: Account) -> bool:
        credentials: dict[str, str | int] = {"email": account.persona.email, "password": account.persona.password}
        body = self._call("POST", "/login", json=credentials, check=check_login)
        if body is None:
            return False
        account.expires_at = time.monotonic() + body["expires_in"]
        account.token = body["token"]
        return True

    def _release(self) -> None:
        if self.account is not None:
            self.book.give_back(self.account)
        self.account = None

    def _call(
        self,
        method: str,
        path: str,
        *,
        json: dict[str, str | int] | None = None,
        expect: int = 200,
        also: int | None = None,
        check: Check | None = None,
        token: str = "",
    ) -> Any:
        """One request, validated. Returns the JSON body ({} where none is expected), None when it failed.

        A 401 on a token that has expired is the right answer: the user logs in, and the next action goes on. On a token
        that should still be valid it is a failure.
        """
        account = self.account
        headers = {"User-Agent": account.persona.user_agent} if account else {}
        token = token or (account.token if account else "")
        expires_at = account.expires_at if account else 0.0
        if token:
            headers["Authorization"] = f"Bearer {token}"
        with self.client.request(method, path, name=path, json=json, headers=headers, catch_response=True) as response:
            status = response.status_code
            if status == 401 and token:
                if account is not None and account.token == token:
                    account.token = ""
                if time.monotonic() >= expires_at - EXPIRY_SLACK_SECONDS:
                    response.success()
            elif also is not None and status == also:
                response.success()
                return {}
            elif status == expect:
                return self._checked(response, check)
            elif 0 < status < 400:
                response.failure(ResponseInvalid("unexpected status"))
            # Anything else Locust reports itself, with the exception it met.
        if status == 401 and token and account is not None and not account.token and path != "/logout":
            self._login(account)
        return None

    @staticmethod
    def _checked(response: Any, check: Check | None) -> Any:
        if check is None:
            return {}
        try:
            body = response.json()
        except (ValueError, TypeError):  # TypeError: no body at all
            response.failure(ResponseInvalid("the body is not JSON"))
            return None
        problem = check(body)
        if problem:
            response.failure(ResponseInvalid(problem))
            return None
        return body
