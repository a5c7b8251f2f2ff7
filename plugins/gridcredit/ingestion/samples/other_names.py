"""What suppliers call the extracts that everybody sends, and their columns: in English, German, French and Chinese.

A likeness to one of these is a guess, which a draft marks as such.
"""

from __future__ import annotations

from difflib import SequenceMatcher

# How alike a name must be to one of these.
NEARLY_THE_SAME = 0.9

# What names of files hold.
OF_EXTRACTS = {
    "customer": ("client", "kunde", "abonne", "客户", "用户"),
    "bill": ("invoice", "rechnung", "facture", "账单", "发票"),
    "payment": ("receipt", "zahlung", "paiement", "缴费", "收费"),
    "contract": ("agreement", "vertrag", "contrat", "合同"),
    "meter_reading": ("reading", "ablesung", "releve", "抄表"),
}
OF_COLUMNS = {
    "customer_id": (
        *("customer", "customer_no", "customer_nr", "customer_number", "client", "client_id", "client_no"),
        *("client_number", "account_id", "account_no", "account_number", "kunde", "kunden_nr", "kundennr"),
        *("kundennummer", "kunden_id", "numero_client", "client_numero", "客户编号", "客户编码", "用户编号", "户号"),
    ),
    "name": (
        *("customer_name", "client_name", "account_name", "full_name", "kundenname", "nom", "nom_client"),
        *("客户名称", "用户名称", "户名"),
    ),
    "segment": (
        *("customer_type", "customer_class", "customer_group", "client_type", "category", "kundengruppe", "kundenart"),
        *("categorie", "客户类别", "用户类别", "用电类别"),
    ),
    "region": ("district", "area", "bezirk", "gebiet", "ort", "区域", "地区"),
    "org_unit": ("branch", "office", "business_unit", "filiale", "agence", "供电所", "供电单位"),
    "opened_on": (
        *("contract_start", "start_date", "customer_since", "client_since", "opening_date", "opened"),
        *("vertragsbeginn", "kunde_seit", "beginn", "date_debut", "立户日期", "开户日期"),
    ),
    "updated_at": (
        *("last_change", "last_changed", "last_update", "changed_on", "changed_at", "modified", "modified_at"),
        *("modified_on", "as_of", "stand", "geaendert_am", "geändert_am", "更新时间", "更新日期"),
    ),
    "bill_id": (
        *("invoice", "invoice_id", "invoice_no", "invoice_nr", "invoice_number", "bill", "bill_no", "bill_number"),
        *("rechnung", "rechnung_nr", "rechnungs_nr", "rechnungsnr", "rechnungsnummer", "belegnummer", "facture"),
        *("numero_facture", "账单编号", "账单号", "发票号", "发票号码"),
    ),
    "period": (
        *("month", "bill_month", "billing_month", "billing_period", "monat", "abrechnungsmonat", "zeitraum", "mois"),
        *("periode", "账期", "电费年月", "月份"),
    ),
    "issued_on": (
        *("invoice_date", "bill_date", "billing_date", "issue_date", "date_of_issue", "date_issued"),
        *("rechnungsdatum", "belegdatum", "ausgestellt_am", "date_facture", "开票日期", "出账日期", "发行日期"),
    ),
    "due_on": (
        *("due", "due_date", "date_due", "due_by", "pay_by", "payable_by", "payment_due", "payment_due_date"),
        *("faellig", "fällig", "faellig_am", "fällig_am", "faelligkeit", "fälligkeit", "faelligkeitsdatum"),
        *("fälligkeitsdatum", "zahlbar_bis", "echeance", "échéance", "到期日", "到期日期", "缴费截止日"),
    ),
    "energy_kwh": (
        *("energy", "consumption", "consumption_kwh", "usage", "usage_kwh", "kwh", "verbrauch", "verbrauch_kwh"),
        *("consommation", "电量", "用电量"),
    ),
    "amount": (
        *("amount_due", "amount_paid", "total", "total_amount", "invoice_amount", "bill_amount", "gross_amount", "sum"),
        *("betrag", "rechnungsbetrag", "bruttobetrag", "zahlbetrag", "gesamtbetrag", "montant", "金额", "电费"),
        *("应收金额", "实收金额", "缴费金额"),
    ),
    "kind": ("bill_type", "invoice_type", "rechnungsart", "belegart", "type_facture", "账单类型"),
    "payment_id": (
        *("payment", "payment_no", "payment_number", "receipt", "receipt_id", "receipt_no", "receipt_number"),
        *("transaction_id", "beleg", "belegnummer", "zahlung", "zahlungsnummer", "zahlung_nr", "paiement"),
        *("缴费流水号", "收费编号", "流水号"),
    ),
    "paid_on": (
        *("payment_date", "date_paid", "paid", "paid_date", "receipt_date", "received_on", "value_date", "booked_on"),
        *("valuta", "zahldatum", "zahlungsdatum", "gezahlt_am", "buchungsdatum", "eingangsdatum", "date_paiement"),
        *("缴费日期", "收费日期", "到账日期"),
    ),
    "channel": ("payment_method", "method", "pay_channel", "zahlungsart", "zahlweg", "mode_paiement", "缴费渠道"),
}


def is_another_name(column: str, words: str) -> bool:
    """Whether a source's name, in small letters with underscores between words, is another one of a column's."""
    names = OF_COLUMNS.get(column, ())
    return any(SequenceMatcher(None, name, words).ratio() >= NEARLY_THE_SAME for name in names)


def is_named_in(extract: str, file_name: str) -> bool:
    """Whether a file's name holds an extract's, or another one for it."""
    return any(word in file_name.lower() for word in (extract, *OF_EXTRACTS.get(extract, ())))
