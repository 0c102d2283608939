//! What an engine asks its host to do.

/// Work for the host. Report back with [`crate::Engine::ack`] or [`crate::Engine::fail`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Effect {
    /// Make these operations durable, in order.
    Persist {
        /// Number of the batch, growing. Everything handed out with a smaller or the same ticket is in it or before.
        ticket: u64,
        /// What to write.
        operations: Vec<StorageOperation>,
    },
}

/// One step of a batch for storage.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum StorageOperation {
    /// Add bytes to the end of an object; make it if it is not there.
    Append {
        /// Name of the object.
        key: String,
        /// What to add.
        bytes: Vec<u8>,
    },
    /// Write an object as a whole, atomically.
    Put {
        /// Name of the object.
        key: String,
        /// Its content.
        bytes: Vec<u8>,
    },
    /// Remove an object, if it is there.
    Remove {
        /// Name of the object.
        key: String,
    },
}
