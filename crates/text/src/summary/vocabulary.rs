//! The German and English words behind each kind of answer, in small letters, separated by commas.

use super::expectation::Expectation;
use super::expectation::Expectation::{
    Condition, Definition, Duration, Moment, Money, Number, Papers, Permission, Person, Place,
    Reason,
};

/// The words of one kind of answer.
pub(super) struct Vocabulary {
    pub kind: Expectation,
    /// Question words that decide by themselves.
    pub asked: &'static str,
    /// Phrases that tell the kind beside "was", "welche" and "wie"; long ones also at the end of compounds.
    pub phrases: &'static str,
    /// Words of a question that only name the kind and are no subject by themselves.
    pub names: &'static str,
    /// Words of a sentence that are traces of the kind.
    pub words: &'static str,
    /// Parts of words and phrases of a sentence that are traces of the kind.
    pub pieces: &'static str,
}

/// All kinds; where phrases of several occur in a question, the earlier kind decides.
pub(super) const KINDS: [Vocabulary; 11] = [
    Vocabulary {
        kind: Duration,
        asked: "bis wann,wie lange,wie lang,how long,by when",
        phrases: "frist,dauer,zeitraum,deadline,time limit",
        names: "frist,fristen,dauer,dauert,lange,lang,zeit,zeitraum,wann,long,deadline,time,limit,period,take,takes",
        words: "",
        pieces: "unverzüglich,sofort,jederzeit,unbefristet,lebenslang,dauerhaft,immediately,at any time,without delay",
    },
    Vocabulary {
        kind: Money,
        asked: "",
        phrases: "gebühr,kostet,kosten,wie teuer,preis,geldbuße,wie viel geld,fee,cost,how expensive",
        names: "gebühr,gebühren,kostet,kosten,teuer,preis,euro,hoch,höhe,geld,betrag,fee,cost,costs,price,pay,expensive",
        words: "",
        pieces: "gebühr,kosten ,entgelt,betrag,auslagen",
    },
    Vocabulary {
        kind: Papers,
        asked: "",
        phrases: "unterlage,dokumente,nachweis,mitbringen,was brauche ich,documents",
        names: "unterlagen,unterlage,dokumente,nachweise,nachweis,mitbringen,vorlegen,einreichen,erforderlich,nötig,notwendig,documents,papers,needed,required,bring,submit",
        words: "",
        pieces: "vorzulegen,beizufügen,mitzubringen,vorlegen,beifügen,mitbringen,einzureichen,einreichen,unterlage,nachweis,bescheinigung,ausweis,urkunde,formular,bring,attach,submit,certificate",
    },
    Vocabulary {
        kind: Number,
        asked: "",
        phrases: "wie viel,wieviel,wie hoch,welche höhe,welcher höhe,wie groß,wie oft,wie alt,wie weit,how many,how much,how high,how old,how often",
        names: "hoch,höhe,groß,oft,alt,weit,anzahl,zahl,betrag,high,old,often,number",
        words: "",
        pieces: "",
    },
    Vocabulary {
        kind: Moment,
        asked: "wann,ab wann,seit wann,in welchem jahr,when",
        phrases: "datum,zeitpunkt",
        names: "zeitpunkt,datum,jahr,tag,date,year,day",
        words: "wenn,sobald,nach,nachdem,seit,bis,ab,soweit,sofern,falls,bevor,vor,während,if,when,after,before,until,once",
        pieces: "unverzüglich,sofort,jederzeit",
    },
    Vocabulary {
        kind: Condition,
        asked: "",
        phrases: "voraussetzung,bedingung,welchen umständen,welchen fällen,condition",
        names: "voraussetzung,voraussetzungen,bedingung,bedingungen,umständen,fällen,fall,conditions,condition",
        words: "wenn,sofern,soweit,falls,vorausgesetzt,voraussetzung,voraussetzungen,if,provided,unless",
        pieces: "",
    },
    Vocabulary {
        kind: Reason,
        asked: "warum,weshalb,wieso,aus welchem grund,why",
        phrases: "",
        names: "grund,reason",
        words: "weil,da,denn,deshalb,daher,grund,gründen,wegen,aufgrund,um,damit,dadurch,because,since,due,reason",
        pieces: "",
    },
    Vocabulary {
        kind: Definition,
        asked: "",
        phrases: "was ist,was sind,was bedeutet,was heißt,was versteht man,definition,what is,what are,what does",
        names: "bedeutung,definition,begriff,mean,meaning",
        words: "ist,sind,bedeutet,bezeichnet,heißt,gilt,gelten,versteht,nennt,sinne,begriff,umfasst,is,are,means",
        pieces: "",
    },
    Vocabulary {
        kind: Person,
        asked: "wer,wem,wen,welche behörde,welche stelle,welches amt,who,which authority",
        phrases: "zuständig",
        names: "behörde,stelle,amt,person,authority,responsible",
        words: "wer,derjenige,diejenigen",
        pieces: "zuständig,pflichtig,behörde,amt ,ministerium,gericht,person,leiter,leitung,präsident,authority,office",
    },
    Vocabulary {
        kind: Place,
        asked: "wo,wohin,woher,where",
        phrases: "",
        names: "ort,place,finde,find",
        words: "in,im,bei,beim,am,auf,raum,zimmer,amt,straße,ort,at,on",
        pieces: "",
    },
    Vocabulary {
        kind: Permission,
        asked: "",
        phrases: "",
        names: "erlaubt,zulässig,möglich,allowed,possible",
        words: "darf,dürfen,kann,können,muss,müssen,soll,sollen,ist,sind,erlaubt,verboten,zulässig,unzulässig,pflicht,verpflichtet,may,can,must,shall,not",
        pieces: "",
    },
];

/// Question words that ask for something else, whatever nouns follow: "Wonach richtet sich die Gebühr?"
pub(super) const UNDECIDED: &str = "wonach,woran,womit,wodurch,wofür,wovon,worauf,worüber,wogegen";
/// First words of questions that want yes or no.
pub(super) const MODALS: &str =
    "darf,dürfen,kann,können,muss,müssen,soll,sollen,ist,sind,gilt,may,can,must,is,are,does,do";
/// Currencies.
pub(super) const CURRENCIES: &str = "euro,€, eur,dollar,pfund, cent";
/// That nothing is to be paid.
pub(super) const FREE: &str =
    "kostenfrei,gebührenfrei,kostenlos,unentgeltlich,keine gebühr,keine kosten,free of charge";
/// Units of time without their endings.
pub(super) const UNITS: &str = "tag,woche,monat,jahr,stunde,minute,sekunde,quartal,jahrzehnt,jahrhundert,werktag,arbeitstag,kalendertag,day,week,month,year,hour";
/// Months.
pub(super) const MONTHS: &str = "januar,februar,märz,april,mai,juni,juli,august,september,oktober,november,dezember,january,february,march,june,july,october,december";
/// Articles that count before a unit: "eines Monats".
pub(super) const ARTICLES: &str = "ein,eine,einer,eines,einem,einen,a,an";
/// Numbers as words.
pub(super) const NUMBERS: &str = "zwei,zweier,zweite,zweiten,drei,dreier,dritte,dritten,vier,fünf,sechs,sieben,acht,neun,zehn,elf,zwölf,vierzehn,fünfzehn,zwanzig,dreißig,vierzig,fünfzig,sechzig,siebzig,achtzig,neunzig,hundert,tausend,million,millionen,milliarde,milliarden,halbe,halben,halbes,mehrere,doppelt,hälfte,drittel,viertel,kein,keine,keinen,one,two,three,four,five,six,seven,eight,nine,ten,twelve,fourteen,thirty,half,hundred,thousand";
