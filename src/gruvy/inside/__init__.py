"""Looking inside a GRU: gates and states, gradients, what each channel and step contributed, figures, a page."""
