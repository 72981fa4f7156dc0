"""Which commands an agent may not run: a guard-rail against accidents, not a sandbox.

A script that the agent wrote, or a program that runs others, is not seen through; what must hold against malice is held by the container,
by the empty environment (no secret, no remote that accepts a push) and by history being kept where the agent cannot reach it.
"""

from __future__ import annotations

import re
import shlex

from epics.errors import CommandRefused
from safety.git_commands import why_git_is_refused

_SEPARATORS = ";&|()\n"
_SHELLS = frozenset({"sh", "bash", "dash", "zsh", "ksh"})
_RUN_ANOTHER = frozenset(
    {"env", "nohup", "time", "command", "exec", "nice", "setsid", "stdbuf", "xargs", "builtin", "timeout", "then", "do", "else", "!", "{"}
)
_ROOT = frozenset({"sudo", "su", "doas", "pkexec"})
_MACHINE = frozenset({"shutdown", "reboot", "halt", "poweroff", "mount", "umount", "fdisk", "crontab", "systemctl", "insmod", "modprobe"})
_PUBLISH = {
    "npm": "publish",
    "pnpm": "publish",
    "yarn": "publish",
    "cargo": "publish",
    "twine": "upload",
    "poetry": "publish",
    "uv": "publish",
}
_ASSIGNMENT = re.compile(r"[A-Za-z_]\w*=")
_HEREDOC = re.compile(r"<<-?\s*(['\"]?)(\w+)\1(?P<rest>[^\n]*)\n.*?^\s*\2\s*$", re.DOTALL | re.MULTILINE)
_NESTED = re.compile(r"\$\(([^()]*)\)|`([^`]*)`")
_DEPTH = 5


def check_command(command: str) -> None:
    """Refuse a command line that would harm history, other work or the machine.

    Raises:
        CommandRefused: saying which part and what to do instead.
    """
    if "\0" in command or not command.strip():
        raise CommandRefused(f"the command {command!r} is empty or has a NUL in it: give a command for bash")
    _check(command, 0)


def _check(line: str, depth: int) -> None:
    if depth > _DEPTH:
        raise CommandRefused("the command nests shells more than five deep: write it as a plain command")
    for nested in _NESTED.finditer(line):
        _check(nested.group(1) or nested.group(2) or "", depth + 1)
    for words in _simple_commands(_without_heredocs(line)):
        reason = _why_refused(_unwrapped(words), depth)
        if reason:
            raise CommandRefused(f"the command {shlex.join(words)!r} is refused: {reason}")


def _without_heredocs(line: str) -> str:
    """Cut out texts that are only fed to a program, unless that program is a shell."""

    def cut(found: re.Match[str]) -> str:
        before = line[: found.start()].rsplit("\n", 1)[-1].split()
        return found.group(0) if before and before[0].rsplit("/", 1)[-1] in _SHELLS else found.group("rest")

    return _HEREDOC.sub(cut, line)


def _simple_commands(line: str) -> list[list[str]]:
    lexer = shlex.shlex(line.replace("`", " ; "), posix=True, punctuation_chars=_SEPARATORS)
    lexer.whitespace = " \t\r"
    lexer.whitespace_split = True
    lexer.commenters = ""
    try:
        tokens = list(lexer)
    except ValueError:  # an open quote: the shell will say so itself, so only look at the words
        tokens = re.split(r"[\s'\"]+|([;&|()])", line)
    found: list[list[str]] = [[]]
    for token in tokens:
        if token and not set(token) - set(_SEPARATORS):
            found.append([])
        elif token:
            found[-1].append(token)
    return [words for words in found if words]


def _unwrapped(words: list[str]) -> list[str]:
    """Drop assignments and programs whose arguments are the program that really runs."""
    rest = words
    while rest:
        name = rest[0].rsplit("/", 1)[-1]
        if name in _RUN_ANOTHER:
            rest = rest[1:]
            while rest and (rest[0].startswith("-") or re.fullmatch(r"\d+(\.\d+)?[smhd]?", rest[0])):
                rest = rest[1:]
        elif _ASSIGNMENT.match(rest[0]) or name in {"if", "while", "until"}:
            rest = rest[1:]
        else:
            break
    return rest


def _why_refused(words: list[str], depth: int) -> str:
    if not words:
        return ""
    program, arguments = words[0].rsplit("/", 1)[-1], words[1:]
    if program in _SHELLS and "-c" in _short_flags(arguments):
        script = [argument for argument in arguments if not argument.startswith("-")]
        _check(script[0] if script else "", depth + 1)
    if program == "eval":
        _check(" ".join(arguments), depth + 1)
    if program == "git":
        return why_git_is_refused(arguments)
    if program == "rm":
        return _why_rm_is_refused(arguments)
    if program in _ROOT:
        return "nothing is run as another user: if something must be installed, say so in your answer"
    if program in _MACHINE or program.startswith("mkfs") or (program == "dd" and any(a.startswith("of=/dev/") for a in arguments)):
        return "it changes the machine, and only the work tree is yours to change"
    if program in _PUBLISH and _PUBLISH[program] in arguments:
        return "publishing is for people: leave it out"
    if program == "kill" and {"-1", "1"} & set(arguments[-1:]):
        return "end only processes that you started, by their id"
    return ""


def _short_flags(arguments: list[str]) -> set[str]:
    """Return single flags, bundled ones taken apart (`-lc` is `-l` and `-c`)."""
    return {f"-{letter}" for a in arguments if a.startswith("-") and not a.startswith("--") for letter in a[1:]}


def _why_rm_is_refused(arguments: list[str]) -> str:
    flags = _short_flags(arguments) | {argument for argument in arguments if argument.startswith("--")}
    if not flags & {"-r", "-R", "--recursive"}:
        return ""
    for target in (argument for argument in arguments if not argument.startswith("-")):
        plain = target.rstrip("/") or "/"
        parts = plain.split("/")
        if plain in {"/", ".", "*", "./*"} or target.startswith(("~", "$HOME", "${HOME")) or ".." in parts or ".git" in parts:
            return f"removing {target!r} takes more than files of this task: name the folders inside of the work tree"
        if plain.startswith("/") and not plain.startswith("/tmp/"):  # noqa: S108  (a name in somebody's command, nothing is opened)
            return f"removing {target!r} is outside of the work tree: use relative paths"
    return ""
