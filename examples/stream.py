"""Run a trained model sample by sample, as data come in. Needs NumPy, not torch.

    sensor | python examples/stream.py model.safetensors

Reads lines of numbers from standard input, one step a line, separated by commas or spaces, and prints after each what
the model thinks so far. An empty line starts a new sequence.
"""

import sys

import gruvy

model = gruvy.load(sys.argv[1])
stream = model.stream()
print("step", *(model.classes if model.classes is not None else ["answer"]), sep="\t", flush=True)
step = 0
for line in sys.stdin:
    numbers = [float(cell) for cell in line.replace(",", " ").split()]
    if not numbers:
        stream.restart()
        step = 0
        continue
    answer = stream.push(numbers)
    step += 1
    print(step, *(f"{value:.4f}" for value in answer.reshape(-1)), sep="\t", flush=True)
