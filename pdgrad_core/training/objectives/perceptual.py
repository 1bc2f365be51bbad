"""The perceptual trunk: VGG16's structure, trained to tell what a face shows; LPIPS's heads."""

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ...errors import InvalidInputError
from ...features.base import Features
from ...features.vgg import CONVS_PER_BLOCK, HEAD_TAPS, VGG16
from ...images import resize
from ..config import TrainingConfig
from ..dataset import Batch, FaceSource
from .base import OBJECTIVES, Exported, Losses, Objective, home, mirrored

STRANGERS_DISTANCE = 0.5
"""Mean distance of two persons' pictures, to which the heads are scaled."""

RANKED_FRACTION = 4
"""One picture in so many is distorted for the heads."""

_POOLED_PX = 4


class PerceptualModule(nn.Module):
    """The trunk, one non-negative weight per channel of its taps, and a linear reader.

    The weights' square roots are stored, which keeps the weights non-negative.

    Args:
        widths: Channels of the five blocks.
        outputs: Numbers that the reader gives: attributes, or persons.
    """

    def __init__(self, widths: tuple[int, ...], outputs: int) -> None:
        super().__init__()
        self.trunk = VGG16(widths)
        for layer in self.trunk.features:
            if isinstance(layer, nn.Conv2d):
                # Thirteen layers without a norm: only this keeps the signal's size.
                nn.init.kaiming_normal_(layer.weight, nonlinearity="relu")
                assert layer.bias is not None
                nn.init.zeros_(layer.bias)
        self.roots = nn.ParameterList([torch.full((w,), 0.1**0.5) for w in widths])
        self.reader = nn.Linear(widths[-1] * _POOLED_PX**2, outputs)

    def read(self, features: Features) -> Tensor:
        """Return the reader's numbers `(B, outputs)` from the last tap."""
        pooled = F.adaptive_avg_pool2d(features[HEAD_TAPS[-1]], _POOLED_PX)
        return self.reader(pooled.flatten(1))

    def distance(self, first: Features, second: Features) -> Tensor:
        """Return the LPIPS distance `(B,)` of two pictures' features.

        Source: Zhang et al. 2018, eq. 1.
        """
        terms = [
            ((_unit(first[tap]) - _unit(second[tap])).square() * root.square()[:, None, None])
            .sum(1)
            .mean((1, 2))
            for tap, root in zip(HEAD_TAPS, self.roots, strict=True)
        ]
        return torch.stack(terms).sum(0)


@OBJECTIVES.register("perceptual")
class PerceptualObjective(Objective):
    """Predict the attributes of drawn faces (elsewhere: the person), and rank distortions.

    The trunk learns from the reader alone; the heads learn on its features, as LPIPS's do on a
    fixed trunk, that a stronger distortion is further away than a weaker one, and that a stranger
    is further away than a weakly distorted self.

    Source: Zhang et al. 2018 (LPIPS), section 4.1, for the heads.
    Deviations: the order of the distances is known here from how the pictures were made, and
        replaces people's judgements.

    Options: none.
    """

    network_keys = ("widths",)

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        if self.attribute_count == 0 and self.people < 2:
            raise InvalidInputError(
                "The perceptual trunk learns from attributes or from labelled persons; these "
                "pictures have neither. Give a folder with one subfolder a person, or drawn faces."
            )

    def build(self) -> PerceptualModule:
        """See `Objective`."""
        widths: tuple[int, ...] = tuple(self.config.network.get("widths", ()))
        if len(widths) != len(CONVS_PER_BLOCK):
            raise InvalidInputError(f"VGG16 has 5 blocks; found widths {widths}.")
        return PerceptualModule(widths, self.attribute_count or self.people)

    def losses(self, module: PerceptualModule, batch: Batch, generator: torch.Generator) -> Losses:
        """See `Objective`."""
        images = mirrored(batch.images, generator) if self.config.flip else batch.images
        features = module.trunk(images)
        reading = self._reading_loss(module.read(features), batch)
        rank, scale = self._head_losses(module, images, features, generator)
        return {"loss": reading + 0.1 * rank + 0.1 * scale, "reading": reading, "rank": rank}

    def _reading_loss(self, read: Tensor, batch: Batch) -> Tensor:
        if batch.attributes is not None:
            return F.smooth_l1_loss(read, batch.attributes)
        return F.cross_entropy(read, batch.labels, ignore_index=-1)

    def _head_losses(
        self,
        module: PerceptualModule,
        images: Tensor,
        features: Features,
        generator: torch.Generator,
    ) -> tuple[Tensor, Tensor]:
        """Return the ranking loss, and how far strangers are from where they should be."""
        count = max(2, len(images) // RANKED_FRACTION)
        own = {tap: value[:count].detach() for tap, value in features.items()}
        strangers = {tap: value[-count:].detach() for tap, value in features.items()}
        weak, strong = distorted(images[:count], generator)
        with torch.no_grad():
            weak, strong = module.trunk(weak), module.trunk(strong)
        d_weak, d_strong = module.distance(own, weak), module.distance(own, strong)
        d_stranger = module.distance(own, strangers)
        rank = _order(d_weak, d_strong) + _order(d_weak, d_stranger)
        return rank, (d_stranger.mean() / STRANGERS_DISTANCE - 1).square()

    def validate(self, module: PerceptualModule, faces: FaceSource) -> dict[str, float]:
        """Return how well the reader reads, and how often the heads' order is right."""
        batch = faces.first(512).to(home(module))
        features = module.trunk(batch.images)
        weak, strong = distorted(batch.images, torch.Generator().manual_seed(0))
        d_weak = module.distance(features, module.trunk(weak))
        d_strong = module.distance(features, module.trunk(strong))
        shifted = {tap: value.roll(len(value) // 2, 0) for tap, value in features.items()}
        figures = {
            "order_right": float((d_weak < d_strong).float().mean()),
            "distance_weak": float(d_weak.mean()),
            "distance_strong": float(d_strong.mean()),
            "distance_strangers": float(module.distance(features, shifted).mean()),
        }
        if batch.attributes is not None:
            error = (module.read(features) - batch.attributes).square().mean(0)
            spread = batch.attributes.var(0).clamp_min(1e-3)
            figures["attributes_explained"] = float(1 - (error / spread).clamp(max=1).mean())
        return figures

    def sheet(self, module: PerceptualModule, faces: FaceSource) -> list[Tensor]:
        """Return, in each row, a picture and those nearest to it among the held-out ones."""
        images = faces.first(192).images
        features = module.trunk(images.to(home(module)))
        rows: list[Tensor] = []
        for index in range(0, len(images), max(1, len(images) // 6)):
            one = {tap: value[index : index + 1] for tap, value in features.items()}
            order = module.distance(one, features).argsort().cpu()
            rows.append(images[order[:10]])
        return rows

    def export(self, module: PerceptualModule) -> Exported:
        """Return trunk and heads; the loader is `features.vgg.load_perceptual`."""
        heads = {
            f"lin{index}.model.1.weight": root.square().view(1, -1, 1, 1)
            for index, root in enumerate(module.roots)
        }
        return Exported({**module.trunk.state_dict(), **heads}, {})


def distorted(images: Tensor, generator: torch.Generator) -> tuple[Tensor, Tensor]:
    """Return a weaker and a stronger distortion of each image, of one random kind per batch.

    The kinds: blur, noise, both, a change of colour.

    Args:
        images: `(B, 3, S, S)`.
        generator: On the CPU.
    """
    kind = int(torch.randint(4, (1,), generator=generator))
    levels = torch.rand(2, generator=generator).sort().values.tolist()
    noise = torch.randn(images.shape, generator=generator).to(images.device)
    cast = torch.randn(len(images), 3, 1, 1, generator=generator).to(images.device)
    made: list[Tensor] = []
    for level in (0.7 * levels[0], 0.7 * levels[1] + 0.3):
        image = images
        if kind in (0, 2):
            image = _blurred(image, 1 + 7 * level)
        if kind in (1, 2):
            image = image + 0.4 * level * noise
        if kind == 3:
            image = image + 0.5 * level * cast
        made.append(image.clamp(-1, 1))
    return made[0], made[1]


def _blurred(images: Tensor, factor: float) -> Tensor:
    size = images.shape[-1]
    side = max(4, round(size / factor))
    return resize(resize(images, side, side), size, size)


def _unit(feature: Tensor) -> Tensor:
    """Scale each pixel's feature vector to length 1."""
    return feature / (feature.square().sum(1, keepdim=True) + 1e-10).sqrt()


def _order(near: Tensor, far: Tensor) -> Tensor:
    """Return the logistic loss of near < far, indifferent to the heads' scale."""
    relative = (far - near) / (far + near + 1e-8)
    return F.softplus(-4.0 * relative).mean()
