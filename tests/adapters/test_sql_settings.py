"""The settings of sql_query: what is wrong is named, and no password with it."""

from __future__ import annotations

import subprocess
import sys
from typing import Any

import pytest

from ioc import catalog
from ioc.errors import BadConfig
from tests.adapters.test_sql_query import ALL, opened

NEW = "SELECT id, updated FROM t WHERE updated >= :cursor ORDER BY updated"


@pytest.mark.parametrize(
    ("options", "say"),
    [
        ({"complete": False}, "either watermark"),
        ({"watermark": "updated"}, "either watermark"),
        ({"complete": False, "watermark": "u", "statement": NEW}, "needs a start"),
        ({"statement": "DROP TABLE t"}, "no SELECT"),
        ({"kind": "oracle"}, "kind is sqlite, postgresql or mariadb"),
        ({"url": "postgresql://u:geheim@[bad/base"}, "url is no address"),
        ({"url": "postgresql://u:geheim@host:x/base"}, "url is no address"),
        ({"url": "postgresql://:geheim@host/base"}, "host or user is missing"),
        ({"url": "postgresql://u:geheim@host"}, "database is missing"),
        ({"limit": 0}, "limit 1 or more"),
        ({"tls": "maybe"}, "tls"),
        ({"pasword": "geheim"}, "pasword"),
    ],
)
def test_wrong_settings_are_named(options: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say) as caught:
        opened({"kind": "sqlite", "database": "x.db"}, **ALL | options)
    assert "geheim" not in str(caught.value)


def test_addresses() -> None:
    def where(url: str) -> Any:
        return opened({"url": url}, **ALL).config.where

    assert where("sqlite:////srv/a%20b.db").database == "/srv/a b.db"
    assert where("sqlite:///rel.db").database == "rel.db"
    found = where("mysql+pymysql://u%40x:p%3A%2F@db.example:3307/base")
    assert found[:6] == ("mariadb", "db.example", 3307, "u@x", "p:/", "base")
    assert where("postgres://u@h/b").port == 5432
    assert "p:/" not in repr(found) and "p:/" not in str(found)


def test_every_setting_is_documented() -> None:
    kind = catalog.adapter("sql_query").Config
    told = " ".join(base.__doc__ or "" for base in kind.__mro__)
    assert [name for name in kind.__struct_fields__ if f"`{name}`" not in told] == []


def test_drivers_are_loaded_only_when_asked() -> None:
    code = "import sys, ioc.catalog; ioc.catalog.adapter('sql_query'); print({'psycopg', 'pymysql'} & set(sys.modules))"
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert said.stdout.strip() == "set()"
