"""What git sees of the machine and of the person: enough to log in, nothing that changes what it does."""

from __future__ import annotations

import os
import shlex

# What git, ssh and curl need from outside. Everything else stays out: the GIT_DIR of a hook that called us would lead astray.
PASSED_ON = frozenset(
    {
        *("PATH", "HOME", "USER", "LOGNAME", "TMPDIR", "XDG_CONFIG_HOME"),
        *("SSH_AUTH_SOCK", "SSH_AGENT_PID", "SSH_ASKPASS", "GIT_ASKPASS", "GIT_SSH", "GIT_SSH_COMMAND"),
        *("GIT_SSL_CAINFO", "SSL_CERT_FILE", "SSL_CERT_DIR"),
        *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
    }
)
FIXED = {
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "GIT_TERMINAL_PROMPT": "0",
    "GIT_OPTIONAL_LOCKS": "0",  # `git status` must not write the index of a checkout that is not ours
    "GIT_LITERAL_PATHSPECS": "1",
    "GIT_ALLOW_PROTOCOL": "file:git:http:https:ssh",  # `ext::` runs a program of the URL's choice
    "GIT_NO_REPLACE_OBJECTS": "1",  # `git replace` in a work tree must not change what we read
    "GIT_GRAFT_FILE": "/dev/null",
    "LC_ALL": "C",
    "GIT_AUTHOR_NAME": "Genie",
    "GIT_AUTHOR_EMAIL": "genie@localhost",
    "GIT_COMMITTER_NAME": "Genie",
    "GIT_COMMITTER_EMAIL": "genie@localhost",
}
# Settings that hold in every repository, whatever its own config says: no program of a repository is run by us, and nothing is collected.
EVERYWHERE = (
    "core.hooksPath=/dev/null",
    "core.fsmonitor=false",
    "gc.auto=0",
    "maintenance.auto=false",
    "submodule.recurse=false",
    "fetch.prune=false",
    "fetch.recurseSubmodules=false",
    "commit.gpgSign=false",
    "push.gpgSign=false",
    "push.recurseSubmodules=no",
    "merge.autoStash=false",
    "merge.verifySignatures=false",
)
# Settings that hold in our mirrors and work trees: bytes go in and out as they are, unless the tree's own .gitattributes say otherwise.
AS_IT_IS = (
    "core.autocrlf=false",
    "core.safecrlf=false",
    "core.fileMode=true",
    "core.symlinks=true",
    "core.ignoreCase=false",
    "core.excludesFile=/dev/null",
    "core.attributesFile=/dev/null",
    "core.untrackedCache=false",
    "core.sparseCheckout=false",
    "merge.conflictStyle=merge",
    "i18n.commitEncoding=UTF-8",
)
# Where the name of a file with logins is, as `git credential-store` writes it.
CREDENTIALS = "GENIE_GIT_CREDENTIALS"


def programs_from(path: str) -> str:
    """Return a PATH without its relative folders: those would be of the work tree that git runs in."""
    return os.pathsep.join(folder for folder in path.split(os.pathsep) if folder.startswith("/"))


def credentials(file: str | None) -> dict[str, str]:
    """Name one more credential helper to git, by the environment: the file's own name may have spaces, and a login is in neither."""
    if file is None:
        return {}
    return {"GIT_CONFIG_COUNT": "1", "GIT_CONFIG_KEY_0": "credential.helper", "GIT_CONFIG_VALUE_0": f"store --file={shlex.quote(file)}"}
