"""The reference PtychoViT: physics guess, encoder, two decoders."""
