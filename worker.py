"""The worker: lives the orders. `python -m worker`; as many as needed, on as many machines.

On SIGTERM it takes no new work, lets what runs end, and leaves.
"""

import asyncio
import contextlib
import os
import signal

import structlog
import uvloop
from temporalio.client import Client
from temporalio.runtime import PrometheusConfig, Runtime, TelemetryConfig
from temporalio.worker import Worker
from temporalio.worker.workflow_sandbox import SandboxedWorkflowRunner, SandboxRestrictions
from temporalio.workflow import SandboxImportNotificationPolicy

from activities.absence import AbsenceActivities
from activities.bulk import BulkActivities
from activities.edits import EditActivities
from activities.endings import EndingActivities
from activities.errors import PlainErrors
from activities.exchanges import ExchangeActivities, ExchangeGateway
from activities.expiry import ExpiryActivities
from activities.forecasting import ForecastActivities
from activities.fulfillment import CarrierActivities, FulfillmentActivities
from activities.notifications import NotificationActivities, Shop
from activities.orders import OrderActivities
from activities.payments import PaymentActivities
from activities.purchasing import PurchaseActivities, SupplierMailActivities
from activities.recalls import RecallActivities
from activities.reconciliation import ReconciliationActivities
from activities.refunds import RefundActivities
from activities.returns import ReturnActivities, ReturnCarrierActivities
from activities.store_credit import StoreCreditGateway
from adapters import mail, registry
from db.pool import Pool, open_pool
from domain.ports import EXCHANGE, STORE_CREDIT, Mailer
from logs import configure_logging
from relay import Relay
from settings import Settings, load
from workflows import schedules
from workflows.bulk import BulkActionWorkflow
from workflows.client import TemporalAddress, connect
from workflows.door import TemporalDoor
from workflows.feedback import FeedbackWorkflow
from workflows.forecasting import ForecastWorkflow
from workflows.lot_expiry import LotExpiryWorkflow
from workflows.order import OrderWorkflow
from workflows.purchase_order import PurchaseOrderWorkflow
from workflows.refund import RefundWorkflow
from workflows.returns import ReturnWorkflow
from workflows.stock_reconciliation import StockReconciliationWorkflow

log = structlog.get_logger(__name__)

# After the time that activities are given to end (`worker_drain`).
_STUCK_SECONDS = 15.0


def workflow_runner() -> SandboxedWorkflowRunner:
    """How workflows run, here and when their histories are replayed: in a sandbox that refuses a
    first-party import which was forgotten among those that are passed through.
    """
    strict = (
        SandboxImportNotificationPolicy.WARN_ON_DYNAMIC_IMPORT
        | SandboxImportNotificationPolicy.RAISE_ON_UNINTENTIONAL_PASSTHROUGH
    )
    restrictions = SandboxRestrictions.default.with_import_notification_policy(strict)
    return SandboxedWorkflowRunner(restrictions=restrictions)


def build_worker(
    client: Client, pool: Pool, gateways: registry.Gateways, mailer: Mailer, settings: Settings
) -> Worker:
    """A worker with everything an order needs; tests build theirs here too."""
    orders = OrderActivities(pool)
    absence = AbsenceActivities(pool)
    troubles = EndingActivities(pool)
    recalls = RecallActivities(pool)
    givers = RefundActivities(pool)
    bulks = BulkActivities(pool, TemporalDoor(client, pool))
    edits = EditActivities(pool)
    exchanged = ExchangeActivities(pool)
    goods_back = ReturnActivities(pool)
    return_carriers = ReturnCarrierActivities(pool, gateways.carriers)
    tenders = {
        **gateways.payments,
        STORE_CREDIT: StoreCreditGateway(pool),
        EXCHANGE: ExchangeGateway(pool),
    }
    payments = PaymentActivities(pool, tenders, settings.api_url)
    fulfillment = FulfillmentActivities(pool, settings.carrier)
    carriers = CarrierActivities(pool, gateways.carriers)
    reconciliation = ReconciliationActivities(pool, settings.stock_reconciliation_full)
    shop = Shop(
        name=settings.shop_name,
        sender=settings.mail_from,
        page=settings.api_url,
        payment_expiry=settings.payment_expiry,
        return_window=settings.return_window,
        time_zone=settings.time_zone,
        contact=settings.contact,
    )
    notifications = NotificationActivities(pool, mailer, shop)
    expiry = ExpiryActivities(pool)
    purchases = PurchaseActivities(pool)
    forecasts = ForecastActivities(pool, settings.demand_window, settings.time_zone)
    letters = SupplierMailActivities(
        pool,
        mailer,
        sender=settings.mail_from,
        shop_name=settings.shop_name,
        buyer=settings.buyer_mail,
    )
    return Worker(
        client,
        task_queue=settings.task_queue,
        workflows=[
            OrderWorkflow,
            PurchaseOrderWorkflow,
            RefundWorkflow,
            BulkActionWorkflow,
            FeedbackWorkflow,
            ReturnWorkflow,
            ForecastWorkflow,
            LotExpiryWorkflow,
            StockReconciliationWorkflow,
        ],
        activities=[
            orders.confirm_order,
            orders.record_short_pick,
            orders.begin_cancel,
            orders.cancel_units,
            orders.close_order,
            orders.add_hold,
            orders.release_hold,
            orders.record_note,
            orders.reload_order,
            orders.set_attention,
            orders.clear_attention,
            payments.authorize_payment,
            payments.capture_payment,
            payments.void_payment,
            payments.refund_payment,
            payments.look_up_payment,
            payments.record_payment,
            payments.record_dead_tender,
            fulfillment.record_parcels,
            fulfillment.record_label,
            fulfillment.record_hand_over,
            fulfillment.record_parcel_news,
            edits.apply_edit,
            exchanged.follow_exchange,
            exchanged.take_off_exchange,
            absence.leave_queue,
            absence.arrange_substitutes,
            absence.accept_substitute,
            absence.end_offer,
            absence.recall_work,
            absence.record_moved_date,
            troubles.decide_trouble,
            troubles.write_off_parcel,
            troubles.be_patient,
            recalls.cancel_on_the_road,
            givers.record_refund_part,
            givers.note_refund_failing,
            givers.finish_refund,
            givers.waive_rest,
            bulks.next_orders,
            bulks.ask_order,
            bulks.skip_order,
            bulks.end_bulk,
            carriers.buy_label,
            carriers.void_label,
            carriers.intercept_parcel,
            notifications.send_notification,
            notifications.ask_for_feedback,
            goods_back.decide_return,
            goods_back.approve_return,
            goods_back.decline_return,
            goods_back.cancel_return,
            goods_back.record_return_label,
            goods_back.record_back_label,
            goods_back.remind_of_return,
            goods_back.expire_return,
            goods_back.flag_refund,
            goods_back.settle_return,
            goods_back.tell_return_trouble,
            goods_back.reload_return,
            goods_back.note_return_refusal,
            return_carriers.buy_return_label,
            return_carriers.void_return_label,
            purchases.approve_purchase,
            purchases.begin_sending,
            purchases.record_sent,
            purchases.record_mail_refused,
            purchases.record_delivery,
            purchases.record_late,
            purchases.record_on_time,
            purchases.move_dates,
            purchases.cancel_purchase,
            purchases.close_purchase,
            purchases.note_refusal,
            purchases.tell_trouble,
            letters.mail_supplier,
            forecasts.open_window,
            forecasts.sum_demand,
            forecasts.forecast_items,
            reconciliation.reconcile_stock,
            expiry.expire_lots,
        ],
        interceptors=[PlainErrors()],
        workflow_runner=workflow_runner(),
        max_concurrent_activities=settings.worker_max_activities,
        max_concurrent_local_activities=settings.worker_max_activities,
        graceful_shutdown_timeout=settings.worker_drain,
    )


def _give_up() -> None:
    """End a process whose drain never ends, as it happens to the SDK's core now and then.

    Nothing is lost by it: what was not answered is given to another worker.
    """
    log.error("worker_drain_stuck")
    os._exit(1)


async def run(settings: Settings) -> None:
    """Work until told to stop."""
    stop = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop.set)
    pool = await open_pool(
        settings.database_url.get_secret_value(),
        size=settings.database_pool_size,
        name="kervan-worker",
    )
    gateways = registry.build(
        sandbox=registry.SandboxAccess(
            settings.sandbox_url,
            settings.sandbox_key.get_secret_value(),
            settings.sandbox_webhook_secret.get_secret_value(),
        ),
        timeout=settings.provider_timeout,
    )
    mailer = mail.build(
        host=settings.smtp_host,
        port=settings.smtp_port,
        user=settings.smtp_user,
        password=settings.smtp_password.get_secret_value(),
        security=settings.smtp_security,
        sender=settings.mail_from,
        directory=settings.mail_dir,
        timeout=settings.provider_timeout,
    )
    client = await connect(TemporalAddress.of(settings), runtime=_runtime(settings.metrics_port))
    relay = Relay(
        pool,
        client,
        settings.task_queue,
        gateways.carriers,
        margin_seconds=settings.authorization_margin.total_seconds(),
        date_shift=settings.expected_date_shift,
        feedback_after=settings.feedback_after,
    )
    async with contextlib.AsyncExitStack() as stack:
        stack.push_async_callback(pool.close)
        stack.push_async_callback(gateways.aclose)
        stack.push_async_callback(mailer.close)
        carrying = asyncio.create_task(relay.run())
        async with build_worker(client, pool, gateways, mailer, settings):
            log.info(
                "worker_ready", task_queue=settings.task_queue, payments=list(gateways.payments)
            )
            scheduling = asyncio.create_task(schedules.keep(client, _timed(settings)))
            await stop.wait()
            log.info("worker_draining")
            loop.call_later(settings.worker_drain.total_seconds() + _STUCK_SECONDS, _give_up)
        for task in (carrying, scheduling):
            task.cancel()
        await asyncio.gather(carrying, scheduling, return_exceptions=True)


def _timed(settings: Settings) -> list[schedules.Timed]:
    """What the clock starts."""
    queue = settings.task_queue
    return [
        schedules.reconciliation(queue, settings.stock_reconciliation),
        schedules.forecasts(queue, settings.forecast_every),
        schedules.lot_expiry(queue, settings.lot_expiry),
    ]


def _runtime(metrics_port: int) -> Runtime | None:
    if not metrics_port:
        return None
    metrics = PrometheusConfig(bind_address=f"127.0.0.1:{metrics_port}")
    return Runtime(telemetry=TelemetryConfig(metrics=metrics))


if __name__ == "__main__":
    chosen = load()
    configure_logging(chosen.log_format, chosen.log_level)
    uvloop.run(run(chosen))
