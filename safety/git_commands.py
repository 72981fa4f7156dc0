"""Which git commands an agent may run: those that look, add and commit; history and refs are Genie's."""

from __future__ import annotations

_HARMLESS_SETTINGS = ("user.", "color.", "pager.", "diff.", "log.", "advice.", "core.pager=", "core.quotepath=", "commit.gpgsign=")

_WITH_VALUE = frozenset({"-C", "-c", "--git-dir", "--work-tree", "--namespace", "--exec-path", "--config-env", "--super-prefix"})

_NEVER = {
    "push": "Genie publishes branches itself, after people have approved",
    "send-pack": "Genie publishes branches itself, after people have approved",
    "fetch": "the base is fixed for this attempt, and Genie fetches",
    "pull": "the base is fixed for this attempt, and Genie fetches",
    "clean": "it deletes files that no history has: remove the files that you made by name",
    "stash": "it hides work from Genie's snapshots: leave your changes in the files",
    "worktree": "work trees are Genie's: work in this one",
    "update-ref": "refs are Genie's: commit, or leave your changes in the files",
    "switch": "this work tree stays on its branch: look at others with git show BRANCH:PATH",
    "rebase": "history is only added to: commit on top",
    "filter-branch": "history is only added to: commit on top",
    "filter-repo": "history is only added to: commit on top",
    "gc": "Genie looks after the repository",
    "prune": "Genie looks after the repository",
    "replace": "history is only added to: commit on top",
    "remote-https": "Genie talks to remotes",
    "credential": "credentials are not for agents",
}

_BRANCH_CHANGES = frozenset(
    {"-d", "-D", "-m", "-M", "-c", "-C", "-f", "--delete", "--move", "--copy", "--force", "--edit-description", "-u", "--set-upstream-to"}
)
_CONFIG_READS = frozenset({"--get", "--get-all", "--get-regexp", "--get-urlmatch", "--list", "-l", "get", "list"})
_REMOTE_READS = frozenset({"-v", "--verbose", "show", "get-url"})


def why_git_is_refused(arguments: list[str]) -> str:
    """Return why `git` with these arguments is refused, with a way out; empty if it may run."""
    rest = list(arguments)
    while rest and rest[0].startswith("-"):
        option, _, value = rest.pop(0).partition("=")
        if option in _WITH_VALUE and not value and rest:
            value = rest.pop(0)
        reason = _why_option_is_refused(option, value)
        if reason:
            return reason
    if not rest:
        return ""
    verb, given = rest[0], rest[1:]
    if verb in _NEVER:
        return f"git {verb} is not for agents, since {_NEVER[verb]}"
    return _why_verb_is_refused(verb, given)


def _why_option_is_refused(option: str, value: str) -> str:
    if option in {"--git-dir", "--work-tree", "--exec-path", "--namespace", "--config-env"}:
        return f"git {option} leads to another repository or program: run git in the work tree as it is"
    if option == "-C" and (value.startswith(("/", "~")) or ".." in value.split("/")):
        return f"git -C {value} leads out of the work tree: use a relative path inside of it"
    if option == "-c" and not value.lower().startswith(_HARMLESS_SETTINGS):
        return f"git -c {value} changes how git works here: leave it out"
    return ""


def _why_verb_is_refused(verb: str, given: list[str]) -> str:
    flags = {argument.partition("=")[0] for argument in given if argument.startswith("-")}
    words = [argument for argument in given if not argument.startswith("-")]
    refused = {
        "reset": bool(flags & {"--hard", "--merge", "--keep"}),
        "checkout": "--" not in given,
        "branch": bool(flags & _BRANCH_CHANGES),
        "tag": bool(flags & {"-d", "-f", "--delete", "--force"}),
        "commit": "--amend" in flags,
        "config": not (flags | set(words[:1])) & _CONFIG_READS and len(words) != 1,
        "reflog": bool(words) and words[0] in {"expire", "delete", "drop"},
        "remote": bool(words) and words[0] not in _REMOTE_READS,
        "symbolic-ref": len(words) > 1 or bool(flags & {"-d", "--delete"}),
    }
    if not refused.get(verb, False):
        return ""
    instead = {
        "reset": "edit the files back, or git checkout -- PATH for single files",
        "checkout": "stay on this branch; git checkout -- PATH takes single files back, git show BRANCH:PATH looks at others",
        "commit": "commit on top",
        "config": "settings of the repository are not yours; reading them is fine",
    }.get(verb, "refs and remotes are Genie's; looking at them is fine")
    return f"git {' '.join([verb, *given])} changes what is not yours to change: {instead}"
