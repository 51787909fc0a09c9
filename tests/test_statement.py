"""Only one SELECT passes, and its parameter goes where the driver wants it."""

from __future__ import annotations

import pytest

from ioc.statement import Dialect, bound, check

DIALECTS: tuple[Dialect, ...] = ("sqlite", "postgresql", "mariadb")


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    "text",
    [
        "SELECT 1",
        "  select a from t where note = ';' and x = 'into' ;  ",
        '-- daily; figures\nSELECT "into" FROM t',
        "/* into; */ WITH x AS (SELECT 1 AS n) SELECT n FROM x",
        "SELECT 'it''s' AS a, replace(b, ':cursor', '') FROM t",
    ],
)
def test_a_select_passes(text: str, dialect: Dialect) -> None:
    check(text, dialect, parameter=False)


@pytest.mark.parametrize("dialect", DIALECTS)
@pytest.mark.parametrize(
    ("text", "say"),
    [
        ("DELETE FROM t", "no SELECT"),
        ("", "no SELECT"),
        ("-- SELECT\nDROP TABLE t", "no SELECT"),
        ("SELECTED", "no SELECT"),
        ("SELECT 1; DROP TABLE t", "more than one"),
        ("SELECT 1;;", "more than one"),
        ("SELECT a INTO b FROM t", "INTO"),
        ("SELECT a FROM t INTO OUTFILE '/tmp/x'", "INTO"),
        ("SELECT a FROM t FOR UPDATE", "FOR UPDATE"),
        ("SELECT a FROM t FOR NO KEY UPDATE", "locks"),
        ("SELECT a FROM t LOCK IN SHARE MODE", "LOCK IN"),
        ("SELECT /*! SLEEP(9), */ 1", "server would run"),
        ("SELECT /*M! SLEEP(9), */ 1", "server would run"),
        ("SELECT 'a FROM t", "not closed"),
        ("SELECT 1 /* FROM t", "not closed"),
        ("SELECT a FROM t WHERE u >= :cursor", "no watermark"),
    ],
)
def test_anything_else_is_refused(text: str, say: str, dialect: Dialect) -> None:
    with pytest.raises(ValueError, match=say):
        check(text, dialect, parameter=False)


def test_quotes_are_read_as_each_dialect_does() -> None:
    hidden = r"SELECT 'a\' INTO OUTFILE ' FROM t"
    check(hidden, "mariadb", parameter=False)
    with pytest.raises(ValueError, match="not closed"):
        check(hidden, "sqlite", parameter=False)
    check(r"SELECT E'it\'s ; INTO' AS a, $x$ ; INTO ' $x$ AS b", "postgresql", parameter=False)
    with pytest.raises(ValueError, match="#"):
        check("SELECT 1 # it's\n", "mariadb", parameter=False)


def test_ties_can_not_be_lost() -> None:
    check("SELECT u FROM t WHERE u >= :cursor", "sqlite", parameter=True)
    for text in ("SELECT u FROM t WHERE u > :cursor", "SELECT u FROM t WHERE u >:cursor"):
        with pytest.raises(ValueError, match="same watermark"):
            check(text, "sqlite", parameter=True)
    for text in ("SELECT u FROM t", "SELECT u FROM t WHERE u >= ':cursor'"):
        with pytest.raises(ValueError, match="what is new"):
            check(text, "sqlite", parameter=True)


def test_the_parameter_is_bound() -> None:
    text = "SELECT u::date, '100% :cursor' FROM t WHERE u::date >= :cursor AND n LIKE 'a%';"
    expected = "SELECT u::date, '100%% :cursor' FROM t WHERE u::date >= %(cursor)s AND n LIKE 'a%%'"
    assert bound(text, "postgresql") == bound(text, "mariadb") == expected
    assert bound(text, "sqlite") == text.removesuffix(";")
    assert bound("SELECT '100%'", "mariadb") == "SELECT '100%'"
