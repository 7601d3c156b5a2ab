"""Keys of the load that are known and would change nothing: of the other load model, or of another shape. Pure.

Whoever writes them expects another load than the one that would run, and would take its verdict for that load's. Only
of plans that are to be run: the plan of a run that is over is judged by the load that it made.
"""

from __future__ import annotations

from harness.plan.model import Plan
from harness.plan.problems import Problems
from harness.plan.yaml_lines import Node

_OF_THE_OPEN_MODEL = ("spacing", "slots")
_OF_A_SHAPE = {"steps": "step", "amplitude": "sine", "period": "sine"}


def check_no_effect(plan: Plan, root: Node, problems: Problems) -> None:
    """Adds every such key."""
    load = plan.load
    if load.model == "closed":
        for key in _OF_THE_OPEN_MODEL:
            if getattr(load, key) is not None:
                problems.add_loc(
                    root,
                    ("load", key),
                    f"{key} belongs to the open model; this plan's model is closed, where it changes nothing",
                    "write model: open and give rate in the stages, or remove it",
                )
    for index, stage in enumerate(load.stages):
        for key, shape in _OF_A_SHAPE.items():
            if getattr(stage, key) is not None and stage.shape != shape:
                problems.add_loc(
                    root,
                    ("load", "stages", index, key),
                    f"{key} belongs to the shape {shape!r}; this stage's is {stage.shape or 'constant'!r}, "
                    "where it changes nothing",
                    f"write shape: {shape} in the stage, or remove {key}",
                )
