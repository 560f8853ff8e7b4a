//! The closed lists behind the sentence rules, spelled as the words appear.

use std::collections::HashSet;
use std::sync::LazyLock;

type Words = LazyLock<HashSet<&'static str>>;

fn set(words: &'static str) -> HashSet<&'static str> {
    words.split_whitespace().collect()
}

/// Most groups of a letter chain that are followed back ("i. d. F. d. B. v.").
pub(super) const CHAIN_GROUPS_MAX: usize = 6;

/// Letter chains that may stand last in a sentence; all others ("z. B.", "i. V. m.", "d. h.") announce something.
pub(super) static CHAINS_THAT_END: Words = LazyLock::new(|| {
    set("ua uä oä uam uvm uvam eV aF nF mwN aaO aO so su hM hL pa vH vT dJ dM iA iV iR kw ku US UK EU USA PS am pm aD iS nv uU iE
NN oD gD hD mD")
});

/// Abbreviations that always announce a name, number or noun.
pub(super) static NEVER_ENDS: Words = LazyLock::new(|| {
    set("Dr Drs Abg Prof Dipl Ing Hr Hrn Fr Frl Fam St Sankt Mag Univ Priv Doz Mr Mrs Ms Rev Gen Lt Sgt Capt Hon Präs Mdgt Vors
stv stellv Stellv phil jur med rer nat habil geb Abs Art Artt Nr Nrn Ziff Ziffn Ziffer Buchst lit Lit Kap Abschn Anh Anl
Anm Rn Rdn Rdnr Rdnrn RdNr Rz Tz Bd Bde Hbd Aufl Ausg Hrsg hrsg Verf Begr Bl Sp Fn Fußn Abb Tab Tl Halbs Hs Alt Var
Spstr UAbs Unterabs Erwgr Az Gz Tgb Reg Drucks Drucksache BGBl RGBl GBl GVBl ABl Amtsbl MBl BAnz GMBl BStBl VkBl BArbBl
Slg Urt Beschl Vfg Erl Bek Schr Rs Rspr No Nos vol Vol pp sec Sec para paras fig Fig ed eds vgl Vgl s bzw ca Ca zw gem
Gem lt evtl Evtl ggf Ggf ggfs Ggfs gegebenenf insb insbes Insb Insbes inkl Inkl einschl Einschl exkl zzgl Zzgl abzgl
bzgl Bzgl betr Betr hins sog Sog sogen mind Mind max Max min jew jeweil bspw Bspw bes Bes allg Allg versch ehem Ehem
entspr Entspr spez öff öffentl schriftl mündl tägl monatl jährl gesetzl gleichl vorauss Vorauss vorl od zuz zus bish rd
Rd ungef ausschl Tel Fax Mobil Str Kto Konto-Nr Postf Zi Zim OT Gde Kr Lkr Krs Bez Hptm approx vs cf Cf eg ie resp Jr
zul geänd")
});

/// Abbreviations that announce something or stand last, as it happens.
pub(super) static MAY_END: Words = LazyLock::new(|| {
    set("ff Mio Mrd Bio Tsd Std Stdn Sek Jh Jhd Jhdt Pos Co Inc Ltd Corp Bros Chr Pkt Pf Stk Stck Pers Mitgl Beil Fa Verz Verw
Wwe Mo Di Mi Do Sa So Whg Zs gez Gez Kfz Abt Ref Dez Dept Nachf Adr Anw Bem Erg Tgl gest verh led verw gesch Prot Begl
Entw ders Ders ebd Ebd amtl Amtl Verm Anz durchschn techn wiss Jg Min")
});

/// Abbreviations that stand at the end of what they belong to: a capital after them begins a sentence.
pub(super) static STANDS_LAST: Words = LazyLock::new(|| set("usw etc uvm uam usf al"));

/// Words that a bare number cites; "… nach Satz 2." ends a sentence, "… der 2." does not.
static REFERENCES: Words = LazyLock::new(|| {
    set("Abs Absatz Absätze Absätzen Absatzes Art Artikel Artikels Artikeln Nr Nrn Nummer Nummern Satz Sätze Sätzen Satzes S
Seite Seiten Ziff Ziffer Ziffern Rn Rdnr Randnummer Kapitel Kap Abschnitt Anlage Anlagen Anhang Teil Band Bd Halbsatz
Tabelle Abbildung Nenner Zähler Paragraf Paragraph Paragrafen Paragraphen § §§ Stufe Klasse Gruppe Phase Punkt Spalte
Zeile Zimmer Raum Version Alternative Tz Buch Titel Variante Section Article Page No Nos Chapter Table Figure Buchstabe
Buchst Besoldungsgruppe Entgeltgruppe Steuerklasse Pflegegrad")
});

static MONTHS: Words = LazyLock::new(|| {
    set("Januar Jänner Februar Feber März April Mai Juni Juli August September Oktober November Dezember January February March
May June July October December")
});

static MONTHS_SHORT: Words =
    LazyLock::new(|| set("Jan Feb Febr Mrz Apr Jun Jul Aug Sep Sept Okt Oct Nov Dez Dec"));

/// Articles and prepositions that stand before an ordinal or a date, and never at the end of a sentence.
static DETERMINERS: Words = LazyLock::new(|| {
    set("der die das den dem des ein eine einen einem einer eines am im vom zum zur beim ins bis seit ab vor nach in von mit für
durch bei auf aus zu gegen ohne um unter über zwischen dieser diese dieses diesem diesen seiner seine ihrer ihre kein
keine keiner jeder jede jedes the a an of to on at by for from with")
});

/// Words that join what stands before them to what follows.
static JOINING: Words =
    LazyLock::new(|| set("und oder sowie beziehungsweise als wie dass weil wenn and or"));

/// Words that, capitalised in the middle of a text, begin a sentence: articles, pronouns, prepositions, conjunctions, adverbs, modals.
/// German capitalises nouns anywhere, so only these show that a new sentence begins after "5." or "ff.".
static STARTERS: Words = LazyLock::new(|| {
    set("Der Die Das Den Dem Des Ein Eine Einen Einem Einer Eines Er Sie Es Wir Ich Ihr Man Wer Was Wo Wie Wann Warum Weshalb
Welche Welcher Welches Dies Diese Dieser Dieses Diesem Diesen Jene Jener Jede Jeder Jedes Alle Alles Andere Beide Einige
Mehrere Viele Manche Solche Sämtliche Kein Keine Keiner In Im Ins An Am Auf Aus Bei Beim Mit Nach Nachdem Von Vom Vor Zu
Zum Zur Für Durch Gegen Ohne Um Unter Über Während Wegen Trotz Seit Bis Ab Zwischen Hinter Neben Außer Außerdem
Innerhalb Außerhalb Entsprechend Gemäß Laut Aufgrund Anhand Anstelle Statt Hinsichtlich Bezüglich Soweit Sofern Sobald
Solange Wenn Weil Da Dass Daß Ob Obwohl Falls Als Indem Damit Und Oder Aber Denn Doch Sondern Jedoch Dennoch Trotzdem
Daher Darum Deshalb Deswegen Dazu Dabei Dadurch Dafür Dagegen Daneben Danach Daran Darauf Daraus Darin Darüber Darunter
Davon Davor Demnach Dann Dort Hier Hierbei Hierfür Hierzu Hiervon Hierdurch Hierüber Heute Gestern Morgen Jetzt Nun Nur
Auch Noch Schon So Somit Sonst Ferner Zudem Zunächst Zuletzt Später Anschließend Schließlich Insbesondere Insoweit
Allerdings Andernfalls Ansonsten Ebenso Ebenfalls Gleichwohl Grundsätzlich Gleiches Entsprechendes Nicht Nichts Niemand
Jemand Kann Können Könnte Muss Müssen Soll Sollen Darf Dürfen Ist Sind War Waren Hat Haben Wird Werden Wurde Wurden Gilt
Gelten Bitte Ja Nein Mein Meine Dein Deine Sein Seine Seiner Seinem Ihre Ihrer Ihrem Ihren Unser Unsere Unserer Euer
Eure Sowohl Weder Entweder Zwar Vielmehr Dessen Deren Derjenige Diejenige Diejenigen Dasselbe Dieselbe Derselbe The This
That These Those It He She They We You There If When While For On At By From With However But And Its Their His Her Our
No Not After Before Because Although Where What Who Why How Each Every Some All Any Such As To Of Then Thus Therefore")
});

/// Whether a sentence begins here when `word` stands capitalised after a doubtful full stop.
pub(super) fn is_starter(word: &str) -> bool {
    STARTERS.contains(word)
}

/// Whether `word` is the name of a month, written in full or short.
pub(super) fn is_month(word: &str) -> bool {
    MONTHS.contains(word) || is_month_short(word)
}

/// Whether `word` is a short name of a month ("Jan", "Sept").
pub(super) fn is_month_short(word: &str) -> bool {
    MONTHS_SHORT.contains(word)
}

/// Whether a number after `word` is cited, not counting ("Satz 2", "Anlage 3").
pub(super) fn is_reference(word: &str) -> bool {
    REFERENCES.contains(word)
}

/// Whether `word` is an article or a preposition in small letters.
pub(super) fn is_determiner(word: &str) -> bool {
    DETERMINERS.contains(word)
}

/// Whether `word` joins two parts of one sentence.
pub(super) fn is_joining(word: &str) -> bool {
    JOINING.contains(word)
}
