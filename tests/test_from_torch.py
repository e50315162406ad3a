"""`from_torch`: what a torch GRU and its Linear say, gruvy says, with torch and without."""

from __future__ import annotations

import re
import subprocess
import sys

import numpy as np
import pytest
import torch
from torch.nn.utils import parametrizations
from torch.nn.utils.rnn import pack_sequence

import gruvy
from compare import assert_apart, assert_close, numpy
from gruvy.errors import InputError, InputTypeError

I, H = 3, 5
LENGTHS = (7, 2, 9, 4)


def modules(outputs=4, dtype=torch.float64, seed=0, **kind):
    torch.manual_seed(seed)
    bias = kind.pop("bias", True)
    gru = torch.nn.GRU(I, H, bias=bias, dtype=dtype, **kind)
    linear = torch.nn.Linear(H * (1 + gru.bidirectional), outputs, bias=bias, dtype=dtype)
    return gru, linear


def sequences(dtype=torch.float64):
    return [torch.randn(T, I, dtype=dtype) for T in LENGTHS]


def read(gru, linear, X, pooling):
    """The modules' own answer, a sequence at a time."""
    answers = []
    with torch.no_grad():
        for x in X:
            output, h_n = gru(x)  # unbatched: (T, D*H), (layers*D, H)
            pooled = {
                "last": torch.cat([h_n[-2], h_n[-1]]) if gru.bidirectional else h_n[-1],
                "mean": output.mean(0),
                "max": output.amax(0),
            }[pooling]
            answers.append(linear(pooled))
    return torch.stack(answers)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
@pytest.mark.parametrize("bias", [True, False])
@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
@pytest.mark.parametrize("bidirectional", [False, True])
@pytest.mark.parametrize("layers", [1, 2])
def test_it_says_what_the_modules_say(layers, bidirectional, pooling, bias, dtype, tmp_path):
    gru, linear = modules(num_layers=layers, bidirectional=bidirectional, bias=bias, dtype=dtype)
    X = sequences(dtype)
    wanted = read(gru, linear, X, pooling)
    net = gruvy.from_torch(gru, linear, pooling=pooling)
    padded = torch.nn.utils.rnn.pad_sequence(X, batch_first=True)
    assert_close(net(padded, lengths=LENGTHS).last, wanted)
    assert_close(net.predict([numpy(x) for x in X]), wanted.double(), "answer")
    net.save(tmp_path / "m")
    found = gruvy.load(tmp_path / "m").predict([numpy(x) for x in X])
    assert_close(np.asarray(found), numpy(wanted).astype(np.float64), "same" if dtype == torch.float64 else "answer")


@pytest.mark.parametrize("pooling", ["last", "mean", "max"])
def test_a_stream_says_what_the_modules_say_of_the_steps_so_far(pooling):
    gru, linear = modules(num_layers=2)
    x = torch.randn(6, I, dtype=torch.float64)
    stream = gruvy.from_torch(gru, linear, pooling=pooling).model().stream()
    for t in range(6):
        assert_close(np.asarray(stream.push(numpy(x[t]))), numpy(read(gru, linear, [x[: t + 1]], pooling))[0])


def test_last_is_not_the_last_output_of_both_directions():
    gru, linear = modules(bidirectional=True, batch_first=True)
    x = torch.randn(2, 6, I, dtype=torch.float64)
    output, h_n = gru(x)
    found = gruvy.from_torch(gru, linear)(x).last
    assert_close(found, linear(torch.cat([h_n[-2], h_n[-1]], 1)))
    assert_apart(found, linear(output[:, -1]), "another")


def test_packed_sequences_are_those_of_unequal_length():
    gru, linear = modules(num_layers=2, bidirectional=True)
    X = sequences()
    _, h_n = gru(pack_sequence(X, enforce_sorted=False))
    net = gruvy.from_torch(gru, linear)
    padded = torch.nn.utils.rnn.pad_sequence(X, batch_first=True)
    assert_close(net(padded, lengths=LENGTHS).last, linear(torch.cat([h_n[-2], h_n[-1]], 1)))


@pytest.mark.parametrize("classes", [["walk", "run", "rest", "fall"], [7, -1, 3, 0], np.array([0.5, 3, -2, 1])])
def test_classes_keep_their_units(classes, tmp_path):
    gru, linear = modules()
    X = sequences()
    p = torch.softmax(read(gru, linear, X, "last"), 1)
    net = gruvy.from_torch(gru, linear, classes=classes)
    net.save(tmp_path / "m")
    model = gruvy.load(tmp_path / "m")
    assert model.classes.tolist() == sorted(classes)
    wanted = numpy(p)[:, np.argsort(classes)]
    assert_close(model.predict_proba([numpy(x) for x in X]), wanted)
    for answers in (model.predict([numpy(x) for x in X]), net.predict([numpy(x) for x in X])):
        assert answers.tolist() == [list(classes)[k] for k in p.argmax(1)]


@pytest.mark.parametrize("classes", [["no", "yes"], ["yes", "no"]])
def test_two_classes_share_a_unit_that_speaks_for_the_second(classes):
    gru, linear = modules(outputs=1)
    X = sequences()
    p = numpy(torch.sigmoid(read(gru, linear, X, "last")))[:, 0]
    net = gruvy.from_torch(gru, linear, classes=classes)
    second = net.task.classes.tolist().index(classes[1])
    assert_close(net.model().predict_proba([numpy(x) for x in X])[:, second], p)
    assert net.predict([numpy(x) for x in X]).tolist() == [classes[int(q > 0.5)] for q in p]


def test_tags_are_read_at_every_step():
    gru, linear = modules(bidirectional=True)
    X, classes = sequences(), ["d", "b", "a", "c"]
    net = gruvy.from_torch(gru, linear, classes=classes, task="tag")
    for x, tags in zip(X, net.predict([numpy(x) for x in X]), strict=True):
        assert tags.tolist() == [classes[k] for k in linear(gru(x)[0]).argmax(1)]


def test_it_predicts_where_there_is_no_torch(tmp_path):
    gru, linear = modules(outputs=1)
    X = torch.randn(4, 6, I, dtype=torch.float64)
    gruvy.from_torch(gru, linear).save(tmp_path / "m")
    np.save(tmp_path / "X.npy", numpy(X))
    script = (
        "import sys; sys.modules['torch'] = None; import gruvy, numpy as np; "
        "np.save('y.npy', gruvy.load('m').predict(np.load('X.npy')))"
    )
    subprocess.run([sys.executable, "-c", script], cwd=tmp_path, check=True)
    assert_close(np.load(tmp_path / "y.npy"), numpy(read(gru, linear, X, "last"))[:, 0])


def test_layers_of_gruvy_and_weights_that_are_computed():
    x = torch.randn(2, 6, I, dtype=torch.float64)
    _, linear = modules()
    layer = gruvy.nn.GRU(I, H, convention="tutorial", batch_first=True, dtype=torch.float64)
    net = gruvy.from_torch(layer, linear)
    assert net.convention.name == "tutorial"
    assert_close(net(x).last, linear(layer(x)[1][-1]))
    gru, linear = modules(batch_first=True)
    parametrizations.weight_norm(gru, "weight_hh_l0")
    parametrizations.weight_norm(linear)
    assert_close(gruvy.from_torch(gru, linear)(x).last, linear(gru(x)[1][-1]))


def test_it_is_a_copy_that_can_be_trained_further():
    gru, linear = modules(outputs=2, dtype=torch.float32)
    before = numpy(gru.weight_hh_l0).copy()
    net = gruvy.from_torch(gru, linear, classes=["low", "high"])
    assert not net.training
    X = [np.full((4, I), k % 2, np.float32) for k in range(20)]
    net.fit(X, ["low", "high"] * 10, max_epochs=20, seed=0, progress=False)
    assert net.predict(X).tolist() == ["low", "high"] * 10
    np.testing.assert_array_equal(numpy(gru.weight_hh_l0), before)


class Own(torch.nn.GRU):
    def forward(self, *given):
        return super().forward(*given)


def hooked():
    gru, _ = modules()
    gru.register_forward_hook(lambda *_: None)
    return gru


def patched():
    _, linear = modules()
    linear.forward = lambda x: x
    return linear


GIVEN = dict(zip(("gru", "linear"), modules(), strict=True))
WIDE = torch.nn.Linear(2 * H, 4, dtype=torch.float64)


@pytest.mark.parametrize(
    ("given", "error", "text"),
    [
        ({"gru": torch.nn.LSTM(I, H)}, InputTypeError,
         "gru: LSTM, which a model file cannot hold; expected a torch.nn.GRU or gruvy.nn.GRU"),
        ({"gru": torch.nn.GRUCell(I, H)}, InputTypeError,
         "gru: GRUCell, which a model file cannot hold; expected a torch.nn.GRU or gruvy.nn.GRU"),
        ({"linear": torch.nn.Sequential(torch.nn.Linear(H, 4), torch.nn.ReLU())}, InputTypeError,
         "linear: Sequential, which a model file cannot hold; expected a torch.nn.Linear"),
        ({"gru": Own(I, H)}, InputError,
         "gru: Own has a forward of its own, which a model file cannot hold; expected torch's"),
        ({"linear": patched()}, InputError,
         "linear: Linear has a forward of its own, which a model file cannot hold; expected torch's"),
        ({"gru": hooked()}, InputError,
         "gru: GRU has hooks, which a model file cannot hold; expected none: remove them first"),
        ({"linear": torch.nn.LazyLinear(4)}, InputError,
         "linear: LazyLinear has no numbers yet; expected one that was run or loaded"),
        ({"gru": torch.nn.GRU(I, H, device="meta")}, InputError,
         "gru: GRU has no numbers yet; expected one that was run or loaded"),
        ({"linear": torch.nn.Linear(H, 4)}, InputTypeError,
         "gru, linear: torch.float32 and torch.float64, expected torch.float32 for both or torch.float64 for both"),
        ({"gru": torch.nn.GRU(I, H).half(), "linear": torch.nn.Linear(H, 4).half()}, InputTypeError,
         "gru, linear: torch.float16, expected torch.float32 for both or torch.float64 for both"),
        ({"linear": WIDE}, InputError, "linear: in_features=10, expected 5: hidden_size=5 in 1 direction"),
        ({"gru": modules(bidirectional=True)[0]}, InputError,
         "linear: in_features=5, expected 10: hidden_size=5 in 2 directions"),
        ({"classes": ["a", "b"]}, InputError, "classes: 2, linear has out_features=4; expected out_features=1 or 2"),
        ({"classes": list("aabc")}, InputError, "classes: ['a', 'a', 'b', 'c'], expected at least 2, each once"),
        ({"classes": ["a", 1, 2, 3]}, InputTypeError,
         "classes: text and numbers in one, expected all text or all numbers"),
        ({"classes": 4}, InputTypeError,
         "classes=4: expected a list of the labels of linear's units, in their order, for task='classify'"),
        ({"task": "tag"}, InputTypeError,
         "classes=None: expected a list of the labels of linear's units, in their order, for task='tag'"),
        ({"classes": list("abcd"), "task": "regress"}, InputError,
         'classes: given with task="regress"; expected None, or task="classify" or "tag"'),
        ({"task": "forecast"}, InputError, "task='forecast': expected \"classify\", \"regress\" or \"tag\""),
        ({"pooling": "first"}, InputError, "pooling='first': expected \"last\", \"mean\" or \"max\""),
    ],
)  # fmt: skip
def test_what_cannot_be_held_is_refused(given, error, text):
    with pytest.raises(error, match=f"^{re.escape(text)}$"):
        gruvy.from_torch(**{**GIVEN, **given})
