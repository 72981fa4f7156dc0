"""Text from Slack as it was typed, and back."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from api.slack.written import plain, without_mention, written


@pytest.mark.parametrize(
    "sent, typed",
    [
        ("a &lt;b&gt; &amp; c", "a <b> & c"),
        ("&amp;lt;", "&lt;"),
        ("see <https://example.org/a?b=1&amp;c=2>", "see https://example.org/a?b=1&c=2"),
        ("see <http://example.org|example.org>", "see example.org"),
        ("see <https://example.org/x|the page>", "see the page (https://example.org/x)"),
        ("in <#C1|general>", "in #general"),
        ("to <@U1>", "to <@U1>"),
        ("<mailto:a@example.org|a@example.org>", "a@example.org"),
        (":tada: *bold*\nnext", ":tada: *bold*\nnext"),
    ],
)
def test_a_message_is_what_was_typed(sent, typed):
    assert written(sent) == typed


@given(st.text())
def test_what_is_made_plain_is_read_back_as_it_was(text):
    assert written(plain(text)) == text


@given(st.text())
def test_plain_text_calls_nobody_and_links_nowhere(text):
    assert "<" not in plain(text)


@pytest.mark.parametrize("said", ["<@U0> add it", "  <@U0>add it", "please <@U0> add it", "add it <@U0>"])
def test_the_mention_that_called_is_not_part_of_what_is_said(said):
    assert without_mention(said, "U0").replace("please ", "") == "add it"
