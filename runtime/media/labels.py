"""Marks that tell a film was made by a machine: two in the file, one in the picture.

In the file, always:
- an `AIGC` entry in the MP4's metadata (moov/udta/meta, key "AIGC"), the JSON object of GB 45438-2025 annex E, which
  China's measures on labelling AI-generated content (in force since September 2025) refer to;
- an XMP packet in a `uuid` box at the file's end (ISO 16684-1; XMP specification part 3), with the IPTC property
  DigitalSourceType = trainedAlgorithmicMedia, the machine-readable mark in the sense of the EU AI Act, article 50 (2).
In the picture, by option: a text in the lower right corner of every frame.
"""

from __future__ import annotations

import html
import json
import os
import struct
import uuid
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageDraw, ImageFont

from runtime import __version__
from runtime.contract import RuntimeProblem

PRODUCER = "Sonic Talking Video"
SOURCE_TYPE = "http://cv.iptc.org/newscodes/digitalsourcetype/trainedAlgorithmicMedia"
XMP_BOX = uuid.UUID("be7acfcb-97a9-42e8-9c71-999491e3afac")
NO_LABEL = ("off", "auto")  # what auto means is the operator's decision; without one it is off

TEXT_HEIGHT = 0.05  # of the frame's short side: the least that GB 45438-2025 asks of a video's mark
MARGIN = 0.02  # of the short side
BACKING = 110  # 0..255, darkness of the plate behind the text


@dataclass(frozen=True)
class Provenance:
    """Who made a film, when, and under which number."""

    producer: str = PRODUCER
    content_id: str = field(default_factory=lambda: uuid.uuid4().hex)
    created: datetime = field(default_factory=lambda: datetime.now(UTC))

    @property
    def stamp(self) -> str:
        """Time of making as ISO 8601 in UTC."""
        return self.created.astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")

    def aigc(self) -> str:
        """Return the AIGC object. Label 1 = certainly generated; the producer's reserved field holds the time."""
        return json.dumps(
            {
                "Label": "1",
                "ContentProducer": self.producer,
                "ProduceID": self.content_id,
                "ReservedCode1": self.stamp,
                "ContentPropagator": "",
                "PropagateID": "",
                "ReservedCode2": "",
            },
            ensure_ascii=False,
            separators=(",", ":"),
        )

    def container_metadata(self) -> dict[str, str]:
        """Metadata for FFmpeg's MP4 muxer, to be written with its flag use_metadata_tags."""
        return {"AIGC": self.aigc(), "creation_time": self.stamp}

    def xmp(self) -> str:
        """Return the XMP packet."""
        return XMP_TEMPLATE.format(
            source_type=SOURCE_TYPE,
            tool=html.escape(f"Sonic Talking Video {__version__}"),
            producer=html.escape(self.producer),
            identifier=html.escape(self.content_id),
            stamp=self.stamp,
        )

    def append_xmp(self, path: Path) -> None:
        """Add the XMP packet to a finished MP4. Nothing in the file moves, so its index stays right."""
        payload = XMP_BOX.bytes + self.xmp().encode()
        with path.open("ab") as film:
            film.write(struct.pack(">I4s", 8 + len(payload), b"uuid") + payload)


XMP_TEMPLATE = """<?xpacket begin="\ufeff" id="W5M0MpCehiHzreSzNTczkc9d"?>
<x:xmpmeta xmlns:x="adobe:ns:meta/">
 <rdf:RDF xmlns:rdf="http://www.w3.org/1999/02/22-rdf-syntax-ns#">
  <rdf:Description rdf:about=""
    xmlns:Iptc4xmpExt="http://iptc.org/std/Iptc4xmpExt/2008-02-29/"
    xmlns:dc="http://purl.org/dc/elements/1.1/"
    xmlns:xmp="http://ns.adobe.com/xap/1.0/">
   <Iptc4xmpExt:DigitalSourceType>{source_type}</Iptc4xmpExt:DigitalSourceType>
   <dc:creator><rdf:Seq><rdf:li>{producer}</rdf:li></rdf:Seq></dc:creator>
   <dc:identifier>{identifier}</dc:identifier>
   <xmp:CreateDate>{stamp}</xmp:CreateDate>
   <xmp:CreatorTool>{tool}</xmp:CreatorTool>
  </rdf:Description>
 </rdf:RDF>
</x:xmpmeta>
<?xpacket end="w"?>"""


class VisibleLabel:
    """A text on a dark plate in the lower right corner of every frame; an `Overlay` of the compositor.

    The text is drawn when the first frame comes, because only then the size is known.
    """

    def __init__(self, text: str, font: Path | None = None) -> None:
        self._text = text
        self._font = font
        self._drawn: tuple[NDArray[np.float32], NDArray[np.float32], int, int] | None = None
        _load_font(32, text, font)  # a text that cannot be written is refused before any work is done

    def __call__(self, frame: NDArray[np.uint8], index: int) -> None:
        """Draw into a frame (H, W, 3) uint8, in place."""
        if self._drawn is None:
            self._drawn = self._draw(frame.shape[1], frame.shape[0])
        colour, opacity, left, top = self._drawn
        place = frame[top : top + colour.shape[0], left : left + colour.shape[1]]
        place[...] = np.rint(place + opacity * (colour - place)).astype(np.uint8)

    def _draw(self, width: int, height: int) -> tuple[NDArray[np.float32], NDArray[np.float32], int, int]:
        """Return colours (h, w, 3) and opacities (h, w, 1) of the plate, and its left and top in the frame."""
        short = min(width, height)
        margin = max(2, round(MARGIN * short))
        size = max(8, round(TEXT_HEIGHT * short))
        font = _load_font(size, self._text, self._font)
        while font.getlength(self._text) + 4 * margin > width and size > 8:
            size -= 1
            font = _load_font(size, self._text, self._font)
        x0, y0, x1, y1 = font.getbbox(self._text)
        pad = max(2, round(0.25 * size))
        plate_size = (min(width, round(x1 - x0) + 2 * pad), min(height, round(y1 - y0) + 2 * pad))
        plate = Image.new("RGBA", plate_size, (0, 0, 0, BACKING))
        words = Image.new("RGBA", plate_size, (255, 255, 255, 0))
        ImageDraw.Draw(words).text((pad - x0, pad - y0), self._text, (255, 255, 255, 255), font)
        pixels = np.asarray(Image.alpha_composite(plate, words), np.float32)
        left = max(0, width - margin - plate_size[0])
        top = max(0, height - margin - plate_size[1])
        return pixels[..., :3], pixels[..., 3:] / np.float32(255), left, top


def visible_label(choice: str, font: Path | None = None) -> VisibleLabel | None:
    """Return the overlay for a value of the option `label`, or None where nothing is to be shown."""
    return None if choice in NO_LABEL else VisibleLabel(choice, font)


def label_font() -> Path | None:
    """The font file that the operator has chosen (SONIC_LABEL_FONT), or None for the built-in one."""
    chosen = os.environ.get("SONIC_LABEL_FONT")
    return Path(chosen) if chosen else None


def _load_font(size: int, text: str, path: Path | None) -> ImageFont.FreeTypeFont:
    try:
        font = ImageFont.truetype(str(path), size) if path else ImageFont.load_default(size)
    except OSError as fault:
        raise RuntimeProblem("label_unwritable", f"The font {path} of the label cannot be read.") from fault
    assert isinstance(font, ImageFont.FreeTypeFont)
    absent = bytes(font.getmask("\U0010ffff"))
    lacking = [sign for sign in text if not sign.isspace() and bytes(font.getmask(sign)) == absent]
    if lacking:
        raise RuntimeProblem(
            "label_unwritable",
            f"The font of the label has no {lacking[0]!r}.",
            "Set SONIC_LABEL_FONT to a font file that has it.",
        )
    return font
