"""A source for the kill loops: things whose counter moves at each asking, over HTTP from a process of its own.

`python -m tests.chaos.registry PORT FILE COUNT`: the state lies in FILE; a killed registry goes on where it was.
`GET /things` moves a tenth of them and answers; after `GET /rest` nothing moves any more.
"""

from __future__ import annotations

import json
import random
import sys
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from threading import Lock


class Registry(BaseHTTPRequestHandler):
    file: Path
    lock = Lock()

    def do_GET(self) -> None:
        with self.lock:
            state = json.loads(self.file.read_text())
            if self.path == "/rest":
                state["rest"] = True
            elif not state["rest"]:
                for thing in random.sample(state["things"], max(1, len(state["things"]) // 10)):
                    thing["count"] += 1
            fresh = self.file.with_suffix(".new")
            fresh.write_text(json.dumps(state))
            fresh.replace(self.file)
        body = json.dumps(state["things"]).encode()
        self.send_response(200)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def main(port: int, file: Path, count: int) -> None:
    if not file.is_file():
        things = [
            {"id": f"t{n}", "name": f"Vật {n}", "count": 0, "lon": 109.2 + n / 1e4, "lat": 13.1} for n in range(count)
        ]
        file.write_text(json.dumps({"rest": False, "things": things}))
    Registry.file = file
    ThreadingHTTPServer(("127.0.0.1", port), Registry).serve_forever()


if __name__ == "__main__":
    main(int(sys.argv[1]), Path(sys.argv[2]), int(sys.argv[3]))
