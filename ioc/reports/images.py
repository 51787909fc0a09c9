"""Photos are drawn anew: what is kept is a JPEG of ours, with nothing in it but the picture.

Pillow decodes; its formats are named, so that no other decoder of it is ever reached. EXIF, GPS, comments and profiles
stay behind, the orientation is applied, the longest side is 2,048 pixels.
"""

from __future__ import annotations

import io
import logging
from typing import TYPE_CHECKING

from ioc.reports.filing import Unfit

if TYPE_CHECKING:
    from PIL import Image

MAX_PIXELS = 40_000_000
LONGEST = 2048
QUALITY = 85
FORMATS = ("JPEG", "PNG", "WEBP")

logger = logging.getLogger("ioc.reports")


class NoPhoto(Unfit):
    """What was sent is no photo or video that can be kept; the report stands without it."""


def redrawn(body: bytes) -> bytes:
    """A fresh JPEG of the photo `body`. Blocks for up to some seconds; 40 megapixels take about 300 MB meanwhile.

    Raises NoPhoto: no JPEG, PNG or WebP, broken, or of more than 40 megapixels.
    """
    from PIL import Image, ImageOps

    Image.MAX_IMAGE_PIXELS = MAX_PIXELS
    try:
        with Image.open(io.BytesIO(body), formats=FORMATS) as opened:
            if opened.width * opened.height > MAX_PIXELS:
                raise _too_large()
            # a JPEG can be decoded smaller, which takes a fraction of the time
            opened.draft("RGB", (LONGEST, LONGEST))
            opened.load()
            upright = ImageOps.exif_transpose(opened)
            upright.thumbnail((LONGEST, LONGEST), Image.Resampling.LANCZOS)
            plain = _on_white(upright)
    except NoPhoto:
        raise
    except (Image.DecompressionBombError, Image.DecompressionBombWarning):
        raise _too_large() from None
    except Exception as error:
        # a decoder may stumble over hostile bytes in many ways; each means the same
        logger.info("A photo could not be read (%s).", type(error).__name__)
        raise NoPhoto(
            "This is no photo that can be read (JPEG, PNG or WebP); the report was taken without it.",
            "Tệp này không phải ảnh đọc được (JPEG, PNG hoặc WebP). Phản ánh vẫn được nhận, không có ảnh này.",
        ) from None
    told = io.BytesIO()
    plain.save(told, "JPEG", quality=QUALITY, optimize=True)
    return told.getvalue()


def _on_white(image: Image.Image) -> Image.Image:
    """The pixels alone, in RGB: nothing that the file said beside them."""
    from PIL import Image

    clear = "transparency" in image.info or "A" in image.getbands()
    rgba = image.convert("RGBA") if clear else None
    plain = Image.new("RGB", image.size, "white")
    plain.paste(rgba if rgba is not None else image.convert("RGB"), mask=rgba)
    return plain


def _too_large() -> NoPhoto:
    return NoPhoto(
        f"The photo has more than {MAX_PIXELS // 1_000_000} megapixels; the report was taken without it.",
        f"Ảnh lớn quá {MAX_PIXELS // 1_000_000} triệu điểm ảnh. Phản ánh vẫn được nhận, không có ảnh này.",
    )
