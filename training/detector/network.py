"""The face detector: a fully convolutional network that says where faces are, how large, and where five points lie."""

from __future__ import annotations

from torch import Tensor, nn
from torch.nn import functional as F

from training.landmarks.network import Residual, block, standardised

SIDE = 192  # pixels of the square that the network sees
STRIDE = 8
CELLS = SIDE // STRIDE
SMALLEST, LARGEST = 14.0, 150.0  # face sizes that it is to find, pixels


class DetectorNetwork(nn.Module):
    """Pictures (B, 3, 192, 192), RGB 0..255 -> one answer for each cell of 8 x 8 pixels.

    - score (B, 1, 24, 24): probability that a face's centre lies in the cell;
    - geometry (B, 11, 24, 24): log of the face's size over 40 pixels, then x, y of the eye centres (right, left), nose
      tip and mouth corners (right, left) from the cell's centre, in face sizes.

    A face's size is the square root of the area that its landmarks span, its centre that of their bounding box.
    """

    def __init__(self) -> None:
        super().__init__()
        self.stem = nn.Sequential(block(3, 16, 3, 2), block(16, 32, 3, 2))
        self.at8 = nn.Sequential(block(32, 48, 3, 2), Residual(48))
        self.at16 = nn.Sequential(block(48, 80, 3, 2), Residual(80), Residual(80))
        self.at32 = nn.Sequential(block(80, 112, 3, 2), Residual(112), Residual(112))
        self.lift16, self.lift8 = block(112, 80, 1), block(80, 48, 1)
        self.merge16, self.merge8 = Residual(80), Residual(48)
        self.score = nn.Sequential(block(48, 48), nn.Conv2d(48, 1, 1))
        self.geometry = nn.Sequential(block(48, 48), nn.Conv2d(48, 11, 1))
        nn.init.constant_(self.score[1].bias, -4.0)

    def forward(self, x: Tensor) -> tuple[Tensor, Tensor]:
        logits, geometry = self.logits(x)
        return logits.sigmoid(), geometry

    def logits(self, x: Tensor) -> tuple[Tensor, Tensor]:
        """As forward, the score before its sigmoid."""
        at8 = self.at8(self.stem(standardised(x)))
        at16 = self.at16(at8)
        at32 = self.at32(at16)
        y = self.merge16(at16 + F.interpolate(self.lift16(at32), scale_factor=2, mode="nearest"))
        y = self.merge8(at8 + F.interpolate(self.lift8(y), scale_factor=2, mode="nearest"))
        return self.score(y).float(), self.geometry(y).float()
