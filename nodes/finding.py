"""By what else users look for a node, and which of its inputs they touch.

The page ranks a search by node id and title first, where a title that begins with the words or
holds them whole wins; aliases come after those, in hosts that know of them. So what most people
type is in a title, and the rest here.
"""

SEARCH_ALIASES = {
    "PDGradRestoreFace": (
        *("face restore", "face restoration", "restore face", "blind face restoration"),
        *("face detailer", "face fix", "fix face", "enhance face", "unblur face", "upscale face"),
        *("reference", "reference photo", "identity", "same person", "likeness", "keep identity"),
        *("old photo", "old photo restoration", "colorize", "colorization", "colourise"),
        *("codeformer", "gfpgan", "pdgrad", "pgdiff", "difbfsr"),
    ),
    "PDGradLoadPhoto": ("load image", "photo", "upload", "example face"),
    "PDGradLoadFolder": ("load images from folder", "batch", "directory", "album", "many photos"),
    "PDGradCustomSampling": ("samplercustomadvanced", "guider", "sigmas", "noise", "latent"),
    "PDGradLoadPrior": ("diffusion prior", "face model", "ffhq", "load model"),
    "PDGradPriorAsModel": ("pixel space", "ksampler", "face model"),
    "PDGradLoadRestorer": ("codeformer", "gfpgan", "restoreformer", "idm", "face restore model"),
    "PDGradCoarseRestore": ("codeformer", "gfpgan", "restoreformer", "apply codeformer"),
    "PDGradLoadFeatures": ("arcface", "vgg", "lpips", "insightface", "face embedding"),
    "PDGradLossBuilder": ("reference loss", "identity guidance", "perceptual guidance"),
    "PDGradLoadDiscriminator": ("gpen", "stylegan discriminator"),
    "PDGradAdversarialLoss": ("gan loss", "quality guidance"),
    "PDGradColorStatisticsLoss": ("colorize", "color style", "adain", "color transfer"),
    "PDGradLightnessLoss": ("colorize", "grayscale", "black and white photo"),
    "PDGradPixelLoss": ("l2 loss", "mse", "smooth semantics"),
    "PDGradIdentityLoss": ("arcface", "likeness", "face similarity"),
    "PDGradPerceptualLoss": ("lpips", "vgg loss"),
    "PDGradDemoFaces": ("example face", "test face", "sample face"),
    "PDGradDegrade": ("blur", "low quality", "jpeg artifacts", "add noise"),
    "PDGradAlignFaces": ("face crop", "crop face", "face detection", "retinaface", "detect faces"),
    "PDGradPerson": ("reference", "who is who", "face recognition", "character", "identity"),
    "PDGradMatchPeople": (
        *("face recognition", "who is who", "group photo", "several people", "face match"),
        *("reference per face", "insightface", "reactor"),
    ),
    "PDGradPasteFaces": ("paste back", "uncrop face", "composite face", "stitch"),
    "PDGradGradientSurgery": ("pcgrad", "conflicting gradients", "pdgrad", "mgda"),
    "PDGradAddGuidance": ("combine guidance", "sum", "weighted sum"),
    "PDGradMaskGuidance": ("inpaint", "mask"),
    "PDGradContraction": ("low pass", "ilvr", "difbfsr"),
    "PDGradSelfSupervisedSR": ("super resolution", "upscale face", "difbfsr", "srm"),
    "PDGradDDPMSampler": ("ddpm", "ddim", "guided diffusion", "sample face"),
    "PDGradGuideModel": (
        *("ksampler", "sdxl", "flux", "stable diffusion", "guide model", "model patch"),
        *("reference", "likeness", "same person", "universal guidance", "mpgd", "flowchef"),
    ),
    "PDGradTracePlot": ("plot", "chart", "gradient plot"),
    "PDGradCompare": ("psnr", "ssim", "lpips", "face similarity", "metrics"),
    "PDGradAuthenticity": ("authenticity", "oversmoothing", "spoil a photo", "metrics", "idm"),
}
"""Other words for a node, by its id."""

_LOSS = ("weight", "form")

OFTEN_CHANGED = {
    "PDGradRestoreFace": ("recipe", "models", "seed", "strength", "fidelity", "faces"),
    "PDGradLoadPhoto": ("photo",),
    "PDGradCustomSampling": ("seed", "steps", "tau", "sampler_name", "strength"),
    "PDGradLoadPrior": ("weights",),
    "PDGradLoadRestorer": ("weights",),
    "PDGradCoarseRestore": ("fidelity",),
    "PDGradLoadFeatures": ("identity", "perceptual"),
    "PDGradLossBuilder": ("level", "weight"),
    "PDGradLoadDiscriminator": ("weights",),
    "PDGradAdversarialLoss": _LOSS,
    "PDGradColorStatisticsLoss": _LOSS,
    "PDGradLightnessLoss": _LOSS,
    "PDGradPixelLoss": _LOSS,
    "PDGradIdentityLoss": _LOSS,
    "PDGradPerceptualLoss": _LOSS,
    "PDGradDemoFaces": ("scene", "person", "view", "count"),
    "PDGradDegrade": ("preset", "seed"),
    "PDGradAlignFaces": ("method", "choose"),
    "PDGradPerson": ("name",),
    "PDGradMatchPeople": ("which_faces", "corrections"),
    "PDGradPasteFaces": ("outline",),
    "PDGradGradientSurgery": ("method",),
    "PDGradAddGuidance": ("first_weight", "second_weight"),
    "PDGradContraction": ("factor", "weight"),
    "PDGradSelfSupervisedSR": ("seed", "scale", "iterations"),
    "PDGradDDPMSampler": ("seed", "steps", "tau", "strength"),
    "PDGradGuideModel": ("strength", "start_percent", "end_percent", "every"),
    "PDGradTracePlot": ("face",),
    "PDGradCompare": ("against",),
    "PDGradAuthenticity": ("times", "fidelity"),
}
"""The inputs that most people touch, by node id; newer hosts fold the others away."""
