"""deploy/updates-from-corpus on a small corpus: one event of each sort."""

import hashlib
import json
import os
import subprocess
import sys
import tempfile
import unittest

SOURCE = os.environ.get("GACETA_SOURCE_DIR", os.path.join(os.path.dirname(__file__), "..", ".."))
CONVERTER = os.path.join(SOURCE, "deploy", "updates-from-corpus")
CHECK = os.path.join(SOURCE, "deploy", "samples", "check.py")


def event(number, state, instrument, action, **fields):
    """An event of a corpus, naming only what matters."""
    return {
        "update_id": f"{number:020x}", "state": state, "instrument": instrument,
        "instrument_scheme": "urn:lex" if instrument.startswith("urn:lex:") else "source",
        "source_instrument_id": instrument, "instrument_type": "ley", "kind": "legislation",
        "action": action, "title": {"es": "Ley de Migración – «ñandú»"}, "dates": {},
        "languages": ["es"], "topics": ["asylum"], **fields,
    }


class CorpusTest(unittest.TestCase):
    def setUp(self):
        self._folder = tempfile.TemporaryDirectory()
        self.addCleanup(self._folder.cleanup)
        self.corpus = os.path.join(self._folder.name, "corpus")
        self.target = os.path.join(self._folder.name, "out")
        os.makedirs(os.path.join(self.corpus, "documents"))

    def convert(self, events):
        with open(os.path.join(self.corpus, "updates.ndjson"), "w", encoding="utf-8") as file:
            file.writelines(json.dumps(e, ensure_ascii=False) + "\n" for e in events)
        subprocess.run([sys.executable, CONVERTER, self.corpus, self.target], check=True,
                       stderr=subprocess.DEVNULL)
        path = os.path.join(self.target, "updates.ndjson")
        checked = subprocess.run([sys.executable, CHECK, path], capture_output=True, text=True)
        self.assertEqual(checked.returncode, 0, checked.stdout)
        with open(path, encoding="utf-8", newline="\n") as file:
            return [json.loads(line) for line in file]

    def test_instruments_without_a_urn_get_one_that_is_always_the_same(self):
        names = [line["update"]["instrument"]["uri"] for line in self.convert([
            event(1, "US", "us:usc:8:1101", "enacted", dates={"adopted": "1952-06-27"}),
            event(2, "CA", "I-2.5", "enacted", dates={"adopted": "2001-11-01"}),
            event(3, "CA", "I-2.5", "consolidated", dates={"published": "2024-01-01"}),
            event(4, "CA", "SOR/93-246", "enacted"),
            event(5, "CA", "S.C. 2013, c. 16", "enacted"),
            event(6, "MX", "LMigra", "enacted", dates={"published": "2011-05-25"}),
            event(7, "PE", "DS-094-2004-RE-2005", "enacted", dates={"published": "2005-01-01"}),
            event(8, "BR", "urn:lex:br:federal:lei:1997-07-22;9474", "enacted"),
        ])]

        self.assertEqual(names, [
            "urn:lex:us:congress:united.states.code:1926;8-1101",
            "urn:lex:ca:federal:act:2001;I-2.5",
            "urn:lex:ca:federal:act:2001;I-2.5",
            "urn:lex:ca:federal:regulation:1993;SOR-93-246",
            "urn:lex:ca:federal:act:2013;16",
            "urn:lex:mx:congreso.de.la.union:ley:2011-05-25;LMigra",
            "urn:lex:pe:poder.ejecutivo:decreto.supremo:2004;094-2004-RE",
            "urn:lex:br:federal:lei:1997-07-22;9474",
        ])

    def test_a_repealed_instrument_gets_no_status_but_by_reinstatement(self):
        law = "urn:lex:ar:estado:ley:1974-09-27;20835"
        lines = self.convert([
            event(1, "AR", law, "repealed", repealed_by={"label": "LEY Nº 21610"}),
            event(2, "AR", law, "enacted", dates={"published": "1974-10-01"}),
            event(3, "AR", law, "reinstated", reinstated_by={"label": "LEY N° 23.059"}),
            event(4, "AR", law, "repealed", repealed_by={"label": "LEY 25.871"}),
        ])

        statuses = [line["update"].get("version", {}).get("status") for line in lines]
        self.assertEqual(statuses, ["VERSION_STATUS_REPEALED", None, "VERSION_STATUS_IN_FORCE",
                                    "VERSION_STATUS_REPEALED"])
        self.assertIn("23.059", lines[2]["update"]["ground"])

    def test_an_amendment_names_the_act_or_else_its_own_instrument(self):
        law = "us:usc:8:1101"
        known, unknown = self.convert([
            event(1, "US", law, "amended", amended_by={
                "label": "Pub. L. 105-54", "reference": "Pub. L. 105-54, Sec. 1(a), Oct. 6, 1997"}),
            event(2, "US", law, "amended", amended_by={"label": "Reorg. Plan"}),
        ])

        self.assertEqual(known["update"]["relations"][0]["target"],
                         "urn:lex:us:congress:public.law:1997-10-06;105-54")
        self.assertEqual(unknown["update"]["relations"][0]["target"],
                         unknown["update"]["instrument"]["uri"])

    def test_texts_and_documents_come_through_byte_for_byte(self):
        content = "Artículo 1° — são, déjà\u0085".encode()
        with open(os.path.join(self.corpus, "documents", "ley.md"), "wb") as file:
            file.write(content)
        digest = hashlib.sha256(content).hexdigest()
        document = {"path": "documents/ley.md", "sha256": digest, "bytes": len(content),
                    "role": "act_text", "language": "es", "media_type": "text/markdown"}
        summary = "línea\u2028con separador y control \u0096"

        line, = self.convert([event(1, "CO", "urn:lex:co:estado:ley:2005-08-26;985", "enacted",
                                    summary={"es": summary}, documents=[document, document])])

        self.assertEqual(line["update"]["abstracts"][0]["text"], summary)
        self.assertEqual([d["sha256"] for d in line["update"]["documents"]], [digest])
        self.assertTrue(os.path.isabs(line["documentFiles"][digest]))

    def test_the_same_corpus_gives_the_same_file(self):
        events = [event(n, "CL", f"urn:lex:cl:estado:ley:2021-04-11;{n}", "enacted") for n in (1, 2)]

        self.assertEqual(self.convert(events), self.convert(events))


if __name__ == "__main__":
    unittest.main()
