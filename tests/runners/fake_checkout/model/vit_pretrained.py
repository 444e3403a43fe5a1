"""The encoder that needs timm."""

import timm  # unconditionally, as the February code does


def pretrained():
    return timm.create_model("vit")
