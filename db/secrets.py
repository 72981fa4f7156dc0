"""The rows of secrets, and of the data keys that seal them; every value here is sealed."""

from __future__ import annotations

from db.connection import Connection, Pool
from db.epics import Row, fetch_all
from db.failures import foreseen
from db.queries import QUERIES


async def read_data_keys(pool: Pool) -> tuple[dict[str, str], str]:
    """The data keys as they are sealed, by name, and the name of the one that seals; empty if there is none."""
    rows = await fetch_all(pool, "data_keys", {})
    return {row["name"]: row["wrapped"] for row in rows}, next((row["name"] for row in rows if row["is_current"]), "")


async def insert_data_key(pool: Pool, name: str, wrapped: str) -> None:
    """Add the first data key, unless another process was quicker."""
    with foreseen():
        async with pool.connection() as connection:
            await connection.execute(QUERIES["insert_data_key"], {"name": name, "wrapped": wrapped})


async def put_secret(connection: Connection, name: str, sealed: str, by: str) -> None:
    """Keep a secret, in place of the one with that name if there is one, in the transaction at hand."""
    await connection.execute(QUERIES["put_secret"], {"name": name, "sealed": sealed, "by": by})


async def delete_secret(connection: Connection, name: str) -> bool:
    """Forget a secret in the transaction at hand; False if there is none."""
    return await (await connection.execute(QUERIES["delete_secret"], {"name": name})).fetchone() is not None


async def list_secrets(pool: Pool) -> list[Row]:
    """All secrets: names, when and by whom; never a value."""
    return await fetch_all(pool, "list_secrets", {})


async def sealed_secrets(pool: Pool) -> dict[str, str]:
    """All secrets as they are kept, by name."""
    return {row["name"]: row["sealed"] for row in await fetch_all(pool, "sealed_secrets", {})}
