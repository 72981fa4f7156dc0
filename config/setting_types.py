"""What values of settings are checked for."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Final, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BeforeValidator, Field, SecretStr

from safety.addresses import is_loopback

_FIRST_PORT: Final = 1_024
_LAST_PORT: Final = 65_535


def postgres_url(url: SecretStr) -> SecretStr:
    """A URL of PostgreSQL.

    Raises:
        ValueError: if it is not one.
    """
    if not url.get_secret_value().startswith(("postgresql://", "postgres://")):
        message = "no PostgreSQL URL"
        raise ValueError(message)
    return url


def variables_of_others(text: str) -> str:
    """Names of variables with commas between them, of which none is a setting of Genie's: those have its keys and its database.

    Raises:
        ValueError: if one cannot be.
    """
    for name in words_in(text):
        if not name.replace("_", "a").isalnum() or not name.isascii() or name.upper().startswith("GENIE_"):
            message = "no name of a variable"
            raise ValueError(message)
    return text


def secrets_for_repositories(text: str) -> str:
    """Pairs SECRET=REPOSITORY with commas between them; either may have stars.

    Raises:
        ValueError: if one cannot be.
    """
    for secret, repository in pairs_in(text):
        if not secret.startswith("mcp_") or not repository:
            message = "no mcp_name=repository"
            raise ValueError(message)
    return text


def http_url(url: str) -> str:
    """A URL of HTTP.

    Raises:
        ValueError: if it is not one.
    """
    split = urlsplit(url)
    if split.scheme not in {"http", "https"} or not split.hostname:
        message = "no HTTP URL"
        raise ValueError(message)
    return url


def secure_url(url: str) -> str:
    """A URL of HTTP that nobody on the way can answer.

    Raises:
        ValueError: if it is not one.
    """
    split = urlsplit(http_url(url))
    if split.scheme != "https" and not is_loopback(split.hostname):
        message = "plain HTTP to another machine"
        raise ValueError(message)
    return url


def bearer(key: SecretStr) -> SecretStr:
    """A key or a token, which goes into a header.

    Raises:
        ValueError: if it cannot be one.
    """
    text = key.get_secret_value()
    if not text.isascii() or not text.isprintable() or " " in text:
        message = "no key"
        raise ValueError(message)
    return key


def expanded(path: Path) -> Path:
    """A path with the home folder put in.

    Raises:
        ValueError: if it is not one.
    """
    try:
        return path.expanduser().absolute()
    except RuntimeError as exc:
        raise ValueError(str(exc)) from exc  # there is no home folder


def absolute_folder(path: Path) -> Path:
    """A folder, or where one can be made.

    Raises:
        ValueError: if it is not one.
    """
    found = expanded(path)
    if found.exists() and not found.is_dir():
        message = "not a folder"
        raise ValueError(message)
    return found


def existing_folder(path: Path) -> Path:
    """A folder that is there.

    Raises:
        ValueError: if it is not one.
    """
    found = expanded(path)
    if not found.is_dir():
        message = "no such folder"
        raise ValueError(message)
    return found


def existing_file(path: Path) -> Path:
    """A file that is there.

    Raises:
        ValueError: if it is not one.
    """
    found = expanded(path)
    if not found.is_file():
        message = "no such file"
        raise ValueError(message)
    return found


def two_ports(text: str) -> str:
    """Two ports with a dash between them.

    Raises:
        ValueError: if it is not one.
    """
    first, _, last = text.partition("-")
    if not (first.isdecimal() and last.isdecimal() and _FIRST_PORT <= int(first) <= int(last) <= _LAST_PORT):
        message = "no range of ports"
        raise ValueError(message)
    return text


def words_in(text: str) -> tuple[str, ...]:
    """What stands between the commas."""
    return tuple(word for part in text.split(",") if (word := part.strip()))


def pairs_in(text: str) -> tuple[tuple[str, str], ...]:
    """What stands on both sides of the first `=`, of each word between the commas."""
    return tuple((name.strip(), value.strip()) for name, _, value in (word.partition("=") for word in words_in(text)))


def lower(value: object) -> object:
    """A word without capitals."""
    return value.strip().lower() if isinstance(value, str) else value


BaseUrl = Annotated[str, AfterValidator(http_url)]
Key = Annotated[SecretStr, Field(min_length=1)]
LogLevel = Annotated[Literal["debug", "info", "warning", "error"], BeforeValidator(lower)]
