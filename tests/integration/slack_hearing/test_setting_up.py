"""`genie slack …`, asked of the engine: what channels are about, and what Slack says of the app."""

from __future__ import annotations

import pytest
from pydantic import SecretStr

from tests.fakes.slack.workspace import APP_TOKEN, BOT_TOKEN, TEAM

pytestmark = pytest.mark.postgres


@pytest.fixture
def settings(slack):
    """Those of an app that is set up."""
    from config.settings import Settings

    tokens = {"slack_bot_token": SecretStr(BOT_TOKEN), "slack_app_token": SecretStr(APP_TOKEN)}
    return Settings.model_validate({"slack_api_url": slack.api_url, "slack_channel": "C0GENERAL", **tokens})


async def test_what_is_set_up_is_said_to_be_well_and_what_is_not_has_a_way_out(quiet_engine, slack, settings):
    from engine.slack.checking import checks

    well = await checks(quiet_engine.slack.workspace, settings)
    slack.workspace.channels["C0GENERAL"].is_member = False
    await quiet_engine.slack.workspace.map("C0NOWHERE", "https://example.org/x")
    slack.workspace.app_tokens.clear()
    wrong = {check.name: check for check in await checks(quiet_engine.slack.workspace, settings)}
    slack.workspace.tokens.clear()
    refused = await checks(quiet_engine.slack.workspace, settings)

    assert [check.state for check in well] == ["ok", "note", "ok", "ok"]
    assert wrong["Socket Mode"].seen == "Slack says invalid_auth"
    assert wrong["channel C0NOWHERE"].seen == "Slack says channel_not_found"
    assert [check.state for check in wrong.values()] == ["ok", "note", "failed", "failed", "failed"]
    assert [(check.name, check.state) for check in refused] == [("bot token", "failed")]
    assert all(check.way_out for check in (*wrong.values(), *refused) if check.state == "failed")
    assert BOT_TOKEN not in str((*wrong.values(), *refused))


async def test_a_slack_that_is_away_is_said_to_be(quiet_engine, slack, settings):
    from engine.slack.checking import checks

    slack.die()

    (check,) = await checks(quiet_engine.slack.workspace, settings)
    assert (check.state, check.seen) == ("failed", "Slack does not answer (ClientConnectorError)")


async def test_a_channel_is_about_one_repository_at_a_time_by_the_path_that_epics_have(quiet_engine, small_repo, tmp_path):
    from engine.slack.workspace import ChannelNotMapped
    from epics.errors import InvalidInput

    workspace = quiet_engine.slack.workspace
    link = tmp_path / "link"
    link.symlink_to(small_repo)

    await workspace.map("C1ABC", "https://example.org/*")
    mapped = await workspace.map("C1ABC", str(link), "main")

    assert (mapped.repo, mapped.base, mapped.is_pattern) == (str(small_repo), "main", False)
    assert [each.channel for each in await workspace.all()] == ["C1ABC"]
    await workspace.unmap("C1ABC")
    with pytest.raises(ChannelNotMapped):
        await workspace.unmap("C1ABC")
    with pytest.raises(InvalidInput, match="no id of a channel"):
        await workspace.map("#general", str(small_repo))


async def test_the_status_tells_the_workspace_once_a_server_was_in_it(quiet_engine):
    workspace = quiet_engine.slack.workspace

    before = await workspace.status()
    await workspace.register(TEAM, "U0GENIE", "C0GENERAL")

    assert before.team is None
    assert ((await workspace.status()).team, (await workspace.status()).waiting) == (TEAM, 0)
