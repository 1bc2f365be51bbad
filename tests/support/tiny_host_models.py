"""A node pack for tests: tiny models of the host's own layouts, of random weights.

It is copied into a host's custom_nodes, so it imports nothing of ours. The models are the host's
classes for SD 1.5, SDXL, SD3 and Flux (rectified flows), some of them by way of its loaders.
"""

import comfy.controlnet
import comfy.model_management
import comfy.model_patcher
import comfy.sd
import comfy.supported_models
import comfy.taesd.taesd
import torch
from comfy.ldm.models.autoencoder import AutoencoderKL

UNET = {
    "image_size": 32,
    "in_channels": 4,
    "out_channels": 4,
    "model_channels": 32,
    "num_res_blocks": [1, 1],
    "channel_mult": [1, 2],
    "transformer_depth": [1, 1],
    "transformer_depth_output": [1, 1, 1, 1],
    "transformer_depth_middle": 1,
    "use_spatial_transformer": True,
    "use_temporal_attention": False,
    "legacy": False,
}
SD15 = UNET | {"context_dim": 48, "use_linear_in_transformer": False, "adm_in_channels": None}
SDXL = UNET | {"context_dim": 48, "use_linear_in_transformer": True, "adm_in_channels": 2816}
SDXL |= {"num_classes": "sequential", "model_channels": 64}  # a head has 64
SD3 = {
    "in_channels": 16,
    "patch_size": 2,
    "out_channels": 16,
    "depth": 2,
    "input_size": None,
    "adm_in_channels": 64,
    "context_embedder_config": {
        "target": "torch.nn.Linear",
        "params": {"in_features": 48, "out_features": 128},
    },
    "num_patches": 1024,
    "pos_embed_max_size": 32,
    "pos_embed_scaling_factor": None,
}
FLUX = {
    "image_model": "flux",
    "in_channels": 16,
    "out_channels": 16,
    "patch_size": 2,
    "vec_in_dim": 64,
    "context_in_dim": 48,
    "hidden_size": 64,
    "mlp_ratio": 2.0,
    "num_heads": 2,
    "depth": 1,
    "depth_single_blocks": 1,
    "axes_dim": [8, 12, 12],
    "theta": 10000,
    "qkv_bias": True,
    "guidance_embed": True,
}
POOLED = {"sd": 48, "sdxl": 1280, "flow": 64, "flux": 64}
DECODER = {
    "double_z": True,
    "z_channels": 4,
    "resolution": 64,
    "in_channels": 3,
    "out_ch": 3,
    "ch": 32,
    "ch_mult": [1, 1, 1, 1],
    "num_res_blocks": 1,
    "attn_resolutions": [],
    "dropout": 0.0,
}


def fill(module, seed, gain=0.7):
    """Draw weights: the host's layers come without."""
    generator = torch.Generator().manual_seed(seed)
    for name, tensor in module.state_dict().items():
        if not tensor.is_floating_point():
            continue
        if tensor.ndim > 1:
            drawn = torch.randn(tensor.shape, generator=generator) / tensor[0].numel() ** 0.5
            tensor.copy_(gain * drawn)
        else:
            tensor.fill_(1.0 if name.endswith(("weight", "scale")) else 0.0)
    return module


def model_of(kind):
    classes = comfy.supported_models
    config = {
        "sd": (classes.SD15, SD15),
        "sdxl": (classes.SDXL, SDXL),
        "flow": (classes.SD3, SD3),
        "flux": (classes.Flux, FLUX),
    }
    cls, layout = config[kind]
    built = cls(dict(layout))
    built.set_inference_dtype(torch.float32, None)
    model = built.get_model({}, "", device=torch.device("cpu"))
    fill(model.diffusion_model, 1)
    if kind == "flow":
        # Its shapes say everything, so that the host's loader finds out what it is.
        weights = dict(model.diffusion_model.state_dict())
        return comfy.sd.load_diffusion_model_state_dict(weights)
    devices = comfy.model_management
    return comfy.model_patcher.ModelPatcher(
        model, devices.get_torch_device(), devices.unet_offload_device()
    )


def vae_of(kind):
    if kind.startswith("taesd"):
        small = comfy.taesd.taesd.TAESD(latent_channels=int(kind.removeprefix("taesd")))
        return comfy.sd.VAE(sd=dict(fill(small, 3).state_dict()))
    channels = 16 if kind == "kl16" else 4
    params = {"ddconfig": DECODER | {"z_channels": channels}, "embed_dim": channels}
    weights = fill(AutoencoderKL(**params), 2).state_dict()
    vae = comfy.sd.VAE(sd=dict(weights), config={"params": params})
    vae.latent_channels = channels
    if kind == "video":
        vae.latent_dim = 3
    if kind == "half":
        vae.vae_dtype = torch.bfloat16
        vae.first_stage_model.to(torch.bfloat16)
    return vae


class TinyModel:
    INPUT_TYPES = classmethod(lambda cls: {"required": {"kind": ("STRING", {})}})
    RETURN_TYPES = ("MODEL", "CONDITIONING", "CONDITIONING")
    FUNCTION = "run"
    CATEGORY = "tests"

    def run(self, kind):
        generator = torch.Generator().manual_seed(4)

        def conditioning():
            text = torch.randn(1, 7, 48, generator=generator)
            return [[text, {"pooled_output": torch.randn(1, POOLED[kind], generator=generator)}]]

        return model_of(kind), conditioning(), conditioning()


class TinyVAE:
    INPUT_TYPES = classmethod(lambda cls: {"required": {"kind": ("STRING", {})}})
    RETURN_TYPES = ("VAE",)
    FUNCTION = "run"
    CATEGORY = "tests"

    def run(self, kind):
        return (vae_of(kind),)


class TinyLora:
    """Changes one weight of a MODEL as a LoRA does."""

    INPUT_TYPES = classmethod(lambda cls: {"required": {"model": ("MODEL",)}})
    RETURN_TYPES = ("MODEL",)
    FUNCTION = "run"
    CATEGORY = "tests"

    def run(self, model):
        patched = model.clone()
        name = next(name for name in model.model_state_dict() if name.endswith("proj_in.weight"))
        shape = model.model_state_dict()[name].shape
        difference = torch.randn(shape, generator=torch.Generator().manual_seed(5))
        assert patched.add_patches({name: (0.5 * difference,)}, 1.0)
        return (patched,)


class AddToMiddle(comfy.controlnet.ControlBase):
    """A ControlNet whose answer is a number."""

    def get_control(self, x_noisy, t, cond, batched_number, transformer_options):
        return {"input": [], "middle": [torch.full((1, 1, 1, 1), 2.0)], "output": []}

    def copy(self):
        made = AddToMiddle()
        self.copy_to(made)
        return made

    def get_models(self):
        return []


class TinyControl:
    INPUT_TYPES = classmethod(lambda cls: {"required": {"conditioning": ("CONDITIONING",)}})
    RETURN_TYPES = ("CONDITIONING",)
    FUNCTION = "run"
    CATEGORY = "tests"

    def run(self, conditioning):
        return ([[text, {**more, "control": AddToMiddle()}] for text, more in conditioning],)


class ShowLatent:
    INPUT_TYPES = classmethod(lambda cls: {"required": {"samples": ("LATENT",)}})
    RETURN_TYPES = ()
    OUTPUT_NODE = True
    FUNCTION = "run"
    CATEGORY = "tests"

    def run(self, samples):
        values = samples["samples"].flatten().tolist()
        return {"ui": {"values": values, "shape": list(samples["samples"].shape)}}


NODE_CLASS_MAPPINGS = {
    cls.__name__: cls for cls in (TinyModel, TinyVAE, TinyLora, TinyControl, ShowLatent)
}
