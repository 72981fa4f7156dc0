"""Slack beside a server: begun with it, in nobody's way while Slack is away, and heard again when a line breaks."""

from __future__ import annotations

import asyncio

import pytest

from tests.fakes.slack.workspace import APP_TOKEN, BOT_TOKEN, TEAM

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(slack):
    """Those of a server in Socket Mode."""
    from config.settings import Settings

    return Settings.model_validate({"slack_bot_token": BOT_TOKEN, "slack_app_token": APP_TOKEN, "slack_api_url": slack.api_url})


async def until(holds):
    async with asyncio.timeout(30):
        while not holds():
            await asyncio.sleep(0.02)


async def test_a_server_starts_while_slack_is_away_and_is_in_it_when_it_comes(quiet_engine, slack, settings):
    from api.slack.serving import slack_beside

    slack.die()
    async with slack_beside(quiet_engine, settings) as listening:
        assert listening is not None
        assert (listening.verifier, listening.app) == (None, None)
        slack.come_back()
        await until(lambda: slack.linked)

        assert (await quiet_engine.slack.workspace.status()).team == TEAM
        assert listening.app is not None
    assert slack.linked == 0


async def test_a_line_that_breaks_or_is_to_be_renewed_is_made_anew_also_after_an_outage(quiet_engine, slack, settings):
    from api.slack.serving import slack_beside

    async with slack_beside(quiet_engine, settings):
        await until(lambda: slack.linked)
        slack.drop()
        await until(lambda: slack.connections == 2 and slack.linked)
        slack.ask_to_reconnect()
        await until(lambda: slack.connections == 3 and slack.linked)
        slack.die()
        await asyncio.sleep(0.5)
        slack.come_back()
        await until(lambda: slack.connections == 4 and slack.linked)


async def test_without_a_bot_token_there_is_no_slack(quiet_engine):
    from api.slack.serving import slack_beside
    from config.settings import Settings

    async with slack_beside(quiet_engine, Settings.model_validate({})) as listening:
        assert listening is None


async def test_tokens_may_be_stored_in_the_database(engine_at, story, slack):
    from api.slack.serving import slack_beside
    from config.settings import Settings

    engine = await engine_at(story(), secret_key="MDEyMzQ1Njc4OWFiY2RlZjAxMjM0NTY3ODlhYmNkZWY=")
    await engine.secrets.set("slack_bot_token", BOT_TOKEN)
    await engine.secrets.set("slack_signing_secret", "5ea1ed00000000000000000000000000")

    async with slack_beside(engine, Settings.model_validate({"slack_api_url": slack.api_url})) as listening:
        assert listening is not None
        assert listening.verifier is not None
        await until(lambda: listening.app is not None)
