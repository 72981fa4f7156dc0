"""What only the person who typed or pressed is told: answers, and refusals that are audited."""

from __future__ import annotations

import pytest

from tests.fakes.slack.workspace import BOT_USER, TEAM

pytestmark = pytest.mark.postgres

APPROVAL = "a-0000000001"


@pytest.fixture(scope="module")
def approval(door, tmp_path_factory) -> str:
    """An approval that nobody here may decide, of an epic that nobody works on."""
    from engine.starting import StartEpic
    from tests.fakes.story import make_repository

    repo = str(make_repository(tmp_path_factory.mktemp("at-gate") / "repo"))
    epic = door.server.run(door.server.engine.start(StartEpic(goal="Greet people", repo=repo, executor="scripted"))).id
    door.server.rows(
        "INSERT INTO approvals (id, epic_id, gate, moment, content_hash, question, options, summary) "
        "VALUES (%s, %s, 'plan_gate', 1, 'beef', 'Shall it?', '[\"approve\", \"changes\", \"reject\"]', 'A plan.')",
        *(APPROVAL, epic),
    )
    return APPROVAL


@pytest.mark.parametrize(
    "user, typed, text",
    [
        pytest.param("U0OLGA", "start Add a flag", "no repository belongs to this channel", id="a channel about nothing"),
        pytest.param("U0OLGA", "start --repo /nowhere Add a flag", "/nowhere", id="a repository that is not there"),
        pytest.param("U0VERA", "start --repo /nowhere Add a flag", "That is not yours to do", id="a viewer who starts"),
        pytest.param("U0OLGA", "start", "the goal is missing", id="no goal"),
        pytest.param("U0OLGA", "start --budget lots Add a flag", "no amount", id="no amount"),
        pytest.param("U0OLGA", "status e-0000000000", "There is no such epic here", id="an epic that is not there"),
        pytest.param("U0OLGA", "say e-0000000000 hello", "There is no such epic here", id="said to nobody"),
        pytest.param("U0OLGA", "dance", "there is no `dance`", id="a verb that is none"),
        pytest.param("U0OLGA", "approvals", "Nothing waits for your decision", id="nothing to decide"),
        pytest.param("U0OLGA", "status", "[queued]", id="all epics"),
        pytest.param("U0OLGA", "whoami", "You are olga", id="who I am"),
        pytest.param("U0OLGA", "", "/genie start", id="nothing typed"),
        pytest.param("U0SAM", "help", "Genie does not know you yet", id="somebody whom nobody linked"),
    ],
)
@pytest.mark.usefixtures("approval")
def test_what_is_typed_is_answered_where_nobody_else_reads_it(door, user, typed, text):
    before = len(door.slack.told(user))

    acknowledged = door.person(user).command(typed)

    (told,) = door.slack.told(user)[before:]
    assert text in told
    assert (acknowledged.status, acknowledged.payload) == (200, None)
    assert [message.text for message in door.slack.workspace.messages() if message.user == BOT_USER and message.text] == []


@pytest.mark.parametrize(
    "user, more, text, code",
    [
        pytest.param("U0VERA", {}, "That is not yours to do", "forbidden", id="a viewer"),
        pytest.param("U0SAM", {}, "Genie does not know you yet", "unauthenticated", id="somebody whom nobody linked"),
        pytest.param("U0ANNA", {"team": "T0OTHER"}, "belongs to another workspace", "unauthenticated", id="another workspace"),
        pytest.param("U0ANNA", {"value": "a-0:beef", "block": "gate:a-0"}, "no such approval", "approval_not_found", id="no card"),
        pytest.param("U0ANNA", {"block": "gate:a-0000000000"}, "out of date", "superseded", id="a card of another approval"),
        pytest.param("U0ANNA", {"value": f"{APPROVAL}:0000"}, "out of date", "superseded", id="a card about something else"),
        pytest.param("U0ANNA", {"value": "drop table"}, "out of date", "superseded", id="a value that is none"),
    ],
)
@pytest.mark.parametrize("choice", ["approve", "changes"])
def test_who_or_what_may_not_decide_is_refused_where_nobody_else_reads_it(door, approval, user, more, text, code, choice):
    before, audited = len(door.slack.told(user)), door.server.rows("SELECT count(*) FROM audit")[0][0]
    given = {"value": f"{approval}:beef", "block": f"gate:{approval}", "team": TEAM, **more}
    card = door.slack.workspace.say("C0GENERAL", BOT_USER, "")

    acknowledged = door.person(user, team=given.pop("team")).press(f"genie_{choice}", message=card, **given)

    (told,) = door.slack.told(user)[before:]
    assert text in told
    assert (acknowledged.status, acknowledged.payload) == (200, None)
    rows = door.server.rows("SELECT answer, refused, via FROM audit ORDER BY n OFFSET %s", audited)
    assert rows == [(code, True, f"slack:{more.get('team', TEAM)}/{user}")]
    assert door.server.rows("SELECT decision FROM approvals") == [(None,)]
    assert door.slack.workspace.views == []
