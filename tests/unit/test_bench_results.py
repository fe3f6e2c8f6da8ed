"""The bench's arithmetic, and how it reads what servers tell."""

from temporalio.api.enums.v1 import EventType
from temporalio.api.history.v1 import HistoryEvent

from ops.bench import story_costs
from ops.bench.actions import count_actions
from ops.bench.budgets import BUDGETS, Budget, actions_of
from ops.bench.load import PLACEHOLDER, Job, request
from ops.bench.results import middle, quantile, ratio
from ops.bench.stories import STORIES

METRICS = """\
# TYPE action counter
action{action_type="command_StartTimer",namespace="default",operation="x",service_name="f"} 2
action{action_type="command_StartTimer",namespace="default",operation="y",service_name="f"} 1
action{action_type="grpc_StartWorkflowExecution",namespace="default",service_name="f"} 7
action{action_type="grpc_StartWorkflowExecution",namespace="temporal_system",operation="x"} 40
actions_of_somebody_else{action_type="command_StartTimer",namespace="default"} 9
"""


def test_actions_of_the_shop_are_counted_by_kind_and_those_of_the_server_itself_are_not() -> None:
    assert count_actions(METRICS) == {"command_StartTimer": 3, "grpc_StartWorkflowExecution": 7}


def test_a_server_without_the_metric_counts_nothing() -> None:
    assert count_actions("# nothing\n") == {}


def test_the_median_of_an_even_number_of_runs_lies_between_the_middle_ones() -> None:
    assert middle([4.0, 1.0, 3.0, 2.0]) == 2.5


def test_a_quantile_is_a_value_that_was_measured() -> None:
    values = [float(n) for n in range(1, 101)]
    assert quantile(values, 0.5) == 51.0
    assert quantile(values, 0.99) == 100.0
    assert quantile([], 0.99) == 0.0


def test_a_ratio_without_a_floor_is_none() -> None:
    assert ratio(15.4, 103.0) == 0.15
    assert ratio(15.4, 0.0) is None


def test_each_request_of_the_load_has_its_own_body_and_its_own_key() -> None:
    job = Job("http://h:1", "/v1/orders", 1, 1.0, key="k", body=f'{{"id":"{PLACEHOLDER}"}}')
    head, _, body = request(job, "h:1", "a-1").partition(b"\r\n\r\n")
    assert body == b'{"id":"a-1"}'
    assert b"idempotency-key: a-1\r\n" in head
    assert b"content-length: 12" in head


def test_a_request_without_a_body_is_a_get() -> None:
    job = Job("http://h:1", "/healthz", 1, 1.0)
    assert request(job, "h:1", "x") == b"GET /healthz HTTP/1.1\r\nhost: h:1\r\n\r\n"


def test_a_story_that_exceeds_its_budget_is_missed() -> None:
    budgets = {"short": Budget(5, 20), "long": Budget(9, 30)}
    life = {"actions": 6, "events": 20, "workflows": {}}
    found = story_costs.result({"short": [life], "long": [life, life]}, 18, budgets)
    assert [row.what for row in found.rows if row.missed] == ["short: actions"]
    assert found.figures["actions"] == found.figures["actions_by_server"] == 18


def test_every_story_has_a_budget() -> None:
    assert set(STORIES) == set(BUDGETS)


def test_actions_are_told_by_a_history() -> None:
    kinds = (
        "WORKFLOW_EXECUTION_STARTED WORKFLOW_TASK_SCHEDULED WORKFLOW_TASK_COMPLETED"
        " MARKER_RECORDED MARKER_RECORDED UPSERT_WORKFLOW_SEARCH_ATTRIBUTES TIMER_STARTED"
        " WORKFLOW_EXECUTION_SIGNALED WORKFLOW_TASK_COMPLETED MARKER_RECORDED"
        " ACTIVITY_TASK_SCHEDULED ACTIVITY_TASK_COMPLETED WORKFLOW_EXECUTION_COMPLETED"
    )
    events = [HistoryEvent(event_type=EventType.Value(f"EVENT_TYPE_{k}")) for k in kinds.split()]
    assert actions_of(events) == {
        "WORKFLOW_EXECUTION_STARTED": 1,
        "LOCAL_ACTIVITIES": 2,
        "UPSERT_WORKFLOW_SEARCH_ATTRIBUTES": 1,
        "TIMER_STARTED": 1,
        "WORKFLOW_EXECUTION_SIGNALED": 1,
        "ACTIVITY_TASK_SCHEDULED": 1,
    }
