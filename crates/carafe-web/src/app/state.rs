//! The values that were given to an app, by type.

use std::any::{Any, TypeId, type_name};
use std::collections::HashMap;
use std::fmt;

/// One value per type.
#[derive(Default)]
pub(crate) struct States {
    values: HashMap<TypeId, (Box<dyn Any + Send + Sync>, &'static str)>,
}

impl States {
    pub(crate) fn insert<T: Clone + Send + Sync + 'static>(&mut self, value: T) {
        self.values.insert(TypeId::of::<T>(), (Box::new(value), type_name::<T>()));
    }

    pub(crate) fn has(&self, id: TypeId) -> bool {
        self.values.contains_key(&id)
    }

    pub(crate) fn get<T: Clone + 'static>(&self) -> Option<T> {
        self.values.get(&TypeId::of::<T>())?.0.downcast_ref().cloned()
    }
}

impl fmt::Debug for States {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_set().entries(self.values.values().map(|(_, name)| name)).finish()
    }
}
