"""Environments of subprocesses, made from an allow-list: what is not named here reaches no command."""

from __future__ import annotations

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

_FOR_ALL: Final = frozenset({"HOME", "LANG", "LANGUAGE", "LOGNAME", "PATH", "SHELL", "TERM", "TMPDIR", "TZ", "USER"})
_CERTIFICATES: Final = frozenset({"CURL_CA_BUNDLE", "NODE_EXTRA_CA_CERTS", "REQUESTS_CA_BUNDLE", "SSL_CERT_DIR", "SSL_CERT_FILE"})
_CACHES: Final = frozenset({"XDG_CACHE_HOME", "XDG_CONFIG_HOME", "XDG_DATA_HOME"})
_TOOLCHAINS: Final = frozenset(
    {
        "ANDROID_HOME",
        "CARGO_HOME",
        "DENO_DIR",
        "GOCACHE",
        "GOMODCACHE",
        "GOPATH",
        "GOROOT",
        "GOTOOLCHAIN",
        "JAVA_HOME",
        "NVM_BIN",
        "NVM_DIR",
        "PNPM_HOME",
        "PYENV_ROOT",
        "PYENV_VERSION",
        "RUSTUP_HOME",
        "RUSTUP_TOOLCHAIN",
        "UV_CACHE_DIR",
        "VOLTA_HOME",
    }
)
_PROXIES: Final = frozenset({"ALL_PROXY", "FTP_PROXY", "HTTPS_PROXY", "HTTP_PROXY", "NO_PROXY"})
_GIT: Final = frozenset(
    {
        "GIT_ASKPASS",
        "GIT_AUTHOR_EMAIL",
        "GIT_AUTHOR_NAME",
        "GIT_COMMITTER_EMAIL",
        "GIT_COMMITTER_NAME",
        "GIT_EXEC_PATH",
        "GIT_SSH",
        "GIT_SSH_COMMAND",
        "GIT_SSL_CAINFO",
        "GIT_SSL_CAPATH",
        "SSH_AGENT_PID",
        "SSH_ASKPASS",
        "SSH_AUTH_SOCK",
    }
)


def command_environment(surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return what the commands of agents and of test suites see of `surroundings`.

    Genie's own virtual environment is taken out, so that `python` means the repository's or the machine's. A virtual environment of
    the user's that is active stays: it is the one that they work with.
    """
    chosen = {
        name: value
        for name, value in surroundings.items()
        if name in _FOR_ALL | _CERTIFICATES | _CACHES | _TOOLCHAINS or name.startswith("LC_") or _is_open_proxy(name, value)
    }
    own = _own_virtualenv()
    active = surroundings.get("VIRTUAL_ENV", "")
    if active and not (own and Path(active).resolve() == own):
        chosen["VIRTUAL_ENV"] = active
    chosen["PATH"] = _path_without(own, surroundings.get("PATH") or os.defpath)
    # Byte code beside the sources would be taken for work of the agent where the repository does not ignore it.
    chosen["PYTHONDONTWRITEBYTECODE"] = "1"
    return chosen


def git_environment(surroundings: Mapping[str, str]) -> dict[str, str]:
    """Return what Genie's own git commands see of `surroundings`: identity and access, but neither GIT_DIR nor its kin."""
    wanted = _FOR_ALL | _CERTIFICATES | _CACHES | _GIT
    families = ("LC_", "GIT_CONFIG_")
    return {name: value for name, value in surroundings.items() if name in wanted or name.startswith(families) or name.upper() in _PROXIES}


def _is_open_proxy(name: str, value: str) -> bool:
    """Whether this is the address of a proxy without a password in it."""
    return name.upper() in _PROXIES and "@" not in (urlsplit(value).netloc if "://" in value else value)


def _own_virtualenv() -> Path | None:
    return Path(sys.prefix).resolve() if sys.prefix != sys.base_prefix else None


def _path_without(own: Path | None, path: str) -> str:
    folders = [folder for folder in path.split(os.pathsep) if folder]
    return os.pathsep.join(folder for folder in folders if own is None or Path(folder).resolve() != own / "bin")
