"""Means with bootstrap intervals and paired tests, by person: pictures of one are no new evidence.

All in float64 numpy, with generators of fixed seeds, so that a table can be made again.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

Array = NDArray[np.float64]
RESAMPLES = 5000


@dataclass(frozen=True)
class Interval:
    """A mean and its 95% bootstrap interval.

    Attributes:
        mean: Over all pictures.
        low: 2.5th percentile of the resampled means.
        high: 97.5th percentile.
    """

    mean: float
    low: float
    high: float


@dataclass(frozen=True)
class Difference:
    """How two methods differ on the same pictures.

    Attributes:
        interval: Mean of the differences.
        p: Two-sided probability of a mean so far from 0 if each person's sign were a coin's.
    """

    interval: Interval
    p: float


def interval(values: Any, person: Any, resamples: int = RESAMPLES) -> Interval:
    """Return the mean and its interval, from resampled persons.

    Args:
        values: `(N,)`.
        person: Whose picture each is, `(N,)`.
        resamples: Bootstrap samples.
    """
    sums, counts = _by_person(values, person)
    random = np.random.default_rng(0)
    drawn = random.integers(len(sums), size=(resamples, len(sums)))
    means = sums[drawn].sum(1) / counts[drawn].sum(1)
    low, high = np.percentile(means, (2.5, 97.5))
    return Interval(float(sums.sum() / counts.sum()), float(low), float(high))


def difference(first: Any, second: Any, person: Any, resamples: int = RESAMPLES) -> Difference:
    """Return how much larger `first` is, with its interval and a sign-flip test by person.

    Args:
        first: `(N,)`.
        second: Of the same pictures, `(N,)`.
        person: Whose picture each is, `(N,)`.
        resamples: Bootstrap samples, and flips.
    """
    gap: Array = np.asarray(first, np.float64) - np.asarray(second, np.float64)
    sums, _ = _by_person(gap, person)
    random = np.random.default_rng(1)
    signs = random.choice((-1.0, 1.0), size=(resamples, len(sums)))
    observed = abs(sums.sum())
    # A whisker of slack: equal sums, added in another order, are equal.
    further = np.abs(signs @ sums) >= observed * (1 - 1e-12)
    p = (1 + int(further.sum())) / (1 + resamples)
    return Difference(interval(gap, person, resamples), float(p))


def wilson(share: float, number: float) -> tuple[float, float]:
    """Return the 95% interval of a share; from 0 to 1 where nothing was counted.

    Source: Wilson 1927; unlike a bootstrap's it is an interval where the share is 0 or 1 too.

    Args:
        share: Found, from 0 to 1.
        number: Of independent cases.
    """
    if number <= 0:
        return 0.0, 1.0
    z = 1.959964
    middle = share + z * z / (2 * number)
    spread = z * math.sqrt(share * (1 - share) / number + z * z / (4 * number * number))
    whole = 1 + z * z / number
    return max(0.0, (middle - spread) / whole), min(1.0, (middle + spread) / whole)


def holm(probabilities: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number: below 0.05, no more than one family in 20 errs.

    Source: Holm 1979: the k-th smallest of n is multiplied by n - k + 1, and none is smaller than
        one before it.

    Args:
        probabilities: Of one family of tests, in any order.
    """
    order = sorted(range(len(probabilities)), key=lambda place: probabilities[place])
    corrected, largest = [0.0] * len(probabilities), 0.0
    for done, place in enumerate(order):
        largest = max(largest, min(1.0, probabilities[place] * (len(probabilities) - done)))
        corrected[place] = largest
    return corrected


def _by_person(values: Any, person: Any) -> tuple[Array, Array]:
    """Return each person's sum and number of pictures."""
    _, index = np.unique(np.asarray(person), return_inverse=True)
    counts = np.bincount(index).astype(np.float64)
    sums = np.bincount(index, np.asarray(values, np.float64)).astype(np.float64)
    return sums, counts
