"""A program of its own that prints the text of a web page as a person would read it; it is run by path and imports nothing of Genie.

The reader of the standard library takes minutes for pages that are made for that, and Python holds its lock meanwhile. As a process it can
be ended.
"""

from __future__ import annotations

import re
import sys
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

_SKIPPED: Final = frozenset({"script", "style", "noscript", "template"})
_BLOCKS: Final = frozenset(
    {
        *(
            "address",
            "article",
            "aside",
            "blockquote",
            "br",
            "dd",
            "div",
            "dl",
            "dt",
            "figcaption",
            "footer",
            "form",
            "h1",
            "h2",
            "h3",
            "h4",
        ),
        *("h5", "h6", "header", "hr", "li", "main", "nav", "ol", "p", "pre", "section", "table", "title", "tr", "ul"),
    }
)
_HEADINGS: Final = {f"h{n}": "#" * n + " " for n in range(1, 7)}
_SPACES: Final = re.compile(r"[ \t\f\v\u00a0]+")
_GAPS: Final = re.compile(r"\n{3,}")


def page_text(html: str) -> str:
    """Return what a page says: headings and list items marked, links with where they lead, scripts and styles left out."""
    reader = _Reader()
    reader.feed(html)
    reader.close()
    return reader.text()


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self._parts: list[str] = []
        self._skipping: list[str] = []
        self._preformatted = 0
        self._links: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _SKIPPED:
            self._skipping.append(tag)
        if self._skipping:
            return
        if tag in _BLOCKS:
            self._parts.append("\n\n" if tag in _HEADINGS or tag == "p" else "\n")
        if tag == "pre":
            self._preformatted += 1
        elif tag == "li":
            self._parts.append("- ")
        elif tag in {"td", "th"}:
            self._parts.append(" ")
        elif tag == "a":
            self._links.append(dict(attrs).get("href") or "")
        self._parts.append(_HEADINGS.get(tag, ""))

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        # Of a tag that ends at once, such as <script/>, browsers take what follows for its content; nothing of a page is to vanish here.
        if tag not in _SKIPPED:
            self.handle_starttag(tag, attrs)
            self.handle_endtag(tag)

    def handle_endtag(self, tag: str) -> None:
        if tag in self._skipping:
            del self._skipping[self._skipping.index(tag) :]
            return
        if self._skipping:
            return
        if tag == "a" and self._links:
            where = self._links.pop()
            if where.startswith(("http://", "https://", "/")):
                self._parts.append(f" <{where}>")
        if tag == "pre":
            self._preformatted = max(0, self._preformatted - 1)
        if tag in _BLOCKS:
            self._parts.append("\n")

    def handle_data(self, data: str) -> None:
        if self._skipping:
            return
        self._parts.append(data if self._preformatted else _SPACES.sub(" ", data.replace("\n", " ").replace("\r", " ")))

    def text(self) -> str:
        lines = (line.rstrip() for line in "".join(self._parts).split("\n"))
        return _GAPS.sub("\n\n", "\n".join(lines)).strip()


if __name__ == "__main__":
    sys.stdout.reconfigure(encoding="utf-8", errors="replace")  # type: ignore[union-attr]
    print(page_text(Path(sys.argv[1]).read_text(encoding="utf-8", errors="replace")), end="")  # noqa: T201  # this is what the program is for
