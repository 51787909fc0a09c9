"""`ioc` whose demo is in a hurry: what its settings let pass before a source is asked or something is said is shorter.

python -m tests.e2e.hurried demo … — the commands of `ioc`, with the demo's settings written anew.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from ioc.demo import run
from ioc.demo.systems import education

SHORTEST = {"every": 6, "every_s": 6, "same": 22, "hold": 2, "clear_hold": 2, "prove_s": 8}
"""What each is at most: seconds, but for `same` (answers)."""
TENTH = {"still": 90}
"""What is a tenth of what is written, but so many seconds at least: so seldom do some things move."""
HALF = {"silent_s": 150}
"""What is half of what is written, but so many seconds at least: some tell once in five minutes."""
WRITTEN = re.compile(rf"\b({'|'.join([*SHORTEST, *TENTH, *HALF])}) = (\d+)\b")
DAY_S, SLOW_S = 150, 30
"""The schools' reporting day, and how much longer a school has until it is silent."""
DAYS = {
    f"seconds = {education.DAY_S}": f"seconds = {DAY_S}",
    f"every_s = {{default = {education.DAY_S + 4 * SLOW_S}}}": f"every_s = {{default = {DAY_S + SLOW_S}}}",
}
"""What is written of that day, and what stands there in a hurry."""
SOURCES = "ioc.demo.sources"


def hurried(text: str) -> str:
    """The settings with shorter spans; what a province said of itself (cadence, due, grace) stays."""

    def shorter(found: re.Match[str]) -> str:
        name, written = found[1], int(found[2])
        if name in SHORTEST:
            return f"{name} = {min(written, SHORTEST[name])}"
        most = max(TENTH[name], written // 10) if name in TENTH else max(HALF[name], written // 2)
        return f"{name} = {min(written, most)}"

    for written, instead in DAYS.items():
        text = text.replace(written, instead)
    return WRITTEN.sub(shorter, text)


class Kept(run.Kept):
    """A process of the demo; the simulated sources are started by this module, so that they know the shorter day."""

    def __init__(self, name: str, command: Sequence[str], log: Path) -> None:
        super().__init__(name, [__spec__.name if word == SOURCES else word for word in command], log)


def main() -> None:
    if sys.argv[1:2] != ["demo"]:
        from ioc.demo.sources import main as serve

        education.DAY_S = DAY_S
        serve()
        return
    written = run.settings

    def settings(province: str, folder: Path, ports: Mapping[int, int]) -> None:
        written(province, folder, ports)
        for path in folder.rglob("*.toml"):
            if "screens" not in path.relative_to(folder).parts:
                path.write_text(hurried(path.read_text(encoding="utf-8")), encoding="utf-8")

    run.settings = settings
    run.Kept = Kept  # type: ignore[misc]
    from ioc.cli import main as ioc

    ioc(sys.argv[1:])


if __name__ == "__main__":
    main()
