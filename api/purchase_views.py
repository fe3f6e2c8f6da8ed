"""How buying looks from outside: plain dicts in the shapes of docs/api.md, from database rows."""

from collections.abc import Mapping
from dataclasses import asdict
from typing import Any

from api.views import Links, Row, money
from domain.money import LARGEST_AMOUNT
from domain.purchasing import CAN
from domain.replenishment import (
    Demand,
    Position,
    Rules,
    Suggestion,
    Terms,
    explain,
    service_factor,
)
from domain.slotting import Move
from workflows import ids


def terms(row: Row) -> dict[str, Any]:
    """How a supplier sells an item."""
    shown = dict(row)
    return shown | {"unit_cost": money(shown["unit_cost"], shown.pop("currency"))}


def purchase(row: Row, links: Links) -> dict[str, Any]:
    """An order to a supplier."""
    shown, currency = dict(row), row["currency"]
    del shown["currency"]
    lines = [_line(line, currency) for line in row["lines"]]
    return shown | {
        "total": money(sum(line["total"]["amount"] for line in lines), currency),
        "lines": lines,
        "late": row["late_since"] is not None,
        "mail": {"status": shown.pop("mail_status"), "sendings": shown.pop("sendings")},
        "attention": [_attention(found) for found in row["attention"]],
        "links": {
            "self": f"/v1/purchase-orders/{row['id']}",
            "events": f"/v1/purchase-orders/{row['id']}/events",
            "csv": f"/v1/purchase-orders/{row['id']}.csv",
            "temporal_ui": links.of_workflow(ids.purchase_workflow_id(row["id"])),
        },
    }


def _line(line: Mapping[str, Any], currency: str) -> dict[str, Any]:
    cost, quantity = line["unit_cost"], line["quantity"]
    return {
        **line,
        "open": max(0, quantity - line["received"] - line["canceled"]),
        "unit_cost": money(cost, currency),
        "total": money(cost * quantity, currency),
    }


def _attention(row: Mapping[str, Any]) -> dict[str, Any]:
    since = row["since"].removesuffix("+00:00") + "Z"
    return {**row, "since": since, "can": list(CAN.get(row["code"], ()))}


def event(row: Row) -> dict[str, Any]:
    """An entry of the timeline."""
    return dict(row) | {"id": str(row["id"])}


def reckoned(row: Row) -> tuple[Demand, Position, Terms]:
    """What a suggestion is reckoned from, out of a row of `db.replenishment.positions`."""
    first, last = row["first_day"], row["last_day"]
    demand = Demand(
        row["mean_daily"],
        row["sigma_daily"],
        (last - first).days + 1 if first else 0,
    )
    position = Position(*(row[name] for name in Position.__slots__))
    return demand, position, Terms(row["lead_time_days"], row["moq"], row["pack_size"])


def suggestion(row: Row, found: Suggestion, rules: Rules) -> dict[str, Any]:
    """What to do about an item, with the whole reckoning."""
    demand, position, how = reckoned(row)
    currency, cost = row["currency"], row["unit_cost"]
    total = cost * found.quantity if currency else None
    levels = found.levels
    return {
        "sku": row["sku"],
        "name": row["name"],
        "warehouse": row["warehouse"],
        "kind": found.verdict,
        "quantity": found.quantity,
        "cost": money(total, currency) if total is not None and total <= LARGEST_AMOUNT else None,
        "surplus": found.surplus,
        "cover_days": found.cover_days,
        "reorder_point": levels.reorder_point,
        "order_up_to": levels.order_up_to,
        "safety_stock": levels.safety_stock,
        "position": position.total,
        "demand": {
            "class": row["demand_class"],
            "method": row["method"],
            "mean_daily": demand.mean_daily,
            "sigma_daily": demand.sigma_daily,
            "days": demand.days,
            "days_with_demand": row["days_with_demand"],
            "total_units": row["total_units"],
            **{
                name: row[name]
                for name in ("first_day", "last_day", "last_demand_on", "computed_at")
            },
        },
        "stock": {name: getattr(position, name) for name in Position.__slots__},
        "terms": {
            "supplier": row["supplier"],
            "supplier_sku": row["supplier_sku"],
            "lead_time_days": how.lead_time_days,
            "moq": how.moq,
            "pack_size": how.pack_size,
            "unit_cost": money(cost, currency) if currency else None,
        },
        "rules": {
            "service_level": rules.service_level,
            "z": service_factor(rules.service_level),
            "review_days": rules.review_days,
            "overstock_days": rules.overstock_days,
            "dead_days": rules.dead_days,
        },
        "steps": [
            {name: getattr(step, name) for name in ("name", "formula", "numbers", "value")}
            for step in explain(demand, position, how, rules, found)
        ],
    }


def move(found: Move) -> dict[str, Any]:
    """A proposal to bring an item nearer."""
    return {
        "sku": found.sku,
        "class": found.abc,
        "picks": found.picks,
        "from_bin": asdict(found.place),
        "to_bin": asdict(found.to),
        "instead": found.instead or None,
        "gain": found.gain,
    }
