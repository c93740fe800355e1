"""The audio encoder's network: a temporal convolution net from log-mel to what the mouth does.

Dilated residual convolutions after Bai, Kolter & Koltun, "An empirical evaluation of generic convolutional and
recurrent networks for sequence modeling" (2018), but looking both ways. Only convolutions and ReLU, written as 2-D
with height 1: the form that quantises and runs best.
"""

from __future__ import annotations

import torch
from torch import Tensor, nn

from runtime.speech.features import MELS
from runtime.stages.articulation import CONTROLS, PHONE_NAMES

CONTACTS = ("bilabial", "labiodental", "rest", "voice")
DILATIONS = (1, 2, 4, 8, 1, 2, 4, 8, 16, 1, 4, 8, 16)
"""In steps of 20 ms: the net sees 1.52 s to either side, enough to get used to a voice and its room."""


class Block(nn.Module):
    """Dilated convolution, mixing of channels, residual."""

    def __init__(self, channels: int, dilation: int) -> None:
        super().__init__()
        self.spread = nn.Conv2d(
            channels, channels, (1, 3), padding=(0, dilation), dilation=(1, dilation), bias=False
        )
        self.spread_norm = nn.BatchNorm2d(channels)
        self.mix = nn.Conv2d(channels, channels, 1, bias=False)
        self.mix_norm = nn.BatchNorm2d(channels)

    def forward(self, x: Tensor) -> Tensor:
        inner = torch.relu(self.spread_norm(self.spread(x)))
        return torch.relu(x + self.mix_norm(self.mix(inner)))


class AudioNetwork(nn.Module):
    """mel (batch, 80, time), scaled, 100 a second -> heads at 50 a second, all (batch, time / 2, channels).

    phones: logits over PHONE_NAMES; controls: CONTROLS, about 0..1; contacts: logits of CONTACTS.
    """

    def __init__(self, channels: int = 192, blocks: int = len(DILATIONS)) -> None:
        super().__init__()
        self.channels = channels
        self.stem = nn.Conv2d(MELS, channels, (1, 5), stride=(1, 2), padding=(0, 2), bias=False)
        self.stem_norm = nn.BatchNorm2d(channels)
        self.blocks = nn.ModuleList(Block(channels, dilation) for dilation in DILATIONS[:blocks])
        self.drop = nn.Dropout(0.1)
        self.phones = nn.Conv2d(channels, len(PHONE_NAMES), 1)
        self.controls = nn.Conv2d(channels, len(CONTROLS), 1)
        self.contacts = nn.Conv2d(channels, len(CONTACTS), 1)

    @property
    def depth(self) -> int:
        return len(self.blocks)

    def grown(self, blocks: int) -> AudioNetwork:
        """A deeper network that computes the same: what is added passes its input on until it has learned.

        After Chen, Goodfellow & Shlens, "Net2Net: accelerating learning via knowledge transfer" (2016).
        """
        deeper = AudioNetwork(self.channels, blocks)
        deeper.load_state_dict(self.state_dict(), strict=False)
        for block in deeper.blocks[self.depth :]:
            assert isinstance(block, Block)
            nn.init.zeros_(block.mix_norm.weight)
        return deeper

    def forward(self, mel: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        x = torch.relu(self.stem_norm(self.stem(mel.unsqueeze(2))))
        for block in self.blocks:
            x = block(x)
        x = self.drop(x)
        return tuple(
            head(x).squeeze(2).transpose(1, 2) for head in (self.phones, self.controls, self.contacts)
        )
