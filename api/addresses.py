"""How clients name repositories: as a server can find them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from epics.errors import InvalidInput
from epics.knowledge import owner_of

_URL: Final = re.compile(r"[\w.+-]+(@[^/:\s]+:|://|::)")


def project_in(given: str) -> str:
    """What knowledge is of: a repository, or `person:NAME` for what is a person's own; see `repository_in`."""
    return given if owner_of(given) is not None else repository_in(given)


def repository_in(given: str) -> str:
    """The repository, if it is named by a URL or by a path that means the same wherever the server was started.

    Raises:
        InvalidInput: if it is not.
    """
    if not _URL.match(given) and not Path(given).is_absolute():
        message = f"the repo must be a git URL or an absolute path on the server, not {given[:200]!r}"
        raise InvalidInput(message)
    return given
