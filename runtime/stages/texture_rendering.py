"""Stage 4, texture rendering: the warped photo, and what no photo can show painted into it.

Nearly every pixel is the photo's own, moved by stage 3 and sampled once at the output's resolution. A network paints
the inside of the open mouth; closing eyelids are filled in from the skin round the eye (lid_skin.py), where a second
network says that they cover it. Both work on crops of fixed size that stand still on the head, and what they make is
laid over the photo through masks drawn at the output's resolution, so that the edges of lips stay as sharp as the
picture is.

Where the photo itself shows teeth, the mouth network says how far its own colours give way to them: those pixels
are again taken from the photo, moved rigidly with the head.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Final, Protocol

import cv2
import numpy as np
from numpy.typing import NDArray

from runtime.stages.blending import lay
from runtime.stages.landmarks import GROUPS, eye_opening, ipd, mouth_opening
from runtime.stages.lid_skin import LidSkin
from runtime.stages.mouth_painting import MouthGraphs, MouthPainter
from runtime.stages.warping import PhotoSampler

if TYPE_CHECKING:
    from runtime.inference.sessions import Session, Sessions
    from runtime.stages.motion_field import FaceMotion, MeshFrame

Image = NDArray[np.uint8]
Floats = NDArray[np.float32]
Matrix = NDArray[np.float64]
Box = tuple[int, int, int, int]

MOUTH_SIZE: Final = 128  # pixels of the mouth crop, which spans 1.2 ipd
EYE_SIZE: Final = 64  # pixels of an eye crop, 0.75 ipd
MOUTH_GATE: Final = 0.03  # ipd beyond the open mouth over which the network may repaint the lips' rim
EYE_GATE: Final = 0.05  # ipd beyond the new lid skin: room for the lash line and the crease
MOUTH_SPAN: Final = 1.2
EYE_SPAN: Final = 0.75
CHEEK: Final = 0.42  # ipd under the eye, where the photo's skin is bare
LEAST_OPENING: Final = 0.016  # ipd; a photo's mouth open by less counts as closed
FULL_AMOUNT: Final = 0.5  # from which on nothing of a photo's own open mouth is kept at its old place
OWN_TEETH_GAIN: Final = (
    2.4  # the network trusts a photo's teeth by 0.4 at most; mixed, both rows' gaps would show
)
OWN_TEETH_MARGIN: Final = 0.028  # ipd inside the edge of a photo's open mouth that may be lip still
RIM_SHADE: Final = (0.35, 0.5, 0.5)  # of red, green, blue; what light there is between lips comes off lips
RIM_DEPTH: Final = 0.026  # ipd over which the shade behind the lower lip fades
RIM_RISE: Final = 0.018  # ipd by which it lies higher, so that the upper teeth hang free of it
SHARPENING: Final = 0.9  # how much of the difference to its own blur is added to the painted mouth
SHARPENING_RADIUS: Final = 1.3  # of that blur, pixels of the crop
LEAST_COVERAGE: Final = 6  # of 255; masks fainter than this ask for nothing
SHARPENED_FROM: Final = 8  # pixels of the crop that the blur looks round each, and some
EYE_AND_BROW: Final = (("eye_right", "brow_right"), ("eye_left", "brow_left"))
NO_MASK: Final = np.zeros((0, 0), np.uint8)
NO_PICTURE: Final = np.zeros((0, 0, 3), np.uint8)
INTERPOLATION: Final = cv2.INTER_CUBIC


class HeadOnCanvas(Protocol):
    """What is needed of a Portrait: image (H, W, 3), landmarks (116, 2) in its pixels, yaw and pitch in radians."""

    @property
    def image(self) -> Image: ...

    @property
    def landmarks(self) -> Floats: ...

    @property
    def yaw(self) -> float: ...

    @property
    def pitch(self) -> float: ...


@dataclass(frozen=True)
class CropInputs:
    """What a network gets for one frame.

    frame (4, S, S) float32 0..1: the warped photo's crop and its mask; drive (D,) float32; gate (S, S) float32 0..1:
    where the network may paint outside the mask.
    """

    frame: Floats
    drive: Floats
    gate: Floats


class MouthView:
    """The photo's mouth and its crops: everything the mouth network sees. Made once for a portrait."""

    def __init__(self, portrait: HeadOnCanvas, rest: MeshFrame) -> None:
        """`rest` is the frame of the photo unmoved, whose mouth_matrix places the source crop."""
        self._angles = (portrait.yaw, portrait.pitch)
        self.rest_matrix = np.asarray(rest.mouth_matrix, np.float64)
        self.open_mouth = open_mouth_mask(portrait.landmarks, portrait.image.shape[:2])
        self.has_opening = bool(self.open_mouth.any())
        crop = crop_of(portrait.image, self.rest_matrix, MOUTH_SIZE)
        mask = crop_of(self.open_mouth, self.rest_matrix, MOUTH_SIZE)
        self.source = as_planes(crop, mask)  # (4, 128, 128) float32 0..1
        # (128, 128) float32 0..1: where the photo's own teeth may be, but no lip.
        self.own_teeth = shrunk(self.source[3], OWN_TEETH_MARGIN * MOUTH_SIZE / MOUTH_SPAN)

    def asks(self, frame: MeshFrame) -> bool:
        """Whether this frame needs the mouth network."""
        return frame.amount > 0 and (self.has_opening or peak(frame.interior) > LEAST_COVERAGE)

    def inputs(self, frame: MeshFrame, warped: Image) -> CropInputs:
        """What the network gets for a frame, `warped` (h, w, 3) being the region as stage 3 moves it."""
        to_crop = shifted(frame.mouth_matrix, frame.region)
        crop = crop_of(warped, to_crop, MOUTH_SIZE)
        inside = crop_of(frame.interior, to_crop, MOUTH_SIZE)
        gate = inside
        if self.has_opening:
            gate = np.maximum(inside, self._stale(frame, to_crop))
        drive = np.concatenate(
            [
                frame.expression,
                [frame.closure, self._angles[0] + frame.head[0], self._angles[1] + frame.head[1]],
                frame.jaw_offset,
            ]
        )
        gate = soft_gate(gate, MOUTH_GATE * MOUTH_SIZE / MOUTH_SPAN)
        if self.has_opening:
            gate *= min(1.0, frame.amount / FULL_AMOUNT)
        return CropInputs(as_planes(crop, inside), drive.astype(np.float32), gate)

    def _stale(self, frame: MeshFrame, to_crop: Matrix) -> Image:
        """Crop of the pixels where the warp shows the photo's own open mouth, which has since moved or closed."""
        map_x = crop_of(frame.map_x, to_crop, MOUTH_SIZE)
        map_y = crop_of(frame.map_y, to_crop, MOUTH_SIZE)
        return np.asarray(cv2.remap(self.open_mouth, map_x, map_y, cv2.INTER_LINEAR), np.uint8)


class EyeView:
    """The photo's eye (0 right, 1 left) and its crops. The left eye is mirrored, so that one network serves both."""

    def __init__(self, portrait: HeadOnCanvas, rest: MeshFrame, eye: int) -> None:
        self.eye = eye
        self._sign = 1.0 if eye == 0 else -1.0
        self._angles = (portrait.yaw, portrait.pitch)
        self._opening = eye_opening(portrait.landmarks)[eye]
        crop = crop_of(portrait.image, self.matrix(rest), EYE_SIZE)
        self.source = as_planes(crop)  # (3, 64, 64) float32 0..1
        matrix = self.matrix(rest).astype(np.float32)
        ring, brow = (
            portrait.landmarks[GROUPS[name]] @ matrix[:, :2].T + matrix[:, 2] for name in EYE_AND_BROW[eye]
        )
        down = translation(0, -CHEEK * EYE_SIZE / EYE_SPAN) @ np.vstack([matrix, [0, 0, 1]])
        cheek = as_planes(crop_of(portrait.image, down[:2], EYE_SIZE))
        self.skin = LidSkin(self.source, ring, brow, cheek)

    def matrix(self, frame: MeshFrame) -> Matrix:
        """Canvas pixels -> crop pixels, the left eye mirrored."""
        matrix = np.asarray(frame.eye_matrices[self.eye], np.float64)
        turned_over = np.linalg.det(matrix[:, :2]) < 0
        if self.eye == 1 and not turned_over:
            matrix = np.array([[-1.0, 0.0, EYE_SIZE - 1.0], [0.0, 1.0, 0.0]]) @ np.vstack([matrix, [0, 0, 1]])
        return matrix

    def asks(self, frame: MeshFrame) -> bool:
        """Whether this frame needs the eyelid network for this eye."""
        return peak(frame.lid[self.eye]) > LEAST_COVERAGE

    def inputs(self, frame: MeshFrame, warped: Image) -> CropInputs:
        """What the network gets for a frame, `warped` (h, w, 3) being the region as stage 3 moves it."""
        to_crop = shifted(self.matrix(frame), frame.region)
        crop = crop_of(warped, to_crop, EYE_SIZE)
        lid = crop_of(frame.lid[self.eye], to_crop, EYE_SIZE)
        blink = frame.expression[-1 if self.eye == 0 else -2]
        yaw, pitch = self._angles[0] + frame.head[0], self._angles[1] + frame.head[1]
        drive = np.array([self._opening, blink, self._sign * yaw, pitch], np.float32)
        gate = soft_gate(lid, EYE_GATE * EYE_SIZE / EYE_SPAN)
        return CropInputs(as_planes(crop, lid), drive, gate)

    def layer(self, inputs: CropInputs, painted: Floats, box: Box) -> Floats:
        """The lid in a box of the crop (h, w, 4), RGB 0..255 and cover 0..1, given the network's answer (4, 64, 64)."""
        return self.skin.layer(painted, inputs.gate, inputs.frame[3], float(inputs.drive[1]), box)


class TextureRenderer:
    """Holds the two networks; `bind` makes the painter of one portrait."""

    def __init__(self, sessions: Sessions) -> None:
        self._mouth = MouthGraphs.open(sessions)
        self._eyelid = sessions.get("eyelid")

    def bind(self, portrait: HeadOnCanvas, face_motion: FaceMotion) -> FaceTexture:
        """Prepare a portrait, already on the output canvas, for rendering."""
        return FaceTexture(portrait, face_motion.rest(), self._mouth.bind, self._eyelid)


class FaceTexture:
    """Renders the moving region of one portrait. Not for several threads at once: it reuses its buffers."""

    def __init__(
        self,
        portrait: HeadOnCanvas,
        rest: MeshFrame,
        mouth: Callable[[Floats], MouthPainter],
        eyelid: Session,
    ) -> None:
        """`mouth` makes the painter of a mouth from its crop (4, S, S); see `MouthGraphs.bind`."""
        self._photo = np.ascontiguousarray(portrait.image)
        self._sample = PhotoSampler(self._photo, rest.region, ipd(portrait.landmarks))
        self._mouth = MouthView(portrait, rest)
        self._paint_mouth, self._eyelid_session = mouth(self._mouth.source), eyelid
        self._eyes = (EyeView(portrait, rest, 0), EyeView(portrait, rest, 1))

    def render(self, frames: Sequence[MeshFrame]) -> list[Image]:
        """The region (h, w, 3) uint8 of every frame; the mouths of all frames go through the network together."""
        pictures = [self._sample(frame.map_x, frame.map_y) for frame in frames]
        self._paint_eyelids(frames, pictures)
        self._paint_mouths(frames, pictures)
        return pictures

    def _paint_mouths(self, frames: Sequence[MeshFrame], pictures: Sequence[Image]) -> None:
        view = self._mouth
        wanted = [(f, p, view.inputs(f, p)) for f, p in zip(frames, pictures, strict=True) if view.asks(f)]
        if not wanted:
            return
        painted = self._paint_mouth([inputs for *_, inputs in wanted])
        for (frame, picture, inputs), answer in zip(wanted, painted, strict=True):
            self._lay_mouth(frame, picture, inputs, answer)

    def _lay_mouth(self, frame: MeshFrame, picture: Image, inputs: CropInputs, painted: Floats) -> None:
        """Blend the painted mouth (5, 128, 128) into the picture, masks at the picture's resolution."""
        to_crop = shifted(frame.mouth_matrix, frame.region)
        painted_on = occupied(np.maximum(inputs.frame[3], inputs.gate))
        box = covered_box(painted_on, to_crop, picture.shape[:2]) if painted_on else None
        if painted_on is None or box is None:
            return
        x0, y0, x1, y1 = box
        columns, rows = wider(painted_on, SHARPENED_FROM, MOUTH_SIZE)
        layer = np.empty((rows.stop - rows.start, columns.stop - columns.start, 5), np.float32)
        layer[..., :3] = sharpened(np.ascontiguousarray(painted[:3, rows, columns].transpose(1, 2, 0)) * 255)
        layer[..., :3] *= rim_shade(inputs.frame[3, rows, columns])
        layer[..., 3] = inputs.gate[rows, columns] * painted[3, rows, columns]
        place = translation(-columns.start, -rows.start) @ np.vstack([placed(to_crop, box), [0, 0, 1]])
        own = NO_PICTURE
        seen = inputs.frame[3, rows, columns]  # none where a mouth that has closed is painted over
        if self._mouth.has_opening and seen.any():
            own = self._own_teeth(frame, box)
            trust = np.minimum(OWN_TEETH_GAIN * painted[4, rows, columns], 1)
            layer[..., 4] = trust * seen * self._mouth.own_teeth[rows, columns]
        inside = np.ascontiguousarray(frame.interior[y0:y1, x0:x1])
        lay(picture[y0:y1, x0:x1], place[:2], layer, inside, own)

    def _own_teeth(self, frame: MeshFrame, box: Box) -> Image:
        """The photo moved rigidly with the head, in a box of the region: where its own upper teeth now are."""
        x0, y0, x1, y1 = box
        here = np.asarray(frame.mouth_matrix, np.float64) @ translation(
            x0 + frame.region[0], y0 + frame.region[1]
        )
        back = cv2.invertAffineTransform(self._mouth.rest_matrix) @ np.vstack([here, [0, 0, 1]])
        moved = cv2.warpAffine(
            self._photo,
            back,
            (x1 - x0, y1 - y0),
            flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
            borderMode=cv2.BORDER_REPLICATE,
        )
        return np.asarray(moved, np.uint8)

    def _paint_eyelids(self, frames: Sequence[MeshFrame], pictures: Sequence[Image]) -> None:
        wanted = [
            (eye, frame, picture, eye.inputs(frame, picture))
            for frame, picture in zip(frames, pictures, strict=True)
            for eye in self._eyes
            if eye.asks(frame)
        ]
        if not wanted:
            return
        answer = self._eyelid_session.run(
            {
                "frame": np.stack([inputs.frame for *_, inputs in wanted]),
                "source": np.stack([eye.source for eye, *_ in wanted]),
                "drive": np.stack([inputs.drive for *_, inputs in wanted]),
            }
        )["painted"]
        for (eye, frame, picture, inputs), painted in zip(wanted, answer, strict=True):
            to_crop = shifted(eye.matrix(frame), frame.region)
            painted_on = occupied(inputs.gate)
            box = covered_box(painted_on, to_crop, picture.shape[:2]) if painted_on else None
            if painted_on is None or box is None:
                continue
            x0, y0, x1, y1 = box
            place = translation(-painted_on[0], -painted_on[1]) @ np.vstack([placed(to_crop, box), [0, 0, 1]])
            layer = eye.layer(inputs, painted, painted_on)
            lay(picture[y0:y1, x0:x1], place[:2], layer, NO_MASK, NO_PICTURE)


def warp(photo: Image, frame: MeshFrame) -> Image:
    """The photo sampled through one frame's map: the region (h, w, 3) as stage 3 moves it.

    For many frames of a photo `PhotoSampler` is faster.
    """
    return np.asarray(
        cv2.remap(photo, frame.map_x, frame.map_y, INTERPOLATION, borderMode=cv2.BORDER_REPLICATE), np.uint8
    )


def peak(mask: Image) -> float:
    """Largest value of a mask (H, W), ten times faster than numpy finds it."""
    return float(cv2.minMaxLoc(mask)[1])


def open_mouth_mask(landmarks: Floats, shape: tuple[int, int]) -> Image:
    """(H, W) uint8 coverage of the mouth that is open in the photo; all 0 when the lips touch."""
    mask = np.zeros(shape, np.uint8)
    if mouth_opening(landmarks) < LEAST_OPENING:
        return mask
    ring = np.round(landmarks[GROUPS["lip_inner"]] * 16).astype(np.int32)  # 1/16 pixels
    cv2.fillPoly(mask, [ring], 255, cv2.LINE_AA, 4)
    # The landmarks lie on the lips' edge, whose half-blended pixels must count as lip.
    blur = 0.006 * ipd(landmarks)
    return np.asarray(cv2.GaussianBlur(mask, (0, 0), max(blur, 0.3)), np.uint8)


def crop_of(image: NDArray, to_crop: Matrix, size: int) -> NDArray:
    """A square crop of an image (channels last) through an affine map (2, 3) from its pixels to the crop's."""
    return cv2.warpAffine(
        image, to_crop, (size, size), flags=cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE
    )


def as_planes(crop: Image, mask: Image | None = None) -> Floats:
    """(S, S, 3) and (S, S) uint8 -> (4, S, S) float32 0..1, as the networks take them; (3, S, S) without a mask."""
    planes = np.empty((3 if mask is None else 4, *crop.shape[:2]), np.float32)
    planes[:3] = crop.transpose(2, 0, 1)
    if mask is not None:
        planes[3] = mask
    planes *= np.float32(1 / 255)
    return planes


def soft_gate(mask: Image, reach: float) -> Floats:
    """(S, S) float32 0..1: 1 on a mask and for about `reach` pixels beyond, fading to 0 over as much again."""
    gate = np.zeros(mask.shape, np.float32)
    x, y, width, height = cv2.boundingRect(mask)
    if width == 0:
        return gate
    radius = max(1, round(reach))
    columns, rows = wider((x, y, x + width, y + height), 3 * radius + 1, len(mask))
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    wide = cv2.GaussianBlur(cv2.dilate(mask[rows, columns], disc), (0, 0), 0.4 * reach)
    gate[rows, columns] = wide
    gate *= np.float32(1 / 255)
    return gate


def shrunk(mask: Floats, margin: float) -> Floats:
    """A mask (S, S) 0..1 without the outermost `margin` pixels, its edge a little soft."""
    radius = round(margin)
    disc = cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * radius + 1, 2 * radius + 1))
    return np.asarray(cv2.GaussianBlur(cv2.erode(mask, disc), (0, 0), 1.0), np.float32)


def rim_shade(inside: Floats) -> Floats:
    """Light (h, w, 3) 0..1 that falls on what an open mouth (h, w) 0..1 shows: less just behind the lower lip.

    The network paints the lower teeth as bright at their roots as at their edges.
    """
    free = cv2.GaussianBlur(inside, (0, 0), RIM_DEPTH * MOUTH_SIZE / MOUTH_SPAN)
    rise = round(RIM_RISE * MOUTH_SIZE / MOUTH_SPAN)
    free[:-rise] = free[rise:]
    hidden = inside * np.clip(1.5 - 2 * free, 0, 1)
    return np.asarray(1 - hidden[..., None] * np.array(RIM_SHADE, np.float32))


def translation(x: float, y: float) -> Matrix:
    """(3, 3) matrix that adds (x, y)."""
    return np.array([[1.0, 0.0, x], [0.0, 1.0, y], [0.0, 0.0, 1.0]])


def shifted(matrix: NDArray[np.floating], region: Sequence[int]) -> Matrix:
    """A map (2, 3) from canvas pixels -> the same map from the region's pixels."""
    return np.asarray(matrix, np.float64) @ translation(region[0], region[1])


def placed(to_crop: Matrix, box: Box) -> Matrix:
    """The map (2, 3) from pixels of a box of the region to the crop's."""
    return to_crop @ translation(box[0], box[1])


def occupied(weights: Floats) -> Box | None:
    """Box (x0, y0, x1, y1) of a crop that holds all pixels with a weight above 0; None if there are none."""
    rows, columns = np.flatnonzero(weights.max(axis=1) > 0), np.flatnonzero(weights.max(axis=0) > 0)
    if len(rows) == 0:
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def wider(box: Box, by: int, size: int) -> tuple[slice, slice]:
    """Columns and rows of a square crop that hold a box and `by` pixels round it."""
    x0, y0, x1, y1 = box
    return slice(max(0, x0 - by), min(size, x1 + by)), slice(max(0, y0 - by), min(size, y1 + by))


def covered_box(box: Box, to_crop: Matrix, shape: tuple[int, int]) -> Box | None:
    """Box of the region, of `shape` (h, w), that a box of the crop can be seen in; None if it lies outside."""
    x, y = (box[0] - 1, box[2]), (box[1] - 1, box[3])
    corners = np.array([[a, b, 1] for a in x for b in y], np.float64)
    there = corners @ cv2.invertAffineTransform(to_crop).T
    x0, y0 = np.maximum(np.floor(there.min(axis=0)).astype(int), 0)
    x1, y1 = np.minimum(np.ceil(there.max(axis=0)).astype(int) + 1, shape[::-1])
    return (int(x0), int(y0), int(x1), int(y1)) if x1 > x0 and y1 > y0 else None


def sharpened(crop: Floats) -> Floats:
    """A painted crop (S, S, 3) 0..255 with its edges stressed: enlarged as it will be, it is softer than the photo."""
    soft = cv2.GaussianBlur(crop, (0, 0), SHARPENING_RADIUS)
    return np.asarray(np.clip(crop + SHARPENING * (crop - soft), 0, 255), np.float32)
