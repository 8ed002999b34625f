#!/usr/bin/env python3
"""Writes a projector for SmolLM2-135M with random weights: the model takes images then, and sees nothing.

usage: projector.py FILE.gguf
"""
import array
import random
import struct
import sys

TEXT_WIDTH, WIDTH, INNER, SIDE, PATCH = 576, 32, 64, 64, 16
CHANCE = random.Random(1)


def text(value):
    return struct.pack("<Q", len(value)) + value.encode()


def setting(name, value):
    """One key of the head, with the number of its type in front of the value."""
    if isinstance(value, bool):
        return text(name) + struct.pack("<I?", 7, value)
    if isinstance(value, int):
        return text(name) + struct.pack("<II", 4, value)
    if isinstance(value, float):
        return text(name) + struct.pack("<If", 6, value)
    if isinstance(value, str):
        return text(name) + struct.pack("<I", 8) + text(value)
    return text(name) + struct.pack(f"<IIQ{len(value)}f", 9, 6, len(value), *value)


SETTINGS = {
    "general.architecture": "clip",
    "general.type": "mmproj",
    "general.name": "random weights",
    "clip.has_vision_encoder": True,
    "clip.projector_type": "mlp",
    "clip.use_gelu": True,
    "clip.vision.image_size": SIDE,
    "clip.vision.patch_size": PATCH,
    "clip.vision.embedding_length": WIDTH,
    "clip.vision.feed_forward_length": INNER,
    "clip.vision.projection_dim": TEXT_WIDTH,
    "clip.vision.block_count": 1,
    "clip.vision.attention.head_count": 2,
    "clip.vision.attention.layer_norm_epsilon": 1e-6,
    "clip.vision.image_mean": [0.5, 0.5, 0.5],
    "clip.vision.image_std": [0.5, 0.5, 0.5],
}
# Of each tensor its sides, the one that lies together in memory first.
TENSORS = {
    "v.patch_embd.weight": [PATCH, PATCH, 3, WIDTH],
    "v.position_embd.weight": [WIDTH, (SIDE // PATCH) ** 2],
    **{f"v.blk.0.attn_{part}.weight": [WIDTH, WIDTH] for part in ("q", "k", "v", "out")},
    **{f"v.blk.0.ln{n}.{part}": [WIDTH] for n in (1, 2) for part in ("weight", "bias")},
    "v.blk.0.ffn_up.weight": [WIDTH, INNER],
    "v.blk.0.ffn_down.weight": [INNER, WIDTH],
    "mm.0.weight": [WIDTH, TEXT_WIDTH],
    "mm.0.bias": [TEXT_WIDTH],
    "mm.2.weight": [TEXT_WIDTH, TEXT_WIDTH],
    "mm.2.bias": [TEXT_WIDTH],
}


def padded(data):
    return data + bytes(-len(data) % 32)


def main():
    head = b"GGUF" + struct.pack("<IQQ", 3, len(TENSORS), len(SETTINGS))
    head += b"".join(setting(name, value) for name, value in SETTINGS.items())
    data = b""
    for name, sides in TENSORS.items():
        count = 1
        for side in sides:
            count *= side
        head += text(name) + struct.pack(f"<I{len(sides)}QIQ", len(sides), *sides, 0, len(data))
        weights = array.array("f", (CHANCE.gauss(0, 0.1) for _ in range(count)))
        data = padded(data + weights.tobytes())
    with open(sys.argv[1], "wb") as file:
        file.write(padded(head) + data)


main()
