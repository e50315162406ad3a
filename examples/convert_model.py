"""Make an existing PyTorch model use gruvy's GRU: one line, the same parameters, the same results.

python examples/convert_model.py
"""

import torch

import gruvy


class Tagger(torch.nn.Module):
    """Somebody's model: words in, a tag for each out."""

    def __init__(self, words: int, tags: int) -> None:
        super().__init__()
        self.embed = torch.nn.Embedding(words, 32)
        self.gru = torch.nn.GRU(32, 64, num_layers=2, batch_first=True, bidirectional=True)
        self.read = torch.nn.Linear(2 * 64, tags)

    def forward(self, words: torch.Tensor) -> torch.Tensor:
        return self.read(self.gru(self.embed(words))[0])


torch.manual_seed(0)
model = Tagger(1000, 12)
optimizer = torch.optim.AdamW(model.parameters())
words = torch.randint(0, 1000, (8, 20))
before = model(words)

gruvy.nn.convert_gru(model)  # in place; the optimizer keeps its parameters, for they are the same objects

print(gruvy.nn.converted(model))
print("largest difference of the results:", (model(words) - before).abs().max().item())
print("a call now takes:", *model.gru.path(model.embed(words)), sep="\n  ")

# Training goes on as before.
tags = torch.randint(0, 12, (8, 20))
for _ in range(3):
    loss = torch.nn.functional.cross_entropy(model(words).flatten(0, 1), tags.flatten())
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"loss {loss.item():.4f}")

# New: sequences of unequal length without packing. What stands in the padding cannot matter.
lengths = torch.tensor([20, 18, 15, 15, 9, 4, 2, 1])
output, last = model.gru(model.embed(words), lengths=lengths)
print("final states of sequences of unequal length:", tuple(last.shape))
