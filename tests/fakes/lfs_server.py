"""A Git LFS server with a memory, for `HttpGit` to have beside its repositories: the batch API, uploads and downloads of whole files."""

from __future__ import annotations

import hashlib
import json
from typing import Any


class LfsServer:
    """Keeps contents by their hash, and remembers what it was asked."""

    def __init__(self) -> None:
        self.contents: dict[str, bytes] = {}
        self.asked: list[tuple[str, str]] = []
        """What for, and for which content."""
        self.refuses_uploads = False

    def answer(self, host: str, method: str, path: str, body: bytes) -> tuple[int, bytes] | None:
        """Answer a request; None to one that is git's."""
        oid = path.rpartition("/")[2]
        if path.endswith("/info/lfs/objects/batch"):
            return 200, json.dumps(self._batch(host, json.loads(body))).encode()
        if not path.startswith("/lfs-contents/"):
            return None
        if method == "PUT":
            self.contents[hashlib.sha256(body).hexdigest()] = body
            return 200, b""
        return (200, self.contents[oid]) if oid in self.contents else (404, b"")

    def _batch(self, host: str, wanted: dict[str, Any]) -> dict[str, Any]:
        operation = wanted["operation"]
        self.asked += [(operation, each["oid"]) for each in wanted["objects"]]
        return {"transfer": "basic", "objects": [self._told(host, operation, each) for each in wanted["objects"]]}

    def _told(self, host: str, operation: str, wanted: dict[str, Any]) -> dict[str, Any]:
        there = wanted["oid"] in self.contents
        facts = {"oid": wanted["oid"], "size": wanted["size"]}
        if operation == "upload" and self.refuses_uploads:
            return {**facts, "error": {"code": 403, "message": "the quota is used up"}}
        if operation == "download" and not there:
            return {**facts, "error": {"code": 404, "message": "no such content"}}
        if operation == "upload" and there:
            return facts
        return {**facts, "actions": {operation: {"href": f"http://{host}/lfs-contents/{wanted['oid']}"}}}
