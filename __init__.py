"""PDGrad for ComfyUI: the host's door. Nothing is imported before the host asks for the nodes."""

WEB_DIRECTORY = "./js"


async def comfy_entrypoint():  # noqa: ANN201  (the host's type, which is not importable here)
    """Return the extension with every node of the pack."""
    from .nodes import PDGradExtension

    return PDGradExtension()
