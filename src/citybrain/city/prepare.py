"""`python -m citybrain.city.prepare DATA`: works out what the processes of a run read, and says what it does.

A process of its own: reading scenarios needs the simulator, and the parent of the city stays small. Each line of
its output is what it does now; the last line of a failure is the reason.
"""

from __future__ import annotations

import sys
import traceback
from pathlib import Path

from citybrain.city.errors import EXIT_INPUT, EXIT_INTERNAL, explain
from citybrain.city.plan import RunPlan, read_plan
from citybrain.city.world import city_net, open_scenario, warm_up_s
from citybrain.cloud import DataFolder, Registers
from citybrain.hub import load_catalogue
from citybrain.model import to_ms
from citybrain.network import road_records


def prepare(plan: RunPlan) -> None:
    """Read declarations, scenario and network, and keep them for the run. Raises what `explain` knows."""
    print("reading the declarations", flush=True)
    declarations = load_catalogue(plan.folder)
    scenario = open_scenario(plan, lambda what: print(what, flush=True))
    print("reading the road network", flush=True)
    net = city_net(plan, scenario, plan.city_folder)
    opens_ms = to_ms(scenario.epoch) + round((scenario.begin_s + warm_up_s(plan)) * 1000)
    plan.prepare(declarations, net, opens_ms)
    with Registers(DataFolder(plan.folder, create=False).registers, declarations) as registers:
        for batch in road_records(net):
            registers.write_now(batch.dataset, batch.rows)


def main() -> int:
    """The exit code."""
    if len(sys.argv) != 2:
        print("usage: python -m citybrain.city.prepare DATA")
        return EXIT_INPUT
    try:
        prepare(read_plan(Path(sys.argv[1])))
    except Exception as e:
        line, code = explain(e)
        if code == EXIT_INTERNAL:
            traceback.print_exc()
        print(line, flush=True)
        return code
    return 0


if __name__ == "__main__":
    sys.exit(main())
