"""States of older releases are brought up one version at a time, or refused."""

from __future__ import annotations

import pytest

from epics.errors import EpicStrange
from epics.upgrades import THIS_RELEASE, Release

LATER = Release(
    graph=1,
    oldest_graph=1,
    state=4,
    upgrades={
        2: lambda values: {**values, "rounds": values["loops"]},
        3: lambda values: {name: value for name, value in values.items() if name != "loops"},
    },
)


def test_a_state_goes_through_each_version_on_its_way():
    assert LATER.upgraded({"loops": {"fix": 1}}, 2) == {"rounds": {"fix": 1}}
    assert LATER.upgraded({"loops": 1, "rounds": 2}, 3) == {"rounds": 2}
    assert LATER.upgraded({"rounds": 2}, 4) == {"rounds": 2}


@pytest.mark.parametrize("version", [1, 5])
def test_a_state_that_no_row_of_upgrades_leads_from_is_refused(version):
    with pytest.raises(EpicStrange, match=f"the state has version {version}, and this Genie reads 2 to 4"):
        LATER.upgraded({}, version)


def test_an_upgrade_leaves_what_it_was_given_as_it_was():
    before = {"loops": {"fix": 1}}

    LATER.upgraded(before, 2)

    assert before == {"loops": {"fix": 1}}


def test_this_release_reads_every_state_since_the_first():
    assert THIS_RELEASE.oldest_state == 1
