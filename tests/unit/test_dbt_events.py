"""Of dbt's events those are written that somebody reads."""

from __future__ import annotations

from dbt.events.types import CommandCompleted, ConcurrencyLine, NodeFinished
from dbt_common.events.base_types import EventLevel
from dbt_common.events.event_manager import EventManager
from gridcredit.transformation import runner


def test_no_message_is_made_of_what_is_only_for_debugging() -> None:
    heard: list[str] = []
    manager = EventManager()
    manager.add_callback(lambda message: heard.append(message.info.name))
    told = CommandCompleted(command="build", success=True, elapsed=0.0)
    with runner._no_debug_events():
        manager.fire_event(told)
        # How far a build is.
        manager.fire_event(ConcurrencyLine(num_threads=2, target_name="postgres", node_count=3))
        manager.fire_event(NodeFinished(node_info={}, run_result={}))
        # One that is worse than it usually is.
        manager.fire_event(told, level=EventLevel.WARN)
    assert heard == ["ConcurrencyLine", "NodeFinished", "CommandCompleted"]
    manager.fire_event(told)
    assert heard[3:] == ["CommandCompleted"]
