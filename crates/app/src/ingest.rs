//! The way of a document from received to ready: read in a child process, cut into passages with
//! stable ids, kept in the store, made findable. Every step can be done again.

use std::{collections::HashMap, ops::ControlFlow, sync::Arc};

use ::search::{DocumentEntry, Index, PassageEntry};
use domain::{DocumentId, PassageId};
use extract::{Event, Failure, Summary};
use store::{DocumentWork, NewPassage, PageBox, Passage};
use tokio::sync::mpsc;

use crate::{App, Error, Result};

/// Progress is written down after so many pages; each writing is a commit.
const PAGES_PER_PROGRESS: u32 = 25;

/// What became of reading a document.
enum Extraction {
    Done {
        summary: Summary,
        passages: Vec<NewPassage>,
    },
    Failed(Failure),
    /// The document was deleted meanwhile, or this process is stopping.
    Gone,
}

impl App {
    /// Reads and indexes a document, whatever state an earlier attempt left it in.
    ///
    /// # Errors
    /// Only for faults of ours, which are worth another attempt; a document that cannot be read
    /// ends as failed with its reason.
    pub(crate) async fn ingest_document(self: &Arc<Self>, id: DocumentId) -> Result<()> {
        let Some(work) = self.store.document_work(id).await? else { return Ok(()) };
        if !self.store.begin_extraction(id).await? {
            return Ok(());
        }
        match self.extract(&work).await? {
            Extraction::Gone => {}
            Extraction::Failed(failure) => {
                self.store.fail_document(id, failure.code()).await?;
            }
            Extraction::Done { summary, passages } => {
                self.keep_and_index(&work, &summary, &passages).await?;
            }
        }
        Ok(())
    }

    async fn keep_and_index(
        &self,
        work: &DocumentWork,
        summary: &Summary,
        passages: &[NewPassage],
    ) -> Result<()> {
        let pages = (summary.pages > 0).then_some(summary.pages);
        let title = summary.title.as_deref();
        let kept = self.store.begin_indexing(work.id, summary.format.code(), title, pages).await?
            && self.store.replace_passages(work.tenant, work.id, passages).await?;
        if !kept {
            return Ok(());
        }
        let work = DocumentWork { title: summary.title.clone(), ..work.clone() };
        let entry = IndexedDocument { passages: entries(passages), work };
        let id = entry.work.id;
        self.indexing.apply(move |index| entry.write(index)).await?;
        if !self.store.finish_document(id).await? {
            // Deleted while it was being indexed: its purge may have run before this write.
            self.indexing.apply(move |index| index.delete_documents(&[id])).await?;
        }
        Ok(())
    }

    async fn extract(self: &Arc<Self>, work: &DocumentWork) -> Result<Extraction> {
        let path = self.blobs.path(&work.blob);
        if !tokio::fs::try_exists(&path).await.unwrap_or(false) {
            self.store.fail_document(work.id, "blob_missing").await?;
            return Ok(Extraction::Gone);
        }
        let (progress, mut progressed) = mpsc::channel::<(Option<u32>, u32)>(4);
        let reading = {
            let (app, work) = (self.clone(), work.clone());
            self.extracting.run(move || app.read_in_child(&work, &path, &progress))
        };
        let mut reading = std::pin::pin!(reading);
        loop {
            tokio::select! {
                outcome = &mut reading => return outcome,
                Some((pages, done)) = progressed.recv() => {
                    // A deleted document drops out when its passages are to be kept.
                    self.store.set_document_progress(work.id, pages, done).await?;
                }
            }
        }
    }

    /// Runs the child process to its end. Blocks.
    fn read_in_child(
        &self,
        work: &DocumentWork,
        path: &std::path::Path,
        progress: &mpsc::Sender<(Option<u32>, u32)>,
    ) -> Extraction {
        // It may have waited for its turn until now.
        if self.stopping.is_cancelled() {
            return Extraction::Gone;
        }
        let mut passages = vec![];
        let mut occurrences: HashMap<String, u32> = HashMap::new();
        let mut pages = None;
        let mut on_event = |event| {
            match event {
                Event::Pages(count) => pages = Some(count),
                Event::Progress(done) if done % PAGES_PER_PROGRESS == 0 => {
                    // Only news: when the writer lags behind, the next number will do.
                    let _ = progress.try_send((pages, done));
                }
                Event::Passage(passage) => {
                    let seen = occurrences.entry(passage.text.clone()).or_default();
                    let id = PassageId::derive(work.id, &passage.text, *seen);
                    *seen += 1;
                    passages.push(new_passage(id, passage));
                }
                _ => {}
            }
            ControlFlow::Continue(())
        };
        let reader = extract::Reader {
            program: &self.config.extract_program,
            limits: &self.config.extraction,
            is_stopped: &|| self.stopping.is_cancelled(),
        };
        match extract::extract_in_child(&reader, path, &work.name, &mut on_event) {
            _ if self.stopping.is_cancelled() => Extraction::Gone,
            Ok(summary) => Extraction::Done { summary, passages },
            Err(failure) => Extraction::Failed(failure),
        }
    }

    /// Builds the index anew from the store, while the old one keeps answering.
    ///
    /// # Errors
    /// If the store or the disk fails.
    pub(crate) async fn rebuild_index(&self) -> Result<()> {
        self.write_index(|index| index.begin_rebuild()).await?;
        let mut after = None;
        loop {
            let batch = self.store.documents_to_index(after, 50).await?;
            let Some(last) = batch.last() else { break };
            after = Some(last.id);
            for work in batch {
                let passages = self.store.passages_to_index(work.id).await?;
                let passages = passages.into_iter().map(entry).collect();
                let document = IndexedDocument { work, passages };
                self.write_index(move |index| document.write(index)).await?;
            }
            if self.stopping.is_cancelled() {
                return Ok(());
            }
        }
        self.write_index(|index| index.finish_rebuild()).await
    }

    async fn write_index(
        &self,
        change: impl FnOnce(&Index) -> std::result::Result<(), ::search::Error> + Send + 'static,
    ) -> Result<()> {
        let index = self.index.clone();
        let written = tokio::task::spawn_blocking(move || change(&index));
        written.await.map_err(Error::internal)?.map_err(Error::internal)
    }
}

/// A document as the index takes it in.
struct IndexedDocument {
    work: DocumentWork,
    passages: Vec<PassageEntry>,
}

impl IndexedDocument {
    fn write(self, index: &Index) -> std::result::Result<(), ::search::Error> {
        let document = DocumentEntry {
            tenant: self.work.tenant,
            collection: self.work.collection,
            document: self.work.id,
            title: self.work.title.as_deref(),
            name: &self.work.name,
        };
        index.upsert_document(&document, self.passages)
    }
}

fn entries(passages: &[NewPassage]) -> Vec<PassageEntry> {
    let ordered = (0_u32..).zip(passages);
    ordered
        .map(|(ordinal, passage)| PassageEntry {
            id: passage.id,
            ordinal,
            heading: passage.heading.clone(),
            text: passage.text.clone(),
        })
        .collect()
}

fn entry(passage: Passage) -> PassageEntry {
    let Passage { id, ordinal, heading, text, .. } = passage;
    PassageEntry { id, ordinal, heading, text }
}

fn new_passage(id: PassageId, passage: extract::Passage) -> NewPassage {
    let boxes = passage.boxes.iter().map(|place| PageBox {
        page: place.page,
        x: place.x,
        y: place.y,
        width: place.width,
        height: place.height,
    });
    NewPassage {
        id,
        page: passage.page,
        heading: passage.heading,
        kind: passage.kind.code().to_owned(),
        text: passage.text,
        boxes: boxes.collect(),
    }
}
