"""PGDiff's properties as nodes: whole tasks wired from them, and what they refuse."""

import pytest
import torch
from networks import small_discriminator
from recipe import fill
from safetensors.torch import save_file

SIZE = 32


@pytest.fixture
def hole():
    with torch.inference_mode():
        mask = torch.zeros(1, SIZE, SIZE)
        mask[:, 8:16, 8:20] = 1
        return mask


@pytest.fixture
def sample(pack, loaded):
    def run(image, guidance, **settings):
        out = pack.run(
            "PDGradDDPMSampler", prior=loaded.prior, image=image, guidance=guidance,
            **{"steps": 3, "tau": 300, "strength": 0.3, **settings},
        )  # fmt: skip
        return out.args

    return run


@pytest.fixture
def discriminator(pack):
    folder = pack.host.folder / "facerestore_models"
    folder.mkdir(parents=True)
    save_file(small_discriminator().network.state_dict(), folder / "d.safetensors")
    return pack.run("PDGradLoadDiscriminator", weights="d.safetensors").args[0]


@pytest.fixture
def rrdb(pack):
    """PGDiff's restorer, small, under the host's care."""
    module = pack.module("pdgrad_core.restorers.rrdb")
    network = fill(module.RRDBNetwork(8, 4, 1))
    patcher = pack.module("nodes.boundary").patcher_for(network)
    return pack.module("nodes.sockets").LoadedRestorer(module.RRDBRestorer(network), patcher)


def test_inpainting_never_looks_into_the_hole(pack, sample, faces, hole):
    with torch.inference_mode():
        photo = faces(size=SIZE)
        painted = torch.where(hole[..., None] > 0, 1 - photo, photo)
    results = []
    for image in (photo, painted):
        loss = pack.run("PDGradPixelLoss", image=image, mask=hole).args[0]
        guided = pack.run("PDGradMaskGuidance", guidance=loss, mask=hole).args[0]
        results.append(sample(photo, guided)[0])
    assert torch.equal(*results)


def test_an_old_photo_is_wired_from_its_parts(pack, sample, faces, hole, rrdb):
    photo = faces(2, size=SIZE)
    light = pack.run("PDGradLightnessLoss", image=photo, mask=hole, restorer=rrdb).args[0]
    color = pack.run("PDGradColorStatisticsLoss", weight=0.5, style=faces(3, seed=5)).args[0]
    both = pack.run("PDGradAddGuidance", first=light, second=color).args[0]
    masked = pack.run("PDGradMaskGuidance", guidance=both, mask=hole).args[0]
    image, trace = sample(photo, masked, strength_scope="channel")
    assert image.isfinite().all()
    assert {"lightness.image.loss", "color.statistics.loss"} <= set(trace.rows[0])
    assert rrdb.patcher.model in pack.host.loaded[-1]


def test_surgery_between_properties(pack, sample, faces, hole):
    photo = faces(size=SIZE)
    light = pack.run("PDGradLightnessLoss", image=photo).args[0]
    color = pack.run("PDGradColorStatisticsLoss").args[0]
    wired = pack.run("PDGradGradientSurgery", pivot=light, other=color, name="old").args[0]
    masked = pack.run("PDGradMaskGuidance", guidance=wired, mask=hole).args[0]
    assert "old.cosine" in sample(photo, masked)[1].rows[0]


def test_quality_and_identity(pack, sample, loaded, faces, discriminator):
    photo = faces(size=SIZE)
    parts = [
        pack.run("PDGradIdentityLoss", features=loaded.features, image=faces(2, SIZE, 4)),
        pack.run(
            "PDGradIdentityLoss", features=loaded.features, image=photo, form="cosine", name="cos"
        ),
        pack.run("PDGradPerceptualLoss", features=loaded.features, image=photo),
        pack.run(
            "PDGradPerceptualLoss", features=loaded.features, image=photo, form="lpips",
            name="lpips", restorer=loaded.restorer,
        ),
        pack.run("PDGradAdversarialLoss", discriminator=discriminator),
    ]  # fmt: skip
    wired = parts[0].args[0]
    for part in parts[1:]:
        wired = pack.run("PDGradAddGuidance", first=wired, second=part.args[0]).args[0]
    image, trace = sample(photo, wired)
    assert image.isfinite().all()
    names = "identity1.arc identity2.arc cos.arc perceptual.vgg lpips.vgg adversarial.score"
    assert {f"{name}.loss" for name in names.split()} <= set(trace.rows[0])
    assert discriminator.patchers[0].model in pack.host.loaded[-1]


def test_wrong_masks_and_grey_styles_are_refused_at_the_node(pack, faces, hole):
    photo = faces(size=SIZE)
    with torch.inference_mode():
        wrong = {
            "hold other values": hole * 0.5,
            "covers the whole image": torch.ones_like(hole),
            "mask is 16x32 pixels": hole[..., :16],
        }
        grey = photo[..., :1].repeat(1, 1, 1, 3)
    for message, mask in wrong.items():
        for node in ("PDGradPixelLoss", "PDGradLightnessLoss"):
            with pytest.raises(pack.error("InvalidInputError"), match=message):
                pack.run(node, image=photo, mask=mask)
    with pytest.raises(pack.error("InvalidInputError"), match=r"Picture 1 .* is grey"):
        pack.run("PDGradColorStatisticsLoss", style=grey)
    validate = pack.nodes["PDGradPerceptualLoss"].validate_inputs
    assert "conv9_9" in validate("squared", "conv9_9", "auto")


def test_a_mask_of_another_size_than_the_faces_is_refused_before_the_first_step(
    pack, sample, faces, hole
):
    loss = pack.run("PDGradPixelLoss", image=faces(size=16)).args[0]
    masked = pack.run("PDGradMaskGuidance", guidance=loss, mask=hole).args[0]
    with pytest.raises(pack.error("InvalidInputError"), match="mask is 32x32 pixels"):
        sample(faces(size=16), masked)
    assert not pack.host.progress
