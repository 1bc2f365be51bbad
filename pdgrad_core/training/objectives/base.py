"""What the training loop asks of every kind of network, and how most of them are trained."""

from abc import ABC, abstractmethod
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, field
from typing import Any, ClassVar

import torch
from torch import Tensor, nn

from ...checkpoints import Checkpoint, load_strict
from ...errors import InvalidInputError
from ...registry import Registry, unknown_name
from ..config import TrainingConfig
from ..dataset import Batch, FaceSource
from ..ema import WeightAverage, make_average
from ..layout import to_training_layout
from ..precision import autocast

OBJECTIVES: "Registry[type[Objective]]" = Registry("objective")
"""The objectives by name."""

Losses = dict[str, Tensor]
"""Scalars by name; "loss" is the one that is minimised, the others are reported."""


@dataclass(frozen=True)
class Exported:
    """What is left of a training run for use.

    Attributes:
        tensors: The network's tensors by the names that its loader expects.
        metadata: What its loader must be told beside them.
        beside: Tensors of networks that are written to files of their own, by their names' ending.
    """

    tensors: dict[str, Tensor]
    metadata: dict[str, str]
    beside: dict[str, dict[str, Tensor]] = field(default_factory=dict[str, dict[str, Tensor]])


class Objective(ABC):
    """Builds what is trained, trains it, judges it, and exports it.

    Whatever a step changes belongs to the objective: the module, its optimisers, its average. The
    loop draws pictures, counts them and writes files. Most objectives say what they `build` and
    what its `losses` are, and are trained as written here: one AdamW on one loss. One that
    is trained otherwise overrides `make_optimizers` and `step`, and `averaged` where only a
    part of the module is exported.

    Args:
        config: The run's numbers.
        faces: The training pictures, for the counts of persons and attributes.

    Attributes:
        labelled: Whether only pictures of known persons are of use.
        network_keys: What `config.network` may hold.
        option_defaults: What `config.options` may hold, and what holds where it does not.
        module: What `build` returned, in training mode; from `start` on.
        optimizers: What `make_optimizers` returned; from `start` on.
        average: The running average of `averaged`; from `start` on.
        device: Where all of them are; from `start` on.
    """

    labelled: ClassVar[bool] = False
    network_keys: ClassVar[Sequence[str]] = ()
    option_defaults: ClassVar[Mapping[str, Any]] = {}

    module: Any
    optimizers: dict[str, torch.optim.Optimizer]
    average: WeightAverage
    device: torch.device

    def __init__(self, config: TrainingConfig, faces: FaceSource) -> None:
        self.check(config)
        self.config = config
        self.options: dict[str, Any] = {**self.option_defaults, **config.options}
        self.people = faces.people
        self.attribute_count = faces.attribute_count
        if self.labelled and self.people < 2:
            raise InvalidInputError(
                f"The {config.objective} network learns from labelled persons, at least 2; "
                f"found {self.people}. Give a folder with one subfolder a person, or labels."
            )

    @classmethod
    def check(cls, config: TrainingConfig) -> None:
        """Refuse a configuration with a key that this objective does not know.

        Raises:
            UnknownNameError: A key of `config.network` or `config.options` is none of its own.
        """
        for kind, given, known in (
            ("network option", config.network, list(cls.network_keys)),
            ("option", config.options, list(cls.option_defaults)),
        ):
            for key in given:
                if key not in known:
                    what = f"{kind} of the {config.objective} objective"
                    raise unknown_name(what, key, known or ["none"])

    @abstractmethod
    def build(self) -> nn.Module:
        """Return everything that is trained, freshly initialised from torch's global generator."""

    @abstractmethod
    def validate(self, module: Any, faces: FaceSource) -> dict[str, float]:
        """Return figures of the averaged module, in evaluation mode, on held-out persons."""

    @abstractmethod
    def sheet(self, module: Any, faces: FaceSource) -> list[Tensor]:
        """Return rows of pictures `(N, 3, S, S)` that show what the averaged module does."""

    @abstractmethod
    def export(self, module: Any) -> Exported:
        """Return the part of the averaged module that is used after training."""

    def losses(self, module: Any, batch: Batch, generator: torch.Generator) -> Losses:
        """Return the losses of a batch; all that the default `step` asks for.

        Args:
            module: What `build` returned, in training mode.
            batch: On the module's device.
            generator: On the CPU; the only randomness there is.
        """
        raise NotImplementedError(f"{type(self).__name__} has neither losses nor its own step")

    def start(self, device: torch.device) -> None:
        """Make everything that training changes, on this device; called once, by the loop."""
        with torch.random.fork_rng(devices=[]):
            torch.manual_seed(self.config.seed)  # layers initialise from the global generator only
            module = self.build()
        self.device = device
        self.module = to_training_layout(module.to(device)).train()
        self.optimizers = self.make_optimizers()
        self.average = make_average(self.averaged(), self.config.ema_std, self.config.ema_halflife)

    def begin_with(self, checkpoint: Checkpoint) -> None:
        """Put an exported network's weights in the place of the fresh ones, after `start`.

        Raises:
            WrongArchitectureError: The file is of another network.
        """
        what = f"the {self.config.objective} network of this preset"
        load_strict(self.averaged(), checkpoint, what)
        self.average = make_average(self.averaged(), self.config.ema_std, self.config.ema_halflife)

    def make_optimizers(self) -> dict[str, torch.optim.Optimizer]:
        """Return the optimisers, by the names under which the run's state holds them."""
        return {"optimizer": self.adamw(self.module)}

    def adamw(self, part: nn.Module) -> torch.optim.AdamW:
        """Return AdamW with the run's numbers on what is not frozen in a part of the module."""
        config = self.config
        groups = _parameter_groups(part, config.weight_decay)
        return torch.optim.AdamW(groups, lr=config.learning_rate, betas=config.betas)

    def averaged(self) -> nn.Module:
        """Return the part of the module whose average is judged and exported: all of it."""
        return self.module

    def step(self, batch: Batch, images: int, generator: torch.Generator) -> Losses:
        """Train on one batch and return its losses; "loss" must be among them.

        Args:
            batch: On the objective's device.
            images: Images seen before this batch.
            generator: On the CPU; the only randomness there is.
        """
        with self.autocast():
            losses = self.losses(self.module, batch, generator)
        self.descend("optimizer", losses["loss"], images)
        return losses

    def autocast(self) -> AbstractContextManager[object]:
        """Return the context in which the run's precision has a forward pass computed."""
        return autocast(self.device, self.config.precision)

    def descend(self, name: str, loss: Tensor, images: int, rate: float = 1.0) -> None:
        """Take one step of one optimiser down a loss.

        Args:
            name: One of `optimizers`; only what it holds is changed.
            loss: A scalar.
            images: Images seen before this batch; the learning rate follows from it.
            rate: Factor on the run's learning rate.
        """
        optimizer = self.optimizers[name]
        optimizer.zero_grad()
        loss.backward()
        if self.config.gradient_clip > 0:
            held = {id(p) for group in optimizer.param_groups for p in group["params"]}
            # In the module's order, on which the norm's last digit depends.
            trained = [p for p in self.module.parameters() if id(p) in held]
            nn.utils.clip_grad_norm_(trained, self.config.gradient_clip)
        for group in optimizer.param_groups:
            # A group may have a rate of its own, relative to the optimiser's.
            group["lr"] = rate * group.get("rate", 1.0) * self.config.learning_rate_at(images)
        optimizer.step()

    def update_average(self, images: int) -> None:
        """Take a step's outcome into the average; `images` counts the step's batch."""
        self.average.update(self.averaged(), images, self.config.batch_size)

    def state_dict(self) -> dict[str, Any]:
        """Return everything that a continued run needs, but for the count of images."""
        return {
            "module": self.module.state_dict(),
            **{name: optimizer.state_dict() for name, optimizer in self.optimizers.items()},
            "average": self.average.state_dict(),
        }

    def load_state_dict(self, state: Mapping[str, Any]) -> None:
        """Continue from what `state_dict` returned."""
        self.module.load_state_dict(state["module"])
        for name, optimizer in self.optimizers.items():
            optimizer.load_state_dict(state[name])
        self.average.load_state_dict(state["average"])


def mirrored(images: Tensor, generator: torch.Generator) -> Tensor:
    """Mirror a random half of the images."""
    flip = torch.rand(len(images), generator=generator) < 0.5
    return torch.where(flip.to(images.device).view(-1, 1, 1, 1), images.flip(-1), images)


def home(module: nn.Module) -> torch.device:
    """Return the device of a module."""
    return next(module.parameters()).device


def _parameter_groups(module: nn.Module, weight_decay: float) -> list[dict[str, Any]]:
    trained = [p for p in module.parameters() if p.requires_grad]
    return [
        {"params": [p for p in trained if p.ndim > 1], "weight_decay": weight_decay},
        {"params": [p for p in trained if p.ndim <= 1], "weight_decay": 0.0},
    ]
