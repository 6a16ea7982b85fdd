"""What of a road network can be controlled, as a table."""

from __future__ import annotations

from rich.table import Table

from citybrain.model import RoadNet

MOST_ROWS = 40


def network_report(net: RoadNet) -> Table:
    """A row a junction, the refused ones first with the reason, then those repaired; a long list is cut."""
    refused = [j for j in net.junctions if j.refused]
    title = (
        f"{net.name}: {len(net.links)} links, {len(net.junctions)} signalised junctions, "
        f"{len(net.junctions) - len(refused)} for the brain"
    )
    table = Table(title=title, title_justify="left", show_edge=False)
    for column, right in (
        ("junction", 0),
        ("name", 0),
        ("stages", 1),
        ("movements", 1),
        ("cycle", 1),
        ("control", 0),
    ):
        table.add_column(column, justify="right" if right else "left", overflow="fold")
    shown = sorted(net.junctions, key=lambda j: (j.refused is None, not j.remarks, j.id))
    for j in shown[:MOST_ROWS]:
        numbers = (str(len(j.stages)), str(len(j.movements)), f"{j.plan.cycle_s:.0f} s")
        able = f"brain; {'; '.join(j.remarks)}" if j.remarks else "brain"
        table.add_row(j.id, j.name, *numbers, f"own plan: {j.refused}" if j.refused else able)
    if len(shown) > MOST_ROWS:
        table.caption = f"and {len(shown) - MOST_ROWS} more"
    return table
