"""`render`: drawn persons and views to pictures, landmarks and part labels."""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F
from torch import Tensor

from ..errors import InvalidInputError
from .canvas import PARTS, Canvas
from .eyes import paint_eyes
from .glasses import put_on_glasses, shade_behind_glasses
from .hair import Locks, Shell, comb, grow_hair
from .identity import Identity
from .mouth import paint_mouth, paint_nose
from .pose import Hit, Pose, build_pose, cast_rays, meet_head
from .relief import build_relief, column
from .scene import dress, paint_backdrop, paint_ears
from .shading import Lighting, Lit, build_camera_lighting, build_lighting, light_head
from .skin import paint_beard, paint_marks, paint_skin, skin_zones
from .view import View

SIZES = (64, 128)


@dataclass
class Rendered:
    """Pictures of B faces and what is known about them."""

    images: Tensor  # (B, 3, size, size) RGB in [-1, 1]
    landmarks: Tensor  # (B, 5, 2) px: left eye, right eye, nose, left and right mouth corner
    mouth_centre: Tensor  # (B, 2) px
    parts: Tensor | None  # (B, size, size) uint8, an index into PARTS

    def masks(self) -> dict[str, Tensor]:
        """One boolean mask (B, size, size) per part; they partition the picture."""
        if self.parts is None:
            raise InvalidInputError("the parts were not drawn; call render(..., parts=True).")
        return {name: self.parts == index for index, name in enumerate(PARTS)}


def render(
    identities: Identity, views: View, size: int = 64, *, parts: bool = True, chunk: int = 0
) -> Rendered:
    """Draw each person in the view of the same row.

    The picture is drawn at twice the size and averaged. A row does not depend on the others.

    Args:
        identities: B persons.
        views: B views, on the same device.
        size: 64 or 128 px.
        parts: whether to label the parts, about a tenth of the time.
        chunk: rows drawn at once; 0 chooses for the device.

    Returns:
        Pictures, landmarks and labels on that device.

    Raises:
        InvalidInputError: another size, or unequal numbers of persons and views.
    """
    if size not in SIZES:
        raise InvalidInputError(f"expected size 64 or 128, found {size}; choose one of these.")
    if len(identities) != len(views):
        raise InvalidInputError(
            f"expected as many views as identities, found {len(identities)} identities and "
            f"{len(views)} views; repeat() or select() rows to match."
        )
    # Small chunks keep a processor's caches warm, large ones fill a GPU.
    chunk = chunk or (65536 // size**2 if identities.age.device.type == "cpu" else 256)
    with torch.inference_mode(False), torch.no_grad():
        # Alike rows go together: a chunk without beards or glasses skips their work.
        kind = 2.0 * identities.glasses + (identities.stubble > 0).float()
        order = torch.argsort(kind, stable=True)
        pieces = [
            _draw(identities.select(rows), views.select(rows), size, parts)
            for rows in order.split(chunk)
        ]
        back = torch.argsort(order)
        labels = [p.parts for p in pieces if p.parts is not None]
        return Rendered(
            torch.cat([p.images for p in pieces])[back],
            torch.cat([p.landmarks for p in pieces])[back],
            torch.cat([p.mouth_centre for p in pieces])[back],
            torch.cat(labels)[back] if parts else None,
        )


def _draw(who: Identity, view: View, size: int, with_parts: bool) -> Rendered:
    """Draw one chunk: shape and light at `size`, features and edges at twice that."""
    fine = 2 * size
    relief = build_relief(who, view)
    pose = build_pose(who, view, relief)
    ray = cast_rays(pose, size)
    light = build_lighting(view, pose)
    camera_light = build_camera_lighting(view)
    hit = meet_head(ray, relief)
    lit = light_head(hit, relief, light, skin_zones(who, view))
    shell = grow_hair(who, ray, light)

    picture = paint_backdrop(view, fine)
    parts = None
    if with_parts:
        parts = torch.zeros((len(who), fine, fine), dtype=torch.uint8, device=picture.device)
    head, hair = _refine(hit, lit, shell)
    locks = comb(who, hair, 4.0 / fine, light.key_rgb)
    _lay_hair(picture, parts, locks.behind, 0.55 * locks.colour)
    dress(picture, parts, who, view, pose, camera_light)
    paint_ears(picture, parts, who, pose, camera_light)
    _lay_face(picture, parts, who, view, pose, light, head, locks)
    _lay_hair(picture, parts, locks.front, locks.colour)
    if bool((who.glasses > 0).any()):
        put_on_glasses(picture, parts, who, pose, light)
    images = _develop(picture, view, size)
    landmarks = (pose.landmarks + 2.0) * (size / 4.0)
    return Rendered(
        images, landmarks, landmarks[:, 3:].mean(1),
        None if parts is None else parts[:, ::2, ::2].contiguous(),
    )  # fmt: skip


def _refine(hit: Hit, lit: Lit, shell: Shell) -> tuple[Tensor, Tensor]:
    """Everything computed at the picture's size, enlarged to the fine grid: head, hair."""
    head = (hit.x, hit.y, hit.inside, *lit.irradiance.unbind(1), lit.gleam, *lit.extra.unbind(1))
    hair = (
        shell.hit.x,
        shell.hit.y,
        shell.front,
        shell.behind,
        *shell.light.unbind(1),
        shell.sheen,
    )
    maps = torch.stack((*head, *hair), dim=1)
    maps = F.interpolate(maps, scale_factor=2, mode="bilinear", align_corners=False)
    return maps[:, : len(head)], maps[:, len(head) :]


def _silhouette(inside: Tensor) -> Tensor:
    """Antialiased cover of a smooth function's positive side, (B, S, S)."""
    across = F.pad(inside[..., 2:] - inside[..., :-2], (1, 1), mode="replicate")
    down = F.pad(inside[:, 2:] - inside[:, :-2], (0, 0, 1, 1), mode="replicate")
    steep = 0.5 * (across.abs() + down.abs())
    return (inside / (steep + 1e-6) + 0.5).clamp(0.0, 1.0)


def _lay_face(
    picture: Tensor, parts: Tensor | None, who: Identity, view: View, pose: Pose,
    light: Lighting, maps: Tensor, locks: Locks,
) -> None:  # fmt: skip
    """Paint the features on the skin, light it, and lay it over the picture."""
    x, y, inside, red, green, blue, gleam, *zones = maps.unbind(1)
    zones = torch.stack(zones, dim=1)
    labels = None
    if parts is not None:
        labels = torch.full_like(parts, PARTS.index("skin"))
    albedo = who.skin_rgb[:, :, None, None].repeat(1, 1, *x.shape[1:])
    bright = who.skin_rgb.mean(1)
    gloss = torch.full_like(x, 0.06) + column(0.15 * bright + 0.03 * (1.0 - who.wrinkles))
    canvas = Canvas(albedo, gloss, labels, x, y, 4.0 / x.shape[-1])
    paint_skin(canvas, who, zones[:, :3])
    paint_nose(canvas, who)
    paint_marks(canvas, who)
    paint_beard(canvas, who, zones[:, 3:])
    paint_mouth(canvas, who, view)
    paint_eyes(canvas, who, view, pose)
    if bool((who.glasses > 0).any()):
        shade_behind_glasses(canvas, who, light)
    # Hair shades the skin beside it.
    shade = F.avg_pool2d(F.avg_pool2d(locks.front[:, None], 4), 3, 1, 1)
    shade = 1.0 - 0.38 * F.interpolate(shade, scale_factor=4, mode="bilinear")[:, 0]
    glow = torch.stack((red, green, blue), dim=1) * shade[:, None]
    skin = albedo * glow + light.key_rgb * (gloss * gleam)[:, None]
    cover = _silhouette(inside)
    picture.lerp_(skin, cover[:, None])
    if parts is not None and labels is not None:
        parts.copy_(torch.where(cover > 0.5, labels, parts))


def _lay_hair(picture: Tensor, parts: Tensor | None, cover: Tensor, colour: Tensor) -> None:
    picture.lerp_(colour, cover[:, None])
    if parts is not None:
        parts.masked_fill_(cover > 0.5, PARTS.index("hair"))


def _develop(picture: Tensor, view: View, size: int) -> Tensor:
    """Average to the picture's size, blur by the focus, and map light to display values."""
    image = F.avg_pool2d(picture, 2) * view.exposure[:, None, None, None]
    sigma = view.focus_px * (size / 64.0)
    if bool((sigma > 0).any()):
        reach = 2 * size // 64
        taps = torch.arange(-reach, reach + 1, device=image.device, dtype=torch.float32)
        kernel = torch.exp(-0.5 * (taps / sigma[:, None].clamp_min(0.05)) ** 2)
        kernel = kernel / kernel.sum(1, keepdim=True)
        image = _convolve(_convolve(image, kernel, 2), kernel, 3)
    # A soft shoulder keeps highlights from clipping.
    image = image / (1.0 + 0.18 * image) * 1.06
    return image.clamp(0.0, 1.0).sqrt() * 2.0 - 1.0


def _convolve(image: Tensor, kernel: Tensor, dim: int) -> Tensor:
    """Convolve every image with its own one-dimensional kernel (B, K) along dim."""
    reach = kernel.shape[1] // 2
    pad = (0, 0, reach, reach) if dim == 2 else (reach, reach, 0, 0)
    padded = F.pad(image, pad, mode="replicate")
    length = image.shape[dim]
    total = torch.zeros_like(image)
    for k in range(kernel.shape[1]):
        total += kernel[:, k, None, None, None] * padded.narrow(dim, k, length)
    return total
