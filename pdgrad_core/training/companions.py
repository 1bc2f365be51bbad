"""Networks that are trained together and kept in files of their own, side by side."""

from pathlib import Path


def beside(path: Path, name: str) -> Path:
    """Return where a network lies that was exported beside another: `model-D.safetensors`.

    Args:
        path: The other network's file.
        name: Ending of the name, such as "D".
    """
    return path.with_name(f"{path.stem}-{name}.safetensors")


def find_beside(path: Path | None, name: str) -> Path | None:
    """Return such a file where there is one, as `.safetensors` or `.pth`; None otherwise.

    Args:
        path: The other network's file, or None for weights that come from none.
        name: Ending of the name.
    """
    if path is None:
        return None
    file = beside(path, name)
    return next((found for found in (file, file.with_suffix(".pth")) if found.is_file()), None)
