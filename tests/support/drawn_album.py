"""Drawn people for albums: group photos, portraits, and folders of both."""

from pdgrad_core.faces.group import draw_group
from pdgrad_core.faces.identity import sample_identities
from pdgrad_core.faces.render import render
from pdgrad_core.faces.view import sample_views

ANNA, BERT, CARL, STRANGER = 3_000_001, 3_000_002, 3_000_003, 3_000_009


def drawn(persons, view=500, size=128):
    return draw_group(persons, [person * 1000 + view for person in persons], size).image


def portrait(person, view):
    views = sample_views([person * 1000 + view])
    return render(sample_identities([person]), views, 64, parts=False).images
