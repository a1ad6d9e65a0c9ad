"""What several test files share."""

import os
from pathlib import Path

import pytest
from hypothesis import settings

settings.register_profile("unhurried", deadline=None)  # no test fails because the machine is busy
settings.load_profile("unhurried")


@pytest.fixture(scope="session")
def shared() -> Path:
    """The folder of real media and golden vectors beside the repository; skips where it is absent."""
    default = Path(__file__).resolve().parents[2] / "shared"
    folder = Path(os.environ.get("SECONDEYE_SHARED", default))
    if not (folder / "data" / "MANIFEST.json").exists():
        pytest.skip(f"no shared test data at {folder}; set SECONDEYE_SHARED to have these tests run")
    return folder
