"""The embedded models: weights for drawn faces, shipped in the package.

    paths = {role: demo_weights(role) for role in ROLES}
    prior = load_prior(paths["prior"])

Each file says in its metadata by which command it was made; `docs/training.md` has the figures.
"""

from pathlib import Path

from ..errors import CheckpointNotFoundError
from ..registry import unknown_name

WEIGHTS = Path(__file__).parent / "weights"

SIZE_PX = 64
"""Side of the faces that the embedded models know."""

TAU = 350
"""Where sampling with the small prior starts at most: from further up it no longer keeps to the
coarse face and paints beside the head; tuning chose it for every method, docs/evidence_pdgrad.md
says."""

ROLES: dict[str, str] = {
    "prior": "prior.safetensors",
    "arcface": "identity.safetensors",
    "vgg": "perceptual.safetensors",
    "restorer": "coarse.safetensors",
    "idm": "idm.safetensors",
    "gan-prior": "gan-prior.safetensors",
    "scorer-arcface": "scorer-identity.safetensors",
    "scorer-vgg": "scorer-perceptual.safetensors",
}
"""File of each role; the scorers were trained apart from the networks that guide."""

OWN = {"prior": "guided_diffusion", "restorer": "demo"}
"""What the set takes where nobody chose: its kind of prior, and its restorer."""


def demo_role(role: str, name: str) -> str | None:
    """Return the key in `ROLES` of a restorer or a kind of prior, None where none is embedded.

    The set's own have the roles "prior" and "restorer"; a further one's role is its own name.

    Args:
        role: "prior" or "restorer".
        name: Key in `PRIORS` or `RESTORERS`.
    """
    if name == OWN[role]:
        return role
    return name if name in ROLES else None


def demo_weights(role: str, folder: Path | None = None) -> Path:
    """Return the weight file of a role.

    Args:
        role: A key of `ROLES`.
        folder: Where a file of that name lies that is to be used instead of the embedded one.

    Raises:
        UnknownNameError: There is no such role.
        CheckpointNotFoundError: The package came without this file, or the folder lacks it.
    """
    if role not in ROLES:
        raise unknown_name("role of a demo model", role, list(ROLES))
    path = (folder or WEIGHTS) / ROLES[role]
    if path.is_file():
        return path
    made = f"python scripts/train.py {path.stem} --images drawn --out runs/{path.stem}"
    if folder is not None and folder != WEIGHTS:
        raise CheckpointNotFoundError(
            f"There is no {path.name} in {folder}; train it with: {made} --export {path}"
        )
    raise CheckpointNotFoundError(
        f"The embedded weights {path.name} are missing from the package; install it again, or "
        f"train them with: {made}"
    )
