"""Who does an album's work, as the command line says it."""

import argparse
from collections.abc import Callable
from typing import TYPE_CHECKING

from .model_options import check_everything_is_here

if TYPE_CHECKING:
    from ..albums import AlbumChoices
    from ..albums.executors import Executor
    from ..albums.executors.ray_cluster import RayChoices
    from ..albums.model_choice import WorkerPlan
    from ..alignment.paste_settings import PasteSettings
    from ..diffusion.sampler import StepState
    from ..recipes import Recipe
    from ..settings import Settings


def add_executor_options(parser: argparse.ArgumentParser) -> None:
    """Add --ray and what belongs to it, and --comfyui."""
    group = parser.add_argument_group("many machines")
    group.add_argument(
        "--ray", nargs="?", const="", metavar="ADDRESS",
        help='work on a Ray cluster (pip install "pdgrad[ray]"): the one at HOST:PORT, the one of '
        "this machine, or a new one of this machine alone",
    )  # fmt: skip
    group.add_argument(
        "--ray-workers", type=int, metavar="N", help="its workers (default: as many as fit)"
    )
    group.add_argument(
        "--ray-gpus", type=float, metavar="N",
        help="GPUs of a worker; 0.5 lets two share one (default: 1 where the cluster has any)",
    )  # fmt: skip
    group.add_argument(
        "--ray-cpus", type=float, metavar="N",
        help="CPU cores of a worker (default: 1 beside a GPU, else 4)",
    )  # fmt: skip
    group.add_argument(
        "--comfyui", nargs="+", metavar="URL",
        help="let these ComfyUI hosts, which have this pack, restore the faces: "
        "http://192.168.0.2:8188 ...",
    )  # fmt: skip


def check_executor(args: argparse.Namespace, row: "Recipe") -> None:
    """Refuse what nobody can do, before anything is loaded or joined.

    Raises:
        InvalidInputError: Options that do not belong together, or are out of range.
        CheckpointNotFoundError: Files are missing where this process does the work.
    """
    from ..errors import InvalidInputError
    from ..models.sets import DEMO

    if args.faces_at_once is not None and args.faces_at_once < 1:
        raise InvalidInputError(f"--faces-at-once must be 1 or more, not {args.faces_at_once}.")
    if args.ray is not None:
        if args.comfyui:
            raise InvalidInputError("--ray and --comfyui are two ways to share out; give one.")
        _ray_choices(args)
        return
    for option in ("ray_workers", "ray_gpus", "ray_cpus"):
        if getattr(args, option) is not None:
            raise InvalidInputError(f"--{option.replace('_', '-')} belongs to --ray; give both.")
    if args.models != DEMO:
        check_everything_is_here(args, row)


def executor_of(
    args: argparse.Namespace,
    settings: "Settings",
    choices: "AlbumChoices",
    pasting: "PasteSettings",
    on_step: "Callable[[StepState], None]",
) -> "Executor":
    """Return who does the work.

    Raises:
        PDGradError: Models that are missing.
    """
    plan = _plan(args, settings, choices, pasting)
    if args.ray is not None:
        from ..albums.executors.ray_cluster import RayExecutor

        return RayExecutor(plan, _ray_choices(args))
    if args.comfyui:
        from ..albums.executors.comfyui import ComfyUIExecutor

        return ComfyUIExecutor(plan, args.comfyui)
    return plan.open(on_step)


def _ray_choices(args: argparse.Namespace) -> "RayChoices":
    from ..albums.executors.ray_cluster import RayChoices

    return RayChoices(args.ray, args.ray_cpus, args.ray_gpus, args.ray_workers)


def _plan(
    args: argparse.Namespace,
    settings: "Settings",
    choices: "AlbumChoices",
    pasting: "PasteSettings",
) -> "WorkerPlan":
    from ..albums.model_choice import ModelChoice, WorkerPlan
    from ..models.sets import DEMO

    row = settings.resolved()
    features = row.all_networks
    if args.people is not None:
        features = tuple(dict.fromkeys((*features, "arcface")))
    models = ModelChoice(
        models=args.models,
        restorer=args.restorer or row.restorer_with(args.models == DEMO),
        prior=args.prior or row.prior_kind,
        fidelity=args.fidelity,
        features=features,
        device=args.device,
        dtype=args.dtype,
        precision=args.precision,
        compiled=args.compile,
        replayed=args.replay,
    )
    share = min(1.0, args.ray_gpus or 1.0)
    return WorkerPlan(models, settings, choices, pasting, args.faces_at_once, share)
