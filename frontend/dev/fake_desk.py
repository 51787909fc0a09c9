"""The small server with a desk beside it, for work on the console alone: invented reports, an honest life.

    PYTHONPATH=. .venv/bin/python frontend/dev/fake_desk.py --port 8766

Open http://127.0.0.1:8766/ops and type the key that is printed. `POST /dev/desk/quicker` lets a colleague take the
next step first; `GET /dev/desk/looks` tells who looked at whom.
"""

from __future__ import annotations

import argparse
import itertools
import json
import random
import sys
from collections import Counter
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

sys.path[:0] = [str(Path(__file__).parent)]

import fake  # noqa: E402
import invented  # noqa: E402
from invented_desk import AGENCIES, ANSWERS, CATEGORIES, LIFE, LIGHT, NUMBERS, OPEN, REFUSALS, ROWS  # noqa: E402
from serve import serve  # noqa: E402

Item = dict[str, Any]
KEY = "khoa-cua-ban-truc-thu-nghiem-32-ky-tu"
ME = "Trần Hùng"


def stamp(minutes: float) -> str:
    return invented.at(-60 * minutes)


def both(pair: tuple[str, str]) -> Item:
    return {"vi": pair[0], "en": pair[1]}


class Desk:
    """The reports, their steps, and who looked at a person."""

    def __init__(self) -> None:
        self.days = itertools.count(437)
        self.reports: dict[str, Item] = {}
        self.looks: list[Item] = []
        self.quicker = False
        chance = random.Random(3)
        for number, row in zip(NUMBERS, ROWS, strict=True):
            self._add(number, row, chance)

    def _add(self, number: int, row: tuple[Any, ...], chance: random.Random) -> None:
        words, commune, left, state, agency, category, by = row
        near = (109.25 + chance.gauss(0, 0.03), 13.06 + chance.gauss(0, 0.03))
        filed = min(-130, left - 130)
        made = self.reports[f"r{number}"] = {
            "id": f"r{number}",
            "number": f"PY-2026-1126-{number:04d}",
            "category": category,
            "unit_name": f"Phường {commune}",
            "unit": "22015",
            "state": state,
            "agency": agency,
            "step_due": stamp(left),
            "due": stamp(left + 600),
            "channel": "app",
            "filed": stamp(filed),
            "lon": round(near[0], 6),
            "lat": round(near[1], 6),
            "version": 3,
            "words": words,
            "address": None,
            "accuracy": 15,
            "made": stamp(filed - 24),
            "attributes": {},
            "person": ("Nguyễn Văn Bình", "0905 123 456"),
            "parent": None,
            "claim": {"by": by, "until": stamp(60)} if by else None,
            "steps": [],
            "photos": [],
            "children": [],
            "returned": number == 388,
        }
        self._passed(made, "file", "citizen", None, filed)
        if state not in ("new", "more_info"):
            self._passed(made, "verify", "operator", "Lan", filed + 1)
        if agency:
            self._passed(made, "assign", "operator", "Lan", filed + 7, agency=agency)
        if left < 0 and agency:
            self._passed(made, "warn", "clock", None, left - 20)
            self._passed(made, "late", "clock", None, left)
        if number in (417, 435):
            made["words"] += (
                ". Ống nước vỡ trước số nhà 12, nước chảy tràn ra mặt đường từ sáng." if number == 417 else ""
            )
            kinds = ("photo", "photo") if number == 417 else ("photo", "after")
            made["photos"] = [
                {"url": f"/api/reports/photos/{kind}{n}.svg", "kind": kind, "state": "taken"}
                for n, kind in enumerate(kinds)
            ]

    def _passed(self, one: Item, step: str, who: str, name: str | None, minutes: float, **more: Any) -> None:
        title = AGENCIES.get(str(more.get("agency")))
        told = {
            "at": stamp(minutes),
            "step": step,
            "who": who,
            "name": name,
            "agency_title": title,
            "why": None,
            "text": None,
        }
        one["steps"].append(told | more)

    def row(self, one: Item) -> Item:
        left = (datetime.fromisoformat(one["step_due"]) - datetime.now(UTC)).total_seconds()
        late = left < 0 and one["state"] in OPEN
        held = one["claim"] and datetime.fromisoformat(one["claim"]["until"]) > datetime.now(UTC)
        kept = {
            name: one[name] for name in one if name not in ("words", "person", "steps", "attributes", "made", "address")
        }
        return kept | {
            "title": one["words"].partition(". ")[0][:80],
            "category_title": CATEGORIES[one["category"]][0],
            "late": late,
            "agency_title": AGENCIES.get(one["agency"] or ""),
            "left_s": round(left),
            "photos": len(one["photos"]),
            "level": "bad" if late else "warn" if left < 4000 else None,
            "claim": one["claim"] if held else None,
        }

    def whole(self, one: Item) -> Item:
        twins = [self.reports["r420"]] if one["id"] == "r417" else []
        agency = AGENCIES.get(one["agency"] or "", "")
        filled = [
            {**said, "text": said["text"].replace("{number}", one["number"]).replace("{agency}", agency)}
            for said in ANSWERS
        ]
        return self.row(one) | {
            "words": one["words"],
            "address": None,
            "attributes": one["attributes"],
            "made": one["made"],
            "steps": one["steps"],
            "photos": one["photos"],
            "person": {"has": one["person"] is not None, "masked": "N*** ***"},
            "answers": filled,
            "may": self.may(one),
            "supports": 0,
            "twins": [
                {name: twin[name] for name in ("id", "number", "filed", "words")} | {"distance_m": 40, "likeness": 0.86}
                for twin in twins
            ],
        }

    def may(self, one: Item) -> list[str]:
        return [step for step, (states, _, _) in LIFE.items() if one["state"] in states.split()]

    def fits(self, one: Item, asked: Any) -> bool:
        row = self.row(one)
        flags = {"late": row["late"], "unassigned": one["agency"] is None, "returned": one["returned"],
                 "mine": bool(row["claim"]) and row["claim"]["by"] == ME}  # fmt: skip
        names = ("agency", "category", "unit", "state")
        if not (one["state"] in OPEN or asked.get("state")):
            return False
        words = asked.get("q", "").casefold()
        told = f"{one['number']} {one['words']}".casefold()
        return (
            all(asked.get(n) in (None, one[n]) for n in names)
            and all(value for n, value in flags.items() if asked.get(n) == "1")
            and words in told
        )

    def counts(self) -> Item:
        found = {name: {name: "1"} for name in ("late", "unassigned", "mine", "returned")} | {"all": {}}
        return {name: sum(self.fits(one, asked) for one in self.reports.values()) for name, asked in found.items()}

    async def tell(self, one: Item) -> None:
        """The layer of the map, as the relay would have it."""
        row = self.row(one)
        told = {"status": one["state"], "open": one["state"] in OPEN, "overdue": row["late"], "observed": stamp(0),
                "source": "1022", "method": "machine"}  # fmt: skip
        point = {"type": "Point", "coordinates": [one["lon"], one["lat"]]}
        await fake.fake.put(
            "layer/reports", {one["id"]: {"type": "Feature", "id": one["id"], "geometry": point, "properties": told}}
        )


desk = Desk()


def problem(status: int, say: str, **more: Any) -> Response:
    return JSONResponse(
        {"title": "", "status": status, "detail": say, **more}, status, media_type="application/problem+json"
    )


def guarded(call: Any) -> Any:
    async def answer(request: Request) -> Response:
        if request.cookies.get("ioc_session") != KEY:
            return problem(401, "A key is needed here.")
        if "id" in request.path_params and request.path_params["id"] not in desk.reports:
            return problem(404, "There is no such report.")
        return await call(request)  # type: ignore[no-any-return]

    return answer


def one_of(request: Request) -> Item:
    return desk.reports[request.path_params["id"]]


async def session(request: Request) -> Response:
    if (await request.json()).get("key") != KEY:
        return problem(401, "This key is not known; ask the operator for a valid one.")
    done = Response(status_code=204)
    done.set_cookie("ioc_session", KEY, httponly=True, samesite="strict")
    return done


async def me(request: Request) -> Response:
    named = {"agencies": {c: (t, t) for c, t in AGENCIES.items()}, "categories": CATEGORIES, "refusals": REFUSALS}
    lists = {name: [{"code": code, "title": both(title)} for code, title in of.items()] for name, of in named.items()}
    return JSONResponse({"name": ME, "role": "operator", "agency": None, "may": list(LIFE), **lists})


async def form(request: Request) -> Response:
    return JSONResponse(
        {
            "province": {"name": "Phú Yên", "where": None},
            "limits": {"words": 4000},
            "demo": True,
            "categories": [{"code": "light", "attributes": LIGHT}],
        }
    )


async def queue(request: Request) -> Response:
    rows = [one for one in desk.reports.values() if desk.fits(one, request.query_params)]
    rows.sort(key=lambda one: (one["state"] == "more_info", datetime.fromisoformat(one["step_due"])))
    return JSONResponse({"items": [desk.row(one) for one in rows], "counts": desk.counts(), "next": None})


async def report(request: Request) -> Response:
    return JSONResponse(desk.whole(one_of(request)))


async def step(request: Request) -> Response:
    one, told = one_of(request), await request.json()
    if desk.quicker:
        desk.quicker = False
        one["version"] += 1
        desk._passed(one, "answer", "operator", "Lan", 0, text="Đã báo đội trực.")
    if told["version"] != one["version"]:
        last = one["steps"][-1]
        more = {"who": last["name"], "what": last["step"], "version": one["version"]}
        return problem(409, f"{last['name']} was quicker ({last['step']}); look at the report as it is now.", **more)
    _, to, needs = LIFE[told["step"]]
    if told["step"] not in desk.may(one):
        return problem(422, "A report of this state does not take this step.")
    if missing := [name for name in needs if not (told.get(name) or "").strip()]:
        return problem(422, f"The step {told['step']} needs {' and '.join(missing)}; send it too.")
    one |= {"version": one["version"] + 1, "state": to or one["state"], "returned": False}
    one |= {"agency": told["agency"]} if told["step"] == "assign" else {}
    more = {name: told[name] for name in ("why", "text", "agency") if told.get(name)}
    desk._passed(one, told["step"], "operator", ME, 0, **more)
    await desk.tell(one)
    return JSONResponse({"version": one["version"], "state": one["state"]})


async def claim(request: Request) -> Response:
    one = one_of(request)
    held = desk.row(one)["claim"]
    if request.method == "DELETE":
        one["claim"] = None
        return Response(status_code=204)
    if held and held["by"] != ME:
        return problem(409, f"{held['by']} holds it.", who=held["by"], what="claim")
    one["claim"] = {"by": ME, "until": stamp(2)}
    return JSONResponse(one["claim"])


async def person(request: Request) -> Response:
    one = one_of(request)
    desk.looks.append({"report": one["id"], "name": ME, "at": stamp(0)})
    return JSONResponse({"name": one["person"][0], "phone": one["person"][1]})


async def new(request: Request) -> Response:
    told, number = await request.json(), next(desk.days)
    desk._add(number, (told["words"], "Tuy Hoà", 240, "new", None, told["category"], None), random.Random(number))
    one = desk.reports[f"r{number}"]
    one["attributes"] = told.get("attributes", {})
    one |= {"channel": told["channel"], "person": (told["name"], told.get("phone")) if told.get("name") else None}
    await desk.tell(one)
    return JSONResponse({"id": one["id"], "number": one["number"], "state": "new"}, 201)


async def after(request: Request) -> Response:
    await request.body()
    one_of(request)["photos"].append({"url": "/api/reports/photos/after9.svg", "kind": "after", "state": "taken"})
    return JSONResponse({}, 201)


async def templates(request: Request) -> Response:
    return JSONResponse(ANSWERS)


async def export(request: Request) -> Response:
    return Response("number,title\n", media_type="text/csv")


async def figures(request: Request) -> Response:
    """By agency or category; a third were done, and of those two in three in time."""
    if "text/csv" in request.headers["accept"]:
        return Response("code,title\n", media_type="text/csv")
    by, asked = request.query_params["by"], request.query_params
    ones = [one for one in desk.reports.values() if asked.get("category") in (None, one["category"])]

    def part(code: str | None, title: str, n: int) -> Item:
        shares = {"on_time": (2 * n // 9, n // 3), "reopened": (n // 9, n // 3), "content": (0, 0)}
        told: Item = {"code": code, "title": title, "received": n, "open": n - n // 3, "done": n // 3}
        told |= {"asked": n // 9, "late": n // 5, "hours": 3.25 if n > 2 else None, "rated": 0}
        for name, (some, of) in shares.items():
            told |= {name: some, f"{name}_of": of, f"{name}_percent": 100 * some / of if of else None}
        return told

    counted = Counter(one[by] for one in ones)
    rows = [part(code, code or "Chưa giao", n) for code, n in counted.most_common()]
    shift = {"from": stamp(-60), "to": stamp(420), "received": 7, "handled": 5, "mine": 2, "waiting": 21, "asked": 1}
    whole = part(None, "Tất cả", len(ones))
    told = {"by": by, "from": asked["from"], "to": stamp(0), "rows": rows, "all": whole, "shift": {**shift, "late": 7}}
    return JSONResponse(told)


async def photo(request: Request) -> Response:
    dry = request.path_params["stored"].startswith("after")
    pool = "" if dry else '<path d="M0 92c24-18 60-8 90-22s62-6 80 6v40H0z" fill="#5B8FB5"/>'
    drawn = (
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 160 110"><rect width="160" height="110" fill="#B9C2C9"/>'
        f'<path d="M0 44h160v70H0z" fill="#8C959C"/>{pool}</svg>'
    )
    return Response(drawn, media_type="image/svg+xml")


async def dev(request: Request) -> Response:
    if request.path_params["what"] == "looks":
        return JSONResponse(desk.looks)
    desk.quicker = True
    return Response(status_code=204)


fake.app.router.routes[:0] = [
    Route("/ops", fake.page("ops.html")),
    Route("/api/session", session, methods=["POST"]),
    Route("/api/reports/form", form),
    Route("/api/reports/photos/{stored}", photo),
    Route("/api/desk/me", guarded(me)),
    Route("/api/desk/queue", guarded(queue)),
    Route("/api/desk/templates", guarded(templates)),
    Route("/api/desk/export", guarded(export)),
    Route("/api/desk/figures", guarded(figures)),
    Route("/api/desk/reports", guarded(new), methods=["POST"]),
    Route("/api/desk/reports/{id}", guarded(report)),
    Route("/api/desk/reports/{id}/steps", guarded(step), methods=["POST"]),
    Route("/api/desk/reports/{id}/claim", guarded(claim), methods=["POST", "DELETE"]),
    Route("/api/desk/reports/{id}/person", guarded(person)),
    Route("/api/desk/reports/{id}/photos", guarded(after), methods=["POST"]),
    Route("/dev/desk/{what}", dev, methods=["GET", "POST"]),
]
items = fake.fake.channels["layer/reports"]["items"]
items.clear()
for made in desk.reports.values():
    shown = {
        "status": made["state"],
        "open": True,
        "overdue": desk.row(made)["late"],
        "observed": stamp(0),
        "source": "1022",
        "method": "machine",
    }
    where = {"type": "Point", "coordinates": [made["lon"], made["lat"]]}
    items[made["id"]] = {"type": "Feature", "id": made["id"], "geometry": where, "properties": shown}
for source, n in (("mc", 61), ("1022", 38), ("cam", 28)):
    fake.fake.channels["sources"]["items"][source]["refused"] = n

fake.fake.channels["tile/reports_median_hours"]["items"]["all"]["value"] = 2.2

if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, default=8766)
    print(json.dumps({"key": KEY}), flush=True)
    serve(fake.app, parser.parse_args().port)
