"""Reference-guided face restoration: the core, without ComfyUI.

Importing this package loads nothing heavy; import what you need from its modules::

    from pdgrad_core.diffusion.prior import load_prior
    from pdgrad_core.diffusion.sampler import sample
"""

__version__ = "0.1.0"
