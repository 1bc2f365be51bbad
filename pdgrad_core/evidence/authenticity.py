"""IDM's criterion of an authentic restorer: f(x) = x, and applied again it stays where it is."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace

import torch
import torch.nn.functional as F
from torch import Tensor

from ..diffusion.noise import seeded_noise
from ..diffusion.sampler import StepState, Watch
from ..errors import InvalidInputError, SamplingStopped
from ..metrics import METRICS
from ..restorers import Restorer

Score = Callable[[Tensor, Tensor], Tensor]
"""From result and truth `(B, 3, H, W)` to one number per image `(B,)`."""

DETAIL_PX = 4
"""Detail is what a mean over squares of this side loses."""

NOISE_SEEDS = 1_000
"""Between the seeds of one application and the next: each has noise of its own."""


@dataclass(frozen=True)
class Row:
    """One comparison, over all faces.

    Attributes:
        start: What f was first applied to: "x", the clean face, or "x_d", the degraded one.
        times: How often f was applied; 0 compares what it is given.
        against: "x", or "before": the application before this one.
        scores: Mean over the faces, by name.
    """

    start: str
    times: int
    against: str
    scores: dict[str, float]


@dataclass(frozen=True)
class Authenticity:
    """What a restorer does to clean and to degraded faces.

    Attributes:
        rows: The table.
        clean: x and f^n(x), `(N, 3, H, W)` each.
        degraded: x_d and f^n(x_d).
    """

    rows: list[Row]
    clean: list[Tensor] = field(repr=False)
    degraded: list[Tensor] = field(repr=False)


def detail_kept(result: Tensor, truth: Tensor) -> Tensor:
    """Return the energy of the result's detail over that of the truth's, `(B,)`.

    1 is as much; below is smoothed away, above is added. A truth without any detail gives 1.

    Args:
        result: `(B, 3, H, W)` in [-1, 1].
        truth: The same shape.
    """
    mine, theirs = (_detail(image).square().flatten(1).mean(1) for image in (result, truth))
    return torch.where(theirs > 0, mine / theirs, torch.ones_like(mine))


def _detail(image: Tensor) -> Tensor:
    small = F.avg_pool2d(image.float(), DETAIL_PX, ceil_mode=True, count_include_pad=False)
    smooth = F.interpolate(small, scale_factor=DETAIL_PX, mode="nearest")
    return image.float() - smooth[..., : image.shape[-2], : image.shape[-1]]


def plain_scores() -> dict[str, Score]:
    """Return the scores that need no network: PSNR in dB, and the detail kept."""
    return {"psnr": METRICS["psnr"](), "detail": detail_kept}


def authenticity(
    restorer: Restorer,
    clean: Tensor,
    degraded: Tensor,
    *,
    times: int = 5,
    scores: dict[str, Score] | None = None,
    batch: int = 16,
    watch: Watch | None = None,
    on_applied: Callable[[int, int], None] | None = None,
) -> Authenticity:
    """Apply a restorer to clean faces and to degraded ones, again and again.

    Source: IDM eq. 2 and 3.
    Deviations: the paper states the criterion and shows pictures; the figures are ours.
        f(f(x_d)) is compared with x, as the paper says, and with f(x_d).

    Args:
        restorer: f; one that samples has new noise at every application, the same in every run.
        clean: x, `(N, 3, H, W)` in [-1, 1].
        degraded: x_d, the same shape.
        times: Applications, at least 2.
        scores: By name; those of `plain_scores` if None.
        batch: Faces at a time.
        watch: May stop the test before each application; of a restorer that samples, it is told of
            the steps of all applications.
        on_applied: Told after each batch how many applications are done, and of how many.

    Raises:
        InvalidInputError: Too few applications, degraded faces of another size, or a restorer that
            works along the sampling only.
        SamplingStopped: The watch said so.
    """
    _check(restorer, clean, degraded, times)
    scores = plain_scores() if scores is None else scores
    count = 2 * times * len(clean.split(batch))
    progress = _Progress(restorer, watch or Watch(), count, on_applied)
    chains = {
        start: _applied(images, times, batch, progress)
        for start, images in (("x", clean), ("x_d", degraded))
    }
    rows = [row for start, chain in chains.items() for row in _rows(start, chain, clean, scores)]
    return Authenticity(rows, chains["x"], chains["x_d"])


def _check(restorer: Restorer, clean: Tensor, degraded: Tensor, times: int) -> None:
    if times < 2:
        raise InvalidInputError(f"The test applies the restorer at least twice, not {times} times.")
    if restorer.depends_on_x_t:
        raise InvalidInputError(
            f"The restorer {restorer.name!r} works along the sampling, not on one image; it cannot "
            "be applied to its own result."
        )
    if degraded.shape != clean.shape:
        raise InvalidInputError(
            f"The degraded faces are {tuple(degraded.shape)}, but the clean ones "
            f"{tuple(clean.shape)}; take a degradation that keeps their size."
        )


def _rows(
    start: str, chain: list[Tensor], clean: Tensor, scores: dict[str, Score]
) -> Iterator[Row]:
    """Yield the comparisons of what was first applied to `start`, in order."""
    for n, images in enumerate(chain):
        if start == "x_d" or n > 0:
            yield Row(start, n, "x", _means(scores, images, clean))
        if n > 1:
            yield Row(start, n, "before", _means(scores, images, chain[n - 1]))


@dataclass
class _Progress:
    """Applies a restorer, and says how far the whole test is.

    Attributes:
        restorer: f.
        watch: Who follows.
        count: Applications to batches, of the whole test.
        on_applied: See `authenticity`.
        done: Of these.
    """

    restorer: Restorer
    watch: Watch
    count: int
    on_applied: Callable[[int, int], None] | None
    done: int = 0

    def apply(self, images: Tensor, seed: int) -> Tensor:
        """Return f(images); the noise of a restorer that samples comes from the seed."""
        if self.watch.should_stop is not None and self.watch.should_stop():
            raise SamplingStopped(f"The test was stopped after {self.done} applications.")
        noise = seeded_noise(images, seed) if self.restorer.samples else None
        watch = Watch(self._step, self.watch.should_stop)
        restored = self.restorer(images, noise=noise, watch=watch)
        self.done += 1
        if self.on_applied is not None:
            self.on_applied(self.done, self.count)
        return restored

    def _step(self, state: StepState) -> None:
        if self.watch.on_step is not None:
            done, total = self.done * state.total + state.done, self.count * state.total
            self.watch.on_step(replace(state, done=done, total=total))


def _applied(images: Tensor, times: int, batch: int, progress: _Progress) -> list[Tensor]:
    chain = [images]
    for n in range(times):
        parts = [
            progress.apply(part, NOISE_SEEDS * n + number * batch)
            for number, part in enumerate(chain[-1].split(batch))
        ]
        chain.append(torch.cat(parts))
    return chain


def _means(scores: dict[str, Score], result: Tensor, truth: Tensor) -> dict[str, float]:
    return {name: float(score(result, truth).mean()) for name, score in scores.items()}
