"""How clients name repositories: as a server can find them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Final

from epics.errors import InvalidInput

_URL: Final = re.compile(r"[\w.+-]+(@[^/:\s]+:|://|::)")


def repository_in(given: str) -> str:
    """The repository, if it is named by a URL or by a path that means the same wherever the server was started.

    Raises:
        InvalidInput: if it is not.
    """
    if not _URL.match(given) and not Path(given).is_absolute():
        message = f"the repo must be a git URL or an absolute path on the server, not {given[:200]!r}"
        raise InvalidInput(message)
    return given
