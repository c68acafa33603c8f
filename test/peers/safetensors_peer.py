"""Checks a safetensors file of ours with the reference implementation. Not part of `npm test`.

pip install safetensors numpy;  python test/peers/safetensors_peer.py run/weights.safetensors
Prints each tensor, and whether the reference writes the same bytes.
"""
import sys

from safetensors import safe_open
from safetensors.numpy import save

for path in sys.argv[1:]:
    with safe_open(path, framework="np") as file:
        metadata = file.metadata()
        tensors = {name: file.get_tensor(name) for name in file.keys()}
    for name, value in tensors.items():
        print(name, value.dtype, value.shape)
    with open(path, "rb") as file:
        print("same bytes" if file.read() == save(tensors, metadata) else "other bytes, same tensors")
