//! Collections: documents under one set of rights.

use domain::{Action, CollectionId, DataClass, Resource, Visibility};
use store::{Collection, CollectionChange, NewCollection, ObjectKind, Page};

use crate::{App, Error, Part, Principal, Result, naming::checked_name};

impl App {
    /// Lists the collections that the principal may read: their own default one first, then by name.
    ///
    /// # Errors
    /// If the API key lacks the scope, or there is no such part.
    pub async fn list_collections(
        &self,
        principal: &Principal,
        part: &Part,
    ) -> Result<Page<Collection>> {
        let own = own_collection(principal);
        domain::authorise(principal, Action::ReadCollection, &own)?;
        Ok(self.store.readable_collections(principal, part.after(), part.limit()?).await?)
    }

    /// Makes a collection.
    ///
    /// # Errors
    /// If a field is wrong, or the principal does not belong to the unit that shall read it.
    pub async fn create_collection(
        &self,
        principal: &Principal,
        mut new: NewCollection,
    ) -> Result<Collection> {
        let tenant = Resource::Tenant(principal.tenant);
        domain::authorise(principal, Action::CreateCollection, &tenant)?;
        new.name = checked_name(&new.name, "name")?;
        check_unit(principal, new.visibility)?;
        Ok(self.store.create_collection(principal, &new).await?)
    }

    /// Returns a collection.
    ///
    /// # Errors
    /// If the principal may not read it.
    pub async fn get_collection(
        &self,
        principal: &Principal,
        id: CollectionId,
    ) -> Result<Collection> {
        self.collection(principal, id, Action::ReadCollection).await
    }

    /// Changes a collection. Its class can rise, but not fall while documents lie in it: somebody
    /// put them there trusting in it.
    ///
    /// # Errors
    /// If it is not the principal's own, or a field is wrong.
    pub async fn update_collection(
        &self,
        principal: &Principal,
        id: CollectionId,
        mut change: CollectionChange,
    ) -> Result<Collection> {
        let collection = self.collection(principal, id, Action::WriteCollection).await?;
        if let Some(name) = &change.name {
            change.name = Some(checked_name(name, "name")?);
        }
        if let Some(visibility) = change.visibility {
            check_unit(principal, visibility)?;
            if collection.is_default && visibility != Visibility::Private {
                return Err(Error::new(domain::ErrorKind::Conflict, "default_collection_kept"));
            }
        }
        let lowered =
            change.data_class.is_some_and(|class: DataClass| class < collection.data_class);
        if lowered && collection.documents > 0 {
            return Err(Error::new(domain::ErrorKind::Conflict, "class_lowered_not_allowed"));
        }
        Ok(self.store.change_collection(principal, id, &change).await?)
    }

    /// Deletes a collection with all its documents.
    ///
    /// # Errors
    /// If it is not the principal's own, or is their default collection.
    pub async fn delete_collection(&self, principal: &Principal, id: CollectionId) -> Result<()> {
        self.collection(principal, id, Action::WriteCollection).await?;
        Ok(self.store.delete_collection(principal, id, &self.blobs).await?)
    }

    /// Reads a collection as the principal and checks that they may do `action` to it.
    pub(crate) async fn collection(
        &self,
        principal: &Principal,
        id: CollectionId,
        action: Action,
    ) -> Result<Collection> {
        let kind = ObjectKind::Collection;
        let found = self.store.collection_for(principal, id).await;
        let collection = self.found(principal, kind, id, found).await?;
        let verdict = domain::authorise(principal, action, &collection.resource());
        self.allowed(principal, kind, id, verdict).await?;
        Ok(collection)
    }
}

/// Any collection of the principal's own, to ask what their credential covers before reading.
pub(crate) fn own_collection(principal: &Principal) -> Resource {
    Resource::Collection {
        tenant: principal.tenant,
        owner: principal.user,
        visibility: Visibility::Private,
    }
}

fn check_unit(principal: &Principal, visibility: Visibility) -> Result<()> {
    match visibility {
        Visibility::Unit(unit) if !principal.units.contains(&unit) => {
            Err(Error::invalid("unit_foreign").in_field("visibility"))
        }
        _ => Ok(()),
    }
}
