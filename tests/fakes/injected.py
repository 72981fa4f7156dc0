"""What an agent that obeys somebody else leaves in its work tree, so that a program of its own is run when Genie's git looks at it."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final

HOOKS: Final = (
    *("pre-commit", "commit-msg", "post-commit", "post-checkout", "post-merge", "pre-merge-commit", "post-index-change", "pre-push"),
    *("reference-transaction", "fsmonitor-watchman", "pre-receive", "update", "post-update", "pre-auto-gc", "post-rewrite"),
)
ATTRIBUTES: Final = "* filter=x diff=x merge=x\n*.py text eol=lf\n"


@dataclass(frozen=True)
class Owned:
    """A program that leaves a mark when it is run, and the mark."""

    program: Path
    mark: Path

    def was_run(self) -> str:
        """What the program was run as, one line each; empty where it never was."""
        return self.mark.read_text() if self.mark.exists() else ""


def owned_program(folder: Path) -> Owned:
    """Make such a program; it passes its input on, as a filter does."""
    folder.mkdir(parents=True, exist_ok=True)
    mark, program = folder / "owned", folder / "program"
    program.write_text(f'#!/bin/sh\necho "$0 $* in $PWD" >> {mark}\ncat 2>/dev/null\nexit 0\n')
    program.chmod(0o755)
    return Owned(program=program, mark=mark)


def config_of(program: Path, hooks: Path) -> str:
    """A git config in which every setting that names a program names this one."""
    return f"""\
[core]
\trepositoryformatversion = 0
\tbare = false
\tfsmonitor = {program}
\thooksPath = {hooks}
\tsshCommand = {program}
\tpager = {program}
\teditor = {program}
\tgitProxy = {program}
\talternateRefsCommand = {program}
\tattributesFile = {hooks.parent / "attributes"}
[filter "x"]
\tclean = {program}
\tsmudge = {program}
\tprocess = {program}
\trequired = true
[diff]
\texternal = {program}
\tsubmodule = log
\tignoreSubmodules = none
[diff "x"]
\tcommand = {program}
\ttextconv = {program}
[merge "x"]
\tdriver = {program} %O %A %B
[status]
\tsubmoduleSummary = true
[submodule]
\trecurse = true
[credential]
\thelper = !{program}
[commit]
\tgpgSign = true
[gpg]
\tprogram = {program}
[uploadpack]
\tpackObjectsHook = {program}
[protocol]
\tallow = always
[url "ext::{program} "]
\tinsteadOf = /
"""


def poison(git_folder: Path, program: Path) -> None:
    """Give a repository's own folder that config, and every hook."""
    hooks = git_folder / "hooks"
    hooks.mkdir(parents=True, exist_ok=True)
    (git_folder / "attributes").write_text(ATTRIBUTES)
    (git_folder / "config").write_text(config_of(program, hooks))
    for name in HOOKS:
        hook = hooks / name
        hook.write_text(f'#!/bin/sh\nexec {program} {name} "$@"\n')
        hook.chmod(0o755)


def evil_repository(folder: Path, owned: Owned) -> None:
    """Make a repository with a commit, and then poison it: whoever asks it for its status runs the program."""
    folder.mkdir(parents=True, exist_ok=True)
    _git(folder, "init", "--quiet", "--initial-branch=main")
    (folder / "inside.py").write_text("inside = 1\n")
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "--message=inside")
    (folder / "inside.py").write_text("inside = 2\n")
    (folder / ".gitattributes").write_text(ATTRIBUTES)
    # An index that was once made with a monitor asks it from then on.
    _git(folder, "config", "core.fsmonitor", str(owned.program))
    _git(folder, "update-index", "--fsmonitor")
    _git(folder, "status")
    poison(folder / ".git", owned.program)
    owned.mark.unlink(missing_ok=True)


def _another_repository_in_place_of_the_link(tree: Path, owned: Owned) -> None:
    (tree / ".git").unlink()
    evil_repository(tree, owned)


def _a_link_to_a_repository_of_its_own(tree: Path, owned: Owned) -> None:
    evil_repository(tree / "own", owned)
    (tree / ".git").write_text(f"gitdir: {tree / 'own' / '.git'}\n")


def _a_symbolic_link_to_a_repository_of_its_own(tree: Path, owned: Owned) -> None:
    evil_repository(tree / "own", owned)
    (tree / ".git").unlink()
    (tree / ".git").symlink_to("own/.git")


def _no_link_at_all(tree: Path, _: Owned) -> None:
    (tree / ".git").unlink()


def _a_repository_inside(tree: Path, owned: Owned) -> None:
    evil_repository(tree / "inside", owned)
    evil_repository(tree / "src" / "deeper", owned)


def _a_bare_repository_as_files(tree: Path, owned: Owned) -> None:
    bare = tree / "bare"
    bare.mkdir()
    _git(bare, "init", "--quiet", "--bare")
    poison(bare, owned.program)


def _attributes_for_drivers(tree: Path, _: Owned) -> None:
    (tree / ".gitattributes").write_text(ATTRIBUTES)
    (tree / "src" / ".gitattributes").write_text(ATTRIBUTES)


def _a_submodule_that_is_filled(tree: Path, owned: Owned) -> None:
    evil_repository(tree / "lib", owned)


def _a_submodule_whose_list_is_gone(tree: Path, owned: Owned) -> None:
    evil_repository(tree / "lib", owned)
    (tree / ".gitmodules").unlink()


def _a_submodule_that_leads_elsewhere(tree: Path, owned: Owned) -> None:
    evil_repository(tree / "own", owned)
    (tree / "lib").mkdir(exist_ok=True)
    (tree / "lib" / ".git").write_text(f"gitdir: {tree / 'own' / '.git'}\n")


def _urls_that_run_programs(tree: Path, owned: Owned) -> None:
    (tree / ".gitmodules").write_text(
        f'[submodule "lib"]\n\tpath = lib\n\turl = ext::{owned.program}\n\tupdate = !{owned.program}\n\tignore = none\n'
        f'[submodule "../../evil"]\n\tpath = src\n\turl = file://{tree}\n\tbranch = --upload-pack={owned.program}\n'
    )


def _links_out_of_the_tree(tree: Path, owned: Owned) -> None:
    outside = owned.mark.parent / "outside"
    outside.mkdir()
    for name in ("docs", ".claude", "CLAUDE.md", "link"):
        (tree / name).symlink_to(outside)
    (tree / "src" / "wire.py").unlink()
    (tree / "src" / "wire.py").symlink_to("/etc/passwd")


def _pipes_and_endless_files(tree: Path, _: Owned) -> None:
    for name in ("package.json", "setup.cfg", "tox.ini"):
        os.mkfifo(tree / name)
    for name in ("Makefile", "pyproject.toml", "test_endless.py"):
        (tree / name).symlink_to("/dev/zero")


ATTACKS: Final[Mapping[str, Callable[[Path, Owned], None]]] = {
    "another_repository_in_place_of_the_link": _another_repository_in_place_of_the_link,
    "a_link_to_a_repository_of_its_own": _a_link_to_a_repository_of_its_own,
    "a_symbolic_link_to_a_repository_of_its_own": _a_symbolic_link_to_a_repository_of_its_own,
    "no_link_at_all": _no_link_at_all,
    "a_repository_inside": _a_repository_inside,
    "a_bare_repository_as_files": _a_bare_repository_as_files,
    "attributes_for_drivers": _attributes_for_drivers,
    "a_submodule_that_is_filled": _a_submodule_that_is_filled,
    "a_submodule_whose_list_is_gone": _a_submodule_whose_list_is_gone,
    "a_submodule_that_leads_elsewhere": _a_submodule_that_leads_elsewhere,
    "urls_that_run_programs": _urls_that_run_programs,
    "links_out_of_the_tree": _links_out_of_the_tree,
    "pipes_and_endless_files": _pipes_and_endless_files,
}


def _git(folder: Path, *arguments: str) -> None:
    identity = {"GIT_AUTHOR_NAME": "a", "GIT_AUTHOR_EMAIL": "a@b", "GIT_COMMITTER_NAME": "a", "GIT_COMMITTER_EMAIL": "a@b"}
    env = {"PATH": os.environ["PATH"], "HOME": "/nonexistent", "GIT_CONFIG_NOSYSTEM": "1", **identity}
    subprocess.run(["git", "-C", str(folder), *arguments], check=True, capture_output=True, env=env)
