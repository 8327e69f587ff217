#!/usr/bin/env python3
"""Checks files of updates before anybody publishes them.

Reads what README.md beside it describes, `updates.ndjson` beside it by
default, and prints each fault as `file:line: field: what is wrong`. It holds
the rules of the data model a second time, on purpose: it needs no build, and
where it and the node disagree, one of them is wrong.

Exit code: 0 without faults, 1 with some, 2 if a file cannot be read.
"""

import datetime
import hashlib
import json
import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
TOPICS_FILE = os.path.join(HERE, "..", "registry", "topics.json")

UUID = re.compile(r"[0-9a-f]{8}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}")
LANGUAGE = re.compile(r"[a-z]{2,3}(-[A-Z][a-z]{3})?(-([A-Z]{2}|\d{3}))?")
MEDIA_TYPE = re.compile(r"[A-Za-z0-9.+_-]+/[A-Za-z0-9.+_-]+")
_S = r"[a-z0-9]+(?:[.-][a-z0-9]+)*"
_D = r"\d{4}-\d{2}-\d{2}"
_N = r"[A-Za-z0-9]+(?:[./-][A-Za-z0-9]+)*"
_WORK = (rf"urn:lex:(?P<country>[a-z]{{2}})(?:;{_S})*:{_S}(?:;{_S})*(?:\+{_S}(?:;{_S})*)*"
         rf":{_S}(?:;{_S})*:(?:{_D}(?:,{_D})*|\d{{4}});{_N}(?:,{_N})*(?::{_S})*")
WORK = re.compile(_WORK)
TARGET = re.compile(rf"(?P<work>{_WORK})(?:~{_N}(?:;{_N})*)?(?:@(?:{_S}|{_D})(?::[a-z]{{2,3}})?)?")

NEEDS_RELATION = {"AMENDMENT", "REPEAL", "PARTIAL_REPEAL", "CORRIGENDUM"}
ENDS_LIFE = {"REPEALED", "ANNULLED", "REJECTED", "WITHDRAWN"}
TREATIES = {"TREATY", "BILATERAL_AGREEMENT"}
MAX_PAYLOAD = 65536
MAX_TEXT = 2000


def bare(value, prefix):
    """`UPDATE_EVENT_REPEAL` is `REPEAL`; an enum of another kind is none."""
    return value[len(prefix):] if isinstance(value, str) and value.startswith(prefix) else ""


def day(text):
    try:
        return datetime.date.fromisoformat(text) if re.fullmatch(_D, text) else None
    except ValueError:
        return None


class Checker:
    """Checks the lines of one file, and keeps what later lines refer to."""

    def __init__(self, topics, path, today):
        self.topics = topics
        self.path = path
        self.today = today
        self.line = 0
        self.faults = 0
        self.publishers = {}  # submission id to state
        self.statuses = {}  # work to its last status
        self.files = {}  # path to (digest, size): many updates share a document

    def fail(self, field, text):
        self.faults += 1
        print(f"{self.path}:{self.line}: {field}: {text}")

    def limit(self, field, text, most):
        if len(text or "") > most:
            self.fail(field, f"has {len(text)} characters, at most {most}")

    def check(self, number, line):
        self.line = number
        state, update = line.get("state", ""), line.get("update")
        if not re.fullmatch("[A-Z]{2}", state):
            self.fail("state", f'is "{state}", expected ISO 3166-1, as HN')
        if not re.fullmatch("[a-z0-9-]{1,63}", line.get("agency", "")):
            self.fail("agency", "is missing or malformed")
        submission = line.get("submissionId", "")
        if not UUID.fullmatch(submission):
            self.fail("submissionId", f'is "{submission}", expected a UUID in lower case')
        elif submission in self.publishers:
            self.fail("submissionId", f"is {submission} a second time")
        if not isinstance(update, dict):
            self.fail("update", "is missing")
            return
        size = len(json.dumps(update, ensure_ascii=False).encode())
        if size > MAX_PAYLOAD:
            self.fail("update", f"has about {size} bytes, at most {MAX_PAYLOAD}")
        self.check_what(state, update)
        self.check_instrument(state, update)
        self.check_life(update)
        self.check_dates(update)
        self.check_relations(update)
        self.check_documents(line, update)
        self.check_texts(update)
        # Only now: a statement cannot correct itself.
        self.publishers[submission] = state

    def check_what(self, state, update):
        for field, prefix in (("kind", "UPDATE_KIND_"), ("event", "UPDATE_EVENT_")):
            if not bare(update.get(field), prefix):
                self.fail(f"update.{field}", "is missing")
        self.limit("update.ground", update.get("ground"), MAX_TEXT)
        if update.get("urgency") == "URGENCY_URGENT" and not update.get("ground"):
            self.fail("update.ground", "is empty, expected why it is urgent")
        for field in ("corrects", "withdraws"):
            earlier = update.get(field)
            if earlier and self.publishers.get(earlier) != state:
                self.fail(f"update.{field}", f"is {earlier}, no earlier update of {state}")

    def check_instrument(self, state, update):
        instrument = update.get("instrument", {})
        kind = bare(instrument.get("type"), "INSTRUMENT_TYPE_")
        if not kind:
            self.fail("update.instrument.type", "is missing")
        uri = instrument.get("uri", "")
        match = WORK.fullmatch(uri)
        if not match or len(uri) > 512:
            self.fail("update.instrument.uri", f'is "{uri}", no urn:lex of a work')
        elif kind not in TREATIES and match["country"] != state.lower():
            self.fail("update.instrument.uri", f"is of {match['country']}, expected {state.lower()}")
        for field, most in (("typeLocal", 200), ("number", 100), ("passedBy", 300),
                            ("responsibleBody", 300)):
            self.limit(f"update.instrument.{field}", instrument.get(field), most)
        titles = instrument.get("titles", [])
        self.check_localized("update.instrument.titles", titles)
        if not titles:
            self.fail("update.instrument.titles", "is empty")
        for title in titles:
            self.limit("update.instrument.titles.shortTitle", title.get("shortTitle"), 300)
        if not instrument.get("topics"):
            self.fail("update.instrument.topics", "is empty")
        for topic in instrument.get("topics", []):
            if topic not in self.topics:
                self.fail("update.instrument.topics", f'has "{topic}", which the registry has not')
        for affected in instrument.get("affects", []):
            if not re.fullmatch("[A-Z]{2}", affected.get("state", "")):
                self.fail("update.instrument.affects", f"has {affected}")

    def check_life(self, update):
        uri = update.get("instrument", {}).get("uri", "")
        version = update.get("version", {})
        name = version.get("versionUri", "")
        if name and not (name.startswith(uri + "@") and TARGET.fullmatch(name)):
            self.fail("update.version.versionUri", f'is "{name}", expected {uri}@<version>')
        status = bare(version.get("status"), "VERSION_STATUS_")
        if not status:
            return
        last = self.statuses.get(uri)
        resumes = update.get("event") == "UPDATE_EVENT_RESUMPTION" and update.get("ground")
        if last in ENDS_LIFE and status != last and not resumes and not update.get("corrects"):
            self.fail("update.version.status", f"is {status} after {last}, which ended its life")
        self.statuses[uri] = status

    def check_dates(self, update):
        dates = {}
        for field, text in update.get("dates", {}).items():
            dates[field] = day(text)
            if dates[field] is None:
                self.fail(f"update.dates.{field}", f'is "{text}", expected a day, YYYY-MM-DD')
        entry, end = dates.get("entryIntoForceDate"), dates.get("endDate")
        if entry and end and end < entry:
            self.fail("update.dates.endDate", f"is {end}, before entry into force, {entry}")
        in_force = update.get("version", {}).get("status") == "VERSION_STATUS_IN_FORCE"
        if in_force and entry and entry > self.today:
            self.fail("update.version.status", f"is IN_FORCE, but it enters into force on {entry}")
        draft = update.get("event") == "UPDATE_EVENT_DRAFT_NOTICE"
        if draft and not dates.get("commentsUntil") and not update.get("ground"):
            self.fail("update.dates.commentsUntil", "is missing for a draft")

    def check_relations(self, update):
        relations = update.get("relations", [])
        event = bare(update.get("event"), "UPDATE_EVENT_")
        if event in NEEDS_RELATION and not relations and not update.get("corrects"):
            self.fail("update.relations", f"is empty for {event}")
        if len(relations) > 64:
            self.fail("update.relations", f"has {len(relations)}, at most 64")
        for relation in relations:
            target = relation.get("target", "")
            if not bare(relation.get("type"), "RELATION_TYPE_"):
                self.fail("update.relations.type", "is missing")
            if not TARGET.fullmatch(target) or len(target) > 512:
                self.fail("update.relations.target", f'is "{target}", no urn:lex')
            if "effectiveDate" in relation and not day(relation["effectiveDate"]):
                self.fail("update.relations.effectiveDate", f'is "{relation["effectiveDate"]}"')
            self.limit("update.relations.note", relation.get("note"), 500)

    def check_documents(self, line, update):
        documents = update.get("documents", [])
        files = line.get("documentFiles", {})
        if len(documents) > 64:
            self.fail("update.documents", f"has {len(documents)}, at most 64")
        for document in documents:
            digest = document.get("sha256", "")
            if not re.fullmatch("[0-9a-f]{64}", digest):
                self.fail("update.documents.sha256", f'is "{digest}"')
            if not MEDIA_TYPE.fullmatch(document.get("mediaType", "")):
                self.fail("update.documents.mediaType", "is missing or malformed")
            if not LANGUAGE.fullmatch(document.get("language", "")):
                self.fail("update.documents.language", "is missing or malformed")
            if not bare(document.get("legalValue"), "LEGAL_VALUE_"):
                self.fail("update.documents.legalValue", "is missing")
            if digest in files:
                self.check_file(files[digest], digest, int(document.get("size", 0)))
            elif not document.get("uri", "").startswith("https://"):
                self.fail("documentFiles", f"has no {digest}, and the document no uri")
        for digest in files.keys() - {d.get("sha256") for d in documents}:
            self.fail("documentFiles", f"has {digest}, which the update does not name")

    def check_file(self, name, digest, size):
        path = os.path.join(os.path.dirname(self.path), name)
        try:
            if path not in self.files:
                with open(path, "rb") as file:
                    content = file.read()
                self.files[path] = hashlib.sha256(content).hexdigest(), len(content)
        except OSError as error:
            self.fail("documentFiles", str(error))
            return
        if self.files[path] != (digest, size):
            actual, length = self.files[path]
            self.fail("documentFiles", f"{name} has sha256 {actual} and {length} bytes")

    def check_texts(self, update):
        self.check_localized("update.abstracts", update.get("abstracts", []))
        gazette = update.get("gazette")
        if gazette is None:
            return
        if not gazette.get("name"):
            self.fail("update.gazette.name", "is empty")
        for field, most in (("name", 300), ("issue", 100), ("section", 100), ("page", 100)):
            self.limit(f"update.gazette.{field}", gazette.get(field), most)
        if "date" in gazette and not day(gazette["date"]):
            self.fail("update.gazette.date", f'is "{gazette["date"]}"')
        if "url" in gazette and not re.fullmatch(r"https?://[^/\s][!-~\u0080-\U0010ffff]*", gazette["url"]):
            self.fail("update.gazette.url", f'is "{gazette["url"]}"')

    def check_localized(self, field, texts):
        seen = set()
        for text in texts:
            language = text.get("language", "")
            if not LANGUAGE.fullmatch(language) or language in seen:
                self.fail(field, f'has language "{language}", malformed or a second time')
            seen.add(language)
            if not text.get("text"):
                self.fail(field, "has an empty text")
            self.limit(field, text.get("text"), MAX_TEXT)


def read_topics():
    with open(TOPICS_FILE, encoding="utf-8") as file:
        return {item["topic"]["id"] for item in json.load(file)["items"]}


def check_file(path, topics):
    """Returns (updates, states, faults)."""
    checker = Checker(topics, path, datetime.datetime.now(datetime.timezone.utc).date())
    count, states = 0, set()
    with open(path, encoding="utf-8", newline="\n") as file:
        for number, text in enumerate(file, 1):
            if not text.strip():
                continue
            count += 1
            try:
                line = json.loads(text)
            except json.JSONDecodeError as error:
                checker.line = number
                checker.fail("line", str(error))
                continue
            states.add(line.get("state"))
            checker.check(number, line)
    return count, states, checker.faults


def main(paths):
    faults = 0
    try:
        topics = read_topics()
        for path in paths or [os.path.join(HERE, "updates.ndjson")]:
            count, states, found = check_file(path, topics)
            faults += found
            print(f"{path}: {count} updates of {len(states)} states, {found} faults",
                  file=sys.stderr)
    except OSError as error:
        print(f"check.py: {error}", file=sys.stderr)
        return 2
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
