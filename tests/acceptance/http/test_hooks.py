"""`POST /hooks/{source}` on a real server."""

from __future__ import annotations

from tests.fakes.hook_sender import SECRET, VARIABLE, chat, issue, rules_for


def test_a_server_takes_signed_messages_once_and_tells_forgers_nothing(serve, repo, tmp_path):
    file = tmp_path / "hooks.toml"
    file.write_text(rules_for(repo))
    server = serve("--workers", "0", GENIE_HOOKS_FILE=str(file), **{VARIABLE: SECRET})
    headers, body = issue("d-1", number=41)
    forged = {**headers, "x-hub-signature-256": "sha256=" + "0" * 64}
    old_headers, old_body = chat("m-1", {"type": "go on", "epic": "e-0000000000"}, ago_s=301)

    with server.client() as client:
        where = f"{server.url}/hooks"
        answers = {
            "forged": client.post(f"{where}/github", headers=forged, content=body),
            "unsigned": client.post(f"{where}/github", content=body, headers={"content-type": "application/json"}),
            "stale": client.post(f"{where}/chat", headers=old_headers, content=old_body),
            "unknown": client.post(f"{where}/gitlab", headers=headers, content=body),
            "large": client.post(f"{where}/github", headers=headers, content=b" " * 1_000_001),
            "read": client.get(f"{where}/github"),
        }
        first = client.post(f"{where}/github", headers=headers, content=body)
        again = client.post(f"{where}/github", headers=headers, content=body)
        epics = [epic for epic in client.get("/epics").json()["items"] if epic["labels"].get("issue") == "41"]

    assert {name: answer.status_code for name, answer in answers.items()} == {
        "forged": 401,
        "unsigned": 401,
        "stale": 401,
        "unknown": 404,
        "large": 413,
        "read": 405,
    }
    details = {answers[name].json()["detail"] for name in ("forged", "unsigned", "stale")}
    assert details == {"the message is not signed as its source must sign it"}
    assert (first.status_code, again.status_code) == (200, 200), first.text
    assert first.json() == again.json() == {"did": "start", "epic": epics[0]["id"], "approval": None}
    assert ("hook-replayed" in first.headers, again.headers.get("hook-replayed")) == (False, "true")
    assert len(epics) == 1
    assert (epics[0]["goal"], epics[0]["labels"]["delivery"]) == ("Greet people", "d-1")
