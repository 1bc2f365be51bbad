"""The unconditional diffusion prior: schedule, network, one reverse step, and the sampling loop."""
