"""Faces from a formula: seeded portraits with true pose, light and expression.

    from pdgrad_core.faces.render import render
    from pdgrad_core.faces.identity import sample_identities
    from pdgrad_core.faces.view import sample_views

    people = sample_identities([3, 3, 8])        # the same person twice, then another
    pictures = render(people, sample_views([0, 1, 2]), size=64)
    pictures.images                              # (3, 3, 64, 64), RGB in [-1, 1]
    pictures.landmarks                           # (3, 5, 2), px
    pictures.masks()["hair"]                     # (3, 64, 64), bool

No photo is involved. A head is an ellipse at every height, with a relief of bumps on it
(`relief.py`); each pixel's line of sight is followed to that surface in head space (`pose.py`),
lit with cast shadows and occlusion (`shading.py`), and painted in face coordinates (`skin.py`,
`eyes.py`, `mouth.py`). Hair is a second surface around the skull (`hair.py`). The picture is
aligned by a least-squares similarity of the five landmarks to the FFHQ template, as a detector's
alignment would do it, so head roll shows in the shoulders.

An `Identity` has what a person keeps (drawn in `anatomy.py`, `grooming.py`), a `View` what changes
from picture to picture; both are records of float32 tensors with one row per face, to be read,
edited, stacked, selected and repeated. `attributes.py` turns both into standardised numbers.

The main parameters of an identity: age, skin tone, skull, jaw and chin, eyes and irises, brows,
nose, mouth, ears, freckles, moles, a scar, lines of age, hair (colour, hairline, volume, length,
parting, fringe, curl), beard, glasses. Of a view: yaw within 25 degrees, pitch 15, roll 10; smile,
open mouth, brows, lids, gaze; direction, colour and hardness of the key light, fill, light from
behind; backdrop, clothes, focus, and a jitter of the framing of about 1 px at 64 px that
`sample_views(seeds, jitter=0.0)` leaves out.

Seeds are integers >= 0 and give parameters by numpy's PCG64 alone, so they are the same on every
machine. Pixels are computed in float32. The tolerance, for other machines, devices and chunk
sizes: 1e-4 on average, and 0.02 but for 0.1% of the values, on edges, in the range [-1, 1]. The
tests hold it between chunk sizes, and on a GPU where there is one.

Speed on one core of an AMD EPYC server: 190 pictures a second at 64 px, 54 at 128 px,
labels of parts included; 12 microseconds to draw the parameters of a person. Measured by

    OMP_NUM_THREADS=1 python -m timeit -n 1 -r 3 -s "
    from pdgrad_core.faces.render import render
    from pdgrad_core.faces.identity import sample_identities
    from pdgrad_core.faces.view import sample_views
    who, views = sample_identities(range(512)), sample_views(range(512))" "render(who, views, 64)"

Coordinates in px span 0..size from edge to edge, so the template's (193, 240) of 512 is
(24.1, 30) at 64 px.
"""
