"""Nothing that is secret is said in Slack, whatever it was that told it to us."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from safety.secrets import Redactor
from tests.fakes.slack.workspace import BOT_TOKEN

pytestmark = pytest.mark.postgres

KEY = "the-key-of-a-provider"


async def test_a_message_is_posted_and_edited_without_secrets(fake):
    from api.slack.client import open_client

    blocks = [{"type": "section", "text": {"type": "mrkdwn", "text": f"It said {KEY}."}}]

    async with open_client(SecretStr(BOT_TOKEN), fake.api_url, clean=Redactor([KEY]).json) as client:
        posted = await client.chat_postMessage(channel="C0GENERAL", text=f"{KEY} and xoxb-1234567890-abcdef", blocks=blocks)
        first = fake.workspace.messages()[0].said
        await client.chat_update(channel="C0GENERAL", ts=str(posted["ts"]), text=f"Again {KEY}", blocks=blocks)

    assert KEY not in first + fake.workspace.messages()[0].said
    assert "It said [secret]." in fake.workspace.messages()[0].said
    assert KEY not in str(fake.workspace.messages()[0].versions)
