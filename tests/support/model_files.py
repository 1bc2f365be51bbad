"""A folder of small random models under the official file names, for commands and nodes."""

import torch
from golden import tiny_unet
from networks import SMALL_IRESNET, SMALL_WIDTHS, small_vgg
from recipe import fill

from pdgrad_core.checkpoints import METADATA_ENTRY, TEST_WEIGHTS_KEY
from pdgrad_core.diffusion.priors.guided_diffusion import PriorConfig
from pdgrad_core.features.iresnet import IResNet
from pdgrad_core.features.vgg import HEAD_TAPS, VGG16

SIZE_PX = 32
"""Side of the faces that the tiny prior says it was trained on."""


def write_models(folder):
    """Write prior, ArcFace and VGG16 (with heads) into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = PriorConfig(image_size=SIZE_PX, num_head_channels=32)
    metadata = {**config.to_metadata(), TEST_WEIGHTS_KEY: "small and random"}
    prior = dict(tiny_unet().state_dict())
    torch.save({**prior, METADATA_ENTRY: metadata}, folder / "iddpm_ffhq512_ema500000.pth")
    arcface = fill(IResNet(SMALL_IRESNET)).state_dict()
    torch.save(arcface, folder / "ms1mv3_arcface_r50_fp16.pth")
    heads = small_vgg().heads
    keys = {
        f"lin{i}.model.1.weight": heads[tap].view(1, -1, 1, 1) for i, tap in enumerate(HEAD_TAPS)
    }
    trunk = fill(VGG16(SMALL_WIDTHS), gain=2**0.5).state_dict()
    torch.save({**trunk, **keys}, folder / "vgg16-397923af.pth")
    return folder
