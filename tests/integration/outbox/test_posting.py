"""One POST: to the address that was checked, with no way around the check."""

from __future__ import annotations

import pytest

from db.webhooks import Target
from engine.posting import Poster
from safety.signatures import new_secret


def target(url: str, **more: bool) -> Target:
    return Target(name="here", url=url, secret=new_secret(), **{"allow_private": True, **more})


async def test_it_goes_to_the_address_that_was_checked_and_asks_for_the_name_once(receiver):
    asked: list[str] = []

    async def resolve(host: str, _port: int) -> list[str]:
        asked.append(host)
        return ["127.0.0.1"]

    there = receiver()
    # No resolver knows this name: only whoever goes by the checked address arrives.
    answer = await Poster(allow_private=False, resolve=resolve).post(target(f"http://hooks.invalid:{there.port}/in"), "msg_1", {})

    assert answer.is_delivered
    assert asked == ["hooks.invalid"]
    assert there.requests[0]["headers"]["host"] == f"hooks.invalid:{there.port}"


@pytest.mark.parametrize("host", ["127.0.0.1", "localhost", "2130706433", "0x7f.1", "[::1]", "[::ffff:127.0.0.1]"])
async def test_nothing_is_sent_to_this_machine_unless_that_is_allowed(receiver, host):
    there = receiver()

    answer = await Poster(allow_private=False).post(target(f"https://{host}:{there.port}/", allow_private=False), "msg_1", {})

    assert not answer.is_delivered
    assert answer.status is None
    assert "not of the public internet" in answer.problem
    assert there.requests == []


async def test_a_name_that_leads_to_a_private_address_at_the_time_of_sending_is_refused():
    answers = iter([["1.1.1.1", "169.254.169.254"]])

    async def resolve(_host: str, _port: int) -> list[str]:
        return next(answers)

    answer = await Poster(allow_private=False, resolve=resolve).post(target("https://hooks.invalid/", allow_private=False), "msg_1", {})

    assert "hooks.invalid has an address that is not of the public internet" in answer.problem


async def test_redirects_are_not_followed(receiver):
    there, elsewhere = receiver(), receiver("elsewhere")
    there.behave = lambda _request: (307, {"location": elsewhere.url})

    answer = await Poster(allow_private=True).post(target(there.url), "msg_1", {})

    assert answer.problem == "answered 307, and redirects are not followed"
    assert elsewhere.requests == []


async def test_a_proxy_of_the_environment_is_not_used(receiver, monkeypatch):
    there, proxy = receiver(), receiver("proxy")
    for name in ("http_proxy", "HTTP_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy.port}")

    answer = await Poster(allow_private=True).post(target(there.url), "msg_1", {})

    assert answer.is_delivered
    assert proxy.requests == []


async def test_little_is_read_of_a_long_answer(receiver):
    there = receiver(body=b"x" * 5_000_000)

    answer = await Poster(allow_private=True).post(target(there.url), "msg_1", {})

    assert answer.is_delivered
    assert len(answer.body) == 4_096


async def test_a_receiver_that_does_not_answer_in_time_is_left(receiver):
    there = receiver()
    there.hold()

    answer = await Poster(allow_private=True, timeout_s=0.3).post(target(there.url), "msg_1", {})

    assert answer.problem == "no whole answer within 0.3 s"


async def test_a_receiver_may_say_when_it_wants_to_be_asked_again(receiver):
    there = receiver(behave=lambda _request: (503, {"retry-after": "120"}))

    answer = await Poster(allow_private=True).post(target(there.url), "msg_1", {})

    assert (answer.status, answer.problem, answer.retry_after_s) == (503, "answered 503", 120.0)


async def test_the_other_addresses_of_a_name_are_tried_if_one_does_not_answer(receiver):
    async def resolve(_host: str, _port: int) -> list[str]:
        return ["::1", "127.0.0.1"]

    there = receiver()

    answer = await Poster(allow_private=True, resolve=resolve).post(target(f"http://hooks.invalid:{there.port}/"), "msg_1", {})

    assert answer.is_delivered
