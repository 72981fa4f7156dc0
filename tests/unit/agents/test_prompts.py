"""The templates that agents written in Python are told first."""

from __future__ import annotations

import pytest

from agents.prompts import Template, check_template
from epics.agent_errors import MissingVariable
from epics.errors import InvalidInput


def template(text, **defaults):
    return Template(agent="simple", version=3, text=text, variables=defaults)


def test_what_is_given_goes_before_what_is_declared():
    assert template("{{ tone }} to {{ name }}", tone="Kind", name="you").filled({"name": "Ada"}) == "Kind to Ada"


def test_a_missing_variable_is_named_with_the_way_out():
    with pytest.raises(MissingVariable) as missing:
        template("Say it in {{ language }}, {{ tone }}.", tone="kindly").filled({})

    assert "the prompt default of simple, version 3 needs 'language'" in str(missing.value)
    assert "genie memory set language VALUE --agent simple" in str(missing.value)
    assert missing.value.code == "missing_variable"


def test_a_template_that_asks_whether_a_variable_is_there_does_without():
    assert template("Hello{% if name is defined %} {{ name }}{% endif %}").filled({}) == "Hello"


def test_a_value_is_never_a_template():
    assert template("{{ name }}").filled({"name": "{{ 7 * 7 }}"}) == "{{ 7 * 7 }}"


@pytest.mark.parametrize(
    "text",
    ["{{ ''.__class__.__mro__[1].__subclasses__() }}", "{{ name.__init__.__globals__ }}", "{% for i in range(10 ** 9) %}x{% endfor %}"],
    ids=["classes", "globals", "endless"],
)
def test_a_template_reaches_nothing_but_its_variables(text):
    with pytest.raises(InvalidInput):
        template(text).filled({"name": "Ada"})


@pytest.mark.parametrize(
    "text, defaults, said",
    [
        ("", {}, "from 1 to"),
        ("{{ name", {}, "the prompt default of simple, version 3:1"),
        ("Hello\n{% include 'other' %}", {}, "cannot include"),
        ("Hello", {"name": "x"}, "does not use 'name'"),
        ("{{ Name }}", {"Name": "x"}, "is no name of a variable"),
    ],
    ids=["empty", "no template", "include", "unused default", "name"],
)
def test_what_cannot_be_filled_in_is_refused_before_it_is_kept(text, defaults, said):
    with pytest.raises(InvalidInput, match=said):
        check_template(template(text, **defaults))
