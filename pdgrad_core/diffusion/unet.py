"""The guided-diffusion U-Net: ours to read, loadable by the official checkpoints' keys.

Source: Dhariwal & Nichol 2021 (ADM), section 3, with DifFace's per-level block counts.
Deviations: attention runs through `scaled_dot_product_attention` on channels-last tokens; an
optional pixel-unshuffle in front (for small models) is recognised by the number of input channels.
"""

import math
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import TypeVar, cast

import torch
import torch.nn.functional as F
from torch import Tensor, nn

from ..devices import at_least_float32
from ..errors import WrongArchitectureError

Conv = TypeVar("Conv", nn.Conv1d, nn.Conv2d)


@dataclass(frozen=True)
class UNetConfig:
    """What defines the network.

    The first group can be read off a state dict's shapes; the second cannot.

    Attributes:
        width: Channels of the first level, a multiple of 32.
        channel_mult: Width multiplier of each level, finest first.
        num_res_blocks: Residual blocks of each level (the decoder has one more).
        attention_levels: Levels with self-attention, 0 the finest.
        learn_sigma: Whether the output has a second half: the learned variance's fraction v.
        scale_shift_norm: Whether the timestep embedding scales and shifts the second norm.
        resblock_updown: Whether residual blocks resample, instead of convolutions.
        patch_size: Side of the pixel-unshuffle in front; 1 for none.
        image_channels: Channels of an image.
        num_head_channels: Channels of an attention head.
        new_attention_order: Whether a fused qkv is split into q, k, v before heads.
        dropout: Dropout probability while training.
    """

    width: int
    channel_mult: tuple[float, ...]
    num_res_blocks: tuple[int, ...]
    attention_levels: tuple[int, ...] = ()
    learn_sigma: bool = True
    scale_shift_norm: bool = True
    resblock_updown: bool = False
    patch_size: int = 1
    image_channels: int = 3

    num_head_channels: int = 64
    new_attention_order: bool = False
    dropout: float = 0.0

    @property
    def channels(self) -> tuple[int, ...]:
        """Channels of each level, finest first."""
        return tuple(int(self.width * mult) for mult in self.channel_mult)

    @property
    def downsampling(self) -> int:
        """How many image pixels one pixel of the coarsest level spans: sides must be multiples."""
        return self.patch_size * 2 ** (len(self.channel_mult) - 1)

    @property
    def shape(self) -> tuple[object, ...]:
        """The part that a state dict's shapes tell, for comparison with known checkpoints."""
        return (
            self.width,
            self.channel_mult,
            self.num_res_blocks,
            self.attention_levels,
            self.learn_sigma,
            self.scale_shift_norm,
            self.resblock_updown,
            self.patch_size,
        )


def config_from_state_dict(state: Mapping[str, Tensor]) -> UNetConfig:
    """Read the shape-visible configuration off a guided-diffusion state dict.

    The decoder tells most: each level ends with an upsampling block, and has one block more than
    the encoder's level.

    Args:
        state: Tensors by their official names (no "module." prefix).

    Returns:
        The configuration, with defaults for what shapes cannot tell.

    Raises:
        WrongArchitectureError: This is no unconditional guided-diffusion U-Net.
    """
    if "label_emb.weight" in state:
        raise WrongArchitectureError(
            "This U-Net is class-conditional; an unconditional checkpoint is needed."
        )
    try:
        width = state["time_embed.0.weight"].shape[1]
        in_channels = state["input_blocks.0.0.weight"].shape[1]
        out_channels = state["out.2.weight"].shape[0]
        levels = _decoder_levels(state)
        embedding = state["middle_block.0.emb_layers.1.weight"].shape[0]
        middle = state["middle_block.0.out_layers.3.weight"].shape[0]
    except KeyError as error:
        raise WrongArchitectureError(
            f"This file is no guided-diffusion U-Net: it lacks the tensor {error}. "
            "Choose a checkpoint such as iddpm_ffhq512_ema500000.pth."
        ) from error
    patch = math.isqrt(in_channels // 3)
    if 3 * patch * patch != in_channels or out_channels not in (in_channels, 2 * in_channels):
        raise WrongArchitectureError(
            f"This U-Net maps {in_channels} to {out_channels} channels; an RGB prior maps 3 to "
            "3 or 6 (times the square of its patch size). One that is also given the degraded face "
            "(6 to 3) is an IDM: load it as prior or restorer 'idm'."
        )
    return UNetConfig(
        width=width,
        channel_mult=tuple(level.channels / width for level in levels),
        num_res_blocks=tuple(level.blocks - 1 for level in levels),
        attention_levels=tuple(i for i, level in enumerate(levels) if level.attention),
        learn_sigma=out_channels == 2 * in_channels,
        scale_shift_norm=embedding == 2 * middle,
        resblock_updown=any(level.resblock_up for level in levels),
        patch_size=patch,
    )


@dataclass
class _Level:
    channels: int
    blocks: int = 0
    attention: bool = False
    resblock_up: bool = False


def _decoder_levels(state: Mapping[str, Tensor]) -> list[_Level]:
    """Return the decoder's levels, finest first."""
    indices = [int(m[1]) for key in state if (m := re.match(r"output_blocks\.(\d+)\.", key))]
    count = 1 + max(indices, default=0)
    levels: list[_Level] = []
    ended = True
    for j in range(count):
        channels = state[f"output_blocks.{j}.0.out_layers.3.weight"].shape[0]
        if ended:
            levels.append(_Level(channels))
        level = levels[-1]
        level.blocks += 1
        level.attention |= f"output_blocks.{j}.1.qkv.weight" in state
        resblock_up = any(f"output_blocks.{j}.{k}.in_layers.2.weight" in state for k in (1, 2))
        level.resblock_up |= resblock_up
        ended = resblock_up or any(f"output_blocks.{j}.{k}.conv.weight" in state for k in (1, 2))
    return levels[::-1]


def timestep_embedding(t: Tensor, dim: int, max_period: float = 10000.0) -> Tensor:
    """Return sinusoidal embeddings `(B, dim)` of timesteps `(B,)`: cosines first, then sines."""
    half = dim // 2
    frequencies = torch.exp(
        -math.log(max_period) * torch.arange(half, dtype=torch.float32, device=t.device) / half
    )
    angles = t.float()[:, None] * frequencies
    embedding = torch.cat([angles.cos(), angles.sin()], dim=1)
    return F.pad(embedding, (0, dim % 2))


def best_memory_format(device: torch.device, dtype: torch.dtype) -> torch.memory_format:
    """Return the memory format in which a network on a device should be laid out.

    Channels-last is faster, but at float32 on the CPU its group norm loses digits (1e-4 of the
    output, against 3e-6), which exact runs shall not.
    """
    exact = device.type == "cpu" and dtype in (torch.float32, torch.float64)
    return torch.contiguous_format if exact else torch.channels_last


class GroupNorm(nn.GroupNorm):
    """PyTorch's group norm, for which another implementation may stand in.

    Attributes:
        fused: Where set, computes the norm, scale and shift where they are given, and SiLU if
            `activate`, wherever no gradient is asked for: `(norm, x, scale, shift, activate=...)`.
    """

    fused: Callable[..., Tensor] | None = None

    def forward(self, input: Tensor) -> Tensor:
        """Return the norm of `(B, C, H, W)`."""
        if self.fused is not None and not _is_differentiated(input):
            return self.fused(self, input, activate=False)
        return super().forward(input)


def norm_silu(
    norm: nn.Module, x: Tensor, scale: Tensor | None = None, shift: Tensor | None = None
) -> Tensor:
    """Return SiLU(norm(x) (1 + scale) + shift) of `(B, C, H, W)`; scale and shift are `(B, C)`."""
    if isinstance(norm, GroupNorm) and norm.fused is not None and not _is_differentiated(x):
        return norm.fused(norm, x, scale, shift)
    h = norm(x)
    if scale is not None and shift is not None:
        h = torch.addcmul(shift[:, :, None, None], h, 1 + scale[:, :, None, None])
    return F.silu(h)


def _is_differentiated(x: Tensor) -> bool:
    return torch.is_grad_enabled() and x.requires_grad


def _norm(channels: int) -> GroupNorm:
    return GroupNorm(32, channels)


def _zeroed(conv: Conv) -> Conv:
    """Start a residual branch at zero, as ADM does for training."""
    for parameter in conv.parameters():
        nn.init.zeros_(parameter)
    return conv


class _Block(nn.Module):
    """A part of the network that looks at the timestep embedding or ignores it."""

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        raise NotImplementedError  # pragma: no cover


class _Downsample(_Block):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.op = nn.Conv2d(channels, channels, 3, stride=2, padding=1)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:  # noqa: ARG002
        return self.op(x)


class _Upsample(_Block):
    def __init__(self, channels: int) -> None:
        super().__init__()
        self.conv = nn.Conv2d(channels, channels, 3, padding=1)

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:  # noqa: ARG002
        return self.conv(F.interpolate(x, scale_factor=2, mode="nearest"))


class _ResBlock(_Block):
    """Norm, SiLU, convolution, twice; the timestep embedding enters at the second norm."""

    def __init__(
        self, config: UNetConfig, in_channels: int, out_channels: int, resample: str = ""
    ) -> None:
        super().__init__()
        self.scale_shift = config.scale_shift_norm
        self.resample = resample
        self.in_layers = nn.Sequential(
            _norm(in_channels), nn.SiLU(), nn.Conv2d(in_channels, out_channels, 3, padding=1)
        )
        self.emb_layers = nn.Sequential(
            nn.SiLU(), nn.Linear(4 * config.width, out_channels * (2 if self.scale_shift else 1))
        )
        self.out_layers = nn.Sequential(
            _norm(out_channels),
            nn.SiLU(),
            nn.Dropout(config.dropout),
            _zeroed(nn.Conv2d(out_channels, out_channels, 3, padding=1)),
        )
        self.skip_connection = (
            nn.Identity()
            if in_channels == out_channels
            else nn.Conv2d(in_channels, out_channels, 1)
        )

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:
        norm, _, conv = self.in_layers
        h = norm_silu(norm, x)
        if self.resample == "up":
            h, x = (F.interpolate(z, scale_factor=2, mode="nearest") for z in (h, x))
        elif self.resample == "down":
            h, x = F.avg_pool2d(h, 2), F.avg_pool2d(x, 2)
        h = conv(h)
        condition = self.emb_layers(emb)
        norm, _, dropout, conv = self.out_layers
        if self.scale_shift:
            h = norm_silu(norm, h, *condition.chunk(2, dim=1))
        else:
            h = norm_silu(norm, h + condition[:, :, None, None])
        return self.skip_connection(x) + conv(dropout(h))


class _Attention(_Block):
    """Self-attention over the pixels of a feature map, with a residual connection."""

    def __init__(self, config: UNetConfig, channels: int) -> None:
        super().__init__()
        self.heads = max(1, channels // config.num_head_channels)
        self.new_order = config.new_attention_order
        self.norm = _norm(channels)
        self.qkv = nn.Conv1d(channels, 3 * channels, 1)
        self.proj_out = _zeroed(nn.Conv1d(channels, channels, 1))

    def forward(self, x: Tensor, emb: Tensor) -> Tensor:  # noqa: ARG002
        b, c, h, w = x.shape
        # A 1x1 convolution on channels-last memory is a plain matrix product on (B, HW, C).
        tokens = self.norm(x).permute(0, 2, 3, 1).reshape(b, h * w, c)
        qkv = F.linear(tokens, self.qkv.weight[:, :, 0], self.qkv.bias)
        if self.new_order:
            q, k, v = qkv.view(b, h * w, 3, self.heads, -1).permute(2, 0, 3, 1, 4)
        else:
            q, k, v = qkv.view(b, h * w, self.heads, 3, -1).permute(3, 0, 2, 1, 4)
        attended = _attend(q, k, v).transpose(1, 2).reshape(b, h * w, c)
        projected = F.linear(attended, self.proj_out.weight[:, :, 0], self.proj_out.bias)
        return x + projected.view(b, h, w, c).permute(0, 3, 1, 2)


def _attend(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Return softmax(q k^T / sqrt(d)) v for `(B, heads, tokens, d)`."""
    if q.device.type != "cpu" or q.dtype == torch.float32 or q.requires_grad:
        return F.scaled_dot_product_attention(q, k, v)
    # In 16 bit on a CPU the fused kernel takes twice the time of its parts.
    return ((q * q.shape[-1] ** -0.5) @ k.mT).softmax(-1) @ v


class _Sequence(nn.Sequential):
    """Blocks in a row, each given the timestep embedding where it wants one."""

    def forward(  # pyright: ignore[reportIncompatibleMethodOverride]
        self, x: Tensor, emb: Tensor
    ) -> Tensor:
        for layer in self:
            x = layer(x, emb) if isinstance(layer, _Block) else layer(x)
        return x


class UNet(nn.Module):
    """Guided-diffusion U-Net.

    Args:
        config: Its architecture.
    """

    def __init__(self, config: UNetConfig) -> None:
        super().__init__()
        self.config = config
        width = config.width
        in_channels = config.image_channels * config.patch_size**2
        self.time_embed = nn.Sequential(
            nn.Linear(width, 4 * width), nn.SiLU(), nn.Linear(4 * width, 4 * width)
        )
        self.input_blocks, skips = self._encoder(in_channels)
        deepest = config.channels[-1]
        self.middle_block = _Sequence(
            _ResBlock(config, deepest, deepest),
            _Attention(config, deepest),
            _ResBlock(config, deepest, deepest),
        )
        self.output_blocks = self._decoder(skips)
        finest = config.channels[0]
        self.out = nn.Sequential(
            _norm(finest),
            nn.SiLU(),
            _zeroed(nn.Conv2d(finest, in_channels * (1 + config.learn_sigma), 3, padding=1)),
        )

    def _encoder(self, in_channels: int) -> tuple[nn.ModuleList, list[int]]:
        config = self.config
        channels = config.channels[0]
        blocks = [_Sequence(nn.Conv2d(in_channels, channels, 3, padding=1))]
        skips = [channels]
        for level, count in enumerate(config.num_res_blocks):
            for _ in range(count):
                layers: list[nn.Module] = [_ResBlock(config, channels, config.channels[level])]
                channels = config.channels[level]
                if level in config.attention_levels:
                    layers.append(_Attention(config, channels))
                blocks.append(_Sequence(*layers))
                skips.append(channels)
            if level < len(config.channel_mult) - 1:
                down = (
                    _ResBlock(config, channels, channels, "down")
                    if config.resblock_updown
                    else _Downsample(channels)
                )
                blocks.append(_Sequence(down))
                skips.append(channels)
        return nn.ModuleList(blocks), skips

    def _decoder(self, skips: list[int]) -> nn.ModuleList:
        config = self.config
        channels = config.channels[-1]
        skips = list(skips)
        blocks: list[nn.Module] = []
        for level in reversed(range(len(config.channel_mult))):
            out_channels = config.channels[level]
            for i in range(config.num_res_blocks[level] + 1):
                layers: list[nn.Module] = [_ResBlock(config, channels + skips.pop(), out_channels)]
                channels = out_channels
                if level in config.attention_levels:
                    layers.append(_Attention(config, channels))
                if level > 0 and i == config.num_res_blocks[level]:
                    layers.append(
                        _ResBlock(config, channels, channels, "up")
                        if config.resblock_updown
                        else _Upsample(channels)
                    )
                blocks.append(_Sequence(*layers))
        return nn.ModuleList(blocks)

    @property
    def dtype(self) -> torch.dtype:
        """Dtype of the weights, in which the network computes."""
        return cast(Tensor, self.out[2].weight).dtype

    @property
    def memory_format(self) -> torch.memory_format:
        """The weights' own: a picture of another would have each convolution copy its weights."""
        weight = cast(Tensor, self.out[2].weight)
        is_last = weight.is_contiguous(memory_format=torch.channels_last)
        return torch.channels_last if is_last else torch.contiguous_format

    def forward(self, x: Tensor, t: Tensor) -> Tensor:
        """Return the network's raw output.

        Args:
            x: x_t, `(B, 3, H, W)`; sides are multiples of `config.downsampling`.
            t: Original timesteps `(B,)`.

        Returns:
            `(B, 3 or 6, H, W)` float32, or float64 of float64 weights: the prediction, then v when
            the variance is learned.
        """
        patch = self.config.patch_size
        h = F.pixel_unshuffle(x, patch) if patch > 1 else x
        h = h.to(self.dtype, memory_format=self.memory_format)
        emb = self.time_embed(timestep_embedding(t, self.config.width).to(self.dtype))
        skips: list[Tensor] = []
        for block in self.input_blocks:
            h = block(h, emb)
            skips.append(h)
        h = self.middle_block(h, emb)
        for block in self.output_blocks:
            h = block(torch.cat([h, skips.pop()], dim=1), emb)
        norm, _, conv = self.out
        h = at_least_float32(conv(norm_silu(norm, h)))
        return F.pixel_shuffle(h, patch) if patch > 1 else h
