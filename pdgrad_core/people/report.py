"""In words, for each face: who, how sure, and which photos guide it."""

from collections.abc import Sequence

from .error_rates import ErrorRates
from .matching import Match
from .person import Person

UNSURE = 0.1
"""A smaller margin than this is said to be small: another person is nearly as alike."""


def match_report(
    matches: Sequence[Match],
    people: Sequence[Person],
    threshold: float,
    rates: ErrorRates | None = None,
) -> str:
    """Return a line for each face, from the first on.

    Args:
        matches: Of the faces, in their order.
        people: The people.
        threshold: The cosine that was asked for.
        rates: How often strangers are as alike, where it is to be said.
    """
    lines = [f"{number}: {_said(match, people, rates)}" for number, match in enumerate(matches)]
    known = sum(match.person is not None for match in matches)
    head = f"{known} of {len(matches)} faces recognised, at a cosine above {threshold:.2f}"
    return "\n".join([head, *lines])


def _said(match: Match, people: Sequence[Person], rates: ErrorRates | None) -> str:
    if match.leave:
        return "left alone, as you said"
    if match.person is None:
        nearest = f"; nearest is {match.nearest}, cosine {match.similarity:.2f}"
        why = " as you said" if match.by_hand else ""
        return f"unknown{why}{nearest if match.nearest else ''}"
    parts = [f"{match.name}, cosine {match.similarity:.2f}"]
    if match.by_hand:
        parts.append("as you said")
    elif rates is not None and (chance := rates.chance(match.similarity)) is not None:
        parts.append(f"{_strangers(chance, rates)} as alike")
    if match.nearest:
        small = " only" if match.margin < UNSURE and not match.by_hand else ""
        parts.append(f"{match.margin:+.2f}{small} before {match.nearest}")
    sources = [one.source for one in people[match.person].portraits]
    shares = sorted(zip(match.weights, sources, strict=True), reverse=True)
    parts.append("guided by " + ", ".join(f"{source} {share:.0%}" for share, source in shares))
    return "; ".join(parts)


def _strangers(chance: float, rates: ErrorRates) -> str:
    """Return how many strangers reach a cosine; rarer than was measured is only said to be so."""
    fewer = "fewer than " if chance <= rates.chances[-1] else ""
    return f"{fewer}1 of {round(1 / chance):,} strangers is"
