//! Documents: upload, state, original file, deletion.

use std::sync::Arc;

use app::{App, Language, wording};
use axum::{
    body::Body,
    extract::{Request, State},
    response::{IntoResponse, Response},
};
use domain::{CollectionId, DocumentId};
use http::{
    HeaderValue, StatusCode,
    header::{
        CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_LENGTH, CONTENT_SECURITY_POLICY, CONTENT_TYPE,
    },
};
use serde::Serialize;
use tokio_util::io::ReaderStream;
use utoipa::ToSchema;

use super::{Page, PartQuery, collections::PersonRef};
use crate::{
    door::{
        Caller, Id, Problem, Query, Reader, Time,
        form::{Form, announced_bytes},
    },
    front::Front,
};

/// An uploaded file.
#[derive(Serialize, ToSchema)]
pub(crate) struct Document {
    #[schema(value_type = Uuid)]
    id: DocumentId,
    #[schema(value_type = Uuid)]
    collection_id: CollectionId,
    name: String,
    #[serde(skip_serializing_if = "Option::is_none")]
    title: Option<String>,
    /// By content, not by name; known once it was read.
    #[serde(skip_serializing_if = "Option::is_none")]
    format: Option<String>,
    size_bytes: u64,
    state: DocumentState,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    pages_done: Option<u32>,
    #[serde(skip_serializing_if = "Option::is_none")]
    passages: Option<u64>,
    /// Why it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<Reason>,
    created_at: Time,
    owner: PersonRef,
}

/// How far a document has come.
#[derive(Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub(crate) enum DocumentState {
    /// The bytes are safe; nobody has looked at them yet.
    Received,
    /// Its text is being read.
    Extracting,
    /// Its passages are being made findable.
    Indexing,
    /// It can be found and cited.
    Ready,
    /// It could not be read; the reason says why.
    Failed,
}

/// Why something failed: a stable code and a sentence for people.
#[derive(Serialize, ToSchema)]
pub(crate) struct Reason {
    code: String,
    text: String,
}

impl Reason {
    /// Why a run failed.
    pub fn of_run(code: String, language: Language) -> Self {
        Self { text: wording(language, &code, &[]), code }
    }

    fn of_document(code: String, language: Language) -> Self {
        Self { text: wording(language, &format!("reason_{code}"), &[]), code }
    }
}

impl Document {
    fn new(document: app::Document, language: Language) -> Self {
        use app::DocumentState as State;
        let read = matches!(document.state, State::Indexing | State::Ready);
        Self {
            id: document.id,
            collection_id: document.collection,
            name: document.name,
            title: document.title,
            format: document.format,
            size_bytes: document.size_bytes,
            state: match document.state {
                State::Received => DocumentState::Received,
                State::Extracting => DocumentState::Extracting,
                State::Indexing => DocumentState::Indexing,
                State::Ready => DocumentState::Ready,
                State::Failed => DocumentState::Failed,
            },
            pages: document.pages,
            pages_done: document.pages_done,
            passages: read.then_some(document.passages),
            reason: document.reason.map(|code| Reason::of_document(code, language)),
            created_at: document.created_at.into(),
            owner: PersonRef { id: document.owner.id, name: document.owner.name },
        }
    }
}

/// The form of an upload.
#[derive(ToSchema)]
#[expect(dead_code, reason = "describes the form; the bytes are streamed")]
pub(crate) struct UploadForm {
    /// The file; its name is taken from the form.
    #[schema(value_type = String, format = Binary)]
    file: String,
}

/// Lists the documents of a collection, the newest first.
#[utoipa::path(get, path = "/api/collections/{id}/documents", tag = "documents",
    params(("id" = Uuid, Path), PartQuery), responses((status = 200, body = Page<Document>)))]
pub(crate) async fn list_documents(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(collection): Id<CollectionId>,
    Query(query): Query<PartQuery>,
) -> Result<axum::Json<Page<Document>>, Problem> {
    let page = app.list_documents(&principal, collection, &query.into()).await?;
    Ok(axum::Json(Page::of(page, |document| Document::new(document, language))))
}

/// Takes a document in; it is read in the background.
#[utoipa::path(post, path = "/api/collections/{id}/documents", tag = "documents",
    params(("id" = Uuid, Path)),
    request_body(content = UploadForm, content_type = "multipart/form-data"),
    responses((status = 202, body = Document)))]
pub(crate) async fn upload_document(
    State(front): State<Front>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(collection): Id<CollectionId>,
    request: Request,
) -> Result<(StatusCode, axum::Json<Document>), Problem> {
    let expected = announced_bytes(request.headers());
    let mut upload = front.app.begin_upload(&principal, collection, expected).await?;
    let mut form = Form::open(&front, front.limits.upload_bytes, request).await?;
    let mut file = form.file().await?;
    let name = file.field.file_name().unwrap_or_default().to_owned();
    while let Some(bytes) = file.next_piece().await? {
        upload.write(&bytes).await?;
    }
    drop(file);
    form.end().await?;
    let document = front.app.upload_document(&principal, upload, &name).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(Document::new(document, language))))
}

/// Returns a document.
#[utoipa::path(get, path = "/api/documents/{id}", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 200, body = Document)))]
pub(crate) async fn get_document(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(id): Id<DocumentId>,
) -> Result<axum::Json<Document>, Problem> {
    let document = app.get_document(&principal, id).await?;
    Ok(axum::Json(Document::new(document, language)))
}

/// Deletes a document: nothing of it appears in any later answer.
#[utoipa::path(delete, path = "/api/documents/{id}", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 204)))]
pub(crate) async fn delete_document(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<DocumentId>,
) -> Result<StatusCode, Problem> {
    app.delete_document(&principal, id).await?;
    Ok(StatusCode::NO_CONTENT)
}

/// Has a failed document read again.
#[utoipa::path(post, path = "/api/documents/{id}/retry", tag = "documents", params(("id" = Uuid, Path)),
    responses((status = 202, body = Document)))]
pub(crate) async fn retry_document(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Reader(language): Reader,
    Id(id): Id<DocumentId>,
) -> Result<(StatusCode, axum::Json<Document>), Problem> {
    let document = app.retry_document(&principal, id).await?;
    Ok((StatusCode::ACCEPTED, axum::Json(Document::new(document, language))))
}

/// Returns the original file.
#[utoipa::path(get, path = "/api/documents/{id}/content", tag = "documents",
    params(("id" = Uuid, Path)),
    responses((status = 200, content(
        (String = "application/octet-stream"),
        (String = "application/pdf"),
        (String = "application/vnd.oasis.opendocument.text"),
        (String = "application/vnd.openxmlformats-officedocument.wordprocessingml.document"),
        (String = "text/plain")
    ))))]
pub(crate) async fn get_document_content(
    State(app): State<Arc<App>>,
    Caller(principal): Caller,
    Id(id): Id<DocumentId>,
) -> Result<Response, Problem> {
    let (document, file) = app.get_document_content(&principal, id).await?;
    let mut response = Body::from_stream(ReaderStream::new(file)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type(document.format.as_deref())));
    headers.insert(CONTENT_LENGTH, HeaderValue::from(document.size_bytes));
    // Whatever somebody uploaded must never act as a page of ours.
    let policy = HeaderValue::from_static("default-src 'none'; sandbox; frame-ancestors 'none'");
    headers.insert(CONTENT_SECURITY_POLICY, policy);
    headers.insert(CACHE_CONTROL, HeaderValue::from_static("private, no-store"));
    let is_pdf = document.format.as_deref() == Some("pdf");
    let disposition = disposition(&document.name, is_pdf);
    headers.insert(CONTENT_DISPOSITION, disposition);
    Ok(response)
}

/// The type to send, by what we found the content to be. Everything a browser would run or show as a
/// page is sent as plain bytes.
fn media_type(format: Option<&str>) -> &'static str {
    match format {
        Some("pdf") => "application/pdf",
        Some("docx") => "application/vnd.openxmlformats-officedocument.wordprocessingml.document",
        Some("odt") => "application/vnd.oasis.opendocument.text",
        Some("markdown" | "text") => "text/plain; charset=utf-8",
        _ => "application/octet-stream",
    }
}

/// `Content-Disposition` with the name in the form that carries umlauts (RFC 8187).
fn disposition(name: &str, inline: bool) -> HeaderValue {
    let kind = if inline { "inline" } else { "attachment" };
    let mut encoded = String::with_capacity(name.len());
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"-._~".contains(&byte) {
            encoded.push(char::from(byte));
        } else {
            encoded.push_str(&format!("%{byte:02X}"));
        }
    }
    let value = format!("{kind}; filename*=UTF-8''{encoded}");
    HeaderValue::from_str(&value).unwrap_or(HeaderValue::from_static("attachment"))
}
