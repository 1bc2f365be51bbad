"""What the page's Fetch Weights tab asks the server for: what is missing, and to fetch it.

Nothing is downloaded but on a POST from the page itself, which a user's click sends.
"""

import asyncio
import logging
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..pdgrad_core.errors import PDGradError

if TYPE_CHECKING:
    from aiohttp.web import Request, Response

    from ..pdgrad_core.preflight import Preflight
    from ..pdgrad_core.weights.catalogue import WeightFile
    from .fetch_job import FetchJob

logger = logging.getLogger(__name__)

WEIGHTS, FETCH, STOP = "/pdgrad/weights", "/pdgrad/weights/fetch", "/pdgrad/weights/stop"


def register_routes() -> None:
    """Enter the routes into the host's server; without one there is nothing to do."""
    from server import PromptServer

    routes: Any = getattr(getattr(PromptServer, "instance", None), "routes", None)
    if routes is not None:
        routes.get(WEIGHTS)(answer_weights)
        routes.post(FETCH)(answer_fetch)
        routes.post(STOP)(answer_stop)


async def answer_weights(request: "Request") -> "Response":
    """Answer what a recipe needs (`?recipe=NAME&restorer=NAME`) and what of it is here."""
    from aiohttp.web import json_response

    recipe = request.query.get("recipe") or ""
    restorer = request.query.get("restorer") or None
    try:
        # In a thread: it looks into folders, which may lie on a slow disk.
        return json_response(await asyncio.to_thread(weights_of, recipe, restorer))
    except PDGradError as error:
        return json_response({"error": str(error)}, status=400)


async def answer_fetch(request: "Request") -> "Response":
    """Start fetching the files named in the body, `{"names": [...]}`."""
    from aiohttp.web import json_response

    refusal = refused(request)
    if refusal:
        return json_response({"error": refusal}, status=403)
    try:
        body: Any = await request.json()
        files = _files(body)
        _job().start(files)
    except ValueError as error:  # no JSON, or a list that cannot be used
        return json_response({"error": str(error)}, status=400)
    except PDGradError as error:
        return json_response({"error": str(error)}, status=409)
    return json_response({"started": [file.name for file in files]}, status=202)


async def answer_stop(request: "Request") -> "Response":
    """Stop what is being fetched; what has arrived is kept for the next time."""
    from aiohttp.web import json_response

    refusal = refused(request)
    if refusal:
        return json_response({"error": refusal}, status=403)
    _job().stop()
    return json_response({})


def refused(request: "Request") -> str:
    """Return why a request is not the page's own, or nothing.

    A form or a picture on another site can make a browser send a POST here, but neither with this
    content type nor with this origin.
    """
    if request.content_type != "application/json":
        return "Expected a request of the type application/json."
    origin = request.headers.get("Origin", "")
    if urlsplit(origin).netloc != request.host:
        return (
            f"Weights are fetched from ComfyUI's own page only, at {request.host}, not from "
            f"{origin or 'elsewhere'}."
        )
    return ""


def weights_of(recipe: str, restorer: str | None) -> dict[str, Any]:
    """Return all that the page shows of a recipe; of the default one for an empty name.

    Raises:
        UnknownNameError: There is no such recipe or restorer.
    """
    from ..pdgrad_core.recipes import DEFAULT_RECIPE, RECIPES
    from ..pdgrad_core.restorers import RESTORERS
    from ..pdgrad_core.weights.command_lines import pip_command
    from .weights import lacking

    recipe = recipe or DEFAULT_RECIPE
    found = lacking(RECIPES[recipe], restorer)
    packages = found.missing_packages
    return {
        "recipe": recipe,
        "restorer": restorer or "",
        "recipes": {name: row.title for name, row in RECIPES.members.items()},
        "restorers": [name for name, one in RESTORERS.members.items() if one.weights],
        "ready": found.ready,
        "files": _rows(found),
        "packages": [{"name": one.pip, "remark": one.remark} for one in packages],
        "pip": pip_command(packages) if packages else "",
        "notes": list(found.notes),
        "running": _job().states(),
    }


def _rows(found: "Preflight") -> list[dict[str, Any]]:
    """Return the files, those that are needed first."""
    needed = [(one.file, one.path, False) for one in found.files]
    optional = [(file, path, True) for file, path in found.optional]
    return [
        {
            "name": file.name,
            "file": file.file_name,
            "purpose": file.purpose,
            "licence": file.licence,
            "size": file.size_text,
            "megabytes": file.about_megabytes,
            "url": file.url,
            "page": file.page,
            "folder": str(found.target(file)),
            "path": None if path is None else str(path),
            "optional": is_optional,
            "checked": file.sha256 is not None,
        }
        for file, path, is_optional in needed + optional
    ]


def _files(body: Any) -> "list[WeightFile]":
    """Return the catalogue's entries that a request names.

    Raises:
        ValueError: It names none, or one that is unknown or has no download.
    """
    from ..pdgrad_core.weights.catalogue import weight_file

    names: Any = body.get("names") if isinstance(body, dict) else None
    if not isinstance(names, list) or not names or not all(isinstance(n, str) for n in names):
        raise ValueError('Expected {"names": [...]} with the short names of weight files.')
    try:
        files = [weight_file(name) for name in dict.fromkeys(names)]
    except PDGradError as error:
        raise ValueError(str(error)) from error
    for file in files:
        if file.url is None:
            raise ValueError(f"{file.file_name} has no download; get it from {file.page}.")
    return files


def _job() -> "FetchJob":
    """Return the one job; its module is loaded when somebody asks, not when the host starts."""
    from .fetch_job import JOB

    return JOB
