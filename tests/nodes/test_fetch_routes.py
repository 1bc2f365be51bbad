"""The Fetch Weights tab's server side: what is missing, and fetching on the page's word only."""

import asyncio
import hashlib
from dataclasses import replace

import pytest
from file_server import FileServer, serving

aiohttp = pytest.importorskip("aiohttp", reason="aiohttp comes with ComfyUI")
web = pytest.importorskip("aiohttp.web")

CONTENT = b"weights" * 1000


@pytest.fixture
def server(pack, monkeypatch):
    """Serve CONTENT as every file of the catalogue that has a download, without a proxy."""
    monkeypatch.setenv("no_proxy", "127.0.0.1")
    catalogue = pack.module("pdgrad_core.weights.catalogue")
    sha256 = hashlib.sha256(CONTENT).hexdigest()
    with serving(FileServer(CONTENT)) as running:
        served = [
            replace(file, url=running.url, size_bytes=len(CONTENT), sha256=sha256)
            if file.url
            else file
            for file in catalogue.CATALOGUE
        ]
        monkeypatch.setattr(catalogue, "CATALOGUE", tuple(served))
        yield running


@pytest.fixture
def ask(pack, monkeypatch):
    """Send a request to the routes in a real server; returns (status, answer)."""
    routes = pack.module("nodes.fetch_routes")
    weights = pack.module("nodes.weights")
    monkeypatch.setattr(
        weights,
        "search_folders",
        lambda extra_folders: [*map(type(pack.host.folder), extra_folders)],
    )

    async def run(method, path, headers, options):
        app = web.Application()
        app.router.add_get(routes.WEIGHTS, routes.answer_weights)
        app.router.add_post(routes.FETCH, routes.answer_fetch)
        app.router.add_post(routes.STOP, routes.answer_stop)
        runner = web.AppRunner(app)
        await runner.setup()
        site = web.TCPSite(runner, "127.0.0.1", 0)
        await site.start()
        url = f"http://127.0.0.1:{runner.addresses[0][1]}"
        headers = {k: url if v == "own" else v for k, v in headers.items()}
        try:
            async with (
                aiohttp.ClientSession() as session,
                session.request(method, url + path, headers=headers, **options) as answer,
            ):
                return answer.status, await answer.json()
        finally:
            await runner.cleanup()

    def send(method, path, headers=None, **options):
        return asyncio.run(run(method, path, headers or {}, options))

    return send


@pytest.fixture
def post(ask):
    def send(path, body, origin="own"):
        return ask("POST", path, {"Origin": origin}, json=body)

    return send


@pytest.fixture
def job(pack):
    found = pack.module("nodes.fetch_job").JOB
    yield found
    found.stop()
    assert found.wait(20)


def events(pack):
    return [data for name, data in pack.host.events if name == "pdgrad.fetch"]


def test_what_a_recipe_lacks(pack, ask, server):
    status, found = ask("GET", "/pdgrad/weights?recipe=pdgrad&restorer=gfpgan")
    assert status == 200
    assert not found["ready"] and server.asked == []
    rows = {row["name"]: row for row in found["files"]}
    assert list(rows) == [
        *("ffhq512-prior", "gfpgan-1.4", "arcface-ir-se50", "vgg16", "retinaface", "parsenet")
    ]
    prior = rows["ffhq512-prior"]
    assert prior["licence"].startswith("NTU S-Lab") and prior["url"] and prior["path"] is None
    assert prior["folder"] == str(pack.host.folder / "pdgrad")
    assert rows["gfpgan-1.4"]["folder"] == str(pack.host.folder / "facerestore_models")
    assert [row["optional"] for row in found["files"]] == [False] * 4 + [True] * 2
    assert "pdgrad" in found["recipes"] and "gfpgan" in found["restorers"]


def test_an_unknown_recipe_is_a_sentence(ask):
    status, found = ask("GET", "/pdgrad/weights?recipe=pdgrd")
    assert status == 400 and "Did you mean 'pdgrad'" in found["error"]


def test_a_click_fetches_checks_and_installs(pack, ask, post, server, job):
    names = ["vgg16", "gfpgan-1.4"]
    status, found = post("/pdgrad/weights/fetch", {"names": names})
    assert (status, found) == (202, {"started": names})
    assert job.wait(20)
    assert (pack.host.folder / "pdgrad" / "vgg16-397923af.pth").read_bytes() == CONTENT
    assert (pack.host.folder / "facerestore_models" / "GFPGANv1.4.pth").read_bytes() == CONTENT
    told = events(pack)
    assert [one["name"] for one in told if one["state"] == "waiting"] == names
    last = {one["name"]: one for one in told}
    assert {one["state"] for one in last.values()} == {"done"}
    assert "sha256 is the published one" in last["vgg16"]["message"]
    fetching = [one for one in told if one["state"] == "fetching"]
    assert all(one["total"] == len(CONTENT) for one in fetching)
    _, found = ask("GET", "/pdgrad/weights?restorer=gfpgan")
    missing = {row["name"] for row in found["files"] if row["path"] is None}
    assert "vgg16" not in missing and "ffhq512-prior" in missing
    assert found["running"]["vgg16"]["state"] == "done"


@pytest.mark.parametrize(
    ("headers", "options", "status", "message"),
    [
        ({"Origin": "http://elsewhere.example"}, {"json": {"names": ["vgg16"]}}, 403, "own page"),
        ({"Origin": "null"}, {"json": {"names": ["vgg16"]}}, 403, "own page"),
        ({}, {"json": {"names": ["vgg16"]}}, 403, "own page"),
        ({"Origin": "own"}, {"data": '{"names": ["vgg16"]}'}, 403, "application/json"),
        ({"Origin": "own"}, {"data": {"names": "vgg16"}}, 403, "application/json"),
        ({"Origin": "own"}, {"json": {"names": []}}, 400, "short names"),
        ({"Origin": "own"}, {"json": {"names": "vgg16"}}, 400, "short names"),
        ({"Origin": "own"}, {"json": ["vgg16"]}, 400, "short names"),
        ({"Origin": "own"}, {"json": {"names": ["vgg16", "vgg61"]}}, 400, "no weight file named"),
        ({"Origin": "own"}, {"json": {"names": ["../../etc/passwd"]}}, 400, "no weight file"),
        ({"Origin": "own"}, {"json": {"names": ["pgdiff-rrdb"]}}, 400, "no download"),
    ],
)
def test_nothing_else_starts_a_download(pack, ask, server, headers, options, status, message):
    found = ask("POST", "/pdgrad/weights/fetch", headers, **options)
    assert found[0] == status and message in found[1]["error"]
    assert server.asked == [] and not events(pack)
    # Looking is no download either.
    assert ask("GET", "/pdgrad/weights?names=vgg16")[0] == 200
    assert server.asked == []


def test_a_body_that_is_no_json_is_refused(ask, server):
    headers = {"Origin": "own", "Content-Type": "application/json"}
    assert ask("POST", "/pdgrad/weights/fetch", headers, data="names=vgg16")[0] == 400


def test_a_wrong_file_is_removed_and_the_next_one_is_fetched(pack, post, server, job, monkeypatch):
    catalogue = pack.module("pdgrad_core.weights.catalogue")
    wrong = [
        replace(file, sha256="0" * 64) if file.name == "vgg16" else file
        for file in catalogue.CATALOGUE
    ]
    monkeypatch.setattr(catalogue, "CATALOGUE", tuple(wrong))
    post("/pdgrad/weights/fetch", {"names": ["vgg16", "retinaface"]})
    assert job.wait(20)
    last = {one["name"]: one for one in events(pack)}
    assert (
        last["vgg16"]["state"] == "failed" and "not the published file" in last["vgg16"]["message"]
    )
    assert last["retinaface"]["state"] == "done"
    assert not list((pack.host.folder / "pdgrad").iterdir())


def test_one_job_at_a_time_and_it_can_be_stopped(pack, post, server, job, monkeypatch):
    fetch_job = pack.module("nodes.fetch_job")
    began, go = fetch_job.threading.Event(), fetch_job.threading.Event()
    fetch_module = pack.module("pdgrad_core.weights.fetch")
    real = fetch_module.fetch

    def slow(*args):
        began.set()
        assert go.wait(20)
        return real(*args)

    monkeypatch.setattr(fetch_module, "fetch", slow)
    assert post("/pdgrad/weights/fetch", {"names": ["vgg16", "retinaface"]})[0] == 202
    assert began.wait(20)
    status, found = post("/pdgrad/weights/fetch", {"names": ["parsenet"]})
    assert status == 409 and "already" in found["error"]
    assert post("/pdgrad/weights/stop", {}, origin="http://elsewhere.example")[0] == 403
    assert post("/pdgrad/weights/stop", {})[0] == 200
    go.set()
    assert job.wait(20)
    last = {one["name"]: one for one in events(pack)}
    assert all("Stopped" in one["message"] for one in last.values())
    assert not (pack.host.folder / "pdgrad" / "vgg16-397923af.pth").exists()


def test_routes_are_entered_where_there_is_a_server(pack, monkeypatch):
    entered = []

    class Routes:
        def get(self, path):
            return lambda handler: entered.append(("GET", path, handler.__name__))

        def post(self, path):
            return lambda handler: entered.append(("POST", path, handler.__name__))

    import server as host_server

    monkeypatch.setattr(host_server.PromptServer.instance, "routes", Routes(), raising=False)
    pack.module("nodes.fetch_routes").register_routes()
    assert [one[:2] for one in entered] == [
        ("GET", "/pdgrad/weights"),
        ("POST", "/pdgrad/weights/fetch"),
        ("POST", "/pdgrad/weights/stop"),
    ]
