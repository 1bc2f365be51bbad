"""Killed at any moment, an album goes on: nothing lost, nothing half-written, nothing twice."""

import os
import shutil
import signal
from pathlib import Path

import pytest
import torch

from pdgrad_core.albums import AlbumJob, WorkList
from pdgrad_core.images import load_image
from pdgrad_core.photo_files import PhotoFile
from pdgrad_core.settings import Settings

pytestmark = pytest.mark.skipif(not hasattr(os, "fork"), reason="needs a system that forks")


def album(folders, models):
    job = AlbumJob(
        scans=folders / "scans",
        out=folders / "out",
        people=None,
        models=models,
        settings=Settings(steps=1, tau=200),
        faces_at_once=2,
    )
    return job.open()


def work(folders, models):
    found = album(folders, models)
    result = found.run()
    found.work.close()
    return result


class Moments:
    """Counts the moments before and after each thing that changes a file, and kills at one."""

    def __init__(self, last):
        self.left = last

    def pass_one(self):
        self.left -= 1
        if self.left == 0:
            os.kill(os.getpid(), signal.SIGKILL)

    def watch(self, owner, name):
        real = getattr(owner, name)

        def watched(*args, **values):
            self.pass_one()
            found = real(*args, **values)
            self.pass_one()
            return found

        setattr(owner, name, watched)


def killed_at(moment, folders, models):
    """Work on the album in a process of its own that is killed; return whether it was."""
    child = os.fork()
    if child == 0:  # pragma: no cover  (another process)
        status = 1
        try:
            torch.set_num_threads(1)
            moments = Moments(moment)
            moments.watch(WorkList, "put")
            moments.watch(PhotoFile, "write")
            moments.watch(Path, "replace")
            moments.watch(Path, "unlink")
            work(folders, models)
            status = 0
        finally:
            os._exit(status)
    _, status = os.waitpid(child, 0)
    if os.WIFSIGNALED(status):
        assert os.WTERMSIG(status) == signal.SIGKILL
        return True
    assert os.waitstatus_to_exitcode(status) == 0
    return False


@pytest.fixture
def small(folders, models, swift, monkeypatch):
    """Two photos, looked at already; what is computed is left out, what is written is not."""
    from pdgrad_core.albums.executors import local
    from pdgrad_core.photos import FacePaster

    monkeypatch.setattr(local, "sha256_of", lambda path: path.name)
    monkeypatch.setattr(FacePaster, "__call__", lambda _, photo, faces, found: photo * found.mean())
    (folders / "scans" / "wall.png").unlink()
    (folders / "scans" / "alone.jpg").unlink()
    found = album(folders, models)
    found.run(dry=True)
    found.work.close()
    return folders


def test_killed_at_every_moment_it_does_each_photo_once(small, models, tmp_path):
    whole = tmp_path / "whole"
    shutil.copytree(small, whole)
    expected = work(whole, models)
    names = ["1950/both.png", "1950/guest.png"]
    pictures = [load_image(whole / "out" / name) for name in names]
    assert [record.times for record in expected.records] == [1, 1]
    moment = 0
    while True:
        moment += 1
        here = tmp_path / "killed"
        shutil.copytree(small, here)
        killed = killed_at(moment, here, models)
        # What lies in a result's place is whole, and what is not done lies nowhere.
        for name, picture in zip(names, pictures, strict=True):
            if (here / "out" / name).exists():
                assert torch.equal(load_image(here / "out" / name), picture)
        found = work(here, models)
        assert [record.state for record in found.records] == ["done"] * 2
        assert [record.times for record in found.records] == [1, 1]
        assert all(
            torch.equal(load_image(here / "out" / name), picture)
            for name, picture in zip(names, pictures, strict=True)
        )
        left = {path.name for path in (here / "out").rglob("*") if path.is_file()}
        assert {name for name in left if name.startswith(".")} == set()
        assert not (here / "out" / ".staged").exists()
        shutil.rmtree(here)
        if not killed:
            break
    # Writing, two records and a move for each of two photos, before and after, at the least.
    assert moment > 2 * 2 * 4
