"""Offices of the administration: one-stop shops and bodies, and which of them use the province's software.

What a source's `properties` may say: `name`; `uses`: whether it uses the software; `level`: the level of government
that it belongs to; `users`, `documents`: how many people use the software there, and what went through it; `quiet`: it
has sent nothing for long.
Tiles over it are declared in the settings, such as::

    [tiles.offices_on_software]
    over = "offices"
    label = ["Xã dùng phần mềm một cửa", "Communes on the software"]
    where = {uses = true}
"""

from __future__ import annotations

from ioc.layer import Layer


class Offices(Layer):
    name = "offices"
    title = ("Bộ phận một cửa", "One-stop offices")
    listens = frozenset({"ioc.office.observed"})
    views = False
