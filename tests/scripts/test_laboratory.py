"""The laboratory's readings of networks and its tables, on made numbers: no package is needed."""

import importlib
import io
import json
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch
from PIL import Image

from pdgrad_core.evidence.evaluation.methods import Method
from pdgrad_core.evidence.evaluation.tables import Scored
from pdgrad_core.metrics import METRICS
from pdgrad_core.recipes import RECIPES

FOLDER = Path(__file__).parents[2] / "scripts" / "laboratory"
MODULES = (
    *("packages", "recognisers", "shift_tolerant"),
    *("pose", "laboratory_models", "people", "strangers", "photo_rows", "photo_study", "matching"),
)


@pytest.fixture(scope="module")
def laboratory():
    sys.path.insert(0, str(FOLDER))
    before = set(METRICS.members)
    yield {name: importlib.import_module(name) for name in MODULES}
    sys.path.remove(str(FOLDER))
    for name in set(METRICS.members) - before:
        del METRICS.members[name]
    for name in MODULES:
        del sys.modules[name]


def random_tensors(shapes, seed=0):
    generator = torch.Generator().manual_seed(seed)
    return {name: torch.randn(shape, generator=generator) * 0.1 for name, shape in shapes.items()}


def dlib_shapes():
    shapes = {"conv32_down.weight": (32, 3, 7, 7), "conv32_down.bias": (32,), "fc.weight": (8, 256)}
    width = 32
    for name in (
        *("conv32_1", "conv32_2", "conv32_3"),
        *("conv64_down", "conv64_1", "conv64_2", "conv64_3"),
        *("conv128_down", "conv128_1", "conv128_2"),
        *("conv256_down", "conv256_1", "conv256_2", "conv256_down_out"),
    ):
        wide = int(name[4:].partition("_")[0])
        for conv, channels in (("conv1", width), ("conv2", wide)):
            shapes[f"{name}.{conv}.weight"] = (wide, channels, 3, 3)
            shapes[f"{name}.{conv}.bias"] = (wide,)
        width = wide
    return shapes


def test_packed_weights_are_widened(laboratory, tmp_path):
    (tmp_path / "shard").write_bytes(
        np.array([0, 255], np.uint8).tobytes() + np.array([1.5, -2], np.float16).tobytes()
    )
    weights = [
        {"name": "a", "shape": [2], "dtype": "float32",
         "quantization": {"dtype": "uint8", "scale": 0.01, "min": -1.0}},
        {"name": "b", "shape": [1, 2], "dtype": "float32", "quantization": {"dtype": "float16"}},
    ]  # fmt: skip
    manifest = json.loads(json.dumps([{"paths": ["shard"], "weights": weights}]))
    found = laboratory["packages"].read_tfjs(manifest, tmp_path)
    torch.testing.assert_close(found["a"], torch.tensor([-1.0, 1.55]))
    assert torch.equal(found["b"], torch.tensor([[1.5, -2.0]]))


def test_a_crop_takes_the_pixels_that_the_map_says(laboratory):
    # A picture whose red channel is x and whose green is y, in the 512 template's pixels.
    side = 64
    place = (torch.arange(side) + 0.5) * 512 / side - 0.5
    image = torch.stack([place.expand(side, side), place[:, None].expand(side, side)])
    image = torch.cat([image, torch.zeros(1, side, side)])[None]
    (across, down, _), (a, b) = (0.4265, -0.0029, -34.5), (75.0, 60.0)
    chip = laboratory["recognisers"].crop(image, laboratory["recognisers"].DLIB_CROP, 150)
    x, y = chip[0, 0, int(b), int(a)], chip[0, 1, int(b), int(a)]
    assert float(across * x + down * y - 34.5) == pytest.approx(a, abs=1e-3)
    assert float(-down * x + across * y - 57.6) == pytest.approx(b, abs=1e-3)


def test_the_guide_gives_low_features_without_the_deep_layers(laboratory, monkeypatch):
    recognisers = laboratory["recognisers"]
    network = recognisers.DlibNetwork(random_tensors(dlib_shapes()))
    guide = recognisers.DlibIdentity(network, mean=torch.full((8,), 0.5))
    image = torch.rand(2, 3, 64, 64) * 2 - 1
    plain = recognisers.DlibIdentity(network).embed(image)
    assert torch.equal(guide.embed(image), plain - 0.5)
    monkeypatch.delattr(recognisers.F, "linear")
    low = guide.features(image, guide.low_taps)
    assert [value.shape[1] for value in low.values()] == [32, 32, 64]


def test_the_stand_in_for_lpips_is_a_distance(laboratory):
    widths = (3, 64, 192, 384, 256, 256)
    sides = (11, 5, 3, 3, 3)
    shapes = {}
    for number, side in enumerate(sides):
        shapes[f"conv{number}.weight"] = (widths[number + 1], widths[number], side, side)
        shapes[f"conv{number}.bias"] = (widths[number + 1],)
        shapes[f"lin{number}.weight"] = (widths[number + 1],)
    tensors = {name: value.abs() if name.startswith("lin") else value
               for name, value in random_tensors(shapes).items()}  # fmt: skip
    distance = laboratory["shift_tolerant"].ShiftTolerantAlex(tensors)
    first, second = torch.rand(2, 2, 3, 64, 64) * 2 - 1
    assert torch.equal(distance(first, first), torch.zeros(2))
    assert (distance(first, second) > 0).all()
    torch.testing.assert_close(distance(first, second), distance(second, first))


def test_the_default_is_compared_with_every_row_and_all_tests_are_corrected(laboratory):
    photos = laboratory["photo_rows"]
    angles = {"coarse": 50.0, photos.METHODS["pdgrad"]: 45.0, photos.METHODS["default"]: 42.0}
    scored = [
        Scored(
            Method(name),
            [str(person) for person in range(8)],
            {metric: [angle + person / 8 for person in range(8)] for metric in photos.TESTED},
            0.0,
            0.0,
        )
        for name, angle in angles.items()
    ]
    tests = photos.corrected(photos.differences(scored))
    rows = [row for row in tests if row["metric"] == "deg_faceres"]
    found = {(row["method"], row["against"]): row["difference"] for row in rows}
    assert found == {
        ("pdgrad", "coarse"): -5.0,
        ("default", "coarse"): -8.0,
        ("default", "pdgrad"): -3.0,
    }
    # Nine tests: the smallest p is multiplied by nine.
    least = min(rows, key=lambda row: row["p"])
    assert least["p_holm"] == pytest.approx(min(1, 9 * least["p"]), abs=1e-4)


def test_half_of_the_pairs_are_called_alike(laboratory):
    turned = {Path(str(place)): angle for place, angle in enumerate((0.0, 0.1, 0.5, 0.05))}
    zero = [Path("0")] * 4
    assert laboratory["pose"].alike(turned.get, list(turned), zero) == [True, False, False, True]


def test_strangers_are_told_by_pairs_in_which_the_own_photo_is_nearer(laboratory):
    told_apart = laboratory["strangers"].told_apart
    assert told_apart([10, 20], [30, 40]) == 1
    # Of six pairs: nearer in three, equal in one.
    assert told_apart([10, 30, 50], [30, 40]) == pytest.approx(3.5 / 6)


def test_every_method_of_the_study_is_a_recipe_of_the_project(laboratory):
    methods = laboratory["photo_rows"].METHODS
    asked = {"a1", "pdgrad", "pgdiff_squared", "pgdiff_cosine", "default"}
    assert asked | {"no_high_c"} == set(methods)
    assert {text.partition(":")[0] for text in methods.values()} <= set(RECIPES)


@pytest.fixture
def archive(laboratory, tmp_path):
    """An archive whose photo of row r is of plain grey r: nine people with two, two with one."""
    labels = [*range(9), *range(9), 9, 10]
    pictures, offset = b"", [0]
    for row in range(len(labels)):
        data = io.BytesIO()
        Image.new("RGB", (128, 128), (row,) * 3).save(data, "PNG")
        pictures += data.getvalue()
        offset.append(len(pictures))
    ones = np.ones(len(labels))
    columns = {"label": labels, "split": ones, "ncc": ones, "pad": 0 * ones, "offset": offset}
    np.savez(tmp_path / "faces.npz", blob=np.frombuffer(pictures, np.uint8), **columns)
    return laboratory["people"].Archive(tmp_path / "faces.npz")


def test_a_collage_shows_no_reference_and_one_stranger(laboratory, archive):
    collages = laboratory["matching"].Collages(archive, rounds=2)
    assert len(collages.plan) == 6
    shown = [one for on, _ in collages.plan for one, _ in on[:3]]
    assert sorted(shown) == sorted([*range(9)] * 2)
    for number, (on, people) in enumerate(collages.plan):
        assert len(set(people)) == 8
        assert {one for one, _ in on[:3]} <= set(people)
        assert on[3][0] in (9, 10)
        scene = collages.scene(number, 64, "none")
        assert scene.names == (*(str(one) for one, _ in on[:3]), None)
        # Where landmarks are said to be, there is the photo: its grey is its row.
        middles = scene.landmarks.mean(1).round().long()
        greys = [((scene.image[0, 0, y, x] + 1) * 127.5).round().item() for x, y in middles]
        assert greys == [row for _, row in on]


def test_known_people_are_known_by_other_photos(laboratory, archive):
    matching = laboratory["matching"]
    collages = matching.Collages(archive, rounds=1)
    recognizer = SimpleNamespace(embed=lambda crops: crops.mean((2, 3)))
    for person in collages.people(0, SimpleNamespace(recognizer=recognizer)):
        shown = {row for _, row in collages.plan[0][0]}
        assert person.portraits
        assert not {int(one.source) for one in person.portraits} & shown


def test_photos_are_read_as_stored_or_halved(archive):
    assert archive.faces([7], 128).shape == (1, 3, 128, 128)
    assert archive.faces([7, 8]).shape == (2, 3, 64, 64)
    assert (archive.faces([7]) == archive.faces([7], 128)[..., :64, :64]).all()
