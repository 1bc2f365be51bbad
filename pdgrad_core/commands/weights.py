"""`pdgrad weights`: which weight files there are, where they lie, fetching and checking them."""

import argparse
import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ..errors import FetchError
from ..files import check_folder
from ..weights.catalogue import CATALOGUE, WeightFile, weight_file
from ..weights.folders import fetch_folder, find, locate, search_folders
from .streams import announce, say

if TYPE_CHECKING:
    from ..weights.fetch import Fetched


def add_parser(subparsers: Any) -> None:
    """Enter `weights` and its actions into the command line."""
    parser = subparsers.add_parser(
        "weights",
        help="list, find, fetch and check weight files",
        description="Weight files: nothing is downloaded except by `pdgrad weights fetch NAME`.",
    )
    actions = parser.add_subparsers(dest="action", title="actions", metavar="ACTION", required=True)
    _add_action(actions, "list", "every weight file: purpose, size, licence, where it is")
    _add_action(actions, "where", "the folders searched, in order, and what was found")
    fetch = _add_action(actions, "fetch", "download weight files, check and install them")
    fetch.add_argument("names", nargs="+", metavar="NAME", help="short name, see `list`")
    fetch.add_argument(
        "--force",
        action="store_true",
        help="download a file that is there again; the old one stays until the new one has passed",
    )
    verify = _add_action(
        actions,
        "verify",
        "compare size and SHA-256 with the published ones, load the files, compare their layout",
    )
    verify.add_argument("names", nargs="*", metavar="NAME", help="short names; all found if none")
    make = _add_action(
        actions, "make-test", "write random weights of the official layouts (they restore nothing)"
    )
    make.add_argument("directory", type=Path, metavar="DIR", help="target folder")
    make.add_argument("--seed", type=int, required=True, metavar="N", help="0 or greater")
    make.add_argument("--only", nargs="+", metavar="NAME", help="only these files")


def run(args: argparse.Namespace) -> int:
    """Run one action and return the exit status: 1 where `verify` met another file."""
    actions = {
        "list": _list,
        "where": _where,
        "fetch": _fetch,
        "verify": _verify,
        "make-test": _make_test,
    }
    return actions[args.action](args)


def _add_action(actions: Any, name: str, text: str) -> argparse.ArgumentParser:
    action = actions.add_parser(name, help=text, description=text[0].upper() + text[1:] + ".")
    action.add_argument("--json", action="store_true", help="write the result as JSON")
    if name != "make-test":
        action.add_argument("--models", type=Path, metavar="DIR", help="folder of weight files")
    action.set_defaults(run=run)
    return action


def _list(args: argparse.Namespace) -> int:
    folders = search_folders(args.models)
    found = {file.name: locate(file, folders) for file in CATALOGUE}
    if args.json:
        _write_json([{**asdict(file), "path": _text(found[file.name])} for file in CATALOGUE])
        return 0
    for file in CATALOGUE:
        print(f"{file.name}: {file.file_name}, {file.size_text}")
        print(f"    for {file.purpose}")
        print(f"    licence: {file.licence}")
        print(f"    {_state(file, found[file.name])}")
    return 0


def _state(file: WeightFile, path: Path | None) -> str:
    if path is not None:
        return f"found: {path}"
    if file.url is None:
        return f"not found; by hand from {file.page}"
    return f"not found; pdgrad weights fetch {file.name}"


def _where(args: argparse.Namespace) -> int:
    folders = search_folders(args.models)
    found = {file.name: locate(file, folders) for file in CATALOGUE}
    target = fetch_folder(args.models)
    if args.json:
        _write_json(
            {
                "folders": [{"path": str(f), "exists": f.is_dir()} for f in folders],
                "fetch_folder": str(target),
                "files": {name: _text(path) for name, path in found.items()},
            }
        )
        return 0
    print("Searched in this order:")
    for folder in folders:
        print(f"    {folder}{'' if folder.is_dir() else '  (does not exist)'}")
    print(f"Fetched files go to:\n    {target}")
    print("Found:")
    for name, path in found.items():
        print(f"    {name}: {path or '-'}")
    return 0


def _fetch(args: argparse.Namespace) -> int:
    for folder in {fetch_folder(args.models, weight_file(name)) for name in args.names}:
        check_folder(folder)
    files = [weight_file(name) for name in args.names]
    results: list[dict[str, Any]] = []
    failed: list[str] = []
    for file in files:
        folder = fetch_folder(args.models, file)
        # Said before the first byte; beside JSON, the terminal's other channel is for people.
        (announce if args.json else say)(
            f"{file.name}: {file.file_name}, {file.size_text}; licence: {file.licence}\n"
            f"    from {file.url or file.page}\n    into {folder}"
        )
        fetched = _fetch_or_say(file, folder, args.force, alone=len(files) == 1)
        if fetched is None:
            failed.append(file.name)
            continue
        results.append({"name": file.name, **asdict(fetched), "path": str(fetched.path)})
        if not args.json:
            say(f"    {_outcome(fetched)}")
    if args.json:
        _write_json(results)
    if failed:
        done = len(files) - len(failed)
        announce(f"pdgrad: {done} of {len(files)} files are here; not {', '.join(failed)}.")
    return int(bool(failed))


def _fetch_or_say(file: WeightFile, folder: Path, force: bool, *, alone: bool) -> "Fetched | None":
    """Fetch a file; among several, one that cannot be fetched is named, and the others follow."""
    try:
        return _fetch_one(file, folder, force)
    except FetchError as error:
        if alone:
            raise
        announce(f"pdgrad: {file.name}: {error}")
        return None


def _fetch_one(file: WeightFile, folder: Path, force: bool) -> "Fetched":
    from tqdm import tqdm

    from ..weights.fetch import fetch

    # disable=None: no bar where nobody watches.
    hidden = True if sys.stderr is None or sys.stderr.closed else None
    with tqdm(unit="B", unit_scale=True, desc=file.file_name, disable=hidden) as bar:

        def show(received: int, total: int | None) -> None:
            bar.total = total
            bar.update(received - bar.n)

        return fetch(file, folder, show, force=force)


def _outcome(fetched: "Fetched") -> str:
    how = "fetched" if fetched.downloaded else "already there"
    if fetched.verified:
        return f"{how}; its sha256 is the published one"
    return f"{how}; sha256 {fetched.sha256} could not be verified: no published hash is known"


def _verify(args: argparse.Namespace) -> int:
    from ..weights.integrity import verify

    folders = search_folders(args.models)
    if args.names:
        paths = {name: find(name, folders) for name in args.names}
    else:
        located = {file.name: locate(file, folders) for file in CATALOGUE}
        paths = {name: path for name, path in located.items() if path is not None}
    results: list[dict[str, Any]] = []
    all_published = True
    for name, path in paths.items():
        verdict = verify(weight_file(name), path)
        all_published = all_published and verdict.usable
        results.append({"name": name, "path": str(path), **asdict(verdict)})
        if not args.json:
            print(f"{name}: {verdict.status} ({path})")
            if verdict.reason:
                print(f"    {verdict.reason}")
    if args.json:
        _write_json(results)
    elif not paths:
        print("No weight files were found; see: pdgrad weights where")
    return int(not all_published)


def _make_test(args: argparse.Namespace) -> int:
    from ..weights.testing import make_test_checkpoints

    def show(path: Path) -> None:
        if not args.json:
            say(f"{path} ({path.stat().st_size / 1e6:.0f} MB)")

    paths = make_test_checkpoints(args.directory, args.seed, args.only, done=show)
    if args.json:
        _write_json([{"path": str(p), "size_bytes": p.stat().st_size} for p in paths])
    else:
        say("These files hold random numbers: they run, and restore nothing.")
    return 0


def _text(path: Path | None) -> str | None:
    return None if path is None else str(path)


def _write_json(value: Any) -> None:
    print(json.dumps(value, indent=2))
