"""Out of Python: a trained model as ONNX graphs."""

from .onnx_file import OnnxFiles, to_onnx

__all__ = ["OnnxFiles", "to_onnx"]
