"""Streams of the Messages API: cut into events, put together, taken apart."""

from __future__ import annotations

import json

import pytest

from executors.gateway.assembly import Assembly, stream_of
from executors.gateway.sse import Events
from tests.fakes.streaming import streamed

MESSAGE = {
    "id": "msg_1",
    "type": "message",
    "role": "assistant",
    "model": "claude-sonnet-4-5",
    "content": [
        {"type": "thinking", "thinking": "Let me see.", "signature": "c2ln"},
        {"type": "redacted_thinking", "data": "eA=="},
        {"type": "text", "text": "Größe – \u2028 und \N{PILE OF POO}"},
        {"type": "tool_use", "id": "toolu_1", "name": "Bash", "input": {"command": "ls", "deep": {"n": [1, 2]}}},
        {"type": "tool_use", "id": "toolu_2", "name": "Glob", "input": {}},
    ],
    "stop_reason": "tool_use",
    "stop_sequence": None,
    "usage": {"input_tokens": 10, "cache_read_input_tokens": 5, "cache_creation_input_tokens": 0, "output_tokens": 7},
}


def put_together(raw, *, size=None, end=b"\n"):
    raw = raw.replace(b"\n", end)
    events, assembly = Events(), Assembly()
    for start in range(0, len(raw), size or len(raw)):
        for event in events.feed(raw[start : start + (size or len(raw))]):
            assembly.feed(event)
    return assembly


def test_what_is_taken_apart_is_put_together_as_it_was():
    assembly = put_together(b"".join(stream_of(MESSAGE)))

    assert assembly.complete
    assert assembly.message == MESSAGE


@pytest.mark.parametrize("size", [1, 3, 64])
@pytest.mark.parametrize("end", [b"\n", b"\r\n"], ids=["newline", "return"])
def test_a_stream_may_be_cut_anywhere(size, end):
    assert put_together(b"".join(stream_of(MESSAGE)), size=size, end=end).message == MESSAGE


def test_small_pieces_and_pings_make_the_same_message():
    message = {**MESSAGE, "content": [MESSAGE["content"][2], MESSAGE["content"][3]]}

    assembly = put_together(b": a comment\n\n" + b"".join(streamed(message)))

    assert assembly.message == message


def test_the_end_of_a_tools_block_is_what_makes_it_run():
    assembly, events = Assembly(), Events()

    running = []
    for event in events.feed(b"".join(stream_of(MESSAGE))):
        assembly.feed(event)
        if assembly.runs_tool(event):
            running.append(event.data["index"])

    assert running == [3, 4]


def test_input_that_a_limit_cut_off_is_empty():
    stream = b"".join(stream_of(MESSAGE)).replace(b'\\"command\\": \\"ls\\"', b'\\"command\\": \\"l')

    assert put_together(stream).message["content"][3]["input"] == {}


def test_a_stream_that_ends_early_is_not_whole():
    raw = b"".join(stream_of(MESSAGE))
    assembly = put_together(raw[: raw.index(b"event: message_stop")])

    with pytest.raises(ValueError, match="ended before"):
        assembly.see_whole()


@pytest.mark.parametrize(
    "data",
    [
        "[1, 2]",
        "{",
        json.dumps({"type": "content_block_delta", "index": 9, "delta": {"type": "text_delta", "text": "x"}}),
        json.dumps({"type": "message_start"}),
    ],
    ids=["a list", "no JSON", "a delta of no block", "a start of nothing"],
)
def test_nonsense_is_told_as_such(data):
    with pytest.raises(ValueError):  # noqa: PT011  (what it says is for the log)
        put_together(f"event: x\ndata: {data}\n\n".encode())
