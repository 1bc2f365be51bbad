"""Does a weight file hold the network that its catalogue entry names? Loaded, and compared."""

from pathlib import Path

from ..checkpoints import load_checkpoint
from ..errors import WrongArchitectureError
from .catalogue import WeightFile
from .testing import Layout, layout_names, read_layout


def check_contents(file: WeightFile, path: Path) -> None:
    """Load a file and compare its tensors' names and shapes with the official layout.

    Where no layout is recorded, a file that loads is enough.

    Args:
        file: The catalogue's entry.
        path: The file on disk, under whatever name.

    Raises:
        CheckpointError: The file cannot be loaded, or is of another network.
    """
    checkpoint = load_checkpoint(path)
    if file.name not in layout_names():
        return
    layout = read_layout(file.name)
    shapes = {name: list(tensor.shape) for name, tensor in checkpoint.tensors.items()}
    faults = _faults(layout, shapes)
    if faults:
        raise WrongArchitectureError(
            f"{path.name} is not {layout.network}: {'; '.join(faults)}. Choose the file that "
            "belongs to this network, or fetch it again."
        )


def _faults(layout: Layout, shapes: dict[str, list[int]]) -> list[str]:
    prefix = layout.prefix.removeprefix("module.")  # which loading takes off
    expected = {prefix + name: shape for name, shape in layout.tensors.items()}
    branches = {name.split(".")[0] for name in expected}
    missing = [
        # Step counters came with PyTorch 0.4.1; nothing reads them.
        name
        for name in expected
        if name not in shapes and not name.endswith("num_batches_tracked")
    ]
    # A whole other branch, such as VGG16's classifier, is left out when the network is loaded.
    surplus = [n for n in shapes if n not in expected and n.split(".")[0] in branches]
    reshaped = [name for name, shape in expected.items() if shapes.get(name, shape) != shape]
    return [
        f"{len(names)} tensors {kind} (first: {names[0][:80]})"
        for names, kind in (
            (missing, "missing"),
            (surplus, "too many"),
            (reshaped, "of another shape"),
        )
        if names
    ]
