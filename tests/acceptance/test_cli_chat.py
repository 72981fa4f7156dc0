"""`genie agent chat`, as a user types it: what was said before is told again, an answer can be stopped, and the conversation stays."""

from __future__ import annotations

import pytest

from tests.fakes.talking_model import TalkingModel

pytestmark = [pytest.mark.postgres, pytest.mark.slow]


def test_what_is_piped_in_is_said_line_by_line_and_the_conversation_goes_on_by_its_name(genie):
    with TalkingModel() as model:
        typed = "Hello\n/bogus\n/memory name=Genie\nAnd now?\n/help\n/name\n/model\n/prompt\n/history 1\n/new another\n/name"
        first = genie("agent", "chat", "simple", "--session", "my talk", stdin=typed, env=model.settings)
        again = genie("agent", "chat", "simple", "--session", "my talk", "--json", stdin="Third\n", env=model.settings)
        run = again.json()
        watched = genie("run", "watch", run["id"], "--json")

    assert (first.code, again.code) == (0, 0), first.err + again.err
    answers = [line for line in first.out.splitlines() if line.startswith("Answer ") and line[7].isdigit()]
    assert answers == ["Answer 1 to: Hello", "Answer 2 to: And now?", "Answer 2 to: And now?"]
    for shown in ("list these commands", ": my talk", "anthropic:claude-sonnet-4-5", "You are {{name}}.", "3 messages before", ": another"):
        assert shown in first.out, first.out
    assert "there is no command /bogus" in first.err
    assert run["output"] == {"text": "Answer 3 to: Third"}
    assert [text for _, text in model.told()] == ["Hello", "Answer 1 to: Hello", "And now?", "Answer 2 to: And now?", "Third"]
    assert model.system(0).startswith("You are a helpful assistant.")
    assert model.system().startswith("You are Genie.")
    kinds = [
        kind for kind in ("prompt_filled", "memory_read", "turn_taken", "messages_kept", "episode_queued") if f'"{kind}"' in watched.out
    ]
    places = [watched.out.index(f'"{kind}"') for kind in kinds]
    assert len(kinds) == 5
    assert places == sorted(places)


def test_at_a_terminal_ctrl_c_stops_the_answer_and_not_the_chat(terminal, genie):
    with TalkingModel() as model:
        chat = terminal("agent", "chat", "simple", **model.settings)
        chat.until(lambda new: new.endswith("> "), 60)
        chat.type("wait for me")
        chat.until(lambda _: len(model.bodies) == 1, 60)
        chat.interrupt()
        chat.until(lambda new: "the answer is stopped" in new and new.endswith("> "))
        chat.type("Hello")
        chat.until(lambda new: "Answer 1 to: Hello" in new and new.endswith("> "))
        chat.type("/cost")
        chat.until(lambda new: "since this chat began" in new and new.endswith("> "))
        chat.type("/quit")
        code = chat.end()

    runs = genie("run", "list", "--json").json()["items"]
    assert code == 0
    assert [run["status"] for run in runs] == ["done", "cancelled"]
    session = genie("session", "list", "--json").json()["items"][0]
    assert (session["messages"], session["runs"], session["busy_with"]) == (2, 2, None)
