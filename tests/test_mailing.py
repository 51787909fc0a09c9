"""The settings of reminders: what is right, what is told, and that no secret stands in the file."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from ioc.errors import BadConfig
from ioc.lint import lint
from ioc.mailing import address
from ioc.settings import build

WHOLE = """
[province]
name = "Thử"
[web]
screens = "screens"
[reminders]
from = "ioc@quangnam.gov.vn"
after = [3600, 86400]
escalate_to = "mailto:vanphong@quangnam.gov.vn"
escalate_from = 2
thresholds = [3, 6]
quiet = ["18:00", "07:30"]
[reminders.smtp]
host = "mail.quangnam.gov.vn"
user = "$SMTP_USER"
password = "$SMTP_PASSWORD"
[reminders.webhook]
url = "https://zalo.quangnam.gov.vn/nhac"
header = "X-Key"
secret = "$WEBHOOK_SECRET"
"""
ENV = {"SMTP_USER": "ioc", "SMTP_PASSWORD": "hush", "WEBHOOK_SECRET": "Bearer hush"}


def made(folder: Path, text: str = WHOLE) -> Path:
    (folder / "screens").mkdir(exist_ok=True)
    file = folder / "ioc.toml"
    file.write_text(text, encoding="utf-8")
    return file


def test_secrets_come_from_the_environment(tmp_path: Path) -> None:
    from ioc import settings

    assert lint(made(tmp_path)) == []
    found = settings.load(made(tmp_path), ENV).reminders
    assert found is not None and found.smtp is not None and found.webhook is not None
    assert (found.sender, found.smtp.user, found.smtp.password) == ("ioc@quangnam.gov.vn", "ioc", "hush")
    assert (found.webhook.secret, found.smtp.tls, found.days_off) == ("Bearer hush", "starttls", False)
    with pytest.raises(BadConfig, match="SMTP_PASSWORD"):
        settings.load(made(tmp_path), {"SMTP_USER": "ioc", "WEBHOOK_SECRET": "x"})


@pytest.mark.parametrize(
    ("old", "new"),
    [('"$SMTP_USER"', '"ioc"'), ('"$SMTP_PASSWORD"', '"hush"'), ('"$WEBHOOK_SECRET"', '"hush"')],
)
def test_a_secret_in_the_file_is_refused_with_its_line(tmp_path: Path, old: str, new: str) -> None:
    from ioc import settings

    file = made(tmp_path, WHOLE.replace(old, new))
    line = WHOLE.splitlines().index(next(one for one in WHOLE.splitlines() if old in one)) + 1
    with pytest.raises(BadConfig) as refused:
        settings.load(file, ENV)
    assert refused.value.line == line and "put it into the environment" in refused.value.say
    assert [finding.line for finding in lint(file)][:1] == [line]


@pytest.mark.parametrize(
    ("table", "say"),
    [
        ({"after": []}, "rising numbers"),
        ({"after": [60, 60]}, "rising numbers"),
        ({"after": [-1]}, "rising numbers"),
        ({"thresholds": [6, 3]}, "two rising counts"),
        ({"keep_years": 1}, "write 2 or more: this year and the last"),
        ({"quiet": ["19h", "07:00"]}, "two clock times"),
        ({"escalate_to": "0235 3852 111"}, "no mail address"),
        ({"escalate_from": 0}, "1 or more"),
        ({"smtp": {"host": "mail"}}, "from ="),
        ({"from": "a@b.vn", "smtp": {"host": "mail", "user": "$U"}}, "belong together"),
        ({"from": "a@b.vn", "smtp": {"host": "m", "tls": "none", "user": "$U", "password": "$U"}}, "in the clear"),
        ({"from": "a@b.vn", "smtp": {"host": "mail", "port": 0}}, "its port"),
        ({"webhook": {"url": "ftp://x"}}, "https://"),
        ({"webhook": {"url": "http://x.vn/", "secret": "$U"}}, "in the clear"),
        ({"webhook": {"url": "https://x.vn/", "header": "A: B"}}, "header's name"),
        ({"webhook": {"url": "https://x.vn/", "timeout_s": 0}}, "timeout_s"),
        ({"often": True}, "often"),
    ],
)
def test_what_is_wrong_is_told_with_what_to_write(table: dict[str, Any], say: str) -> None:
    with pytest.raises(BadConfig, match=say):
        build({"province": {"name": "Thử"}, "reminders": table}, {"U": "x"})


def test_without_the_table_nobody_is_reminded() -> None:
    assert build({"province": {"name": "Thử"}}).reminders is None


@pytest.mark.parametrize(
    ("contact", "found"),
    [
        ("mailto:a@b.vn", "a@b.vn"),
        ("MAILTO:a.b+c@d-e.gov.vn ", "a.b+c@d-e.gov.vn"),
        ("a@localhost", "a@localhost"),
        ("0235 3852 111", None),
        ("a@b.vn, c@d.vn", None),
        ("a@b.vn\r\nBcc: x@y.vn", None),
        ("Ông A <a@b.vn>", None),
        ("", None),
        (None, None),
    ],
)
def test_a_contact_is_an_address_or_none(contact: str | None, found: str | None) -> None:
    assert address(contact) == found
