"""The study of the GAN prior: what each part of its training gives, and its answer as y_c.

Every row restores the same faces. The networks of the ablation were trained equally long from one
StyleGAN2, with the same faces in the same order; the first of them lacks nothing.
"""

from dataclasses import dataclass, replace

from torch import Tensor

from ...degradations import Degradation
from ...models.scorers import SCORES
from ...recipes import recipe
from ...restorers import load_restorer
from ..faces import COARSE, DEGRADED, Degree, FaceSet, Picture
from ..pairs import DEGREES
from ..report.tables import tests
from ..rows import Row
from ..study import STUDIES, Findings, Study

OWN = "gan-prior"
"""The embedded network, trained longest; the file's name."""


@dataclass(frozen=True)
class Ablation:
    """A network of the paper's table 5.

    Attributes:
        row: In the tables.
        title: What it lacks.
        options: Of its training, as `scripts/train.py --option` takes them.
        restorer: Key in `RESTORERS`.
    """

    row: str
    title: str
    options: tuple[str, ...] = ()
    restorer: str = OWN

    @property
    def weights(self) -> str:
        """Its file, without the ending."""
        return f"gan-{self.row}"


ABLATION = (
    Ablation("all", "everything"),
    Ablation("no_mmrb", "without MMRB", ("mmrb=off",)),
    Ablation("no_freezed", "without FreezeD", ("freeze=0",)),
    Ablation("no_locald", "without local discriminators", ("local_adversarial=0",)),
    Ablation("no_fp", "without the face-preserving loss", ("face_preserving=0",)),
    Ablation("no_tuning", "without fine-tuning and FreezeD", ("fine_tune=off", "freeze=0")),
    Ablation("gpen", "without MMRB and decoder, as GPEN", ("mmrb=off", "decoder=off"), "gpen"),
)
"""The rows of table 5, and GPEN's network in the same training."""

L1_COARSE = "coarse-short"
"""The demo's kind of coarse network after a short training, of 46,000 images."""

SUPER_RESOLUTION = Degradation(scale=4, resize_mode="bicubic", antialias=True)
"""Table 2's: a quarter of the side, and nothing else."""


def _restored(name: str, restorer: str, weights: str) -> Picture:
    """Return what a restorer of this file makes of the degraded face."""

    def paint(faces: FaceSet, which: Tensor) -> Tensor:
        path = faces.models.paths["prior"].parent / f"{weights}.safetensors"
        network = load_restorer(restorer, path, faces.models.device)
        return network(faces.on_device(DEGRADED, which))

    return Picture(name, paint)


_OWN = _restored("gan_prior", OWN, OWN)


def _rows(steps: int) -> tuple[Row, ...]:
    """Return every row, in the order of the table."""
    # What the study of PDGrad chose on drawn faces.
    pdgrad = replace(recipe("pdgrad"), tau=350, strength=0.2, steps=steps)
    short = _restored("coarse_short", "demo", L1_COARSE)
    return (
        Row("input", "y, enlarged bicubically", start=DEGRADED),
        Row("coarse", "the demo's coarse network", start=COARSE),
        Row("gan_prior", "the demo's GAN prior", start=_OWN, weights=(OWN,)),
        *(
            Row(one.row, one.title, start=_restored(one.row, one.restorer, one.weights),
                weights=(one.weights,))
            for one in ABLATION
        ),
        Row("coarse_short", "L1 alone: a coarse network, 46,000 images", start=short,
            weights=(L1_COARSE,)),
        Row("pdgrad", "PDGrad from the coarse network", pdgrad, degrees=("heavy",)),
        Row("gan_prior_pdgrad", "PDGrad with the GAN prior's answer as y_c", pdgrad, start=_OWN,
            coarse=_OWN, weights=(OWN,), degrees=("heavy",)),
    )  # fmt: skip


_COMPARED = (
    ("gan_prior", "coarse"),
    *((one.row, "all") for one in ABLATION[1:]),
    ("coarse_short", "all"),
    ("pdgrad", "coarse"),
    ("gan_prior_pdgrad", "gan_prior"),
    ("gan_prior_pdgrad", "pdgrad"),
)


def _introduction(findings: Findings) -> str:
    people = len(set(findings.first.person))
    return (
        f"{people} held-out people, 64 px: PDGrad's degradations (heavy), and a quarter of the "
        "side (x4). Brackets: 95% bootstrap intervals by person. The networks from "
        f"“{ABLATION[0].title}” to “{ABLATION[-1].title}” were trained equally long. "
        "LPIPS and Deg come from networks "
        "that never guided or taught; colour is the distance of the mean colours, of 255."
    )


STUDIES.add(
    "gan-prior",
    Study(
        name="gan-prior",
        stem="gan_prior",
        rows=_rows,
        degrees=(
            Degree("heavy", lambda _size: (DEGREES["heavy"],)),
            Degree("x4", lambda _size: (SUPER_RESOLUTION,)),
        ),
        title=lambda _findings: "The GAN prior: parts of its training, and its answer as y_c",
        introduction=_introduction,
        people=96,
        steps=40,
        facts=("pairs", "people", "steps"),
        compared=_COMPARED,
        tables={"tests": tests},
        scores=(*SCORES, "colour"),
    ),
)
