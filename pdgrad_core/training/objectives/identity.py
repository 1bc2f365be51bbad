"""The identity network: a small IResNet with the ArcFace margin loss."""

import math
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...features.iresnet import EMBEDDING, IResNet, IResNetConfig
from ...images import resize
from ..config import TrainingConfig
from ..dataset import Batch, FaceSource
from .base import OBJECTIVES, Exported, Losses, Objective, home, mirrored
from .verification import accuracy, pair_cosines, tar_at_far

MAX_SHRINK = 3.0
BLURRED_FRACTION = 0.4
VALIDATION_IMAGES = 1_000


class IdentityModule(nn.Module):
    """The backbone, and one direction per training person, used in training only."""

    def __init__(self, config: IResNetConfig, people: int) -> None:
        super().__init__()
        self.backbone = IResNet(config)
        self.people = nn.Parameter(torch.randn(people, config.embedding_dim) * 0.01)

    def forward(self, images: Tensor) -> Tensor:
        """`(B, 3, S, S)` -> embeddings `(B, D)`."""
        return self.backbone(images)[EMBEDDING]


@OBJECTIVES.register("identity")
class IdentityObjective(Objective):
    """Tell training persons apart with an angular margin.

    Source: Deng et al. 2019 (ArcFace), eq. 3.
    Deviations: some pictures are shrunk and enlarged again first, as photos of a person come in
        every sharpness.

    Options: "scale" (s) and "margin" (m, radians).
    """

    labelled = True
    network_keys = ("layers", "widths", "embedding_dim")
    option_defaults: ClassVar[Mapping[str, Any]] = {"scale": 24.0, "margin": 0.3}

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        self.scale = float(self.options["scale"])
        self.margin = float(self.options["margin"])

    def build(self) -> IdentityModule:
        """See `Objective`."""
        options: dict[str, Any] = dict(self.config.network)
        return IdentityModule(
            IResNetConfig(**options, image_size=self.config.image_size), self.people
        )

    def losses(self, module: IdentityModule, batch: Batch, generator: torch.Generator) -> Losses:
        """See `Objective`."""
        images = mirrored(batch.images, generator) if self.config.flip else batch.images
        images = softened(images, generator)
        cosines = F.normalize(module(images).float()) @ F.normalize(module.people).T
        logits = self.scale * with_margin(cosines, batch.labels, self.margin)
        correct = (cosines.argmax(1) == batch.labels).float().mean()
        return {"loss": F.cross_entropy(logits, batch.labels), "correct": correct}

    def validate(self, module: IdentityModule, faces: FaceSource) -> dict[str, float]:
        """Return TAR at FAR 1e-2 and accuracy over all pairs of held-out pictures."""
        batch = faces.first(VALIDATION_IMAGES)
        same, other = pair_cosines(_embed(module, batch.images), batch.labels)
        return {
            "tar_at_far_1e-2": tar_at_far(same, other, 1e-2),
            "accuracy": accuracy(same, other),
            "cosine_same": float(same.mean()),
            "cosine_other": float(other.mean()),
        }

    def sheet(self, module: IdentityModule, faces: FaceSource) -> list[Tensor]:
        """Return, in each row, a picture and those most like it among the held-out ones."""
        images = faces.first(400).images
        embeddings = F.normalize(_embed(module, images))
        chosen = torch.arange(0, len(images), max(1, len(images) // 8))[:8]
        nearest = (embeddings[chosen] @ embeddings.T).topk(min(10, len(images))).indices
        return [images[row] for row in nearest]

    def export(self, module: IdentityModule) -> Exported:
        """Return the backbone alone; the loader is `features.arcface.load_arcface`."""
        return Exported(module.backbone.state_dict(), {})


def with_margin(cosines: Tensor, labels: Tensor, margin: float) -> Tensor:
    """Return the cosines with cos(theta + m) in place of cos(theta) for each row's own person.

    Source: ArcFace, eq. 3. Where theta + m would pass pi, the cosine goes on falling linearly, as
    in insightface, so that the loss stays monotonic.

    Args:
        cosines: `(B, P)`.
        labels: `(B,)`.
        margin: m in radians.
    """
    own = cosines.gather(1, labels[:, None])
    # At cosine 1 the sine's slope is infinite.
    sine = (1 - own.square()).clamp_min(1e-6).sqrt()
    moved = own * math.cos(margin) - sine * math.sin(margin)
    linear = own - math.sin(margin) * margin
    target = torch.where(own > -math.cos(margin), moved, linear)
    return cosines.scatter(1, labels[:, None], target)


def softened(images: Tensor, generator: torch.Generator) -> Tensor:
    """Shrink a random part of the batch by one random factor, and enlarge it again."""
    chosen = torch.rand(len(images), generator=generator) < BLURRED_FRACTION
    factor = 1 + (MAX_SHRINK - 1) * float(torch.rand(1, generator=generator))
    size = images.shape[-1]
    side = max(8, round(size / factor))
    soft = resize(resize(images, side, side), size, size)
    return torch.where(chosen.to(images.device).view(-1, 1, 1, 1), soft, images)


def _embed(module: IdentityModule, images: Tensor) -> Tensor:
    device = home(module)
    return torch.cat([module(part.to(device)).float().cpu() for part in images.split(64)])
