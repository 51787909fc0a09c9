"""The environment department's context broker (NGSI-LD): eighteen air stations, an entity each.

`/air/ngsi-ld/v1/entities`: as brokers answer, in pages (`offset`, `limit`).
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from datetime import datetime, timedelta
from itertools import pairwise
from random import Random
from typing import Any, ClassVar

from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from ioc import clock
from ioc.demo.systems import System

EVERY = timedelta(minutes=1)
STATIONS = 18
CONTEXT = "https://uri.etsi.org/ngsi-ld/v1/ngsi-ld-core-context-v1.8.jsonld"
LONG = "https://smart-data-models.github.io/dataModel.Environment/"


SMOKE = 60.0
"""Micrograms of fine dust that burning fields add to a cubic metre."""


class Air(System):
    """Values depend on seed and time alone."""

    breaks: ClassVar = {
        "smoke": "Fields are burnt: fine dust rises everywhere, at whatever hour.",
        "expired": "The broker wants a token, and the one that it had of us is over.",
        "half": "Every other station stands still for an hour.",
        "expanded": "Names come in full (IRIs), as from a broker without the @context; nothing is lost by it.",
    }
    shows: ClassVar = {"smoke": "air_worst", "expired": "source", "half": "stations_silent", "expanded": "nothing"}

    def routes(self) -> list[Route]:
        return [Route("/ngsi-ld/v1/entities", self.entities)]

    async def entities(self, request: Request) -> Response:
        """The entities of one type, a page of them."""
        if "expired" in self.broken:
            problem = {"type": "https://uri.etsi.org/ngsi-ld/errors/AccessDenied", "title": "The token has expired."}
            return JSONResponse(problem, 401)
        told = list(self.stations(self.world.now)) if request.query_params.get("type") == "AirQualityObserved" else []
        first, size = int(request.query_params.get("offset", 0)), int(request.query_params.get("limit", 20))
        return JSONResponse(told[first : first + size], media_type="application/json")

    def stations(self, now: datetime) -> Iterator[dict[str, Any]]:
        units = self.world.units[:: max(1, len(self.world.units) // STATIONS)][:STATIONS]
        for number, unit in enumerate(units):
            still = "half" in self.broken and number % 2
            seen = now - timedelta(hours=1) if still else now
            step = EVERY.total_seconds()
            at = datetime.fromtimestamp(seen.timestamp() // step * step, clock.ZONE)
            dust = self._dust(number, at)
            yield self._named(
                {
                    "id": f"urn:ngsi-ld:AirQualityObserved:KQ-{unit.code}",
                    "type": "AirQualityObserved",
                    "name": {"type": "Property", "value": f"Trạm khí {unit.name}"},
                    "pm25": _measured(round(dust, 1), at, "GQ"),
                    "pm10": _measured(round(dust * 1.7, 1), at, "GQ"),
                    "airQualityIndex": _measured(round(_index(dust)), at),
                    "location": {
                        "type": "GeoProperty",
                        "value": {"type": "Point", "coordinates": [round(unit.lon + 0.006, 6), unit.lat]},
                    },
                    "@context": CONTEXT,
                }
            )

    def _dust(self, number: int, at: datetime) -> float:
        """Micrograms of fine dust in a cubic metre: most in the morning and evening."""
        hour = at.hour + at.minute / 60
        noise = Random(f"{self.world.seed} air {number} {at.timestamp():.0f}").uniform(-1.5, 1.5)
        usual = 11 + 4 * math.cos((hour - 7.5) / 12 * 2 * math.pi) + number % 5 + noise
        return usual + (SMOKE if "smoke" in self.broken else 0)

    def _named(self, entity: dict[str, Any]) -> dict[str, Any]:
        if "expanded" not in self.broken:
            return entity
        own = ("pm25", "pm10", "airQualityIndex")
        return {(LONG + name if name in own else name): told for name, told in entity.items()}


def _measured(value: float, at: datetime, unit: str | None = None) -> dict[str, Any]:
    told = {"type": "Property", "value": value, "observedAt": clock.rfc3339(at)}
    return told | ({"unitCode": unit} if unit is not None else {})


def _index(dust: float) -> float:
    """The air quality index that fine dust makes (the first steps of VN_AQI: 25, 50, 80, 150 µg/m³ are 50 to 200)."""
    steps = ((0.0, 0.0), (25.0, 50.0), (50.0, 100.0), (80.0, 150.0), (150.0, 200.0), (250.0, 300.0))
    for (low, least), (high, most) in pairwise(steps):
        if dust <= high:
            return least + (dust - low) / (high - low) * (most - least)
    return 500.0
