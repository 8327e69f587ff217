"""Names of instruments: what a corpus calls them, as urn:lex.

No national register of urn:lex names has been asked, but for Brazil: the names
are formed by the grammar of RFC 9676, always in the same way, so that two
updates of one instrument meet. Where the day of an act is not known, its year
stands for it.
"""

import re

_MONTHS = {m: i for i, m in enumerate(
    ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"), 1)}
_US_DATE = re.compile(r"\b(Jan|Feb|Mar|Apr|May|June?|July?|Aug|Sept?|Oct|Nov|Dec)[a-z]*\.? (\d{1,2}), (\d{4})")
_PERU = {  # prefix of an id: authority, measure
    "LEY": ("congreso", "ley"),
    "RL": ("congreso", "resolucion.legislativa"),
    "DLEG": ("poder.ejecutivo", "decreto.legislativo"),
    "DL": ("poder.ejecutivo", "decreto.ley"),
    "DS": ("poder.ejecutivo", "decreto.supremo"),
    "RM": ("poder.ejecutivo", "resolucion.ministerial"),
}
_PERU_WORDS = {"Ley": "LEY", "Decreto Supremo": "DS", "Decreto Legislativo": "DLEG"}


def clean_number(text):
    """A number as the profile of urn:lex allows it."""
    text = re.sub(r"[^A-Za-z0-9./-]+", ".", text)
    return re.sub(r"[./-]*([./-])[./-]*", r"\1", text).strip("./-")


def _lex(country, authority, measure, date, number):
    return f"urn:lex:{country}:{authority}:{measure}:{date};{clean_number(number)}"


class Names:
    """Knows the names of all instruments of a corpus."""

    def __init__(self, updates):
        self._by_source_id = {}
        self._years = {}  # of Canada's consolidated acts
        for update in updates:
            if update["state"] == "CA" and update["action"] == "enacted":
                date = next(iter(update["dates"].values()), "")
                self._years.setdefault(update["instrument"], date[:4])
        for update in updates:
            if update["action"] == "enacted":
                self._by_source_id[self._key(update)] = self.of_instrument(update)

    @staticmethod
    def _key(update):
        return update["state"], update["source_instrument_id"]

    def of_instrument(self, update):
        """The name of the instrument that an update is about."""
        if update["instrument_scheme"] == "urn:lex":
            return update["instrument"]
        known = self._by_source_id.get(self._key(update))
        if known:
            return known
        instrument = update["instrument"]
        date = update["dates"].get("adopted") or update["dates"].get("published") or "1900"
        if update["state"] == "US":
            # The Code is the work, first of 1926; a section is a number in it.
            return _lex("us", "congress", "united.states.code", "1926",
                        instrument.removeprefix("us:usc:").replace(":", "-"))
        if update["state"] == "CA":
            return self._canada(instrument) or _lex(
                "ca", "federal", "act", self._years.get(instrument) or "1985", instrument)
        if update["state"] == "MX":
            return _lex("mx", "congreso.de.la.union", "ley", date, instrument)
        if update["state"] == "PE":
            return self._peru(instrument, date[:4])
        return _lex(update["state"].lower(), "estado", "norma", date, instrument)

    def of_act(self, update, act):
        """The name of the act that made a change; None if it cannot be told.

        `act` is the corpus's `amended_by`, `repealed_by`, …: its label and,
        where the act is in the source, its id there.
        """
        state, label = update["state"], act.get("label", "")
        known = self._by_source_id.get((state, act.get("source_id")))
        if known:
            return known
        date = update["dates"].get("adopted") or update["dates"].get("published") or ""
        if state == "US":
            return self._us_act(f"{act.get('reference', '')} {label}", date)
        if state == "CA":
            return self._canada(label)
        if state == "MX":
            match = re.search(r"(\d{4}-\d{2}-\d{2})$", label)
            return match and _lex("mx", "congreso.de.la.union", "decreto", match[1], f"DOF-{match[1]}")
        if state == "PE":
            match = re.fullmatch(r"(Ley|Decreto Supremo|Decreto Legislativo) N[°º] ?(\S+)", label)
            return match and self._peru(f"{_PERU_WORDS[match[1]]}-{match[2]}", date[:4])
        return self._latin_act(state, label, date)

    @staticmethod
    def _canada(label):
        regulation = re.fullmatch(r"(SOR|SI)/(\d{2,4})-(\d+)", label)
        if regulation:
            kind, year, number = regulation.groups()
            full = year if len(year) == 4 else f"19{year}"
            return _lex("ca", "federal", "regulation", full, f"{kind}-{year}-{number}")
        statute = re.fullmatch(r"(?:S\.C\. )?(\d{4})(?:-\d{2,4}(?:-\d{2,4})?)?, c\. (\d+)", label)
        if statute:
            return _lex("ca", "federal", "act", statute[1], statute[2])
        revised = re.fullmatch(r"(?:R\.S\.(?:C\.)?,? 1985|R\.S\.), c\. (\S+)(?: \((\d)\w+ Supp\.\))?", label)
        if revised:
            number = revised[1] + (f".supp.{revised[2]}" if revised[2] else "")
            return _lex("ca", "federal", "act", "1985", number)
        return None

    @staticmethod
    def _us_act(text, date):
        day = _US_DATE.search(text)
        if day:
            date = f"{day[3]}-{_MONTHS[day[1][:3]]:02d}-{int(day[2]):02d}"
        law = re.search(r"Pub\. L\. (\d+-\s?\d+)", text)
        chapter = re.search(r"\bch\. (\d+)", text)
        if not date or not (law or chapter):
            return None
        if law and (not chapter or law.start() < chapter.start()):
            return _lex("us", "congress", "public.law", date, law[1].replace(" ", ""))
        return _lex("us", "congress", "act", date, f"ch.{chapter[1]}")

    @staticmethod
    def _peru(identifier, year):
        prefix, _, number = identifier.partition("-")
        if prefix not in _PERU:  # RESOLUCION-VARIAS-0000357-2017-MIGRACIONES
            authority = identifier.rsplit("-", 1)[1].lower()
            number = re.sub(r"^RESOLUCION-[A-Z]+-", "", identifier)
            return _lex("pe", authority, "resolucion", year, number)
        authority, measure = _PERU[prefix]
        # The source adds the year where the number does not end with one.
        plain = re.fullmatch(r"(.+?)-(\d{4})", number)
        if plain:
            number, year = plain.groups()
        inside = re.search(r"-(19\d{2}|20\d{2})-", number)
        return _lex("pe", authority, measure, inside[1] if inside else year, number)

    def _latin_act(self, state, label, date):
        match = re.match(r"(LEY|DECRETO LEY|DECRETO|DEC)\s*(?:N[°ºR]*O?\.?)?\s*-?([\d.]+)(?:(?:/| DE |-)(\d{4}))?",
                         label.upper())
        if not match:
            return None
        measure, number, year = match[1], match[2].replace(".", ""), match[3]
        stems = {"LEY": ["LEY"], "DECRETO LEY": ["DL"]}.get(measure, ["DEC", "DNU", "DECRETO"])
        for stem in stems:
            for key in (f"{stem}-{number}", f"{stem}-{number}-{year}"):
                if (state, key) in self._by_source_id:
                    return self._by_source_id[state, key]
        year = year or date[:4]
        if not year:
            return None
        authority = "estado" if stems[0] in ("LEY", "DL") else "poder.ejecutivo"
        measure = {"LEY": "ley", "DECRETO LEY": "decreto.ley"}.get(measure, "decreto")
        return _lex(state.lower(), authority, measure, year, number)
