"""What features are painted on: the head's skin, seen from the camera, in face coordinates."""

from __future__ import annotations

from dataclasses import dataclass

from torch import Tensor

PARTS = (
    "background", "skin", "hair", "eyes", "brows", "nose", "mouth", "ears", "glasses", "beard",
    "neck", "clothes",
)  # fmt: skip


@dataclass
class Canvas:
    """Colour, gloss and labels of the visible skin, and the face coordinates of each pixel."""

    albedo: Tensor  # (B, 3, S, S)
    gloss: Tensor  # (B, S, S)
    parts: Tensor | None  # (B, S, S) uint8 index into PARTS
    x: Tensor  # (B, S, S)
    y: Tensor  # (B, S, S)
    pixel: float  # size of a pixel in face units

    def window(self, left: float, top: float, right: float, bottom: float) -> Canvas:
        """The pixels of a box of the template (px of 512); painting there paints here."""
        size = self.gloss.shape[-1]
        x0, x1 = int(left * size / 512), -int(-right * size // 512)
        y0, y1 = int(top * size / 512), -int(-bottom * size // 512)
        box = (..., slice(y0, y1), slice(x0, x1))
        parts = None if self.parts is None else self.parts[box]
        return Canvas(
            self.albedo[box], self.gloss[box], parts, self.x[box], self.y[box], self.pixel
        )

    def row(self, index: int) -> Canvas:
        """One face alone; painting there paints here."""
        box = slice(index, index + 1)
        parts = None if self.parts is None else self.parts[box]
        return Canvas(
            self.albedo[box], self.gloss[box], parts, self.x[box], self.y[box], self.pixel
        )

    def edge(self, distance: Tensor, softness: float = 1.0) -> Tensor:
        """Coverage 0..1 of a signed distance (positive inside), antialiased over `softness` px."""
        return (distance / (self.pixel * softness) + 0.5).clamp(0.0, 1.0)

    def paint(
        self, colour: Tensor, cover: Tensor, gloss: Tensor | float | None = None, part: str = ""
    ) -> None:
        """Lay a colour over the canvas.

        Args:
            colour: (B, 3) or (B, 3, H, W).
            cover: 0..1, (B, H, W).
            gloss: gloss of what is laid, where it changes.
            part: label that the covered pixels take.
        """
        if colour.dim() == 2:
            colour = colour[:, :, None, None]
        self.albedo.lerp_(colour.expand_as(self.albedo), cover[:, None])
        if gloss is not None:
            self.gloss.add_(cover * (gloss - self.gloss))
        if part and self.parts is not None:
            self.parts.masked_fill_(cover > 0.5, PARTS.index(part))

    def shade(self, factor: Tensor) -> None:
        """Darken or lighten by a factor (B, H, W)."""
        self.albedo.mul_(factor[:, None])


def smoothstep(low: Tensor | float, high: Tensor | float, value: Tensor) -> Tensor:
    """0 below low, 1 above high, smooth between."""
    t = ((value - low) / (high - low)).clamp(0.0, 1.0)
    return t * t * (3.0 - 2.0 * t)
