"""Every rule of proto/UPDATES.md, broken one at a time.

    for rule in broken_rules("MX", theirs=id_of_another_states_update):
        rule.name, rule.update, rule.field

`field` is the one that a BadRequest must name, and no other.
"""

from typing import NamedTuple

from statements import changed, make_update, new_id

# An enum value that no version has.
UNKNOWN = 9999

_DOCUMENT = {"sha256": "a" * 64, "size": "1", "mediaType": "text/plain", "language": "es",
             "legalValue": "LEGAL_VALUE_OFFICIAL", "uri": "https://example.org/ley.txt"}
_RELATION = {"type": "RELATION_TYPE_AMENDS",
             "target": "urn:lex:mx:estado:ley:2011-05-25;1"}
_DATES = ("documentDate", "promulgationDate", "publicationDate", "entryIntoForceDate",
          "applicabilityDate", "endDate", "commentsUntil", "standstillUntil")


class BrokenRule(NamedTuple):
    name: str
    update: dict
    field: str


def snake_case(name):
    return "".join("_" + c.lower() if c.isupper() else c for c in name)


def _changes(state, theirs):
    """Name, changes as path and value, field."""
    uri = make_update(state, 1)["instrument"]["uri"]
    title = {"language": "es", "text": "Ley"}

    # What happened
    yield "no kind", {"kind": None}, "update.kind"
    yield "an unknown kind", {"kind": UNKNOWN}, "update.kind"
    yield "no event", {"event": None}, "update.event"
    yield "an unknown event", {"event": UNKNOWN}, "update.event"
    yield "an unknown urgency", {"urgency": UNKNOWN}, "update.urgency"
    yield "urgent without ground", {"urgency": "URGENCY_URGENT"}, "update.ground"
    yield "a long ground", {"ground": "x" * 2001}, "update.ground"
    for field in ("corrects", "withdraws"):
        yield f"{field} no id", {field: "ley-1"}, f"update.{field}"
        yield f"{field} what is not there", {field: new_id()}, f"update.{field}"
        yield f"{field} another state's", {field: theirs}, f"update.{field}"

    # The instrument
    yield "no instrument", {"instrument": None}, "update.instrument"
    for name, value in {
            "no name": None, "no urn:lex": "ley-1", "a version in the name": uri + "@2024-01-20",
            "a part in the name": uri + "~art1", "another state's law": uri.replace(
                f":{state.lower()}:", ":ve:"),
            "blanks in the name": uri + " bis", "upper case": uri.replace("estado", "Estado"),
            "no date": f"urn:lex:{state.lower()}:estado:ley:2024-1-1;5",
            "a long name": uri + "0" * 512}.items():
        yield name, {"instrument.uri": value}, "update.instrument.uri"
    yield "an ELI without /eli/", {"instrument.eli": "https://example.org/x"}, \
        "update.instrument.eli"
    yield "an ELI over http", {"instrument.eli": "http://example.org/eli/x"}, \
        "update.instrument.eli"
    yield "no Akoma Ntoso IRI", {"instrument.aknIri": "/akn/mx/act"}, "update.instrument.akn_iri"
    yield "no type", {"instrument.type": None}, "update.instrument.type"
    yield "an unknown type", {"instrument.type": UNKNOWN}, "update.instrument.type"
    for field, most in {"typeLocal": 200, "number": 100, "passedBy": 300,
                        "responsibleBody": 300}.items():
        yield f"a long {field}", {f"instrument.{field}": "ñ" * (most + 1)}, \
            f"update.instrument.{snake_case(field)}"
    titles = "instrument.titles"
    yield "no title", {titles: []}, "update.instrument.titles"
    yield "a title in no language", {titles: [{**title, "language": "español"}]}, \
        "update.instrument.titles[0].language"
    yield "two titles in one language", {titles: [title, title]}, \
        "update.instrument.titles[1].language"
    yield "an empty title", {titles: [{**title, "text": ""}]}, "update.instrument.titles[0].text"
    yield "a long title", {titles: [{**title, "text": "x" * 2001}]}, \
        "update.instrument.titles[0].text"
    yield "a long short title", {titles: [{**title, "shortTitle": "x" * 301}]}, \
        "update.instrument.titles[0].short_title"
    yield "no topic", {"instrument.topics": []}, "update.instrument.topics"
    yield "an unknown topic", {"instrument.topics": ["entry-visa", "fishing"]}, \
        "update.instrument.topics[1]"
    subject = {"scheme": "eurovoc", "notation": "1"}
    for field, value in {"scheme": "dewey", "notation": ""}.items():
        yield f"subject: {field}", {"instrument.subjects": [{**subject, field: value}]}, \
            f"update.instrument.subjects[0].{field}"
    affected = {"state": "GT", "role": "AFFECTED_ROLE_ORIGIN"}
    for field, value in {"state": "Guatemala", "role": UNKNOWN}.items():
        yield f"affected: {field}", {"instrument.affects": [{**affected, field: value}]}, \
            f"update.instrument.affects[0].{field}"
    yield "an unknown group", {"instrument.affectedGroups": [UNKNOWN]}, \
        "update.instrument.affected_groups[0]"

    # The version
    for name, value in {"of another law": uri[:-1] + "999@2024-01-20", "none": uri,
                        "no urn": "2024"}.items():
        yield f"version: {name}", {"version.versionUri": value}, "update.version.version_uri"
    yield "version: date", {"version.versionDate": "2024-13-01"}, "update.version.version_date"
    yield "an unknown status", {"version.status": UNKNOWN}, "update.version.status"
    yield "in force from the future on", {
        "version.status": "VERSION_STATUS_IN_FORCE",
        "dates.entryIntoForceDate": "2999-01-01"}, "update.version.status"

    # Dates
    for field in _DATES:
        for day in ("2024-02-30", "20240101", "1 de enero"):
            yield f"{field} {day}", {f"dates.{field}": day}, f"update.dates.{snake_case(field)}"
    yield "the end before entry into force", {
        "dates.entryIntoForceDate": "2024-03-01", "dates.endDate": "2024-02-29"}, \
        "update.dates.end_date"
    yield "a draft without an end of comments", {"event": "UPDATE_EVENT_DRAFT_NOTICE"}, \
        "update.dates.comments_until"

    # Relations
    for event in ("AMENDMENT", "REPEAL", "PARTIAL_REPEAL", "CORRIGENDUM"):
        yield f"{event} of nothing", {"event": "UPDATE_EVENT_" + event}, "update.relations"
    for field, value in {"type": UNKNOWN, "target": "ley-1", "effectiveDate": "2024-04-31",
                         "note": "x" * 501}.items():
        yield f"relation: {field}", {"relations": [{**_RELATION, field: value}]}, \
            f"update.relations[0].{snake_case(field)}"
    yield "65 relations", {"relations": [_RELATION] * 65}, "update.relations"

    # The gazette
    gazette = {"name": "Diario Oficial"}
    for field, value in {"name": "", "issue": "x" * 101, "section": "x" * 101, "page": "x" * 101,
                         "date": "hoy", "url": "ftp://example.org/", "verificationCode":
                         "x" * 201}.items():
        yield f"gazette: {field}", {"gazette": {**gazette, field: value}}, \
            f"update.gazette.{snake_case(field)}"

    # Documents
    for field, value in {"sha256": "A" * 64, "size": "0", "mediaType": "text", "language": "x",
                         "legalValue": UNKNOWN, "uri": "http://example.org/ley.txt",
                         "licence": "x" * 501}.items():
        yield f"document: {field}", {"documents": [{**_DOCUMENT, field: value}]}, \
            f"update.documents[0].{snake_case(field)}"
    yield "a document without digest", {"documents": [{**_DOCUMENT, "sha256": ""}]}, \
        "update.documents[0].sha256"
    yield "a document of over 64 MiB", {"documents": [{**_DOCUMENT, "size": 64 * 2**20 + 1}]}, \
        "update.documents[0].size"
    yield "65 documents", {"documents": [_DOCUMENT] * 65}, "update.documents"

    # Texts
    abstract = {"language": "es", "text": "Resumen"}
    yield "an abstract in no language", {"abstracts": [{**abstract, "language": ""}]}, \
        "update.abstracts[0].language"
    yield "two abstracts in one language", {"abstracts": [abstract, abstract]}, \
        "update.abstracts[1].language"
    yield "an empty abstract", {"abstracts": [{**abstract, "text": ""}]}, \
        "update.abstracts[0].text"
    yield "a long abstract", {"abstracts": [{**abstract, "text": "ñ" * 2001}]}, \
        "update.abstracts[0].text"
    contact = {"unit": "Asuntos Jurídicos", "email": "juridico@example.org"}
    for field, value in {"unit": "", "email": "nobody"}.items():
        yield f"contact: {field}", {"contact": {**contact, field: value}}, f"update.contact.{field}"


def broken_rules(state, theirs):
    """`theirs` is the statement id of an update that another state published."""
    for name, changes, field in _changes(state, theirs):
        update = make_update(state, 1)
        for path, value in changes.items():
            update = changed(update, path, value)
        yield BrokenRule(name, update, field)
