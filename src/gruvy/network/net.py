"""`GRU(input_units, hidden_units, output_units)`: the tutorial's class, a whole network of recurrence and read-out."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional as F

from ..arrays import as_sequences
from ..convention import Convention, Equations
from ..data import Shards
from ..errors import InputError, ModelFileError
from ..inside.edits import Edit
from ..inside.trace import Trace, trace
from ..model.file import fitting, read, write
from ..model.model import Model, one_each
from ..model.task import Labels, Task, task_of
from ..model.yes_no import YesNo
from ..nn.recur import recur, torch_kernel
from ..nn.route import route
from ..nn.saved import encoded
from ..nn.stack import Shape
from ..nn.steps import valid_steps
from ..nn.torch_private import parameters_of
from ..training import History, checkpoint
from ..weights import CONVENTION_KEY, Weights
from .convert import arguments_of, numpy_of, put, put_weights, versions, weights_of, without_code
from .fit import asked, check_units, check_weights, checked, fit_task, pair, raw_of, settings_of
from .init import initialise
from .inputs import check_call, check_sizes, refuse_torch
from .output import Output
from .pooling import pool
from .shards import check_shards, fit_shards, task_of_shards


class GRU(torch.nn.Module):
    """A gated recurrent unit with a read-out: sequences of `input_units` numbers in, `output_units` numbers out.

    Args:
        input_units, hidden_units, output_units: numbers per step that come in, are remembered, and go out.
        layers: recurrent layers on top of each other.
        bidirectional: also read each sequence from its end; the read-out sees both directions.
        convention: ``"tutorial"``, ``"torch"``, ``"onnx"`` or a `gruvy.Convention`.
        dropout: the share of units dropped, in training, between layers and before the read-out.
        pooling: what `last` reads: ``"last"`` the final state, ``"mean"`` or ``"max"`` of the top layer's states over
            the steps that count since the last restart (over none: the final state). `outputs` always read each step.
        init: ``"uniform"`` (torch's), ``"glorot"`` (W uniform after Glorot, U orthogonal, biases 0), or
            ``"remember:100"``: as glorot, with the update gate biased so that a state left alone decays to 1/e in 100
            steps.
        device, dtype: of the parameters.

    Parameters, in the equations' letters: ``W_l0`` (3H, I), ``U_l0`` (3H, H), ``b_l0`` (3H,), rows in the order
    r, z, n; with reset "after" also ``c_l0`` (H,); ``_reverse`` follows for the backward direction; ``V`` (O, D*H),
    ``b_y`` (O,).

    Raises:
        InputError, InputTypeError, ConventionError: an argument is out of its range.

    Example:
        >>> net = GRU(2, 16, 1)
        >>> net
        GRU(2, 16, 1, convention="tutorial")
        >>> out = net(torch.zeros(4, 7, 2), lengths=[7, 7, 3, 0])
        >>> out.outputs.shape, out.last.shape, out.hidden.shape, out.state.shape
        (torch.Size([4, 7, 1]), torch.Size([4, 1]), torch.Size([4, 7, 16]), torch.Size([1, 4, 16]))
    """

    task: Task | None
    history: History | None

    def __init__(
        self,
        input_units: int,
        hidden_units: int,
        output_units: int | None = None,
        *,
        layers: int = 1,
        bidirectional: bool = False,
        convention: str | Convention = "tutorial",
        dropout: float = 0.0,
        pooling: str = "last",
        init: str = "uniform",
        device: Any = None,
        dtype: Any = None,
        **other: Any,
    ) -> None:
        super().__init__()
        refuse_torch(output_units, other)
        check_sizes(input_units, hidden_units, output_units, layers, dropout, pooling)
        self.input_units, self.hidden_units, self.output_units = input_units, hidden_units, int(output_units or 0)
        self.layers, self.bidirectional, self.dropout, self.pooling = layers, bool(bidirectional), dropout, pooling
        self.convention = Convention.of(convention)
        self.task, self.history = None, None
        kind = {"device": device, "dtype": dtype}
        H, D = hidden_units, self.directions
        self._recurrent: list[str] = []  # the names of the recurrent parameters, in the order of the layer's
        for name, k in self._cells():
            shapes = {"W": (3 * H, input_units if k == 0 else D * H), "U": (3 * H, H), "b": (3 * H,)}
            if self.convention.reset == "after":
                shapes["c"] = (H,)
            for letter, shape in shapes.items():
                self._recurrent.append(f"{letter}_{name}")
                self.register_parameter(self._recurrent[-1], torch.nn.Parameter(torch.empty(shape, **kind)))
        self.V = torch.nn.Parameter(torch.empty(self.output_units, D * H, **kind))
        self.b_y = torch.nn.Parameter(torch.empty(self.output_units, **kind))
        initialise(dict(self.named_parameters()), self.hidden_units, self.convention.keeps, init)

    @property
    def directions(self) -> int:
        """2 if the net also reads each sequence from its end, else 1."""
        return 2 if self.bidirectional else 1

    def _cells(self) -> list[tuple[str, int]]:
        """The name and the layer of each cell, in torch's order."""
        return [(f"l{k}{end}", k) for k in range(self.layers) for end in ("", "_reverse")[: self.directions]]

    def extra_repr(self) -> str:
        said = [str(self.input_units), str(self.hidden_units), str(self.output_units)]
        for name, default in (("layers", 1), ("bidirectional", False), ("dropout", 0.0), ("pooling", "last")):
            if getattr(self, name) != default:
                said.append(f"{name}={getattr(self, name)!r}")
        return ", ".join([*said, f'convention="{self.convention}"'])

    def forward(
        self,
        x: Tensor,
        *,
        state: Tensor | None = None,
        lengths: Any = None,
        mask: Tensor | None = None,
        restarts: Tensor | None = None,
        outputs: bool = True,
    ) -> Output:
        """Run the network over a batch of sequences.

        Args:
            x: (B, T, input_units).
            state: initial states (layers * D, B, hidden_units), default zeros.
            lengths: (B,) whole numbers 0 to T, how many steps of each sequence count; default all.
            mask: (B, T) booleans, True where a step counts.
            restarts: (B, T) booleans, True where a sequence starts anew.
            outputs: False says that the read-out of every step is not needed; `Output.outputs` may then have no steps.

        Returns:
            `Output`.

        Raises:
            InputError, InputTypeError: an argument does not fit; the text says which, what was given and expected.
        """
        weights = parameters_of(self, self._recurrent)
        call = check_call(x, state, lengths, mask, restarts, weights, self.layers * self.directions)
        shape, dropout = Shape(self.convention, self.directions), self.dropout if self.training else 0.0
        way = route(call, weights, self.convention, frozen=False, gates=False)
        if way.way == "torch kernel":
            hidden, final = torch_kernel(call, weights, shape, dropout=dropout)
        else:
            hidden, final, *_ = recur(call, weights, shape, way, dropout=dropout)
        hidden = hidden.transpose(0, 1)
        top = final[-1] if self.directions == 1 else final[-2:].transpose(0, 1).flatten(1)
        # Whatever is asked for, dropout draws the same numbers.
        each = outputs or dropout > 0
        valid = valid_steps(x.shape[1], call.steps)
        counts = None if valid is None else valid[..., 0].t().contiguous()  # (B, T)
        pooled = top if self.pooling == "last" else pool(self.pooling, hidden, top, counts, restarts)
        read = self._read(hidden) if each else hidden.new_empty(x.shape[0], 0, self.output_units)
        if counts is not None and each:
            read = torch.where(counts[..., None], read, 0)
        return Output(read, self._read(pooled), hidden, final)

    def _read(self, h: Tensor) -> Tensor:
        h = F.dropout(h, self.dropout) if self.training and self.dropout else h
        return F.linear(h, self.V, self.b_y)

    def equations(self) -> Equations:
        """The equations of this very network, to print or for a notebook to draw.

        Example:
            >>> print(GRU(2, 16, 1).equations())
            z_t = σ(W_z x_t + U_z h_{t-1} + b_z)                 update gate
            r_t = σ(W_r x_t + U_r h_{t-1} + b_r)                 reset gate
            h̃_t = tanh(W_h x_t + U_h (r_t ∘ h_{t-1}) + b_h)      candidate
            h_t = (1 - z_t) ∘ h_{t-1} + z_t ∘ h̃_t                state
            y_t = V h_t + b_y                                    read-out
            x_t: 2 numbers, h_t: 16, y_t: 1
        """
        return self.convention.equations(
            self.input_units, self.hidden_units, self.output_units, self.layers, self.bidirectional, self.pooling
        )

    def weights(self) -> Weights:
        """The recurrent weights as NumPy arrays, copied."""
        return weights_of(self, self._cells(), self.convention)

    def load_weights(self, weights: Weights) -> GRU:
        """Take over recurrent weights of the same shape; another `update` is converted. Returns the network."""
        w = weights.merged().convert(self.convention)
        given = (w.input_units, w.hidden_units, w.layers, w.directions)
        if given != (self.input_units, self.hidden_units, self.layers, self.directions):
            raise InputError(f"weights: {w}, expected those of {self}")
        put_weights(self, self._cells(), w)
        return self

    def trace(
        self,
        x: Any,
        *,
        lengths: Any = None,
        mask: Any = None,
        restarts: Any = None,
        state: Any = None,
        edits: Sequence[Edit] | None = None,
    ) -> Trace:
        """The gates and states of every step, layer and direction as NumPy arrays: see `gruvy.inside.trace.trace`."""
        given = {"lengths": lengths, "mask": mask, "restarts": restarts, "state": state}
        return trace(self.weights(), numpy_of(x), edits=edits, **{k: numpy_of(value) for k, value in given.items()})

    def fit(
        self,
        X: Any,
        y: Any = None,
        task: str = "classify",
        *,
        sample_weight: Any = None,
        validation: Any = None,
        **settings: Any,
    ) -> GRU:
        """Train the network on sequences, from the weights it has.

        Args:
            X: a list of N arrays (T_i, input_units), or one array (N, T, input_units); or `gruvy.data.Shards`, which
                bring their targets and take no y and no sample_weight.
            y: ``task="classify"``: N labels; ``"regress"``: numbers (N,) or (N, output_units); ``"tag"``: a label a
                step, N arrays (T_i,) or one (N, T), numbers with fractions, or columns of numbers, or of 0 and 1 for no
                and yes, (T_i, output_units). With two classes, one or two output units serve.
            sample_weight: (N,), how much each sequence counts.
            validation: a pair (X, y), judged after each epoch; the best epoch's weights are kept.
            settings: of `gruvy.training.Settings`, as ``max_epochs=50, batch_size=32, learning_rate=1e-2, seed=None``.

        Returns:
            The network, with `history` and `task` set. Inputs are taken as they are; numbers to regress are scaled
            for training, and `predict` scales them back.

        Raises:
            InputError, DataError: the data or a setting do not suit.
        """
        chosen = settings_of(settings)
        if isinstance(X, Shards):
            check_shards(X, self.input_units, y=y, sample_weight=sample_weight)
            kind = task_of_shards(X, task)
        else:
            X, y = checked(X, y, self.input_units, task)
            weight = check_weights(sample_weight, len(X))
            kind = task_of(task, y, weight)
        check_units(kind, self.output_units)
        judged = None if validation is None else checked(*pair(validation), self.input_units, task)
        if isinstance(X, Shards):
            self.history = fit_shards(self, kind, X, None, chosen, judged)
        else:
            self.history = fit_task(self, kind, X, y, weight, judged, chosen, in_core=True)
        self.task = kind
        return self

    def predict(self, X: Any) -> Any:
        """Labels or numbers for sequences as given to `fit`, of the kind that it was given.

        Returns:
            (N,) labels or numbers, (N, output_units) numbers, or for tags one array (T_i,) or (T_i, output_units) per
            sequence: a list for a list, one array for an array.
        """
        task = asked(self.task)
        return self._answers(X, task.answers, task.per_step)

    def predict_proba(self, X: Any) -> Any:
        """Probabilities of each class or yes: (N, K), or for tags (T_i, K) for each; arguments as `predict`."""
        task = asked(self.task)
        if not isinstance(task, (Labels, YesNo)):
            raise InputError(f'task="{task.name}" has no probabilities; predict gives its numbers')
        return self._answers(X, task.probabilities, task.per_step)

    def _answers(self, X: Any, answer: Any, per_step: bool) -> Any:
        sequences = as_sequences(X, channels=self.input_units, allow_empty=True, dtype=None)
        return one_each(X, raw_of(self, sequences, per_step), answer, per_step)

    def save(self, path: str | os.PathLike[str]) -> None:
        """Write the network and its task to a file that `gruvy.load` and `GRU.load` read."""
        write(path, self.model(settings={"dropout": self.dropout}))
        checkpoint.remove(self.history)

    @classmethod
    def load(cls, path: str | os.PathLike[str]) -> GRU:
        """The network in a file that `save` wrote.

        Raises:
            ModelFileError: the file is not there, no gruvy model, damaged, or of a newer version.
        """
        model = read(path)
        with fitting(path):
            if model.scaler is not None:
                if "detection" in (model.layout or {}):
                    raise ModelFileError(f"{path}: holds a detector; gruvy.detection.Listener reads it")
                raise ModelFileError(f"{path}: holds a {model.settings['estimator']}; its own load reads it")
            return cls.of(model)

    def model(self, **more: Any) -> Model:
        """The network as a model, without torch; `more` are further fields of `gruvy.model.model.Model`."""
        kind = {"weights": self.weights(), "V": numpy_of(self.V), "b_y": numpy_of(self.b_y), "pooling": self.pooling}
        return Model(**{**kind, "target": self.task, "versions": versions(), **more})

    @property
    def snapshots(self) -> dict[int, Model]:
        """The network as it was, by epoch, where ``fit(snapshots=N)`` kept some; 0: before the first."""
        kept = None if self.history is None else self.history.snapshots
        found: dict[int, Model] = {}
        like = self.model()
        for epoch, state in (kept or {}).items():
            net = GRU.of(like)
            net.load_state_dict(state)
            found[epoch] = net.model()
        return found

    @classmethod
    def of(cls, model: Model) -> GRU:
        """The network in a model; it takes inputs as the model's own network saw them, that is scaled."""
        net = cls(**arguments_of(model)).load_weights(model.weights)
        put(net.V, model.V)
        put(net.b_y, model.b_y)
        net.task = model.target
        return net.eval()

    def _save_to_state_dict(self, destination: dict[str, Any], prefix: str, keep_vars: bool) -> None:
        super()._save_to_state_dict(destination, prefix, keep_vars)
        destination[prefix + CONVENTION_KEY] = encoded(self.convention, None)

    def _load_from_state_dict(self, state_dict: dict[str, Any], prefix: str, *args: Any) -> None:
        state_dict = without_code(state_dict, prefix, self.convention)
        super()._load_from_state_dict(state_dict, prefix, *args)
