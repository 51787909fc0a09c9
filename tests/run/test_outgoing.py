"""One reminder by mail or webhook: its receipt, and what each trouble means for whether it may be sent again."""

from __future__ import annotations

import shutil
import socket
import ssl
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from ioc.db.tables import ReminderRow
from ioc.mailing import Reminders, Smtp, Webhook
from ioc.ports import free
from ioc.run.outgoing import MOST_RECEIPT, Outcome, send
from tests.conftest import absent
from tests.posts import post_office, webhook

NOON = datetime(2026, 3, 10, 5, 0, tzinfo=UTC)


def row(way: str = "mail", **other: Any) -> ReminderRow:
    return ReminderRow(**{
        "id": "4a5b", "duty": "beds/2026-03-09", "step": 1, "way": way, "agency": "Sở Y tế", "source": "beds",
        "period": "2026-03-09", "due": NOON, "missing": ["bv1"], "recipients": ["a@b.vn", "c@d.vn"],
        "subject": "Nhắc lần 1/2026: Giường bệnh", "text": "Kính gửi: Sở Y tế\n.\nTrân trọng.\n", "number": 1,
        "created": NOON, "state": "sending", **other,
    })  # fmt: skip


def by_mail(port: int, **other: Any) -> Reminders:
    smtp = Smtp(**{"host": "127.0.0.1", "port": port, "tls": "none", "timeout_s": 10, **other})
    return Reminders(sender="ioc@quangnam.gov.vn", smtp=smtp)


def by_hook(url: str, **other: Any) -> Reminders:
    return Reminders(webhook=Webhook(**{"url": url, "timeout_s": 10, **other}))


@pytest.fixture
def certificate(tmp_path: Path) -> Path:
    """A certificate for 127.0.0.1 that no authority signed, with its key beside it."""
    openssl = shutil.which("openssl")
    if openssl is None:
        absent("There is no openssl on PATH")
    made = tmp_path / "server.pem"
    asked = ["req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj", "/CN=127.0.0.1"]
    names = ["-addext", "subjectAltName=IP:127.0.0.1", "-keyout", str(made.with_suffix(".key")), "-out", str(made)]
    subprocess.run([openssl, *asked, *names], check=True, capture_output=True)
    return made


async def test_a_mail_arrives_whole_and_its_receipt_is_the_servers_answer() -> None:
    with post_office() as post:
        assert await send(row(), by_mail(post.port), NOON) == Outcome("sent", "250 OK: queued as 4711")
    (mail,) = post.mails
    assert post.to == [["a@b.vn", "c@d.vn"]]
    told = {name: str(mail[name]) for name in ("From", "To", "Subject", "Message-ID", "Auto-Submitted")}
    assert told == {
        "From": "ioc@quangnam.gov.vn", "To": "a@b.vn, c@d.vn", "Subject": "Nhắc lần 1/2026: Giường bệnh",
        "Message-ID": "<4a5b@quangnam.gov.vn>", "Auto-Submitted": "auto-generated",
    }  # fmt: skip
    assert mail["Date"].datetime == NOON
    assert mail.get_content().splitlines() == ["Kính gửi: Sở Y tế", ".", "Trân trọng."]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
async def test_the_password_is_given_where_one_is_asked_for() -> None:
    with post_office(("ioc", "hush")) as post:
        good = await send(row(), by_mail(post.port, user="ioc", password="hush"), NOON)
        wrong = await send(row(), by_mail(post.port, user="ioc", password="no"), NOON)
    assert (good.state, wrong.state, len(post.mails)) == ("sent", "failed", 1)
    assert "hush" not in wrong.say and wrong.say.startswith("535")


@pytest.mark.parametrize(
    ("says", "state"),
    [("451 4.7.1 greylisted, come later", "again"), ("452 full", "again"), ("554 5.7.1 spam", "failed")],
)
async def test_a_refusal_for_now_is_tried_again_and_one_for_good_is_not(says: str, state: str) -> None:
    with post_office() as post:
        post.says = says
        assert await send(row(), by_mail(post.port), NOON) == Outcome(state, says)  # type: ignore[arg-type]


async def test_one_of_two_recipients_suffices_and_the_receipt_names_who_was_refused() -> None:
    with post_office() as post:
        post.refuses = {"a@b.vn"}
        one = await send(row(), by_mail(post.port), NOON)
        post.refuses |= {"c@d.vn"}
        none = await send(row(), by_mail(post.port), NOON)
    assert (one.state, none.state, post.to) == ("sent", "failed", [["c@d.vn"]])
    assert "refused: 550 5.1.1 no such mailbox" in one.say


async def test_a_mail_that_was_handed_over_without_a_receipt_is_unknown() -> None:
    with post_office() as post:
        post.hangs = True
        found = await send(row(), by_mail(post.port, timeout_s=1.5), NOON)
    assert found.state == "unknown" and len(post.mails) == 1


async def test_a_mail_server_that_is_away_or_silent_is_tried_again() -> None:
    assert (await send(row(), by_mail(free()[0]), NOON)).state == "again"
    with socket.create_server(("127.0.0.1", 0)) as silent:
        found = await send(row(), by_mail(silent.getsockname()[1], timeout_s=0.5), NOON)
    assert found.state == "again"


async def test_a_server_without_encryption_is_told_nothing_when_it_is_wanted() -> None:
    with post_office() as post:
        found = await send(row(), by_mail(post.port, tls="starttls"), NOON)
    assert found.state != "sent" and post.mails == []


@pytest.mark.parametrize(("tls", "given"), [("tls", "ssl_context"), ("starttls", "tls_context")])
async def test_a_mail_goes_encrypted_to_a_server_whose_certificate_is_trusted_and_to_no_other(
    tls: str, given: str, certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(certificate, certificate.with_suffix(".key"))
    with post_office(None, **{given: context}) as post:
        strange = await send(row(), by_mail(post.port, tls=tls), NOON)
        assert (strange.state, post.mails) == ("again", [])
        monkeypatch.setenv("SSL_CERT_FILE", str(certificate))
        assert (await send(row(), by_mail(post.port, tls=tls), NOON)).state == "sent"


async def test_a_webhook_is_posted_the_reminder_under_one_key_and_its_answer_is_the_receipt() -> None:
    with webhook() as hook:
        rules = by_hook(hook.url, header="X-Key", secret="hush")
        assert await send(row("webhook"), rules, NOON) == Outcome("sent", 'HTTP 200 {"id": 7}')
    (body,), (headers,) = hook.bodies, hook.headers
    assert (headers["idempotency-key"], headers["x-key"]) == ("4a5b", "hush")
    assert body == {
        "id": "4a5b", "duty": "beds/2026-03-09", "step": 1, "number": 1, "agency": "Sở Y tế", "source": "beds",
        "period": "2026-03-09", "due": "2026-03-10T12:00:00+07:00", "missing": ["bv1"],
        "recipients": ["a@b.vn", "c@d.vn"], "subject": "Nhắc lần 1/2026: Giường bệnh",
        "text": "Kính gửi: Sở Y tế\n.\nTrân trọng.\n",
    }  # fmt: skip


@pytest.mark.parametrize(
    ("status", "state"),
    [(202, "sent"), (302, "failed"), (403, "failed"), (408, "again"), (429, "again"), (500, "again"), (503, "again")],
)
async def test_what_a_status_means(status: int, state: str) -> None:
    with webhook() as hook:
        hook.says = [(status, b"x\r\n" * 5000)]
        found = await send(row("webhook"), by_hook(hook.url), NOON)
    assert found.state == state and found.say.startswith(f"HTTP {status}")
    assert len(found.say) <= MOST_RECEIPT and len(found.say.splitlines()) == 1


async def test_a_webhook_without_an_answer_is_unknown_and_one_that_is_away_is_tried_again() -> None:
    with webhook() as hook:
        hook.hangs.clear()
        assert (await send(row("webhook"), by_hook(hook.url, timeout_s=0.5), NOON)).state == "unknown"
    assert len(hook.bodies) == 1
    away = by_hook(f"http://127.0.0.1:{free()[0]}/")
    assert (await send(row("webhook"), away, NOON)).state == "again"


async def test_a_way_that_the_settings_no_longer_name_fails_with_a_sentence() -> None:
    found = await send(row("mail"), Reminders(), NOON)
    assert found.state == "failed" and "[reminders]" in found.say
