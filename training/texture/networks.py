"""The two networks of the texture renderer: the inside of the mouth, and the skin of a closing eyelid.

Both are small U-Nets on a crop that moves rigidly with the head. They see the warped photo where they paint and the
untouched photo beside it, and answer with colours and with the weights by which these are laid over the photo.

`MouthNetwork` has one part that a plain U-Net lacks: two learned *atlases*, feature maps that stand still in the
frame of the upper teeth and of the lower teeth. Convolutions forget where they are; an atlas does not, so teeth keep
their place and their edges from frame to frame however the lips move over them.
"""

from __future__ import annotations

import torch
import torch.nn.functional as F
from torch import Tensor, nn

MOUTH_SIZE = 128
MOUTH_SPAN = 1.2  # side of the mouth crop in ipd
EYE_SIZE = 64
DRIVE_MOUTH = 30  # 25 expression coefficients, closure, yaw, pitch, jaw_offset x and y
DRIVE_EYE = 4  # the photo's own eye opening (of its width), the driven blink, yaw, pitch
ATLAS_CHANNELS = 4
TONE_IN = 0.4  # what the photo's mean colour becomes for the networks
TONE_MOUTH = 5.0  # white teeth in a dark face are this many times as bright as its mean
TONE_LID = 3.0
LEAST_LID_TONE = 0.9  # of the brightness of the skin stretched over the lid
HUE_SHARE = 0.7
PALE = 0.3
# Rows of the mouth crop (from, to; of 128) in which each atlas may hold something, when the jaw is shut: its own teeth.
# Without this limit each also stores the other row's teeth, smeared along the jaw's way: a comb in an open mouth.
UPPER_ROWS = (0.0, 56.0)
LOWER_ROWS = (36.0, 128.0)
ROW_FADE = 10.0


class ConvBlock(nn.Sequential):
    """3x3 convolution, BatchNorm (folded at export) and ReLU."""

    def __init__(self, inputs: int, outputs: int, stride: int = 1) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 3, stride, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
        )


def coordinates(size: int) -> Tensor:
    """(1, 2, size, size) x and y of the pixel centres in -1..1 (crop borders), as `grid_sample` counts them."""
    axis = (torch.arange(size) + 0.5) * (2.0 / size) - 1.0
    return torch.stack(torch.meshgrid(axis, axis, indexing="xy"))[None].contiguous()


class Atlas(nn.Module):
    """Learned features in the frame of a row of teeth, placed by a small affine movement.

    The movement is the known translation of the row plus a correction of all six affine numbers, which the portrait
    (its tooth arch may be wider than average) and the head's turn decide.
    """

    grid: Tensor
    window: Tensor

    def __init__(self, channels: int, size: int, rows: tuple[float, float]) -> None:
        super().__init__()
        self.features = nn.Parameter(torch.randn(1, channels, size, size) * 0.01)
        self.register_buffer("grid", coordinates(size), persistent=False)
        row = torch.arange(size).view(1, 1, size, 1)
        within = torch.minimum(row - rows[0], rows[1] - row) / ROW_FADE + 1
        self.register_buffer("window", within.clamp(0, 1), persistent=False)

    def forward(self, shift: Tensor, correction: Tensor) -> Tensor:
        """shift (B, 2) in crop units (-1..1), correction (B, 6) near 0 -> (B, channels, size, size)."""
        x, y = self.grid[:, :1], self.grid[:, 1:]
        x = x - shift[:, 0].view(-1, 1, 1, 1)
        y = y - shift[:, 1].view(-1, 1, 1, 1)
        c = [correction[:, k].view(-1, 1, 1, 1) for k in range(6)]
        u = x + c[0] * x + c[1] * y + c[2]
        v = y + c[3] * x + c[4] * y + c[5]
        where = torch.cat([u, v], 1).permute(0, 2, 3, 1)
        features = (self.features * self.window).expand(shift.shape[0], -1, -1, -1)
        return F.grid_sample(features, where, mode="bilinear", padding_mode="border", align_corners=False)


def mean_rows_of_teeth(target: Tensor, inner: Tensor, drive: Tensor) -> tuple[Tensor, Tensor]:
    """What shows on average where the upper and where the lower teeth are: a head start for the two atlases.

    target (B, 3, S, S), inner (B, 1, S, S), drive (B, 30) -> two brightness maps (S, S) of mean 0 and deviation 1.
    """
    size = target.shape[-1]
    jaw = drive[:, 28:30, None, None] * (2.0 / MOUTH_SPAN)
    bright = target.mean(1, keepdim=True)
    level = (bright * inner).sum((1, 2, 3), keepdim=True) / inner.sum((1, 2, 3), keepdim=True).clamp(min=1.0)
    seen = torch.cat([(bright - level) * inner, inner], 1)
    maps = []
    for shift in (torch.zeros_like(jaw), jaw):
        where = (coordinates(size) + shift).permute(0, 2, 3, 1)
        summed = F.grid_sample(seen, where, align_corners=False).sum(0)
        mean = summed[0] / (summed[1] + 2.0)
        maps.append((mean - mean.mean()) / (mean.std() + 1e-6))
    return maps[0], maps[1]


class Merge(nn.Sequential):
    """Joins coarse and fine features: a 1x1 convolution to few channels, then 3x3, a third of the cost of 3x3 alone."""

    def __init__(self, inputs: int, outputs: int) -> None:
        super().__init__(
            nn.Conv2d(inputs, outputs, 1, bias=False),
            nn.BatchNorm2d(outputs),
            nn.ReLU(inplace=True),
            ConvBlock(outputs, outputs),
        )


class PortraitCode(nn.Module):
    """A vector that says what the photo's crop looks like as a whole: light, skin, style. Constant for a portrait."""

    def __init__(self, channels: int, outputs: int) -> None:
        super().__init__()
        self.body = nn.Sequential(
            ConvBlock(channels, 16, 2), ConvBlock(16, 32, 2), ConvBlock(32, 32, 2), ConvBlock(32, outputs, 2)
        )

    def forward(self, crop: Tensor) -> Tensor:
        return self.body(crop).mean((2, 3))


def enlarge(features: Tensor) -> Tensor:
    return F.interpolate(features, scale_factor=2.0, mode="nearest")


def tone_of(source: Tensor) -> Tensor:
    """(B, 3, 1, 1) the photo's mean colour round here, of a source crop (B, 3 or 4, S, S).

    The networks see colours as multiples of it and answer in multiples of it: light of any colour and strength, and
    any developing of the film, then costs them nothing to learn.
    """
    return source[:, :3].mean((2, 3), keepdim=True).clamp(min=0.04)


def lid_tone(frame: Tensor) -> Tensor:
    """(B, 3, 1, 1) the mean colour of the skin that the warp stretches over the lid, of a frame (B, 4, S, S).

    It is within a few percent of the true lid's; the mean round the eye is off by iris, white and brow. As long as the
    lid hardly moves, the whole crop counts.
    """
    weights = frame[:, 3:] + 0.02
    return ((frame[:, :3] * weights).sum((2, 3), keepdim=True) / weights.sum((2, 3), keepdim=True)).clamp(
        min=0.04
    )


def as_a_lid(painted: Tensor, frame: Tensor, source: Tensor) -> Tensor:
    """A painted lid (B, 4, S, S) brought nearer to the photo's skin, in brightness and in hue.

    The renderings' lights throw the brow's shadow on many lids; on photographs a lid that dark looks made up. And the
    skin stretched over the lid is often a pale highlight, where lids are as warm as the face round the eye.
    """
    tone, around, lid = lid_tone(frame), tone_of(source), frame[:, 3:]
    hue = (around / around.mean(1, keepdim=True)) / (tone / tone.mean(1, keepdim=True))
    level = tone.mean(1, keepdim=True)
    some = 40.0 * level  # pixels' worth: hardly any lid is no reason to change anything
    shown = (lid * painted[:, :3].mean(1, keepdim=True)).sum((2, 3), keepdim=True) + some
    wanted = LEAST_LID_TONE * level * lid.sum((2, 3), keepdim=True) + some
    gain = (wanted / shown).clamp(1.0, 1.4) * (1 + HUE_SHARE * (hue - 1))
    return torch.cat([(painted[:, :3] * gain).clamp(max=1.0), painted[:, 3:]], 1)


def toned(answer: Tensor, tone: Tensor, most: float) -> Tensor:
    """A network's answer (B, C, S, S) 0..1 with its first three channels turned into RGB: multiples up to `most`."""
    colour = (answer[:, :3] * (most * tone)).clamp(max=1.0)
    return torch.cat([colour, answer[:, 3:]], 1)


class MouthNetwork(nn.Module):
    """Paints the inside of the open mouth.

    Inputs, float32:
    - frame (B, 4, 128, 128): the warped photo (RGB 0..1) and the coverage of the open mouth (0..1);
    - source (B, 4, 128, 128): the photo before any movement, with its own open mouth, in the same head frame;
    - drive (B, 30): 25 expression coefficients, closure, yaw, pitch (radians), jaw_offset x, y (ipd).

    Output (B, 5, 128, 128), all 0..1: RGB; the weight with which it covers the lips' rim outside the open mouth; the
    weight of the photo's own teeth (the source crop) over the RGB.
    """

    grid: Tensor

    def __init__(self, widths: tuple[int, int, int, int] = (32, 48, 64, 96)) -> None:
        super().__init__()
        w1, w2, w3, w4 = widths
        code = 48
        self.portrait = PortraitCode(4, code)
        self.place = nn.Sequential(
            nn.Linear(code + 3 + DRIVE_MOUTH, 64), nn.ReLU(inplace=True), nn.Linear(64, 12)
        )
        self.upper = Atlas(ATLAS_CHANNELS, MOUTH_SIZE, UPPER_ROWS)
        self.lower = Atlas(ATLAS_CHANNELS, MOUTH_SIZE, LOWER_ROWS)
        self.register_buffer("grid", coordinates(MOUTH_SIZE), persistent=False)
        images = 8 + 4  # two crops with their masks, two coordinate frames
        self.down1 = nn.Sequential(ConvBlock(images, w1, 2), ConvBlock(w1, w1))
        self.down2 = nn.Sequential(ConvBlock(w1, w2, 2), ConvBlock(w2, w2))
        self.down3 = nn.Sequential(ConvBlock(w2, w3, 2), ConvBlock(w3, w3))
        self.down4 = nn.Sequential(ConvBlock(w3, w4, 2), ConvBlock(w4, w4))
        self.tell = nn.Sequential(nn.Linear(code + 3 + DRIVE_MOUTH, 128), nn.ReLU(inplace=True))
        self.tell8 = nn.Linear(128, w4)
        self.tell32 = nn.Linear(128, w2)
        self.up3 = Merge(w4 + w3, w3)
        self.up2 = Merge(w3 + w2, w2)
        self.up1 = Merge(w2 + w1, w1)
        self.up0 = Merge(w1 + 8 + 2 * ATLAS_CHANNELS, 16)
        self.head = nn.Conv2d(16, 5, 3, 1, 1)
        last = self.place[-1]
        assert isinstance(last, nn.Linear)
        nn.init.zeros_(last.weight)
        nn.init.zeros_(last.bias)
        with torch.no_grad():  # a mouth is darker than the skin round it
            self.head.bias.copy_(torch.tensor([-2.0, -2.2, -2.2, -2.0, -1.0]))

    def forward(self, frame: Tensor, source: Tensor, drive: Tensor) -> Tensor:
        batch = frame.shape[0]
        tone = tone_of(source)
        photo = torch.cat([source[:, :3] * (TONE_IN / tone), source[:, 3:]], 1)
        code = torch.cat([self.portrait(photo), tone.flatten(1), drive], 1)
        place = 0.1 * self.place(code)
        jaw = drive[:, 28:30] * (2.0 / MOUTH_SPAN)
        upper = self.upper(torch.zeros_like(jaw), place[:, :6])
        lower = self.lower(jaw, place[:, 6:])
        grid = self.grid.expand(batch, -1, -1, -1)
        # What the warp shows inside the open mouth is stretched lip: better not seen at all.
        lips = frame[:, :3] * (TONE_IN / tone) * (1.0 - frame[:, 3:])
        images = torch.cat([lips, frame[:, 3:], photo], 1)
        places = torch.cat([images, grid, grid - jaw[:, :, None, None]], 1)
        d1 = self.down1(places.contiguous(memory_format=torch.channels_last))
        d2 = self.down2(d1)
        told = self.tell(code)
        d2 = d2 + self.tell32(told)[:, :, None, None]
        d3 = self.down3(d2)
        d4 = self.down4(d3) + self.tell8(told)[:, :, None, None]
        u3 = self.up3(torch.cat([enlarge(d4), d3], 1))
        u2 = self.up2(torch.cat([enlarge(u3), d2], 1))
        u1 = self.up1(torch.cat([enlarge(u2), d1], 1))
        near = torch.cat([images, upper, lower], 1).to(u1.dtype)  # one type, or autocast widens all of it
        u0 = self.up0(torch.cat([enlarge(u1), near.contiguous(memory_format=torch.channels_last)], 1))
        # Teeth are nearer to grey than the skin round them.
        paler = tone + PALE * (tone.mean(1, keepdim=True) - tone)
        return toned(torch.sigmoid(self.head(u0)), paler, TONE_MOUTH)


class EyelidNetwork(nn.Module):
    """Paints the skin, crease and lash line of a closing eyelid (a right eye; left eyes are mirrored).

    Inputs, float32:
    - frame (B, 4, 64, 64): the warped photo (RGB 0..1) and the coverage of newly shown lid skin (0..1);
    - source (B, 3, 64, 64): the photo before any movement;
    - drive (B, 4): the photo's own eye opening (height of its width), the driven blink 0..1, yaw, pitch (radians),
      yaw mirrored with the eye.

    Output (B, 4, 64, 64), all 0..1: RGB and the weight with which it covers the photo.
    """

    grid: Tensor

    def __init__(self, width: int = 16) -> None:
        super().__init__()
        w = width
        self.register_buffer("grid", coordinates(EYE_SIZE), persistent=False)
        self.down0 = ConvBlock(7 + 2, w)
        self.down1 = nn.Sequential(ConvBlock(w, 2 * w, 2), ConvBlock(2 * w, 2 * w))
        self.down2 = nn.Sequential(ConvBlock(2 * w, 4 * w, 2), ConvBlock(4 * w, 4 * w))
        self.down3 = nn.Sequential(ConvBlock(4 * w, 4 * w, 2), ConvBlock(4 * w, 4 * w))
        self.tell = nn.Sequential(nn.Linear(DRIVE_EYE, 32), nn.ReLU(inplace=True))
        self.tell8 = nn.Linear(32, 4 * w)
        self.tell32 = nn.Linear(32, 2 * w)
        self.up2 = ConvBlock(8 * w, 4 * w)
        self.up1 = ConvBlock(6 * w, 2 * w)
        self.up0 = nn.Sequential(ConvBlock(3 * w, w), ConvBlock(w, w))
        self.head = nn.Conv2d(w, 4, 3, 1, 1)
        with torch.no_grad():  # a lid is about as bright as the skin round it
            self.head.bias.copy_(torch.tensor([-0.7, -0.7, -0.7, 0.0]))

    def forward(self, frame: Tensor, source: Tensor, drive: Tensor) -> Tensor:
        grid = self.grid.expand(frame.shape[0], -1, -1, -1)
        tone = tone_of(source)
        told = self.tell(drive)
        scale = TONE_IN / tone
        d0 = self.down0(torch.cat([frame[:, :3] * scale, frame[:, 3:], source * scale, grid], 1))
        d1 = self.down1(d0) + self.tell32(told)[:, :, None, None]
        d2 = self.down2(d1)
        d3 = self.down3(d2) + self.tell8(told)[:, :, None, None]
        u2 = self.up2(torch.cat([enlarge(d3), d2], 1))
        u1 = self.up1(torch.cat([enlarge(u2), d1], 1))
        u0 = self.up0(torch.cat([enlarge(u1), d0], 1))
        painted = toned(torch.sigmoid(self.head(u0)), lid_tone(frame), TONE_LID)
        return as_a_lid(painted, frame, source)


def compose_mouth(frame: Tensor, source: Tensor, painted: Tensor, gate: Tensor) -> Tensor:
    """Lay the network's answer over the warped photo, as the runtime does (which trusts the photo's teeth more).

    frame, source (B, 4, H, W), painted (B, 5, H, W), gate (B, 1, H, W) 0..1: how far outside the open mouth the
    network may paint. Returns RGB (B, 3, H, W).
    """
    inside = frame[:, 3:4]
    own = painted[:, 4:5] * source[:, 3:4]
    colour = painted[:, :3] + own * (source[:, :3] - painted[:, :3])
    cover = inside + (1.0 - inside) * gate * painted[:, 3:4]
    return frame[:, :3] + cover * (colour - frame[:, :3])


def compose_eyelid(frame: Tensor, painted: Tensor, gate: Tensor) -> Tensor:
    """Lay the painted lid over the warped photo: (B, 4, H, W), (B, 4, H, W), (B, 1, H, W) -> RGB (B, 3, H, W)."""
    return frame[:, :3] + gate * painted[:, 3:4] * (painted[:, :3] - frame[:, :3])
