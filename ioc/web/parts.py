"""The files of a posted form (multipart/form-data, RFC 7578), cut out of a body that is bounded already."""

from __future__ import annotations

import re

from ioc.web.problems import Wrong

MOST_PARTS = 8
_BOUNDARY = re.compile(r'boundary=(?:"([^"\r\n]{1,70})"|([^\s;,"]{1,70}))', re.IGNORECASE)
_NAMED = re.compile(r'\bname="([^"\r\n]{0,200})"', re.IGNORECASE)
_FILE = re.compile(r'\bfilename="([^"\r\n]{0,200})"', re.IGNORECASE)


def files(body: bytes, content_type: str) -> dict[str, tuple[str, bytes]]:
    """File name and bytes of each field of the form. Raises Wrong when it is no such form."""
    found = _BOUNDARY.search(content_type)
    if found is None:
        raise Wrong("The form names no boundary; send it as multipart/form-data.")
    mark = b"--" + (found[1] or found[2]).encode("latin-1", "replace")
    pieces = (b"\r\n" + body).split(b"\r\n" + mark, MOST_PARTS + 2)
    if len(pieces) > MOST_PARTS + 2 or not pieces[-1].startswith(b"--"):
        raise Wrong(
            f"The form is cut off, or has more than {MOST_PARTS} fields; send the sheet and its signature alone."
        )
    told: dict[str, tuple[str, bytes]] = {}
    for piece in pieces[1:-1]:
        head, gap, content = piece.removeprefix(b"\r\n").partition(b"\r\n\r\n")
        said = head[:2000].decode("utf-8", "replace")
        named, file = _NAMED.search(re.sub(r"\bfilename\*?=\S+", "", said)), _FILE.search(said)
        if not gap or named is None or named[1] in told:
            raise Wrong("A field of the form has no name, or one that another has; send each once.")
        told[named[1]] = (file[1] if file else "", content)
    return told
