"""What recipes with gradient surgery have in common: the method's own parameters."""

from collections.abc import Mapping
from typing import Annotated

from ..parameters import Param

CombinerOptions = Annotated[
    Mapping[str, float],
    Param(
        flag="combiner-option", lacking="has no gradient surgery whose method could be tuned",
        tooltip="A parameter of the gradient-surgery method, as seed=1 for torchjd's.",
    ),
]  # fmt: skip
