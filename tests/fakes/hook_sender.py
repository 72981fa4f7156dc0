"""A sender of hooks that signs as GitHub and as Standard Webhooks do."""

from __future__ import annotations

import hashlib
import hmac
import json
import time
from collections.abc import Mapping
from typing import Any, Final

from safety.signatures import sign

SECRET: Final = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw"
VARIABLE: Final = "HOOK_SECRET"

RULES: Final = """
[source.github]
verify = "github"
secret_env = "HOOK_SECRET"

[[source.github.rule]]
event = "issues"
when = {{ action = "labeled", "label.name" = "genie" }}
do = "start"
goal = "{{{{ issue.title }}}}"
repo = {repo}
executor = "scripted"
labels = {{ issue = "{{{{ issue.number }}}}" }}

[source.chat]
verify = "standard"
secret_env = "HOOK_SECRET"

[[source.chat.rule]]
event = "go on"
do = "resume"
epic = "{{{{ epic }}}}"

[[source.chat.rule]]
event = "yes"
do = "decide"
approval = "{{{{ id }}}}"
decision = "approve"
comment = "{{{{ text }}}}"
"""


def rules_for(repo: str) -> str:
    """The text of a hooks file that starts epics on a repository."""
    return RULES.format(repo=json.dumps(repo))


def issue(delivery: str, *, title: str = "Greet people", label: str = "genie", number: int = 7) -> tuple[dict[str, str], bytes]:
    """An issue that was labelled, as GitHub tells of it: headers and body."""
    body = json.dumps({"action": "labeled", "label": {"name": label}, "issue": {"title": title, "number": number}}).encode()
    signature = hmac.new(SECRET.encode(), body, hashlib.sha256).hexdigest()
    named = {"x-github-event": "issues", "x-github-delivery": delivery, "x-hub-signature-256": f"sha256={signature}"}
    return {"content-type": "application/json", **named}, body


def chat(delivery: str, payload: Mapping[str, Any], *, ago_s: int = 0) -> tuple[dict[str, str], bytes]:
    """A message as Standard Webhooks has it: headers and body."""
    body, now = json.dumps(payload).encode(), int(time.time()) - ago_s
    signature = sign(SECRET, delivery, now, body)
    return {"webhook-id": delivery, "webhook-timestamp": str(now), "webhook-signature": signature}, body
