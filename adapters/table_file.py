"""CSV and XLSX files dropped in a folder: each is taken once it is complete, and moved to `done/` or `set-aside/`.

Settings (TOML)::

    [sources.population]
    adapter = "table_file"
    event = "ioc.indicator.measured"
    folder = "/srv/ioc/drop/population"

    [[sources.population.forms]]
    files = ["*Ward*.xlsx"]                    # which files have this form: by name,
    headers = ["Tổng số", "1. Thành thị"]      # and by columns that they have
    shape = {fill_down = ["A", "B"], subtotal = "Tổng số"}
    id = ["A", "B", "C"]
    properties = {people = {path = "Tổng số", kind = "integer", form = "vi", default = 0}}

A form has all that `ioc.mapping` and `ioc.tables` map, and the shape that `ioc.sheets` reads. One source may have
several forms; the first that fits a file is its form. `repeat = true`: it only repeats what another form tells in full.

A department may keep a control file in a sub-folder, which says how many rows its newest list has and since when:
`tally = {file = "tong/tong.json", count = "tong", newest = "cap_nhat"}`.

Which files count as complete, and where they go, is told in `ioc.dropped`.
"""

from __future__ import annotations

from collections.abc import Iterable
from fnmatch import fnmatchcase

from ioc import fields
from ioc.adapter import Answer, Reading
from ioc.dropped import Dropped, FromFolder
from ioc.errors import BadRecord, SourceDown, Untaken
from ioc.sheets import Book, Shape, Table
from ioc.tables import Rows, missing, readings


class Form(Rows, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """One form of table. `files`: patterns of file names (case doesn't matter); `headers`: columns that identify it.

    `shape`: how the table lies in the file. `event`: type of its readings, where it is not the source's. The mapping
    is that of `ioc.mapping` and `ioc.tables`.
    """

    event: str = ""
    files: tuple[str, ...] = ("*",)
    headers: tuple[str, ...] = ()
    shape: Shape = Shape()

    def __post_init__(self) -> None:
        super().__post_init__()
        if self.complete:
            raise ValueError("complete belongs to the source, not to a form; write it above the forms")


class TableFile(FromFolder["TableFile.Config"]):
    """Takes the files that lie complete in one folder, oldest first, each in the first of its forms that fits."""

    class Config(Dropped, frozen=True, forbid_unknown_fields=True, kw_only=True):
        """`forms`: at least one. `complete`: each file holds everything there is, so a subject that is absent from it
        is gone."""

        forms: tuple[Form, ...]

        def __post_init__(self) -> None:
            if not self.forms:
                raise ValueError("there is no form; write [[sources.NAME.forms]] with id and properties")

    def look(self, body: bytes, file: str) -> object:
        return self._form(body, file)

    def parse(self, answer: Answer) -> Iterable[Reading | BadRecord]:
        """Readings of one file. Raises SourceDown when it has none of the forms, or can't be read at all."""
        self.refuse(answer)
        form, table = self._form(answer.body, answer.name)
        number = str(self.config.forms.index(form))
        return readings(form, table.rows, event=form.event or None, form=number)

    def _form(self, body: bytes, file: str) -> tuple[Form, Table]:
        """The first form that fits, with its table."""
        book = Book(body, file)
        why: list[str] = []
        without: dict[str, None] = {}
        for form in self.config.forms:
            name = fields.clean(file).casefold()
            if not any(fnmatchcase(name, fields.clean(pattern).casefold()) for pattern in form.files):
                continue
            try:
                table = book.table(form.shape)
            except SourceDown as error:
                why.append(error.say)
                continue
            lacking = [name for name in form.headers if name not in table.columns] or missing(form, table.columns)
            if not lacking:
                return form, table
            why.append(f"It has no column {', '.join(lacking[:5])}.")
            without |= dict.fromkeys(lacking)
        reason = " ".join(dict.fromkeys(why)) or "No form takes files of that name."
        say = f"{file} has none of the forms of this source. {reason} Correct the file, or add a form."
        raise Untaken(say, lacking=tuple(without))
