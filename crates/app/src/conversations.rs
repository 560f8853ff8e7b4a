//! Conversations: history, questions, and the runs that answer them.

use std::sync::Arc;

use domain::{
    Action, CollectionId, ConversationId, DataClass, DocumentId, ErrorKind, MessageId, Resource,
    limits,
};
use store::{
    Asked, Attachment, AuditEvent, By, Conversation, Message, MessageRole, NewQuestion, ObjectKind,
    Page, Task,
};

use crate::{
    App, Error, Language, Part, Principal, Result,
    grounding::Scope,
    history::Present,
    live::{LiveRuns, Place},
    models::RequestClass,
    naming::checked_name,
    runs::Work,
    search::check_count,
    wording::wording,
};

/// Conversations on one page of the history.
const HISTORY_PAGE: u32 = 50;
/// Longest title made from a question, in characters; beyond: cut at a word.
const TITLE_CHARS_MAX: usize = 60;
/// Answers in the making of one person at the same time; beyond: refused.
const RUNS_PER_PERSON_MAX: usize = 8;

/// Most earlier messages that a question goes on from; what a model reads again is less.
const EARLIER_MAX: u32 = 200;

/// A conversation with its last messages.
pub struct ConversationDetail {
    /// The conversation.
    pub conversation: Conversation,
    /// Its last messages, in order.
    pub messages: Vec<Message>,
    /// Where [`App::list_messages`] goes on with those before; `None` if there are none.
    pub next: Option<String>,
}

/// What somebody asks in a conversation.
#[derive(Debug, Clone, Default)]
pub struct NewMessage {
    /// The question; may be empty if a summary is asked for.
    pub text: String,
    /// Documents to answer from; `None` goes on with those of the question before.
    pub documents: Option<Vec<DocumentId>>,
    /// Collections to answer from; `None` goes on with those of the question before.
    pub collections: Option<Vec<CollectionId>>,
    /// The model; `None` for the default one.
    pub model: Option<String>,
    /// The class of what is typed; `None` for what is configured.
    pub data_class: Option<DataClass>,
    /// What is asked for; `None` for an answer.
    pub task: Option<Task>,
    /// The language of the texts that we add.
    pub language: Language,
}

impl App {
    /// Lists the principal's conversations, the last changed first, or those that contain `query`.
    ///
    /// # Errors
    /// If the API key lacks the scope, or the cursor is not one of ours.
    pub async fn list_conversations(
        &self,
        principal: &Principal,
        query: Option<&str>,
        after: Option<&str>,
    ) -> Result<Page<Conversation>> {
        authorise_own(principal)?;
        let query = query.map(str::trim).filter(|query| !query.is_empty());
        if query.is_some_and(|query| query.chars().count() > limits::QUERY_CHARS_MAX) {
            let error = Error::invalid("query_too_long").with("max", limits::QUERY_CHARS_MAX);
            return Err(error.in_field("query"));
        }
        let (tenant, owner) = (principal.tenant, principal.user);
        Ok(self.store.conversations(tenant, owner, query, after, HISTORY_PAGE).await?)
    }

    /// Makes an empty conversation. Without a title it gets one from its first question.
    ///
    /// # Errors
    /// If the API key lacks the scope, or the title is unfit.
    pub async fn create_conversation(
        &self,
        principal: &Principal,
        title: Option<&str>,
    ) -> Result<Conversation> {
        authorise_own(principal)?;
        let title = title.map(|title| checked_name(title, "title")).transpose()?;
        let title = title.unwrap_or_default();
        Ok(self.store.create_conversation(principal.tenant, principal.user, &title).await?)
    }

    /// Returns a conversation with its last messages.
    ///
    /// # Errors
    /// If it is not the principal's own.
    pub async fn get_conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<ConversationDetail> {
        let conversation = self.own_conversation(principal, id).await?;
        let mut page = self.messages(principal, id, &Part::default()).await?;
        page.items.reverse();
        Ok(ConversationDetail { conversation, messages: page.items, next: page.next })
    }

    /// Lists the messages of a conversation, the newest first.
    ///
    /// # Errors
    /// If it is not the principal's own, or there is no such part.
    pub async fn list_messages(
        &self,
        principal: &Principal,
        id: ConversationId,
        part: &Part,
    ) -> Result<Page<Message>> {
        self.own_conversation(principal, id).await?;
        self.messages(principal, id, part).await
    }

    async fn messages(
        &self,
        principal: &Principal,
        id: ConversationId,
        part: &Part,
    ) -> Result<Page<Message>> {
        let (tenant, owner) = (principal.tenant, principal.user);
        let mut page = self.store.messages(tenant, owner, id, part.after(), part.limit()?).await?;
        self.conceal_gone(principal, &mut page.items).await?;
        Ok(page)
    }

    /// Gives a conversation another title.
    ///
    /// # Errors
    /// If it is not the principal's own, or the title is unfit.
    pub async fn update_conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
        title: &str,
    ) -> Result<Conversation> {
        authorise_own(principal)?;
        let title = checked_name(title, "title")?;
        let (tenant, owner) = (principal.tenant, principal.user);
        let renamed = self.store.rename_conversation(tenant, owner, id, &title).await;
        self.found(principal, ObjectKind::Conversation, id, renamed).await
    }

    /// Deletes a conversation; an answer in the making is stopped.
    ///
    /// # Errors
    /// If it is not the principal's own.
    pub async fn delete_conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<()> {
        authorise_own(principal)?;
        let (tenant, owner) = (principal.tenant, principal.user);
        let running = self.store.running_run(tenant, owner, id).await?;
        let deleted = self.store.delete_conversation(tenant, owner, id).await;
        self.found(principal, ObjectKind::Conversation, id, deleted).await?;
        let event = AuditEvent::done(&By::from(principal), "delete_conversation");
        self.store.record_audit(tenant, event.to("conversation", id)).await?;
        if let Some(live) = running.and_then(|run| self.live.get(run.id)) {
            live.stop.cancel();
        }
        Ok(())
    }

    /// Asks something: keeps question, empty answer and run, and starts writing. The class of the
    /// run is the highest of the question, everything it names, and everything said before in the
    /// conversation, which the model reads too.
    ///
    /// # Errors
    /// If the conversation is not the principal's own or has a run; if something named is hidden or
    /// not ready; if no route of the model is cleared for the class.
    pub async fn create_message(
        self: &Arc<Self>,
        principal: &Principal,
        conversation: ConversationId,
        new: NewMessage,
    ) -> Result<Asked> {
        authorise_asking(principal)?;
        check_message(&new)?;
        self.own_conversation(principal, conversation).await?;
        let before = self.earlier_messages(principal, conversation).await?;
        let place = self.reserve_place(principal)?;
        let task = new.task.unwrap_or(Task::Answer);
        let present = self.present(principal, &before).await?;
        let (documents, collections) = named_or_carried(&new, &before, &present);
        let scope = self.check_scope(principal, &collections, &documents).await?;
        if task != Task::Answer && scope.documents().is_empty() {
            return Err(Error::invalid("summary_needs_document").in_field("documents"));
        }
        let model = new.model.clone().unwrap_or_else(|| self.default_model(principal));
        let history = present.history(before);
        let of = class_of(new.data_class, self.config.interface_class, scope.class, history.class);
        self.check_clearance(principal, &model, of).await?;
        let class = of.class;
        let question = question(&new, task, &scope, collections, model, class);
        let asked = self
            .store
            .send_message(
                principal.tenant,
                principal.user,
                conversation,
                &question,
                &self.config.instance,
            )
            .await?;
        let (before, question) = (history.messages, asked.question.clone());
        let work = Work { principal: principal.clone(), question, before, class, place };
        self.start_run(&asked.run, work);
        Ok(asked)
    }

    /// Has the last answer of a conversation written again.
    ///
    /// # Errors
    /// If it is not the last answer, or one is being written; and for the reasons of
    /// [`App::create_message`], which are all checked again.
    pub async fn retry_message(
        self: &Arc<Self>,
        principal: &Principal,
        id: MessageId,
    ) -> Result<Message> {
        authorise_asking(principal)?;
        let (tenant, owner) = (principal.tenant, principal.user);
        let answer = self.store.message(tenant, owner, id).await;
        let answer = self.found(principal, ObjectKind::Message, id, answer).await?;
        let mut messages = self.earlier_messages(principal, answer.conversation).await?;
        let is_last = messages.last().is_some_and(|last| last.id == id);
        if !is_last || answer.role != MessageRole::Assistant {
            return Err(Error::new(ErrorKind::Conflict, "run_not_repeatable"));
        }
        let place = self.reserve_place(principal)?;
        messages.pop();
        let question = messages.pop().ok_or_else(Error::not_found)?;
        let documents: Vec<_> = question.attachments.iter().map(|file| file.document).collect();
        let scope = self.check_scope(principal, &question.collections, &documents).await?;
        let history = self.present(principal, &messages).await?.history(messages);
        // What the question was before may have been chosen, or come from what it named then.
        let of = class_of(Some(question.data_class), DataClass::Open, scope.class, history.class);
        let model = question.model.clone().unwrap_or_else(|| self.default_model(principal));
        self.check_clearance(principal, &model, of).await?;
        let class = of.class;
        let instance = &self.config.instance;
        let (answer, run) = self.store.retry_message(tenant, owner, id, instance).await?;
        let before = history.messages;
        self.start_run(&run, Work { principal: principal.clone(), question, before, class, place });
        Ok(answer)
    }

    /// Takes one of the person's places for answers in the making; it is free again when dropped.
    fn reserve_place(&self, principal: &Principal) -> Result<Place> {
        LiveRuns::reserve(&self.live, principal.user, RUNS_PER_PERSON_MAX).ok_or_else(|| {
            let error = Error::new(ErrorKind::RateLimited, "too_many_runs");
            error.with("max", RUNS_PER_PERSON_MAX)
        })
    }

    async fn own_conversation(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<Conversation> {
        authorise_own(principal)?;
        let found = self.store.conversation(principal.tenant, principal.user, id).await;
        self.found(principal, ObjectKind::Conversation, id, found).await
    }

    /// The last messages of a conversation, in order, as they are kept.
    async fn earlier_messages(
        &self,
        principal: &Principal,
        id: ConversationId,
    ) -> Result<Vec<Message>> {
        let (tenant, owner) = (principal.tenant, principal.user);
        let mut page = self.store.messages(tenant, owner, id, None, EARLIER_MAX).await?;
        page.items.reverse();
        Ok(page.items)
    }
}

/// The class of a question, and where it comes from: as chosen, else as assumed; at least that of the
/// sources and of what was said before.
fn class_of(
    chosen: Option<DataClass>,
    assumed: DataClass,
    of_sources: DataClass,
    of_history: DataClass,
) -> RequestClass {
    let class = chosen.unwrap_or(assumed).max(of_sources).max(of_history);
    let origin = match class {
        _ if chosen == Some(class) => None,
        DataClass::Open => Some("class_not_chosen"),
        _ if of_sources == class => Some("class_of_sources"),
        _ if of_history == class => Some("class_of_history"),
        _ => Some("class_not_chosen"),
    };
    RequestClass { class, origin }
}

/// What the question names; if it names nothing at all, what is left of what the question before
/// named.
fn named_or_carried(
    new: &NewMessage,
    before: &[Message],
    present: &Present,
) -> (Vec<DocumentId>, Vec<CollectionId>) {
    if new.documents.is_some() || new.collections.is_some() {
        let (documents, collections) = (new.documents.clone(), new.collections.clone());
        return (documents.unwrap_or_default(), collections.unwrap_or_default());
    }
    let last = before.iter().rev().find(|message| message.role == MessageRole::User);
    last.map(|last| present.named_by(last)).unwrap_or_default()
}

/// Asking needs both: the conversation is one's own, and one may use models.
fn authorise_asking(principal: &Principal) -> Result<()> {
    authorise_own(principal)?;
    let tenant = Resource::Tenant(principal.tenant);
    Ok(domain::authorise(principal, Action::UseModels, &tenant)?)
}

pub(crate) fn authorise_own(principal: &Principal) -> Result<()> {
    let own = Resource::Personal { tenant: principal.tenant, owner: principal.user };
    Ok(domain::authorise(principal, Action::UseConversation, &own)?)
}

fn check_message(new: &NewMessage) -> Result<()> {
    let is_summary = matches!(new.task, Some(Task::Summary { .. }));
    if new.text.trim().is_empty() && !is_summary {
        return Err(Error::invalid("message_empty").in_field("text"));
    }
    if new.text.chars().count() > limits::MESSAGE_CHARS_MAX {
        let error = Error::invalid("message_too_long").with("max", limits::MESSAGE_CHARS_MAX);
        return Err(error.in_field("text"));
    }
    check_count("documents", new.documents.as_ref().map_or(0, Vec::len))?;
    check_count("collections", new.collections.as_ref().map_or(0, Vec::len))
}

fn question(
    new: &NewMessage,
    task: Task,
    scope: &Scope,
    collections: Vec<CollectionId>,
    model: String,
    data_class: DataClass,
) -> NewQuestion {
    let named = scope.documents().iter();
    let attachments: Vec<Attachment> = named
        .map(|document| Attachment { document: document.id, name: document.name.clone() })
        .collect();
    let mut text = new.text.trim().to_owned();
    if text.is_empty() {
        let names: Vec<&str> = attachments.iter().map(|file| file.name.as_str()).collect();
        text = wording(new.language, "summary_request", &[("names", names.join(", "))]);
    }
    let title = Some(title_of(&text));
    NewQuestion { text, attachments, collections, model: Some(model), data_class, task, title }
}

/// The first words of a question.
fn title_of(text: &str) -> String {
    let line = text.lines().next().unwrap_or_default();
    if line.chars().count() <= TITLE_CHARS_MAX {
        return line.to_owned();
    }
    let cut: String = line.chars().take(TITLE_CHARS_MAX).collect();
    let whole = cut.rsplit_once(' ').map_or(cut.as_str(), |(whole, _)| whole);
    format!("{whole} …")
}
