"""A program of its own that looks for a regular expression in files; it is run by path and imports nothing of Genie.

Python holds its lock while a regular expression is matched, so a hostile one would hang a worker together with its heart beat. As a
process it can be ended.
"""

from __future__ import annotations

import os
import re
import sys
from collections.abc import Iterator
from pathlib import Path

LONGEST_LINE = 10_000
SHOWN = 300


def lines_of(path: Path, largest: int) -> Iterator[tuple[int, str]]:
    """Yield the numbered lines of a text file; nothing for links, special, binary and very large files."""
    if path.is_symlink() or not path.is_file() or path.stat().st_size > largest:
        return
    with path.open("rb") as file:
        if b"\0" in file.read(8_192):
            return
        file.seek(0)
        for number, raw in enumerate(file, start=1):
            yield number, raw[:LONGEST_LINE].decode(errors="replace")


def main(pattern: str, glob: str, hidden: str, most: int, largest: int) -> None:
    """Print path:line:text of the lines that match, of files whose relative path the regular expression `glob` fits."""
    wanted, fits, left_alone, hits = re.compile(pattern), re.compile(glob, re.DOTALL), set(hidden.split("/")), 0
    for folder, folders, files in os.walk("."):
        folders[:] = sorted(name for name in folders if name not in left_alone)
        for name in sorted(files):
            relative = os.path.normpath(f"{folder}/{name}")
            if not fits.fullmatch(relative) or name == ".git":
                continue
            for number, line in lines_of(Path(relative), largest):
                if not wanted.search(line):
                    continue
                sys.stdout.write(f"{relative}:{number}:{line.strip()[:SHOWN]}\n")
                hits += 1
                if hits >= most:
                    sys.stdout.write(f"[stopped at {most} lines; narrow the pattern or the glob]\n")
                    return


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    main(sys.argv[1], sys.argv[2], sys.argv[3], int(sys.argv[4]), int(sys.argv[5]))
