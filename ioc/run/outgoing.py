"""A reminder leaves the house: one mail by SMTP, or one post to a webhook. Never twice where we can't know.

What can be tried again was refused for now, or never reached the other side. Once the whole text was handed over and no
answer came, nobody can know: the outcome is "unknown", and it is not sent again by itself.
"""

from __future__ import annotations

import asyncio
import re
from datetime import datetime
from email.message import EmailMessage
from email.policy import SMTP as WIRE
from email.utils import format_datetime
from typing import Literal

import httpx2
import msgspec

from ioc import clock
from ioc.db.tables import ReminderRow
from ioc.mailing import Reminders, Smtp, Webhook

MOST_RECEIPT = 300
"""Characters of an answer that are kept."""
MOST_ANSWER = 64 * 1024
TOO_MANY, REQUEST_TIMEOUT = 429, 408


class Outcome(msgspec.Struct, frozen=True):
    """What became of one sending; `say`: the receipt, or why not."""

    state: Literal["sent", "again", "failed", "unknown"]
    say: str


async def send(row: ReminderRow, rules: Reminders, now: datetime) -> Outcome:
    """Send one reminder by its way; raises nothing but what nobody thought of."""
    if row.way == "mail" and rules.smtp is not None and rules.sender is not None:
        return await mail(row, rules.smtp, rules.sender, now)
    if row.way == "webhook" and rules.webhook is not None:
        return await post(row, rules.webhook)
    return Outcome("failed", f"The settings name no way {row.way} any more; write it into [reminders] again.")


def letter(row: ReminderRow, sender: str, now: datetime) -> EmailMessage:
    """The mail, as it goes out; its Message-ID is made of the duty, the step and the way alone."""
    made = EmailMessage(policy=WIRE)
    made["From"] = sender
    made["To"] = ", ".join(row.recipients)
    made["Subject"] = row.subject
    made["Date"] = format_datetime(now.astimezone(clock.ZONE))
    made["Message-ID"] = f"<{row.id}@{sender.rpartition('@')[2]}>"
    # holiday notes and other machines must not answer
    made["Auto-Submitted"] = "auto-generated"
    made["X-IOC-Duty"] = f"{row.id}/{row.step}"
    made.set_content(row.text, cte="base64")
    return made


async def mail(row: ReminderRow, smtp: Smtp, sender: str, now: datetime) -> Outcome:
    """Hand one mail to the mail server; the receipt is its last answer."""
    import aiosmtplib

    server = aiosmtplib.SMTP(
        hostname=smtp.host, port=smtp.port, use_tls=smtp.tls == "tls", start_tls=smtp.tls == "starttls",
        username=smtp.user, password=smtp.password, timeout=smtp.timeout_s,
    )  # fmt: skip
    handed_over, refused = False, []
    try:
        async with asyncio.timeout(smtp.timeout_s):
            await server.connect()
            await server.mail(sender)
            for recipient in row.recipients:
                try:
                    await server.rcpt(recipient)
                except aiosmtplib.SMTPRecipientRefused as error:
                    refused.append(error)
            if len(refused) == len(row.recipients):
                raise refused[0]
            handed_over = True
            answer = await server.data(letter(row, sender, now).as_bytes())
    except aiosmtplib.SMTPResponseException as error:
        return Outcome("again" if 400 <= error.code < 500 else "failed", _plain(f"{error.code} {error.message}"))
    except aiosmtplib.SMTPNotSupported:
        return Outcome(
            "failed", f'The mail server does not speak what tls = "{smtp.tls}" asks for; see [reminders.smtp].'
        )
    except (aiosmtplib.SMTPException, OSError, TimeoutError) as error:
        if handed_over:
            return Outcome("unknown", "The mail server took the mail and gave no receipt; look whether it arrived.")
        return Outcome("again", f"The mail server could not be reached ({type(error).__name__}).")
    finally:
        server.close()
    beside = "".join(f"; refused: {error.code} {error.message}" for error in refused)
    return Outcome("sent", _plain(f"{answer.code} {answer.message}{beside}"))


async def post(row: ReminderRow, webhook: Webhook) -> Outcome:
    """Post one reminder as JSON; the receipt is the HTTP status and how the answer begins."""
    told = {
        "id": row.id, "duty": row.duty, "step": row.step, "number": row.number, "agency": row.agency,
        "source": row.source, "period": row.period, "due": clock.rfc3339(row.due), "missing": row.missing,
        "recipients": row.recipients, "subject": row.subject, "text": row.text,
    }  # fmt: skip
    headers = {"Content-Type": "application/json", "Idempotency-Key": row.id, "User-Agent": "ioc-reminders/1"}
    if webhook.secret is not None:
        headers[webhook.header] = webhook.secret
    try:
        async with (
            asyncio.timeout(webhook.timeout_s),
            httpx2.AsyncClient(timeout=webhook.timeout_s, follow_redirects=False) as http,
            http.stream("POST", webhook.url, content=msgspec.json.encode(told), headers=headers) as answer,
        ):
            body = await _begin(answer)
            status = answer.status_code
    except (httpx2.ConnectError, httpx2.ConnectTimeout) as error:
        return Outcome("again", f"The webhook could not be reached ({type(error).__name__}).")
    except (httpx2.HTTPError, OSError, TimeoutError) as error:
        say = (
            f"The webhook was sent the reminder and gave no receipt ({type(error).__name__}); look whether it arrived."
        )
        return Outcome("unknown", say)
    receipt = _plain(f"HTTP {status} {body}")
    if 200 <= status < 300:
        return Outcome("sent", receipt)
    return Outcome("again" if status >= 500 or status in (TOO_MANY, REQUEST_TIMEOUT) else "failed", receipt)


async def _begin(answer: httpx2.Response) -> str:
    """How an answer begins; the rest is not read."""
    body = bytearray()
    async for piece in answer.aiter_bytes():
        body += piece
        if len(body) >= MOST_ANSWER:
            break
    return bytes(body[: 4 * MOST_RECEIPT]).decode(errors="replace")


def _plain(text: str) -> str:
    """One line of printable characters, not too long."""
    return re.sub(r"[\s\x00-\x1f\x7f]+", " ", text).strip()[:MOST_RECEIPT]
