"""The guard-rail for commands: accidents are refused, ordinary work is not."""

from __future__ import annotations

import pytest

from epics.errors import CommandRefused
from safety.commands import check_command


@pytest.mark.parametrize(
    "command",
    [
        "git push",
        "git -C . push origin main",
        "cd src && git push --force",
        "echo a; git reset --hard HEAD~1",
        "git clean -fd",
        "git stash",
        "git branch -D main",
        "git branch --delete main",
        "git update-ref refs/heads/x HEAD",
        "git config user.name x",
        "git config --global core.hooksPath /x",
        "git worktree add ../x",
        "git checkout main",
        "git switch main",
        "git commit --amend",
        "git rebase -i HEAD~2",
        "git -c alias.x='!sh' x",
        "git --git-dir=/other/.git log",
        "git remote add x y",
        "true | git push",
        "(git push)",
        "{ git push; }",
        "if true; then git push; fi",
        'echo "$(git push)"',
        "echo `git push`",
        "bash -c 'git push'",
        "bash -lc 'cd x && git push'",
        "bash <<EOF\ngit push\nEOF",
        "eval git push",
        "GIT_DIR=x git push",
        "env A=1 git push",
        "timeout 5 git push",
        "xargs git push",
        "/usr/bin/git push",
        "echo ok\ngit push",
        "git push &",
        "sudo ls",
        "rm -rf /",
        "rm -rf /*",
        "rm -rf ~",
        "rm -rf ..",
        "rm -fr ../other",
        "rm -r .git",
        "rm -rf .",
        "rm --recursive /home/x",
        "npm publish",
        "twine upload dist/x",
        "shutdown now",
        "mkfs.ext4 /dev/sda",
        "dd if=/dev/zero of=/dev/sda",
        "kill -9 -1",
        "",
        "git push 'unbalanced",
    ],
)
def test_a_command_that_harms_is_refused(command):
    with pytest.raises(CommandRefused):
        check_command(command)


@pytest.mark.parametrize(
    "command",
    [
        "git status",
        "git diff HEAD -- src",
        "git log --oneline -5 | head",
        "git add -A && git commit -m 'push the button'",
        "git commit -m 'do not git push'",
        "git -c user.name=a -c user.email=b commit -m x",
        "git config --get user.name",
        "git config user.name",
        "git checkout -- src/app.py",
        "git checkout HEAD -- src",
        "git restore src/app.py",
        "git show main:README.md",
        "git branch -a",
        "git reset src/app.py",
        "python -m unittest -v 2>&1 | tail -20",
        "rm -rf build dist",
        "rm -rf ./build",
        "rm file.txt",
        "rm -rf /tmp/scratch",
        "cat > notes.md <<'EOF'\nnever run git push\nsudo rm -rf /\nEOF",
        "npm test",
        "make -j2 && echo done # git push",
        "grep -rn 'git push' docs",
        "python3 - <<PY\nprint('git clean')\nPY",
        "for f in *.py; do echo $f; done",
        "kill 4711",
    ],
)
def test_ordinary_work_is_let_through(command):
    check_command(command)


def test_a_refusal_says_what_to_do_instead():
    with pytest.raises(CommandRefused, match="Genie publishes branches itself"):
        check_command("git push")
