"""What a trained model is, with NumPy alone: its content, its file, its answers for whole sequences and streams."""
