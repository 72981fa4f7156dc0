"""An identity provider on a loopback port: it signs tokens, publishes its keys, changes them, and can be down."""

from __future__ import annotations

import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

from joserfc import jwt
from joserfc.jwk import ECKey, RSAKey

AUDIENCE = "https://genie.example.org"


class FakeIdentityProvider:
    """Has an RSA key `rsa-1` and an elliptic one `ec-1` at first; `answer` takes the place of what it publishes."""

    def __init__(self) -> None:
        self.keys: dict[str, RSAKey | ECKey] = {
            "rsa-1": RSAKey.generate_key(2048, {"kid": "rsa-1", "use": "sig"}),
            "ec-1": ECKey.generate_key("P-256", {"kid": "ec-1", "use": "sig"}),
        }
        self.fetches = 0
        self.status = 200
        self.answer: bytes | None = None
        provider = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                provider._publish(self)

            def log_message(self, format: str, *args: object) -> None:  # noqa: A002  # the base class has it so
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self.issuer = f"http://127.0.0.1:{self._server.server_address[1]}"
        self.jwks_url = f"{self.issuer}/jwks"
        self._thread = threading.Thread(target=self._server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        self._thread.start()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_given: object) -> None:
        self._server.shutdown()
        self._server.server_close()
        self._thread.join()

    def claims(self, **other: Any) -> dict[str, Any]:
        """What a token for Anna says; None takes a claim away."""
        now = int(time.time())
        said = {"iss": self.issuer, "aud": AUDIENCE, "sub": "anna@example.org", "iat": now, "nbf": now, "exp": now + 300, "jti": "j-1"}
        return {name: value for name, value in {**said, **other}.items() if value is not None}

    def token(self, kid: str = "rsa-1", *, header: dict[str, Any] | None = None, **other: Any) -> str:
        """A token as this provider signs it, with other claims or headers where they are given; None takes one away."""
        key = self.keys[kid]
        algorithm = "RS256" if isinstance(key, RSAKey) else "ES256"
        heads = {"alg": algorithm, "kid": kid, **(header or {})}
        given = {name: value for name, value in heads.items() if value is not None}
        return jwt.encode(given, self.claims(**other), key, algorithms=[algorithm])

    def rotate(self, kid: str) -> None:
        """Publish another RSA key in the place of all others."""
        self.keys = {kid: RSAKey.generate_key(2048, {"kid": kid, "use": "sig"})}

    def _publish(self, handler: BaseHTTPRequestHandler) -> None:
        self.fetches += 1
        published = {"keys": [key.as_dict(private=False) for key in self.keys.values()]}
        body = self.answer if self.answer is not None else json.dumps(published).encode()
        handler.send_response(self.status)
        handler.send_header("content-length", str(len(body)))
        handler.end_headers()
        handler.wfile.write(body)
