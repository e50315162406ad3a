"""Out of Python: a trained model as ONNX graphs, or as C."""

from .c_files import CFiles, to_c
from .onnx_file import OnnxFiles, to_onnx

__all__ = ["CFiles", "OnnxFiles", "to_c", "to_onnx"]
