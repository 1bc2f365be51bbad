"""An album on a Ray cluster: refused in sentences, shared out, done though a worker is killed."""

import importlib.util
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import pytest
import torch

from pdgrad_core.albums import AlbumChoices
from pdgrad_core.albums.executors.ray_cluster import RayChoices, join
from pdgrad_core.albums.executors.ray_worker import RayWorker, check_alike, value_of
from pdgrad_core.albums.model_choice import ModelChoice, WorkerPlan
from pdgrad_core.albums.opening import PasteSettings
from pdgrad_core.albums.tasks import Facts, LookTask, RestoreTask
from pdgrad_core.errors import InvalidInputError, MissingDependencyError, PDGradError
from pdgrad_core.settings import Settings

ROOT = Path(__file__).parents[3]

FACTS = Facts("1.0", 64, "YuNet", "exact", {"prior": "a", "arcface": "b"}, None, 4, "here")

needs_ray = pytest.mark.skipif(
    importlib.util.find_spec("ray") is None,
    reason='Ray is not installed; pip install "pdgrad[ray]" to run it',
)


def test_without_ray_it_is_said_how_to_get_it(monkeypatch):
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(MissingDependencyError, match=r'pip install "pdgrad\[ray\]"'):
        join("")


@needs_ray
@pytest.mark.parametrize(
    ("address", "said"),
    [
        ("127.0.0.1:9", r"No Ray cluster answers at 127\.0\.0\.1:9"),
        ("ray://127.0.0.1:9", "No Ray cluster answers at ray"),
        ("somewhere", "is HOST:PORT or ray://HOST:PORT"),
    ],
)
def test_a_cluster_that_is_not_there_is_named(address, said):
    with pytest.raises(PDGradError, match=said):
        join(address)


@pytest.mark.parametrize(
    ("chosen", "total", "share"),
    [
        ({}, {"CPU": 16.0}, (4, 0, 4)),
        ({}, {"CPU": 16.0, "GPU": 2.0}, (1, 1, 2)),
        ({"gpus": 0.5}, {"CPU": 16.0, "GPU": 2.0}, (1, 0.5, 4)),
        ({"gpus": 0, "cpus": 8}, {"CPU": 16.0, "GPU": 2.0}, (8, 0, 2)),
        ({"workers": 3}, {"CPU": 64.0}, (4, 0, 3)),
    ],
)
def test_what_a_worker_takes(chosen, total, share):
    found = RayChoices(**chosen).share(total, 8.0)
    assert (found.cpus, found.gpus, found.workers) == share


def test_a_small_machine_gives_what_it_has_and_too_much_is_refused():
    assert RayChoices().share({"CPU": 4.0}, 2.0).cpus == 2
    with pytest.raises(InvalidInputError, match="does not fit into the Ray cluster"):
        RayChoices(gpus=1).share({"CPU": 4.0}, 4.0)
    for wrong in ({"gpus": -1.0}, {"cpus": 0.0}, {"workers": 0}):
        with pytest.raises(InvalidInputError, match="--ray-"):
            RayChoices(**wrong)


@pytest.mark.parametrize(
    ("values", "said"),
    [
        ({"version": "0.9"}, "another version of pdgrad than here .0.9; 1.0"),
        ({"networks": {"prior": "a", "arcface": "c"}}, "another weight files than here .arcface"),
        ({"precision": "fast"}, "another precision"),
    ],
)
def test_workers_that_would_give_other_results_are_refused(values, said):
    check_alike(FACTS, replace(FACTS, place="there", faces_at_once=1))
    with pytest.raises(InvalidInputError, match=said):
        check_alike(FACTS, replace(FACTS, place="there", **values))


def test_a_worker_gives_to_the_byte_what_this_process_gives(folders, models, monkeypatch):
    monkeypatch.setattr(ModelChoice, "load", lambda _: models)
    choice = ModelChoice("demo", "demo", None, None, ("arcface", "vgg"), device="cpu")
    settings, choices = Settings(steps=1, tau=200, seed=3), AlbumChoices(turns=False)
    plan = WorkerPlan(choice, settings, choices, PasteSettings(), faces_at_once=1)
    own, worker = plan.open(), RayWorker(plan, torch.get_num_threads())
    people = own.meet(folders / "people")
    assert value_of(worker.start()) == own.facts()
    files = sorted(path for path in (folders / "people").rglob("*.png"))
    sent = [(path.relative_to(folders / "people").as_posix(), path.read_bytes()) for path in files]
    met = value_of(worker.meet(sent, "people"))
    assert [person.name for person in met] == [person.name for person in people]
    for path in ("1950/both.png", "alone.jpg"):
        file = folders / "scans" / path
        look = LookTask(path, file)
        seen = value_of(worker.look(look, file.read_bytes()))
        assert seen == own.seen(look)
        task = RestoreTask(path, file, seen.rows, folders / "here.png")
        (done,) = own.restore([[task]])
        (finished,) = value_of(worker.restore([task], [file.read_bytes()]))
        assert finished.data == (folders / "here.png").read_bytes()
        assert finished.done.previews == done.previews
    # What is wrong with a photo is said of the user's file, not of the worker's.
    seen = value_of(worker.look(LookTask("a.jpg", Path("/album/a.jpg")), b"no picture"))
    assert "/album/a.jpg" in seen.error
    assert "pdgrad-" not in seen.error


WORK = """
import json, os, signal, sys
from pathlib import Path

from pdgrad_core.albums import AlbumChoices, AlbumJob
from pdgrad_core.albums.executors.ray_cluster import RayChoices, RayExecutor
from pdgrad_core.albums.model_choice import ModelChoice, WorkerPlan
from pdgrad_core.albums.opening import PasteSettings
from pdgrad_core.settings import Settings

folder, on_ray = Path(sys.argv[1]), sys.argv[2] == "ray"
settings, choices = Settings(steps=1, tau=200, seed=3), AlbumChoices(turns=False)
models = ModelChoice("demo", "demo", None, None, ("arcface", "vgg"), device="cpu")
plan = WorkerPlan(models, settings, choices, PasteSettings(), faces_at_once=1)
executor = RayExecutor(plan, RayChoices(cpus=1, workers=2)) if on_ray else plan.open()
places = []

def tell(progress):
    print(progress, flush=True)
    if not on_ray or progress.looking or progress.record.state != "done" or places:
        return
    # A worker that has another photo in work by now.
    import ray
    mates = executor.staff.at_work()
    places.append(mates[0].started.result().place)
    os.kill(int(places[0].rpartition(" ")[2].rstrip(")")), signal.SIGKILL)

if on_ray:
    import ray
    ray.init("local", num_cpus=2, include_dashboard=False, log_to_driver=False)
with executor:
    job = AlbumJob(scans=folder / "scans", out=folder / sys.argv[2], people=folder / "people",
                   models=None, settings=settings, choices=choices, tell=tell, executor=executor)
    album = job.open()
    found = album.run()
    album.work.close()
print(json.dumps({"records": [[r.path, r.state, r.times] for r in found.records],
                  "killed": places}))
"""


def worked(folders, how):
    environment = {**os.environ, "PYTHONPATH": str(ROOT), "OMP_NUM_THREADS": "1"}
    done = subprocess.run(
        [sys.executable, "-c", WORK, str(folders), how],
        cwd=folders,
        env=environment,
        capture_output=True,
        text=True,
        timeout=1500,
    )
    assert done.returncode == 0, done.stdout[-1000:] + done.stderr[-3000:]
    return json.loads(done.stdout.splitlines()[-1])


@needs_ray
@pytest.mark.slow
@pytest.mark.timeout(3600)
def test_a_worker_is_killed_and_the_album_is_that_of_one_process(folders):
    alone, shared = worked(folders, "alone"), worked(folders, "ray")
    assert len(shared["killed"]) == 1
    assert shared["records"] == alone["records"]
    assert all(times == 1 for _, state, times in shared["records"] if state == "done")
    own = folders / "alone"
    results = sorted(path.relative_to(own) for path in own.rglob("*.png"))
    assert len([path for path in results if "people-" not in path.name]) == 3
    for path in results:
        assert (folders / "ray" / path).read_bytes() == (folders / "alone" / path).read_bytes()
    assert (folders / "ray" / "people.txt").read_text() == (
        folders / "alone" / "people.txt"
    ).read_text()
