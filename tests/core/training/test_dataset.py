"""Image sources: the renderer, folders, arrays, and what is wrong with them."""

import numpy as np
import pytest
import torch

from pdgrad_core.errors import ImageError, InvalidInputError
from pdgrad_core.images import save_image
from pdgrad_core.training.dataset import (
    DRAWN_PEOPLE,
    DRAWN_SEEDS,
    DrawnFaces,
    open_faces,
    save_drawn,
)


def write_folder(path, people=10, views=2, size=20):
    for person in range(people):
        for view in range(views):
            grey = torch.full((1, 3, size, size + 6), person / people * 2 - 1)
            save_image(grey, path / f"person{person}" / f"{view}.png")
    return str(path)


def write_npz(path, **arrays):
    np.savez(path, **arrays)
    return str(path)


def test_splits_of_drawn_persons_do_not_meet():
    ends = {name: DRAWN_SEEDS[name] + DRAWN_PEOPLE[name] for name in DRAWN_SEEDS}
    starts = sorted(DRAWN_SEEDS.values())
    assert all(
        end <= start for end, start in zip(sorted(ends.values())[:-1], starts[1:], strict=True)
    )


def test_drawn_faces_by_number():
    faces = DrawnFaces("validation", 64, views=2)
    batch = faces.first(3)
    assert batch.images.shape == (3, 3, 64, 64)
    assert batch.labels.tolist() == [0, 0, 1]
    assert batch.attributes.shape == (3, faces.attribute_count)
    generator = torch.Generator().manual_seed(3)
    number = torch.randint(faces.people * 2, (1,), generator=torch.Generator().manual_seed(3))
    assert torch.equal(faces.draw(generator, 1).labels, number // 2)


def test_drawn_faces_written_once_are_the_same(tmp_path):
    save_drawn(tmp_path / "drawn.npz", 64, {"train": 2, "validation": 1}, views=2)
    stored = open_faces(str(tmp_path / "drawn.npz"), 64, "train")
    fresh = DrawnFaces("train", 64, views=2).first(4)
    batch = stored.first(9)
    assert stored.people == 2
    assert batch.labels.tolist() == fresh.labels.tolist() == [0, 0, 1, 1]
    assert (batch.images - fresh.images).abs().max() < 0.005
    assert torch.allclose(batch.attributes, fresh.attributes, atol=0.01)
    assert len(open_faces(str(tmp_path / "drawn.npz"), 64, "validation")) == 2


def test_a_folder_a_person(tmp_path):
    source = write_folder(tmp_path)
    train, held_out = (open_faces(source, 16, split) for split in ("train", "validation"))
    assert (len(train), train.people) == (18, 9)
    assert (len(held_out), held_out.people) == (2, 1)
    batch = train.first(18)
    assert batch.images.shape == (18, 3, 16, 16)
    assert batch.labels.tolist() == [i // 2 for i in range(18)]
    grey = batch.images.mean((1, 2, 3))
    assert torch.allclose(grey, (batch.labels / 10 * 2 - 1).float(), atol=0.01)


def test_a_flat_folder_is_unlabelled(tmp_path):
    for i in range(10):
        save_image(torch.zeros(1, 3, 16, 16), tmp_path / f"{i}.png")
    (tmp_path / "notes.txt").write_text("no picture")
    faces = open_faces(str(tmp_path), 16, "train")
    assert (len(faces), faces.people, faces.attribute_count) == (9, 0, 0)
    with pytest.raises(ImageError, match="no labelled pictures for train"):
        open_faces(str(tmp_path), 16, "train", labelled=True)


def test_an_array_with_labels_and_split(tmp_path):
    images = np.zeros((6, 32, 32, 3), np.uint8)
    images[:, :, :, 0] = np.arange(6)[:, None, None] * 40
    source = write_npz(
        tmp_path / "faces.npz", images=images,
        label=np.array([7, 3, 7, -1, 3, 9]), split=np.array([0, 0, 0, 0, 0, 1]),
    )  # fmt: skip
    faces = open_faces(source, 16, "train")
    assert faces.people == 2
    assert faces.labels.tolist() == [-1, 0, 0, 1, 1]
    assert faces.images[:, 0, 0, 0].tolist() == [120, 40, 160, 0, 80]
    assert open_faces(source, 16, "train", labelled=True).labels.tolist() == [0, 0, 1, 1]
    assert len(open_faces(source, 16, "validation")) == 1


def test_landmarks_follow_their_pictures_and_the_size(tmp_path):
    path = tmp_path / "faces.npz"
    images = np.zeros((4, 8, 8, 3), np.uint8)
    images[:] = np.arange(4)[:, None, None, None]
    landmarks = np.arange(4.0)[:, None, None] + np.zeros((1, 5, 2))
    np.savez(path, images=images, label=[3, 1, 2, 0], split=np.zeros(4), landmarks=landmarks)
    batch = open_faces(str(path), 16, "train").first(4)
    # Persons are sorted; pixel 0 of 8 covers pixels 0 and 1 of 16, and its middle is 0.5.
    assert batch.landmarks[:, 0, 0].tolist() == [6.5, 2.5, 4.5, 0.5]
    shown = (batch.images[:, 0, 0, 0] + 1) * 127.5
    assert shown.round().tolist() == [3, 1, 2, 0]
    np.savez(path, images=images, landmarks=landmarks[:3])
    with pytest.raises(InvalidInputError, match='3 rows of "landmarks"'):
        open_faces(str(path), 16, "train")


def test_draws_depend_on_the_generator_alone(tmp_path):
    faces = open_faces(write_folder(tmp_path), 16, "train")
    first, again = (faces.draw(torch.Generator().manual_seed(5), 8) for _ in range(2))
    assert torch.equal(first.images, again.images)
    assert not torch.equal(first.labels, faces.draw(torch.Generator().manual_seed(6), 8).labels)


def test_what_is_wrong_is_said(tmp_path):
    with pytest.raises(ImageError, match=r"Expected 'drawn', a folder"):
        open_faces(str(tmp_path / "nowhere"), 16, "train")
    (tmp_path / "empty").mkdir()
    with pytest.raises(ImageError, match="holds no pictures for train"):
        open_faces(str(tmp_path / "empty"), 16, "train")
    (tmp_path / "bad.npz").write_bytes(b"no zip file")
    with pytest.raises(ImageError, match=r"cannot be read as an \.npz"):
        open_faces(str(tmp_path / "bad.npz"), 16, "train")
    with pytest.raises(InvalidInputError, match=r'"images" as uint8 .* there is nothing'):
        open_faces(write_npz(tmp_path / "a.npz", pictures=np.zeros(3)), 16, "train")
    grey = np.zeros((4, 16, 16), np.uint8)
    with pytest.raises(InvalidInputError, match=r"there is uint8 \(4, 16, 16\)"):
        open_faces(write_npz(tmp_path / "b.npz", images=grey), 16, "train")
    colour = np.zeros((4, 16, 16, 3), np.uint8)
    with pytest.raises(InvalidInputError, match='4 images, but 3 rows of "label"'):
        open_faces(write_npz(tmp_path / "c.npz", images=colour, label=np.zeros(3)), 16, "train")
