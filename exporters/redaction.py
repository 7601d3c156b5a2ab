"""Takes secrets out of texts that are logged. Pure."""

from __future__ import annotations

import re
from urllib.parse import parse_qsl, unquote, urlsplit

MASK = "***"
_USERINFO = re.compile(r"(?<=://)[^/?#\s]*@")
_KEYWORD = re.compile(r"(?i)\b((?:ssl)?password|passwd|passfile|token)(\s*=\s*)('(?:[^'\\]|\\.)*'|[^\s&]+)")


def secrets_of(url: str) -> tuple[str, ...]:
    """Everything in ``url`` that must not be seen, longest first; of an unparsable URL, the whole."""
    try:
        parts = urlsplit(url)
        passwords = [parts.password or ""]
        passwords += [v for k, v in parse_qsl(parts.query) if re.search("pass|token|secret|key", k, re.IGNORECASE)]
    except ValueError:
        return (url,)
    found = {form for secret in passwords for form in (secret, unquote(secret)) if form}
    return tuple(sorted({url, *found}, key=len, reverse=True))


def redact(text: object, secrets: tuple[str, ...] = ()) -> str:
    """``text`` on one line, without the given secrets, user information of URLs, and password=... pairs."""
    line = " ".join(str(text).split())
    for secret in secrets:
        line = line.replace(secret, MASK)
    return _KEYWORD.sub(rf"\1\2{MASK}", _USERINFO.sub(f"{MASK}@", line))
