"""Train a classifier on your own sequences in a CSV file, see how good it is, and keep it.

    python examples/classify_csv.py recordings.csv --target label [--id id] [--time time] [--group person]

The file has one row per step: `gruvy.data.read` says in its notes which columns it took for what.
"""

import argparse

import numpy as np
from sklearn.metrics import classification_report

import gruvy
from gruvy.data import read, split

parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
parser.add_argument("file")
parser.add_argument("--target", required=True, help="the column with the label")
parser.add_argument("--id", help="the column that tells sequences apart")
parser.add_argument("--time", help="the column that orders the steps")
parser.add_argument("--group", help="the column whose sequences belong together, such as the person recorded")
parser.add_argument("--epochs", type=int, default=50)
parser.add_argument("--model", default="model.safetensors", help="the file to write")
given = parser.parse_args()

sequences = read(given.file, target=given.target, id=given.id, time=given.time, group=given.group)
print(sequences)
print(*sequences.notes, sep="\n")

# A fifth is held out; with a group, whoever is in it is not in the rest.
train, test = split(sequences, test=0.2, seed=0)
clf = gruvy.GRUClassifier(hidden_units=32, max_epochs=given.epochs, random_state=0, progress=None)
clf.fit(train.x, train.y)

labels, counts = np.unique(train.y, return_counts=True)
print(f"always {labels[counts.argmax()]!r} would be right in {np.mean(test.y == labels[counts.argmax()]):.1%}")
print(classification_report(test.y, clf.predict(test.x), zero_division=0.0))

clf.save(given.model)
print(f"the model is in {given.model}; gruvy.load reads it without torch")
