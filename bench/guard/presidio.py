"""Lets Microsoft Presidio find personal data in the sentences of the test set.

Reads lines of {"text"} from standard input and writes lines of {"spans": [[kind, start, end, score]]}
with byte offsets, then the time it took to standard error. Presidio gets every recogniser with patterns
that it has for German, and the words around a find as context. Names and addresses need a language
model, and none is installed here: they stay empty and are no comparison.
"""

import json
import sys
import time

import spacy
from presidio_analyzer import AnalyzerEngine, RecognizerRegistry
from presidio_analyzer import predefined_recognizers as known
from presidio_analyzer.nlp_engine import SpacyNlpEngine
from spacy.language import Language

KINDS = {
    "EMAIL_ADDRESS": "mail",
    "PHONE_NUMBER": "phone",
    "IBAN_CODE": "iban",
    "CREDIT_CARD": "card",
    "IP_ADDRESS": "ip",
    "DE_TAX_ID": "tax_id",
    "DE_TAX_NUMBER": "tax_id",
    "DE_SOCIAL_SECURITY": "social_insurance",
    "DE_HEALTH_INSURANCE": "health_insurance",
    "DE_ID_CARD": "id_card",
    "DE_PASSPORT": "passport",
    "DE_KFZ": "plate",
}
# Reserved endings of the test set that Presidio's list of top-level domains does not know, and real
# ones of the same length, so that offsets stay.
ENDINGS = {".example": "-eins.de", ".invalid": "-zwei.de"}


@Language.component("words_as_lemmas")
def words_as_lemmas(document):
    """Without a model a word is its own base form; the context of a find needs one."""
    for token in document:
        token.lemma_ = token.lower_
    return document


class WithoutModel(SpacyNlpEngine):
    """Cuts German into words and knows nothing else."""

    def load(self):
        language = spacy.blank("de")
        language.add_pipe("words_as_lemmas")
        self.nlp = {"de": language}


def analyzer():
    engine = WithoutModel()
    engine.load()
    registry = RecognizerRegistry(supported_languages=["de"])
    names = [name for name in dir(known) if name.startswith("De") and name.endswith("Recognizer")]
    names += ["EmailRecognizer", "IbanRecognizer", "CreditCardRecognizer", "IpRecognizer"]
    for name in names:
        registry.add_recognizer(getattr(known, name)(supported_language="de"))
    registry.add_recognizer(
        known.PhoneRecognizer(supported_language="de", supported_regions=("DE", "AT"))
    )
    return AnalyzerEngine(nlp_engine=engine, registry=registry, supported_languages=["de"])


def main():
    engine = analyzer()
    texts = [json.loads(line)["text"] for line in sys.stdin]
    for reserved, real in ENDINGS.items():
        texts = [text.replace(reserved, real) for text in texts]
    start = time.process_time()
    answers = [
        engine.analyze(text, language="de", entities=list(KINDS))
        for text in texts
    ]
    took = time.process_time() - start
    for text, found in zip(texts, answers):
        bytes_before = lambda at: len(text[:at].encode())
        spans = [
            [KINDS[one.entity_type], bytes_before(one.start), bytes_before(one.end), one.score]
            for one in found
        ]
        print(json.dumps({"spans": spans}))
    size = sum(len(text.encode()) for text in texts)
    print(f"{size / 1e6 / took:.3f}", file=sys.stderr)


if __name__ == "__main__":
    main()
