"""An album: who is who, each photo once, again only where something changed."""

import json
from dataclasses import replace

import pytest
import torch
from drawn_album import darkened

from pdgrad_core.albums import AlbumChoices, AlbumJob
from pdgrad_core.errors import InvalidInputError, NonFiniteError, WriteError
from pdgrad_core.images import load_image, save_image
from pdgrad_core.settings import Settings

QUICK = Settings(steps=1, tau=200, seed=3)


def run(folders, models, dry=False, **values):
    told = []
    job = AlbumJob(
        scans=folders / "scans",
        out=folders / "out",
        people=folders / "people",
        models=models,
        settings=QUICK,
        tell=told.append,
    )
    album = replace(job, **values).open()
    try:
        found = album.run(dry)
    finally:
        album.work.close()
    return found, told


def names(found, path):
    (record,) = (one for one in found.records if one.path == path)
    return [row["name"] for row in record.look]


def states(found):
    return {record.path: record.state for record in found.records}


def test_the_embedded_models_restore_an_album(folders, models):
    found, _ = run(folders, models, choices=AlbumChoices(unknown="leave"))
    assert found.restored == 3
    guest = load_image(folders / "out" / "1950" / "guest.png")
    assert not torch.equal(guest, load_image(folders / "scans" / "1950" / "guest.png"))


def test_an_album_is_restored_once_and_again_where_something_changed(folders, models, swift):
    found, told = run(folders, models)
    assert states(found) == {
        "1950/both.png": "done",
        "1950/guest.png": "done",
        "alone.jpg": "done",
        "wall.png": "no face",
    }
    assert names(found, "1950/both.png") == ["anna", "bert"]
    assert names(found, "1950/guest.png") == ["bert", ""]
    out = folders / "out"
    for name in ("1950/both", "1950/guest", "alone"):
        before = load_image(next((folders / "scans").glob(f"{name}.*")))
        assert load_image(out / f"{name}.png").shape == before.shape
        assert not torch.equal(load_image(out / f"{name}.png"), before)
    assert not (out / ".staged").exists()
    assert [one.done for one in told] == [1, 2, 3, 4]
    # Nothing changed: nothing is done.
    times = {
        path: path.stat().st_mtime_ns for path in out.rglob("*.png") if "people" not in path.name
    }
    found, _ = run(folders, models)
    assert (found.restored, found.kept) == (0, 3)
    assert {path: path.stat().st_mtime_ns for path in times} == times
    # One photo changed, and one result is gone: these two.
    save_image(
        load_image(folders / "scans" / "alone.jpg").flip(-1), folders / "scans" / "alone.jpg"
    )
    (out / "1950" / "both.png").unlink()
    found, _ = run(folders, models)
    assert (found.restored, found.kept) == (2, 1)
    # A further photo of Bert: those of his photos.
    extra = load_image(folders / "people" / "bert" / "0.png").flip(-1)
    save_image(extra, folders / "people" / "bert" / "2.png")
    found, _ = run(folders, models)
    assert (found.restored, found.kept) == (2, 1)
    # Another method: all.
    found, _ = run(folders, models, settings=Settings(steps=1, tau=200, seed=4))
    assert found.restored == 3


def test_a_dry_run_shows_who_is_who_and_takes_corrections(folders, models, swift):
    found, _ = run(folders, models, dry=True)
    out = folders / "out"
    assert found.to_do == 3
    assert not list(out.rglob("both.png"))
    assert (out / "people-1.png").exists()
    lines = (out / "people.txt").read_text().splitlines()
    rows = [line.split("\t") for line in lines if not line.startswith("#")]
    assert [row[:3] for row in rows] == [
        ["alone.jpg", "0", "anna"],
        ["1950/both.png", "0", "anna"],
        ["1950/both.png", "1", "bert"],
        ["1950/guest.png", "0", "bert"],
        ["1950/guest.png", "1", "?"],
    ]
    text = (out / "people.txt").read_text()
    text = text.replace("guest.png\t1\t?", "guest.png\t1\tAnna").replace(
        "jpg\t0\tanna", "jpg\t0\t-"
    )
    (out / "people.txt").write_text(text)
    found, _ = run(folders, models)
    assert names(found, "1950/guest.png") == ["bert", "anna"]
    assert states(found)["alone.jpg"] == "left alone"
    assert found.restored == 2
    # They stand until they are taken back, which redoes what they concerned.
    found, _ = run(folders, models)
    assert (found.restored, names(found, "1950/guest.png")) == (0, ["bert", "anna"])
    text = (out / "people.txt").read_text().replace("guest.png\t1\tanna", "guest.png\t1\tauto")
    (out / "people.txt").write_text(text)
    found, _ = run(folders, models)
    assert (found.restored, names(found, "1950/guest.png")) == (1, ["bert", ""])


def test_strangers_are_left_alone_if_wished(folders, models, swift):
    found, _ = run(folders, models, choices=AlbumChoices(unknown="leave"))
    before = load_image(folders / "scans" / "1950" / "guest.png")
    after = load_image(folders / "out" / "1950" / "guest.png")
    half = before.shape[-1] * 5 // 8
    assert torch.equal(after[..., half:], before[..., half:])
    assert not torch.equal(after[..., :half], before[..., :half])
    assert states(found)["1950/guest.png"] == "done"


def test_without_people_every_face_is_restored_without_a_reference(folders, models, swift):
    found, _ = run(folders, models, people=None)
    assert found.restored == 3
    assert not (folders / "out" / "people.txt").exists()


def test_a_photo_that_fails_is_recorded_and_the_rest_is_done(folders, models, swift):
    (folders / "scans" / "0 broken.jpg").write_bytes(b"\xff\xd8 no picture")
    found, _ = run(folders, models)
    assert states(found)["0 broken.jpg"] == "failed"
    assert found.restored == 3
    assert "0 broken.jpg" in found.failed[0].error


def test_a_face_that_fails_spoils_no_other_photo(folders, models, monkeypatch):
    from pdgrad_core.albums import restoring

    def fails_for_three(crops, *args, **values):
        if len(crops) != 2:
            raise NonFiniteError("x0hat is NaN.")
        return darkened(crops, *args, **values)

    monkeypatch.setattr(restoring, "restore_matched", fails_for_three)
    found, _ = run(folders, models)
    assert states(found) == {
        "1950/both.png": "done",
        "1950/guest.png": "done",
        "alone.jpg": "failed",
        "wall.png": "no face",
    }
    assert found.failed[0].error == "x0hat is NaN."
    monkeypatch.setattr(restoring, "restore_matched", darkened)
    found, _ = run(folders, models)
    assert (found.restored, found.kept, found.failed) == (1, 2, [])


def test_what_cannot_be_used_is_refused_in_a_sentence(folders, models):
    scans, people = folders / "scans", folders / "people"
    for out in (scans, scans / "restored", folders, people):
        with pytest.raises(InvalidInputError, match="lie in each other"):
            run(folders, models, out=out)
    with pytest.raises(InvalidInputError, match="references would be restored"):
        run(folders, models, people=scans / "1950")
    (folders / "empty").mkdir()
    with pytest.raises(InvalidInputError, match="no picture in"):
        run(folders, models, scans=folders / "empty")
    with pytest.raises(InvalidInputError, match="nobody in"):
        run(folders, models, people=folders / "empty")
    (people / "carl").mkdir()
    with pytest.raises(InvalidInputError, match="carl holds no picture"):
        run(folders, models)
    save_image(load_image(scans / "1950" / "both.png"), people / "carl" / "party.png")
    save_image(load_image(scans / "wall.png"), people / "carl" / "tree.png")
    with pytest.raises(InvalidInputError) as error:
        run(folders, models)
    assert "party.png (2 faces)" in str(error.value)
    assert "tree.png (no face)" in str(error.value)


def test_people_of_one_name_are_refused(folders, models):
    twin = folders / "people" / "Anna.png"
    save_image(load_image(folders / "people" / "anna" / "0.png"), twin)
    with pytest.raises(InvalidInputError, match="Two people are named"):
        run(folders, models)


def test_a_correction_that_cannot_be_meant_is_refused(folders, models):
    run(folders, models, dry=True)
    path = folders / "out" / "people.txt"
    good = path.read_text()
    path.write_text(good.replace("\tbert\t", "\tcarl\t"))
    with pytest.raises(InvalidInputError, match="names 'carl', who is nobody known"):
        run(folders, models)
    path.write_text(good + "nonsense\n")
    with pytest.raises(InvalidInputError, match="with tabs between them"):
        run(folders, models)


def test_a_work_list_of_another_version_or_in_use_is_refused(folders, models):
    import sqlite3

    from pdgrad_core.albums import WorkList

    out = folders / "out"
    work = WorkList(out)
    with pytest.raises(WriteError, match="Another program works"):
        WorkList(out)
    work.close()
    base = sqlite3.connect(out / "album.sqlite")
    base.execute("UPDATE meta SET version = 99")
    base.commit()
    base.close()
    with pytest.raises(InvalidInputError, match="another version"):
        WorkList(out)
    (out / "album.sqlite").write_bytes(b"no data base at all, but long enough to be looked at" * 20)
    with pytest.raises(InvalidInputError, match="is no work list of an album"):
        WorkList(out)


def test_the_record_says_who_and_how_sure(folders, models):
    found, _ = run(folders, models, dry=True)
    (record,) = (one for one in found.records if one.path == "1950/both.png")
    row = record.look[0]
    assert json.loads(json.dumps(row)) == row
    assert row["similarity"] > 0.5
    assert row["margin"] > 0.2
    assert row["nearest"] == "bert"
    assert sum(row["weights"]) == pytest.approx(1, abs=1e-3)
