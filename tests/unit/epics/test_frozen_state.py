"""What is checkpointed does not change by accident: old epics would not load (fault 21)."""

from __future__ import annotations

import json

import pytest

from tests.golden.frozen import FILE, form

FROZEN = json.loads(FILE.read_text())

TELLS = """{what} of what is checkpointed differs from tests/golden/frozen.json: epics that an older release wrote may not load any more.

If that is meant:
1. Save epics of the release before, from a checkout of it, if there are none yet: python tests/golden/make.py RELEASE.
2. In epics/upgrades.py raise `state` of THIS_RELEASE by one and add the function that brings the old fields to the new form. If steps or
   edges changed, raise GRAPH_VERSION too; if epics of the old graph cannot go on in the new one, raise `oldest_graph`.
3. Run tests/integration/durability/test_golden.py, and then python tests/golden/frozen.py.
"""


@pytest.mark.parametrize("what", ["types", "state", "edges"])
def test_the_form_of_checkpoints_is_the_frozen_one(what):
    assert form()[what] == FROZEN[what], TELLS.format(what=what)


def test_the_versions_are_those_of_the_frozen_form():
    assert (form()["graph_version"], form()["state_version"]) == (FROZEN["graph_version"], FROZEN["state_version"]), TELLS.format(
        what="version"
    )


def test_a_field_that_is_tightened_is_seen_and_a_reworded_description_is_not():
    from tests.golden.frozen import _without_words

    before = {"properties": {"title": {"type": "string", "description": "What it is called."}}}
    reworded = {"properties": {"title": {"type": "string", "description": "Its name."}}}
    tightened = {"properties": {"title": {"type": "string", "maxLength": 10}}}

    assert _without_words(before) == _without_words(reworded)
    assert _without_words(before) != _without_words(tightened)
