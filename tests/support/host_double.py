"""A light stand-in for the few names of ComfyUI that the nodes touch, and the pack loaded into it.

Only shapes and bookkeeping are imitated. What the host really does is tested against a checkout, by
the tests marked `host`.
"""

import importlib.util
import sys
from pathlib import Path
from types import ModuleType, SimpleNamespace

import torch

ROOT = Path(__file__).parents[2]

PACK = "/custom_nodes/pdgrad"
"""The host names a pack's module after its path."""


TYPES = {
    "Image": "IMAGE",
    "Mask": "MASK",
    "String": "STRING",
    "Int": "INT",
    "Float": "FLOAT",
    "Boolean": "BOOLEAN",
    "Combo": "COMBO",
    "Model": "MODEL",
    "Vae": "VAE",
    "Conditioning": "CONDITIONING",
    "UpscaleModel": "UPSCALE_MODEL",
    "Noise": "NOISE",
    "Guider": "GUIDER",
    "Sampler": "SAMPLER",
    "Sigmas": "SIGMAS",
    "Latent": "LATENT",
}
"""The io types that the nodes use."""


class Interrupted(Exception):  # noqa: N818
    """The host's InterruptProcessingException."""


class Socket:
    """An input or output of a schema: its id, type and options."""

    def __init__(self, kind, name, *, optional=False, tooltip=None, display_name=None, **options):
        self.kind, self.id, self.optional, self.tooltip = kind, name, optional, tooltip
        self.display_name = display_name
        self.options = {key: value for key, value in options.items() if value is not None}
        if "upload" in self.options:  # the host sends it under its own name
            self.options[self.options.pop("upload")] = True


def make_type(kind):
    """Return an io type with `Input` and `Output`."""
    return SimpleNamespace(
        kind=kind,
        Input=lambda name, **options: Socket(kind, name, **options),
        Output=lambda name, **options: Socket(kind, name, **options),
    )


def multi_input(name, types, **options):
    return Socket(",".join(one.kind for one in types), name, **options)


class Schema:
    def __init__(self, node_id, display_name, category, description="", **options):
        self.node_id, self.display_name = node_id, display_name
        self.category, self.description = category, description
        self.inputs, self.outputs = options["inputs"], options["outputs"]
        self.hidden = options.get("hidden", [])
        self.is_output_node = options.get("is_output_node", False)
        self.is_input_list = options.get("is_input_list", False)


class NodeOutput:
    def __init__(self, *args, ui=None):
        self.args, self.ui = args, ui


class ComfyNode:
    hidden = SimpleNamespace(unique_id="7")


class ModelPatcher:
    """Holds a network; tests look at what was loaded."""

    def __init__(self, model, load_device, offload_device):
        self.model, self.load_device, self.offload_device = model, load_device, offload_device
        self.post_cfg = None

    def model_size(self):
        return sum(one.numel() * one.element_size() for one in self.model.parameters())

    def set_model_sampler_post_cfg_function(self, function):
        self.post_cfg = function


class Base:
    """comfy.supported_models_base.BASE."""

    def __init__(self, unet_config):
        self.unet_config = unet_config

    def set_inference_dtype(self, dtype, manual_cast_dtype):
        self.dtype, self.manual_cast_dtype = dtype, manual_cast_dtype


class BaseModel(torch.nn.Module):
    """comfy.model_base.BaseModel, without a sampler."""

    def __init__(self, config, model_type, device=None):
        super().__init__()
        self.model_config, self.model_type, self.device = config, model_type, device


class Host:
    """The stand-in's state: what nodes reported, and what tests ask it to do.

    Attributes:
        folder: The models folder.
        progress: (value, total, preview) of every report.
        events: (name, data) sent to the page.
        loaded: Networks handed to `load_models_gpu`, a list per call.
        unloaded: How often all models were freed.
        memory_bytes: The device's.
        texts: (text, node) shown on nodes.
        interrupt_after: Steps after which the user presses Cancel; None for never.
    """

    def __init__(self, folder):
        self.folders = {}
        self.reset(folder)

    def reset(self, folder):
        """Forget what happened, and take another models folder."""
        self.folder = Path(folder)
        self.folders = {name: [str(self.folder / name)] for name in self.folders}
        self.progress, self.events, self.loaded = [], [], []
        self.unloaded = 0
        self.interrupt_after = None
        self.memory_bytes = 8 << 30
        self.texts = []

    @property
    def input_folder(self):
        """Where users' pictures lie."""
        return self.folder / "input"

    def throw_if_interrupted(self):
        if self.interrupt_after is not None and len(self.progress) >= self.interrupt_after:
            raise Interrupted

    def load_models_gpu(self, patchers, memory_required=0):
        self.loaded.append([patcher.model for patcher in patchers])

    def add_folder(self, category, path):
        self.folders.setdefault(category, []).append(path)

    def files(self, category):
        paths = [Path(path) for path in self.folders[category]]
        return sorted(f.name for path in paths if path.is_dir() for f in path.iterdir())

    def full_path(self, category, name):
        found = [Path(folder) / name for folder in self.folders[category]]
        return next((str(path) for path in found if path.is_file()), None)

    def modules(self):
        """Return the host's modules by name."""
        host = self

        class ProgressBar:
            def __init__(self, total, node_id=None):
                self.total = total

            def update_absolute(self, value, total=None, preview=None):
                host.throw_if_interrupted()
                host.progress.append((value, total, preview))

        def unload_all_models():
            host.unloaded += 1

        server = SimpleNamespace(
            client_id="page",
            send_sync=lambda name, data, client: host.events.append((name, data)),
            send_progress_text=lambda text, node, _client: host.texts.append((text, node)),
        )
        io = SimpleNamespace(
            **{name: make_type(kind) for name, kind in TYPES.items()},
            Custom=make_type,
            MultiType=SimpleNamespace(Input=multi_input),
            Hidden=SimpleNamespace(unique_id="UNIQUE_ID"),
            UploadType=SimpleNamespace(image="image_upload"),
            Schema=Schema,
            NodeOutput=NodeOutput,
            ComfyNode=ComfyNode,
        )
        cpu = torch.device("cpu")
        contents = {
            "comfy": {},
            "comfy.utils": {"ProgressBar": ProgressBar},
            "comfy.model_patcher": {"ModelPatcher": ModelPatcher},
            "comfy.model_management": {
                "OOM_EXCEPTION": torch.OutOfMemoryError,
                "get_torch_device": lambda: cpu,
                "get_total_memory": lambda _device: self.memory_bytes,
                "get_free_memory": lambda _device: self.memory_bytes,
                "unet_offload_device": lambda: cpu,
                "intermediate_device": lambda: cpu,
                "load_models_gpu": self.load_models_gpu,
                "unload_all_models": unload_all_models,
                "soft_empty_cache": lambda: None,
                "throw_exception_if_processing_interrupted": self.throw_if_interrupted,
            },
            "comfy.latent_formats": {"LatentFormat": type("LatentFormat", (), {})},
            "comfy.supported_models_base": {"BASE": Base},
            "comfy.model_base": {
                "BaseModel": BaseModel,
                "ModelType": SimpleNamespace(EPS="eps", V_PREDICTION="v"),
            },
            "comfy_execution": {},
            "comfy_execution.graph_utils": {"ExecutionBlocker": type("ExecutionBlocker", (), {})},
            "comfy_api": {},
            "comfy_api.latest": {"io": io, "ComfyExtension": type("ComfyExtension", (), {})},
            "folder_paths": {
                "models_dir": str(self.folder),
                "add_model_folder_path": self.add_folder,
                "get_folder_paths": lambda category: list(self.folders[category]),
                "get_filename_list": self.files,
                "get_full_path": self.full_path,
                "get_input_directory": lambda: str(self.input_folder),
                "get_temp_directory": lambda: str(self.folder.with_name("temp")),
                "exists_annotated_filepath": lambda name: (self.input_folder / name).is_file(),
                "get_annotated_filepath": lambda name: str(self.input_folder / name),
                "filter_files_content_types": lambda names, kinds: [
                    name for name in names if Path(name).suffix in (".png", ".jpg")
                ],
            },
            "server": {"PromptServer": SimpleNamespace(instance=server)},
        }
        modules = {name: ModuleType(name) for name in contents}
        for name, content in contents.items():
            vars(modules[name]).update(content)
            parent, _, child = name.rpartition(".")
            if parent:
                setattr(modules[parent], child, modules[name])
        return modules


class Pack:
    """The node pack, loaded by its path as the host loads it.

    Attributes:
        host: The stand-in it runs in.
        nodes: Every node class by its id.
    """

    def __init__(self, folder, patch):
        self.host = Host(folder)
        for name, module in self.host.modules().items():
            patch.setitem(sys.modules, name, module)
        for name in [name for name in sys.modules if name.startswith(PACK)]:
            patch.delitem(sys.modules, name)
        spec = importlib.util.spec_from_file_location(PACK, ROOT / "__init__.py")
        self.root = importlib.util.module_from_spec(spec)
        patch.setitem(sys.modules, PACK, self.root)
        spec.loader.exec_module(self.root)
        self.nodes = {cls.define_schema().node_id: cls for cls in self.module("nodes").node_list()}

    def module(self, name):
        """Return one of the pack's modules, "nodes.sample" or "pdgrad_core.errors"."""
        return importlib.import_module(f".{name}", PACK)

    def error(self, name):
        """Return one of the core's errors; the pack has a copy of the core under its own name."""
        return getattr(self.module("pdgrad_core.errors"), name)

    def run(self, node_id, **inputs):
        """Run a node as the host does, in inference mode, defaults filled in; return its output."""
        node = self.nodes[node_id]
        known = {socket.id: socket for socket in node.define_schema().inputs}
        assert set(inputs) <= set(known), f"{node_id} has no {set(inputs) - set(known)}"
        for name, socket in known.items():
            if name not in inputs and "default" in socket.options:
                inputs[name] = socket.options["default"]
        with torch.inference_mode():
            return node.execute(**inputs)


def describe(schema):
    """Return a schema's public interface as plain data: what saved workflows depend on."""
    return {
        "display_name": schema.display_name,
        "category": schema.category,
        "output_node": bool(schema.is_output_node),
        "inputs": [
            {"id": s.id, "type": s.kind, "optional": s.optional, **s.options} for s in schema.inputs
        ],
        "outputs": [{"id": s.id, "type": s.kind} for s in schema.outputs],
    }
