//! Words that say how a German or English sentence is built and not what it is about.

use std::{collections::HashSet, sync::LazyLock};

use crate::stem;

/// Articles, pronouns, prepositions, conjunctions, auxiliaries, particles, question words.
const WORDS: &str = "
der die das den dem des ein eine einer eines einem einen kein keine keiner keines keinem keinen
ich du er sie es wir ihr mich dich ihn uns euch mir dir ihm ihnen sich man
mein meine meiner meines meinem meinen dein deine deiner deines deinem deinen sein seine seiner seines seinem seinen
ihre ihrer ihres ihrem ihren unser unsere unserer unseres unserem unseren euer eure eurer eures eurem euren
dieser diese dieses diesem diesen jener jene jenes jenem jenen jeder jede jedes jedem jeden
derjenige diejenige dasjenige derjenigen diejenigen demjenigen denjenigen desjenigen derselbe dieselbe dasselbe derselben dieselben demselben denselben desselben
solcher solche solches solchem solchen mancher manche manches manchem manchen alle aller alles allem allen beide beider beiden beides
wer wen wem wessen was welcher welche welches welchem welchen wo woher wohin womit wodurch wofür wogegen worauf woraus worin worum worüber wovon wovor wozu wonach woran wobei wann warum weshalb wieso weswegen wie inwiefern inwieweit
an auf aus außer bei beim bis durch entlang für gegen gegenüber hinter in im ins mit nach neben ohne seit trotz über unter um von vom vor während wegen zu zum zur zwischen ab am ans aufs innerhalb außerhalb aufgrund anhand gemäß mittels per pro samt
und oder aber denn sondern doch jedoch als wenn ob dass daß weil da damit obwohl sodass sobald solange sofern soweit indem nachdem bevor anstatt sowie sowohl weder noch entweder desto umso
bin bist ist sind war warst waren gewesen sei seien
habe hast hat haben habt hatte hatten hattest hätte hätten gehabt
werde wirst wird werden werdet wurde wurden wurdest würde würden worden geworden
kann kannst können könnt konnte konnten könnte könnten gekonnt muss mußt musst müssen müsst musste mussten müsste müssten
soll sollst sollen sollt sollte sollten willst wollen wollt wollte wollten darf darfst dürfen dürft durfte durften dürfte dürften
magst mögen mögt mochte mochten möchte möchten lassen lässt läßt
nicht nichts nur auch schon noch sehr so dann dort hier da dabei dadurch dafür dagegen daher dahin danach daneben daran darauf daraus darin darum darunter darüber davon davor dazu deren dessen denen hierbei hierfür hiermit hierzu hiernach hieraus
also etwa etwas erst fast ganz gar gerade immer ja je mehr meist meistens nein nie niemals nun oft sogar sonst überhaupt viel viele vieler vielen vielem vieles vielleicht wieder zwar zudem ferner bereits bzw beziehungsweise usw etc ca vgl
wenig wenige weniger einige einiger einiges einigen einigem mehrere mehreren mehrerer jemand niemand irgendein irgendeine irgend selbst selber
insbesondere allerdings gegebenenfalls jeweils jeweilige jeweiligen lediglich bloß ansonsten außerdem dennoch hingegen mithin mitunter nämlich übrigens zumindest zunächst zuletzt schließlich hin her hinaus heraus herein hinein einander miteinander jetzt heute gestern dass
the a an and or but of to in on at by for with from as is are was were be been being has have had do does did would can could shall should may might must nor this that these those it its he she they them his her their we you your our i me my who whom whose which what when where why how if than then there here into about
";

static FOLDED: LazyLock<HashSet<String>> =
    LazyLock::new(|| WORDS.split_whitespace().map(stem::fold).collect());

/// Says whether a word only builds sentences ("der", "wegen", "welche"). Takes the word as written;
/// for a [`Term`](crate::Term) ask its `stop`, for its text no longer tells "seit" from "Seite".
#[must_use]
pub fn is_stop_word(word: &str) -> bool {
    is_folded_stop_word(&stem::fold(word))
}

pub(crate) fn is_folded_stop_word(folded: &str) -> bool {
    FOLDED.contains(folded)
}
