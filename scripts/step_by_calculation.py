"""What a guided step must at least take on a card, by its operations and the memory they touch.

    python scripts/step_by_calculation.py --precision fast

Nothing is computed: the networks lie on the device "meta", which has shapes and no numbers. Each
operation is counted with its multiplications and additions and with the bytes that it reads and
writes; it takes at least the longer of what the two take at the card's speed. Real kernels take
longer, launches come on top, and views cost nothing. PyTorch's attention is counted by its parts.
"""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves
from torch.utils.flop_counter import flop_registry

from pdgrad_core.benchmarks.random_models import random_features, random_prior
from pdgrad_core.diffusion.finiteness import Finiteness
from pdgrad_core.diffusion.sampler import StepContext
from pdgrad_core.features.base import Precision
from pdgrad_core.guidance.gradients import compile_guidance
from pdgrad_core.models.precision import PRECISIONS, PrecisionPreset
from pdgrad_core.recipes import GuideImages
from pdgrad_core.recipes.pdgrad import PDGradRecipe

META = torch.device("meta")

WITHOUT_WORK = {
    *("view", "_unsafe_view", "permute", "transpose", "t", "expand", "slice", "select", "split"),
    *("split_with_sizes", "unsqueeze", "squeeze", "detach", "alias", "as_strided", "unbind"),
    *("empty", "empty_like", "empty_strided", "new_empty", "new_empty_strided"),
}
"""Operations that give another view of what is there, or memory that nobody has written."""


@dataclass(frozen=True)
class Card:
    """How fast a card is at best.

    Attributes:
        name: Its name.
        half: Operations a second in float16 on its matrix units.
        single: In float32 without TF32.
        bandwidth: Bytes a second of its memory.
    """

    name: str
    half: float
    single: float
    bandwidth: float


CARDS = (
    Card("H200", 760e12, 67e12, 4.8e12),
    Card("RTX 3090", 71e12, 35.6e12, 0.936e12),
)
"""By their makers' sheets; the H200's float16 as a large product was measured to reach it."""


@dataclass(frozen=True)
class Operation:
    """One operation of a step.

    Attributes:
        part: Of the step.
        name: ATen's.
        flops: Multiplications and additions.
        bytes: Read and written; what is broadcast counts once.
        half: Whether it computes in 16 bit.
    """

    part: str
    name: str
    flops: int
    bytes: int
    half: bool

    def seconds(self, card: Card) -> float:
        """Return what it takes at least."""
        return max(
            self.flops / (card.half if self.half else card.single), self.bytes / card.bandwidth
        )


class Counter(TorchDispatchMode):
    """Notes every operation that does work.

    Attributes:
        part: Part of the step to which they belong from now on.
        operations: What was noted.
    """

    def __init__(self) -> None:
        super().__init__()
        self.part = ""
        self.operations: list[Operation] = []

    def __torch_dispatch__(self, func: Any, types: Any, args: Any = (), kwargs: Any = None) -> Any:
        kwargs = kwargs or {}
        found = func(*args, **kwargs)
        name = func._schema.name.split("::")[1]
        if name not in WITHOUT_WORK:
            flops = flop_registry.get(func._overloadpacket)
            given = _tensors((args, kwargs))
            self.operations.append(
                Operation(
                    self.part,
                    name,
                    int(flops(*args, **kwargs, out_val=found)) if flops else 0,
                    sum(map(_bytes, [*given, *_tensors(found)])),
                    any(one.dtype in (torch.float16, torch.bfloat16) for one in given),
                )
            )
        return found


def _tensors(tree: Any) -> list[Tensor]:
    """Return the tensors, each once."""
    return list({id(one): one for one in tree_leaves(tree) if isinstance(one, Tensor)}.values())


def _bytes(value: Tensor) -> int:
    steps = zip(value.shape, value.stride(), strict=True)
    numbers = 1
    for length, stride in steps:
        numbers *= length if stride else min(length, 1)
    return numbers * value.element_size()


def preset_of_cuda(name: str) -> PrecisionPreset:
    """Return what `precision_preset` returns for a card with matrix units, without one."""
    half = torch.float32 if name == "exact" else torch.float16
    features = Precision(half if name == "fast" else torch.float32, half)
    return PrecisionPreset(name, half, features, features)


def operations_of(precision: str, size_px: int, batch: int) -> list[Operation]:
    """Return the operations of a PDGrad step in the middle of a run.

    Args:
        precision: Preset.
        size_px: Side of the faces.
        batch: How many.
    """
    features, prior = random_features(0), random_prior(0)
    preset_of_cuda(precision).apply(features)
    for network in features.values():
        network.to(META)
    prior.network.to(META)
    prior.to(dtype=preset_of_cuda(precision).prior)
    x, coarse, reference = (torch.empty(batch, 3, size_px, size_px, device=META) for _ in range(3))
    expression = PDGradRecipe().guidance(GuideImages(coarse, coarse, (reference,)))
    guidance = compile_guidance(expression, features)
    context = StepContext(x, 350, 50, finiteness=Finiteness())
    guidance(x, context)  # targets are made once a run
    with torch.no_grad(), Counter() as counter:
        counter.part = "prior"
        prior(x, context.t)
        counter.part = "guidance"
        guidance(x, context)
    return counter.operations


def table(operations: Sequence[Operation], cards: Iterable[Card] = CARDS, most: int = 8) -> str:
    """Return the parts and their dearest operations as Markdown."""
    cards = list(cards)
    names = " | ".join(f"{card.name}, ms at least" for card in cards)
    lines = [f"| part | operations | TFLOP | GB | {names} |", "|---" * (4 + len(cards)) + "|"]
    for part in dict.fromkeys(one.part for one in operations):
        own = [one for one in operations if one.part == part]
        lines.append(_line(part, own, cards))
        kinds: dict[str, list[Operation]] = {}
        for one in own:
            kinds.setdefault(one.name, []).append(one)
        dearest = sorted(kinds.items(), key=lambda item: -_seconds(item[1], cards[0]))
        lines += [_line(f"- {name}", found, cards) for name, found in dearest[:most]]
    return "\n".join(lines)


def _line(name: str, found: Sequence[Operation], cards: Sequence[Card]) -> str:
    flops, moved = sum(one.flops for one in found), sum(one.bytes for one in found)
    times = " | ".join(f"{1e3 * _seconds(found, card):.2f}" for card in cards)
    return f"| {name} | {len(found)} | {flops / 1e12:.3f} | {moved / 1e9:.2f} | {times} |"


def _seconds(found: Iterable[Operation], card: Card) -> float:
    return sum(one.seconds(card) for one in found)


def main() -> None:
    """Read the arguments and print the table."""
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("--precision", choices=PRECISIONS, default="fast")
    parser.add_argument("--size", type=int, default=512, metavar="PX")
    parser.add_argument("--batch", type=int, default=1)
    args = parser.parse_args()
    print(table(operations_of(args.precision, args.size, args.batch)))


if __name__ == "__main__":
    main()
