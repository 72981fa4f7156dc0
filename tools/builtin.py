"""The tools that come with Genie."""

from __future__ import annotations

from functools import cache

from tools.files import EDIT_FILE, READ_FILE, WRITE_FILE
from tools.history import GIT_BLAME, GIT_DIFF, GIT_LOG, GIT_SHOW
from tools.knowledge import REMEMBER, SEARCH_KNOWLEDGE
from tools.registry import ToolRegistry
from tools.search import LIST_FILES, SEARCH
from tools.shell import RUN_COMMAND
from tools.tasks import ADD_TASK, COMPLETE_TASK, LIST_TASKS
from tools.telling import TELL_PEOPLE
from tools.web import FETCH_URL, SEARCH_WEB


@cache
def builtin_tools() -> ToolRegistry:
    """Return the registry of the tools that come with Genie: one for all, since to check their schemas takes milliseconds."""
    files = (READ_FILE, WRITE_FILE, EDIT_FILE, LIST_FILES, SEARCH, RUN_COMMAND)
    history = (GIT_LOG, GIT_SHOW, GIT_DIFF, GIT_BLAME)
    others = (TELL_PEOPLE, LIST_TASKS, ADD_TASK, COMPLETE_TASK, SEARCH_KNOWLEDGE, REMEMBER, FETCH_URL, SEARCH_WEB)
    return ToolRegistry((*files, *history, *others))
