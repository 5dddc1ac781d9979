r"""`GradientNoise`: the noise of minibatch gradients of a network at fixed weights.

Where rows have gradients g_n (`row_gradients`) everything is streamed over chunks of them: with
g the mean gradient and C = (1/N) sum (g_n - g)(g_n - g)', a batch of b rows with replacement has
covariance C/b, without replacement C (N - b)/(b (N - 1)). A sample of n batches is W (g_n) with W
the shares (n, N) of the rows in the batches; normal W give the Gaussian surrogate of equal
covariance.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import Any

import numpy as np
from numpy.typing import ArrayLike

from linsgd import domains
from linsgd.deep.full_loss import FullLoss, Loss
from linsgd.deep.noise_scale import NoiseScale, scale_of_rows
from linsgd.deep.parameters import edges, trainable
from linsgd.deep.preserved import Mode, preserved
from linsgd.deep.pytorch import torch
from linsgd.deep.row_gradients import Definition, RowGradients, Rows
from linsgd.domains import FloatArray, IntArray
from linsgd.result import Result
from linsgd.theory.gradient_noise.finite_data import FiniteRows

BATCHES = 400  # evaluated where rows have no gradient


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NoiseTrace(Result):
    """The trace of the covariance of the minibatch gradient.

    Attributes
    ----------
    value : float
        tr Cov.
    standard_error : float
        0 where it is exact for the data: from the gradients of all rows.
    layers : mapping of str to float
        Its share of each parameter.
    """

    value: float
    standard_error: float
    layers: dict[str, float]


@dataclass(frozen=True, slots=True, kw_only=True, eq=False, repr=False)
class NoiseAlong(Result):
    """The minibatch gradient along directions.

    Attributes
    ----------
    mean, variance, excess_kurtosis : ndarray (m,)
        Of u'g.
    variance_error : ndarray (m,)
        Standard error; 0 where the moments are exact for the data.
    covariance : ndarray (m, m)
        Between the directions.
    """

    mean: FloatArray
    variance: FloatArray
    excess_kurtosis: FloatArray
    variance_error: FloatArray
    covariance: FloatArray = field(repr=False)

    @property
    def off_diagonal(self) -> float:
        """Root mean square of the correlations between directions: 0 if C and H commute."""
        scale = np.sqrt(np.outer(self.variance, self.variance))
        correlation = np.divide(self.covariance, scale, out=np.zeros_like(scale), where=scale > 0)
        outside = ~np.eye(len(scale), dtype=bool)
        return float(np.sqrt(np.mean(correlation[outside] ** 2))) if outside.any() else 0.0


class GradientNoise:
    r"""The noise of minibatch gradients at the model's weights, with independent batches.

    Parameters
    ----------
    model : torch.nn.Module
        The model; its weights are read when a method is called.
    loss : callable
        (outputs, targets) to the mean loss of the rows.
    data : tuple of Tensors, or iterable of such
        As in `hessian_eigenpairs`; all rows are brought to the model's device.
    batch_size : int
        b, at least 1; at most N without replacement.
    replacement : bool
        Whether a row may come twice in one batch.
    mode : {"eval", "train"}
        Of the model.

    Attributes
    ----------
    definition : Definition
        "mean of row gradients", from which all moments are exact for the data; or "batches
        evaluated as a whole", where batch norm in train mode couples the rows: `trace` and `along`
        are then estimates from 400 batches.
    rows, parameters : int
        N and P.

    Raises
    ------
    ValueError
        If a value lies outside its domain; if the loss is not the mean over rows, or not
        deterministic at fixed weights.

    Notes
    -----
    Samples go to `linsgd.estimate.tail_controls`, ``normality``, ``tail_index`` and
    ``stable_index``; the same samples with ``surrogate=True`` are normal and have the same
    covariance. Mode, buffers and random states are restored.

    Examples
    --------
    >>> import torch, linsgd
    >>> x, y = torch.eye(4).double(), torch.arange(4.0).double()[:, None]
    >>> model = torch.nn.Linear(4, 1, bias=False).double()
    >>> _ = torch.nn.init.zeros_(model.weight)
    >>> noise = linsgd.deep.GradientNoise(model, torch.nn.MSELoss(), (x, y), batch_size=2)
    >>> print(noise.definition, noise.trace().value)
    mean of row gradients 5.25
    """

    def __init__(
        self,
        model: Any,
        loss: Loss,
        data: Any,
        batch_size: int,
        replacement: bool = True,
        mode: Mode = "eval",
    ) -> None:
        self._names = list(trainable(model))
        self._places = edges(list(trainable(model).values()))
        self._model, self._mode = model, mode
        rows = Rows.of(data, next(model.parameters()).device)
        domains.boolean("replacement", replacement)
        largest = "inf)" if replacement else f"{len(rows)}]"
        self.batch_size = domains.integer("batch_size", batch_size, f"[1, {largest}")
        self.replacement = replacement
        self._gradients = RowGradients(model, loss, rows)
        with self._in_mode():
            full = FullLoss(model, loss, data)
            self.definition = self._gradients.definition(full.gradient)
        self.rows, self.parameters = full.rows, full.size

    def trace(self) -> NoiseTrace:
        """Return the trace of the covariance of the minibatch gradient, in all and by layer."""
        if self.definition is Definition.BATCHES:
            g = self.sample(BATCHES)
            squares = (g - g.mean(axis=0)) ** 2 * (BATCHES / (BATCHES - 1))
            each = squares.sum(axis=1)
            variances, error = squares.mean(axis=0), each.std(ddof=1) / np.sqrt(BATCHES)
        else:
            mean, second = self._mean_and_squares()
            variances, error = (second - mean**2) * self._share, 0.0
        layers = {
            n: float(variances[at].sum()) for n, at in zip(self._names, self._places, strict=True)
        }
        value = float(variances.sum())
        return NoiseTrace(value=value, standard_error=float(error), layers=layers)

    def along(self, directions: ArrayLike) -> NoiseAlong:
        """Return the moments of the minibatch gradient along directions.

        Parameters
        ----------
        directions : array_like (m, P)
            As `HessianEigenpairs.eigenvectors`.

        Returns
        -------
        NoiseAlong
            Exact for the data where rows have gradients.
        """
        Q = domains.array("directions", directions, (None, self.parameters))
        if self.definition is Definition.BATCHES:
            g = self.sample(BATCHES) @ Q.T
            law, error = FiniteRows(g, 1, "replacement"), np.sqrt(2 / BATCHES)
        else:
            sampling = "replacement" if self.replacement else "without_replacement"
            law, error = FiniteRows(self._projected(Q), self.batch_size, sampling), 0.0
        moments = np.array([law.moments(e) for e in np.eye(len(Q))])
        second, fourth = moments[:, 0], moments[:, 2]
        kurtosis = np.full(len(Q), np.nan)
        np.divide(fourth, second**2, out=kurtosis, where=second > 0)
        return NoiseAlong(
            mean=law.mean(),
            variance=second,
            excess_kurtosis=kurtosis - 3,
            variance_error=error * second,
            covariance=law.covariance(),
        )

    def sample(
        self,
        n: int,
        seed: int = 0,
        coordinates: ArrayLike | None = None,
        surrogate: bool = False,
    ) -> FloatArray:
        """Return gradients of n independent batches, or of normal noise of the same covariance.

        Parameters
        ----------
        n : int
            Batches, at least 1.
        seed : int
            Of the batches.
        coordinates : array_like of int (M,), optional
            Entries of the gradient to keep; by default all P.
        surrogate : bool
            Replace the batches by normal noise of their mean and covariance.

        Returns
        -------
        ndarray (n, M)
            In the order of the parameters.

        Raises
        ------
        ValueError
            If a value lies outside its domain, or a surrogate is asked for where rows have no
            gradient.
        """
        n = domains.integer("n", n, "[1, inf)")
        rng = np.random.default_rng(domains.integer("seed", seed, "[0, inf)"))
        kept = self._entries(coordinates)
        if self.definition is Definition.BATCHES:
            if surrogate:
                domains.refuse("surrogate", True, "False where batch norm couples the rows")
            with self._in_mode():
                found = [self._gradients.of_batch(self._drawn(rng))[kept] for _ in range(n)]
                drawn: FloatArray = torch.stack(found).double().cpu().numpy()
            return drawn
        return self._combined(self._normal(n, rng) if surrogate else self._shares(n, rng), kept)

    def noise_scale(self, confidence: float = 0.95) -> NoiseScale:
        """Return the gradient noise scale, the rows taken as a sample of their law.

        Parameters
        ----------
        confidence : float
            Of the interval, in (0, 1).

        Returns
        -------
        NoiseScale
            tr C / |G|^2 in rows; it does not depend on the batch size.
        """
        confidence = domains.real("confidence", confidence, "(0, 1)")
        if self.definition is Definition.BATCHES:
            domains.refuse("mode", self._mode, "'eval', as batch norm couples the rows")
        total = self.rows * self._mean_and_squares()[0]
        vector = torch.from_numpy(total)
        squares, along = [], []
        for chunk in self._chunks():
            squares.append(chunk.square().sum(dim=1))
            along.append(chunk @ vector.to(chunk.device))
        s, a = (torch.cat(x).cpu().numpy() for x in (squares, along))
        return scale_of_rows(s, a, float(total @ total), confidence)

    @property
    def _share(self) -> float:
        """Covariance of the minibatch gradient over that of a row's."""
        N, b = self.rows, self.batch_size
        return 1 / b if self.replacement else (N - b) / (b * max(N - 1, 1))

    @contextmanager
    def _in_mode(self) -> Iterator[None]:
        with preserved(self._model, self._mode):
            yield

    def _chunks(self) -> Iterator[Any]:
        """Go through the row gradients in double precision.

        Yields
        ------
        Tensor (c, P)
            Of the next c rows.
        """
        with self._in_mode():
            for chunk in self._gradients.chunks():
                yield chunk.double()

    def _mean_and_squares(self) -> tuple[FloatArray, FloatArray]:
        """Return the means of g_n and of its squared entries (P,)."""
        mean, second = np.zeros(self.parameters), np.zeros(self.parameters)
        for chunk in self._chunks():
            mean += chunk.sum(dim=0).cpu().numpy()
            second += chunk.square().sum(dim=0).cpu().numpy()
        return mean / self.rows, second / self.rows

    def _projected(self, Q: FloatArray) -> FloatArray:
        """Return the row gradients along directions (N, m)."""
        matrix = torch.from_numpy(np.array(Q.T))
        found = [chunk @ matrix.to(chunk.device) for chunk in self._chunks()]
        projected: FloatArray = torch.cat(found).cpu().numpy()
        return projected

    def _combined(self, shares: FloatArray, kept: Any) -> FloatArray:
        """Return shares (n, N) times the row gradients (N, M)."""
        total: Any = 0.0
        first = 0
        for chunk in self._chunks():
            part = torch.from_numpy(shares[:, first : first + len(chunk)]).to(chunk.device)
            total = total + part @ chunk[:, kept]
            first += len(chunk)
        found: FloatArray = total.cpu().numpy()
        return found

    def _drawn(self, rng: np.random.Generator) -> IntArray:
        """Draw the rows of a batch (b,)."""
        if self.replacement:
            return rng.integers(self.rows, size=self.batch_size)
        return rng.permutation(self.rows)[: self.batch_size]

    def _shares(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return the shares of the rows in n batches (n, N)."""
        shares = np.zeros((n, self.rows))
        for i in range(n):
            np.add.at(shares[i], self._drawn(rng), 1 / self.batch_size)
        return shares

    def _normal(self, n: int, rng: np.random.Generator) -> FloatArray:
        """Return normal shares (n, N) that give the mean and the covariance of batches."""
        z = rng.normal(size=(n, self.rows))
        centred = z - z.mean(axis=1, keepdims=True)
        shares: FloatArray = 1 / self.rows + centred * np.sqrt(self._share / self.rows)
        return shares

    def _entries(self, coordinates: ArrayLike | None) -> Any:
        """Return the chosen entries as an index."""
        if coordinates is None:
            return slice(None)
        chosen = domains.step_list("coordinates", coordinates)
        if chosen.max() >= self.parameters:
            domains.refuse("coordinates", int(chosen.max()), f"[0, {self.parameters})")
        return torch.from_numpy(np.array(chosen)).to(next(self._model.parameters()).device)
