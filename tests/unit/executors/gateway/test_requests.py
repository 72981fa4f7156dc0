"""Requests of a CLI: what identifies them, what they may not ask for, what is sent in their place."""

from __future__ import annotations

import json

import pytest

from executors.gateway.requests import Asked, Malformed, Request, asked_in, refuse_reaching_out, to_send

BODY = {
    "model": "claude-sonnet-4-5",
    "max_tokens": 32_000,
    "stream": True,
    "system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=1.a;"}, {"type": "text", "text": "You work."}],
    "tools": [{"name": "Read", "input_schema": {"type": "object"}}],
    "messages": [{"role": "user", "content": "Workflow: implement"}],
    "thinking": {"type": "enabled", "budget_tokens": 31_999},
    "context_management": {"edits": [{"type": "clear_thinking_20251015"}]},
}

MARKED = {"type": "text", "text": "Workflow: implement", "cache_control": {"type": "ephemeral"}}


def asked(**changed) -> Asked:
    return asked_in(Request(body=json.dumps({**BODY, **changed}).encode(), headers={}, query="beta=true"))


@pytest.mark.parametrize(
    "changed",
    [
        {"stream": False},
        {"max_tokens": 1},
        {"metadata": {"user_id": "another session"}},
        {
            "messages": [
                {"role": "user", "content": [{"type": "text", "text": "Workflow: implement", "cache_control": {"type": "ephemeral"}}]}
            ]
        },
        {"system": [{"type": "text", "text": "x-anthropic-billing-header: cc_version=2.b;"}, {"type": "text", "text": "You work."}]},
    ],
    ids=["not streamed", "shorter", "another start", "marked for the cache", "another start's header"],
)
def test_requests_that_say_the_same_have_one_hash(changed):
    assert asked(**changed).hash == asked().hash


@pytest.mark.parametrize(
    "changed",
    [{"messages": [{"role": "user", "content": "Workflow: review"}]}, {"tools": []}, {"system": "You rest."}],
    ids=["said", "offered", "system"],
)
def test_requests_that_say_something_else_have_another_hash(changed):
    assert asked(**changed).hash != asked().hash


@pytest.mark.parametrize(
    "changed",
    [
        {"mcp_servers": [{"type": "url", "url": "https://example.org"}]},
        {"container": "c"},
        {"tools": [{"type": "web_search_20250305", "name": "web_search"}]},
        {"tools": [{"type": "web_fetch_20250910", "name": "web_fetch"}]},
        {"tools": [{"type": "code_execution_20250825", "name": "code_execution"}]},
        {"tools": ["odd"]},
        {"messages": [{"role": "user", "content": [{"type": "image", "source": {"type": "url", "url": "https://example.org/?told"}}]}]},
        {"messages": [{"role": "user", "content": [{"type": "document", "source": {"type": "file", "file_id": "file_1"}}]}]},
        {"tools": 5},
        {"tools": [{"type": 5}]},
        {
            "messages": [
                {
                    "role": "user",
                    "content": [
                        {
                            "type": "tool_result",
                            "tool_use_id": "t",
                            "content": [{"type": "document", "source": {"type": "url", "url": "https://example.org"}}],
                        }
                    ],
                }
            ]
        },
    ],
    ids=["servers", "container", "search", "fetch", "code", "nonsense", "picture", "a file", "odd tools", "an odd kind", "in a result"],
)
def test_the_provider_may_not_be_sent_into_the_network(changed):
    with pytest.raises(Malformed, match="may not"):
        refuse_reaching_out(asked(**changed))


def test_what_a_tool_is_given_may_be_anything():
    call = {"type": "tool_use", "id": "t", "name": "Write", "input": {"type": "url", "url": "https://example.org"}}
    memory = {"type": "memory_20250818", "name": "memory"}

    refuse_reaching_out(asked(messages=[*BODY["messages"], {"role": "assistant", "content": [call]}], tools=[*BODY["tools"], memory]))


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"[]",
        b"{}",
        b"[" * 100_000,
        json.dumps({**BODY, "metadata": [[]] * 600_000}).encode(),
        json.dumps({**BODY, "messages": []}).encode(),
        json.dumps({**BODY, "messages": ["x"]}).encode(),
        json.dumps({**BODY, "model": 5}).encode(),
        json.dumps({**BODY, "max_tokens": 0}).encode(),
        json.dumps({**BODY, "max_tokens": True}).encode(),
        json.dumps({**BODY, "max_tokens": "9"}).encode(),
    ],
    ids=["cut", "a list", "empty", "deep", "wide", "no messages", "odd messages", "odd model", "no tokens", "a truth", "a text"],
)
def test_nonsense_is_refused(body):
    with pytest.raises(Malformed):
        asked_in(Request(body=body, headers={}, query=""))


def test_a_request_that_fits_goes_out_as_it_came():
    given = asked()

    assert to_send(given, "claude-sonnet-4-5", 32_000) is given.body


def test_thinking_stays_below_what_fits():
    sent = to_send(asked(), "claude-sonnet-4-5", 8_000)

    assert (sent["max_tokens"], sent["thinking"]["budget_tokens"]) == (8_000, 4_000)
    assert "context_management" in sent


def test_thinking_is_left_out_where_it_does_not_fit():
    sent = to_send(asked(), "claude-sonnet-4-5", 1_500)

    assert "thinking" not in sent
    assert "context_management" not in sent


def test_nothing_makes_a_call_dearer_than_its_price():
    sent = to_send(asked(speed="fast", inference_geo="us", service_tier="auto"), "claude-sonnet-4-5", 32_000)

    assert sent.keys() == BODY.keys()
