"""What `genie doctor` says of keys: where each comes from, never what it is."""

from __future__ import annotations

from cli.check import Check
from cli.database import open_dsn
from config.settings import Settings
from db.connection import open_pool
from db.secrets import list_secrets
from engine.keyring import StoredKeyring
from engine.master_key import master_keys_of
from engine.stored_settings import STORED, of_environment, stored_settings
from epics.errors import GenieError


async def stored_in(settings: Settings) -> tuple[Settings, Check]:
    """The settings with what the database has, and whether all of it can be opened here."""
    here = of_environment(settings)
    try:
        async with open_dsn(settings) as dsn, open_pool(dsn) as pool:
            pool.sealer = StoredKeyring(pool, master_keys_of(settings))
            names = [row["name"] for row in await list_secrets(pool)]
            found = await stored_settings(settings, pool)
    except GenieError as error:
        return settings, Check(name="secrets", state="failed", seen=str(error), way_out="correct GENIE_SECRET_KEY or GENIE_SECRET_KEY_FILE")
    shut = [name for name in names if name not in here and name in STORED and getattr(found, name, None) is None]
    places = [f"{name} from the environment" for name in sorted(here)]
    places += [f"{name} from the database" for name in names if name not in here and name not in shut]
    if shut:
        way = "set GENIE_SECRET_KEY as it is on the host that stored them, or store them again with `genie secret set`"
        return found, Check(name="secrets", state="failed", seen=f"stored, and not to be opened here: {', '.join(shut)}", way_out=way)
    return found, Check(name="secrets", state="ok", seen=", ".join(places) or "none are set or stored")
