"""What the command line does not wait for."""

from __future__ import annotations

import subprocess
import sys


def test_reading_the_database_imports_no_graph_and_no_model():
    code = "import sys, engine.engine; print(*({'langgraph', 'langchain_core', 'pydantic_ai'} & set(sys.modules)))"

    done = subprocess.run([sys.executable, "-c", code], check=True, capture_output=True, text=True)

    assert done.stdout.strip() == ""
