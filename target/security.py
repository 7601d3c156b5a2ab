"""Passwords and session tokens. Pure but for the system's randomness."""

from __future__ import annotations

import base64
import hashlib
import hmac
import os
import secrets

_BLOCK, _PARALLEL = 8, 1
_SALT_BYTES = 16
# scrypt needs 128 * n * r bytes; OpenSSL's own ceiling is 32 MiB, too little for a serious cost.
_MEMORY_CEILING = 512 * 1024 * 1024


def _scrypt(password: str, salt: bytes, log2_n: int, pepper: str) -> bytes:
    keyed = hmac.digest(pepper.encode(), password.encode(), "sha256") if pepper else password.encode()
    return hashlib.scrypt(keyed, salt=salt, n=1 << log2_n, r=_BLOCK, p=_PARALLEL, maxmem=_MEMORY_CEILING, dklen=32)


def hash_password(password: str, *, log2_n: int, pepper: str = "") -> str:
    """A salted scrypt hash, "scrypt$log2_n$salt$hash", the last two in base64."""
    salt = os.urandom(_SALT_BYTES)
    digest = _scrypt(password, salt, log2_n, pepper)
    return f"scrypt${log2_n}${base64.b64encode(salt).decode()}${base64.b64encode(digest).decode()}"


def verify_password(password: str, stored: str, *, pepper: str = "") -> bool:
    """Whether the password made the stored hash, compared in constant time."""
    kind, log2_n, salt, digest = stored.split("$")
    if kind != "scrypt":
        raise ValueError(f"unknown password hash {kind!r}")
    actual = _scrypt(password, base64.b64decode(salt), int(log2_n), pepper)
    return hmac.compare_digest(actual, base64.b64decode(digest))


def new_token() -> str:
    """A session token for the client: 256 random bits. Only its hash is stored."""
    return secrets.token_urlsafe(32)


def hash_token(token: str) -> bytes:
    """What is stored of a token: SHA-256 suffices, a random token cannot be guessed from it."""
    return hashlib.sha256(token.encode()).digest()
