"""The grid of cells over the earth: squares of the plane of degrees, in numbers that a set can hold.

A cell's number is `column << SHIFT | row`, from the south-west corner of the earth. What lies in one cell has that
cell's number; what reaches over a border has the number of the cell of its middle, with WIDE set.
"""

from __future__ import annotations

Box = tuple[float, float, float, float]
"""West, south, east, north, in degrees."""

LEVEL = 14
"""2 ** LEVEL cells go around the earth: each is 0.022° wide (2.4 km). Decision 0011 tells what was measured."""
SHIFT = 20
WIDE = 1 << 2 * SHIFT
"""Set in the number of what may reach into other cells; alone, it stands for all of that."""
NOWHERE = -1
"""The number of what has no place."""
GONE = -2
"""The number of what is not there."""

LAST_COLUMN, LAST_ROW = 2**LEVEL - 1, 2 ** (LEVEL - 1) - 1
_ROWS = (1 << SHIFT) - 1
_SCALE = 2**LEVEL / 360


def column(longitude: float) -> int:
    found = int((longitude + 180) * _SCALE)
    return found if found < LAST_COLUMN else LAST_COLUMN


def row(latitude: float) -> int:
    found = int((latitude + 90) * _SCALE)
    return found if found < LAST_ROW else LAST_ROW


def number(box: Box | None) -> int:
    """The number of a place. One that leaves the earth is WIDE alone: it is looked at itself, and never counted."""
    if box is None:
        return NOWHERE
    west, south, east, north = box
    if west < -180 or east > 180 or south < -90 or north > 90:
        return WIDE
    x, y = column(west), row(south)
    if (west == east or x == column(east)) and (south == north or y == row(north)):
        return x << SHIFT | y
    return WIDE | column((west + east) / 2) << SHIFT | row((south + north) / 2)


def split(cell: int) -> tuple[int, int]:
    """Column and row of a cell."""
    return (cell & ~WIDE) >> SHIFT, cell & _ROWS


def join(x: int, y: int) -> int:
    """The number of the cell in a column and row."""
    return x << SHIFT | y


def up(cell: int, levels: int) -> int:
    """The cell of a grid that is `levels` coarser in which this one lies."""
    x, y = split(cell)
    return x >> levels << SHIFT | y >> levels


def down(cell: int) -> tuple[int, int, int, int]:
    """The four cells of the next finer grid that make this one."""
    x, y = split(cell)
    return tuple(join(2 * x + right, 2 * y + above) for right in (0, 1) for above in (0, 1))  # type: ignore[return-value]
