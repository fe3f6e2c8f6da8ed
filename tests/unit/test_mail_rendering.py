"""What customers read: every milestone in both languages, and nothing that breaks out of it."""

import html
import re
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from babel.messages.pofile import read_po
from jinja2.ext import babel_extract

from adapters.mail import (
    MailFacts,
    MailLine,
    MailPayment,
    MailReturn,
    MailShipment,
    MailSubstitute,
    MailTender,
    MailTotals,
    Milestone,
    RenderedMail,
    render,
)
from adapters.mail.formats import link, moment, money, one_line, pick_locale, quantity
from adapters.mail.templating import LANGUAGES, LOCALES, TEMPLATES, compiled_mjml
from domain.money import Money

NBSP = "\u00a0"


def lira(amount: int) -> Money:
    return Money(amount, "TRY")


FACTS = MailFacts(
    shop_name="Çarşı",
    order_number="K-100042",
    customer_name="Ayşe Yılmaz",
    tracking_page_url="https://shop.example/t/abc?a=1&b=2",
    contact="destek@shop.example",
    time_zone="Europe/Istanbul",
    lines=(
        MailLine("Çaydanlık İğne", 1, lira(129990)),
        MailLine("T-shirt M", 1200, lira(59800)),
    ),
    totals=MailTotals(
        items=lira(189790),
        shipping=lira(4990),
        total=lira(184780),
        discount=lira(10000),
        tax=lira(30797),
    ),
    shipments=(
        MailShipment(
            carrier="Hızlı Kargo",
            tracking_number="HK0042TR",
            tracking_url="https://carrier.example/HK0042TR",
            estimated_at=datetime(2026, 11, 25, 9, tzinfo=UTC),
        ),
    ),
    payment=MailPayment(
        amount=lira(184780),
        pay_by=datetime(2026, 11, 25, 15, 30, tzinfo=UTC),
        pay_url="https://shop.example/pay/abc",
        reason="insufficient_funds",
    ),
    expected_at=datetime(2026, 12, 1, 9, tzinfo=UTC),
    return_until=datetime(2026, 12, 9, 9, tzinfo=UTC),
    refunded=lira(5000),
    tenders=(MailTender("card", lira(5000)),),
    new_total=lira(7000),
    goods_back=MailReturn(
        "R-10042", "https://carrier.example/l/1", datetime(2026, 12, 9, 9, tzinfo=UTC)
    ),
    substitute=MailSubstitute(
        ordered="Çaydanlık",
        name="Semaver",
        quantity=2,
        answer_by=datetime(2026, 11, 27, 9, tzinfo=UTC),
        note="2 litre.",
    ),
)

# Milestone and locale: the subject, and what the mail must say.
EXPECTED: dict[tuple[Milestone, str], tuple[str, tuple[str, ...]]] = {
    (Milestone.CONFIRMED, "tr-TR"): (
        "K-100042 numaralı siparişiniz onaylandı",
        (
            "Siparişiniz için teşekkür ederiz",
            "Merhaba Ayşe Yılmaz,",
            "1 × Çaydanlık İğne ₺1.299,90",
            "1.200 × T-shirt M ₺598,00",
            "Ürünler ₺1.897,90",
            "İndirim -₺100,00",
            "Kargo ₺49,90",
            "Toplam ₺1.847,80",
            "Toplama dahil vergi ₺307,97",
            "Siparişinizi takip edin",
        ),
    ),
    (Milestone.CONFIRMED, "en-GB"): (
        "Your order K-100042 is confirmed",
        (
            "Thank you for your order",
            "Hello Ayşe Yılmaz,",
            f"1 × Çaydanlık İğne TRY{NBSP}1,299.90",
            f"1,200 × T-shirt M TRY{NBSP}598.00",
            f"Discount -TRY{NBSP}100.00",
            f"Shipping TRY{NBSP}49.90",
            f"Total TRY{NBSP}1,847.80",
            f"Tax included TRY{NBSP}307.97",
            "Follow your order",
        ),
    ),
    (Milestone.PAYMENT_PROBLEM, "tr-TR"): (
        "K-100042 numaralı siparişinizin ödemesinde bir sorun var",
        (
            "Ödemeniz gerçekleşmedi",
            "Kullanılabilir bakiyeniz veya limitiniz bu ödeme için yetmedi.",
            "Ödenecek tutar ₺1.847,80",
            "Son ödeme zamanı 25 Kasım 2026 18:30 (UTC+3)",
            "Ödemeyi tamamlayın",
        ),
    ),
    (Milestone.PAYMENT_PROBLEM, "en-GB"): (
        "There is a problem with the payment for your order K-100042",
        (
            "Your payment did not go through",
            "The available balance was not enough for this payment.",
            f"Amount due TRY{NBSP}1,847.80",
            "Pay by 25 November 2026, 18:30 (UTC+3)",
            "Complete the payment",
        ),
    ),
    (Milestone.PAYMENT_REMINDER, "tr-TR"): (
        "Hatırlatma: K-100042 numaralı siparişiniz ödeme bekliyor",
        (
            "ödemesi henüz bize ulaşmadı",
            "Ödenecek tutar ₺1.847,80",
            "Bu arada ödeme yaptıysanız başka bir işlem yapmanıza gerek yok.",
        ),
    ),
    (Milestone.PAYMENT_REMINDER, "en-GB"): (
        "Reminder: your order K-100042 is waiting for payment",
        (
            "has not reached us yet",
            f"Amount due TRY{NBSP}1,847.80",
            "If you have paid in the meantime, there is nothing more for you to do.",
        ),
    ),
    (Milestone.OUT_OF_STOCK, "tr-TR"): (
        "K-100042 numaralı siparişiniz biraz gecikecek",
        (
            "Ürünlerin stoğa girmesini bekliyoruz",
            "1 × Çaydanlık İğne",
            "Beklenen tarih 1 Aralık 2026",
        ),
    ),
    (Milestone.OUT_OF_STOCK, "en-GB"): (
        "Your order K-100042 will take a little longer",
        (
            "We are waiting for stock",
            "1 × Çaydanlık İğne",
            "Expected 1 December 2026",
        ),
    ),
    (Milestone.SHIPPED, "tr-TR"): (
        "K-100042 numaralı siparişiniz yola çıktı",
        (
            "Paketinizi kargo firmasına teslim ettik.",
            "Kargo firması Hızlı Kargo",
            "Takip numarası HK0042TR",
            "Tahmini teslimat 25 Kasım 2026",
            "Kargonuzu takip edin",
        ),
    ),
    (Milestone.SHIPPED, "en-GB"): (
        "Your order K-100042 is on its way",
        (
            "We have handed your parcel to the carrier.",
            "Carrier Hızlı Kargo",
            "Tracking number HK0042TR",
            "Estimated delivery 25 November 2026",
            "Track the parcel",
        ),
    ),
    (Milestone.DELIVERED, "tr-TR"): (
        "K-100042 numaralı siparişiniz teslim edildi",
        (
            "Güzel günlerde kullanmanızı dileriz.",
            "Ürünlerinizi iade edebileceğiniz son gün: 9 Aralık 2026.",
        ),
    ),
    (Milestone.DELIVERED, "en-GB"): (
        "Your order K-100042 has been delivered",
        (
            "We hope you enjoy what is in it.",
            "You can return items until 9 December 2026.",
        ),
    ),
    (Milestone.CANCELED, "tr-TR"): (
        "K-100042 numaralı siparişiniz iptal edildi",
        (
            "K-100042 numaralı siparişinizi tamamlayamadığımız için üzgünüz.",
            "İade edilecek tutar ₺50,00",
        ),
    ),
    (Milestone.CANCELED, "en-GB"): (
        "Your order K-100042 has been canceled",
        (
            "We are sorry that we could not complete your order K-100042.",
            f"You get back TRY{NBSP}50.00",
        ),
    ),
    (Milestone.DELIVERY_ATTEMPTED, "tr-TR"): (
        "K-100042 numaralı siparişinizin tesliminde adreste kimse bulunamadı",
        (
            "Genellikle ertesi iş günü yeniden denenir.",
            "Takip numarası HK0042TR",
            "lütfen takip numarasıyla kargo firmasına bildirin",
        ),
    ),
    (Milestone.DELIVERY_ATTEMPTED, "en-GB"): (
        "Nobody was at home for your order K-100042",
        ("could not hand it over", "Tracking number HK0042TR", "another place suits you better"),
    ),
    (Milestone.DELIVERY_DELAYED, "tr-TR"): (
        "K-100042 numaralı siparişinizin paketi gecikiyor",
        ("Paketiniz gecikecek", "sizin bir şey yapmanız gerekmiyor"),
    ),
    (Milestone.DELIVERY_DELAYED, "en-GB"): (
        "Your parcel of order K-100042 is late",
        ("takes longer than promised", "Tracking number HK0042TR"),
    ),
    (Milestone.PARCEL_REPLACED, "tr-TR"): (
        "K-100042 numaralı siparişinizin bir bölümünü yeniden gönderiyoruz",
        ("bunun için ödeme yapmıyorsunuz", "1 × Çaydanlık İğne"),
    ),
    (Milestone.PARCEL_REPLACED, "en-GB"): (
        "We send part of your order K-100042 again",
        ("you pay nothing for it", "1 × Çaydanlık İğne", "please let us know"),
    ),
    (Milestone.REFUNDED, "tr-TR"): (
        "K-100042 numaralı siparişiniz için para iadesi",
        (
            "₺50,00 tutarındaki iadeyi, ödemede kullandığınız yönteme gönderdik.",
            "birkaç iş günü sürebilir",
        ),
    ),
    (Milestone.REFUNDED, "en-GB"): (
        "Your refund for order K-100042",
        (
            f"We have refunded TRY{NBSP}50.00 to the payment method you used.",
            "it can take a few working days",
        ),
    ),
    (Milestone.ORDER_CHANGED, "tr-TR"): (
        "K-100042 numaralı siparişiniz değiştirildi",
        ("K-100042 numaralı siparişinizi değiştirdik. Yeni tutarı ₺70,00.",),
    ),
    (Milestone.ORDER_CHANGED, "en-GB"): (
        "Your order K-100042 was changed",
        (f"We have changed your order K-100042. It comes to TRY{NBSP}70.00 now.",),
    ),
    (Milestone.FEEDBACK_REQUEST, "tr-TR"): (
        "K-100042 numaralı siparişiniz nasıldı?",
        ("Memnun kaldınız mı?", "Yalnızca bir kez soruyoruz."),
    ),
    (Milestone.FEEDBACK_REQUEST, "en-GB"): (
        "How was your order K-100042?",
        ("Are you happy with it?", "We ask only once."),
    ),
    (Milestone.RETURN_APPROVED, "tr-TR"): (
        "K-100042 numaralı siparişinizin R-10042 kodlu iadesi",
        (
            "lütfen paketin üzerine R-10042 kodunu yazın.",
            "Son gönderim tarihi 9 Aralık 2026",
            "Etiketi yazdırın, pakete yapıştırın",
        ),
    ),
    (Milestone.RETURN_APPROVED, "en-GB"): (
        "Your return R-10042 of order K-100042",
        ("Please write the code R-10042 on the parcel", "Return code R-10042", "Print the label"),
    ),
    (Milestone.RETURN_DECLINED, "tr-TR"): (
        "K-100042 numaralı siparişinizin iadesi hakkında",
        ("İadeyi kabul edemiyoruz", "Lütfen göndermeyin.", "1 × Çaydanlık İğne"),
    ),
    (Milestone.RETURN_DECLINED, "en-GB"): (
        "About your return of order K-100042",
        ("We cannot take it back", "Please do not send them."),
    ),
    (Milestone.RETURN_REMINDER, "tr-TR"): (
        "Hâlâ iade etmek istiyor musunuz? K-100042 numaralı sipariş",
        ("Paketinizi bekliyoruz", "Son gönderim tarihi 9 Aralık 2026"),
    ),
    (Milestone.RETURN_REMINDER, "en-GB"): (
        "Do you still want to send something back? Order K-100042",
        ("We are waiting for your parcel", "Please send by 9 December 2026"),
    ),
    (Milestone.RETURN_RECEIVED, "tr-TR"): (
        "R-10042 kodlu iade paketiniz bize ulaştı",
        ("ardından ödemenizi iade edeceğiz.", "İade kodu R-10042"),
    ),
    (Milestone.RETURN_RECEIVED, "en-GB"): (
        "Your parcel of return R-10042 is here",
        ("We look at it now, and then give your money back.", "Return code R-10042"),
    ),
    (Milestone.RETURN_SENT_BACK, "tr-TR"): (
        "R-10042 kodlu iadenizden bazı ürünleri size geri gönderiyoruz",
        ("Ürünler sizindir, size geri gönderiyoruz.", "İade kodu R-10042"),
    ),
    (Milestone.RETURN_SENT_BACK, "en-GB"): (
        "We send something of your return R-10042 back to you",
        ("They are yours, and we send them to you.", "Return code R-10042"),
    ),
    (Milestone.EXCHANGE_SHORT, "tr-TR"): (
        "K-100042 numaralı siparişiniz için kalan bir ödeme var",
        ("Kalan bir ödeme var", "tutarını karşılamıyor.", "Ödenecek tutar ₺1.847,80"),
    ),
    (Milestone.EXCHANGE_SHORT, "en-GB"): (
        "Something is still to be paid for your order K-100042",
        ("It does not pay for all that you get in exchange", f"Amount due TRY{NBSP}1,847.80"),
    ),
    (Milestone.EXPECTED_DATE_MOVED, "tr-TR"): (
        "K-100042 numaralı siparişinizde beklediğiniz ürünlerden haber var",
        (
            "Yeni bir tarih var",
            "size bildirdiğimizden farklı bir günde bekliyoruz.",
            "1 × Çaydanlık İğne",
            "Beklenen tarih 1 Aralık 2026",
            "Beklemek istemiyor musunuz?",
        ),
    ),
    (Milestone.EXPECTED_DATE_MOVED, "en-GB"): (
        "News about the items you are waiting for, order K-100042",
        (
            "There is a new date",
            "are expected on another day than we told you.",
            "1 × Çaydanlık İğne",
            "Expected 1 December 2026",
            "You would rather not wait?",
        ),
    ),
    (Milestone.SUBSTITUTE_OFFERED, "tr-TR"): (
        "Size başka bir ürün gönderelim mi? K-100042 numaralı siparişiniz",
        (
            "Çaydanlık şu anda stokta yok.",
            "2 × Semaver",
            "2 litre.",
            "Son yanıt zamanı 27 Kasım 2026 12:00 (UTC+3)",
            "Evet ya da hayır deyin",
        ),
    ),
    (Milestone.SUBSTITUTE_OFFERED, "en-GB"): (
        "May we send you something else? Your order K-100042",
        (
            "Çaydanlık is out of stock at the moment.",
            "2 × Semaver",
            "2 litre.",
            "Please answer by 27 November 2026, 12:00 (UTC+3)",
            "Say yes or no",
        ),
    ),
}


def words_of_html(mail: RenderedMail) -> str:
    """What a reader of the HTML part sees, on one line."""
    body = mail.html[mail.html.index("<body") :]
    visible = re.sub(r"<!--.*?-->", "", body, flags=re.DOTALL)
    plain = html.unescape(re.sub(r"<[^>]+>", " ", visible))
    return re.sub(r"[ \n]+", " ", plain).replace(f"{NBSP}×{NBSP}", " × ")


def words_of_text(mail: RenderedMail) -> str:
    """The text part on one line, labels written as in the HTML part."""
    return re.sub(r"[ \n]+", " ", re.sub(r"(?m)^([^:\n]+): (?=\S+)", r"\1 ", mail.text))


def everything(mail: RenderedMail) -> str:
    return f"{mail.subject}\n{mail.text}\n{mail.html}"


@pytest.mark.parametrize("milestone", Milestone)
@pytest.mark.parametrize("locale", ["tr-TR", "en-GB"])
def test_a_milestone_is_told_in_both_parts(milestone: Milestone, locale: str) -> None:
    subject, phrases = EXPECTED[milestone, locale]
    mail = render(milestone, locale, FACTS)

    assert mail.subject == subject
    assert mail.language == locale[:2]
    for phrase in phrases:
        assert phrase in words_of_html(mail)
        # A label's colon is the only difference between the parts.
        assert phrase.replace(":", "") in words_of_text(mail).replace(":", "")
    assert "K-100042" in mail.text
    assert "Çarşı" in mail.text


@pytest.mark.parametrize("milestone", Milestone)
@pytest.mark.parametrize("locale", ["tr-TR", "en-GB"])
def test_no_word_of_the_text_is_missing_in_the_html(milestone: Milestone, locale: str) -> None:
    mail = render(milestone, locale, FACTS)
    without_links = re.sub(r"https?://\S+", "", mail.text)
    assert set(re.findall(r"\w+", without_links)) <= set(re.findall(r"\w+", words_of_html(mail)))


@pytest.mark.parametrize("milestone", Milestone)
def test_turkish_and_english_share_no_sentence(milestone: Milestone) -> None:
    quiet = replace(FACTS, contact="", customer_name="")
    lines = [set(render(milestone, locale, quiet).text.splitlines()) for locale in ("tr", "en")]
    shared = {line for line in lines[0] & lines[1] if line and not line.startswith("http")}
    # The shop's words about an article are its own.
    assert shared <= {"Çarşı", "--", "- 2 × Semaver", "2 litre."}


@pytest.mark.parametrize("milestone", Milestone)
def test_links_stand_in_both_parts(milestone: Milestone) -> None:
    mail = render(milestone, "tr", replace(FACTS, payment=replace_pay_url(FACTS, "")))
    assert "https://shop.example/t/abc?a=1&b=2" in mail.text.splitlines()
    assert 'href="https://shop.example/t/abc?a=1&amp;b=2"' in mail.html


def replace_pay_url(facts: MailFacts, url: str) -> MailPayment:
    assert facts.payment is not None
    return replace(facts.payment, pay_url=url)


def test_names_are_text_and_never_markup() -> None:
    facts = replace(
        FACTS,
        customer_name='<img src=x onerror=alert(1)> O\'Neill & "Co"',
        lines=(MailLine("<script>alert(1)</script>", 1),),
    )
    mail = render(Milestone.CONFIRMED, "en", facts)
    assert "<img" not in mail.html
    assert "<script" not in mail.html
    assert "&lt;img src=x onerror=alert(1)&gt; O&#39;Neill &amp; &#34;Co&#34;" in mail.html
    assert 'Hello <img src=x onerror=alert(1)> O\'Neill & "Co",' in mail.text.replace("\n", " ")
    assert "- 1 × <script>alert(1)</script>" in mail.text.splitlines()


@pytest.mark.parametrize(
    "breaker", ["\n", "\r\n", "\r", "\x0b", "\x0c", "\x85", "\u2028", "\u2029"]
)
def test_no_name_can_start_a_header_or_a_line(breaker: str) -> None:
    forged = f"x{breaker}Bcc: thief@evil.example"
    facts = replace(FACTS, order_number=forged, customer_name=forged, shop_name=forged)
    mail = render(Milestone.CONFIRMED, "en", facts)
    assert mail.subject == "Your order x Bcc: thief@evil.example is confirmed"
    assert "Hello x Bcc: thief@evil.example," in mail.text.splitlines()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//evil", "http://a b"])
def test_only_web_addresses_become_links(url: str) -> None:
    shipment = replace(FACTS.shipments[0], tracking_url=url)
    mail = render(Milestone.SHIPPED, "en", replace(FACTS, shipments=(shipment,)))
    assert url not in everything(mail)
    assert "Track the parcel" not in everything(mail)


@pytest.mark.parametrize(
    ("reason", "turkish", "english"),
    [
        ("card_declined", "Bankanız ödemeyi onaylamadı", "Your bank declined the payment"),
        ("insufficient_funds", "Kullanılabilir bakiyeniz", "The available balance"),
        ("expired_card", "Kartınızın son kullanma tarihi geçmiş", "Your card has expired"),
        ("action_required", "onaylamanızı istiyor", "Your bank asks you to confirm"),
        ("authorization_expired", "serbest kaldı", "was released before we could ship it"),
        ("a_code_we_never_saw", "Ödeme tamamlanamadı", "The payment could not be completed"),
    ],
)
def test_a_payment_problem_says_what_helps(reason: str, turkish: str, english: str) -> None:
    facts = replace(FACTS, payment=MailPayment(lira(100), reason=reason))
    assert turkish in words_of_html(render(Milestone.PAYMENT_PROBLEM, "tr", facts))
    assert english in words_of_html(render(Milestone.PAYMENT_PROBLEM, "en", facts))
    assert reason not in everything(render(Milestone.PAYMENT_PROBLEM, "en", facts))


def test_who_exchanges_goods_is_promised_no_money() -> None:
    facts = replace(FACTS, goods_back=MailReturn("R-10042", exchanged=True))
    mail = render(Milestone.RETURN_RECEIVED, "en", facts)
    assert "and look at it now." in mail.text
    assert "money" not in everything(mail)
    assert "şimdi inceliyoruz." in render(Milestone.RETURN_RECEIVED, "tr", facts).text


def test_a_payment_without_deadline_threatens_nothing() -> None:
    facts = replace(FACTS, payment=MailPayment(lira(100)))
    mail = render(Milestone.PAYMENT_REMINDER, "en", facts)
    assert "Pay by" not in mail.text
    assert "cancel" not in mail.text


@pytest.mark.parametrize(
    ("reason", "turkish", "english"),
    [
        (
            "customer",
            "Talebiniz üzerine iptal işlemini yaptık.",
            "We have canceled it as you asked",
        ),
        ("out_of_stock", "ürünler stokta kalmadı", "the items are out of stock"),
        ("payment_expired", "Ödeme bize zamanında ulaşmadı.", "did not reach us in time"),
        (
            "not_delivered",
            "kargo firması ürünleri size ulaştıramadı",
            "the carrier could not bring the items to you",
        ),
    ],
)
def test_a_cancellation_gives_its_reason(reason: str, turkish: str, english: str) -> None:
    facts = replace(FACTS, reason=reason, refunded=None)
    in_turkish = render(Milestone.CANCELED, "tr", facts)
    in_english = render(Milestone.CANCELED, "en", facts)
    assert turkish in words_of_html(in_turkish)
    assert english in words_of_html(in_english)
    assert "Bunun için ödeme yapmıyorsunuz" in in_turkish.text
    assert "You get back" not in in_english.text


def test_a_part_of_an_order_is_called_a_part() -> None:
    facts = replace(FACTS, partial=True)
    assert render("shipped", "en", facts).subject == "Part of your order K-100042 is on its way"
    assert (
        render("shipped", "tr", facts).subject
        == "K-100042 numaralı siparişinizin bir bölümü yola çıktı"
    )
    assert "The other items follow separately" in render("shipped", "en", facts).text
    assert render("canceled", "en", facts).subject.startswith("Part of your order K-100042")
    assert "The rest of your order goes ahead" in render("out_of_stock", "en", facts).text
    assert "bir paketi teslim edildi" in render("delivered", "tr", facts).subject


def test_several_parcels_are_counted() -> None:
    facts = replace(FACTS, shipments=FACTS.shipments * 3)
    assert "We have handed your 3 parcels to the carrier." in render("shipped", "en", facts).text
    assert "3 paketinizi kargo firmasına teslim ettik." in render("shipped", "tr", facts).text


def test_articles_taken_out_of_an_order_are_not_waited_for() -> None:
    mail = render(Milestone.OUT_OF_STOCK, "en", replace(FACTS, waiting=False))
    assert mail.subject == "Some items of your order K-100042 are not available"
    assert "You do not pay for them" in mail.text
    assert "Expected" not in mail.text


def test_articles_waited_for_and_articles_taken_out_stand_apart() -> None:
    facts = replace(FACTS, taken_out=(MailLine("Semaver", 3),))
    mail = render(Milestone.OUT_OF_STOCK, "en-GB", facts)
    assert mail.subject == "Your order K-100042 will take a little longer"
    in_order = (
        "1 × Çaydanlık",
        "Expected 1 December 2026",
        "take them out of your order",
        "3 × Semaver",
        "You do not pay for them; if",
    )
    for words in (words_of_html(mail), words_of_text(mail)):
        places = [words.replace(":", "").find(part) for part in in_order]
        assert places == sorted(places)
        assert -1 not in places


def test_a_day_that_is_not_known_any_more_is_told_as_such() -> None:
    facts = replace(FACTS, expected_at=None)
    in_english = render(Milestone.EXPECTED_DATE_MOVED, "en", facts)
    assert "There is no date at the moment" in in_english.text
    assert "Expected" not in in_english.text
    assert "şu anda bilmiyoruz" in words_of_html(render("expected_date_moved", "tr", facts))


def test_rows_of_nothing_are_left_out_and_free_shipping_is_named() -> None:
    assert FACTS.totals is not None
    totals = MailTotals(items=lira(100), shipping=lira(0), total=lira(100), discount=lira(0))
    mail = render(Milestone.CONFIRMED, "tr", replace(FACTS, totals=totals))
    assert "Kargo: Ücretsiz" in mail.text
    for absent in ("İndirim", "vergi", "Ek ücret"):
        assert absent not in mail.text


def test_tax_on_top_is_shown_before_the_total() -> None:
    totals = MailTotals(lira(100), lira(0), lira(120), tax=lira(20), tax_included=False)
    text = render(Milestone.CONFIRMED, "en", replace(FACTS, totals=totals)).text
    assert text.index(f"Tax: TRY{NBSP}0.20") < text.index(f"Total: TRY{NBSP}1.20")
    assert "Tax included" not in text


@pytest.mark.parametrize(
    ("locale", "told", "credit"),
    [
        ("en", "to the payment methods you used.", "Store credit"),
        ("tr", "ödemede kullandığınız yöntemlere gönderdik.", "Alışveriş kredisi"),
    ],
)
def test_a_refund_names_what_each_tender_gives_back(locale: str, told: str, credit: str) -> None:
    tenders = (MailTender("card", lira(4000)), MailTender("store_credit", lira(1000)))
    mail = render(Milestone.REFUNDED, locale, replace(FACTS, tenders=tenders))
    assert told in " ".join(mail.text.split())
    lines = mail.text.replace(NBSP, " ").splitlines()
    amounts = ("₺40,00", "₺10,00") if locale == "tr" else ("TRY 40.00", "TRY 10.00")
    card = "Kart" if locale == "tr" else "Card"
    first = lines.index(f"{card}: {amounts[0]}")
    assert lines[first + 1] == f"{credit}: {amounts[1]}"
    assert card in mail.html
    assert credit in mail.html


@pytest.mark.parametrize("kind", ["store_credit", "card", "carrier_pigeon"])
def test_banks_take_their_time_and_store_credit_does_not(kind: str) -> None:
    mail = render(Milestone.REFUNDED, "en", replace(FACTS, tenders=(MailTender(kind, lira(5000)),)))
    assert ("working days" in mail.text) == (kind != "store_credit")
    if kind == "carrier_pigeon":
        assert f"Payment: TRY{NBSP}50.00" in mail.text


@pytest.mark.parametrize(
    ("milestone", "facts"),
    [
        (Milestone.PAYMENT_PROBLEM, replace(FACTS, payment=None)),
        (Milestone.PAYMENT_REMINDER, replace(FACTS, payment=None)),
        (Milestone.OUT_OF_STOCK, replace(FACTS, lines=())),
        (Milestone.SHIPPED, replace(FACTS, shipments=())),
        (Milestone.REFUNDED, replace(FACTS, refunded=None)),
        (Milestone.REFUNDED, replace(FACTS, refunded=lira(0))),
        (Milestone.EXPECTED_DATE_MOVED, replace(FACTS, lines=())),
        (Milestone.SUBSTITUTE_OFFERED, replace(FACTS, substitute=None)),
        (Milestone.DELIVERY_ATTEMPTED, replace(FACTS, shipments=())),
        (Milestone.DELIVERY_DELAYED, replace(FACTS, shipments=())),
        (Milestone.PARCEL_REPLACED, replace(FACTS, lines=())),
    ],
)
def test_a_mail_without_its_point_is_not_written(milestone: Milestone, facts: MailFacts) -> None:
    with pytest.raises(ValueError, match=milestone.value):
        render(milestone, "tr", facts)


def test_an_unknown_milestone_is_refused() -> None:
    with pytest.raises(ValueError, match="teleported"):
        render("teleported", "tr", FACTS)


@pytest.mark.parametrize("milestone", Milestone)
def test_the_least_facts_make_a_mail(milestone: Milestone) -> None:
    facts = MailFacts(
        shop_name="Shop",
        order_number="K-1",
        lines=(MailLine("Thing", 1),),
        shipments=(MailShipment("sandbox", "T1"),),
        payment=MailPayment(lira(1)),
        refunded=lira(1),
        new_total=lira(1),
        goods_back=MailReturn("R-1"),
        substitute=MailSubstitute("Thing", "Other", 1, datetime(2026, 11, 27, tzinfo=UTC)),
    )
    for locale in ("tr", "en"):
        mail = render(milestone, locale, facts)
        assert mail.subject
        assert "None" not in everything(mail)
        assert "href" not in mail.html


# The words themselves.


Forms = tuple[str, ...]


def forms(message: Any) -> Forms:
    """A sentence as the tuple of its singular and plural (most have one form)."""
    return (message,) if isinstance(message, str) else tuple(part for part in message if part)


def extracted() -> set[Forms]:
    """Every sentence of the templates, as Babel finds it."""
    options = {"trim_blocks": "true", "lstrip_blocks": "true", "silent": "false"}
    found = set()
    for path in TEMPLATES.iterdir():
        with path.open("rb") as source:
            sentences = babel_extract(source, ["_", "ngettext"], [], options)
            found |= {forms(message) for _, _, message, _ in sentences}
    return found


def placeholders(sentence: str) -> set[str]:
    return set(re.findall(r"%\(\w+\)s", sentence))


@pytest.mark.parametrize("language", sorted(LANGUAGES - {"en"}))
def test_every_sentence_is_translated_and_none_is_left_over(language: str) -> None:
    with (LOCALES / language / "LC_MESSAGES" / "mail.po").open("rb") as source:
        catalog = read_po(source, locale=language)
    entries = [message for message in catalog if message.id]

    assert {forms(message.id) for message in entries} == extracted()
    for message in entries:
        assert not message.fuzzy
        for original, wording in zip(forms(message.id), forms(message.string), strict=True):
            assert placeholders(wording) == placeholders(original)
            # The words are put into HTML and into plain text alike.
            assert not re.search(r"[<>&]", original + wording)


def test_words_live_in_the_templates_of_the_milestones_only() -> None:
    for drawing in ("mail.mjml", "mail.txt.jinja", "kit.txt.jinja"):
        assert "_(" not in (TEMPLATES / drawing).read_text(encoding="utf-8")
    assert {path.stem for path in TEMPLATES.glob("*.jinja")} - {
        "mail.txt",
        "kit.txt",
        "parts",
    } == set(Milestone)


def test_mjml_is_compiled_before_it_is_filled() -> None:
    layout, kit = compiled_mjml()
    assert "<mj-" not in layout + kit
    assert "{{ self.body() }}" in layout
    assert kit.count("{% macro") == 4
    assert "http://" not in layout.replace("http://www.w3.org", "")
    assert "https://" not in layout


# Amounts, dates, regions.


@pytest.mark.parametrize(
    ("amount", "locale", "written"),
    [
        (Money(129990, "TRY"), "tr-TR", "₺1.299,90"),
        (Money(129990, "TRY"), "en-US", f"TRY{NBSP}1,299.90"),
        (Money(129990, "EUR"), "de-DE", f"1.299,90{NBSP}€"),
        (Money(1250125, "IQD"), "en", f"IQD{NBSP}1,250.125"),
        (Money(500, "JPY"), "en-US", "¥500"),
        (Money(1, "KWD"), "tr", f"KWD{NBSP}0,001"),
        (Money(-500, "EUR"), "en-GB", "-€5.00"),
    ],
)
def test_money_has_the_digits_of_iso_4217(amount: Money, locale: str, written: str) -> None:
    assert money(amount, pick_locale(locale, LANGUAGES)) == written


@pytest.mark.parametrize(
    ("tag", "picked"),
    [
        ("tr-TR", "tr_TR"),
        ("tr", "tr"),
        ("TR-cy", "tr_CY"),
        ("en-GB", "en_GB"),
        ("de-DE", "en_DE"),
        ("pt-BR", "en"),
        ("zh-Hant-TW", "en"),
        ("", "en"),
        ("*", "en"),
        ("tr-XX-nonsense", "tr"),
        ("../../etc", "en"),
    ],
)
def test_a_locale_is_always_found(tag: str, picked: str) -> None:
    assert str(pick_locale(tag, LANGUAGES)) == picked


def test_a_deadline_tells_its_zone() -> None:
    at = datetime(2026, 7, 1, 21, 30, tzinfo=UTC)
    turkish, american = pick_locale("tr", LANGUAGES), pick_locale("en-US", LANGUAGES)
    assert moment(at, "Europe/Istanbul", turkish) == "2 Temmuz 2026 00:30 (UTC+3)"
    assert moment(at, "UTC", american) == "July 1, 2026, 9:30\u202fPM (UTC)"
    assert moment(at, "Asia/Kolkata", american) == "July 2, 2026, 3:00\u202fAM (UTC+5:30)"
    assert moment(at, "America/New_York", american) == "July 1, 2026, 5:30\u202fPM (UTC-4)"


def test_counts_are_grouped() -> None:
    assert quantity(12000, pick_locale("tr", LANGUAGES)) == "12.000"


def test_one_line_takes_the_tricks_out_of_a_name() -> None:
    assert one_line("a\tb\r\nc\x00d\u202egro.\u2066e\u2069") == "a b c dgro.e"
    assert one_line("Şule Ğ İı 👩‍🚀") == "Şule Ğ İı 👩‍🚀"
    assert one_line("lone \ud800 surrogate") == "lone surrogate"


def test_link_keeps_only_web_addresses() -> None:
    assert link(" https://a.example/ç?x=1 ") == "https://a.example/ç?x=1"
    assert link("ftp://a.example") == ""


def test_the_templates_are_where_the_package_is() -> None:
    assert Path(__file__).parents[2] / "adapters" / "mail" / "templates" == TEMPLATES
