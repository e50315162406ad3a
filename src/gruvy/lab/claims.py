"""What textbooks and tutorials say about RNNs, LSTMs and GRUs, and where it was said first or tested before."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class Source:
    """Who said it or tested it, where, and what they found in a few words; a link where there is one to the text."""

    who: str
    where: str
    found: str
    link: str = ""


@dataclass(frozen=True)
class Claim:
    """One claim.

    Args:
        name: its card on the page.
        text: what is claimed.
        sources: who said it or tested it before.
    """

    name: str
    text: str
    sources: tuple[Source, ...] = ()

    def __str__(self) -> str:
        return self.text


_HOCHREITER_91 = Source(
    "Hochreiter 1991",
    "Untersuchungen zu dynamischen neuronalen Netzen, diploma thesis, TU München",
    "the error that flows back through time vanishes or explodes exponentially",
)
_BENGIO = Source(
    "Bengio, Simard and Frasconi 1994",
    "IEEE Transactions on Neural Networks 5",
    "the longer the dependency, the harder it is to learn by gradient descent",
    "https://doi.org/10.1109/72.279181",
)
_LSTM = Source(
    "Hochreiter and Schmidhuber 1997",
    "Neural Computation 9",
    "the LSTM, and tasks with long lags that recurrent nets before it do not learn",
    "https://doi.org/10.1162/neco.1997.9.8.1735",
)
_GERS = Source(
    "Gers, Schmidhuber and Cummins 2000",
    "Neural Computation 12",
    "the forget gate, without which an LSTM's state grows without end on a stream",
    "https://doi.org/10.1162/089976600300015015",
)
_CHUNG = Source(
    "Chung, Gulcehre, Cho and Bengio 2014",
    "arXiv 1412.3555",
    "LSTM and GRU do better than tanh units on music and speech, and about as well as each other",
    "https://arxiv.org/abs/1412.3555",
)
_JOZEFOWICZ = Source(
    "Jozefowicz, Zaremba and Sutskever 2015",
    "ICML, PMLR 37",
    "an LSTM does as well as a GRU once the bias of its forget gate starts at 1",
    "https://proceedings.mlr.press/v37/jozefowicz15.html",
)
_GREFF = Source(
    "Greff, Srivastava, Koutník, Steunebrink and Schmidhuber 2015",
    "arXiv 1503.04069",
    "of the LSTM's parts the forget gate and the output's squashing matter most; input and forget gate can be one",
    "https://arxiv.org/abs/1503.04069",
)
_TALLEC = Source(
    "Tallec and Ollivier 2018",
    "ICLR, arXiv 1804.11188",
    "the bias of the gates sets how long a net remembers, and should start at the length of the dependencies",
    "https://arxiv.org/abs/1804.11188",
)
_ZHOU = Source(
    "Zhou, Wu, Zhang and Zhou 2016",
    "International Journal of Automation and Computing 13, arXiv 1603.09420",
    "a unit with one gate for both does about as well as the GRU, and is smaller and faster",
    "https://arxiv.org/abs/1603.09420",
)
_RAVANELLI = Source(
    "Ravanelli, Brakel, Omologo and Bengio 2018",
    "arXiv 1803.10225",
    "in speech recognition the reset gate is redundant beside the update gate",
    "https://arxiv.org/abs/1803.10225",
)
_CHO = Source(
    "Cho and others 2014",
    "EMNLP, arXiv 1406.1078",
    "the GRU, a unit in the manner of the LSTM that is simpler to compute",
    "https://arxiv.org/abs/1406.1078",
)

MEMORY = Claim("memory", "RNNs have a short memory.", (_HOCHREITER_91, _BENGIO, _LSTM))
GRADIENTS = Claim(
    "vanishing",
    "Gradients shrink as they go back through time; an LSTM or a GRU keeps them.",
    (_HOCHREITER_91, _BENGIO, _GERS, _TALLEC),
)
EARLY = Claim("start", "So the early steps of a long sequence do not learn.", (_HOCHREITER_91, _BENGIO))
ANSWER = Claim("remedy", "LSTM and GRU are the answer to the short memory.", (_LSTM, _CHUNG, _JOZEFOWICZ, _TALLEC))
ALIKE = Claim(
    "likeness",
    "The GRU is newer and much like an LSTM; its update gate acts like the LSTM's forget and input gates.",
    (_CHO, _CHUNG, _GREFF),
)
CHEAPER = Claim(
    "price",
    "A GRU has no cell state, two gates and fewer operations, and trains a little faster than an LSTM.",
    (_CHO,),
)
GATES = Claim(
    "gating", "A low z reuses the old state, a high z lets the input in; r forgets.", (_CHO, _ZHOU, _RAVANELLI)
)
SQUASHES = Claim("squashing", "σ and tanh squash their argument to between 0 and 1.")
ADDS = Claim("sums", "A GRU learns to add two numbers (the task of the equations' source).")
