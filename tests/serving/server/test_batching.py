"""The batcher, with functions in Python instead of models, so that they tell what they have been asked."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Awaitable, Callable, Sequence

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from serving.errors import StatusError
from serving.server import codes
from serving.server.batching import Batcher, BatchOptions
from serving.server.servable import Array


class Doubling:
    """Doubles; an error where a value is negative; the first call waits until `go` is set."""

    def __init__(self, batchable: bool = True) -> None:
        self.batchable = batchable
        self.calls: list[list[float]] = []
        self.go = threading.Event()

    def run(self, values: Sequence[Array]) -> list[Array]:
        self.calls.append(values[0].ravel().tolist())
        assert self.go.wait(10)
        if (values[0] < 0).any():
            raise StatusError(codes.INVALID_ARGUMENT, f"negative in {values[0].tolist()}")
        return [values[0] * 2, values[0].sum(axis=tuple(range(1, values[0].ndim)))]


class Summing(Doubling):
    """Its answer has no rows, though it says so."""

    def run(self, values: Sequence[Array]) -> list[Array]:
        super().run(values)
        return [values[0].sum()]


class Lease:
    """Counts how often it is released."""

    def __init__(self) -> None:
        self.released = 0

    def release(self) -> None:
        self.released += 1


def _run(
    test: Callable[[Batcher], Awaitable[None]],
    max_rows: int = 4,
    wait_s: float = 0,
    max_waiting_rows: int = 100,
    threads: int = 1,
) -> None:
    async def main() -> None:
        batcher = Batcher(BatchOptions(max_rows, wait_s, max_waiting_rows, threads), asyncio.get_running_loop())
        try:
            await asyncio.wait_for(test(batcher), 20)
        finally:
            batcher.close()

    asyncio.run(main())


async def _busy(batcher: Batcher, function: Doubling) -> asyncio.Future:
    """Lets the only worker wait in a call of its own, so that what follows is put together."""
    future = batcher.submit(function, [np.zeros(1)], Lease())
    while not function.calls:
        await asyncio.sleep(0.001)
    return future


def test_what_waits_is_run_together_and_everybody_gets_their_rows() -> None:
    async def test(batcher: Batcher) -> None:
        function, leases = Doubling(), [Lease() for _ in range(4)]
        first = await _busy(batcher, function)
        inputs = [np.array([1.0]), np.array([2.0, 3.0]), np.array([4.0]), np.array([5.0])]
        futures = [batcher.submit(function, [value], lease) for value, lease in zip(inputs, leases, strict=True)]
        function.go.set()
        answers = [(await future)[0][0].tolist() for future in futures]
        assert answers == [[2], [4, 6], [8], [10]]
        assert function.calls == [[0], [1, 2, 3, 4], [5]]
        assert [lease.released for lease in leases] == [1] * 4
        assert (await first)[0][0].tolist() == [0]

    _run(test)


def test_an_error_belongs_to_who_has_caused_it() -> None:
    async def test(batcher: Batcher) -> None:
        function = Doubling()
        await _busy(batcher, function)
        futures = [batcher.submit(function, [np.array([value])], Lease()) for value in (1.0, -2.0, 3.0)]
        function.go.set()
        answers = await asyncio.gather(*futures, return_exceptions=True)
        assert answers[0][0][0].tolist() == [2]
        assert isinstance(answers[1], StatusError)
        assert answers[1].message == "negative in [-2.0]"
        assert answers[2][0][0].tolist() == [6]

    _run(test)


@pytest.mark.parametrize("max_rows", [0, 1])
def test_without_batching_each_request_is_run_by_itself(max_rows: int) -> None:
    async def test(batcher: Batcher) -> None:
        function = Doubling()
        await _busy(batcher, function)
        futures = [batcher.submit(function, [np.array([float(value)])], Lease()) for value in range(3)]
        function.go.set()
        await asyncio.gather(*futures)
        assert function.calls == [[0], [0], [1], [2]]

    _run(test, max_rows=max_rows)


def test_what_does_not_fit_is_run_by_itself() -> None:
    async def test(batcher: Batcher) -> None:
        function = Doubling()
        await _busy(batcher, function)
        values = [np.ones(9), np.ones((1, 2)), np.ones(()), np.ones(0), np.ones(1), np.ones((1, 2)), np.ones(1)]
        futures = [batcher.submit(function, [value], Lease()) for value in values]
        function.go.set()
        for value, future in zip(values, futures, strict=True):
            assert (await future)[0][0].tolist() == (value * 2).tolist()
        assert sorted(map(len, function.calls)) == [0, 1, 1, 2, 4, 9]

    _run(test)


def test_inputs_of_different_length_are_run_as_they_are() -> None:
    async def test(batcher: Batcher) -> None:
        function = Doubling()
        function.go.set()
        answer = await batcher.submit(function, [np.ones(2), np.ones(3)], Lease())
        assert answer[0][0].tolist() == [2, 2]

    _run(test)


def test_answers_without_rows_are_not_shared_out() -> None:
    async def test(batcher: Batcher) -> None:
        function = Summing()
        await _busy(batcher, function)
        futures = [batcher.submit(function, [np.full(2, value)], Lease()) for value in (1.0, 2.0)]
        function.go.set()
        assert [float((await future)[0][0]) for future in futures] == [2, 4]
        assert not function.batchable

    _run(test)


def test_a_full_queue_refuses() -> None:
    async def test(batcher: Batcher) -> None:
        function = Doubling()
        await _busy(batcher, function)
        futures = [batcher.submit(function, [np.ones(2)], Lease()) for _ in range(2)]
        with pytest.raises(StatusError, match="queue to which this task was submitted is full") as raised:
            batcher.submit(function, [np.ones(1)], Lease())
        assert raised.value.code == codes.UNAVAILABLE
        function.go.set()
        await asyncio.gather(*futures)
        await batcher.submit(function, [np.ones(1)], Lease())

    _run(test, max_waiting_rows=4)


def test_nobody_runs_what_has_been_cancelled_but_its_lease_ends() -> None:
    async def test(batcher: Batcher) -> None:
        function, lease = Doubling(), Lease()
        await _busy(batcher, function)
        cancelled = batcher.submit(function, [np.array([7.0])], lease)
        other = batcher.submit(function, [np.array([8.0])], Lease())
        cancelled.cancel()
        function.go.set()
        await other
        assert function.calls == [[0], [8]]
        assert lease.released == 1

    _run(test)


def test_a_call_waits_to_be_filled_and_not_longer() -> None:
    async def test(batcher: Batcher) -> None:
        function, loop = Doubling(), asyncio.get_running_loop()
        function.go.set()
        started = loop.time()
        futures = []
        for value in (1.0, 2.0):
            futures.append(batcher.submit(function, [np.array([value])], Lease()))
            await asyncio.sleep(0.05)
        await asyncio.gather(*futures)
        assert 0.25 < loop.time() - started < 5
        started = loop.time()
        await asyncio.gather(*(batcher.submit(function, [np.array([float(value)])], Lease()) for value in range(4)))
        assert loop.time() - started < 0.25
        assert function.calls == [[1, 2], [0, 1, 2, 3]]

    _run(test, wait_s=0.3)


def test_an_unexpected_exception_is_an_answer() -> None:
    class Broken:
        batchable = True

        def run(self, values: Sequence[Array]) -> list[Array]:
            raise ZeroDivisionError("oh")

    async def test(batcher: Batcher) -> None:
        for _ in range(2):
            with pytest.raises(StatusError, match="ZeroDivisionError: oh"):
                await batcher.submit(Broken(), [np.ones(1)], Lease())

    _run(test)


def test_an_unexpected_exception_fails_no_other_request_in_its_batch() -> None:
    class Unlucky(Doubling):
        def run(self, values: Sequence[Array]) -> list[Array]:
            doubled = super().run(values)
            if (values[0] == 13).any():
                raise ZeroDivisionError("oh")
            return doubled

    async def test(batcher: Batcher) -> None:
        function = Unlucky()
        first = await _busy(batcher, function)
        futures = [batcher.submit(function, [np.array([value])], Lease()) for value in (13.0, 1.0)]
        function.go.set()
        error, answer = (await asyncio.gather(first, *futures, return_exceptions=True))[1:]
        assert isinstance(error, StatusError)
        assert error.message == "ZeroDivisionError: oh"
        assert answer[0][0] == [2]
        assert function.calls[1] == [13, 1]

    _run(test)


@given(st.lists(st.tuples(st.integers(0, 6), st.integers(1, 2), st.booleans()), min_size=1, max_size=30))
@settings(deadline=None, max_examples=40)
def test_whatever_comes_is_answered_as_if_it_were_alone(requests: list[tuple[int, int, bool]]) -> None:
    async def test(batcher: Batcher) -> None:
        function = Doubling()
        function.go.set()
        values = [np.full((rows, width), -1.0 if bad else number) for number, (rows, width, bad) in enumerate(requests)]
        leases = [Lease() for _ in values]
        answers = await asyncio.gather(
            *(batcher.submit(function, [value], lease) for value, lease in zip(values, leases, strict=True)),
            return_exceptions=True,
        )
        for value, answer in zip(values, answers, strict=True):
            if (value < 0).any():
                assert isinstance(answer, StatusError)
                assert answer.message == f"negative in {value.tolist()}"
            else:
                np.testing.assert_array_equal(answer[0][0], value * 2)
                np.testing.assert_array_equal(answer[0][1], value.sum(axis=1))
        assert [lease.released for lease in leases] == [1] * len(leases)

    _run(test, threads=2, max_waiting_rows=1000)
