"""Where a page of approvals ended, as a word that clients hand back."""

from __future__ import annotations

import base64
import binascii
import json
import re
from datetime import datetime
from typing import Any, Final

from engine.views import ApprovalView
from epics.errors import InvalidInput

_ID: Final = re.compile(r"a-[0-9a-z]{1,40}")


def cursor_at(last: ApprovalView) -> str:
    """The cursor of what follows an approval."""
    place = json.dumps([last.requested_at.isoformat(), last.id], separators=(",", ":"))
    return base64.urlsafe_b64encode(place.encode()).decode().rstrip("=")


def approvals_cursor(cursor: str) -> dict[str, Any]:
    """What the query takes for a cursor.

    Raises:
        InvalidInput: if it is none of ours.
    """
    try:
        padded = cursor + "=" * (-len(cursor) % 4)
        requested_at, last = json.loads(base64.b64decode(padded, altchars=b"-_", validate=True))
        time = datetime.fromisoformat(requested_at)
        known = time.tzinfo is not None and _ID.fullmatch(last) is not None
    except (binascii.Error, ValueError, TypeError) as error:
        raise InvalidInput(_refusal(cursor)) from error
    if not known:
        raise InvalidInput(_refusal(cursor))
    return {"before_time": time, "before_id": last}


def _refusal(cursor: str) -> str:
    return f"{cursor!r} is no cursor: give what `next` said, or none"
