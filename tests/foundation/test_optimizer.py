"""SGD's arguments follow torch.optim.SGD's rules."""

import pickle

import pytest

from linsgd import SGD, LinearRegression

DATA = LinearRegression.from_data([[1.0], [2.0], [3.0]], [1.0, 2.0, 0.0])


def test_batches_inside_an_epoch_are_without_replacement():
    assert SGD(lr=0.1).replacement
    assert not SGD(lr=0.1, sampling="epoch").replacement
    assert not SGD(lr=0.1, sampling="epoch", replacement=False).replacement


def test_dampening_without_momentum_does_nothing():
    assert SGD(lr=0.1, dampening=0.5).gradient_weight == 1.0
    assert SGD(lr=0.1, dampening=0.5, momentum=0.9).gradient_weight == 0.5


@pytest.mark.parametrize(
    "sgd",
    [
        SGD(lr=0.1, batch_size=3, replacement=False),
        SGD(lr=0.1, batch_size=3, sampling="epoch"),
        SGD(lr=0.1, batch_size=99),
    ],
)
def test_batches_that_can_be_drawn(sgd):
    sgd.check(DATA)


@pytest.mark.parametrize("options", [{"replacement": False}, {"sampling": "epoch"}])
def test_batches_that_cannot_be_drawn(options):
    with pytest.raises(ValueError, match=r"batch_size = 4 is outside its domain: \[1, 3\]"):
        SGD(lr=0.1, batch_size=4, **options).check(DATA)


def test_optimizers_compare_pickle_and_stay():
    sgd = SGD(lr=0.1, momentum=0.9, nesterov=True)
    assert pickle.loads(pickle.dumps(sgd)) == sgd
    assert hash(sgd) == hash(SGD(lr=0.1, momentum=0.9, nesterov=True))
    with pytest.raises(AttributeError):
        sgd.lr = 0.2
