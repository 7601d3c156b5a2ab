"""Takes secrets out of what is written to files and shown to people. Pure. Leaf: imports nothing of ours."""

from __future__ import annotations

import re
from collections.abc import Sequence

MASK = "***"

# Not urlsplit: what is masked may be malformed, and then must be masked all the same. Userinfo ends at the last '@'
# before a blank or the path; a password may itself hold '@'.
_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,20}://)(?P<userinfo>[^/?#\s]*)@")
# A password with an unescaped '/', '?' or '#' breaks the grammar above; a colon before and an '@' behind it give it
# away.
_LOOSE_USERINFO = re.compile(r"(?P<scheme>[A-Za-z][A-Za-z0-9+.-]{0,20}://)(?P<userinfo>[^\s:@/]*:(?!\d{1,5}/)[^\s@]*)@")
_NAMES = (
    r"[A-Za-z0-9_.-]{0,64}(?:password|passwd|pwd|secret|token|api[-_]?key|access[-_]?key|auth|signature|sig|credential"
    r"|session|jwt)[A-Za-z0-9_.-]*|key|code"
)
_QUERY = re.compile(rf"(?P<name>[?&;](?:{_NAMES})=)[^&;#\s]*", re.IGNORECASE)


def mask_url(text: str) -> str:
    """The text with the userinfo of its URLs and the secret-like values of their query strings masked.

    A user name alone stays (it is no secret, and tells which database role was used); as soon as there is a password,
    only the password goes. A userinfo without a colon in an http URL is a token and goes whole.
    """
    text = _LOOSE_USERINFO.sub(_mask_userinfo, text)
    text = _USERINFO.sub(_mask_userinfo, text)
    return _QUERY.sub(rf"\g<name>{MASK}", text)


def names_a_secret(name: str) -> bool:
    """Whether a header of this name, as Authorization or X-Api-Key, holds what lets in."""
    return name.lower() in ("cookie", "set-cookie") or re.fullmatch(_NAMES, name, re.IGNORECASE) is not None


_OPTION = re.compile(rf"(?P<name>-{{1,2}}(?:{_NAMES})|(?:{_NAMES}))(?P<value>=.*)?", re.IGNORECASE | re.DOTALL)


def mask_command(command: Sequence[str]) -> str:
    """A command line on one line, without the values of options and variables that sound like secrets."""
    shown: list[str] = []
    hide = False
    for word in command:
        option = _OPTION.fullmatch(word)
        if hide and not word.startswith("-"):
            shown.append(MASK)
            hide = False
        elif option and option["value"] is not None:
            shown.append(f"{option['name']}={MASK}")
            hide = False
        else:
            shown.append(mask_url(word))
            hide = option is not None and word.startswith("-")
    return "".join(c if c.isprintable() else " " for c in " ".join(shown))


def mask_hook(url: str) -> str:
    """The URL of a web hook down to its host: whoever knows its path may post there."""
    match = re.match(r"(?P<scheme>https?://)(?:[^/?#]*@)?(?P<host>[^/?#\s]*)", url)
    return f"{match['scheme']}{match['host']}/{MASK}" if match else MASK


def _mask_userinfo(match: re.Match[str]) -> str:
    user, colon, _ = match["userinfo"].partition(":")
    if match["scheme"].lower() in ("http://", "https://"):
        return f"{match['scheme']}{MASK}@"
    return f"{match['scheme']}{user}{colon}{MASK if colon else ''}@"
