"""What can be imported: the entities of a file set, their columns, and what each column must hold."""

from dataclasses import dataclass
from typing import Literal

Kind = Literal["text", "instant", "day", "number", "amount", "count", "choice", "currency", "json"]


@dataclass(frozen=True)
class Target:
    """One target column.

    `kind` says how its text is read; `most` is the longest text or the largest number; `choices` maps what
    files say to what is stored; `synonyms` are headers (letters and digits only) that mean this column.
    """

    name: str
    kind: Kind = "text"
    required: bool = False
    least: float | None = None
    most: float | None = None
    choices: tuple[tuple[str, str], ...] = ()
    synonyms: tuple[str, ...] = ()
    past: bool = False


@dataclass(frozen=True)
class Entity:
    """One kind of row. `extra` names the column that holds every further mapped column, as JSON."""

    name: str
    targets: tuple[Target, ...]
    extra: str
    synonyms: tuple[str, ...]

    def target(self, name: str) -> Target | None:
        return next((target for target in self.targets if target.name == name), None)


def _same(*words: str) -> tuple[tuple[str, str], ...]:
    return tuple((word, word) for word in words)


def key(*synonyms: str, required: bool = True) -> Target:
    return Target("key", required=required, most=200, synonyms=("key", "id", *synonyms))


ACCOUNT = Target(
    "account",
    required=True,
    most=200,
    synonyms=(
        *("account", "accountid", "accountkey", "customer", "customerid", "customerkey", "company"),
        *("companyid", "organization", "organizationid", "organisationid", "orgid", "clientid", "tenantid"),
    ),
)
CONTACT = Target(
    "contact",
    most=200,
    synonyms=(
        *("contact", "contactid", "contactkey", "user", "userid", "person", "personid", "member"),
        *("memberid", "requester", "requesterid", "respondent", "respondentid", "callerid"),
    ),
)
AT = Target(
    "at",
    "instant",
    required=True,
    past=True,
    synonyms=(
        *("at", "timestamp", "time", "datetime", "date", "occurredat", "happenedat", "eventtime", "ts"),
        *("eventdate", "usagedate", "createdat", "submittedat", "answeredat", "respondedat", "heldat"),
    ),
)
RECORDED_AT = Target(
    "recorded_at",
    "instant",
    past=True,
    synonyms=("recordedat", "ingestedat", "loadedat", "receivedat", "enteredat"),
)

ACCOUNTS = Entity(
    "accounts",
    (
        key("accountid", "accountkey", "customerid", "customerkey", "companyid", "organizationid", "orgid"),
        Target("name", most=300, synonyms=("name", "accountname", "customername", "companyname", "company")),
        Target(
            "kind",
            "choice",
            choices=(*_same("customer", "prospect", "partner", "internal"), ("client", "customer")),
            synonyms=("kind", "accountkind", "accounttype"),
        ),
        Target("parent", most=200, synonyms=("parent", "parentid", "parentaccount", "parentaccountid")),
        Target(
            "owner",
            most=320,
            synonyms=("owner", "owneremail", "csm", "csmemail", "accountowner", "accountmanager"),
        ),
        Target(
            "since",
            "day",
            synonyms=(
                *("since", "customersince", "signupdate", "signedupat", "createdat", "createddate"),
                *("startdate", "created"),
            ),
        ),
    ),
    "attributes",
    ("accounts", "account", "customers", "customer", "companies", "organizations", "clients"),
)
CONTACTS = Entity(
    "contacts",
    (
        key("contactid", "contactkey", "userid", "personid"),
        ACCOUNT,
        Target("name", most=300, synonyms=("name", "fullname", "contactname", "username", "displayname")),
        Target("email", most=320, synonyms=("email", "emailaddress", "mail", "useremail", "contactemail")),
        Target("role", most=200, synonyms=("role", "title", "jobtitle", "position")),
    ),
    "attributes",
    ("contacts", "contact", "people", "persons", "users", "user", "members"),
)
SUBSCRIPTIONS = Entity(
    "subscriptions",
    (
        key("periodid", "periodkey", "versionid", required=False),
        Target(
            "subscription",
            required=True,
            most=180,
            synonyms=("subscription", "subscriptionid", "contract", "contractid", "subid"),
        ),
        ACCOUNT,
        Target("plan", most=200, synonyms=("plan", "planname", "plantier", "product", "tier")),
        Target(
            "starts_on",
            "day",
            required=True,
            synonyms=("startson", "start", "startdate", "startsat", "startedat", "validfrom", "from"),
        ),
        Target(
            "ends_on",
            "day",
            synonyms=("endson", "end", "enddate", "endsat", "endedat", "validto", "until", "cancelledat"),
        ),
        Target("renews_on", "day", synonyms=("renewson", "renewal", "renewaldate", "renewsat")),
        Target(
            "amount",
            "amount",
            required=True,
            least=0,
            most=99_999_999_999,
            synonyms=("amount", "mrr", "mrramount", "monthlyamount", "monthlyrecurringrevenue", "price"),
        ),
        Target(
            "amount_per",
            "choice",
            choices=(
                *_same("month", "quarter", "year"),
                *(("monthly", "month"), ("quarterly", "quarter"), ("annual", "year")),
                *(("annually", "year"), ("yearly", "year")),
            ),
            synonyms=("amountper", "billingperiod", "interval"),
        ),
        Target("currency", "currency", synonyms=("currency", "currencycode")),
        Target("seats", "count", least=0, most=2_000_000_000, synonyms=("seats", "licenses", "quantity")),
        RECORDED_AT,
    ),
    "attributes",
    ("subscriptions", "subscription", "contracts", "subscriptionperiods", "plans"),
)
ACTIVITIES = Entity(
    "activities",
    (
        Target("id", most=200, synonyms=("id", "activityid", "eventid", "usageid", "uuid", "messageid")),
        ACCOUNT,
        CONTACT,
        Target(
            "name",
            required=True,
            most=200,
            synonyms=("name", "activity", "activityname", "event", "eventname", "featurename", "action"),
        ),
        AT,
        RECORDED_AT,
        Target(
            "value",
            "number",
            least=-(10**15),
            most=10**15,
            synonyms=("value", "count", "usagecount", "quantity", "amount"),
        ),
        Target("properties", "json", synonyms=("properties", "props", "attributes", "payload")),
    ),
    "properties",
    ("activities", "activity", "events", "event", "usage", "featureusage", "logs", "tracks"),
)
TICKETS = Entity(
    "tickets",
    (
        key("ticketid", "ticketkey", "caseid", "casenumber", "number", "incident", "issueid"),
        ACCOUNT,
        CONTACT,
        Target("subject", most=500, synonyms=("subject", "title", "summary", "shortdescription")),
        Target("kind", most=50, synonyms=("kind", "type", "tickettype", "category")),
        Target("severity", most=50, synonyms=("severity", "priority", "urgency")),
        Target(
            "opened_at",
            "instant",
            required=True,
            past=True,
            synonyms=("openedat", "opened", "createdat", "created", "submittedat", "createddate"),
        ),
        Target(
            "first_reply_at",
            "instant",
            past=True,
            synonyms=("firstreplyat", "firstresponseat", "firstrepliedat", "firstreply"),
        ),
        Target("resolved_at", "instant", past=True, synonyms=("resolvedat", "solvedat", "resolved")),
        Target("closed_at", "instant", past=True, synonyms=("closedat", "closed")),
        Target(
            "times_reopened",
            "count",
            least=0,
            most=1_000_000,
            synonyms=("timesreopened", "reopens", "reopencount"),
        ),
        Target(
            "satisfaction",
            "number",
            least=1,
            most=5,
            synonyms=("satisfaction", "csat", "satisfactionscore", "satisfactionrating"),
        ),
        RECORDED_AT,
    ),
    "attributes",
    ("tickets", "ticket", "cases", "supporttickets", "incidents", "issues", "helpdesk"),
)
INTERACTIONS = Entity(
    "interactions",
    (
        key("interactionid", "interactionkey", "meetingid", "callid"),
        ACCOUNT,
        CONTACT,
        Target(
            "kind",
            "choice",
            required=True,
            choices=(
                *_same("call", "meeting", "email", "message", "note", "observation", "mention"),
                *(("e-mail", "email"), ("phone", "call"), ("phone call", "call"), ("chat", "message")),
            ),
            synonyms=("kind", "type", "channel", "interactiontype"),
        ),
        Target(
            "direction",
            "choice",
            choices=(
                *_same("inbound", "outbound", "internal"),
                *(("in", "inbound"), ("out", "outbound"), ("incoming", "inbound"), ("outgoing", "outbound")),
            ),
            synonyms=("direction",),
        ),
        Target(
            "motion",
            "choice",
            choices=_same("reactive", "triggered", "planned"),
            synonyms=("motion",),
        ),
        Target("purpose", most=200, synonyms=("purpose", "reason", "topic")),
        Target("agenda", most=20_000, synonyms=("agenda",)),
        Target("goal", most=20_000, synonyms=("goal",)),
        Target("words", most=1_000_000, synonyms=("words", "notes", "note", "body", "text", "transcript")),
        Target(
            "minutes",
            "count",
            least=0,
            most=100_000,
            synonyms=("minutes", "duration", "durationminutes"),
        ),
        AT,
        RECORDED_AT,
    ),
    "attributes",
    ("interactions", "interaction", "meetings", "calls", "conversations", "touches"),
)
SURVEY_RESPONSES = Entity(
    "survey_responses",
    (
        Target("id", most=200, synonyms=("id", "responseid", "answerid", "surveyresponseid")),
        ACCOUNT,
        CONTACT,
        Target(
            "survey",
            required=True,
            most=40,
            synonyms=("survey", "surveytype", "surveykind", "kind", "type", "metric"),
        ),
        Target(
            "score",
            "number",
            least=-(10**15),
            most=10**15,
            synonyms=("score", "rating", "answer", "nps", "csat", "ces"),
        ),
        Target("comment", most=100_000, synonyms=("comment", "comments", "feedback", "text", "verbatim")),
        AT,
        RECORDED_AT,
        Target("invited_at", "instant", past=True, synonyms=("invitedat", "sentat", "surveysentat")),
    ),
    "attributes",
    ("surveyresponses", "surveyanswers", "surveys", "survey", "nps", "csat", "responses", "feedback"),
)

ENTITIES: dict[str, Entity] = {
    entity.name: entity
    for entity in (ACCOUNTS, CONTACTS, SUBSCRIPTIONS, TICKETS, INTERACTIONS, SURVEY_RESPONSES, ACTIVITIES)
}

SCORES = {"nps": (0, 10), "csat": (1, 5), "ces": (1, 7)}
"""The lowest and highest score of the surveys that have a fixed scale."""

NOTHING = ("NULL", "null", "NaN", "nan", "N/A", "n/a", "NA", "None", "none", "\\N", "-")
"""What files write in a date or number column where there is none."""

CURRENCY_CODES = (
    "AED AFN ALL AMD ANG AOA ARS AUD AWG AZN BAM BBD BDT BGN BHD BIF BMD BND BOB BRL BSD BTN BWP BYN BZD "
    "CAD CDF CHF CLP CNY COP CRC CUP CVE CZK DJF DKK DOP DZD EGP ERN ETB EUR FJD FKP GBP GEL GHS GIP GMD "
    "GNF GTQ GYD HKD HNL HTG HUF IDR ILS INR IQD IRR ISK JMD JOD JPY KES KGS KHR KMF KPW KRW KWD KYD KZT "
    "LAK LBP LKR LRD LSL LYD MAD MDL MGA MKD MMK MNT MOP MRU MUR MVR MWK MXN MYR MZN NAD NGN NIO NOK NPR "
    "NZD OMR PAB PEN PGK PHP PKR PLN PYG QAR RON RSD RUB RWF SAR SBD SCR SDG SEK SGD SHP SLE SOS SRD SSP "
    "STN SVC SYP SZL THB TJS TMT TND TOP TRY TTD TWD TZS UAH UGX USD UYU UZS VED VES VND VUV WST XAF XCD "
    "XCG XOF XPF YER ZAR ZMW ZWG"
)
CURRENCIES = frozenset(CURRENCY_CODES.split())
