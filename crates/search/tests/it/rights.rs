//! Whatever is asked by whomever: never a hit from outside what they may read.

use std::collections::HashMap;

use domain::{CollectionId, DocumentId, TenantId};
use proptest::prelude::*;
use search::{Index, Query, Role};

use crate::place::put;

const WORDS: [&str; 8] =
    ["Antrag", "Bescheid", "Gebühr", "Frist", "Hundesteuer", "Gemeinde", "der", "§ 195"];

#[derive(Debug, Clone)]
enum Step {
    Put { document: usize, collection: usize, words: Vec<usize> },
    Delete { document: usize },
    DeleteCollection { collection: usize },
    Commit,
}

fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (0..8_usize, 0..6_usize, prop::collection::vec(0..WORDS.len(), 1..6))
            .prop_map(|(document, collection, words)| Step::Put { document, collection, words }),
        1 => (0..8_usize).prop_map(|document| Step::Delete { document }),
        1 => (0..6_usize).prop_map(|collection| Step::DeleteCollection { collection }),
        2 => Just(Step::Commit),
    ]
}

#[derive(Debug, Clone)]
struct Asked {
    tenant: usize,
    readable: Vec<usize>,
    documents: Option<Vec<usize>>,
    words: Vec<usize>,
}

fn asked() -> impl Strategy<Value = Asked> {
    let readable = prop::collection::vec(0..6_usize, 0..5);
    let documents = prop::option::of(prop::collection::vec(0..8_usize, 0..5));
    let words = prop::collection::vec(0..WORDS.len(), 1..4);
    (0..2_usize, readable, documents, words).prop_map(|(tenant, readable, documents, words)| {
        Asked { tenant, readable, documents, words }
    })
}

fn text(words: &[usize]) -> String {
    words.iter().map(|&word| WORDS[word]).collect::<Vec<_>>().join(" ")
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 24, max_shrink_iters: 200, ..ProptestConfig::default() })]

    #[test]
    fn no_hit_from_outside(
        steps in prop::collection::vec(step(), 1..24),
        questions in prop::collection::vec(asked(), 1..12),
    ) {
        let dir = tempfile::tempdir().unwrap();
        let (index, _) = Index::open(dir.path(), Role::Writer).unwrap();
        let tenants = [TenantId::new(), TenantId::new()];
        let collections: Vec<CollectionId> = (0..6).map(|_| CollectionId::new()).collect();
        let documents: Vec<DocumentId> = (0..8).map(|_| DocumentId::new()).collect();
        // Collections 0 to 2 belong to the first tenant, the others to the second.
        let tenant_of = |collection: usize| collection / 3;
        let mut written: HashMap<usize, (usize, Vec<usize>)> = HashMap::new();
        for step in &steps {
            match step {
                Step::Put { document, collection, words } => {
                    let tenant = tenants[tenant_of(*collection)];
                    let (place, id) = (collections[*collection], documents[*document]);
                    put(&index, tenant, place, id, "x", &[&text(words)]);
                    written.insert(*document, (*collection, words.clone()));
                }
                Step::Delete { document } => {
                    index.delete_documents(&[documents[*document]]).unwrap();
                    written.remove(document);
                }
                Step::DeleteCollection { collection } => {
                    index.delete_collection(collections[*collection]).unwrap();
                    written.retain(|_, (place, _)| place != collection);
                }
                Step::Commit => index.commit().unwrap(),
            }
        }
        index.commit().unwrap();
        for asked in &questions {
            let readable: Vec<_> = asked.readable.iter().map(|&place| collections[place]).collect();
            let only: Option<Vec<_>> =
                asked.documents.as_ref().map(|ids| ids.iter().map(|&id| documents[id]).collect());
            let hits = index.search(&Query {
                text: &text(&asked.words),
                tenant: tenants[asked.tenant],
                readable: &readable,
                documents: only.as_deref(),
                limit: 100,
            }).unwrap();
            let mut found: Vec<usize> = Vec::new();
            for hit in &hits {
                let document = documents.iter().position(|id| *id == hit.document).unwrap();
                let (collection, _) = written.get(&document).expect("a hit of a deleted document");
                prop_assert_eq!(hit.collection, collections[*collection]);
                prop_assert_eq!(tenant_of(*collection), asked.tenant);
                prop_assert!(asked.readable.contains(collection));
                prop_assert!(asked.documents.as_ref().is_none_or(|ids| ids.contains(&document)));
                found.push(document);
            }
            // And nothing is withheld: every readable document with a word asked for is there.
            let content = asked.words.iter().filter(|&&word| WORDS[word] != "der").count();
            for (document, (collection, words)) in &written {
                let may = tenant_of(*collection) == asked.tenant
                    && asked.readable.contains(collection)
                    && asked.documents.as_ref().is_none_or(|ids| ids.contains(document));
                let shares = asked.words.iter().any(|word| {
                    words.contains(word) && (content == 0 || WORDS[*word] != "der")
                });
                prop_assert!(!(may && shares) || found.contains(document));
            }
        }
    }
}
