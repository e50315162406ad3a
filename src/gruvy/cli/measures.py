"""How good answers are, by scikit-learn, as plain numbers: the commands print them as text (`reports`) or as JSON."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np

from gruvy.data.collection import described
from gruvy.errors import DataError
from gruvy.extras import need
from gruvy.forecast.measure import wilson
from gruvy.model.task import Labels, Numbers, Task, check_steps, end_to_end
from gruvy.model.yes_no import YesNo

if TYPE_CHECKING:
    from gruvy.data import Sequences

Array = np.ndarray[Any, Any]
Judged = dict[str, Any]


def judge(
    task: Task,
    model: Any,
    parts: Iterable[Sequences],
    guess: Any = None,
    targets: Sequence[str] = (),
) -> Judged:
    """How good a model is on sequences with their targets, beside a baseline that always answers the same.

    Args:
        task: the model's. model: with `predict` and `predict_log_proba` for a list of sequences.
        parts: the sequences, of which one part at a time is in memory.
        guess: the class that the baseline answers; None for the commonest there is. Of numbers it answers the mean of
            the training.
        targets: names of the numbers; default y, or y0, y1, ...

    Raises:
        DataError: the targets are of another kind than the model's answers, or an answer is not finite.
    """
    truth: list[Any] = []
    answers: list[Any] = []
    for part in parts:
        y, said = (_answered_steps if task.per_step else _answered)(task, model, part)
        truth.extend(y)
        answers.extend(said)
    if isinstance(task, YesNo):
        return of_yes_no(task.encode(truth), end_to_end(answers), task.chosen, targets)
    if isinstance(task, Labels):
        if task.per_step:
            return of_steps(truth, answers, task, guess)
        return of_classes(np.array(truth), np.array(answers), task.classes, guess)
    if task.per_step:
        t, a = (end_to_end(each).reshape(-1, len(task.mean)) for each in (truth, answers))
        return of_numbers(t, a, task.mean, targets, unit="step")
    t, a = (np.array(each).reshape(len(each), -1) for each in (truth, answers))
    return of_numbers(t, a, np.ravel(task.mean), targets)


def _answered_steps(task: Task, model: Any, part: Sequences) -> tuple[Any, Any]:
    """The targets at every step, and the numbers, or of classes and of yes and no the logarithms of probabilities."""
    name = ", ".join(part.target) or "y"
    if part.y is None or (part.y.ndim == 1 and part.y.dtype != object):
        raise DataError(f"target {name} has one value for each sequence; expected one at every step, as in training")
    check_steps(list(part.y), [len(x) for x in part.x])
    return part.y, (model.predict if isinstance(task, Numbers) else model.predict_log_proba)(part.x)


def _answered(task: Task, model: Any, part: Sequences) -> tuple[Any, Any]:
    """The targets and the answers of some sequences."""
    y: Any = part.y
    name = ", ".join(part.target) or "y"
    if isinstance(task, Labels):
        if y.ndim > 1 or y.dtype == object:
            raise DataError(f"target {name} has several values for each sequence; expected one class, as in training")
        return y, model.predict(part.x)
    assert not isinstance(task, YesNo)
    count = len(np.ravel(task.mean))
    if y.dtype.kind not in "iufb":
        raise DataError(f"target {name} holds {described(y)}; expected numbers, as in training")
    if np.size(y) != len(y) * count:
        raise DataError(f"target {name} has {np.size(y) // len(y)} numbers for each sequence; expected {count}")
    answers = np.asarray(model.predict(part.x))
    if not np.isfinite(answers).all():
        bad = int(np.argmin(np.isfinite(answers.reshape(len(answers), -1)).all(1)))
        raise DataError(f"the model's answer to sequence {part.ids[bad]!r} is not a finite number")
    return y.astype(np.float64), answers


def majority(y: Array) -> tuple[Any, int]:
    """The commonest class, the first where several are, and how often it comes."""
    classes, counts = np.unique(y, return_counts=True)
    return classes[counts.argmax()], int(counts.max())


def confusion(truth: Array, answers: Array, classes: Array) -> Array:
    """How often class i (rows) was called class j (columns): (K, K); classes sorted (K,)."""
    t, a = np.searchsorted(classes, truth), np.searchsorted(classes, answers)
    counts: Array = need("sklearn.metrics").confusion_matrix(t, a, labels=np.arange(len(classes)))
    return counts


def of_classes(truth: Array, answers: Array, known: Array, guess: Any = None, unit: str = "sequence") -> Judged:
    """Accuracy with its interval, the baseline, and per class the recall; what was mistaken for what.

    Args:
        truth, answers: N classes each. known: the classes that the model can answer (K,); a true one that is not
            among them counts as wrong.
        guess: the baseline's answer; None for the commonest of `truth`.
        unit: what has a class, a sequence or a step.
    """
    metrics = need("sklearn.metrics")
    mixed = (truth.dtype.kind == "U") != (
        known.dtype.kind == "U"
    )  # a column of numbers in one file, of text in another
    truth, answers, known = ((a.astype(np.str_) if mixed else a) for a in (truth, answers, known))
    classes = np.unique(np.concatenate([known, truth]))
    t, a = np.searchsorted(classes, truth), np.searchsorted(classes, answers)
    places = np.arange(len(classes))
    counts = confusion(truth, answers, classes)
    each = {"labels": places, "average": None, "zero_division": np.nan}
    recall, precision, f1 = (getattr(metrics, f"{name}_score")(t, a, **each) for name in ("recall", "precision", "f1"))
    right, sizes, strange = int(counts.trace()), counts.sum(1), ~np.isin(classes, known)
    if guess is None:
        guess = classes[sizes.argmax()]
    always = float(np.mean(truth == (str(guess) if mixed else guess)))
    return {
        "unit": unit,
        "count": len(truth),
        "right": right,
        "accuracy": float(metrics.accuracy_score(t, a)),
        "interval": wilson(right / len(truth), len(truth))[1:],
        "baseline": {"answer": guess, "accuracy": always},
        "unknown": [{"class": classes[k], "count": int(sizes[k])} for k in places[strange]],
        "classes": [
            {
                "class": classes[k],
                "count": int(sizes[k]),
                "right": int(counts[k, k]),
                "recall": float(recall[k]),
                "precision": float(precision[k]),
                "f1": float(f1[k]),
            }
            for k in places
        ],
        "confusion": counts,
    }


def of_steps(truth: Sequence[Any], log_p: Sequence[Array], task: Labels, guess: Any = None) -> Judged:
    """As `of_classes`, for a class at every step of N sequences, and how many sequences are right at every step.

    Only these have an interval: the steps of one sequence are not drawn independently of each other. Beside, the
    balanced accuracy, the mean of the recalls, and the mean negative log-likelihood of a step; None where a class is
    unknown.
    """
    answers = [task.chosen(np.exp(part)) for part in log_p]
    flat = [np.concatenate([np.ravel(part) for part in each]) for each in (truth, answers)]
    judged = of_classes(flat[0], flat[1], task.classes, guess, unit="step")
    judged["balanced_accuracy"] = float(np.mean([one["recall"] for one in judged["classes"] if one["count"]]))
    judged["negative_log_likelihood"] = None
    if not judged["unknown"]:
        likely = np.take_along_axis(end_to_end(log_p), task.encode(truth)[:, None], axis=1)
        judged["negative_log_likelihood"] = float(-likely.mean())
    whole = sum(bool(np.all(np.ravel(t) == np.ravel(a))) for t, a in zip(truth, answers, strict=True))
    share = {"count": len(truth), "right": whole, "accuracy": whole / len(truth)}
    return judged | {"interval": None, "whole": share | {"interval": wilson(whole / len(truth), len(truth))[1:]}}


def of_yes_no(truth: Array, log_p: Array, chosen: Callable[[Array], Array], targets: Sequence[str] = ()) -> Judged:
    """Of K yes or no at each of S steps: the share right, and the negative log-likelihood of a step, the sum over K.

    The baseline gives each answer, at all steps, the probability of its share of yes among these very steps.

    Args:
        truth: (S, K), 1 for yes. log_p: logarithms of the probabilities of yes (S, K). chosen: the answers at
            probabilities. targets: K names.
    """
    metrics = need("sklearn.metrics")
    share = truth.mean(0, dtype=np.float64)
    answers, always = chosen(np.exp(log_p)), np.broadcast_to(share > 0.5, truth.shape)

    def scores(t: Array, a: Array, **how: Any) -> dict[str, float]:
        names = ("precision", "recall", "f1")
        return {name: float(getattr(metrics, f"{name}_score")(t, a, zero_division=np.nan, **how)) for name in names}

    with np.errstate(divide="ignore"):
        likely = np.where(truth > 0, log_p, np.log(-np.expm1(log_p)))
    names = list(targets) if len(targets) == truth.shape[1] else [str(k) for k in range(truth.shape[1])]
    each = zip(names, truth.T, answers.T, strict=True)
    return {
        "unit": "step",
        "count": len(truth),
        "accuracy": float((answers == truth).mean()),
        "negative_log_likelihood": float(-likely.sum(1).mean()),
        **scores(truth, answers, average="micro"),
        "answers": [{"answer": name, "count": int(t.sum()), **scores(t, a)} for name, t, a in each],
        "baseline": {"accuracy": float((always == truth).mean()), "negative_log_likelihood": _entropy(share)},
    }


def _entropy(share: Array) -> float:
    """Of yes and no with these shares of yes, added up."""
    return float(-sum((p * np.log(np.where(p > 0, p, 1))).sum() for p in (share, 1 - share)))


def of_numbers(
    truth: Array, answers: Array, mean: Array, targets: Sequence[str] = (), unit: str = "sequence"
) -> Judged:
    """R² and errors of each target in its own unit, beside those of always answering `mean`.

    Args:
        truth, answers: (N, O). mean: (O,). targets: O names.
    """
    metrics = need("sklearn.metrics")
    N, O = truth.shape
    names = list(targets) if len(targets) == O else ["y"] if O == 1 else [f"y{k}" for k in range(O)]
    found = []
    for name, t, a, m in zip(names, truth.T, answers.T, mean, strict=True):
        spread = N > 1 and bool((t != t[0]).any())
        found.append(
            {
                "target": name,
                "r2": float(metrics.r2_score(t, a)) if spread else None,
                "mean_absolute_error": float(metrics.mean_absolute_error(t, a)),
                "root_mean_squared_error": float(metrics.root_mean_squared_error(t, a)),
                "baseline": {
                    "answer": float(m),
                    "root_mean_squared_error": float(metrics.root_mean_squared_error(t, np.full(N, m))),
                },
            }
        )
    return {"unit": unit, "count": N, "targets": found}


def verdicts(judged: Judged) -> list[str]:
    """Where the model is no better than its baseline, in words; nothing where it is better."""
    if "targets" in judged:
        return [
            f"Below the baseline: {one['target']} is predicted no better than by always saying "
            f"{one['baseline']['answer']:.4g}, the mean of the training."
            for one in judged["targets"]
            if one["root_mean_squared_error"] >= one["baseline"]["root_mean_squared_error"]
        ]
    if "answers" in judged:
        always = judged["baseline"]["negative_log_likelihood"]
        better = judged["negative_log_likelihood"] < always
        return [] if better else ["Not above the baseline: no likelier than the share of yes at all steps."]
    mine, always, interval = judged["accuracy"], judged["baseline"]["accuracy"], judged["interval"]
    saying = f"always saying {str(judged['baseline']['answer'])!r}"
    if mine < always:
        return [f"Below the baseline: worse than {saying}."]
    if mine == always:
        return [f"Not above the baseline: no better than {saying}."]
    if interval and interval[0] <= always:
        return [f"Not clearly above the baseline: the interval reaches down to what {saying} gets."]
    return []


def headline(judged: Judged) -> dict[str, float]:
    """The numbers that say how good a model is, by name, to be compared from seed to seed."""
    if "answers" in judged:
        return {"negative log-likelihood": judged["negative_log_likelihood"]}
    if "targets" not in judged:
        return {"accuracy": judged["accuracy"]}
    several = len(judged["targets"]) > 1
    return {
        "typical error" + (f" of {one['target']}" if several else ""): one["root_mean_squared_error"]
        for one in judged["targets"]
    }


def spread(judged: Sequence[Judged]) -> dict[str, dict[str, float]]:
    """Of each headline number over the seeds: mean, standard deviation, least and most."""
    every = [headline(one) for one in judged]
    found = {}
    for name in every[0]:
        values = np.array([one[name] for one in every])
        deviation = float(values.std(ddof=1)) if len(values) > 1 else 0.0
        ends = {"least": float(values.min()), "most": float(values.max())}
        found[name] = {"mean": float(values.mean()), "deviation": deviation, **ends}
    return found
