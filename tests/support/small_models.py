"""Eight tiny random networks under the embedded ones' names, for the demo and the studies."""

from golden import tiny_unet
from networks import SMALL_WIDTHS, small_vgg
from recipe import fill, fill_equalised
from safetensors.torch import save_file
from tiny_idm import DESCRIPTION, tiny_network

from pdgrad_core.diffusion.priors.guided_diffusion import PriorConfig
from pdgrad_core.features.iresnet import IResNet, IResNetConfig
from pdgrad_core.features.vgg import HEAD_TAPS, VGG16
from pdgrad_core.gan.config import GANPriorConfig
from pdgrad_core.gan.network import GANPriorNetwork
from pdgrad_core.restorers.coarse_net import CoarseNetwork


def write_small_models(folder):
    """Write the files of a set of demo networks into a folder, and return it."""
    folder.mkdir(parents=True, exist_ok=True)
    config = PriorConfig(image_size=64, num_head_channels=32)
    save_file(tiny_unet().state_dict(), folder / "prior.safetensors", config.to_metadata())
    save_file(fill(CoarseNetwork(4, 1)).state_dict(), folder / "coarse.safetensors")
    save_file(tiny_network().state_dict(), folder / "idm.safetensors", DESCRIPTION.to_metadata())
    gan = fill_equalised(GANPriorNetwork(GANPriorConfig((8, 8, 8, 6, 6), 16, 2)))
    save_file(gan.state_dict(), folder / "gan-prior.safetensors")
    for name, width in (("identity", 8), ("scorer-identity", 10)):
        network = fill(IResNet(IResNetConfig((1, 2, 2, 1), (width, 12, 16, 24), 20, 32)))
        save_file(network.state_dict(), folder / f"{name}.safetensors")
    heads = small_vgg().heads
    keys = {
        f"lin{i}.model.1.weight": heads[tap].view(1, -1, 1, 1) for i, tap in enumerate(HEAD_TAPS)
    }
    for name, gain in (("perceptual", 2**0.5), ("scorer-perceptual", 1.3)):
        trunk = fill(VGG16(SMALL_WIDTHS), gain=gain).state_dict()
        save_file({**trunk, **keys}, folder / f"{name}.safetensors")
    return folder
