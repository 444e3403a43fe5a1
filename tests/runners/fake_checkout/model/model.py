"""A few hundred parameters with the names and shapes of the big one."""

import torch
from model.vit_pretrained import pretrained
from torch import nn


class PtychoViT(nn.Module):
    """Amplitude and phase of a patch."""

    def __init__(self, config=None):
        super().__init__()
        channels = config["encoder"]["embed_dim"]
        if config.get("encoder_type") == "pretrained":
            pretrained()
        self.encoder = nn.Conv2d(1, channels, 16, 16)
        self.amp_decoder = nn.ConvTranspose2d(channels, 1, 16, 16)
        self.ph_decoder = nn.ConvTranspose2d(channels, 1, 16, 16)

    def forward(self, x, probe_as_real, norm, scale):
        latent = self.encoder(torch.log10(x + 0.1))
        amplitude = 1 + 0.01 * torch.tanh(self.amp_decoder(latent))
        phase = torch.tanh(self.ph_decoder(latent))
        field = torch.polar(amplitude, phase)[:, None] * torch.view_as_complex(probe_as_real)
        intensity = torch.fft.fftshift(torch.fft.fft2(field), dim=(-2, -1)).abs().square().sum(2)
        factor = (scale / norm).float().view(-1, 1, 1, 1)
        return torch.sqrt(intensity * factor), amplitude, phase
