"""Does more guidance help a toy?"""

from dataclasses import replace

from ...recipes import recipe
from ..faces import Degree
from ..pairs import DEGREES
from ..report.tables import tests
from ..rows import Row
from ..study import STUDIES, Study


def rows(steps):
    first = replace(recipe("pdgrad"), tau=300, steps=steps)
    variants = tuple({"strength": strength} for strength in (0.1, 0.2))
    return (
        Row("coarse", "the coarse restoration"),
        Row("pdgrad", "PDGrad", first, variants=variants),
    )


STUDIES.add(
    "toy",
    Study(
        name="toy",
        stem="toy",
        rows=rows,
        degrees=(Degree("mild", lambda side: [DEGREES["mild"]]),),
        title=lambda findings: "A toy",
        introduction=lambda findings: f"{len(findings.first.person)} faces.",
        keys=("strength",),
        compared=(("pdgrad", "coarse"),),
        tables={"tests": tests},
    ),
)
