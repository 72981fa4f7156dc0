"""What is slow to import is imported only by those who need it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]


@pytest.mark.parametrize(
    "module, left_out",
    [
        ("executors.scripted", ("pydantic_ai", "anthropic", "openai", "mcp")),
        ("executors.provider_keys", ("pydantic_ai", "anthropic", "openai")),
        ("executors.in_process", ("anthropic", "openai", "fastmcp")),
        ("executors.gateway.serving", ("pydantic_ai", "anthropic", "openai", "mcp")),
        ("executors.throttle", ("pydantic_ai", "httpx2", "uvicorn")),
        ("executors.gateway.conversation", ("pydantic_ai", "httpx2", "uvicorn")),
    ],
)
def test_a_module_leaves_out_what_it_does_not_need(module, left_out):
    program = f"import sys, {module}; print([name for name in {left_out!r} if name in sys.modules])"

    said = subprocess.run([sys.executable, "-c", program], cwd=ROOT, check=True, capture_output=True, text=True).stdout

    assert said == "[]\n"
