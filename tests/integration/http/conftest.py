"""A server without a process, which the tests of a module share."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from tests.fakes.indoors import Household, Indoors


@pytest.fixture(scope="module")
def indoors(postgres_server: str, database_template: str, tmp_path_factory: pytest.TempPathFactory) -> Generator[Indoors]:
    """The whole application on a database of the module's own."""
    from tests.fakes.indoors import indoors

    with indoors(tmp_path_factory.mktemp("indoors"), postgres_server, database_template) as made:
        yield made


@pytest.fixture(scope="module")
def household(indoors: Indoors, tmp_path_factory: pytest.TempPathFactory) -> Household:
    """Two repositories with an epic, a run, a session and an approval each."""
    from tests.fakes.indoors import Household

    return Household(indoors, tmp_path_factory.mktemp("repositories"))
