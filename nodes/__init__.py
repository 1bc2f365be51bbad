"""The nodes: schemas, and one call into the core each. Imported when the host asks for them."""

from comfy_api.latest import ComfyExtension, io


class PDGradExtension(ComfyExtension):
    """The pack as the host sees it."""

    async def get_node_list(self) -> list[type[io.ComfyNode]]:
        """Return every node, in the order of the data flow."""
        return node_list()


def node_list() -> list[type[io.ComfyNode]]:
    """Return every node class, and make the pack's model folders known to the host."""
    from . import (
        align,
        combine,
        contraction,
        degrade,
        demo,
        losses,
        metrics,
        paste,
        prior,
        properties,
        quality,
        restore,
        sample,
        trace,
        weights,
    )

    weights.register_folders()
    modules = (
        *(prior, restore, losses, demo, degrade, align, paste, combine, contraction),
        *(sample, trace, metrics, properties, quality),
    )
    return [node for module in modules for node in module.NODES]
