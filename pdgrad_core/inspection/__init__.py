"""What a weight file is, told from its bytes: its kind, and whether what it declares can be true.

Weight files come from strangers. Before one is unpacked, its declared sizes are compared with the
bytes that are there, and its pickle is read instruction by instruction without being obeyed: a file
of a few kilobytes can otherwise ask for hours or for all the memory. Only the standard library is
needed here, so that fetching a file does without torch.
"""

from .kinds import Kind, corrupt, inspect, naming_bytes
from .safetensors_header import read_header

__all__ = ["Kind", "corrupt", "inspect", "naming_bytes", "read_header"]
