"""StyleGAN2's networks: the generator with noise branches, what feeds it from a face, its judge."""
