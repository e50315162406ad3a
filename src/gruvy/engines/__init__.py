"""Who computes one layer in one direction on arrays, and the stack of layers and directions over them."""
