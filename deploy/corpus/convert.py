"""One line of a corpus as one line that `gaceta updates publish` reads."""

import datetime
import os
import re
import uuid

from corpus.names import Names

_NAMESPACE = uuid.uuid5(uuid.NAMESPACE_URL, "https://gaceta.example/corpus/")
_MAX_TEXT = 2000
_MAX_NOTE = 500

AGENCIES = {"AR": "migraciones", "BR": "justica", "CA": "immigration", "CL": "interior",
            "CO": "cancilleria", "MX": "gobernacion", "PE": "migraciones", "US": "homeland-security"}

# Where the corpus has no topic, the first word found in a title decides, else
# DEFAULT_TOPIC.
TOPICS = {
    "asylum": "asylum-refuge", "labour-migration": "labour-rights",
    "regularization": "regularisation", "border-management": "border-management",
    "trafficking": "trafficking", "family-reunification": "family-unity",
    "return-reintegration": "expulsion-return", "consular-protection": "consular-protection",
    "children": "children", "health": "health", "education": "education",
    "remittances": "remittances", "nationality": "nationality-statelessness",
    "non-discrimination": "integration-nondiscrimination",
    "access-to-justice": "detention-due-process", "visas": "entry-visa",
}
TITLE_TOPICS = (
    (r"passport|pasaporte|visa", "entry-visa"), (r"border|fronter", "border-management"),
    (r"deport|remov|expuls", "expulsion-return"), (r"detain|detention", "detention-due-process"),
    (r"naturaliz|citizen|ciudadan", "nationality-statelessness"), (r"refug|asil|asyl", "asylum-refuge"),
    (r"conven|acuerdo|tratado|agreement", "bilateral-agreements"),
)
DEFAULT_TOPIC = "stay-residence"

TYPES = {
    "code-section": "LAW", "regulation": "REGULATION", "ley": "LAW", "lei": "LAW", "act": "LAW",
    "annual-statute": "LAW", "decreto": "DECREE", "decreto_supremo": "DECREE",
    "decreto_ley": "DECREE_LAW", "decreto.lei": "DECREE_LAW", "decreto_legislativo": "DECREE_LAW",
    "decreto_necesidad_urgencia": "DECREE_LAW", "constituicao": "CONSTITUTION",
}  # all else is a resolution

EVENTS = {"enacted": "PUBLICATION", "amended": "AMENDMENT", "repealed": "REPEAL",
          "reinstated": "RESUMPTION", "consolidated": "CONSOLIDATION",
          # An act that carries the instrument out was published.
          "regulated": "PUBLICATION"}

# Field of the corpus with the act that made the change; what the change is
# called in a note; the relation to the instrument itself where the act has no
# name.
ACTS = {"amended": ("amended_by", "Amended by", "AMENDS"),
        "repealed": ("repealed_by", "Repealed by", "REPEALS"),
        "reinstated": ("reinstated_by", "Reinstated by", "CHANGES"),
        "regulated": ("regulated_by", "Regulated by", None),
        "enacted": ("enacted_by", "Enacted by", None)}

DATES = {"adopted": "documentDate", "registered": "documentDate", "published": "publicationDate",
         "in_force": "entryIntoForceDate", "repealed": "endDate"}

GAZETTES = {"AR": "Boletín Oficial de la República Argentina", "BR": "Diário Oficial da União",
            "CA": "Justice Laws Website", "CL": "Diario Oficial de la República de Chile",
            "CO": "Diario Oficial", "MX": "Diario Oficial de la Federación", "PE": "El Peruano",
            "US": "United States Statutes at Large"}

LICENCES = {"AR": "CC-BY-4.0", "CA": "https://open.canada.ca/en/open-government-licence-canada"}

ENDED = "VERSION_STATUS_REPEALED"


def valid_day(text):
    """Whether `text` is a day of the calendar, `YYYY-MM-DD`."""
    try:
        return len(text) == 10 and bool(datetime.date.fromisoformat(text))
    except ValueError:
        return False


def cut(text, most):
    """At most so many characters, with … where something is missing."""
    return text if len(text) <= most else text[:most - 1] + "…"


def localized(texts):
    return [{"language": language, "text": cut(text, _MAX_TEXT)}
            for language, text in texts.items() if text.strip()]


class Converter:
    """Converts the updates of one corpus, in their order.

    Order matters: a status is stated only where it may follow the one stated
    last, since the corpus is ordered by date and not all of it has one.
    """

    def __init__(self, folder, updates, today):
        self._folder = os.path.abspath(folder)
        self._today = today.isoformat()
        self._names = Names(updates)
        self._statuses = {}  # of an instrument, the last one stated

    def convert(self, source):
        uri = self._names.of_instrument(source)
        state = source["state"]
        dates = self._dates(source)
        update = {
            "kind": "UPDATE_KIND_POLICY" if source["kind"] == "policy" else "UPDATE_KIND_LEGISLATION",
            "event": "UPDATE_EVENT_" + EVENTS[source["action"]],
            "instrument": {
                "uri": uri,
                "type": "INSTRUMENT_TYPE_" + TYPES.get(source["instrument_type"], "RESOLUTION"),
                "typeLocal": source["instrument_type"],
                "number": cut(source["source_instrument_id"], 100),
                "titles": localized(source["title"]),
                "topics": self._topics(source),
            },
            "version": self._version(source, uri, dates),
            "dates": dates,
            "relations": self._relations(source, uri, dates),
            "gazette": self._gazette(source),
            "abstracts": localized(source.get("summary", {})),
        }
        if source["action"] == "reinstated":
            label = source.get("reinstated_by", {}).get("label", "an act that the source does not name")
            update["ground"] = cut(f"Reinstated by {label}", _MAX_TEXT)
        documents, files = self._documents(source)
        update["documents"] = documents
        return {
            "state": state,
            "agency": AGENCIES.get(state, "justice"),
            "submissionId": str(uuid.uuid5(_NAMESPACE, source["update_id"])),
            "update": {key: value for key, value in update.items() if value},
            "documentFiles": files,
        }

    @staticmethod
    def _topics(source):
        topics = [TOPICS[t] for t in source.get("topics", []) if t in TOPICS]
        if topics:
            return topics
        titles = " ".join(source["title"].values()).lower()
        return [next((topic for words, topic in TITLE_TOPICS if re.search(words, titles)), DEFAULT_TOPIC)]

    @staticmethod
    def _dates(source):
        dates = {}
        for name, field in DATES.items():
            day = source["dates"].get(name)
            if day and valid_day(day):
                dates.setdefault(field, day)
        # Provisions may come into force on several days: the first counts.
        several = sorted(d for d in source.get("in_force_dates", []) if valid_day(d))
        if several:
            dates["entryIntoForceDate"] = several[0]
        if dates.get("endDate", "9999") < dates.get("entryIntoForceDate", ""):
            del dates["endDate"]
        return dates

    def _version(self, source, uri, dates):
        version = {}
        amended = source["dates"].get("last_amended")
        if source["action"] == "consolidated" and amended and valid_day(amended):
            version = {"versionUri": f"{uri}@{amended}", "versionDate": amended}
        status = self._status(source, dates)
        last = self._statuses.get(uri)
        may_follow = last != ENDED or status == ENDED or source["action"] == "reinstated"
        if status and may_follow:
            version["status"] = self._statuses[uri] = status
        return version

    def _status(self, source, dates):
        if source["action"] == "repealed":
            return ENDED
        if source["action"] == "reinstated":
            return "VERSION_STATUS_IN_FORCE"
        if source["action"] != "enacted":
            return None
        entry = dates.get("entryIntoForceDate")
        if entry and entry <= self._today:
            return "VERSION_STATUS_IN_FORCE"
        if "publicationDate" in dates:
            return "VERSION_STATUS_PUBLISHED"
        return "VERSION_STATUS_ADOPTED" if "documentDate" in dates else None

    def _relations(self, source, uri, dates):
        field, words, own_relation = ACTS.get(source["action"], (None, None, None))
        act = source.get(field) if field else None
        if not act:
            return [self._relation(own_relation, uri, words + " an act that the source does not name",
                                   None)] if own_relation else []
        note = f"{words} {act.get('label', '')}"
        if act.get("title"):
            note += f", {act['title']}"
        if source.get("provisions"):
            note += "; provisions: " + ", ".join(source["provisions"])
        name = self._names.of_act(source, act)
        entry = dates.get("entryIntoForceDate")
        if name and name != uri:
            relation = "BASED_ON" if source["action"] == "enacted" else "CITES"
            return [self._relation(relation, name, note, entry)]
        return [self._relation(own_relation, uri, note, entry)] if own_relation else []

    @staticmethod
    def _relation(kind, target, note, day):
        relation = {"type": "RELATION_TYPE_" + kind, "target": target, "note": cut(note, _MAX_NOTE)}
        if day:
            relation["effectiveDate"] = day
        return relation

    @staticmethod
    def _gazette(source):
        gazette = {"name": GAZETTES.get(source["state"], "Official gazette")}
        published = source["dates"].get("published")
        if published and valid_day(published):
            gazette["date"] = published
        url = source.get("source_url") or ""
        if re.fullmatch(r"https?://[^/\s]\S{0,1900}", url):
            gazette["url"] = url
        return gazette if len(gazette) > 1 else None

    def _documents(self, source):
        documents, files = [], {}
        for document in source.get("documents", []):
            digest = document["sha256"]
            if digest in files:
                continue
            in_path = re.match(r"history/[a-z]{2}/[^/]+/([a-z]{2})/", document["path"])
            entry = {
                "sha256": digest,
                "size": str(document["bytes"]),
                "mediaType": document["media_type"],
                "language": (document.get("language") or (in_path and in_path[1])
                             or source["languages"][0]),
                "legalValue": "LEGAL_VALUE_UNOFFICIAL",
            }
            if source["state"] in LICENCES:
                entry["licence"] = LICENCES[source["state"]]
            documents.append(entry)
            files[digest] = os.path.join(self._folder, document["path"])
        return documents, files
