"""Our guidance and our whole step against the straightforward way, in turns in one process."""

import copy
import statistics
import time
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import torch
from torch import Tensor

from ..diffusion.prior import DiffusionPrior
from ..diffusion.sampler import Guidance, Sampler, StepContext
from ..features.arcface import ArcFace
from ..features.vgg import PerceptualNetwork
from ..guidance.gradients import CompiledGuidance, compile_guidance
from ..guidance.strength import Dynamic
from ..guidance.terms import surgeries_of
from ..precision import PrecisionPreset, set_precision
from ..recipe_base import GuideImages
from ..recipes import PDGradParts
from .straightforward import StraightforwardGuidance

T_OF_THE_STEP = 500
"""Timestep at which a step is timed; none is dearer than another."""


class GuidanceBenchmark:
    """PDGrad's guidance at one size, both ways.

    Args:
        arcface: Identity network.
        vgg: VGG16 with its heads.
        size_px: Side of the face.
        preset: Dtypes of our way; the straightforward one is float32.
        seed: Of the three pictures, smooth random ones.
    """

    def __init__(
        self,
        arcface: ArcFace,
        vgg: PerceptualNetwork,
        size_px: int,
        preset: PrecisionPreset,
        device: torch.device,
        seed: int = 0,
    ) -> None:
        generator = torch.Generator().manual_seed(seed)
        self.x, coarse, reference = (_picture(size_px, generator, device) for _ in range(3))
        self.straightforward = StraightforwardGuidance(arcface, vgg, coarse, reference)
        set_precision((arcface, vgg), preset.features)
        expression = PDGradParts()(GuideImages(coarse, coarse, (reference,)))
        assert len(list(surgeries_of(expression))) == 2
        self.ours: CompiledGuidance = compile_guidance(expression, {"arcface": arcface, "vgg": vgg})
        self.context = StepContext(self.x, T_OF_THE_STEP, T_OF_THE_STEP)

    def gradient_cosines(self) -> dict[str, float]:
        """Return the cosine between both ways' gradients for each of the four losses."""
        names = ("low_c", "low_r", "high_c", "high_r")
        expected = dict(zip(names, self.straightforward.gradients(self.x), strict=True))
        # Ours come in the expression's order: each level's pivot first.
        order = ("low_c", "low_r", "high_r", "high_c")
        found = dict(zip(order, self.ours.gradients(self.x, self.context), strict=True))
        return {name: _cosine(found[name], expected[name]) for name in names}

    def run(self, repeats: int) -> dict[str, Any]:
        """Return medians, their ratio, and the worst gradient's cosine."""
        cosines = self.gradient_cosines()
        theirs, ours = in_turns(
            lambda: self.straightforward(self.x, self.context).gradient,
            lambda: self.ours(self.x, self.context).gradient,
            repeats,
        )
        return {
            "straightforward_seconds": theirs,
            "seconds": ours,
            "ratio": theirs / ours,
            "gradient_cosine": min(cosines.values()),
            "gradient_cosines": cosines,
        }

    def run_step(
        self, prior: DiffusionPrior, preset: PrecisionPreset, repeats: int
    ) -> dict[str, Any]:
        """Return the same of a whole guided step: U-Net, guidance, posterior.

        Args:
            prior: At float32; our way gets a copy in the preset's dtype.
            preset: Dtypes of our way.
            repeats: Timed steps of each way.
        """
        ours = copy.copy(prior)
        ours.network = copy.deepcopy(prior.network)
        ours.to(dtype=preset.prior)
        theirs_seconds, seconds = in_turns(
            self._step(prior, self.straightforward), self._step(ours, self.ours), repeats
        )
        return {
            "straightforward_seconds": theirs_seconds,
            "seconds": seconds,
            "ratio": theirs_seconds / seconds,
            "gradient_cosine": min(self.gradient_cosines().values()),
        }

    def _step(self, prior: DiffusionPrior, guidance: Guidance) -> Callable[[], Tensor]:
        sampler = Sampler(prior, prior.schedule, guidance, Dynamic(0.1))
        generator = torch.Generator().manual_seed(1)
        shape, device = self.x.shape, self.x.device

        def noise() -> Tensor:
            return torch.randn(shape, generator=generator).to(device)

        context = replace(self.context, x_t=sampler.start_from(self.x, noise))

        @torch.no_grad()
        def step() -> Tensor:
            return sampler.step(context, noise)[1]

        return step


def in_turns(
    one: Callable[[], Tensor], other: Callable[[], Tensor], repeats: int
) -> tuple[float, float]:
    """Return the median seconds of two programs run in turn, after one turn that is not counted."""
    seconds: tuple[list[float], list[float]] = ([], [])
    for turn in range(repeats + 1):
        for function, taken in zip((one, other), seconds, strict=True):
            began = time.perf_counter()
            result = function()
            if result.is_cuda:
                torch.cuda.synchronize(result.device)
            if turn:
                taken.append(time.perf_counter() - began)
    return statistics.median(seconds[0]), statistics.median(seconds[1])


def _cosine(a: Tensor, b: Tensor) -> float:
    a, b = a.flatten().double(), b.flatten().double()
    return float(a @ b / (a.norm() * b.norm()))


def _picture(size_px: int, generator: torch.Generator, device: torch.device) -> Tensor:
    small = torch.rand(1, 3, size_px // 8, size_px // 8, generator=generator) * 2 - 1
    large = torch.nn.functional.interpolate(small, scale_factor=8, mode="bicubic")
    return large.clamp(-1, 1).to(device)
