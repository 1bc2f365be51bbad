"""Every weight file this package can use: purpose, official source, size, hash and licence."""

from dataclasses import dataclass

from ..dependencies import EXTRA_ARCHES, FACEXLIB, LPIPS, SPANDREL, Package
from ..registry import unknown_name

_S_LAB = "NTU S-Lab License 1.0 (non-commercial)"
_INSIGHTFACE = "InsightFace: non-commercial research only"
_FACEXLIB = "https://github.com/xinntao/facexlib/releases"
_GPEN = "https://public-vigen-video.oss-cn-shanghai.aliyuncs.com/robin/models"


@dataclass(frozen=True)
class WeightFile:
    """One published weight file.

    Attributes:
        name: Short name, used on the command line and in code.
        file_names: Names under which it is looked for, the official one first.
        purpose: What it is for, as the end of "is needed for ...".
        licence: Licence of the weights, as their authors state it.
        category: ComfyUI's model folder for it: "pdgrad", "facerestore_models" or "facedetection".
        page: Page that describes it, and offers it where `url` is None.
        url: Direct download, None where it has to be downloaded by hand.
        size_bytes: Exact size, None where not known.
        about_mb: Size in megabytes, where the exact one is not known.
        sha256: 64 hexadecimal digits, None where not known.
        packages: Python packages that hold its network.
    """

    name: str
    file_names: tuple[str, ...]
    purpose: str
    licence: str
    category: str
    page: str
    url: str | None = None
    size_bytes: int | None = None
    about_mb: int | None = None
    sha256: str | None = None
    packages: tuple[Package, ...] = ()

    @property
    def file_name(self) -> str:
        """The official file name."""
        return self.file_names[0]

    @property
    def about_megabytes(self) -> float:
        """The size in megabytes, 0 where it is not known."""
        return float(self.about_mb or 0) if self.size_bytes is None else self.size_bytes / 1e6

    @property
    def size_text(self) -> str:
        """The size in words."""
        if self.size_bytes is not None:
            return f"{self.size_bytes / 1e6:.0f} MB"
        return "size unknown" if self.about_mb is None else f"about {self.about_mb} MB"


CATALOGUE: tuple[WeightFile, ...] = (
    WeightFile(
        name="ffhq512-prior",
        file_names=("iddpm_ffhq512_ema500000.pth",),
        purpose="the diffusion prior of faces at 512 px (DifFace)",
        licence=_S_LAB,
        category="pdgrad",
        page="https://github.com/zsyOAOA/DifFace",
        url="https://github.com/zsyOAOA/DifFace/releases/download/V1.0/iddpm_ffhq512_ema500000.pth",
        about_mb=639,
        sha256="e16446b14cff4fedf1102ba67945fcced2074500a3fe8fd2bfad5d818928d1d0",
    ),
    WeightFile(
        name="codeformer",
        file_names=("codeformer.pth", "codeformer-v0.1.0.pth"),
        purpose="the coarse restoration by CodeFormer",
        licence=_S_LAB,
        category="facerestore_models",
        page="https://github.com/sczhou/CodeFormer",
        url="https://github.com/sczhou/CodeFormer/releases/download/v0.1.0/codeformer.pth",
        size_bytes=376637898,
        sha256="1009e537e0c2a07d4cabce6355f53cb66767cd4b4297ec7a4a64ca4b8a5684b7",
        packages=(SPANDREL, EXTRA_ARCHES),
    ),
    WeightFile(
        name="arcface-iresnet50",
        file_names=("ms1mv3_arcface_r50_fp16.pth",),
        purpose="the identity features that guide a restoration (ArcFace, iresnet50)",
        licence=_INSIGHTFACE,
        category="pdgrad",
        page="https://github.com/deepinsight/insightface/tree/master/recognition/arcface_torch",
        size_bytes=174680546,
        sha256="ef005ba502a2d0f40e7b94245054d3a23e375776f7035080fcbce45ae49cfb01",
    ),
    WeightFile(
        name="vgg16",
        file_names=("vgg16-397923af.pth",),
        purpose="the perceptual features and LPIPS (torchvision's VGG16)",
        licence="BSD-3-Clause (torchvision); trained on ImageNet",
        category="pdgrad",
        page="https://pytorch.org/vision/stable/models/vgg.html",
        url="https://download.pytorch.org/models/vgg16-397923af.pth",
        about_mb=553,
        sha256="397923af8e79cdbb6a7127f12361acd7a2f83e06b05044ddf496e83de57a5bf0",
        packages=(LPIPS,),
    ),
    WeightFile(
        name="retinaface",
        file_names=("detection_Resnet50_Final.pth",),
        purpose="finding faces in a photo (RetinaFace)",
        licence="MIT (Pytorch_Retinaface)",
        category="facedetection",
        page=_FACEXLIB,
        url=f"{_FACEXLIB}/download/v0.1.0/detection_Resnet50_Final.pth",
        size_bytes=109497761,
        sha256="6d1de9c2944f2ccddca5f5e010ea5ae64a39845a86311af6fdf30841b0a5a16d",
        packages=(FACEXLIB,),
    ),
    WeightFile(
        name="parsenet",
        file_names=("parsing_parsenet.pth",),
        purpose="the face mask when pasting a restored face back (ParseNet)",
        licence="CC BY-NC-SA 4.0 (PSFRGAN)",
        category="facedetection",
        page=_FACEXLIB,
        url=f"{_FACEXLIB}/download/v0.2.2/parsing_parsenet.pth",
        size_bytes=85331193,
        sha256="3d558d8d0e42c20224f13cf5a29c79eba2d59913419f945545d8cf7b72920de2",
        packages=(FACEXLIB,),
    ),
    WeightFile(
        name="awing",
        file_names=("alignment_WFLW_4HG.pth",),
        purpose="the 98 landmarks of the metric LMD (AWing)",
        licence="Apache-2.0 (AdaptiveWingLoss)",
        category="facedetection",
        page=_FACEXLIB,
        url=f"{_FACEXLIB}/download/v0.1.0/alignment_WFLW_4HG.pth",
        size_bytes=193670248,
        sha256="bbfd137307a4c7debd5c283b9b0ce539466cee417ac0a155e184d857f9f2899c",
        packages=(FACEXLIB,),
    ),
    WeightFile(
        name="arcface-ir-se50",
        file_names=("recognition_arcface_ir_se50.pth",),
        purpose="the identity features, or scoring where another guides (ArcFace, IR-SE50)",
        licence="MIT (InsightFace_Pytorch)",
        category="pdgrad",
        page=_FACEXLIB,
        url=f"{_FACEXLIB}/download/v0.1.0/recognition_arcface_ir_se50.pth",
        about_mb=175,
        sha256="a035c768259b98ab1ce0e646312f48b9e1e218197a0f80ac6765e88f8b6ddf28",
        packages=(FACEXLIB,),
    ),
    WeightFile(
        name="pgdiff-rrdb",
        file_names=("rrdb_iter_100000.pth",),
        purpose="PGDiff's own coarse restorer (RRDB)",
        licence=_S_LAB,
        category="pdgrad",
        page="https://github.com/pq-yang/PGDiff#blind-restoration",
    ),
    WeightFile(
        name="gfpgan-1.4",
        file_names=("GFPGANv1.4.pth",),
        purpose="the coarse restoration by GFPGAN",
        licence="Apache-2.0",
        category="facerestore_models",
        page="https://github.com/TencentARC/GFPGAN",
        url="https://github.com/TencentARC/GFPGAN/releases/download/v1.3.0/GFPGANv1.4.pth",
        size_bytes=348632874,
        sha256="e2cd4703ab14f4d01fd1383a8a8b266f9a5833dacee8e6a79d3bf21a1b6be5ad",
        packages=(SPANDREL,),
    ),
    WeightFile(
        name="restoreformer",
        file_names=("RestoreFormer.pth",),
        purpose="the coarse restoration by RestoreFormer",
        licence="not stated by its authors; published among GFPGAN's releases (Apache-2.0)",
        category="facerestore_models",
        page="https://github.com/TencentARC/GFPGAN",
        url="https://github.com/TencentARC/GFPGAN/releases/download/v1.3.4/RestoreFormer.pth",
        size_bytes=290785322,
        sha256="07404d446d62ca3d5ed38b1de09a947a1e77d46dbccec961a74d713a8f24ace0",
        packages=(SPANDREL,),
    ),
    WeightFile(
        name="gpen-512",
        file_names=("GPEN-BFR-512.pth",),
        purpose="the coarse restoration by GPEN",
        licence="Alibaba: academic and non-commercial use only",
        category="facerestore_models",
        page="https://github.com/yangxy/GPEN",
        url=f"{_GPEN}/GPEN-BFR-512.pth",
        size_bytes=284085738,
        sha256="f1002c41add95b0decad69604d80455576f7187dd99ca16bd611bcfd44c10b51",
    ),
    WeightFile(
        name="gpen-discriminator",
        file_names=("GPEN-BFR-512-D.pth",),
        purpose="the adversarial quality loss (GPEN's discriminator)",
        licence="Alibaba: academic and non-commercial use only",
        category="facerestore_models",
        page="https://github.com/yangxy/GPEN",
        url=f"{_GPEN}/GPEN-BFR-512-D.pth",
    ),
    WeightFile(
        name="idm-512",
        file_names=("idm_512.pth", "idm-512.safetensors"),
        purpose="restoring in ten steps with IDM; trained with scripts/train.py idm-512",
        licence="whoever trains it says so; none are published",
        category="pdgrad",
        page="https://github.com/pdgrad/pdgrad/blob/main/docs/training.md#idm",
        about_mb=492,
    ),
    WeightFile(
        name="gan-prior-512",
        file_names=("gan_prior_512.pth", "gan-prior-512.safetensors"),
        purpose="the coarse restoration by a GAN prior with MMRBs; trained with scripts/train.py",
        licence="whoever trains it says so; none are published",
        category="pdgrad",
        page="https://github.com/pdgrad/pdgrad/blob/main/docs/training.md#the-gan-prior",
        about_mb=459,
    ),
)
"""The weight files, those that a PDGrad restoration needs first."""


def weight_names() -> list[str]:
    """Return the short names of every weight file."""
    return [file.name for file in CATALOGUE]


def weight_file(name: str) -> WeightFile:
    """Return the catalogue's entry for a short name.

    Raises:
        UnknownNameError: There is none of that name.
    """
    for file in CATALOGUE:
        if file.name == name:
            return file
    raise unknown_name("weight file", name, weight_names())
