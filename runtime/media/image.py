"""Any picture a user may hand in, as one upright RGB array."""

from __future__ import annotations

import io
import struct
import warnings
import zlib
from pathlib import Path

import numpy as np
from PIL import Image, ImageCms, ImageOps, UnidentifiedImageError

from runtime.contract import RuntimeProblem

MAX_MEGAPIXELS = 100
# What shows through transparent pixels: the light grey of a photographer's backdrop.
BACKDROP = (236, 236, 236)


def load_image(path: str | Path) -> np.ndarray:
    """Decode a picture to RGB uint8 (H, W, 3), turned upright as its EXIF orientation says.

    Transparency is laid onto a light backdrop; greyscale, 16-bit, CMYK and palette pictures become RGB; a colour
    profile is converted to sRGB; of an animation the first frame is taken. Pictures of 100 megapixels and more are
    refused from the header alone.
    """
    path = Path(path)
    too_large = RuntimeProblem(
        "image_too_large",
        f"The picture {path.name} has {MAX_MEGAPIXELS} megapixels or more, which is too large.",
        "Scale it down; 2 megapixels are plenty.",
    )
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            with Image.open(path) as picture:
                if picture.width * picture.height >= MAX_MEGAPIXELS * 1_000_000:
                    raise too_large
                picture.load()
                return _as_rgb(picture)
    except FileNotFoundError:
        raise RuntimeProblem("image_missing", f"There is no picture at {path}.") from None
    except Image.DecompressionBombError:
        raise too_large from None
    except UnidentifiedImageError:
        raise RuntimeProblem(
            "image_unreadable",
            f"The file {path.name} is not a picture in a format that is known here.",
            "JPEG, PNG, WebP, AVIF, TIFF, GIF and BMP are.",
        ) from None
    # The AVIF decoder has nothing but RuntimeError for a damaged file.
    except (OSError, SyntaxError, ValueError, EOFError, RuntimeError, struct.error, zlib.error) as fault:
        raise RuntimeProblem(
            "image_unreadable", f"The picture {path.name} cannot be read: {fault}."
        ) from fault


def _as_rgb(picture: Image.Image) -> np.ndarray:
    upright = ImageOps.exif_transpose(picture)
    if upright.mode in ("I", "F") or upright.mode.startswith("I;16"):
        return _from_deep_grey(np.asarray(upright))
    if upright.mode in ("P", "LA", "PA", "La", "RGBa") or "transparency" in upright.info:
        upright = upright.convert("RGBA")
    alpha = upright.getchannel("A") if upright.mode == "RGBA" else None
    colours = _in_srgb(
        upright.convert("RGB") if alpha is not None else upright, picture.info.get("icc_profile")
    )
    if alpha is not None:
        colours = Image.composite(colours, Image.new("RGB", colours.size, BACKDROP), alpha)
    return np.array(colours, dtype=np.uint8)


def _in_srgb(picture: Image.Image, profile: bytes | None) -> Image.Image:
    if profile:
        try:
            source = ImageCms.ImageCmsProfile(io.BytesIO(profile))
            converted = ImageCms.profileToProfile(
                picture, source, ImageCms.createProfile("sRGB"), outputMode="RGB"
            )
            if converted is not None:
                return converted
        except (ImageCms.PyCMSError, OSError, ValueError):
            pass  # a damaged profile, or one of another kind of colour: the plain conversion still gives a picture
    return picture.convert("RGB")


def _from_deep_grey(values: np.ndarray) -> np.ndarray:
    """Grey of 16 or 32 bits, or float in 0..1 or 0..255, to RGB uint8."""
    grey = np.nan_to_num(values.astype(np.float32))
    if values.dtype.kind == "f":
        grey = grey * (255.0 if grey.max(initial=0) <= 1.0 else 1.0)
    elif grey.max(initial=0) > 255 or values.dtype.itemsize == 2:
        grey = grey / 257.0
    return np.repeat(np.clip(np.rint(grey), 0, 255).astype(np.uint8)[..., None], 3, axis=2)
