"""What who owns the database can do to the audit is found, and the row is named."""

from __future__ import annotations

import pytest

from db.audit_reading import head_of_audit
from db.hooks import in_one_transaction
from engine.audit import Audit
from epics.access_errors import AuditBroken
from tests.integration.audit.adding import FIELDS, add

pytestmark = pytest.mark.postgres

ANEW = "UPDATE audit a SET hash = sha256(convert_to(audit_text(a), 'UTF8'))"


async def without_triggers(connection):
    for table in ("audit", "audit_head"):
        await connection.execute(f"ALTER TABLE {table} DISABLE TRIGGER USER")


# What is done while the triggers are away, and what `verify` says.
TAMPERING = {
    "changed": ("UPDATE audit SET person = 'mallory' WHERE n = 3", "row 3 of the audit was changed: "),
    "data written otherwise": ("UPDATE audit SET data = '{ }' WHERE n = 3", "row 3 of the audit was changed: "),
    "hash taken away": ("UPDATE audit SET hash = '' WHERE n = 3", "row 3 of the audit was changed: "),
    "changed and hashed anew": (
        f"UPDATE audit SET person = 'mallory' WHERE n = 3; {ANEW} WHERE n = 3",
        "row 3 of the audit was changed and hashed anew",
    ),
    "the last one hashed anew": (
        f"UPDATE audit SET person = 'mallory' WHERE n = 6; {ANEW} WHERE n = 6",
        "row 6 of the audit was changed and hashed anew",
    ),
    "taken from the middle": ("DELETE FROM audit WHERE n IN (3, 4)", "row 3 of the audit is missing: 2 rows, 3 to 4"),
    "taken from the middle, and the others moved": (
        "DELETE FROM audit WHERE n = 3; UPDATE audit SET n = n - 1 WHERE n > 3; UPDATE audit_head SET n = 5",
        "row 3 of the audit was changed: ",
    ),
    "taken from the beginning": ("DELETE FROM audit WHERE n = 1", "row 1 of the audit is missing"),
    "taken from the end": ("DELETE FROM audit WHERE n > 4", "row 5 of the audit is missing: 2 rows, 5 to 6"),
    "all taken": ("DELETE FROM audit", "row 1 of the audit is missing: 6 rows"),
    "put behind the end": (
        f"INSERT INTO audit SELECT 7, {FIELDS}, hash, hash FROM audit WHERE n = 6; {ANEW} WHERE n = 7",
        "row 7 of the audit was put in",
    ),
    "put before the beginning": (
        f"INSERT INTO audit SELECT 0, {FIELDS}, previous, previous FROM audit WHERE n = 1",
        "row 0 of the audit was put in",
    ),
    "swapped": (
        "UPDATE audit SET n = 99 WHERE n = 3; UPDATE audit SET n = 3 WHERE n = 4; UPDATE audit SET n = 4 WHERE n = 99",
        "row 3 of the audit was changed: ",
    ),
    "given a time that is none": ("UPDATE audit SET at = 'infinity' WHERE n = 3", "row 3 of the audit was changed: "),
    "given a year that no clock has": ("UPDATE audit SET at = '20000-01-01' WHERE n = 3", "row 3 of the audit was changed: "),
    "left without a person": (
        "ALTER TABLE audit ALTER person DROP NOT NULL; UPDATE audit SET person = NULL WHERE n = 3",
        "row 3 of the audit was changed: ",
    ),
    "the head taken away": ("DELETE FROM audit_head", "the end of the audit is missing"),
    "the head moved back with its rows": (
        "DELETE FROM audit WHERE n > 4; UPDATE audit_head SET n = 4, hash = (SELECT hash FROM audit WHERE n = 4)",
        "row 5 of the audit is missing: the anchor is of row 5",
    ),
}


async def test_whatever_is_done_to_the_chain_is_found_and_the_row_is_named(database):
    await add(database, 5)
    anchor = await head_of_audit(database.pool)
    await add(database, 1)
    found = {}

    async def tampered(statements):
        async with in_one_transaction(database) as (connection, inside):
            await without_triggers(connection)
            for statement in statements.split("; "):
                await connection.execute(statement)
            await Audit(inside.pool).verify(anchor)

    for what, (statements, _) in TAMPERING.items():
        with pytest.raises(AuditBroken) as broken:
            await tampered(statements)
        found[what] = str(broken.value)

    assert {what: said for what, (_, said) in TAMPERING.items() if not found[what].startswith(said)} == {}, found
    assert (await Audit(database.pool).verify(anchor)).rows == 6


async def test_a_chain_that_was_written_anew_as_a_whole_is_found_by_an_anchor_alone(database):
    await add(database, 4)
    anchor = await head_of_audit(database.pool)
    async with database.pool.connection() as connection, connection.transaction():
        await without_triggers(connection)
        await connection.execute("DELETE FROM audit")
        await connection.execute("UPDATE audit_head SET n = 0, hash = decode(repeat('00', 32), 'hex')")
        for table in ("audit", "audit_head"):
            await connection.execute(f"ALTER TABLE {table} ENABLE TRIGGER USER")
    await add(database, 5)

    assert (await Audit(database.pool).verify()).rows == 5
    with pytest.raises(AuditBroken, match="row 4 of the audit is not the one that the anchor is of"):
        await Audit(database.pool).verify(anchor)
