"""Who the operating system says runs this process."""

from __future__ import annotations

import os
import pwd


def user_name() -> str:
    """The name that the operating system has for this user, which no variable can change."""
    try:
        return pwd.getpwuid(os.getuid()).pw_name
    except KeyError:
        return f"uid {os.getuid()}"
