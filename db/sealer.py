"""What seals texts on their way into the database, and opens them on their way out."""

from __future__ import annotations

from typing import NoReturn, Protocol

from epics.access_errors import SecretUnreadable


class Sealer(Protocol):
    """Seals a text so that it opens under the same context only: the table, the column and the row that it stands in."""

    @property
    def seals_journal(self) -> bool:
        """Whether journal, transcripts and checkpoints are sealed too; what was sealed is opened in either case."""
        ...

    async def ready(self) -> None:
        """Have a key that seals, as the database has it by now.

        Raises:
            SecretUnreadable: if there is no key to seal with.
        """
        ...

    async def refresh(self) -> None:
        """Read the data keys again: another process may have made one."""
        ...

    async def sealed(self, text: str, context: str) -> str:
        """Seal a text with the key that seals by now; see `ready` for what is raised."""
        ...

    async def opened(self, sealed: str, context: str) -> str:
        """Open a sealed text, also one whose data key was made since; see `open` for what is raised."""
        ...

    def seal(self, text: str, context: str) -> str:
        """Seal a text.

        Raises:
            SecretUnreadable: if there is no key to seal with, or `ready` was not awaited.
        """
        ...

    def open(self, sealed: str, context: str) -> str:
        """Open a sealed text.

        Raises:
            SecretUnreadable: if the key that it needs is not here, it was changed, or it stands where it was not put.
        """
        ...

    def seal_bytes(self, content: bytes, context: str) -> str:
        """As `seal`, for what is no text."""
        ...

    def open_bytes(self, sealed: str, context: str) -> bytes:
        """As `open`, for what is no text."""
        ...


class NoSealer:
    """Seals nothing and opens nothing: a pool that no installation has given its keys."""

    seals_journal = False

    async def ready(self) -> None:
        """Refuse.

        Raises:
            SecretUnreadable: always.
        """
        _refuse()

    async def refresh(self) -> None:
        """Do nothing."""

    async def sealed(self, text: str, context: str) -> str:
        """Refuse.

        Raises:
            SecretUnreadable: always.
        """
        return self.seal(text, context)

    async def opened(self, sealed: str, context: str) -> str:
        """Refuse.

        Raises:
            SecretUnreadable: always.
        """
        return self.open(sealed, context)

    def seal(self, text: str, context: str) -> str:
        """Refuse.

        Raises:
            SecretUnreadable: always.
        """
        del text, context
        _refuse()

    def open(self, sealed: str, context: str) -> str:
        """Refuse.

        Raises:
            SecretUnreadable: always.
        """
        del sealed, context
        _refuse()

    def seal_bytes(self, content: bytes, context: str) -> str:
        """Refuse.

        Raises:
            SecretUnreadable: always.
        """
        del content, context
        _refuse()

    def open_bytes(self, sealed: str, context: str) -> bytes:
        """Refuse.

        Raises:
            SecretUnreadable: always.
        """
        del sealed, context
        _refuse()


def _refuse() -> NoReturn:
    message = "a sealed text was met where no key is known: this part of Genie was opened without its settings"
    raise SecretUnreadable(message)
