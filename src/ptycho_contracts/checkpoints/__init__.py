"""The files of a PtychoViT run read as facts: nothing is executed, and of the weights only headers are read."""
