"""What the tests of the demo share: the key that `ioc demo` makes for itself, and folders whose files stand still."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ioc.demo import SYSTEMS_KEY
from ioc.folder import Folder


@pytest.fixture(autouse=True)
def systems_key(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SYSTEMS_KEY, "khoa-cua-phep-thu")


@pytest.fixture
def still(monkeypatch: pytest.MonkeyPatch) -> None:
    """A file that was renamed into place stands still at once."""
    begun = Folder.__init__

    def hurried(self: Folder, path: Path, **settings: Any) -> None:
        begun(self, path, **settings | {"settle_s": 0.0})

    monkeypatch.setattr(Folder, "__init__", hurried)
