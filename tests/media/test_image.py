import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from runtime.contract import RuntimeProblem
from runtime.media.image import BACKDROP, load_image

ORANGE = (230, 120, 40)


@pytest.mark.parametrize(
    ("name", "mode", "tolerance"),
    [
        ("plain.png", "RGB", 0),
        ("plain.jpg", "RGB", 6),
        ("print.jpg", "CMYK", 12),
        ("print.tif", "CMYK", 6),
        ("few.gif", "P", 6),
        ("few.png", "P", 6),
        ("plain.webp", "RGB", 8),
        ("plain.avif", "RGB", 8),
        ("plain.bmp", "RGB", 0),
    ],
)
def test_formats_and_modes_become_rgb(tmp_path: Path, name: str, mode: str, tolerance: int) -> None:
    picture = Image.new("RGB", (64, 48), ORANGE)
    (picture.quantize(16) if mode == "P" else picture.convert(mode)).save(tmp_path / name)
    loaded = load_image(tmp_path / name)
    assert loaded.shape == (48, 64, 3) and loaded.dtype == np.uint8
    assert np.abs(loaded.astype(int) - ORANGE).max() <= tolerance


def test_exif_orientation_is_applied(tmp_path: Path) -> None:
    picture = Image.new("RGB", (40, 20), "black")
    picture.paste((255, 255, 255), (0, 0, 10, 20))
    exif = picture.getexif()
    exif[0x0112] = 6  # the camera was turned: rotate by 90 degrees clockwise to see it upright
    picture.save(tmp_path / "turned.png", exif=exif)
    upright = load_image(tmp_path / "turned.png")
    assert upright.shape == (40, 20, 3)
    assert upright[:10].min() == 255 and upright[10:].max() == 0


def test_transparency_shows_the_backdrop(tmp_path: Path) -> None:
    picture = Image.new("RGBA", (20, 20), (0, 0, 0, 0))
    picture.paste((10, 20, 30, 255), (0, 0, 10, 20))
    picture.save(tmp_path / "cut.png")
    loaded = load_image(tmp_path / "cut.png")
    assert tuple(loaded[5, 5]) == (10, 20, 30)
    assert tuple(loaded[5, 15]) == BACKDROP


def test_transparent_palette_shows_the_backdrop(tmp_path: Path) -> None:
    picture = Image.new("P", (20, 20), 0)
    picture.putpalette([0, 0, 0, 200, 0, 0])
    picture.paste(1, (0, 0, 10, 20))
    picture.save(tmp_path / "cut.png", transparency=0)
    loaded = load_image(tmp_path / "cut.png")
    assert tuple(loaded[5, 5]) == (200, 0, 0)
    assert tuple(loaded[5, 15]) == BACKDROP


def test_sixteen_bit_grey_keeps_its_tones(tmp_path: Path) -> None:
    ramp = np.linspace(0, 65535, 256).astype(np.uint16)[None].repeat(8, axis=0)
    Image.fromarray(ramp).save(tmp_path / "scan.png")
    loaded = load_image(tmp_path / "scan.png")
    assert np.array_equal(loaded[0, :, 0], np.arange(256))
    assert np.array_equal(loaded[..., 0], loaded[..., 2])


def test_eight_bit_grey_and_grey_with_alpha(tmp_path: Path) -> None:
    Image.new("L", (8, 8), 77).save(tmp_path / "grey.png")
    Image.new("LA", (8, 8), (77, 255)).save(tmp_path / "grey_alpha.png")
    assert load_image(tmp_path / "grey.png").mean() == 77
    assert load_image(tmp_path / "grey_alpha.png").mean() == 77


def test_first_frame_of_an_animation(tmp_path: Path) -> None:
    frames = [Image.new("RGB", (16, 16), colour) for colour in ((255, 0, 0), (0, 0, 255))]
    frames[0].save(tmp_path / "moving.webp", save_all=True, append_images=frames[1:], lossless=True)
    assert tuple(load_image(tmp_path / "moving.webp")[3, 3]) == (255, 0, 0)


def png_header(width: int, height: int) -> bytes:
    """A PNG of that size up to where its pixels would begin."""
    body = b"IHDR" + struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    start = b"\x89PNG\r\n\x1a\n" + struct.pack(">I", 13) + body + struct.pack(">I", zlib.crc32(body))
    return start + struct.pack(">I", 100) + b"IDAT"


@pytest.mark.parametrize("side", [10_000, 40_000])
def test_a_hundred_megapixels_are_refused_by_the_header(tmp_path: Path, side: int) -> None:
    # The file has no pixels at all: only a reader that stops at the header can give this answer.
    (tmp_path / "huge.png").write_bytes(png_header(side, side))
    with pytest.raises(RuntimeProblem, match="100 megapixels or more") as caught:
        load_image(tmp_path / "huge.png")
    assert caught.value.code == "image_too_large"


def test_truncated_picture_gets_a_sentence(tmp_path: Path) -> None:
    noise = np.random.default_rng(0).integers(0, 255, (200, 200, 3), np.uint8)
    for suffix in ("png", "jpg", "webp"):
        whole, cut = tmp_path / f"whole.{suffix}", tmp_path / f"cut.{suffix}"
        Image.fromarray(noise).save(whole)
        cut.write_bytes(whole.read_bytes()[: whole.stat().st_size // 2])
        with pytest.raises(RuntimeProblem, match=rf"cut\.{suffix}") as caught:
            load_image(cut)
        assert caught.value.code == "image_unreadable"


def test_damaged_avif_gets_a_sentence(tmp_path: Path) -> None:
    path = tmp_path / "damaged.avif"
    y, x = np.mgrid[:200, :200]
    Image.fromarray(np.stack([x, y, (x + y) // 2], -1).astype(np.uint8)).save(path)
    content = bytearray(path.read_bytes())
    for place in np.random.default_rng(0).integers(len(content) // 2, len(content), 40):
        content[place] ^= 0xFF
    path.write_bytes(content)
    with pytest.raises(RuntimeProblem, match=r"damaged\.avif cannot be read") as caught:
        load_image(path)
    assert caught.value.code == "image_unreadable"


def test_what_is_no_picture_gets_a_sentence(tmp_path: Path) -> None:
    (tmp_path / "notes.jpg").write_text("These are notes.")
    (tmp_path / "empty.png").write_bytes(b"")
    for name in ("notes.jpg", "empty.png"):
        with pytest.raises(RuntimeProblem, match="not a picture") as caught:
            load_image(tmp_path / name)
        assert caught.value.code == "image_unreadable"
    with pytest.raises(RuntimeProblem, match="no picture at"):
        load_image(tmp_path / "absent.png")
    with pytest.raises(RuntimeProblem, match="cannot be read"):
        load_image(tmp_path)
