//! Conversations that carry their text themselves.

use infer::{Extractive, Message, Speaker, SummaryLength, Task, sources_from_plain_text};

const TEXT: &str = "Die Stadt erhebt eine Hundesteuer. Sie beträgt 120 Euro im Jahr für den ersten Hund. Blindenhunde sind von der Hundesteuer befreit. Wer einen Hund hält, meldet ihn innerhalb von zwei Wochen an. Die Anmeldung ist im Bürgerbüro oder online möglich.";

fn user(text: &str) -> Message<'_> {
    Message { speaker: Speaker::User, text }
}

#[test]
fn pasted_text_is_found_beside_the_question() {
    for (shape, question) in [
        ("Wie hoch ist die Hundesteuer?\n\n{}", "Wie hoch ist die Hundesteuer?"),
        ("{}\n\nWie hoch ist die Hundesteuer?", "Wie hoch ist die Hundesteuer?"),
        ("Wie hoch ist die Hundesteuer? {}", "Wie hoch ist die Hundesteuer?"),
        ("{} Wie hoch ist die Hundesteuer?", "Wie hoch ist die Hundesteuer?"),
        (
            "Beantworte die Frage, wie hoch die Hundesteuer ist: {}",
            "Beantworte die Frage, wie hoch die Hundesteuer ist",
        ),
    ] {
        let message = shape.replace("{}", TEXT);
        let messages = [user(&message)];
        let given = sources_from_plain_text(&messages);
        assert_eq!((given.question, given.task), (question, Task::Answer), "{shape}");
        assert_eq!(
            given.sources.iter().map(|source| source.text).collect::<Vec<_>>(),
            [TEXT],
            "{shape}"
        );
        let answer = Extractive.answer_conversation(&messages).render();
        assert!(answer.contains("120 Euro") && answer.contains("[1]"), "{shape}: {answer}");
    }
}

#[test]
fn summaries_are_recognised_with_their_length() {
    for (instruction, length) in [
        ("Fasse zusammen", SummaryLength::Medium),
        ("Fasse den Text kurz zusammen", SummaryLength::Short),
        ("Bitte erstelle eine ausführliche Zusammenfassung", SummaryLength::Long),
        ("Please summarise", SummaryLength::Medium),
    ] {
        let message = format!("{instruction}: {TEXT}");
        let messages = [user(&message)];
        let given = sources_from_plain_text(&messages);
        assert_eq!(given.task, Task::Summary { length }, "{instruction}");
        assert_eq!(given.sources[0].text, TEXT);
    }
}

#[test]
fn earlier_messages_count_but_never_our_own() {
    let repeated = TEXT.repeat(2);
    let messages = [
        user(&repeated),
        Message { speaker: Speaker::Assistant, text: &repeated },
        user("Wer ist von der Hundesteuer befreit?"),
    ];
    let given = sources_from_plain_text(&messages);
    assert_eq!(given.sources.len(), 1);
    assert!(
        Extractive
            .answer_conversation(&messages)
            .render()
            .contains("Blindenhunde sind von der Hundesteuer befreit. [1]")
    );
    assert!(sources_from_plain_text(&messages[1..]).sources.is_empty());
}

#[test]
fn a_system_message_with_text_counts_when_nothing_else_does() {
    let messages =
        [Message { speaker: Speaker::System, text: TEXT }, user("Wie hoch ist die Hundesteuer?")];
    assert!(Extractive.answer_conversation(&messages).render().contains("120 Euro"));
}

#[test]
fn marked_sources_keep_their_numbers() {
    let system = format!(
        "Antworte nur aus den Quellen.\n<quelle nummer=\"3\" titel=\"Satzung\" abschnitt=\"§ 2\">\n{TEXT}\n</quelle>\n<quelle nummer=\"4\">\nDas Rathaus öffnet um 8 Uhr.\n</quelle>"
    );
    let messages =
        [Message { speaker: Speaker::System, text: &system }, user("Wann öffnet das Rathaus?")];
    let given = sources_from_plain_text(&messages);
    assert_eq!(
        given.sources.iter().map(|source| (source.number, source.heading)).collect::<Vec<_>>(),
        [(3, "§ 2"), (4, "")]
    );
    assert!(
        Extractive
            .answer_conversation(&messages)
            .render()
            .contains("Das Rathaus öffnet um 8 Uhr. [4]")
    );
    let bare = format!("<quellen>{TEXT}</quellen>\nWer ist befreit?");
    let messages = [user(&bare)];
    assert_eq!(sources_from_plain_text(&messages).question, "Wer ist befreit?");
    let answer = Extractive.answer_conversation(&messages).render();
    assert!(answer.contains("Blindenhunde sind von der Hundesteuer befreit. [1]"), "{answer}");
}

#[test]
fn without_text_it_asks_for_text() {
    for message in [
        "Hallo!",
        "Wie hoch ist die Hundesteuer?",
        "Schreibe ein Gedicht über Ämter.",
        "Bitte beantworte kurz: Was ist ein Verwaltungsakt?",
        "",
    ] {
        let answer = Extractive.answer_conversation(&[user(message)]).render();
        assert!(answer.starts_with("Dieses Modell ist kein Sprachmodell."), "{message}: {answer}");
    }
    assert!(
        Extractive
            .answer_conversation(&[user("What is the dog tax?")])
            .render()
            .starts_with("This model is not a language model.")
    );
    assert!(!Extractive.answer_conversation(&[]).quotes_anything());
}
