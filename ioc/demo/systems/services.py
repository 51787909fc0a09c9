"""What each body of Quảng Nam runs: its systems and how many of them speak IPv6, and its mailboxes (about 30,000).

Two lists, dropped as they change: mailboxes are opened all the time.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from random import Random
from typing import ClassVar

from ioc.demo.dropping import Dropping
from ioc.demo.systems.network import DEPARTMENTS, DISTRICTS

MAILBOXES = 29_850
OPENED_EVERY_S = 60.0


class Services(Dropping):
    breaks: ClassVar = {
        "half": "Half of the bodies leave their row empty.",
        "moved": "Every system was moved to IPv6.",
    }
    shows: ClassVar = {"half": "mailboxes", "moved": "ipv6_share"}

    def tables(self) -> Mapping[str, Iterable[Sequence[object]]]:
        names = [f"Sở, ban, ngành {number + 1:02d}" for number in range(DEPARTMENTS)] + [*DISTRICTS]
        opened = int(self.world.age // OPENED_EVERY_S)
        shares = [Random(f"{self.world.seed}/mail/{number}").uniform(0.4, 1.6) for number in range(len(names))]
        boxes = [round(MAILBOXES * share / sum(shares)) for share in shares]
        boxes[0] += opened
        mail, systems = [("Mã", "Đơn vị", "Nhóm", "Hộp thư")], [("Mã", "Đơn vị", "Hệ thống", "IPv6")]
        for number, name in enumerate(names):
            chance = Random(f"{self.world.seed}/ipv6/{number}")
            run = chance.randrange(2, 12)
            modern = run if "moved" in self.broken else min(run, round(run * chance.uniform(0.1, 0.7)))
            silent = "half" in self.broken and number % 2 == 1
            group = "Sở, ban, ngành" if number < DEPARTMENTS else "Huyện, thị, thành"
            mail.append((f"D{number:02d}", name, group, "" if silent else str(boxes[number])))
            told = ("", "") if silent else (str(run), str(modern))
            systems.append((f"D{number:02d}", name, *told))
        return {"mail/hop-thu": mail, "ipv6/he-thong": systems}
