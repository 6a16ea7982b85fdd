"""Many trials, each in a process of its own: SUMO's library holds one simulation a process."""

from __future__ import annotations

import math
import multiprocessing
from collections.abc import Callable, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from msgspec import Struct

from citybrain.city.trial import TrialPlan, TrialResult, run_trial
from citybrain.network import ScenarioError

END_S = 5.0


class TrialError(RuntimeError):
    """A run that ended without a result; one line."""


class _Share(Struct, frozen=True):
    """Share of a run that is done, NaN where its end is not known."""

    done: float


class _Failure(Struct, frozen=True):
    """Why a run failed; `scenario`: because of what it was given."""

    text: str
    scenario: bool


_Message = _Share | _Failure | TrialResult


def run_plans(
    plans: Sequence[TrialPlan],
    *,
    jobs: int = 1,
    cache: Path | None = None,
    progress: Callable[[int, float], None] = lambda index, share: None,
) -> list[TrialResult]:
    """Run the plans, `jobs` at a time; results in the plans' order.

    `progress` is told (index of the plan, share done, NaN where the end is not known). `cache`: a folder for
    parsed networks. Raises ScenarioError, TrialError; the other runs are then ended.
    """
    results: dict[int, TrialResult] = {}
    waiting = list(enumerate(plans))[::-1]
    running: dict[Connection, tuple[int, BaseProcess]] = {}
    try:
        while waiting or running:
            while waiting and len(running) < max(jobs, 1):
                index, plan = waiting.pop()
                pipe, process = _start(plan, cache)
                running[pipe] = index, process
            for ready in wait(list(running)):
                pipe = next(p for p in running if p is ready)
                index, process = running[pipe]
                message = _receive(pipe, plans[index], process)
                if isinstance(message, _Share):
                    progress(index, message.done)
                    continue
                results[index] = message
                progress(index, 1.0)
                _end(pipe, process)
                del running[pipe]
    finally:
        for pipe, (_, process) in running.items():
            process.terminate()
            _end(pipe, process)
    return [results[index] for index in range(len(plans))]


def _start(plan: TrialPlan, cache: Path | None) -> tuple[Connection, BaseProcess]:
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(its, plan, cache), daemon=True)
    process.start()
    its.close()
    return mine, process


def _receive(pipe: Connection, plan: TrialPlan, process: BaseProcess) -> _Share | TrialResult:
    try:
        message: _Message = pipe.recv()
    except EOFError:
        process.join(END_S)
        code = process.exitcode
        raise TrialError(f"{plan.controller}, seed {plan.seed}: its process died (exit code {code})") from None
    if isinstance(message, _Failure):
        if message.scenario:
            raise ScenarioError(message.text)
        raise TrialError(f"{plan.controller}, seed {plan.seed}: {message.text}")
    return message


def _end(pipe: Connection, process: BaseProcess) -> None:
    process.join(END_S)
    if process.is_alive():
        process.kill()
        process.join()
    process.close()
    pipe.close()


def _work(pipe: Connection, plan: TrialPlan, cache: Path | None) -> None:
    """In the new process."""

    def tell(done: float, whole: float | None) -> None:
        pipe.send(_Share(done / whole if whole else math.nan))

    try:
        pipe.send(_result(plan, cache, tell))
    except Exception as e:
        of_scenario = isinstance(e, ScenarioError)
        pipe.send(_Failure(str(e) if of_scenario else f"{type(e).__name__}: {e}", of_scenario))
    finally:
        pipe.close()


def _result(plan: TrialPlan, cache: Path | None, tell: Callable[[float, float | None], None]) -> TrialResult:
    return run_trial(
        plan.scenario,
        plan.scenario.net(cache),
        plan.controller,
        plan.seed,
        sensors=plan.sensors,
        begin_s=plan.begin_s,
        end_s=plan.end_s,
        progress=tell,
    )
