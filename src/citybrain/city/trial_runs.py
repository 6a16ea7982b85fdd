"""Many trials, each in a process of its own: SUMO's library holds one simulation a process."""

from __future__ import annotations

import math
import multiprocessing
import shutil
import signal
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess
from pathlib import Path

from msgspec import Struct

from citybrain.city.trial import TrialResult, run_plan
from citybrain.city.trial_city import DAYS, laid_out
from citybrain.city.trial_plan import TrialPlan
from citybrain.city.trial_store import TrialStore
from citybrain.network import RuleError, ScenarioError

END_S = 5.0


class TrialError(RuntimeError):
    """A run that ended without a result; one line."""


class _Share(Struct, frozen=True):
    """Share of a run that is done, NaN where its end is not known."""

    done: float


class _Failure(Struct, frozen=True):
    """Why a run failed; `scenario`: because of the scenario or the rules that it was given."""

    text: str
    scenario: bool


@dataclass(frozen=True, slots=True)
class _Running:
    index: int
    process: BaseProcess
    work: Path


_Message = _Share | _Failure | TrialResult


def run_plans(
    plans: Sequence[TrialPlan],
    store: TrialStore,
    *,
    jobs: int = 1,
    fresh: bool = False,
    progress: Callable[[int, float], None] = lambda index, share: None,
) -> list[TrialResult]:
    """Run the plans, `jobs` at a time; results in the plans' order. A run that `store` has is not run again unless
    `fresh`; each is kept there as soon as it is finished.

    `progress` is told (index of the plan, share done, NaN where the end is not known). Raises ScenarioError,
    TrialError, OSError; the other runs are then ended.
    """
    results: dict[int, TrialResult] = {}
    waiting: list[int] = []
    for index, plan in enumerate(plans):
        found = None if fresh else store.find(plan)
        if found is None:
            waiting.insert(0, index)
        else:
            results[index] = found
            progress(index, 1.0)
    for scenario in {plans[index].scenario.net_file: plans[index].scenario for index in waiting}.values():
        scenario.net(store.networks)  # once, for all processes; what cannot be read is told at once
    running: dict[Connection, _Running] = {}
    try:
        while waiting or running:
            while waiting and len(running) < max(jobs, 1):
                index = waiting.pop()
                pipe, started = _start(index, plans[index], store)
                running[pipe] = started
            for ready in wait(list(running)):
                pipe = next(p for p in running if p is ready)
                run = running[pipe]
                message = _receive(pipe, plans[run.index], run.process)
                if isinstance(message, _Share):
                    progress(run.index, message.done)
                    continue
                results[run.index] = store.keep(plans[run.index], run.work, message)
                progress(run.index, 1.0)
                _end(pipe, run)
                del running[pipe]
    finally:
        for pipe, run in running.items():
            run.process.terminate()
            _end(pipe, run)
    return [results[index] for index in range(len(plans))]


def _start(index: int, plan: TrialPlan, store: TrialStore) -> tuple[Connection, _Running]:
    work = store.begin(plan)
    context = multiprocessing.get_context("spawn")
    mine, its = context.Pipe(duplex=False)
    process = context.Process(target=_work, args=(its, plan, store.networks, work), daemon=True)
    process.start()
    its.close()
    return mine, _Running(index, process, work)


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


def _end(pipe: Connection, run: _Running) -> None:
    run.process.join(END_S)
    if run.process.is_alive():
        run.process.kill()
        run.process.join()
    run.process.close()
    pipe.close()
    shutil.rmtree(run.work, ignore_errors=True)


def _work(pipe: Connection, plan: TrialPlan, cache: Path, work: Path) -> None:
    """In the new process. Ctrl-C is the parent's to answer."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)

    def tell(done: float, whole: float | None) -> None:
        pipe.send(_Share(done / whole if whole else math.nan))

    try:
        pipe.send(run_plan(*laid_out(plan, cache, work), work, tell))
        shutil.rmtree(work / DAYS, ignore_errors=True)
    except Exception as e:
        of_scenario = isinstance(e, ScenarioError | RuleError)
        pipe.send(_Failure(str(e) if of_scenario else f"{type(e).__name__}: {e}", of_scenario))
    finally:
        pipe.close()
