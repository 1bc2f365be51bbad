"""The tree keeps its own rules: names, sizes, who may import whom."""

import ast
from pathlib import Path

ROOT = Path(__file__).parents[2]
BANNED_NAMES = {"utils", "util", "helpers", "helper", "common", "misc"}
HOST_MODULES = {"comfy", "comfy_api", "comfy_extras", "comfy_execution", "folder_paths", "server"}
MAX_FILE_LINES = 300
MAX_FUNCTION_LINES = 50
# Networks that are one piece: cutting them up would hide their layout.
LONG_NETWORKS = {"pdgrad_core/diffusion/unet.py", "pdgrad_core/restorers/gan_prior.py"}


def sources(*folders):
    """Return the Python files below folders, as paths relative to the repository."""
    return sorted(
        path.relative_to(ROOT).as_posix()
        for folder in folders
        for path in (ROOT / folder).rglob("*.py")
    )


CORE = sources("pdgrad_core")
SHIPPED = ["__init__.py", "fetch_weights.py", *CORE, *sources("nodes", "scripts")]


def tree_of(name):
    return ast.parse((ROOT / name).read_text(encoding="utf-8"))


def imports_of(tree):
    """Yield (level, dotted module) of every import statement, at any depth."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from ((0, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            yield node.level, node.module or ""


def test_no_file_is_named_for_nothing():
    names = [*SHIPPED, *sources("tests")]
    parts = {part for name in names for part in Path(name).with_suffix("").parts}
    assert not parts & BANNED_NAMES


def test_files_stay_short():
    lengths = {
        name: len((ROOT / name).read_text(encoding="utf-8").splitlines())
        for name in SHIPPED
        if name not in LONG_NETWORKS
    }
    assert not {name: length for name, length in lengths.items() if length > MAX_FILE_LINES}


def test_functions_stay_short():
    lengths = {
        f"{name}: {node.name}": node.end_lineno - node.lineno + 1
        for name in SHIPPED
        if name not in LONG_NETWORKS
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    }
    assert not {name: length for name, length in lengths.items() if length > MAX_FUNCTION_LINES}


def test_the_core_imports_neither_the_host_nor_itself_by_name():
    # A second, absolute import would make a second registry: the pack loads under a path.
    banned = HOST_MODULES | {"pdgrad_core", "nodes"}
    found = {
        f"{name}: {module}"
        for name in CORE
        for level, module in imports_of(tree_of(name))
        if level == 0 and module.split(".")[0] in banned
    }
    assert not found


def test_no_v1_node_table_hides_the_entry_point():
    tables = {"NODE_CLASS_MAPPINGS", "NODE_DISPLAY_NAME_MAPPINGS"}
    found = {
        name
        for name in SHIPPED
        for node in ast.walk(tree_of(name))
        if isinstance(node, ast.Name) and node.id in tables
    }
    assert not found


def test_the_door_imports_nothing_before_it_is_opened():
    top_level = tree_of("__init__.py").body
    assert not [node for node in top_level if isinstance(node, ast.Import | ast.ImportFrom)]


def test_the_suite_keeps_its_own_layout():
    assert not list((ROOT / "tests").rglob("__init__.py"))
