"""The GAN prior: a codec and StyleGAN2, fine-tuned together against frozen and local judges."""

import logging
from collections.abc import Mapping
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...checkpoints import Checkpoint
from ...degradations.presets import preset
from ...errors import InvalidInputError
from ...gan.config import gan_prior_config, stylegan_widths
from ...gan.network import GANPriorNetwork
from ..adversarial import discriminator_loss
from ..config import PRESETS, TrainingConfig, add_preset
from ..dataset import Batch, FaceSource
from ..discriminators import freeze_first, standing_by
from ..ema import make_average
from ..facial_parts import crop_parts, mirrored_landmarks, part_centres, template_landmarks
from ..gan_prior_module import (
    GANPriorModule,
    begin_judges,
    begin_restorer,
    freeze_prior,
    judges_beside,
    restorer_groups,
)
from ..gan_prior_terms import ContentTerms, adversarial_terms, open_content_terms
from ..restoring import degrade_at_random, restorer_sheet, validate_restorer
from .base import OBJECTIVES, Exported, Losses, Objective, home
from .stylegan2 import discriminator_of, generator_widths, r1_penalty

logger = logging.getLogger(__name__)

DECAY_AT = (1 / 2, 3 / 4, 7 / 8)
"""Where every learning rate falls, of the run."""

WEIGHTS = ("adversarial", "local_adversarial", "l1", "feature_matching", "face_preserving")
"""The options that are weights of terms."""

_PRIOR_RATES = ("generator", "noise")


@OBJECTIVES.register("gan_prior")
class GANPriorObjective(Objective):
    """Restore degraded faces by a generator that is fine-tuned together with what feeds it.

    Source: Hu et al. 2022, sections 3.3, 3.4 and 4.2; each row of table 5 is an option.
    Deviations: all adversarial losses are non-saturating, as eq. 11 is; eq. 12 is written as the
        saturating one. R1 is StyleGAN2's, since the paper names no penalty. What else it leaves
        open stands with each function.

    Options: the weights "adversarial", "local_adversarial", "l1", "feature_matching" and
    "face_preserving", 0 leaving a term out; "mmrb" and "decoder", parts of the network;
    "fine_tune", whether StyleGAN2 learns at all; "freeze", FreezeD's number of convolutions; the
    rates "generator_rate", "noise_rate", "local_rate" and "discriminator_rate", relative to the
    codec's; "decay", the factor on all of them at each of `DECAY_AT`; "r1" and "r1_interval";
    "degradation", a name in `degradations.PRESETS`, scaled to the pictures' size; "vgg" and
    "arcface", files of the networks of two terms, empty for the embedded ones.
    """

    network_keys = (
        "widths", "style_width", "mapping_layers", "discriminator_widths", "part_widths",
    )  # fmt: skip
    option_defaults: ClassVar[Mapping[str, Any]] = {
        "adversarial": 0.5,
        "local_adversarial": 3.0,
        "l1": 8.0,
        "feature_matching": 0.02,
        "face_preserving": 10.0,
        "mmrb": True,
        "decoder": True,
        "fine_tune": True,
        "freeze": 5,
        "generator_rate": 0.1,
        "noise_rate": 1.0,
        "local_rate": 1.0,
        "discriminator_rate": 0.01,
        "decay": 0.5,
        "r1": 10.0,
        "r1_interval": 16,
        "degradation": "gan_prior",
        "vgg": "",
        "arcface": "",
    }

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        super().__init__(config, faces)
        options = self.options
        for name in WEIGHTS:
            if not options[name] >= 0:
                raise InvalidInputError(f"{name} is a weight, 0 or more, not {options[name]}.")
        if not any(options[name] for name in WEIGHTS):
            raise InvalidInputError(f"Give at least one of {', '.join(WEIGHTS)} a weight above 0.")
        if options["r1_interval"] < 1:
            raise InvalidInputError(
                f"r1_interval must be at least 1, not {options['r1_interval']}."
            )
        self.degradation = preset(str(options["degradation"]))
        self.judge_is_trained = False
        self.content: ContentTerms

    def build(self) -> GANPriorModule:
        """See `Objective`."""
        network, options, size = self.config.network, self.options, self.config.image_size
        config = gan_prior_config(
            size,
            generator_widths(network, size),
            style_width=network.get("style_width", 512),
            mapping_layers=network.get("mapping_layers", 8),
            mmrb=options["mmrb"],
            decoder=options["decoder"],
        )
        judge_widths = network.get("discriminator_widths", config.widths[::-1])
        judge = discriminator_of(judge_widths, size) if options["adversarial"] else None
        part_widths = network.get("part_widths", (64, 128, 256))
        wanted = part_widths if options["local_adversarial"] else None
        return GANPriorModule(GANPriorNetwork(config), judge, wanted)

    def start(self, device: torch.device) -> None:
        """See `Objective`; loads the frozen networks too."""
        self.content = open_content_terms(self.options, self.config.image_size, device)
        super().start(device)

    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """See `Objective`; what is frozen is in none of them."""
        module: GANPriorModule = self.module
        if not self.options["fine_tune"]:
            freeze_prior(module.restorer)
        rates = {name: self.options[f"{name}_rate"] for name in _PRIOR_RATES}
        optimizers: dict[str, torch.optim.Optimizer] = {
            "restorer": torch.optim.AdamW(
                restorer_groups(module.restorer, rates),
                lr=self.config.learning_rate,
                betas=self.config.betas,
                weight_decay=self.config.weight_decay,
            )
        }
        if module.discriminator is not None:
            freeze_first(module.discriminator, self.options["freeze"])
            optimizers["discriminator"] = self.adamw(module.discriminator)
        if len(module.parts):
            optimizers["parts"] = self.adamw(module.parts)
        return optimizers

    def begin_with(self, checkpoint: Checkpoint) -> None:
        """See `Objective`; discriminators are read from the files beside it.

        Raises:
            InvalidInputError: Convolutions are to be frozen, and no discriminator is there.
            WrongArchitectureError: A file is of another network.
        """
        module: GANPriorModule = self.module
        begin_restorer(module.restorer, checkpoint)
        self.judge_is_trained = begin_judges(module, checkpoint.path, self.options["freeze"])
        self.average = make_average(self.averaged(), self.config.ema_std, self.config.ema_halflife)

    def averaged(self) -> GANPriorNetwork:
        """See `Objective`: the restorer."""
        return self.module.restorer

    def step(self, batch: Batch, images: int, generator: torch.Generator) -> Losses:
        """See `Objective`: the restorer first, then those who judge it."""
        module: GANPriorModule = self.module
        if images == 0 and self.options["freeze"] and not self.judge_is_trained:
            logger.warning("FreezeD freezes random weights: begin with a stylegan2 run by --init.")
        true, landmarks = self._faces(batch, generator)
        degraded = degrade_at_random(true, self.degradation, generator)
        centres = part_centres(landmarks, self.config.image_size)
        rate = self.decay_at(images)
        with standing_by(module.parts), standing_by(module.discriminator or nn.Identity()):
            with self.autocast():
                made = module.restorer.restoration(degraded)
                terms = adversarial_terms(module, made.image, centres)
                terms |= self.content(made, true)
                weighted = [self.options[name] * value for name, value in terms.items()]  # eq. 16
                loss = torch.stack(weighted).sum()
            self.descend("restorer", loss, images, rate)
        judged = self._train_judges(made.image.detach(), true, centres, images)
        return {"loss": loss, **terms, **judged}

    def _faces(self, batch: Batch, generator: torch.Generator) -> tuple[Tensor, Tensor]:
        """Return true faces and their landmarks: the set's own, or those of the template."""
        size = self.config.image_size
        points = batch.landmarks
        points = template_landmarks(len(batch.images), size) if points is None else points
        if not self.config.flip:
            return batch.images, points
        flip = (torch.rand(len(points), generator=generator) < 0.5).to(self.device).view(-1, 1, 1)
        points = torch.where(flip, mirrored_landmarks(points, size), points.to(self.device))
        return torch.where(flip[..., None], batch.images.flip(-1), batch.images), points

    def decay_at(self, images: int) -> float:
        """Return the factor on every rate after so many images."""
        passed = sum(images >= part * self.config.total_images for part in DECAY_AT)
        return float(self.options["decay"] ** passed)

    def _train_judges(
        self, made: Tensor, true: Tensor, centres: dict[str, Tensor], images: int
    ) -> Losses:
        module: GANPriorModule = self.module
        judged: Losses = {}
        rate = self.decay_at(images)
        if module.discriminator is not None:
            judge = module.discriminator
            with self.autocast():
                loss = discriminator_loss(judge(true, jointly=True), judge(made, jointly=True))
            whole = rate * self.options["discriminator_rate"]
            self.descend("discriminator", loss, images, whole)
            judged["discriminator"] = loss
            number = images // self.config.batch_size
            if self.options["r1"] and number % self.options["r1_interval"] == 0:
                penalty = r1_penalty(judge, true)
                weight = self.options["r1"] * self.options["r1_interval"]
                self.descend("discriminator", weight * penalty, images, whole)
                judged["r1"] = penalty
        if len(module.parts):
            real, false = crop_parts(true, centres), crop_parts(made, centres)
            with self.autocast():
                each = [
                    discriminator_loss(judge(real[part]), judge(false[part]))
                    for part, judge in module.parts.items()
                ]
                loss = torch.stack(each).sum()
            self.descend("parts", loss, images, rate * self.options["local_rate"])
            judged["local_discriminators"] = loss
        return judged

    def validate(self, module: GANPriorNetwork, faces: FaceSource) -> dict[str, float]:
        """Return L1 and PSNR of the restoration, and PSNR of what it was given."""
        return validate_restorer(module, faces, self.degradation, home(module))

    def sheet(self, module: GANPriorNetwork, faces: FaceSource) -> list[Tensor]:
        """Return degraded faces, their restorations, and the truth."""
        return restorer_sheet(module, faces, self.degradation, home(module))

    def export(self, module: GANPriorNetwork) -> Exported:
        """Return the restorer; its discriminators are beside it, and not needed to restore."""
        return Exported(dict(module.state_dict()), {}, judges_beside(self.module))


_COMMON: dict[str, Any] = {
    "objective": "gan_prior",
    "learning_rate": 2e-3,
    "warmup_images": 0,
    "cooldown_images": 0,
    "betas": (0.0, 0.99),
    "gradient_clip": 0.0,
}
add_preset(
    "gan-prior",
    TrainingConfig(
        **_COMMON,
        network={**PRESETS["stylegan2"].network, "part_widths": (16, 24, 32)},
        # At 64 px the paper's kernels and shrinking, 1/8 of those at 512, do next to nothing; and
        # its weights make small networks paint lines that please the judges and no eye.
        options={
            "degradation": "pdgrad",
            "adversarial": 0.05,
            "local_adversarial": 0.05,
            "feature_matching": 0.1,
            "face_preserving": 1,
            "generator_rate": 1,
            "local_rate": 0.1,
            "discriminator_rate": 0.05,
            "r1": 0.05,
        },
        batch_size=8,
        total_images=20_000,
        ema_std=0.05,
        snapshot_images=10_000,
        precision="float32",
    ),
)
# The paper's numbers; Adam's moments, R1 and the average are StyleGAN2's, of which it says nothing.
add_preset(
    "gan-prior-512",
    TrainingConfig(
        **_COMMON,
        network={"widths": stylegan_widths(512)},
        image_size=512,
        batch_size=4,
        total_images=4 * 700_000,
        ema_std=None,
        ema_halflife=10_000,
        snapshot_images=4 * 5_000,
    ),
)
