"""The nodes: schemas, and one call into the core each. Imported when the host asks for them."""

import importlib

from comfy_api.latest import ComfyExtension, io

MODULES = (
    *("photo", "restore_face", "prior", "restore", "features", "losses", "loss_nodes", "demo"),
    *("degrade", "align", "people", "paste", "combine", "contraction", "sample", "custom_sampling"),
    *("trace", "metrics", "authenticity", "guide_model", "folder"),
)
"""The modules that have nodes, in the order of the data flow; each lists its own in NODES."""


class PDGradExtension(ComfyExtension):
    """The pack as the host sees it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return every node, in the order of the data flow."""
        return node_list()


def node_list() -> list[type[io.ComfyNode]]:
    """Return every node class; make our model folders and the page's routes known to the host."""
    importlib.import_module(".weights", __name__).register_folders()
    importlib.import_module(".fetch_routes", __name__).register_routes()
    modules = [importlib.import_module(f".{name}", __name__) for name in MODULES]
    return [node for module in modules for node in module.NODES]
